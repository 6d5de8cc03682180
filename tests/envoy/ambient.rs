//! Credentials that browsers send by themselves: from which sites they count, and several of them.

use crate::lab::{Exchange, Lab, claims, provider, upgrade_to_websockets};
use base64::Engine as _;
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use serde_json::{Value, json};
use std::sync::LazyLock;

struct Places {
    lab: Lab,
    key: SigningKey,
    _issuer: Issuer,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let mut users = provider(&issuer, json!({}));
    users["from_headers"] = json!([{ "name": "authorization", "value_prefix": "Bearer " }]);
    users["from_cookies"] = json!(["session"]);
    users["from_params"] = json!(["access_token"]);
    users["csrf"] = json!({ "origins": ["https://spa.example"] });
    // The hash of "password".
    let hash = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
    let ops = json!({ "kind": "basic", "users": { "alice": { "password_hash": hash } } });
    let filter = Filter::json(json!({
        "providers": { "users": users, "ops": ops },
        "client_address": "proxy",
        "rules": [{ "match": { "path_prefix": "/" }, "require": "user" }],
    }));
    let lab = Lab::start(&issuer, filter, |config| config.edit(upgrade_to_websockets));
    Places {
        lab,
        key,
        _issuer: issuer,
    }
});

fn token(extra: Value) -> String {
    PLACES.key.sign(json!({}), &claims(extra))
}

#[track_caller]
fn sent(request: Request) -> Exchange {
    PLACES.lab.send(request)
}

