//! The project's own commands.

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

const USAGE: &str = "\
usage: cargo xtask <command>

  demo [--once]   show the filter in a real Envoy, and stay up for your own requests
  test            check everything: format, lints, module, tests";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["demo"] => demo(false),
        ["demo", "--once"] => demo(true),
        ["test"] => test(),
        _ => {
            eprintln!("{USAGE}");
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

fn demo(once: bool) -> ExitCode {
    match xtask::demo::run(once) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
