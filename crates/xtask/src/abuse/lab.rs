//! The Envoy that strangers are let loose on, with an issuer and services of every mood.

use super::checks::{Checks, Invariant};
use super::moods::{Gated, Mood, key_sets, services};
use super::pipe::Pipe;
use super::policy::{self, Addresses, ISSUER, ORIGIN};
use lab::client::Request;
use lab::envoy::{Envoy, EnvoyConfig, Filter};
use lab::issuer::{Issuer, SigningKey, jwks};
use lab::load::{self, BOUND, Callers, KNOWN, OPEN};
use lab::server::Server;
use lab::tools::wasm;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long Envoy may take to have done with what it was sent.
const SETTLED: Duration = Duration::from_secs(10);
/// How long a living filter may take to say so, on a machine that has other things to do.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How often that is looked at.
const BEAT: Duration = Duration::from_millis(100);
/// A key whose private half nobody has kept.
const P384: [&str; 2] = [
    "o7STzB1oV4kzmXEvfwVLGkaboLmAsgCAtmTTsLQLS46HBrE84WVu6fCW3aQrQuHB",
    "V-vWwDMj_E2ESoY0c_tkFCFHIa43u9i0UaoY9eXZhXCyD7YsodVCTwtWgFqWxPtT",
];

/// What is planted so that an invariant must fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Callers who come for the first time are refused.
    NoNewcomers,
    /// The protected path is open.
    OpenRule,
    /// The module traps in every request with a body, and Envoy does not bring it back.
    Trap,
    /// Envoy buffers whatever a slow reader leaves.
    WideBuffers,
}

/// What a laboratory is to have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    pub(super) fault: Option<Fault>,
    /// Whether issuers with large key sets are there.
    pub(super) sets: bool,
    /// Whether the late issuer has its keys at the start, or waits and fails.
    pub(super) late_fails: bool,
}

pub(super) struct Lab {
    pub(super) envoy: Envoy,
    pub(super) callers: Arc<Callers>,
    pub(super) late: Gated,
    /// Issuers with key sets as large as the filter takes.
    pub(super) sets: Vec<(String, Gated)>,
    mood: Arc<Mutex<Mood>>,
    /// How many VMs had ended, and how much had been logged, when that was last looked at.
    seen: Mutex<(u64, usize)>,
    _services: Server,
    _issuer: Issuer,
    _pipe: Pipe,
}

impl Lab {
    /// Starts everything and sends the first requests.
    ///
    /// # Errors
    /// When something does not start, or an honest caller is refused.
    pub(super) fn start(plan: Plan) -> Result<Self, String> {
        let (key, rsa) = (SigningKey::es256("es"), SigningKey::rs256("rs"));
        let mut keys = jwks(&[&key, &rsa]);
        if let Some(keys) = keys["keys"].as_array_mut() {
            let [x, y] = P384;
            keys.push(
                json!({ "kty": "EC", "crv": "P-384", "x": x, "y": y, "kid": "p384", "use": "sig" }),
            );
        }
        let issuer = Issuer::start(&[])?;
        issuer.set_body(keys.to_string());
        let late_status = if plan.late_fails { 500 } else { 200 };
        let late = Gated::start(!plan.late_fails, late_status, keys.to_string())?;
        let sets = if plan.sets { key_sets()? } else { Vec::new() };
        let mood = Arc::new(Mutex::new(Mood::Well));
        let services = services(Arc::clone(&mood))?;
        let pipe = Pipe::start()?;
        let addresses = Addresses {
            idp: issuer.url(),
            late: late.url(),
            sets: sets.iter().map(|(_, set)| set.url()).collect(),
        };
        let filter = Filter::json(policy::policy(&addresses, plan.fault));
        let module = match plan.fault {
            Some(Fault::Trap) => lab::trap::trapping_in("proxy_on_request_body")?,
            _ => wasm()?,
        };
        let mut config = EnvoyConfig::new(module, filter)
            .upstream(services.addr())
            .cluster("idp", issuer.addr())
            .cluster("late", late.server.addr())
            .cluster("svc", services.addr())
            .cluster("pipe", pipe.addr())
            .edit(move |bootstrap| edit(bootstrap, plan.fault));
        for (number, (_, set)) in sets.iter().enumerate() {
            config = config.cluster(&format!("set_{number}"), set.server.addr());
        }
        let claims = json!({ "iss": ISSUER, "aud": "orders" });
        let lab = Self {
            envoy: config.start()?,
            callers: Arc::new(Callers::new(key, claims, ORIGIN)),
            late,
            sets,
            mood,
            seen: Mutex::default(),
            _services: services,
            _issuer: issuer,
            _pipe: pipe,
        };
        lab.greet()?;
        Ok(lab)
    }

