//! Published examples, migrated whole.

use super::{Migration, Report, Scope, migrate};
use serde_json::{Value, json};
use std::path::Path;

fn example(name: &str) -> Migration {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/migrate/examples")
        .join(name);
    let text = std::fs::read_to_string(path).unwrap();
    migrate(&[(name.to_owned(), text)], Scope::Whole).unwrap()
}

fn of(text: &str) -> Result<Migration, String> {
    of_scope(text, Scope::Whole)
}

/// `path: why` without the file's name.
fn lost(report: &Report) -> Vec<String> {
    let place = |path: &str| {
        path.split_once(": ")
            .map_or(path, |(_, rest)| rest)
            .to_owned()
    };
    report
        .not_carried
        .iter()
        .map(|entry| format!("{}: {}", place(&entry.path), entry.why))
        .collect()
}

fn rules(migration: &Migration) -> Vec<String> {
    let rules = migration.configuration["rules"].as_array().unwrap();
    rules
        .iter()
        .map(|rule| format!("{} {}", rule["match"], rule["require"]))
        .collect()
}

#[test]
fn envoys_rules_become_ours() {
    let migration = example("jwt-authn-rules.yaml");
    let jwks = json!({
        "uri": "https://example.com/jwks.json", "upstream": "example_jwks_cluster", "timeout": "1s", "cache_duration": "300s", "retry": 2,
    });
    let provider = |audiences: Value| json!({ "kind": "jwt", "issuer": "https://example.com", "audiences": audiences, "jwks": jwks });
    assert_eq!(
        migration.configuration,
        json!({
            "providers": {
                "bookstore": provider(json!(["bookstore_android.apps.googleusercontent.com", "bookstore_web.apps.googleusercontent.com"])),
                "bookstore-2": provider(json!(["api_audience"])),
            },
            "rules": [
                { "name": "rule-1", "match": { "path_regex": "/health.*" }, "require": "public" },
                { "name": "rule-2", "match": { "path_regex": "/api.*" }, "require": { "provider": "bookstore-2" } },
                { "name": "rule-3", "match": {}, "require": { "provider": "bookstore" } },
            ],
        })
    );
    assert_eq!(lost(&migration.report), Vec::<&str>::new());
    assert_eq!(migration.report.differs.len(), 4, "{}", migration.report);
}

#[test]
fn what_is_read_of_cookies_differs() {
    for (text, places) in [
        (
            "providers: { a: { issuer: i, remote_jwks: { http_uri: { uri: 'https://i/k', cluster: c } }, from_cookies: [s] } }",
            1,
        ),
        (
            "providers: { a: { issuer: i, remote_jwks: { http_uri: { uri: 'https://i/k', cluster: c } }, from_headers: [{ name: x }] } }",
            0,
        ),
    ] {
        let text = format!(
            "'@type': type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication\n{text}\n"
        );
        let migration = of(&text).unwrap();
        let differs = migration.report.differs.iter();
        let told = differs.filter(|entry| entry.what.contains("another site's page"));
        assert_eq!(told.count(), places, "{}", migration.report);
    }
}

#[test]
fn what_jwt_authn_can_say_and_this_filter_cannot_is_refused_and_listed() {
    let migration = example("jwt-authn-groups.yaml");
    assert_eq!(
        rules(&migration),
        [
            r#"{"path_regex":"/any.*"} "user""#,
            r#"{"path_regex":"/all.*"} "deny""#,
            r#"{"methods":["GET"],"path_prefix":"/maybe"} "optional""#,
            r#"{"path_regex":"/search.*"} "deny""#,
            r#"{} "public""#,
        ]
    );
    let config = &migration.configuration;
    assert_eq!(
        config["upstream_headers"],
        json!({ "claims": { "x-tenant": "/org/tenant" }, "payload": "x-jwt-payload" })
    );
    assert_eq!(config["bypass_cors_preflight"], true);
    let provider = &config["providers"]["provider1"];
    assert_eq!(
        provider["from_headers"],
        json!([{ "name": "jwt-assertion", "value_prefix": "" }])
    );
    assert_eq!(
        (&provider["forward"], &provider["clock_skew"]),
        (&json!(true), &json!("30s"))
    );
    assert!(config["providers"].get("provider2").is_none());
    assert_eq!(
        lost(&migration.report),
        [
            "providers.provider1.pad_forward_payload_header: the payload goes upstream as the token has it, without padding",
            "providers.provider2.local_jwks: the keys are not here, or are not a key set; nobody passes by this provider until they are written",
            "strip_failure_response: refusals always have a status, a challenge and a short body",
            "rules[3].match.query_parameters: rules do not look at this; what this rule may be for is refused",
        ]
    );
}

