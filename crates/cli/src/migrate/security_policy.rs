//! Envoy Gateway's SecurityPolicy: its `jwt` and its `authorization`.

use super::draft::{Draft, algorithms, claim_name};
use super::matching::{Header, Matching};
use super::need::Need;
use super::places::{Places, host_and_port};
use super::rules::{Entry, Gate};
use super::source::Node;
use super::terms::Terms;
use super::values;
use serde_json::{Map, Value, json};

/// The kind of the resource.
pub(super) const KIND: &str = "SecurityPolicy";

/// Reads the only policy among these resources.
///
/// # Errors
/// Where there are several, or one that says nothing of callers.
pub(super) fn read(documents: &[Node<'_>], draft: &mut Draft) -> Result<(), String> {
    let kind_of = |node: &Node<'_>| {
        let kind = node.value().get("kind").and_then(Value::as_str);
        kind.unwrap_or("a document without a kind").to_owned()
    };
    let is_policy = |node: &&Node<'_>| kind_of(node) == KIND;
    for other in documents.iter().filter(|node| !is_policy(node)) {
        other.left(&kind_of(other));
        other.read_all();
    }
    let policies: Vec<&Node<'_>> = documents.iter().filter(is_policy).collect();
    let [policy] = policies.as_slice() else {
        return Err(
            "has several SecurityPolicies; each is for targets of its own: migrate one at a time"
                .into(),
        );
    };
    let spec = spec(policy).ok_or("has no spec")?;
    let jwt = spec.get("jwt");
    let authorization = spec.get("authorization");
    if jwt.is_none() && authorization.is_none() {
        return Err("has neither jwt nor authorization".into());
    }
    rest(&spec);
    for provider in jwt.iter().flat_map(|jwt| jwt.list("providers")) {
        let name = provider.text("name").unwrap_or_else(|| "issuer".into());
        if let Some(object) = read_provider(&provider, draft) {
            draft.providers.insert(name, object);
        } else {
            draft.broken.push(name);
        }
    }
    let optional = jwt.as_ref().is_some_and(|jwt| jwt.is_true("optional"));
    draft.entries.push(Entry {
        name: "route".into(),
        matching: Matching::any(),
        need: match (&jwt, optional) {
            (None, _) => Need::Public,
            (Some(_), true) => Need::Optional,
            (Some(_), false) if draft.providers.is_empty() => Need::Never,
            (Some(_), false) => Need::User,
        },
    });
    if let Some(authorization) = authorization {
        if draft.is_beside {
            authorization.read_all();
            authorization.left("authorization");
            return Ok(());
        }
        authorize(&authorization, draft);
    }
    Ok(())
}

fn spec<'s>(node: &Node<'s>) -> Option<Node<'s>> {
    for key in ["apiVersion", "kind"] {
        node.get(key);
    }
    for key in ["metadata", "status"] {
        node.get(key).iter().for_each(Node::read_all);
    }
    let spec = node.get("spec")?;
    for key in ["targetRef", "targetRefs", "targetSelectors", "mergeType"] {
        if let Some(target) = spec.get(key) {
            target.read_all();
            target.differs(
                "which routes it is for is said by the EnvoyExtensionPolicy's own targetRefs",
            );
        }
    }
    Some(spec)
}

/// What else a policy may ask.
fn rest(spec: &Node<'_>) {
    let later = "keep it where it is: it is asked besides";
    for (key, why, instead) in [
        (
            "basicAuth",
            "its passwords are SHA-1 in a Secret",
            "write a provider of kind basic",
        ),
        (
            "apiKeyAuth",
            "its keys are in Secrets",
            "write a provider of kind api_key with the keys' digests",
        ),
        ("oidc", "the filter logs nobody in", later),
        (
            "extAuth",
            "a service decides, which is asked in a way of its own",
            later,
        ),
        ("cors", "it is not about callers", later),
    ] {
        spec.drop(key, why, instead);
    }
}

fn read_provider(node: &Node<'_>, draft: &mut Draft) -> Option<Value> {
    let mut object = Map::new();
    object.insert("kind".into(), json!("jwt"));
    match node.text("issuer") {
        Some(issuer) => {
            object.insert("issuer".into(), json!(issuer));
        }
        None => node.differs(
            "without an issuer the tokens of any are good that one of the keys has signed; name it",
        ),
    }
    let audiences = node.texts("audiences");
    if !audiences.is_empty() {
        object.insert("audiences".into(), json!(audiences));
    }
    node.differs("tokens without exp are refused here; require_expiration: false accepts them");
    let from = node.get("extractFrom");
    let texts = |key: &str| from.as_ref().map_or_else(Vec::new, |from| from.texts(key));
    let headers = from.as_ref().map(|from| from.list("headers"));
    let places = Places {
        headers: headers.unwrap_or_default(),
        prefix: "valuePrefix",
        params: texts("params"),
        cookies: texts("cookies"),
    };
    places.write(node, &mut object);
    for entry in node.list("claimToHeaders") {
        let header = entry.text("header").unwrap_or_default();
        draft.claim_header(&entry, &header, claim_of(&entry, "claim"));
    }
    if node.is_true("recomputeRoute") {
        node.differs("Envoy finds the route anew where the filter says so; write \"clear_route_cache\" where your version has it, or match routes by other headers");
    }
    keys(node, &mut object)?;
    Some(Value::Object(object))
}

