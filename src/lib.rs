//! Authentication and authorization at the proxy.

pub mod config;
pub mod credential;
pub mod exchange;
pub mod gateway;
pub mod headers;
#[cfg(target_arch = "wasm32")]
mod host;
pub mod jose;
pub mod json;
pub mod keys;
pub mod policy;
pub mod text;
pub mod time;
