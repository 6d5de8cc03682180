//! What concerns several questions: the answers of other VMs, and batches in one call.

use std::time::Duration;

use super::question::Health;
use super::{Call, FAILURES_BEFORE_BACKOFF, MIN_TTL, Open, ServiceStore, Settled, Stage};
use crate::callout::Leader;
use crate::expiring::Digest;
use crate::keys::{Swap, Turn, lease};
use crate::services::decision::may_go_together;
use crate::services::shared::{Bounds, Seen};
use crate::services::{Answer, Pause, Service, ServiceId};
use crate::time::{MonoTime, UnixTime};

/// Among how many questions that are due those are looked for that go out together: beyond, looking would cost more than
/// it saves.
const LOOKED_AT: usize = 64;

impl ServiceStore {
    /// Whether this VM asks: it has the lease, or nobody to share with. Otherwise another knows, or asks.
    pub(super) fn goes_out(&mut self, digest: Digest, turn: &mut Turn<'_>) -> bool {
        let now = turn.now.mono;
        // Whoever writes in between has asked for the same or for the same slot: a second look tells.
        for _ in 0..2 {
            match self.look(digest, turn) {
                None | Some(Seen::TooLong | Seen::Taken) => return true,
                Some(Seen::Free(version)) => match self.lease(digest, version, turn) {
                    Swap::Done | Swap::Unavailable => return true,
                    Swap::Lost => {}
                },
                Some(seen) => {
                    self.take_in(digest, seen, now);
                    return false;
                }
            }
        }
        true
    }

    /// What the other VMs know of a question; `None` where it is not for sharing, or the host has no store.
    fn look(&mut self, digest: Digest, turn: &mut Turn<'_>) -> Option<Seen> {
        let open = self.open.get_mut(&digest)?;
        let index = usize::from(open.question.service.0);
        let service = self
            .services
            .get(index)
            .filter(|service| service.is_shared())?;
        if open.place.is_none() {
            let fingerprint = self.fingerprints.get(index)?;
            open.place = self
                .slots
                .place(fingerprint, &open.question.ask, turn.shared);
        }
        let place = open.place.as_ref()?;
        Some(self.slots.look(place, bounds(service), turn))
    }

    fn lease(&self, digest: Digest, version: Option<u32>, turn: &mut Turn<'_>) -> Swap {
        let now = turn.now.mono;
        let open = self.open.get(&digest);
        let place = open.and_then(|open| open.place.as_ref());
        let service = open.and_then(|open| self.service(open.question.service));
        let (Some(place), Some(service)) = (place, service) else {
            return Swap::Unavailable;
        };
        let until = now.plus(bounds(service).lease);
        self.slots.lease(place, version, until, turn.shared)
    }

    /// Takes what another VM knows, or its word that it asks.
    pub(super) fn take_in(&mut self, digest: Digest, seen: Seen, now: MonoTime) {
        let (settled, until) = match seen {
            Seen::Known(entry, until) => {
                let answer = Answer::Attributes(entry);
                let known = Settled::Known {
                    answer,
                    ends: None,
                    least: until,
                };
                (known, until)
            }
            Seen::Failed(until) => (Settled::Failed, until),
            Seen::Asked(_) | Seen::TooLong | Seen::Taken | Seen::Free(_) => {
                if let Some(open) = self.open.get_mut(&digest) {
                    open.stage = Stage::Elsewhere;
                }
                return;
            }
        };
        self.close(&digest);
        self.remember(digest, settled, until, now);
        self.newly_settled.push(digest);
    }

    /// A VM that asked for all may have the answer, or be gone.
    pub(super) fn look_elsewhere(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        let elsewhere: Vec<Digest> = self
            .open
            .iter()
            .filter(|(_, open)| open.stage == Stage::Elsewhere)
            .map(|(digest, _)| *digest)
            .collect();
        for digest in elsewhere {
            match self.look(digest, turn) {
                Some(Seen::Asked(_)) => {}
                Some(seen @ (Seen::Known(..) | Seen::Failed(_))) => self.take_in(digest, seen, now),
                None | Some(Seen::TooLong | Seen::Taken | Seen::Free(_)) => {
                    self.leave_to_tick(digest);
                }
            }
        }
    }

    /// The question, and with it others that wait for the same service, where it takes several at once.
    pub(super) fn gather(
        &mut self,
        first: Digest,
        service: ServiceId,
        leader: Leader,
    ) -> Vec<Digest> {
        let mut batch = vec![first];
        let Some(most) = self.service(service).and_then(Service::batch) else {
            return batch;
        };
        let most = most.most;
        for digest in self.due.peek(service, leader, LOOKED_AT, &self.open) {
            if batch.len() >= most {
                break;
            }
            let Some(open) = self.open.get(&digest) else {
                continue;
            };
            let mut others = batch.iter().filter_map(|digest| self.open.get(digest));
            let fits = others.all(|other| {
                !other.own_callout
                    && !open.own_callout
                    && may_go_together(&other.question.ask, &open.question.ask)
            });
            if fits && !batch.contains(&digest) {
                batch.push(digest);
            }
        }
        batch
    }

