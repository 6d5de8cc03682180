//! What does not fit the types of the configuration.

use std::fmt;

use serde::de;

use super::Node;

/// A part of the text that does not fit the types, and its place.
#[derive(Debug)]
pub(super) struct Misfit {
    /// The path of the place, put together from the innermost object outwards.
    pub(super) path: String,
    pub(super) what: String,
    /// The address of the place's text in memory, from which its line and column follow.
    pub(super) place: Option<usize>,
    pub(super) unread: Option<Box<Unread>>,
}

/// A member that no type has a field for, of an object that several types read.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) key: String,
    pub(super) kind: String,
    /// The keys that the types have fields for.
    pub(super) known: Vec<&'static str>,
}

impl Misfit {
    pub(super) fn unread(unread: Unread) -> Self {
        let misfit: Self = de::Error::custom(format_args!(
            "unknown field `{}`, expected one of `{}`",
            unread.key,
            unread.known.join("`, `")
        ));
        Self {
            unread: Some(Box::new(unread)),
            ..misfit
        }
    }

    /// Whether a key is missing in the object itself.
    pub(super) fn is_missing(&self) -> bool {
        self.path.is_empty() && self.what.starts_with("missing field")
    }

    #[inline(never)]
    pub(super) fn within(mut self, node: Node<'_, '_>, segment: &str) -> Self {
        // A part stands where its object does.
        if node.left.is_some() {
            return self;
        }
        self.place = self.place.or_else(|| Some(node.text.as_ptr().addr()));
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("{segment}{dot}{}", self.path);
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self {
            path: String::new(),
            what: what.to_string(),
            place: None,
            unread: None,
        }
    }
}
