//! The conditions on a request for a rule to decide it.

use super::path::MatchPath;
use crate::headers::Headers;
use crate::text::is_folded;

/// How a rule matches the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatchHost {
    /// Exactly this host, lower-case.
    Exact(String),
    /// Any host below this one: `.example.com`, lower-case, with its leading dot.
    Below(String),
}

impl MatchHost {
    /// Reads `example.com` or `*.example.com`; `None` for what is neither.
    #[must_use]
    pub fn parse(pattern: &str) -> Option<Self> {
        let lower = pattern.to_ascii_lowercase();
        let (host, wildcard) = lower
            .strip_prefix('*')
            .map_or((lower.as_str(), false), |rest| (rest, true));
        let name = if wildcard {
            host.strip_prefix('.')?
        } else {
            host
        };
        let sound = !name.is_empty()
            && !name.starts_with('.')
            && !name.ends_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"*/@?#\\".contains(&byte));
        sound.then(|| {
            if wildcard {
                Self::Below(host.to_owned())
            } else {
                Self::Exact(lower.clone())
            }
        })
    }

    /// Whether the request's authority matches: without ASCII case; its port counts only where the pattern
    /// has one; a root dot at the end does not count (RFC 9110 §4.2.3, RFC 3986 §3.2.2).
    #[must_use]
    pub fn is_match(&self, authority: &[u8]) -> bool {
        let (pattern, is_below) = self.pattern();
        let (name, has_port) = split_port(pattern);
        let (host, pattern) = if has_port && !authority.ends_with(ANY_PORT) {
            (authority, pattern)
        } else {
            (split_port(authority).0, name)
        };
        let host = host.strip_suffix(b".").unwrap_or(host);
        let Some(start) = host.len().checked_sub(pattern.len()) else {
            return false;
        };
        let end = host.get(start..).unwrap_or_default();
        (start > 0) == is_below && end.eq_ignore_ascii_case(pattern)
    }

    /// The host, and whether it stands for what is below it.
    fn pattern(&self) -> (&[u8], bool) {
        match self {
            Self::Exact(host) => (host.as_bytes(), false),
            Self::Below(host) => (host.as_bytes(), true),
        }
    }

    /// Whether it names a port.
    pub(super) fn has_port(&self) -> bool {
        split_port(self.pattern().0).1
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(_), Self::Below(_)) => false,
            (Self::Below(wide), Self::Below(narrow)) => narrow.ends_with(wide.as_str()),
            (_, Self::Exact(host)) => self.is_match(host.as_bytes()),
        }
    }
}

/// What stands for every port. No client can send it: it is no authority.
const ANY_PORT: &[u8] = b":*";

/// An authority as a server reads it that does not look at ports.
pub(super) fn any_port(authority: &[u8]) -> Vec<u8> {
    [&host_of(authority).to_ascii_lowercase(), ANY_PORT].concat()
}

/// The host without its port, and whether there was one. An IPv6 literal's colons are its own.
fn split_port(authority: &[u8]) -> (&[u8], bool) {
    let Some(colon) = authority.iter().rposition(|byte| *byte == b':') else {
        return (authority, false);
    };
    let (host, port) = authority
        .split_at_checked(colon)
        .unwrap_or((authority, b""));
    // A port of no digits is none (RFC 3986 §3.2.3): servers take the host before it.
    let is_port = !(cfg!(readings_off) && port.len() < 2)
        && (port.iter().skip(1).all(u8::is_ascii_digit) || port == ANY_PORT)
        && (!host.contains(&b':') || host.ends_with(b"]"));
    if is_port {
        (host, true)
    } else {
        (authority, false)
    }
}

/// The host of an authority, without its port and root dot.
pub(super) fn host_of(authority: &[u8]) -> &[u8] {
    let host = split_port(authority).0;
    host.strip_suffix(b".").unwrap_or(host)
}