    /// Has each question of a batch go out alone: one of them is not readable to the service, and the others are no
    /// worse for it.
    pub(super) fn split_batch(&mut self, asked: Vec<Digest>) {
        for digest in asked {
            if let Some(open) = self.open.get_mut(&digest) {
                open.own_callout = true;
            }
            self.leave_to_tick(digest);
        }
    }

    /// Questions without an answer, which says nothing of the service's other answers.
    pub(super) fn fail_questions(&mut self, asked: &[Digest], wait: Duration, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        let until = now.plus(wait);
        for digest in asked {
            // Another call has brought its answer: of two answers to a question the first counts.
            let Some(open) = self.close(digest) else {
                continue;
            };
            if let Some(place) = open.place {
                self.slots.publish(&place, None, until, turn.shared);
            }
            self.remember(*digest, Settled::Failed, until, now);
            self.newly_settled.push(*digest);
        }
    }

    /// Questions without an answer, because of the service, and what it wants not to be asked for a while.
    pub(super) fn fail(
        &mut self,
        asked: &[Digest],
        call: Call,
        pause: Option<Pause>,
        turn: &mut Turn<'_>,
    ) {
        let now = turn.now.mono;
        let attempts = self.attempts;
        let sent_before = |health: &Health| {
            health.retry_at.is_some() && attempts.reaches(call.attempt, health.left_after)
        };
        // Of calls that were under way together, the failure of one says all: a service that was away for a moment would be
        // left alone for as long as it was asked often.
        if let Some(health) = self.health.get_mut(usize::from(call.service.0))
            && !sent_before(health)
        {
            health.failures = health.failures.saturating_add(1);
            if let Some(beyond) = health.failures.checked_sub(FAILURES_BEFORE_BACKOFF) {
                health.retry_at = Some(now.plus(lease::backoff(beyond)));
                health.left_after = attempts.last();
            }
        }
        let wait = match pause {
            Some(Pause::Question(wait)) => wait,
            Some(Pause::Service(_)) | None => MIN_TTL,
        };
        self.fail_questions(asked, wait, turn);
        if let Some(Pause::Service(wait)) = pause {
            self.rest(call.service, wait, turn);
        }
    }

    /// Leaves a service alone for so long. Questions that were to go out meanwhile are without an answer now.
    fn rest(&mut self, service: ServiceId, wait: Duration, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        if let Some(health) = self.health.get_mut(usize::from(service.0)) {
            health.rests_until = health.rests_until.max(Some(now.plus(wait)));
        }
        let due = |open: &Open| matches!(open.stage, Stage::Wanted | Stage::WantedByTick);
        let waiting: Vec<Digest> = self
            .open
            .iter()
            .filter(|(_, open)| open.question.service == service && due(open))
            .map(|(digest, _)| *digest)
            .collect();
        self.fail_questions(&waiting, MIN_TTL, turn);
    }

    /// Keeps an answer, and tells the other VMs where they wait for it.
    pub(super) fn settle_answer(
        &mut self,
        digest: Digest,
        answer: Answer,
        ends: Option<UnixTime>,
        turn: &mut Turn<'_>,
    ) {
        let now = turn.now;
        let Some(open) = self.close(&digest) else {
            return;
        };
        let Some(service) = self.service(open.question.service) else {
            return;
        };
        let ends = ends.into_iter().chain(open.question.ask.expires_at()).min();
        let serves = ends.map(|ends| ends.since(now.wall));
        let [first, second, ..] = digest;
        let jitter = u16::from_le_bytes([first, second]);
        let until = now
            .mono
            .plus(service.serves(&answer, serves, jitter).max(MIN_TTL));
        if let (Some(place), Answer::Attributes(entry)) = (&open.place, &answer) {
            self.slots.publish(place, Some(entry), until, turn.shared);
        }
        let known = Settled::Known {
            answer,
            ends,
            least: now.mono.plus(MIN_TTL),
        };
        self.remember(digest, known, until, now.mono);
        self.newly_settled.push(digest);
    }
}

/// What this VM would give itself.
fn bounds(service: &Service) -> Bounds {
    Bounds {
        answer: service
            .cache_duration
            .max(service.negative_cache_duration)
            .max(MIN_TTL),
        failure: MIN_TTL,
        lease: lease::longest(service.timeout),
    }
}
