//! Questions that wait, are under way, or have their answer.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Answer, Ask, Reading, Service, ServiceId};
use crate::callout::{CalloutOutcome, CalloutRequest, Leader};
use crate::expiring::{Digest, Expiring};
use crate::time::UnixTime;

/// The least time that any answer serves, so that whoever waited for it can read it.
const LEAST: Duration = Duration::from_secs(1);
/// How much longer than its timeout a callout is waited for.
const GRACE: Duration = Duration::from_secs(1);
/// After so many failures in a row a service is left alone for a while.
const PATIENCE: u32 = 3;
/// The longest such while.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// A question to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The service.
    pub service: ServiceId,
    /// What it is asked.
    pub ask: Ask,
}

impl Question {
    /// Whether one answer is for both.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        self.service == other.service && self.ask.parts() == other.ask.parts()
    }
}

/// A callout that must go out. Its number tells its answer from the late answer of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Whom it asks.
    pub service: ServiceId,
    attempt: u32,
}

/// What is known of an answer.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'s> {
    /// The question is to be asked, or is being asked.
    Pending,
    /// The answer.
    Ready(&'s Answer),
    /// The service cannot be asked now; the next attempt is in so many seconds.
    Unavailable {
        /// Seconds until the next attempt, at least 1.
        retry_after: u32,
    },
}

/// What operators should hear of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An answer came.
    Answered,
    /// None came.
    Failed {
        /// Why, in words that quote nothing of the answer.
        why: String,
    },
}

/// A question without an answer yet.
#[derive(Debug)]
struct Open {
    question: Question,
    /// What the first of two callouts has brought.
    progress: Option<String>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Due.
    Wanted,
    /// Due, and for the tick to ask: the client that asked went away, or another callback must not call out.
    WantedByTick,
    /// Under way: which attempt, and until when it is waited for.
    Flying(u32, UnixTime),
}

/// How a question ended.
#[derive(Debug)]
enum Settled {
    Known(Answer),
    Failed,
}

#[derive(Clone, Copy, Debug, Default)]
struct Health {
    failures: u32,
    retry_at: Option<UnixTime>,
}

/// The questions and answers of one VM.
#[derive(Debug)]
pub struct ServiceStore {
    services: Box<[Service]>,
    health: Vec<Health>,
    secret: [u8; 32],
    settled: Expiring<Settled>,
    /// As many as there are requests that wait, and calls under way.
    open: BTreeMap<Digest, Open>,
    wanted: VecDeque<Digest>,
    flying: BTreeMap<u32, Digest>,
    attempts: u32,
}

impl ServiceStore {
    /// A store that knows nothing yet and keeps at most so many answers. The secret is the VM's own.
    #[must_use]
    pub fn new(services: &[Service], most: usize, secret: [u8; 32]) -> Self {
        Self {
            services: services.into(),
            health: vec![Health::default(); services.len()],
            secret,
            settled: Expiring::new(most),
            open: BTreeMap::new(),
            wanted: VecDeque::new(),
            flying: BTreeMap::new(),
            attempts: 0,
        }
    }

