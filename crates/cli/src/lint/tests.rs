use super::*;
use crate::repository;
use serde_json::json;
use std::fs;

/// The file to copy.
fn copied() -> String {
    fs::read_to_string(repository().join("envoy-example/envoy.yaml")).unwrap()
}

fn found(name: &str, text: &str) -> Vec<String> {
    let findings = read(name, text).unwrap().unwrap().findings;
    findings.iter().map(ToString::to_string).collect()
}

/// The file to copy, with this in the place of that, and what is found that was not before.
fn changed(from: &str, to: &str) -> Vec<String> {
    let text = copied();
    assert!(text.contains(from), "{from}");
    found("envoy.yaml", &text.replacen(from, to, 1))
}

fn starts(found: &[String], wanted: &[&str]) {
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.starts_with(wanted), "{found}\n{wanted}");
    }
}

const FILTERS: &str = "                http_filters:\n";
const ROUTER: &str = "                  - name: envoy.filters.http.router\n";
const ROUTE: &str = "                          route: { cluster: upstream }\n";
const MANAGER: &str = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config";

fn filter(kind: &str) -> String {
    format!(
        "                  - name: x\n                    typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.{kind}.v3.X }}\n"
    )
}

#[test]
fn the_file_to_copy_has_nothing_to_say_of_and_one_configuration() {
    let read = read("envoy.yaml", &copied()).unwrap().unwrap();
    assert_eq!(read.findings, []);
    assert_eq!(read.configurations.len(), 1);
    assert!(read.configurations[0].text.contains("\"rules\""));
}

