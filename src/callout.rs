//! What the filter sends to others and what comes back, before anybody reads it.

use std::time::Duration;

use crate::headers::Headers;

/// The longest answer that is read, in bytes.
pub const LONGEST_BODY: usize = 256 * 1024;

/// An HTTP request that the host must send.
#[derive(Debug)]
pub struct CalloutRequest<'c> {
    /// The host's name for where it goes.
    pub upstream: &'c str,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The authority.
    pub authority: &'c str,
    /// Path and query.
    pub path: String,
    /// Further headers.
    pub headers: Vec<(&'c str, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// How long the answer may take.
    pub timeout: Duration,
}

impl CalloutRequest<'_> {
    /// The URI that is asked.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// Who would send a callout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leader {
    /// A request: hosts cancel its callouts when its client goes away.
    Request,
    /// The tick, which nobody can cancel.
    Tick,
}

/// How a callout ended.
#[derive(Clone, Copy, Debug)]
pub enum CalloutOutcome<'b> {
    /// An HTTP response.
    Answered {
        /// Its status.
        status: u16,
        /// Its headers.
        headers: &'b Headers,
        /// Its body.
        body: &'b [u8],
    },
    /// No response.
    Failed,
}
