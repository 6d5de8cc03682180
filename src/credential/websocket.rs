//! Tokens among the subprotocols of a WebSocket (RFC 6455 §4.1).

use crate::headers::Headers;
use crate::policy::denial::Denial;

/// The list of subprotocols.
pub(super) const HEADER: &str = "sec-websocket-protocol";

/// The entry before the token. It stays, so that the server can choose it: a browser closes a connection
/// whose server chose nothing of what was offered.
const MARK: &[u8] = b"bearer";

/// The entry behind `bearer`; `None` where there is no such entry.
///
/// # Errors
/// [`Denial::Ambiguous`] for more than one `bearer`, [`Denial::Malformed`] for one at the list's end.
pub(super) fn read(head: &Headers) -> Result<Option<&[u8]>, Denial> {
    let mut entries = entries(head).skip_while(|entry| !is_mark(entry));
    if entries.next().is_none() {
        return Ok(None);
    }
    let token = entries.next().ok_or(Denial::Malformed)?;
    if is_mark(token) || entries.any(is_mark) {
        return Err(Denial::Ambiguous);
    }
    Ok(Some(token))
}

/// All other entries; `None` where there are none.
pub(super) fn without(head: &Headers) -> Option<Vec<u8>> {
    let mut behind_mark = false;
    let others: Vec<&[u8]> = entries(head)
        .filter(|entry| {
            let token = behind_mark;
            behind_mark = is_mark(entry);
            !token
        })
        .collect();
    (!others.is_empty()).then(|| others.join(&b", "[..]))
}

fn is_mark(entry: impl AsRef<[u8]>) -> bool {
    entry.as_ref().eq_ignore_ascii_case(MARK)
}

fn entries(head: &Headers) -> impl Iterator<Item = &[u8]> {
    head.all(HEADER)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
}
