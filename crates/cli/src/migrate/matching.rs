//! Which requests something is for: conditions that can be compared and cut with one another.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A condition on the path, as Envoy has them: prefixes are of bytes, not of segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Every path.
    Any,
    /// Exactly this one.
    Exact(String),
    /// Those that begin with this text: `/admin` and `/adminx`.
    Text(String),
    /// Those that begin with these whole segments: `/admin` and `/admin/x`.
    Segments(String),
    /// Those that this expression matches as a whole.
    Regex(String),
}

/// A condition on a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// It is one of these.
    AnyOf(BTreeSet<String>),
    /// It begins with this.
    Prefix(String),
    /// It is there, or is not.
    Present(bool),
}

/// Conditions that all hold; an absent set means any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Matching {
    /// The path.
    pub(super) path: Path,
    /// Methods.
    pub(super) methods: Option<BTreeSet<String>>,
    /// Hosts, exact or `*.example.com`, in lower case.
    pub(super) hosts: Option<BTreeSet<String>>,
    /// Headers by name, in lower case.
    pub(super) headers: BTreeMap<String, Header>,
}

impl Path {
    /// An expression for any path with this end.
    pub(super) fn suffix(end: &str) -> Self {
        Self::Regex(format!(".*{}", escape(end)))
    }

    /// Whether each path of `other` is one of these, for sure.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Text(start), _) if start.is_empty() || start == "/" => true,
            (Self::Segments(start), _) if start == "/" => true,
            (Self::Regex(one), Self::Regex(two)) => one == two,
            (Self::Regex(expression), Self::Exact(path)) => {
                is_match(expression, path) == Some(true)
            }
            (Self::Exact(one), Self::Exact(two)) => one == two,
            (Self::Text(start), Self::Exact(path) | Self::Text(path) | Self::Segments(path)) => {
                path.starts_with(start)
            }
            (Self::Segments(start), Self::Exact(path) | Self::Segments(path)) => below(start, path),
            (Self::Segments(start), Self::Text(path)) => path
                .strip_prefix(start.as_str())
                .is_some_and(|rest| rest.starts_with('/') || start.ends_with('/')),
            _ => false,
        }
    }

    /// The paths of both; `None` where there is none, an error where that cannot be said.
    fn both(&self, other: &Self) -> Result<Option<Self>, Unknown> {
        if self.covers(other) {
            return Ok(Some(other.clone()));
        }
        if other.covers(self) {
            return Ok(Some(self.clone()));
        }
        match (self, other) {
            (Self::Regex(expression), Self::Exact(path))
            | (Self::Exact(path), Self::Regex(expression)) => {
                is_match(expression, path).map_or(Err(Unknown), |_| Ok(None))
            }
            (Self::Regex(_), _) | (_, Self::Regex(_)) => Err(Unknown),
            // `/a` as text and `/a` as segments are each in the other's neighbourhood only.
            _ => Ok(None),
        }
    }
}

/// What cannot be said of two conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

impl Header {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Present(true), other) => *other != Self::Present(false),
            (Self::Present(false), other) => *other == Self::Present(false),
            (Self::AnyOf(wide), Self::AnyOf(narrow)) => narrow.is_subset(wide),
            (Self::Prefix(start), Self::AnyOf(values)) => {
                values.iter().all(|value| value.starts_with(start))
            }
            (Self::Prefix(wide), Self::Prefix(narrow)) => narrow.starts_with(wide),
            _ => false,
        }
    }

    fn both(&self, other: &Self) -> Option<Self> {
        if self.covers(other) {
            return Some(other.clone());
        }
        if other.covers(self) {
            return Some(self.clone());
        }
        let values: BTreeSet<String> = match (self, other) {
            (Self::AnyOf(one), Self::AnyOf(two)) => one.intersection(two).cloned().collect(),
            (Self::AnyOf(values), Self::Prefix(start))
            | (Self::Prefix(start), Self::AnyOf(values)) => values
                .iter()
                .filter(|value| value.starts_with(start))
                .cloned()
                .collect(),
            _ => BTreeSet::new(),
        };
        (!values.is_empty()).then_some(Self::AnyOf(values))
    }
}

