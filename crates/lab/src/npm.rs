//! Programs from npm, each at the version of its committed lock file.

use crate::process::run;
use crate::tools::{node, target, workspace};
use std::fs::{self, File};
use std::path::PathBuf;

/// The folder `target/<name>` with the packages of `crates/lab/<name>` and the files beside their lists, made once.
///
/// # Errors
/// When Node cannot be had, or npm fails (with its output).
pub fn installed(name: &str) -> Result<PathBuf, String> {
    let (from, folder) = (
        workspace().join("crates/lab").join(name),
        target().join(name),
    );
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(io)?;
    let lock = File::create(folder.join("lock")).map_err(io)?;
    lock.lock().map_err(io)?;
    for entry in fs::read_dir(&from).map_err(io)? {
        let entry = entry.map_err(io)?;
        let (held, to) = (
            fs::read(entry.path()).map_err(io)?,
            folder.join(entry.file_name()),
        );
        // A program that starts at this moment reads these files: they are written only when they change.
        if fs::read(&to).ok().as_ref() != Some(&held) {
            fs::write(&to, held).map_err(io)?;
        }
    }
    let packages = fs::read_to_string(folder.join("package-lock.json")).map_err(io)?;
    let stamp = folder.join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|held| held == packages) {
        return Ok(folder);
    }
    run(node()?
        .npm()
        .args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"])
        .current_dir(&folder))?;
    fs::write(&stamp, packages).map_err(io)?;
    Ok(folder)
}
