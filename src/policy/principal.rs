//! Who the caller is, once a provider vouches for it.

mod bearer;

use std::cell::{OnceCell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use serde_json::Value;

pub use self::bearer::{Bearer, Vouched};

use self::bearer::Lists;
use super::ProviderId;
use super::provider::{Directory, Identity, Machine, Overage, Provider, Source};
use super::upstream::Told;
use crate::json::ClaimPath;
use crate::services::{Answer, Ask, Attributes, Lookup, Question, ServiceId, ServiceStore};
use crate::time::UnixTime;

/// A list that a caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Groups.
    Groups,
    /// Roles.
    Roles,
    /// Permissions.
    Permissions,
    /// Scopes.
    Scopes,
}

/// Why a list may lack something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The answer to this.
    Asks(Question),
    /// What a directory that cannot be asked would say; the next attempt is in so many seconds.
    Fails(u32),
    /// The caller is in more groups than its token can name.
    Overage,
}

impl Missing {
    /// Of two reasons the one to report: what can still be had comes first.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Asks(_), _) => self,
            (_, Self::Asks(_)) => other,
            (Self::Fails(_), _) => self,
            (_, Self::Fails(_)) => other,
            _ => self,
        }
    }
}

/// What is known of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribute {
    /// What the caller has for certain.
    pub values: Vec<String>,
    /// Why there may be more.
    pub missing: Option<Missing>,
}

impl Attribute {
    fn add(&mut self, value: &str) {
        if !value.is_empty() && !self.values.iter().any(|held| held == value) {
            self.values.push(value.to_owned());
        }
    }

    fn lacks(&mut self, missing: Missing) {
        self.missing = Some(match self.missing.take() {
            Some(before) => before.or(missing),
            None => missing,
        });
    }
}

/// A caller whom a provider vouches for, in one request. Directories are asked for what a rule looks at only.
#[derive(Debug)]
pub struct Principal<'p> {
    /// Who vouches.
    pub id: ProviderId,
    /// The same.
    pub provider: &'p Provider,
    bearer: Rc<Bearer>,
    services: &'p ServiceStore,
    now: UnixTime,
    /// The lists that a directory adds to.
    asked: OnceCell<Box<Lists>>,
    /// Directories that the rule has looked at.
    looked_at: RefCell<Vec<ServiceId>>,
    /// Questions without an answer yet that may go out together.
    together: RefCell<Vec<Question>>,
}

impl Deref for Principal<'_> {
    type Target = Bearer;

    fn deref(&self) -> &Bearer {
        &self.bearer
    }
}

impl<'p> Principal<'p> {
    /// The caller of this profile.
    #[must_use]
    pub const fn new(
        id: ProviderId,
        provider: &'p Provider,
        bearer: Rc<Bearer>,
        services: &'p ServiceStore,
        now: UnixTime,
    ) -> Self {
        Self {
            id,
            provider,
            bearer,
            services,
            now,
            asked: OnceCell::new(),
            looked_at: RefCell::new(Vec::new()),
            together: RefCell::new(Vec::new()),
        }
    }

    /// A list of the caller, as far as it can be known now.
    pub fn attribute(&self, kind: Kind) -> &Attribute {
        let lists = if self.needs_directory(kind) {
            self.asked.get_or_init(Box::default)
        } else {
            &self.bearer.lists
        };
        lists.cell(kind).get_or_init(|| self.resolve(kind))
    }

    /// What the upstream is told: made once for a profile, where that is all there is to tell.
    pub(super) fn told_once(&self, tell: impl FnOnce() -> Told) -> Rc<Told> {
        let tell = || Rc::new(tell());
        let kinds = [Kind::Groups, Kind::Roles, Kind::Permissions, Kind::Scopes];
        let is_asked = kinds.into_iter().any(|kind| self.needs_directory(kind));
        if is_asked || !self.provider.identity.profile.is_empty() {
            tell()
        } else {
            Rc::clone(self.bearer.told.get_or_init(tell))
        }
    }

    /// A list to tell the upstream: one that the rule has looked at and that is complete, or that needs no directory.
    pub fn told(&self, kind: Kind) -> &[String] {
        let asked = self.asked.get().and_then(|lists| lists.cell(kind).get());
        if self.needs_directory(kind) && asked.is_none() {
            return &[];
        }
        let attribute = self.attribute(kind);
        match attribute.missing {
            None => &attribute.values,
            Some(_) => &[],
        }
    }

