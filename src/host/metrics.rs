//! Counters in the host's metrics, each defined when it first counts.

use std::collections::BTreeMap;

use super::call;

/// Requests that went upstream.
pub(super) const ALLOWED: &str = "auth_filter.allowed";
/// Requests that were refused, by reason.
pub(super) const DENIED: &str = "auth_filter.denied.";
/// Fetches of keys, by how they ended.
pub(super) const FETCH: &str = "auth_filter.jwks_fetch_";
/// Fetches that failed, by their cause.
pub(super) const FETCH_FAILED: &str = "auth_filter.jwks_fetch_failed.";
/// Keys that are of no use, when they are fetched or found out afterwards.
pub(super) const KEYS: &str = "auth_filter.jwks_key_";
/// Questions to services, by how they ended.
pub(super) const SERVICE: &str = "auth_filter.service_";
/// Questions without an answer, by their cause.
pub(super) const SERVICE_FAILED: &str = "auth_filter.service_failed.";
/// Requests that only shadow mode let through, by reason.
pub(super) const SHADOW_DENIED: &str = "auth_filter.shadow_denied.";

/// The host's numbers of the counters. All names are the filter's own words, so there is an end to them.
#[derive(Default)]
pub(super) struct Metrics {
    ids: BTreeMap<(&'static str, &'static str), Option<u32>>,
}

impl Metrics {
    /// Adds one to the counter whose name is these two parts; a host without metrics counts nothing.
    pub(super) fn count(&mut self, family: &'static str, reason: &'static str) {
        self.count_all(family, reason, 1);
    }

    /// The same for so many at once; none defines no counter.
    pub(super) fn count_all(&mut self, family: &'static str, reason: &'static str, many: usize) {
        if many == 0 {
            return;
        }
        let id = self
            .ids
            .entry((family, reason))
            .or_insert_with(|| call::define_counter(&format!("{family}{reason}")));
        if let Some(id) = id {
            call::increment(*id, i64::try_from(many).unwrap_or(i64::MAX));
        }
    }
}
