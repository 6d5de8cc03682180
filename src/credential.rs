//! The credential of a request: where it stands, and when there is one too many.
//!
//! A request with a good and a bad credential would pass here, and the upstream may take the bad one. So
//! whatever the rule's providers understand may occur once in the whole request, wherever it stands. Cookies are an
//! exception: others can put some of their own beside somebody's.

mod cookie;
mod copies;
mod csrf;
mod header;
mod places;
mod query;
mod websocket;

pub(crate) use self::websocket::is_token;

pub use self::copies::Copies;
pub use self::csrf::Csrf;
pub use self::places::{Emptied, Emptying, Places, Reach};

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::sync::LazyLock;

use crate::headers::Headers;
use crate::jose::{Malformation, TokenError};

/// What stands before a token with a proof.
const DPOP: &str = "dpop ";

/// How many different credentials are looked at of those that a browser sends by itself.
pub const MOST_COPIES: usize = 4;

/// A place where a token may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// The value of a cookie (RFC 6265 §4.2).
    Cookie(Named),
    /// A header, behind a prefix.
    Header {
        /// The header's name in lower case.
        name: Rc<str>,
        /// What stands before the token, lower-case, compared without ASCII case. With a space at its end it is an
        /// authentication scheme (RFC 9110 §11.4).
        prefix: String,
    },
    /// A parameter of the query.
    Parameter(Named),
    /// `Sec-WebSocket-Protocol: bearer, <token>`: browsers let scripts set no other header of a WebSocket.
    WebSocket,
}

/// A cookie or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name of the cookie or the parameter.
    pub name: String,
    /// What stands before the token in its value, lower-case, compared without ASCII case.
    pub prefix: String,
}

impl Named {
    /// What stands behind the prefix, where that is there and something behind it. Forms write a blank as `+`.
    #[inline(never)]
    fn behind_prefix<'v>(&self, value: &'v [u8]) -> Option<&'v [u8]> {
        let (start, rest) = value.split_at_checked(self.prefix.len())?;
        let is = |(sent, own): (&u8, u8)| {
            sent.eq_ignore_ascii_case(&own) || own == b' ' && *sent == b'+'
        };
        let is_behind = start.iter().zip(self.prefix.bytes()).all(is);
        (is_behind && !rest.is_empty()).then_some(rest)
    }
}

impl From<&str> for Named {
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            prefix: String::new(),
        }
    }
}

/// A token where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential<'h> {
    /// The token without the prefix before it.
    pub token: Cow<'h, str>,
    /// The place where the token was found.
    pub location: &'h Location,
}

/// As operators know it from their configuration.
impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name, prefix) = match self {
            Self::Cookie(Named { name, prefix }) => ("cookie", &**name, prefix.as_str()),
            Self::Header { name, prefix } => ("header", &**name, prefix.as_str()),
            Self::Parameter(Named { name, prefix }) => ("parameter", &**name, prefix.as_str()),
            Self::WebSocket => ("header", websocket::HEADER, ""),
        };
        write!(formatter, "the {kind} \"{name}\"")?;
        if prefix.is_empty() {
            return Ok(());
        }
        write!(formatter, " with \"{prefix}\"")
    }
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

    /// Whether this is [`Self::basic`].
    #[must_use]
    pub fn is_basic(&self) -> bool {
        matches!(self, Self::Header { name, prefix } if **name == *"authorization" && prefix == "basic ")
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
            Self::Header { name, prefix } => {
                **name == *"authorization" && is_ambient_scheme(prefix)
            }
            Self::Parameter(_) | Self::WebSocket => false,
        }
    }

    const fn is_header(&self) -> bool {
        matches!(self, Self::Header { .. })
    }

    /// Whether something stands here, whatever it is.
    #[must_use]
    pub fn is_used(&self, head: &Headers) -> bool {
        !matches!(self.read(head), Ok(None))
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

    fn read<'h>(&self, head: &'h Headers) -> Result<Option<Cow<'h, [u8]>>, CredentialError<'h>> {
        match self {
            Self::Cookie(own) => {
                let mut first = None;
                cookie::each_token(head, own, &mut |token, _| first = first.or(Some(token)));
                Ok(first.map(Cow::Borrowed))
            }
            Self::Header { name, prefix } => {
                header::read(head, name, prefix).map(|found| found.map(Cow::Borrowed))
            }
            Self::Parameter(own) => query::read(head, own),
            Self::WebSocket => websocket::read(head),
        }
    }
}

