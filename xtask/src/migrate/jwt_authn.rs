//! Envoy's `jwt_authn` filter.

use super::draft::{Draft, algorithms, claim_name};
use super::matching::{Matching, Path as RequestPath};
use super::need::Need;
use super::rules::Entry;
use super::source::Node;
use super::terms::Terms;
use super::values;
use serde_json::{Map, Value, json};
use std::path::Path;

/// The namespaces of dynamic metadata in which providers write their payloads.
pub(super) type Payloads = Vec<(String, String)>;

/// Reads the filter's configuration; files that it names are looked for in `folder`.
pub(super) fn read(node: &Node<'_>, draft: &mut Draft, folder: &Path) -> Payloads {
    node.get("@type");
    let mut payloads = Payloads::new();
    let providers = node
        .get("providers")
        .map_or_else(Vec::new, |node| node.members());
    for (name, provider) in &providers {
        if let Some(key) = provider.text("payload_in_metadata") {
            payloads.push((key, name.clone()));
        }
        match self::provider(provider, draft, folder) {
            Some(object) => drop(draft.providers.insert(name.clone(), object)),
            None => draft.broken.push(name.clone()),
        }
    }
    if node.is_true("bypass_cors_preflight") {
        draft.bypass_cors_preflight = true;
    }
    node.drop(
        "strip_failure_response",
        "refusals always have a status, a challenge and a short body",
        "nothing; they say no more than RFC 6750 asks",
    );
    node.drop(
        "stat_prefix",
        "counters are auth_filter.allowed and auth_filter.denied.<reason>",
        "change dashboards",
    );
    let map = node.get("requirement_map");
    for (index, rule) in node.list("rules").iter().enumerate() {
        self::rule(rule, index, map.as_ref(), draft);
    }
    if let Some(map) = &map {
        // Requirements that only routes name are read for the report.
        map.members()
            .iter()
            .for_each(|(_, node)| drop(requirement(node, draft)));
    }
    let by_state = node.drop(
        "filter_state_rules",
        "rules look at the request and the caller, not at filter state; requests that come to no other rule are refused",
        "write rules for them",
    );
    if !draft.entries.iter().any(|entry| {
        entry.matching == Matching::any()
            || entry.matching.path.covers(&RequestPath::Any)
                && entry.matching.covers(&Matching::any())
    }) && !by_state
    {
        draft.entries.push(Entry {
            name: "unmatched".into(),
            matching: Matching::any(),
            need: Need::Public,
        });
        node.differs("a request that no rule matches passes without a token, as it does with jwt_authn: the rule \"unmatched\" says so; leave it out and such requests are refused");
    }
    payloads
}

fn rule(node: &Node<'_>, index: usize, map: Option<&Node<'_>>, draft: &mut Draft) {
    let need = match (node.get("requires"), node.get("requirement_name")) {
        (Some(requires), _) => requirement(&requires, draft),
        (None, Some(name)) => named(&name, map, draft),
        (None, None) => Need::Public,
    };
    let Some(matches) = node.get("match") else {
        return;
    };
    let name = format!("rule-{}", index + 1);
    match route_match(&matches) {
        (matching, true) => draft.entries.push(Entry {
            name,
            matching,
            need,
        }),
        // Wider than it should be: an open rule is left out, and any other refuses all that it may be for.
        (_, false) if need == Need::Public => {}
        (matching, false) => draft.entries.push(Entry {
            name,
            matching,
            need: Need::Never,
        }),
    }
}

/// A requirement by its name.
pub(super) fn named(name: &Node<'_>, map: Option<&Node<'_>>, draft: &mut Draft) -> Need {
    let text = name.as_text().unwrap_or_default();
    match map.and_then(|map| map.get(&text)) {
        Some(requires) => requirement(&requires, draft),
        None => {
            name.not_carried(
                "no requirement has this name; Envoy answers 403",
                "name one that is there",
            );
            Need::Never
        }
    }
}

