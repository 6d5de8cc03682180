//! Tokens in the query (RFC 6750 §2.3): they end in access logs, so this is for clients that can do nothing else.

use std::borrow::Cow;

use crate::headers::Headers;
use crate::policy::denial::Denial;
use crate::text::percent_decode;

/// The pseudo-header with the request target.
pub(super) const HEADER: &str = ":path";

/// The parameter's value, percent-decoded; `None` where it is missing or empty.
///
/// # Errors
/// [`Denial::Ambiguous`] for a parameter that occurs twice.
pub(super) fn read<'h>(head: &'h Headers, name: &str) -> Result<Option<Cow<'h, [u8]>>, Denial> {
    let (_, query) = parts(head);
    let mut values = query
        .split(|byte| *byte == b'&')
        .filter_map(|pair| value_of(pair, name));
    let value = values.next();
    if values.next().is_some() {
        return Err(Denial::Ambiguous);
    }
    let value = value.filter(|value| !value.is_empty());
    Ok(value.map(|value| {
        if value.contains(&b'%') {
            Cow::Owned(percent_decode(value).unwrap_or_default())
        } else {
            Cow::Borrowed(value)
        }
    }))
}

/// The request target without the parameter, else byte for byte.
pub(super) fn without(head: &Headers, name: &str) -> Vec<u8> {
    let (path, query) = parts(head);
    let others: Vec<&[u8]> = query
        .split(|byte| *byte == b'&')
        .filter(|pair| value_of(pair, name).is_none())
        .collect();
    let query = others.join(&b'&');
    match head.first(HEADER) {
        Some(target) if others.is_empty() || target.len() == path.len() => path.to_vec(),
        _ => [path, b"?", &query].concat(),
    }
}

/// The target before and behind its first `?`.
fn parts(head: &Headers) -> (&[u8], &[u8]) {
    let target = head.first(HEADER).unwrap_or_default();
    let end = target
        .iter()
        .position(|byte| *byte == b'?')
        .unwrap_or(target.len());
    let (path, query) = target.split_at_checked(end).unwrap_or((target, b""));
    (path, query.strip_prefix(b"?").unwrap_or_default())
}

/// The pair's value, undecoded, where its name is this one in any spelling.
fn value_of<'h>(pair: &'h [u8], name: &str) -> Option<&'h [u8]> {
    let end = pair
        .iter()
        .position(|byte| *byte == b'=')
        .unwrap_or(pair.len());
    let (held, value) = pair.split_at_checked(end)?;
    let decoded = percent_decode(held);
    let same = decoded.as_deref().unwrap_or(held) == name.as_bytes();
    same.then(|| value.strip_prefix(b"=").unwrap_or_default())
}
