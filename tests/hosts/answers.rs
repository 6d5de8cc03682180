//! The table of answers, on every host.

use serde_json::{Value, json};

use crate::fixture::{KEY, START, inline, token, token_of};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;
use lab::issuer::SigningKey;

/// What the client asks, and the answer: status, challenge, detail.
struct Row(&'static str, Request, u16, &'static str, &'static str);

const ANONYMOUS: &str = "Bearer realm=\"api\"";
const MALFORMED: &str = "Bearer realm=\"api\", error=\"invalid_request\"";
const INVALID: &str = "Bearer realm=\"api\", error=\"invalid_token\", error_description=";
const SCOPE: &str = "Bearer realm=\"api\", error=\"insufficient_scope\"";

fn rows() -> Vec<Row> {
    let api = || Request::get("/api");
    let with = |extra: Value| api().bearer(&token(&extra));
    let at = |path: &str| Request::get(path).bearer(&token(&json!({})));
    let forged = token_of(&SigningKey::es256_seeded("a", 9), &json!({}));
    let unknown = token_of(&SigningKey::es256_seeded("b", 9), &json!({}));
    let none = "Authentication required";
    let bad = "Malformed credentials";
    let no = "Invalid token";
    let not = "Operation not allowed";
    vec![
        Row("nothing", api(), 401, ANONYMOUS, none),
        Row(
            "another scheme",
            api().header("Authorization", "Digest x"),
            401,
            ANONYMOUS,
            none,
        ),
        Row(
            "no token",
            api().header("Authorization", "Bearer"),
            400,
            MALFORMED,
            bad,
        ),
        Row(
            "no JWS",
            api().bearer("x.y.z"),
            401,
            "the token is malformed: it is not three segments of base64url",
            no,
        ),
        Row(
            "bytes",
            api().header("Authorization", b"Bearer \xff\xfe"),
            401,
            "the token is malformed: it is not three segments of base64url",
            no,
        ),
        Row(
            "expired",
            with(json!({ "exp": *START - 61 })),
            401,
            "the token has expired",
            no,
        ),
        Row(
            "too early",
            with(json!({ "nbf": *START + 61 })),
            401,
            "the token is not valid yet",
            no,
        ),
        Row(
            "another issuer",
            with(json!({ "iss": "https://other" })),
            401,
            "the issuer is not known",
            no,
        ),
        Row(
            "another audience",
            with(json!({ "aud": "other" })),
            401,
            "the token is meant for another audience",
            no,
        ),
        Row(
            "forged",
            api().bearer(&forged),
            401,
            "the signature is not valid",
            no,
        ),
        Row(
            "an unknown key",
            api().bearer(&unknown),
            401,
            "the signing key is not known",
            no,
        ),
        Row("another group", at("/admin"), 403, SCOPE, not),
        Row(
            "no scope",
            at("/scoped"),
            403,
            "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"orders:read\"",
            not,
        ),
        Row("nobody may", at("/closed"), 403, "", not),
        Row("no rule", at("/nowhere"), 403, "", not),
        Row(
            "an encoded slash",
            at("/public%2fx"),
            400,
            "",
            "Ambiguous request",
        ),
        Row("a backslash", at("/public%5cx"), 400, "", "Malformed path"),
        Row(
            "a dot segment",
            at("/public/x/../y"),
            400,
            "",
            "Malformed path",
        ),
    ]
}

#[test]
fn each_refusal_is_the_same_on_each_host() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        for Row(what, request, status, challenge, detail) in rows() {
            let id = process.ask(request);
            let answer = process.refused(id);
            let of = |wanted: &str| {
                let headers = answer.headers.iter();
                let of_name = headers.filter(|(name, _)| name == wanted);
                of_name.map(|(_, value)| value.clone()).collect::<Vec<_>>()
            };
            let challenge = if challenge.contains('"') || challenge.is_empty() {
                challenge.to_owned()
            } else {
                format!("{INVALID}\"{challenge}\"")
            };
            let context = format!("{host:?}: {what}");
            assert_eq!(answer.status, status, "{context}");
            assert_eq!(of("www-authenticate").join(" | "), challenge, "{context}");
            assert_eq!(of("content-type"), ["application/json"], "{context}");
            let newline = if host.is_nginx() { "\n" } else { "" };
            let body = json!({ "detail": detail }).to_string() + newline;
            assert_eq!(answer.body, body, "{context}");
        }
        let world = process.world();
        let denied: i64 = world.metrics.iter().map(|(_, count)| count).sum();
        let counted = if host == Personality::Apisix {
            0
        } else {
            rows().len() as i64
        };
        assert_eq!(denied, counted, "{host:?} {:?}", world.metrics);
        drop(world);
        process.is_sound();
    }
}

#[test]
fn open_paths_look_at_no_credential() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        for request in [
            Request::get("/public"),
            Request::get("/public/x?y=1").bearer("nonsense"),
            Request::get("/optional"),
        ] {
            let id = process.ask(request);
            assert_eq!(process.status(id), 200, "{host:?}");
            assert!(process.upstream(id, "x-auth-user-id").is_empty());
        }
        let id = process.ask(Request::get("/optional").bearer("x.y.z"));
        assert_eq!(process.status(id), 401, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn two_schemes_are_both_in_the_challenge() {
    for host in Personality::ALL {
        let mut config = inline();
        config["providers"]["ops"] = json!({ "kind": "basic", "realm": "ops", "users": { "bob": {
            "password_hash": auth_filter::text::hex_text(&<sha2::Sha256 as sha2::Digest>::digest(b"secret")),
        } } });
        let mut process = Process::start(host, 1, &config);
        let id = process.ask(Request::get("/api"));
        let headers = process.refused(id).headers.iter();
        let challenges: Vec<_> = headers
            .filter(|(name, _)| name == "www-authenticate")
            .map(|(_, value)| value.as_str())
            .collect();
        let (bearer, basic) = ("Bearer realm=\"api\"", "Basic realm=\"ops\"");
        // One that keeps the last header of a name gets a list.
        if host != Personality::Envoy {
            assert_eq!(challenges, [format!("{bearer}, {basic}")]);
        } else {
            assert_eq!(challenges, [bearer, basic]);
        }
        for (credential, status) in [("Ym9iOnNlY3JldA==", 200), ("Ym9iOndyb25n", 401)] {
            let request =
                Request::get("/api").header("Authorization", format!("Basic {credential}"));
            let id = process.ask(request);
            assert_eq!(process.status(id), status, "{host:?}");
        }
        process.is_sound();
    }
}

#[test]
fn a_grpc_call_gets_its_own_status() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        let request = Request::get("/api").header("Content-Type", "application/grpc");
        let id = process.ask(request);
        assert_eq!(process.refused(id).grpc_status, 16, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn shadow_mode_lets_pass_and_says_what_it_would_have_done() {
    for host in Personality::ALL {
        let mut config = inline();
        config["mode"] = json!("shadow");
        let mut process = Process::start(host, 1, &config);
        let id = process.ask(Request::get("/api"));
        assert_eq!(
            process.upstream(id, "x-auth-shadow"),
            ["missing;status=401"],
            "{host:?}"
        );
        assert_eq!(KEY.kid(), "a");
        process.is_sound();
    }
}
