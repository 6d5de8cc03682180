//! Key sets that are none, and clusters that lead nowhere: one provider for each kind of trouble.

use crate::lab::{Exchange, ISSUER, Lab, claims, eventually, provider};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A policy with a provider for each name, whose keys come from the cluster of that name.
fn policy<'a>(sources: impl Iterator<Item = (&'a str, &'a Issuer)>) -> Filter {
    let providers: Value = sources
        .map(|(name, issuer)| {
            let mut own = provider(issuer, json!({ "upstream": name }));
            own["issuer"] = json!(format!("{ISSUER}/{name}"));
            (name.to_owned(), own)
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    Filter::json(json!({
        "providers": providers,
        "rules": [{ "match": { "path_prefix": "/" }, "require": "user" }],
    }))
}

/// Sends a token of the provider of this name.
fn send(lab: &Lab, key: &SigningKey, name: &str) -> Exchange {
    let claims = claims(json!({ "iss": format!("{ISSUER}/{name}") }));
    lab.send(Request::get("/").bearer(&key.sign(json!({}), &claims)))
}

#[test]
fn a_set_that_is_none_is_an_outage_and_is_tried_again() {
    let key = SigningKey::es256("a");
    type Trouble = (&'static str, fn(&Issuer));
    let troubles: [Trouble; 11] = [
        ("garbage", |issuer| issuer.set_body("garbage")),
        ("status-500", |issuer| issuer.set_status(500)),
        ("status-404", |issuer| issuer.set_status(404)),
        ("redirect", |issuer| issuer.set_status(302)),
        ("html", |issuer| {
            issuer.set_body("<!doctype html><title>Login</title>");
        }),
        ("not-utf-8", |issuer| {
            issuer.set_body(*b"{\"keys\":[{\"kid\":\"\xff\xfe\"}]}");
        }),
        ("empty", |issuer| issuer.set_body("")),
        ("no-keys", |issuer| issuer.set_body("{\"keys\":[]}")),
        ("secret", |issuer| {
            issuer.set_body(r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}"#);
        }),
        ("huge", |issuer| issuer.set_body(" ".repeat(8 << 20))),
        ("nested", |issuer| issuer.set_body("[".repeat(200_000))),
    ];
    let issuers = troubles.map(|(name, make)| {
        let issuer = Issuer::start(&[&key]).unwrap();
        make(&issuer);
        (name, issuer)
    });
    let filter = policy(issuers.iter().map(|(name, issuer)| (*name, issuer)));
    let lab = Lab::start(&issuers[0].1, filter, |config| {
        issuers.iter().fold(config, |config, (name, issuer)| {
            config.cluster(name, issuer.addr())
        })
    });
    for (name, _) in &issuers {
        println!("{name}");
        send(&lab, &key, name).unavailable();
    }
    lab.is_sound();
    for (_, issuer) in &issuers {
        issuer.set_status(200);
        issuer.set_keys(&[&key]);
    }
    for (name, _) in &issuers {
        eventually(name, || send(&lab, &key, name).answer.status == 200);
    }
}

#[test]
fn a_cluster_that_leads_nowhere_is_an_outage() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let names = ["absent", "empty", "closed"];
    let nobody = lab::ports::free().unwrap();
    let filter = policy(names.into_iter().map(|name| (name, &issuer)));
    let lab = Lab::start(&issuer, filter, |config| {
        let config = config.cluster("empty", nobody).cluster("closed", nobody);
        config.edit(|bootstrap| {
            let clusters = &mut bootstrap["static_resources"]["clusters"];
            for cluster in clusters.as_array_mut().unwrap() {
                if cluster["name"] == "empty" {
                    cluster["load_assignment"]["endpoints"] = json!([]);
                }
            }
        })
    });
    for name in names {
        let start = Instant::now();
        send(&lab, &key, name).unavailable();
        assert!(start.elapsed() < Duration::from_secs(3), "{name}");
    }
    assert_eq!(issuer.fetches(), 0);
    lab.is_sound();
}
