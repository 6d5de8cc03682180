//! Envoy's own `jwt_authn` and `rbac` filters beside what is made of their configuration: who passes the one passes the other.

use crate::lab::{Lab, claims};
use auth_filter_cli::migrate::{Scope, migrate};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, JWKS_PATH, SigningKey, unix_now};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const JWT: &str =
    "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";

/// `jwt_authn` with two issuers, and these rules.
fn jwt_authn(issuer: &Issuer, rules: Value) -> Value {
    let provider = |name: &str, audience: &str| {
        json!({
            "issuer": format!("https://{name}.example"), "audiences": [audience], "payload_in_metadata": name, "forward": true,
            "from_headers": [{ "name": "authorization", "value_prefix": "Bearer " }],
            "remote_jwks": { "http_uri": { "uri": format!("{}{JWKS_PATH}", issuer.url()), "cluster": "idp", "timeout": "2s" }, "cache_duration": "600s" },
        })
    };
    json!({ "name": "envoy.filters.http.jwt_authn", "typed_config": {
        "@type": JWT, "rules": rules, "bypass_cors_preflight": true,
        "providers": { "issuer": provider("issuer", "orders"), "partner": provider("partner", "partners") },
        "requirement_map": { "either": { "requires_any": { "requirements": [{ "provider_name": "issuer" }, { "provider_name": "partner" }] } } },
    } })
}

fn rbac(action: &str, policies: Value) -> Value {
    json!({ "name": format!("rbac-{action}"), "typed_config": { "@type": RBAC, "rules": { "action": action, "policies": policies } } })
}

fn claim(provider: &str, name: &str, value: Value) -> Value {
    json!({ "sourced_metadata": { "metadata_matcher": {
        "filter": "envoy.filters.http.jwt_authn", "path": [{ "key": provider }, { "key": name }], "value": value,
    } } })
}

/// Rules by path and method, read for all and written by some.
fn roles(issuer: &Issuer) -> Value {
    let rules = json!([
        { "match": { "prefix": "/health" } },
        { "match": { "path": "/either" }, "requirement_name": "either" },
        { "match": { "path_separated_prefix": "/partner" }, "requires": { "provider_name": "partner" } },
        { "match": { "prefix": "/audience" }, "requires": { "provider_and_audiences": { "provider_name": "issuer", "audiences": ["other"] } } },
        { "match": { "prefix": "/" }, "requires": { "provider_name": "issuer" } },
    ]);
    let header =
        |name: &str, value: Value| json!({ "header": { "name": name, "string_match": value } });
    let path = |value: Value| json!({ "url_path": { "path": value } });
    json!([
        jwt_authn(issuer, rules),
        rbac(
            "ALLOW",
            json!({
                "reads": {
                    "permissions": [{ "and_rules": { "rules": [
                        header(":method", json!({ "safe_regex": { "regex": "GET|HEAD" } })),
                        { "not_rule": path(json!({ "prefix": "/admin" })) },
                    ] } }],
                    "principals": [{ "any": true }],
                },
                "admins": {
                    "permissions": [{ "any": true }],
                    "principals": [claim("issuer", "groups", json!({ "list_match": { "one_of": { "string_match": { "exact": "admin" } } } }))],
                },
                "own": {
                    "permissions": [{ "or_rules": { "rules": [path(json!({ "exact": "/admin/own" })), header("x-channel", json!({ "exact": "beta" }))] } }],
                    "principals": [{ "and_ids": { "ids": [
                        claim("issuer", "sub", json!({ "string_match": { "prefix": "u-" } })),
                        { "not_id": claim("issuer", "banned", json!({ "bool_match": true })) },
                    ] } }],
                },
            })
        ),
    ])
}

/// Tokens are optional, and some requests are refused whatever else holds.
fn optional(issuer: &Issuer) -> Value {
    let rules = json!([
        { "match": { "prefix": "/health" } },
        { "match": { "prefix": "/admin" }, "requires": { "provider_name": "issuer" } },
        { "match": { "safe_regex": { "regex": "/e[a-z]+" } }, "requires": { "requires_any": { "requirements": [
            { "provider_name": "issuer" }, { "provider_name": "partner" }, { "allow_missing": {} },
        ] } } },
    ]);
    json!([
        jwt_authn(issuer, rules),
        rbac(
            "DENY",
            json!({ "banned": {
            "permissions": [{ "any": true }],
            "principals": [{ "or_ids": { "ids": [claim("issuer", "banned", json!({ "bool_match": true })), { "header": { "name": "x-channel", "present_match": true } }] } }],
        } })
        ),
    ])
}

