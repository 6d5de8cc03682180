//! A token of every algorithm, signed by another implementation, in the real Envoy.

use crate::lab::{Lab, provider};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::Issuer;
use serde_json::{Value, json};

const HMAC: [&str; 3] = ["HS256", "HS384", "HS512"];

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../vectors/tokens.json")).unwrap()
}

fn is_secret(vector: &Value) -> bool {
    HMAC.contains(&vector["alg"].as_str().unwrap())
}

#[test]
fn a_token_of_each_algorithm_holds_and_a_damaged_one_does_not() {
    let vectors = vectors();
    let (secret, public): (Vec<_>, Vec<_>) = vectors.iter().partition(|vector| is_secret(vector));
    let keys = |vectors: &[&Value]| -> Vec<Value> {
        vectors.iter().map(|vector| vector["jwk"].clone()).collect()
    };
    let issuer = Issuer::start(&[]).unwrap();
    issuer.set_body(json!({ "keys": keys(&public) }).to_string());
    let names: Vec<_> = public.iter().map(|vector| vector["alg"].clone()).collect();
    let with = |algorithms: Value| {
        let mut provider = provider(&issuer, json!({}));
        provider["issuer"] = json!("https://issuer");
        provider["algorithms"] = algorithms;
        provider
    };
    let mut shared = with(json!(HMAC));
    shared["jwks"] = json!({ "inline": { "keys": keys(&secret) } });
    let rule = |prefix: &str, name: &str| json!({ "match": { "path_prefix": prefix }, "require": { "provider": name } });
    let policy = json!({
        "providers": { "issuer": with(json!(names)), "secret": shared },
        "rules": [rule("/issuer", "issuer"), rule("/secret", "secret")],
    });
    let lab = Lab::start(&issuer, Filter::json(policy), |config| config);
    for vector in &vectors {
        let (right, wrong) = match is_secret(vector) {
            true => ("/secret", "/issuer"),
            false => ("/issuer", "/secret"),
        };
        let token = vector["token"].as_str().unwrap();
        let status =
            |path: &str, token: &str| lab.send(Request::get(path).bearer(token)).answer.status;
        assert_eq!(status(right, token), 200, "{}", vector["alg"]);
        assert_eq!(status(wrong, token), 401, "{}", vector["alg"]);
        let (content, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let damaged = format!("{content}.{first}{}", &signature[1..]);
        assert_eq!(status(right, &damaged), 401, "{}", vector["alg"]);
    }
    assert_eq!(
        issuer.fetches(),
        1,
        "a bad signature is no reason to ask the issuer"
    );
    lab.is_sound();
}
