//! The program `auth-filter`: what a configuration says, without a proxy.

mod check;
mod commands;
mod explain;
mod failure;
mod keys;
pub mod kong;
mod lint;
pub mod migrate;
pub mod schema;
mod secrets;

pub use commands::Cli;
pub use failure::Failure;

use std::io::{self, Write};

/// Prints lines.
fn say(out: &mut dyn Write, lines: &[String]) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// The root of the repository, whose files the tests read.
#[cfg(test)]
fn repository() -> &'static std::path::Path {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap()
}
