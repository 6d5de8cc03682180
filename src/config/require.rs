//! `require`: a word, or an object whose keys are ANDed.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

use super::ClaimTest;
use crate::json::UniqueMap;

/// `require`.
#[derive(Clone, Debug)]
pub enum Require {
    /// An object.
    Object(Box<RequireObject>),
    /// A word.
    Word(RequireWord),
}

/// The words that `require` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequireWord {
    /// Nobody passes.
    Deny,
    /// A credential is not needed, but a bad one is refused.
    Optional,
    /// Credentials are not looked at.
    Public,
    /// Any caller with a good credential.
    User,
}

impl RequireWord {
    const ALL: [(&'static str, Self); 4] = [
        ("deny", Self::Deny),
        ("optional", Self::Optional),
        ("public", Self::Public),
        ("user", Self::User),
    ];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, word)| *word)
    }
}

/// `require` as an object: keys are ANDed, lists mean any-of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequireObject {
    /// Providers, one of which vouches for the caller.
    pub provider: Option<OneOrMany>,
    /// Groups, one of which the caller is in.
    pub groups: Option<Vec<String>>,
    /// Roles, one of which the caller has.
    pub roles: Option<Vec<String>>,
    /// Permissions, one of which the caller has.
    pub permissions: Option<Vec<String>>,
    /// Scopes, one of which the token carries.
    pub scopes: Option<Vec<String>>,
    /// Claims with their tests, all of which hold.
    pub claims: Option<UniqueMap<ClaimTest>>,
    /// Whether the caller is a machine.
    pub m2m: Option<bool>,
    /// The decision point that must permit it.
    pub decision: Option<String>,
    /// Requirements, one of which holds.
    pub any: Option<Vec<Require>>,
    /// Requirements, each of which holds.
    pub all: Option<Vec<Require>>,
    /// A requirement that does not hold.
    pub not: Option<Require>,
}

impl<'de> Deserialize<'de> for Require {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RequireVisitor;

        impl<'de> Visitor<'de> for RequireVisitor {
            type Value = Require;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("\"public\", \"deny\", \"user\", \"optional\" or an object")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Require, E> {
                RequireWord::parse(word).map(Require::Word).ok_or_else(|| {
                    E::custom(format!(
                        "\"{word}\" is not a requirement; known: deny, optional, public, user, or an object"
                    ))
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Require, A::Error> {
                RequireObject::deserialize(MapAccessDeserializer::new(map))
                    .map(|object| Require::Object(Box::new(object)))
            }
        }

        deserializer.deserialize_any(RequireVisitor)
    }
}

/// One string, or a list of strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrManyVisitor;

        impl<'de> Visitor<'de> for OneOrManyVisitor {
            type Value = OneOrMany;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string or a list of strings")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![value.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = items.next_element()? {
                    values.push(value);
                }
                Ok(OneOrMany(values))
            }
        }

        deserializer.deserialize_any(OneOrManyVisitor)
    }
}
