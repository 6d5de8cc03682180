//! CORS-preflight requests, as browsers send them: to ask whether a page may send what it is about to send.

use crate::headers::Headers;
use crate::overrides::{is_override, methods_of};
use crate::text::is_token;

/// The method that a preflight request announces (Fetch Standard, "CORS-preflight fetch"): `None` for any other request,
/// and for one that has what no browser sends with it, so that nothing passes in its guise that an upstream would act on.
pub(super) fn announced(head: &Headers) -> Option<&[u8]> {
    if head.first(":method") != Some(b"OPTIONS") {
        return None;
    }
    only(head, "origin").filter(|origin| !origin.is_empty())?;
    let method = only(head, "access-control-request-method")?;
    let target = head.first(":path").unwrap_or_default();
    if methods_of(target).next().is_some() || hides_a_query(target) {
        return None;
    }
    (is_token(method) && !head.iter().any(|(name, value)| is_foreign(name, value)))
        .then_some(method)
}

/// Whether a target may have a query of which nothing is known: what is decoded and handed on makes one of `%3f`, and of
/// `%253f` the second time.
fn hides_a_query(target: &[u8]) -> bool {
    let hidden = |three: &[u8]| three.eq_ignore_ascii_case(b"%3f") || three == b"%25";
    target.windows(3).any(hidden)
}

/// The value of a header that is there once.
fn only<'h>(head: &'h Headers, name: &str) -> Option<&'h [u8]> {
    let mut values = head.all(name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Whether a header shows that this is more than a preflight request: a credential, a body, or another method or target.
fn is_foreign(name: &[u8], value: &[u8]) -> bool {
    match name {
        b"authorization" | b"cookie" | b"transfer-encoding" | b"upgrade" => true,
        b"content-length" => value != b"0",
        name => is_override(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [(&str, &str); 4] = [
        (":method", "OPTIONS"),
        (":path", "/orders"),
        ("origin", "https://app.example"),
        ("access-control-request-method", "PUT"),
    ];

    #[test]
    fn a_preflight_announces_one_method() {
        let head = Headers::from_pairs(&PLAIN);
        assert_eq!(announced(&head), Some(&b"PUT"[..]));
        let length = [&PLAIN[..], &[("content-length", "0")]].concat();
        assert!(announced(&Headers::from_pairs(&length)).is_some());
    }

    #[test]
    fn what_no_browser_sends_with_it_makes_it_a_plain_request() {
        for more in [
            ("origin", "https://other.example"),
            ("access-control-request-method", "GET"),
            ("authorization", "Bearer x"),
            ("cookie", "session=x"),
            ("content-length", "7"),
            ("transfer-encoding", "chunked"),
            ("x-http-method-override", "DELETE"),
            ("x_http_method", "DELETE"),
            ("x.method.override", "DELETE"),
            ("x-original-url", "/admin"),
            ("x-rewrite-url", "/admin"),
            ("upgrade", "websocket"),
        ] {
            let head = [&PLAIN[..], &[more]].concat();
            assert_eq!(announced(&Headers::from_pairs(&head)), None, "{more:?}");
        }
        for (at, value) in [
            (1, "/orders?_method=DELETE"),
            (1, "/orders?a;.Method=x"),
            (1, "/orders%3f_method=DELETE"),
            (1, "/orders%3F_method=DELETE"),
            (1, "/orders%253f_method=DELETE"),
            (0, "options"),
            (0, "PUT"),
            (2, ""),
            (3, ""),
            (3, "P T"),
        ] {
            let mut head = PLAIN;
            head[at].1 = value;
            assert_eq!(announced(&Headers::from_pairs(&head)), None, "{head:?}");
        }
        for gone in 2..4 {
            let mut head = PLAIN.to_vec();
            head.remove(gone);
            assert_eq!(announced(&Headers::from_pairs(&head)), None);
        }
    }
}
