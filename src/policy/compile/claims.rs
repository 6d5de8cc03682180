//! Compiles claim conditions, as the configuration writes them.

use super::providers::claim_path;
use crate::config::{self, ClaimConditionObject, ConfigError, Literal};
use crate::json::UniqueMap;
use crate::policy::claim::{ClaimCondition, ClaimRule};
use crate::policy::route::{HeaderTest, MatchHeader};
use crate::text::is_token;

/// Tests of claims; `variables` are those of the rule's path, none for what is asked of a provider's tokens.
pub(super) fn compile(
    at: &str,
    tests: &UniqueMap<config::ClaimCondition>,
    variables: Option<&[&str]>,
) -> Result<Box<[ClaimRule]>, ConfigError> {
    tests
        .iter()
        .map(|(claim, test)| {
            let at = format!("{at}.{claim}");
            Ok(ClaimRule {
                path: claim_path(&at, claim)?,
                test: self::test(&at, test, variables)?,
            })
        })
        .collect()
}

/// The tests of headers in a rule's `match`.
pub(super) fn headers(
    at: &str,
    tests: &UniqueMap<config::ClaimCondition>,
) -> Result<Box<[MatchHeader]>, ConfigError> {
    let text = |at: &str, literal: Literal| match literal {
        Literal::Text(text) => Ok(text),
        _ => Err(ConfigError::new(at, "a header's value is a string")),
    };
    tests
        .iter()
        .map(|(name, test)| {
            let at = format!("{at}.{name}");
            if !is_token(name) {
                return Err(ConfigError::new(
                    at,
                    format!("\"{name}\" is not a header name"),
                ));
            }
            let test = match self::test(&at, test, None)? {
                ClaimCondition::AnyOf(values) => HeaderTest::AnyOf(
                    values
                        .into_iter()
                        .map(|value| text(&at, value))
                        .collect::<Result<_, _>>()?,
                ),
                ClaimCondition::Prefix(start) => HeaderTest::Prefix(start),
                ClaimCondition::Present(wanted) => HeaderTest::Present(wanted),
                ClaimCondition::Contains(_) | ClaimCondition::PathVariable(_) => {
                    return Err(ConfigError::new(
                        at,
                        "takes a string, or exactly one of any_of, prefix, present",
                    ));
                }
            };
            let name = name.to_ascii_lowercase();
            Ok(MatchHeader { name, test })
        })
        .collect()
}

/// Refuses a name that the rule's path does not have.
pub(super) fn variable(at: &str, name: &str, known: &[&str]) -> Result<(), ConfigError> {
    if known.contains(&name) {
        return Ok(());
    }
    Err(ConfigError::unknown(
        at,
        &format!("\"{name}\" is not a variable of the rule's path_template"),
        known.iter().copied(),
    ))
}

fn test(
    at: &str,
    test: &config::ClaimCondition,
    variables: Option<&[&str]>,
) -> Result<ClaimCondition, ConfigError> {
    let object = match test {
        config::ClaimCondition::Literal(literal) => {
            return Ok(ClaimCondition::AnyOf(Box::new([literal.clone()])));
        }
        config::ClaimCondition::Object(object) => object,
    };
    if let Some(name) = &object.path_variable {
        let at = format!("{at}.path_variable");
        match variables {
            None => {
                return Err(ConfigError::new(
                    at,
                    "belongs to the claims of a rule with a path_template",
                ));
            }
            Some(known) => variable(&at, name, known)?,
        }
    }
    if object.any_of.as_ref().is_some_and(Vec::is_empty) {
        return Err(ConfigError::new(
            format!("{at}.any_of"),
            "an empty list holds for no token",
        ));
    }
    let ClaimConditionObject {
        any_of,
        contains,
        prefix,
        present,
        path_variable,
    } = object.clone();
    let given = [
        any_of.map(|literals| ClaimCondition::AnyOf(literals.into())),
        contains.map(ClaimCondition::Contains),
        prefix.map(ClaimCondition::Prefix),
        present.map(ClaimCondition::Present),
        path_variable.map(ClaimCondition::PathVariable),
    ];
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(test), None) => Ok(test),
        _ => Err(ConfigError::new(
            at,
            "takes a value, or exactly one of any_of, contains, prefix, present, path_variable",
        )),
    }
}
