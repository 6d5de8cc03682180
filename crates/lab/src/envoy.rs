//! The real Envoy, with a bootstrap made for one experiment.

mod bootstrap;
pub mod resources;
mod wall_clock;

pub use bootstrap::{EnvoyConfig, Filter};

use self::wall_clock::WallClock;
use crate::client::Request;
use crate::process::Guard;
use crate::tools::{ensure_venv, lab_dir};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Compiling a module takes Envoy seconds, and longer on a busy machine.
const STARTUP: Duration = Duration::from_secs(90);

/// How long a change may take to show: an update of the listeners, a line in the access log.
const SETTLE: Duration = Duration::from_secs(30);

/// A running Envoy; it stops when dropped.
pub struct Envoy {
    process: Guard,
    command: Command,
    starts: usize,
    listeners: Vec<SocketAddr>,
    admin: SocketAddr,
    directory: PathBuf,
    reloadable: Option<EnvoyConfig>,
    clock: Option<WallClock>,
}

impl Envoy {
    /// Starts Envoy with a configuration given as text, YAML or JSON, that says where its
    /// listeners and its admin interface are.
    ///
    /// # Errors
    /// With Envoy's log, when it refuses the configuration or does not become ready.
    pub fn from_text(
        text: &str,
        listeners: Vec<SocketAddr>,
        admin: SocketAddr,
        concurrency: u32,
    ) -> Result<Self, String> {
        let directory = lab_dir("envoy")?;
        Self::start(
            text,
            &directory,
            listeners,
            admin,
            concurrency,
            None,
            (&[], &[]),
        )
    }

    fn start(
        text: &str,
        directory: &Path,
        listeners: Vec<SocketAddr>,
        admin: SocketAddr,
        concurrency: u32,
        clock: Option<WallClock>,
        (arguments, environment): (&[String], &[(String, String)]),
    ) -> Result<Self, String> {
        // Every JSON document is a YAML document.
        let path = directory.join("envoy.yaml");
        write(&path, text)?;
        let mut command = Command::new(ensure_venv()?.envoy()?);
        command
            .arg("--config-path")
            .arg(&path)
            .args(["--concurrency", &concurrency.to_string()])
            .args([
                "--log-level",
                "warning",
                "--component-log-level",
                "wasm:info",
            ])
            .args(["--file-flush-interval-msec", "50"])
            .args(["--disable-hot-restart", "--use-dynamic-base-id"])
            .args(arguments)
            .envs(environment.iter().cloned());
        if let Some(clock) = &clock {
            clock.preload(&mut command)?;
        }
        let process = Guard::start("envoy", &command, &directory.join("envoy.log"))?;
        let envoy = Self {
            process,
            command,
            starts: 1,
            listeners,
            admin,
            directory: directory.into(),
            reloadable: None,
            clock,
        };
        envoy.wait_until_ready()?;
        Ok(envoy)
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        self.process.wait_until(STARTUP, || {
            self.admin_get("/ready")
                .is_ok_and(|state| state.trim() == "LIVE")
        })
    }

    /// Ends Envoy now and starts it again on the same ports, with the listeners that it had last. Its log begins anew.
    ///
    /// # Errors
    /// With Envoy's log, when it does not become ready.
    pub fn restart(&mut self) -> Result<(), String> {
        self.process.stop();
        self.starts += 1;
        let log = self.directory.join(format!("envoy-{}.log", self.starts));
        self.process = Guard::start("envoy", &self.command, &log)?;
        self.wait_until_ready()
    }

    /// Where the first listener listens.
    pub fn addr(&self) -> SocketAddr {
        self.listeners[0]
    }

