//! Providers, which verify credentials and identify callers. Each kind is a type with its own keys, and with the parts
//! that it shares with others.

mod api_key;
mod basic;
mod cognito;
mod entra_id;
mod http;
mod introspection;
mod jwks;
mod jwt;
mod parts;
mod places;
mod sources;

use serde::Deserialize;

pub use self::api_key::{ApiKey, ApiKeyProvider};
pub use self::basic::{BasicProvider, BasicUser};
pub use self::cognito::{CognitoProvider, IdentityPool, TokenUse};
pub use self::entra_id::EntraIdProvider;
pub use self::http::HttpProvider;
pub use self::introspection::IntrospectionProvider;
pub use self::jwks::{AlgorithmName, Jwks};
pub use self::jwt::{JwtProvider, Preset};
pub use self::parts::{Common, Signatures, Tokens};
pub use self::places::{Foreign, FromHeader, FromNamed, Places};
pub use self::sources::{FromGroups, ProfileSource, Source};

use super::{ConfigError, Service, reader};

/// A provider, by its `kind`.
// The reader takes an enum `..kind` for an object whose member `kind` names the variant.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[cfg_attr(
    not(target_arch = "wasm32"),
    schemars(rename = "Provider", tag = "kind")
)]
#[serde(rename = "..kind", rename_all = "snake_case")]
pub enum Provider {
    /// API keys, from the configuration or from a service.
    ApiKey(ApiKeyProvider),
    /// Names and passwords (RFC 7617).
    Basic(BasicProvider),
    /// An Amazon Cognito user pool.
    Cognito(CognitoProvider),
    /// Tenants of Microsoft Entra ID.
    EntraId(EntraIdProvider),
    /// Any credential that an HTTP service verifies.
    Http(HttpProvider),
    /// Tokens that the filter asks their authorization server about (RFC 7662).
    Introspection(IntrospectionProvider),
    /// Any issuer of JSON Web Tokens.
    Jwt(JwtProvider),
}

impl Provider {
    /// The words that `kind` may be.
    const KINDS: [&'static str; 7] = [
        "api_key",
        "basic",
        "cognito",
        "entra_id",
        "http",
        "introspection",
        "jwt",
    ];

    /// Reads one provider by the reader of configurations; another reader would be compiled anew for all of these
    /// types.
    ///
    /// # Errors
    /// The first thing that does not fit, with its place.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        reader::read(text)
    }

    /// The kinds that have this key, as the types that read them declare it.
    pub(super) fn kinds_with(key: &str) -> Vec<&'static str> {
        let takes = |kind: &&str| reader::known_keys::<Self>(kind).contains(&key);
        Self::KINDS.into_iter().filter(takes).collect()
    }

    /// The keys that every kind has.
    #[must_use]
    pub const fn common(&self) -> &Common {
        match self {
            Self::ApiKey(own) => &own.common,
            Self::Basic(own) => &own.common,
            Self::Cognito(own) => &own.common,
            Self::EntraId(own) => &own.common,
            Self::Http(own) => &own.common,
            Self::Introspection(own) => &own.common,
            Self::Jwt(own) => &own.common,
        }
    }

    /// The keys that say where credentials are read; `None` for `basic`, whose passwords have one place only.
    #[must_use]
    pub const fn places(&self) -> Option<&Places> {
        match self {
            Self::Basic(_) => None,
            Self::ApiKey(own) => Some(&own.places),
            Self::Cognito(own) => Some(&own.places),
            Self::EntraId(own) => Some(&own.places),
            Self::Http(own) => Some(&own.places),
            Self::Introspection(own) => Some(&own.places),
            Self::Jwt(own) => Some(&own.places),
        }
    }

    /// The keys about tokens' claims; `None` where credentials are no tokens.
    #[must_use]
    pub const fn tokens(&self) -> Option<&Tokens> {
        match self {
            Self::ApiKey(_) | Self::Basic(_) | Self::Http(_) => None,
            Self::Cognito(own) => Some(&own.tokens),
            Self::EntraId(own) => Some(&own.tokens),
            Self::Introspection(own) => Some(&own.tokens),
            Self::Jwt(own) => Some(&own.tokens),
        }
    }

    /// The keys about signatures; `None` where tokens are not verified by one.
    #[must_use]
    pub const fn signatures(&self) -> Option<&Signatures> {
        match self {
            Self::ApiKey(_) | Self::Basic(_) | Self::Http(_) | Self::Introspection(_) => None,
            Self::Cognito(own) => Some(&own.signatures),
            Self::EntraId(own) => Some(&own.signatures),
            Self::Jwt(own) => Some(&own.signatures),
        }
    }

    /// The service that verifies the credential; `None` where the filter verifies it.
    #[must_use]
    pub const fn verify(&self) -> Option<&Service> {
        match self {
            Self::ApiKey(own) => own.verify.as_ref(),
            Self::Basic(own) => own.verify.as_ref(),
            Self::Http(own) => Some(&own.verify),
            Self::Cognito(_) | Self::EntraId(_) | Self::Introspection(_) | Self::Jwt(_) => None,
        }
    }
}
