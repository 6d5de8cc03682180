//! Refusals: their reasons, and the only place where a reason becomes an HTTP response (status, challenge, body).

mod challenge;

pub use self::challenge::Challenge;

use crate::jose::TokenError;
use crate::possession::{ProofError, ReplayError};
use crate::{keys, services};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// More than one credential; which one counts would be anybody's guess.
    Ambiguous,
    /// An upstream may read the request in two ways, and the rules differ.
    AmbiguousRequest,
    /// AWS gives this caller no credentials, or cannot: it was not identified by an ID token.
    AwsCredentialsRefused,
    /// An API key that is not known or has ended.
    BadKey,
    /// A wrong password, or an unknown user: which of the two is nobody's business.
    BadPassword,
    /// Another site's page may have sent it: a browser adds the credential by itself.
    CrossSite,
    /// The rule refuses every request.
    Denied,
    /// The caller is known and may not do this.
    Forbidden,
    /// The rule asks for groups, and the caller is in more of them than its token can name.
    GroupsOverage,
    /// The filter cannot decide: no clock, or a host that answers nonsense.
    Internal,
    /// The keys that would decide cannot be had; the client may try again after so many seconds.
    KeysUnavailable {
        /// Seconds until the client may try again, for `Retry-After` (RFC 9110 §10.2.3).
        retry_after: u32,
    },
    /// A credential that cannot be read as one.
    Malformed,
    /// A path that two servers could read differently.
    MalformedPath,
    /// A credential is needed and there is none.
    Missing,
    /// The authority is no host, with a port or without.
    MalformedAuthority,
    /// No rule matches the request.
    NoRule,
    /// The proof of possession is missing or not valid (RFC 9449 §4.3).
    Proof(ProofError),
    /// So many proofs came that no more can be told from those that come again.
    ProofsThrottled {
        /// Seconds until the client may try again, for `Retry-After` (RFC 9110 §10.2.3).
        retry_after: u32,
    },
    /// So many bad signatures came that no token is looked at that was not seen before.
    SignaturesThrottled {
        /// Seconds until the client may try again, for `Retry-After` (RFC 9110 §10.2.3).
        retry_after: u32,
    },
    /// The request brings a header that only the filter may set, and the host could not take it away.
    OwnedHeader,
    /// A service that would decide cannot be asked; the client may try again after so many seconds.
    ServiceUnavailable {
        /// Seconds until the client may try again, for `Retry-After` (RFC 9110 §10.2.3).
        retry_after: u32,
    },
    /// So much time went into hashing passwords that no more are hashed now.
    HashesThrottled {
        /// Seconds until the client may try again, for `Retry-After` (RFC 9110 §10.2.3).
        retry_after: u32,
    },
    /// Too many wrong passwords for this user or from this address.
    Throttled {
        /// Seconds until the client may try again, for `Retry-After` (RFC 9110 §10.2.3).
        retry_after: u32,
    },
    /// The token is not valid, or not for this provider.
    Token(TokenError),
    /// So many requests wait that no other may; the client may try again after so many seconds.
    TooManyWaiting {
        /// Seconds until the client may try again, for `Retry-After` (RFC 9110 §10.2.3).
        retry_after: u32,
    },
}

/// A response that the filter makes instead of the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code of the response.
    pub status: u16,
    /// The gRPC status code for clients of gRPC, 0 to 16.
    pub grpc_status: u8,
    /// The headers of the response, with lower-case names.
    pub headers: Vec<(&'static str, String)>,
    /// The body of the response: one JSON object.
    pub body: &'static str,
    /// One word for logs, metrics and the host's response details.
    pub reason: &'static str,
}

impl From<TokenError> for Denial {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<keys::Unavailable> for Denial {
    fn from(keys::Unavailable { retry_after }: keys::Unavailable) -> Self {
        Self::KeysUnavailable { retry_after }
    }
}

impl From<services::Unavailable> for Denial {
    fn from(services::Unavailable { retry_after }: services::Unavailable) -> Self {
        Self::ServiceUnavailable { retry_after }
    }
}

impl From<ProofError> for Denial {
    fn from(error: ProofError) -> Self {
        Self::Proof(error)
    }
}

impl From<ReplayError> for Denial {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Replayed => ProofError::Replayed.into(),
            ReplayError::NoRoom => Self::ProofsThrottled { retry_after: 1 },
        }
    }
}

