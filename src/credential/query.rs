//! Tokens in the query (RFC 6750 §2.3): they end in access logs, so this is for clients that can do nothing else.

use std::borrow::Cow;

use super::Named;
use super::name::is_read_as;
use crate::headers::Headers;
use crate::policy::denial::Denial;
use crate::text::percent_decode;

/// The pseudo-header with the request target.
pub(super) const HEADER: &str = ":path";

/// What stands behind the prefix in the parameter's value, percent-decoded; `None` where nothing does. All spellings of its name that servers
/// take for it count, and a value that is there several times is one.
///
/// # Errors
/// [`Denial::Ambiguous`] for a parameter that has two values.
pub(super) fn read<'h>(head: &'h Headers, own: &Named) -> Result<Option<Cow<'h, [u8]>>, Denial> {
    let mut values = values_of(head.first(HEADER).unwrap_or_default(), &own.name);
    let value = values.next();
    if values.any(|other| Some(other) != value) {
        return Err(Denial::Ambiguous);
    }
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    if !value.contains(&b'%') {
        return Ok(own.behind_prefix(value).map(Cow::Borrowed));
    }
    let Some(decoded) = percent_decode(value) else {
        // What cannot be decoded is no text of a credential.
        return Ok(Some(Cow::Borrowed(b"\0")));
    };
    let token = own.behind_prefix(&decoded);
    Ok(token.map(|token| Cow::Owned(token.to_vec())))
}

/// The request target without the parameters that are to go, by their names as they were sent, else byte for byte; `None`
/// where all stay.
pub(super) fn without(head: &Headers, goes: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let (path, query) = parts(head.first(HEADER).unwrap_or_default());
    let mut rest: Vec<u8> = Vec::with_capacity(query.len());
    // The separator in front of what is kept goes with it, but for the first.
    let mut separator = None;
    let (mut keeps, mut changes) = (false, false);
    for (pair, next) in pairs(query) {
        let (name, _) = halves(pair);
        if !pair.is_empty() && goes(name) {
            changes = true;
        } else {
            if keeps {
                rest.extend(separator);
            }
            rest.extend_from_slice(pair);
            keeps = true;
        }
        separator = next;
    }
    let rest = if keeps {
        [path, b"?", &rest].concat()
    } else {
        path.to_vec()
    };
    changes.then_some(rest)
}

/// The pairs of a query, each with what parts it from the next: some servers take `;` for `&`.
fn pairs(query: &[u8]) -> impl Iterator<Item = (&[u8], Option<u8>)> {
    let pairs = query.split(|byte| matches!(byte, b'&' | b';'));
    pairs.scan(0_usize, |from, pair| {
        let end = from.saturating_add(pair.len());
        *from = end.saturating_add(1);
        Some((pair, query.get(end).copied()))
    })
}

/// The target before and behind its first `?`.
fn parts(target: &[u8]) -> (&[u8], &[u8]) {
    let end = target
        .iter()
        .position(|byte| *byte == b'?')
        .unwrap_or(target.len());
    let (path, query) = target.split_at_checked(end).unwrap_or((target, b""));
    (path, query.strip_prefix(b"?").unwrap_or_default())
}

/// What a target's query says under a name, in every spelling that servers take for it, as it was sent.
pub(crate) fn values_of<'t>(target: &'t [u8], name: &str) -> impl Iterator<Item = &'t [u8]> {
    let (_, query) = parts(target);
    pairs(query).filter_map(move |(pair, _)| value_of(pair, name))
}

/// The same where only `&` parts pairs, as in PHP; nothing where `;` parts none.
pub(crate) fn whole_values_of<'t>(target: &'t [u8], name: &str) -> impl Iterator<Item = &'t [u8]> {
    let (_, query) = parts(target);
    let query = Some(query).filter(|query| query.contains(&b';'));
    let pairs = query
        .into_iter()
        .flat_map(|query| query.split(|byte| *byte == b'&'));
    pairs.filter_map(move |pair| value_of(pair, name))
}

/// The pair's value, undecoded, where its name is this one in any spelling.
fn value_of<'h>(pair: &'h [u8], name: &str) -> Option<&'h [u8]> {
    let (held, value) = halves(pair);
    is_read_as(held, name).then_some(value)
}

/// A pair before and behind its first `=`.
fn halves(pair: &[u8]) -> (&[u8], &[u8]) {
    let end = pair.iter().position(|byte| *byte == b'=');
    let (name, value) = pair
        .split_at_checked(end.unwrap_or(pair.len()))
        .unwrap_or((pair, b""));
    (name, value.strip_prefix(b"=").unwrap_or_default())
}
