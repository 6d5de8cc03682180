//! What becomes of a token that has too many groups to list them.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

/// `groups_overage`.
#[derive(Clone, Debug)]
pub enum GroupsOverage {
    /// A rule that asks for groups refuses the caller.
    Deny,
    /// This directory knows the groups.
    Directory(String),
}

/// The object form of `groups_overage`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct OverageDirectory {
    /// The directory.
    directory: String,
}

impl<'de> Deserialize<'de> for GroupsOverage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OverageVisitor;

        impl<'de> Visitor<'de> for OverageVisitor {
            type Value = GroupsOverage;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("\"deny\" or {\"directory\": \"...\"}")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<GroupsOverage, E> {
                if word == "deny" {
                    Ok(GroupsOverage::Deny)
                } else {
                    Err(E::custom(format!(
                        "\"{word}\" is not known; known: deny, or an object with directory"
                    )))
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<GroupsOverage, A::Error> {
                OverageDirectory::deserialize(MapAccessDeserializer::new(map))
                    .map(|named| GroupsOverage::Directory(named.directory))
            }
        }

        deserializer.deserialize_any(OverageVisitor)
    }
}
