//! Authentication and authorization at the proxy.

pub mod time;
