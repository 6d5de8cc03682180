//! Keys that sign tokens, well-formed or not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PrivateKey};
use serde_json::{Value, json};
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the epoch, as `iat` and `exp` count them.
pub fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs())
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .expect("the system has random bytes");
    bytes
}

enum Private {
    EdDsa(ed25519_dalek::SigningKey),
    Es256(p256::ecdsa::SigningKey),
    Rs256(Box<rsa::pkcs1v15::SigningKey<sha2::Sha256>>),
}

/// A private key with its key id.
pub struct SigningKey {
    kid: String,
    private: Private,
}

impl SigningKey {
    /// A fresh P-256 key.
    pub fn es256(kid: &str) -> Self {
        let mut seed = random();
        // Far below the group's order, so that every seed is a key.
        seed[0] = 0;
        Self::es256_from(kid, &seed)
    }

    /// A fresh Ed25519 key.
    pub fn eddsa(kid: &str) -> Self {
        Self {
            kid: kid.into(),
            private: Private::EdDsa(ed25519_dalek::SigningKey::from_bytes(&random())),
        }
    }

    /// The same P-256 key for the same seed.
    pub fn es256_seeded(kid: &str, seed: u8) -> Self {
        let mut bytes = [0x5a; 32];
        bytes[31] = seed;
        Self::es256_from(kid, &bytes)
    }

    fn es256_from(kid: &str, bytes: &[u8; 32]) -> Self {
        let private = p256::ecdsa::SigningKey::from_slice(bytes).expect("a scalar in range");
        Self {
            kid: kid.into(),
            private: Private::Es256(private),
        }
    }

    /// The 2048-bit RSA key of the tests.
    pub fn rs256(kid: &str) -> Self {
        Self::rs256_from_pem(kid, include_str!("../../keys/rs256-test.pem"))
    }

    /// Another 2048-bit RSA key, which no issuer serves.
    pub fn rs256_forger(kid: &str) -> Self {
        Self::rs256_from_pem(kid, include_str!("../../keys/rs256-forger.pem"))
    }

    fn rs256_from_pem(kid: &str, pem: &str) -> Self {
        let key = PrivateKey::from_pkcs8_pem(pem).expect("a PKCS #8 key of ours");
        Self {
            kid: kid.into(),
            private: Private::Rs256(Box::new(rsa::pkcs1v15::SigningKey::new(key))),
        }
    }

