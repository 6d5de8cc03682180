//! The reasons why a fetch brought no keys.

use thiserror::Error;

use crate::callout::BadStatus;
use crate::jose::{Document, KeySetError};

/// Why a fetch brought no keys. What is quoted of an answer is bounded, and ends no line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    /// The OpenID configuration leads to no keys.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The answer cannot be read, and names an encoding that was not asked for.
    #[error("the answer is encoded as \"{0}\", which nobody has asked for")]
    Encoded(String),
    /// The document is no key set that can serve.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    /// The host could not send it, or nothing came back.
    #[error("no response")]
    NoResponse,
    /// Nothing came back in time.
    #[error("no answer in time")]
    Overdue,
    /// A redirect, which is not followed.
    #[error("status {status}, a redirect to \"{target}\", which is not followed")]
    Redirect {
        /// The HTTP status of the redirect.
        status: u16,
        /// The address in the redirect's `Location`.
        target: String,
    },
    /// An answer with a status that is none.
    #[error(transparent)]
    Status(#[from] BadStatus),
    /// The answer says that the keys are the same, and there were none.
    #[error("status 304 without a question")]
    Unasked,
}

/// Why an OpenID configuration leads to no keys.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DiscoveryError {
    /// It leads from https to http: to this address.
    #[error("the OpenID configuration of an https issuer leads to http: \"{0}\"")]
    Downgrade(String),
    /// Its `jwks_uri` is no address; as it is quoted.
    #[error("the OpenID configuration has no good jwks_uri: it is {0}")]
    NoKeysUri(String),
    /// It is a key set.
    #[error("not an OpenID configuration, but a JSON Web Key Set: write its address as jwks.uri")]
    IsKeySet,
    /// A member is listed twice in it.
    #[error("not an OpenID configuration, but JSON with a member that is listed twice")]
    Ambiguous,
    /// It is JSON of another kind.
    #[error("not an OpenID configuration, but other JSON")]
    OtherJson,
    /// It is something else.
    #[error("not an OpenID configuration, but {0}")]
    Other(Document),
    /// It is another issuer's.
    #[error(
        "the OpenID configuration is another issuer's: the issuer in it is {announced}, and the provider's is \"{issuer}\""
    )]
    OtherIssuer {
        /// The issuer in it, as it is quoted.
        announced: String,
        /// The issuer in the provider's configuration.
        issuer: String,
    },
    /// It is too long.
    #[error("the OpenID configuration has more than {0} bytes")]
    TooLong(usize),
}

impl FetchError {
    /// One word, for metrics.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Discovery(_) => "discovery",
            Self::Encoded(_) | Self::KeySet(_) => "unreadable",
            Self::NoResponse => "no_response",
            Self::Overdue => "timeout",
            Self::Redirect { .. } | Self::Status(_) | Self::Unasked => "status",
        }
    }
}
