//! The configuration as operators write it: one type per JSON object, no behaviour.
//!
//! What a key means and which combinations hold together is decided by
//! [`Policy::compile`](crate::policy::Policy::compile), the only validator. Here a text becomes types, and
//! what is not a known key, a known word or the right JSON type is refused with its place.

mod claim_test;
mod delivery;
mod duration;
mod error;
mod require;
mod share;

pub use self::claim_test::{ClaimTest, ClaimTestObject, Literal};
pub use self::duration::DurationText;
pub use self::error::ConfigError;
pub use self::require::{OneOrMany, Require, RequireObject, RequireWord};
pub use self::share::Share;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

use self::delivery::Delivery;
use crate::json::{StrictValue, UniqueMap};

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the filter does with its decisions.
    #[serde(default)]
    pub mode: Mode,
    /// The `realm` of `Bearer` challenges (RFC 9110 §11.5); `"api"` where absent.
    pub realm: Option<String>,
    /// Who vouches for callers, by the name that rules use.
    #[serde(default = "UniqueMap::default")]
    pub providers: UniqueMap<Provider>,
    /// What callers may do: the first rule that matches decides.
    pub rules: Vec<Rule>,
    /// Whether CORS preflight requests, which carry no credentials, go through without any.
    #[serde(default)]
    pub bypass_cors_preflight: bool,
    /// What the upstream is told about the caller.
    #[serde(default)]
    pub upstream_headers: UpstreamHeaders,
    /// Bounds on what a request may cost.
    #[serde(default)]
    pub limits: Limits,
}

/// `mode`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Pass everything through; only the headers that the filter owns are removed.
    Disabled,
    /// Decide and refuse.
    #[default]
    Enforce,
    /// Decide, count and log, never refuse.
    Shadow,
}

/// A provider: the keys of all kinds together; those of another kind are refused when compiled.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Which kind of provider, and so which other keys it takes.
    pub kind: ProviderKind,

    /// Exact values of `iss`, any of which is accepted.
    pub issuer: Option<OneOrMany>,
    /// Values of `aud`, any of which is accepted.
    pub audiences: Option<Vec<String>>,

    /// AWS region of the user pool.
    pub region: Option<String>,
    /// The user pool's id.
    pub user_pool_id: Option<String>,
    /// App clients whose tokens are accepted.
    pub client_ids: Option<Vec<String>>,
    /// Accepted values of `token_use`; `["access"]` where absent.
    pub token_use: Option<Vec<TokenUse>>,

    /// Signature algorithms that are accepted (RFC 7518 §3.1).
    pub algorithms: Option<Vec<String>>,
    /// Where the keys come from.
    pub jwks: Option<Jwks>,
    /// Headers that carry the token; `Authorization: Bearer` where none of the four is given.
    pub from_headers: Option<Vec<FromHeader>>,
    /// Parameters of the query that carry the token.
    pub from_params: Option<Vec<String>>,
    /// Cookies that carry the token.
    pub from_cookies: Option<Vec<String>>,
    /// Whether the token may stand behind `bearer` in `Sec-WebSocket-Protocol`.
    #[serde(default)]
    pub from_websocket_protocol: bool,
    /// Whether the credential goes upstream; removed by default.
    #[serde(default)]
    pub forward: bool,
    /// How far clocks may differ.
    pub clock_skew: Option<DurationText>,
    /// Whether a token must expire; true by default.
    pub require_expiration: Option<bool>,
    /// The longest time between a token's issue and its expiry.
    pub max_lifetime: Option<DurationText>,
    /// Accepted values of the header `typ`.
    pub token_types: Option<Vec<String>>,
    /// Claims that each token must have, with their tests.
    #[serde(default = "UniqueMap::default")]
    pub required_claims: UniqueMap<ClaimTest>,

    /// The claim that identifies the caller, in order of preference.
    pub subject: Option<OneOrMany>,
    /// The claim that names the caller, in order of preference.
    pub name: Option<OneOrMany>,
    /// The claim with the caller's e-mail address, in order of preference.
    pub email: Option<OneOrMany>,
    /// Where groups come from.
    pub groups: Option<Vec<Source>>,
    /// Where roles come from.
    pub roles: Option<Vec<Source>>,
    /// Where permissions come from.
    pub permissions: Option<Vec<Source>>,
    /// Where scopes come from.
    pub scopes: Option<Vec<Source>>,
}

/// `kind`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// An Amazon Cognito user pool.
    Cognito,
    /// Any issuer of JSON Web Tokens.
    Jwt,
}

/// An accepted `token_use`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum TokenUse {
    /// An access token.
    Access,
    /// An ID token.
    Id,
}

impl TokenUse {
    /// The claim's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Id => "id",
        }
    }
}

