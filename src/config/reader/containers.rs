//! Objects and lists, one level of the text.

use std::fmt;

use serde::Deserialize;
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::{Member, Misfit, Node, parts};

/// The members of an object, in the order of the text and with repeated names: what they mean is for the types to say.
pub(super) struct Members<'de>(pub(super) Vec<Member<'de>>);

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

pub(super) struct Object<'r, 'de> {
    pub(super) members: std::vec::IntoIter<Member<'de>>,
    /// The object itself, of which other types read parts.
    pub(super) whole: Node<'r, 'de>,
    /// The fields among which the names of those parts are.
    pub(super) parts: std::slice::Iter<'static, &'static str>,
    /// The member whose name was read.
    pub(super) value: Option<(String, Node<'r, 'de>)>,
}

impl<'r, 'de> Object<'r, 'de> {
    #[inline(never)]
    fn next(&mut self) -> Option<(String, Node<'r, 'de>)> {
        if let Some((name, value)) = self.members.next() {
            return Some((name, Node::of(value)));
        }
        self.whole.left?;
        let part = self.parts.find(|field| parts::named(field).is_some())?;
        Some(((*part).to_owned(), self.whole))
    }
}

impl<'de> MapAccess<'de> for Object<'_, 'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let Some((name, node)) = self.next() else {
            return Ok(None);
        };
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

pub(super) struct List<'de> {
    pub(super) items: std::iter::Enumerate<std::vec::IntoIter<&'de RawValue>>,
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
        let node = Node::of(item);
        seed.deserialize(node)
            .map(Some)
            .map_err(|misfit| misfit.within(node, &format!("[{index}]")))
    }
}
