//! One request, from its headers to its answer.
//!
//! [`Exchange::advance`] answers from what is known now and is called again, unchanged, whenever more is
//! known. There is nothing to resume and nothing that can be entered twice.

mod authenticate;
mod aws;
mod copies;
mod preflight;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use self::authenticate::Authenticator;
use crate::basic::PasswordStore;
use crate::client::Client;
use crate::config::{Mode, ProviderId};
use crate::credential::{
    self, Credential, CredentialError, Emptied, Emptying, Location, Presented,
};
use crate::headers::Headers;
use crate::keys::{KeyStore, SharedData};
use crate::policy::denial::{Answer, Denial};
use crate::policy::principal::{Identity, Principal};
use crate::policy::requirement::{RequestView, Requirement};
use crate::policy::resource_metadata::Document;
use crate::policy::unmet::{Pending, Unmet};
use crate::policy::{
    Disagreement, Policy, Reading, Rule, UpstreamHeaders, UpstreamIdentity, Variables,
};
use crate::possession::{self, Replays};
use crate::services::{ServiceStore, TemporaryCredentials};
use crate::time::{MonoTime, Now};
use crate::time_budget::TimeBudget;
use crate::tokens::{TokenDigest, TokenStore};

/// What one VM knows.
#[derive(Debug)]
pub struct Stores {
    /// Of whom the configuration itself describes: by the provider, and the place of the claims in its memory.
    pub identities: RefCell<BTreeMap<(ProviderId, usize), Rc<Identity>>>,
    /// Of issuers' keys.
    pub keys: KeyStore,
    /// Of passwords.
    pub passwords: PasswordStore,
    /// Of time for proofs of tokens that are known.
    pub proofs: TimeBudget,
    /// Of proofs that came before.
    pub replays: Replays,
    /// Of what services said.
    pub services: ServiceStore,
    /// Of time for signatures of tokens that are not known.
    pub signatures: TimeBudget,
    /// Of tokens.
    pub tokens: TokenStore,
}

/// What becomes of a request. There is no fourth answer.
#[must_use]
#[derive(Debug)]
pub enum Outcome {
    /// Let it through.
    Forward(Grant),
    /// Refuse it.
    Reject(Refusal),
    /// Answer it with a document of the filter's own, which is public.
    Serve(Document),
}

/// The permission to let a request through, made only by [`Exchange::advance`], with what must change in it first.
#[derive(Debug)]
pub struct Grant {
    remove: Vec<Vec<u8>>,
    /// The header that is all credential.
    credential: Option<Rc<str>>,
    /// What is told of the caller, shared by all requests with its token.
    told: Option<Rc<UpstreamIdentity>>,
    /// What else is set.
    set: Vec<(String, Vec<u8>)>,
    shadowed: Option<Denial>,
    /// What the log says of that besides its reason.
    remark: Option<String>,
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
    /// Why.
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

/// The other end of a request, as far as the host tells and somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Its address.
    pub client: Client,
    /// The SHA-256 of the certificate that it has shown the key of.
    pub certificate: Option<[u8; 32]>,
    /// Whether it has more to send than the head, where the host tells.
    pub body_follows: bool,
}

/// One request.
#[derive(Debug)]
pub struct Exchange {
    policy: Rc<Policy>,
    /// As it goes upstream, as far as its target is concerned.
    head: Headers,
    /// The target that came, where another goes upstream.
    sent: Option<Vec<u8>>,
    peer: Peer,
    /// When it was first looked at.
    arrived: OnceCell<MonoTime>,
    /// Whether its proof of possession was seen to be signed and new: both are looked at once.
    proven: Cell<bool>,
    /// Whom verified tokens stand for, so that a request that waits for something else costs one signature of each.
    verified: RefCell<Vec<(TokenDigest, Rc<Identity>)>>,
    /// Where a token stands that is none of the rule's providers', beside a credential that may count in its place.
    foreign: RefCell<Option<Location>>,
    /// About which of several credentials somebody is asked.
    asks_about: Cell<Option<usize>>,
    /// What became of its password at each provider, so that it counts once for each.
    guesses: RefCell<Vec<CountedAttempt>>,
    /// The provider whose keys without a `kid` have not signed the token, and which keys there were then.
    nameless: Cell<Option<(ProviderId, u64)>>,
    /// When its password's turn is, where it has to wait for one.
    turn: Cell<Option<MonoTime>>,
}

