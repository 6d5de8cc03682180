//! Request paths: the one form that rules are matched against, and the refusal of paths that have two.
//!
//! A rule protects nothing if the upstream reads the path in another way than the filter did. What two
//! servers could read differently is refused; what remains is decoded once, and runs of slashes count as one.

pub mod expression;
mod template;

pub use self::template::{Template, TemplateError};

use std::borrow::Cow;

use regex_lite::Regex;

use crate::text::percent_decode;

/// A path that two servers could read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a path that two servers could read differently")]
pub struct AmbiguousPath;

/// A path without its query, percent-decoded once (RFC 3986 §6.2.2.2), slashes merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'t>(Cow<'t, [u8]>);

impl<'t> CanonicalPath<'t> {
    /// Reads a request target's path; what follows the first `?` is not looked at.
    ///
    /// # Errors
    /// Where the path has no leading slash, an encoded slash or backslash, a backslash, a fragment, a NUL or
    /// another control character, a `%` without two hexadecimal digits, or a dot segment, also in the guise
    /// `..;x` that servers with path parameters resolve.
    pub fn parse(target: &'t [u8]) -> Result<Self, AmbiguousPath> {
        let path = target
            .split(|byte| *byte == b'?')
            .next()
            .unwrap_or_default();
        if path.first() != Some(&b'/') || path.contains(&b'#') {
            return Err(AmbiguousPath);
        }
        let mut decoded = Cow::Borrowed(path);
        if path.contains(&b'%') {
            if hides_a_slash(path) {
                return Err(AmbiguousPath);
            }
            decoded = Cow::Owned(percent_decode(path).ok_or(AmbiguousPath)?);
        }
        if decoded
            .iter()
            .any(|byte| byte.is_ascii_control() || *byte == b'\\')
        {
            return Err(AmbiguousPath);
        }
        if decoded.windows(2).any(|two| two == b"//") {
            merge_slashes(decoded.to_mut());
        }
        if decoded.split(|byte| *byte == b'/').any(is_dot_segment) {
            return Err(AmbiguousPath);
        }
        Ok(Self(decoded))
    }

    /// A path that a host has decoded.
    #[must_use]
    pub fn decoded(path: &[u8]) -> Self {
        let mut path = path.to_vec();
        path.dedup_by(|next, before| *next == b'/' && *before == b'/');
        Self(Cow::Owned(path))
    }

    /// The bytes of the path, decoded.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same path as a server reads it that drops the parameters of each segment (`/a;v=1/b` is `/a/b`),
    /// or `None` where there are none. Rules must agree on both readings.
    #[must_use]
    pub fn without_parameters(&self) -> Option<CanonicalPath<'static>> {
        if !self.0.contains(&b';') {
            return None;
        }
        let segments: Vec<&[u8]> = self.0.split(|byte| *byte == b'/').map(name_of).collect();
        let mut path = segments.join(&b'/');
        merge_slashes(&mut path);
        Some(CanonicalPath(Cow::Owned(path)))
    }
}

fn merge_slashes(path: &mut Vec<u8>) {
    path.dedup_by(|next, before| *next == b'/' && *before == b'/');
}

/// Whether a percent triplet stands for `/` or `\`, which servers decode before or after they split the path.
fn hides_a_slash(path: &[u8]) -> bool {
    path.windows(3).any(|triplet| {
        [b"%2f", b"%5c"]
            .iter()
            .any(|slash| triplet.eq_ignore_ascii_case(*slash))
    })
}

fn name_of(segment: &[u8]) -> &[u8] {
    segment
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
}

fn is_dot_segment(segment: &[u8]) -> bool {
    matches!(name_of(segment), b"." | b"..")
}

/// How a rule matches the path.
#[derive(Clone, Debug)]
pub enum MatchPath {
    /// Every path matches, whatever it is.
    Any,
    /// Exactly this path matches, byte for byte.
    Exact(Vec<u8>),
    /// Paths that begin with these whole segments: `/admin` is not `/adminx`. A prefix that ends in a slash
    /// is taken as written: `/admin/` does not match `/admin`.
    Prefix(Vec<u8>),
    /// Paths that this expression matches as a whole. A path that is not UTF-8 is read with replacement characters.
    Regex(Regex),
    /// Paths that this template matches as a whole.
    Template(Template),
}

