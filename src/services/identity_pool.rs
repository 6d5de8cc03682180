//! Amazon Cognito Identity: an ID token for temporary credentials, in two calls.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{Answer, Ask, CallError, Reading, Unreadable};
use crate::callout::CalloutRequest;
use crate::json::StrictObject;
use crate::sigv4::Credentials;
use crate::text::{LONGEST_TOLD, log_text};
use crate::time::UnixTime;

/// How long before their end credentials are no longer handed out.
const MARGIN: Duration = Duration::from_secs(300);

/// An identity pool, and the login under which it knows the user pool.
#[derive(Clone, Debug)]
pub struct IdentityPool {
    /// The identity pool's id, which begins with its region.
    pub id: String,
    /// The user pool's issuer without its scheme, in the user pool's region: the key of `Logins`.
    pub login: String,
}

/// Temporary credentials of one caller.
#[derive(Clone)]
pub struct TemporaryCredentials {
    /// The credentials that sign requests.
    pub credentials: Credentials,
    /// The moment at which AWS stops accepting them.
    pub expires_at: UnixTime,
    /// Whose they are, in the identity pool.
    pub identity_id: String,
}

impl TemporaryCredentials {
    /// How many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        let Credentials {
            access_key_id,
            secret_access_key,
            session_token,
        } = &self.credentials;
        let texts = [access_key_id, secret_access_key, &self.identity_id];
        let texts = texts.into_iter().chain(session_token);
        texts
            .map(String::len)
            .fold(size_of::<Self>(), usize::saturating_add)
    }
}

/// Secrets are not for logs.
impl fmt::Debug for TemporaryCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TemporaryCredentials(..)")
    }
}

impl IdentityPool {
    /// `GetId`, then `GetCredentialsForIdentity`; neither is signed.
    pub(super) fn prepare(
        &self,
        request: &mut CalloutRequest<'_>,
        ask: &Ask,
        identity: Option<&str>,
    ) {
        let Ask::Credentials { token, .. } = ask else {
            return;
        };
        let logins = json!({ self.login.as_str(): &**token });
        let (action, body) = match identity {
            None => (
                "GetId",
                json!({ "IdentityPoolId": self.id, "Logins": logins }),
            ),
            Some(identity) => (
                "GetCredentialsForIdentity",
                json!({ "IdentityId": identity, "Logins": logins }),
            ),
        };
        request.body = Some(body.to_string().into_bytes());
        request.headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            (
                "x-amz-target",
                format!("AWSCognitoIdentityService.{action}"),
            ),
        ];
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    identity_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Issued {
    credentials: IssuedCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IssuedCredentials {
    access_key_id: String,
    secret_key: String,
    session_token: String,
    /// Seconds since the epoch, with a fraction.
    expiration: f64,
}

/// Errors of these kinds come and go; any other client error says no to this caller.
const PASSING: [&str; 6] = [
    "TooManyRequestsException",
    "ThrottlingException",
    "Throttling",
    "LimitExceededException",
    "InternalErrorException",
    "ExternalServiceException",
];

pub(super) fn read(status: u16, body: &[u8], identity: Option<&str>) -> Result<Reading, CallError> {
    let shape = |_| Unreadable::NoCredentials;
    match (status, identity) {
        (200, None) => {
            let Identity { identity_id } = serde_json::from_slice(body).map_err(shape)?;
            Ok(Reading::Next(identity_id))
        }
        (200, Some(identity)) => {
            let Issued { credentials } = serde_json::from_slice(body).map_err(shape)?;
            let expires_at = seconds(credentials.expiration).ok_or(Unreadable::NoExpiration)?;
            let credentials = TemporaryCredentials {
                credentials: Credentials {
                    access_key_id: credentials.access_key_id,
                    secret_access_key: credentials.secret_key,
                    session_token: Some(credentials.session_token),
                },
                expires_at,
                identity_id: identity.to_owned(),
            };
            Ok(Reading::Done(
                Answer::Credentials(Box::new(credentials)),
                Some(expires_at.minus(MARGIN)),
            ))
        }
        (400 | 403, _) if !passes(body) => Ok(Reading::Done(Answer::Refuses, None)),
        _ => Err(CallError::status(status)),
    }
}

/// Whether an error is about the service and not about the caller.
fn passes(body: &[u8]) -> bool {
    kind(body).is_none_or(|kind| PASSING.contains(&kind.as_str()))
}

/// What an error is called, for logs.
pub(super) fn kind(body: &[u8]) -> Option<String> {
    let StrictObject(error) = serde_json::from_slice(body).ok()?;
    let kind = error.get("__type")?.as_str()?;
    // Some answers qualify the name: `com.amazonaws.cognito#NotAuthorizedException`.
    let kind = kind.rsplit('#').next().filter(|kind| !kind.is_empty())?;
    Some(log_text(kind.as_bytes(), LONGEST_TOLD))
}

/// AWS writes times as seconds with a fraction.
fn seconds(time: f64) -> Option<UnixTime> {
    let whole = Duration::try_from_secs_f64(time).ok()?;
    (!whole.is_zero()).then(|| UnixTime::from_secs(whole.as_secs()))
}
