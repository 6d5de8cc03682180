use crate::capabilities::Capabilities;
use crate::config::Config;
use crate::policy::Policy;
use crate::policy::provider::{Signed, Verification};

const PROVIDERS: &str = r#""providers": {"a": {"kind": "jwt", "issuer": "https://a", "jwks": {"uri": "https://a/k", "upstream": "a"}},
    "b": {"kind": "cognito", "region": "eu-west-1", "user_pool_id": "eu-west-1_b"}}"#;

fn compile(rules: &str) -> Result<Policy, String> {
    let text = format!("{{{PROVIDERS}, \"rules\": [{rules}]}}");
    let config = Config::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    Policy::compile(&config, &Capabilities::envoy()).map_err(|error| error.to_string())
}

#[test]
fn what_does_not_hold_together_is_refused_with_its_place() {
    let cases = [
        (
            r#"{"match": {"path": "/a", "path_prefix": "/a"}, "require": "user"}"#,
            "rules[0].match: takes one of",
        ),
        (
            r#"{"match": {"path": "a"}, "require": "user"}"#,
            "rules[0].match.path: \"a\" is not a path",
        ),
        (
            r#"{"match": {"path_prefix": "/a/*"}, "require": "user"}"#,
            "rules[0].match.path_prefix: a * stands for itself here; write path_template",
        ),
        (
            r#"{"match": {"path": "/a/{id}"}, "require": "user"}"#,
            "rules[0].match.path: a { stands for itself here",
        ),
        (
            r#"{"match": {"path": "/a/:id/b"}, "require": "user"}"#,
            "rules[0].match.path: a : stands for itself here",
        ),
        (
            r#"{"match": {"path": "/v1/orders:cancel"}, "require": "deny"}, {"match": {"path": "/V1/orders:cancel"}, "require": "user"}"#,
            "rules[1]: differs from rules[0] in the case of letters only",
        ),
        (
            r#"{"match": {"path_prefix": "/Public"}, "require": "public"}, {"match": {"path_template": "/public/{x}"}, "require": "user"}"#,
            "rules[1]: differs from rules[0] in the case of letters only",
        ),
        (
            r#"{"match": {"methods": ["get"]}, "require": "user"}"#,
            "rules[0].match.methods[0]: methods are compared with case; write \"GET\"",
        ),
        (
            r#"{"match": {"hosts": []}, "require": "user"}"#,
            "rules[0].match.hosts: an empty list",
        ),
        (
            r#"{"match": {}, "require": {"any": []}}"#,
            "rules[0].require.any: an empty list",
        ),
        (
            r#"{"match": {}, "require": {}}"#,
            "rules[0].require: an empty object",
        ),
        (
            r#"{"match": {}, "require": {"any": ["public", "user"]}}"#,
            "rules[0].require.any[0]: \"public\" stands alone",
        ),
        (
            r#"{"match": {}, "require": {"any": [{"provider": "c"}]}}"#,
            "rules[0].require.any[0].provider: \"c\" is not a provider; known: a, b",
        ),
        (
            r#"{"match": {}, "require": {"all": [{"provider": "a"}, {"provider": "b"}]}}"#,
            "rules[0].require: no provider can vouch",
        ),
        (
            r#"{"name": "all", "match": {}, "require": "user"}, {"match": {"path": "/a"}, "require": "deny"}"#,
            "rules[1]: is never reached: all matches",
        ),
    ];
    for (rules, want) in cases {
        let got = compile(rules).expect_err(rules);
        assert!(
            got.starts_with(want),
            "{rules}\n  said: {got}\n  want: {want}"
        );
    }
}

