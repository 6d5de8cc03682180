//! The credential of a request: where it stands, and when there is one too many.
//!
//! A request with a good and a bad credential would pass here, and the upstream may take the bad one. So
//! whatever the rule's providers understand may occur once in the whole request, wherever it stands.

mod cookie;
mod csrf;
mod header;
mod name;
mod query;
mod websocket;

pub use self::csrf::Csrf;
pub(crate) use self::query::values_of;

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::LazyLock;

use crate::headers::Headers;
use crate::policy::denial::Denial;

/// What stands before a token with a proof.
const DPOP: &str = "dpop ";

/// A place where a token may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// The value of a cookie (RFC 6265 §4.2).
    Cookie(String),
    /// A header, behind a prefix.
    Header {
        /// The name, lower-case.
        name: Rc<str>,
        /// What stands before the token, lower-case, compared without ASCII case. With a space at its end it is an
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
    Remove(Rc<str>),
    /// It has this value instead, once.
    Set(String, Vec<u8>),
}

impl Location {
    /// `Authorization: Bearer` (RFC 6750 §2.1).
    #[must_use]
    pub fn bearer() -> Self {
        Self::Header {
            name: "authorization".into(),
            prefix: "bearer ".to_owned(),
        }
    }

    /// `Authorization: Basic` (RFC 7617 §2).
    #[must_use]
    pub fn basic() -> Self {
        Self::Header {
            name: "authorization".into(),
            prefix: "basic ".to_owned(),
        }
    }

    /// Where tokens with a proof stand (RFC 9449 section 7.1): the same header, where that of bearer tokens is one.
    #[must_use]
    pub fn with_proof(&self) -> Option<Self> {
        match self {
            Self::Header { name, prefix } if prefix == "bearer " => Some(Self::Header {
                name: Rc::clone(name),
                prefix: DPOP.to_owned(),
            }),
            _ => None,
        }
    }

    /// Whether tokens stand here with a proof.
    #[must_use]
    pub fn is_dpop(&self) -> bool {
        matches!(self, Self::Header { prefix, .. } if prefix == DPOP)
    }

    /// Whether browsers send what stands here by themselves, whichever page makes the request.
    #[must_use]
    pub fn is_ambient(&self) -> bool {
        match self {
            Self::Cookie(_) => true,
            Self::Header { name, prefix } => **name == *"authorization" && prefix == "basic ",
            Self::Parameter(_) | Self::WebSocket => false,
        }
    }

    /// Whether something stands here, whatever it is.
    #[must_use]
    pub fn is_used(&self, head: &Headers) -> bool {
        !matches!(self.read(head), Ok(None))
    }

    /// What takes the credential out of the request, and nothing else.
    #[must_use]
    pub fn edit(&self, head: &Headers) -> Edit {
        let (name, rest) = match self {
            Self::Header { name, .. } => return Edit::Remove(Rc::clone(name)),
            Self::Cookie(name) => (cookie::HEADER, cookie::without(head, name)),
            Self::Parameter(name) => (query::HEADER, Some(query::without(head, name))),
            Self::WebSocket => (websocket::HEADER, websocket::without(head)),
        };
        rest.map_or_else(
            || Edit::Remove(name.into()),
            |rest| Edit::Set(name.to_owned(), rest),
        )
    }

    /// The characters of credentials here. Behind a scheme and among subprotocols they are those of tokens; a key or a
    /// session of one's own may have others.
    fn takes(&self) -> &'static Characters {
        match self {
            Self::WebSocket => &B64TOKEN,
            Self::Header { prefix, .. } if prefix.ends_with(' ') => &B64TOKEN,
            Self::Cookie(_) | Self::Header { .. } | Self::Parameter(_) => &COOKIE_OCTETS,
        }
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
/// [`Denial::Ambiguous`] for more than one, [`Denial::Malformed`] for what cannot be one where it stands.
pub fn find<'h>(
    head: &'h Headers,
    locations: &'h [Location],
) -> Result<Option<Credential<'h>>, Denial> {
    let mut found = None;
    for location in locations {
        let Some(bytes) = location.read(head)? else {
            continue;
        };
        let token = text(bytes, location.takes()).ok_or(Denial::Malformed)?;
        if found.is_some() {
            return Err(Denial::Ambiguous);
        }
        found = Some(Credential { token, location });
    }
    Ok(found)
}

/// For each byte, whether it is one of a set of characters: every byte of every credential is looked up.
type Characters = [bool; 256];

static B64TOKEN: LazyLock<Characters> = LazyLock::new(|| characters(is_b64token));
static COOKIE_OCTETS: LazyLock<Characters> = LazyLock::new(|| characters(is_cookie_octet));

fn characters(takes: fn(u8) -> bool) -> Characters {
    std::array::from_fn(|byte| u8::try_from(byte).is_ok_and(takes))
}

/// The bytes as text of these characters, and of something besides `=`.
fn text<'h>(bytes: Cow<'h, [u8]>, takes: &Characters) -> Option<Cow<'h, str>> {
    let text = match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).ok()?),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).ok()?),
    };
    let body = text.trim_end_matches('=').as_bytes();
    let is_taken = |byte: &u8| takes.get(usize::from(*byte)) == Some(&true);
    // Without a way out at the first wrong one: nearly all have none.
    let all = body.iter().fold(true, |all, byte| all & is_taken(byte));
    (all && !body.is_empty()).then_some(text)
}

/// RFC 6750 §2.1, before its `=`.
fn is_b64token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte)
}

/// RFC 6265 §4.1.1: also without what parts two values that a host has joined.
fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

#[cfg(test)]
mod tests;
