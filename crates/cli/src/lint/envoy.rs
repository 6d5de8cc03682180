//! Filter chains of Envoy.

use super::{Embedded, Findings, Host, Weight};
use serde_json::Value;

/// What the type of an HTTP connection manager ends with.
const MANAGER: &str = ".HttpConnectionManager";
/// What the type of a proxy of bare connections ends with.
const TUNNEL: &str = ".tcp_proxy.v3.TcpProxy";
/// The type of a WebAssembly filter.
const WASM: &str = ".http.wasm.v3.Wasm";

/// Filters that may stand before the filter: they look at no identity, and what they answer is for everybody.
const BEFORE: [&str; 10] = [
    "cors",
    "set_filter_state",
    "connection_limit",
    "local_ratelimit",
    "health_check",
    "grpc_json_transcoder",
    "grpc_web",
    "grpc_http1_bridge",
    "ip_tagging",
    "decompressor",
];

/// Filters that act on identity: before the filter they see what clients made up.
const ON_IDENTITY: [&str; 9] = [
    "jwt_authn",
    "ext_authz",
    "rbac",
    "oauth2",
    "basic_auth",
    "api_key_auth",
    "credential_injector",
    "aws_request_signing",
    "ratelimit",
];

/// Filters that can change path, host or method of a request after it was judged, and how much that weighs.
const CHANGES: [(&str, Weight); 8] = [
    ("grpc_json_transcoder", Weight::Error),
    ("connect_grpc_bridge", Weight::Warning),
    ("grpc_http1_reverse_bridge", Weight::Warning),
    ("lua", Weight::Warning),
    ("ext_proc", Weight::Warning),
    ("header_mutation", Weight::Warning),
    ("golang", Weight::Warning),
    ("wasm", Weight::Warning),
];

/// What the filter's own configurations ask of the chain.
#[derive(Clone, Copy, Default)]
struct Needs {
    /// They count or rule by the client's address.
    address: bool,
}

/// Looks through one document.
pub(super) fn lint(document: &Value, findings: &mut Findings) {
    let document = &snake(document);
    let (mut managers, mut plugins, mut tunnels) = (Vec::new(), Vec::new(), Vec::new());
    walk(document, &mut String::new(), &mut |place, value| {
        let kind = type_of(value);
        if kind.ends_with(MANAGER) {
            managers.push((place.to_owned(), value.clone()));
        }
        if kind.ends_with(TUNNEL) {
            tunnels.push(place.to_owned());
        }
        if is_own(value) {
            plugins.push((place.to_owned(), value.clone()));
        }
        if value
            .get("trust_chain_verification")
            .and_then(Value::as_str)
            == Some("ACCEPT_UNTRUSTED")
        {
            findings.add(
                Weight::Error,
                format!("{place}.trust_chain_verification"),
                "certificates that nobody has signed count as shown: a rule about certificates lets anybody pass; write VERIFY_TRUST_CHAIN",
            );
        }
    });
    admin(document, findings);
    let mut needs = Needs::default();
    for (place, filter) in &plugins {
        if let Some(plugin) = plugin(filter) {
            let own = settings(place, plugin, findings);
            needs.address |= own.address;
        }
    }
    let guarded = managers.iter().any(|(_, manager)| own(manager).is_some());
    for (place, manager) in &managers {
        match own(manager) {
            Some(at) => chain(place, manager, (at, needs), findings),
            None if guarded => unguarded(place, manager, findings),
            None => {}
        }
    }
    if guarded {
        for place in tunnels {
            findings.add(
                Weight::Warning,
                place,
                "connections are handed on here without a look at their requests: see that they reach nothing that the filter guards",
            );
        }
    }
}