    /// Waits until Envoy has done with what it was sent before.
    ///
    /// # Errors
    /// When Envoy is gone.
    pub(super) fn settle(&self) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < SETTLED {
            let before = load::usage(self.envoy.id())?;
            thread::sleep(BEAT);
            let after = load::usage(self.envoy.id())?;
            // Neither at work, nor waiting for a core to work on.
            let wanted = (after.cpu + after.starved).saturating_sub(before.cpu + before.starved);
            if wanted < BEAT / 5 {
                break;
            }
        }
        Ok(())
    }

    /// Sets how the services answer from now on.
    pub(super) fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The request of an honest caller who has a password, always from the same address: from new ones its hash would be
    /// one of those that the strangers use the time of up, which is refused by design.
    pub(super) fn password() -> Request {
        Request::get("/password")
            .header("authorization", "Basic YWxpY2U6cGFzc3dvcmQ=")
            .header("x-forwarded-for", "192.0.2.7")
    }

    /// One request of each kind, until it passes: keys are fetched by the first.
    fn greet(&self) -> Result<(), String> {
        let requests = [
            self.callers.request(OPEN, "/public"),
            self.callers.request(KNOWN, "/api"),
            self.callers.request(BOUND, "/api"),
            Self::password(),
        ];
        for request in requests {
            let answer = request.send(self.envoy.addr())?;
            if answer.status != 200 {
                return Err(format!(
                    "an honest caller was refused before anybody else came: {} {}\n{}",
                    answer.status,
                    answer.text(),
                    self.envoy.log()
                ));
            }
        }
        Ok(())
    }

    /// Whether the filter still does what it is there for, in a VM that never ended.
    pub(super) fn check_alive(&self, row: &str, checks: &mut Checks) {
        let mut wrong = Vec::new();
        for (kind, path, status) in [
            (OPEN, "/public", 200),
            (KNOWN, "/api", 200),
            ("", "/api", 401),
        ] {
            let request = self.callers.request(kind, path).timeout(ANSWER_TIMEOUT);
            match request.send(self.envoy.addr()) {
                Ok(answer) if answer.status == status => {}
                Ok(answer) => wrong.push(format!("{path}: {}, not {status}", answer.status)),
                Err(error) => wrong.push(error),
            }
        }
        let (ended_before, read) = *self.seen.lock().unwrap();
        let ended = match self.ended_vms() {
            Err(error) => {
                wrong.push(error);
                ended_before
            }
            Ok(ended) => ended,
        };
        if ended > ended_before {
            wrong.push(format!("{} VMs were made again", ended - ended_before));
        }
        let log = self.envoy.log();
        let said = log.get(read..).unwrap_or_default();
        for sign in ["in-VM", "[critical]", "panicked", "VM failed", "Uncaught"] {
            if let Some(line) = said.lines().find(|line| line.contains(sign)) {
                wrong.push(format!("the log says: {line}"));
            }
        }
        *self.seen.lock().unwrap() = (ended, log.len());
        let wrong = (!wrong.is_empty()).then(|| format!("{row}: {}", wrong.join("; ")));
        checks.note(Invariant::Alive, 5, wrong);
    }

    /// How many VMs ended so far, by Envoy's statistics.
    fn ended_vms(&self) -> Result<u64, String> {
        let stats = self.envoy.admin_get("/stats?filter=^wasm")?;
        let value = |wanted: &str| {
            let mut pairs = stats.lines().filter_map(|line| line.split_once(": "));
            let found = pairs.find(|(name, _)| *name == wanted);
            found
                .and_then(|(_, value)| value.parse::<u64>().ok())
                .unwrap_or(0)
        };
        if value("wasm.envoy.wasm.runtime.v8.active") == 0 {
            return Err("no VM is active".into());
        }
        Ok(value("wasm.auth_filter.vm_reload_success")
            + value("wasm.auth_filter.vm_reload_failure"))
    }
}

/// Answers come from Envoy itself, but for large ones; nothing is logged of requests; a module that ends comes back.
fn edit(bootstrap: &mut Value, fault: Option<Fault>) {
    let listener = &mut bootstrap["static_resources"]["listeners"][0];
    if fault == Some(Fault::WideBuffers) {
        listener["per_connection_buffer_limit_bytes"] = json!(1 << 30);
    }
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    manager["access_log"] = json!([]);
    let policy = if fault == Some(Fault::Trap) {
        "FAIL_CLOSED"
    } else {
        "FAIL_RELOAD"
    };
    manager["http_filters"][0]["typed_config"]["config"]["failure_policy"] = json!(policy);
    manager["route_config"]["virtual_hosts"][0]["routes"] = json!([
        { "match": { "prefix": "/public/big" }, "route": { "cluster": "pipe", "timeout": "0s" } },
        { "match": { "prefix": "/public/up" }, "route": { "cluster": "upstream", "timeout": "0s" } },
        { "match": { "prefix": "" }, "direct_response": { "status": 200 } },
    ]);
    if fault == Some(Fault::WideBuffers) {
        let clusters = bootstrap["static_resources"]["clusters"].as_array_mut();
        for cluster in clusters.into_iter().flatten() {
            cluster["per_connection_buffer_limit_bytes"] = json!(1 << 30);
        }
    }
}
