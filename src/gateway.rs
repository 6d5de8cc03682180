//! The requests of one VM: which are held, what must be fetched for them, and when they can be answered.

mod callouts;
mod holding;
mod waiting;

use std::collections::BTreeMap;
use std::rc::Rc;

use self::holding::crowded_out;
use self::waiting::{Waiting, Wakers};
use crate::basic::PasswordStore;
use crate::config::Mode;
use crate::exchange::{Accounts, Advance, Exchange, Outcome, Peer, Stores};
use crate::expiring::Digest;
use crate::headers::Headers;
use crate::keys::{self, Fetch, KeySource, KeySourceId, KeyStore, Turn};
use crate::policy::Policy;
use crate::policy::unmet::Pending;
use crate::possession::Replays;
use crate::services::{self, Call, Service, ServiceId, ServiceStore};
use crate::time::MonoTime;
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
    /// A fetch of a key set.
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

    /// Whether a tick is due at once: requests wait for their turn, or callouts for theirs.
    #[must_use]
    pub fn wants_tick(&self) -> bool {
        self.waiting.has_ready() || self.callouts == 0
    }

    /// Begins a tick, before anything else is asked of it: as much may be settled, and may go out, as once.
    pub const fn begin_tick(&mut self) {
        self.looks = STEPS;
        self.callouts = STEPS;
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
