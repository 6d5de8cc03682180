//! What strangers send.

use super::policy::{ISSUER, LATE, WEB};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lab::client::Request;
use lab::issuer::unix_now;
use lab::load::Shot;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// Under which word their answers are counted.
pub(super) const STRANGER: &str = "stranger";

/// A request as it is counted.
pub(super) fn shot(request: &Request) -> Shot {
    Shot {
        kind: STRANGER,
        bytes: request.to_bytes(),
    }
}

/// Random bytes that cost little: nobody has to find them hard to guess.
pub(super) fn noise(number: u64, length: usize) -> Vec<u8> {
    // SplitMix64 (Steele, Lea and Flood, 2014).
    let mut state = number.wrapping_mul(0x2545_f491_4f6c_dd1d);
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        out.extend((word ^ (word >> 31)).to_le_bytes());
    }
    out.truncate(length);
    out
}

/// Tokens with a signature that does not hold.
pub(super) struct Forger {
    input: String,
    /// How long a signature is.
    length: usize,
}

impl Forger {
    /// Forges tokens of an issuer's key.
    pub(super) fn new(issuer: &str, algorithm: &str, kid: &str, length: usize) -> Self {
        let header = json!({ "alg": algorithm, "kid": kid, "typ": "JWT" });
        Self {
            input: input(&header, &claims(issuer)),
            length,
        }
    }

    /// The token of this number.
    pub(super) fn token(&self, number: u64) -> String {
        let mut signature = noise(number, self.length);
        // Below every modulus and every order.
        if let Some(first) = signature.first_mut() {
            *first &= 0x3f;
        }
        format!("{}.{}", self.input, URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A word that was never said before.
pub(super) fn unique(word: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{word}-{number}-{}", std::process::id())
}

/// An unsigned token of a key that nobody has.
pub(super) fn unknown_kid(issuer: &str, number: u64) -> String {
    Forger::new(issuer, "ES256", &unique("unknown"), 64).token(number)
}

/// The same of the late issuer.
pub(super) fn unknown_to_late(number: u64) -> Request {
    Request::get("/late").bearer(&unknown_kid(LATE, number))
}

/// A wrong password of somebody, from an address that was never seen before: Envoy believes it by default.
pub(super) fn guess(number: u64) -> Request {
    let name = if number.is_multiple_of(2) {
        "alice".to_owned()
    } else {
        unique("user")
    };
    let credentials = STANDARD.encode(format!("{name}:{}", unique("guess")));
    let [a, b, c, ..] = noise(number, 3)[..] else {
        unreachable!("noise is as long as it was asked to be");
    };
    Request::get("/password")
        .header("authorization", format!("Basic {credentials}"))
        .header("x-forwarded-for", format!("10.{a}.{b}.{c}"))
}

/// A token that only its issuer can read.
pub(super) fn opaque(_: u64) -> Request {
    Request::get("/opaque").bearer(&unique("opaque"))
}

/// Requests with as many bytes as a proxy takes by default, in one place.
pub(super) fn giant(place: &str) -> Box<dyn Fn(u64) -> Request + Send + Sync> {
    const BYTES: usize = 55 * 1024;
    let repeated = |text: &dyn Fn(usize) -> String, between: &str| {
        let mut all = (0..8000).map(text).collect::<Vec<_>>().join(between);
        all.truncate(BYTES);
        all
    };
    match place {
        "token" => {
            let token = "A.".repeat(BYTES / 2);
            Box::new(move |number| Request::get("/api").bearer(&format!("{number}{token}")))
        }
        "headers" => {
            let value = "a".repeat(BYTES / 90);
            Box::new(move |_| {
                let request = Request::get("/api");
                (0..90).fold(request, |request, header| {
                    request.header(format!("x-{header}"), &value)
                })
            })
        }
        "cookies" => {
            let forger = Forger::new(WEB, "ES256", "es", 64);
            let own: Vec<String> = (0..30)
                .map(|copy| format!("session={}", forger.token(copy)))
                .collect();
            let own = own.join("; ");
            let mut many = repeated(&|pair| format!("c{pair}=v"), "; ");
            many.truncate(BYTES - own.len());
            Box::new(move |number| {
                Request::get("/web").header("cookie", format!("n={number}; {own}; {many}"))
            })
        }
        _ => {
            let query = repeated(&|pair| format!("p{pair}=v"), "&");
            Box::new(move |number| Request::get(format!("/web?{query}&access_token={number}")))
        }
    }
}

fn claims(issuer: &str) -> Value {
    json!({ "iss": issuer, "aud": "orders", "sub": "root", "iat": unix_now(), "exp": unix_now() + 3600 })
}

fn input(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

/// A token that was good an hour ago.
pub(super) fn expired() -> String {
    let mut claims = claims(ISSUER);
    claims["exp"] = json!(unix_now() - 3600);
    let header = json!({ "alg": "ES256", "kid": "es", "typ": "JWT" });
    format!(
        "{}.{}",
        input(&header, &claims),
        URL_SAFE_NO_PAD.encode(noise(1, 64))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_forgeries_are_the_same() {
        let forger = Forger::new(ISSUER, "ES384", "p384", 96);
        assert_ne!(forger.token(1), forger.token(2));
        assert_eq!(forger.token(7), forger.token(7));
        assert_eq!(noise(3, 96).len(), 96);
    }

    #[test]
    fn giants_fit_what_a_proxy_takes() {
        for place in ["token", "headers", "cookies", "query"] {
            let bytes = giant(place)(1).to_bytes().len();
            assert!((54 * 1024..60 * 1024).contains(&bytes), "{place}: {bytes}");
        }
    }
}
