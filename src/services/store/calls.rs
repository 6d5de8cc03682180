//! The calls of a VM: which go out, and what their answers, or the absence of one, do.

use super::question::{Health, Stage};
use super::{Call, Flight, MIN_TTL, Notice, Question, SHARE, ServiceStore};
use crate::callout::{CalloutOutcome, CalloutRequest, Leader};
use crate::expiring::Digest;
use crate::keys::Turn;
use crate::services::decision::read_batch;
use crate::services::{Answer, CallError, Reading, ServiceId};
use crate::time::MonoTime;

impl ServiceStore {
    /// Whether a service may be asked while so many callouts of the VM are free. Each may have [`SHARE`] times as many under
    /// way as it leaves free: one that hangs takes what is there but for a part, and the next of that part the same.
    fn may_be_asked(&self, service: ServiceId, free: usize) -> bool {
        let flying = self.flying.values();
        let flying = flying.filter(|flight| flight.service == service).count();
        flying < free.saturating_mul(SHARE)
    }

    /// Whether a service has said that it is not to be asked now.
    fn rests(&self, service: ServiceId, now: MonoTime) -> bool {
        let health = self.health.get(usize::from(service.0));
        let until = health.and_then(|health| health.rests_until);
        until.is_some_and(|until| now < until)
    }

    /// The next callout that must go out, while the VM may make so many more. Also takes in what other VMs know: look
    /// again with [`Self::lookup`] after it.
    pub fn poll_call(&mut self, leader: Leader, free: usize, turn: &mut Turn<'_>) -> Option<Call> {
        let now = turn.now.mono;
        let services = (0..self.services.len()).filter_map(|at| u16::try_from(at).ok());
        let may: Vec<bool> = services
            .map(|id| self.may_be_asked(ServiceId(id), free) && !self.rests(ServiceId(id), now))
            .collect();
        let may_be_asked = |id: ServiceId| may.get(usize::from(id.0)).is_some_and(|may| *may);
        loop {
            let digest = self.due.pop(leader, &self.open, may_be_asked)?;
            let service = self.open.get(&digest)?.question.service;
            if self.goes_out(digest, turn) {
                let batch = self.gather(digest, service, leader);
                return self.take_off(batch, service, now);
            }
        }
    }

    fn take_off(&mut self, batch: Vec<Digest>, service: ServiceId, now: MonoTime) -> Option<Call> {
        let timeout = self.service(service)?.timeout;
        let lease = self.attempts.begin(timeout, now);
        let attempt = lease.attempt;
        for digest in &batch {
            if let Some(open) = self.open.get_mut(digest) {
                open.stage = Stage::Flying;
            }
        }
        let mut opens = batch.iter().filter_map(|digest| self.open.get(digest));
        if opens.any(|open| open.progress.is_some()) {
            let flying = &self.flying;
            self.seconds.retain(|held| flying.contains_key(held));
            self.seconds.insert(attempt);
        }
        let flight = Flight {
            service,
            lease,
            asked: batch,
        };
        self.flying.insert(attempt, flight);
        Some(Call { service, attempt })
    }

    /// The call that a request makes for itself, because nobody can wake it when another's has its answer. Of the answers
    /// to one question the first counts. The question must have been wanted. `None` where no more may go out to its
    /// service while the VM may make so many.
    pub fn join(&mut self, question: &Question, free: usize, now: MonoTime) -> Option<Call> {
        let digest = self.digest(question);
        if !self.open.contains_key(&digest) || !self.may_be_asked(question.service, free) {
            return None;
        }
        let batch = self.gather(digest, question.service, Leader::Tick);
        self.take_off(batch, question.service, now)
    }