#[test]
fn another_site_changes_nothing_in_somebody_s_name() {
    let session = format!("session={}", token(json!({})));
    let pair = base64::engine::general_purpose::STANDARD.encode("alice:password");
    let with = |method: &str, credential: &str| match credential {
        "cookie" => Request::new(method, "/a").header("cookie", &session),
        _ => Request::new(method, "/a").header("authorization", format!("Basic {pair}")),
    };
    let socket = |request: Request| {
        request
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    for credential in ["cookie", "password"] {
        let passes = |request: Request| sent(request).passed().target.clone();
        let refused = |request: Request| {
            sent(request).refused(403, None, "Cross-site request refused");
        };
        let post = || with("POST", credential);
        passes(with("GET", credential).header("sec-fetch-site", "cross-site"));
        passes(post().header("sec-fetch-site", "same-origin"));
        passes(post().header("sec-fetch-site", "none"));
        refused(post().header("sec-fetch-site", "same-site"));
        refused(
            post()
                .header("sec-fetch-site", "cross-site")
                .header("sec-fetch-site", "same-origin"),
        );
        let host = "api.example";
        passes(post().header("origin", format!("https://{host}")));
        refused(post().header("origin", "https://evil.example"));
        refused(post().header("origin", "null"));
        refused(with("DELETE", credential).header("origin", "https://evil.example"));
        let refuses_upgrade = |request: Request| refused(socket(request));
        refuses_upgrade(with("GET", credential).header("origin", "https://evil.example"));
        let opened = sent(socket(
            with("GET", credential).header("origin", format!("http://{host}")),
        ));
        let upstream = opened.upstream.expect("it has reached the upstream");
        assert!(upstream.header("x-auth-user-id").is_some());
        let spa = post().header("origin", "https://spa.example");
        let spa = spa.header("sec-fetch-site", "cross-site");
        if credential == "cookie" {
            passes(spa);
            refused(post());
        } else {
            refused(spa);
            passes(post());
        }
    }
    // A gRPC call hears of it in its own way.
    let call = Request::new("POST", "/pkg.Service/Method")
        .header("content-type", "application/grpc")
        .header("cookie", &session);
    let answer = sent(call).answer;
    assert_eq!(answer.header("grpc-status").as_deref(), Some("7"));
    // What a script has to put there is no browser's own.
    let bearer = Request::new("POST", "/a").bearer(&token(json!({})));
    sent(bearer.header("sec-fetch-site", "cross-site")).passed();
}

#[test]
fn cookies_of_two_callers_are_nobody_s() {
    let challenge = Some(", error=\"invalid_request\"");
    let (ann, again) = (token(json!({})), token(json!({ "x": 1 })));
    let bob = token(json!({ "sub": "u-2" }));
    let with = |cookie: String| Request::get("/a").header("cookie", cookie);
    for pair in [[&ann, &bob], [&bob, &ann]] {
        let [one, other] = pair.map(|token| format!("session={token}"));
        let exchange = sent(with(format!("{one}; a=1; {other}")));
        exchange.refused(400, challenge, "Malformed credentials");
        // Over HTTP/1.1 in two headers.
        let exchange = sent(with(one).header("cookie", other));
        exchange.refused(400, challenge, "Malformed credentials");
    }
    for cookie in [
        format!("session={ann}; session=x; a=1"),
        format!("session={ann}; a=1; SESSION=x"),
        format!("session={ann}; session={again}; a=1"),
    ] {
        let exchange = sent(with(cookie));
        let upstream = exchange.passed();
        assert_eq!(upstream.header("x-auth-user-id").as_deref(), Some("u-1"));
        assert_eq!(upstream.header("cookie").as_deref(), Some("a=1"));
    }
    // What is only read as the cookie, by some servers, opens nothing.
    let exchange = sent(with(format!("a=1; SESSION={ann}")));
    assert_eq!(exchange.answer.status, 401);
    // A header counts before a cookie; a parameter does not.
    let session = format!("session={ann}");
    let exchange = sent(with(session.clone()).bearer(&bob));
    let upstream = exchange.passed();
    assert_eq!(upstream.header("x-auth-user-id").as_deref(), Some("u-2"));
    let link = Request::get(format!("/a?access_token={bob}")).header("cookie", session);
    sent(link).refused(400, challenge, "Malformed credentials");
}

/// Four providers; the rule of each path takes one of them.
fn many(issuer: &Issuer, mode: &str) -> Value {
    let mut users = provider(issuer, json!({}));
    users["from_headers"] = json!([{ "name": "authorization", "value_prefix": "Bearer " }]);
    users["from_cookies"] = json!(["session"]);
    users["from_params"] = json!(["access_token"]);
    users["from_websocket_protocol"] = json!(true);
    let mut kept = provider(issuer, json!({}));
    kept["issuer"] = json!("https://kept.example");
    kept["from_headers"] = json!([{ "name": "x-kept" }]);
    kept["forward"] = json!(true);
    // The digest of "ak_good".
    let digest = "sha256:0d55d1b9bcd8078667dd8d9384b3f914d1bb411f1aa20cf54e7e5d09301b6dde";
    let partners = json!({ "kind": "api_key", "keys": { "acme": { "digest": digest } } });
    let rule = |path: &str, require: Value| json!({ "match": { "path_prefix": path }, "require": require });
    json!({
        "mode": mode,
        "providers": { "users": users, "kept": kept, "partners": partners },
        "rules": [
            rule("/public", json!("public")),
            rule("/partner", json!({ "provider": "partners" })),
            rule("/kept", json!({ "provider": "kept" })),
        ],
    })
}

#[test]
fn what_did_not_hold_stays_here() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let lab = Lab::start(&issuer, Filter::json(many(&issuer, "enforce")), |config| {
        config.and_listener(Filter::json(many(&issuer, "shadow")))
    });
    let good = key.sign(json!({}), &claims(json!({ "iss": "https://kept.example" })));
    let forged = "Bearer aaaa.bbbb.cccc";
    let with_all = |path: &str| {
        Request::get(format!(
            "{path}?a=1&access_token=forged;b&ACCESS.token=other"
        ))
        .header("authorization", forged)
        .header("cookie", "a=1; session=forged")
        .header("sec-websocket-protocol", "chat, bearer, forged")
        .header("x-other", "stays")
    };
    let seen = |request: Request| {
        let exchange = lab.send(request);
        let upstream = exchange.passed().clone();
        let header = |name: &str| upstream.header(name).unwrap_or_default();
        let names = [
            "authorization",
            "x-api-key",
            "x_api_key",
            "x-kept",
            "cookie",
        ];
        let [authorization, key, twin, kept, cookie] = names.map(header);
        assert_eq!(header("x-other"), "stays");
        let protocols = header("sec-websocket-protocol");
        let target = upstream.target.clone();
        (
            [authorization, key, twin, kept],
            [cookie, protocols, target],
        )
    };
    let none = || String::new();
    let clean = |path: &str| {
        let rest = ["a=1", "chat, bearer", &format!("{path}?a=1;b")];
        rest.map(str::to_owned)
    };
    let request = with_all("/partner").header("x-api-key", "ak_good");
    let got = seen(
        request
            .header("x_api_key", "forged")
            .header("x-kept", "forged"),
    );
    assert_eq!(got, ([none(), none(), none(), none()], clean("/partner")));
    let request = with_all("/kept").header("x-kept", &good);
    let got = seen(request.header("x-api-key", "forged"));
    assert_eq!(
        got,
        ([none(), none(), none(), good.clone()], clean("/kept"))
    );
    // In shadow mode all goes on as it came.
    let request = with_all("/partner").header("x-api-key", "ak_good");
    let shadow = lab.send_to(1, request);
    let upstream = shadow.passed();
    let header = |name: &str| upstream.header(name).unwrap_or_default();
    assert_eq!(
        [
            header("authorization"),
            header("x-api-key"),
            header("cookie")
        ],
        [forged, "ak_good", "a=1; session=forged"]
    );
    // Nobody has looked: headers that are never forwarded go, and all else stays.
    let untouched = |path: &str| {
        let target = format!("{path}?a=1&access_token=forged;b&ACCESS.token=other");
        ["a=1; session=forged", "chat, bearer, forged", &target].map(str::to_owned)
    };
    let request = with_all("/public").header("x-api-key", "forged");
    let got = seen(request.header("x-kept", "theirs"));
    let kept = "theirs".to_owned();
    assert_eq!(got, ([none(), none(), none(), kept], untouched("/public")));
    // Another scheme is the upstream's own business.
    let other = Request::get("/public").header("authorization", "Negotiate abc");
    let exchange = lab.send(other);
    let upstream = exchange.passed();
    assert_eq!(
        upstream.header("authorization").as_deref(),
        Some("Negotiate abc")
    );
    lab.is_sound();
}
