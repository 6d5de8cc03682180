//! Questions to services that are due, in flight or answered.

mod calls;
mod due;
mod question;
mod sharing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use self::due::Due;
pub use self::question::{Call, Notice, Question, Unavailable};
use self::question::{Health, Open, Settled, Stage};
use super::shared::Slots;
use super::{Answer, Service, ServiceId};
use crate::expiring::{Digest, Expiring};
use crate::keys::lease::{Attempts, Lease};
use crate::ledger::Ledger;
use crate::time::{MonoTime, Now, whole_seconds};

/// The least time that any answer serves, so that whoever waited for it can read it.
const MIN_TTL: Duration = Duration::from_secs(1);
/// How many callouts to one service may be under way for each that is left free.
const SHARE: usize = 3;
/// After so many failures in a row a service is left alone for a while.
const FAILURES_BEFORE_BACKOFF: u32 = 3;

/// A call under way.
#[derive(Debug)]
struct Flight {
    /// The service that the call goes to.
    service: ServiceId,
    /// Until when it is waited for.
    lease: Lease,
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
    attempts: Attempts,
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
            attempts: Attempts::default(),
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
