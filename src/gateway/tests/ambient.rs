//! Credentials that browsers send by themselves.

use serde_json::{Value, json};

use super::super::world::{Fate, Mood, World, jwk, token};
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
