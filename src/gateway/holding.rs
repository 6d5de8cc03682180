//! Requests that wait: how many may, for how long, and how they are answered.

use super::waiting::Wakers;
use super::{Gateway, Held};
use crate::exchange::{Exchange, Outcome, Stores};
use crate::expiring::Digest;
use crate::keys::Turn;
use crate::policy::denial::Denial;
use crate::policy::unmet::Pending;
use crate::time::{MonoTime, Now};

impl Gateway {
    /// Whether one more request may wait, for this.
    pub(super) fn has_room(&self, exchange: &Exchange, pending: &Pending) -> bool {
        let limits = &self.policy.limits;
        let bytes = exchange.weight().saturating_add(pending.weight());
        self.held.len() < limits.held_requests
            && self.held_bytes.saturating_add(bytes) <= limits.held_bytes
            && (!matches!(pending, Pending::Answers(_)) || self.stores.services.has_room())
    }

    /// Lets a request wait for what must come first, until the deadline at the most; but for its turn it waits until then.
    pub(super) fn hold(
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
    pub(super) fn unpin(&mut self, asked: &[Digest]) {
        for digest in asked {
            self.stores.services.unpin(digest);
        }
    }

    /// Takes a request out that waits no more, or not for the same.
    pub(super) fn take(&mut self, id: u32) -> Option<Held> {
        let held = self.held.remove(&id)?;
        self.held_bytes = self.held_bytes.saturating_sub(held.weight);
        self.waiting.remove(id, &held.wakers, held.deadline);
        Some(held)
    }

    /// What becomes of one held request by what is known now, in this VM and in others; `None` while it waits.
    pub fn settle(&mut self, id: u32, turn: &mut Turn<'_>) -> Option<Outcome> {
        if let Pending::Keys { source, .. } = self.held.get(&id)?.pending {
            self.stores.keys.import(source, turn);
        }
        self.look(id, turn)
    }

    /// Answers a held request from what is known now, or lets it wait on.
    pub(super) fn look(&mut self, id: u32, turn: &mut Turn<'_>) -> Option<Outcome> {
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

    /// Forgets a request whose client is gone.
    pub fn handle_done(&mut self, id: u32) {
        if let Some(held) = self.take(id) {
            self.leave(&held);
        }
    }

    /// Drops what a request that waits no more has asked, where nobody else waits for it.
    pub(super) fn leave(&mut self, held: &Held) {
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
pub(super) const fn crowded_out(pending: &Pending) -> Denial {
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
