//! The source of a migration, read so that nothing of it can be forgotten: what nobody asked for is in the report.

use super::report::Report;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What was read of one document, and what there is to say of it.
#[derive(Default)]
pub(super) struct Ledger {
    read: RefCell<BTreeSet<String>>,
    report: RefCell<Report>,
}

/// A value of the source, with its place.
#[derive(Clone)]
pub(super) struct Node<'s> {
    value: &'s Value,
    path: String,
    ledger: &'s Ledger,
}

impl Ledger {
    /// The root of a document.
    pub(super) fn root<'s>(&'s self, value: &'s Value, path: &str) -> Node<'s> {
        Node {
            value,
            path: path.to_owned(),
            ledger: self,
        }
    }

    /// The report; each key of the node that nobody asked for is in it.
    pub(super) fn report_unread(&self, node: &Node<'_>) {
        match node.value {
            Value::Object(members) => {
                for name in members.keys() {
                    let child = node.child(name);
                    if self.read.borrow().contains(&child.path) {
                        self.report_unread(&child);
                    } else {
                        child.not_carried(
                            "this command does not know the key",
                            "look up what it does, and write it by hand",
                        );
                    }
                }
            }
            Value::Array(_) => node
                .items()
                .iter()
                .for_each(|item| self.report_unread(item)),
            _ => {}
        }
    }

    /// What is to be said.
    pub(super) fn into_report(self) -> Report {
        self.report.into_inner()
    }
}

impl<'s> Node<'s> {
    /// The value itself.
    pub(super) fn value(&self) -> &'s Value {
        self.value
    }

    fn child(&self, name: &str) -> Self {
        let path = if self.path.is_empty() || self.path.ends_with(": ") {
            format!("{}{name}", self.path)
        } else {
            format!("{}.{name}", self.path)
        };
        Self {
            value: self.value.get(name).unwrap_or(&Value::Null),
            path,
            ledger: self.ledger,
        }
    }

    /// A member. Envoy's names come in snake_case and, as JSON of Protocol Buffers, in camelCase: either is found.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        [name.to_owned(), camel(name)]
            .iter()
            .find(|name| {
                self.value
                    .get(name.as_str())
                    .is_some_and(|value| !value.is_null())
            })
            .map(|name| {
                let child = self.child(name);
                self.ledger.read.borrow_mut().insert(child.path.clone());
                child
            })
    }

    /// A member that is a string, a number or a boolean, as text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|node| node.as_text())
    }

    /// The value as text, where it is a string, a number or a boolean.
    pub(super) fn as_text(&self) -> Option<String> {
        match self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(bool) => Some(bool.to_string()),
            _ => None,
        }
    }

    /// Whether a member is there and true.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.text(name).as_deref() == Some("true")
    }

    /// The items of a member that is a list, none where it is absent.
    pub(super) fn list(&self, name: &str) -> Vec<Self> {
        let node = self.get(name);
        if let Some(node) = node.as_ref().filter(|node| !node.value.is_array()) {
            node.not_carried("it is not a list", "write it as one");
        }
        node.map_or_else(Vec::new, |node| node.items())
    }

    /// The strings of a member that is a list, or one string.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        if let Some(text) = self.text(name) {
            return vec![text];
        }
        self.list(name).iter().filter_map(Self::as_text).collect()
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items
            .map(|(index, value)| Self {
                value,
                path: format!("{}[{index}]", self.path),
                ledger: self.ledger,
            })
            .collect()
    }

    /// The members of an object, each counted as read.
    pub(super) fn members(&self) -> Vec<(String, Self)> {
        let members = self.value.as_object().into_iter().flatten();
        members
            .map(|(name, _)| {
                let child = self.child(name);
                self.ledger.read.borrow_mut().insert(child.path.clone());
                (name.clone(), child)
            })
            .collect()
    }

    /// Counts everything below as read: another line of the report speaks of it.
    pub(super) fn read_all(&self) {
        for (_, child) in self.members() {
            child.read_all();
        }
        self.items().iter().for_each(Self::read_all);
    }

    /// Says that this is not carried over, with all that is below it.
    pub(super) fn not_carried(&self, why: &str, instead: &str) {
        self.read_all();
        self.ledger
            .report
            .borrow_mut()
            .not_carried(&self.path, why, instead);
    }

    /// Says that this is carried over with a difference.
    pub(super) fn differs(&self, what: &str) {
        self.ledger.report.borrow_mut().differs(&self.path, what);
    }

    /// Says that something is left where it is.
    pub(super) fn left(&self, what: &str) {
        self.ledger.report.borrow_mut().left(what);
    }

    /// Says of a member, where it is there, that it is not carried over.
    pub(super) fn drop(&self, name: &str, why: &str, instead: &str) -> bool {
        let child = self.get(name);
        if let Some(child) = &child {
            child.not_carried(why, instead);
        }
        child.is_some()
    }
}

/// `from_headers` as `fromHeaders`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_nobody_asked_for_is_in_the_report() {
        let value = json!({ "a": { "fromHeaders": [{ "name": "x", "odd": 1 }], "unknown": { "deep": true } }, "b": null });
        let ledger = Ledger::default();
        let root = ledger.root(&value, "doc");
        let a = root.get("a").unwrap();
        assert_eq!(a.list("from_headers")[0].text("name").unwrap(), "x");
        ledger.report_unread(&root);
        let paths: Vec<String> = ledger
            .into_report()
            .not_carried
            .into_iter()
            .map(|entry| entry.path)
            .collect();
        assert_eq!(
            paths,
            ["doc.a.fromHeaders[0].odd", "doc.a.unknown", "doc.b"]
        );
    }
}
