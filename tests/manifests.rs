//! The manifests of `envoy-example`: each configuration in them compiles, and what they say to the platform is by its definitions.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken assumption of a test should stop it"
)]

use auth_filter::capabilities::Capabilities;
use auth_filter::config::Config;
use auth_filter::policy::Policy;
use lab::tools::workspace;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::process::Stdio;

/// Every manifest, with where the filter's configurations are in a document of it.
const MANIFESTS: &[(&str, &[&str])] = &[
    (
        "apisix/apisix.yaml",
        &["/routes/0/plugins/auth_filter/conf"],
    ),
    ("apisix/config.yaml", &[]),
    ("envoy-gateway/gateway.yaml", &["/spec/wasm/0/config"]),
    ("higress/wasmplugin.yaml", &["/spec/defaultConfig"]),
    ("istio/gateway.yaml", &["/spec/pluginConfig"]),
    ("istio/sidecar.yaml", &["/spec/pluginConfig"]),
    (
        "kong/kong.yml",
        &["/services/0/filter_chains/0/filters/0/config"],
    ),
    (
        "remote-module.yaml",
        &["/http_filters/0/typed_config/config/configuration/value"],
    ),
];

fn folder() -> std::path::PathBuf {
    workspace().join("envoy-example")
}

fn documents(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn configurations(name: &str, places: &[&str]) -> Vec<Value> {
    let documents = documents(name);
    let held = places.iter().flat_map(|place| {
        documents
            .iter()
            .filter_map(|document| document.pointer(place))
    });
    held.cloned().collect()
}

/// The one document of this kind.
fn of_kind(documents: &[Value], kind: &str) -> Value {
    let mut all = documents.iter().filter(|document| document["kind"] == kind);
    let found = all.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(all.next().is_none(), "two {kind}");
    found.clone()
}

#[test]
fn each_manifest_is_listed_here() {
    let mut names: Vec<String> = Vec::new();
    let mut folders = vec![folder()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|end| end == "yaml" || end == "yml")
            {
                names.push(path.strip_prefix(folder()).unwrap().display().to_string());
            }
        }
    }
    // These two are what the demonstration runs, and are tested with it.
    names.retain(|name| name != "envoy.yaml" && name != "compose.yaml");
    names.sort_unstable();
    let listed: Vec<&str> = MANIFESTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, listed);
}

#[test]
fn each_configuration_in_a_manifest_compiles_without_a_warning() {
    for (name, places) in MANIFESTS {
        let configurations = configurations(name, places);
        assert_eq!(configurations.len(), places.len(), "{name}");
        for configuration in configurations {
            let config = Config::parse(configuration.to_string().as_bytes());
            let policy = config.and_then(|mut config| {
                config.stand_in_for_environment();
                Policy::compile(&config, &Capabilities::envoy())
            });
            let policy = policy.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(policy.warnings.is_empty(), "{name}: {:?}", policy.warnings);
        }
    }
}

/// The variables that a configuration calls by name.
fn variables(configuration: &Value, found: &mut Vec<String>) {
    match configuration {
        Value::Object(members) => match members.get("env") {
            Some(Value::String(name)) if members.len() == 1 => found.push(name.clone()),
            _ => members.values().for_each(|value| variables(value, found)),
        },
        Value::Array(items) => items.iter().for_each(|item| variables(item, found)),
        _ => {}
    }
}

#[test]
fn istio_hands_each_variable_on_that_a_configuration_calls_by_name() {
    for name in ["istio/gateway.yaml", "istio/sidecar.yaml"] {
        let plugin = of_kind(&documents(name), "WasmPlugin");
        let mut called = Vec::new();
        variables(&plugin["spec"]["pluginConfig"], &mut called);
        let handed = plugin["spec"]["vmConfig"]["env"].as_array().unwrap();
        let handed: Vec<&Value> = handed.iter().collect();
        let wanted: Vec<Value> = called
            .iter()
            .map(|name| json!({ "name": name, "valueFrom": "HOST" }))
            .collect();
        assert!(
            !wanted.is_empty() && handed == wanted.iter().collect::<Vec<_>>(),
            "{name}"
        );
    }
}

