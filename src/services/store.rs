//! Questions that wait, are under way, or have their answer.

mod due;
mod question;
mod sharing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use self::due::Due;
pub use self::question::{Call, Notice, Question, Unavailable};
use self::question::{Health, Open, Settled, Stage};
use super::decision::read_batch;
use super::shared::Slots;
use super::{Answer, CallError, Reading, Service, ServiceId};
use crate::callout::{CalloutOutcome, CalloutRequest, Leader};
use crate::expiring::{Digest, Expiring};
use crate::keys::Turn;
use crate::ledger::Ledger;
use crate::time::{MonoTime, Now, whole_seconds};

/// The least time that any answer serves, so that whoever waited for it can read it.
const MIN_TTL: Duration = Duration::from_secs(1);
/// How much longer than its timeout a callout is waited for.
const GRACE: Duration = Duration::from_secs(1);
/// How many callouts to one service may be under way for each that is left free.
const SHARE: usize = 3;
/// After so many failures in a row a service is left alone for a while.
const FAILURES_BEFORE_BACKOFF: u32 = 3;
/// The longest such while.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// A call under way.
#[derive(Debug)]
struct Flight {
    /// Whom it asks.
    service: ServiceId,
    /// Until when it is waited for.
    until: MonoTime,
    /// What: one question, or those of a batch.
    asked: Vec<Digest>,
}

/// The questions and answers of one VM.
#[derive(Debug)]
pub struct ServiceStore {
    services: Box<[Service]>,
    health: Vec<Health>,
    secret: [u8; 32],
    settled: Expiring<Settled>,
    /// The answers that requests wait for or have read while they wait for others, and how many requests do.
    pins: BTreeMap<Digest, usize>,
    /// As many as there are requests that wait, and calls under way.
    open: BTreeMap<Digest, Open>,
    due: Due,
    /// The calls under way, by their attempts.
    flying: BTreeMap<u32, Flight>,
    /// Calls that are the second of two for their question.
    seconds: BTreeSet<u32>,
    attempts: u32,
    /// What other VMs know.
    slots: Slots,
    /// Names the services for them.
    fingerprints: Vec<Digest>,
    /// The questions that were settled since somebody asked.
    newly_settled: Vec<Digest>,
    /// What all of it may take, in bytes.
    most_bytes: usize,
    /// What open questions take.
    open_bytes: usize,
    /// What callers are made into, and kept beside answers and tokens.
    ledger: Ledger,
}

impl ServiceStore {
    /// A store that knows nothing yet and keeps at most so many answers. The secret is the VM's own.
    #[must_use]
    pub fn new(services: &[Service], most: usize, secret: [u8; 32]) -> Self {
        Self {
            slots: Slots::new(1, secret),
            fingerprints: services.iter().map(Service::fingerprint).collect(),
            newly_settled: Vec::new(),
            services: services.into(),
            health: vec![Health::default(); services.len()],
            secret,
            settled: Expiring::new(most),
            pins: BTreeMap::new(),
            open: BTreeMap::new(),
            due: Due::new(services.len()),
            flying: BTreeMap::new(),
            seconds: BTreeSet::new(),
            attempts: 0,
            most_bytes: usize::MAX,
            open_bytes: 0,
            ledger: Ledger::new(usize::MAX),
        }
    }

    /// The same store, which takes no more than so many bytes: settled answers and what is made of them, and open
    /// questions. Where there is no room, the answers that end first go.
    #[must_use]
    pub fn with_bytes(self, most: usize) -> Self {
        Self {
            most_bytes: most,
            // What is kept beside tokens is not freed by answers that go.
            ledger: Ledger::new(most / 2),
            ..self
        }
    }

