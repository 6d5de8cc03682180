//! The sources of a caller's groups, roles, permissions, scopes and profile.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use crate::json::UniqueMap;

/// One source of groups, roles, permissions or scopes: exactly one of its keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The claim of this name, or the claim at this JSON Pointer where it starts with `/`.
    pub claim: Option<String>,
    /// The list that the directory of this name has for the caller.
    pub directory: Option<String>,
    /// The caller's groups, as they are or mapped.
    pub from_groups: Option<FromGroups>,
    /// Values that each caller of the provider has.
    #[serde(rename = "static")]
    pub fixed: Option<Vec<String>>,
}

impl Source {
    /// A source that is the claim of this name.
    #[must_use]
    pub fn claim(name: &str) -> Self {
        Self {
            claim: Some(name.to_owned()),
            ..Self::default()
        }
    }
}

/// One source of the caller's profile.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileSource {
    /// The name of the directory that knows the profile.
    pub directory: String,
}

/// `from_groups`: how the caller's groups become values of another list.
#[derive(Clone, Debug)]
pub enum FromGroups {
    /// Each group is a value, unchanged.
    Same,
    /// Each group gives the values that are listed under its name; a group that is not listed gives none.
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