#[test]
fn both_filters_of_a_bootstrap_become_one_configuration() {
    let migration = example("bootstrap.yaml");
    let admin = r#"{"claims":{"groups":{"contains":"admin"}}}"#;
    assert_eq!(
        rules(&migration),
        [
            // Open for jwt_authn, and RBAC lets everybody read.
            r#"{"methods":["GET","HEAD"],"path_regex":"/healthz.*"} "public""#.to_owned(),
            r#"{"path_regex":"/healthz.*"} "deny""#.to_owned(),
            format!(r#"{{"path_regex":"/admin.*"}} {admin}"#),
            r#"{"methods":["GET","HEAD"]} "user""#.to_owned(),
            format!(r#"{{}} {admin}"#),
        ]
    );
    let report = &migration.report;
    let lost = lost(report);
    assert_eq!(lost.len(), 2, "{report}");
    assert!(
        lost[0].contains(
            "typed_per_filter_config.envoy.filters.http.jwt_authn: the filter is switched off here"
        ),
        "{lost:?}"
    );
    assert!(lost[1].contains("policies.office.principals[0]: a configuration cannot say this; what the policy allows by it is refused"), "{lost:?}");
    assert_eq!(
        report.left,
        ["envoy.filters.http.cors", "envoy.filters.http.router"]
    );
}

#[test]
fn istios_two_kinds_become_one_configuration() {
    let migration = example("istio-require-jwt.yaml");
    assert_eq!(
        migration.configuration,
        json!({
            "providers": { "jwt-example": {
                "kind": "jwt", "issuer": "testing@secure.istio.io",
                "jwks": { "uri": "https://keys.example/security/tools/jwt/samples/jwks.json", "upstream": "outbound|443||keys.example" },
            } },
            "rules": [
                // Nobody looks at a preflight's token, and the policy asks for one.
                { "name": "preflight", "match": { "methods": ["OPTIONS"], "headers": {
                    "origin": { "present": true }, "access-control-request-method": { "present": true },
                } }, "require": "deny" },
                { "name": "mesh", "match": {}, "require": { "claims": {
                "iss": "testing@secure.istio.io", "sub": "testing@secure.istio.io", "groups": { "contains": "group1" },
            } } }],
        })
    );
    assert_eq!(lost(&migration.report), Vec::<&str>::new());
    assert_eq!(
        migration.warnings.len(),
        1,
        "no audience: {:?}",
        migration.warnings
    );
}

#[test]
fn policies_that_deny_and_allow_are_added_up() {
    let migration = example("istio-paths.yaml");
    let bar = r#"{"claims":{"iss":"https://issuer-bar.example"}}"#;
    let preflight =
        r#""headers":{"access-control-request-method":{"present":true},"origin":{"present":true}}"#;
    assert_eq!(
        rules(&migration),
        [
            format!(r#"{{{preflight},"hosts":["internal.example"],"methods":["OPTIONS"]}} "deny""#),
            format!(r#"{{{preflight},"methods":["OPTIONS"]}} "public""#),
            format!(r#"{{"hosts":["internal.example"]}} {bar}"#),
            r#"{"methods":["OPTIONS"]} "optional""#.to_owned(),
            r#"{"path":"/headers"} "user""#.to_owned(),
            r#"{} "optional""#.to_owned(),
        ]
    );
    let jwks = json!({ "discovery": true, "upstream": "outbound|443||issuer-foo.example" });
    assert_eq!(
        migration.configuration["providers"]["ingress-jwt-1"],
        json!({
            "kind": "jwt", "issuer": "https://issuer-foo.example", "jwks": jwks, "forward": true,
            "from_headers": [{ "name": "x-jwt-assertion", "value_prefix": "JWT " }],
        })
    );
    let lost = lost(&migration.report);
    assert_eq!(lost.len(), 2, "{lost:?}");
    assert!(
        lost[0].ends_with(
            "source.ipBlocks: the filter cannot see this; what the rule allows by it is refused"
        ),
        "{lost:?}"
    );
    assert!(
        lost[1].ends_with("spec: another service decides, which is asked in a way of its own"),
        "{lost:?}"
    );
}

#[test]
fn the_environment_of_the_python_library_becomes_a_provider() {
    let migration = example("auth-middleware.env");
    assert_eq!(
        migration.configuration,
        json!({
            "providers": { "users": {
                "kind": "cognito", "region": "eu-west-1", "user_pool_id": "eu-west-1_abcdef123",
                "client_ids": ["1h57kf5cpq17m0eml12example"], "token_use": ["access"],
                "jwks": { "upstream": "cognito_idp", "cache_duration": "30m", "cache_usages": 500, "refresh_ahead": 0.7 },
                "groups": [{ "claim": "cognito:groups" }, { "directory": "people" }],
                "permissions": [{ "directory": "people" }],
            } },
            "directories": { "people": { "uri": "http://authz/v1/subjects/{name}", "upstream": "authz" } },
            "rules": [{ "name": "application", "match": {}, "require": "user" }],
        })
    );
    assert_eq!(
        lost(&migration.report),
        [
            "AUTHZ_POOL_SIZE: the filter has no database",
            "AUTH_MIDDLEWARE_DISABLED: a configuration that refuses nobody is not written by a command",
            "AUTH_MIDDLEWARE_LOG_LEVEL: it has no effect in the library",
            "SOMETHING_ELSE: this command does not know the key",
        ]
    );
}

#[test]
fn entra_id_comes_from_the_environment_too() {
    let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    let migration = of(&format!(
        "AUTH_PROVIDER_AZURE_ENTRA_ID_TENANT_ID={tenant}\nAUTH_PROVIDER_AZURE_ENTRA_ID_AUDIENCE_ID='api://orders'\n"
    ))
    .unwrap();
    assert_eq!(
        migration.configuration["providers"]["corp"],
        json!({ "kind": "entra_id", "tenant_id": tenant, "audiences": ["api://orders"], "jwks": { "upstream": "entra" }, "groups": [{ "claim": "groups" }] })
    );
}

/// One provider, these rules and this RBAC action with these policies.
fn envoy(rules: &str, action: &str, policies: &str) -> Result<Migration, String> {
    let keys = r#"{"keys":[{"kty":"oct","alg":"HS256","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]}"#;
    let jwt = format!(
        r#"{{"@type": "x/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", "rules": [{rules}],
            "providers": {{"p": {{"issuer": "i", "audiences": ["a"], "requireExpiration": true, "payloadInMetadata": "c",
                "fromParams": ["t"], "localJwks": {{"inlineString": {keys:?}}}}}}}}}"#
    );
    let rbac = format!(
        r#"{{"@type": "x/envoy.extensions.filters.http.rbac.v3.RBAC", "rules": {{"action": "{action}", "policies": {policies}}}}}"#
    );
    of(&format!(
        r#"{{"http_filters": [{{"name": "jwt", "typed_config": {jwt}}}, {{"name": "rbac", "typed_config": {rbac}}}]}}"#
    ))
}

#[test]
fn what_cannot_be_said_never_opens_anything() {
    let all = r#"{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}"#;
    let any = r#""permissions": [{"any": true}]"#;
    let claim = |name: &str, value: &str| {
        format!(
            r#"{{"sourced_metadata": {{"metadata_matcher": {{"filter": "envoy.filters.http.jwt_authn", "path": [{{"key": "c"}}, {{"key": "{name}"}}], "value": {value}}}}}}}"#
        )
    };
    let cel = r#""condition": {"const_expr": {"bool_value": true}}"#;
    // The action, the policy, the rules, and how much is not carried over.
    let cases = [
        ("ALLOW", format!(r#"{{{any}, "principals": [{{"any": true}}], {cel}}}"#), vec![], 1),
        ("DENY", format!(r#"{{{any}, "principals": [{{"any": true}}], {cel}}}"#), vec![], 1),
        ("DENY", format!(r#"{{{any}, "principals": [{}]}}"#, claim("d", r#"{"string_match": {"exact": "x"}}"#)), vec![r#"{} {"not":{"claims":{"d":"x"}}}"#], 0),
        ("ALLOW", format!(r#"{{{any}, "principals": [{}]}}"#, claim("d", r#"{"string_match": {"suffix": "x"}}"#)), vec![], 1),
        ("DENY", format!(r#"{{{any}, "principals": [{}]}}"#, claim("d", r#"{"string_match": {"suffix": "x"}}"#)), vec![], 1),
        ("ALLOW", format!(r#"{{{any}, "principals": [{{"not_id": {}}}]}}"#, claim("d", r#"{"bool_match": true}"#)), vec![r#"{} {"not":{"claims":{"d":true}}}"#], 0),
        ("ALLOW", format!(r#"{{{any}, "principals": [{}, {}]}}"#, claim("d", r#"{"double_match": {"exact": 7}}"#), claim("e", r#"{"present_match": true}"#)), vec![r#"{} {"any":[{"claims":{"d":7}},{"claims":{"e":{"present":true}}}]}"#], 0),
        ("ALLOW", r#"{"permissions": [{"destination_port": 80}, {"url_path": {"path": {"exact": "/a"}}}], "principals": [{"any": true}]}"#.into(), vec![r#"{"path":"/a"} "user""#], 1),
        ("DENY", r#"{"permissions": [{"not_rule": {"or_rules": {"rules": [{"url_path": {"path": {"prefix": "/a/"}}}, {"header": {"name": "x-b", "present_match": true}}]}}}], "principals": [{"any": true}]}"#.into(), vec![r#"{"path_prefix":"/a/"} "user""#, r#"{"headers":{"x-b":{"present":true}}} "user""#], 0),
        ("LOG", format!(r#"{{{any}, "principals": [{{"any": true}}]}}"#), vec![r#"{} "user""#], 1),
    ];
    for (action, policy, want, count) in cases {
        let migration = envoy(all, action, &format!(r#"{{"x": {policy}}}"#));
        let migration = match migration {
            // A configuration without a rule would refuse everything: there is none.
            Err(refused) if want.is_empty() => {
                assert!(refused.contains("nothing is left"), "{refused}");
                assert!(
                    refused.contains(&format!("not carried over: {count}")) || count == 0,
                    "{refused}"
                );
                continue;
            }
            migration => migration.unwrap(),
        };
        let got = rules(&migration);
        assert_eq!(got, want, "{action} {policy}");
        assert_eq!(
            migration.report.not_carried.len(),
            count,
            "{action} {policy}: {}",
            migration.report
        );
    }
}

#[test]
fn symmetric_keys_name_their_algorithms() {
    let migration = envoy(
        "",
        "ALLOW",
        r#"{"x": {"permissions": [{"any": true}], "principals": [{"any": true}]}}"#,
    )
    .unwrap();
    assert_eq!(
        migration.configuration["providers"]["p"]["algorithms"],
        json!(["HS256"])
    );
    assert_eq!(rules(&migration), [r#"{} "public""#]);
}

#[test]
fn what_is_nothing_to_migrate_is_said() {
    for (text, want) in [
        ("a: b", "f: has neither a jwt_authn nor an rbac filter"),
        (
            "apiVersion: v1\nkind: Secret",
            "f: has neither a RequestAuthentication nor an AuthorizationPolicy",
        ),
        (
            "FOO=bar",
            "f: has neither USER_POOL_ID nor AUTH_PROVIDER_AZURE_ENTRA_ID_TENANT_ID",
        ),
        ("{", "f: "),
        ("", "there is nothing to read"),
    ] {
        let error = of(text).unwrap_err();
        assert!(error.starts_with(want), "{text}: {error}");
    }
}

/// The page names each key that the command asks for.
#[test]
fn the_page_says_what_becomes_of_each_key() {
    let root = crate::repository();
    let page = std::fs::read_to_string(root.join("filter-config/migrating.md")).unwrap();
    // Wrappers that say nothing by themselves.
    let wrappers = [
        "@type",
        "name",
        "typed_config",
        "providers",
        "requirements",
        "ids",
        "status",
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "domains",
        "google_re2",
        "regex",
        "seconds",
        "nanos",
        "value_matchers",
        "jwks_uri",
        "inline",
        "typedConfig",
        "key",
    ];
    let expression =
        regex_lite::Regex::new(r#"\.(?:get|text|texts|list|drop|is_true)\(\s*"([^"]+)""#).unwrap();
    let (mut asked, mut missing) = (0, Vec::new());
    for file in [
        "jwt_authn.rs",
        "rbac.rs",
        "istio.rs",
        "istio_terms.rs",
        "auth_middleware.rs",
        "values.rs",
        "envoy.rs",
    ] {
        let code = std::fs::read_to_string(root.join("crates/cli/src/migrate").join(file)).unwrap();
        for found in expression.captures_iter(&code) {
            let key = &found[1];
            asked += 1;
            if !wrappers.contains(&key) && !page.contains(&format!("`{key}`")) {
                missing.push(format!("{file}: {key}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(asked > 80, "{asked}");
}

#[test]
fn a_security_policy_becomes_providers_and_rules() {
    let migration = example("security-policy.yaml");
    let config = &migration.configuration;
    assert_eq!(
        config["providers"],
        json!({
            "staff": {
                "kind": "jwt", "issuer": "https://staff.example.com", "audiences": ["orders"],
                "jwks": { "uri": "https://keys.example.com/jwks.json", "upstream": "keys_example_com_443", "cache_duration": "600s" },
            },
            "partners": {
                "kind": "jwt", "issuer": "https://partners.example.com:8443",
                "from_headers": [{ "name": "x-partner", "value_prefix": "Token " }], "from_cookies": ["partner"],
                "jwks": { "uri": "https://partners.example.com:8443/keys", "upstream": "partners_example_com_8443" },
            },
        })
    );
    assert_eq!(
        config["upstream_headers"]["claims"],
        json!({ "x-staff-team": "/org/team" })
    );
    assert_eq!(
        lost(&migration.report),
        [
            "spec.cors: it is not about callers",
            "spec.authorization.rules[3].principal.clientCIDRs: the filter does not look at addresses",
        ]
    );
    // Who may what, as the filter decides it.
    let tests = [
        (
            "POST",
            "staff",
            json!({ "sub": "a", "scope": "orders", "org": { "roles": ["clerk"] } }),
            0,
        ),
        (
            "DELETE",
            "staff",
            json!({ "sub": "a", "scope": "x orders", "org": { "roles": ["x", "manager"] } }),
            0,
        ),
        (
            "POST",
            "staff",
            json!({ "sub": "a", "scope": "orders", "org": { "roles": ["x"] } }),
            403,
        ),
        (
            "POST",
            "staff",
            json!({ "sub": "a", "scope": "other", "org": { "roles": ["clerk"] } }),
            403,
        ),
        (
            "POST",
            "staff",
            json!({ "sub": "a", "scope": "orders", "status": "banned", "org": { "roles": ["clerk"] } }),
            403,
        ),
        (
            "POST",
            "partners",
            json!({ "sub": "a", "scope": "orders", "org": { "roles": ["clerk"] } }),
            401,
        ),
        ("GET", "partners", json!({ "sub": "a" }), 0),
        ("GET", "staff", json!({ "sub": "a" }), 401),
        ("PUT", "partners", json!({ "sub": "a" }), 403),
    ];
    let mut with_tests = config.clone();
    let tests = tests
        .iter()
        .enumerate()
        .map(|(index, (method, provider, claims, expect))| {
            json!({
                "name": format!("{index}"), "provider": provider, "claims": claims,
                "expect": if *expect == 0 { json!("allow") } else { json!({ "status": expect }) },
                "request": { "method": method, "path": "/" },
            })
        });
    with_tests["tests"] = tests.collect();
    let text = with_tests.to_string();
    let parsed = auth_filter::config::Config::parse(text.as_bytes()).unwrap();
    let host = auth_filter::capabilities::Capabilities::envoy();
    let compiled = auth_filter::policy::Policy::compile(&parsed, &host);
    compiled
        .map(drop)
        .map_err(|error| error.to_string())
        .unwrap();
}

#[test]
fn of_a_security_policy_whatever_cannot_be_said_lets_nobody_pass() {
    let policy = |spec: &str| {
        of(&format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {{name: a}}\nspec: {spec}\n"
        ))
    };
    let jwt = "jwt: { providers: [{ name: p, issuer: 'https://i', remoteJWKS: { uri: 'https://i/k' } }] }";
    // No rule allows anything, and what no rule names is refused: that is no configuration.
    for authorization in [
        "{ rules: [] }",
        "{ defaultAction: Deny, rules: [{ action: Allow, principal: { clientCIDRs: [10.0.0.0/8] } }] }",
        "{ rules: [{ action: Allow, principal: { jwt: { provider: other } } }] }",
    ] {
        let refused = policy(&format!("{{ {jwt}, authorization: {authorization} }}")).unwrap_err();
        assert!(
            refused.contains("nothing is left") && refused.contains("--beside"),
            "{refused}"
        );
    }
    // A refusal for some addresses is one for all.
    let migration = policy(&format!(
        "{{ {jwt}, authorization: {{ defaultAction: Allow, rules: [{{ action: Deny, principal: {{ clientCIDRs: [10.0.0.0/8] }}, operation: {{ methods: [PUT] }} }}] }} }}"
    ))
    .unwrap();
    assert_eq!(
        rules(&migration),
        [r#"{"methods":["PUT"]} "deny""#, r#"{} "user""#]
    );
    // What is allowed first and refused later is refused.
    let migration = policy(&format!(
        "{{ {jwt}, authorization: {{ defaultAction: Allow, rules: [{{ action: Allow, operation: {{ methods: [GET] }} }}, {{ action: Deny, operation: {{ methods: [GET, PUT] }} }}] }} }}"
    ))
    .unwrap();
    assert_eq!(
        rules(&migration),
        [
            r#"{"methods":["GET"]} "deny""#,
            r#"{"methods":["PUT"]} "deny""#,
            r#"{} "user""#,
        ]
    );
    let optional = jwt.replace("jwt: {", "jwt: { optional: true,");
    assert_eq!(
        rules(&policy(&format!("{{ {optional} }}")).unwrap()),
        [r#"{} "optional""#]
    );
    // Keys that are elsewhere are nobody's.
    let refused = policy(
        "{ jwt: { providers: [{ name: p, issuer: 'https://i', localJWKS: { type: ValueRef, valueRef: { kind: ConfigMap, name: k } } }] } }",
    )
    .unwrap_err();
    assert!(refused.contains("the keys are not in it"), "{refused}");
    for spec in ["{ cors: {} }", "{ oidc: {} }"] {
        assert!(
            policy(spec)
                .unwrap_err()
                .contains("neither jwt nor authorization")
        );
    }
}

#[test]
fn beside_policies_that_stay_only_callers_are_known() {
    let text = "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: a}\nspec: {jwtRules: [{issuer: 'https://i'}]}\n---\n\
                apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p}\n\
                spec: {rules: [{from: [{source: {principals: [cluster.local/ns/x/sa/y]}}]}]}\n";
    let refused = of(text).unwrap_err();
    assert!(
        refused.contains("nothing is left") && refused.contains("principals"),
        "{refused}"
    );
    let migration = of_scope(text, Scope::Beside).unwrap();
    assert_eq!(rules(&migration), [r#"{} "optional""#]);
    assert_eq!(migration.configuration["providers"]["a"]["forward"], true);
    assert_eq!(migration.report.left, ["AuthorizationPolicy"]);
    assert_eq!(lost(&migration.report), Vec::<&str>::new());
    let rbac = of(
        "'@type': type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC\nrules: { action: ALLOW, policies: {} }\n",
    );
    assert!(rbac.unwrap_err().contains("--beside"));
}

fn of_scope(text: &str, scope: Scope) -> Result<Migration, String> {
    migrate(&[("f".to_owned(), text.to_owned())], scope)
}
