//! The requests of one VM: which are held, what must be fetched for them, and when they can be answered.

mod waiting;

use std::collections::BTreeMap;
use std::rc::Rc;

use self::waiting::{Waiting, Wakers};
use crate::basic::PasswordStore;
use crate::callout::{CalloutOutcome, CalloutRequest, LONGEST_BODY, Leader};
use crate::config::Mode;
use crate::exchange::{Accounts, Advance, Exchange, Outcome, Peer, Stores};
use crate::expiring::Digest;
use crate::headers::Headers;
use crate::keys::{self, Fetch, KeySource, KeySourceId, KeyStore, Turn};
use crate::policy::Policy;
use crate::policy::denial::Denial;
use crate::policy::unmet::Pending;
use crate::possession::Replays;
use crate::services::{self, Call, Service, ServiceId, ServiceStore};
use crate::time::{MonoTime, Now};
use crate::time_budget::TimeBudget;
use crate::tokens::TokenStore;

/// How many held requests are looked at between two ticks, and how many callouts go out.
///
/// Envoy answers a request, lets one go on, or calls back for a callout that cannot go out, only once the VM has
/// returned; what that causes runs the next such step before it returns itself. So the steps that one event causes nest
/// on one stack, which ends the VM at about 300 of them. Callbacks nest in each other in the same way, so that the count
/// begins anew only with a tick, which the host's event loop calls from the bottom of the stack.
const STEPS: usize = 32;

/// A callout that must go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callout {
    /// For keys.
    Keys(Fetch),
    /// For the answer of a service.
    Service(Call),
}

/// What operators should hear of a callout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Of one for keys.
    Keys(KeySourceId, keys::Notice),
    /// Of one to a service.
    Service(ServiceId, services::Notice),
}

#[derive(Debug)]
struct Held {
    exchange: Exchange,
    pending: Pending,
    wakers: Wakers,
    deadline: MonoTime,
    /// The questions that it has asked: their answers are kept for as long as it waits.
    asked: Vec<Digest>,
    /// What it takes in bytes.
    weight: usize,
}

/// One VM's state under one configuration.
#[derive(Debug)]
pub struct Gateway {
    policy: Rc<Policy>,
    stores: Stores,
    held: BTreeMap<u32, Held>,
    /// What held requests take together.
    held_bytes: usize,
    waiting: Waiting,
    /// The key set that the request needs which came last.
    sought: Option<KeySourceId>,
    /// How many held requests may still be looked at before the next tick.
    looks: usize,
    /// How many callouts may still go out before the next tick.
    callouts: usize,
}

impl Gateway {
    /// A VM that knows nothing and holds no requests yet. Its secret names what it remembers of credentials.
    #[must_use]
    pub fn new(policy: Policy, secret: [u8; 32]) -> Self {
        let most = policy.limits.service_cache_entries;
        let keys = KeyStore::new(policy.sources.iter().cloned());
        let passwords = PasswordStore::new(secret, policy.limits.hash_time);
        let stores = Stores {
            keys: match policy.mode {
                // Another configuration of the process may rely on what this one only tries out.
                Mode::Shadow => keys.apart(),
                Mode::Disabled | Mode::Enforce => keys,
            },
            services: ServiceStore::new(&policy.services, most, secret)
                .with_slots(policy.limits.shared_entries)
                .with_bytes(policy.limits.service_cache_bytes),
            accounts: Accounts {
                identities: BTreeMap::new(),
                passwords: match (policy.mode, policy.digest) {
                    (Mode::Enforce, Some(digest)) => passwords.told_under(digest),
                    _ => passwords,
                },
                proofs: TimeBudget::new(policy.limits.proof_time, secret),
                replays: Replays::new(secret),
                signatures: TimeBudget::new(policy.limits.signature_time, secret),
                tokens: TokenStore::new(&policy.limits, secret),
            },
        };
        Self {
            policy: Rc::new(policy),
            stores,
            held: BTreeMap::new(),
            held_bytes: 0,
            waiting: Waiting::default(),
            sought: None,
            looks: STEPS,
            callouts: STEPS,
        }
    }

    /// The configuration in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Where a key set is fetched.
    #[must_use]
    pub fn source(&self, id: KeySourceId) -> Option<&KeySource> {
        self.stores.keys.source(id)
    }

