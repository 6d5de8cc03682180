//! The caller's groups, roles, permissions and scopes: each list is made once from its sources.

use std::rc::{Rc, Weak};

use serde_json::Value;

use super::{Attribute, Kind, Principal};
use crate::ledger::{Charge, Ledger};
use crate::memo::Memo;
use crate::names::Names;
use crate::policy::denial::Denial;
use crate::policy::provider::{Directory, Overage, Source};
use crate::services::{Answer, Attributes};

/// One thing that a list is made of.
enum Part<'p> {
    /// A claim: an array of strings, or a string split on spaces.
    Claim(&'p Value),
    /// The values that these groups map to, by the provider's map.
    Mapped(Rc<Names>, &'p [(String, Vec<String>)]),
    /// All values of another list.
    Names(Rc<Names>),
    /// Fixed values, the same for each caller of the provider.
    Static(&'p [String]),
}

impl Part<'_> {
    /// Another list that it is made of; the others are the bearer's own, or the configuration's.
    const fn origin(&self) -> Option<&Rc<Names>> {
        match self {
            Self::Mapped(names, _) | Self::Names(names) => Some(names),
            Self::Claim(_) | Self::Static(_) => None,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Claim(Value::String(text)) => text.is_empty(),
            Self::Claim(Value::Array(items)) => items.is_empty(),
            Self::Claim(_) => true,
            Self::Mapped(names, _) | Self::Names(names) => names.is_empty(),
            Self::Static(given) => given.is_empty(),
        }
    }

    fn add_to<'n>(&'n self, names: &mut Vec<&'n str>) {
        match self {
            Self::Claim(Value::String(text)) => names.extend(text.split(' ')),
            Self::Claim(Value::Array(items)) => {
                names.extend(items.iter().filter_map(Value::as_str));
            }
            Self::Claim(_) => {}
            Self::Mapped(groups, map) => {
                let given = |group: &str| {
                    let held = map.binary_search_by(|(known, _)| known.as_str().cmp(group));
                    held.ok().and_then(|at| map.get(at))
                };
                let given = groups.iter().filter_map(given);
                names.extend(given.flat_map(|(_, given)| given).map(String::as_str));
            }
            Self::Names(held) => names.extend(held.iter()),
            Self::Static(given) => names.extend(given.iter().map(String::as_str)),
        }
    }
}

/// Lists that were made of a bearer's claims and of the answers of directories: one of each kind, for as long as the
/// answers are the same.
#[derive(Debug, Default)]
pub(super) struct Merged(Memo<Kept>);

#[derive(Debug)]
struct Kept {
    kind: Kind,
    /// What it was made of besides claims. A weak reference keeps its place taken: nothing else is ever there.
    origins: Vec<Weak<Names>>,
    values: Rc<Names>,
    _charge: Charge,
}

impl Merged {
    fn get_or_make(
        &self,
        kind: Kind,
        origins: &[&Rc<Names>],
        ledger: &Ledger,
        make: impl FnOnce() -> Names,
    ) -> Rc<Names> {
        let is_of = |kept: &Kept| {
            let pairs = kept.origins.iter().zip(origins);
            kept.kind == kind
                && kept.origins.len() == origins.len()
                && pairs
                    .into_iter()
                    .all(|(kept, own)| kept.as_ptr() == Rc::as_ptr(own))
        };
        let values = |kept: &Kept| is_of(kept).then(|| Rc::clone(&kept.values));
        if let Some(values) = self.0.find(values) {
            return values;
        }
        self.0.retain(|kept| kept.kind != kind);
        let values = Rc::new(make());
        let weight = size_of::<Kept>()
            .saturating_add(size_of::<Names>())
            .saturating_add(values.weight());
        if let Some(charge) = ledger.charge(weight) {
            let kept = Kept {
                kind,
                origins: origins.iter().map(|origin| Rc::downgrade(origin)).collect(),
                values: Rc::clone(&values),
                _charge: charge,
            };
            self.0.keep(kept, Kind::ALL.len());
        }
        values
    }
}

impl<'p> Principal<'p> {
    pub(super) fn resolve(&mut self, kind: Kind) -> Attribute {
        let mut attribute = Attribute::default();
        let identity = &self.provider.identity;
        let own = Rc::clone(&self.identity);
        if self.m2m
            && identity.machines_are_in_no_group
            && matches!(kind, Kind::Groups | Kind::Roles)
        {
            return attribute;
        }
        let mut parts = Vec::new();
        for source in identity.sources(kind) {
            match source {
                Source::Claim(path) => {
                    let claim = own.vouched.claims().find(path);
                    parts.extend(claim.map(Part::Claim));
                }
                Source::Directory(directory) => {
                    parts.extend(self.listed(*directory, kind, &mut attribute));
                }
                Source::Groups => parts.push(Part::Names(self.groups(&mut attribute))),
                Source::MappedGroups(map) => {
                    parts.push(Part::Mapped(self.groups(&mut attribute), map));
                }
                Source::Static(given) => parts.push(Part::Static(given)),
            }
        }
        if kind == Kind::Groups {
            match self.overage() {
                Some(Overage::Ask(directory)) => {
                    parts.extend(self.listed(directory, kind, &mut attribute));
                }
                Some(Overage::Deny) => attribute.lacks(Denial::GroupsOverage.into()),
                None => {}
            }
        }
        attribute.values = self.made_of(kind, parts);
        attribute
    }

    fn made_of(&self, kind: Kind, mut parts: Vec<Part<'_>>) -> Rc<Names> {
        parts.retain(|part| !part.is_empty());
        if let [Part::Names(names)] = parts.as_slice() {
            return Rc::clone(names);
        }
        let make = || {
            let mut names = Vec::new();
            for part in &parts {
                part.add_to(&mut names);
            }
            Names::new(names)
        };
        if parts.is_empty() || !self.needs_directory(kind) {
            return Rc::new(make());
        }
        let origins: Vec<_> = parts.iter().filter_map(Part::origin).collect();
        let ledger = self.services.ledger();
        self.identity
            .merged
            .get_or_make(kind, &origins, ledger, make)
    }

    fn groups(&mut self, attribute: &mut Attribute) -> Rc<Names> {
        let groups = self.attribute(Kind::Groups);
        if let Some(missing) = groups.missing {
            attribute.lacks(missing);
        }
        groups.values
    }

    fn listed(
        &mut self,
        directory: Directory,
        kind: Kind,
        attribute: &mut Attribute,
    ) -> Option<Part<'static>> {
        let entry = self.look_at(directory, attribute)?;
        let names = match kind {
            Kind::Groups => &entry.groups,
            Kind::Roles => &entry.roles,
            Kind::Permissions => &entry.permissions,
            Kind::Scopes => return None,
        };
        Some(Part::Names(Rc::clone(names)))
    }

    /// What a directory knows of the caller, where it is known; else the attribute lacks it.
    pub(super) fn look_at(
        &mut self,
        directory: Directory,
        attribute: &mut Attribute,
    ) -> Option<&'p Rc<Attributes>> {
        let question = self.question(directory)?;
        self.looked_at.push(directory.service);
        match self.lookup(&question) {
            Ok(Some(Answer::Attributes(entry))) => return Some(entry),
            Ok(Some(_)) => {}
            Ok(None) => attribute.lacks(question.into()),
            Err(_) if directory.empty_on_error => {}
            Err(outage) => attribute.lacks(outage.into()),
        }
        None
    }
}
