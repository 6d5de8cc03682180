//! OpenID Connect Discovery 1.0 §4, RFC 8414 §3: where an issuer says its keys are.

use super::Endpoint;
use crate::json::parse_strict;

/// No provider's document comes near it.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// What follows the issuer in its configuration's address.
pub const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The address of the keys, where the document is this issuer's (§4.3: the same, byte for byte).
pub(super) fn keys_endpoint(
    document: &[u8],
    issuer: &str,
    own: &Endpoint,
) -> Result<Endpoint, &'static str> {
    if document.len() > MAX_BYTES {
        return Err("the OpenID configuration is too large");
    }
    let document = parse_strict(document).map_err(|_| "the OpenID configuration is no JSON")?;
    let member = |name| document.get(name).and_then(serde_json::Value::as_str);
    if member("issuer") != Some(issuer) {
        return Err("the OpenID configuration is another issuer's");
    }
    let keys = member("jwks_uri")
        .and_then(Endpoint::parse)
        .ok_or("the OpenID configuration has no good jwks_uri")?;
    if own.scheme == "https" && keys.scheme != "https" {
        return Err("the OpenID configuration of an https issuer leads to http");
    }
    Ok(keys)
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
                Err("the OpenID configuration is another issuer's"),
            ),
            (
                r#"{"jwks_uri":"https://k/"}"#,
                Err("the OpenID configuration is another issuer's"),
            ),
            (
                r#"{"issuer":"https://i","issuer":"https://i","jwks_uri":"https://k/"}"#,
                Err("the OpenID configuration is no JSON"),
            ),
            (
                r#"{"issuer":"https://i"}"#,
                Err("the OpenID configuration has no good jwks_uri"),
            ),
            (
                r#"{"issuer":"https://i","jwks_uri":"/keys"}"#,
                Err("the OpenID configuration has no good jwks_uri"),
            ),
            (
                r#"{"issuer":"https://i","jwks_uri":"http://k/"}"#,
                Err("the OpenID configuration of an https issuer leads to http"),
            ),
            ("<html>", Err("the OpenID configuration is no JSON")),
            ("", Err("the OpenID configuration is no JSON")),
        ];
        for (document, want) in cases {
            let got = keys_endpoint(document.as_bytes(), "https://i", &own);
            assert_eq!(
                got.map(|keys| keys.uri()),
                want.map(str::to_owned),
                "{document}"
            );
        }
        let large = vec![b' '; MAX_BYTES + 1];
        assert!(keys_endpoint(&large, "https://i", &own).is_err());
    }
}
