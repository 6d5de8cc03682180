//! A service of others that fails in every way.

use super::schedule::Fault;
use lab::server::{Answer, Received, Server};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How slow a slow answer is: within every timeout.
const SLOW: Duration = Duration::from_millis(400);
/// More than the filter reads of an answer.
const HUGE: usize = 300 * 1024;

/// A running service.
pub(super) struct Service {
    server: Server,
    mood: Arc<Mutex<Option<Fault>>>,
}

impl Service {
    /// Starts on a free port. `answer` is told whether it shall lie.
    pub(super) fn start(
        answer: impl Fn(&Received, bool) -> Answer + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let mood: Arc<Mutex<Option<Fault>>> = Arc::default();
        let held = Arc::clone(&mood);
        let server = Server::start(move |request| {
            let mood = *held.lock().unwrap();
            Some(match mood {
                Some(Fault::Hang) => return None,
                Some(Fault::Unavailable) => Answer::text(503, "away"),
                Some(Fault::Garbage) => Answer::new(200, "application/json", *b"{\"\xff\": [[[["),
                Some(Fault::Huge) => Answer::json(200, &json!({ "padding": "x".repeat(HUGE) })),
                Some(Fault::Slow) => {
                    thread::sleep(SLOW);
                    answer(request, false)
                }
                mood => answer(request, mood == Some(Fault::Lie)),
            })
        })?;
        Ok(Self { server, mood })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Begins to fail.
    pub(super) fn fail(&self, fault: Fault) {
        if fault == Fault::Down {
            self.server.down();
        } else {
            *self.mood.lock().unwrap() = Some(fault);
        }
    }

    /// Is well again.
    pub(super) fn recover(&self) -> Result<(), String> {
        *self.mood.lock().unwrap() = None;
        self.server.up()
    }
}
