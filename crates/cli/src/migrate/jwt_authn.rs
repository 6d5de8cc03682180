//! Envoy's `jwt_authn` filter.

mod provider;

use super::draft::Draft;
use super::matching::{Matching, Path as RequestPath};
use super::need::Need;
use super::rules::Entry;
use super::source::Node;
use super::terms::Terms;
use super::values;
use serde_json::{Value, json};
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
        match provider::read(provider, draft, folder) {
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
    let audiences = provider::audiences(node);
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