    /// What the store takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.settled
            .bytes()
            .saturating_add(self.open_bytes)
            .saturating_add(self.ledger.used())
    }

    /// Whether one more question may be asked: those that are open leave half of all bytes to answers.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.open_bytes <= self.most_bytes / 2
    }

    /// Whether one more request may wait: what the others wait for, and have of it, leaves half of all bytes to the rest.
    #[must_use]
    pub const fn takes_more(&self) -> bool {
        self.open_bytes.saturating_add(self.settled.pinned_bytes()) <= self.most_bytes / 2
    }

    /// Keeps the answer to a question, once it is there, for a request that waits: as often as it is unpinned again.
    pub fn pin(&mut self, digest: Digest) {
        let pins = self.pins.entry(digest).or_default();
        *pins = pins.saturating_add(1);
        self.settled.pin(&digest);
    }

    /// Takes back one [`Self::pin`].
    pub fn unpin(&mut self, digest: &Digest) {
        if let Some(pins) = self.pins.get_mut(digest) {
            *pins = pins.saturating_sub(1);
            if *pins == 0 {
                self.pins.remove(digest);
                self.settled.unpin(digest);
            }
        }
    }

    /// What is made of answers is kept by this.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The same store, whose VM shares so many entries of directories with the others of its process.
    #[must_use]
    pub fn with_slots(self, many: usize) -> Self {
        Self {
            slots: Slots::new(many, self.secret),
            ..self
        }
    }

    /// The service of an id.
    #[must_use]
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(usize::from(id.0))
    }

    /// The answer to a question at this time; `None` while it is to be asked, or is being asked.
    ///
    /// # Errors
    /// [`Unavailable`] where the service cannot be asked now.
    pub fn lookup(&self, question: &Question, now: Now) -> Result<Option<&Answer>, Unavailable> {
        let digest = self.digest(question);
        let unavailable = |at: MonoTime| Unavailable {
            retry_after: whole_seconds(at.since(now.mono)),
        };
        match self.settled(&digest, now) {
            Some((Settled::Known { answer, .. }, _)) => return Ok(Some(answer)),
            Some((Settled::Failed, until)) => {
                let rests = self.rests_until(question.service);
                return Err(unavailable(rests.map_or(until, |rests| rests.max(until))));
            }
            None => {}
        }
        let health = self.health.get(usize::from(question.service.0));
        let asked_for = self.open.contains_key(&digest);
        let until = health.and_then(|health| health.until(asked_for, now.mono));
        until.map_or(Ok(None), |until| Err(unavailable(until)))
    }

    /// Until when a service wants to be left alone.
    fn rests_until(&self, service: ServiceId) -> Option<MonoTime> {
        self.health.get(usize::from(service.0))?.rests_until
    }

    /// Whether a question has been asked and not answered.
    #[must_use]
    pub fn is_open(&self, question: &Question) -> bool {
        self.open.contains_key(&self.digest(question))
    }

    /// Asks for an answer that is not there; asking twice is asking once.
    pub fn want(&mut self, question: &Question, now: Now) {
        let digest = self.digest(question);
        if self.settled(&digest, now).is_some() || self.open.contains_key(&digest) {
            return;
        }
        let open = Open {
            question: question.clone(),
            progress: None,
            stage: Stage::Wanted,
            own_callout: false,
            place: None,
        };
        self.open_bytes = self.open_bytes.saturating_add(open.weight());
        self.open.insert(digest, open);
        self.due.push(digest, Stage::Wanted, &self.open);
        self.make_room();
    }

    /// Takes an answer that nobody had to be asked for.
    pub fn settle(&mut self, question: &Question, answer: Answer, until: MonoTime, now: MonoTime) {
        let digest = self.digest(question);
        let known = Settled::Known {
            answer,
            ends: None,
            least: until,
        };
        self.remember(digest, known, until, now);
    }

    fn remember(&mut self, digest: Digest, settled: Settled, until: MonoTime, now: MonoTime) {
        let weight = match &settled {
            Settled::Known { answer, .. } => answer.weight(),
            Settled::Failed => 0,
        };
        self.settled.insert_weighing(digest, settled, until, weight);
        if self.pins.contains_key(&digest) {
            self.settled.pin(&digest);
        }
        // Where even what requests wait for does not fit, those that wait for this must do without.
        if !self.make_room() && weight > 0 {
            self.remember(digest, Settled::Failed, until.min(now.plus(MIN_TTL)), now);
        }
    }

    /// Drops the answers that end first, of those that no request waits for, until the rest fits; whether it does. The
    /// last one stays, whatever it takes: somebody waits for it.
    fn make_room(&mut self) -> bool {
        while self.bytes() > self.most_bytes && self.settled.len() > 1 {
            if !self.settled.make_room() {
                return false;
            }
        }
        true
    }

    /// How a question ended, while that serves.
    fn settled(&self, digest: &Digest, now: Now) -> Option<(&Settled, MonoTime)> {
        let held = self.settled.get(digest, now.mono);
        held.filter(|(settled, _)| settled.serves(now))
    }

    /// Takes an open question out.
    fn close(&mut self, digest: &Digest) -> Option<Open> {
        let open = self.open.remove(digest)?;
        self.open_bytes = self.open_bytes.saturating_sub(open.weight());
        Some(open)
    }

    /// The questions that were settled since this was last asked: requests that wait for them may go on.
    pub fn take_settled(&mut self) -> Vec<Digest> {
        std::mem::take(&mut self.newly_settled)
    }

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
        self.attempts = self.attempts.wrapping_add(1);
        let attempt = self.attempts;
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
            until: now.plus(timeout).plus(GRACE),
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
            .filter(|(_, flight)| now >= flight.until)
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

    /// Drops a question that no request waits for any more, unless its answer is on its way: clients that come and go
    /// must not pile questions up.
    pub fn forget(&mut self, question: &Question) {
        let digest = self.digest(question);
        let flies = |open: &Open| open.stage == Stage::Flying;
        if self.open.get(&digest).is_some_and(|open| !flies(open)) {
            self.close(&digest);
        }
    }

    fn leave_to_tick(&mut self, digest: Digest) {
        if let Some(open) = self.open.get_mut(&digest) {
            open.stage = Stage::WantedByTick;
            self.due.push(digest, Stage::WantedByTick, &self.open);
        }
    }

    /// The name of a question, by which [`Self::take_settled`] tells of it.
    #[must_use]
    pub fn digest(&self, question: &Question) -> Digest {
        question
            .ask
            .digest(&question.service.0.to_le_bytes(), &self.secret)
    }
}
