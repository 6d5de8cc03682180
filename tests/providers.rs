//! The pages about providers: their configurations compile, and what they say goes upstream does.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::rc::Rc;

use auth_filter::capabilities::Capabilities;
use auth_filter::config::Config;
use auth_filter::config::ProviderId;
use auth_filter::jose::ClaimSet;
use auth_filter::policy::Policy;
use auth_filter::policy::principal::{Identity, Principal, TrustedClaims};
use auth_filter::services::ServiceStore;
use auth_filter::time::{Now, UnixTime};
use serde_json::{Value, json};

fn folder() -> std::path::PathBuf {
    lab::tools::workspace().join("filter-config/providers")
}

/// The one configuration of a page.
fn configuration(page: &str) -> String {
    let text = fs::read_to_string(folder().join(page)).unwrap();
    let (_, rest) = text.split_once("```json\n").expect(page);
    let (json, rest) = rest.split_once("```").expect(page);
    assert!(!rest.contains("```json"), "{page} has one configuration");
    json.to_owned()
}

fn policy(page: &str) -> Policy {
    let mut config = Config::parse(configuration(page).as_bytes())
        .unwrap_or_else(|error| panic!("{page}: {error}"));
    config.stand_in_for_environment();
    Policy::compile(&config, &Capabilities::envoy())
        .unwrap_or_else(|error| panic!("{page}: {error}"))
}

#[test]
fn each_page_has_a_configuration_that_compiles_and_is_in_the_list() {
    let list = fs::read_to_string(folder().join("README.md")).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let page = entry.unwrap().file_name().into_string().unwrap();
        if page == "README.md" {
            continue;
        }
        let policy = policy(&page);
        assert!(policy.warnings.is_empty(), "{page}: {:?}", policy.warnings);
        assert!(
            list.contains(&format!("({page})")),
            "{page} is not in the list"
        );
        count += 1;
    }
    assert_eq!(count, 15);
}

/// What the upstream hears of a caller with these claims, without the prefix.
fn told(page: &str, claims: &Value) -> BTreeMap<String, String> {
    let policy = policy(page);
    let services = ServiceStore::new(&policy.services, 1, [0; 32]);
    let claims = ClaimSet::parse(claims.to_string().as_bytes()).unwrap();
    let provider = &policy.providers[0];
    let profile = Identity::new(provider, TrustedClaims::claims_of(Rc::new(claims)));
    let caller = Principal::new(
        ProviderId(0),
        provider,
        Rc::new(profile),
        &services,
        Now::on(UnixTime::from_secs(1_800_000_000)),
    );
    let told = policy.upstream.set(&caller);
    let headers = told.headers.iter();
    headers
        .map(|(name, value)| {
            let name = name.trim_start_matches("x-auth-").to_owned();
            (name, value.to_string())
        })
        .filter(|(name, _)| name != "provider")
        .collect()
}

