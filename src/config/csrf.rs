//! `csrf`: from which sites the filter accepts credentials that browsers send by themselves.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::ConfigError;

/// `csrf`: the sites whose pages may send requests with credentials that browsers add by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Csrf {
    /// Pages of the site itself only.
    #[default]
    Enforce,
    /// Pages of any site: there is no protection against cross-site requests.
    Off,
    /// Pages of the site itself and of these origins.
    Origins(Vec<String>),
}

/// `csrf` as an object.
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
