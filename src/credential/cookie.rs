//! Tokens in cookies (RFC 6265 §5.4).

use super::name::is_read_as;
use crate::headers::Headers;

/// The header; HTTP/2 may send it in several parts (RFC 9113 §8.2.3).
pub(super) const HEADER: &str = "cookie";

/// The cookie's values without their quotes, in whichever spelling of its name; none that is empty, as a cookie is that
/// was cleared.
pub(super) fn values<'h>(head: &'h Headers, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let values = pairs(head).filter_map(move |pair| value_of(pair, name));
    values.filter(|value| !value.is_empty())
}

/// Whether some cookie is to go, by its name and value.
pub(super) fn has(head: &Headers, goes: impl Fn(&[u8], &[u8]) -> bool) -> bool {
    pairs(head).any(|pair| parts(pair).is_some_and(|(name, value)| goes(name, value)))
}

/// All cookies that stay, byte for byte, several headers joined as RFC 9113 §8.2.3 joins them; `None` where there are none.
pub(super) fn without(head: &Headers, goes: impl Fn(&[u8], &[u8]) -> bool) -> Option<Vec<u8>> {
    let stays = |pair: &&[u8]| {
        let gone = parts(pair).is_some_and(|(name, value)| goes(name, value));
        !gone && !pair.trim_ascii().is_empty()
    };
    let rest = |header: &[u8]| {
        let joined = split(header).filter(stays).collect::<Vec<_>>().join(&b';');
        joined.trim_ascii().to_vec()
    };
    let headers = head.all(HEADER).map(rest);
    let headers: Vec<Vec<u8>> = headers.filter(|rest| !rest.is_empty()).collect();
    (!headers.is_empty()).then(|| headers.join(&b"; "[..]))
}

/// The pairs of all `Cookie` headers, with the spaces around them.
fn pairs(head: &Headers) -> impl Iterator<Item = &[u8]> {
    head.all(HEADER).flat_map(split)
}

fn split(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|byte| *byte == b';')
}

/// The name and the value of a pair, the latter without its quotes.
fn parts(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let pair = pair.trim_ascii();
    let end = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = pair.split_at_checked(end)?;
    let value = value.strip_prefix(b"=")?.trim_ascii();
    let quoted = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    Some((name.trim_ascii_end(), quoted.unwrap_or(value)))
}

fn value_of<'h>(pair: &'h [u8], name: &str) -> Option<&'h [u8]> {
    let (held, value) = parts(pair)?;
    is_read_as(held, name).then_some(value)
}
