//! The times of a fetch, what its answer says, and what operators hear of it.

use std::time::Duration;

use super::snapshot::{Snapshot, Times};
use super::{Endpoint, FetchError, KeySource, discovery, freshness};
use crate::callout::{BadStatus, CalloutOutcome};
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
    /// A fetch brought a new key set.
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
    /// A fetch brought no key set.
    Failed {
        /// The address that was asked last.
        uri: String,
        /// The reason why it failed.
        why: FetchError,
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
) -> Result<Fetched<'b>, FetchError> {
    let CalloutOutcome::Answered {
        status,
        headers,
        body,
    } = outcome
    else {
        return Err(FetchError::NoResponse);
    };
    let times = Times {
        fresh_for: freshness::lifetime(headers, source.schedule.cache_duration, now),
        asked_at,
        made_at: freshness::made_at(headers, now),
    };
    match (status, &source.issuer) {
        (200, Some(issuer)) if discovers => {
            let found = discovery::keys_endpoint(body, issuer, &source.endpoint);
            found
                .map(Fetched::Endpoint)
                .map_err(|why| encoded(headers, why.into()))
        }
        (200, _) => {
            let set = source.read(body);
            let set = set.map_err(|error| encoded(headers, error.into()))?;
            let etag = freshness::etag(headers);
            let snapshot = Snapshot { times, etag, body };
            Ok(Fetched::Keys(set, snapshot))
        }
        (304, _) if !discovers => Ok(Fetched::NotModified(times)),
        (300..400, _) if headers.first("location").is_some() => Err(redirected(status, headers)),
        _ => Err(outcome.explained(BadStatus::of(status)).into()),
    }
}

/// A redirect is not followed: an issuer's keys are at the address that somebody trusts. Its query may be a secret.
fn redirected(status: u16, headers: &Headers) -> FetchError {
    let target = headers.first("location").unwrap_or_default();
    let target = target.split(|byte| b"?#".contains(byte)).next();
    let target = without_user(target.unwrap_or_default());
    let target = log_text(&target, LONGEST_PATH_TOLD);
    FetchError::Redirect { status, target }
}

/// An address without the name and the password in front of its host.
fn without_user(address: &[u8]) -> Vec<u8> {
    let scheme = address.windows(3).position(|part| part == b"://");
    let from = match scheme {
        Some(at) => at.saturating_add(3),
        None if address.starts_with(b"//") => 2,
        None => return address.to_vec(),
    };
    let (start, rest) = address.split_at_checked(from).unwrap_or((address, b""));
    let end = rest.iter().position(|byte| *byte == b'/');
    let authority = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let user = authority.iter().rposition(|byte| *byte == b'@');
    let host = rest.get(user.map_or(0, |at| at.saturating_add(1))..);
    [start, host.unwrap_or_default()].concat()
}

/// Why an answer cannot be read: what is compressed looks like nothing. Some stores name an encoding that they have not used,
/// so it says something only then.
fn encoded(headers: &Headers, why: FetchError) -> FetchError {
    let encoding = headers.first("content-encoding").unwrap_or_default();
    if encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity") {
        return why;
    }
    FetchError::Encoded(log_text(encoding, LONGEST_TOLD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_told_without_what_may_be_secret() {
        for (location, want) in [
            ("https://user:pw@host/a?b=c", "https://host/a"),
            ("https://a@b@host/x@y#z", "https://host/x@y"),
            ("//user@host", "//host"),
            ("/a@b", "/a@b"),
            ("https://host", "https://host"),
        ] {
            let headers = Headers::from_pairs(&[("location", location)]);
            let said = redirected(302, &headers).to_string();
            assert_eq!(
                said,
                format!("status 302, a redirect to \"{want}\", which is not followed")
            );
        }
    }

    #[test]
    fn an_encoding_is_named_where_nothing_can_be_read() {
        for (encoding, is_named) in [("gzip", true), ("aws-chunked", true), ("Identity", false)] {
            let headers = Headers::from_pairs(&[("content-encoding", encoding)]);
            let said = encoded(&headers, FetchError::NoResponse).to_string();
            assert_eq!(said.contains(encoding), is_named, "{said}");
            assert_eq!(said == "no response", !is_named, "{said}");
        }
    }
}
