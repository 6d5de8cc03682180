//! Tokens that are bound to a key, and proofs that a caller has it (RFC 9449).

use super::callers::claims;
use super::policy::{ES, ORIGIN};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lab::client::Request;
use lab::issuer::{SigningKey, unix_now};
use serde_json::json;
use sha2::{Digest, Sha256};

/// A token that only who has this key may use.
pub(super) fn bound(issuer: &SigningKey, own: &SigningKey, user: &str) -> String {
    let mut claims = claims(ES, user);
    claims["cnf"] = json!({ "jkt": thumbprint(own) });
    issuer.sign(json!({}), &claims)
}

/// A request with a token and the proof of its key.
pub(super) fn proven(path: &str, token: &str, own: &SigningKey, serial: u64) -> Request {
    let mut jwk = own.jwk();
    for name in ["kid", "alg", "use"] {
        jwk.as_object_mut().map(|jwk| jwk.remove(name));
    }
    let header = json!({ "typ": "dpop+jwt", "kid": null, "jwk": jwk });
    let claims = json!({
        "jti": format!("{serial:x}"), "htm": "GET", "htu": format!("{ORIGIN}{path}"), "iat": unix_now(),
        "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(token)),
    });
    Request::get(path)
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", own.sign(header, &claims))
}

/// RFC 7638 for a P-256 key.
fn thumbprint(key: &SigningKey) -> String {
    let jwk = key.jwk();
    let member = |name: &str| jwk[name].as_str().unwrap_or_default().to_owned();
    let text = format!(
        "{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{}\",\"y\":\"{}\"}}",
        member("x"),
        member("y")
    );
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
