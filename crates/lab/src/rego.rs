//! A policy decision point: a Rego engine (Microsoft's rego-cpp, by way of `regopy`) behind OPA's data API.

use crate::ports;
use crate::process::Guard;
use crate::tools::{ensure_venv, lab_dir};
use std::net::SocketAddr;
use std::process::Command;

const SERVER: &str = include_str!("rego.py");

/// A running decision point; it stops when dropped.
pub struct Rego {
    addr: SocketAddr,
    process: Guard,
}

impl Rego {
    /// Starts with this policy, a Rego module, and waits until it answers.
    ///
    /// # Errors
    /// When the Python environment cannot be made, or the server does not come up (with its log).
    pub fn start(policy: &str) -> Result<Self, String> {
        let (venv, addr) = (ensure_venv()?, ports::free()?);
        let mut command = Command::new(venv.bin("python"));
        command.args(["-c", SERVER, &addr.port().to_string(), policy]);
        let log = lab_dir("rego")?.join("rego.log");
        let process = Guard::start("rego", &command, &log)?;
        process.wait_until_served(addr, "/")?;
        Ok(Self { addr, process })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends it now.
    pub fn stop(&self) {
        self.process.stop();
    }
}
