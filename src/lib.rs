//! Authentication and authorization at the proxy.