fn keys(node: &Node<'_>, object: &mut Map<String, Value>) -> Option<()> {
    if let Some(local) = node.get("localJWKS") {
        let inline = local.text("inline");
        local.get("type");
        let keys = inline.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let Some(keys) = keys else {
            local.not_carried(
                "the keys are not in it, or are none",
                "write them in jwks.inline; until then nobody passes by this provider",
            );
            return None;
        };
        if let Some(names) = algorithms(&keys) {
            object.insert("algorithms".into(), json!(names));
        }
        object.insert("jwks".into(), json!({ "inline": keys }));
        return Some(());
    }
    let Some((remote, uri)) = node.get("remoteJWKS").and_then(|remote| {
        let uri = remote.text("uri")?;
        Some((remote, uri))
    }) else {
        node.not_carried(
            "it has no keys",
            "write jwks; until then nobody passes by this provider",
        );
        return None;
    };
    for key in ["backendRef", "backendRefs"] {
        remote.drop(
            key,
            "the filter asks a cluster by its name",
            "find the name with `egctl config envoy-proxy cluster`, and write it in jwks.upstream",
        );
    }
    remote.drop(
        "backendSettings",
        "timeouts and retries are the filter's own",
        "jwks.timeout and jwks.retry",
    );
    let mut jwks = Map::new();
    jwks.insert("uri".into(), json!(uri));
    jwks.insert("upstream".into(), json!(cluster(&uri)));
    let duration = remote.get("cacheDuration");
    if let Some(duration) = duration.and_then(|node| values::duration(&node)) {
        jwks.insert("cache_duration".into(), json!(duration));
    }
    remote.differs("Envoy Gateway makes the cluster of the keys' host as long as some SecurityPolicy asks for them: keep one, or make it by an EnvoyPatchPolicy");
    object.insert("jwks".into(), jwks.into());
    Some(())
}

/// The name that Envoy Gateway gives the cluster of a host.
fn cluster(uri: &str) -> String {
    let (host, port) = host_and_port(uri);
    format!("{}_{port}", host.replace('.', "_"))
}

/// A claim's name; dots lead into nested ones.
fn claim_of(node: &Node<'_>, key: &str) -> String {
    let name = node.text(key).unwrap_or_default();
    claim_name(&name.split('.').collect::<Vec<_>>())
}

/// The rules, of which the first that fits decides. What refuses before anything allows is asked first here too; where
/// something allows before it, it refuses that as well, which is the stricter side.
fn authorize(node: &Node<'_>, draft: &mut Draft) {
    let mut allow = Vec::new();
    let mut deny = Vec::new();
    for rule in node.list("rules") {
        rule.get("name");
        let denies = rule.text("action").as_deref() == Some("Deny");
        let terms = Terms::all(vec![principal(&rule, draft), operation(&rule)]);
        if denies {
            if !allow.is_empty() {
                rule.differs("it refuses also what a rule before it allows: the order of the two is not kept");
            }
            deny.extend(terms.denying());
        } else {
            allow.extend(terms.allowing());
        }
    }
    if !deny.is_empty() {
        draft.gates.push(Gate::Deny(deny));
    }
    if node.text("defaultAction").as_deref() != Some("Allow") {
        draft.gates.push(Gate::Allow(allow));
    }
}

fn principal(rule: &Node<'_>, draft: &Draft) -> Terms {
    let Some(principal) = rule.get("principal") else {
        return Terms::always();
    };
    let mut all = Vec::new();
    for key in ["clientCIDRs", "clientIPGeoLocations", "sourceCIDRs"] {
        if principal.drop(key, "the filter does not look at addresses", "keep this rule in the SecurityPolicy; without it the rule allows nothing, or refuses everywhere") {
            all.push(Terms::unknown());
        }
    }
    for header in principal.list("headers") {
        let name = header.text("name").unwrap_or_default().to_ascii_lowercase();
        let values = header.texts("values").into_iter().collect();
        all.push(Terms::request(Matching::of_header(
            &name,
            Header::AnyOf(values),
        )));
    }
    if let Some(jwt) = principal.get("jwt") {
        all.push(Terms::caller(caller(&jwt, draft)));
    }
    Terms::all(all)
}

fn caller(jwt: &Node<'_>, draft: &Draft) -> Need {
    let mut needs = vec![draft.vouched(&jwt.text("provider").unwrap_or_default())];
    for scope in jwt.texts("scopes") {
        needs.push(Need::claim_has("scope", &scope));
    }
    for claim in jwt.list("claims") {
        let name = claim_of(&claim, "name");
        let is_list = claim.text("valueType").as_deref() == Some("StringArray");
        let values = claim.texts("values");
        let each = values.iter().map(|value| {
            let test = if is_list {
                json!({ "contains": value })
            } else {
                json!(value)
            };
            Need::Claim(name.clone(), test)
        });
        needs.push(Need::any(each.collect()));
    }
    Need::all(needs)
}

fn operation(rule: &Node<'_>) -> Terms {
    let Some(operation) = rule.get("operation") else {
        return Terms::always();
    };
    let methods = operation.texts("methods");
    if methods.is_empty() {
        return Terms::always();
    }
    let each = methods
        .iter()
        .map(|method| Terms::request(Matching::of_method(method)));
    Terms::any(each.collect())
}
