//! `headers` of services: what goes out with every question.

use crate::config::{ConfigError, SecretText};
use crate::json::UniqueMap;
use crate::services::Secret;
use crate::text::is_token;

/// What the filter or its host sets, and what frames a message (RFC 9112 §6, RFC 9113 §8.2.2).
const TAKEN: [&str; 10] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Names in lower case, as HTTP/2 has them, with their values. An error quotes no value.
pub(super) fn compile(
    at: &str,
    headers: &UniqueMap<SecretText>,
) -> Result<Vec<(String, Secret)>, ConfigError> {
    let mut compiled: Vec<(String, Secret)> = Vec::new();
    for (name, value) in headers.iter() {
        let at = format!("{at}.headers.{name}");
        let lower = name.to_ascii_lowercase();
        if !is_token(&lower) {
            return Err(ConfigError::new(at, "is not a header's name"));
        }
        if TAKEN.contains(&lower.as_str()) {
            return Err(ConfigError::new(
                at,
                "this header is the filter's or the host's own",
            ));
        }
        if compiled.iter().any(|(known, _)| *known == lower) {
            return Err(ConfigError::new(at, "this header is listed twice"));
        }
        let value = value.reveal(&at)?;
        if !is_value(value.reveal()) {
            return Err(ConfigError::new(
                at,
                "is not a header's value: visible ASCII, with spaces only between",
            ));
        }
        compiled.push((lower, value.clone()));
    }
    Ok(compiled)
}

fn is_value(text: &str) -> bool {
    let visible = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    visible && !text.is_empty() && text.trim() == text
}
