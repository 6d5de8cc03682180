//! How a configuration names a claim.

use serde_json::{Map, Value};

/// Where a claim stands in a set of claims.
///
/// A name that starts with `/` is a JSON Pointer (RFC 6901); any other is the literal name of a
/// member, colons, dots and slashes further on included: `cognito:groups`, `https://x.example/roles`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimPath {
    text: Box<str>,
    /// Member names or array indices from the outside in; never empty.
    first: Box<str>,
    rest: Box<[Box<str>]>,
}

impl ClaimPath {
    /// Reads a name from a configuration.
    ///
    /// # Errors
    ///
    /// An empty name, and a pointer with a `~` that is not `~0` or `~1` (RFC 6901 section 3).
    pub fn parse(text: &str) -> Result<Self, ClaimPathError> {
        if text.is_empty() {
            return Err(ClaimPathError::Empty);
        }
        let Some(pointer) = text.strip_prefix('/') else {
            return Ok(Self {
                text: text.into(),
                first: text.into(),
                rest: Box::default(),
            });
        };
        let mut tokens = pointer.split('/').map(unescape);
        let first = tokens.next().unwrap_or(Err(ClaimPathError::Empty))?;
        Ok(Self {
            text: text.into(),
            first,
            rest: tokens.collect::<Result<_, _>>()?,
        })
    }

    /// The value that this path leads to.
    #[must_use]
    pub fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let outermost = claims.get(self.first.as_ref())?;
        self.rest
            .iter()
            .try_fold(outermost, |value, token| match value {
                Value::Array(items) => items.get(array_index(token)?),
                Value::Object(members) => members.get(token.as_ref()),
                _ => None,
            })
    }

    /// Member names or array indices, from the outside in.
    pub(super) fn tokens(&self) -> Vec<&str> {
        let rest = self.rest.iter();
        std::iter::once(&self.first)
            .chain(rest)
            .map(|token| &**token)
            .collect()
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Why a name is no [`ClaimPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimPathError {
    /// A `~` stands for nothing unless `0` or `1` follows.
    #[error("in a JSON pointer `~` must be written `~0`, and `/` within a name `~1`")]
    BadEscape,
    /// No claim has an empty name.
    #[error("a claim name is empty")]
    Empty,
}

pub(super) fn unescape(token: &str) -> Result<Box<str>, ClaimPathError> {
    let mut pieces = token.split('~');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (character, rest) = match piece.split_at_checked(1) {
            Some(("0", rest)) => ('~', rest),
            Some(("1", rest)) => ('/', rest),
            _ => return Err(ClaimPathError::BadEscape),
        };
        name.push(character);
        name.push_str(rest);
    }
    Ok(name.into())
}

/// RFC 6901 section 4: digits without a leading zero; `-` is past the end and so never there.
pub(super) fn array_index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (token.len() > 1 && token.starts_with('0')) {
        return None;
    }
    token.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str, claims: &Value) -> Option<Value> {
        ClaimPath::parse(path)
            .unwrap()
            .find(claims.as_object().unwrap())
            .cloned()
    }

    #[test]
    fn a_name_without_a_leading_slash_is_literal() {
        let claims = json!({
            "cognito:groups": ["a"], "https://x.y/roles": ["b"], "a.b": 1, "a": {"b": 2}, "m~n": 3
        });
        for (path, expected) in [
            ("cognito:groups", Some(json!(["a"]))),
            ("https://x.y/roles", Some(json!(["b"]))),
            ("a.b", Some(json!(1))),
            ("m~n", Some(json!(3))),
            ("a/b", None),
            ("A.b", None),
        ] {
            assert_eq!(found(path, &claims), expected, "{path}");
        }
    }

    #[test]
    fn a_leading_slash_makes_a_json_pointer() {
        let claims = json!({
            "realm_access": {"roles": ["admin", "user"]}, "a/b": {"m~n": {"~1": 1}}, "": {"": 2}, "n": 3
        });
        for (path, expected) in [
            ("/realm_access/roles", Some(json!(["admin", "user"]))),
            ("/realm_access/roles/1", Some(json!("user"))),
            ("/realm_access/roles/2", None),
            ("/realm_access/roles/01", None),
            ("/realm_access/roles/-", None),
            ("/realm_access/roles/+1", None),
            ("/realm_access/roles/", None),
            ("/realm_access/roles/99999999999999999999999", None),
            ("/realm_access/groups", None),
            ("/a~1b/m~0n/~01", Some(json!(1))),
            ("//", Some(json!(2))),
            ("/n/x", None),
        ] {
            assert_eq!(found(path, &claims), expected, "{path}");
        }
    }

    #[test]
    fn a_path_that_names_nothing_is_refused() {
        assert_eq!(ClaimPath::parse(""), Err(ClaimPathError::Empty));
        for path in ["/~", "/a~", "/a~2", "/a/~x", "/~~0", "/~\u{e9}"] {
            assert_eq!(
                ClaimPath::parse(path),
                Err(ClaimPathError::BadEscape),
                "{path}"
            );
        }
    }

    #[test]
    fn a_path_prints_as_it_was_written() {
        for path in ["/a~1b", "cognito:groups"] {
            assert_eq!(ClaimPath::parse(path).unwrap().as_str(), path);
        }
    }
}
