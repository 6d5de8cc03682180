//! What a response of a service means, and for how long.

use std::time::Duration;

use super::{
    Answer, Attributes, CallError, LONGEST_REST, Pause, Protocol, Reading, Service, decision,
    directory, identity_pool, introspection, verifier,
};
use crate::callout::{CalloutOutcome, LONGEST_BODY};
use crate::time::UnixTime;

impl Service {
    /// How long an answer serves, from what the service and the answer allow.
    pub(super) fn serves(&self, answer: &Answer, own: Option<Duration>, jitter: u16) -> Duration {
        let longest = match answer {
            Answer::Refuses => self.negative_cache_duration,
            Answer::Attributes(entry) if **entry == Attributes::default() => {
                self.negative_cache_duration
            }
            _ => self.cache_duration,
        };
        let longest = own.map_or(longest, |own| longest.min(own));
        if matches!(self.protocol, Protocol::Directory(_)) {
            // Up to a tenth less: who came together does not come back together.
            let less = longest.as_millis() * u128::from(jitter) / u128::from(u16::MAX) / 10;
            let less = Duration::from_millis(u64::try_from(less).unwrap_or_default());
            return longest.saturating_sub(less);
        }
        longest
    }

    /// Whether a response that is no answer is about what was asked, and not about the service (RFC 9110 §15.5): nobody
    /// who sends credentials that it cannot read, or may not have, brings an outage upon others.
    pub(super) fn blames_question(&self, outcome: CalloutOutcome<'_>) -> bool {
        let about_us: &[u16] = match &self.protocol {
            // It says whatever is wrong with status 400.
            Protocol::IdentityPool(_) => return false,
            Protocol::Verifier => &[408, 429],
            Protocol::Decision(..) | Protocol::Directory(_) | Protocol::Introspection(_) => {
                &[401, 403, 407, 408, 429]
            }
        };
        match outcome {
            CalloutOutcome::Answered { status, .. } => {
                (400..500).contains(&status) && !about_us.contains(&status)
            }
            CalloutOutcome::Failed => false,
        }
    }

    /// For how long the service wants to be left alone, by a response that is no answer.
    pub(super) fn pause(&self, outcome: CalloutOutcome<'_>, now: UnixTime) -> Option<Pause> {
        let wait = outcome.retry_after(now)?;
        let limits = matches!(outcome, CalloutOutcome::Answered { status: 429, .. });
        Some(match (limits, &self.protocol) {
            (false, _) => Pause::Service(wait),
            (true, Protocol::Verifier) => Pause::Question(wait),
            // Clients can make a service limit the filter; they must not buy an outage of minutes.
            (true, _) => Pause::Service(wait.min(LONGEST_REST)),
        })
    }

    /// What an identity pool calls its reason to give no credentials: often it is the pool's configuration, and not the
    /// caller.
    pub(super) fn refuses_by_kind(&self, body: &[u8]) -> Option<String> {
        match &self.protocol {
            Protocol::IdentityPool(_) => identity_pool::kind(body),
            _ => None,
        }
    }

    /// Reads the response to a question, by the service's protocol.
    pub(super) fn read(
        &self,
        status: u16,
        body: &[u8],
        progress: Option<&str>,
    ) -> Result<Reading, CallError> {
        if body.len() > LONGEST_BODY {
            return Err(CallError::TooLong);
        }
        match &self.protocol {
            Protocol::Decision(protocol, _) => decision::read(*protocol, status, body),
            Protocol::Directory(directory) => directory::read(directory, status, body),
            Protocol::IdentityPool(_) => identity_pool::read(status, body, progress),
            Protocol::Introspection(_) => introspection::read(&self.reads, status, body),
            Protocol::Verifier => verifier::read(&self.reads, status, body),
        }
    }
}
