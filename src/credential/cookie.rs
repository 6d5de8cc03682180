//! Tokens in cookies (RFC 6265 §5.4).

use super::Named;
use crate::headers::Headers;
use crate::query::is_read_as;

/// The header; HTTP/2 may send it in several parts (RFC 9113 §8.2.3).
pub(super) const HEADER: &str = "cookie";

/// Hands over what stands behind the prefix in the cookie's values, without their quotes, and whether it is the cookie by its
/// very name, and not something that some servers take for it; nothing of a cookie that was cleared.
///
/// Browsers guard names that begin with `__Host-` and `__Secure-` by their letters only, so that a sibling domain can set
/// what is read as such a cookie and is none.
pub(super) fn each_token<'h>(head: &'h Headers, own: &Named, take: &mut dyn FnMut(&'h [u8], bool)) {
    for pair in pairs(head) {
        each_entry(pair, &mut |held| {
            let is_plain = held.is_pair && held.name == own.name.as_bytes();
            if is_read_as(held.name, &own.name)
                && let Some(token) = own.behind_prefix(held.value)
            {
                take(token, is_plain);
            }
        });
    }
}

/// Whether some cookie is to go, by its name and value.
pub(super) fn has(head: &Headers, goes: &dyn Fn(&[u8], &[u8]) -> bool) -> bool {
    pairs(head).any(|pair| is_gone(pair, goes))
}

/// All cookies that stay, byte for byte, several headers joined as RFC 9113 §8.2.3 joins them; `None` where there are none.
pub(super) fn without(head: &Headers, goes: &dyn Fn(&[u8], &[u8]) -> bool) -> Option<Vec<u8>> {
    let stays = |pair: &&[u8]| !is_gone(pair, goes) && !pair.trim_ascii().is_empty();
    let rest = |header: &[u8]| {
        let joined = split(header).filter(stays).collect::<Vec<_>>().join(&b';');
        joined.trim_ascii().to_vec()
    };
    let headers = head.all(HEADER).map(rest);
    let headers: Vec<Vec<u8>> = headers.filter(|rest| !rest.is_empty()).collect();
    (!headers.is_empty()).then(|| headers.join(&b"; "[..]))
}

fn is_gone(pair: &[u8], goes: &dyn Fn(&[u8], &[u8]) -> bool) -> bool {
    let mut gone = false;
    each_entry(pair, &mut |held| gone |= goes(held.name, held.value));
    gone
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

/// What some server reads as a cookie.
struct Entry<'p> {
    name: &'p [u8],
    value: &'p [u8],
    /// Whether it is what stands between semicolons, as RFC 6265 reads it.
    is_pair: bool,
}

/// Hands over all that servers read in a pair, names with values: the pair itself, and what stands behind a blank or a
/// comma within it. Python's `http.cookies` begins another cookie there, and so do servers that read RFC 2109.
#[inline(never)]
fn each_entry<'p>(pair: &'p [u8], take: &mut dyn FnMut(&Entry<'p>)) {
    let pair = pair.trim_ascii();
    if let Some((name, value)) = parts(pair) {
        take(&Entry {
            name,
            value,
            is_pair: true,
        });
    }
    let mut from = 0_usize;
    // A name begins behind the sign of equality before its own, so that no byte is looked at once for each name.
    for before in pair.split(|byte| *byte == b'=') {
        from = from.saturating_add(before.len()).saturating_add(1);
        let name = trim_end(before);
        let start = name.iter().rposition(parts_cookies);
        let start = start.map(|start| start.saturating_add(1));
        // Some servers cut more off the end of a name than blanks of ASCII.
        let is_cut = name.len() < before.trim_ascii_end().len();
        let start = start.or_else(|| is_cut.then_some(0));
        if let (Some(start), Some(value)) = (start, pair.get(from..)) {
            let value = value.trim_ascii_start();
            let end = value.iter().position(parts_cookies);
            let value = value.get(..end.unwrap_or(value.len()));
            take(&Entry {
                name: name.get(start..).unwrap_or_default(),
                value: unquoted(value.unwrap_or_default()),
                is_pair: false,
            });
        }
    }
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let last = bytes.iter().rposition(|byte| !parts_cookies(byte));
    let length = last.map_or(0, |last| last.saturating_add(1));
    bytes.get(..length).unwrap_or_default()
}

/// Whether a byte parts cookies for servers that part them by more than semicolons, or is cut off a name: to some, blanks of
/// Unicode are blanks, in UTF-8 or in Latin-1.
const fn parts_cookies(byte: &u8) -> bool {
    *byte == b',' || !byte.is_ascii_graphic()
}