    /// What must be sent; `None` for a call that nobody waits for any more.
    #[must_use]
    pub fn request(&self, call: Call) -> Option<CalloutRequest<'_>> {
        let service = self.service(call.service)?;
        let asked = &self.flying.get(&call.attempt)?.asked;
        if let [digest] = asked.as_slice() {
            let open = self.open.get(digest)?;
            return Some(service.request(&open.question.ask, open.progress.as_deref()));
        }
        let opens = asked.iter().filter_map(|digest| self.open.get(digest));
        service.batch_request(opens.map(|open| &open.question.ask))
    }

    /// How many calls are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// Takes the answer to a call. An answer that nobody waits for any more is dropped.
    pub fn handle_answered(
        &mut self,
        call: Call,
        outcome: CalloutOutcome<'_>,
        turn: &mut Turn<'_>,
    ) -> Option<Notice> {
        let now = turn.now;
        let Flight { asked, .. } = self.flying.remove(&call.attempt)?;
        let service = self.service(call.service)?;
        let readings = match (outcome, asked.as_slice()) {
            (CalloutOutcome::Failed, _) => Err(CallError::NoResponse),
            (CalloutOutcome::Answered { status, body, .. }, [digest]) => {
                let progress = self.open.get(digest)?.progress.as_deref();
                // Another request's call may have got further.
                if progress.is_some() != self.seconds.contains(&call.attempt) {
                    return None;
                }
                service
                    .read(status, body, progress)
                    .map(|reading| vec![reading])
            }
            (CalloutOutcome::Answered { status, body, .. }, _) => {
                let answers = read_batch(status, body, asked.len());
                answers.map(|answers| {
                    let answers = answers.into_iter();
                    answers.map(|answer| Reading::Done(answer, None)).collect()
                })
            }
        };
        let mut notice = None;
        if let CalloutOutcome::Answered { body, .. } = outcome
            && let Ok([Reading::Done(Answer::Refuses, _)]) = readings.as_deref()
            && let Some(why) = service.refuses_by_kind(body)
        {
            notice = Some(Notice::Refused { why });
        }
        let readings = readings.map_err(|why| why.explained_by(outcome));
        let readings: Vec<Reading> = match readings {
            Ok(readings) => readings,
            Err(why) if !service.blames_question(outcome) => {
                let pause = service.pause(outcome, now.wall);
                self.fail(&asked, call, pause, turn);
                return Some(Notice::Failed { why });
            }
            Err(why) if asked.len() == 1 => {
                self.fail_questions(&asked, MIN_TTL, turn);
                return Some(Notice::Failed { why });
            }
            Err(why) => {
                self.split_batch(asked);
                return Some(Notice::Failed { why });
            }
        };
        for (digest, reading) in asked.into_iter().zip(readings) {
            match reading {
                Reading::Next(progress) => {
                    if let Some(open) = self.open.get_mut(&digest) {
                        let before = open.weight();
                        open.progress = Some(progress);
                        let more = open.weight().saturating_sub(before);
                        self.open_bytes = self.open_bytes.saturating_add(more);
                    }
                    self.leave_to_tick(digest);
                }
                Reading::Done(answer, ends) => {
                    self.settle_answer(digest, answer, ends, turn);
                    notice = notice.or(Some(Notice::Answered));
                }
            }
        }
        if notice.is_some()
            && let Some(health) = self.health.get_mut(usize::from(call.service.0))
        {
            // What it accepted before it asked to be left alone is no word to the contrary.
            *health = Health {
                rests_until: health.rests_until,
                ..Health::default()
            };
        }
        notice
    }

    /// Ends calls whose answer is overdue, since a host may never call back; and takes in what other VMs were asked.
    pub fn handle_tick(&mut self, turn: &mut Turn<'_>) -> Vec<(Call, Notice)> {
        let now = turn.now.mono;
        self.look_elsewhere(turn);
        let overdue: Vec<(Call, Vec<Digest>)> = self
            .flying
            .iter()
            .filter(|(_, flight)| flight.lease.is_overdue(now))
            .map(|(attempt, flight)| {
                let call = Call {
                    service: flight.service,
                    attempt: *attempt,
                };
                (call, flight.asked.clone())
            })
            .collect();
        overdue
            .into_iter()
            .map(|(call, asked)| {
                self.flying.remove(&call.attempt);
                self.fail(&asked, call, None, turn);
                let why = CallError::Overdue;
                (call, Notice::Failed { why })
            })
            .collect()
    }

    /// Whoever sent this call is gone, and its answer will not come: the tick asks again where others wait for it. Where
    /// nobody does in this VM, another may ask.
    pub fn abandon(
        &mut self,
        call: Call,
        is_awaited: impl Fn(&Digest) -> bool,
        turn: &mut Turn<'_>,
    ) {
        let now = turn.now.mono;
        let Some(Flight { asked, .. }) = self.flying.remove(&call.attempt) else {
            return;
        };
        for digest in asked {
            match self.open.get(&digest) {
                Some(_) if is_awaited(&digest) => self.leave_to_tick(digest),
                Some(_) => {
                    let place = self.close(&digest).and_then(|open| open.place);
                    if let Some(place) = place {
                        self.slots.publish(&place, None, now, turn.shared);
                    }
                }
                None => {}
            }
        }
    }

    /// Gives all leases back: the configuration is gone, and with it whatever it has under way.
    pub fn release(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        self.flying.clear();
        for place in std::mem::take(&mut self.open)
            .into_values()
            .filter_map(|open| open.place)
        {
            self.slots.publish(&place, None, now, turn.shared);
        }
    }
}
