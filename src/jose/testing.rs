//! Tokens and keys for tests: the private halves that the filter itself has no use for.

use std::convert::Infallible;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use rsa::{
    BoxedUint,
    rand_core::{TryCryptoRng, TryRng},
};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use super::Algorithm;

/// The key of RFC 7515 appendix A.3, with a `kid`.
pub(crate) const EC_JWK: &str = r#"{"kty":"EC","kid":"ec","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const EC_SCALAR: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

/// A key made for these tests.
pub(crate) const RSA_JWK: &str = r#"{"kty":"RSA","kid":"rsa","e":"AQAB","n":"pOyWL38PpUt_qISbwLNijs_jw4m1AF82PBFIqHJScO6TF1lsWEuBnOB2l72pziwDE1YN1DoJHWWcVqTFi0PGwq40l6ROsvURe0gn4Mn9MmQDB1ub3gTH3ozGqssTeyV_tdbopDZo1ZmdOyY1kYlbkjZH8kuwQ36wTVNJdeP1WbNqWpZ2_hNbaXIPksMo1hGZEjGxFX1AVGH5WqZT0Kms_6RTxNsXCo1vBlTTVjTln1YFAWZkFe2hPQjYyqzzR4ag4KoF31sVRud1c89E77RQjUKvV2xiI30ZXESmM97lF-JXU7U23NPJHl2Rl5nb692jUGTeRhOF1syEHuaFWNc1SQ"}"#;
const RSA_P: &str = "3T08jLkznu6QmX5AE9sULt7CwPzeTXfEVWHY2NOM9DOWyQtn6CrD6GpWVX0MfDgjlkj-OjHDh9VReOhezXU5bse4ear47cZy1AIP0LzGf-ogxBsXCm-p_lfFP-IgsGCHKGIDP-O7QefOzhskIQVn1RKui9OBVO5q_bLUWaiBYpU";
const RSA_Q: &str = "vtY569LqKc1f3ovsTnuaKq6MlQzuTX6SJ7qad2vkVC3HCWZPQIW0RpdCm20S9YPkYjt3CFvgZrYvIatfuW0MBf7Qz8js10ZFmdukmD2uPhBpQuTmMiVRbb1F2FO6NwjrsGDb-e_aMcZa3oXoxZfCfsqpRUN8r5r5ji8qsNBGbuU";

/// Secret halves for which any number will do.
const P384_SCALAR: [u8; 48] = [1; 48];
const P521_SCALAR: [u8; 66] = [1; 66];
const SECP256K1_SCALAR: [u8; 32] = [1; 32];
const ED25519_SEED: [u8; 32] = [1; 32];
const SECRET: [u8; 64] = [1; 64];

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A token whose header and payload are exactly these texts.
pub(crate) fn unsigned(header: &str, payload: &str) -> String {
    format!("{}.{}.", encode(header), encode(payload))
}

/// The same, signed by the key for `algorithm`, whatever the header says.
pub(crate) fn signed(algorithm: Algorithm, header: &str, payload: &str) -> String {
    let token = unsigned(header, payload);
    let signature = sign(algorithm, token.trim_end_matches('.').as_bytes());
    token + &encode(signature)
}

pub(crate) fn es256(header: &str, payload: &str) -> String {
    signed(Algorithm::Es256, header, payload)
}

pub(crate) fn rs256(header: &str, payload: &str) -> String {
    signed(Algorithm::Rs256, header, payload)
}

