//! The first rule that matches, found without asking each.
//!
//! Rules are sorted into buckets by what a request must have for them to match: a host, or none in particular, and the
//! segments that the path begins with. A request looks into the buckets of its own path and host only, so thousands
//! of rules cost about what one costs; within them the order of the configuration decides.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::path::MatchPath;
use super::path::expression::LONGEST_PATH;
use super::route::{MatchHost, Route, Target, host_of};

/// The places of rules, by what a request must have.
#[derive(Clone, Debug, Default)]
pub(super) struct Matcher {
    /// Of rules that name no host, or a pattern.
    anywhere: Buckets,
    /// The rules for each host, by its lower-case name.
    by_host: BTreeMap<Vec<u8>, Buckets>,
    /// Whether some rule matches by an expression.
    has_expressions: bool,
}

/// The indices of rules, by the stems of their paths.
type Buckets = BTreeMap<Vec<u8>, Vec<usize>>;

impl Matcher {
    /// Sorts the rules into buckets by host and stem.
    #[must_use]
    pub(super) fn new<'r>(routes: impl Iterator<Item = &'r Route>) -> Self {
        let mut matcher = Self::default();
        for (index, route) in routes.enumerate() {
            let stem = stem(&route.path);
            matcher.has_expressions |= matches!(route.path, MatchPath::Regex(_));
            let exact: Option<Vec<&str>> = route
                .hosts
                .iter()
                .map(|host| match host {
                    // A port that the rule names is compared by the rule itself.
                    MatchHost::Exact(name) if host_of(name.as_bytes()).len() == name.len() => {
                        Some(name.as_str())
                    }
                    _ => None,
                })
                .collect();
            let hosts = exact.unwrap_or_default();
            if hosts.is_empty() {
                matcher.anywhere.entry(stem).or_default().push(index);
                continue;
            }
            for host in hosts {
                let buckets = matcher.by_host.entry(host.as_bytes().to_vec());
                let bucket = buckets.or_default().entry(stem.clone()).or_default();
                if bucket.last() != Some(&index) {
                    bucket.push(index);
                }
            }
        }
        matcher
    }

    /// Whether a path is too long to be held against the rules' expressions.
    pub(super) const fn is_too_long(&self, path: &[u8]) -> bool {
        self.has_expressions && path.len() > LONGEST_PATH
    }

    /// The index of the first rule whose route matches.
    pub(super) fn find<'r>(
        &self,
        target: &Target<'_>,
        route: impl Fn(usize) -> Option<&'r Route>,
    ) -> Option<usize> {
        let mut first: Option<usize> = None;
        for buckets in self.own(target).into_iter().chain([&self.anywhere]) {
            for stem in stems(target.path) {
                let Some(bucket) = buckets.get(stem) else {
                    continue;
                };
                let found = bucket
                    .iter()
                    .copied()
                    .take_while(|index| first.is_none_or(|first| *index < first))
                    .find(|index| route(*index).is_some_and(|route| route.is_match(target)));
                first = found.or(first);
            }
        }
        first
    }

    /// The rules that name the request's host.
    fn own(&self, target: &Target<'_>) -> Option<&Buckets> {
        if self.by_host.is_empty() {
            return None;
        }
        let host = host_of(target.authority);
        let host = if host.iter().any(u8::is_ascii_uppercase) {
            Cow::Owned(host.to_ascii_lowercase())
        } else {
            Cow::Borrowed(host)
        };
        self.by_host.get(&*host)
    }
}

/// What every path that matches begins with: whole segments, without a slash at the end.
pub(super) fn stem(path: &MatchPath) -> Vec<u8> {
    let stem = match path {
        MatchPath::Any | MatchPath::Regex(_) => b"/".to_vec(),
        MatchPath::Exact(path) | MatchPath::Prefix(path) => path.clone(),
        MatchPath::Template(template) => template.stem(),
    };
    stem.strip_suffix(b"/")
        .map_or_else(|| stem.clone(), <[u8]>::to_vec)
}

/// The stems of a path: itself, and what stands before each of its slashes.
pub(super) fn stems(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = std::iter::once(path).filter(|path| !path.ends_with(b"/"));
    let slashes = path
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .filter_map(|(at, _)| path.get(..at));
    slashes.chain(whole)
}

#[cfg(test)]
mod tests;
