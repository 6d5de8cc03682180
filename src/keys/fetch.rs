//! A fetch: when it is due, who makes it, and how it ended.

use std::time::Duration;

use super::snapshot::{Snapshot, Times};
use super::{Endpoint, KeySource, discovery, freshness};
use crate::callout::CalloutOutcome;
use crate::headers::Headers;
use crate::jose::{KeySet, SkippedKey};
use crate::text::{LONGEST_PATH_TOLD, LONGEST_TOLD, log_text};
use crate::time::{MonoTime, UnixTime};

/// The times of a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long a fetched set is fresh.
    pub cache_duration: Duration,
    /// How long after its fetch a set is fetched again, while it still serves; less for a set that is fresh for less.
    pub refresh_after: Duration,
    /// After how many verified tokens a set is fetched again, while it still serves.
    pub cache_usages: Option<u64>,
    /// How long beyond `cache_duration` a set serves while fetches fail.
    pub stale_for: Duration,
    /// How often unknown key ids may cause a fetch, after five at once.
    pub unknown_kid_cooldown: Duration,
    /// How long one callout may take.
    pub timeout: Duration,
    /// How many more callouts a fetch makes that got no good answer, before it has failed.
    pub retry: u8,
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
        /// Which they are and why, as a message tells it; empty where there are none.
        reasons: String,
    },
    /// A key of a set that was fetched before is no better than no key.
    FoundOut(SkippedKey),
    /// Those that there are still hold.
    NotModified,
    /// None arrived.
    Failed {
        /// The address that was asked last.
        uri: String,
        /// Why. What is quoted of an answer is bounded, and no line of a log ends in it.
        why: String,
        /// Seconds until the next attempt.
        retry_after: u32,
    },
}

/// What an answer gives.
pub(super) enum Fetched<'b> {
    /// Where the keys are.
    Endpoint(Endpoint),
    /// The keys, and the bytes that hold them.
    Keys(KeySet, Snapshot<'b>),
    /// That those that there are still hold, and for how long.
    NotModified(Times),
}

/// Reads the answer to the first callout of a discovery or to the one for the keys, which was asked for at a time.
pub(super) fn read<'b>(
    source: &KeySource,
    (discovers, asked_at): (bool, MonoTime),
    outcome: CalloutOutcome<'b>,
    now: UnixTime,
) -> Result<Fetched<'b>, String> {
    let CalloutOutcome::Answered {
        status,
        headers,
        body,
    } = outcome
    else {
        return Err("no response".to_owned());
    };
    let times = Times {
        fresh_for: freshness::lifetime(headers, source.schedule.cache_duration, now),
        asked_at,
        made_at: freshness::made_at(headers, now),
    };
    if status == 200 {
        is_plain(headers)?;
    }
    match (status, &source.issuer) {
        (200, Some(issuer)) if discovers => {
            discovery::keys_endpoint(body, issuer, &source.endpoint).map(Fetched::Endpoint)
        }
        (200, _) => {
            let set = source.read(body).map_err(|error| error.to_string())?;
            let etag = freshness::etag(headers);
            let snapshot = Snapshot { times, etag, body };
            Ok(Fetched::Keys(set, snapshot))
        }
        (304, _) if !discovers => Ok(Fetched::NotModified(times)),
        (300..400, _) => Err(redirected(status, headers)),
        _ => Err(outcome.explained(format!("status {status}"))),
    }
}

/// A redirect is not followed: an issuer's keys are at the address that somebody trusts. Its query may be a secret.
fn redirected(status: u16, headers: &Headers) -> String {
    let target = headers.first("location").unwrap_or_default();
    let target = target.split(|byte| b"?#".contains(byte)).next();
    let target = log_text(target.unwrap_or_default(), LONGEST_PATH_TOLD);
    format!("status {status}, a redirect to \"{target}\", which is not followed")
}

/// What is compressed is no JSON, and looks like nothing.
fn is_plain(headers: &Headers) -> Result<(), String> {
    let encoding = headers.first("content-encoding").unwrap_or_default();
    if encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity") {
        return Ok(());
    }
    let encoding = log_text(encoding, LONGEST_TOLD);
    Err(format!(
        "the answer is encoded as \"{encoding}\", which nobody has asked for"
    ))
}
