//! The outcomes of a request: the changes in it before it goes upstream, or the response that its client gets.

use std::rc::Rc;

use crate::credential::Emptied;
use crate::policy::denial::{Answer, Denial};
use crate::policy::resource_metadata::Document;
use crate::policy::{Disagreement, UpstreamIdentity};

/// What becomes of a request. There is no fourth answer.
#[must_use]
#[derive(Debug)]
pub enum Outcome {
    /// The request goes upstream, changed as the grant says.
    Forward(Grant),
    /// The filter answers with a refusal.
    Reject(Refusal),
    /// Answer it with a document of the filter's own, which is public.
    Serve(Document),
}

/// The permission to let a request through, made only by [`super::Exchange`] (`advance`, and `give_up` where refusals are only noted), with what must change in it first.
#[derive(Debug)]
pub struct Grant {
    pub(super) remove: Vec<Vec<u8>>,
    /// The header that is all credential.
    pub(super) credential: Option<Rc<str>>,
    /// What is told of the caller, shared by all requests with its token.
    pub(super) told: Option<Rc<UpstreamIdentity>>,
    /// What else is set.
    pub(super) set: Vec<(String, Vec<u8>)>,
    pub(super) shadowed: Option<Denial>,
    /// What the log says of that besides its reason.
    pub(super) remark: Option<String>,
}

impl Grant {
    /// Headers to remove: all that only the filter may set, and the credential unless it is forwarded.
    pub fn remove(&self) -> impl Iterator<Item = &[u8]> {
        let credential = self.credential.iter().map(|name| name.as_bytes());
        self.remove.iter().map(Vec::as_slice).chain(credential)
    }

    /// Headers to set, after the removals.
    pub fn set(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let told = self.told.iter().flat_map(|told| &told.headers);
        let told = told.map(|(name, value)| (&**name, value.as_bytes()));
        let set = self.set.iter();
        told.chain(set.map(|(name, value)| (name.as_str(), value.as_slice())))
    }

    /// What the host's filter state is told of the caller, for access logs and later filters: the names, the whole texts,
    /// and as they stand there.
    pub fn state(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let state = self.told.iter().flat_map(|told| &told.state);
        state.map(|(name, whole, cut)| (&**name, &**whole, &**cut))
    }

    /// What would have been refused, were the filter not in shadow mode.
    #[must_use]
    pub const fn shadowed(&self) -> Option<Denial> {
        self.shadowed
    }

    /// What the log says of that besides its reason.
    #[must_use]
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }
}

/// A refusal and its answer.
#[derive(Debug)]
pub struct Refusal {
    /// The reason for the refusal.
    pub denial: Denial,
    /// What the client gets.
    pub answer: Answer,
    /// The rule's name, where one was found.
    pub rule: Option<String>,
    /// The two readings of a request that was refused because they differ.
    pub disagreement: Option<Box<Disagreement>>,
    /// What the log says besides the reason.
    pub remark: Option<String>,
}

impl Grant {
    pub(super) fn empty(&mut self, emptied: Emptied) {
        self.credential = emptied.credential;
        self.remove.extend(emptied.remove);
        for (name, value) in emptied.set {
            self.set.retain(|(held, _)| *held != name);
            self.set.push((name, value));
        }
    }

    pub(super) fn tell(&mut self, facts: Vec<(String, String)>) {
        let facts = facts.into_iter();
        self.set
            .extend(facts.map(|(name, value)| (name, value.into_bytes())));
    }
}
