//! The credential of a request: where it stands, and when there is one too many.
//!
//! A request with a good and a bad credential would pass here, and the upstream may take the bad one. So
//! whatever the rule's providers understand may occur once in the whole request, wherever it stands.

mod cookie;
mod header;
mod query;
mod websocket;

use std::borrow::Cow;

use crate::headers::Headers;
use crate::policy::denial::Denial;

/// A place where a token may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// The value of a cookie (RFC 6265 §4.2).
    Cookie(String),
    /// A header, behind a prefix.
    Header {
        /// The name, lower-case.
        name: String,
        /// What stands before the token, compared without ASCII case. With a space at its end it is an
        /// authentication scheme (RFC 9110 §11.4).
        prefix: String,
    },
    /// A parameter of the query.
    Parameter(String),
    /// `Sec-WebSocket-Protocol: bearer, <token>`: browsers let scripts set no other header of a WebSocket.
    WebSocket,
}

/// A token where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential<'h> {
    /// The token's text.
    pub token: Cow<'h, str>,
    /// Its place.
    pub location: &'h Location,
}

/// A change of one header that takes a credential out of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The header goes.
    Remove(String),
    /// It has this value instead, once.
    Set(String, Vec<u8>),
}

impl Location {
    /// `Authorization: Bearer` (RFC 6750 §2.1).
    #[must_use]
    pub fn bearer() -> Self {
        Self::Header {
            name: "authorization".to_owned(),
            prefix: "Bearer ".to_owned(),
        }
    }

    /// `Authorization: Basic` (RFC 7617 §2).
    #[must_use]
    pub fn basic() -> Self {
        Self::Header {
            name: "authorization".to_owned(),
            prefix: "Basic ".to_owned(),
        }
    }

    /// What takes the credential out of the request, and nothing else.
    #[must_use]
    pub fn edit(&self, head: &Headers) -> Edit {
        let (name, rest) = match self {
            Self::Header { name, .. } => return Edit::Remove(name.clone()),
            Self::Cookie(name) => (cookie::HEADER, cookie::without(head, name)),
            Self::Parameter(name) => (query::HEADER, Some(query::without(head, name))),
            Self::WebSocket => (websocket::HEADER, websocket::without(head)),
        };
        rest.map_or_else(
            || Edit::Remove(name.to_owned()),
            |rest| Edit::Set(name.to_owned(), rest),
        )
    }

    fn read<'h>(&self, head: &'h Headers) -> Result<Option<Cow<'h, [u8]>>, Denial> {
        match self {
            Self::Cookie(name) => cookie::read(head, name).map(|found| found.map(Cow::Borrowed)),
            Self::Header { name, prefix } => {
                header::read(head, name, prefix).map(|found| found.map(Cow::Borrowed))
            }
            Self::Parameter(name) => query::read(head, name),
            Self::WebSocket => websocket::read(head).map(|found| found.map(Cow::Borrowed)),
        }
    }
}

/// The one credential that a request presents at these places, if any. What stands behind a scheme that nobody
/// here understands counts as none.
///
/// # Errors
/// [`Denial::Ambiguous`] for more than one, [`Denial::Malformed`] for what is not a `b64token` (RFC 6750 §2.1).
pub fn find<'h>(
    head: &'h Headers,
    locations: &'h [Location],
) -> Result<Option<Credential<'h>>, Denial> {
    let mut found = None;
    for location in locations {
        let Some(bytes) = location.read(head)? else {
            continue;
        };
        let token = text(bytes).ok_or(Denial::Malformed)?;
        if found.is_some() {
            return Err(Denial::Ambiguous);
        }
        found = Some(Credential { token, location });
    }
    Ok(found)
}

/// The bytes as a `b64token`.
fn text(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    let text = match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).ok()?),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).ok()?),
    };
    let body = text.trim_end_matches('=');
    let sound = !body.is_empty()
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
    sound.then_some(text)
}

#[cfg(test)]
mod tests;
