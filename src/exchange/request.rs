//! A request as it came, with its rule and its readings, and its outcome once that is known.

use std::borrow::Cow;
use std::rc::Rc;

use super::{Caller, Grant, Judged, Matched, Outcome, Refusal, aws, preflight};
use crate::client::Client;
use crate::config::Mode;
use crate::credential::{self, CredentialError, Emptied, Emptying};
use crate::headers::Headers;
use crate::policy::denial::Denial;
use crate::policy::requirement::{RequestView, Requirement};
use crate::policy::{Disagreement, Policy, Reading, Rule, UpstreamHeaders, Variables};
use crate::possession;
use crate::time::Now;

/// The other end of a request, as far as the host tells and somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The client's address, where the host tells it.
    pub client: Client,
    /// The SHA-256 of the certificate that it has shown the key of.
    pub certificate: Option<[u8; 32]>,
    /// Whether it has more to send than the head, where the host tells.
    pub body_follows: bool,
}

/// A request as it came: nothing of it changes while it waits.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) policy: Rc<Policy>,
    /// As it goes upstream, as far as its target is concerned.
    pub(super) head: Headers,
    /// The target that came, where another goes upstream.
    sent: Option<Vec<u8>>,
    pub(super) peer: Peer,
}

impl Request {
    /// A request under the policy that was in force when it came.
    pub(super) fn new(policy: Rc<Policy>, head: Headers, peer: Peer) -> Self {
        let checks = policy.mode != Mode::Disabled;
        let (sent, head) = match policy.rewrite(&head).filter(|_| checks) {
            Some(rewritten) => (head.first(":path").map(<[u8]>::to_vec), rewritten),
            None => (None, head),
        };
        Self {
            policy,
            head,
            sent,
            peer,
        }
    }

    /// How many bytes of memory it takes besides its own size.
    pub(super) fn weight(&self) -> usize {
        let sent = self.sent.as_ref().map_or(0, Vec::capacity);
        self.head.weight().saturating_add(sent)
    }

    /// The answer to a request of which no rule is asked.
    pub(super) fn answer_unasked(&self) -> Option<Outcome> {
        if self.policy.refuses_headers_of(&self.head) {
            return Some(self.reject(None, Denial::OwnedHeader));
        }
        if self.policy.mode == Mode::Disabled {
            return Some(Outcome::Forward(self.disabled()));
        }
        let metadata = self.policy.resource_metadata.as_ref()?;
        metadata.answer(&self.head).map(Outcome::Serve)
    }

    pub(super) fn rule(&self) -> Result<(&Rule, Variables), Denial> {
        self.policy.find(&self.head)
    }

    /// What becomes of a request of which no credential can be told.
    pub(super) fn denial_of(&self, rule: &Rule, error: CredentialError<'_>) -> Denial {
        match error {
            CredentialError::Ambiguous => Denial::Ambiguous,
            CredentialError::Malformed => Denial::Malformed,
            CredentialError::Unreadable(place) => {
                self.policy.refusal(rule, place, credential::UNREADABLE)
            }
        }
    }

