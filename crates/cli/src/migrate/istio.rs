//! Istio's RequestAuthentication and AuthorizationPolicy.

use super::draft::{Draft, algorithms, claim_name};
use super::istio_terms::Reader;
use super::matching::Matching;
use super::need::Need;
use super::places::{Places, host_and_port};
use super::rules::{Clause, Entry, Gate};
use super::source::Node;
use super::terms::Terms;
use super::values;
use serde_json::{Map, Value, json};

/// Reads the resources of a file, in any order.
///
/// # Errors
/// Where there is neither kind.
pub(super) fn read(documents: &[Node<'_>], draft: &mut Draft) -> Result<(), String> {
    let kind = |node: &Node<'_>, name: &str| {
        node.value().get("kind").and_then(Value::as_str) == Some(name)
    };
    let of = |name: &str| {
        documents
            .iter()
            .filter(|node| kind(node, name))
            .collect::<Vec<_>>()
    };
    let (authentications, policies) = (of("RequestAuthentication"), of("AuthorizationPolicy"));
    for other in documents
        .iter()
        .filter(|node| !kind(node, "RequestAuthentication") && !kind(node, "AuthorizationPolicy"))
    {
        let name = other
            .value()
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or("a document without a kind");
        other.left(name);
        other.read_all();
    }
    if authentications.is_empty() && policies.is_empty() {
        return Err("has neither a RequestAuthentication nor an AuthorizationPolicy".into());
    }
    let mut required = false;
    for node in authentications {
        required |= authentication(node, draft);
    }
    // A request without a token passes, one with a bad token does not, whatever its path.
    let need = match (draft.providers.is_empty(), required) {
        (true, _) => Need::Public,
        (false, false) => Need::Optional,
        (false, true) => Need::User,
    };
    draft.entries.push(Entry {
        name: "mesh".into(),
        matching: Matching::any(),
        need,
    });
    // As istiod configures it.
    draft.bypass_cors_preflight = !draft.providers.is_empty();
    let mut allow: Option<Vec<Clause>> = None;
    let mut deny: Vec<Clause> = Vec::new();
    for node in policies {
        if draft.is_beside {
            node.read_all();
            node.left("AuthorizationPolicy");
            continue;
        }
        policy(node, draft, &mut allow, &mut deny);
    }
    if !deny.is_empty() {
        draft.gates.push(Gate::Deny(deny));
    }
    draft.gates.extend(allow.map(Gate::Allow));
    Ok(())
}

/// The parts of a resource that say where it is, not what it does.
fn whereabouts<'s>(node: &Node<'s>) -> Option<(String, Node<'s>)> {
    node.get("apiVersion");
    node.get("kind");
    node.get("status").iter().for_each(Node::read_all);
    let metadata = node.get("metadata");
    metadata.iter().for_each(Node::read_all);
    let name = metadata
        .and_then(|node| node.text("name"))
        .unwrap_or_else(|| "issuer".into());
    let spec = node.get("spec");
    for key in ["selector", "targetRef", "targetRefs"] {
        if let Some(node) = spec.as_ref().and_then(|spec| spec.get(key)) {
            node.read_all();
            node.differs(
                "which workloads it is for is said by the WasmPlugin's own selector or targetRefs",
            );
        }
    }
    spec.map(|spec| (name, spec))
}

/// Whether a token is required.
fn authentication(node: &Node<'_>, draft: &mut Draft) -> bool {
    let Some((name, spec)) = whereabouts(node) else {
        return false;
    };
    let rules = spec.list("jwtRules");
    let mut required = false;
    for (index, rule) in rules.iter().enumerate() {
        let mut name = if rules.len() == 1 {
            name.clone()
        } else {
            format!("{name}-{}", index + 1)
        };
        while draft.providers.contains_key(&name) {
            name.push('x');
        }
        required |= rule.text("presence").as_deref() == Some("REQUIRED");
        let provider = provider(rule, draft);
        draft.providers.insert(name, provider);
    }
    required
}

