//! A token at each pair of places: which of the two counts, and what of both reaches the upstream.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::lab::{Lab, claims, provider};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use lab::server::Received;

/// Whose tokens are forwarded.
const KEPT: &str = "https://kept.example";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Header,
    Query,
    Cookie,
    Socket,
}

/// What a client writes where, and the names of the place in what the upstream sees.
struct Place {
    kind: Kind,
    name: &'static str,
    write: fn(&str) -> String,
}

const fn place(kind: Kind, name: &'static str, write: fn(&str) -> String) -> Place {
    Place { kind, name, write }
}

/// In the order in which the filter looks.
const PLACES: [Place; 11] = [
    place(Kind::Header, "authorization", |token| {
        format!("Bearer {token}")
    }),
    place(Kind::Header, "x-token", str::to_owned),
    place(Kind::Query, "access_token", str::to_owned),
    place(Kind::Query, "t", |token| format!("jwt:{token}")),
    place(Kind::Cookie, "session", str::to_owned),
    place(Kind::Cookie, "wrapped", |token| format!("Bearer {token}")),
    place(Kind::Socket, "bearer", |token| format!("bearer, {token}")),
    place(Kind::Socket, "access_token", |token| {
        format!("access_token, {token}")
    }),
    place(Kind::Socket, "kubernetes", |token| {
        let token = BASE64_URL_SAFE_NO_PAD.encode(token);
        format!("base64url.bearer.authorization.k8s.io.{token}")
    }),
    place(Kind::Socket, "bearer-", |token| format!("bearer-{token}")),
    place(Kind::Socket, "alone", str::to_owned),
];

/// A request with a token at each of these places, beside what is not the filter's.
fn request(tokens: &[(&Place, &str)]) -> Request {
    let mut query = "x=1".to_owned();
    let mut headers = vec![("cookie", "a=1".to_owned())];
    headers.push(("sec-websocket-protocol", "chat".to_owned()));
    for (place, token) in tokens {
        let (name, value) = (place.name, (place.write)(token));
        match place.kind {
            Kind::Header => headers.push((name, value)),
            Kind::Query => query = format!("{query}&{name}={value}"),
            Kind::Cookie => headers.push(("cookie", format!("{name}={value}"))),
            Kind::Socket => headers.push(("sec-websocket-protocol", value)),
        }
    }
    let request = Request::get(format!("/a?{query}"));
    let headers = headers.into_iter();
    headers.fold(request, |request, (name, value)| {
        request.header(name, value)
    })
}

/// Whether the upstream sees a token at a place.
fn is_seen(upstream: &Received, place: &Place, token: &str) -> bool {
    let written = (place.write)(token);
    let pair = format!("{}={written}", place.name);
    let has = |header: &str, text: &str| {
        let lines = upstream.header_all(header);
        lines.iter().any(|line| line.contains(text))
    };
    match place.kind {
        Kind::Header => has(place.name, &written),
        Kind::Query => upstream.target.contains(&pair),
        Kind::Cookie => has("cookie", &pair),
        Kind::Socket => has("sec-websocket-protocol", &written),
    }
}

/// Which of two places counts, where the two tokens are the same or not; none where the request is refused.
fn counts(one: &Place, other: &Place, are_same: bool) -> Option<usize> {
    use Kind::{Cookie, Header};
    match (one.kind, other.kind) {
        // Of cookies both are the same caller's.
        (Header | Cookie, Cookie) => Some(0),
        (Header, _) | (_, Cookie) if are_same => Some(0),
        _ if are_same => Some(1),
        _ => None,
    }
}

fn start(issuer: &Issuer) -> Lab {
    let mut users = provider(issuer, json!({}));
    users["from_headers"] = json!([
        { "name": "authorization", "value_prefix": "Bearer " }, { "name": "x-token" }
    ]);
    users["from_params"] = json!(["access_token", { "name": "t", "value_prefix": "jwt:" }]);
    users["from_cookies"] = json!(["session", { "name": "wrapped", "value_prefix": "Bearer " }]);
    users["from_websocket_protocol"] = json!(true);
    let mut kept = users.clone();
    kept["issuer"] = json!(KEPT);
    kept["forward"] = json!(true);
    kept["foreign"] = json!("forward");
    let filter = Filter::json(json!({
        "providers": { "users": users, "kept": kept },
        "rules": [{ "match": {}, "require": "user" }],
    }));
    Lab::start(issuer, filter, |config| config)
}

