//! Authentication and authorization at the proxy.

pub mod jose;
pub mod json;
pub mod time;
