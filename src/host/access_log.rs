//! The access log: a counter for each decision, and a bounded number of lines per second about single requests.

use std::fmt;

use log::info;

use super::metrics::{ALLOWED, DENIED, Metrics, SHADOW_DENIED};
use crate::bucket::Bucket;
use crate::exchange::Refusal;
use crate::policy::denial::Denial;
use crate::time::MonoTime;

/// Lines a second and VM: a client that is refused a thousand times a second must not fill the disk, and a line costs
/// more than the refusal.
const LINES: usize = 100;

/// The counters of decisions, and the lines in the log about single requests.
pub(super) struct AccessLog {
    pub(super) metrics: Metrics,
    lines: Bucket,
    left_out: u64,
}

impl Default for AccessLog {
    fn default() -> Self {
        Self {
            metrics: Metrics::default(),
            lines: Bucket::new(LINES),
            left_out: 0,
        }
    }
}

impl AccessLog {
    /// A request went upstream.
    pub(super) fn allowed(&mut self) {
        self.metrics.count(ALLOWED, "");
    }

    /// A request was refused.
    pub(super) fn denied(&mut self, refusal: &Refusal, now: MonoTime) {
        let denial = refusal.denial;
        let (reason, status) = (denial.reason(), denial.status());
        let rule = refusal.rule.as_deref();
        self.metrics.count(DENIED, reason);
        if self.has_line(now) {
            let rule = rule.unwrap_or("-");
            info!(
                "auth-filter: denied reason={reason} status={status} rule={rule}{}{}",
                Readings(refusal),
                Remark(refusal.remark.as_deref())
            );
        }
    }

    /// A request would have been refused, were the filter not in shadow mode.
    pub(super) fn shadow_denied(&mut self, denial: Denial, remark: Option<&str>, now: MonoTime) {
        let (reason, status) = (denial.reason(), denial.status());
        self.metrics.count(SHADOW_DENIED, reason);
        if self.has_line(now) {
            let remark = Remark(remark);
            info!("auth-filter: would be denied reason={reason} status={status}{remark}");
        }
    }

    /// Whether there is a line left; the first one after a pause tells of those that were left out.
    fn has_line(&mut self, now: MonoTime) -> bool {
        if self.lines.admit(now).is_err() {
            self.left_out = self.left_out.saturating_add(1);
            return false;
        }
        self.lines.spend(1);
        if self.left_out > 0 {
            info!("auth-filter: {} refusals were not logged", self.left_out);
            self.left_out = 0;
        }
        true
    }
}

/// The two readings of a request that was refused because they differ; nothing for others.
struct Readings<'r>(&'r Refusal);

impl fmt::Display for Readings<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(held) = &self.0.disagreement else {
            return Ok(());
        };
        let ((first, rule), (other, other_rule)) = (&held.first, &held.other);
        write!(
            formatter,
            " reading=\"{first}\" comes to rule={rule} reading=\"{other}\" comes to rule={other_rule}"
        )
    }
}

/// What is said besides the reason, where there is something to say.
struct Remark<'r>(Option<&'r str>);

impl fmt::Display for Remark<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .map_or(Ok(()), |remark| write!(formatter, ": {remark}"))
    }
}
