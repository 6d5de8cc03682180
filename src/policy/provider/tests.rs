use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::capabilities::Capabilities;
use crate::config::Config;
use crate::config::ProviderId;
use crate::headers::Headers;
use crate::jose::testing::{EC_JWK, es256};
use crate::jose::{Budget, TokenError, UntrustedToken};
use crate::policy::Policy;
use crate::policy::principal::{Identity, Principal, TrustedClaims};
use crate::policy::provider::{Keys, Verification};
use crate::services::ServiceStore;
use crate::time::{Now, UnixTime};

const NOW: u64 = 1_800_000_000;

/// The policy of one provider `p`, whose keys are inline.
fn policy(provider: &Value, upstream_headers: &Value) -> Policy {
    let jwks: Value =
        serde_json::from_str(&format!("{{\"inline\":{{\"keys\":[{EC_JWK}]}}}}")).unwrap();
    let mut provider = provider.clone();
    provider["jwks"] = jwks;
    let config = json!({
        "providers": { "p": provider },
        "rules": [{ "match": {}, "require": "user" }],
        "upstream_headers": upstream_headers,
    });
    let config = Config::parse(config.to_string().as_bytes()).unwrap();
    Policy::compile(&config, &Capabilities::envoy()).unwrap()
}

fn cognito(more: &Value) -> Value {
    let mut provider = json!({
        "kind": "cognito", "region": "eu-west-1", "user_pool_id": "eu-west-1_x",
        "client_ids": ["app"], "token_use": ["access", "id"],
    });
    for (key, value) in more.as_object().unwrap() {
        provider[key] = value.clone();
    }
    provider
}

fn jwt(more: &Value) -> Value {
    let mut provider = json!({ "kind": "jwt", "issuer": "https://i", "audiences": ["a"] });
    for (key, value) in more.as_object().unwrap() {
        provider[key] = value.clone();
    }
    provider
}

