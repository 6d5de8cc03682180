//! `cargo xtask kernels`: the arithmetic of signatures beside that of the libraries.

use lab::process::run;
use lab::tools::{cargo, node, target, workspace};
use std::path::PathBuf;

/// Puts so many random cases of each kind to the kernels and to the libraries.
///
/// # Errors
/// With the output of the tests, when there is a difference.
pub fn compare(rounds: u64) -> Result<(), String> {
    let output = run(cargo()
        .args(["test", "--package", "auth-filter", "--lib", "jose::kernel"])
        // As the module is built, but with overflow checked.
        .args(["--config", "profile.dev.package.auth-filter.opt-level=3"])
        .env("KERNEL_ROUNDS", rounds.to_string()))?;
    println!("{output}");
    Ok(())
}

/// Prints what a verification costs in V8, with the kernels and with the libraries.
///
/// # Errors
/// With the output of cargo or of Node, when one fails.
pub fn measure() -> Result<(), String> {
    let modules = [
        module("libraries", &["--features", "libraries"])?,
        module("kernels", &[])?,
    ];
    let output = run(node()?
        .node()
        .arg(workspace().join("tests/bench/kernels/run.mjs"))
        .args(modules))?;
    println!("{output}");
    Ok(())
}

/// Prints what the filter charges for signatures beside what they take in V8.
///
/// # Errors
/// With the table, where one of them is more than half off.
pub fn costs() -> Result<(), String> {
    let output = run(node()?
        .node()
        .arg(workspace().join("tests/bench/kernels/costs.mjs"))
        .arg(module("kernels", &[])?))?;
    println!("{output}");
    Ok(())
}

fn module(name: &str, features: &[&str]) -> Result<PathBuf, String> {
    let folder = target().join("kernels").join(name);
    run(cargo()
        .args([
            "build",
            "--release",
            "--locked",
            "--target",
            "wasm32-wasip1",
        ])
        .args(["--manifest-path", "tests/bench/kernels/Cargo.toml"])
        .arg("--target-dir")
        .arg(&folder)
        .args(features))?;
    Ok(folder.join("wasm32-wasip1/release/kernels.wasm"))
}
