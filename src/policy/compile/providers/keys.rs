//! Where a provider's keys come from: its own configuration, or one of the sources that providers share.

use std::rc::Rc;
use std::time::Duration;

use super::Compiled;
use crate::config::{self, ConfigError, DurationText, ProviderKind};
use crate::jose::{KeySet, KeySetLimits, Thumbprint};
use crate::keys::{KeySource, Schedule};
use crate::policy::KeySourceId;
use crate::policy::provider::Keys;

impl Compiled {
    /// The keys of one provider; a set that another provider fetches already is shared with it.
    pub(super) fn keys(
        &mut self,
        at: &str,
        provider: &config::Provider,
        issuer: Option<&str>,
    ) -> Result<Keys, ConfigError> {
        let at = format!("{at}.jwks");
        let empty = config::Jwks::default();
        let jwks = match (&provider.jwks, provider.kind) {
            (Some(jwks), _) => jwks,
            (None, ProviderKind::Cognito) => &empty,
            (None, ProviderKind::Jwt) => {
                return Err(ConfigError::new(
                    at,
                    "this key is missing: where the keys come from",
                ));
            }
        };
        if let Some(inline) = &jwks.inline {
            if jwks.uri.is_some() || jwks.upstream.is_some() || jwks.pinned_thumbprints.is_some() {
                return Err(ConfigError::new(
                    at,
                    "takes either inline, or uri, upstream and pinned_thumbprints",
                ));
            }
            return inline_keys(&format!("{at}.inline"), &inline.0);
        }
        let uri = match (&jwks.uri, provider.kind, issuer) {
            (Some(uri), _, _) => uri.clone(),
            (None, ProviderKind::Cognito, Some(issuer)) => {
                format!("{issuer}/.well-known/jwks.json")
            }
            _ => return Err(ConfigError::new(at, "takes inline, or uri and upstream")),
        };
        let source = source(&at, jwks, &uri)?;
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

fn inline_keys(at: &str, keys: &serde_json::Value) -> Result<Keys, ConfigError> {
    let set = KeySet::parse_inline(keys.to_string().as_bytes(), &KeySetLimits::default())
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

fn source(at: &str, jwks: &config::Jwks, uri: &str) -> Result<KeySource, ConfigError> {
    let bad = |what: &str| ConfigError::new(format!("{at}.uri"), format!("\"{uri}\" {what}"));
    let (scheme, rest) = match uri.split_once("://") {
        Some(("https", rest)) => ("https", rest),
        Some(("http", rest)) => ("http", rest),
        _ => return Err(bad("is not an http or https URI")),
    };
    let (authority, path) = rest
        .find('/')
        .and_then(|slash| rest.split_at_checked(slash))
        .unwrap_or((rest, "/"));
    if authority.is_empty()
        || !uri.bytes().all(|byte| byte.is_ascii_graphic())
        || uri.contains(['#', '@'])
    {
        return Err(bad("is not an http or https URI without user and fragment"));
    }
    let upstream = jwks
        .upstream
        .clone()
        .unwrap_or_else(|| authority.to_owned());
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
    };
    Ok(KeySource {
        upstream,
        scheme,
        authority: authority.to_owned(),
        path: path.to_owned(),
        pins: pins(at, jwks)?,
        schedule,
    })
}
