//! `require`: a word, or an object whose keys must all be met.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

use super::ClaimCondition;
use crate::json::UniqueMap;

/// `require`: what a caller needs for the rule to let the request pass.
#[derive(Clone, Debug)]
pub enum Require {
    /// An object whose keys must all be met.
    Object(Box<RequireObject>),
    /// One word that says it all.
    Word(RequireWord),
}

/// The words that `require` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequireWord {
    /// No request passes, not even with a good credential.
    Deny,
    /// A credential is not needed, but a bad one is refused.
    Optional,
    /// Every request passes, and the filter does not read credentials.
    Public,
    /// Any caller with a good credential passes.
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
    /// Names of providers, one of which must have authenticated the caller.
    pub provider: Option<OneOrMany>,
    /// Groups, at least one of which the caller must be in.
    pub groups: Option<Vec<String>>,
    /// Roles, at least one of which the caller must have.
    pub roles: Option<Vec<String>>,
    /// Permissions, at least one of which the caller must have.
    pub permissions: Option<Vec<String>>,
    /// Scopes, at least one of which the token must carry.
    pub scopes: Option<Vec<String>>,
    /// Claims with their tests, all of which must pass.
    pub claims: Option<UniqueMap<ClaimCondition>>,
    /// Whether the caller must be a machine (`true`) or must not be one (`false`).
    pub m2m: Option<bool>,
    /// The decision point that must permit the request.
    pub decision: Option<RequireDecision>,
    /// Requirements, at least one of which must be met.
    pub any: Option<Vec<Require>>,
    /// Requirements, all of which must be met.
    pub all: Option<Vec<Require>>,
    /// A requirement that must not be met.
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

/// `decision`: the question that a decision point must answer with a permit.
#[derive(Clone, Debug)]
pub enum RequireDecision {
    /// The decision point of this name, asked about the request's method and path.
    Point(String),
    /// A decision point, asked about an action and a resource that the rule names.
    Object(DecisionObject),
}

/// `decision` as an object: what the question names instead of the request's method and path.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DecisionObject {
    /// The name of the decision point.
    pub point: String,
    /// What the caller wants to do; the request's method where absent.
    pub action: Option<String>,
    /// The resource that the caller wants to act on; the request's path where absent.
    pub resource: Option<ResourceObject>,
}

/// `resource`: the object of the action in a question to a decision point.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResourceObject {
    /// The type of the resource, such as `document`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The identifier of the resource within its type.
    pub id: ResourceId,
}

/// `id` of a resource: fixed, or from the request's path.
#[derive(Clone, Debug)]
pub enum ResourceId {
    /// This text, the same for every request.
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

/// `id` of a resource as an object.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct IdVariable {
    /// The name of the variable of the rule's `path_template`.
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
