//! The HTTP requests that the filter sends to others, and the responses, before anything is read of them.

use std::fmt;
use std::time::Duration;

use crate::headers::Headers;
use crate::text::log_text;
use crate::time::UnixTime;

/// The longest answer of a service that is read, in bytes; of keys, [what their source
/// says](crate::keys::KeyStore::longest_answer).
pub const LONGEST_BODY: usize = 256 * 1024;

/// For how long nobody is asked at the least who wants to be left alone.
pub const LEAST_RETRY_AFTER: Duration = Duration::from_secs(1);
/// For how long at the most: what it wants beyond that would be an outage by a slip of its own.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);

/// An HTTP request that the host must send.
#[derive(Debug)]
pub struct CalloutRequest<'c> {
    /// The host's name for where it goes.
    pub upstream: &'c str,
    /// The request method: `GET` or `POST`.
    pub method: &'static str,
    /// The scheme of the URI: `http` or `https`.
    pub scheme: &'static str,
    /// The authority of the URI, sent as the host.
    pub authority: &'c str,
    /// The path and the query of the URI.
    pub path: String,
    /// Headers besides those that name the method, the scheme, the authority and the path.
    pub headers: Vec<(&'c str, String)>,
    /// The body of a `POST`; `None` for a `GET`.
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
    /// The upstream answered with an HTTP response.
    Answered {
        /// The HTTP status code of the response.
        status: u16,
        /// The headers of the response.
        headers: &'b Headers,
        /// The body of the response.
        body: &'b [u8],
    },
    /// No response came: the host could not send the request, or lost it.
    Failed,
}

impl CalloutOutcome<'_> {
    /// For how long whoever answered wants to be left alone: what `Retry-After` says in a 429 or 503 (RFC 9110 §10.2.3),
    /// within bounds. `None` where nothing says it, or nothing that can be read.
    #[must_use]
    pub fn retry_after(&self, now: UnixTime) -> Option<Duration> {
        let Self::Answered {
            status: 429 | 503,
            headers,
            ..
        } = self
        else {
            return None;
        };
        let value = headers.first("retry-after")?.trim_ascii();
        let stated = if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
            // More digits than a number has are a long time.
            let seconds = std::str::from_utf8(value).ok()?.parse();
            Duration::from_secs(seconds.unwrap_or(u64::MAX))
        } else {
            let until = UnixTime::from_http_date(value)?;
            // Its date is by its own clock, which it tells with the answer: the two need not agree with ours.
            let date = headers.first("date").and_then(UnixTime::from_http_date);
            until.since(date.unwrap_or(now))
        };
        Some(stated.clamp(LEAST_RETRY_AFTER, LONGEST_RETRY_AFTER))
    }
}

/// What an answer begins with that Envoy has made in the place of whoever was asked.
const OWN_ANSWERS: [&[u8]; 3] = [
    b"upstream connect error",
    b"no healthy upstream",
    b"upstream request timeout",
];
/// What stands before the cause in the first of them.
const CAUSE: &[u8] = b"reset reason: ";
/// How much of it is told, in bytes.
const LONGEST_CAUSE: usize = 256;

impl CalloutOutcome<'_> {
    /// A status that is no answer, with what the proxy says where the response is its own: whoever was asked had a
    /// certificate of another name, or refused the connection.
    #[must_use]
    pub fn explained(&self, bad: BadStatus) -> BadStatus {
        let Self::Answered {
            status: 500..600,
            body,
            ..
        } = self
        else {
            return bad;
        };
        if !OWN_ANSWERS.iter().any(|own| body.starts_with(own)) {
            return bad;
        }
        let at = body.windows(CAUSE.len()).position(|part| part == CAUSE);
        let cause = at.and_then(|at| body.get(at.saturating_add(CAUSE.len())..));
        let cause = cause.unwrap_or(body);
        let words = cause.split(|byte| *byte == b' ');
        let words = words
            .take(LONGEST_CAUSE)
            .map(|word| log_text(word, LONGEST_CAUSE));
        let words = words.collect::<Vec<_>>().join(" ");
        let end = words.len().min(LONGEST_CAUSE);
        let words = words.get(..end).unwrap_or_default();
        BadStatus {
            proxy: Some(words.to_owned()),
            ..bad
        }
    }
}

