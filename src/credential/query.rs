//! Tokens in the query (RFC 6750 §2.3): they end in access logs, so this is for clients that can do nothing else.

use std::borrow::Cow;

use super::{CredentialError, Named};
use crate::headers::Headers;
use crate::query::{halves, pairs, parts, values_of};
use crate::text::percent_decode;

/// The pseudo-header with the request target.
pub(super) const HEADER: &str = ":path";

/// What stands behind the prefix in the parameter's value, percent-decoded; `None` where nothing does. All spellings of its name that servers
/// take for it count, and a value that is there several times is one.
///
/// # Errors
/// [`CredentialError::Ambiguous`] for a parameter that has two values.
pub(super) fn read<'h>(
    head: &'h Headers,
    own: &Named,
) -> Result<Option<Cow<'h, [u8]>>, CredentialError<'static>> {
    let mut values = values_of(head.first(HEADER).unwrap_or_default(), &own.name);
    let value = values.next();
    if values.any(|other| Some(other) != value) {
        return Err(CredentialError::Ambiguous);
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
