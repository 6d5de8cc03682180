//! Issuers and services of every mood.

use super::policy::HOLD_SECONDS;
use lab::server::{Answer, Received, Server};
use lab::tools::ensure_venv;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How the services answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    Slow,
    Hang,
    Big,
}

/// A server that answers once it is let.
pub(super) struct Gated {
    pub(super) server: Server,
    gate: Arc<AtomicBool>,
}

impl Gated {
    /// Answers with this status and body.
    pub(super) fn start(open: bool, status: u16, body: String) -> Result<Self, String> {
        let gate = Arc::new(AtomicBool::new(open));
        let held = Arc::clone(&gate);
        let server = Server::start(move |_| {
            let start = Instant::now();
            while !held.load(Ordering::Relaxed) && start.elapsed() < Duration::from_secs(30) {
                thread::sleep(Duration::from_millis(2));
            }
            Some(Answer::new(status, "application/json", body.clone()))
        })?;
        Ok(Self { server, gate })
    }

    /// Lets answers go, or holds them back.
    pub(super) fn set_open(&self, open: bool) {
        self.gate.store(open, Ordering::Relaxed);
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.server.addr())
    }
}

/// The name of a group.
pub(super) fn group(number: usize) -> String {
    format!("/organisation/department/group-with-a-long-name-{number:06}")
}

/// What the directory, the introspection endpoint and the upstream answer.
pub(super) fn services(mood: Arc<Mutex<Mood>>) -> Result<Server, String> {
    // A form of 256 KiB at the most, of which the filter reads hardly anything.
    // Written once: a laboratory that serialises it each time costs more than the filter that reads it.
    let groups: Vec<String> = (0..4500).map(group).collect();
    let groups = json!(groups).to_string();
    Server::start(move |request: &Received| {
        let held = *mood.lock().unwrap();
        let small = || match request.target.as_str() {
            "/introspect" => Answer::json(200, &json!({ "active": false })),
            _ => Answer::json(200, &json!({ "permissions": ["orders.write"] })),
        };
        Some(match held {
            Mood::Well => small(),
            Mood::Slow => {
                thread::sleep(Duration::from_millis(300));
                small()
            }
            Mood::Hang => {
                // Longer than anybody waits for it.
                thread::sleep(Duration::from_secs(HOLD_SECONDS + 2));
                small()
            }
            Mood::Big => {
                // Another answer each time, as other subjects have.
                let subject = super::strangers::unique("subject");
                let body = format!(
                    r#"{{"active":true,"sub":"{subject}","permissions":["orders.write"],"groups":{groups}}}"#
                );
                Answer::new(200, "application/json", body)
            }
        })
    })
}

/// Key sets at the bounds of what the filter takes, each of an issuer that waits until it is let.
pub(super) fn key_sets() -> Result<Vec<(String, Gated)>, String> {
    const MAKER: &str = include_str!("../../../../tests/bench/keysets.py");
    let made = ensure_venv()?.script(MAKER, &[])?;
    let made: Value = serde_json::from_str(&made).map_err(|error| error.to_string())?;
    let titles = [
        ("rsa", "256 RSA keys"),
        ("wide", "180 RSA keys of 8192 bits"),
        ("other", "1 RSA key and 255 of P-521 for another algorithm"),
        ("p521", "256 keys of P-521"),
    ];
    let gated = |(name, title): &(&str, &str)| {
        let body = json!({ "keys": made[*name] }).to_string();
        Ok(((*title).to_owned(), Gated::start(false, 200, body)?))
    };
    titles.iter().map(gated).collect()
}
