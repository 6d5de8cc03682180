//! Compiles the rules for tokens, for the kinds whose credentials are tokens with claims.

use std::time::Duration;

use super::Compiled;
use crate::config::{self, AlgorithmName, ClaimCondition, ConfigError, OneOrMany};
use crate::jose::{AlgorithmSet, TimeRules};
use crate::policy::compile::claims;
use crate::policy::provider::{Audience, Signed, TokenRules};

impl Compiled {
    /// What must hold of claims, whoever vouches for them.
    pub(super) fn token_rules(
        &mut self,
        at: &str,
        tokens: &config::Tokens,
        issuers: Vec<String>,
        audience: Audience,
    ) -> Result<TokenRules, ConfigError> {
        let required = format!("{at}.required_claims");
        Ok(TokenRules {
            issuers: issuers.into(),
            made: None,
            audience,
            times: TimeRules {
                clock_skew: clock_skew(tokens),
                require_expiration: tokens.require_expiration.unwrap_or(true),
                max_lifetime: tokens.max_lifetime.map(|lifetime| lifetime.0),
            },
            token_use: Box::default(),
            required_claims: claims::compile(&required, &tokens.required_claims, None)?,
            possession: self.possession(at, tokens)?,
        })
    }

    /// How the tokens of issuers that sign them are verified. A kind that knows where its keys are names their address.
    pub(super) fn signed(
        &mut self,
        at: &str,
        given: &config::Signatures,
        rules: TokenRules,
        keys_uri: Option<String>,
    ) -> Result<Signed, ConfigError> {
        let types = given.token_types.as_deref();
        let token_types = listed(&format!("{at}.token_types"), types)?;
        let padded = padded(at, given)?;
        let required = format!("{at}.required_header");
        let required_header = claims::compile(&required, &given.required_header, None)?;
        let algorithms = match given.algorithms.as_deref() {
            None => AlgorithmSet::all_asymmetric(),
            Some(names) => algorithms(at, names)?,
        };
        let keys = self.keys(at, given.jwks.as_ref(), &rules.issuers, keys_uri)?;
        Ok(Signed {
            algorithms,
            keys,
            rules,
            token_types: token_types.into(),
            required_header,
            padded,
            identity_pool: None,
        })
    }

    /// Warns where tokens count whomever they are for.
    pub(super) fn warn_of_any_audience(&mut self, at: &str, audience: &Audience, key: &str) {
        if matches!(audience, Audience::Unchecked) {
            self.warnings.push(ConfigError::new(
                at,
                format!("tokens for any audience are accepted; name yours in \"{key}\""),
            ));
        }
    }
}

/// The issuers that a configuration names.
pub(super) fn issuers(at: &str, given: Option<&OneOrMany>) -> Result<Vec<String>, ConfigError> {
    let given = given.map(|OneOrMany(issuers)| issuers.as_slice());
    listed(&format!("{at}.issuer"), given)
}

pub(super) fn audience(at: &str, given: Option<&[String]>) -> Result<Audience, ConfigError> {
    let audiences = listed(&format!("{at}.audiences"), given)?;
    Ok(if audiences.is_empty() {
        Audience::Unchecked
    } else {
        Audience::AnyOf(audiences.into())
    })
}

/// The values of a list that, where it is given, is not empty and has no empty values.
pub(super) fn listed(at: &str, list: Option<&[String]>) -> Result<Vec<String>, ConfigError> {
    match list {
        None => Ok(Vec::new()),
        Some(list) if list.is_empty() || list.iter().any(String::is_empty) => {
            Err(ConfigError::new(
                at,
                "is empty or has an empty value; leave the key out or fill it",
            ))
        }
        Some(list) => Ok(list.to_vec()),
    }
}

/// A name that becomes a part of URIs.
pub(super) fn named<'c>(at: &str, key: &str, value: &'c str) -> Result<&'c str, ConfigError> {
    let mut bytes = value.bytes();
    if !value.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    {
        return Ok(value);
    }
    Err(ConfigError::new(
        format!("{at}.{key}"),
        format!("\"{value}\" is not made of letters, digits, \"-\" and \"_\""),
    ))
}

/// Whether tokens are padded. AWS's load balancers make such, and those of all accounts of a region share an address of keys
/// and write what their owners like: only the header's signer says whose a token is.
fn padded(at: &str, given: &config::Signatures) -> Result<bool, ConfigError> {
    if given.padded != Some(true) {
        return Ok(false);
    }
    let mut tests = given.required_header.iter();
    let names_signer = tests.any(|(member, test)| {
        let names = match test {
            ClaimCondition::Literal(_) => true,
            ClaimCondition::Object(test) => test.any_of.is_some(),
        };
        member == "signer" && names
    });
    if names_signer {
        return Ok(true);
    }
    Err(ConfigError::new(
        format!("{at}.padded"),
        "load balancers of all accounts share their keys: name yours, \"required_header\": {\"signer\": {\"any_of\": [\"arn:…\"]}}",
    ))
}

/// By how much the clocks of issuers and clients may differ from ours.
pub(super) fn clock_skew(tokens: &config::Tokens) -> Duration {
    let minute = Duration::from_secs(60);
    tokens.clock_skew.map_or(minute, |skew| skew.0)
}

/// The algorithms of a list, which is not empty.
pub(super) fn algorithms(at: &str, names: &[AlgorithmName]) -> Result<AlgorithmSet, ConfigError> {
    if names.is_empty() {
        return Err(ConfigError::new(
            format!("{at}.algorithms"),
            "an empty list accepts no token",
        ));
    }
    Ok(names.iter().map(|AlgorithmName(name)| *name).collect())
}