/// Whether this is a host, with a port or without: what else stands in an authority, such as a user or an encoded byte, is
/// read in one way by one server and in another by the next.
pub(super) fn is_authority(authority: &[u8]) -> bool {
    if cfg!(readings_off) {
        return true;
    }
    let (name, rest) = split_name(authority);
    if !name.is_empty() {
        return match rest.split_first() {
            None => true,
            Some((b':', port)) => is_port(port),
            Some(_) => false,
        };
    }
    let host = split_port(authority).0;
    let port = authority.get(host.len().saturating_add(1)..);
    let address = host
        .strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"));
    let is_address = |text: &[u8]| {
        let text = std::str::from_utf8(text).ok();
        text.is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
    };
    address.is_some_and(is_address) && port.is_none_or(is_port)
}

/// The labels with dots between them that an authority begins with, and what follows them; nothing of it where a label is
/// empty, which some servers cut. One dot at the end is the root's.
fn split_name(authority: &[u8]) -> (&[u8], &[u8]) {
    let mut before = b'.';
    let mut end = 0;
    for byte in authority.iter().copied() {
        let is_plain = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !is_plain && byte != b'.' {
            break;
        }
        if byte == b'.' && before == b'.' {
            return (b"", authority);
        }
        before = byte;
        end += 1;
    }
    authority.split_at_checked(end).unwrap_or((b"", authority))
}

/// Whether this is a port, or none: servers take the host before it (RFC 3986 §3.2.3).
fn is_port(port: &[u8]) -> bool {
    let mut value = 0_u32;
    for digit in port {
        if !digit.is_ascii_digit() {
            return false;
        }
        value = value
            .saturating_mul(10)
            .saturating_add(u32::from(*digit & 15));
    }
    value <= u32::from(u16::MAX)
}

/// The parts of a request that rules match.
#[derive(Clone, Copy, Debug)]
pub struct Target<'h> {
    /// The request method in this reading.
    pub method: &'h [u8],
    /// The authority in this reading: the host, and the port where there is one.
    pub authority: &'h [u8],
    /// The path in this reading, in canonical form and without the query.
    pub path: &'h [u8],
    /// All headers of the request.
    pub headers: &'h Headers,
}

/// A condition on one header. Of a header that occurs more than once each value is tried, and so is one whose name servers
/// fold to this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchHeader {
    /// The header's name in lower case.
    pub name: String,
    /// The condition on the header's values.
    pub test: HeaderTest,
}

/// A condition on a header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderTest {
    /// The value equals one of these texts.
    AnyOf(Box<[String]>),
    /// The value begins with this text.
    Prefix(String),
    /// The header must be present (`true`) or absent (`false`).
    Present(bool),
}

impl MatchHeader {
    /// Whether it holds in some reading of the headers, and whether in each. A header of another spelling is read by some
    /// servers and not by others.
    fn is_match(&self, headers: &Headers) -> (bool, bool) {
        let (mut some, mut each, mut is_there) = (false, true, false);
        for (name, value) in headers.iter() {
            if is_folded(self.name.as_bytes(), name) {
                let is_own = name.eq_ignore_ascii_case(self.name.as_bytes());
                let holds = self.holds(Some(value));
                some |= holds || !is_own;
                each &= holds && is_own;
                is_there |= is_own;
            }
        }
        if !is_there {
            let holds = self.holds(None);
            some |= holds;
            each &= holds;
        }
        (some, each)
    }

    fn holds(&self, value: Option<&[u8]>) -> bool {
        match &self.test {
            HeaderTest::AnyOf(wanted) => wanted.iter().any(|own| Some(own.as_bytes()) == value),
            HeaderTest::Prefix(start) => {
                value.is_some_and(|value| value.starts_with(start.as_bytes()))
            }
            HeaderTest::Present(wanted) => value.is_some() == *wanted,
        }
    }
}

/// A rule's `match`: every part holds; an empty list of methods or hosts means any.
#[derive(Clone, Debug)]
pub struct Route {
    /// The condition on the path.
    pub path: MatchPath,
    /// Methods, compared as they stand (RFC 9110 §9.1).
    pub methods: Box<[String]>,
    /// The hosts, any of which matches; any host where empty.
    pub hosts: Box<[MatchHost]>,
    /// The conditions on headers, all of which must be met.
    pub headers: Box<[MatchHeader]>,
}

