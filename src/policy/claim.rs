//! Claim conditions, compiled: the tests of claims and of members of a token's header.

use serde_json::{Map, Value};

use crate::config::Literal;
use crate::jose::ClaimSet;
use crate::json::ClaimPath;

/// A claim and the test that it must pass.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRule {
    /// Where the claim is in the claims set.
    pub path: ClaimPath,
    /// The test that the claim must pass.
    pub test: ClaimCondition,
}

/// A test of a claim's value, or of whether there is one.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimCondition {
    /// The value equals one of these literals.
    AnyOf(Box<[Literal]>),
    /// The value is a list with this item, or a string of words separated by spaces with this one.
    Contains(Literal),
    /// The value is a string that begins with this.
    Prefix(String),
    /// The value is what this variable of the rule's path stands for, as text or as a whole number.
    PathVariable(String),
    /// There is a value, which `null` is not; or there is none.
    Present(bool),
}

impl ClaimRule {
    /// Whether it holds. A claim of another type never equals: `"1"` is not `1`.
    #[must_use]
    pub fn holds(&self, claims: &ClaimSet, variables: &[(String, String)]) -> bool {
        self.test.holds(claims.find(&self.path), variables)
    }

    /// Whether it holds of the members of something else.
    #[must_use]
    pub fn holds_of(&self, members: &Map<String, Value>) -> bool {
        self.test.holds(self.path.find(members), &[])
    }
}

impl ClaimCondition {
    fn holds(&self, value: Option<&Value>, variables: &[(String, String)]) -> bool {
        let value = value.filter(|value| !value.is_null());
        match (self, value) {
            (Self::Present(wanted), value) => value.is_some() == *wanted,
            (_, None) => false,
            (Self::AnyOf(wanted), Some(value)) => {
                wanted.iter().any(|literal| equals(literal, value))
            }
            (Self::Contains(wanted), Some(Value::Array(items))) => {
                items.iter().any(|item| equals(wanted, item))
            }
            (Self::Contains(Literal::Text(word)), Some(Value::String(text))) => {
                text.split(' ').any(|held| held == word)
            }
            (Self::Prefix(start), Some(Value::String(text))) => text.starts_with(start.as_str()),
            (Self::PathVariable(name), Some(value)) => variables
                .iter()
                .find(|(known, _)| known == name)
                .is_some_and(|(_, text)| match value {
                    Value::String(held) => held == text,
                    // An identifier that the issuer writes as a number.
                    Value::Number(held) => {
                        (held.is_u64() || held.is_i64()) && held.to_string() == *text
                    }
                    _ => false,
                }),
            (Self::Contains(_) | Self::Prefix(_), Some(_)) => false,
        }
    }
}

fn equals(literal: &Literal, value: &Value) -> bool {
    match (literal, value) {
        (Literal::Bool(wanted), Value::Bool(held)) => wanted == held,
        (Literal::Integer(wanted), Value::Number(held)) => held.as_i64() == Some(*wanted),
        (Literal::Text(wanted), Value::String(held)) => wanted == held,
        _ => false,
    }
}
