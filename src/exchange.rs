//! One request, from its headers to its answer.
//!
//! [`Exchange::advance`] answers from what is known now and is called again, unchanged, whenever more is
//! known. There is nothing to resume and nothing that can be entered twice.
//!
//! An evaluation reads the keys and what services said, and changes neither: what it has to say of them it returns, as
//! [`Effects`]. What it does write it has as `&mut`: what is known of the request itself, and what one VM counts and
//! remembers, where often the count is the answer. Nothing is written behind a shared reference.

mod authenticate;
mod aws;
mod copies;
mod effects;
mod evaluation;
mod grant;
mod preflight;
mod request;

use std::collections::BTreeMap;
use std::rc::Rc;

pub use self::effects::{Effect, Effects};
pub use self::grant::{Grant, Outcome, Refusal};
pub use self::request::Peer;

use self::evaluation::{Evaluation, Known};
use self::request::Request;
use crate::basic::{Counters, PasswordStore};
use crate::config::ProviderId;
use crate::credential::{Emptied, Location};
use crate::headers::Headers;
use crate::keys::{KeyStore, Turn};
use crate::policy::denial::Denial;
use crate::policy::principal::{Identity, Principal};
use crate::policy::unmet::{Pending, Unmet};
use crate::policy::{Policy, Rule, Variables};
use crate::possession::Replays;
use crate::services::{ServiceStore, TemporaryCredentials};
use crate::time::MonoTime;
use crate::time_budget::TimeBudget;
use crate::tokens::{TokenDigest, TokenStore};

/// What one VM knows.
#[derive(Debug)]
pub struct Stores {
    /// The issuers' keys that were fetched, and the fetches.
    pub keys: KeyStore,
    /// Of what services said.
    pub services: ServiceStore,
    /// Everything about callers: identities, tokens, passwords and proofs.
    pub accounts: Accounts,
}

/// What one VM counts and remembers of callers.
#[derive(Debug)]
pub struct Accounts {
    /// Whom the configuration itself describes: by the provider, and the place of the claims in its memory.
    pub identities: BTreeMap<(ProviderId, usize), Rc<Identity>>,
    /// The counts of wrong passwords, and the time for hashes.
    pub passwords: PasswordStore,
    /// Time for proofs of tokens that are known.
    pub proofs: TimeBudget,
    /// Proofs that came before.
    pub replays: Replays,
    /// Time for signatures of tokens that are not known.
    pub signatures: TimeBudget,
    /// The tokens that were verified or refused before.
    pub tokens: TokenStore,
}

impl Stores {
    /// Makes the changes that an evaluation has returned.
    pub fn apply(&mut self, effects: Effects, now: MonoTime) {
        for effect in effects {
            match effect {
                Effect::KeysUsed(source) => self.keys.count_use(source),
                Effect::KeyAbsent(source, id) => self.keys.note_absent(source, id),
                Effect::PasswordWrong(counters) => {
                    self.accounts.passwords.count_wrong(counters, now);
                }
                Effect::PasswordRefunded(counters) => self.accounts.passwords.refund(counters),
            }
        }
    }
}

/// What an evaluation comes to.
#[must_use]
#[derive(Debug)]
pub struct Advance {
    /// What becomes of the request, or what must come first.
    pub outcome: Result<Outcome, Pending>,
    /// What it has changed: for [`Stores::apply`], whatever the outcome.
    pub effects: Effects,
}

/// One request from its head to its decision.
#[derive(Debug)]
pub struct Exchange {
    request: Request,
    memory: Memory,
}

/// What was found out about a request while it was looked at: whatever costs or counts is done once.
#[derive(Debug, Default)]
struct Memory {
    /// When it was first looked at.
    arrived: Option<MonoTime>,
    /// Whether its proof of possession was seen to be signed and new: both are looked at once.
    proven: bool,
    /// Whom verified tokens stand for, so that a request that waits for something else costs one signature of each.
    verified: Vec<(TokenDigest, Rc<Identity>)>,
    /// Where a token stands that is none of the rule's providers', beside a credential that may count in its place.
    foreign: Option<Location>,
    /// About which of several credentials somebody is asked.
    asks_about: Option<usize>,
    /// What became of its password at each provider, so that it counts once for each.
    attempts: Vec<CountedAttempt>,
    /// The provider whose keys without a `kid` have not signed the token, and which keys there were then.
    nameless: Option<(ProviderId, u64)>,
    /// When its password's turn is, where it has to wait for one.
    turn: Option<MonoTime>,
}

/// A password that a provider looks at, or has looked at.
#[derive(Clone, Copy, Debug)]
struct CountedAttempt {
    provider: ProviderId,
    /// By what a wrong one is counted.
    counters: Counters,
    /// Whether it is known to be wrong.
    known: bool,
    /// Whether it counts as a wrong one.
    counts: bool,
    /// When its hash may be computed, where it has to wait for that.
    hash_at: Option<MonoTime>,
}

impl CountedAttempt {
    /// Takes back that it counts as a wrong one.
    fn refund(&mut self, effects: &mut Effects) {
        if std::mem::take(&mut self.counts) {
            effects.add(Effect::PasswordRefunded(self.counters));
        }
    }
}

/// The rule that a request comes to.
#[derive(Clone, Copy)]
struct Matched<'r, 'v> {
    rule: &'r Rule,
    /// What the variables of its path stand for.
    variables: &'v Variables,
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
        Self {
            request: Request::new(policy, head, peer),
            memory: Memory::default(),
        }
    }

    /// How many bytes of memory the request takes for as long as it waits.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.request.weight().saturating_add(size_of::<Self>())
    }

    /// Answers from what is known now.
    pub fn advance(&mut self, stores: &mut Stores, turn: &mut Turn<'_>) -> Advance {
        self.memory.arrived.get_or_insert(turn.now.mono);
        let Self { request, memory } = self;
        match request.answer_unasked() {
            Some(outcome) => Advance {
                outcome: Ok(outcome),
                effects: Effects::default(),
            },
            None => evaluate(request, memory, stores, turn),
        }
    }

    /// Finds out where the request comes from, while the host can still tell: it must be asked in a callback of the
    /// request itself.
    pub fn find_client(&self) {
        let _ = self.request.peer.client.network();
    }

    /// The answer to a request that can wait no longer.
    pub fn give_up(&self, denial: Denial) -> Outcome {
        let rule = self.request.rule().ok().map(|(rule, _)| rule);
        self.request.refuse(rule, denial)
    }
}

fn evaluate(
    request: &Request,
    memory: &mut Memory,
    stores: &mut Stores,
    turn: &mut Turn<'_>,
) -> Advance {
    let now = turn.now;
    let mut evaluation = Evaluation {
        request,
        known: Known {
            keys: &stores.keys,
            services: &stores.services,
        },
        accounts: &mut stores.accounts,
        memory,
        turn: turn.again(),
        effects: Effects::default(),
    };
    let judged = request.judge_preflight();
    let (rule, judged) = judged.unwrap_or_else(|| match request.rule() {
        Ok((rule, variables)) => {
            let variables = &variables;
            (Some(rule), evaluation.decide(Matched { rule, variables }))
        }
        Err(denial) => (None, Err(denial.into())),
    });
    let effects = evaluation.effects;
    let outcome = match judged {
        Err(Unmet::Pending(pending)) => Err(pending),
        Err(Unmet::Denied(denial)) => Ok(request.refuse(rule, denial)),
        Ok(None) => Ok(Outcome::Forward(request.pass(rule))),
        Ok(Some(caller)) => Ok(Outcome::Forward(request.introduce(caller, now))),
    };
    Advance { outcome, effects }
}