    /// The service of an id.
    #[must_use]
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(usize::from(id.0))
    }

    /// What is known of the answer to a question at this time.
    #[must_use]
    pub fn lookup(&self, question: &Question, now: UnixTime) -> Lookup<'_> {
        let digest = self.digest(question);
        let unavailable = |at: UnixTime| Lookup::Unavailable {
            retry_after: seconds(at.since(now)),
        };
        match self.settled.get(&digest, now) {
            Some((Settled::Known(answer), _)) => return Lookup::Ready(answer),
            Some((Settled::Failed, until)) => return unavailable(until),
            None => {}
        }
        match self.health.get(usize::from(question.service.0)) {
            Some(Health {
                retry_at: Some(retry_at),
                ..
            }) if now < *retry_at && !self.open.contains_key(&digest) => unavailable(*retry_at),
            _ => Lookup::Pending,
        }
    }

    /// Whether a question has been asked and not answered.
    #[must_use]
    pub fn is_open(&self, question: &Question) -> bool {
        self.open.contains_key(&self.digest(question))
    }

    /// Asks for an answer that is not there; asking twice is asking once.
    pub fn want(&mut self, question: &Question, now: UnixTime) {
        let digest = self.digest(question);
        if self.settled.get(&digest, now).is_some() || self.open.contains_key(&digest) {
            return;
        }
        self.open.insert(
            digest,
            Open {
                question: question.clone(),
                progress: None,
                stage: Stage::Wanted,
            },
        );
        self.wanted.push_back(digest);
    }

    /// Takes an answer that nobody had to be asked for.
    pub fn settle(&mut self, question: &Question, answer: Answer, until: UnixTime) {
        let digest = self.digest(question);
        self.settled.insert(digest, Settled::Known(answer), until);
    }

    /// The next callout that must go out.
    pub fn poll_call(&mut self, leader: Leader, now: UnixTime) -> Option<Call> {
        let may = |open: &Open| leader == Leader::Tick || open.stage == Stage::Wanted;
        let at = self
            .wanted
            .iter()
            .position(|digest| self.open.get(digest).is_some_and(may))?;
        let digest = self.wanted.remove(at)?;
        let open = self.open.get_mut(&digest)?;
        let service = open.question.service;
        let timeout = self.services.get(usize::from(service.0))?.timeout;
        self.attempts = self.attempts.wrapping_add(1);
        open.stage = Stage::Flying(self.attempts, now.plus(timeout).plus(GRACE));
        self.flying.insert(self.attempts, digest);
        Some(Call {
            service,
            attempt: self.attempts,
        })
    }

    /// What must be sent; `None` for a call that nobody waits for any more.
    #[must_use]
    pub fn request(&self, call: Call) -> Option<CalloutRequest<'_>> {
        let open = self.open.get(self.flying.get(&call.attempt)?)?;
        let service = self.service(call.service)?;
        Some(service.request(&open.question.ask, open.progress.as_deref()))
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
        now: UnixTime,
    ) -> Option<Notice> {
        let digest = self.flying.remove(&call.attempt)?;
        let open = self.open.get_mut(&digest)?;
        let service = self.services.get(usize::from(call.service.0))?;
        let reading = match outcome {
            CalloutOutcome::Answered { status, body, .. } => {
                service.read(status, body, open.progress.as_deref(), now)
            }
            CalloutOutcome::Failed => Err("no response".to_owned()),
        };
        match reading {
            Ok(Reading::Next(progress)) => {
                open.progress = Some(progress);
                self.leave_to_tick(digest);
                None
            }
            Ok(Reading::Done(answer, serves)) => {
                let longest = match answer {
                    Answer::Refuses => service.negative_cache_duration,
                    _ => service.cache_duration,
                };
                let own = open.question.ask.expires_at();
                let serves = serves
                    .into_iter()
                    .chain(own.map(|expires_at| expires_at.since(now)))
                    .fold(longest, Duration::min);
                self.open.remove(&digest);
                self.settled
                    .insert(digest, Settled::Known(answer), now.plus(serves.max(LEAST)));
                if let Some(health) = self.health.get_mut(usize::from(call.service.0)) {
                    *health = Health::default();
                }
                Some(Notice::Answered)
            }
            Err(why) if service.blames_question(outcome) => Some(self.fail_alone(digest, why, now)),
            Err(why) => Some(self.fail(digest, call.service, why, now)),
        }
    }

    /// Ends calls whose answer is overdue: a host may never call back.
    pub fn handle_tick(&mut self, now: UnixTime) -> Vec<(Call, Notice)> {
        let overdue: Vec<(Call, Digest)> = self
            .open
            .iter()
            .filter_map(|(digest, open)| match open.stage {
                Stage::Flying(attempt, until) if now >= until => {
                    let service = open.question.service;
                    Some((Call { service, attempt }, *digest))
                }
                _ => None,
            })
            .collect();
        overdue
            .into_iter()
            .map(|(call, digest)| {
                self.flying.remove(&call.attempt);
                let why = "no answer in time".to_owned();
                (call, self.fail(digest, call.service, why, now))
            })
            .collect()
    }

    /// What a call asks; `None` for one that nobody waits for any more.
    #[must_use]
    pub fn question(&self, call: Call) -> Option<&Question> {
        let open = self.open.get(self.flying.get(&call.attempt)?)?;
        Some(&open.question)
    }

    /// Whoever sent this call is gone, and its answer will not come: the tick asks again where others wait for it.
    pub fn abandon(&mut self, call: Call, awaited: bool) {
        match self.flying.remove(&call.attempt) {
            Some(digest) if awaited => self.leave_to_tick(digest),
            Some(digest) => drop(self.open.remove(&digest)),
            None => {}
        }
    }

    /// Drops a question that no request waits for any more, unless its answer is on its way: clients that come and go
    /// must not pile questions up.
    pub fn forget(&mut self, question: &Question) {
        let digest = self.digest(question);
        let flies = |open: &Open| matches!(open.stage, Stage::Flying(..));
        if self.open.get(&digest).is_some_and(|open| !flies(open)) {
            self.open.remove(&digest);
            self.wanted.retain(|held| *held != digest);
        }
    }

    fn leave_to_tick(&mut self, digest: Digest) {
        if let Some(open) = self.open.get_mut(&digest) {
            open.stage = Stage::WantedByTick;
            self.wanted.push_back(digest);
        }
    }

    /// A question without an answer that says nothing of the service's other answers.
    fn fail_alone(&mut self, digest: Digest, why: String, now: UnixTime) -> Notice {
        self.open.remove(&digest);
        self.settled
            .insert(digest, Settled::Failed, now.plus(LEAST));
        Notice::Failed { why }
    }

    fn fail(&mut self, digest: Digest, service: ServiceId, why: String, now: UnixTime) -> Notice {
        if let Some(health) = self.health.get_mut(usize::from(service.0)) {
            health.failures = health.failures.saturating_add(1);
            if let Some(beyond) = health.failures.checked_sub(PATIENCE) {
                let backoff = LEAST.saturating_mul(1 << beyond.min(5));
                health.retry_at = Some(now.plus(backoff.min(LONGEST_BACKOFF)));
            }
        }
        self.fail_alone(digest, why, now)
    }

    fn digest(&self, question: &Question) -> Digest {
        question.ask.digest(question.service.0, &self.secret)
    }
}

/// Whole seconds, rounded up, at least 1: what `Retry-After` can say.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000))
        .unwrap_or(u32::MAX)
        .max(1)
}
