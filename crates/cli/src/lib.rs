//! `auth-filter`, the program of operators: what a configuration says, without a proxy.

#![allow(
    clippy::disallowed_methods,
    reason = "the laboratory lives in real time; only the filter's core takes it as an argument"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "test tooling: nothing here ships, and a broken assumption should stop the run at once"
)]

pub mod explain;
pub mod kong;
pub mod lint;
pub mod migrate;
pub mod schema;
pub mod secrets;

/// The root of the repository, whose files the tests read.
#[cfg(test)]
fn repository() -> &'static std::path::Path {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap()
}
