//! A policy decision point that speaks AuthZEN: Cerbos, by the binaries of its npm packages.

use crate::npm::installed;
use crate::ports;
use crate::process::Guard;
use crate::tools::lab_dir;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// A running decision point; it stops when dropped.
pub struct Cerbos {
    addr: SocketAddr,
    process: Guard,
}

impl Cerbos {
    /// Starts with these policies, YAML, and waits until it answers.
    ///
    /// # Errors
    /// When the packages cannot be had, or the server does not come up (with its log).
    pub fn start(policies: &[&str]) -> Result<Self, String> {
        let (folder, addr, grpc) = (lab_dir("cerbos")?, ports::free()?, ports::free()?);
        let store = folder.join("policies");
        let io = |error: std::io::Error| format!("{}: {error}", store.display());
        fs::create_dir_all(&store).map_err(io)?;
        for (index, policy) in policies.iter().enumerate() {
            fs::write(store.join(format!("{index}.yaml")), policy).map_err(io)?;
        }
        let mut command = Command::new(binary()?);
        command.arg("server");
        for setting in [
            format!("server.httpListenAddr={addr}"),
            format!("server.grpcListenAddr={grpc}"),
            "storage.driver=disk".to_owned(),
            format!("storage.disk.directory={}", store.display()),
            "telemetry.disabled=true".to_owned(),
        ] {
            command.arg(format!("--set={setting}"));
        }
        let process = Guard::start("cerbos", &command, &folder.join("cerbos.log"))?;
        process.wait_until_served(addr, "/_cerbos/health")?;
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

/// The binary of the package that is for this machine: npm installs no other.
fn binary() -> Result<PathBuf, String> {
    let scope = installed("cerbos")?.join("node_modules/@cerbos");
    let packages = fs::read_dir(&scope).map_err(|error| format!("{}: {error}", scope.display()))?;
    packages
        .filter_map(|package| {
            let package = package.ok()?;
            Some(package.path().join(package.file_name()))
        })
        .find(|binary| binary.is_file())
        .ok_or_else(|| format!("{}: no binary for this machine", scope.display()))
}
