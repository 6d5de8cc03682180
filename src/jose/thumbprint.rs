//! JWK thumbprints (RFC 7638): a key's name that its issuer cannot give to another key.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The SHA-256 thumbprint of a public key (RFC 7638 section 3, RFC 8037 section 2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// Reads the usual way to write one: base64url without padding, 43 characters.
    #[must_use]
    pub fn from_base64url(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The thumbprint of a public key; a secret has none that may be shown (RFC 7638 section 7).
    ///
    /// Members count as they are written: a number with leading zeros has another thumbprint.
    pub(super) fn of(jwk: &Map<String, Value>) -> Option<Self> {
        let required: &[&str] = match jwk.get("kty")?.as_str()? {
            "EC" => &["crv", "kty", "x", "y"],
            "OKP" => &["crv", "kty", "x"],
            "RSA" => &["e", "kty", "n"],
            _ => return None,
        };
        let members = required
            .iter()
            .map(|name| Some((*name, jwk.get(*name)?.as_str()?)))
            .collect::<Option<BTreeMap<_, _>>>()?;
        let canonical = serde_json::to_vec(&members).ok()?;
        Some(Self(Sha256::digest(canonical).into()))
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Thumbprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn thumbprint(jwk: &str) -> Option<String> {
        let jwk: Value = serde_json::from_str(jwk).unwrap();
        Thumbprint::of(jwk.as_object().unwrap()).map(|thumbprint| thumbprint.to_string())
    }

    #[test]
    fn only_the_required_members_count() {
        let plain = r#"{"crv":"P-256","kty":"EC","x":"AA","y":"AQ"}"#;
        let more =
            r#"{"y":"AQ","x":"AA","kid":"7","alg":"ES256","use":"sig","kty":"EC","crv":"P-256"}"#;
        let other = r#"{"crv":"P-256","kty":"EC","x":"AA","y":"AA"}"#;
        assert_eq!(thumbprint(plain), thumbprint(more));
        assert_ne!(thumbprint(plain), thumbprint(other));
    }

    #[test]
    fn a_secret_has_no_thumbprint() {
        assert_eq!(thumbprint(r#"{"kty":"oct","k":"AA"}"#), None);
    }

    #[test]
    fn a_thumbprint_is_written_and_read() {
        let text = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        let thumbprint = Thumbprint::from_base64url(text).unwrap();
        assert_eq!(thumbprint.to_string(), text);
        assert_eq!(format!("{thumbprint:?}"), format!("Thumbprint({text})"));
    }

    #[test]
    fn anything_but_32_bytes_of_base64url_is_no_thumbprint() {
        for text in [
            "",
            "AAAA",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs=",
            "NzbLsXh8uDCcd+6MNwXF4W/7noWXFZAfHkxZsRGC9Xs",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xt",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9XsA",
        ] {
            assert_eq!(Thumbprint::from_base64url(text), None, "{text}");
        }
    }
}
