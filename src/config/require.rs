//! `require`: a word, or an object whose keys are ANDed.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

use super::ClaimCondition;
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
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
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
    pub claims: Option<UniqueMap<ClaimCondition>>,
    /// Whether the caller is a machine.
    pub m2m: Option<bool>,
    /// The decision point that must permit it.
    pub decision: Option<RequireDecision>,
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

/// `decision`.
#[derive(Clone, Debug)]
pub enum RequireDecision {
    /// A decision point is asked about the request.
    Point(String),
    /// It is asked about more than the request says.
    Object(DecisionObject),
}

/// `decision` as an object: what the question names instead of the request's method and path.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DecisionObject {
    /// The decision point.
    pub point: String,
    /// What the caller wants to do; the request's method where absent.
    pub action: Option<String>,
    /// To what; the request's path where absent.
    pub resource: Option<ResourceObject>,
}

/// `resource`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResourceObject {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which one.
    pub id: ResourceId,
}

/// `id` of a resource.
#[derive(Clone, Debug)]
pub enum ResourceId {
    /// This one.
    Text(String),
    /// The segment of the request's path that this variable names.
    PathVariable(String),
}

impl<'de> Deserialize<'de> for RequireDecision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DecisionVisitor;

        impl<'de> Visitor<'de> for DecisionVisitor {
            type Value = RequireDecision;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of a decision point, or an object with point")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<RequireDecision, E> {
                Ok(RequireDecision::Point(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RequireDecision, A::Error> {
                DecisionObject::deserialize(MapAccessDeserializer::new(map))
                    .map(RequireDecision::Object)
            }
        }

        deserializer.deserialize_any(DecisionVisitor)
    }
}

/// The object form of a resource's `id`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct IdVariable {
    /// The variable's name.
    path_variable: String,
}

impl<'de> Deserialize<'de> for ResourceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl<'de> Visitor<'de> for IdVisitor {
            type Value = ResourceId;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string, or {\"path_variable\": \"...\"}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ResourceId, E> {
                Ok(ResourceId::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ResourceId, A::Error> {
                IdVariable::deserialize(MapAccessDeserializer::new(map))
                    .map(|named| ResourceId::PathVariable(named.path_variable))
            }
        }

        deserializer.deserialize_any(IdVisitor)
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