/// `jwks`: where keys come from and how long they serve.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwks {
    /// The key set itself (RFC 7517 §5).
    pub inline: Option<StrictValue>,
    /// Where it is fetched.
    pub uri: Option<String>,
    /// Whether the issuer's OpenID configuration says where it is fetched.
    pub discovery: Option<bool>,
    /// Where the callout goes: a cluster in Envoy and Istio, `host[:port]` in nginx hosts.
    pub upstream: Option<String>,
    /// The only keys of the issuer that are trusted, by their thumbprints (RFC 7638, SHA-256, base64url).
    pub pinned_thumbprints: Option<Vec<String>>,
    /// How long a fetched set is fresh.
    pub cache_duration: Option<DurationText>,
    /// After how many verified tokens it is fetched again in the background.
    pub cache_usages: Option<u64>,
    /// The share of that time after which it is fetched again in the background.
    pub refresh_ahead: Option<Share>,
    /// How long a set serves beyond its time while the issuer cannot be reached.
    pub stale_for: Option<DurationText>,
    /// An unknown `kid` triggers at most one fetch per this time.
    pub unknown_kid_cooldown: Option<DurationText>,
    /// How long one callout may take.
    pub timeout: Option<DurationText>,
    /// How many more callouts a fetch makes that got no good answer; 1 where absent.
    pub retry: Option<u8>,
}

/// A header that carries a token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromHeader {
    /// The header's name.
    pub name: String,
    /// What stands before the token, such as `"Bearer "`; nothing where absent.
    #[serde(default)]
    pub value_prefix: String,
}

/// One source of groups, roles, permissions or scopes: exactly one of its keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A claim: literal name, or JSON Pointer where it starts with `/`.
    pub claim: Option<String>,
    /// The caller's groups, as they are or mapped.
    pub from_groups: Option<FromGroups>,
    /// Values that each caller of the provider has.
    #[serde(rename = "static")]
    pub fixed: Option<Vec<String>>,
}

/// `from_groups`.
#[derive(Clone, Debug)]
pub enum FromGroups {
    /// Each group as it is.
    Same,
    /// The values that each named group gives.
    Mapped(UniqueMap<Vec<String>>),
}

impl<'de> Deserialize<'de> for FromGroups {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FromGroupsVisitor;

        impl<'de> Visitor<'de> for FromGroupsVisitor {
            type Value = FromGroups;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("true, or an object of group names with lists")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<FromGroups, E> {
                if value {
                    Ok(FromGroups::Same)
                } else {
                    Err(E::custom("false gives nothing; leave the source out"))
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FromGroups, A::Error> {
                UniqueMap::deserialize(MapAccessDeserializer::new(map)).map(FromGroups::Mapped)
            }
        }

        deserializer.deserialize_any(FromGroupsVisitor)
    }
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The rule's name in logs and metrics; `rules[N]` where absent.
    pub name: Option<String>,
    /// Which requests it is for.
    #[serde(rename = "match")]
    pub matches: Match,
    /// What they need.
    pub require: Require,
}

/// `match`: keys are ANDed, lists mean any-of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The whole path.
    pub path: Option<String>,
    /// The path's first segments.
    pub path_prefix: Option<String>,
    /// Methods (RFC 9110 §9.1).
    pub methods: Option<Vec<String>>,
    /// Hosts, exact or `*.example.com`.
    pub hosts: Option<Vec<String>>,
}

/// `upstream_headers`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamHeaders {
    /// What the identity headers' names begin with; `x-auth-` where absent.
    pub prefix: Option<String>,
    /// Further headers, each with the claim that fills it.
    #[serde(default = "UniqueMap::default")]
    pub claims: UniqueMap<String>,
    /// The header that carries the token's payload as it was received: base64url JSON.
    pub payload: Option<String>,
}

/// `limits`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The longest token that is looked at; 16384 where absent.
    pub token_bytes: Option<u32>,
    /// Callouts in flight per VM; 64 where absent.
    pub callouts: Option<u32>,
    /// How long a request may wait for keys; 10 seconds where absent.
    pub hold: Option<DurationText>,
    /// Requests that may wait at one time per VM; 1024 where absent.
    pub held_requests: Option<u32>,
}

impl Config {
    /// Reads a configuration as the host hands it over: JSON text, a JSON string that holds such text, or the
    /// bytes of a `google.protobuf.Struct`.
    ///
    /// # Errors
    /// The first thing that is not a configuration, with its JSON path; in text also its line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        match Delivery::of(bytes) {
            Some(Delivery::Text(text)) => Self::parse_text(text.trim_ascii()),
            // By way of text, so that there is one reader; its lines and columns are nobody's.
            Some(Delivery::Object(object)) => Self::parse_object(object.to_string().as_bytes())
                .map_err(ConfigError::without_position),
            None => Err(ConfigError::new(
                "",
                "the configuration is neither JSON nor a google.protobuf.Struct",
            )),
        }
    }

    fn parse_text(text: &[u8]) -> Result<Self, ConfigError> {
        match text.first() {
            None => Err(ConfigError::new(
                "",
                "the configuration is empty; it is one JSON object with \"rules\"",
            )),
            Some(b'"') => {
                let inner: String = serde_json::from_slice(text)
                    .map_err(|error| ConfigError::from_json("", &error))?;
                Self::parse_object(inner.as_bytes())
            }
            Some(_) => Self::parse_object(text),
        }
    }

    fn parse_object(text: &[u8]) -> Result<Self, ConfigError> {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let config = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| ConfigError::from_json(&error.path().to_string(), error.inner()))?;
        deserializer
            .end()
            .map_err(|error| ConfigError::from_json("", &error))?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
