//! `groups_overage`: what the filter does with a token whose caller has too many groups to list them.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

/// `groups_overage`: where the groups of a caller come from whose token cannot list them all.
#[derive(Clone, Debug)]
pub enum GroupsOverage {
    /// From nowhere: a rule that asks for groups refuses the caller.
    Deny,
    /// From the directory of this name.
    Directory(String),
}

/// `groups_overage` as an object.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct OverageDirectory {
    /// The name of the directory that knows the groups.
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
