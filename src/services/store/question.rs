//! One question to a service, and its state.

use crate::expiring::Digest;
use crate::services::shared::Place;
use crate::services::{Answer, Ask, CallError, ServiceId};
use crate::time::{MonoTime, Now, UnixTime};

/// A question to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The service that the question is for.
    pub service: ServiceId,
    /// What it is asked.
    pub ask: Ask,
}

impl Question {
    /// How many bytes of memory it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>().saturating_add(self.ask.weight())
    }
}

/// A callout that must go out. Its number tells its answer from the late answer of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The service that the call goes to.
    pub service: ServiceId,
    pub(super) attempt: u32,
}

/// A service that cannot be asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Seconds until the next attempt, at least 1.
    pub retry_after: u32,
}

/// What operators should hear of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The call brought an answer that could be read.
    Answered,
    /// One came that refuses the caller, for a reason that operators can mend.
    Refused {
        /// The reason, by the service's own name for it.
        why: String,
    },
    /// The call brought no answer.
    Failed {
        /// The reason why it failed.
        why: CallError,
    },
}

/// A question without an answer yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) question: Question,
    /// What the first of two callouts has brought.
    pub(super) progress: Option<String>,
    pub(super) stage: Stage,
    /// Whether it goes out alone: the service could not read something that went out with it.
    pub(super) own_callout: bool,
    /// Where the other VMs of the process look for the answer, once this one has said that it asks.
    pub(super) place: Option<Place>,
}

impl Open {
    /// What it takes in bytes, with its places among the questions that are due and under way.
    pub(super) fn weight(&self) -> usize {
        let progress = self.progress.as_ref().map_or(0, String::len);
        size_of::<Self>()
            .saturating_add(4 * size_of::<Digest>())
            .saturating_add(self.question.ask.weight())
            .saturating_add(progress)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A callout for the question is due.
    Wanted,
    /// Due, and for the tick to ask: the client that asked went away, or another callback must not call out.
    WantedByTick,
    /// Another VM of the process asks; the tick looks whether it has the answer.
    Elsewhere,
    /// A callout for the question is in flight.
    Flying,
}

/// How a question ended.
#[derive(Debug)]
pub(super) enum Settled {
    Known {
        answer: Answer,
        /// A date that ends it, whatever else it may serve for.
        ends: Option<UnixTime>,
        /// Until when it serves even so: whoever waited for it can read it.
        least: MonoTime,
    },
    Failed,
}

impl Settled {
    /// Whether its own date lets it serve. The wall clock may have passed the date, or be before it again, at any time.
    pub(super) fn serves(&self, now: Now) -> bool {
        match self {
            Self::Failed | Self::Known { ends: None, .. } => true,
            Self::Known {
                ends: Some(ends),
                least,
                ..
            } => now.wall < *ends || now.mono < *least,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Health {
    pub(super) failures: u32,
    pub(super) retry_at: Option<MonoTime>,
    /// The last attempt before the service was left alone.
    pub(super) left_after: u32,
    /// Until when the service wants to be left alone, whatever else it answers.
    pub(super) rests_until: Option<MonoTime>,
}

impl Health {
    /// Until when the service is not asked; `asked_for` is whether the question waits for it already.
    pub(super) fn until(&self, asked_for: bool, now: MonoTime) -> Option<MonoTime> {
        // Those who wait already tell whether the service is back; but not against its own word.
        let backoff = self.retry_at.filter(|_| !asked_for);
        let until = self.rests_until.max(backoff);
        until.filter(|until| now < *until)
    }
}