fn requirement(node: &Node<'_>, draft: &mut Draft) -> Need {
    if let Some(name) = node.text("provider_name") {
        return draft.vouched(&name);
    }
    if let Some(inner) = node.get("provider_and_audiences") {
        return with_audiences(&inner, draft);
    }
    if let Some(inner) = node.get("requires_any") {
        let needs: Vec<Need> = inner
            .list("requirements")
            .iter()
            .map(|one| requirement(one, draft))
            .collect();
        let need = Need::any(needs.clone());
        if need == Need::Optional && needs.len() > 1 && draft.providers.len() > 1 {
            node.differs("a good token of any provider passes where none is needed; name the providers in `require` where that matters");
        }
        return need;
    }
    if let Some(inner) = node.get("requires_all") {
        let needs: Vec<Need> = inner
            .list("requirements")
            .iter()
            .map(|one| requirement(one, draft))
            .collect();
        let need = Need::all(needs.clone());
        if need == Need::Never && !needs.contains(&Need::Never) {
            node.not_carried("a request has one credential here, and this asks for several; such requests are refused", "choose the token that decides, and check the other where it is used");
        }
        return need;
    }
    if let Some(inner) = node.get("allow_missing") {
        inner.read_all();
        return Need::Optional;
    }
    if let Some(inner) = node.get("allow_missing_or_failed") {
        inner.read_all();
        node.differs("a bad token is refused with 401 here; without one the request passes");
        return Need::Optional;
    }
    if let Some(inner) = node.get("extract_only_without_validation") {
        inner.not_carried(
            "claims that nobody verified are never used; such requests are refused",
            "name the provider, whose tokens are verified",
        );
        return Need::Never;
    }
    Need::Public
}

/// A provider with audiences of this requirement's own: one more provider with the same issuer.
fn with_audiences(node: &Node<'_>, draft: &mut Draft) -> Need {
    let name = node.text("provider_name").unwrap_or_default();
    let audiences = audiences(node);
    let Some(Value::Object(provider)) = draft.providers.get(&name).cloned() else {
        return Need::Never;
    };
    let mut provider = provider;
    provider.insert("audiences".to_owned(), json!(audiences));
    let provider = Value::Object(provider);
    let same = draft
        .providers
        .iter()
        .find(|(_, held)| **held == provider)
        .map(|(name, _)| name.clone());
    let own = same.unwrap_or_else(|| {
        let name = format!("{name}-{}", draft.providers.len() + 1);
        draft.providers.insert(name.clone(), provider);
        name
    });
    Need::Provider(own)
}

fn provider(node: &Node<'_>, draft: &mut Draft, folder: &Path) -> Option<Value> {
    let mut object = Map::new();
    object.insert("kind".into(), json!("jwt"));
    if let Some(issuer) = node.text("issuer") {
        object.insert("issuer".into(), json!(issuer));
    }
    let audiences = audiences(node);
    if !audiences.is_empty() {
        object.insert("audiences".into(), json!(audiences));
    }
    let subjects = match node.get("subjects") {
        Some(subjects) => match values::claim_test(values::text(&subjects)) {
            Some(test) => object
                .insert("required_claims".into(), json!({ "sub": test }))
                .is_none(),
            None => {
                subjects.not_carried("subjects are compared whole or by their beginning; nobody passes by this provider until it is written", "required_claims.sub takes a value, any_of or prefix");
                false
            }
        },
        None => true,
    };
    times(node, &mut object);
    places(node, &mut object);
    if node.is_true("forward") {
        object.insert("forward".into(), json!(true));
    }
    to_upstream(node, draft);
    let keys = keys(node, &mut object, folder);
    (subjects && keys).then_some(Value::Object(object))
}

fn audiences(node: &Node<'_>) -> Vec<String> {
    let audiences = node.texts("audiences");
    if audiences
        .iter()
        .any(|audience| audience.contains("://") || audience.ends_with('/'))
    {
        node.differs("audiences are compared as they stand; jwt_authn leaves out the scheme and a slash at the end");
    }
    audiences
}