    pub(super) fn view<'v>(
        &'v self,
        matched: Matched<'v, 'v>,
        readings: &'v [Reading],
    ) -> RequestView<'v> {
        RequestView {
            rule: &matched.rule.name,
            variables: matched.variables,
            head: &self.head,
            readings,
        }
    }

    /// What becomes of a CORS-preflight request where the configuration lets such pass without a credential: what the
    /// announced request would, but for its caller.
    pub(super) fn judge_preflight(&self) -> Option<(Option<&Rule>, Judged<'_>)> {
        if !self.policy.bypass_cors_preflight || self.peer.body_follows {
            return None;
        }
        let method = preflight::announced(&self.head)?;
        // What is closed to everybody is closed to these too.
        if let Ok((own, _)) = self.rule()
            && matches!(own.requirement, Requirement::Deny)
        {
            return Some((Some(own), Err(Denial::Denied.into())));
        }
        let announced = self.head.clone().with(":method", method);
        Some(match self.policy.find(&announced) {
            Ok((rule, _)) if matches!(rule.requirement, Requirement::Deny) => {
                (Some(rule), Err(Denial::Denied.into()))
            }
            Ok((rule, _)) => {
                // Whatever stands where a credential would is not a browser's.
                let mut places = rule.locations.iter();
                if places.any(|place| place.is_used(&self.head)) {
                    return None;
                }
                (Some(rule), Ok(None))
            }
            Err(denial) => (None, Err(denial.into())),
        })
    }

    /// The head as the client sent it, which is what it has signed.
    pub(super) fn sent(&self) -> Cow<'_, Headers> {
        match &self.sent {
            Some(target) => Cow::Owned(self.head.clone().with(":path", target)),
            None => Cow::Borrowed(&self.head),
        }
    }

    /// A refusal, which shadow mode only tells of.
    pub(super) fn refuse(&self, rule: Option<&Rule>, denial: Denial) -> Outcome {
        if self.policy.mode == Mode::Shadow {
            let mut grant = self.grant(Some(denial));
            grant.remark = self.policy.remark(rule, denial, &self.head);
            return Outcome::Forward(grant);
        }
        self.reject(rule, denial)
    }

    /// A refusal in every mode.
    fn reject(&self, rule: Option<&Rule>, denial: Denial) -> Outcome {
        let answer = denial.answer(self.policy.challenge(rule, &self.head));
        Outcome::Reject(Refusal {
            denial,
            answer,
            rule: rule.map(|rule| rule.name.clone()),
            disagreement: self.disagreement(denial),
            remark: self.policy.remark(rule, denial, &self.head),
        })
    }

    /// What the log says of a request whose readings differ: it is worked out again, since hardly any is refused for it.
    fn disagreement(&self, denial: Denial) -> Option<Box<Disagreement>> {
        let differs = denial == Denial::AmbiguousRequest;
        let judged = differs.then(|| self.policy.find_in_each_reading(&self.head))?;
        judged.err()?.1.map(Box::new)
    }

    /// A request without a caller to speak of.
    fn grant(&self, shadowed: Option<Denial>) -> Grant {
        let upstream = &self.policy.upstream;
        let mut grant = Grant {
            remove: upstream.spoofed(&self.head),
            credential: None,
            told: None,
            set: Vec::new(),
            shadowed,
            remark: None,
        };
        if self.sent.is_some() {
            let target = self.head.first(":path").unwrap_or_default();
            grant.set.push((":path".to_owned(), target.to_vec()));
        }
        if self.policy.reach().headers && upstream.is_hidden_by_connection(&self.head) {
            grant
                .set
                .push(("connection".to_owned(), b"upgrade".to_vec()));
        }
        if let Some(denial) = shadowed {
            let verdict = format!("{};status={}", denial.reason(), denial.status());
            grant
                .set
                .push((upstream.shadow().to_owned(), verdict.into_bytes()));
        }
        grant
    }

    /// What takes credentials out of the request.
    pub(super) fn emptied(&self, which: Emptying<'_>) -> Emptied {
        if self.policy.mode == Mode::Shadow {
            return Emptied::default();
        }
        let reach = self.policy.reach();
        self.policy.places.emptied(&self.head, which, reach)
    }

    /// A request that needs no caller.
    pub(super) fn pass(&self, rule: Option<&Rule>) -> Grant {
        let mut grant = self.grant(None);
        let is_public = rule.is_some_and(|rule| matches!(rule.requirement, Requirement::Public));
        grant.empty(self.emptied(if is_public {
            Emptying::Unasked
        } else {
            Emptying::All
        }));
        grant
    }

    /// A request while nothing is checked, with the identity that the configuration gives it, if any.
    fn disabled(&self) -> Grant {
        let mut grant = self.grant(None);
        if let Some(identity) = &self.policy.disabled_identity {
            grant.told = Some(Rc::new(self.policy.upstream.set_disabled(identity)));
        }
        grant
    }

    /// A request with its caller.
    pub(super) fn introduce(&self, caller: Caller<'_>, now: Now) -> Grant {
        let mut grant = self.grant(None);
        grant.told = Some(self.policy.upstream.set(&caller.principal));
        let provider = caller.principal.provider;
        if !provider.forward && provider.dpop().is_some() && self.policy.mode != Mode::Shadow {
            grant.remove.push(possession::HEADER.into());
        }
        grant.empty(caller.emptied);
        if let Some(issued) = caller.aws {
            if caller.rule.aws_credentials {
                grant.tell(UpstreamHeaders::set_aws(issued));
            }
            if let Some(signing) = &caller.rule.aws_sigv4 {
                let request = (&self.head, self.peer.body_follows);
                aws::sign(&mut grant, request, signing, issued, now.wall);
            }
        }
        grant
    }
}
