//! A wall clock that only one Envoy sees, and that a test puts back or forward while it runs.

use crate::process::run;
use crate::tools::target;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What is preloaded. Other shims shift the monotonic clock too, or hang this Envoy.
const SOURCE: &str = include_str!("wall_clock.c");

/// How far a program's wall clock is ahead of the machine's.
pub(super) struct WallClock {
    file: File,
    path: PathBuf,
}

impl WallClock {
    /// A clock that is `seconds` ahead, or behind where they are negative.
    pub(super) fn new(directory: &Path, seconds: i64) -> Result<Self, String> {
        let path = directory.join("wall_clock");
        let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let clock = Self { file, path };
        clock.set(seconds)?;
        Ok(clock)
    }

    /// Jumps.
    pub(super) fn set(&self, seconds: i64) -> Result<(), String> {
        let nanoseconds = seconds.saturating_mul(1_000_000_000);
        self.file
            .write_all_at(&nanoseconds.to_ne_bytes(), 0)
            .map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// Has a program live by this clock.
    pub(super) fn preload(&self, command: &mut Command) -> Result<(), String> {
        command
            .env("LD_PRELOAD", library()?)
            .env("SHIFTED_CLOCK", &self.path);
        Ok(())
    }
}

/// The library, compiled where it is not there yet.
fn library() -> Result<PathBuf, String> {
    static LIBRARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    LIBRARY.get_or_init(compiled).clone()
}

fn compiled() -> Result<PathBuf, String> {
    let folder = target().join("wall_clock");
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(io)?;
    let lock = File::create(folder.join("lock")).map_err(io)?;
    lock.lock().map_err(io)?;
    let (source, library) = (folder.join("wall_clock.c"), folder.join("wall_clock.so"));
    if library.is_file() && fs::read_to_string(&source).is_ok_and(|held| held == SOURCE) {
        return Ok(library);
    }
    // The source is the stamp: it is there only once the library is.
    let draft = folder.join("draft.c");
    fs::write(&draft, SOURCE).map_err(io)?;
    // Rust links with the same program, so it is there.
    run(Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"])
        .arg(&draft)
        .arg("-o")
        .arg(&library))?;
    fs::rename(&draft, &source).map_err(io)?;
    Ok(library)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::unix_now;
    use crate::tools::lab_dir;

    /// What a program reads, in seconds since the epoch and since the machine's start.
    fn clocks(clock: &WallClock) -> (i64, f64) {
        let code = "import time; print(int(time.time()), time.monotonic())";
        let mut command = Command::new("python3");
        command.args(["-c", code]);
        clock.preload(&mut command).unwrap();
        let said = run(&mut command).unwrap();
        let (wall, mono) = said.trim().split_once(' ').unwrap();
        (wall.parse().unwrap(), mono.parse().unwrap())
    }

    #[test]
    fn it_shifts_the_wall_clock_alone() {
        let clock = WallClock::new(&lab_dir("wall-clock").unwrap(), 0).unwrap();
        let mut before = 0.0;
        for shift in [0, -3600, 3600, 86_400, 0] {
            clock.set(shift).unwrap();
            let (wall, mono) = clocks(&clock);
            let now = i64::try_from(unix_now()).unwrap();
            assert!((wall - now - shift).abs() < 10, "{shift}: {wall} at {now}");
            assert!(mono > before && mono < before + 1000.0 || before == 0.0);
            before = mono;
        }
    }
}