fn times(node: &Node<'_>, object: &mut Map<String, Value>) {
    if !node.is_true("require_expiration") && node.get("max_lifetime").is_none() {
        node.differs("tokens without exp are refused here; require_expiration: false accepts them");
    }
    if let Some(lifetime) = node.get("max_lifetime") {
        object.insert("max_lifetime".into(), json!(values::duration(&lifetime)));
        lifetime.differs("it is counted from the token's iat; jwt_authn counts what remains of it");
    }
    // 0 means the default, which is the same 60 seconds.
    if let Some(skew) = node
        .text("clock_skew_seconds")
        .filter(|skew| skew != "0" && skew != "60")
    {
        object.insert("clock_skew".into(), json!(format!("{skew}s")));
    }
}

fn places(node: &Node<'_>, object: &mut Map<String, Value>) {
    let headers = node.list("from_headers").into_iter().map(|header| {
        let prefix = header.text("value_prefix").unwrap_or_default();
        json!({ "name": header.text("name"), "value_prefix": prefix })
    });
    let headers: Vec<Value> = headers.collect();
    let (params, cookies) = (node.texts("from_params"), node.texts("from_cookies"));
    if headers.is_empty() && params.is_empty() && cookies.is_empty() {
        node.differs("a token in the query (access_token) is not looked at, as addresses end up in logs; from_params brings it back");
    }
    if !headers.is_empty() {
        object.insert("from_headers".into(), json!(headers));
    }
    if !params.is_empty() {
        object.insert("from_params".into(), json!(params));
    }
    if !cookies.is_empty() {
        object.insert("from_cookies".into(), json!(cookies));
    }
}

fn to_upstream(node: &Node<'_>, draft: &mut Draft) {
    if let Some(header) = node.get("forward_payload_header") {
        draft.payload_header(&header, &header.as_text().unwrap_or_default());
    }
    if node.is_true("pad_forward_payload_header") {
        node.drop(
            "pad_forward_payload_header",
            "the payload goes upstream as the token has it, without padding",
            "decode base64url without padding (RFC 7515 section 2)",
        );
    }
    for entry in node.list("claim_to_headers") {
        let header = entry.text("header_name").unwrap_or_default();
        let claim = entry.text("claim_name").unwrap_or_default();
        let steps: Vec<&str> = claim.split('.').collect();
        draft.claim_header(&entry, &header, claim_name(&steps));
    }
    let facts =
        "what later filters need is in filter state, wasm.auth_filter.*, not in dynamic metadata";
    node.drop(
        "header_in_metadata",
        facts,
        "read filter state, or verify there",
    );
    node.drop(
        "failed_status_in_metadata",
        facts,
        "%RESPONSE_CODE_DETAILS% is auth_filter.<reason>",
    );
    if let Some(list) = node.get("normalize_payload_in_metadata") {
        list.read_all();
        list.differs(
            "a claim of words separated by spaces is always a list of them where one is asked for",
        );
    }
    if node.is_true("clear_route_cache") {
        node.drop(
            "clear_route_cache",
            "the route is not chosen again after the caller is known",
            "match in a later filter, or have the upstream decide",
        );
    }
    if let Some(cache) = node.get("jwt_cache_config") {
        cache.read_all();
        cache.differs("verified tokens are remembered by the filter's own bounds, see limits");
    }
}

fn keys(node: &Node<'_>, object: &mut Map<String, Value>, folder: &Path) -> bool {
    if let Some(remote) = node.get("remote_jwks") {
        object.insert("jwks".into(), self::remote(&remote));
        return true;
    }
    let Some(local) = node.get("local_jwks") else {
        node.not_carried("it has no keys", "give it remote_jwks or local_jwks");
        return false;
    };
    match inline(&local, folder) {
        Some(keys) => {
            if let Some(names) = algorithms(&keys) {
                object.insert("algorithms".into(), json!(names));
            }
            object.insert("jwks".into(), json!({ "inline": keys }));
            true
        }
        None => {
            local.not_carried("the keys are not here, or are not a key set; nobody passes by this provider until they are written", "put the key set into jwks.inline");
            false
        }
    }
}