/// The key that verifies what [`sign`] makes, with a `kid` and without an `alg`.
pub(crate) fn jwk(algorithm: Algorithm) -> Value {
    let ec = |kid: &str, crv: &str, point: &[u8]| {
        let (x, y) = point[1..].split_at(point.len() / 2);
        json!({"kty": "EC", "kid": kid, "crv": crv, "x": encode(x), "y": encode(y)})
    };
    match algorithm {
        Algorithm::Es256 => serde_json::from_str(EC_JWK).unwrap(),
        Algorithm::Es256k => {
            let point = secp256k1_key().verifying_key().to_sec1_point(false);
            ec("ec-k", "secp256k1", point.as_bytes())
        }
        Algorithm::Es384 => {
            let point = p384_key().verifying_key().to_sec1_point(false);
            ec("ec-384", "P-384", point.as_bytes())
        }
        Algorithm::Es512 => {
            let point = p521_key().verifying_key().to_sec1_point(false);
            ec("ec-521", "P-521", point.as_bytes())
        }
        Algorithm::EdDsa => {
            let x = encode(ed25519_key().verifying_key());
            json!({"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": x})
        }
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            json!({"kty": "oct", "kid": "oct", "k": encode(SECRET)})
        }
        Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512 => serde_json::from_str(RSA_JWK).unwrap(),
    }
}

/// The signature of `message`, the same on every run.
pub(crate) fn sign(algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Es256 => p256_signature(message).to_bytes().to_vec(),
        Algorithm::Es256k => {
            let signature: k256::ecdsa::Signature = secp256k1_key().sign(message);
            signature.to_bytes().to_vec()
        }
        Algorithm::Es384 => {
            let signature: p384::ecdsa::Signature = p384_key().sign(message);
            signature.to_bytes().to_vec()
        }
        Algorithm::Es512 => {
            let signature: p521::ecdsa::Signature = p521_key().sign(message);
            signature.to_bytes().to_vec()
        }
        Algorithm::EdDsa => ed25519_key().sign(message).to_bytes().to_vec(),
        Algorithm::Hs256 => hmac::<Sha256>(&SECRET, message),
        Algorithm::Hs384 => hmac::<Sha384>(&SECRET, message),
        Algorithm::Hs512 => hmac::<Sha512>(&SECRET, message),
        Algorithm::Ps256 => rsa_key()
            .pss_sign_with_rng::<Sha256, _>(&mut Salts(0), message)
            .unwrap(),
        Algorithm::Ps384 => rsa_key()
            .pss_sign_with_rng::<Sha384, _>(&mut Salts(0), message)
            .unwrap(),
        Algorithm::Ps512 => rsa_key()
            .pss_sign_with_rng::<Sha512, _>(&mut Salts(0), message)
            .unwrap(),
        Algorithm::Rs256 => rsa_key().pkcs1v15_sign::<Sha256>(message).unwrap(),
        Algorithm::Rs384 => rsa_key().pkcs1v15_sign::<Sha384>(message).unwrap(),
        Algorithm::Rs512 => rsa_key().pkcs1v15_sign::<Sha512>(message).unwrap(),
    }
}

pub(crate) fn hmac<D: EagerHash>(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mac = Hmac::<D>::new_from_slice(secret).unwrap();
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

pub(crate) fn p256_signature(message: &[u8]) -> p256::ecdsa::Signature {
    p256::ecdsa::SigningKey::from_slice(&decode(EC_SCALAR))
        .unwrap()
        .sign(message)
}

pub(crate) fn rsa_key() -> rsa::PrivateKey {
    let number = |text: &str| BoxedUint::from_be_slice_vartime(&decode(text));
    rsa::PrivateKey::from_p_q(number(RSA_P), number(RSA_Q), BoxedUint::from(65537_u64)).unwrap()
}

fn ed25519_key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&ED25519_SEED)
}

fn p384_key() -> p384::ecdsa::SigningKey {
    p384::ecdsa::SigningKey::from_slice(&P384_SCALAR).unwrap()
}

fn p521_key() -> p521::ecdsa::SigningKey {
    p521::ecdsa::SigningKey::from_slice(&P521_SCALAR).unwrap()
}

fn secp256k1_key() -> k256::ecdsa::SigningKey {
    k256::ecdsa::SigningKey::from_slice(&SECP256K1_SCALAR).unwrap()
}

/// The salts of PSS, the same on every run (SplitMix64): the library draws until it likes what it gets, so that
/// a short cycle would never end.
pub(crate) struct Salts(pub(crate) u64);

impl TryRng for Salts {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Salts {}