#[test]
fn filters_before_and_behind_are_told_by_what_they_do() {
    let before = |kind: &str| changed(FILTERS, &format!("{FILTERS}{}", filter(kind)));
    let behind = |kind: &str| changed(ROUTER, &format!("{}{ROUTER}", filter(kind)));
    for kind in ["cors", "grpc_json_transcoder", "local_ratelimit"] {
        assert_eq!(before(kind), Vec::<String>::new(), "{kind}");
    }
    let place = format!("{MANAGER}.http_filters[0]: ");
    for (kind, word) in [
        ("jwt_authn", "acts on identity"),
        ("lua", "stands before the filter"),
        ("never_heard_of", "stands before the filter"),
    ] {
        let found = before(kind);
        starts(&found, &[&format!("warning: {place}{kind}")]);
        assert!(found[0].contains(word), "{found:?}");
    }
    let place = format!("{MANAGER}.http_filters[1]: ");
    starts(
        &behind("grpc_json_transcoder"),
        &[&format!("error: {place}grpc_json_transcoder")],
    );
    starts(&behind("lua"), &[&format!("warning: {place}lua")]);
    for kind in ["rbac", "ratelimit", "cors"] {
        assert_eq!(behind(kind), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn what_becomes_of_requests_when_the_filter_fails() {
    let policy = "failure_policy: FAIL_RELOAD";
    let place = format!("{MANAGER}.http_filters[0].typed_config.config");
    for (to, wanted) in [
        (
            "failure_policy: FAIL_OPEN",
            format!("error: {place}.failure_policy"),
        ),
        (
            "failure_policy: FAIL_CLOSED",
            format!("warning: {place}.failure_policy"),
        ),
        ("root_id: x", format!("warning: {place}.failure_policy")),
        ("fail_open: true", format!("error: {place}.fail_open")),
    ] {
        starts(&changed(policy, to), &[&wanted]);
    }
}

#[test]
fn routes_and_chains_without_the_filter() {
    let off = |more: &str| {
        format!(
            "{ROUTE}                          typed_per_filter_config:\n                            auth_filter: {{ \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true }}\n{more}"
        )
    };
    let place = format!("{MANAGER}.route_config.virtual_hosts[0].routes[0]");
    let own = format!("{place}.typed_per_filter_config.auth_filter");
    starts(&changed(ROUTE, &off("")), &[&format!("error: {own}")]);
    let strips = off("                          request_headers_to_remove: [x-auth-user-id]\n");
    starts(&changed(ROUTE, &strips), &[&format!("warning: {own}")]);
    for key in [
        "internal_redirect_policy: {}",
        "request_mirror_policies: [{ cluster: shadow }]",
        "prefix_rewrite: /admin",
        "host_rewrite_literal: admin.example",
    ] {
        let route = format!("                          route: {{ cluster: upstream, {key} }}\n");
        let name = key.split(':').next().unwrap();
        starts(
            &changed(ROUTE, &route),
            &[&format!("warning: {place}.route.{name}")],
        );
    }
    let header = "                          route: { cluster_header: x-cluster }\n";
    starts(
        &changed(ROUTE, header),
        &[&format!("warning: {place}.route.cluster_header")],
    );

    let mut two: Value = serde_saphyr::from_str(&copied()).unwrap();
    let listeners = two
        .pointer_mut("/static_resources/listeners")
        .unwrap()
        .as_array_mut()
        .unwrap();
    let mut other = listeners[0].clone();
    let filters = other
        .pointer_mut("/filter_chains/0/filters/0/typed_config/http_filters")
        .unwrap();
    filters.as_array_mut().unwrap().remove(0);
    listeners.push(other);
    starts(
        &found("envoy.json", &two.to_string()),
        &[
            "error: static_resources.listeners[1].filter_chains[0].filters[0].typed_config.http_filters: this chain does not have",
        ],
    );
}

#[test]
fn what_clients_say_of_themselves() {
    let remote = "use_remote_address: true";
    // Nothing of this configuration goes by the address.
    assert_eq!(
        changed(remote, "xff_num_trusted_hops: 0"),
        Vec::<String>::new()
    );
    let text = copied()
        .replacen(remote, "xff_num_trusted_hops: 0", 1)
        .replacen("                            rules:\n", "                            client_address: proxy\n                            rules:\n", 1);
    starts(
        &found("envoy.yaml", &text),
        &[&format!("error: {MANAGER}.use_remote_address")],
    );
    starts(
        &changed("address: 127.0.0.1", "address: 0.0.0.0"),
        &["warning: admin.address.socket_address.address: others than this machine reach 0.0.0.0"],
    );
    let clusters = "  clusters:\n";
    let untrusted = format!(
        "  secrets:\n    - validation_context: {{ trust_chain_verification: ACCEPT_UNTRUSTED }}\n{clusters}"
    );
    starts(
        &changed(clusters, &untrusted),
        &["error: static_resources.secrets[0].validation_context.trust_chain_verification"],
    );
}

#[test]
fn a_configuration_of_the_filter_is_no_proxys_file() {
    let own = repository().join("filter-config/quickstart.json");
    assert_eq!(
        read("quickstart.json", &fs::read_to_string(own).unwrap()),
        Ok(None)
    );
    assert!(read("x.yaml", "a: [").unwrap_err().starts_with("x.yaml: "));
    assert!(
        read("x.conf", "a {")
            .unwrap_err()
            .starts_with("x.conf: line 1")
    );
    assert_eq!(
        read("other.yaml", "a: 1").unwrap(),
        Some(Findings::default())
    );
}

/// A server in nginx whose first location is guarded.
fn nginx(guarded: &str, others: &str) -> String {
    format!(
        "wasm {{ module gate /etc/nginx/auth_filter.wasm; }}\nhttp {{ server {{\nlocation /api {{ proxy_wasm gate '{{\"rules\": []}}'; {guarded}\n proxy_pass http://app; }}\n{others}\n}} }}\n"
    )
}

#[test]
fn what_goes_past_a_guarded_location_of_nginx() {
    let alone = |guarded: &str| found("nginx.conf", &nginx(guarded, ""));
    for held in [
        "",
        "proxy_set_header X-A b;",
        "try_files $uri =404;",
        "rewrite ^/a /b break;",
        "mirror off;",
    ] {
        assert_eq!(alone(held), Vec::<String>::new(), "{held}");
    }
    for (held, wanted) in [
        ("return 200 'x';", "warning: line 3: `return`"),
        (
            "if ($x) { return 200; }",
            "error: line 3: `return` in an `if`",
        ),
        (
            "if ($x) { proxy_pass http://y; }",
            "error: line 3: `proxy_pass` in an `if`",
        ),
        ("mirror /copy;", "warning: line 3: `mirror`"),
        ("auth_request /auth;", "warning: line 3: `auth_request`"),
        ("try_files $uri @app;", "warning: line 3: `try_files`"),
        ("error_page 404 = @app;", "warning: line 3: `error_page`"),
        ("rewrite ^/a /b last;", "warning: line 3: `rewrite`"),
        ("rewrite ^/a /b;", "warning: line 3: `rewrite`"),
    ] {
        starts(&alone(held), &[wanted]);
    }
    let leads = "try_files $uri @app;";
    let guarded = "location @app { proxy_wasm gate '{}'; proxy_pass http://app; }";
    assert_eq!(
        found("nginx.conf", &nginx(leads, guarded)),
        Vec::<String>::new()
    );
    starts(
        &found(
            "nginx.conf",
            &nginx(leads, "location @app { proxy_pass http://app; }"),
        ),
        &[
            "warning: line 5: location @app of the same server",
            "warning: line 3: `try_files`",
        ],
    );
    // The others of a server that is guarded are guarded too, unless they have a filter of their own.
    let server = "http { server { proxy_wasm auth_filter '{}'; location / { proxy_pass http://a; }\nlocation /x { proxy_wasm other '{}'; proxy_pass http://a; } } }";
    starts(
        &found("nginx.conf", server),
        &["warning: line 2: location /x"],
    );
}

#[test]
fn headers_and_lengths_of_nginx() {
    let strips = r#"location / { proxy_wasm auth_filter '{"nginx":{"strips_headers":true}}'; proxy_pass http://a; HERE }"#;
    let with = |lines: &str| {
        found(
            "nginx.conf",
            &format!("server {{ {} }}", strips.replace("HERE", lines)),
        )
    };
    assert_eq!(
        with("include auth_filter.location.conf;"),
        Vec::<String>::new()
    );
    assert_eq!(with("").len(), 5);
    assert_eq!(
        with("proxy_set_header Authorization ''; proxy_set_header X-Auth-Groups $g;").len(),
        3
    );
    let long = format!(
        "server {{ location / {{ proxy_wasm auth_filter '{}'; }} }}",
        "x".repeat(4097)
    );
    starts(
        &found("nginx.conf", &long),
        &["error: line 1: a configuration of 4097 bytes"],
    );
    let read = read("nginx.conf", &nginx("", "")).unwrap().unwrap();
    let own = &read.configurations[0];
    assert_eq!(
        (own.text.as_str(), own.host),
        ("{\"rules\": []}", Host::Nginx)
    );
}

#[test]
fn settings_of_kong() {
    let own = repository().join("envoy-example/kong/kong.conf");
    let text = fs::read_to_string(own).unwrap();
    assert_eq!(found("kong.conf", &text), Vec::<String>::new());
    let zone = text.replacen("nginx_wasm_shm_kv = 12m", "nginx_wasm_shm_kv_keys = 12m", 1);
    starts(
        &found("kong.conf", &zone),
        &["error: line ", "warning: nginx_wasm_shm_kv: not set"],
    );
    let open = text.replacen(
        "nginx_wasm_tls_verify_host = on",
        "nginx_wasm_tls_verify_host = off",
        1,
    );
    starts(
        &found("kong.conf", &open),
        &["warning: nginx_wasm_tls_verify_host: not set"],
    );
}

#[test]
fn manifests_are_read_with_their_configurations() {
    for (name, configurations) in [
        ("istio/gateway.yaml", 1),
        ("istio/sidecar.yaml", 1),
        ("higress/wasmplugin.yaml", 1),
        ("envoy-gateway/gateway.yaml", 1),
        ("remote-module.yaml", 1),
    ] {
        let text = fs::read_to_string(repository().join("envoy-example").join(name)).unwrap();
        let read = read(name, &text).unwrap().unwrap();
        assert_eq!(read.findings, [], "{name}");
        assert_eq!(read.configurations.len(), configurations, "{name}");
    }
    let plugin = |lines: &str| {
        found(
            "plugin.yaml",
            &format!("kind: WasmPlugin\nspec:\n  pluginConfig: {{ rules: [] }}\n{lines}"),
        )
    };
    assert_eq!(
        plugin("  phase: AUTHN\n  failStrategy: FAIL_RELOAD\n"),
        Vec::<String>::new()
    );
    starts(&plugin("  phase: AUTHN\n"), &["warning: spec.failStrategy"]);
    starts(
        &plugin("  failStrategy: FAIL_OPEN\n"),
        &["error: spec.failStrategy", "warning: spec.phase"],
    );
    let extension =
        "kind: EnvoyExtensionPolicy\nspec: { wasm: [{ failOpen: true, config: { rules: [] } }] }\n";
    starts(
        &found("extension.yaml", extension),
        &["error: spec.wasm[0].failOpen"],
    );
    // Another's plugin is none of our business.
    assert_eq!(
        found(
            "x.yaml",
            "kind: WasmPlugin\nspec: { pluginConfig: { a: 1 } }"
        ),
        Vec::<String>::new()
    );
}

#[test]
fn chains_in_other_words_and_other_places() {
    let mut document: Value = serde_saphyr::from_str(&copied()).unwrap();
    // Envoy takes its keys in another spelling, too.
    let camel = copied()
        .replace("http_filters:", "httpFilters:")
        .replace("typed_config:", "typedConfig:")
        .replace("failure_policy: FAIL_RELOAD", "failurePolicy: 3");
    let read = read("envoy.yaml", &camel).unwrap().unwrap();
    assert_eq!((read.findings.len(), read.configurations.len()), (1, 1));
    assert!(
        read.findings[0]
            .message
            .contains("everything passes unchecked")
    );

    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let with = |document: &Value, key: &str, value: Value| {
        let mut document = document.clone();
        document.pointer_mut(manager).unwrap()[key] = value;
        found("envoy.json", &document.to_string())
    };
    let upgrades = json!([{ "upgrade_type": "websocket", "filters": [{ "name": "envoy.filters.http.router" }] }]);
    starts(
        &with(&document, "upgrade_configs", upgrades),
        &[&format!("error: {MANAGER}.upgrade_configs[0].filters")],
    );
    let plain = json!([{ "upgrade_type": "websocket" }]);
    assert_eq!(
        with(&document, "upgrade_configs", plain),
        Vec::<String>::new()
    );

    // Listeners that lead nowhere are nobody's way past.
    let listeners = document
        .pointer_mut("/static_resources/listeners")
        .unwrap()
        .as_array_mut()
        .unwrap();
    let mut other = listeners[0].clone();
    let other_manager = other
        .pointer_mut("/filter_chains/0/filters/0/typed_config")
        .unwrap();
    other_manager["http_filters"]
        .as_array_mut()
        .unwrap()
        .remove(0);
    other_manager["route_config"]["virtual_hosts"][0]["routes"][0] = json!({ "match": { "prefix": "/" }, "redirect": { "https_redirect": true, "prefix_rewrite": "/" } });
    listeners.push(other);
    assert_eq!(
        found("envoy.json", &document.to_string()),
        Vec::<String>::new()
    );
    let tunnel = json!({ "filter_chains": [{ "filters": [{ "name": "tcp", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "cluster": "upstream",
    } }] }] });
    document
        .pointer_mut("/static_resources/listeners")
        .unwrap()
        .as_array_mut()
        .unwrap()
        .push(tunnel);
    starts(
        &found("envoy.json", &document.to_string()),
        &["warning: static_resources.listeners[2]"],
    );
}

#[test]
fn nginx_is_read_as_deep_as_it_is_written() {
    let other = "server { location / { proxy_pass http://app; } }";
    let both = format!(
        "http {{ {}\n{other} }}",
        "server { location / { proxy_wasm auth_filter '{}'; proxy_pass http://app; } }"
    );
    starts(
        &found("nginx.conf", &both),
        &["error: line 2: this server goes upstream without the filter"],
    );
    let nested = "server { location / { proxy_wasm auth_filter '{}'; proxy_pass http://a;\nlocation /x { proxy_wasm other '{}'; proxy_pass http://a; } } }";
    starts(
        &found("nginx.conf", nested),
        &["warning: line 2: location /x of the same server"],
    );
    starts(
        &found("nginx.conf", &nginx("if ($x) { rewrite ^ /b last; }", "")),
        &["error: line 3: `rewrite` in an `if`"],
    );
    // All of it is guarded, wherever requests are led.
    let whole = "server { proxy_wasm auth_filter '{}'; location / { try_files $uri /index.php; } location ~ php { fastcgi_pass a; } location = /old { rewrite ^ /new last; } }";
    assert_eq!(found("nginx.conf", whole), Vec::<String>::new());
    // No settings of Kong.
    for line in ["location = /healthz { # liveness", "if ($x = y)\n{"] {
        let text = format!("server {{ proxy_wasm auth_filter '{{}}';\n{line}\n return 200; }} }}");
        let read = read_one("nginx.conf", &text);
        assert_eq!(
            (read.configurations.len(), read.findings.len()),
            (1, 1),
            "{line}"
        );
    }
}

fn read_one(name: &str, text: &str) -> Findings {
    read(name, text).unwrap().unwrap()
}

#[test]
fn rules_of_higress_that_turn_the_filter_off() {
    let plugin = "apiVersion: extensions.higress.io/v1alpha1\nkind: WasmPlugin\nspec:\n  phase: AUTHN\n  defaultConfig: { rules: [] }\n";
    assert_eq!(found("plugin.yaml", plugin), Vec::<String>::new());
    let off = format!(
        "{plugin}  defaultConfigDisable: true\n  matchRules: [{{ domain: [x], configDisable: true }}]\n"
    );
    starts(
        &found("plugin.yaml", &off),
        &[
            "error: spec.matchRules[0].configDisable",
            "error: spec.defaultConfigDisable",
        ],
    );
    let list = "kind: List\nitems: [{ kind: WasmPlugin, spec: { phase: AUTHN, failStrategy: FAIL_OPEN, pluginConfig: { rules: [] } } }]";
    starts(&found("list.yaml", list), &["error: spec.failStrategy"]);
}
