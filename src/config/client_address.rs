//! Who says where a request comes from.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::ConfigError;

/// `client_address`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAddress {
    /// A text in the proxy's filter state, by its name.
    FilterState(String),
    /// Nobody: clients are not told apart by their addresses.
    Nobody,
    /// The proxy, by its own word for the client's address.
    Proxy,
}

/// The object form of `client_address`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct AddressInFilterState {
    /// The name in the proxy's filter state.
    filter_state: String,
}

impl<'de> Deserialize<'de> for ClientAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AddressVisitor;

        impl<'de> Visitor<'de> for AddressVisitor {
            type Value = ClientAddress;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("\"proxy\", \"none\" or {\"filter_state\": \"...\"}")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<ClientAddress, E> {
                match word {
                    "none" => Ok(ClientAddress::Nobody),
                    "proxy" => Ok(ClientAddress::Proxy),
                    _ => {
                        let what = format!("\"{word}\" is not known");
                        let known = ["none", "proxy", "{\"filter_state\": \"...\"}"];
                        Err(E::custom(ConfigError::unknown("", &what, known).what))
                    }
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClientAddress, A::Error> {
                AddressInFilterState::deserialize(MapAccessDeserializer::new(map))
                    .map(|named| ClientAddress::FilterState(named.filter_state))
            }
        }

        deserializer.deserialize_any(AddressVisitor)
    }
}
