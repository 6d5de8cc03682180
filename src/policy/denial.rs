//! The only place where a refusal meets HTTP: status, challenge, body, and the words for logs and metrics.

use std::fmt::Write as _;

use crate::jose::TokenError;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// More than one credential; which one counts would be anybody's guess.
    Ambiguous,
    /// The rule lets nobody pass.
    Denied,
    /// The caller is known and may not do this.
    Forbidden,
    /// The filter cannot decide: no clock, or a host that answers nonsense.
    Internal,
    /// The keys that would decide cannot be had; the client may try again after so many seconds.
    KeysUnavailable {
        /// `Retry-After`, in seconds.
        retry_after: u32,
    },
    /// A credential that is none.
    Malformed,
    /// A path that two servers could read differently.
    MalformedPath,
    /// A credential is needed and there is none.
    Missing,
    /// No rule is for this request.
    NoRule,
    /// The token does not hold.
    Token(TokenError),
}

/// An answer, as the host sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The status of a gRPC call's answer.
    pub grpc_status: u8,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON.
    pub body: &'static str,
    /// One word for logs, metrics and the host's response details.
    pub reason: &'static str,
}

/// What a challenge says besides the refusal itself (RFC 6750 §3).
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'p> {
    /// The protection space.
    pub realm: &'p str,
    /// The scopes that the rule asks, space-separated, where it asks any.
    pub scope: Option<&'p str>,
}

impl From<TokenError> for Denial {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Malformed | TokenError::TooLarge => Self::Malformed,
            other => Self::Token(other),
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
            Self::Malformed | Self::Ambiguous | Self::MalformedPath => 2,
            Self::Token(error) => error.rank().saturating_add(3),
            Self::KeysUnavailable { .. } => 253,
            Self::Forbidden => 254,
            Self::Internal => 255,
        }
    }

    /// The HTTP status (RFC 9110 §15, RFC 6750 §3.1).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Ambiguous | Self::Malformed | Self::MalformedPath => 400,
            Self::Missing | Self::Token(_) => 401,
            Self::Denied | Self::Forbidden | Self::NoRule => 403,
            Self::Internal => 500,
            Self::KeysUnavailable { .. } => 503,
        }
    }

    /// One word for logs and metrics.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous_credentials",
            Self::Denied => "denied",
            Self::Forbidden => "forbidden",
            Self::Internal => "internal",
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::Malformed => "malformed_credentials",
            Self::MalformedPath => "malformed_path",
            Self::Missing => "missing",
            Self::NoRule => "no_rule",
            Self::Token(error) => error.reason(),
        }
    }

    /// The whole answer.
    #[must_use]
    pub fn answer(self, challenge: Challenge<'_>) -> Answer {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(value) = self.challenge(challenge) {
            headers.push(("www-authenticate", value));
        }
        if let Self::KeysUnavailable { retry_after } = self {
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

    fn challenge(self, challenge: Challenge<'_>) -> Option<String> {
        let mut value = format!("Bearer realm=\"{}\"", challenge.realm);
        // Writing to a String does not fail.
        let _ = match self {
            Self::Missing => Ok(()),
            Self::Ambiguous | Self::Malformed => write!(value, ", error=\"invalid_request\""),
            Self::Token(error) => write!(
                value,
                ", error=\"invalid_token\", error_description=\"{error}\""
            ),
            Self::Forbidden => match challenge.scope {
                Some(scope) => write!(value, ", error=\"insufficient_scope\", scope=\"{scope}\""),
                None => write!(value, ", error=\"insufficient_scope\""),
            },
            Self::Denied
            | Self::Internal
            | Self::KeysUnavailable { .. }
            | Self::MalformedPath
            | Self::NoRule => return None,
        };
        Some(value)
    }

    const fn body(self) -> &'static str {
        match self {
            Self::Ambiguous | Self::Malformed => r#"{"detail":"Malformed credentials"}"#,
            Self::Denied | Self::Forbidden | Self::NoRule => {
                r#"{"detail":"Operation not allowed"}"#
            }
            Self::Internal => r#"{"detail":"Internal error"}"#,
            Self::KeysUnavailable { .. } => r#"{"detail":"Authorization service unavailable"}"#,
            Self::MalformedPath => r#"{"detail":"Malformed path"}"#,
            Self::Missing => r#"{"detail":"Authentication required"}"#,
            Self::Token(_) => r#"{"detail":"Invalid token"}"#,
        }
    }

    /// The code of the gRPC status that says the same.
    const fn grpc_status(self) -> u8 {
        match self.status() {
            400 => 3,
            401 => 16,
            403 => 7,
            503 => 14,
            _ => 13,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row of the table: the refusal, then status, challenge behind its realm, body and gRPC status.
    type Row = (Denial, u16, Option<&'static str>, &'static str, u8);

    #[test]
    fn each_refusal_has_its_answer() {
        let expired =
            Some(", error=\"invalid_token\", error_description=\"the token has expired\"");
        let rows: &[Row] = &[
            (
                Denial::Missing,
                401,
                Some(""),
                "Authentication required",
                16,
            ),
            (
                Denial::Malformed,
                400,
                Some(", error=\"invalid_request\""),
                "Malformed credentials",
                3,
            ),
            (
                Denial::Ambiguous,
                400,
                Some(", error=\"invalid_request\""),
                "Malformed credentials",
                3,
            ),
            (
                Denial::Token(TokenError::Expired),
                401,
                expired,
                "Invalid token",
                16,
            ),
            (
                Denial::Forbidden,
                403,
                Some(", error=\"insufficient_scope\""),
                "Operation not allowed",
                7,
            ),
            (Denial::NoRule, 403, None, "Operation not allowed", 7),
            (Denial::Denied, 403, None, "Operation not allowed", 7),
            (
                Denial::KeysUnavailable { retry_after: 0 },
                503,
                None,
                "Authorization service unavailable",
                14,
            ),
            (Denial::MalformedPath, 400, None, "Malformed path", 3),
            (Denial::Internal, 500, None, "Internal error", 13),
        ];
        for (denial, status, challenge, detail, grpc_status) in rows {
            let answer = denial.answer(Challenge {
                realm: "api",
                scope: None,
            });
            let header = |name| {
                answer
                    .headers
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value.clone())
            };
            assert_eq!(
                (answer.status, answer.grpc_status),
                (*status, *grpc_status),
                "{denial:?}"
            );
            assert_eq!(
                header("www-authenticate"),
                challenge.map(|rest| format!("Bearer realm=\"api\"{rest}")),
                "{denial:?}"
            );
            assert_eq!(
                answer.body,
                format!(r#"{{"detail":"{detail}"}}"#),
                "{denial:?}"
            );
            assert_eq!(
                header("retry-after").is_some(),
                *status == 503,
                "{denial:?}"
            );
        }
    }

    #[test]
    fn the_scopes_that_were_asked_are_named() {
        let answer = Denial::Forbidden.answer(Challenge {
            realm: "api",
            scope: Some("read write"),
        });
        let want = "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"read write\"";
        assert!(
            answer
                .headers
                .contains(&("www-authenticate", want.to_owned()))
        );
    }

    #[test]
    fn the_refusal_that_went_furthest_is_reported() {
        let unknown = Denial::Token(TokenError::UnknownIssuer);
        assert_eq!(Denial::Missing.most_specific(unknown), unknown);
        assert_eq!(Denial::Forbidden.most_specific(unknown), Denial::Forbidden);
    }
}
