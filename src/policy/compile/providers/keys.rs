//! Where a provider's keys come from: its own configuration, or one of the sources that providers share.

use std::rc::Rc;
use std::time::Duration;

use super::Compiled;
use crate::config::{self, ConfigError, DurationText};
use crate::jose::{KeySet, KeySetLimits, Thumbprint};
use crate::keys::{Endpoint, KeySource, KeySourceId, Schedule, WELL_KNOWN};
use crate::policy::provider::Keys;

impl Compiled {
    /// The keys of one provider; a set that another provider fetches already is shared with it. Without another word they
    /// are at `known`, the address that the provider's kind knows.
    pub(super) fn keys(
        &mut self,
        at: &str,
        jwks: Option<&config::Jwks>,
        issuers: &[String],
        known: Option<String>,
    ) -> Result<Keys, ConfigError> {
        let at = format!("{at}.jwks");
        let empty = config::Jwks::default();
        let jwks = match (jwks, &known) {
            (Some(jwks), _) => jwks,
            (None, Some(_)) => &empty,
            (None, None) => {
                return Err(ConfigError::new(
                    at,
                    "this key is missing: where the keys come from",
                ));
            }
        };
        if let Some(inline) = &jwks.inline {
            if jwks.uri.is_some()
                || jwks.discovery.is_some()
                || jwks.upstream.is_some()
                || jwks.pinned_thumbprints.is_some()
            {
                return Err(ConfigError::new(
                    at,
                    "takes either inline, or uri, upstream and pinned_thumbprints",
                ));
            }
            return inline_keys(&format!("{at}.inline"), &inline.0, &limits(&at, jwks)?);
        }
        let source = source(&at, jwks, endpoint(&at, jwks, issuers, known)?)?;
        let index = self
            .sources
            .iter()
            .position(|known| *known == source)
            .unwrap_or_else(|| {
                self.sources.push(source);
                self.sources.len().saturating_sub(1)
            });
        u16::try_from(index)
            .map(|index| Keys::Remote(KeySourceId(index)))
            .map_err(|_| ConfigError::new(at, "too many key sets"))
    }
}

/// How large a key set may be.
fn limits(at: &str, jwks: &config::Jwks) -> Result<KeySetLimits, ConfigError> {
    let limit = |key: &str, value: Option<u32>, fallback: usize, most: usize| {
        let value = value.map_or(Ok(fallback), usize::try_from);
        value
            .ok()
            .filter(|value| (1..=most).contains(value))
            .ok_or_else(|| {
                ConfigError::new(format!("{at}.{key}"), format!("is between 1 and {most}"))
            })
    };
    let (usual, most) = (KeySetLimits::default(), KeySetLimits::MOST);
    Ok(KeySetLimits {
        max_bytes: limit("max_bytes", jwks.max_bytes, usual.max_bytes, most.max_bytes)?,
        max_keys: limit("max_keys", jwks.max_keys, usual.max_keys, most.max_keys)?,
    })
}

fn inline_keys(
    at: &str,
    keys: &serde_json::Value,
    limits: &KeySetLimits,
) -> Result<Keys, ConfigError> {
    let set = KeySet::parse_inline(keys.to_string().as_bytes(), limits)
        .map_err(|error| ConfigError::new(at, error.to_string()))?;
    // A remote set may hold keys for others; each key of one's own is meant.
    match set.skipped().first() {
        Some(skipped) => Err(ConfigError::new(
            format!("{at}.keys[{}]", skipped.index),
            skipped.error.to_string(),
        )),
        None => Ok(Keys::Inline(Rc::new(set))),
    }
}

fn pins(at: &str, jwks: &config::Jwks) -> Result<Option<Box<[Thumbprint]>>, ConfigError> {
    let at = format!("{at}.pinned_thumbprints");
    let Some(pins) = &jwks.pinned_thumbprints else {
        return Ok(None);
    };
    if pins.is_empty() {
        return Err(ConfigError::new(at, "an empty list trusts no key"));
    }
    let pins = pins.iter().enumerate().map(|(index, pin)| {
        Thumbprint::from_base64url(pin).ok_or_else(|| {
            ConfigError::new(
                format!("{at}[{index}]"),
                format!("\"{pin}\" is not a SHA-256 thumbprint in base64url (RFC 7638)"),
            )
        })
    });
    pins.collect::<Result<_, _>>().map(Some)
}

