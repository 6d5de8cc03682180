//! Requests whose paths go upstream in another spelling than the client's.

use serde_json::{Value, json};

use super::super::world::{Fate, Mood, World, jwk, token};
use super::{KEYS, bearer, config};

fn world(more: &Value) -> World {
    let mut config = config();
    config["paths"] = json!({ "slashes": "merge", "trailing_slash": "strip" });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(super::secs(1));
    world
}

/// The path that is set in place of the client's.
fn path(world: &mut World, target: &str, headers: &[(&str, &str)]) -> Option<String> {
    let id = world.request(0, target, headers);
    let Fate::Forwarded(set, _) = world.fate(id) else {
        panic!("{target}: {:?}", world.fate(id));
    };
    set.get(":path").cloned()
}

#[test]
fn the_path_that_was_judged_goes_upstream() {
    let good = bearer(&token("a", &json!({})));
    let headers = [("authorization", good.as_str())];
    for mode in ["enforce", "shadow"] {
        let mut world = world(&json!({ "mode": mode }));
        let mut path = |target, headers| path(&mut world, target, headers);
        assert_eq!(path("/orders?a=//", &headers), None, "{mode}");
        let want = Some("/orders/7?a=//".to_owned());
        assert_eq!(path("//orders//7/?a=//", &headers), want, "{mode}");
        assert_eq!(path("/public/", &[]), Some("/public".to_owned()), "{mode}");
    }
    let mut world = world(&json!({}));
    let refused = world.request(0, "//admin/", &headers);
    assert_eq!(world.status(refused), 403);
    let mut disabled = self::world(&json!({ "mode": "disabled" }));
    assert_eq!(path(&mut disabled, "//orders/", &[]), None);
}

#[test]
fn a_credential_in_the_query_goes_with_the_spelling() {
    let mut own = config();
    own["providers"]["main"]["from_params"] = json!(["access_token"]);
    let mut world = world(&json!({ "providers": own["providers"] }));
    let target = format!("//orders/?a=1&access_token={}&b=2", token("a", &json!({})));
    assert_eq!(
        path(&mut world, &target, &[]),
        Some("/orders?a=1&b=2".to_owned())
    );
}

#[test]
fn headers_that_are_not_to_be_read_are_taken_out() {
    let mut world = world(&json!({ "paths": { "override_headers": "remove" } }));
    let id = world.request(
        0,
        "/public",
        &[("X_Original.URL", "/admin"), ("x-http-method", "PUT")],
    );
    let Fate::Forwarded(_, removed) = world.fate(id) else {
        panic!("{:?}", world.fate(id));
    };
    assert_eq!(*removed, ["X_Original.URL", "x-http-method"]);
}
