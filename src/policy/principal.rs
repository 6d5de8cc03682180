//! The caller, once a provider has authenticated it.

mod identity;
mod lists;

use std::ops::Deref;
use std::rc::Rc;

use serde_json::Value;

pub use self::identity::{Identity, Tellable, TrustedClaims};

use self::identity::Lists;
use super::provider::{Directory, IdentityClaims, Overage, Provider, Source};
use super::unmet::{Pending, Unmet};
use super::upstream::{UpstreamHeaders, UpstreamIdentity};
use crate::config::ProviderId;
use crate::names::Names;
use crate::services::{Answer, Ask, Attributes, Question, ServiceId, ServiceStore, Unavailable};
use crate::time::Now;

/// A kind of list that a caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The groups that the caller is in.
    Groups,
    /// The roles that the caller has.
    Roles,
    /// The permissions that the caller has.
    Permissions,
    /// The scopes that the token carries.
    Scopes,
}

impl Kind {
    /// All kinds, in the order in which arrays of lists have them.
    pub const ALL: [Self; 4] = [Self::Groups, Self::Roles, Self::Permissions, Self::Scopes];
}

/// What the filter knows of one list of the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribute {
    /// The values that the caller has for certain.
    pub values: Rc<Names>,
    /// Why the list may have further values; `None` where it is complete.
    pub missing: Option<Unmet>,
}

impl Attribute {
    fn lacks(&mut self, missing: Unmet) {
        self.missing = Some(match self.missing.take() {
            Some(before) => before.or(missing),
            None => missing,
        });
    }
}

/// A caller whom a provider vouches for, in one request. Directories are asked for what a rule looks at only.
#[derive(Debug)]
pub struct Principal<'p> {
    /// The id of the provider that authenticated the caller.
    pub id: ProviderId,
    /// The provider that authenticated the caller.
    pub provider: &'p Provider,
    identity: Rc<Identity>,
    services: &'p ServiceStore,
    now: Now,
    /// The lists that are not the identity's own at each request.
    lists: Option<Box<Lists>>,
    /// Directories that the rule has looked at.
    looked_at: Vec<ServiceId>,
    /// Questions without an answer yet that may go out together.
    together: Vec<Question>,
}

impl Deref for Principal<'_> {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

impl<'p> Principal<'p> {
    /// The caller with this identity, at the start of a request.
    #[must_use]
    pub const fn new(
        id: ProviderId,
        provider: &'p Provider,
        identity: Rc<Identity>,
        services: &'p ServiceStore,
        now: Now,
    ) -> Self {
        Self {
            id,
            provider,
            identity,
            services,
            now,
            lists: None,
            looked_at: Vec::new(),
            together: Vec::new(),
        }
    }

    /// A list of the caller, as far as it can be known now.
    pub fn attribute(&mut self, kind: Kind) -> Attribute {
        if let Some(held) = self.looked_up(kind) {
            return held.clone();
        }
        let list = self.resolve(kind);
        let lists = self.lists.get_or_insert_default();
        lists.set(kind, list.clone());
        list
    }

    /// A list that was made before, for this request or for all of the identity's.
    fn looked_up(&self, kind: Kind) -> Option<&Attribute> {
        let own = self.lists.as_ref().and_then(|lists| lists.get(kind));
        own.or_else(|| self.identity.lists.get(kind))
    }

    /// The identity, with all that is the same at each of its requests: it must be new.
    #[must_use]
    pub fn prepared(mut self, upstream: &UpstreamHeaders) -> Rc<Identity> {
        let mut lists = Lists::default();
        for kind in Kind::ALL {
            if !self.needs_directory(kind) {
                lists.set(kind, self.attribute(kind));
            }
        }
        let told = self.is_told_once().then(|| upstream.set(&self));
        if let Some(identity) = Rc::get_mut(&mut self.identity) {
            identity.lists = lists;
            identity.told = told;
        }
        self.identity
    }

    /// Whether the upstream is told the same of the identity at each request.
    fn is_told_once(&self) -> bool {
        self.provider.identity.profile.is_empty()
            && !Kind::ALL.into_iter().any(|kind| self.needs_directory(kind))
    }