/// A password that a provider looks at, or has looked at.
#[derive(Clone, Copy, Debug)]
struct CountedAttempt {
    provider: ProviderId,
    /// Whether it is known to be wrong.
    known: bool,
    /// Whether it counts as a wrong one.
    counts: bool,
    /// When its hash may be computed, where it has to wait for that.
    hash_at: Option<MonoTime>,
}

/// What becomes of a request: it passes, with its caller where it has one to speak of.
type Judged<'p> = Result<Option<Caller<'p>>, Unmet>;

/// A caller who may pass.
struct Caller<'p> {
    /// The rule that lets it.
    rule: &'p Rule,
    principal: Principal<'p>,
    /// What takes credentials out of the request.
    emptied: Emptied,
    /// Temporary AWS credentials, where the rule asks for them.
    aws: Option<&'p TemporaryCredentials>,
}

impl Exchange {
    /// A request under the policy that was in force when it came.
    #[must_use]
    pub fn new(policy: Rc<Policy>, head: Headers, peer: Peer) -> Self {
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
            arrived: OnceCell::new(),
            proven: Cell::new(false),
            verified: RefCell::new(Vec::new()),
            foreign: RefCell::new(None),
            asks_about: Cell::new(None),
            guesses: RefCell::new(Vec::new()),
            nameless: Cell::new(None),
            turn: Cell::new(None),
        }
    }

    /// How many bytes of memory the request takes for as long as it waits.
    #[must_use]
    pub fn weight(&self) -> usize {
        let sent = self.sent.as_ref().map_or(0, Vec::capacity);
        let head = self.head.weight().saturating_add(sent);
        head.saturating_add(size_of::<Self>())
    }

    /// Answers from what is known now.
    ///
    /// # Errors
    /// What must come first.
    pub fn advance(
        &self,
        stores: &Stores,
        shared: &mut dyn SharedData,
        now: Now,
    ) -> Result<Outcome, Pending> {
        let _ = self.arrived.get_or_init(|| now.mono);
        if self.policy.refuses_headers_of(&self.head) {
            return Ok(self.reject(None, Denial::OwnedHeader));
        }
        if self.policy.mode == Mode::Disabled {
            return Ok(Outcome::Forward(self.disabled()));
        }
        let metadata = self.policy.resource_metadata.as_ref();
        if let Some(document) = metadata.and_then(|metadata| metadata.answer(&self.head)) {
            return Ok(Outcome::Serve(document));
        }
        let judged = self.judge_preflight();
        let (rule, judged) = judged.unwrap_or_else(|| match self.rule() {
            Ok((rule, variables)) => {
                let judged = self.decide((rule, &variables), stores, shared, now);
                (Some(rule), judged)
            }
            Err(denial) => (None, Err(denial.into())),
        });
        match judged {
            Err(Unmet::Pending(pending)) => Err(pending),
            Err(Unmet::Denied(denial)) => Ok(self.refuse(rule, denial)),
            Ok(None) => Ok(Outcome::Forward(self.pass(rule))),
            Ok(Some(caller)) => Ok(Outcome::Forward(self.introduce(caller, now))),
        }
    }

    /// Finds out where the request comes from, while the host can still tell: it must be asked in a callback of the
    /// request itself.
    pub fn find_client(&self) {
        let _ = self.peer.client.network();
    }

    /// The answer to a request that can wait no longer.
    pub fn give_up(&self, denial: Denial) -> Outcome {
        self.refuse(self.rule().ok().map(|(rule, _)| rule), denial)
    }

    fn rule(&self) -> Result<(&Rule, Variables), Denial> {
        self.policy.find(&self.head)
    }

    /// What becomes of a CORS-preflight request where the configuration lets such pass without a credential: what the
    /// announced request would, but for its caller.
    fn judge_preflight(&self) -> Option<(Option<&Rule>, Judged<'_>)> {
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

    fn decide<'a>(
        &'a self,
        (rule, variables): (&'a Rule, &Variables),
        stores: &'a Stores,
        shared: &mut dyn SharedData,
        now: Now,
    ) -> Judged<'a> {
        match &rule.requirement {
            Requirement::Public => return Ok(None),
            Requirement::Deny => return Err(Denial::Denied.into()),
            _ => {}
        }
        match credential::find(&self.head, &rule.locations) {
            Ok(presented) => self.judge((rule, variables), presented, (stores, shared), now),
            Err(error) => Err(self.denial_of(rule, error).into()),
        }
    }

    /// What becomes of a request of which no credential can be told.
    fn denial_of(&self, rule: &Rule, error: CredentialError<'_>) -> Denial {
        match error {
            CredentialError::Ambiguous => Denial::Ambiguous,
            CredentialError::Malformed => Denial::Malformed,
            CredentialError::Unreadable(place) => {
                self.policy.refusal(rule, place, credential::UNREADABLE)
            }
        }
    }

    fn judge<'a>(
        &'a self,
        (rule, variables): (&'a Rule, &Variables),
        presented: Presented<'_>,
        (stores, shared): (&'a Stores, &mut dyn SharedData),
        now: Now,
    ) -> Judged<'a> {
        let under = (rule, variables);
        match presented {
            Presented::One(credential) => {
                self.authenticate(under, &credential, (stores, shared), now)
            }
            Presented::Copies(copies) => self.judge_copies(under, &copies, (stores, shared), now),
            Presented::Outranking(explicit, copies) => {
                self.judge_outranking(under, (&explicit, copies), (stores, shared), now)
            }
            Presented::Nothing => rule
                .check(None, &self.view(rule, variables, &[]))
                .map(|()| None),
        }
    }

    /// Whom one credential stands for, and whether the rule lets them pass. It is much code: several ways lead here, and
    /// none has a copy of its own.
    #[inline(never)]
    fn authenticate<'a>(
        &'a self,
        under: (&'a Rule, &Variables),
        credential: &Credential<'_>,
        (stores, shared): (&'a Stores, &mut dyn SharedData),
        now: Now,
    ) -> Judged<'a> {
        Authenticator::new(self, under, credential, (stores, shared), now).authenticate()
    }

    fn view<'v>(
        &'v self,
        rule: &'v Rule,
        variables: &'v [(String, String)],
        readings: &'v [Reading],
    ) -> RequestView<'v> {
        RequestView {
            rule: &rule.name,
            variables,
            head: &self.head,
            readings,
        }
    }

    /// The head as the client sent it, which is what it has signed.
    fn sent(&self) -> Cow<'_, Headers> {
        match &self.sent {
            Some(target) => Cow::Owned(self.head.clone().with(":path", target)),
            None => Cow::Borrowed(&self.head),
        }
    }

    fn refuse(&self, rule: Option<&Rule>, denial: Denial) -> Outcome {
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
    fn emptied(&self, which: Emptying<'_>) -> Emptied {
        if self.policy.mode == Mode::Shadow {
            return Emptied::default();
        }
        let reach = self.policy.reach();
        self.policy.places.emptied(&self.head, which, reach)
    }

    /// A request that needs no caller.
    fn pass(&self, rule: Option<&Rule>) -> Grant {
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
    fn introduce(&self, caller: Caller<'_>, now: Now) -> Grant {
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

impl Grant {
    fn empty(&mut self, emptied: Emptied) {
        self.credential = emptied.credential;
        self.remove.extend(emptied.remove);
        for (name, value) in emptied.set {
            self.set.retain(|(held, _)| *held != name);
            self.set.push((name, value));
        }
    }

    fn tell(&mut self, facts: Vec<(String, String)>) {
        let facts = facts.into_iter();
        self.set
            .extend(facts.map(|(name, value)| (name, value.into_bytes())));
    }
}
