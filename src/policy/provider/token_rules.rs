//! What must hold of a token besides its signature.

use serde_json::Value;

use crate::jose::{ClaimSet, TimeRules, TokenError, UntrustedToken};
use crate::policy::claim::ClaimRule;
use crate::time::UnixTime;

/// For whom a token must be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Any of these in `aud` (RFC 7519 §4.1.3).
    AnyOf(Box<[String]>),
    /// Any of these app clients: in `client_id` of access tokens, in `aud` of ID tokens.
    CognitoClients(Box<[String]>),
    /// Not checked.
    Unchecked,
}

/// What must hold of a token's claims.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// Accepted issuers; none means that any is accepted.
    pub issuers: Box<[String]>,
    /// Whether `tid` must be the tenant in `iss`, as Entra ID has it.
    pub tenant_in_issuer: bool,
    /// For whom tokens must be meant.
    pub audience: Audience,
    /// What is asked of the times.
    pub times: TimeRules,
    /// Accepted `typ`, compared without case and without `application/` (RFC 7515 §4.1.9); none means any.
    pub token_types: Box<[String]>,
    /// Accepted `token_use`; none means that it is not looked at.
    pub token_use: Box<[&'static str]>,
    /// Claims that each token must have.
    pub required_claims: Box<[ClaimRule]>,
    /// Members that the header of each signed token must have.
    pub required_header: Box<[ClaimRule]>,
    /// Whether signed tokens are padded.
    pub padded: bool,
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

    /// Everything about a signed token that needs no key: a token that fails here costs no signature and no fetch.
    /// The claims that are looked at are the bytes that the signature covers.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check_token(&self, token: &UntrustedToken<'_>, now: UnixTime) -> Result<(), TokenError> {
        if !self.token_types.is_empty()
            && !token
                .token_type()
                .is_some_and(|held| self.token_types.iter().any(|own| same_type(own, held)))
        {
            return Err(TokenError::WrongTokenType);
        }
        if !self.header_holds(token) {
            return Err(TokenError::ClaimRefused);
        }
        self.check_claims(token.claims(), now)
    }

    /// What must hold of claims, whoever vouches for them.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check_claims(&self, claims: &ClaimSet, now: UnixTime) -> Result<(), TokenError> {
        claims.check_times(&self.times, now)?;
        let token_use = member(claims, "token_use");
        if !self.token_use.is_empty()
            && !token_use.is_some_and(|held| self.token_use.contains(&held))
        {
            return Err(TokenError::WrongTokenUse);
        }
        if !self.audience_holds(claims, token_use) {
            return Err(TokenError::WrongAudience);
        }
        if self.tenant_holds(claims)
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

    /// A token in the form in which these are written.
    ///
    /// # Errors
    /// As [`UntrustedToken::parse`].
    pub fn parse<'t>(&self, text: &'t str, most: usize) -> Result<UntrustedToken<'t>, TokenError> {
        if self.padded {
            UntrustedToken::parse_padded(text, most)
        } else {
            UntrustedToken::parse(text, most)
        }
    }

    fn header_holds(&self, token: &UntrustedToken<'_>) -> bool {
        let mut required = self.required_header.iter();
        required.len() == 0
            || token
                .header_members()
                .is_some_and(|members| required.all(|rule| rule.holds_of(&members)))
    }

    fn audience_holds(&self, claims: &ClaimSet, token_use: Option<&str>) -> bool {
        match &self.audience {
            Audience::Unchecked => true,
            Audience::AnyOf(wanted) => claims
                .audiences()
                .any(|held| wanted.iter().any(|own| own == held)),
            Audience::CognitoClients(wanted) if token_use == Some("access") => {
                member(claims, "client_id").is_some_and(|held| wanted.iter().any(|own| own == held))
            }
            Audience::CognitoClients(wanted) => claims
                .audiences()
                .any(|held| wanted.iter().any(|own| own == held)),
        }
    }

    /// Both forms of Entra's issuers have the tenant as the path's first segment. All tenants share their keys: a
    /// token whose tenant and issuer differ was not issued as it says.
    fn tenant_holds(&self, claims: &ClaimSet) -> bool {
        let tenant = || claims.issuer()?.split('/').nth(3);
        !self.tenant_in_issuer
            || member(claims, "tid").is_some_and(|tid| !tid.is_empty() && tenant() == Some(tid))
    }
}

/// A claim by its literal name, where it is a string.
pub(super) fn member<'c>(claims: &'c ClaimSet, name: &str) -> Option<&'c str> {
    claims.members().get(name).and_then(Value::as_str)
}

fn same_type(own: &str, held: &str) -> bool {
    let bare = |name: &str| {
        let lower = name.to_ascii_lowercase();
        lower
            .strip_prefix("application/")
            .map_or_else(|| lower.clone(), str::to_owned)
    };
    bare(own) == bare(held)
}
