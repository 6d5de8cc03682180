//! The tasks of the repository, each a module: `cargo xtask` runs them.

#![allow(
    clippy::disallowed_methods,
    reason = "tasks live in real time; only the filter's core takes it as an argument"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "test tooling: nothing here ships, and a broken assumption should stop the run at once"
)]

pub mod abuse;
pub mod bench;
pub mod demo;
pub mod fuzz;
pub mod kernels;
pub mod oci;
pub mod schema;
pub mod soak;
pub mod test;
pub mod upstreams;
