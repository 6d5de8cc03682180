//! Authentication and authorization at the proxy.

pub mod json;
pub mod time;