impl MatchPath {
    /// Whether this matches the canonical path.
    #[must_use]
    pub fn is_match(&self, path: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path.strip_prefix(prefix.as_slice()).is_some_and(|rest| {
                prefix.ends_with(b"/") || rest.is_empty() || rest.starts_with(b"/")
            }),
            Self::Regex(expression) => expression.is_match(&String::from_utf8_lossy(path)),
            Self::Template(template) => template.is_match(path),
        }
    }

    /// The same for paths in lower case.
    #[must_use]
    pub fn without_case(&self) -> Self {
        match self {
            Self::Any => Self::Any,
            Self::Exact(path) => Self::Exact(path.to_ascii_lowercase()),
            Self::Prefix(path) => Self::Prefix(path.to_ascii_lowercase()),
            Self::Regex(expression) => {
                let folded = Regex::new(&format!("(?i){}", expression.as_str()));
                Self::Regex(folded.unwrap_or_else(|_| expression.clone()))
            }
            Self::Template(template) => Self::Template(template.without_case()),
        }
    }

    /// Whether a path in lower case may match by its letters only.
    #[must_use]
    pub fn has_capitals(&self) -> bool {
        match self {
            Self::Any => false,
            Self::Exact(path) | Self::Prefix(path) => path.iter().any(u8::is_ascii_uppercase),
            Self::Regex(expression) => expression
                .as_str()
                .bytes()
                .any(|byte| byte.is_ascii_uppercase()),
            Self::Template(template) => *template != template.without_case(),
        }
    }

    /// Whether it is written with a slash at its end, but for the root.
    #[must_use]
    pub fn ends_with_slash(&self) -> bool {
        match self {
            Self::Any | Self::Regex(_) => false,
            Self::Exact(path) | Self::Prefix(path) => path.len() > 1 && path.ends_with(b"/"),
            Self::Template(template) => template.ends_with_slash(),
        }
    }

    /// Whether each path that `other` matches is matched by `self`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Prefix(prefix), Self::Any | Self::Regex(_)) => prefix == b"/",
            (Self::Prefix(_), Self::Template(template)) => self.is_match(&template.stem()),
            (Self::Template(template), Self::Any | Self::Regex(_)) => template.covers_prefix(b"/"),
            (Self::Template(template), Self::Prefix(prefix)) => template.covers_prefix(prefix),
            (Self::Template(wide), Self::Template(narrow)) => wide.covers(narrow),
            // Nobody can say what an expression covers, but that it covers itself.
            (Self::Regex(wide), Self::Regex(narrow)) => wide.as_str() == narrow.as_str(),
            (Self::Exact(_) | Self::Regex(_), other) => {
                matches!(other, Self::Exact(path) if self.is_match(path))
            }
            (_, Self::Exact(path) | Self::Prefix(path)) => self.is_match(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_its_slashes_are_merged() {
        let cases = [
            ("/", "/"),
            ("/a?b=/../c", "/a"),
            ("/%61dmin", "/admin"),
            ("//admin///x", "/admin/x"),
            ("/caf%C3%A9", "/café"),
            ("/a/...", "/a/..."),
            ("/%2561", "/%61"),
            ("/a;v=1", "/a;v=1"),
        ];
        for (target, want) in cases {
            assert_eq!(
                CanonicalPath::parse(target.as_bytes()).unwrap().as_bytes(),
                want.as_bytes(),
                "{target}"
            );
        }
    }

    #[test]
    fn a_path_with_two_readings_is_refused() {
        let cases = [
            "",
            "*",
            "admin",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%5Cb",
            "/a\\b",
            "/a/../b",
            "/a/.",
            "/..",
            "/a/%2e%2e/b",
            "/a/.%2E",
            "/a/..;/b",
            "/a/..;x=1/b",
            "/a%00b",
            "/a\0b",
            "/a\nb",
            "/a%0ab",
            "/a%7f",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a#b",
        ];
        for target in cases {
            assert_eq!(
                CanonicalPath::parse(target.as_bytes()),
                Err(AmbiguousPath),
                "{target:?}"
            );
        }
    }

    #[test]
    fn path_parameters_give_a_second_reading() {
        let path = |target: &'static str| CanonicalPath::parse(target.as_bytes()).unwrap();
        assert_eq!(
            path("/admin;v=1/x;y").without_parameters(),
            Some(path("/admin/x"))
        );
        assert_eq!(path("/;a/admin").without_parameters(), Some(path("/admin")));
        assert_eq!(path("/admin").without_parameters(), None);
    }

    #[test]
    fn a_prefix_matches_whole_segments() {
        let admin = MatchPath::Prefix(b"/admin".to_vec());
        for (path, want) in [
            ("/admin", true),
            ("/admin/", true),
            ("/admin/x", true),
            ("/adminx", false),
            ("/", false),
        ] {
            assert_eq!(admin.is_match(path.as_bytes()), want, "{path}");
        }
        let below = MatchPath::Prefix(b"/admin/".to_vec());
        assert!(below.is_match(b"/admin/x") && !below.is_match(b"/admin"));
        assert!(MatchPath::Prefix(b"/".to_vec()).is_match(b"/anything"));
        assert!(!MatchPath::Exact(b"/a".to_vec()).is_match(b"/a/"));
    }

    #[test]
    fn a_wider_match_covers_a_narrower_one() {
        let exact = |path: &str| MatchPath::Exact(path.into());
        let prefix = |path: &str| MatchPath::Prefix(path.into());
        let cases = [
            (MatchPath::Any, prefix("/a"), true),
            (prefix("/"), MatchPath::Any, true),
            (prefix("/a"), MatchPath::Any, false),
            (prefix("/a"), prefix("/a/b"), true),
            (prefix("/a"), prefix("/ab"), false),
            (prefix("/a/b"), prefix("/a"), false),
            (prefix("/a"), exact("/a"), true),
            (exact("/a"), prefix("/a"), false),
            (exact("/a"), exact("/a"), true),
        ];
        for (wide, narrow, want) in cases {
            assert_eq!(wide.covers(&narrow), want, "{wide:?} {narrow:?}");
        }
    }
}
