//! Reads JSON text into the types of the configuration, and says where the first thing is that does not fit.
//!
//! Every type is read by this one deserializer, one level of the text at a time: a wrapper that tracks places around
//! `serde_json`'s own would be compiled anew for each type, and the module is small.

use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::Number;
use serde_json::value::RawValue;

use super::ConfigError;

/// Reads the whole text.
pub(super) fn read<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, ConfigError> {
    // Everything that is not JSON is found here, with its line and column.
    let whole: &RawValue =
        serde_json::from_slice(text).map_err(|error| ConfigError::from_json(&error))?;
    T::deserialize(Node(whole.get())).map_err(|misfit| {
        let offset = misfit
            .place
            .and_then(|place| place.checked_sub(text.as_ptr().addr()));
        let position = offset
            .and_then(|offset| text.get(..offset))
            .map(line_and_column);
        ConfigError::misfit(&misfit.path, &misfit.what, position)
    })
}

/// Line and column of the value at a path such as `rules[2].match.path`, or of the last of its parents that is there.
pub(super) fn position_of(text: &[u8], path: &str) -> Option<(usize, usize)> {
    let whole: &RawValue = serde_json::from_slice(text).ok()?;
    let mut node = Node(whole.get());
    if !node.0.starts_with('{') {
        return None;
    }
    let mut rest = path;
    while !rest.is_empty() {
        let Some((next, behind)) = node.step(rest) else {
            break;
        };
        (node, rest) = (next, behind);
    }
    let offset = node.0.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    text.get(..offset).map(line_and_column)
}

/// Of the byte behind these, both counted from 1.
fn line_and_column(before: &[u8]) -> (usize, usize) {
    let lines = before.split(|byte| *byte == b'\n');
    let last = lines.clone().next_back().map_or(0, <[u8]>::len);
    (lines.count(), last.saturating_add(1))
}

/// One value of the text.
#[derive(Clone, Copy)]
struct Node<'de>(&'de str);

/// What does not fit, and where.
#[derive(Debug)]
struct Misfit {
    /// From the innermost object outwards.
    path: String,
    what: String,
    /// The address of its text.
    place: Option<usize>,
}

impl Misfit {
    #[inline(never)]
    fn within(mut self, node: Node<'_>, segment: &str) -> Self {
        self.place = self.place.or_else(|| Some(node.0.as_ptr().addr()));
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
        }
    }
}

impl<'de> Node<'de> {
    /// The value that the path's first segment names, and what follows it. Names may hold dots: the longest that is
    /// there counts.
    fn step<'p>(self, path: &'p str) -> Option<(Self, &'p str)> {
        if let Some((index, rest)) = path.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let items: Vec<&'de RawValue> = self.parsed().ok()?;
            let item = items.get(index.parse::<usize>().ok()?)?;
            return Some((Node(item.get()), rest.strip_prefix('.').unwrap_or(rest)));
        }
        let Members(members) = self.parsed().ok()?;
        let named = members.iter().filter_map(|(name, value)| {
            let rest = path.strip_prefix(name.as_str())?;
            let whole = rest.is_empty() || rest.starts_with(['.', '[']);
            whole.then_some((name.len(), Node(value.get()), rest))
        });
        let (_, node, rest) = named.max_by_key(|(length, ..)| *length)?;
        Some((node, rest.strip_prefix('.').unwrap_or(rest)))
    }

    #[inline(never)]
    fn object(self) -> Result<Object<'de>, Misfit> {
        let found = match self.0.bytes().next() {
            Some(b'{') => {
                let Members(members) = self.parsed()?;
                return Ok(Object {
                    members: members.into_iter(),
                    value: None,
                });
            }
            Some(b'[') => Unexpected::Seq,
            Some(b'"') => Unexpected::Other("text"),
            Some(b't' | b'f') => Unexpected::Other("true or false"),
            Some(b'n') | None => Unexpected::Unit,
            Some(_) => Unexpected::Other("a number"),
        };
        Err(de::Error::invalid_type(found, &"an object"))
    }

    fn parsed<T: Deserialize<'de>>(self) -> Result<T, Misfit> {
        serde_json::from_str(self.0).map_err(de::Error::custom)
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0.bytes().next() {
            Some(b'{') => visitor.visit_map(self.object()?),
            Some(b'[') => visitor.visit_seq(List {
                items: self.parsed::<Vec<&'de RawValue>>()?.into_iter().enumerate(),
            }),
            Some(b'"') => visitor.visit_string(self.parsed()?),
            Some(b't') => visitor.visit_bool(true),
            Some(b'f') => visitor.visit_bool(false),
            Some(b'n') | None => visitor.visit_unit(),
            Some(_) => {
                let number: Number = self.parsed()?;
                match (number.as_u64(), number.as_i64(), number.as_f64()) {
                    (Some(number), ..) => visitor.visit_u64(number),
                    (None, Some(number), _) => visitor.visit_i64(number),
                    (None, None, Some(number)) => visitor.visit_f64(number),
                    _ => Err(de::Error::custom("number out of range")),
                }
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0 == "null" {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if self.0.starts_with('"') {
            visitor.visit_enum(self.parsed::<String>()?.into_deserializer())
        } else {
            Err(de::Error::invalid_type(
                Unexpected::Other("what is no word"),
                &"a word",
            ))
        }
    }

    /// An object: derived types would also take its values one after the other from a list. Nothing but objects is compiled
    /// for each of them.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_map(self.object()?)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// The members of an object, in the order of the text and with repeated names: what they mean is for the types to say.
struct Members<'de>(Vec<(String, &'de RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

struct Object<'de> {
    members: std::vec::IntoIter<(String, &'de RawValue)>,
    /// The member whose name was read.
    value: Option<(String, Node<'de>)>,
}

impl<'de> MapAccess<'de> for Object<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let Some((name, value)) = self.members.next() else {
            return Ok(None);
        };
        let node = Node(value.get());
        let key = seed
            .deserialize(IntoDeserializer::<Misfit>::into_deserializer(name.as_str()))
            .map_err(|misfit| misfit.within(node, ""))?;
        self.value = Some((name, node));
        Ok(Some(key))
    }

    /// Apart, as every field of every type that is read has one: those of one type share it.
    #[inline(never)]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let Some((name, node)) = self.value.take() else {
            return Err(de::Error::custom("a value before its name"));
        };
        seed.deserialize(node)
            .map_err(|misfit| misfit.within(node, &name))
    }
}

struct List<'de> {
    items: std::iter::Enumerate<std::vec::IntoIter<&'de RawValue>>,
}

impl<'de> SeqAccess<'de> for List<'de> {
    type Error = Misfit;

    #[inline(never)]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        let Some((index, item)) = self.items.next() else {
            return Ok(None);
        };
        let node = Node(item.get());
        seed.deserialize(node)
            .map(Some)
            .map_err(|misfit| misfit.within(node, &format!("[{index}]")))
    }
}
