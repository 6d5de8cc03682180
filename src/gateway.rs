//! The requests of one VM: which are held, what must be fetched for them, and when they can be answered.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::basic::PasswordStore;
use crate::callout::{CalloutOutcome, CalloutRequest, Leader};
use crate::exchange::{Exchange, Grant, Need, Peer, Refusal, Step, Stores};
use crate::headers::Headers;
use crate::keys::{self, Fetch, KeySource, KeyStore, SharedData};
use crate::policy::denial::Denial;
use crate::policy::resource_metadata::Document;
use crate::policy::{KeySourceId, Policy};
use crate::possession::Replays;
use crate::services::{self, Call, Question, Service, ServiceId, ServiceStore};
use crate::time::UnixTime;
use crate::tokens::TokenStore;

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
    /// It is for a document of the filter's own.
    Serve(Document),
}

#[derive(Debug)]
struct Held {
    exchange: Exchange,
    need: Need,
    deadline: UnixTime,
}

/// One VM's state under one configuration.
#[derive(Debug)]
pub struct Gateway {
    policy: Rc<Policy>,
    stores: Stores,
    held: BTreeMap<u32, Held>,
}

impl Gateway {
    /// A VM that knows nothing and holds no requests yet. Its secret names what it remembers of credentials.
    #[must_use]
    pub fn new(policy: Policy, secret: [u8; 32]) -> Self {
        let most = policy.limits.service_cache_entries;
        let stores = Stores {
            keys: KeyStore::new(policy.sources.iter().cloned()),
            passwords: PasswordStore::new(secret),
            replays: Replays::new(secret),
            services: ServiceStore::new(&policy.services, most, secret)
                .with_slots(policy.limits.shared_entries),
            tokens: TokenStore::new(&policy.limits, secret),
        };
        Self {
            policy: Rc::new(policy),
            stores,
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

    /// Takes a request in; `peer` is where it comes from, as far as somebody asks. Where the request is held,
    /// [`Self::poll_callout`] may have something to send.
    pub fn handle_request(
        &mut self,
        id: u32,
        head: Headers,
        peer: Peer,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Outcome {
        let exchange = Exchange::new(Rc::clone(&self.policy), head, peer);
        let need = match exchange.advance(&self.stores, shared, now) {
            Step::Forward(grant) => return Outcome::Forward(grant),
            Step::Reject(refusal) => return Outcome::Reject(refusal),
            Step::Serve(document) => return Outcome::Serve(document),
            Step::Await(need) => need,
        };
        if self.held.len() >= self.policy.limits.held_requests {
            return settle(exchange.give_up(unavailable(&need))).unwrap_or(Outcome::Held);
        }
        exchange.find_client();
        self.want(&need, now);
        let deadline = now.plus(self.policy.limits.hold);
        let held = Held {
            exchange,
            need,
            deadline,
        };
        self.held.insert(id, held);
        Outcome::Held
    }

    /// The next callout that must go out.
    pub fn poll_callout(
        &mut self,
        leader: Leader,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Option<Callout> {
        let Stores { keys, services, .. } = &mut self.stores;
        if keys.in_flight().saturating_add(services.in_flight()) >= self.policy.limits.callouts {
            return None;
        }
        keys.poll_fetch(leader, shared, now)
            .map(Callout::Keys)
            .or_else(|| {
                services
                    .poll_call(leader, shared, now)
                    .map(Callout::Service)
            })
    }

    /// Takes the answer to a callout, or the host's refusal to make it.
    pub fn handle_answered(
        &mut self,
        callout: Callout,
        outcome: CalloutOutcome<'_>,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Option<Notice> {
        let Stores { keys, services, .. } = &mut self.stores;
        match callout {
            Callout::Keys(fetch) => keys
                .handle_fetched(fetch, outcome, shared, now)
                .map(|notice| Notice::Keys(fetch.source, notice)),
            Callout::Service(call) => services
                .handle_answered(call, outcome, shared, now)
                .map(|notice| Notice::Service(call.service, notice)),
        }
    }

    /// Gives up on a callout whose maker is gone.
    pub fn abandon(&mut self, callout: Callout, shared: &mut dyn SharedData, now: UnixTime) {
        match callout {
            Callout::Keys(fetch) => self.stores.keys.abandon(fetch, shared, now),
            Callout::Service(call) => {
                let held = &self.held;
                let services = &mut self.stores.services;
                services.abandon(call, |question| is_awaited(held, question), shared, now);
            }
        }
    }

    /// The callout that a held request makes for itself, on hosts where nobody else can wake it. `None` where none may
    /// go out, so many being `under_way` already.
    pub fn own_callout(
        &mut self,
        id: u32,
        under_way: usize,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Option<Callout> {
        if under_way >= self.policy.limits.callouts {
            return None;
        }
        let Stores { keys, services, .. } = &mut self.stores;
        match &self.held.get(&id)?.need {
            Need::Keys { source, .. } => keys.join(*source, shared, now).map(Callout::Keys),
            Need::Answers(questions) => questions
                .first()
                .and_then(|question| services.join(question, now))
                .map(Callout::Service),
        }
    }

    /// What becomes of one held request by what is known now, in this VM and in others.
    pub fn settle(
        &mut self,
        id: u32,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Option<Outcome> {
        let mut held = self.held.remove(&id)?;
        if let Need::Keys { source, .. } = &held.need {
            self.stores.keys.import(*source, shared, now);
        }
        match held.exchange.advance(&self.stores, shared, now) {
            Step::Await(need) if now < held.deadline => {
                self.want(&need, now);
                held.need = need;
                self.held.insert(id, held);
                Some(Outcome::Held)
            }
            Step::Await(need) => settle(held.exchange.give_up(unavailable(&need))),
            step => settle(step),
        }
    }

    /// The answer to a held request that cannot wait as its host would have it.
    pub fn give_up(&mut self, id: u32) -> Option<Outcome> {
        let held = self.held.remove(&id)?;
        let step = held.exchange.give_up(unavailable(&held.need));
        self.forget(&held.need);
        settle(step)
    }

    /// Ends what is overdue: these callouts get no answer any more.
    pub fn handle_tick(
        &mut self,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Vec<(Callout, Notice)> {
        let Stores { keys, services, .. } = &mut self.stores;
        let fetches = keys.handle_tick(shared, now).into_iter();
        let calls = services.handle_tick(shared, now);
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

    /// Forgets a request whose client is gone.
    pub fn handle_done(&mut self, id: u32) {
        if let Some(held) = self.held.remove(&id) {
            self.forget(&held.need);
        }
    }

    /// Drops the questions that nobody else waits for.
    fn forget(&mut self, need: &Need) {
        let Need::Answers(questions) = need else {
            return;
        };
        for question in questions {
            if !is_awaited(&self.held, question) {
                self.stores.services.forget(question);
            }
        }
    }

    /// Whether a request waits.
    #[must_use]
    pub fn is_held(&self, id: u32) -> bool {
        self.held.contains_key(&id)
    }

    /// Held requests that can be answered now, each once. Call after anything may have changed.
    pub fn poll_settled(
        &mut self,
        shared: &mut dyn SharedData,
        now: UnixTime,
    ) -> Vec<(u32, Outcome)> {
        let mut settled = Vec::new();
        let (mut needs, mut given_up) = (Vec::new(), Vec::new());
        let answered = self.stores.services.take_news();
        self.held.retain(|id, held| {
            // Nothing but an answer or the end of its time moves a request that waits for a service.
            if matches!(held.need, Need::Answers(_)) && !answered && now < held.deadline {
                return true;
            }
            let step = match held.exchange.advance(&self.stores, shared, now) {
                Step::Await(need) if now >= held.deadline => {
                    let step = held.exchange.give_up(unavailable(&need));
                    given_up.extend([need, held.need.clone()]);
                    step
                }
                step => step,
            };
            if let Step::Await(need) = step {
                needs.push(need.clone());
                held.need = need;
                return true;
            }
            settled.extend(settle(step).map(|outcome| (*id, outcome)));
            false
        });
        for need in &needs {
            self.want(need, now);
        }
        for need in &given_up {
            self.forget(need);
        }
        settled
    }

    fn want(&mut self, need: &Need, now: UnixTime) {
        match need {
            Need::Answers(questions) => {
                for question in questions {
                    self.stores.services.want(question, now);
                }
            }
            Need::Keys {
                source,
                unknown_key: true,
            } => self.stores.keys.want_refetch(*source),
            // The store knows itself that it has no keys.
            Need::Keys { .. } => {}
        }
    }
}

fn is_awaited(held: &BTreeMap<u32, Held>, question: &Question) -> bool {
    held.values().any(|held| match &held.need {
        Need::Answers(others) => others.iter().any(|other| other.is_alike(question)),
        Need::Keys { .. } => false,
    })
}

/// The refusal of a request that can wait no longer.
const fn unavailable(need: &Need) -> Denial {
    match need {
        Need::Answers(_) => Denial::ServiceUnavailable { retry_after: 1 },
        Need::Keys { .. } => Denial::KeysUnavailable { retry_after: 1 },
    }
}

fn settle(step: Step) -> Option<Outcome> {
    match step {
        Step::Await(_) => None,
        Step::Forward(grant) => Some(Outcome::Forward(grant)),
        Step::Reject(refusal) => Some(Outcome::Reject(refusal)),
        Step::Serve(document) => Some(Outcome::Serve(document)),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
