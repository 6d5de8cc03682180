//! How a refusal challenges the client (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9449 §7.1).

use std::fmt::{Display, Write as _};

use super::Denial;
use crate::policy::provider::ChallengeScheme;

/// What a challenge says besides the refusal itself.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'p> {
    /// How the rule's providers challenge.
    pub schemes: &'p [ChallengeScheme],
    /// The protection space of all but `Basic`.
    pub realm: &'p str,
    /// The scopes that the rule asks, space-separated, where it asks any.
    pub scope: Option<&'p str>,
    /// Where a client reads whose tokens are taken (RFC 9728 §5.1).
    pub resource_metadata: Option<&'p str>,
    /// Whether the token came as one with a proof (RFC 9449 §7.1).
    pub with_proof: bool,
}

impl<'p> Challenge<'p> {
    /// The scheme in which something can be said of the token: that which it came with, else the other one of tokens.
    fn of_token(&self) -> Option<&'p ChallengeScheme> {
        let first =
            |wanted: fn(&ChallengeScheme) -> bool| self.schemes.iter().find(|one| wanted(one));
        let bearer = first(|scheme| *scheme == ChallengeScheme::Bearer);
        let dpop = first(is_dpop);
        if self.with_proof {
            dpop.or(bearer)
        } else {
            bearer.or(dpop)
        }
    }

    /// A challenge in this scheme, with what it says of the token.
    fn text(&self, scheme: &ChallengeScheme, about: &str) -> String {
        let realm = self.realm;
        match scheme {
            ChallengeScheme::ApiKey => format!("ApiKey realm=\"{realm}\""),
            ChallengeScheme::Basic(realm) => format!("Basic realm=\"{realm}\""),
            ChallengeScheme::Bearer => format!("Bearer realm=\"{realm}\"{about}"),
            ChallengeScheme::Dpop(algorithms) => {
                format!("DPoP realm=\"{realm}\", algs=\"{algorithms}\"{about}")
            }
        }
    }
}

const fn is_dpop(scheme: &ChallengeScheme) -> bool {
    matches!(scheme, ChallengeScheme::Dpop(_))
}

impl Denial {
    /// What is wrong is said where it can be said; who speaks another scheme is challenged anew. A client whose token
    /// came like a bearer's learns that proofs are taken, too (RFC 9449 §7.2).
    pub(super) fn challenges(self, challenge: Challenge<'_>) -> Vec<String> {
        let speaks = challenge.of_token();
        let is_bearer = speaks == Some(&ChallengeScheme::Bearer);
        let relevant = |scheme: &&ChallengeScheme| match self {
            Self::BadKey => **scheme == ChallengeScheme::ApiKey,
            Self::BadPassword => matches!(scheme, ChallengeScheme::Basic(_)),
            Self::Missing => true,
            Self::Ambiguous | Self::Malformed | Self::Proof(_) | Self::Token(_) => {
                speaks.is_none_or(|speaks| speaks == *scheme) || is_bearer && is_dpop(scheme)
            }
            Self::AwsCredentialsRefused | Self::Forbidden | Self::GroupsOverage => {
                speaks == Some(*scheme)
            }
            _ => false,
        };
        let error = self.token_error(challenge.scope);
        let pointer = challenge
            .resource_metadata
            .map_or_else(String::new, |url| format!(", resource_metadata=\"{url}\""));
        let relevant = challenge.schemes.iter().filter(relevant);
        relevant
            .map(|scheme| {
                let error = if speaks == Some(scheme) { &*error } else { "" };
                challenge.text(scheme, &format!("{error}{pointer}"))
            })
            .collect()
    }

    /// What RFC 6750 §3 says of the refusal.
    fn token_error(self, scope: Option<&str>) -> String {
        match self {
            Self::Ambiguous | Self::Malformed => ", error=\"invalid_request\"".to_owned(),
            Self::Proof(error) => described("invalid_dpop_proof", &error),
            Self::Token(error) => described("invalid_token", &error),
            Self::AwsCredentialsRefused | Self::Forbidden | Self::GroupsOverage => {
                let mut value = ", error=\"insufficient_scope\"".to_owned();
                if let Some(scope) = scope {
                    // Writing to a String does not fail.
                    let _ = write!(value, ", scope=\"{scope}\"");
                }
                value
            }
            _ => String::new(),
        }
    }
}

fn described(code: &str, error: &dyn Display) -> String {
    format!(", error=\"{code}\", error_description=\"{error}\"")
}
