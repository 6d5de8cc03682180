//! Tokens in cookies (RFC 6265 §5.4).

use super::name::is_read_as;
use crate::headers::Headers;

/// The header; HTTP/2 may send it in several parts (RFC 9113 §8.2.3).
pub(super) const HEADER: &str = "cookie";

/// The cookie's values without their quotes, in whichever spelling of its name; none that is empty, as a cookie is that
/// was cleared.
pub(super) fn values<'h>(head: &'h Headers, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let entries = pairs(head).flat_map(entries);
    let values = entries.filter_map(move |(held, value)| is_read_as(held, name).then_some(value));
    values.filter(|value| !value.is_empty())
}

/// Whether some cookie is to go, by its name and value.
pub(super) fn has(head: &Headers, goes: impl Fn(&[u8], &[u8]) -> bool) -> bool {
    pairs(head)
        .flat_map(entries)
        .any(|(name, value)| goes(name, value))
}

/// All cookies that stay, byte for byte, several headers joined as RFC 9113 §8.2.3 joins them; `None` where there are none.
pub(super) fn without(head: &Headers, goes: impl Fn(&[u8], &[u8]) -> bool) -> Option<Vec<u8>> {
    let stays = |pair: &&[u8]| {
        let gone = entries(pair).any(|(name, value)| goes(name, value));
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
    Some((name.trim_ascii_end(), unquoted(value)))
}

fn unquoted(value: &[u8]) -> &[u8] {
    let quoted = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    quoted.unwrap_or(value)
}

/// All that servers read in a pair, names with values: the pair itself, and what only some take for further ones.
fn entries(pair: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    parts(pair).into_iter().chain(hidden(pair))
}

/// What stands behind a blank or a comma within a pair: Python's `http.cookies` begins another cookie there, and so do
/// servers that read RFC 2109.
fn hidden(pair: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let pair = pair.trim_ascii();
    let mut from = 0_usize;
    // A name begins behind the sign of equality before its own, so that no byte is looked at once for each name.
    pair.split(|byte| *byte == b'=').filter_map(move |before| {
        from = from.saturating_add(before.len()).saturating_add(1);
        let name = trim_end(before);
        let start = name.iter().rposition(parts_cookies)?.saturating_add(1);
        let value = pair.get(from..)?.trim_ascii_start();
        let end = value.iter().position(parts_cookies);
        let value = value.get(..end.unwrap_or(value.len()))?;
        Some((name.get(start..)?, unquoted(value)))
    })
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let last = bytes.iter().rposition(|byte| !parts_cookies(byte));
    let length = last.map_or(0, |last| last.saturating_add(1));
    bytes.get(..length).unwrap_or_default()
}

/// Whether a byte parts cookies for servers that part them by more than semicolons. Python counts vertical tabs among
/// blanks.
const fn parts_cookies(byte: &u8) -> bool {
    matches!(byte, b',' | b'\x0b') || byte.is_ascii_whitespace()
}