    /// What the upstream is told: made once of an identity, and of the answers of directories that add to it.
    pub(super) fn told_once(
        &self,
        with_profile: bool,
        tell: impl FnOnce(&Tellable) -> UpstreamIdentity,
    ) -> Rc<UpstreamIdentity> {
        if let Some(told) = &self.identity.told {
            return Rc::clone(told);
        }
        let tellable = Tellable {
            lists: Kind::ALL.map(|kind| self.told(kind)),
            profile: if with_profile {
                self.profile()
            } else {
                Vec::new()
            },
        };
        // Without directories and profiles there is one text for all requests, which `prepared` keeps with the identity.
        if self.is_told_once() {
            return Rc::new(tell(&tellable));
        }
        let kept = &self.identity.told_with;
        kept.get_or_make(&tellable, self.services.ledger(), || tell(&tellable))
    }

    /// A list to tell the upstream: one that the rule has looked at and that is complete, or that needs no directory.
    #[must_use]
    pub fn told(&self, kind: Kind) -> Rc<Names> {
        let list = match self.looked_up(kind) {
            Some(list) => list.clone(),
            None if self.needs_directory(kind) => return Rc::default(),
            // The identity was not prepared: this does not note what it looks at.
            None => {
                let identity = Rc::clone(&self.identity);
                Principal::new(self.id, self.provider, identity, self.services, self.now)
                    .attribute(kind)
            }
        };
        match list.missing {
            None => list.values,
            Some(_) => Rc::default(),
        }
    }

    /// The entries of the caller in the directories of its profile that the rule has looked at.
    fn profile(&self) -> Vec<Rc<Attributes>> {
        let directories = self.provider.identity.profile.iter();
        directories
            .filter(|directory| self.looked_at.contains(&directory.service))
            .filter_map(|directory| match self.lookup(&self.question(*directory)?) {
                Ok(Some(Answer::Attributes(entry))) => Some(Rc::clone(entry)),
                _ => None,
            })
            .collect()
    }

    /// Looks at the directories that have the caller's profile.
    ///
    /// # Errors
    /// What is missing of it.
    pub fn look_at_profile(&mut self) -> Result<(), Unmet> {
        let mut attribute = Attribute::default();
        for directory in &self.provider.identity.profile {
            self.look_at(*directory, &mut attribute);
        }
        attribute.missing.map_or(Ok(()), Err)
    }

    /// Notes a question without an answer that may go out together with others.
    pub(super) fn await_together(&mut self, question: &Question) {
        if !self.together.contains(question) {
            self.together.push(question.clone());
        }
    }

    /// Where it depends on the answer to a question, adds those that go out with it.
    #[must_use]
    pub fn with_others(&self, unmet: Unmet) -> Unmet {
        let Unmet::Pending(Pending::Answers(mut questions)) = unmet else {
            return unmet;
        };
        let together = &self.together;
        if let [question] = questions.as_slice()
            && together.contains(question)
        {
            let service = question.service;
            let others = together.iter().filter(|other| other.service == service);
            let others = others.filter(|other| *other != question).cloned();
            let others: Vec<Question> = others.collect();
            questions.extend(others);
        }
        Pending::Answers(questions).into()
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

    /// The answer to a question about this caller, as [`ServiceStore::lookup`] has it.
    ///
    /// # Errors
    /// [`Unavailable`] where the service cannot be asked now.
    pub fn lookup(&self, question: &Question) -> Result<Option<&'p Answer>, Unavailable> {
        self.services.lookup(question, self.now)
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
                provider: self.provider.name.as_str().into(),
                subject: subject.as_str().into(),
                name: name.as_str().into(),
            },
        })
    }
}

impl IdentityClaims {
    fn sources(&self, kind: Kind) -> &[Source] {
        match kind {
            Kind::Groups => &self.groups,
            Kind::Roles => &self.roles,
            Kind::Permissions => &self.permissions,
            Kind::Scopes => &self.scopes,
        }
    }
}
