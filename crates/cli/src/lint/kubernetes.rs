//! The filter in objects of Kubernetes: `WasmPlugin` of Istio and Higress, `EnvoyExtensionPolicy` of Envoy Gateway.

use super::{Embedded, Findings, Host, Weight};
use serde_json::Value;

/// Looks through one object, or a list of them.
pub(super) fn lint(object: &Value, findings: &mut Findings) {
    if object.get("kind").and_then(Value::as_str) == Some("List") {
        let items = object.get("items").and_then(Value::as_array);
        return items
            .into_iter()
            .flatten()
            .for_each(|item| lint(item, findings));
    }
    let Some(spec) = object.get("spec") else {
        return;
    };
    match object.get("kind").and_then(Value::as_str) {
        Some("WasmPlugin") => {
            // Higress has its own, whose filters fail closed or open.
            let version = object.get("apiVersion").and_then(Value::as_str);
            let reloads = !version.is_some_and(|version| version.contains("higress"));
            wasm_plugin(spec, reloads, findings);
        }
        Some("EnvoyExtensionPolicy") => {
            let plugins = spec.get("wasm").and_then(Value::as_array);
            for (at, plugin) in plugins.into_iter().flatten().enumerate() {
                extension(&format!("spec.wasm[{at}]"), plugin, findings);
            }
        }
        _ => {}
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// Whether this is the filter's configuration.
fn is_own(configuration: &Value) -> bool {
    configuration.get("rules").is_some()
}

fn embed(place: String, configuration: &Value, findings: &mut Findings) {
    findings.configurations.push(Embedded {
        place,
        text: configuration.to_string(),
        host: Host::Envoy,
    });
}

fn wasm_plugin(spec: &Value, reloads: bool, findings: &mut Findings) {
    let keys = ["pluginConfig", "defaultConfig"];
    let held = keys.iter().find_map(|key| Some((key, spec.get(*key)?)));
    let Some((key, configuration)) = held.filter(|(_, held)| is_own(held)) else {
        return;
    };
    embed(format!("spec.{key}"), configuration, findings);
    let rules = spec.get("matchRules").and_then(Value::as_array);
    let off = |value: &Value, key: &str| value.get(key).and_then(Value::as_bool) == Some(true);
    for (at, rule) in rules.into_iter().flatten().enumerate() {
        if off(rule, "configDisable") {
            findings.add(
                Weight::Error,
                format!("spec.matchRules[{at}].configDisable"),
                "what this matches goes past the filter; a rule `public` opens a path and strips what clients made up",
            );
        }
    }
    if off(spec, "defaultConfigDisable") {
        findings.add(
            Weight::Error,
            "spec.defaultConfigDisable",
            "everything goes past the filter that no rule here matches",
        );
    }
    match text(spec, "failStrategy") {
        Some("FAIL_RELOAD") => {}
        Some("FAIL_OPEN") => findings.add(
            Weight::Error,
            "spec.failStrategy",
            "when the filter fails, everything passes unchecked; write FAIL_RELOAD",
        ),
        _ if !reloads => {}
        _ => findings.add(
            Weight::Warning,
            "spec.failStrategy",
            "when the filter fails once, its worker refuses everything until the proxy restarts (FAIL_CLOSE, the default); write FAIL_RELOAD",
        ),
    }
    if text(spec, "phase") != Some("AUTHN") {
        findings.add(
            Weight::Warning,
            "spec.phase",
            "Istio's own authentication and authorization come before the filter, and read headers that clients made up; write AUTHN",
        );
    }
}

fn extension(place: &str, plugin: &Value, findings: &mut Findings) {
    let Some(configuration) = plugin.get("config").filter(|held| is_own(held)) else {
        return;
    };
    embed(format!("{place}.config"), configuration, findings);
    if plugin.get("failOpen").and_then(Value::as_bool) == Some(true) {
        findings.add(
            Weight::Error,
            format!("{place}.failOpen"),
            "when the filter fails, everything passes unchecked; leave it out",
        );
    }
}
