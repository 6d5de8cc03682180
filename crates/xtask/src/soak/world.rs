//! The filter's world: Envoy with the module, an application, issuers and services.

use super::Planted;
use super::issuer::{Issuer, Kind};
use super::ledger::{Invariant, Ledger};
use super::policy::{self, Issuers};
use super::schedule::{Fault, Target};
use super::service::Service;
use super::services::{self, Revoked};
use super::weather::Weather;
use lab::client::Request;
use lab::echo;
use lab::envoy::{Envoy, EnvoyConfig, Filter};
use lab::server::{Answer, Received, Server};
use lab::trap;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The callback at which the module traps: no honest request has trailers.
const TRAP: &str = "proxy_on_request_trailers";
/// How long Envoy may take until it serves, on a machine that has other work too.
const STARTS: Duration = Duration::from_secs(90);
/// How long after a token of an unknown key came its issuer may be asked for that key.
const SEEKS: Duration = Duration::from_secs(5);
/// For how long a stall of the machine is felt: a callout that timed out meanwhile is repeated after that.
const STALL_FELT: Duration = Duration::from_secs(2);
/// How many workers Envoy has.
pub(super) const WORKERS: u32 = 2;
/// Marks requests that must not get through.
pub(super) const HOSTILE: &str = "hostile";
/// Once in so many answers the planted application takes one caller for another.
const CONFUSED: usize = 200;

/// Envoy's process while it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) id: u32,
    pub(super) since: Instant,
}

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) planted: Planted,
    pub(super) ledger: Arc<Ledger>,
    pub(super) weather: Weather,
    pub(super) issuers: Issuers,
    pub(super) revoked: Revoked,
    /// Where Envoy listens.
    pub(super) addrs: Vec<SocketAddr>,
    /// None while it is away.
    pub(super) process: Mutex<Option<Process>>,
    envoy: Mutex<Envoy>,
    configurations: AtomicUsize,
    /// Whether the configuration that was written last is valid.
    startable: AtomicBool,
    directory: Service,
    introspection: Service,
    decision: Service,
    verifier: Service,
    /// When a token of a withdrawn key was sent last.
    sought: Mutex<Option<Instant>>,
    over: AtomicBool,
    _application: Server,
}

