//! The providers of Envoy's `jwt_authn` filter.

use crate::migrate::draft::{Draft, algorithms, claim_name};
use crate::migrate::places::Places;
use crate::migrate::source::Node;
use crate::migrate::values;
use serde_json::{Map, Value, json};
use std::path::Path;

pub(super) fn read(node: &Node<'_>, draft: &mut Draft, folder: &Path) -> Option<Value> {
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
        Some(subjects) => match values::claim_condition(values::text(&subjects)) {
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
    let places = Places {
        headers: node.list("from_headers"),
        prefix: "value_prefix",
        params: node.texts("from_params"),
        cookies: node.texts("from_cookies"),
    };
    places.write(node, &mut object);
    if node.is_true("forward") {
        object.insert("forward".into(), json!(true));
    }
    to_upstream(node, draft);
    let keys = keys(node, &mut object, folder);
    (subjects && keys).then_some(Value::Object(object))
}

pub(super) fn audiences(node: &Node<'_>) -> Vec<String> {
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
