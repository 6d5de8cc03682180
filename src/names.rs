//! Lists of names: groups, roles, permissions, scopes.
//!
//! A caller may have thousands, and they are looked at by each request. So a list is one text, made once in time that
//! grows as `n log n` whatever the names are (an issuer or a directory chooses them), and searched by halves.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names in the order in which they were given, each once and none empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Names {
    text: Box<str>,
    /// Where each name ends in the text.
    ends: Box<[u32]>,
    /// The places of the names in alphabetical order.
    sorted: Box<[u32]>,
}

impl Names {
    /// A list of these. Of names that are given again the first counts, and empty ones do not.
    #[must_use]
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let given: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let name = |place: &u32| usize::try_from(*place).ok().and_then(|at| given.get(at));
        let mut sorted: Vec<u32> = (0..).take(given.len()).collect();
        sorted.sort_unstable_by(|one, other| (name(one), one).cmp(&(name(other), other)));
        sorted.dedup_by(|next, before| name(next) == name(before));
        if sorted.len() == given.len() {
            return Self::of(&given, sorted);
        }
        let mut kept = sorted.clone();
        kept.sort_unstable();
        let distinct: Vec<&str> = kept.iter().filter_map(name).copied().collect();
        let place = |held: &u32| kept.binary_search(held).unwrap_or_default();
        let places = sorted.iter().map(|held| u32::try_from(place(held)));
        Self::of(&distinct, places.map(Result::unwrap_or_default).collect())
    }

    fn of(names: &[&str], sorted: Vec<u32>) -> Self {
        let ends = names.iter().scan(0_u32, |end, name| {
            *end = end.saturating_add(u32::try_from(name.len()).unwrap_or(u32::MAX));
            Some(*end)
        });
        Self {
            ends: ends.collect(),
            text: names.concat().into(),
            sorted: sorted.into(),
        }
    }

    /// How many names there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The names, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().filter_map(move |end| {
            let end = usize::try_from(*end).ok()?;
            let name = self.text.get(start..end);
            start = end;
            name
        })
    }

    /// Whether a name is among them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        let held = |place: &u32| self.get(*place).unwrap_or_default();
        self.sorted
            .binary_search_by(|place| held(place).cmp(name))
            .is_ok()
    }

    fn get(&self, place: u32) -> Option<&str> {
        let place = usize::try_from(place).ok()?;
        let start = match place.checked_sub(1) {
            Some(before) => usize::try_from(*self.ends.get(before)?).ok()?,
            None => 0,
        };
        let end = usize::try_from(*self.ends.get(place)?).ok()?;
        self.text.get(start..end)
    }

    /// How many bytes of memory it takes besides itself.
    #[must_use]
    pub const fn weight(&self) -> usize {
        self.text
            .len()
            .saturating_add(self.ends.len().saturating_mul(2 * size_of::<u32>()))
    }
}

impl<'n> FromIterator<&'n str> for Names {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        Self::new(names)
    }
}

impl From<&[String]> for Names {
    fn from(names: &[String]) -> Self {
        Self::new(names.iter().map(String::as_str))
    }
}

/// Whom a caller is one of is not for logs.
impl fmt::Debug for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Names({})", self.len())
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;

        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Names, A::Error> {
                let mut given: Vec<String> = Vec::new();
                while let Some(item) = items.next_element()? {
                    given.push(item);
                }
                Ok(Names::from(given.as_slice()))
            }
        }

        deserializer.deserialize_seq(NamesVisitor)
    }
}

/// Shared lists are written and read like others.
pub mod shared {
    use std::rc::Rc;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::Names;

    /// Writes a list.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(names: &Rc<Names>, serializer: S) -> Result<S::Ok, S::Error> {
        names.as_ref().serialize(serializer)
    }

    /// Reads a list.
    ///
    /// # Errors
    /// What is not a list of strings.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rc<Names>, D::Error> {
        Names::deserialize(deserializer).map(Rc::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &Names) -> Vec<&str> {
        names.iter().collect()
    }

    #[test]
    fn names_keep_their_order_and_occur_once() {
        for (given, want) in [
            (vec![], vec![]),
            (vec![""], vec![]),
            (vec!["b", "a"], vec!["b", "a"]),
            (vec!["b", "", "a", "b", "c", "a"], vec!["b", "a", "c"]),
            (vec!["a", "a", "a"], vec!["a"]),
            (vec!["é", "e", "é"], vec!["é", "e"]),
        ] {
            let names = Names::new(given.iter().copied());
            assert_eq!(listed(&names), want, "{given:?}");
            assert_eq!(
                (names.len(), names.is_empty()),
                (want.len(), want.is_empty())
            );
        }
    }

    #[test]
    fn what_was_given_is_found_and_nothing_else() {
        let given: Vec<String> = (0..500).map(|at| format!("g{}", at * 7 % 250)).collect();
        let names = Names::from(given.as_slice());
        assert_eq!(names.len(), 250);
        for at in 0..250 {
            assert!(names.contains(&format!("g{at}")), "{at}");
            assert!(!names.contains(&format!("g{at}x")), "{at}");
        }
        // A name is not found across the end of another one.
        let names = Names::new(["ab", "c"]);
        for stranger in ["", "a", "b", "bc", "abc", "ac"] {
            assert!(!names.contains(stranger), "{stranger}");
        }
    }

    #[test]
    fn a_list_comes_back_from_json() {
        let names = Names::new(["b", "a,b", "\"x\""]);
        let text = serde_json::to_string(&names).unwrap();
        assert_eq!(text, r#"["b","a,b","\"x\""]"#);
        assert_eq!(serde_json::from_str::<Names>(&text).unwrap(), names);
        for wrong in ["null", "{}", "\"a\"", "[1]", "[null]"] {
            assert!(serde_json::from_str::<Names>(wrong).is_err(), "{wrong}");
        }
    }
}
