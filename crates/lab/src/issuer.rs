//! An identity provider whose every mood is under control: keys, garbage, delay, silence, absence.

mod key;

pub use key::{SigningKey, unix_now};

use crate::server::{Answer, Received, Server};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where the keys are served unless told otherwise.
pub const JWKS_PATH: &str = "/jwks.json";

struct State {
    path: String,
    status: u16,
    body: Vec<u8>,
    etag: Option<String>,
    delay: Duration,
    hang: bool,
    fetches: usize,
    documents: BTreeMap<String, Value>,
}

impl State {
    fn keys_for(&self, request: &Received) -> Answer {
        let answer = Answer::new(self.status, "application/json", self.body.clone());
        match &self.etag {
            None => answer,
            Some(tag) if request.header("if-none-match").as_ref() == Some(tag) => {
                Answer::new(304, "application/json", "").header("etag", tag)
            }
            Some(tag) => answer.header("etag", tag),
        }
    }
}

/// A running issuer; it stops when dropped.
pub struct Issuer {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl Issuer {
    /// Starts on a free port and serves the public halves of these keys.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(keys: &[&SigningKey]) -> Result<Self, String> {
        let state = Arc::new(Mutex::new(State {
            path: JWKS_PATH.into(),
            status: 200,
            body: jwks(keys).to_string().into_bytes(),
            etag: None,
            delay: Duration::ZERO,
            hang: false,
            fetches: 0,
            documents: BTreeMap::new(),
        }));
        let server = Server::start({
            let state = Arc::clone(&state);
            move |request| {
                let path = request.target.split('?').next().unwrap_or_default();
                let (answer, delay) = {
                    let mut state = state.lock().unwrap();
                    let answer = if path == state.path {
                        state.fetches += 1;
                        state.keys_for(request)
                    } else if let Some(document) = state.documents.get(path) {
                        Answer::json(200, document)
                    } else {
                        Answer::text(404, "no such document")
                    };
                    ((!state.hang).then_some(answer), state.delay)
                };
                std::thread::sleep(delay);
                answer
            }
        })?;
        Ok(Self { server, state })
    }

    /// Where it listens (and would listen again after [`Issuer::down`]).
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// `http://127.0.0.1:{port}`: an issuer name, and the base of its addresses.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// How often the keys were asked for.
    pub fn fetches(&self) -> usize {
        self.state.lock().unwrap().fetches
    }

    /// All requests that arrived, oldest first.
    pub fn requests(&self) -> Vec<Received> {
        self.server.requests()
    }

    /// Moves the keys to another path.
    pub fn set_path(&self, path: &str) {
        self.state.lock().unwrap().path = path.into();
    }

    /// Rotates: from now on these keys are served.
    pub fn set_keys(&self, keys: &[&SigningKey]) {
        self.set_body(jwks(keys).to_string());
    }

    /// Serves these bytes in place of a key set.
    pub fn set_body(&self, body: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().body = body.into();
    }

    /// Answers requests for the keys with this status.
    pub fn set_status(&self, status: u16) {
        self.state.lock().unwrap().status = status;
    }

    /// Gives the keys an entity tag: whoever names it is told that they are the same.
    pub fn set_etag(&self, tag: &str) {
        self.state.lock().unwrap().etag = Some(tag.into());
    }

    /// Waits this long before every answer.
    pub fn set_delay(&self, delay: Duration) {
        self.state.lock().unwrap().delay = delay;
    }

    /// Accepts connections and requests, and never answers those that arrive while it hangs.
    pub fn set_hang(&self, hang: bool) {
        self.state.lock().unwrap().hang = hang;
    }

    /// Serves one more JSON document, for example the OpenID configuration.
    pub fn serve(&self, path: &str, document: Value) {
        let mut state = self.state.lock().unwrap();
        state.documents.insert(path.into(), document);
    }

    /// Refuses connections.
    pub fn down(&self) {
        self.server.down();
    }

    /// Comes back on the same port.
    ///
    /// # Errors
    /// When somebody else took the port meanwhile.
    pub fn up(&self) -> Result<(), String> {
        self.server.up()
    }
}

/// The key set with the public halves of these keys.
pub fn jwks(keys: &[&SigningKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Request;

    #[test]
    fn goes_down_and_comes_back_on_the_same_port() {
        let issuer = Issuer::start(&[&SigningKey::es256("a")]).unwrap();
        let fetch = || Request::get(JWKS_PATH).send(issuer.addr());
        assert_eq!(
            fetch().unwrap().json().unwrap()["keys"][0]["kid"],
            json!("a")
        );
        issuer.down();
        assert!(fetch().is_err());
        issuer.up().unwrap();
        issuer.set_keys(&[&SigningKey::es256("b")]);
        assert_eq!(
            fetch().unwrap().json().unwrap()["keys"][0]["kid"],
            json!("b")
        );
        assert_eq!(issuer.fetches(), 2);
    }

    #[test]
    fn fails_in_every_way_it_is_told_to() {
        let issuer = Issuer::start(&[]).unwrap();
        let fetch = || {
            Request::get(JWKS_PATH)
                .timeout(Duration::from_millis(200))
                .send(issuer.addr())
        };
        issuer.set_status(500);
        issuer.set_body(*b"\xff not json");
        let answer = fetch().unwrap();
        assert_eq!((answer.status, answer.body[0]), (500, 0xff));
        issuer.set_hang(true);
        assert!(fetch().is_err());
        issuer.set_hang(false);
        assert!(fetch().is_ok());
        issuer.set_delay(Duration::from_millis(400));
        assert!(fetch().is_err());
    }
}