impl Matching {
    /// Every request.
    pub(super) fn any() -> Self {
        Self {
            path: Path::Any,
            methods: None,
            hosts: None,
            headers: BTreeMap::new(),
        }
    }

    /// Requests with this path.
    pub(super) fn of_path(path: Path) -> Self {
        Self {
            path,
            ..Self::any()
        }
    }

    /// Requests with this method.
    pub(super) fn of_method(method: &str) -> Self {
        let methods = Some(BTreeSet::from([method.to_owned()]));
        Self {
            methods,
            ..Self::any()
        }
    }

    /// Requests for this host.
    pub(super) fn of_host(host: &str) -> Self {
        let hosts = Some(BTreeSet::from([host.to_ascii_lowercase()]));
        Self {
            hosts,
            ..Self::any()
        }
    }

    /// Requests with this header.
    pub(super) fn of_header(name: &str, test: Header) -> Self {
        let headers = BTreeMap::from([(name.to_ascii_lowercase(), test)]);
        Self {
            headers,
            ..Self::any()
        }
    }

    /// Whether each request of `other` is one of these, for sure.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let methods = match (&self.methods, &other.methods) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(narrow)) => narrow.is_subset(wide),
        };
        let hosts = match (&self.hosts, &other.hosts) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(narrow)) => narrow
                .iter()
                .all(|host| wide.iter().any(|wide| host_covers(wide, host))),
        };
        let headers = self.headers.iter().all(|(name, test)| {
            other
                .headers
                .get(name)
                .is_some_and(|narrow| test.covers(narrow))
        });
        methods && hosts && headers && self.path.covers(&other.path)
    }

    /// The requests of both; `None` where there is none for sure.
    ///
    /// # Errors
    /// Where there may be some that no condition describes.
    pub(super) fn both(&self, other: &Self) -> Result<Option<Self>, Unknown> {
        let methods = sets(&self.methods, &other.methods, |one, two| {
            one.intersection(two).cloned().collect()
        });
        let hosts = sets(&self.hosts, &other.hosts, |one, two| {
            let narrower = |of: &BTreeSet<String>, wide: &BTreeSet<String>| {
                let covered = |host: &&String| wide.iter().any(|wide| host_covers(wide, host));
                of.iter().filter(covered).cloned().collect::<Vec<_>>()
            };
            narrower(one, two)
                .into_iter()
                .chain(narrower(two, one))
                .collect()
        });
        let mut headers = self.headers.clone();
        for (name, test) in &other.headers {
            let both = match headers.get(name) {
                Some(held) => held.both(test),
                None => Some(test.clone()),
            };
            match both {
                Some(both) => headers.insert(name.clone(), both),
                None => return Ok(None),
            };
        }
        let empty = |set: &Option<BTreeSet<String>>| set.as_ref().is_some_and(BTreeSet::is_empty);
        if empty(&methods) || empty(&hosts) {
            return Ok(None);
        }
        let path = self.path.both(&other.path)?;
        Ok(path.map(|path| Self {
            path,
            methods,
            hosts,
            headers,
        }))
    }

    /// Whether a request may be of both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.both(other) != Ok(None)
    }

    /// `match` of a rule.
    pub(super) fn to_json(&self) -> Value {
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        match &self.path {
            Path::Any => {}
            Path::Text(start) if start.is_empty() || start == "/" => {}
            Path::Exact(path) => drop(put("path", json!(path))),
            Path::Segments(path) => drop(put("path_prefix", json!(path))),
            Path::Text(start) if start.ends_with('/') => drop(put("path_prefix", json!(start))),
            Path::Text(start) => drop(put("path_regex", json!(format!("{}.*", escape(start))))),
            Path::Regex(expression) => drop(put("path_regex", json!(expression))),
        }
        if let Some(methods) = &self.methods {
            put("methods", json!(methods));
        }
        if let Some(hosts) = &self.hosts {
            put("hosts", json!(hosts));
        }
        if !self.headers.is_empty() {
            let tests = self.headers.iter().map(|(name, test)| {
                let test = match test {
                    Header::AnyOf(values) if values.len() == 1 => json!(values.first()),
                    Header::AnyOf(values) => json!({ "any_of": values }),
                    Header::Prefix(start) => json!({ "prefix": start }),
                    Header::Present(there) => json!({ "present": there }),
                };
                (name.clone(), test)
            });
            put("headers", Value::Object(tests.collect()));
        }
        Value::Object(object)
    }
}