/// A chain beside others that have the filter.
fn unguarded(place: &str, manager: &Value, findings: &mut Findings) {
    let place = format!("{place}.http_filters");
    let inherits = filters(manager)
        .iter()
        .any(|filter| filter.get("config_discovery").is_some());
    let mut leads = manager.get("rds").is_some() || manager.get("scoped_routes").is_some();
    walk(manager, &mut String::new(), &mut |_, value| {
        leads |= value.get("route").is_some();
    });
    if inherits {
        findings.add(
            Weight::Warning,
            place,
            "a filter of this chain comes by config_discovery: see that it is this one",
        );
    } else if leads {
        findings.add(
            Weight::Error,
            place,
            "this chain does not have the filter, and others have it: what listens here goes past it; add it, or let nobody but yourself reach this port",
        );
    }
}

/// The same document with every key as Envoy's own examples write it: it takes `httpFilters` too. What a plugin's
/// configuration holds is not Envoy's.
fn snake(value: &Value) -> Value {
    let is_ours = |name: &str| matches!(name, "configuration" | "pluginConfig" | "defaultConfig");
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| {
                let member = if is_ours(name) {
                    member.clone()
                } else {
                    snake(member)
                };
                (snake_word(name), member)
            })
            .collect(),
        Value::Array(items) => items.iter().map(snake).collect(),
        other => other.clone(),
    }
}

fn snake_word(name: &str) -> String {
    // Names of clusters and filters are no keys that Envoy has two spellings of.
    if !name.starts_with(|first: char| first.is_ascii_lowercase())
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return name.to_owned();
    }
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// Calls for every object, with its place.
pub(super) fn walk(value: &Value, place: &mut String, view: &mut impl FnMut(&str, &Value)) {
    let length = place.len();
    match value {
        Value::Object(members) => {
            view(place, value);
            for (name, member) in members {
                if !place.is_empty() {
                    place.push('.');
                }
                place.push_str(name);
                walk(member, place, view);
                place.truncate(length);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                place.push_str(&format!("[{at}]"));
                walk(item, place, view);
                place.truncate(length);
            }
        }
        _ => {}
    }
}

