//! `client_address`: where the filter reads the address of a client.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::ConfigError;

/// `client_address`: the source of the client's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAddress {
    /// The text of this name in the proxy's filter state.
    FilterState(String),
    /// No source: the filter does not tell clients apart by their addresses.
    Nobody,
    /// The proxy's own attribute for the client's address.
    Proxy,
}

/// `client_address` as an object.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct AddressInFilterState {
    /// The name of the text in the proxy's filter state.
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
