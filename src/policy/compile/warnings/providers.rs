//! Providers that take more than they should, or believe it for longer.

use std::time::Duration;

use super::{HOUR, issuers, longer, shown, warn, written};
use crate::config::{ConfigError, Csrf, Jwks, Places, Provider, Signatures, Tokens};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// What `cache_duration` of a service does that vouches for callers.
const BELIEVED: &str = "a credential that is withdrawn is good for that long";

/// What one provider does.
pub(super) fn of(at: &str, provider: &Provider, found: &mut Vec<ConfigError>) {
    if let Some(signatures) = provider.signatures() {
        algorithms(at, signatures, found);
    }
    let tokens = provider.tokens();
    // An authorization server says of each token whether it still counts.
    if let Some(tokens) = tokens
        && !matches!(provider, Provider::Introspection(_))
    {
        expiration(at, tokens, found);
    }
    issuers::of(at, provider, found);
    if let Provider::Introspection(own) = provider {
        let at = format!("{at}.introspection.client_secret");
        written(at, &own.introspection.client_secret, found);
    }
    if let Some(verify) = provider.verify() {
        shown(&format!("{at}.verify"), &verify.headers, found);
    }
    let skew = tokens.and_then(|tokens| tokens.clock_skew);
    let what = "tokens are good for that long after their end";
    longer(&format!("{at}.clock_skew"), skew, 5 * MINUTE, what, found);
    let signatures = provider.signatures();
    if let Some(jwks) = signatures.and_then(|signatures| signatures.jwks.as_ref()) {
        keys(&format!("{at}.jwks"), jwks, found);
    }
    if let Some(places) = provider.places() {
        self::places(at, places, found);
    }
    if provider.common().csrf == Some(Csrf::Off) {
        warn(
            found,
            format!("{at}.csrf"),
            "any page on the web can change something in the name of whoever visits it; name the pages that may in {\"origins\": [\"https://…\"]}",
        );
    }
    if let Some(verify) = provider.verify() {
        let at = format!("{at}.verify.cache_duration");
        longer(&at, verify.cache_duration, HOUR, BELIEVED, found);
    }
    if let Provider::Introspection(own) = provider {
        let at = format!("{at}.introspection.cache_duration");
        let cached = own.introspection.cache_duration;
        longer(&at, cached, HOUR, BELIEVED, found);
    }
}

fn algorithms(at: &str, signatures: &Signatures, found: &mut Vec<ConfigError>) {
    let algorithms = signatures.algorithms.iter().flatten().enumerate();
    for (index, _) in algorithms.filter(|(_, name)| name.0.is_symmetric()) {
        warn(
            found,
            format!("{at}.algorithms[{index}]"),
            "one secret signs and verifies: whoever reads this configuration can make tokens; prefer ES256 or EdDSA",
        );
    }
}

fn expiration(at: &str, tokens: &Tokens, found: &mut Vec<ConfigError>) {
    if tokens.require_expiration == Some(false) {
        warn(
            found,
            format!("{at}.require_expiration"),
            "a token without an end is good for ever once it is stolen; let the issuer set exp, or set max_lifetime",
        );
    }
}

fn keys(at: &str, jwks: &Jwks, found: &mut Vec<ConfigError>) {
    let withdrawn = "a key that the issuer withdraws verifies for that long";
    let cached = format!("{at}.cache_duration");
    longer(&cached, jwks.cache_duration, DAY, withdrawn, found);
    let stale = format!("{at}.stale_for");
    longer(&stale, jwks.stale_for, 7 * DAY, withdrawn, found);
    if jwks.uri.as_ref().is_some_and(|uri| is_open(uri)) {
        warn(
            found,
            format!("{at}.uri"),
            "keys fetched over http can be replaced in transit; use https",
        );
    }
}

fn places(at: &str, places: &Places, found: &mut Vec<ConfigError>) {
    if places.from_params.is_some() {
        warn(
            found,
            format!("{at}.from_params"),
            "what stands in a URL ends up in logs, histories and Referer; prefer a header or a cookie",
        );
    }
    for (key, given) in [
        ("from_params", &places.from_params),
        ("from_cookies", &places.from_cookies),
    ] {
        if given.is_some() && places.from_headers.is_none() {
            warn(
                found,
                format!("{at}.{key}"),
                "adds to the default header, which is read too and taken out; write \"from_headers\": [] if tokens are sent nowhere else, or list the headers",
            );
        }
    }
}

/// Whether what comes from here can be changed on its way: `http`, and not to this machine.
fn is_open(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://") else {
        return false;
    };
    let host = rest.split(['/', '?', ':']).next().unwrap_or_default();
    !(host == "localhost" || host.starts_with("127.") || rest.starts_with("[::1]"))
}
