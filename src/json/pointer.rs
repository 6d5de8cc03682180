//! JSON Pointers (RFC 6901) into answers of any form.

use serde_json::Value;

use super::ClaimPathError;
use super::claim_path::{array_index, unescape};

/// Where a value stands in a document; the empty pointer is the document itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    text: Box<str>,
    tokens: Box<[Box<str>]>,
}

impl Pointer {
    /// Reads a pointer: nothing, or tokens that each begin with `/`. `None` for what is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let tokens = match text.strip_prefix('/') {
            None if text.is_empty() => Box::default(),
            None => return None,
            Some(tokens) => {
                let tokens: Result<_, ClaimPathError> = tokens.split('/').map(unescape).collect();
                tokens.ok()?
            }
        };
        Some(Self {
            text: text.into(),
            tokens,
        })
    }

    /// The value that it leads to.
    #[must_use]
    pub fn find<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.tokens
            .iter()
            .try_fold(document, |value, token| match value {
                Value::Array(items) => items.get(array_index(token)?),
                Value::Object(members) => members.get(token.as_ref()),
                _ => None,
            })
    }

    /// The pointer as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The document and the pointers of RFC 6901 section 5.
    #[test]
    fn the_pointers_of_the_rfc_lead_where_it_says() {
        let document = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7,
            "m~n": 8,
        });
        for (text, want) in [
            ("/foo", json!(["bar", "baz"])),
            ("/foo/0", json!("bar")),
            ("/", json!(0)),
            ("/a~1b", json!(1)),
            ("/c%d", json!(2)),
            ("/e^f", json!(3)),
            ("/g|h", json!(4)),
            ("/i\\j", json!(5)),
            ("/k\"l", json!(6)),
            ("/ ", json!(7)),
            ("/m~0n", json!(8)),
        ] {
            let pointer = Pointer::parse(text).unwrap();
            assert_eq!(pointer.find(&document), Some(&want), "{text}");
            assert_eq!(pointer.as_str(), text);
        }
        let whole = Pointer::parse("").unwrap();
        assert_eq!(whole.find(&document), Some(&document));
        for text in ["/nope", "/foo/2", "/foo/-", "/foo/00", "/foo/0/x"] {
            assert_eq!(
                Pointer::parse(text).unwrap().find(&document),
                None,
                "{text}"
            );
        }
        for text in ["foo", "#/foo", "/a~", "/a~2b"] {
            assert_eq!(Pointer::parse(text), None, "{text}");
        }
    }
}
