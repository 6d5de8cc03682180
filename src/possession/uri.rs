//! Whether a proof's `htu` is the URI of a request: both are normalised as RFC 3986 section 6.2.2 and 6.2.3 say, and
//! neither query nor fragment counts (RFC 9449 section 4.3).

use crate::headers::Headers;
use crate::text::percent_decode;

/// Whether this is where the request went: to one of these origins, or to its own where there are none.
pub(super) fn is_target(uri: &str, head: &Headers, origins: &[String]) -> bool {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = uri.split_once("://") else {
        return false;
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or_default();
    let Some(origin) = origin(scheme, authority) else {
        return false;
    };
    let target = head.first(":path").unwrap_or_default();
    let target = target.split(|byte| *byte == b'?').next();
    let right_origin = if origins.is_empty() {
        origin_of(head).is_some_and(|own| own == origin)
    } else {
        origins.contains(&origin)
    };
    right_origin && normal(path.as_bytes()) == normal(target.unwrap_or_default())
}

fn origin_of(head: &Headers) -> Option<String> {
    let authority = head.first(":authority").or_else(|| head.first("host"))?;
    let text = |bytes| std::str::from_utf8(bytes).ok();
    origin(text(head.first(":scheme")?)?, text(authority)?)
}

/// Scheme and authority in one form: lower-case, without the scheme's own port. `None` for another scheme than `http` and
/// `https`, and for what is no host.
#[must_use]
pub fn origin(scheme: &str, authority: &str) -> Option<String> {
    let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    let own = match scheme.as_str() {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.is_empty() || port == own => host,
        _ => authority.as_str(),
    };
    let sound = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic());
    (sound && !host.contains(['@', '/', '?', '#', '\\'])).then(|| [&scheme, "://", host].concat())
}

/// A path in one form: unreserved characters as they are, other triplets in upper case, without dot segments.
fn normal(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, tail)) = rest.split_first() {
        let triplet = rest.get(..3).filter(|_| *first == b'%');
        match triplet.and_then(|triplet| Some((triplet, percent_decode(triplet)?))) {
            Some((triplet, decoded)) => {
                if decoded.iter().all(|byte| is_unreserved(*byte)) {
                    out.extend(decoded);
                } else {
                    out.extend(triplet.to_ascii_uppercase());
                }
                rest = rest.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    without_dot_segments(&out)
}

/// RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 section 5.2.4, for a path that begins with a slash; an empty one is `/`.
fn without_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<&[u8]> = Vec::new();
    // What stands before the first slash is nothing.
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let dots = matches!(segment, b"." | b"..");
        if segment == b".." {
            out.pop();
        }
        if !dots {
            out.push(segment);
        } else if segments.peek().is_none() {
            out.push(b"");
        }
    }
    [b"/", out.join(&b'/').as_slice()].concat()
}
