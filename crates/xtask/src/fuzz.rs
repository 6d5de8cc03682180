//! `cargo xtask fuzz`: the fuzz targets of `tests/fuzz`, by cargo-fuzz on a nightly compiler.

use lab::process::{describe, run};
use lab::tools::{target, workspace};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The version of cargo-fuzz that is built where there is none.
const CARGO_FUZZ: &str = "0.13.2";
/// How many are fuzzed at one time: each takes a core.
const AT_ONCE: usize = 2;
/// What is fuzzed, and how often in the short form: some seconds of each.
const TARGETS: &[(&str, u64)] = &[
    ("token", 400_000),
    ("jwks", 60_000),
    ("configuration", 15_000),
    ("readings", 20_000),
    ("story", 3_000),
];

/// How long a target runs.
#[derive(Clone, Copy)]
enum Length {
    /// So many seconds, from the committed corpus and what earlier runs found (`target/corpus`), at random.
    Seconds(u32),
    /// So many inputs, always the same, made of the committed corpus: who changes nothing gets the answer of the last time.
    Runs(u64),
}

/// Runs each target for so many seconds, from the committed corpus and what earlier runs found (`target/corpus`).
///
/// # Errors
/// When the tools cannot be had, or with what a target found: its input lies in `target/artifacts`.
pub fn all(seconds: u32) -> Result<(), String> {
    each(|_| Length::Seconds(seconds))
}

/// Runs each target on inputs that are the same each time.
///
/// # Errors
/// As [`all`].
pub fn briefly() -> Result<(), String> {
    each(Length::Runs)
}

fn each(length: impl Fn(u64) -> Length) -> Result<(), String> {
    build()?;
    let mut figures = Vec::new();
    for pair in TARGETS.chunks(AT_ONCE) {
        let names: Vec<&str> = pair.iter().map(|(name, _)| *name).collect();
        println!("fuzzing {} ...", names.join(" and "));
        let running: Vec<_> = pair
            .iter()
            .map(|(name, runs)| {
                let length = length(*runs);
                (name, std::thread::spawn(move || one(name, length)))
            })
            .collect();
        for (name, run) in running {
            let executions = run.join().map_err(|_| format!("{name} was not run"))??;
            figures.push((name, executions));
        }
    }
    println!("\nexecutions, none of which crashed:");
    for (name, executions) in figures {
        println!("  {name:<14} {executions:>10}");
    }
    Ok(())
}

/// Builds the targets, and before them the tools that they are built with.
///
/// # Errors
/// When the tools cannot be had, or what the compiler says.
pub fn build() -> Result<(), String> {
    ensure_tools()?;
    run(&mut cargo_fuzz("build")).map(drop)
}

/// Cargo-fuzz on the targets of this project.
fn cargo_fuzz(what: &str) -> Command {
    let mut command = nightly();
    command
        .args(["cargo", "fuzz", what, "--fuzz-dir", "tests/fuzz"])
        // The core has no unsafe code: a sanitizer would find nothing in it, at a tenth of the executions.
        .args(["--sanitizer", "none"])
        .arg("--target-dir")
        .arg(target().join("fuzz"));
    command
}

/// Runs one target; how often it ran.
fn one(name: &str, length: Length) -> Result<u64, String> {
    let found = match length {
        Length::Seconds(_) => target().join("corpus").join(name),
        Length::Runs(_) => target().join("tmp/corpus").join(name),
    };
    if matches!(length, Length::Runs(_)) && found.exists() {
        std::fs::remove_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    }
    let artifacts = target().join("artifacts").join(name);
    for folder in [&found, &artifacts] {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut command = cargo_fuzz("run");
    command
        .arg(name)
        .arg(&found)
        .arg(workspace().join("tests/fuzz/corpus").join(name))
        .arg("--")
        .args(match length {
            Length::Seconds(seconds) => vec![format!("-max_total_time={seconds}")],
            Length::Runs(runs) => vec![format!("-runs={runs}"), "-seed=1".to_owned()],
        })
        .args(["-timeout=10", "-max_len=4096"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .stdin(Stdio::null());
    let line = describe(&command);
    let output = command
        .output()
        .map_err(|error| format!("`{line}` cannot start: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let executions = log
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("Done ")?.split(' ').next()?.parse().ok());
    match executions {
        Some(executions) if output.status.success() => Ok(executions),
        _ => Err(format!("`{line}`: {}\n{log}", output.status)),
    }
}

/// A command on the nightly compiler; whatever started us must not choose another.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools().join("bin")).chain(std::env::split_paths(&path));
    command
        .args(["run", "nightly"])
        .current_dir(workspace())
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env("PATH", std::env::join_paths(folders).unwrap_or(path));
    command
}

fn tools() -> PathBuf {
    target().join("tools")
}

fn ensure_tools() -> Result<(), String> {
    if run(nightly().args(["rustc", "--version"])).is_err() {
        println!("getting a nightly compiler, once ...");
        run(Command::new("rustup").args([
            "toolchain",
            "install",
            "nightly",
            "--profile",
            "minimal",
        ]))?;
    }
    if run(nightly().args(["cargo", "fuzz", "--version"])).is_err() {
        println!("building cargo-fuzz {CARGO_FUZZ}, once ...");
        run(nightly()
            .args([
                "cargo",
                "install",
                "cargo-fuzz",
                "--locked",
                "--debug",
                "--version",
                CARGO_FUZZ,
                "--root",
            ])
            .arg(tools())
            .env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    }
    Ok(())
}
