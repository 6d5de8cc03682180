//! AWS Signature Version 4, by header: a request that says who sends it, provably.
//!
//! Nothing here reads a clock or a body. The steps and their names are those of the AWS General Reference: a canonical
//! request, a string to sign, a signing key derived from date, region and service.

mod canonical;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::text::hex_text;
use crate::time::UnixTime;

/// AWS credentials that sign requests.
#[derive(Clone)]
pub struct Credentials {
    /// The name of the key.
    pub access_key_id: String,
    /// The secret key that computes the signatures.
    pub secret_access_key: String,
    /// What proves that temporary credentials were issued.
    pub session_token: Option<String>,
}

/// Secrets are not for logs.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(..)")
    }
}

/// For whom a signature is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The service's AWS region, such as `eu-central-1`.
    pub region: String,
    /// The service's signing name, such as `execute-api`.
    pub service: String,
}

impl Scope {
    /// Whether the service takes a path for what it stands for, as S3 and its family do: there it is encoded once.
    #[must_use]
    pub fn is_s3(&self) -> bool {
        let family = ["s3", "s3-object-lambda", "s3-outposts", "s3express"];
        family.contains(&self.service.as_str())
    }
}

impl Scope {
    /// Whether the service is known to take requests whose bodies are not part of the signature; others find that it does
    /// not match.
    #[must_use]
    pub fn takes_unsigned_bodies(&self) -> bool {
        self.is_s3() || matches!(self.service.as_str(), "aoss" | "vpc-lattice-svcs")
    }
}

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The request method in upper case.
    pub method: &'r [u8],
    /// Path and query as they go out.
    pub target: &'r [u8],
    /// The host that the request goes to.
    pub host: &'r [u8],
    /// Further headers, names in lower case.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The body's SHA-256 in hexadecimal, or `UNSIGNED-PAYLOAD`.
    pub payload_hash: &'r str,
}

/// The headers that sign the request, to be set.
#[must_use]
pub fn sign(
    request: &Request<'_>,
    credentials: &Credentials,
    scope: &Scope,
    now: UnixTime,
) -> Vec<(&'static str, String)> {
    let mut set = vec![
        ("x-amz-content-sha256", request.payload_hash.to_owned()),
        ("x-amz-date", timestamp(now)),
    ];
    if let Some(token) = &credentials.session_token {
        set.push(("x-amz-security-token", token.clone()));
    }
    let own: Vec<(&str, &[u8])> = set
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    let headers = [request.headers, &own].concat();
    let whole = Request {
        headers: &headers,
        ..*request
    };
    let authorization = authorization(&whole, credentials, scope, now);
    set.push(("authorization", authorization));
    set
}

/// The value of `Authorization` for a request whose headers are complete.
fn authorization(
    request: &Request<'_>,
    credentials: &Credentials,
    scope: &Scope,
    now: UnixTime,
) -> String {
    let (canonical, signed_headers) = canonical::request(request, scope.is_s3());
    let timestamp = timestamp(now);
    let date = timestamp.get(..8).unwrap_or_default();
    let Scope { region, service } = scope;
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let digest = hex_text(&Sha256::digest(&canonical));
    let to_sign = format!("AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}");
    let secret = format!("AWS4{}", credentials.secret_access_key);
    let key = [date, region, service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| hmac(&key, part));
    let signature = hex_text(&hmac(&key, &to_sign));
    let id = &credentials.access_key_id;
    format!(
        "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
    )
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    // A key of any length is one (RFC 2104 §2).
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

/// The time as `YYYYMMDDTHHMMSSZ`, in UTC.
fn timestamp(now: UnixTime) -> String {
    let mut text = now.rfc3339();
    text.retain(|character| !matches!(character, '-' | ':'));
    text
}

#[cfg(test)]
mod tests;
