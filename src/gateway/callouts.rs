//! The callouts of one VM: which go out, and what their responses do.

use super::{Callout, Gateway, Notice};
use crate::callout::{CalloutOutcome, CalloutRequest, LONGEST_BODY, Leader};
use crate::exchange::Stores;
use crate::keys::Turn;
use crate::policy::unmet::Pending;

impl Gateway {
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
}
