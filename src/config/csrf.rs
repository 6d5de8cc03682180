//! From which sites credentials count that browsers send by themselves.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::ConfigError;

/// `csrf`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Csrf {
    /// From the site itself.
    #[default]
    Enforce,
    /// From anywhere.
    Off,
    /// From the site itself and from these origins.
    Origins(Vec<String>),
}

/// The object form of `csrf`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CsrfOrigins {
    /// Origins of other sites whose pages may send such requests.
    origins: Vec<String>,
}

impl<'de> Deserialize<'de> for Csrf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CsrfVisitor;

        impl<'de> Visitor<'de> for CsrfVisitor {
            type Value = Csrf;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("\"enforce\", \"off\" or {\"origins\": [\"...\"]}")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Csrf, E> {
                match word {
                    "enforce" => Ok(Csrf::Enforce),
                    "off" => Ok(Csrf::Off),
                    _ => {
                        let what = format!("\"{word}\" is not known");
                        let known = ["enforce", "off", "{\"origins\": [\"...\"]}"];
                        Err(E::custom(ConfigError::unknown("", &what, known).what))
                    }
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Csrf, A::Error> {
                CsrfOrigins::deserialize(MapAccessDeserializer::new(map))
                    .map(|given| Csrf::Origins(given.origins))
            }
        }

        deserializer.deserialize_any(CsrfVisitor)
    }
}
