//! The reasons why a token is refused.

use thiserror::Error;

/// What makes a token malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Malformation {
    /// `aud` is neither a string nor a list of them (RFC 7519 section 4.1.3).
    #[error("the claim aud is neither text nor a list of texts")]
    Audience,
    /// The payload is no JSON object, or repeats a member.
    #[error("its claims are not a JSON object without repeated members")]
    Claims,
    /// Five segments (RFC 7516).
    #[error("it is encrypted")]
    Encrypted,
    /// The header is no JSON object with an `alg`, repeats a member, or has a member of another type.
    #[error("its header is not a JSON object with an alg and without repeated members")]
    Header,
    /// A date is no number (RFC 7519 section 2, NumericDate).
    #[error("the claim {0} is not a number")]
    NotANumber(&'static str),
    /// A registered claim is no string.
    #[error("the claim {0} is not text")]
    NotText(&'static str),
    /// Not three segments of base64url without padding.
    #[error("it is not three segments of base64url")]
    Segments,
}

/// Why a token is refused.
///
/// Carries nothing of the token. The messages stand in an `error_description` as they are (RFC 6750
/// section 3: printable ASCII without `"` and `\`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum TokenError {
    /// The algorithm is unknown, not allowed, or not the one that the named key is for.
    #[error("the signature algorithm is not accepted")]
    AlgorithmRefused,
    /// No tried key made the signature.
    #[error("the signature is not valid")]
    BadSignature,
    /// So many keys could have signed the token that trying them all costs too much.
    #[error("too many keys would have to be tried")]
    BudgetSpent,
    /// Bound to a certificate, on a connection that shows none.
    #[error("no certificate was shown")]
    CertificateMissing,
    /// A claim that the provider requires is missing or has another value.
    #[error("a required claim is missing or has another value")]
    ClaimRefused,
    /// Bound to a key, and presented like a token that is not (RFC 9449 section 7.2).
    #[error("the token is bound to a key and needs its proof")]
    Downgraded,
    /// `exp` has passed (RFC 7519 section 4.1.4).
    #[error("the token has expired")]
    Expired,
    /// There is no `exp`, and one is required.
    #[error("the token does not say when it expires")]
    ExpirationMissing,
    /// Who issued the token says that it does not hold (any more).
    #[error("the token is not active")]
    Inactive,
    /// The token was issued for longer than is accepted.
    #[error("the token is valid for too long")]
    LifetimeTooLong,
    /// Not three segments of base64url, or not the JSON that they must hold.
    #[error("the token is malformed: {0}")]
    Malformed(Malformation),
    /// Bound to no key, where tokens must be.
    #[error("the token is not bound to a key")]
    NotBound,
    /// `nbf` or `iat` lies in the future (RFC 7519 sections 4.1.5 and 4.1.6).
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Longer than the caller's limit.
    #[error("the token is too large")]
    TooLarge,
    /// No provider is configured for the issuer.
    #[error("the issuer is not known")]
    UnknownIssuer,
    /// The issuer has no key that could have signed the token.
    #[error("the signing key is not known")]
    UnknownKey,
    /// Nobody is named, neither a subject nor a client.
    #[error("the token names neither a subject nor a client")]
    Unnamed,
    /// The header asks for an extension that is not supported: `crit`, or `b64` (RFC 7797).
    #[error("the token uses an extension that is not supported")]
    UnsupportedHeader,
    /// Meant for somebody else (RFC 7519 section 4.1.3).
    #[error("the token is meant for another audience")]
    WrongAudience,
    /// Bound to another certificate than that of the connection (RFC 8705 section 3).
    #[error("the token is bound to another certificate")]
    WrongCertificate,
    /// Bound to another key than that of the proof (RFC 9449 section 4.3).
    #[error("the token is bound to another key")]
    WrongKey,
    /// `typ` is not an accepted one (RFC 8725 section 3.11).
    #[error("the type of the token is not accepted")]
    WrongTokenType,
    /// An ID token where an access token is expected, or the other way round.
    #[error("the token is meant for another use")]
    WrongTokenUse,
}