    /// An RSA key from a private JWK (`n`, `e`, `d`, `kid`).
    ///
    /// # Errors
    /// When a member is missing or the numbers are no key.
    pub fn rs256_from_jwk(jwk: &Value) -> Result<Self, String> {
        let number = |name: &str| {
            let text = jwk[name]
                .as_str()
                .ok_or_else(|| format!("the private key has no `{name}`"))?;
            let bytes = URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|error| format!("`{name}` of the private key: {error}"))?;
            Ok::<_, String>(BoxedUint::from_be_slice_vartime(&bytes))
        };
        // Without primes they are recovered from the exponents.
        let key = PrivateKey::from_components(number("n")?, number("e")?, number("d")?, Vec::new())
            .map_err(|error| format!("the private key is not valid: {error}"))?;
        Ok(Self {
            kid: jwk["kid"].as_str().unwrap_or_default().into(),
            private: Private::Rs256(Box::new(rsa::pkcs1v15::SigningKey::new(key))),
        })
    }

    /// The key id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// `ES256`, `EdDSA` or `RS256`.
    pub fn alg(&self) -> &'static str {
        match self.private {
            Private::EdDsa(_) => "EdDSA",
            Private::Es256(_) => "ES256",
            Private::Rs256(_) => "RS256",
        }
    }

    /// The public half as a JWK.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.private {
            Private::EdDsa(key) => {
                let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
            }
            Private::Es256(key) => {
                // 0x04, then the coordinates.
                let point = key.verifying_key().to_sec1_point(false);
                let (x, y) = point.as_bytes()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) })
            }
            Private::Rs256(key) => {
                let private: &PrivateKey = key.as_ref().as_ref();
                let public = private.as_public_key();
                let encode = |number: &BoxedUint| {
                    URL_SAFE_NO_PAD.encode(number.to_be_bytes_trimmed_vartime())
                };
                json!({ "kty": "RSA", "n": encode(public.n()), "e": encode(public.e()) })
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.alg());
        jwk["use"] = json!("sig");
        jwk
    }

    /// A compact JWS. The header is `alg`, `kid` and `typ: JWT`, changed by the members of
    /// `header_extra`: a `null` removes one.
    pub fn sign(&self, header_extra: Value, claims: &Value) -> String {
        let mut header = json!({ "alg": self.alg(), "kid": self.kid, "typ": "JWT" });
        if let (Some(header), Value::Object(extra)) = (header.as_object_mut(), header_extra) {
            for (name, value) in extra {
                match value {
                    Value::Null => drop(header.remove(&name)),
                    value => drop(header.insert(name, value)),
                }
            }
        }
        self.sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// A compact JWS over any bytes, whether they are JSON or not. The signature is valid.
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = self.signature(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The raw signature over any bytes.
    pub fn signature(&self, input: &[u8]) -> Vec<u8> {
        match &self.private {
            Private::EdDsa(key) => {
                use ed25519_dalek::Signer as _;
                key.sign(input).to_bytes().to_vec()
            }
            Private::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(input);
                signature.to_bytes().to_vec()
            }
            Private::Rs256(key) => {
                use rsa::signature::SignatureEncoding;
                key.sign(input).to_vec()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::signature::Verifier;

    fn parts(token: &str) -> (String, Vec<u8>) {
        let (input, signature) = token.rsplit_once('.').unwrap();
        (input.into(), URL_SAFE_NO_PAD.decode(signature).unwrap())
    }

    fn member(jwk: &Value, name: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap()
    }

    #[test]
    fn es256_verifies_with_the_published_key() {
        for key in [
            SigningKey::es256("a"),
            SigningKey::es256_seeded("a", 0),
            SigningKey::es256_seeded("a", 255),
        ] {
            let (input, signature) = parts(&key.sign(json!({}), &json!({ "sub": "alice" })));
            let jwk = key.jwk();
            let sec1 = [vec![4], member(&jwk, "x"), member(&jwk, "y")].concat();
            p256::ecdsa::VerifyingKey::from_sec1_bytes(&sec1)
                .unwrap()
                .verify(
                    input.as_bytes(),
                    &p256::ecdsa::Signature::from_slice(&signature).unwrap(),
                )
                .unwrap();
        }
    }

    #[test]
    fn rs256_verifies_with_the_published_key_and_no_other() {
        let (key, forger) = (SigningKey::rs256("a"), SigningKey::rs256_forger("a"));
        let (input, signature) = parts(&key.sign(json!({}), &json!({ "sub": "alice" })));
        let verify = |jwk: &Value| {
            let number = |name| BoxedUint::from_be_slice_vartime(&member(jwk, name));
            let public = rsa::PublicKey::new(number("n"), number("e")).unwrap();
            rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new(public).verify(
                input.as_bytes(),
                &rsa::pkcs1v15::Signature::try_from(signature.as_slice()).unwrap(),
            )
        };
        assert!(verify(&key.jwk()).is_ok());
        assert!(verify(&forger.jwk()).is_err());
    }

    #[test]
    fn header_members_can_be_added_replaced_and_removed() {
        let token = SigningKey::es256("a").sign(
            json!({ "alg": "none", "kid": null, "jku": "x" }),
            &json!({}),
        );
        let header = URL_SAFE_NO_PAD
            .decode(token.split('.').next().unwrap())
            .unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header, json!({ "alg": "none", "typ": "JWT", "jku": "x" }));
    }
}