    /// A member of the caller's profile, from the first directory that knows it, among those that the rule has looked
    /// at.
    pub fn profile_member(&self, path: &ClaimPath) -> Option<&'p Value> {
        let looked_at = self.looked_at.borrow();
        let directories = self.provider.identity.profile.iter();
        directories
            .filter(|directory| looked_at.contains(&directory.service))
            .find_map(|directory| match self.lookup(&self.question(*directory)?) {
                Lookup::Ready(Answer::Attributes(entry)) => path.find(&entry.profile),
                _ => None,
            })
    }

    /// Looks at the directories that have the caller's profile.
    ///
    /// # Errors
    /// What is missing of it.
    pub fn look_at_profile(&self) -> Result<(), Missing> {
        let mut attribute = Attribute::default();
        for directory in &self.provider.identity.profile {
            self.ask(*directory, Kind::Scopes, &mut attribute);
        }
        attribute.missing.map_or(Ok(()), Err)
    }

    /// Notes a question without an answer that may go out together with others.
    pub(super) fn await_together(&self, question: &Question) {
        let mut together = self.together.borrow_mut();
        if !together.contains(question) {
            together.push(question.clone());
        }
    }

    /// This question, and those that go out with it.
    #[must_use]
    pub fn with_others(&self, question: Question) -> Vec<Question> {
        let together = self.together.borrow();
        let others: Vec<Question> = if together.contains(&question) {
            let others = together
                .iter()
                .filter(|other| other.service == question.service && **other != question);
            others.cloned().collect()
        } else {
            Vec::new()
        };
        std::iter::once(question).chain(others).collect()
    }

    fn needs_directory(&self, kind: Kind) -> bool {
        let overage = kind == Kind::Groups && self.overage().is_some();
        overage
            || self
                .provider
                .identity
                .sources(kind)
                .iter()
                .any(|source| match source {
                    Source::Directory(_) => true,
                    Source::Groups | Source::MappedGroups(_) => self.needs_directory(Kind::Groups),
                    Source::Claim(_) | Source::Static(_) => false,
                })
    }

    /// What holds for this caller's groups, where its token left them out.
    fn overage(&self) -> Option<Overage> {
        let overage = self.provider.identity.overage?;
        let members = self.vouched.claims().members();
        // Written in a way that nobody expects, they still say that something is missing.
        let left_out = members.get("_claim_names").is_some_and(|names| {
            names
                .as_object()
                .is_none_or(|names| names.contains_key("groups"))
        }) || members
            .get("hasgroups")
            .is_some_and(|has| has != &Value::Bool(false));
        left_out.then_some(overage)
    }

    fn resolve(&self, kind: Kind) -> Attribute {
        let mut attribute = Attribute::default();
        let identity = &self.provider.identity;
        // A machine of Cognito has no groups of users, whatever its claims say.
        if self.m2m
            && matches!(identity.machine, Machine::Cognito)
            && matches!(kind, Kind::Groups | Kind::Roles)
        {
            return attribute;
        }
        for source in identity.sources(kind) {
            match source {
                Source::Claim(path) => match self.vouched.claims().find(path) {
                    Some(Value::String(text)) => {
                        text.split(' ').for_each(|value| attribute.add(value));
                    }
                    Some(Value::Array(items)) => items
                        .iter()
                        .filter_map(Value::as_str)
                        .for_each(|value| attribute.add(value)),
                    _ => {}
                },
                Source::Directory(directory) => self.ask(*directory, kind, &mut attribute),
                Source::Groups => self.add_by_group(&mut attribute, |group, attribute| {
                    attribute.add(group);
                }),
                Source::MappedGroups(map) => {
                    self.add_by_group(&mut attribute, |group, attribute| {
                        map.iter()
                            .filter(|(known, _)| known == group)
                            .flat_map(|(_, given)| given)
                            .for_each(|value| attribute.add(value));
                    })
                }
                Source::Static(given) => given.iter().for_each(|value| attribute.add(value)),
            }
        }
        if kind == Kind::Groups {
            match self.overage() {
                Some(Overage::Ask(directory)) => self.ask(directory, kind, &mut attribute),
                Some(Overage::Deny) => attribute.lacks(Missing::Overage),
                None => {}
            }
        }
        attribute
    }

    /// What is known of the answer to a question about this caller.
    #[must_use]
    pub fn lookup(&self, question: &Question) -> Lookup<'p> {
        self.services.lookup(question, self.now)
    }

    fn add_by_group(&self, attribute: &mut Attribute, give: impl Fn(&str, &mut Attribute)) {
        let groups = self.attribute(Kind::Groups);
        for group in &groups.values {
            give(group, attribute);
        }
        if let Some(missing) = &groups.missing {
            attribute.lacks(missing.clone());
        }
    }

    /// What a directory is asked about the caller; `None` for nobody in particular, or for a segment that a server
    /// would resolve: a directory has no entry for that.
    fn question(&self, directory: Directory) -> Option<Question> {
        let entry = |text: &&String| !matches!(text.as_str(), "." | "..");
        let name = self.name.clone().unwrap_or_default();
        let subject = self
            .subject
            .as_ref()
            .filter(entry)
            .filter(|_| entry(&&name))?;
        Some(Question {
            service: directory.service,
            ask: Ask::Entry {
                provider: self.provider.name.clone(),
                subject: subject.clone(),
                name,
            },
        })
    }

    fn ask(&self, directory: Directory, kind: Kind, attribute: &mut Attribute) {
        let Some(question) = self.question(directory) else {
            return;
        };
        self.looked_at.borrow_mut().push(directory.service);
        match self.lookup(&question) {
            Lookup::Ready(Answer::Attributes(entry)) => {
                for value in list(entry, kind) {
                    attribute.add(value);
                }
            }
            Lookup::Ready(_) => {}
            Lookup::Pending => attribute.lacks(Missing::Asks(question)),
            Lookup::Unavailable { .. } if directory.empty_on_error => {}
            Lookup::Unavailable { retry_after } => attribute.lacks(Missing::Fails(retry_after)),
        }
    }
}

impl Identity {
    fn sources(&self, kind: Kind) -> &[Source] {
        match kind {
            Kind::Groups => &self.groups,
            Kind::Roles => &self.roles,
            Kind::Permissions => &self.permissions,
            Kind::Scopes => &self.scopes,
        }
    }
}

fn list(entry: &Attributes, kind: Kind) -> &[String] {
    match kind {
        Kind::Groups => &entry.groups,
        Kind::Roles => &entry.roles,
        Kind::Permissions => &entry.permissions,
        Kind::Scopes => &[],
    }
}
