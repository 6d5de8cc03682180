//! Where credentials are read.

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
    /// Parameters of the query that carry the token, too.
    pub from_params: Option<Vec<FromNamed>>,
    /// Cookies that carry the token, too.
    pub from_cookies: Option<Vec<FromNamed>>,
    /// Whether the token may stand in `Sec-WebSocket-Protocol`, too.
    #[serde(default)]
    pub from_websocket_protocol: bool,
    /// What becomes of a token in a header that is none of the rule's providers', beside a cookie that holds; `"remove"`
    /// where absent.
    pub foreign: Option<Foreign>,
}

/// A header that carries a token; a cookie or a parameter with a prefix.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FromHeader {
    /// The name.
    pub name: String,
    /// What stands before the token, such as `"Bearer "`; nothing where absent.
    #[serde(default)]
    pub value_prefix: String,
}

/// A cookie or a parameter that carries a token: its name, or its name and what stands before the token.
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

/// `foreign`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Foreign {
    /// It goes upstream: it is the application's own.
    Forward,
    /// It is taken out.
    Remove,
}