fn inline(node: &Node<'_>, folder: &Path) -> Option<Value> {
    let text = match (
        node.text("inline_string"),
        node.text("inline_bytes"),
        node.text("filename"),
    ) {
        (Some(text), _, _) => text,
        (_, Some(bytes), _) => {
            use base64::Engine;
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(bytes)
                .ok()?;
            String::from_utf8(bytes).ok()?
        }
        (_, _, Some(file)) => std::fs::read_to_string(folder.join(file)).ok()?,
        _ => return None,
    };
    serde_json::from_str(&text).ok()
}

fn remote(node: &Node<'_>) -> Value {
    let mut jwks = Map::new();
    if let Some(uri) = node.get("http_uri") {
        jwks.insert("uri".into(), json!(uri.text("uri")));
        jwks.insert("upstream".into(), json!(uri.text("cluster")));
        if let Some(timeout) = uri.get("timeout") {
            jwks.insert("timeout".into(), json!(values::duration(&timeout)));
        }
    }
    // Ten minutes is what jwt_authn takes where nothing is said.
    let kept = node
        .get("cache_duration")
        .and_then(|node| values::duration(&node));
    jwks.insert(
        "cache_duration".into(),
        json!(kept.unwrap_or_else(|| "10m".into())),
    );
    if let Some(fetch) = node.get("async_fetch") {
        fetch.read_all();
        fetch.differs("keys are always fetched in the background; requests that come before the first ones wait, and the listener does not");
    }
    if let Some(policy) = node.get("retry_policy") {
        let retries = policy.text("num_retries").unwrap_or_else(|| "1".into());
        jwks.insert(
            "retry".into(),
            json!(retries.parse::<u8>().unwrap_or(u8::MAX)),
        );
        if let Some(backoff) = policy.get("retry_back_off") {
            backoff.read_all();
            backoff.differs("after a failed fetch the next ones are 1, 2, 4 to 30 seconds apart");
        }
    }
    Value::Object(jwks)
}

/// How a text becomes a condition on the path.
type MakePath = fn(String) -> RequestPath;

/// A `RouteMatch`, and whether that is all of it.
pub(super) fn route_match(node: &Node<'_>) -> (Matching, bool) {
    let mut whole = true;
    let mut parts: Vec<Matching> = Vec::new();
    let kinds: [(&str, MakePath); 3] = [
        ("prefix", RequestPath::Text),
        ("path", RequestPath::Exact),
        ("path_separated_prefix", RequestPath::Segments),
    ];
    for (key, make) in kinds {
        parts.extend(node.text(key).map(|text| Matching::of_path(make(text))));
    }
    if let Some(regex) = node.get("safe_regex") {
        parts.extend(
            values::expression(&regex).map(|text| Matching::of_path(RequestPath::Regex(text))),
        );
    }
    if let Some(policy) = node.get("path_match_policy") {
        policy.get("name");
        let typed = policy.get("typed_config");
        typed.iter().for_each(|typed| drop(typed.get("@type")));
        match typed.and_then(|typed| typed.text("path_template")) {
            Some(text) => parts.push(Matching::of_path(values::template(&text))),
            None => whole = false,
        }
    }
    for header in node.list("headers") {
        match values::header(&header).plain() {
            Some(matching) => parts.push(matching),
            None => {
                header.not_carried("a rule's headers take a value, any_of, prefix or present; what this rule may be for is refused", "write rules for it");
                whole = false;
            }
        }
    }
    node.get("runtime_fraction").iter().for_each(Node::read_all);
    if node
        .get("case_sensitive")
        .is_some_and(|node| node.as_text().as_deref() == Some("false"))
    {
        node.drop(
            "case_sensitive",
            "paths are compared with case; what this rule may be for is refused",
            "write path_regex with (?i)",
        );
        whole = false;
    }
    for key in [
        "connect_matcher",
        "query_parameters",
        "grpc",
        "tls_context",
        "dynamic_metadata",
        "filter_state",
        "cookies",
    ] {
        whole &= !node.drop(
            key,
            "rules do not look at this; what this rule may be for is refused",
            "write rules by path, method, host and headers",
        );
    }
    let all = Terms::all(parts.into_iter().map(Terms::request).collect());
    match all.plain() {
        Some(matching) => (matching, whole),
        None => (Matching::any(), false),
    }
}
