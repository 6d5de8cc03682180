//! Entra ID: both forms of its tokens, several tenants, and more groups than a token can name.

use crate::lab::{Exchange, Lab};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey, unix_now};
use lab::server::{Answer, Server};
use serde_json::{Value, json};
use std::sync::LazyLock;

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const OTHER: &str = "11111111-2222-3333-4444-555555555555";

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::start);

struct Scene {
    lab: Lab,
    key: SigningKey,
    issuer: Issuer,
    _people: Server,
}

impl Scene {
    fn start() -> Self {
        let key = SigningKey::rs256("x5t-1");
        let issuer = Issuer::start(&[&key]).unwrap();
        // As Microsoft publishes them: with a certificate, and without `alg`.
        let mut jwk = key.jwk();
        jwk.as_object_mut().unwrap().remove("alg");
        jwk["x5c"] = json!(["MIIDBTCCAe2gAwIBAgIQ"]);
        jwk["x5t"] = json!("x5t-1");
        for tenant in [TENANT, "organizations"] {
            let path = format!("/{tenant}/discovery/v2.0/keys");
            issuer.serve(&path, json!({ "keys": [jwk] }));
        }
        let people =
            Server::start(|_| Some(Answer::json(200, &json!({ "groups": ["g-1", "g-300"] }))))
                .unwrap();
        let provider = |more: Value| {
            let mut provider = json!({ "kind": "entra_id", "audiences": ["api://orders"], "jwks": { "upstream": "idp" } });
            provider
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            provider
        };
        let rule = |name: &str, provider: &str, more: Value| {
            let mut require = json!({ "provider": provider });
            require
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            json!({ "name": name, "match": { "path_prefix": format!("/{name}") }, "require": require })
        };
        let policy = json!({
            "providers": {
                "corp": provider(json!({ "tenant_id": TENANT })),
                "any": provider(json!({ "tenants": [TENANT, OTHER], "subject": "oid" })),
                "wide": provider(json!({ "tenant_id": TENANT, "groups_overage": { "directory": "people" } })),
            },
            "directories": { "people": { "uri": "http://people/{subject}", "upstream": "people" } },
            "rules": [
                rule("user", "corp", json!({})),
                rule("groups", "corp", json!({ "groups": ["g-1"] })),
                rule("roles", "corp", json!({ "roles": ["Orders.Read.All"] })),
                rule("scopes", "corp", json!({ "scopes": ["Orders.Read"] })),
                rule("machines", "corp", json!({ "m2m": true })),
                rule("tenants", "any", json!({})),
                rule("wide", "wide", json!({ "groups": ["g-300"] })),
            ],
        });
        let lab = Lab::start(&issuer, Filter::json(policy), |config| {
            config.cluster("people", people.addr())
        });
        Self {
            lab,
            key,
            issuer,
            _people: people,
        }
    }
}

/// A v2.0 access token of a user, changed by these claims: a `null` removes one.
#[track_caller]
fn get(path: &str, extra: Value) -> Exchange {
    let mut claims = json!({
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "tid": TENANT, "ver": "2.0",
        "aud": "api://orders", "exp": unix_now() + 600, "sub": "pairwise", "oid": "o-1", "azp": "client",
        "preferred_username": "ada@example.com", "name": "Ada", "scp": "Orders.Read Orders.Write",
        "groups": ["g-1", "g-2"],
    });
    for (name, value) in extra.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    let token = SCENE
        .key
        .sign(json!({ "x5t": "AAAAAAAAAAAAAAAAAAAAAAAAAAA" }), &claims);
    SCENE.lab.send(Request::get(path).bearer(&token))
}

#[track_caller]
fn told(seen: &Exchange, name: &str) -> Option<String> {
    seen.passed().header(&format!("x-auth-{name}"))
}

