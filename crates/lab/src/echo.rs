//! An upstream that answers with what it received.

use crate::server::{Answer, Received, Server};
use serde_json::json;
use std::net::SocketAddr;

/// The upstream: 200 with `{"method", "target", "headers": [[name, value], …], "body"}`.
///
/// Its count proves that a refused request never got through.
pub struct Echo(Server);

impl Echo {
    /// Starts on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start() -> Result<Self, String> {
        Server::start(|request| Some(Answer::json(200, &describe(request)))).map(Self)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.0.addr()
    }

    /// How many requests got through.
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// The requests that got through, oldest first.
    pub fn requests(&self) -> Vec<Received> {
        self.0.requests()
    }

    /// The request that got through last.
    pub fn last(&self) -> Option<Received> {
        self.0.requests().pop()
    }

    /// Forgets the requests so far.
    pub fn clear(&self) {
        self.0.clear();
    }
}

/// What the upstream says of a request.
pub fn describe(request: &Received) -> serde_json::Value {
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| json!([name, String::from_utf8_lossy(value)]))
        .collect();
    json!({
        "method": request.method,
        "target": request.target,
        "headers": headers,
        "body": String::from_utf8_lossy(&request.body),
    })
}
