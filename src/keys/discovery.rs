//! OpenID Connect Discovery 1.0 §4, RFC 8414 §3: where an issuer says its keys are.

use serde_json::Value;

use super::{DiscoveryError, Endpoint};
use crate::jose::Document;
use crate::json::parse_strict;
use crate::text::{LONGEST_PATH_TOLD, log_text};

/// No provider's document comes near it.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// What follows the issuer in its configuration's address.
pub const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The address of the keys, where the document is this issuer's (§4.3: the same, byte for byte).
pub(super) fn keys_endpoint(
    document: &[u8],
    issuer: &str,
    own: &Endpoint,
) -> Result<Endpoint, DiscoveryError> {
    if document.len() > MAX_BYTES {
        return Err(DiscoveryError::TooLong(MAX_BYTES));
    }
    let read = parse_strict(document).unwrap_or_default();
    let announced = read.get("issuer");
    if announced.is_none() && read.get("jwks_uri").is_none() {
        return Err(what_it_is(document, &read));
    }
    let announced = announced.and_then(Value::as_str);
    if announced != Some(issuer) {
        let announced = announced.map_or_else(|| "none".to_owned(), quoted);
        let issuer = log_text(issuer.as_bytes(), LONGEST_PATH_TOLD);
        return Err(DiscoveryError::OtherIssuer { announced, issuer });
    }
    let uri = read.get("jwks_uri").and_then(Value::as_str);
    let keys = uri.and_then(Endpoint::parse).ok_or_else(|| {
        let uri = uri.map_or_else(|| "no text".to_owned(), quoted);
        DiscoveryError::NoKeysUri(uri)
    })?;
    if own.scheme == "https" && keys.scheme != "https" {
        let uri = log_text(keys.uri().as_bytes(), LONGEST_PATH_TOLD);
        return Err(DiscoveryError::Downgrade(uri));
    }
    Ok(keys)
}

/// What came in the place of an OpenID configuration.
fn what_it_is(document: &[u8], read: &Value) -> DiscoveryError {
    if read.get("keys").is_some_and(Value::is_array) {
        return DiscoveryError::IsKeySet;
    }
    match Document::of(document) {
        // Only of what is read strictly it is known that it has no such members.
        Document::Configuration => DiscoveryError::Ambiguous,
        Document::Json => DiscoveryError::OtherJson,
        other => DiscoveryError::Other(other),
    }
}

/// A text of somebody else's for a line of the log.
fn quoted(text: &str) -> String {
    format!("\"{}\"", log_text(text.as_bytes(), LONGEST_PATH_TOLD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_leads_to_the_keys_of_its_issuer() {
        let own = Endpoint::parse("https://i/.well-known/openid-configuration").unwrap();
        let cases = [
            (
                r#"{"issuer":"https://i","jwks_uri":"https://k/keys?v=1"}"#,
                Ok("https://k/keys?v=1"),
            ),
            (
                r#"{"issuer":"https://i/","jwks_uri":"https://k/"}"#,
                Err(
                    r#"the OpenID configuration is another issuer's: the issuer in it is "https://i/", and the provider's is "https://i""#,
                ),
            ),
            (
                r#"{"issuer":"a\r\n\"b","jwks_uri":"https://k/"}"#,
                Err(
                    r#"the OpenID configuration is another issuer's: the issuer in it is "a%0D%0A%22b", and the provider's is "https://i""#,
                ),
            ),
            (
                r#"{"jwks_uri":"https://k/"}"#,
                Err(
                    r#"the OpenID configuration is another issuer's: the issuer in it is none, and the provider's is "https://i""#,
                ),
            ),
            (
                r#"{"issuer":"https://i"}"#,
                Err("the OpenID configuration has no good jwks_uri: it is no text"),
            ),
            (
                r#"{"issuer":"https://i","jwks_uri":"/keys"}"#,
                Err(r#"the OpenID configuration has no good jwks_uri: it is "/keys""#),
            ),
            (
                r#"{"issuer":"https://i","jwks_uri":"http://k/"}"#,
                Err(r#"the OpenID configuration of an https issuer leads to http: "http://k/""#),
            ),
            (
                r#"{"issuer":"https://i","issuer":"https://i","jwks_uri":"https://k/"}"#,
                Err("not an OpenID configuration, but JSON with a member that is listed twice"),
            ),
            (
                r#"{"keys":[]}"#,
                Err(
                    "not an OpenID configuration, but a JSON Web Key Set: write its address as jwks.uri",
                ),
            ),
            (
                r#"{"kind":"Status","status":"Failure","code":403}"#,
                Err("not an OpenID configuration, but other JSON"),
            ),
            (
                "\n<!DOCTYPE html>",
                Err("not an OpenID configuration, but a page of HTML or XML"),
            ),
            ("", Err("not an OpenID configuration, but no JSON at all")),
        ];
        for (document, want) in cases {
            let got = keys_endpoint(document.as_bytes(), "https://i", &own);
            assert_eq!(
                got.map(|keys| keys.uri()).map_err(|why| why.to_string()),
                want.map(str::to_owned).map_err(str::to_owned),
                "{document}"
            );
        }
        let long = format!(r#"{{"issuer":"{}"}}"#, "x".repeat(60_000));
        let why = keys_endpoint(long.as_bytes(), "https://i", &own)
            .unwrap_err()
            .to_string();
        assert!(why.len() < 2 * LONGEST_PATH_TOLD, "{}", why.len());
        let large = vec![b' '; MAX_BYTES + 1];
        assert!(keys_endpoint(&large, "https://i", &own).is_err());
    }
}
