//! Reads JSON text into the types of the configuration, and says where the first thing is that does not fit.
//!
//! Every type is read by this one deserializer, one level of the text at a time: a wrapper that tracks places around
//! `serde_json`'s own would be compiled anew for each type, and the module is small.
//!
//! Types tell it more than serde's own words can say, by names that begin with `..`:
//!
//! - An enum `..kind` is an object whose member `kind` names the variant; the variant's type reads the other members.
//! - A field `..places` of such a type is a part of the same object: its type reads those members that it has fields for.
//!
//! Members that none of these types has a field for are refused.

mod containers;
mod misfit;
mod parts;

use serde::de::{self, Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::Number;
use serde_json::value::RawValue;

use self::containers::{List, Members, Object};
use self::misfit::{Misfit, Unread};
use self::parts::{Left, Tagged};
use super::{ConfigError, Provider};

/// Reads the whole text.
pub(super) fn read<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, ConfigError> {
    // Everything that is not JSON is found here, with its line and column.
    let whole: &RawValue =
        serde_json::from_slice(text).map_err(|error| ConfigError::from_json(&error))?;
    T::deserialize(Node::of(whole)).map_err(|misfit| {
        let offset = misfit
            .place
            .and_then(|place| place.checked_sub(text.as_ptr().addr()));
        let position = offset
            .and_then(|offset| text.get(..offset))
            .map(line_and_column);
        let mut error = ConfigError::misfit(&misfit.path, &misfit.what, position);
        if let Some(unread) = misfit.unread
            && let Unread { key, kind, .. } = *unread
            && let kinds = Provider::kinds_with(&key)
            && !kinds.is_empty()
        {
            let kinds = kinds.join("\", \"");
            error.what =
                format!("belongs to providers of kind \"{kinds}\"; this one is of kind \"{kind}\"");
        }
        error
    })
}

/// The keys of an object with a kind, as the types say that read it.
pub(super) fn known_keys<T: for<'de> Deserialize<'de>>(kind: &str) -> Vec<&'static str> {
    // No type has a field for the second member.
    let text = format!("{{\"kind\":\"{kind}\",\"\":0}}");
    let unread = T::deserialize(Node::text(&text)).err();
    unread
        .and_then(|misfit| misfit.unread)
        .map(|unread| unread.known)
        .unwrap_or_default()
}

/// Line and column of the value at a path such as `rules[2].match.path`, or of the last of its parents that is there.
pub(super) fn position_of(text: &[u8], path: &str) -> Option<(usize, usize)> {
    let whole: &RawValue = serde_json::from_slice(text).ok()?;
    let mut node = Node::of(whole);
    if !node.text.starts_with('{') {
        return None;
    }
    let mut rest = path;
    while !rest.is_empty() {
        let Some((next, behind)) = node.step(rest) else {
            break;
        };
        (node, rest) = (next, behind);
    }
    let offset = node
        .text
        .as_ptr()
        .addr()
        .checked_sub(text.as_ptr().addr())?;
    text.get(..offset).map(line_and_column)
}

/// Line and column, both from 1, of the byte that follows these.
fn line_and_column(before: &[u8]) -> (usize, usize) {
    let lines = before.split(|byte| *byte == b'\n');
    let last = lines.clone().next_back().map_or(0, <[u8]>::len);
    (lines.count(), last.saturating_add(1))
}

/// One value of the text.
#[derive(Clone, Copy)]
struct Node<'r, 'de> {
    text: &'de str,
    /// The members that no type has read yet, where the value is an object that several types read.
    left: Option<&'r Left<'de>>,
}

type Member<'de> = (String, &'de RawValue);

impl<'r, 'de> Node<'r, 'de> {
    const fn text(text: &'de str) -> Self {
        Self { text, left: None }
    }

    fn of(value: &'de RawValue) -> Self {
        Self::text(value.get())
    }

    /// The value that the path's first segment names, and what follows it. Names may hold dots: the longest that is
    /// there counts.
    fn step<'p>(self, path: &'p str) -> Option<(Self, &'p str)> {
        if let Some((index, rest)) = path.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let items: Vec<&'de RawValue> = self.parsed().ok()?;
            let item = items.get(index.parse::<usize>().ok()?)?;
            return Some((Node::of(item), rest.strip_prefix('.').unwrap_or(rest)));
        }
        let Members(members) = self.parsed().ok()?;
        let named = members.iter().filter_map(|(name, value)| {
            let rest = path.strip_prefix(name.as_str())?;
            let whole = rest.is_empty() || rest.starts_with(['.', '[']);
            whole.then_some((name.len(), Node::of(value), rest))
        });
        let (_, node, rest) = named.max_by_key(|(length, ..)| *length)?;
        Some((node, rest.strip_prefix('.').unwrap_or(rest)))
    }

    #[inline(never)]
    fn members(self) -> Result<Vec<Member<'de>>, Misfit> {
        let found = match self.text.bytes().next() {
            Some(b'{') => return self.parsed().map(|Members(members)| members),
            Some(b'[') => Unexpected::Seq,
            Some(b'"') => Unexpected::Other("text"),
            Some(b't' | b'f') => Unexpected::Other("true or false"),
            Some(b'n') | None => Unexpected::Unit,
            Some(_) => Unexpected::Other("a number"),
        };
        Err(de::Error::invalid_type(found, &"an object"))
    }

    /// An object for a type with these fields, which is one of several that read it where members are left.
    #[inline(never)]
    fn object(self, fields: &'static [&'static str]) -> Result<Object<'r, 'de>, Misfit> {
        let members = match self.left {
            Some(left) => left.take(fields),
            None => self.members()?,
        };
        Ok(Object {
            members: members.into_iter(),
            whole: self,
            parts: fields.iter(),
            value: None,
        })
    }

    fn parsed<T: Deserialize<'de>>(self) -> Result<T, Misfit> {
        serde_json::from_str(self.text).map_err(de::Error::custom)
    }
}

impl<'de> Deserializer<'de> for Node<'_, 'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.text.bytes().next() {
            Some(b'{') => visitor.visit_map(self.object(&[])?),
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
        if self.text == "null" {
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
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if let Some(tag) = parts::named(name) {
            let left = Left::new(self.members()?);
            let tagged = Tagged::new(self.text, tag, &left)?;
            let kind = tagged.kind()?;
            let read = visitor.visit_enum(tagged);
            left.finish(&kind, read)
        } else if self.text.starts_with('"') {
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
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_map(self.object(fields)?)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}
