//! Programs that are not in a registry of a language: Debian's packages.

use crate::process::run;
use std::path::PathBuf;
use std::process::Command;

/// A program of the package of its name, installed where it is missing and this process may.
///
/// # Errors
/// With how to install it, where it cannot be.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let found = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    };
    if let Some(file) = found() {
        return Ok(file);
    }
    println!("installing {name}, once ...");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-qq", "-y"])
            .args(arguments);
        run(&mut command).map(drop)
    };
    let installed = apt(&["install", "--no-install-recommends", name]).or_else(|_| {
        apt(&["update"]).and_then(|()| apt(&["install", "--no-install-recommends", name]))
    });
    match (installed, found()) {
        (Ok(()), Some(file)) => Ok(file),
        (Err(error), _) => Err(format!(
            "{name} is missing (apt-get install {name}): {error}"
        )),
        (Ok(()), None) => Err(format!("the package {name} brings no program {name}")),
    }
}
