//! The canonical request: one text for every way to write the same request.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Request;
use crate::text::percent_decode;

/// The canonical request and the names of its headers. S3 takes a path for what it stands for; other services
/// normalise it as it was sent and encode it once more.
pub(super) fn request(request: &Request<'_>, s3: bool) -> (Vec<u8>, String) {
    let (path, query) = split(request.target);
    let (headers, signed_headers) = headers(request);
    let path = if s3 {
        encode(&decoded(path), true)
    } else {
        encode(&normal(path), true)
    };
    let canonical = [
        request.method,
        b"\n",
        path.as_bytes(),
        b"\n",
        self::query(query).as_bytes(),
        b"\n",
        &headers,
        b"\n",
        signed_headers.as_bytes(),
        b"\n",
        request.payload_hash.as_bytes(),
    ]
    .concat();
    (canonical, signed_headers)
}

fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let end = target.iter().position(|byte| *byte == b'?');
    end.and_then(|end| target.split_at_checked(end))
        .map_or((target, b""), |(path, query)| {
            (path, query.strip_prefix(b"?").unwrap_or_default())
        })
}

/// What percent triplets stand for; as it is where they are broken.
fn decoded(text: &[u8]) -> Vec<u8> {
    percent_decode(text).unwrap_or_else(|| text.to_vec())
}

/// RFC 3986 §5.2.4, and without empty segments.
fn normal(path: &[u8]) -> Vec<u8> {
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let mut normal = b"/".to_vec();
    normal.extend(segments.join(&b'/'));
    let open = path.ends_with(b"/") || path.ends_with(b"/.") || path.ends_with(b"/..");
    if open && normal.len() > 1 {
        normal.push(b'/');
    }
    normal
}

/// Percent-encodes all but the unreserved characters (RFC 3986 §2.3), and slashes where they part segments.
fn encode(text: &[u8], slashes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || slashes && *byte == b'/' {
            out.push(char::from(*byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    if slashes && out.is_empty() {
        out.push('/');
    }
    out
}

/// What a name or a value of a query stands for, where `+` is a space, as services read it.
fn form_decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    decoded(&spaced)
}

/// Names and values encoded, sorted by both.
fn query(query: &[u8]) -> String {
    let pairs = query
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty());
    // Of pairs that are alike each counts.
    let pairs: BTreeSet<(String, String, usize)> = pairs
        .enumerate()
        .map(|(index, pair)| {
            let end = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = end
                .and_then(|end| pair.split_at_checked(end))
                .unwrap_or((pair, b""));
            let value = value.strip_prefix(b"=").unwrap_or_default();
            (
                encode(&form_decoded(name), false),
                encode(&form_decoded(value), false),
                index,
            )
        })
        .collect();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value, _)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// Each header once with its values in order, and the list of names.
fn headers(request: &Request<'_>) -> (Vec<u8>, String) {
    let mut all: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    let host = [("host", request.host)];
    for (name, value) in host.iter().chain(request.headers) {
        all.entry(name).or_default().push(trimmed(value));
    }
    let lines = all
        .iter()
        .flat_map(|(name, values)| [name.as_bytes(), b":", &values.join(&b','), b"\n"].concat());
    let names: Vec<&str> = all.keys().copied().collect();
    (lines.collect(), names.join(";"))
}

/// Without spaces around, and with one for several in a row.
fn trimmed(value: &[u8]) -> Vec<u8> {
    let words = value
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}