/// What the upstream is told about the identity of these claims, or why the token does not hold.
fn told(
    provider: &Value,
    upstream_headers: &Value,
    claims: &Value,
) -> Result<BTreeMap<String, String>, TokenError> {
    let policy = policy(provider, upstream_headers);
    let provider = policy.provider(ProviderId(0)).unwrap();
    let mut all = json!({ "exp": NOW + 60 });
    if provider.identity.machines_are_in_no_group {
        all["iss"] = json!("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x");
    } else {
        all["iss"] = json!("https://i");
        all["aud"] = json!("a");
    }
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    let text = es256(r#"{"alg":"ES256","kid":"ec"}"#, &all.to_string());
    let token = UntrustedToken::parse(&text, 16_384)?;
    let Verification::Signature(signed) = &provider.verification else {
        panic!("a signature");
    };
    let Keys::Inline(keys) = &signed.keys else {
        panic!("inline keys");
    };
    if !signed.rules.is_named_by(token.claims()) {
        return Err(TokenError::UnknownIssuer);
    }
    if !signed.algorithms.contains(token.algorithm()?) {
        return Err(TokenError::AlgorithmRefused);
    }
    signed.check_token(&token, UnixTime::from_secs(NOW))?;
    let verified = keys.verify(&token, signed.algorithms, &mut Budget::new(1))?;
    let services = ServiceStore::new(&[], 1, [0; 32]);
    let now = Now::on(UnixTime::from_secs(NOW));
    let identity = Rc::new(Identity::new(
        provider,
        TrustedClaims::signed(verified, &policy.reads, policy.upstream.tells_payload()),
    ));
    let caller = Principal::new(ProviderId(0), provider, identity, &services, now);
    Ok(policy
        .upstream
        .set(&caller)
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect())
}

fn headers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn a_cognito_user_is_named_by_user_name_and_groups() {
    let access = json!({
        "token_use": "access", "client_id": "app", "sub": "s-1", "username": "ann",
        "cognito:groups": ["admin", "eu"], "scope": "openid orders/read",
    });
    let want = [
        ("x-auth-user-id", "s-1"),
        ("x-auth-user-name", "ann"),
        ("x-auth-groups", "admin,eu"),
        ("x-auth-scopes", "openid,orders/read"),
        ("x-auth-provider", "p"),
        ("x-auth-client-id", "app"),
    ];
    assert_eq!(
        told(&cognito(&json!({})), &json!({}), &access),
        Ok(headers(&want))
    );

    let id = json!({
        "token_use": "id", "aud": "app", "sub": "s-1", "cognito:username": "ann", "email": "ann@example.com",
    });
    let want = [
        ("x-auth-user-id", "s-1"),
        ("x-auth-user-name", "ann"),
        ("x-auth-user-email", "ann@example.com"),
        ("x-auth-provider", "p"),
        ("x-auth-client-id", "app"),
    ];
    assert_eq!(
        told(&cognito(&json!({})), &json!({}), &id),
        Ok(headers(&want))
    );
}

#[test]
fn a_cognito_machine_has_no_groups_whatever_its_claims_say() {
    let claims = json!({
        "token_use": "access", "client_id": "app", "sub": "app", "cognito:groups": ["admin"], "scope": "orders/read",
    });
    let provider =
        cognito(&json!({ "roles": [{ "from_groups": true }, { "static": ["machine"] }] }));
    let want = [
        ("x-auth-user-id", "app"),
        ("x-auth-user-name", "app"),
        ("x-auth-scopes", "orders/read"),
        ("x-auth-provider", "p"),
        ("x-auth-client-id", "app"),
        ("x-auth-m2m", "true"),
    ];
    assert_eq!(told(&provider, &json!({}), &claims), Ok(headers(&want)));
}

#[test]
fn a_cognito_token_is_for_one_of_the_clients_and_of_an_accepted_use() {
    let cases = [
        (
            json!({ "token_use": "access", "client_id": "other" }),
            TokenError::WrongAudience,
        ),
        // The claim of the other use does not count.
        (
            json!({ "token_use": "access", "aud": "app" }),
            TokenError::WrongAudience,
        ),
        (
            json!({ "token_use": "id", "client_id": "app" }),
            TokenError::WrongAudience,
        ),
        (
            json!({ "token_use": "refresh", "client_id": "app" }),
            TokenError::WrongTokenUse,
        ),
        (json!({ "client_id": "app" }), TokenError::WrongTokenUse),
        (
            json!({ "token_use": ["access"], "client_id": "app" }),
            TokenError::WrongTokenUse,
        ),
        (
            json!({ "token_use": "access", "client_id": "app", "iss": "https://i" }),
            TokenError::UnknownIssuer,
        ),
    ];
    for (claims, want) in cases {
        assert_eq!(
            told(&cognito(&json!({})), &json!({}), &claims),
            Err(want),
            "{claims}"
        );
    }
}

#[test]
fn an_id_token_is_refused_unless_asked_for() {
    let mut provider = cognito(&json!({}));
    provider.as_object_mut().unwrap().remove("token_use");
    let claims = json!({ "token_use": "id", "aud": "app" });
    assert_eq!(
        told(&provider, &json!({}), &claims),
        Err(TokenError::WrongTokenUse)
    );
}

#[test]
fn sources_are_read_in_order_and_merged() {
    let provider = jwt(&json!({
        "subject": ["oid", "sub"],
        "groups": [{ "claim": "groups" }, { "claim": "/realm/groups" }, { "static": ["everyone"] }],
        "roles": [{ "claim": "roles" }, { "from_groups": { "admins": ["owner", "editor"], "x": ["never"] } }],
        "permissions": [{ "from_groups": true }],
    }));
    let claims = json!({
        "sub": "s", "oid": "o", "groups": "admins staff", "realm": { "groups": ["staff", 7, "", "a/b"] },
        "roles": ["editor"],
    });
    let want = [
        ("x-auth-user-id", "o"),
        ("x-auth-user-name", "s"),
        ("x-auth-groups", "admins,staff,a/b,everyone"),
        ("x-auth-roles", "editor,owner"),
        ("x-auth-permissions", "admins,staff,a/b,everyone"),
        ("x-auth-provider", "p"),
    ];
    assert_eq!(told(&provider, &json!({}), &claims), Ok(headers(&want)));
}

#[test]
fn claims_of_another_type_say_nothing() {
    let provider = jwt(&json!({ "groups": [{ "claim": "groups" }] }));
    for groups in [
        json!({ "admin": true }),
        json!(7),
        json!(null),
        json!([["admin"]]),
        json!(true),
    ] {
        let claims = json!({ "name": 7, "groups": groups });
        let want = headers(&[("x-auth-provider", "p")]);
        assert_eq!(told(&provider, &json!({}), &claims), Ok(want), "{claims}");
    }
}

#[test]
fn no_claim_ends_a_header_or_an_item() {
    let provider = jwt(&json!({ "groups": [{ "claim": "groups" }] }));
    let claims = json!({ "sub": "a\r\nx-auth-groups: admin", "name": "Zoë %", "groups": ["a,admin", "b c"] });
    let want = [
        ("x-auth-user-id", "a%0D%0Ax-auth-groups:%20admin"),
        ("x-auth-user-name", "Zo%C3%AB%20%25"),
        ("x-auth-groups", "a%2Cadmin,b%20c"),
        ("x-auth-provider", "p"),
    ];
    assert_eq!(told(&provider, &json!({}), &claims), Ok(headers(&want)));
}

#[test]
fn claims_and_payload_get_headers_of_their_own() {
    let upstream = json!({
        "prefix": "x-id-",
        "claims": { "x-tenant": "tenant", "x-city": "/address/city", "x-tags": "tags", "x-level": "level", "x-none": "none" },
        "payload": "x-jwt-payload",
    });
    let claims = json!({ "sub": "s", "tenant": "t 1", "address": { "city": "Köln" }, "tags": ["a", "b,c"], "level": 3, "none": null });
    let mut got = told(&jwt(&json!({})), &upstream, &claims).unwrap();
    let payload = got.remove("x-jwt-payload").unwrap();
    let payload: Value = serde_json::from_slice(&crate::jose::testing::decode(&payload)).unwrap();
    assert_eq!(payload["address"], json!({ "city": "Köln" }));
    let want = [
        ("x-id-user-id", "s"),
        ("x-id-user-name", "s"),
        ("x-id-provider", "p"),
        ("x-tenant", "t%201"),
        ("x-city", "K%C3%B6ln"),
        ("x-tags", "a,b%2Cc"),
        ("x-level", "3"),
    ];
    assert_eq!(got, headers(&want));
}

#[test]
fn every_header_that_can_be_set_is_owned_in_every_spelling() {
    let upstream = json!({ "claims": { "x-tenant": "tenant" }, "payload": "x-jwt-payload" });
    let policy = policy(&jwt(&json!({})), &upstream);
    let foreign = [
        "x-auth-user-id2",
        "x-auth",
        "x-auth-user",
        "authorization",
        "x-tenants",
        "X-Jwt",
    ];
    let owned = [
        "x-auth-user-id",
        "X-AUTH-USER-NAME",
        "x_auth_user_email",
        "X-Auth_Groups",
        "x-auth-roles",
        "x-auth-permissions",
        "x-auth-scopes",
        "x-auth-provider",
        "x-auth-client-id",
        "x-auth-m2m",
        "x-auth-shadow",
        "X-Tenant",
        "X_JWT_PAYLOAD",
    ];
    let pairs: Vec<_> = foreign
        .iter()
        .chain(&owned)
        .chain(&owned)
        .map(|name| (*name, "v"))
        .collect();
    let names: Vec<_> = policy
        .upstream
        .spoofed(&Headers::from_pairs(&pairs))
        .into_iter()
        .map(|name| String::from_utf8(name).unwrap())
        .collect();
    assert_eq!(names, owned);
}

#[test]
fn a_token_without_the_asked_type_or_audience_is_refused() {
    let typed = jwt(&json!({ "token_types": ["at+jwt"] }));
    assert_eq!(
        told(&typed, &json!({}), &json!({})),
        Err(TokenError::WrongTokenType)
    );
    let cases = [
        json!({ "aud": "b" }),
        json!({ "aud": ["b", "c"] }),
        json!({ "aud": [] }),
    ];
    for claims in cases {
        assert_eq!(
            told(&jwt(&json!({})), &json!({}), &claims),
            Err(TokenError::WrongAudience),
            "{claims}"
        );
    }
    assert!(told(&jwt(&json!({})), &json!({}), &json!({ "aud": ["b", "a"] })).is_ok());
}

#[test]
fn a_required_claim_passes_its_test() {
    let cases = [
        (json!("x"), json!("x"), true),
        (json!("x"), json!(["x"]), false),
        (json!(1), json!(1), true),
        (json!(1), json!("1"), false),
        (json!(1), json!(1.5), false),
        (json!(true), json!(true), true),
        (json!(true), json!("true"), false),
        (json!({ "any_of": ["a", 2, false] }), json!(2), true),
        (json!({ "any_of": ["a", 2, false] }), json!(false), true),
        (json!({ "any_of": ["a"] }), json!("b"), false),
        (json!({ "contains": "b" }), json!(["a", "b"]), true),
        (json!({ "contains": "b" }), json!("a b"), true),
        (json!({ "contains": "b" }), json!("abc"), false),
        (json!({ "contains": 2 }), json!([1, 2]), true),
        (json!({ "contains": 2 }), json!("2"), false),
        (json!({ "contains": "a" }), json!({ "a": 1 }), false),
        (
            json!({ "prefix": "repo:acme/" }),
            json!("repo:acme/x"),
            true,
        ),
        (
            json!({ "prefix": "repo:acme/" }),
            json!("repo:evil/x"),
            false,
        ),
        (json!({ "prefix": "a" }), json!(["a"]), false),
        (json!({ "present": true }), json!(0), true),
        (json!({ "present": true }), json!(null), false),
        (json!({ "present": false }), json!(null), true),
        (json!({ "present": false }), json!(0), false),
    ];
    for (test, value, want) in cases {
        let provider = jwt(&json!({ "required_claims": { "/deep/claim": test } }));
        let claims = json!({ "deep": { "claim": value } });
        let got = told(&provider, &json!({}), &claims).map(drop);
        let want = if want {
            Ok(())
        } else {
            Err(TokenError::ClaimRefused)
        };
        assert_eq!(got, want, "{test} of {value}");
        // A claim that is not there passes one test only.
        let missing = told(&provider, &json!({}), &json!({})).is_ok();
        assert_eq!(missing, test == json!({ "present": false }), "{test}");
    }
}

#[test]
fn a_cognito_token_is_a_machine_s_where_nothing_in_it_is_of_a_user() {
    let machine =
        json!({ "token_use": "access", "client_id": "app", "sub": "app", "scope": "orders/read" });
    let is_machine = |provider: &Value, more: Value| {
        let mut claims = machine.clone();
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        told(provider, &json!({}), &claims).map(|headers| headers.contains_key("x-auth-m2m"))
    };
    let any_client = json!({
        "kind": "cognito", "region": "eu-west-1", "user_pool_id": "eu-west-1_x", "token_use": ["access", "id"],
    });
    for provider in [cognito(&json!({})), any_client.clone()] {
        assert_eq!(is_machine(&provider, json!({})), Ok(true));
        // That the claim is there is enough, whatever it says.
        for name in [
            "cognito:username",
            "username",
            "email",
            "name",
            "given_name",
            "family_name",
        ] {
            for value in [json!("ann"), json!(""), json!(null)] {
                let got = is_machine(&provider, json!({ name: value }));
                assert_eq!(got, Ok(false), "{name}: {value}");
            }
        }
        let id = json!({ "token_use": "id", "aud": "app" });
        assert_eq!(is_machine(&provider, id), Ok(false));
    }
    let mut nobody = machine.clone();
    nobody.as_object_mut().unwrap().remove("client_id");
    let headers = told(&any_client, &json!({}), &nobody).unwrap();
    assert!(!headers.contains_key("x-auth-m2m"));
}

#[test]
fn a_scope_is_a_group_only_where_a_source_says_so() {
    let user = json!({
        "token_use": "access", "client_id": "app", "sub": "s-1", "username": "ann", "scope": "api/admin admin",
    });
    let groups = |provider: &Value| {
        let mut headers = told(provider, &json!({}), &user).unwrap();
        headers.remove("x-auth-groups")
    };
    assert_eq!(groups(&cognito(&json!({}))), None);
    let explicit = json!({ "groups": [{ "claim": "cognito:groups" }, { "claim": "scope" }] });
    assert_eq!(
        groups(&cognito(&explicit)).as_deref(),
        Some("api/admin,admin")
    );
}
