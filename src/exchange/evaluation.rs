//! One evaluation of a request: the outcome by what is known now, or what must come first.

use super::authenticate::Authenticator;
use super::request::Request;
use super::{Accounts, Effects, Judged, Matched, Memory};
use crate::credential::{self, Credential, Presented};
use crate::keys::{KeyStore, Turn};
use crate::policy::denial::Denial;
use crate::policy::requirement::Requirement;
use crate::services::ServiceStore;

/// What an evaluation reads and does not change.
#[derive(Clone, Copy)]
pub(super) struct Known<'p> {
    pub(super) keys: &'p KeyStore,
    pub(super) services: &'p ServiceStore,
}

/// One evaluation of a request.
pub(super) struct Evaluation<'p> {
    pub(super) request: &'p Request,
    pub(super) known: Known<'p>,
    /// What the VM counts and remembers of callers.
    pub(super) accounts: &'p mut Accounts,
    /// What was found out about the request.
    pub(super) memory: &'p mut Memory,
    pub(super) turn: Turn<'p>,
    /// What it has changed so far.
    pub(super) effects: Effects,
}

impl<'p> Evaluation<'p> {
    /// Whether a rule lets the request pass.
    pub(super) fn decide(&mut self, matched: Matched<'p, '_>) -> Judged<'p> {
        match &matched.rule.requirement {
            Requirement::Public => return Ok(None),
            Requirement::Deny => return Err(Denial::Denied.into()),
            _ => {}
        }
        let request = self.request;
        match credential::find(&request.head, &matched.rule.locations) {
            Ok(presented) => self.judge(matched, presented),
            Err(error) => Err(request.denial_of(matched.rule, error).into()),
        }
    }

    /// The same, with what the request presents.
    pub(super) fn judge(
        &mut self,
        matched: Matched<'p, '_>,
        presented: Presented<'_>,
    ) -> Judged<'p> {
        match presented {
            Presented::One(credential) => self.authenticate(matched, &credential),
            Presented::Copies(copies) => self.judge_copies(matched, &copies),
            Presented::Outranking(explicit, copies) => {
                self.judge_outranking(matched, &explicit, copies)
            }
            Presented::Nothing => matched
                .rule
                .check(None, &self.request.view(matched, &[]))
                .map(|()| None),
        }
    }

    /// Whom one credential stands for, and whether the rule lets them pass. It is much code: several ways lead here, and
    /// none has a copy of its own.
    #[inline(never)]
    pub(super) fn authenticate(
        &mut self,
        matched: Matched<'p, '_>,
        credential: &Credential<'_>,
    ) -> Judged<'p> {
        Authenticator::new(self, matched, credential).authenticate()
    }
}