#[test]
fn tokens_of_both_versions_hold() {
    let seen = get("/user", json!({}));
    assert_eq!(told(&seen, "user-id").as_deref(), Some("pairwise"));
    assert_eq!(told(&seen, "user-name").as_deref(), Some("ada@example.com"));
    assert_eq!(told(&seen, "client-id").as_deref(), Some("client"));
    assert_eq!(told(&seen, "groups").as_deref(), Some("g-1,g-2"));
    assert_eq!(
        told(&seen, "scopes").as_deref(),
        Some("Orders.Read,Orders.Write")
    );
    let v1 = json!({
        "iss": format!("https://sts.windows.net/{TENANT}/"), "ver": "1.0", "appid": "old", "azp": null,
        "preferred_username": null, "upn": "ada@corp.example",
    });
    let seen = get("/scopes", v1);
    assert_eq!(
        told(&seen, "user-name").as_deref(),
        Some("ada@corp.example")
    );
    assert_eq!(told(&seen, "client-id").as_deref(), Some("old"));
    get("/groups", json!({})).passed();
    let fetched: Vec<_> = SCENE
        .issuer
        .requests()
        .into_iter()
        .map(|seen| seen.target)
        .collect();
    assert!(
        fetched.contains(&format!("/{TENANT}/discovery/v2.0/keys")),
        "{fetched:?}"
    );
}

#[test]
fn a_tenant_vouches_for_its_own_people_only() {
    let issuer = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let seen = get("/user", json!({ "iss": issuer(OTHER), "tid": OTHER }));
    seen.invalid_token("the issuer is not known");
    let seen = get("/tenants", json!({ "iss": issuer(OTHER), "tid": OTHER }));
    assert_eq!(told(&seen, "user-id").as_deref(), Some("o-1"));
    // One tenant in the issuer, another in the claim; or none.
    for tid in [json!(OTHER), json!(""), Value::Null] {
        let seen = get("/tenants", json!({ "tid": tid }));
        seen.invalid_token("a required claim is missing or has another value");
    }
    let third = "99999999-2222-3333-4444-555555555555";
    let seen = get("/tenants", json!({ "iss": issuer(third), "tid": third }));
    seen.invalid_token("the issuer is not known");
    let seen = get("/user", json!({ "aud": "api://else" }));
    seen.invalid_token("the token is meant for another audience");
}

#[test]
fn an_application_is_told_from_a_user() {
    let forbidden = |seen: Exchange| {
        seen.refused(
            403,
            Some(", error=\"insufficient_scope\""),
            "Operation not allowed",
        );
    };
    forbidden(get("/machines", json!({})));
    let app = json!({
        "scp": null, "preferred_username": null, "name": null, "groups": null, "sub": "o-9", "oid": "o-9",
        "roles": ["Orders.Read.All"],
    });
    let seen = get("/machines", app.clone());
    assert_eq!(told(&seen, "m2m").as_deref(), Some("true"));
    get("/roles", app.clone()).passed();
    let challenge = ", error=\"insufficient_scope\", scope=\"Orders.Read\"";
    get("/scopes", app).refused(403, Some(challenge), "Operation not allowed");
    get("/machines", json!({ "idtyp": "app" })).passed();
    forbidden(get(
        "/machines",
        json!({ "idtyp": "user", "sub": "o-1", "scp": null }),
    ));
    // An ID token has no `scp` either.
    forbidden(get(
        "/machines",
        json!({ "scp": null, "preferred_username": null }),
    ));
}

#[test]
fn groups_that_do_not_fit_are_never_no_groups() {
    let overage = || {
        json!({
            "groups": null, "_claim_names": { "groups": "src1" },
            "_claim_sources": { "src1": { "endpoint": "https://graph.example/evil" } },
        })
    };
    let seen = get("/groups", overage());
    seen.refused(
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
    SCENE
        .lab
        .envoy
        .wait_for_access_log("/groups 403 - auth_filter.groups_overage")
        .unwrap();
    let seen = get("/user", overage());
    assert_eq!(told(&seen, "groups"), None);
    let seen = get("/wide", overage());
    assert_eq!(told(&seen, "groups").as_deref(), Some("g-1,g-300"));
    get("/wide", json!({ "groups": null, "hasgroups": true })).passed();
    // Nor where a token says so in another way; `false` and other claims' sources say nothing of groups.
    for left_out in [
        json!({ "groups": null, "hasgroups": "true" }),
        json!({ "groups": null, "hasgroups": 1 }),
        json!({ "groups": null, "_claim_names": "{\"groups\":\"src1\"}" }),
        json!({ "groups": null, "_claim_names": ["groups"] }),
    ] {
        let seen = get("/groups", left_out);
        seen.refused(
            403,
            Some(", error=\"insufficient_scope\""),
            "Operation not allowed",
        );
    }
    get("/groups", json!({ "hasgroups": false })).passed();
    get("/groups", json!({ "_claim_names": { "wids": "src1" } })).passed();
    let seen = get("/wide", json!({}));
    seen.refused(
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
}