/// Callers, by the credential that they bring.
fn callers(key: &SigningKey) -> Vec<(&'static str, Option<String>)> {
    let forger = SigningKey::es256("es");
    let token = |extra: Value| Some(key.sign(json!({}), &claims(extra)));
    let partner = json!({ "iss": "https://partner.example", "aud": "partners" });
    vec![
        ("nobody", None),
        ("a user", token(json!({}))),
        (
            "an admin",
            token(json!({ "sub": "x-1", "groups": ["staff", "admin"] })),
        ),
        ("a banned user", token(json!({ "banned": true }))),
        ("a partner", token(partner)),
        ("another audience", token(json!({ "aud": "other" }))),
        (
            "an unknown issuer",
            token(json!({ "iss": "https://x.example" })),
        ),
        (
            "an expired token",
            token(json!({ "exp": unix_now() - 3600 })),
        ),
        (
            "a token of tomorrow",
            token(json!({ "nbf": unix_now() + 3600 })),
        ),
        (
            "a forged token",
            Some(forger.sign(json!({}), &claims(json!({})))),
        ),
        ("no token", Some("abc".into())),
        ("a token that never expires", token(json!({ "exp": null }))),
    ]
}

fn requests() -> Vec<Request> {
    let paths = [
        "/",
        "/x?q=/admin",
        "/health",
        "/healthz",
        "/either",
        "/partner",
        "/partner/x",
        "/partners",
        "/audience",
        "/admin",
        "/admin/own",
        "/adminx",
    ];
    let mut all: Vec<Request> = paths.iter().map(Request::get).collect();
    for path in ["/", "/admin/own", "/health"] {
        all.push(Request::new("POST", path));
        all.push(Request::new("POST", path).header("x-channel", "beta"));
    }
    all.push(
        Request::new("OPTIONS", "/admin")
            .header("origin", "https://o.example")
            .header("access-control-request-method", "POST"),
    );
    all
}

/// Sends everything to both, and returns who passes one and not the other, and how differently the others are refused.
fn compare(
    lab: &Lab,
    native: usize,
    ours: usize,
    key: &SigningKey,
) -> (BTreeSet<String>, BTreeSet<(u16, u16)>, usize) {
    let (mut differences, mut statuses, mut passed) = (BTreeSet::new(), BTreeSet::new(), 0);
    for (who, token) in callers(key) {
        for request in requests() {
            let request = match &token {
                Some(token) => request.bearer(token),
                None => request,
            };
            let of = |listener| lab.send_to(listener, request.clone()).answer.status;
            let (native, ours) = (of(native), of(ours));
            match (native == 200, ours == 200) {
                (true, true) => passed += 1,
                (false, false) => drop(statuses.insert((native, ours))),
                (_, opened) => {
                    let line = String::from_utf8_lossy(&request.to_bytes())
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .to_owned();
                    let what = if opened {
                        "passes here"
                    } else {
                        "is refused here"
                    };
                    differences.insert(format!("{who} {what}: {line} ({native}, {ours})"));
                }
            }
        }
    }
    (differences, statuses, passed)
}

#[test]
fn whom_envoys_filters_let_pass_the_migrated_configuration_lets_pass() {
    let key = SigningKey::es256("es");
    let issuer = Issuer::start(&[&key]).unwrap();
    let sources = [roles(&issuer), optional(&issuer)];
    let migrated = sources.each_ref().map(|source| {
        let text = json!({ "http_filters": source }).to_string();
        let migration = migrate(&[("envoy.json".into(), text)], Scope::Whole).unwrap();
        assert_eq!(migration.report.not_carried, [], "{}", migration.report);
        Filter::json(migration.configuration)
    });
    let [first, second] = migrated;
    let lab = Lab::start(&issuer, first.clone(), |config| {
        config.and_listener(second).and_listener(first.clone()).and_listener(first).edit(move |bootstrap| {
            for (listener, source) in [2, 3].into_iter().zip(&sources) {
                let manager = format!("/static_resources/listeners/{listener}/filter_chains/0/filters/0/typed_config/http_filters");
                let filters = bootstrap.pointer_mut(&manager).unwrap().as_array_mut().unwrap();
                filters.splice(0..1, source.as_array().unwrap().iter().cloned());
            }
        })
    });
    for (ours, native, least) in [(0, 2, 30), (1, 3, 60)] {
        let (differences, statuses, passed) = compare(&lab, native, ours, &key);
        // The stricter side: a token that never expires, where one is looked at.
        let unexpected: Vec<_> = differences
            .iter()
            .filter(|line| !line.starts_with("a token that never expires is refused here: "))
            // RBAC lets those pass of whom nobody knows that they are banned.
            .filter(|line| !line.starts_with("nobody is refused here: GET /either "))
            .collect();
        assert!(unexpected.is_empty(), "{unexpected:#?}");
        assert!(!differences.is_empty());
        assert!(passed >= least, "{passed}");
        // jwt_authn answers 403 for an audience and 401 for what is no token; RBAC 403 for callers who are not known.
        let listed = BTreeSet::from([
            (401, 401),
            (401, 400),
            (401, 403),
            (403, 401),
            (403, 403),
            (403, 400),
        ]);
        assert!(statuses.is_subset(&listed), "{statuses:?}");
    }
    lab.is_sound();
}