#[test]
fn of_two_places_one_counts_and_only_what_held_can_go_upstream() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let lab = start(&issuer);
    let sign = |more: Value| key.sign(json!({}), &claims(more));
    for forwards in [false, true] {
        let token = |id: u8| match forwards {
            true => sign(json!({ "iss": KEPT, "jti": id })),
            false => sign(json!({ "jti": id })),
        };
        let (first, second) = (token(1), token(2));
        for (index, one) in PLACES.iter().enumerate() {
            for other in &PLACES[index + 1..] {
                for (token, are_same) in [(&first, true), (&second, false)] {
                    let tokens = [(one, first.as_str()), (other, token.as_str())];
                    let what = format!(
                        "{} and {}, same: {are_same}, forwards: {forwards}",
                        one.name, other.name
                    );
                    let exchange = lab.send(request(&tokens));
                    let Some(winner) = counts(one, other, are_same) else {
                        assert_eq!(exchange.answer.status, 400, "{what}");
                        assert!(exchange.upstream.is_none(), "{what}");
                        continue;
                    };
                    assert_eq!(
                        exchange.answer.status,
                        200,
                        "{what}: {}",
                        exchange.answer.text()
                    );
                    let upstream = exchange.passed();
                    assert_eq!(
                        upstream.header("x-auth-user-id").as_deref(),
                        Some("u-1"),
                        "{what}"
                    );
                    // What is none of the filter's stays.
                    assert!(
                        upstream.target.starts_with("/a?x=1"),
                        "{what}: {}",
                        upstream.target
                    );
                    let cookie = upstream.header("cookie").unwrap();
                    assert!(cookie.starts_with("a=1"), "{what}: {cookie}");
                    let protocols = upstream.header("sec-websocket-protocol").unwrap();
                    assert!(protocols.starts_with("chat"), "{what}: {protocols}");
                    let are_sockets = (one.kind, other.kind) == (Kind::Socket, Kind::Socket);
                    for (at, (place, token)) in tokens.into_iter().enumerate() {
                        let stays = forwards && (at == winner || are_sockets);
                        assert_eq!(
                            is_seen(upstream, place, token),
                            stays,
                            "{what}: {}: {upstream:?}",
                            place.name
                        );
                    }
                    if !forwards {
                        let whole = format!("{upstream:?}");
                        let encoded = BASE64_URL_SAFE_NO_PAD.encode(&first);
                        for text in [&first, &second, &encoded] {
                            assert!(!whole.contains(text.as_str()), "{what}: {whole}");
                        }
                    }
                }
            }
        }
    }
    lab.is_sound();
}

/// An application behind the proxy has tokens of its own in a header, and its users come by a cookie.
#[test]
fn a_token_that_is_nobody_s_here_stands_beside_a_cookie_that_holds() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let lab = start(&issuer);
    let stranger = key.sign(json!({}), &claims(json!({ "iss": "https://git.example" })));
    for own in ["glpat-x_y", stranger.as_str()] {
        for (claimed, forwards) in [(json!({}), false), (json!({ "iss": KEPT }), true)] {
            let token = key.sign(json!({}), &claims(claimed));
            for name in ["session", "wrapped"] {
                let place = PLACES.iter().find(|place| place.name == name).unwrap();
                let request = request(&[(&PLACES[0], own), (place, &token)]);
                let exchange = lab.send(request);
                let upstream = exchange.passed();
                assert_eq!(upstream.header("x-auth-user-id").as_deref(), Some("u-1"));
                assert_eq!(is_seen(upstream, &PLACES[0], own), forwards);
                assert_eq!(is_seen(upstream, place, &token), forwards);
            }
        }
        let bad = request(&[(&PLACES[0], own), (&PLACES[4], "x")]);
        assert_eq!(lab.send(bad).answer.status, 401);
    }
    lab.is_sound();
}

#[test]
fn the_log_says_which_place_no_provider_of_the_rule_reads() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let mut users = provider(&issuer, json!({}));
    users["from_cookies"] = json!(["session"]);
    let digest = "sha256:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
    let filter = Filter::json(json!({
        "providers": {
            "users": users,
            "partners": { "kind": "api_key", "keys": { "acme": { "digest": digest } } },
        },
        "limits": { "token_bytes": 700 },
        "rules": [
            { "name": "partners", "match": { "path_prefix": "/partners" }, "require": { "provider": "partners" } },
            { "name": "app", "match": {}, "require": { "provider": "users" } },
        ],
    }));
    let lab = Lab::start(&issuer, filter, |config| config);
    let long = "x".repeat(701);
    for (path, name, value, reason, line) in [
        (
            "/a",
            "x-api-key",
            "password",
            "missing",
            "rule=app: no provider of this rule reads the header \"x-api-key\"",
        ),
        (
            "/partners",
            "cookie",
            "session=x",
            "missing",
            "rule=partners: no provider of this rule reads the cookie \"session\"",
        ),
        (
            "/partners",
            "authorization",
            "Bearer x",
            "missing",
            "rule=partners: no provider of this rule reads the header \"authorization\" with \"bearer \"",
        ),
        (
            "/a",
            "authorization",
            &*format!("Bearer {long}"),
            "too_large",
            "rule=app: limits.token_bytes is 700",
        ),
    ] {
        let answer = lab.send(Request::get(path).header(name, value)).answer;
        assert_eq!(answer.status, 401, "{path} {name}");
        let line = format!("denied reason={reason} status=401 {line}");
        crate::lab::eventually(&line, || lab.envoy.log().contains(&line));
    }
    let bad = lab
        .send(Request::get("/partners").header("x-api-key", "a b"))
        .answer;
    assert_eq!(
        (bad.status, bad.header("www-authenticate").as_deref()),
        (401, Some("ApiKey realm=\"api\""))
    );
    assert_eq!(
        bad.json().unwrap(),
        json!({ "detail": "Invalid credentials" })
    );
}
