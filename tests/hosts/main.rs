//! The module that ships in hosts that refund nothing: each plays a real one, with all that was found to end a worker
//! there as a failed test, and a wire that shows what an upstream really gets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "helpers of tests are tests, and a broken assumption should stop the run at once"
)]

mod abi;
mod ambient;
mod answers;
mod checks;
mod clocks;
mod cost;
mod credentials;
mod endurance;
mod environment;
mod examples;
mod failure;
mod fixture;
mod hostile;
mod identity;
mod keys;
mod memory;
mod message;
mod personality;
mod possession;
mod process;
mod sealing;
mod services;
mod state;
mod stream;
mod strictness;
mod vm;
mod world;