/// Why no credential of a request can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialError<'l> {
    /// There are several different ones.
    Ambiguous,
    /// There is a scheme with nothing behind it.
    Malformed,
    /// What stands at this place cannot be a credential.
    Unreadable(&'l Location),
}

/// What a request presents at some places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented<'h> {
    /// Several different ones, at most [`MOST_COPIES`], that a browser sends by itself, so that others may have put some
    /// of them there.
    Copies(Vec<Credential<'h>>),
    /// One in a header, which counts before others that a browser sends by itself, unless it is none of theirs who look
    /// there.
    Outranking(Credential<'h>, Copies<'h>),
    /// The request presents no credential at these places.
    Nothing,
    /// The one that counts.
    One(Credential<'h>),
}

/// What a request presents at these places. What stands behind a scheme that nobody here understands counts as none. The
/// same credential several times is one, and a header outranks cookies: a page of another site's cannot set it.
///
/// # Errors
/// [`CredentialError::Ambiguous`] for more than one, [`CredentialError::Malformed`] for a scheme with nothing behind it, and
/// [`CredentialError::Unreadable`] for a credential that cannot be one where it stands.
pub fn find<'h>(
    head: &'h Headers,
    locations: &'h [Location],
) -> Result<Presented<'h>, CredentialError<'h>> {
    let mut explicit: Option<Credential<'h>> = None;
    let mut copies = Copies::default();
    for location in locations {
        if let Location::Cookie(own) = location {
            cookie::each_token(head, own, &mut |value, is_plain| {
                // What is no more than read as the cookie, by some servers, is taken out and opens nothing.
                let token = text(value.into(), location.takes())
                    .ok()
                    .filter(|_| is_plain);
                copies.add(token.ok_or(CredentialError::Unreadable(location)), location);
            });
            continue;
        }
        let Some(bytes) = location.read(head)? else {
            continue;
        };
        let token = text(bytes, location.takes()).map_err(|bytes| unreadable(location, &bytes));
        if location.is_ambient() {
            copies.add(token, location);
            continue;
        }
        let token = token?;
        match &explicit {
            Some(held) if held.token != token => return Err(CredentialError::Ambiguous),
            Some(held) if held.location.is_header() => {}
            _ => explicit = Some(Credential { token, location }),
        }
    }
    copies.beside(explicit)
}

/// For each byte, whether it is one of a set of characters: every byte of every credential is looked up.
type Characters = [bool; 256];

static B64TOKEN: LazyLock<Characters> = LazyLock::new(|| characters(is_b64token));
static COOKIE_OCTETS: LazyLock<Characters> = LazyLock::new(|| characters(is_cookie_octet));

fn characters(takes: fn(u8) -> bool) -> Characters {
    std::array::from_fn(|byte| u8::try_from(byte).is_ok_and(takes))
}

/// The bytes as text of these characters, and of something besides `=`; or the bytes.
fn text<'h>(bytes: Cow<'h, [u8]>, takes: &Characters) -> Result<Cow<'h, str>, Cow<'h, [u8]>> {
    let text = match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).map_err(|_| bytes)?),
        Cow::Owned(bytes) => {
            Cow::Owned(String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes)?)
        }
    };
    let body = text.trim_end_matches('=').as_bytes();
    let is_taken = |byte: &u8| takes.get(usize::from(*byte)) == Some(&true);
    // No early exit: nearly every credential is valid.
    let all = body.iter().fold(true, |all, byte| all & is_taken(byte));
    if all && !body.is_empty() {
        return Ok(text);
    }
    Err(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    })
}

/// Whether what stands behind this, in `Authorization`, comes from browsers unasked: what a user has typed into their own
/// dialogue, or what the machine is signed in with.
#[must_use]
pub fn is_ambient_scheme(prefix: &str) -> bool {
    let schemes = ["basic", "digest", "negotiate", "ntlm"];
    let scheme = prefix.trim_ascii_end();
    schemes.iter().any(|own| own.eq_ignore_ascii_case(scheme))
}

/// What is wrong with a token that cannot be one where it stands.
pub const UNREADABLE: TokenError = TokenError::Malformed(Malformation::Segments);

/// What is wrong with a credential that cannot be one where it stands: a token that nobody can read is no valid token (RFC
/// 6750 §3.1), and only nothing at all, or two that a host has joined with a comma, are a malformed request.
#[cold]
fn unreadable<'h>(location: &'h Location, bytes: &[u8]) -> CredentialError<'h> {
    if bytes.is_empty() {
        CredentialError::Malformed
    } else if bytes.contains(&b',') && matches!(location, Location::Header { .. }) {
        CredentialError::Ambiguous
    } else {
        CredentialError::Unreadable(location)
    }
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
