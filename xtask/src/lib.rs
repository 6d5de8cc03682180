//! A laboratory: real Envoy, identity providers, an echoing upstream and a byte-exact HTTP client.
