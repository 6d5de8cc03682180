//! Tokens and keys for tests: the private halves that the filter itself has no use for.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Signer;
use rsa::BoxedUint;

/// The key of RFC 7515 appendix A.3, with a `kid`.
pub(crate) const EC_JWK: &str = r#"{"kty":"EC","kid":"ec","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const EC_SCALAR: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

/// A key made for these tests.
pub(crate) const RSA_JWK: &str = r#"{"kty":"RSA","kid":"rsa","e":"AQAB","n":"pOyWL38PpUt_qISbwLNijs_jw4m1AF82PBFIqHJScO6TF1lsWEuBnOB2l72pziwDE1YN1DoJHWWcVqTFi0PGwq40l6ROsvURe0gn4Mn9MmQDB1ub3gTH3ozGqssTeyV_tdbopDZo1ZmdOyY1kYlbkjZH8kuwQ36wTVNJdeP1WbNqWpZ2_hNbaXIPksMo1hGZEjGxFX1AVGH5WqZT0Kms_6RTxNsXCo1vBlTTVjTln1YFAWZkFe2hPQjYyqzzR4ag4KoF31sVRud1c89E77RQjUKvV2xiI30ZXESmM97lF-JXU7U23NPJHl2Rl5nb692jUGTeRhOF1syEHuaFWNc1SQ"}"#;
const RSA_P: &str = "3T08jLkznu6QmX5AE9sULt7CwPzeTXfEVWHY2NOM9DOWyQtn6CrD6GpWVX0MfDgjlkj-OjHDh9VReOhezXU5bse4ear47cZy1AIP0LzGf-ogxBsXCm-p_lfFP-IgsGCHKGIDP-O7QefOzhskIQVn1RKui9OBVO5q_bLUWaiBYpU";
const RSA_Q: &str = "vtY569LqKc1f3ovsTnuaKq6MlQzuTX6SJ7qad2vkVC3HCWZPQIW0RpdCm20S9YPkYjt3CFvgZrYvIatfuW0MBf7Qz8js10ZFmdukmD2uPhBpQuTmMiVRbb1F2FO6NwjrsGDb-e_aMcZa3oXoxZfCfsqpRUN8r5r5ji8qsNBGbuU";

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

pub(crate) fn es256(header: &str, payload: &str) -> String {
    let token = unsigned(header, payload);
    let signature = ec_signature(token.trim_end_matches('.').as_bytes());
    token + &encode(signature.to_bytes())
}

pub(crate) fn ec_signature(message: &[u8]) -> p256::ecdsa::Signature {
    p256::ecdsa::SigningKey::from_slice(&decode(EC_SCALAR))
        .unwrap()
        .sign(message)
}

pub(crate) fn rs256(header: &str, payload: &str) -> String {
    let number = |text: &str| BoxedUint::from_be_slice_vartime(&decode(text));
    let key = rsa::PrivateKey::from_p_q(number(RSA_P), number(RSA_Q), BoxedUint::from(65537_u64))
        .unwrap();
    let token = unsigned(header, payload);
    let signature = key
        .pkcs1v15_sign::<sha2::Sha256>(token.trim_end_matches('.').as_bytes())
        .unwrap();
    token + &encode(signature)
}
