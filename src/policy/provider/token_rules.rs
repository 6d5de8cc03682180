//! The rules for the claims of a token.

use crate::jose::{ClaimSet, TimeRules, TokenError};
use crate::policy::claim::ClaimRule;
use crate::possession::Possession;
use crate::time::UnixTime;

/// The audience that a token must name.
#[derive(Clone, Debug)]
pub enum Audience {
    /// Any of these in `aud` (RFC 7519 §4.1.3).
    AnyOf(Box<[String]>),
    /// Any of these clients, in a claim that depends on the token.
    Clients {
        /// The identifiers of the clients.
        clients: Box<[String]>,
        /// Whether claims name one of them.
        names: fn(&ClaimSet, &[String]) -> bool,
    },
    /// Tokens for any audience are accepted.
    Unchecked,
}

/// The rules for a token's claims.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// Accepted issuers; none means that any is accepted.
    pub issuers: Box<[String]>,
    /// What holds of all tokens of the issuer's make.
    pub made: Option<fn(&ClaimSet) -> bool>,
    /// The audience that tokens must name.
    pub audience: Audience,
    /// The rules for `exp`, `nbf` and `iat`.
    pub times: TimeRules,
    /// Accepted `token_use`; none means that it is not looked at.
    pub token_use: Box<[&'static str]>,
    /// Claims that each token must have, with their tests.
    pub required_claims: Box<[ClaimRule]>,
    /// How tokens are bound to a key of the caller's, and what proves it.
    pub possession: Possession,
}

impl TokenRules {
    /// Whether the token names one of these issuers. Proves nothing.
    #[must_use]
    pub fn is_named_by(&self, claims: &ClaimSet) -> bool {
        self.issuers.is_empty()
            || claims
                .issuer()
                .is_some_and(|issuer| self.issuers.iter().any(|own| own == issuer))
    }

    /// What must hold of claims, whoever vouches for them.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check_claims(&self, claims: &ClaimSet, now: UnixTime) -> Result<(), TokenError> {
        claims.check_times(&self.times, now)?;
        if !self.token_use.is_empty()
            && !claims
                .text_of("token_use")
                .is_some_and(|held| self.token_use.contains(&held))
        {
            return Err(TokenError::WrongTokenUse);
        }
        if !self.audience_holds(claims) {
            return Err(TokenError::WrongAudience);
        }
        if self.made.is_none_or(|holds| holds(claims))
            && self
                .required_claims
                .iter()
                .all(|rule| rule.holds(claims, &[]))
        {
            Ok(())
        } else {
            Err(TokenError::ClaimRefused)
        }
    }

    fn audience_holds(&self, claims: &ClaimSet) -> bool {
        match &self.audience {
            Audience::Unchecked => true,
            Audience::AnyOf(wanted) => is_for_any(claims, wanted),
            Audience::Clients { clients, names } => names(claims, clients),
        }
    }
}

/// Whether claims name one of these audiences.
pub(in crate::policy) fn is_for_any(claims: &ClaimSet, wanted: &[String]) -> bool {
    let mut audiences = claims.audiences();
    audiences.any(|held| wanted.iter().any(|own| own == held))
}
