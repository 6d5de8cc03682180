//! Requests on hosts where nobody can wake another: each makes a callout of its own, and its callback answers it or calls
//! out again. What neither does goes upstream there, so nothing here leaves a request undecided.

use proxy_wasm::types::Action;

use super::clock;
use super::vm::{Vm, dispatch, turn};
use super::{metrics, reply};
use crate::callout::CalloutOutcome;
use crate::exchange::Outcome;
use crate::policy::denial::{Challenge, Denial};
use crate::time::MonoTime;

/// Callouts that may fail at once, before a request is given up.
const TRIES: usize = 4;

impl Vm {
    /// What becomes of a held request; `None` while its callout is under way.
    pub(super) fn wait_with_own_callout(&mut self, id: u32) -> Option<Outcome> {
        for _ in 0..TRIES {
            let Some(now) = clock::now() else { break };
            let shared = &mut self.shared();
            let under_way = self.callouts.len();
            let Some(gateway) = &mut self.gateway else {
                break;
            };
            if let Some(outcome) = gateway.settle(id, &mut turn(shared, now)) {
                return Some(outcome);
            }
            let hold = gateway.policy().limits.hold;
            let Some(callout) = gateway.own_callout(id, under_way, &mut turn(shared, now)) else {
                break;
            };
            let request = gateway.request(callout).map(|mut request| {
                request.timeout = request.timeout.min(hold);
                request
            });
            match request.and_then(dispatch) {
                Some(token) => {
                    self.callouts.insert(token, (id, callout));
                    return None;
                }
                None => self.settle_callout(callout, CalloutOutcome::Failed),
            }
        }
        let given_up = self
            .gateway
            .as_mut()
            .and_then(|gateway| gateway.give_up(id));
        Some(given_up.unwrap_or_else(|| Outcome::Reject(internal())))
    }

    /// What becomes of a held request that may not call out again.
    fn end_own_callout(&mut self, id: u32) -> Outcome {
        let shared = &mut self.shared();
        let gateway = self.gateway.as_mut();
        let settled = gateway.and_then(|gateway| {
            let settled = gateway.settle(id, &mut turn(shared, clock::now()?));
            settled.or_else(|| gateway.give_up(id))
        });
        settled.unwrap_or_else(|| Outcome::Reject(internal()))
    }

    /// Ends the callback of a request's own callout: the request goes on after it, unless it was answered or has another,
    /// where it may call out again.
    pub(super) fn decide_alone(&mut self, id: u32, may_call: bool) {
        if self.is_held(id) {
            let outcome = if may_call {
                self.wait_with_own_callout(id)
            } else {
                Some(self.end_own_callout(id))
            };
            let Some(outcome) = outcome else {
                return;
            };
            // Only for the log's lines: without a clock the outcome is a refusal.
            let now = clock::now().map_or(MonoTime::START, |now| now.mono);
            if let Some(gateway) = &self.gateway {
                reply::wake(
                    &outcome,
                    &self.host,
                    gateway.policy(),
                    &mut self.access_log,
                    now,
                );
            }
        }
    }

    /// What the headers' callback says of an outcome; `None` where the request was answered.
    pub(super) fn act(&mut self, outcome: &Outcome, now: MonoTime) -> Option<Action> {
        match outcome {
            Outcome::Forward(grant) => {
                let policy = self.gateway.as_ref()?.policy();
                reply::forward(grant, &self.host, policy, &mut self.access_log, now);
                Some(Action::Continue)
            }
            Outcome::Reject(refusal) => {
                reply::reject(refusal, &self.host, &mut self.access_log, now);
                None
            }
            Outcome::Serve(document) => {
                reply::serve(document, &self.host);
                None
            }
        }
    }

    /// Refuses a request that cannot be decided upon.
    pub(super) fn refuse(&mut self) {
        let refusal = internal();
        self.access_log
            .metrics
            .count(metrics::DENIED, refusal.answer.reason);
        reply::send(&refusal.answer, &self.host);
    }
}

/// The refusal of a request that cannot be decided upon.
fn internal() -> crate::exchange::Refusal {
    let denial = Denial::Internal;
    crate::exchange::Refusal {
        denial,
        answer: denial.answer(Challenge {
            schemes: &[],
            realm: "api",
            scope: None,
            resource_metadata: None,
            with_proof: false,
        }),
        rule: None,
        disagreement: None,
        remark: None,
    }
}
