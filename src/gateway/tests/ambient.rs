//! Credentials that browsers send by themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::world::{Fate, Mood, START, World, jwk, token};
use super::{KEYS, bearer, config, secs};

/// A world in which tokens stand in a cookie too, with this said of other sites.
fn world(csrf: Option<Value>) -> World {
    let mut config = config();
    let main = &mut config["providers"]["main"];
    main["from_cookies"] = json!(["session"]);
    main["from_headers"] = json!([{ "name": "authorization", "value_prefix": "Bearer " }]);
    if let Some(csrf) = csrf {
        main["csrf"] = csrf;
    }
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    world
}

fn cookie(token: &str) -> String {
    format!("session={token}")
}

fn send(world: &mut World, headers: &[(&str, &str)]) -> (u16, &'static str) {
    let id = world.request(0, "/orders", headers);
    world.pass(secs(1));
    (world.status(id), world.reason(id))
}

#[test]
fn another_site_changes_nothing_with_somebody_s_cookie() {
    let token = token("a", &json!({}));
    let (session, header) = (cookie(&token), bearer(&token));
    let post = |value: &'static str| (":method", value);
    let allowed = json!({ "origins": ["https://spa.example"] });
    for (csrf, spa, evil) in [
        (None, 403, 403),
        (Some(json!("enforce")), 403, 403),
        (Some(allowed), 200, 403),
        (Some(json!("off")), 200, 200),
    ] {
        let mut world = world(csrf);
        let from = |origin: &'static str| [("origin", origin), ("sec-fetch-site", "cross-site")];
        for (origin, want) in [
            ("https://spa.example", spa),
            ("https://evil.example", evil),
            ("null", evil),
        ] {
            let with = |method, credential: (&'static str, &str)| {
                let headers = [&[(":method", method), credential][..], &from(origin)].concat();
                headers
                    .into_iter()
                    .map(|(name, value)| (name, value.to_owned()))
                    .collect::<Vec<_>>()
            };
            for (method, credential, want) in [
                ("POST", ("cookie", session.as_str()), want),
                ("GET", ("cookie", session.as_str()), 200),
                ("POST", ("authorization", header.as_str()), 200),
            ] {
                let headers = with(method, credential);
                let headers: Vec<(&str, &str)> = headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                let (status, reason) = send(&mut world, &headers);
                assert_eq!(status, want, "{method} {credential:?} {origin}");
                assert_eq!(reason == "cross_site", want == 403);
            }
        }
        let own = [
            post("DELETE"),
            ("cookie", &session),
            ("sec-fetch-site", "same-origin"),
        ];
        assert_eq!(send(&mut world, &own).0, 200);
    }
}

#[test]
fn a_cross_site_refusal_says_nothing_of_the_credential() {
    let mut world = world(None);
    for token in [token("a", &json!({})), "x".to_owned()] {
        let headers = [(":method", "POST"), ("cookie", &cookie(&token))];
        let id = world.request(0, "/orders", &headers);
        let Fate::Refused(403, headers) = world.fate(id) else {
            panic!("{:?}", world.fate(id));
        };
        assert!(!headers.contains_key("www-authenticate"));
        assert_eq!(world.reason(id), "cross_site");
    }
}

/// A token of somebody's.
fn of(subject: &str, more: &Value) -> String {
    let mut claims = more.clone();
    claims["sub"] = json!(subject);
    token("a", &claims)
}

/// A token whose signature does not hold.
fn forged(subject: &str) -> String {
    let own = of(subject, &json!({}));
    let (rest, _) = own.rsplit_once('.').unwrap();
    let other = of("other", &json!({}));
    let (_, signature) = other.rsplit_once('.').unwrap();
    format!("{rest}.{signature}")
}

fn cookies(tokens: &[&str]) -> String {
    let each: Vec<String> = tokens.iter().map(|token| cookie(token)).collect();
    each.join("; ")
}