/// The status of a response that is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadStatus {
    status: u16,
    /// What the proxy says, where the response is its own.
    proxy: Option<String>,
}

impl BadStatus {
    /// The error about this status code.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        Self {
            status,
            proxy: None,
        }
    }
}

impl fmt::Display for BadStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "status {}", self.status)?;
        match &self.proxy {
            Some(proxy) => write!(formatter, ", the proxy's own: \"{proxy}\""),
            None => Ok(()),
        }
    }
}

impl std::error::Error for BadStatus {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_proxy_s_own_names_its_cause() {
        let explained = |status, body: &str| {
            let outcome = CalloutOutcome::Answered {
                status,
                headers: &Headers::default(),
                body: body.as_bytes(),
            };
            outcome.explained(BadStatus::of(status)).to_string()
        };
        let own = "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: ";
        assert_eq!(
            explained(
                503,
                &format!("{own}delayed connect error: Connection refused")
            ),
            "status 503, the proxy's own: \"remote connection failure, transport failure reason: delayed connect error: Connection refused\""
        );
        assert_eq!(
            explained(503, "no healthy upstream"),
            "status 503, the proxy's own: \"no healthy upstream\""
        );
        // What somebody else has answered is not quoted.
        assert_eq!(explained(503, "down for maintenance"), "status 503");
        assert_eq!(explained(404, own), "status 404");
        // Nor does it make lines, or fill the log.
        let long = explained(503, &format!("{own}a\r\n\"b\u{1b}{}", "x ".repeat(9000)));
        assert!(long.contains("a%0D%0A%22b%1Bx x x"), "{long}");
        assert!(long.len() < LONGEST_CAUSE + 64);
        assert_eq!(
            CalloutOutcome::Failed.explained(BadStatus::of(503)),
            BadStatus::of(503)
        );
    }

    #[test]
    fn who_wants_to_be_left_alone_is_within_bounds() {
        // 1994-11-06 08:49:37 GMT.
        let now = UnixTime::from_secs(784_111_777);
        let wait = |status, pairs: &[(&str, &str)]| {
            let outcome = CalloutOutcome::Answered {
                status,
                headers: &Headers::from_pairs(pairs),
                body: b"",
            };
            outcome.retry_after(now).map(|wait| wait.as_secs())
        };
        let two_minutes = "Sun, 06 Nov 1994 08:51:37 GMT";
        for (value, want) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("0", Some(1)),
            ("601", Some(600)),
            ("18446744073709551616", Some(600)),
            (two_minutes, Some(120)),
            ("Sunday, 06-Nov-94 08:51:37 GMT", Some(120)),
            ("Sun Nov  6 08:51:37 1994", Some(120)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(1)),
            ("Sat, 06 Nov 2094 08:49:37 GMT", Some(600)),
            ("", None),
            ("-1", None),
            ("+5", None),
            ("1.5", None),
            ("1e3", None),
            ("120, 60", None),
            ("soon", None),
            // It was a Sunday.
            ("Mon, 06 Nov 1994 08:51:37 GMT", None),
            ("\u{661}", None),
            ("Sun, 99 Nov 1994 08:51:37 GMT", None),
        ] {
            let pairs = [("Retry-After", value)];
            assert_eq!(wait(429, &pairs), want, "{value}");
            assert_eq!(wait(503, &pairs), want, "{value}");
            // Elsewhere it means something else (RFC 9110 §10.2.3), or nothing.
            for status in [200, 301, 401, 404, 500, 502] {
                assert_eq!(wait(status, &pairs), None, "{status} {value}");
            }
        }
        assert_eq!(wait(429, &[]), None);
        // Of a clock that is an hour ahead of ours or behind it.
        for (date, until) in [
            (
                "Sun, 06 Nov 1994 09:49:37 GMT",
                "Sun, 06 Nov 1994 09:51:37 GMT",
            ),
            (
                "Sun, 06 Nov 1994 07:49:37 GMT",
                "Sun, 06 Nov 1994 07:51:37 GMT",
            ),
            ("yesterday", two_minutes),
        ] {
            let pairs = [("date", date), ("retry-after", until)];
            assert_eq!(wait(429, &pairs), Some(120), "{date}");
        }
        assert_eq!(CalloutOutcome::Failed.retry_after(now), None);
    }
}