/// Two sets, either of which may mean any.
fn sets(
    one: &Option<BTreeSet<String>>,
    two: &Option<BTreeSet<String>>,
    both: impl Fn(&BTreeSet<String>, &BTreeSet<String>) -> BTreeSet<String>,
) -> Option<BTreeSet<String>> {
    match (one, two) {
        (None, other) | (other, None) => other.clone(),
        (Some(one), Some(two)) => Some(both(one, two)),
    }
}

fn host_covers(wide: &str, narrow: &str) -> bool {
    wide == narrow
        || wide
            .strip_prefix('*')
            .is_some_and(|end| narrow.len() > end.len() && narrow.ends_with(end))
}

fn below(start: &str, path: &str) -> bool {
    path.strip_prefix(start)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || start.ends_with('/'))
}

fn is_match(expression: &str, path: &str) -> Option<bool> {
    let regex = regex_lite::Regex::new(&format!("^(?:{expression})$")).ok()?;
    Some(regex.is_match(path))
}

/// The text as an expression for itself.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(letter) && !"#&-~".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: Path) -> Matching {
        Matching::of_path(path)
    }

    #[test]
    fn paths_are_cut_with_one_another() {
        let text = |start: &str| path(Path::Text(start.into()));
        let segments = |start: &str| path(Path::Segments(start.into()));
        let exact = |whole: &str| path(Path::Exact(whole.into()));
        let regex = |expression: &str| path(Path::Regex(expression.into()));
        let cases = [
            (text("/a"), text("/ab"), Ok(Some(text("/ab")))),
            (text("/a"), segments("/a"), Ok(Some(segments("/a")))),
            (segments("/a"), text("/a/b"), Ok(Some(text("/a/b")))),
            (segments("/a"), segments("/ab"), Ok(None)),
            (segments("/a"), exact("/a/b"), Ok(Some(exact("/a/b")))),
            (exact("/a"), exact("/b"), Ok(None)),
            (regex("/[a-c]"), exact("/b"), Ok(Some(exact("/b")))),
            (regex("/[a-c]"), exact("/x"), Ok(None)),
            (regex("/[a-c]"), text("/a"), Err(Unknown)),
            (Matching::any(), regex("/x"), Ok(Some(regex("/x")))),
        ];
        for (one, two, want) in cases {
            assert_eq!(one.both(&two), want, "{one:?} {two:?}");
            assert_eq!(two.both(&one), want, "{two:?} {one:?}");
        }
    }

    #[test]
    fn hosts_methods_and_headers_are_cut_too() {
        let host = Matching::of_host;
        assert_eq!(host("*.a.b").both(&host("x.A.b")), Ok(Some(host("x.a.b"))));
        assert_eq!(host("*.a.b").both(&host("a.b")), Ok(None));
        let get = Matching::of_method("GET");
        assert_eq!(get.both(&Matching::of_method("PUT")), Ok(None));
        let header = |test| Matching::of_header("X-A", test);
        let values =
            |all: &[&str]| Header::AnyOf(all.iter().map(|value| (*value).into()).collect());
        assert_eq!(
            header(values(&["ab", "c"])).both(&header(Header::Prefix("a".into()))),
            Ok(Some(header(values(&["ab"]))))
        );
        assert_eq!(
            header(values(&["a"])).both(&header(Header::Present(false))),
            Ok(None)
        );
        let both = get.both(&header(Header::Present(true))).unwrap().unwrap();
        assert_eq!(
            both.to_json(),
            json!({ "methods": ["GET"], "headers": { "x-a": { "present": true } } })
        );
    }

    #[test]
    fn a_prefix_of_bytes_becomes_an_expression() {
        let json = |start: &str| path(Path::Text(start.into())).to_json();
        assert_eq!(json("/"), json!({}));
        assert_eq!(json("/a/"), json!({ "path_prefix": "/a/" }));
        assert_eq!(json("/a.b"), json!({ "path_regex": "/a\\.b.*" }));
    }
}
