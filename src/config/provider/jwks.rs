//! Keys of issuers, and the algorithms that they sign with.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::config::{ConfigError, DurationText, Share};
use crate::jose::Algorithm;
use crate::json::StrictValue;

/// An item of `algorithms`: a name of RFC 7518 §3.1, RFC 8037 or RFC 8812.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlgorithmName(pub Algorithm);

impl<'de> Deserialize<'de> for AlgorithmName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AlgorithmVisitor;

        impl Visitor<'_> for AlgorithmVisitor {
            type Value = AlgorithmName;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an algorithm")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<AlgorithmName, E> {
                Algorithm::from_name(name)
                    .map(AlgorithmName)
                    .ok_or_else(|| {
                        let what = format!("\"{name}\" is not an algorithm");
                        let known = Algorithm::ALL.iter().map(|algorithm| algorithm.name());
                        E::custom(ConfigError::unknown("", &what, known).what)
                    })
            }
        }

        deserializer.deserialize_str(AlgorithmVisitor)
    }
}

/// `jwks`: where the issuer's keys come from and how long the filter uses them.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Jwks {
    /// The key set itself (RFC 7517 §5).
    pub inline: Option<StrictValue>,
    /// The `http` or `https` URI that the key set is fetched from.
    pub uri: Option<String>,
    /// Whether the issuer's OpenID configuration names the URI that the key set is fetched from.
    pub discovery: Option<bool>,
    /// Where the callout goes: a cluster in Envoy and Istio, `host[:port]` in nginx hosts; the URI's host where absent.
    pub upstream: Option<String>,
    /// The only keys of the issuer that are trusted, by their thumbprints (RFC 7638, SHA-256, base64url).
    pub pinned_thumbprints: Option<Vec<String>>,
    /// How long a fetched key set is fresh; 20 minutes where absent.
    pub cache_duration: Option<DurationText>,
    /// After how many verified tokens the filter fetches the key set again in the background; no such bound where
    /// absent.
    pub cache_usages: Option<u64>,
    /// The share of `cache_duration` after which the filter fetches the key set again in the background; 0.8 where
    /// absent.
    pub refresh_ahead: Option<Share>,
    /// How long the filter uses a key set beyond `cache_duration` while the issuer cannot be reached; an hour where
    /// absent.
    pub stale_for: Option<DurationText>,
    /// The least time between two fetches because of a token with an unknown `kid`; 30 seconds where absent.
    pub unknown_kid_cooldown: Option<DurationText>,
    /// How long one callout may take; 5 seconds where absent.
    pub timeout: Option<DurationText>,
    /// How many more callouts a fetch makes after one without a good answer, at most 5; 1 where absent.
    pub retry: Option<u8>,
    /// The most keys that a set may have, 1 to 1024; 256 where absent.
    pub max_keys: Option<u32>,
    /// The most bytes that a set may have, 1 to 1048576; 262144 where absent.
    pub max_bytes: Option<u32>,
}
