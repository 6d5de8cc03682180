//! Honest callers: what they send.

use crate::client::Request;
use crate::issuer::{SigningKey, unix_now};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};

/// A request without a credential for a path that asks for none.
pub const OPEN: &str = "open path";
/// A token that was seen before.
pub const KNOWN: &str = "known token";
/// A token that nobody has seen.
pub const FRESH: &str = "fresh token";
/// A known token that is bound to a key, with a new proof (RFC 9449).
pub const BOUND: &str = "bound token";

/// Callers of one issuer's users.
pub struct Callers {
    key: SigningKey,
    claims: Value,
    /// Whose tokens are bound.
    own: SigningKey,
    /// Where clients see the API, for proofs.
    origin: String,
    known: String,
    bound: String,
    number: AtomicU64,
}

impl Callers {
    /// Callers whose tokens this key signs and have these claims (`iss`, `aud`, …) beside `sub`, `iat` and `exp`.
    pub fn new(key: SigningKey, claims: Value, origin: &str) -> Self {
        let own = SigningKey::es256("own");
        let mut callers = Self {
            key,
            claims,
            own,
            origin: origin.into(),
            known: String::new(),
            bound: String::new(),
            number: AtomicU64::new(0),
        };
        callers.known = callers.token("known", json!({}));
        let thumbprint = thumbprint(&callers.own);
        callers.bound = callers.token("bound", json!({ "cnf": { "jkt": thumbprint } }));
        callers
    }

    /// A good token of this subject with these claims on top.
    pub fn token(&self, subject: &str, more: Value) -> String {
        let mut claims = self.claims.clone();
        let now = unix_now();
        claims["sub"] = json!(subject);
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + 3600);
        if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
            claims.extend(more);
        }
        self.key.sign(json!({}), &claims)
    }

    /// A request of this kind for a path.
    pub fn request(&self, kind: &str, path: &str) -> Request {
        let request = Request::get(path);
        match kind {
            KNOWN => request.bearer(&self.known),
            FRESH => {
                let subject = format!("fresh-{}", self.next());
                request.bearer(&self.token(&subject, json!({})))
            }
            BOUND => {
                let proof = self.proof(path, &self.bound);
                let token = format!("DPoP {}", self.bound);
                request.header("authorization", token).header("dpop", proof)
            }
            _ => request,
        }
    }

    /// A new proof for a GET of this path with a token.
    fn proof(&self, path: &str, token: &str) -> String {
        let mut jwk = self.own.jwk();
        if let Some(jwk) = jwk.as_object_mut() {
            jwk.retain(|name, _| ["kty", "crv", "x", "y"].contains(&name.as_str()));
        }
        let header = json!({ "kid": null, "typ": "dpop+jwt", "jwk": jwk });
        let claims = json!({
            "jti": format!("{}-{}", std::process::id(), self.next()),
            "htm": "GET",
            "htu": format!("{}{path}", self.origin),
            "iat": unix_now(),
            "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(token)),
        });
        self.own.sign(header, &claims)
    }

    fn next(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }
}

/// The thumbprint of a key (RFC 7638).
fn thumbprint(key: &SigningKey) -> String {
    let jwk = key.jwk();
    // Members in alphabetical order, without blanks.
    let canonical = format!(
        r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#,
        jwk["crv"], jwk["kty"], jwk["x"], jwk["y"]
    );
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}
