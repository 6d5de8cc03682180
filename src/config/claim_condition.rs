//! Tests of claims: a literal, or an object with exactly one of the known keys.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

/// A test of one claim, or of one header's value.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimCondition {
    /// The claim equals this value.
    Literal(Literal),
    /// An object with exactly one key, which names the test.
    Object(ClaimConditionObject),
}

/// The object form of a test.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimConditionObject {
    /// The claim equals one of these values.
    pub any_of: Option<Vec<Literal>>,
    /// The claim is a list with this item, or a string of words separated by spaces with this word.
    pub contains: Option<Literal>,
    /// The claim is a string that begins with this.
    pub prefix: Option<String>,
    /// Whether the claim must be present (`true`) or absent (`false`).
    pub present: Option<bool>,
    /// The claim equals the segment of the request's path that this variable names.
    pub path_variable: Option<String>,
}

/// A value that a claim is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true` or `false`, a JSON boolean.
    Bool(bool),
    /// A whole number that fits in 64 bits with its sign.
    Integer(i64),
    /// A string, compared byte for byte.
    Text(String),
}

/// As JSON has it.
impl fmt::Display for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Integer(value) => write!(formatter, "{value}"),
            Self::Text(text) => write!(formatter, "{text:?}"),
        }
    }
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