/// Whose a request is, or the status and why.
type Whose = Result<String, (u16, &'static str)>;

/// What becomes of `GET /orders` with these headers.
fn whose(world: &mut World, headers: &[(&str, &str)]) -> Whose {
    let id = world.request(0, "/orders", headers);
    world.pass(secs(2));
    match world.fate(id) {
        Fate::Forwarded(set, _) => Ok(set["x-auth-user-id"].clone()),
        _ => Err((world.status(id), world.reason(id))),
    }
}

#[test]
fn of_several_cookies_the_one_that_holds_counts() {
    let mut world = world(None);
    let (alice, again) = (of("alice", &json!({})), of("alice", &json!({ "x": 1 })));
    let (bob, bad) = (of("bob", &json!({})), forged("alice"));
    let machine = of("alice", &json!({ "client_id": "c", "azp": "c" }));
    let ambiguous = Err((400, "ambiguous_credentials"));
    let rows: &[(&[&str], Whose)] = &[
        (&[&alice], Ok("alice".to_owned())),
        (&[&alice, &alice], Ok("alice".to_owned())),
        (&[&alice, &bad], Ok("alice".to_owned())),
        (&[&bad, &alice], Ok("alice".to_owned())),
        (&["x", "y", "z", &alice], Ok("alice".to_owned())),
        (&["a@b", &alice], Ok("alice".to_owned())),
        (&["", &alice], Ok("alice".to_owned())),
        (&[&alice, &again, &bad], Ok("alice".to_owned())),
        // Somebody else's may have been put there.
        (&[&bob, &alice], ambiguous.clone()),
        (&[&alice, &bob], ambiguous.clone()),
        (&[&bad, &alice, "x", &bob], ambiguous.clone()),
        (&[&machine, &alice], ambiguous.clone()),
        // One of those that are not looked at may be.
        (&["1", "2", "3", "4", &alice], ambiguous.clone()),
        (&[&alice, "2", "3", "4", "5"], ambiguous.clone()),
        (&[&bad, &forged("bob")], Err((401, "bad_signature"))),
        (&["x", &bad], Err((401, "bad_signature"))),
        (&["x", "y"], Err((401, "malformed"))),
        (&["a@b", "c@d"], Err((401, "malformed"))),
    ];
    for _ in 0..2 {
        for (tokens, want) in rows {
            let got = whose(&mut world, &[("cookie", &cookies(tokens))]);
            assert_eq!(got, *want, "{tokens:?}");
        }
    }
}

#[test]
fn a_header_outranks_cookies_and_nothing_else_does() {
    let mut config = config();
    let main = &mut config["providers"]["main"];
    main["from_cookies"] = json!(["session"]);
    main["from_params"] = json!(["t"]);
    main["from_websocket_protocol"] = json!(true);
    main["from_headers"] = json!([
        { "name": "authorization", "value_prefix": "Bearer " }, { "name": "x-token" }
    ]);
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    let (alice, bob) = (of("alice", &json!({})), of("bob", &json!({})));
    let session = cookie(&alice);
    let ambiguous = Err((400, "ambiguous_credentials"));
    let mut send = |path: String, headers: &[(&str, String)]| {
        let mut all = vec![(":path", path.as_str())];
        all.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
        let id = world.request(0, &path, &all[1..]);
        match world.fate(id) {
            Fate::Forwarded(set, _) => Ok(set["x-auth-user-id"].clone()),
            _ => Err((world.status(id), world.reason(id))),
        }
    };
    let cookie = |value: &str| ("cookie", value.to_owned());
    let header = |token: &str| ("authorization", bearer(token));
    let plain = || "/orders".to_owned();
    let query = |token: &str| format!("/orders?t={token}");
    assert_eq!(
        send(plain(), &[header(&bob), cookie(&session)]),
        Ok("bob".to_owned())
    );
    assert_eq!(
        send(
            plain(),
            &[header(&bob), cookie(&cookies(&["1", "2", "3", "4", "5"]))]
        ),
        Ok("bob".to_owned())
    );
    let forged = forged("alice");
    assert_eq!(
        send(plain(), &[header(&forged), cookie(&session)]),
        Err((401, "bad_signature"))
    );
    assert_eq!(
        send(plain(), &[header(&alice), cookie(&session)]),
        Ok("alice".to_owned())
    );
    // Any page can put a parameter into a link, and open a socket with a subprotocol.
    assert_eq!(send(query(&bob), &[cookie(&session)]), ambiguous);
    assert_eq!(send(query(&forged), &[cookie(&session)]), ambiguous);
    assert_eq!(send(query(&bob), &[cookie("session=a@b")]), ambiguous);
    assert_eq!(
        send(query(&alice), &[cookie(&session)]),
        Ok("alice".to_owned())
    );
    let protocol = |token: &str| ("sec-websocket-protocol", format!("bearer, {token}"));
    assert_eq!(
        send(plain(), &[protocol(&bob), cookie(&session)]),
        ambiguous
    );
    assert_eq!(
        send(plain(), &[protocol(&alice), cookie(&session)]),
        Ok("alice".to_owned())
    );
    // What its sender has chosen is there once, or several times the same.
    assert_eq!(send(query(&bob), &[header(&alice)]), ambiguous);
    assert_eq!(
        send(query(&alice), &[header(&alice)]),
        Ok("alice".to_owned())
    );
    assert_eq!(
        send(plain(), &[header(&alice), ("x-token", bob.clone())]),
        ambiguous
    );
    assert_eq!(
        send(plain(), &[header(&alice), ("x-token", alice.clone())]),
        Ok("alice".to_owned())
    );
}

/// A world in which tokens stand in a cookie, and Alice has a password too.
fn world_with_alice() -> World {
    let mut config = config();
    config["providers"]["main"]["from_cookies"] = json!(["session"]);
    let hash = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
    config["providers"]["ops"] =
        json!({ "kind": "basic", "users": { "alice": { "password_hash": hash } } });
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    world
}

#[test]
fn a_password_of_a_browser_s_and_its_cookie_are_one_caller_s() {
    let mut world = world_with_alice();
    let session = cookie(&of("alice", &json!({})));
    let (right, wrong) = ("Basic YWxpY2U6cGFzc3dvcmQ=", "Basic YWxpY2U6d3Jvbmc=");
    let mut send = |password: &str, cookie: &str| {
        whose(
            &mut world,
            &[("authorization", password), ("cookie", cookie)],
        )
    };
    assert_eq!(send(right, &session), Err((400, "ambiguous_credentials")));
    assert_eq!(send(wrong, &session), Ok("alice".to_owned()));
    assert_eq!(send(right, "session=x"), Ok("alice".to_owned()));
    assert_eq!(send(wrong, "session=x"), Err((401, "bad_password")));
}

/// Somebody's own session must not pay for guesses at the passwords of others.
#[test]
fn a_cookie_that_holds_refunds_no_wrong_password() {
    let mut world = world_with_alice();
    let session = cookie(&of("mallory", &json!({})));
    let mut guess = |n: usize, cookie: &str| {
        let password = STANDARD.encode(format!("alice:guess-{n}"));
        let password = format!("Basic {password}");
        whose(
            &mut world,
            &[("authorization", &password), ("cookie", cookie)],
        )
    };
    for n in 0..10 {
        assert_eq!(guess(n, &session), Ok("mallory".to_owned()), "{n}");
    }
    assert_eq!(guess(10, "session=x"), Err((429, "throttled")));
}

#[test]
fn copies_share_what_one_credential_may_cost() {
    let mut world = world(None);
    let fetched = world.fetched.len();
    // Four keys that the issuer may have: it is asked once.
    let unknown = ["p", "q", "r", "s"].map(|kid| token(kid, &json!({ "iat": START })));
    let unknown: Vec<&str> = unknown.iter().map(String::as_str).collect();
    let got = whose(&mut world, &[("cookie", &cookies(&unknown))]);
    assert_eq!(got, Err((401, "unknown_key")));
    assert_eq!(world.fetched.len(), fetched + 1);
    // What does not hold is remembered once, however many there are.
    for index in 0..5 {
        let before = world.refusals(0);
        let bad = [0, 1, 2, 3].map(|copy| forged(&format!("{index}-{copy}")));
        let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
        for _ in 0..2 {
            let got = whose(&mut world, &[("cookie", &cookies(&bad))]);
            assert_eq!(got, Err((401, "bad_signature")));
            assert_eq!(world.refusals(0), before + 1);
        }
    }
}

#[test]
fn of_copies_one_is_asked_about() {
    let mut config = config();
    let uri = "http://sessions/check";
    config["providers"]["main"] = json!({
        "kind": "http", "from_cookies": ["session"], "verify": { "uri": uri, "upstream": "v" },
    });
    config["rules"] = json!([{ "match": {}, "require": "user" }]);
    let mut world = World::new(1, &config);
    world.issuer(uri, Mood::Answers(200, br#"{"sub":"alice"}"#.to_vec()));
    // The others might be somebody else's.
    let got = whose(&mut world, &[("cookie", &cookies(&["1", "2", "3", "4"]))]);
    assert_eq!(got, Err((400, "ambiguous_credentials")));
    assert_eq!(world.fetched.len(), 1);
    // One that is known does not count beside one that is not asked about, nor beside one that cannot be.
    world.issuer(uri, Mood::Answers(500, Vec::new()));
    let got = whose(&mut world, &[("cookie", &cookies(&["1", "2"]))]);
    assert_eq!(got, Err((503, "service_unavailable")));
    world.issuer(uri, Mood::Answers(401, Vec::new()));
    world.pass(secs(40));
    assert_eq!(
        whose(&mut world, &[("cookie", &cookies(&["1", "3"]))]),
        Ok("alice".to_owned())
    );
    // Nor is anybody signed out for one that is not asked about yet: the next request asks about it.
    let both = [("cookie", &*cookies(&["8", "9"]))];
    assert_eq!(whose(&mut world, &both), Err((503, "service_unavailable")));
    world.issuer(uri, Mood::Answers(200, br#"{"sub":"alice"}"#.to_vec()));
    assert_eq!(whose(&mut world, &both), Ok("alice".to_owned()));
}
