use serde_json::{Value, json};

use crate::capabilities::Capabilities;
use crate::config::{Config, HostName};
use crate::headers::Headers;
use crate::policy::Policy;

fn config(provider: &Value, more: &Value) -> Value {
    let mut main = json!({ "kind": "jwt", "issuer": "https://i", "audiences": ["a"], "jwks": { "uri": "https://i/k" } });
    for (key, value) in provider.as_object().unwrap() {
        main[key] = value.clone();
    }
    let mut config = json!({
        "providers": { "main": main },
        "rules": [{ "name": "all", "match": { "path_prefix": "/" }, "require": "user" }],
    });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

/// The policy on this host, or what it says against it.
fn on(host: HostName, config: &Value) -> Result<Policy, String> {
    let config = Config::parse(config.to_string().as_bytes()).unwrap();
    let capabilities = Capabilities::of(host, &config.nginx);
    Policy::compile(&config, &capabilities).map_err(|error| error.to_string())
}

const HOSTS: [HostName; 3] = [HostName::Envoy, HostName::Nginx, HostName::Apisix];

#[test]
fn what_a_host_cannot_do_is_refused_with_its_place() {
    let strips = json!({ "nginx": { "strips_headers": true } });
    // The place, or none where it is taken: in Envoy, nginx and APISIX.
    type Row = (Value, Value, [Option<&'static str>; 3]);
    let forward = Some("providers.main.forward");
    let rows: Vec<Row> = vec![
        (json!({}), json!({}), [None, forward, None]),
        (json!({ "forward": true }), json!({}), [None, None, None]),
        (json!({}), strips.clone(), [None, None, None]),
        (
            json!({ "from_cookies": ["s"] }),
            strips.clone(),
            [None, forward, None],
        ),
        (
            json!({ "from_websocket_protocol": true }),
            strips.clone(),
            [None, forward, None],
        ),
        (
            json!({ "from_params": ["t"] }),
            strips.clone(),
            [None, forward, forward],
        ),
        (
            json!({ "from_params": ["t"], "forward": true }),
            json!({}),
            [None, None, None],
        ),
        (
            json!({ "jwks": { "discovery": true } }),
            strips.clone(),
            [None, None, None],
        ),
        (
            json!({ "proof_of_possession": { "mtls": {} } }),
            strips.clone(),
            [
                None,
                Some("providers.main.proof_of_possession.mtls"),
                Some("providers.main.proof_of_possession.mtls"),
            ],
        ),
        (
            json!({ "proof_of_possession": { "dpop": {} } }),
            strips.clone(),
            [None, None, None],
        ),
        (
            json!({ "forward": true }),
            json!({ "client_address": "proxy" }),
            [None, None, None],
        ),
        (
            json!({ "forward": true }),
            json!({ "client_address": { "filter_state": "client" } }),
            [
                None,
                Some("client_address.filter_state"),
                Some("client_address.filter_state"),
            ],
        ),
        (
            json!({ "forward": true }),
            json!({ "paths": { "slashes": "merge" } }),
            [None, Some("paths.slashes"), Some("paths.slashes")],
        ),
        (
            json!({ "forward": true }),
            json!({ "paths": { "trailing_slash": "strip" } }),
            [
                None,
                Some("paths.trailing_slash"),
                Some("paths.trailing_slash"),
            ],
        ),
        (
            json!({ "forward": true }),
            json!({ "paths": { "encoded_slashes": "decode" } }),
            [
                None,
                Some("paths.encoded_slashes"),
                Some("paths.encoded_slashes"),
            ],
        ),
        (
            json!({ "forward": true }),
            json!({ "paths": { "override_headers": "remove" } }),
            [None, Some("paths.override_headers"), None],
        ),
        (
            json!({ "forward": true }),
            json!({ "paths": { "override_headers": "trust", "front_controllers": ["/x"], "bytes": "same_rule" } }),
            [None, None, None],
        ),
    ];
    for (provider, more, wants) in rows {
        for (host, want) in HOSTS.into_iter().zip(wants) {
            let got = on(host, &config(&provider, &more)).err();
            let place = got.as_ref().and_then(|error| error.split(':').next());
            assert_eq!(place, want, "{host:?} {provider} {more}: {got:?}");
        }
    }
}

#[test]
fn variables_are_no_ones_else() {
    for (prefix, good) in [
        ("auth_filter_", true),
        ("kong_auth_", true),
        ("auth", false),
        ("http_x_", false),
        ("Auth_", false),
        ("_", false),
        ("", false),
        ("a b_", false),
    ] {
        let nginx = json!({ "nginx": { "strips_headers": true, "variables": prefix } });
        let got = on(HostName::Nginx, &config(&json!({}), &nginx));
        assert_eq!(got.is_ok(), good, "{prefix:?} {:?}", got.err());
    }
}

#[test]
fn a_header_that_nobody_takes_out_refuses_its_request() {
    let strips = |strips| json!({ "nginx": { "strips_headers": strips } });
    let forward = json!({ "forward": true });
    for (host, strips, dashes, underscores) in [
        (HostName::Envoy, strips(false), false, false),
        (HostName::Apisix, strips(false), false, false),
        (HostName::Nginx, strips(false), true, true),
        (HostName::Nginx, strips(true), true, true),
    ] {
        let policy = on(host, &config(&forward, &strips)).unwrap();
        for (name, want) in [
            ("X-Auth-User-Id", dashes),
            ("x-auth-groups", dashes),
            ("X_Auth_User_Id", underscores),
            ("x-auth", false),
            ("authorization", false),
        ] {
            let head = Headers::from_pairs(&[(name, "root")]);
            assert_eq!(
                policy.refuses_headers_of(&head),
                want,
                "{host:?} {strips} {name}"
            );
        }
    }
}

#[test]
fn what_is_worse_on_a_host_is_said() {
    let policy = on(HostName::Apisix, &config(&json!({}), &json!({}))).unwrap();
    assert!(
        policy
            .warnings
            .iter()
            .any(|warning| warning.what.contains("no timer"))
    );
    let policy = on(HostName::Envoy, &config(&json!({}), &json!({}))).unwrap();
    assert!(policy.warnings.is_empty(), "{:?}", policy.warnings);
}

#[test]
fn callouts_are_as_many_as_the_host_needs_unless_the_configuration_says_how_many() {
    let forward = json!({ "forward": true });
    for (host, want) in HOSTS.into_iter().zip([64, 256, 256]) {
        let policy = on(host, &config(&forward, &json!({}))).unwrap();
        assert_eq!(policy.limits.callouts, want, "{host:?}");
        let limits = json!({ "limits": { "callouts": 64 } });
        let policy = on(host, &config(&forward, &limits)).unwrap();
        assert_eq!(policy.limits.callouts, 64, "{host:?}");
    }
}
