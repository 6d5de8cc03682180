//! Where the filter reads credentials.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

/// The keys that say where credentials are read. All kinds have them but `basic`: clients send passwords in one header only.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Places {
    /// Headers that carry the token; the kind's own header where absent (`X-Api-Key` for API keys, `Authorization: Bearer`
    /// for all else), no header where empty.
    pub from_headers: Option<Vec<FromHeader>>,
    /// Parameters of the query that may also carry the token.
    pub from_params: Option<Vec<FromNamed>>,
    /// Cookies that may also carry the token.
    pub from_cookies: Option<Vec<FromNamed>>,
    /// Whether `Sec-WebSocket-Protocol` may also carry the token.
    #[serde(default)]
    pub from_websocket_protocol: bool,
    /// What the filter does with a token in a header that no provider of the rule accepts, where a cookie authenticates
    /// the caller; `"remove"` where absent.
    pub foreign: Option<Foreign>,
}

/// A header that carries a token; a cookie or a parameter with a prefix.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FromHeader {
    /// The name of the header, the cookie or the parameter.
    pub name: String,
    /// The text before the token in the value, such as `"Bearer "`; none where absent.
    #[serde(default)]
    pub value_prefix: String,
}

/// A cookie or a parameter that carries a token: its name, or its name and the text before the token.
#[derive(Clone, Debug)]
pub struct FromNamed(pub FromHeader);

impl<'de> Deserialize<'de> for FromNamed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FromNamedVisitor;

        impl<'de> Visitor<'de> for FromNamedVisitor {
            type Value = FromNamed;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name, or {\"name\": \"...\", \"value_prefix\": \"...\"}")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<FromNamed, E> {
                Ok(FromNamed(FromHeader {
                    name: name.to_owned(),
                    value_prefix: String::new(),
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FromNamed, A::Error> {
                FromHeader::deserialize(MapAccessDeserializer::new(map)).map(FromNamed)
            }
        }

        deserializer.deserialize_any(FromNamedVisitor)
    }
}

/// `foreign`: what the filter does with a token in a header that no provider of the rule accepts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Foreign {
    /// The token goes upstream: it belongs to the application.
    Forward,
    /// The filter removes the token.
    Remove,
}
