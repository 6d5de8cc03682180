//! How long an answer stays fresh, as its issuer says (RFC 9111 §4.2), within the operator's bounds.

use std::time::Duration;

use crate::headers::Headers;
use crate::time::UnixTime;

/// An issuer cannot ask for more requests than one in this time.
const MIN_TTL: Duration = Duration::from_secs(60);
/// The longest entity tag that is kept.
const MAX_ETAG: usize = 256;

/// `cache_duration`, or less where the answer says so: never below a minute, never above `cache_duration`.
pub(super) fn lifetime(headers: &Headers, cache_duration: Duration, now: UnixTime) -> Duration {
    let stated = cache_control(headers).or_else(|| expires(headers, now));
    stated.map_or(cache_duration, |stated| {
        stated.clamp(MIN_TTL.min(cache_duration), cache_duration)
    })
}

/// When what was answered was made, by the clock of who made it: `Date` less `Age` (RFC 9110 §6.6.1, RFC 9111 §5.1), and
/// never after it was received.
pub(super) fn made_at(headers: &Headers, now: UnixTime) -> UnixTime {
    let date = headers.first("date").and_then(UnixTime::from_http_date);
    date.map_or(now, |date| date.min(now)).minus(age(headers))
}

/// The entity tag (RFC 9110 §8.8.3), where it is short and visible ASCII: it goes back out in a header.
pub(super) fn etag(headers: &Headers) -> Option<String> {
    let value = headers.first("etag")?;
    let sound = value.len() <= MAX_ETAG && value.iter().all(u8::is_ascii_graphic);
    sound
        .then(|| String::from_utf8(value.to_vec()).ok())
        .flatten()
}

/// `no-store`, `no-cache` or `max-age` less `Age`.
fn cache_control(headers: &Headers) -> Option<Duration> {
    let directives = headers
        .all("cache-control")
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    let mut stated = None;
    for directive in directives {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(Duration::ZERO);
        }
        if name.eq_ignore_ascii_case("max-age") {
            stated = stated.or_else(|| seconds(value.trim_matches('"')));
        }
    }
    Some(stated?.saturating_sub(age(headers)))
}

/// How long ago a cache received it.
fn age(headers: &Headers) -> Duration {
    let value = headers.first("age");
    value
        .and_then(|value| seconds(std::str::from_utf8(value).ok()?))
        .unwrap_or_default()
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

/// `Expires` (RFC 9111 §5.3); what is no date is in the past.
fn expires(headers: &Headers, now: UnixTime) -> Option<Duration> {
    let date = UnixTime::from_http_date(headers.first("expires")?);
    Some(date.map_or(Duration::ZERO, |date| date.since(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_may_ask_for_fresher_keys_within_bounds() {
        // 1994-11-06 08:49:37 GMT.
        let now = UnixTime::from_secs(784_111_777);
        let hour = Duration::from_secs(3600);
        let cases: &[(&[(&str, &str)], u64)] = &[
            (&[], 3600),
            (&[("cache-control", "public, max-age=600")], 600),
            (&[("Cache-Control", "MAX-AGE=\"600\"")], 600),
            (&[("cache-control", "max-age=600"), ("age", "100")], 500),
            (&[("cache-control", "max-age=600"), ("age", "9999")], 60),
            (&[("cache-control", "max-age=1")], 60),
            (&[("cache-control", "max-age=99999999")], 3600),
            (&[("cache-control", "max-age=18446744073709551616")], 3600),
            (&[("cache-control", "max-age=-1")], 3600),
            (&[("cache-control", "max-age=600, no-store")], 60),
            (
                &[("cache-control", "public"), ("cache-control", "no-cache")],
                60,
            ),
            (&[("expires", "Sun, 06 Nov 1994 08:59:37 GMT")], 600),
            (&[("expires", "0")], 60),
            (
                &[
                    ("expires", "Sun, 06 Nov 1994 08:59:37 GMT"),
                    ("cache-control", "max-age=700"),
                ],
                700,
            ),
        ];
        for (pairs, want) in cases {
            let got = lifetime(&Headers::from_pairs(pairs), hour, now);
            assert_eq!(got, Duration::from_secs(*want), "{pairs:?}");
        }
        let short = Duration::from_secs(5);
        let never = Headers::from_pairs(&[("cache-control", "no-store")]);
        assert_eq!(lifetime(&never, short, now), short);
    }

    #[test]
    fn a_set_is_as_old_as_the_answer_says() {
        let now = UnixTime::from_secs(784_111_777);
        let cases: &[(&[(&str, &str)], u64)] = &[
            (&[], 784_111_777),
            (&[("date", "Sun, 06 Nov 1994 08:49:07 GMT")], 784_111_747),
            (
                &[("date", "Sun, 06 Nov 1994 08:49:07 GMT"), ("age", "100")],
                784_111_647,
            ),
            (&[("age", "600")], 784_111_177),
            (&[("date", "Sun, 06 Nov 2094 08:49:07 GMT")], 784_111_777),
            (&[("date", "yesterday"), ("age", "-1")], 784_111_777),
        ];
        for (pairs, want) in cases {
            let got = made_at(&Headers::from_pairs(pairs), now);
            assert_eq!(got, UnixTime::from_secs(*want), "{pairs:?}");
        }
    }

    #[test]
    fn an_entity_tag_is_short_and_visible() {
        let tag = |value: &[u8]| etag(&Headers::from_pairs(&[(&b"ETag"[..], value)]));
        assert_eq!(tag(b"W/\"abc\"").as_deref(), Some("W/\"abc\""));
        assert_eq!(tag(b"a b"), None);
        assert_eq!(tag(b"\xff"), None);
        assert_eq!(tag(&[b'a'; 257]), None);
    }
}
