//! Issuers whose keys rotate, and who remember when they were asked for them.

use super::schedule::Fault;
use super::service::Service;
use lab::issuer::{JWKS_PATH, SigningKey, jwks};
use lab::server::Answer;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Where the OpenID configuration is.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Es,
    Ed,
    Rs,
}

impl Kind {
    fn key(self, generation: usize) -> SigningKey {
        let kid = format!("{self:?}-{generation}");
        match self {
            Self::Es => SigningKey::es256(&kid),
            Self::Ed => SigningKey::eddsa(&kid),
            Self::Rs => SigningKey::rs256(&kid),
        }
    }

    /// Another key of the same name.
    fn imposter(self, kid: &str) -> SigningKey {
        match self {
            Self::Es => SigningKey::es256(kid),
            Self::Ed => SigningKey::eddsa(kid),
            Self::Rs => SigningKey::rs256_forger(kid),
        }
    }
}

struct State {
    kind: Kind,
    /// How many rotations there were.
    generation: usize,
    current: Arc<SigningKey>,
    previous: Option<Arc<SigningKey>>,
    withdrawn: Option<(Arc<SigningKey>, Instant)>,
    fetches: Vec<Instant>,
}

impl State {
    fn served(&self, lies: bool) -> Value {
        let keys = [Some(&self.current), self.previous.as_ref()];
        let keys: Vec<_> = keys.into_iter().flatten().collect();
        if lies {
            // The key that nobody has: a lie that let forgers in would be the issuer's own.
            let others: Vec<_> = keys
                .iter()
                .map(|key| SigningKey::es256(key.kid()))
                .collect();
            return jwks(&others.iter().collect::<Vec<_>>());
        }
        jwks(&keys.into_iter().map(AsRef::as_ref).collect::<Vec<_>>())
    }
}

pub(super) struct Issuer {
    service: Service,
    state: Arc<Mutex<State>>,
}

impl Issuer {
    pub(super) fn start(kind: Kind) -> Result<Self, String> {
        let state = Arc::new(Mutex::new(State {
            kind,
            generation: 0,
            current: Arc::new(kind.key(0)),
            previous: None,
            withdrawn: None,
            fetches: Vec::new(),
        }));
        let held = Arc::clone(&state);
        let service = Service::start(move |request, lies| {
            let mut state = held.lock().unwrap();
            if request.target == WELL_KNOWN {
                let host = request.header("host").unwrap_or_default();
                let keys = format!("http://{host}{JWKS_PATH}");
                let url = format!("http://{host}");
                return Answer::json(200, &json!({ "issuer": url, "jwks_uri": keys }));
            }
            state.fetches.push(Instant::now());
            Answer::json(200, &state.served(lies))
        })?;
        Ok(Self { service, state })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.service.addr()
    }

    /// Its name, and the base of its addresses.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// The key that it signs with now, and how many there were before.
    pub(super) fn key(&self) -> (Arc<SigningKey>, usize) {
        let state = self.state.lock().unwrap();
        (Arc::clone(&state.current), state.generation)
    }

    /// A key of the same name that is not its own.
    pub(super) fn imposter(&self) -> SigningKey {
        let state = self.state.lock().unwrap();
        state.kind.imposter(state.current.kid())
    }

    /// The key that was withdrawn last, and when.
    pub(super) fn withdrawn(&self) -> Option<(Arc<SigningKey>, Instant)> {
        self.state.lock().unwrap().withdrawn.clone()
    }

    /// The times of the fetches that were answered with keys since this was last asked.
    pub(super) fn take_fetches(&self) -> Vec<Instant> {
        std::mem::take(&mut self.state.lock().unwrap().fetches)
    }

    pub(super) fn fail(&self, fault: Fault) {
        if fault == Fault::Rotate {
            self.rotate();
        } else {
            self.service.fail(fault);
        }
    }

    pub(super) fn recover(&self) -> Result<(), String> {
        self.service.recover()
    }

    /// Signs with a new key from now on; the one before is served on, the one before that no more.
    fn rotate(&self) {
        let mut state = self.state.lock().unwrap();
        state.generation += 1;
        let next = Arc::new(state.kind.key(state.generation));
        let last = std::mem::replace(&mut state.current, next);
        let withdrawn = state.previous.replace(last);
        if let Some(key) = withdrawn {
            state.withdrawn = Some((key, Instant::now()));
        }
    }
}
