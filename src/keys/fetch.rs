//! A fetch: when it is due, who makes it, and how it ended.

use std::time::Duration;

use super::KeySource;
use crate::jose::KeySet;

/// The times of a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long a fetched set is fresh.
    pub cache_duration: Duration,
    /// How long after its fetch a set is fetched again, while it still serves.
    pub refresh_after: Duration,
    /// How long beyond `cache_duration` a set serves while fetches fail.
    pub stale_for: Duration,
    /// The least time between two fetches because of unknown key ids.
    pub unknown_kid_cooldown: Duration,
    /// How long one fetch may take.
    pub timeout: Duration,
}

/// Who would make a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leader {
    /// A request: hosts cancel its callouts when its client goes away.
    Request,
    /// The tick, which nobody can cancel.
    Tick,
}

/// How a fetch ended.
#[derive(Clone, Copy, Debug)]
pub enum FetchOutcome<'b> {
    /// An HTTP response.
    Answered {
        /// Its status.
        status: u16,
        /// Its body.
        body: &'b [u8],
    },
    /// No response.
    Failed,
}

/// What operators should hear of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Keys arrived.
    Fetched {
        /// Keys of the set that cannot serve.
        skipped: usize,
        /// Those among them that are good, and not among the pinned ones.
        not_pinned: usize,
    },
    /// None arrived.
    Failed {
        /// Why, in words that quote nothing of the answer.
        why: String,
        /// Seconds until the next attempt.
        retry_after: u32,
    },
}

/// The keys of an answer, with the bytes that hold them, or why there are none.
pub(super) fn read_keys<'b>(
    source: &KeySource,
    outcome: FetchOutcome<'b>,
) -> Result<(KeySet, &'b [u8]), String> {
    match outcome {
        FetchOutcome::Failed => Err("no response".to_owned()),
        FetchOutcome::Answered { status: 200, body } => source
            .read(body)
            .map(|set| (set, body))
            .map_err(|error| error.to_string()),
        FetchOutcome::Answered { status, .. } => Err(format!("status {status}")),
    }
}