    /// Where every listener listens, in the order of the configuration.
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.listeners
    }

    /// Where the admin interface listens.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin
    }

    /// Gets a page of the admin interface, for example `/stats?filter=wasm`.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn admin_get(&self, path: &str) -> Result<String, String> {
        Request::get(path)
            .timeout(Duration::from_secs(10))
            .send(self.admin)
            .map(|answer| answer.text())
    }

    /// The value of a counter or gauge; 0 when Envoy does not know it (yet).
    ///
    /// # Errors
    /// When the admin interface does not answer.
    pub fn stat(&self, name: &str) -> Result<u64, String> {
        let all = self.admin_get("/stats")?;
        let line = all
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        Ok(line.and_then(|value| value.parse().ok()).unwrap_or(0))
    }

    /// The first listener's filter configuration as Envoy holds it, however it was delivered.
    ///
    /// # Errors
    /// When no Wasm filter is in place or its configuration is not JSON.
    pub fn filter_configuration(&self) -> Result<Value, String> {
        let dump: Value = serde_json::from_str(&self.admin_get("/config_dump")?)
            .map_err(|error| format!("the configuration dump: {error}"))?;
        let value =
            find(&dump, "configuration").ok_or("no Wasm filter in the dump")?["value"].clone();
        match value {
            Value::String(text) => {
                serde_json::from_str(&text).map_err(|error| format!("{text}: {error}"))
            }
            other => Ok(other),
        }
    }

    /// Replaces the filter configuration of every listener while Envoy runs. The configuration
    /// must have been made [`EnvoyConfig::reloadable`].
    ///
    /// # Errors
    /// With what Envoy logged since, when it refuses the update and keeps the old one.
    pub fn update_filter(&mut self, filter: &Filter) -> Result<(), String> {
        let mut config = self
            .reloadable
            .take()
            .ok_or("this Envoy is not reloadable")?;
        let logged = self.log().len();
        let (accepted, rejected) = (
            self.stat("listener_manager.lds.update_success")?,
            self.stat("listener_manager.lds.update_rejected")?,
        );
        config.set_filters(filter);
        config.write_listeners(&self.directory, &self.listeners)?;
        self.reloadable = Some(config);
        let start = Instant::now();
        while start.elapsed() < SETTLE {
            if self.stat("listener_manager.lds.update_rejected")? > rejected {
                return Err(self.log().split_off(logged));
            }
            if self.stat("listener_manager.lds.update_success")? > accepted {
                // Workers take the new listener over one after the other.
                thread::sleep(Duration::from_millis(300));
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!(
            "Envoy took no notice of the update:\n{}",
            self.log()
        ))
    }

    /// All that Envoy has logged so far, the filter's lines included.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until the log contains a text, and returns the log.
    ///
    /// # Errors
    /// With the log, when the text does not come.
    pub fn wait_for_log(&self, text: &str) -> Result<String, String> {
        wait_for(text, || self.log())
    }

    /// The access log so far: `METHOD PATH STATUS FLAGS DETAILS` a line, unless the configuration
    /// says otherwise. Empty for a configuration given as text.
    pub fn access_log(&self) -> String {
        fs::read_to_string(self.directory.join("access.log")).unwrap_or_default()
    }

    /// Waits until the access log contains a text, and returns the access log.
    ///
    /// # Errors
    /// With the access log, when the text does not come.
    pub fn wait_for_access_log(&self, text: &str) -> Result<String, String> {
        wait_for(text, || self.access_log())
    }

    /// Puts Envoy's wall clock, which was started by [`EnvoyConfig::shifted_clock`], so many seconds ahead of the
    /// machine's, or behind it where they are negative.
    ///
    /// # Errors
    /// When this Envoy lives by the machine's clock.
    pub fn shift_clock(&self, ahead: i64) -> Result<(), String> {
        let clock = self.clock.as_ref();
        clock
            .ok_or("this Envoy has no clock of its own")?
            .set(ahead)
    }

    /// Envoy's process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends Envoy now.
    pub fn stop(&self) {
        self.process.stop();
    }
}

fn wait_for(text: &str, read: impl Fn() -> String) -> Result<String, String> {
    let start = Instant::now();
    loop {
        let log = read();
        if log.contains(text) {
            return Ok(log);
        }
        if start.elapsed() > SETTLE {
            return Err(format!("`{text}` is not in the log:\n{log}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The first member of this name, at any depth.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members
            .get(name)
            .or_else(|| members.values().find_map(|member| find(member, name))),
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}

/// Writes a file in one step, as a watcher of the file should see it.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let draft = path.with_extension("draft");
    fs::write(&draft, text)
        .and_then(|()| fs::rename(&draft, path))
        .map_err(|error| format!("{}: {error}", path.display()))
}