/// Where the keys are, or where the issuer says so.
fn endpoint(
    at: &str,
    jwks: &config::Jwks,
    issuers: &[String],
    known: Option<String>,
) -> Result<(Endpoint, Option<String>), ConfigError> {
    let of = |key: &str, uri: &str| {
        Endpoint::parse(uri).ok_or_else(|| {
            ConfigError::new(
                format!("{at}.{key}"),
                format!("\"{uri}\" is not an http or https URI without user and fragment"),
            )
        })
    };
    match (&jwks.uri, jwks.discovery, known, issuers.first()) {
        (Some(uri), None, _, _) => of("uri", uri).map(|endpoint| (endpoint, None)),
        (None, Some(true), known, Some(issuer)) => {
            // A kind that knows where its keys are has several names for one issuer.
            if known.is_none() && issuers.len() > 1 {
                return Err(ConfigError::new(
                    format!("{at}.discovery"),
                    "finds the keys of one issuer; give each issuer a provider",
                ));
            }
            let uri = format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'));
            of("discovery", &uri).map(|endpoint| (endpoint, Some(issuer.clone())))
        }
        (None, Some(true), _, None) => Err(ConfigError::new(
            format!("{at}.discovery"),
            "needs the provider's issuer",
        )),
        (None, None, Some(known), _) => of("uri", &known).map(|endpoint| (endpoint, None)),
        _ => Err(ConfigError::new(
            at,
            "takes one of inline, uri, and discovery, which is true",
        )),
    }
}

fn source(
    at: &str,
    jwks: &config::Jwks,
    (endpoint, issuer): (Endpoint, Option<String>),
) -> Result<KeySource, ConfigError> {
    let upstream = jwks
        .upstream
        .clone()
        .unwrap_or_else(|| endpoint.authority.clone());
    if upstream.is_empty() {
        return Err(ConfigError::new(format!("{at}.upstream"), "is empty"));
    }
    let share = jwks.refresh_ahead.map_or(0.8, |share| share.0);
    if !(share > 0.0 && share <= 1.0) {
        return Err(ConfigError::new(
            format!("{at}.refresh_ahead"),
            "is a share of cache_duration above 0, and 1 at the most",
        ));
    }
    if jwks.cache_usages == Some(0) {
        return Err(ConfigError::new(
            format!("{at}.cache_usages"),
            "a set must serve at least once; leave the key out for no such bound",
        ));
    }
    if jwks.retry.is_some_and(|retry| retry > 5) {
        return Err(ConfigError::new(format!("{at}.retry"), "is 5 at the most"));
    }
    let time = |key: &str, value: Option<DurationText>, fallback: u64, least: u64| {
        let value = value.map_or_else(|| Duration::from_secs(fallback), |value| value.0);
        let least = Duration::from_millis(least);
        if value < least {
            Err(ConfigError::new(
                format!("{at}.{key}"),
                format!("is at least {}ms", least.as_millis()),
            ))
        } else {
            Ok(value)
        }
    };
    let cache_duration = time("cache_duration", jwks.cache_duration, 1200, 1000)?;
    let schedule = Schedule {
        cache_duration,
        refresh_after: cache_duration.mul_f64(share),
        stale_for: time("stale_for", jwks.stale_for, 3600, 0)?,
        unknown_kid_cooldown: time("unknown_kid_cooldown", jwks.unknown_kid_cooldown, 30, 1000)?,
        timeout: time("timeout", jwks.timeout, 5, 1)?,
        cache_usages: jwks.cache_usages,
        retry: jwks.retry.unwrap_or(1),
    };
    Ok(KeySource {
        upstream,
        endpoint,
        issuer,
        pins: pins(at, jwks)?,
        limits: limits(at, jwks)?,
        schedule,
    })
}
