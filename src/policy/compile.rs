//! From configuration to policy: the only validator. After it, nothing is looked up by name and nothing
//! can be missing at request time.

mod claims;
mod providers;
mod rules;

use std::time::Duration;

use super::{Limits, Policy, UpstreamHeaders};
use crate::config::{self, Config, ConfigError};
use crate::text::is_token;

impl Policy {
    /// Compiles a configuration.
    ///
    /// # Errors
    /// The first thing that does not hold together, with its JSON path and what is known there.
    pub fn compile(config: &Config) -> Result<Self, ConfigError> {
        let providers::Compiled {
            providers,
            sources,
            warnings,
        } = providers::compile(&config.providers)?;
        let rules = rules::compile(&config.rules, &providers)?;
        let realm = config.realm.clone().unwrap_or_else(|| "api".to_owned());
        if realm.is_empty()
            || !realm
                .bytes()
                .all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte))
        {
            return Err(ConfigError::new(
                "realm",
                "a realm is printable ASCII without quotes and backslashes",
            ));
        }
        Ok(Self {
            mode: config.mode,
            realm,
            providers: providers.into(),
            sources: sources.into(),
            rules: rules.into(),
            bypass_cors_preflight: config.bypass_cors_preflight,
            upstream: upstream(&config.upstream_headers)?,
            limits: limits(&config.limits)?,
            warnings,
        })
    }
}

fn limits(limits: &config::Limits) -> Result<Limits, ConfigError> {
    let number = |key: &str, value: Option<u32>, fallback: u32| match value {
        Some(0) => Err(ConfigError::new(
            format!("limits.{key}"),
            "0 lets nothing through; the least is 1",
        )),
        other => Ok(usize::try_from(other.unwrap_or(fallback)).unwrap_or(usize::MAX)),
    };
    let hold = limits.hold.map_or(Duration::from_secs(10), |hold| hold.0);
    if hold.is_zero() {
        return Err(ConfigError::new(
            "limits.hold",
            "a request must be allowed to wait; the least is 1ms",
        ));
    }
    Ok(Limits {
        token_bytes: number("token_bytes", limits.token_bytes, 16_384)?,
        callouts: number("callouts", limits.callouts, 64)?,
        held_requests: number("held_requests", limits.held_requests, 1024)?,
        hold,
    })
}

fn upstream(headers: &config::UpstreamHeaders) -> Result<UpstreamHeaders, ConfigError> {
    let prefix = headers.prefix.as_deref().unwrap_or("x-auth-");
    let prefix = header_name("upstream_headers.prefix", prefix)?;
    let mut upstream = UpstreamHeaders::new(&prefix);
    for (name, claim) in headers.claims.iter() {
        let at = format!("upstream_headers.claims.{name}");
        let name = header_name(&at, name)?;
        let path = providers::claim_path(&at, claim)?;
        if upstream.owns(name.as_bytes()) {
            return Err(ConfigError::new(at, "another entry sets this header"));
        }
        upstream.add_claim(name, path);
    }
    if let Some(payload) = &headers.payload {
        let name = header_name("upstream_headers.payload", payload)?;
        if upstream.owns(name.as_bytes()) {
            return Err(ConfigError::new(
                "upstream_headers.payload",
                "another entry sets this header",
            ));
        }
        upstream.set_payload(name);
    }
    Ok(upstream)
}

/// A header's name in lower case (RFC 9110 §5.1), and not one that carries the request itself.
fn header_name(at: &str, name: &str) -> Result<String, ConfigError> {
    const KEPT: [&str; 8] = [
        "host",
        "authorization",
        "cookie",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
    ];
    let lower = name.to_ascii_lowercase();
    if !is_token(&lower) {
        return Err(ConfigError::new(
            at,
            format!("\"{name}\" is not a header name"),
        ));
    }
    if KEPT.contains(&lower.as_str()) {
        return Err(ConfigError::new(
            at,
            format!("\"{name}\" is the request's own header"),
        ));
    }
    Ok(lower)
}

#[cfg(test)]
mod tests;