impl Denial {
    /// The refusal to report of two: the one that verification reached last.
    #[must_use]
    pub fn most_specific(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            other
        } else {
            self
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::NoRule | Self::Denied => 1,
            Self::Ambiguous
            | Self::AmbiguousRequest
            | Self::Malformed
            | Self::MalformedAuthority
            | Self::MalformedPath
            | Self::OwnedHeader => 2,
            Self::Token(error) => error.rank().saturating_add(3),
            Self::Proof(_) => 99,
            Self::BadKey | Self::BadPassword => 100,
            Self::CrossSite => 102,
            Self::HashesThrottled { .. }
            | Self::ProofsThrottled { .. }
            | Self::SignaturesThrottled { .. }
            | Self::Throttled { .. } => 101,
            Self::KeysUnavailable { .. }
            | Self::ServiceUnavailable { .. }
            | Self::TooManyWaiting { .. } => 252,
            Self::AwsCredentialsRefused | Self::GroupsOverage => 253,
            Self::Forbidden => 254,
            Self::Internal => 255,
        }
    }

    /// The HTTP status (RFC 9110 §15, RFC 6750 §3.1).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Ambiguous
            | Self::AmbiguousRequest
            | Self::Malformed
            | Self::MalformedAuthority
            | Self::MalformedPath
            | Self::OwnedHeader => 400,
            Self::BadKey | Self::BadPassword | Self::Missing | Self::Proof(_) | Self::Token(_) => {
                401
            }
            Self::AwsCredentialsRefused
            | Self::CrossSite
            | Self::Denied
            | Self::Forbidden
            | Self::GroupsOverage
            | Self::NoRule => 403,
            Self::HashesThrottled { .. }
            | Self::ProofsThrottled { .. }
            | Self::SignaturesThrottled { .. }
            | Self::Throttled { .. } => 429,
            Self::Internal => 500,
            Self::KeysUnavailable { .. }
            | Self::ServiceUnavailable { .. }
            | Self::TooManyWaiting { .. } => 503,
        }
    }

    /// The reason in one word, for logs and metrics.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous_credentials",
            Self::AmbiguousRequest => "ambiguous_request",
            Self::AwsCredentialsRefused => "aws_credentials_refused",
            Self::BadKey => "bad_key",
            Self::BadPassword => "bad_password",
            Self::CrossSite => "cross_site",
            Self::Denied => "denied",
            Self::Forbidden => "forbidden",
            Self::GroupsOverage => "groups_overage",
            Self::HashesThrottled { .. } => "hashes_throttled",
            Self::Internal => "internal",
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::Malformed => "malformed_credentials",
            Self::MalformedAuthority => "malformed_authority",
            Self::MalformedPath => "malformed_path",
            Self::Missing => "missing",
            Self::NoRule => "no_rule",
            Self::OwnedHeader => "owned_header",
            Self::ServiceUnavailable { .. } => "service_unavailable",
            Self::Proof(error) => error.reason(),
            Self::ProofsThrottled { .. } => "proofs_throttled",
            Self::SignaturesThrottled { .. } => "signatures_throttled",
            Self::Throttled { .. } => "throttled",
            Self::Token(error) => error.reason(),
            Self::TooManyWaiting { .. } => "too_many_waiting",
        }
    }

    /// After how many seconds the client may try again, where it is not known yet what becomes of it.
    #[must_use]
    pub const fn retry_after(self) -> Option<u32> {
        match self {
            Self::HashesThrottled { retry_after }
            | Self::KeysUnavailable { retry_after }
            | Self::ProofsThrottled { retry_after }
            | Self::ServiceUnavailable { retry_after }
            | Self::SignaturesThrottled { retry_after }
            | Self::Throttled { retry_after }
            | Self::TooManyWaiting { retry_after } => Some(retry_after),
            _ => None,
        }
    }

    /// The whole response: status, headers with the challenge, and body.
    #[must_use]
    pub fn answer(self, challenge: Challenge<'_>) -> Answer {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        // A header each: not every client splits a list of challenges (RFC 9110 §11.6.1 calls for care).
        headers.extend(
            self.challenges(challenge)
                .into_iter()
                .map(|value| ("www-authenticate", value)),
        );
        if let Some(retry_after) = self.retry_after() {
            headers.push(("retry-after", retry_after.max(1).to_string()));
        }
        Answer {
            status: self.status(),
            grpc_status: self.grpc_status(),
            headers,
            body: self.body(),
            reason: self.reason(),
        }
    }

    const fn body(self) -> &'static str {
        match self {
            Self::Ambiguous | Self::Malformed => r#"{"detail":"Malformed credentials"}"#,
            Self::BadKey | Self::BadPassword => r#"{"detail":"Invalid credentials"}"#,
            Self::AwsCredentialsRefused
            | Self::Denied
            | Self::Forbidden
            | Self::GroupsOverage
            | Self::NoRule => r#"{"detail":"Operation not allowed"}"#,
            Self::CrossSite => r#"{"detail":"Cross-site request refused"}"#,
            Self::Internal => r#"{"detail":"Internal error"}"#,
            Self::KeysUnavailable { .. }
            | Self::ServiceUnavailable { .. }
            | Self::TooManyWaiting { .. } => r#"{"detail":"Authorization service unavailable"}"#,
            Self::AmbiguousRequest => r#"{"detail":"Ambiguous request"}"#,
            Self::MalformedAuthority => r#"{"detail":"Malformed authority"}"#,
            Self::MalformedPath => r#"{"detail":"Malformed path"}"#,
            Self::Missing => r#"{"detail":"Authentication required"}"#,
            Self::OwnedHeader => r#"{"detail":"Header not allowed"}"#,
            Self::HashesThrottled { .. }
            | Self::ProofsThrottled { .. }
            | Self::SignaturesThrottled { .. }
            | Self::Throttled { .. } => r#"{"detail":"Too many requests"}"#,
            Self::Proof(_) | Self::Token(_) => r#"{"detail":"Invalid token"}"#,
        }
    }

    /// The code of the gRPC status that says the same.
    const fn grpc_status(self) -> u8 {
        match self.status() {
            400 => 3,
            401 => 16,
            403 => 7,
            429 => 8,
            503 => 14,
            _ => 13,
        }
    }
}

#[cfg(test)]
mod tests;