impl TokenError {
    /// One word for logs and metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::AlgorithmRefused => "algorithm_refused",
            Self::BadSignature => "bad_signature",
            Self::BudgetSpent => "budget_spent",
            Self::CertificateMissing => "certificate_missing",
            Self::ClaimRefused => "claim_refused",
            Self::Downgraded => "downgraded",
            Self::Expired => "expired",
            Self::ExpirationMissing => "expiration_missing",
            Self::Inactive => "inactive",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::Malformed(_) => "malformed",
            Self::NotBound => "not_bound",
            Self::NotYetValid => "not_yet_valid",
            Self::TooLarge => "too_large",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnknownKey => "unknown_key",
            Self::Unnamed => "unnamed",
            Self::UnsupportedHeader => "unsupported_header",
            Self::WrongAudience => "wrong_audience",
            Self::WrongCertificate => "wrong_certificate",
            Self::WrongKey => "wrong_key",
            Self::WrongTokenType => "wrong_token_type",
            Self::WrongTokenUse => "wrong_token_use",
        }
    }

    /// How far verification got: the higher, the more the reason says about this token.
    ///
    /// Parsing comes before the choice of a provider, that before its keys, those before the signature,
    /// and only of a signed token do times, then purpose, mean anything.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::TooLarge => 0,
            Self::Malformed(_) => 1,
            Self::UnsupportedHeader => 2,
            Self::UnknownIssuer => 3,
            Self::AlgorithmRefused => 4,
            Self::UnknownKey => 5,
            Self::BudgetSpent => 6,
            Self::BadSignature => 7,
            Self::ExpirationMissing => 8,
            Self::LifetimeTooLong => 9,
            Self::NotYetValid => 10,
            Self::Expired => 11,
            Self::WrongTokenType => 12,
            Self::WrongTokenUse => 13,
            Self::WrongAudience => 14,
            Self::ClaimRefused => 15,
            Self::Inactive => 16,
            Self::NotBound => 17,
            Self::Downgraded => 18,
            Self::CertificateMissing => 19,
            Self::WrongCertificate => 20,
            Self::WrongKey => 21,
            Self::Unnamed => 22,
        }
    }

    /// Of two refusals of one token the one that got further; the first of two equals.
    #[must_use]
    pub const fn most_specific(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            other
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ALL: [TokenError; 23] = [
        TokenError::AlgorithmRefused,
        TokenError::BadSignature,
        TokenError::BudgetSpent,
        TokenError::CertificateMissing,
        TokenError::ClaimRefused,
        TokenError::Downgraded,
        TokenError::Expired,
        TokenError::ExpirationMissing,
        TokenError::Inactive,
        TokenError::LifetimeTooLong,
        TokenError::Malformed(Malformation::NotANumber("exp")),
        TokenError::NotBound,
        TokenError::NotYetValid,
        TokenError::TooLarge,
        TokenError::UnknownIssuer,
        TokenError::UnknownKey,
        TokenError::Unnamed,
        TokenError::UnsupportedHeader,
        TokenError::WrongAudience,
        TokenError::WrongCertificate,
        TokenError::WrongKey,
        TokenError::WrongTokenType,
        TokenError::WrongTokenUse,
    ];

    #[test]
    fn a_message_fits_into_an_error_description() {
        for error in ALL {
            let message = error.to_string();
            assert!(
                message
                    .bytes()
                    .all(|byte| matches!(byte, b' ' | b':' | b'a'..=b'z')),
                "{message}"
            );
        }
        for fault in [
            Malformation::Audience,
            Malformation::Claims,
            Malformation::Encrypted,
            Malformation::Header,
            Malformation::NotText("iss"),
            Malformation::Segments,
        ] {
            let message = fault.to_string();
            let is_plain =
                |byte| matches!(byte, b' ' | b'0'..=b'9' | b'a'..=b'z' | b'J' | b'S' | b'O' | b'N');
            assert!(message.bytes().all(is_plain), "{message}");
        }
    }

    #[test]
    fn reasons_and_ranks_tell_all_errors_apart() {
        assert_eq!(
            ALL.iter()
                .map(|error| error.reason())
                .collect::<BTreeSet<_>>()
                .len(),
            ALL.len()
        );
        assert_eq!(
            ALL.iter()
                .map(|error| error.rank())
                .collect::<BTreeSet<_>>()
                .len(),
            ALL.len()
        );
    }

    #[test]
    fn the_refusal_that_got_further_is_reported() {
        let (stranger, expired) = (TokenError::UnknownIssuer, TokenError::Expired);
        assert_eq!(stranger.most_specific(expired), expired);
        assert_eq!(expired.most_specific(stranger), expired);
    }
}