impl World {
    /// Starts everything.
    ///
    /// # Errors
    /// When something does not start.
    pub(super) fn start(seed: u64, planted: Planted) -> Result<Self, String> {
        let ledger = Arc::new(Ledger::new());
        let issuers = Issuers {
            es: Issuer::start(Kind::Es)?,
            ed: Issuer::start(Kind::Ed)?,
            rs: Issuer::start(Kind::Rs)?,
        };
        let revoked = Revoked::default();
        let directory = services::directory()?;
        let introspection = services::introspection(planted, &revoked)?;
        let (decision, verifier) = (services::decision()?, services::verifier()?);
        let application = application(planted, &ledger)?;
        let filter = Filter::json(policy::policy(&issuers, planted, 0));
        let envoy = EnvoyConfig::new(trap::trapping_in(TRAP)?, filter.clone())
            .and_listener(filter)
            .upstream(application.addr())
            .cluster("es", issuers.es.addr())
            .cluster("ed", issuers.ed.addr())
            .cluster("rs", issuers.rs.addr())
            .cluster("people", directory.addr())
            .cluster("introspection", introspection.addr())
            .cluster("pdp", decision.addr())
            .cluster("verifier", verifier.addr())
            .concurrency(WORKERS)
            .trailers()
            .reloadable()
            .shifted_clock(0)
            // Old listeners end at once: what they keep is none of the filter's.
            .arguments(&["--drain-time-s", "1", "--drain-strategy", "immediate"])
            .edit_plugins(move |index, plugin| edit_plugin(planted, index, plugin))
            .start()?;
        let process = Process {
            id: envoy.id(),
            since: Instant::now(),
        };
        ledger.begin();
        Ok(Self {
            seed,
            planted,
            ledger,
            weather: Weather::default(),
            issuers,
            revoked,
            addrs: envoy.addrs().to_vec(),
            process: Mutex::new(Some(process)),
            envoy: Mutex::new(envoy),
            configurations: AtomicUsize::new(0),
            startable: AtomicBool::new(true),
            directory,
            introspection,
            decision,
            verifier,
            sought: Mutex::new(None),
            over: AtomicBool::new(false),
            _application: application,
        })
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether neither these nor Envoy were disturbed at any moment of this time, and the machine had time for them.
    pub(super) fn was_calm(&self, needs: &[Target], from: Instant, to: Instant) -> bool {
        let everybodys = Target::ALL
            .into_iter()
            .filter(|target| target.is_everybodys());
        let all: Vec<_> = needs.iter().copied().chain(everybodys).collect();
        self.weather.was_calm(&all, from, to) && !self.stalled_before(from, to)
    }

    /// Whether the machine had no time for Envoy or its services then, or so shortly before that it is still felt.
    fn stalled_before(&self, from: Instant, to: Instant) -> bool {
        let felt = from.checked_sub(STALL_FELT).unwrap_or(from);
        !self.weather.stalls(felt, to).is_zero()
    }

    /// The same for so long until now.
    pub(super) fn is_calm_since(&self, needs: &[Target], time: Duration) -> bool {
        let now = Instant::now();
        now.checked_sub(time)
            .is_some_and(|from| self.was_calm(needs, from, now))
    }

    /// Somebody is about to use a key that the issuer of ES256 tokens has withdrawn.
    pub(super) fn will_seek_a_withdrawn_key(&self) {
        *self.sought.lock().unwrap() = Some(Instant::now());
    }

    /// Whether that issuer may have been asked for such a key after this time.
    pub(super) fn seeks_withdrawn_keys(&self, after: Instant) -> bool {
        let last = *self.sought.lock().unwrap();
        last.is_some_and(|last| last + SEEKS > after)
    }

    /// Disturbs a service of others, or has it be well again where there is no fault.
    ///
    /// # Errors
    /// When it does not come back on its port.
    pub(super) fn disturb(&self, target: Target, fault: Option<Fault>) -> Result<(), String> {
        let issuer = match target {
            Target::Es => Some(&self.issuers.es),
            Target::Ed => Some(&self.issuers.ed),
            Target::Rs => Some(&self.issuers.rs),
            _ => None,
        };
        if let Some(issuer) = issuer {
            return fault.map_or_else(
                || issuer.recover(),
                |fault| {
                    issuer.fail(fault);
                    Ok(())
                },
            );
        }
        let service = match target {
            Target::Directory => &self.directory,
            Target::Introspection => &self.introspection,
            Target::Decision => &self.decision,
            _ => &self.verifier,
        };
        fault.map_or_else(
            || service.recover(),
            |fault| {
                service.fail(fault);
                Ok(())
            },
        )
    }

    /// Gives the filter another configuration; whether it was taken.
    pub(super) fn reconfigure(&self, valid: bool) -> bool {
        let number = self.configurations.fetch_add(1, Ordering::Relaxed) + 1;
        let policy = if valid {
            policy::policy(&self.issuers, self.planted, number)
        } else {
            policy::refused(&self.issuers, number)
        };
        let mut envoy = self.envoy.lock().unwrap();
        let taken = envoy.update_filter(&Filter::json(policy)).is_ok();
        self.startable.store(taken, Ordering::Relaxed);
        taken
    }

    /// Kills Envoy and starts it again.
    ///
    /// # Errors
    /// With its log, when it does not come back.
    pub(super) fn restart(&self) -> Result<(), String> {
        // With a configuration that it refuses it would not serve at all, as it should.
        if !self.startable.load(Ordering::Relaxed) && !self.reconfigure(true) {
            return Err("Envoy does not take the configuration that it had".into());
        }
        *self.process.lock().unwrap() = None;
        let mut envoy = self.envoy.lock().unwrap();
        self.look_for_traps(&envoy);
        envoy.restart()?;
        // It is ready before its listeners are.
        let start = Instant::now();
        let open = Request::get("/public/page");
        while !self
            .addrs
            .iter()
            .all(|addr| open.send(*addr).is_ok_and(|answer| answer.status == 200))
        {
            if start.elapsed() > STARTS {
                return Err(format!(
                    "Envoy does not serve after {STARTS:?}:\n{}",
                    envoy.log()
                ));
            }
            thread::sleep(Duration::from_millis(100));
        }
        *self.process.lock().unwrap() = Some(Process {
            id: envoy.id(),
            since: Instant::now(),
        });
        Ok(())
    }

    /// Has Envoy's wall clock be wrong by so many seconds.
    ///
    /// # Errors
    /// When Envoy has no clock of its own.
    pub(super) fn shift_clock(&self, ahead: i64) -> Result<(), String> {
        self.envoy.lock().unwrap().shift_clock(ahead)
    }

    /// Looks at the log of the Envoy that runs: nothing traps but where it shall.
    pub(super) fn look_at_log(&self) {
        self.look_for_traps(&self.envoy.lock().unwrap());
    }

    fn look_for_traps(&self, envoy: &Envoy) {
        let log = envoy.log();
        let trapped = log.lines().find(|line| {
            line.contains("Uncaught") && !line.contains(TRAP) || line.contains("panicked")
        });
        self.ledger
            .check(Invariant::Recovery, trapped.is_none(), || {
                format!(
                    "the module traps by itself: {}",
                    trapped.unwrap_or_default()
                )
            });
    }
}

/// Answers with what it saw, and must never see a request that is marked as hostile.
fn application(planted: Planted, ledger: &Arc<Ledger>) -> Result<Server, String> {
    let (ledger, count) = (Arc::clone(ledger), AtomicUsize::new(0));
    let last = Mutex::new(String::new());
    Server::start(move |request| {
        let mark = request.header("x-mark").unwrap_or_default();
        let hostile = mark.starts_with(HOSTILE);
        ledger.check(Invariant::Pass, !hostile, || {
            format!("the application was sent {mark}: {}", request.target)
        });
        let mut said = echo::describe(request);
        let user = user_of(request);
        let before = std::mem::replace(&mut *last.lock().unwrap(), user.clone());
        let confused = count.fetch_add(1, Ordering::Relaxed) % CONFUSED == CONFUSED - 1;
        if planted == Some(Invariant::Identity) && confused {
            swap(&mut said, &user, &before);
        }
        Some(Answer::json(200, &said))
    })
}

fn user_of(request: &Received) -> String {
    request.header("x-auth-user-id").unwrap_or_default()
}

fn swap(said: &mut Value, user: &str, other: &str) {
    let headers = said["headers"].as_array_mut();
    for header in headers.into_iter().flatten() {
        if header[1] == user {
            header[1] = json!(other);
        }
    }
}

fn edit_plugin(planted: Planted, index: usize, plugin: &mut Value) {
    plugin["failure_policy"] = json!("FAIL_RELOAD");
    if planted == Some(Invariant::Fetch) {
        // Two VMs that share nothing.
        plugin["vm_config"]["vm_id"] = json!(format!("soak-{index}"));
    }
}