fn provider(node: &Node<'_>, draft: &mut Draft) -> Value {
    let mut object = Map::new();
    object.insert("kind".into(), json!("jwt"));
    let issuer = node.text("issuer").unwrap_or_default();
    object.insert("issuer".into(), json!(issuer));
    let audiences = node.texts("audiences");
    if !audiences.is_empty() {
        object.insert("audiences".into(), json!(audiences));
    }
    node.differs("tokens without exp are refused here; require_expiration: false accepts them");
    let places = Places {
        headers: node.list("fromHeaders"),
        prefix: "prefix",
        params: node.texts("fromParams"),
        cookies: node.texts("fromCookies"),
    };
    places.write(node, &mut object);
    if node.is_true("forwardOriginalToken") {
        object.insert("forward".into(), json!(true));
    }
    if let Some(header) = node.get("outputPayloadToHeader") {
        draft.payload_header(&header, &header.as_text().unwrap_or_default());
    }
    for entry in node.list("outputClaimToHeaders") {
        let header = entry.text("header").unwrap_or_default();
        let claim = entry.text("claim").unwrap_or_default();
        draft.claim_header(
            &entry,
            &header,
            claim_name(&claim.split('.').collect::<Vec<_>>()),
        );
    }
    node.get("spaceDelimitedClaims").iter().for_each(|list| {
        list.read_all();
        list.differs(
            "a claim of words separated by spaces is always a list of them where one is asked for",
        );
    });
    keys(node, &issuer, &mut object);
    Value::Object(object)
}

fn keys(node: &Node<'_>, issuer: &str, object: &mut Map<String, Value>) {
    let timeout = node.get("timeout").and_then(|node| values::duration(&node));
    let inline = node
        .text("jwks")
        .and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let uri = node.text("jwksUri").or_else(|| node.text("jwks_uri"));
    let mut jwks = Map::new();
    match (inline, &uri) {
        (Some(keys), _) => {
            if let Some(names) = algorithms(&keys) {
                object.insert("algorithms".into(), json!(names));
            }
            jwks.insert("inline".into(), keys);
        }
        (None, Some(uri)) => drop(jwks.insert("uri".into(), json!(uri))),
        (None, None) => drop(jwks.insert("discovery".into(), json!(true))),
    }
    if !jwks.contains_key("inline") {
        let from = uri.as_deref().unwrap_or(issuer);
        jwks.insert("upstream".into(), json!(cluster(from)));
        node.differs("the proxy fetches the keys, not istiod: it needs a ServiceEntry and a DestinationRule for their host");
        if let Some(timeout) = timeout {
            jwks.insert("timeout".into(), json!(timeout));
        }
    }
    object.insert("jwks".into(), jwks.into());
}

/// The name that Istio gives the cluster of a host.
fn cluster(uri: &str) -> String {
    let (host, port) = host_and_port(uri);
    format!("outbound|{port}||{host}")
}

fn policy(node: &Node<'_>, draft: &Draft, allow: &mut Option<Vec<Clause>>, deny: &mut Vec<Clause>) {
    let Some((_, spec)) = whereabouts(node) else {
        // An absent spec is an empty one, which allows nothing.
        allow.get_or_insert_with(Vec::new);
        return;
    };
    let action = spec.text("action").unwrap_or_else(|| "ALLOW".into());
    match action.as_str() {
        "ALLOW" | "DENY" => {}
        "AUDIT" => return spec.not_carried("it refuses nothing", "each refusal is one line in the filter's log"),
        _ => return spec.not_carried("another service decides, which is asked in a way of its own", "keep this policy where it is: it is asked after a WasmPlugin of phase AUTHN; or write decisions"),
    }
    let denies = action == "DENY";
    let issuers = draft
        .providers
        .values()
        .filter_map(|provider| provider["issuer"].as_str().map(str::to_owned));
    let reader = Reader {
        issuers: issuers.collect(),
        denies,
    };
    let rules = spec.list("rules");
    let terms = Terms::any(rules.iter().map(|rule| reader.rule(rule)).collect());
    if denies {
        deny.extend(terms.denying());
    } else {
        allow.get_or_insert_with(Vec::new).extend(terms.allowing());
    }
}