fn type_of(value: &Value) -> &str {
    value
        .get("@type")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn filters(manager: &Value) -> &[Value] {
    let filters = manager.get("http_filters").and_then(Value::as_array);
    filters.map(Vec::as_slice).unwrap_or_default()
}

/// Where the filter stands in a chain.
fn own(manager: &Value) -> Option<usize> {
    filters(manager).iter().position(is_own)
}

/// Whether a filter of a chain is this one: a WebAssembly filter with this project's module or configuration.
fn is_own(filter: &Value) -> bool {
    let Some(plugin) = plugin(filter) else {
        return false;
    };
    let code = plugin.pointer("/vm_config/code").map(Value::to_string);
    code.is_some_and(|code| code.contains("auth_filter"))
        || configuration(plugin).is_some_and(|text| text.contains("\"rules\""))
}

/// The plugin of a WebAssembly filter.
fn plugin(filter: &Value) -> Option<&Value> {
    let typed = filter.get("typed_config")?;
    type_of(typed)
        .ends_with(WASM)
        .then(|| typed.get("config"))?
}

/// The text of a plugin's configuration, however it is wrapped.
fn configuration(plugin: &Value) -> Option<String> {
    let configuration = plugin.get("configuration")?;
    match configuration.get("value").unwrap_or(configuration) {
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}

/// What a filter is, by the last part of its name or of its type.
fn kind(filter: &Value) -> String {
    let typed = filter.get("typed_config").map(type_of).unwrap_or_default();
    let by_type = typed.rsplit_once(".http.").map(|(_, rest)| rest);
    let kind = by_type.and_then(|rest| rest.split('.').next());
    let name = || {
        filter
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    kind.unwrap_or_else(|| name().rsplit('.').next().unwrap_or_default())
        .to_owned()
}

/// Looks at a chain in which the filter stands at this place.
fn chain(place: &str, manager: &Value, (at, needs): (usize, Needs), findings: &mut Findings) {
    let filters = filters(manager);
    let name_of = |filter: &Value| {
        filter
            .get("name")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let own = filters.get(at).unwrap_or(&Value::Null);
    let here = format!("{place}.http_filters[{at}]");
    if own.get("disabled").and_then(Value::as_bool) == Some(true) {
        findings.add(
            Weight::Error,
            format!("{here}.disabled"),
            "routes that do not enable the filter go past it; leave this out",
        );
    }
    upgrades(place, manager, findings);
    for (index, filter) in filters.iter().enumerate() {
        let kind = kind(filter);
        let place = format!("{place}.http_filters[{index}]");
        if index < at {
            before(&place, &kind, findings);
        } else if index > at {
            behind(&place, &kind, findings);
        }
    }
    addresses(place, manager, needs, findings);
    let own_name = name_of(own).unwrap_or_default();
    let routes = manager.get("route_config").unwrap_or(&Value::Null);
    walk(
        routes,
        &mut format!("{place}.route_config"),
        &mut |place, value| {
            route(place, value, &own_name, findings);
        },
    );
}

/// An upgrade may have a chain of its own.
fn upgrades(place: &str, manager: &Value, findings: &mut Findings) {
    let upgrades = manager.get("upgrade_configs").and_then(Value::as_array);
    for (index, upgrade) in upgrades.into_iter().flatten().enumerate() {
        let Some(filters) = upgrade.get("filters").and_then(Value::as_array) else {
            continue;
        };
        if !filters.is_empty() && !filters.iter().any(is_own) {
            findings.add(
                Weight::Error,
                format!("{place}.upgrade_configs[{index}].filters"),
                "upgrades have this chain instead, and the filter is not in it: leave `filters` out, or add it",
            );
        }
    }
}

/// Looks at the plugin's settings, and takes its configuration along.
fn settings(place: &str, plugin: &Value, findings: &mut Findings) -> Needs {
    let place = format!("{place}.typed_config.config");
    // By name or by number.
    let policy = plugin
        .get("failure_policy")
        .map(|policy| match policy.as_u64() {
            Some(1) => "FAIL_RELOAD",
            Some(3) => "FAIL_OPEN",
            _ => policy.as_str().unwrap_or_default(),
        });
    let opens = plugin.get("fail_open").and_then(Value::as_bool) == Some(true);
    match policy {
        _ if opens => findings.add(
            Weight::Error,
            format!("{place}.fail_open"),
            "when the filter fails, everything passes unchecked; write failure_policy: FAIL_RELOAD",
        ),
        Some("FAIL_RELOAD") => {}
        Some("FAIL_OPEN") => findings.add(
            Weight::Error,
            format!("{place}.failure_policy"),
            "when the filter fails, everything passes unchecked; write FAIL_RELOAD",
        ),
        _ => findings.add(
            Weight::Warning,
            format!("{place}.failure_policy"),
            "when the filter fails once, its worker refuses everything until Envoy restarts (FAIL_CLOSED, the default); write FAIL_RELOAD",
        ),
    }
    let Some(text) = configuration(plugin) else {
        return Needs::default();
    };
    let parsed: Value = serde_json::from_str(&text).unwrap_or_default();
    let by_proxy = match parsed.get("client_address") {
        None => false,
        Some(address) => address.as_str() != Some("none") && address.get("filter_state").is_none(),
    };
    findings.configurations.push(Embedded {
        place: format!("{place}.configuration"),
        text,
        host: Host::Envoy,
    });
    Needs { address: by_proxy }
}

fn before(place: &str, kind: &str, findings: &mut Findings) {
    if BEFORE.contains(&kind) {
        return;
    }
    let message = if ON_IDENTITY.contains(&kind) {
        format!(
            "{kind} stands before the filter and acts on identity: it reads headers that clients made up; put it behind"
        )
    } else {
        format!(
            "{kind} stands before the filter: it sees requests that are refused later, and what it answers or changes nobody has judged"
        )
    };
    findings.add(Weight::Warning, place, message);
}

fn behind(place: &str, kind: &str, findings: &mut Findings) {
    let Some((_, weight)) = CHANGES.iter().find(|(name, _)| *name == kind) else {
        return;
    };
    let message = match weight {
        Weight::Error => format!(
            "{kind} stands behind the filter and gives requests another path, past the rule of that path; put it before"
        ),
        Weight::Warning => format!(
            "{kind} stands behind the filter: if it changes path, host or method, requests go past the rule of what they become"
        ),
    };
    findings.add(*weight, place, message);
}

/// The client's address is what the configuration counts by, or is for the logs only.
fn addresses(place: &str, manager: &Value, needs: Needs, findings: &mut Findings) {
    if needs.address && manager.get("original_ip_detection_extensions").is_some() {
        findings.add(
            Weight::Warning,
            format!("{place}.original_ip_detection_extensions"),
            "the configuration goes by the address that this finds: see that clients cannot write what it reads",
        );
        return;
    }
    let trusted = manager.get("use_remote_address").and_then(Value::as_bool) == Some(true);
    if !trusted && needs.address {
        findings.add(
            Weight::Error,
            format!("{place}.use_remote_address"),
            "the configuration goes by the client's address, and without `use_remote_address: true` clients say it themselves by X-Forwarded-For",
        );
    }
}

/// Looks at one object of the routes.
fn route(place: &str, value: &Value, own_name: &str, findings: &mut Findings) {
    let per_filter = value
        .pointer("/typed_per_filter_config")
        .and_then(|all| all.get(own_name));
    let disabled =
        per_filter.is_some_and(|own| own.get("disabled").and_then(Value::as_bool) == Some(true));
    if disabled {
        let strips = value
            .get("request_headers_to_remove")
            .and_then(Value::as_array);
        let strips = strips.is_some_and(|names| !names.is_empty());
        let weight = if strips {
            Weight::Warning
        } else {
            Weight::Error
        };
        findings.add(
            weight,
            format!("{place}.typed_per_filter_config.{own_name}"),
            if strips {
                "the filter is off here: request_headers_to_remove must name every header that it sets elsewhere"
            } else {
                "the filter is off here, and headers that clients made up reach the upstream: a rule `public` strips them, or request_headers_to_remove"
            },
        );
    }
    let told = [
        (
            "internal_redirect_policy",
            "the second pass of an internal redirect finds no credential, or is another path's: none on guarded routes",
        ),
        (
            "request_mirror_policies",
            "the copy carries identity headers, and AWS credentials where rules give some: mirror to what may see them",
        ),
        (
            "cluster_header",
            "a header that the client sends picks the upstream: a rule of one host or path does not guard what another serves",
        ),
    ];
    for (key, message) in told {
        if value.get(key).is_some() {
            findings.add(Weight::Warning, format!("{place}.{key}"), message);
        }
    }
    let rewrites = [
        "prefix_rewrite",
        "regex_rewrite",
        "path_rewrite",
        "path_rewrite_policy",
        "host_rewrite_literal",
        "host_rewrite_header",
        "host_rewrite_path_regex",
    ];
    // Of what goes upstream only: a redirect is answered here.
    for key in rewrites {
        if value.get(key).is_some() && place.ends_with(".route") {
            findings.add(
                Weight::Warning,
                format!("{place}.{key}"),
                "the upstream gets another path or host than the rules were held against: see that it leads past no rule",
            );
        }
    }
}

/// The admin interface shows the configuration, with what is secret in it, and ends the proxy.
fn admin(document: &Value, findings: &mut Findings) {
    let address = document.pointer("/admin/address/socket_address/address");
    let Some(address) = address.and_then(Value::as_str) else {
        return;
    };
    let parsed = address.parse::<std::net::IpAddr>();
    if !parsed.is_ok_and(|address| address.is_loopback()) {
        findings.add(
            Weight::Warning,
            "admin.address.socket_address.address",
            format!("others than this machine reach {address}: the admin interface shows the configuration and ends Envoy; write 127.0.0.1"),
        );
    }
}
