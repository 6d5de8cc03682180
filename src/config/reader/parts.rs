//! Objects that several types read: a member says which variant of an enum such an object is, and types read parts of it.

use std::cell::RefCell;

use serde::de::{self, DeserializeSeed, EnumAccess, Unexpected, VariantAccess, Visitor};

use super::{Member, Misfit, Node, Unread};

/// What a name that is for the reader says.
pub(super) fn named(name: &'static str) -> Option<&'static str> {
    name.strip_prefix("..")
}

/// The members of an object that no type has read yet.
pub(super) struct Left<'de> {
    members: RefCell<Vec<Member<'de>>>,
    /// The keys that some type has a field for.
    known: RefCell<Vec<&'static str>>,
}

impl<'de> Left<'de> {
    pub(super) const fn new(members: Vec<Member<'de>>) -> Self {
        Self {
            members: RefCell::new(members),
            known: RefCell::new(Vec::new()),
        }
    }

    /// The members that these fields are for, in the order of the text.
    #[inline(never)]
    pub(super) fn take(&self, fields: &[&'static str]) -> Vec<Member<'de>> {
        let own = || fields.iter().filter(|field| named(field).is_none());
        self.known.borrow_mut().extend(own());
        let mut members = self.members.borrow_mut();
        let is_own = |(name, _): &mut Member<'de>| own().any(|field| field == name);
        members.extract_if(.., is_own).collect()
    }

    /// The first member that no type has a field for, in an object of this kind.
    #[inline(never)]
    fn unread(self, kind: &str) -> Option<Misfit> {
        let (key, value) = self.members.into_inner().into_iter().next()?;
        let known = self.known.into_inner();
        let misfit = Misfit::unread(Unread {
            key,
            kind: kind.to_owned(),
            known,
        });
        Some(misfit.within(Node::of(value), ""))
    }

    /// What types have made of the object, unless it has a member that none of them has a field for.
    pub(super) fn finish<T>(self, kind: &str, read: Result<T, Misfit>) -> Result<T, Misfit> {
        match read {
            Err(misfit) if !misfit.is_missing() => Err(misfit),
            // A key that is missing may be the one that is written wrong.
            read => self.unread(kind).map_or(read, Err),
        }
    }
}

/// An object with the member that says its kind.
#[derive(Clone, Copy)]
pub(super) struct Tagged<'r, 'de> {
    tag: &'static str,
    kind: Node<'r, 'de>,
    object: Node<'r, 'de>,
}

impl<'r, 'de> Tagged<'r, 'de> {
    #[inline(never)]
    pub(super) fn new(
        text: &'de str,
        tag: &'static str,
        left: &'r Left<'de>,
    ) -> Result<Self, Misfit> {
        let kind = match left.take(&[tag]).as_slice() {
            [] => return Err(de::Error::missing_field(tag)),
            [(_, kind)] => Node::of(kind),
            _ => return Err(de::Error::duplicate_field(tag)),
        };
        if !kind.text.starts_with('"') {
            let found = Unexpected::Other("what is no word");
            let misfit: Misfit = de::Error::invalid_type(found, &"a word");
            return Err(misfit.within(kind, tag));
        }
        let left = Some(left);
        Ok(Self {
            tag,
            kind,
            object: Node { text, left },
        })
    }

    /// The word that the member `kind` has.
    pub(super) fn kind(self) -> Result<String, Misfit> {
        self.kind.parsed()
    }
}

impl<'de> EnumAccess<'de> for Tagged<'_, 'de> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Misfit> {
        let variant = seed.deserialize(self.kind);
        let variant = variant.map_err(|misfit| misfit.within(self.kind, self.tag))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Tagged<'_, 'de> {
    type Error = Misfit;

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misfit> {
        seed.deserialize(self.object)
    }

    fn unit_variant(self) -> Result<(), Misfit> {
        Err(de::Error::custom("a kind without keys of its own"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Misfit> {
        Err(de::Error::custom("a kind without keys of its own"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Misfit> {
        Err(de::Error::custom("a kind without keys of its own"))
    }
}
