//! The requests of one VM: which are held, what must be fetched for them, and when they can be answered.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::exchange::{Exchange, Grant, Need, Refusal, Step};
use crate::headers::Headers;
use crate::keys::{
    Fetch, FetchOutcome, FetchRequest, KeySource, KeyStore, Leader, Notice, SharedData,
};
use crate::policy::denial::Denial;
use crate::policy::{KeySourceId, Policy};
use crate::time::UnixTime;

/// What becomes of a request.
#[must_use]
#[derive(Debug)]
pub enum Outcome {
    /// It goes on.
    Forward(Grant),
    /// It waits; [`Gateway::poll_settled`] answers it.
    Held,
    /// It is refused.
    Reject(Refusal),
}

#[derive(Debug)]
struct Held {
    exchange: Exchange,
    deadline: UnixTime,
}

/// One VM's state under one configuration.
#[derive(Debug)]
pub struct Gateway {
    policy: Rc<Policy>,
    keys: KeyStore,
    held: BTreeMap<u32, Held>,
}

impl Gateway {
    /// A VM that holds no keys and no requests yet.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let keys = KeyStore::new(policy.sources.iter().cloned());
        Self {
            policy: Rc::new(policy),
            keys,
            held: BTreeMap::new(),
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
        self.keys.source(id)
    }

    /// What must be sent for a fetch; `None` for one that nobody waits for any more.
    #[must_use]
    pub fn request(&self, fetch: Fetch) -> Option<FetchRequest<'_>> {
        self.keys.request(fetch)
    }

    /// Takes a request in. Where it is held, [`Self::poll_fetch`] may have something to send.
    pub fn handle_request(&mut self, id: u32, head: Headers, now: UnixTime) -> Outcome {
        let exchange = Exchange::new(Rc::clone(&self.policy), head);
        let need = match exchange.advance(&self.keys, now) {
            Step::Forward(grant) => return Outcome::Forward(grant),
            Step::Reject(refusal) => return Outcome::Reject(refusal),
            Step::Await(need) => need,
        };
        if self.held.len() >= self.policy.limits.held_requests {
            return settle(exchange.give_up(Denial::KeysUnavailable { retry_after: 1 }))
                .unwrap_or(Outcome::Held);
        }
        self.want(need);
        let deadline = now.plus(self.policy.limits.hold);
        self.held.insert(id, Held { exchange, deadline });
        Outcome::Held
    }

    /// The next fetch that must go out.
    pub fn poll_fetch(
        &mut self,
        leader: Leader,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Option<Fetch> {
        if self.keys.in_flight() >= self.policy.limits.callouts {
            return None;
        }
        self.keys.poll_fetch(leader, shared, now)
    }

    /// Takes the answer to a fetch, or the host's refusal to make it.
    pub fn handle_fetched(
        &mut self,
        fetch: Fetch,
        outcome: FetchOutcome<'_>,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Option<Notice> {
        self.keys.handle_fetched(fetch, outcome, shared, now)
    }

    /// Gives up on a fetch whose maker is gone.
    pub fn abandon(&mut self, fetch: Fetch, shared: &mut dyn SharedData, now: UnixTime) {
        self.keys.abandon(fetch, shared, now);
    }

    /// Ends what is overdue: these fetches get no answer any more.
    pub fn handle_tick(
        &mut self,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Vec<(Fetch, Notice)> {
        self.keys.handle_tick(shared, now)
    }

    /// Forgets a request whose client is gone.
    pub fn handle_done(&mut self, id: u32) {
        self.held.remove(&id);
    }

    /// Whether a request waits.
    #[must_use]
    pub fn is_held(&self, id: u32) -> bool {
        self.held.contains_key(&id)
    }

    /// Held requests that can be answered now, each once. Call after anything may have changed.
    pub fn poll_settled(&mut self, now: UnixTime) -> Vec<(u32, Outcome)> {
        let mut settled = Vec::new();
        let mut needs = Vec::new();
        self.held.retain(|id, held| {
            let step = match held.exchange.advance(&self.keys, now) {
                Step::Await(_) if now >= held.deadline => held
                    .exchange
                    .give_up(Denial::KeysUnavailable { retry_after: 1 }),
                step => step,
            };
            if let Step::Await(need) = step {
                needs.push(need);
                return true;
            }
            settled.extend(settle(step).map(|outcome| (*id, outcome)));
            false
        });
        needs.into_iter().for_each(|need| self.want(need));
        settled
    }

    fn want(&mut self, need: Need) {
        if need.unknown_key {
            self.keys.want_refetch(need.source);
        }
    }
}

fn settle(step: Step) -> Option<Outcome> {
    match step {
        Step::Await(_) => None,
        Step::Forward(grant) => Some(Outcome::Forward(grant)),
        Step::Reject(refusal) => Some(Outcome::Reject(refusal)),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
