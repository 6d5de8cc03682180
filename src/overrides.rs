//! What a request says in the place of its own method and target: frameworks and gateways go by it.

use crate::headers::Headers;
use crate::query::values_of;
use crate::text::is_folded;

/// Headers by which frameworks replace the method.
pub(crate) const METHOD_HEADERS: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];
/// Headers by which frameworks and gateways replace the target.
pub(crate) const TARGET_HEADERS: [&str; 2] = ["x-original-url", "x-rewrite-url"];

/// What a target's query says under `_method`, in the spellings that PHP takes for it too, as it was sent.
pub(crate) fn methods_of(target: &[u8]) -> impl Iterator<Item = &[u8]> {
    values_of(target, "_method")
}

/// The methods that headers name in the place of the request's own, themselves or in the query of another target.
pub(crate) fn methods_in_headers(head: &Headers) -> impl Iterator<Item = &[u8]> {
    let overriding = head.iter().filter(|(name, _)| is_override(name));
    overriding.flat_map(|(name, value)| {
        let is_method = is_one_of(&METHOD_HEADERS, name);
        let listed = value.split(|byte| *byte == b',').filter(move |_| is_method);
        listed.chain(methods_of(value))
    })
}

/// Whether a header is one by which servers replace the method or the target.
pub(crate) fn is_override(name: &[u8]) -> bool {
    is_one_of(&METHOD_HEADERS, name) || is_one_of(&TARGET_HEADERS, name)
}

pub(crate) fn is_one_of(names: &[&str], name: &[u8]) -> bool {
    names.iter().any(|own| is_folded(own.as_bytes(), name))
}
