//! Tokens among the subprotocols of a WebSocket (RFC 6455 §4.1), in the forms on which servers and their scripts have
//! agreed.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::CredentialError;
use super::header::behind;
use crate::headers::Headers;

/// The list of subprotocols.
pub(super) const HEADER: &str = "sec-websocket-protocol";

/// The entries before a token. They stay, so that the server can choose them: a browser closes a connection
/// whose server chose nothing of what was offered.
const MARKS: [&[u8]; 2] = [b"bearer", b"access_token"];
/// What stands before a token within its entry.
const PREFIX: &[u8] = b"bearer-";
/// What stands before a token that is encoded once more, as Kubernetes has it.
const ENCODED: &[u8] = b"base64url.bearer.authorization.k8s.io.";

/// The token among them; `None` where there is none.
///
/// # Errors
/// [`CredentialError::Ambiguous`] for two different ones, [`CredentialError::Malformed`] for a mark at the list's end.
pub(super) fn read(head: &Headers) -> Result<Option<Cow<'_, [u8]>>, CredentialError<'static>> {
    let mut found: Option<Cow<'_, [u8]>> = None;
    let mut behind_mark = false;
    for entry in entries(head) {
        let token = match (std::mem::take(&mut behind_mark), is_mark(entry)) {
            (true, true) => return Err(CredentialError::Ambiguous),
            (true, false) => Some(Cow::Borrowed(entry)),
            (false, true) => {
                behind_mark = true;
                None
            }
            (false, false) => alone(entry),
        };
        match (&found, token) {
            (Some(held), Some(token)) if *held != token => return Err(CredentialError::Ambiguous),
            (None, Some(token)) => found = Some(token),
            _ => {}
        }
    }
    if behind_mark {
        return Err(CredentialError::Malformed);
    }
    Ok(found)
}

/// All other entries, with the marks behind them, each once, so that nothing stands behind one; `None` where there are none.
pub(super) fn without(head: &Headers) -> Option<Vec<u8>> {
    let mut behind_mark = false;
    let mut marks: Vec<&[u8]> = Vec::new();
    let mut others: Vec<&[u8]> = entries(head)
        .filter(|entry| {
            let token = behind_mark;
            behind_mark = is_mark(entry);
            if behind_mark && !marks.iter().any(|mark| mark.eq_ignore_ascii_case(entry)) {
                marks.push(entry);
            }
            !behind_mark && !token && alone(entry).is_none()
        })
        .collect();
    others.append(&mut marks);
    (!others.is_empty()).then(|| others.join(&b", "[..]))
}

/// The token of an entry that needs no mark before it.
#[inline(never)]
fn alone(entry: &[u8]) -> Option<Cow<'_, [u8]>> {
    if let Some(encoded) = behind(entry, ENCODED) {
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(encoded);
        // What cannot be decoded is no text of a credential.
        return Some(Cow::Owned(decoded.unwrap_or_else(|_| vec![0])));
    }
    behind(entry, PREFIX)
        .or_else(|| is_token(entry).then_some(entry))
        .map(Cow::Borrowed)
}

/// Whether a text is a token by its looks: three parts, or five of an encrypted one, of which the first is a JSON object in
/// base64url. No name of a subprotocol is.
pub(crate) fn is_token(text: &[u8]) -> bool {
    let parts = text.split(|byte| *byte == b'.').count();
    let first = text.split(|byte| *byte == b'.').next().unwrap_or_default();
    let whole = first.len().saturating_sub(first.len() % 4);
    let start = BASE64_URL_SAFE_NO_PAD.decode(first.get(..whole).unwrap_or_default());
    matches!(parts, 3 | 5) && start.is_ok_and(|start| start.trim_ascii_start().starts_with(b"{"))
}

fn is_mark(entry: &[u8]) -> bool {
    MARKS.iter().any(|mark| mark.eq_ignore_ascii_case(entry))
}

fn entries(head: &Headers) -> impl Iterator<Item = &[u8]> {
    head.all(HEADER)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
}
