//! The release module in the real Envoy: what a client and an upstream see.
//!
//! Scenarios that only send requests share one Envoy; those that are about keys, outages and updates have
//! one each. No test waits for time to pass where it can wait for something to happen.

#![allow(
    clippy::disallowed_methods,
    reason = "tests of a running proxy live in real time"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "helpers of tests are tests, and a broken assumption should stop the run at once"
)]

mod addresses;
mod algorithms;
mod ambient;
mod answers;
mod aws;
mod causes;
mod clocks;
mod cognito;
mod configuration;
mod credentials;
mod crowds;
mod decisions;
mod directories;
mod documents;
mod entra;
mod failure;
mod fetching;
mod filling;
mod floods;
mod hashes;
mod hostile;
mod identity;
mod keys;
mod lab;
mod migration;
mod nonsense;
mod observability;
mod oidc;
mod outage;
mod passwords;
mod paths;
mod places;
mod possession;
mod reference_directory;
mod remembered;
mod remote;
mod routes;
mod rules;
mod tokens;
mod websockets;
