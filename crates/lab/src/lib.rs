//! A laboratory: real Envoy, identity providers, an echoing upstream and a byte-exact HTTP client.
//!
//! ```no_run
//! use serde_json::json;
//! use lab::client::Request;
//! use lab::echo::Echo;
//! use lab::envoy::{EnvoyConfig, Filter};
//! use lab::issuer::{Issuer, SigningKey};
//!
//! # fn main() -> Result<(), String> {
//! let key = SigningKey::es256("k1");
//! let issuer = Issuer::start(&[&key])?;
//! let echo = Echo::start()?;
//! let envoy = EnvoyConfig::new(lab::tools::wasm()?, Filter::json(json!({ "rules": [] })))
//!     .upstream(echo.addr())
//!     .cluster("idp", issuer.addr())
//!     .start()?;
//! let answer = Request::get("/orders").bearer(&key.sign(json!({}), &json!({}))).send(envoy.addr())?;
//! assert_eq!(answer.status, 403);
//! assert_eq!(echo.count(), 0);
//! # Ok(())
//! # }
//! ```

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

pub mod cerbos;
pub mod client;
pub mod debian;
pub mod directory;
pub mod echo;
pub mod envoy;
mod exports;
pub mod files;
pub mod issuer;
pub mod load;
pub mod moto;
pub mod npm;
pub mod oci;
pub mod oidc;
pub mod ports;
pub mod process;
pub mod rego;
pub mod server;
pub mod tools;
pub mod trap;
pub mod upstreams;
mod wire;
