use serde_json::json;

use super::*;
use crate::capabilities::Capabilities;
use crate::config::Config;
use crate::jose::{ClaimSet, KeySetLimits, testing};
use crate::policy::Policy;
use crate::policy::principal::TrustedClaims;
use crate::time::UnixTime;

struct Fixture {
    policy: Policy,
    set: Rc<KeySet>,
}

impl Fixture {
    fn new(limits: &serde_json::Value) -> Self {
        let config = json!({
            "providers": { "a": {
                "kind": "jwt", "issuer": "i", "audiences": ["a"],
                "jwks": { "inline": { "keys": [serde_json::from_str::<serde_json::Value>(testing::EC_JWK).unwrap()] } },
            } },
            "rules": [{ "match": {}, "require": "user" }],
            "limits": limits,
        });
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        Self {
            policy: Policy::compile(&config, &Capabilities::envoy()).unwrap(),
            set: set(),
        }
    }

    fn store(&self) -> TokenStore {
        TokenStore::new(&self.policy.limits, [3; 32])
    }

    fn identity(&self, claims: &str) -> Rc<Identity> {
        let claims = Rc::new(ClaimSet::parse(claims.as_bytes()).unwrap());
        let vouched = TrustedClaims::claims_of(claims);
        Rc::new(Identity::new(&self.policy.providers[0], vouched))
    }

    fn remember(&self, store: &mut TokenStore, token: &str) {
        let identity = self.identity(r#"{"sub":"s"}"#);
        let place = store.place(token);
        store.remember(place, token, &self.set, &identity);
    }

    fn knows(&self, store: &mut TokenStore, token: &str) -> bool {
        let place = store.place(token);
        store.find(place, token, &self.set).is_some()
    }
}

fn set() -> Rc<KeySet> {
    let jwks = format!("{{\"keys\":[{}]}}", testing::EC_JWK);
    Rc::new(KeySet::parse(jwks.as_bytes(), &KeySetLimits::default()).unwrap())
}

#[test]
fn a_token_is_found_by_all_of_its_bytes_and_its_provider() {
    let fixture = Fixture::new(&json!({}));
    let mut store = fixture.store();
    let place = store.place("a.b.c");
    fixture.remember(&mut store, "a.b.c");
    assert!(fixture.knows(&mut store, "a.b.c"));
    assert!(!fixture.knows(&mut store, "a.b.d"));
    // Even in the same place.
    assert!(store.find(place, "a.b.d", &fixture.set).is_none());
    assert!(store.find(place, "a.b.cc", &fixture.set).is_none());
    let other = place.seen_by(ProviderId(1));
    assert!(store.find(other, "a.b.c", &fixture.set).is_none());
    assert_eq!(place.seen_by(ProviderId(0)), place);
    store.forget(place);
    assert!(!fixture.knows(&mut store, "a.b.c"));
}

#[test]
fn tokens_of_one_end_are_never_confused() {
    let fixture = Fixture::new(&json!({}));
    let mut store = fixture.store();
    let end = "x".repeat(END);
    let [one, other] = ["a", "b"].map(|start| format!("{start}{end}"));
    assert_eq!(store.place(&one), store.place(&other));
    assert_ne!(store.digest(&one), store.digest(&other));
    fixture.remember(&mut store, &one);
    assert!(fixture.knows(&mut store, &one));
    assert!(!fixture.knows(&mut store, &other));
    assert!(
        fixture.knows(&mut store, &one),
        "asking for another takes nothing"
    );
    // The later one takes the place.
    fixture.remember(&mut store, &other);
    assert!(fixture.knows(&mut store, &other));
    assert!(!fixture.knows(&mut store, &one));
    // Nor does a refusal of the one say anything of the other.
    let now = Now::on(UnixTime::from_secs(1000));
    store.refuse(store.digest(&one), TokenError::BadSignature, 1, now);
    assert_eq!(store.refusal(store.digest(&other), 1, now), None);
}

#[test]
fn a_digest_depends_on_the_secret() {
    let fixture = Fixture::new(&json!({}));
    let other = TokenStore::new(&fixture.policy.limits, [4; 32]);
    assert_ne!(fixture.store().digest("a.b.c"), other.digest("a.b.c"));
    assert_ne!(fixture.store().place("a.b.c"), other.place("a.b.c"));
}

#[test]
fn a_token_is_gone_with_the_set_that_verified_it() {
    let fixture = Fixture::new(&json!({}));
    let mut store = fixture.store();
    fixture.remember(&mut store, "a.b.c");
    let newer = set();
    assert!(store.find(store.place("a.b.c"), "a.b.c", &newer).is_none());
    assert!(!fixture.knows(&mut store, "a.b.c"), "it was removed");
}

#[test]
fn the_number_and_the_bytes_of_tokens_are_bounded() {
    let tokens: Vec<String> = (0..100).map(|each| format!("a.b{each}.c")).collect();
    for (limits, most) in [
        (json!({ "token_cache_entries": 10 }), 10),
        (json!({ "token_cache_entries": 0 }), 0),
        (json!({ "token_cache_bytes": 30_000 }), 30),
        (json!({ "token_cache_bytes": 0 }), 0),
    ] {
        let fixture = Fixture::new(&limits);
        let mut store = fixture.store();
        for token in &tokens {
            fixture.remember(&mut store, token);
        }
        let known = tokens
            .iter()
            .filter(|token| fixture.knows(&mut store, token));
        let known = known.count();
        assert!(
            known <= most && (most == 0 || known > 0),
            "{limits}: {known}"
        );
        if most > 0 {
            assert!(fixture.knows(&mut store, "a.b99.c"), "{limits}");
        }
    }
}

#[test]
fn tokens_in_use_stay_while_others_come_once() {
    let fixture = Fixture::new(&json!({ "token_cache_entries": 20 }));
    let mut store = fixture.store();
    let used: Vec<String> = (0..10).map(|each| format!("u.{each}.x")).collect();
    for token in &used {
        fixture.remember(&mut store, token);
    }
    for each in 0..1000 {
        let token = &used[each % used.len()];
        assert!(fixture.knows(&mut store, token), "{each}");
        fixture.remember(&mut store, &format!("once.{each}.x"));
    }
}

#[test]
fn all_in_use_one_still_makes_room() {
    let fixture = Fixture::new(&json!({ "token_cache_entries": 100 }));
    let mut store = fixture.store();
    for each in 0..1000 {
        let token = format!("u.{each}.x");
        fixture.remember(&mut store, &token);
        assert!(fixture.knows(&mut store, &token));
    }
    let known = |each: &usize| fixture.knows(&mut store, &format!("u.{each}.x"));
    assert_eq!((0..1000).filter(known).count(), 100);
}

#[test]
fn only_final_refusals_are_remembered() {
    let fixture = Fixture::new(&json!({}));
    let mut store = fixture.store();
    let now = Now::on(UnixTime::from_secs(1000));
    for (error, want) in [
        (TokenError::BadSignature, true),
        (TokenError::Expired, true),
        (TokenError::UnknownKey, false),
        (TokenError::NotYetValid, false),
        (TokenError::LifetimeTooLong, false),
        (TokenError::BudgetSpent, false),
    ] {
        let digest = store.digest(error.reason());
        store.refuse(digest, error, 1, now);
        assert_eq!(store.refusal(digest, 1, now), want.then_some(error));
        assert_eq!(store.refusal(digest, 2, now), None);
    }
}