#[test]
fn claims_as_each_issuer_writes_them_become_a_caller() {
    // The shapes are those of the issuers' own documentation.
    let rows: Vec<(&str, Value, Value)> = vec![
        (
            "auth0.md",
            json!({ "sub": "auth0|1", "aud": ["https://api.example", "https://example.eu.auth0.com/userinfo"], "azp": "spa", "scope": "openid orders", "permissions": ["read:orders"] }),
            json!({ "user-id": "auth0|1", "user-name": "auth0|1", "client-id": "spa", "scopes": "openid,orders", "permissions": "read:orders" }),
        ),
        (
            "auth0.md",
            json!({ "sub": "m2m@clients", "azp": "m2m", "gty": "client-credentials", "scope": "read:orders" }),
            json!({ "user-id": "m2m@clients", "user-name": "m2m@clients", "client-id": "m2m", "scopes": "read:orders", "m2m": "true" }),
        ),
        (
            "okta.md",
            json!({ "sub": "ada@example.com", "uid": "00u1", "cid": "0oa1", "scp": ["openid", "orders"], "groups": ["Everyone"] }),
            json!({ "user-id": "00u1", "user-name": "ada@example.com", "client-id": "0oa1", "scopes": "openid,orders", "groups": "Everyone" }),
        ),
        (
            "okta.md",
            json!({ "sub": "0oa1", "cid": "0oa1", "scp": ["orders"] }),
            json!({ "user-id": "0oa1", "user-name": "0oa1", "client-id": "0oa1", "scopes": "orders", "m2m": "true" }),
        ),
        (
            "okta.md",
            json!({ "sub": "00u1", "preferred_username": "ada@example.com", "email": "ada@example.com" }),
            json!({ "user-id": "00u1", "user-name": "ada@example.com", "user-email": "ada@example.com" }),
        ),
        (
            "keycloak.md",
            json!({ "sub": "f:1", "preferred_username": "ada", "azp": "shop-ui", "realm_access": { "roles": ["user"] }, "resource_access": { "orders": { "roles": ["clerk"] }, "account": { "roles": ["view"] } }, "scope": "openid", "groups": ["/eu"] }),
            json!({ "user-id": "f:1", "user-name": "ada", "client-id": "shop-ui", "roles": "user,clerk", "scopes": "openid", "groups": "/eu" }),
        ),
        (
            "keycloak.md",
            json!({ "sub": "s:1", "preferred_username": "service-account-batch", "azp": "batch", "client_id": "batch" }),
            json!({ "user-id": "s:1", "user-name": "service-account-batch", "client-id": "batch", "m2m": "true" }),
        ),
        (
            "google.md",
            json!({ "sub": "1", "email": "ada@example.com", "hd": "example.com", "azp": "app" }),
            json!({ "user-id": "1", "user-name": "ada@example.com", "user-email": "ada@example.com", "client-id": "app", "groups": "example.com" }),
        ),
        (
            "firebase.md",
            json!({ "sub": "u1", "user_id": "u1", "name": "Ada", "email": "ada@example.com", "firebase": { "sign_in_provider": "password" } }),
            json!({ "user-id": "u1", "user-name": "Ada", "user-email": "ada@example.com" }),
        ),
        (
            "github-actions.md",
            json!({ "sub": "repo:octo-org/shop:ref:refs/heads/main", "repository": "octo-org/shop", "repository_owner": "octo-org" }),
            json!({ "user-id": "repo:octo-org/shop:ref:refs/heads/main", "user-name": "octo-org/shop", "client-id": "octo-org/shop", "groups": "octo-org", "m2m": "true" }),
        ),
        (
            "gitlab.md",
            json!({ "sub": "project_path:my-group/shop:ref_type:branch:ref:main", "project_path": "my-group/shop", "namespace_path": "my-group" }),
            json!({ "user-id": "project_path:my-group/shop:ref_type:branch:ref:main", "user-name": "my-group/shop", "client-id": "my-group/shop", "groups": "my-group", "m2m": "true" }),
        ),
        (
            "kubernetes.md",
            json!({ "sub": "system:serviceaccount:shop:checkout", "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "checkout", "uid": "x" } } }),
            json!({ "user-id": "system:serviceaccount:shop:checkout", "user-name": "checkout", "client-id": "checkout", "groups": "shop", "m2m": "true" }),
        ),
        (
            "introspection.md",
            json!({ "active": true, "sub": "u1", "username": "ada", "client_id": "app", "scope": "a b" }),
            json!({ "user-id": "u1", "user-name": "ada", "client-id": "app", "scopes": "a,b" }),
        ),
        (
            "introspection.md",
            json!({ "active": true, "client_id": "app" }),
            json!({ "client-id": "app", "m2m": "true" }),
        ),
        (
            "http.md",
            json!({ "sub": "u1", "name": "Ada", "groups": ["g"], "roles": ["r"], "permissions": ["p"], "scopes": ["s"] }),
            json!({ "user-id": "u1", "user-name": "Ada", "groups": "g", "roles": "r", "permissions": "p", "scopes": "s" }),
        ),
        (
            "cognito.md",
            json!({ "sub": "u1", "token_use": "access", "client_id": "app", "username": "ada", "scope": "aws.cognito.signin.user.admin", "cognito:groups": ["staff"] }),
            json!({ "user-id": "u1", "user-name": "ada", "client-id": "app", "scopes": "aws.cognito.signin.user.admin", "groups": "staff" }),
        ),
        (
            "entra-id.md",
            json!({ "sub": "s", "oid": "o", "upn": "ada@corp.example", "appid": "app", "roles": ["Reader"], "scp": "Orders.Read" }),
            json!({ "user-id": "s", "user-name": "ada@corp.example", "client-id": "app", "roles": "Reader", "scopes": "Orders.Read" }),
        ),
    ];
    for (page, claims, want) in rows {
        let want: BTreeMap<String, String> = serde_json::from_value(want).unwrap();
        assert_eq!(told(page, &claims), want, "{page}: {claims}");
    }
}

#[test]
fn a_presets_keys_are_where_the_issuer_publishes_them() {
    let rows = [
        (
            "auth0.md",
            "https://example.eu.auth0.com/.well-known/openid-configuration",
        ),
        (
            "okta.md",
            "https://example.okta.com/oauth2/default/.well-known/openid-configuration",
        ),
        (
            "keycloak.md",
            "https://sso.example/realms/shop/.well-known/openid-configuration",
        ),
        ("google.md", "https://www.googleapis.com/oauth2/v3/certs"),
        (
            "firebase.md",
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        ),
        (
            "github-actions.md",
            "https://token.actions.githubusercontent.com/.well-known/jwks",
        ),
        (
            "gitlab.md",
            "https://gitlab.com/.well-known/openid-configuration",
        ),
        (
            "kubernetes.md",
            "https://kubernetes.default.svc.cluster.local/openid/v1/jwks",
        ),
        (
            "entra-id.md",
            "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/discovery/v2.0/keys",
        ),
    ];
    for (page, want) in rows {
        assert_eq!(policy(page).sources[0].uri(), want, "{page}");
    }
}