#[test]
fn cognito_keys_and_issuer_follow_from_the_pool() {
    let policy = compile(r#"{"match": {}, "require": "user"}"#).unwrap();
    let Verification::Signature(Signed { rules, .. }) = &policy.providers[1].verification else {
        panic!("{:?}", policy.providers[1]);
    };
    assert_eq!(
        rules.issuers[..],
        [
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_b",
            "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_b",
        ]
    );
    assert_eq!(
        policy.sources[1].uri(),
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_b/.well-known/jwks.json"
    );
    assert_eq!(
        policy.sources[1].upstream,
        "cognito-idp.eu-west-1.amazonaws.com"
    );
    assert_eq!(rules.token_use[..], ["access"]);
    assert_eq!(
        policy.warnings.len(),
        2,
        "both accept any audience: {:?}",
        policy.warnings
    );
}

#[test]
fn a_tenant_has_two_issuers_in_each_cloud() {
    let issuers = |more: &str| {
        let config = format!(
            r#"{{"providers": {{"a": {{"kind": "entra_id", "audiences": ["x"], {more}}}}}, "rules": []}}"#
        );
        let policy = Policy::compile(
            &Config::parse(config.as_bytes()).unwrap(),
            &Capabilities::envoy(),
        )
        .unwrap();
        let Verification::Signature(Signed { rules, .. }) = &policy.providers[0].verification
        else {
            panic!("{:?}", policy.providers[0]);
        };
        let mut found = rules.issuers.to_vec();
        found.push(policy.sources[0].uri());
        found
    };
    let rows = [
        (
            r#""tenant_id": "t""#,
            &[
                "https://login.microsoftonline.com/t/v2.0",
                "https://sts.windows.net/t/",
                "https://login.microsoftonline.com/t/discovery/v2.0/keys",
            ][..],
        ),
        (
            r#""tenant_id": "t", "authority": "login.microsoftonline.us""#,
            &[
                "https://login.microsoftonline.us/t/v2.0",
                "https://sts.windows.net/t/",
                "https://login.microsoftonline.us/t/discovery/v2.0/keys",
            ],
        ),
        (
            r#""tenants": ["t", "u"], "authority": "login.partner.microsoftonline.cn""#,
            &[
                "https://login.partner.microsoftonline.cn/t/v2.0",
                "https://sts.chinacloudapi.cn/t/",
                "https://login.partner.microsoftonline.cn/u/v2.0",
                "https://sts.chinacloudapi.cn/u/",
                "https://login.partner.microsoftonline.cn/organizations/discovery/v2.0/keys",
            ],
        ),
    ];
    for (more, want) in rows {
        assert_eq!(issuers(more), want, "{more}");
    }
}

#[test]
fn the_filter_state_gets_all_facts_none_or_the_named_ones() {
    let compile = |state: &str| {
        let text = format!(
            "{{{PROVIDERS}, \"rules\": [{{\"match\": {{}}, \"require\": \"user\"}}], \
             \"upstream_headers\": {{\"filter_state\": {state}}}}}"
        );
        let config = Config::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        Policy::compile(&config, &Capabilities::envoy()).map_err(|error| error.to_string())
    };
    let identity = crate::config::DisabledIdentity {
        user_id: "u".to_owned(),
        user_name: Some("n".to_owned()),
        ..Default::default()
    };
    for (state, want) in [
        (
            "true",
            &["auth_filter.user_id", "auth_filter.user_name"][..],
        ),
        ("false", &[]),
        ("[]", &[]),
        (r#"["user_name", "groups"]"#, &["auth_filter.user_name"]),
    ] {
        let told = compile(state).unwrap().upstream.set_disabled(&identity);
        let names: Vec<_> = told.state.iter().map(|(name, ..)| &**name).collect();
        assert_eq!(names, want, "{state}");
        assert_eq!(told.headers.len(), 2, "{state}");
    }
    let error = compile(r#"["user_id", "user-nam"]"#).unwrap_err();
    assert!(
        error.contains("upstream_headers.filter_state[1]: \"user-nam\" is not a fact"),
        "{error}"
    );
    assert!(error.contains("did you mean \"user_name\""), "{error}");
    let error = compile("1").unwrap_err();
    assert!(error.contains("true, false or a list of facts"), "{error}");
}