    /// A service that is asked about callers.
    #[must_use]
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.stores.services.service(id)
    }

    /// What must be sent for a callout; `None` for one that nobody waits for any more.
    #[must_use]
    pub fn request(&self, callout: Callout) -> Option<CalloutRequest<'_>> {
        match callout {
            Callout::Keys(fetch) => self.stores.keys.request(fetch),
            Callout::Service(call) => self.stores.services.request(call),
        }
    }

    /// How much of the answer to a callout is read, in bytes. One byte more tells that there is more.
    #[must_use]
    pub fn longest_answer(&self, callout: Callout) -> usize {
        match callout {
            Callout::Keys(fetch) => self.stores.keys.longest_answer(fetch),
            Callout::Service(_) => LONGEST_BODY,
        }
    }

    /// Takes a request in; `peer` is where it comes from, as far as somebody asks. `None` where the request is held:
    /// [`Self::poll_callout`] may have something to send, and [`Self::poll_settled`] answers it.
    pub fn handle_request(
        &mut self,
        id: u32,
        head: Headers,
        peer: Peer,
        turn: &mut Turn<'_>,
    ) -> Option<Outcome> {
        let now = turn.now;
        let mut exchange = Exchange::new(Rc::clone(&self.policy), head, peer);
        let pending = match self.advance(&mut exchange, turn) {
            Ok(outcome) => return Some(outcome),
            Err(pending) => pending,
        };
        let crowded = matches!(pending, Pending::Answers(_)) && !self.stores.services.takes_more();
        if crowded || !self.has_room(&exchange, &pending) {
            return Some(exchange.give_up(crowded_out(&pending)));
        }
        exchange.find_client();
        self.sought = match pending {
            Pending::Keys { source, .. } => Some(source),
            Pending::Answers(_) | Pending::Until(_) => None,
        };
        let deadline = now.mono.plus(self.policy.limits.hold);
        self.hold(id, exchange, pending, (deadline, Vec::new()), now);
        None
    }

    /// What becomes of a request by what is known now. What that changes is changed, whatever becomes of it: a password that
    /// somebody is asked about counts while they are.
    fn advance(
        &mut self,
        exchange: &mut Exchange,
        turn: &mut Turn<'_>,
    ) -> Result<Outcome, Pending> {
        let now = turn.now;
        let Advance { outcome, effects } = exchange.advance(&mut self.stores, turn);
        self.stores.apply(effects, now.mono);
        outcome
    }

    /// Whether one more request may wait, for this.
    fn has_room(&self, exchange: &Exchange, pending: &Pending) -> bool {
        let limits = &self.policy.limits;
        let bytes = exchange.weight().saturating_add(pending.weight());
        self.held.len() < limits.held_requests
            && self.held_bytes.saturating_add(bytes) <= limits.held_bytes
            && (!matches!(pending, Pending::Answers(_)) || self.stores.services.has_room())
    }

    /// Lets a request wait for what must come first, until the deadline at the most; but for its turn it waits until then.
    fn hold(
        &mut self,
        id: u32,
        exchange: Exchange,
        pending: Pending,
        (mut deadline, mut asked): (MonoTime, Vec<Digest>),
        now: Now,
    ) {
        let Stores { keys, services, .. } = &mut self.stores;
        let wakers = match &pending {
            Pending::Answers(questions) => {
                for question in questions {
                    services.want(question, now);
                }
                let digests: Vec<Digest> =
                    questions.iter().map(|held| services.digest(held)).collect();
                for digest in &digests {
                    if !asked.contains(digest) {
                        asked.push(*digest);
                        services.pin(*digest);
                    }
                }
                Wakers::Answers(digests)
            }
            Pending::Keys {
                source,
                unknown_key,
            } => {
                // The store knows itself whether it has no keys.
                if *unknown_key {
                    keys.want_refetch(*source);
                }
                Wakers::Keys(*source)
            }
            Pending::Until(at) => {
                deadline = *at;
                Wakers::Time
            }
        };
        self.waiting.add(id, &wakers, deadline, keys, now.mono);
        let weight = exchange.weight().saturating_add(pending.weight());
        self.held_bytes = self.held_bytes.saturating_add(weight);
        let held = Held {
            weight,
            exchange,
            pending,
            wakers,
            deadline,
            asked,
        };
        self.held.insert(id, held);
    }

    /// Lets go of the answers that a request has asked for, which waits no more.
    fn unpin(&mut self, asked: &[Digest]) {
        for digest in asked {
            self.stores.services.unpin(digest);
        }
    }

    /// Takes a request out that waits no more, or not for the same.
    fn take(&mut self, id: u32) -> Option<Held> {
        let held = self.held.remove(&id)?;
        self.held_bytes = self.held_bytes.saturating_sub(held.weight);
        self.waiting.remove(id, &held.wakers, held.deadline);
        Some(held)
    }

    /// The next callout that must go out; of a request, after [`Self::handle_request`] has taken it in.
    pub fn poll_callout(&mut self, leader: Leader, turn: &mut Turn<'_>) -> Option<Callout> {
        let Stores { keys, services, .. } = &mut self.stores;
        let in_flight = keys.in_flight().saturating_add(services.in_flight());
        let free = self.policy.limits.callouts.saturating_sub(in_flight);
        if self.callouts == 0 || free == 0 {
            return None;
        }
        // The host ends a request's callouts with it: it makes none for keys that others need.
        let fetch = match leader {
            Leader::Tick => keys.poll_fetch(leader, turn),
            Leader::Request => self
                .sought
                .and_then(|source| keys.poll_fetch_of(source, leader, turn)),
        };
        let fetch = fetch.map(Callout::Keys);
        let callout = fetch.or_else(|| {
            let call = services.poll_call(leader, free, turn);
            call.map(Callout::Service)
        });
        if callout.is_some() {
            self.callouts = self.callouts.saturating_sub(1);
        }
        callout
    }

    /// Whether a tick is due at once: requests wait for their turn, or callouts for theirs.
    #[must_use]
    pub fn wants_tick(&self) -> bool {
        self.waiting.has_ready() || self.callouts == 0
    }

    /// Takes the answer to a callout, or the host's refusal to make it.
    pub fn handle_answered(
        &mut self,
        callout: Callout,
        outcome: CalloutOutcome<'_>,
        turn: &mut Turn<'_>,
    ) -> Option<Notice> {
        let Stores { keys, services, .. } = &mut self.stores;
        match callout {
            Callout::Keys(fetch) => keys
                .handle_fetched(fetch, outcome, turn)
                .map(|notice| Notice::Keys(fetch.source, notice)),
            Callout::Service(call) => services
                .handle_answered(call, outcome, turn)
                .map(|notice| Notice::Service(call.service, notice)),
        }
    }

    /// Gives back whatever other VMs leave to this one: the configuration is gone.
    pub fn release(&mut self, turn: &mut Turn<'_>) {
        self.stores.keys.release(turn);
        self.stores.services.release(turn);
    }

    /// Gives up on a callout whose maker is gone.
    pub fn abandon(&mut self, callout: Callout, turn: &mut Turn<'_>) {
        match callout {
            Callout::Keys(fetch) => self.stores.keys.abandon(fetch, turn),
            Callout::Service(call) => {
                let waiting = &self.waiting;
                let services = &mut self.stores.services;
                services.abandon(call, |question| waiting.is_awaited(question), turn);
            }
        }
    }

    /// The callout that a held request makes for itself, on hosts where nobody else can wake it. `None` where none may
    /// go out, so many being `under_way` already.
    pub fn own_callout(
        &mut self,
        id: u32,
        under_way: usize,
        turn: &mut Turn<'_>,
    ) -> Option<Callout> {
        let now = turn.now;
        let free = self.policy.limits.callouts.saturating_sub(under_way);
        if free == 0 {
            return None;
        }
        let Stores { keys, services, .. } = &mut self.stores;
        match &self.held.get(&id)?.pending {
            Pending::Keys { source, .. } => keys.join(*source, turn).map(Callout::Keys),
            Pending::Answers(questions) => questions
                .first()
                .and_then(|question| services.join(question, free, now.mono))
                .map(Callout::Service),
            Pending::Until(_) => None,
        }
    }

    /// What becomes of one held request by what is known now, in this VM and in others; `None` while it waits.
    pub fn settle(&mut self, id: u32, turn: &mut Turn<'_>) -> Option<Outcome> {
        if let Pending::Keys { source, .. } = self.held.get(&id)?.pending {
            self.stores.keys.import(source, turn);
        }
        self.look(id, turn)
    }

    /// Answers a held request from what is known now, or lets it wait on.
    fn look(&mut self, id: u32, turn: &mut Turn<'_>) -> Option<Outcome> {
        let now = turn.now;
        let mut held = self.take(id)?;
        let deadline = match held.pending {
            // What must come first in its turn it may wait for like any other.
            Pending::Until(at) if at <= now.mono => now.mono.plus(self.policy.limits.hold),
            _ => held.deadline,
        };
        let pending = match self.advance(&mut held.exchange, turn) {
            Err(pending) => pending,
            Ok(outcome) => {
                self.unpin(&held.asked);
                return Some(outcome);
            }
        };
        let denial = if now.mono >= deadline {
            unavailable(&pending)
        } else if self.has_room(&held.exchange, &pending) {
            self.hold(id, held.exchange, pending, (deadline, held.asked), now);
            return None;
        } else {
            crowded_out(&pending)
        };
        let outcome = held.exchange.give_up(denial);
        self.leave(&held);
        Some(outcome)
    }

    /// The answer to a held request that cannot wait as its host would have it.
    pub fn give_up(&mut self, id: u32) -> Option<Outcome> {
        let held = self.take(id)?;
        let outcome = held.exchange.give_up(unavailable(&held.pending));
        self.leave(&held);
        Some(outcome)
    }

    /// Begins a tick, before anything else is asked of it: as much may be settled, and may go out, as once.
    pub const fn begin_tick(&mut self) {
        self.looks = STEPS;
        self.callouts = STEPS;
    }

    /// Ends what is overdue: these callouts get no answer any more.
    pub fn handle_tick(&mut self, turn: &mut Turn<'_>) -> Vec<(Callout, Notice)> {
        let Stores { keys, services, .. } = &mut self.stores;
        let fetches = keys.handle_tick(turn).into_iter();
        let calls = services.handle_tick(turn);
        fetches
            .map(|(fetch, notice)| (Callout::Keys(fetch), Notice::Keys(fetch.source, notice)))
            .chain(calls.into_iter().map(|(call, notice)| {
                (
                    Callout::Service(call),
                    Notice::Service(call.service, notice),
                )
            }))
            .collect()
    }

    /// Keys that were found out since the last time to be no better than no key.
    #[must_use]
    pub fn take_found_out(&self) -> Vec<Notice> {
        let found_out = self.stores.keys.take_found_out();
        found_out
            .map(|(source, notice)| Notice::Keys(source, notice))
            .collect()
    }

    /// Forgets a request whose client is gone.
    pub fn handle_done(&mut self, id: u32) {
        if let Some(held) = self.take(id) {
            self.leave(&held);
        }
    }

    /// Drops what a request that waits no more has asked, where nobody else waits for it.
    fn leave(&mut self, held: &Held) {
        self.unpin(&held.asked);
        let services = &mut self.stores.services;
        for question in held.pending.questions() {
            if !self.waiting.is_awaited(&services.digest(question)) {
                services.forget(question);
            }
        }
    }

    /// Whether a request waits.
    #[must_use]
    pub fn is_held(&self, id: u32) -> bool {
        self.held.contains_key(&id)
    }

    /// Held requests that can be answered now, each once. Call after anything may have changed; while
    /// [`Self::wants_tick`] says so, some are left for the next tick.
    pub fn poll_settled(&mut self, turn: &mut Turn<'_>) -> Vec<(u32, Outcome)> {
        let now = turn.now;
        for question in self.stores.services.take_settled() {
            self.waiting.answered(&question);
        }
        self.waiting.look(&self.stores.keys, now.mono);
        let mut settled = Vec::new();
        while self.looks > 0
            && let Some(id) = self.waiting.pop()
        {
            self.looks = self.looks.saturating_sub(1);
            let outcome = self.look(id, turn);
            settled.extend(outcome.map(|outcome| (id, outcome)));
        }
        settled
    }
}

/// The refusal of a request that may not wait.
const fn crowded_out(pending: &Pending) -> Denial {
    match pending {
        // Nothing is out of order but the number of passwords.
        Pending::Until(_) => unavailable(pending),
        Pending::Answers(_) | Pending::Keys { .. } => Denial::TooManyWaiting { retry_after: 1 },
    }
}

/// The refusal of a request that can wait no longer.
const fn unavailable(pending: &Pending) -> Denial {
    match pending {
        Pending::Answers(_) => Denial::ServiceUnavailable { retry_after: 1 },
        // The keys that there are serve.
        Pending::Keys {
            unknown_key: true, ..
        } => Denial::SignaturesThrottled { retry_after: 1 },
        Pending::Keys { .. } => Denial::KeysUnavailable { retry_after: 1 },
        Pending::Until(_) => Denial::Throttled { retry_after: 1 },
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