#[test]
fn every_platform_fails_closed_and_pins_the_module() {
    let digest = "0".repeat(64);
    // Higress knows no strategy that refuses and makes the VM again.
    for (name, strategy) in [
        ("istio/gateway.yaml", "FAIL_RELOAD"),
        ("istio/sidecar.yaml", "FAIL_RELOAD"),
        ("higress/wasmplugin.yaml", "FAIL_CLOSE"),
    ] {
        let plugin = of_kind(&documents(name), "WasmPlugin");
        let spec = &plugin["spec"];
        assert_eq!(
            (&spec["failStrategy"], &spec["phase"]),
            (&json!(strategy), &json!("AUTHN")),
            "{name}"
        );
        assert_eq!(
            spec["url"],
            format!("oci://registry.example/auth-filter@sha256:{digest}"),
            "{name}"
        );
    }
    let extension = of_kind(
        &documents("envoy-gateway/gateway.yaml"),
        "EnvoyExtensionPolicy",
    );
    let wasm = &extension["spec"]["wasm"][0];
    assert_eq!(wasm["failOpen"], false);
    assert_eq!(
        wasm["code"]["image"]["url"],
        format!("registry.example/auth-filter@sha256:{digest}")
    );
    let config = &documents("remote-module.yaml")[0]["http_filters"][0]["typed_config"]["config"];
    assert_eq!(config["failure_policy"], "FAIL_RELOAD");
    let envoy = fs::read_to_string(folder().join("envoy.yaml")).unwrap();
    assert!(envoy.contains("failure_policy: FAIL_RELOAD"));
    assert_eq!(config["vm_config"]["code"]["remote"]["sha256"], digest);
}

