//! The project's own commands: `cargo xtask test` checks everything.

use std::process::{Command, ExitCode};

/// What `cargo xtask test` runs, in order; the first failure ends it. The tests come last, so that the
/// runner's own line closes the output.
const STEPS: &[(&str, &[&str])] = &[
    ("format", &["fmt", "--all", "--check"]),
    ("lint", &["lint"]),
    ("lint for WebAssembly", &["lint-wasm"]),
    ("module", &["wasm"]),
    ("tests", &["test", "--lib", "--tests"]),
];

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("test") => test(),
        _ => {
            eprintln!("usage: cargo xtask test");
            ExitCode::from(2)
        }
    }
}

fn test() -> ExitCode {
    for (name, arguments) in STEPS {
        println!("== {name}: cargo {}", arguments.join(" "));
        match Command::new("cargo").args(*arguments).status() {
            Ok(status) if status.success() => {}
            Ok(_) => return ExitCode::FAILURE,
            Err(error) => {
                eprintln!("cargo could not be started: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
