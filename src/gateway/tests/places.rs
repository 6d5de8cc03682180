//! Where credentials stand, and whose they are there.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use serde_json::{Value, json};

use super::super::world::{Fate, Mood, START, World, jwk, token};
use super::{KEYS, bearer, config, secs};
use crate::jose::{Algorithm, testing};

/// SHA-256 of "right".
const DIGEST: &str = "sha256:27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9";

fn started(config: &Value) -> World {
    let mut world = World::new(1, config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    world
}

/// The status, the reason, and how the client is challenged.
fn refused(world: &mut World, path: &str, headers: &[(&str, &str)]) -> (u16, &'static str, String) {
    let id = world.request(0, path, headers);
    world.pass(secs(1));
    let Fate::Refused(status, headers) = world.fate(id) else {
        panic!("{:?}", world.fate(id));
    };
    let challenge = headers.get("www-authenticate").cloned();
    (*status, world.reason(id), challenge.unwrap_or_default())
}

#[test]
fn what_cannot_be_a_key_is_a_bad_key() {
    let mut config = config();
    config["limits"] = json!({ "token_bytes": 600 });
    config["providers"]["partners"] = json!({
        "kind": "api_key", "keys": { "acme": { "digest": DIGEST } },
        "from_headers": [{ "name": "x-api-key" }, { "name": "authorization", "value_prefix": "Bearer " }],
        "from_cookies": ["key"],
    });
    config["rules"] = json!([
        { "match": { "path_prefix": "/partners" }, "require": { "provider": "partners" } },
        { "match": { "path_prefix": "/main" }, "require": { "provider": "main" } },
        { "match": {}, "require": "user" },
    ]);
    let mut world = started(&config);
    let long = "k".repeat(601);
    let challenge = "ApiKey realm=\"api\"".to_owned();
    for path in ["/partners", "/both"] {
        for (name, value) in [
            ("x-api-key", "a b"),
            ("x-api-key", "wrong"),
            ("x-api-key", long.as_str()),
            ("x-api-key", "k\u{e9}"),
            ("authorization", "Bearer a b"),
            ("cookie", "key=a b"),
        ] {
            let got = refused(&mut world, path, &[(name, value)]);
            assert_eq!(got, (401, "bad_key", challenge.clone()), "{path} {name}");
        }
    }
    // To who takes tokens only, it is none.
    for (value, want) in [("Bearer a b", "malformed"), (&*bearer(&long), "too_large")] {
        let (status, reason, challenge) = refused(&mut world, "/main", &[("authorization", value)]);
        assert_eq!((status, reason), (401, want));
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
}

#[test]
fn a_method_that_a_header_names_changes_something_too() {
    for (overriding, want) in [("same_rule", 403), ("trust", 403), ("remove", 200)] {
        let mut config = config();
        config["providers"]["main"]["from_cookies"] = json!(["session"]);
        config["paths"] = json!({ "override_headers": overriding });
        let mut world = started(&config);
        let session = format!("session={}", token("a", &json!({})));
        for (name, value, want) in [
            ("x-http-method-override", "POST", want),
            ("x_http_method", "delete", want),
            ("x-method-override", "GET", 200),
        ] {
            let headers = [
                ("cookie", session.as_str()),
                ("sec-fetch-site", "cross-site"),
                (name, value),
            ];
            let id = world.request(0, "/orders", &headers);
            assert_eq!(world.status(id), want, "{overriding} {name}");
            assert_eq!(world.reason(id) == "cross_site", want == 403);
        }
    }
}

/// Whose a request is and which credential headers are taken out, or the status and why.
type Seen = Result<(String, Vec<String>), (u16, &'static str)>;

fn seen(world: &mut World, headers: &[(&str, &str)]) -> Seen {
    let id = world.request(0, "/orders", headers);
    world.pass(secs(1));
    match world.fate(id) {
        Fate::Forwarded(set, removed) => {
            let names = ["authorization", "cookie", "x-token"];
            let removed = removed.iter().filter(|name| names.contains(&name.as_str()));
            Ok((set["x-auth-user-id"].clone(), removed.cloned().collect()))
        }
        _ => Err((world.status(id), world.reason(id))),
    }
}

#[test]
fn further_places_add_to_the_default_header_and_a_list_of_headers_replaces_it() {
    let token = token("a", &json!({}));
    let header = bearer(&token);
    let session = format!("session={token}");
    let protocol = format!("bearer, {token}");
    for (headers, reads_default, reads_own) in [
        (Value::Null, true, false),
        (json!([]), false, false),
        (json!([{ "name": "x-token" }]), false, true),
    ] {
        let mut config = config();
        let main = &mut config["providers"]["main"];
        main["from_cookies"] = json!(["session"]);
        main["from_params"] = json!([{ "name": "t", "value_prefix": "jwt " }]);
        main["from_websocket_protocol"] = json!(true);
        if !headers.is_null() {
            main["from_headers"] = headers;
        }
        let mut world = started(&config);
        for (name, value, passes) in [
            ("cookie", session.as_str(), true),
            ("sec-websocket-protocol", protocol.as_str(), true),
            ("authorization", header.as_str(), reads_default),
            ("x-token", token.as_str(), reads_own),
        ] {
            let want = if passes {
                Ok("alice")
            } else {
                Err((401, "missing"))
            };
            let got = seen(&mut world, &[(name, value)]);
            let got = got
                .as_ref()
                .map(|(user, _)| user.as_str())
                .map_err(|why| *why);
            assert_eq!(got, want, "{name}");
        }
        let id = world.request(0, &format!("/orders?t=JWT%20{token}"), &[]);
        assert_eq!(world.status(id), 200);
    }
}

#[test]
fn an_application_s_own_token_does_not_hide_a_cookie_that_holds() {
    let good = token("a", &json!({}));
    let session = format!("session={good}");
    let stranger = bearer(&token("a", &json!({ "iss": "https://other" })));
    let expired = bearer(&token("a", &json!({ "exp": 1 })));
    let encrypted = "Bearer eyJhbGciOiJkaXIifQ.a.b.c.d";
    let dead = format!("session={}", token("a", &json!({ "exp": 1 })));
    for foreign in ["remove", "forward"] {
        let mut config = config();
        config["providers"]["main"]["from_cookies"] = json!(["session"]);
        config["providers"]["main"]["foreign"] = json!(foreign);
        let mut world = started(&config);
        let removed: &[&str] = match foreign {
            "forward" => &["cookie"],
            _ => &["cookie", "authorization"],
        };
        for own in ["Bearer glpat-x_y", "Bearer a.b.c", encrypted, &stranger] {
            let (user, mut gone) =
                seen(&mut world, &[("authorization", own), ("cookie", &session)]).unwrap();
            gone.sort_by_key(|name| removed.iter().position(|want| want == name));
            assert_eq!(
                (user.as_str(), gone),
                (
                    "alice",
                    removed.iter().map(|name| (*name).to_owned()).collect()
                ),
                "{own}"
            );
            // It is nobody's without one that holds, and what is wrong with that one is told.
            let alone = seen(&mut world, &[("authorization", own)]);
            assert!(
                matches!(alone, Err((401, "malformed" | "unknown_issuer"))),
                "{alone:?}"
            );
            let got = seen(&mut world, &[("authorization", own), ("cookie", &dead)]);
            assert_eq!(got, Err((401, "expired")));
            // A browser has sent it by itself.
            let headers = [
                ("authorization", own),
                ("cookie", &session),
                (":method", "POST"),
            ];
            assert_eq!(seen(&mut world, &headers), Err((403, "cross_site")));
        }
        // What is one of theirs is refused, whatever the cookies say.
        for (own, want) in [
            (expired.as_str(), (401, "expired")),
            ("Bearer", (400, "malformed_credentials")),
        ] {
            let got = seen(&mut world, &[("authorization", own), ("cookie", &session)]);
            assert_eq!(got, Err(want), "{own}");
        }
    }
}

/// A token as AWS's load balancers make it: padded, with who has signed it in its header, and without an audience.
fn balanced(signer: &Value, issuer: &str) -> String {
    let header = json!({ "alg": "ES256", "kid": "a", "iss": issuer, "client": "c", "signer": signer, "exp": START + 120 });
    let claims =
        json!({ "iss": issuer, "sub": "alice", "email": "alice@example.com", "exp": START + 120 });
    let part = |text: &[u8]| BASE64_URL_SAFE.encode(text);
    let signed = format!(
        "{}.{}",
        part(header.to_string().as_bytes()),
        part(claims.to_string().as_bytes())
    );
    let signature = testing::sign(Algorithm::Es256, signed.as_bytes());
    format!("{signed}.{}", part(&signature))
}

#[test]
fn a_load_balancer_s_tokens_count_where_it_is_one_of_ours() {
    const ARN: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/1";
    let mut config = config();
    let main = &mut config["providers"]["main"];
    main.as_object_mut().unwrap().remove("audiences");
    main["from_headers"] = json!([{ "name": "x-amzn-oidc-data" }]);
    main["padded"] = json!(true);
    main["required_header"] = json!({ "signer": { "any_of": [ARN] } });
    let mut world = started(&config);
    let good = balanced(&json!(ARN), "https://issuer");
    assert!(good.contains("=."), "{good}");
    // The padding is signed too.
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let bare = signed.replace('=', "");
    let resigned = BASE64_URL_SAFE.encode(testing::sign(Algorithm::Es256, bare.as_bytes()));
    for _ in 0..2 {
        for (token, want) in [
            (good.clone(), Ok("alice")),
            (
                balanced(&json!(format!("{ARN}2")), "https://issuer"),
                Err((401, "claim_refused")),
            ),
            (
                balanced(&json!([ARN]), "https://issuer"),
                Err((401, "claim_refused")),
            ),
            (
                balanced(&Value::Null, "https://issuer"),
                Err((401, "claim_refused")),
            ),
            (
                balanced(&json!(ARN), "https://other"),
                Err((401, "unknown_issuer")),
            ),
            (good.replace('=', ""), Err((401, "malformed"))),
            (format!("{good}="), Err((401, "malformed"))),
            (format!("{signed}.{resigned}"), Err((401, "bad_signature"))),
            (format!("{bare}.{signature}"), Err((401, "malformed"))),
        ] {
            let got = seen(&mut world, &[("x-amzn-oidc-data", &token)]);
            let got = got
                .as_ref()
                .map(|(user, _)| user.as_str())
                .map_err(|why| *why);
            assert_eq!(got, want, "{token}");
        }
    }
}
