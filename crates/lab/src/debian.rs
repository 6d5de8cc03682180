//! Programs that are not in a registry of a language: Debian's packages.

use crate::process::run;
use crate::tools::target;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

/// A program of the package of its name, installed where it is missing and this process may.
///
/// # Errors
/// With how to install it, where it cannot be.
pub fn program(name: &str) -> Result<PathBuf, String> {
    program_of(name, name)
}

/// The same of a package of another name.
///
/// # Errors
/// As [`program`].
pub fn program_of(package: &str, name: &str) -> Result<PathBuf, String> {
    let found = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    };
    if let Some(file) = found() {
        return Ok(file);
    }
    install(&[package])?;
    found().ok_or_else(|| format!("the package {package} brings no program {name}"))
}

/// Installs packages, where this process may. Processes that call this at the same time wait for each other.
///
/// # Errors
/// With what to install by hand, and the output of apt-get.
pub fn install(packages: &[&str]) -> Result<(), String> {
    let lock = target().join("debian.lock");
    let io = |error: std::io::Error| format!("{}: {error}", lock.display());
    fs::create_dir_all(target()).map_err(io)?;
    let lock = File::create(&lock).map_err(io)?;
    lock.lock().map_err(|error| error.to_string())?;
    let names = packages.join(" ");
    println!("installing {names}, once ...");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            // A server that a package brings is ours to start, not its own.
            .envs([("DEBIAN_FRONTEND", "noninteractive"), ("RUNLEVEL", "1")])
            .args(["-qq", "-y"])
            .args(arguments);
        run(&mut command).map(drop)
    };
    let install = [&["install", "--no-install-recommends"], packages].concat();
    apt(&install)
        .or_else(|_| apt(&["update"]).and_then(|()| apt(&install)))
        .map_err(|error| format!("needed: {names} (apt-get install {names}): {error}"))
}
