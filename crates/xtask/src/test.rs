//! `cargo xtask test`: everything that must hold, in the order in which a failure is cheapest to learn of.

mod budget;

use self::budget::{Group, Spent};
use lab::process::{describe, run};
use lab::tools::{cargo, ensure_toolchain, ensure_venv, node, target, workspace};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// One step: its name, where it belongs, and what it runs.
type Step = (&'static str, Group, fn() -> Result<(), String>);

/// The tests in the real Envoy come last, so that their result closes the output.
const STEPS: &[Step] = &[
    ("toolchain", Group::Build, ensure_toolchain),
    ("format", Group::Build, || {
        show(cargo().args(["fmt", "--all", "--check"]))
    }),
    (
        "format of what has a workspace of its own",
        Group::Build,
        || {
            for manifest in ["tests/fuzz/Cargo.toml", "tests/bench/kernels/Cargo.toml"] {
                show(cargo().args(["fmt", "--check", "--manifest-path", manifest]))?;
            }
            Ok(())
        },
    ),
    // The module's last step takes one core for a minute and more.
    ("module, lints and documentation", Group::Build, || {
        let mut documentation = cargo();
        documentation
            .args(["doc", "--no-deps", "--lib", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings");
        let mut lint = cargo();
        lint.arg("lint");
        let mut lint_wasm = cargo();
        lint_wasm.arg("lint-wasm");
        side_by_side(vec![
            vec![own(&["module"])?],
            vec![lint, lint_wasm, documentation],
        ])
    }),
    ("Envoy and moto, and what is fuzzed", Group::Build, || {
        let fuzz = own(&["fuzz", "--build"])?;
        let tools = std::thread::spawn(|| {
            ensure_venv()?;
            runner(&locked_version("wasm-bindgen")?)
        });
        let built = captured(fuzz);
        let tools = tools.join().map_err(|_| "tools were not made".to_owned())?;
        built?;
        tools.map(drop)
    }),
    (
        "tests of the core and of the laboratory",
        Group::Units,
        || show(cargo().args(["test", "--workspace", "--lib"])),
    ),
    (
        "tests of the core on WebAssembly",
        Group::Units,
        core_on_wasm,
    ),
    (
        "tests of configurations, vectors, bytes and the module",
        Group::Rest,
        || {
            let names = test_targets()?;
            let targets = names.iter().flat_map(|name| ["--test", name]);
            show(cargo().args(["test", "--package", TESTS]).args(targets))
        },
    ),
    ("fuzzing, briefly", Group::Rest, crate::fuzz::briefly),
    ("tests of the reference directory", Group::Service, || {
        show(directory_tests().args(["--", "--skip", PAGES]))
    }),
    ("the reference directory's pages", Group::Chromium, || {
        show(directory_tests().args(["--test", "directory", "--", PAGES]))
    }),
    ("what signatures cost", Group::Rest, || {
        again(crate::kernels::costs)
    }),
    ("the benchmark, briefly", Group::Rest, || {
        crate::bench::run(&crate::bench::Options::parse(&["--short"])?)
    }),
    (
        "failures all around, briefly, and planted faults",
        Group::Floods,
        || {
            again(|| {
                side_by_side(vec![
                    vec![own(&["soak", "--short"])?],
                    vec![own(&["soak", "--breaks"])?],
                ])
            })
        },
    ),
    (
        "strangers, briefly, and planted faults",
        Group::Floods,
        || again(|| crate::abuse::run(&["--short"])),
    ),
    ("real upstreams, briefly", Group::Floods, || {
        crate::upstreams::run(&crate::upstreams::Options::parse(&["--short"])?)
    }),
    ("the demonstration", Group::Rest, || crate::demo::run(true)),
    ("tests in the real Envoy", Group::Envoy, || {
        show(cargo().args(["test", "--package", TESTS, "--test", "envoy"]))
    }),
];

/// The package of what is tested from outside.
const TESTS: &str = "auth-filter-tests";

/// The tests that show the directory's pages in Chromium.
const PAGES: &str = "pages::";

/// Runs what measures times once more where it fails: a machine that stood still is no fault of the filter's, and a fault
/// of the filter's is there the second time too.
fn again(step: impl Fn() -> Result<(), String>) -> Result<(), String> {
    step().or_else(|error| {
        println!("== failed, and is run again: {error}");
        step()
    })
}

/// A command of this program.
fn own(arguments: &[&str]) -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

/// Runs rows of commands at the same time: each waits much of its time, or takes one core. Their output comes one after
/// the other.
fn side_by_side(rows: Vec<Vec<Command>>) -> Result<(), String> {
    let running: Vec<_> = rows
        .into_iter()
        .map(|row| std::thread::spawn(move || row.into_iter().try_for_each(captured)))
        .collect();
    let mut failed = Vec::new();
    for row in running {
        let row = row.join().map_err(|_| "a step was not run".to_owned())?;
        failed.extend(row.err());
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join("; "))
    }
}

/// Runs a command and prints what it says, once it has ended.
fn captured(mut command: Command) -> Result<(), String> {
    let line = describe(&command);
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("`{line}` cannot start: {error}"))?;
    println!(
        "$ {line}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("`{line}`: {}", output.status))
    }
}

fn directory_tests() -> Command {
    let mut command = cargo();
    command.args(["test", "--package", "auth-directory"]);
    command
}

/// Runs every step, and holds the time of each group against its budget.
///
/// # Errors
/// With the first step that fails, or the groups that took too long.
pub fn all() -> Result<(), String> {
    let mut spent = Spent::default();
    for (name, group, step) in STEPS {
        let closes = *group == Group::Envoy;
        if closes {
            println!("{}", spent.describe());
            spent.verdict()?;
        }
        println!("== {name}");
        let start = Instant::now();
        step().map_err(|error| format!("{name}: {error}"))?;
        spent.add(*group, start.elapsed());
        // After the last step nothing follows the test runner's own line.
        if !closes {
            println!("== {name}: {:.0} s\n", start.elapsed().as_secs_f64());
        }
    }
    spent.verdict()
}

/// Runs a command whose output is for the reader.
fn show(command: &mut Command) -> Result<(), String> {
    let line = describe(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}`: {status}")),
        Err(error) => Err(format!("`{line}` cannot start: {error}")),
    }
}

/// The integration tests that run natively and need no Envoy: a new file is never forgotten.
fn test_targets() -> Result<Vec<String>, String> {
    let entries =
        fs::read_dir(workspace().join("tests")).map_err(|error| format!("tests: {error}"))?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let folder = entry.path().join("main.rs").is_file();
            let file = name.strip_suffix(".rs").map(str::to_owned);
            file.or_else(|| folder.then_some(name))
        })
        .filter(|name| !["envoy", "wasm"].contains(&name.as_str()))
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Runs the tests of `src/jose` and `tests/wasm.rs` on Node by the runner of wasm-bindgen-test, which must have the library's version.
fn core_on_wasm() -> Result<(), String> {
    let runner = runner(&locked_version("wasm-bindgen")?)?;
    let path = node()?.path()?;
    show(
        cargo()
            .args([
                "test",
                "--target",
                "wasm32-unknown-unknown",
                "--package",
                "auth-filter",
                "--package",
                TESTS,
                "--lib",
                "--test",
                "wasm",
            ])
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
            .env("PATH", path),
    )
}

/// The version of a package in `Cargo.lock`.
fn locked_version(package: &str) -> Result<String, String> {
    let lock = fs::read_to_string(workspace().join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock: {error}"))?;
    let entry = format!("name = \"{package}\"\nversion = \"");
    lock.split_once(&entry)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(version, _)| version.to_owned())
        .ok_or_else(|| format!("Cargo.lock has no {package}"))
}

/// The test runner of this version, built once into `target/tools`.
fn runner(version: &str) -> Result<PathBuf, String> {
    let root = target().join("tools");
    let runner = root.join("bin/wasm-bindgen-test-runner");
    let current = Command::new(&runner).arg("--version").output();
    if current.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(version)) {
        return Ok(runner);
    }
    println!("building wasm-bindgen-test-runner {version}, once ...");
    run(cargo()
        .args([
            "install",
            "wasm-bindgen-cli",
            "--bin",
            "wasm-bindgen-test-runner",
            "--force",
            "--debug",
            "--version",
            version,
            "--root",
        ])
        .arg(&root)
        .env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    Ok(runner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_envoy_closes_the_output() {
        let is_last = |(_, group, _): &Step| *group == Group::Envoy;
        assert_eq!(STEPS.iter().position(is_last), Some(STEPS.len() - 1));
    }
}
