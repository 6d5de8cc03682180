//! Verifies the tokens of an issuer that signs them.

use super::{Keys, TokenRules};
use crate::jose::{AlgorithmSet, TokenError, UntrustedToken};
use crate::policy::claim::ClaimRule;
use crate::services::ServiceId;
use crate::time::UnixTime;

/// How a token is verified that its issuer has signed.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The signature algorithms that the filter accepts.
    pub algorithms: AlgorithmSet,
    /// The keys that verify the signatures.
    pub keys: Keys,
    /// The rules for the token's claims.
    pub rules: TokenRules,
    /// Accepted `typ`, compared without case and without `application/` (RFC 7515 §4.1.9); none means any.
    pub token_types: Box<[String]>,
    /// Members that the header of each token must have.
    pub required_header: Box<[ClaimRule]>,
    /// Whether the tokens' base64url has padding, as that of AWS's load balancers.
    pub padded: bool,
    /// What gives callers temporary AWS credentials in exchange for the token.
    pub identity_pool: Option<ServiceId>,
}

impl Signed {
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

    /// Everything about a token that needs no key: a token that fails here costs no signature and no fetch.
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
        self.rules.check_claims(token.claims(), now)
    }

    fn header_holds(&self, token: &UntrustedToken<'_>) -> bool {
        let mut required = self.required_header.iter();
        required.len() == 0
            || token
                .header_members()
                .is_some_and(|members| required.all(|rule| rule.holds_of(&members)))
    }
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
