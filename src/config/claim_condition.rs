//! Tests of claims: a literal, or an object with exactly one of the known keys.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

/// A test of one claim.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimCondition {
    /// The claim is this.
    Literal(Literal),
    /// An object: exactly one key is given.
    Object(ClaimConditionObject),
}

/// The object form of a test.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimConditionObject {
    /// The claim is one of these.
    pub any_of: Option<Vec<Literal>>,
    /// The claim is a list with this item, or a string with this word.
    pub contains: Option<Literal>,
    /// The claim is a string that begins with this.
    pub prefix: Option<String>,
    /// The claim is there, or is not.
    pub present: Option<bool>,
    /// The claim equals the segment of the request's path that this variable names.
    pub path_variable: Option<String>,
}

/// What a claim is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A string.
    Text(String),
}

struct LiteralVisitor;

impl Visitor<'_> for LiteralVisitor {
    type Value = Literal;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, a whole number, true or false")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Literal, E> {
        Ok(Literal::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Literal, E> {
        Ok(Literal::Integer(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Literal, E> {
        i64::try_from(value)
            .map(Literal::Integer)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Literal, E> {
        Ok(Literal::Text(value.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LiteralVisitor)
    }
}

impl<'de> Deserialize<'de> for ClaimCondition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TestVisitor;

        impl<'de> Visitor<'de> for TestVisitor {
            type Value = ClaimCondition;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string, a whole number, true, false or an object")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<ClaimCondition, E> {
                LiteralVisitor
                    .visit_bool(value)
                    .map(ClaimCondition::Literal)
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<ClaimCondition, E> {
                LiteralVisitor.visit_i64(value).map(ClaimCondition::Literal)
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<ClaimCondition, E> {
                LiteralVisitor.visit_u64(value).map(ClaimCondition::Literal)
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<ClaimCondition, E> {
                LiteralVisitor.visit_str(value).map(ClaimCondition::Literal)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClaimCondition, A::Error> {
                ClaimConditionObject::deserialize(MapAccessDeserializer::new(map))
                    .map(ClaimCondition::Object)
            }
        }

        deserializer.deserialize_any(TestVisitor)
    }
}
