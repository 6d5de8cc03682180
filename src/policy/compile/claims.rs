//! Tests of claims.

use super::providers::claim_path;
use crate::config::{self, ClaimTestObject, ConfigError};
use crate::json::UniqueMap;
use crate::policy::claim::{ClaimRule, ClaimTest};

/// The tests of a provider's `required_claims`.
pub(super) fn compile(
    at: &str,
    tests: &UniqueMap<config::ClaimTest>,
) -> Result<Box<[ClaimRule]>, ConfigError> {
    tests
        .iter()
        .map(|(claim, test)| {
            let at = format!("{at}.{claim}");
            Ok(ClaimRule {
                path: claim_path(&at, claim)?,
                test: self::test(&at, test)?,
            })
        })
        .collect()
}

fn test(at: &str, test: &config::ClaimTest) -> Result<ClaimTest, ConfigError> {
    let object = match test {
        config::ClaimTest::Literal(literal) => {
            return Ok(ClaimTest::AnyOf(Box::new([literal.clone()])));
        }
        config::ClaimTest::Object(object) => object,
    };
    if object.path_variable.is_some() {
        return Err(ConfigError::new(
            format!("{at}.path_variable"),
            "belongs to the claims of a rule: a provider's tokens are for every path",
        ));
    }
    if object.any_of.as_ref().is_some_and(Vec::is_empty) {
        return Err(ConfigError::new(
            format!("{at}.any_of"),
            "an empty list holds for no token",
        ));
    }
    let ClaimTestObject {
        any_of,
        contains,
        prefix,
        present,
        path_variable: _,
    } = object.clone();
    let given = [
        any_of.map(|literals| ClaimTest::AnyOf(literals.into())),
        contains.map(ClaimTest::Contains),
        prefix.map(ClaimTest::Prefix),
        present.map(ClaimTest::Present),
    ];
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(test), None) => Ok(test),
        _ => Err(ConfigError::new(
            at,
            "takes a value, or exactly one of any_of, contains, prefix, present",
        )),
    }
}