#[test]
fn the_callout_goes_where_the_manifest_leads_and_trusts_the_issuer_only() {
    let upstream = |configuration: &Value| {
        configuration["providers"]["users"]["jwks"]["upstream"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for name in ["istio/gateway.yaml", "istio/sidecar.yaml"] {
        let documents = documents(name);
        let plugin = of_kind(&documents, "WasmPlugin");
        let entry = of_kind(&documents, "ServiceEntry");
        let rule = of_kind(&documents, "DestinationRule");
        let (host, port) = (
            entry["spec"]["hosts"][0].as_str().unwrap(),
            &entry["spec"]["ports"][0]["number"],
        );
        assert_eq!(
            upstream(&plugin["spec"]["pluginConfig"]),
            format!("outbound|{port}||{host}")
        );
        let tls = &rule["spec"]["trafficPolicy"]["tls"];
        assert_eq!(rule["spec"]["host"], host);
        assert_eq!(
            (&tls["mode"], &tls["sni"], &tls["subjectAltNames"]),
            (&json!("SIMPLE"), &json!(host), &json!([host]))
        );
        assert!(tls["caCertificates"].is_string());
        for document in [&plugin, &entry, &rule] {
            assert_eq!(
                document["metadata"]["namespace"], plugin["metadata"]["namespace"],
                "{name}"
            );
        }
    }
    let documents = documents("envoy-gateway/gateway.yaml");
    let extension = of_kind(&documents, "EnvoyExtensionPolicy");
    let route = of_kind(&documents, "HTTPRoute");
    let named = format!(
        "httproute/{}/{}/rule/0",
        route["metadata"]["namespace"].as_str().unwrap(),
        route["metadata"]["name"].as_str().unwrap()
    );
    let configuration = &extension["spec"]["wasm"][0]["config"];
    assert_eq!(upstream(configuration), named);
    assert_eq!(
        configuration["rules"][0],
        json!({ "name": "issuer", "match": { "hosts": route["spec"]["hostnames"] }, "require": "deny" })
    );
    let backend = of_kind(&documents, "Backend");
    let policy = of_kind(&documents, "BackendTLSPolicy");
    assert_eq!(
        policy["spec"]["targetRefs"][0]["name"],
        backend["metadata"]["name"]
    );
    assert_eq!(
        policy["spec"]["validation"]["hostname"],
        backend["spec"]["endpoints"][0]["fqdn"]["hostname"]
    );
    let higress = of_kind(&self::documents("higress/wasmplugin.yaml"), "McpBridge");
    let registry = &higress["spec"]["registries"][0];
    let plugin = of_kind(&self::documents("higress/wasmplugin.yaml"), "WasmPlugin");
    assert_eq!(
        upstream(&plugin["spec"]["defaultConfig"]),
        format!(
            "outbound|{}||{}.dns",
            registry["port"],
            registry["name"].as_str().unwrap()
        )
    );
    let kong = fs::read_to_string(folder().join("kong/kong.conf")).unwrap();
    for line in [
        "wasm = on",
        "nginx_wasm_shm_kv = 12m",
        "nginx_wasm_tls_verify_cert = on",
        "nginx_wasm_tls_verify_host = on",
    ] {
        assert!(kong.lines().any(|held| held == line), "{line}");
    }
}

/// Kong holds a configuration against the schema beside the module before the filter sees it.
#[test]
fn kongs_metadata_takes_the_configuration() {
    let text = fs::read_to_string(folder().join("kong/auth_filter.meta.json")).unwrap();
    let meta: Value = serde_json::from_str(&text).unwrap();
    let schema = &meta["config_schema"];
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-04/schema#");
    let (name, places) = MANIFESTS[6];
    assert_eq!(name, "kong/kong.yml");
    let configuration = &configurations(name, places)[0];
    for required in schema["required"].as_array().unwrap() {
        assert!(
            configuration.get(required.as_str().unwrap()).is_some(),
            "{required}"
        );
    }
    for (key, known) in schema["properties"].as_object().unwrap() {
        let is_it = match known["type"].as_str().unwrap() {
            "array" => configuration[key].is_array(),
            _ => configuration[key].is_object(),
        };
        assert!(is_it, "{key}");
    }
}

/// What the definitions of Istio and of the Gateway API say to each of these.
fn problems(resources: &[Value]) -> Vec<Vec<String>> {
    let folder = lab::npm::installed("crds").unwrap();
    let mut command = lab::tools::node().unwrap().node();
    command
        .arg("validate.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process
        .stdin
        .take()
        .unwrap()
        .write_all(json!(resources).to_string().as_bytes())
        .unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn manifests_are_by_the_definitions_of_their_kinds() {
    let defined = [
        "extensions.istio.io/",
        "networking.istio.io/",
        "gateway.networking.k8s.io/",
    ];
    let is_defined = |resource: &Value| {
        defined
            .iter()
            .any(|group| resource["apiVersion"].as_str().unwrap().starts_with(group))
    };
    let names = [
        "istio/gateway.yaml",
        "istio/sidecar.yaml",
        "envoy-gateway/gateway.yaml",
    ];
    let resources: Vec<Value> = names
        .iter()
        .flat_map(|name| documents(name))
        .filter(is_defined)
        .collect();
    let kinds: Vec<&str> = resources
        .iter()
        .map(|resource| resource["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "WasmPlugin",
            "ServiceEntry",
            "DestinationRule",
            "WasmPlugin",
            "ServiceEntry",
            "DestinationRule",
            "Sidecar",
            "HTTPRoute",
            "BackendTLSPolicy"
        ]
    );
    // The definitions do refuse.
    let mut wrong = resources[0].clone();
    wrong["spec"]["phase"] = json!("AUTHX");
    wrong["spec"]["failStategy"] = json!("FAIL_CLOSE");
    let mut all = resources;
    all.push(wrong);
    let mut problems = problems(&all);
    let refused = problems.pop().unwrap();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert_eq!(refused[1], "WasmPlugin.spec.failStategy is unknown");
    for (resource, problems) in all.iter().zip(problems) {
        assert!(
            problems.is_empty(),
            "{} {}: {problems:?}",
            resource["kind"],
            resource["metadata"]["name"]
        );
    }
}

#[test]
fn the_policies_that_are_migrated_are_by_their_definitions_too() {
    let folder = workspace().join("crates/cli/src/migrate/examples");
    let resources: Vec<Value> = ["istio-paths.yaml", "istio-require-jwt.yaml"]
        .iter()
        .flat_map(|name| {
            serde_saphyr::from_multiple::<Value>(&fs::read_to_string(folder.join(name)).unwrap())
                .unwrap()
        })
        .collect();
    for (resource, problems) in resources.iter().zip(problems(&resources)) {
        assert!(
            problems.is_empty(),
            "{} {}: {problems:?}",
            resource["kind"],
            resource["metadata"]["name"]
        );
    }
}