impl Route {
    /// Whether the request meets all conditions.
    #[must_use]
    pub fn is_match(&self, target: &Target<'_>) -> bool {
        // Servers answer HEAD by what they have for GET (RFC 9110 §9.3.2).
        let method = |name: &String| {
            name.as_bytes() == target.method || name == "GET" && target.method == b"HEAD"
        };
        let host = |host: &MatchHost| host.is_match(target.authority);
        self.path.is_match(target.path)
            && (self.methods.is_empty() || self.methods.iter().any(method))
            && (self.hosts.is_empty() || self.hosts.iter().any(host))
            && self
                .headers
                .iter()
                .all(|header| header.is_match(target.headers).0)
    }

    /// Whether the headers of a request that matches say so in each of their readings.
    pub(super) fn is_sure(&self, headers: &Headers) -> bool {
        let mut tests = self.headers.iter();
        tests.all(|header| header.is_match(headers).1)
    }

    /// The same route for paths in lower case.
    #[must_use]
    pub(in crate::policy) fn without_case(&self) -> Self {
        Self {
            path: self.path.without_case(),
            ..self.clone()
        }
    }

    /// Whether each request that `other` matches is matched by `self`: behind it, `other` is never reached.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let methods = self.methods.is_empty()
            || !other.methods.is_empty()
                && other.methods.iter().all(|name| self.methods.contains(name));
        let hosts = self.hosts.is_empty()
            || !other.hosts.is_empty()
                && other
                    .hosts
                    .iter()
                    .all(|host| self.hosts.iter().any(|wide| wide.covers(host)));
        let headers = self
            .headers
            .iter()
            .all(|header| other.headers.contains(header));
        methods && hosts && headers && self.path.covers(&other.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_without_case_port_and_root_dot() {
        let cases = [
            ("example.com", "EXAMPLE.com:8080", true),
            ("example.com", "example.com.", true),
            ("example.com", "a.example.com", false),
            ("example.com:8080", "example.com:8080", true),
            ("example.com:8080", "example.com", false),
            ("*.example.com", "a.b.Example.com:1", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "badexample.com", false),
            ("[::1]", "[::1]:80", true),
            ("example.com", "\u{fffd}", false),
            ("example.com", "", false),
        ];
        for (pattern, authority, want) in cases {
            assert_eq!(
                MatchHost::parse(pattern)
                    .unwrap()
                    .is_match(authority.as_bytes()),
                want,
                "{pattern} {authority}"
            );
        }
        for pattern in [
            "",
            "*",
            "*.",
            "a.*",
            "*example.com",
            "http://a",
            "a.",
            ".a",
            "a b",
        ] {
            assert_eq!(MatchHost::parse(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn a_rule_is_covered_only_where_every_part_is() {
        let route = |path: &str, methods: &[&str], hosts: &[&str]| Route {
            path: MatchPath::Prefix(path.into()),
            methods: methods.iter().map(|name| (*name).to_owned()).collect(),
            hosts: hosts
                .iter()
                .map(|host| MatchHost::parse(host).unwrap())
                .collect(),
            headers: Box::default(),
        };
        let cases = [
            (route("/", &[], &[]), route("/a", &["GET"], &["a.b"]), true),
            (route("/", &["GET"], &[]), route("/a", &[], &[]), false),
            (
                route("/", &["GET", "PUT"], &[]),
                route("/a", &["PUT"], &[]),
                true,
            ),
            (
                route("/", &[], &["*.b"]),
                route("/a", &[], &["x.b", "*.y.b"]),
                true,
            ),
            (route("/", &[], &["*.b"]), route("/a", &[], &["b"]), false),
            (route("/", &[], &["a.b"]), route("/a", &[], &["*.b"]), false),
        ];
        for (wide, narrow, want) in cases {
            assert_eq!(wide.covers(&narrow), want, "{wide:?} {narrow:?}");
        }
    }
}
