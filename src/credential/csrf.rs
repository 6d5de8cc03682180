//! Credentials that browsers send by themselves, whichever page makes them: with those a request that changes something
//! must come from the site itself, or from a page that is named.

use super::Location;
use crate::headers::Headers;
use crate::overrides::{methods_in_headers, methods_of};
use crate::possession::origin;
use crate::text::percent_decode_leniently;

/// Methods that change nothing (RFC 9110 §9.2.1), but for `TRACE`, which no browser sends.
const SAFE: [&[u8]; 3] = [b"GET", b"HEAD", b"OPTIONS"];

/// From where requests with an ambient credential may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Csrf {
    /// Requests may come from pages of any site.
    Off,
    /// From the site itself and from others.
    Enforce {
        /// The origins of the others.
        origins: Box<[String]>,
        /// Whether headers go upstream that frameworks take for the method.
        overridden: bool,
    },
}

impl Csrf {
    /// Whether a credential at this place counts in this request, for all that the request says of where it comes from.
    #[must_use]
    pub fn admits(&self, location: &Location, head: &Headers) -> bool {
        let Self::Enforce {
            origins,
            overridden,
        } = self
        else {
            return true;
        };
        if !location.is_ambient() || changes_nothing(head, *overridden) {
            return true;
        }
        match (only(head, "sec-fetch-site"), only(head, "origin")) {
            // Programs send neither, and passwords are theirs too; a cookie is a browser's.
            (Value::None, Value::None) => matches!(location, Location::Header { .. }),
            (Value::One(b"same-origin" | b"none"), _) => true,
            (site, Value::One(named)) => {
                let named = Origin::of(named);
                named.is_some_and(|named| {
                    origins.contains(&named.text)
                        || matches!(site, Value::None) && named.is_own(head)
                })
            }
            _ => false,
        }
    }
}

/// What a header says that has one value.
enum Value<'h> {
    None,
    One(&'h [u8]),
    Many,
}

fn only<'h>(head: &'h Headers, name: &str) -> Value<'h> {
    let mut values = head.all(name);
    match (values.next(), values.next()) {
        (None, _) => Value::None,
        (Some(value), None) => Value::One(value),
        (Some(_), Some(_)) => Value::Many,
    }
}

struct Origin {
    text: String,
    is_open: bool,
}

impl Origin {
    /// `None` for `null`, which is any page's that hides, and for what is no origin.
    fn of(value: &[u8]) -> Option<Self> {
        let (scheme, authority) = std::str::from_utf8(value).ok()?.split_once("://")?;
        let text = origin(scheme, authority)?;
        let is_open = text.starts_with("http://");
        Some(Self { text, is_open })
    }

    /// Whether it is where the request went. What the client's own scheme was is not known behind a proxy that ends
    /// TLS; but a page that came in the clear does not speak for a site that was reached by TLS.
    fn is_own(&self, head: &Headers) -> bool {
        let authority = head.first(":authority").or_else(|| head.first("host"));
        let authority = authority.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let scheme = if self.is_open { "http" } else { "https" };
        let by_tls = head.first(":scheme") == Some(b"https");
        !(self.is_open && by_tls)
            && authority
                .and_then(|authority| origin(scheme, authority))
                .is_some_and(|own| own == self.text)
    }
}

/// Whether an upgrade is to a WebSocket: other upgrades (RFC 9113 §3.1) leave the request what it is.
fn names_a_socket(upgrade: &[u8]) -> bool {
    let mut names = upgrade.split(|byte| *byte == b',');
    names.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// Whether the request changes nothing by its method, by whatever else names one, and opens no connection.
#[inline(never)]
fn changes_nothing(head: &Headers, overridden: bool) -> bool {
    let is_safe = |method: &[u8]| SAFE.contains(&method);
    let target = head.first(":path").unwrap_or_default();
    let in_headers = methods_in_headers(head).filter(|_| overridden);
    let mut named = methods_of(target).chain(in_headers);
    head.first(":method").is_some_and(is_safe)
        && !head.all("upgrade").any(names_a_socket)
        && named.all(|method| {
            let method = percent_decode_leniently(method).to_ascii_uppercase();
            method.is_empty() || is_safe(method.trim_ascii())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(csrf: &Csrf, location: &Location, method: &str, more: &[(&str, &str)]) -> bool {
        let mut pairs = vec![
            (":method", method),
            (":path", "/orders"),
            (":authority", "app.example"),
        ];
        for (name, value) in more {
            pairs.retain(|(held, _)| !held.starts_with(':') || held != name);
            pairs.push((name, value));
        }
        csrf.admits(location, &Headers::from_pairs(&pairs))
    }

    fn cookie() -> Location {
        Location::Cookie("session".into())
    }

    fn enforced(origins: &[&str]) -> Csrf {
        Csrf::Enforce {
            origins: origins.iter().map(|text| (*text).to_owned()).collect(),
            overridden: true,
        }
    }

    #[test]
    fn a_cookie_changes_something_only_where_its_own_site_asks() {
        let csrf = enforced(&["https://spa.example"]);
        let rows: &[(&[(&str, &str)], bool)] = &[
            (&[], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "")], false),
            (&[("sec-fetch-site", "Same-Origin")], false),
            (&[("sec-fetch-site", "same-origin, cross-site")], false),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-site", "same-origin"),
                ],
                false,
            ),
            (&[("origin", "https://app.example")], true),
            (&[("origin", "https://app.example:443")], true),
            (&[("origin", "http://app.example")], true),
            (
                &[("origin", "http://app.example"), (":scheme", "https")],
                false,
            ),
            (
                &[("origin", "https://app.example"), (":scheme", "https")],
                true,
            ),
            (&[("origin", "https://app.example:8443")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "https://app.example.evil.example")], false),
            (&[("origin", "https://app.example@evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("origin", "app.example")], false),
            (
                &[
                    ("origin", "https://app.example"),
                    ("origin", "https://evil.example"),
                ],
                false,
            ),
            (&[("origin", "https://spa.example")], true),
            (&[("origin", "http://spa.example")], false),
            (
                &[
                    ("origin", "https://spa.example"),
                    ("sec-fetch-site", "same-site"),
                ],
                true,
            ),
            (
                &[
                    ("origin", "https://spa.example"),
                    ("sec-fetch-site", "cross-site"),
                ],
                true,
            ),
            // A browser that says where it comes from knows better than a name that is the same.
            (
                &[
                    ("origin", "https://app.example"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
            (
                &[("origin", "null"), ("sec-fetch-site", "cross-site")],
                false,
            ),
        ];
        for (headers, want) in rows {
            for method in ["POST", "DELETE", "get", "CONNECT", "TRACE", "PROPFIND", ""] {
                let got = admits(&csrf, &cookie(), method, headers);
                assert_eq!(got, *want, "{method} {headers:?}");
                assert!(admits(&Csrf::Off, &cookie(), method, headers));
                assert!(admits(&csrf, &Location::bearer(), method, headers));
            }
            for method in ["GET", "HEAD", "OPTIONS"] {
                assert!(admits(&csrf, &cookie(), method, headers));
                // A WebSocket is opened by GET.
                let upgrade = [headers, &[("upgrade", "websocket")][..]].concat();
                assert_eq!(admits(&csrf, &cookie(), method, &upgrade), *want);
                for path in [
                    "/x?_method=DELETE",
                    "/x?a;_METHOD=%64elete",
                    "/x?.method=put",
                ] {
                    let other = [headers, &[(":path", path)][..]].concat();
                    assert_eq!(admits(&csrf, &cookie(), method, &other), *want, "{path}");
                }
                for (name, value) in [
                    ("x-http-method-override", "POST"),
                    ("X_HTTP_Method", "merge"),
                    ("x-method-override", "GET, delete"),
                    ("x-original-url", "/x?_method=delete"),
                ] {
                    let other = [headers, &[(name, value)][..]].concat();
                    assert_eq!(admits(&csrf, &cookie(), method, &other), *want, "{name}");
                    let removed = Csrf::Enforce {
                        origins: Box::default(),
                        overridden: false,
                    };
                    assert!(admits(&removed, &cookie(), method, &other), "{name}");
                }
                let get = [headers, &[("x-http-method-override", "get,")][..]].concat();
                assert!(admits(&csrf, &cookie(), method, &get));
                let same = [headers, &[(":path", "/x?_method=get&_method=")][..]].concat();
                assert!(admits(&csrf, &cookie(), method, &same));
            }
        }
    }

    #[test]
    fn a_password_without_either_header_is_a_program_s() {
        let csrf = enforced(&[]);
        let rows: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "https://app.example")], true),
        ];
        for (headers, want) in rows {
            let got = admits(&csrf, &Location::basic(), "POST", headers);
            assert_eq!(got, *want, "{headers:?}");
            assert!(admits(&csrf, &Location::basic(), "GET", headers));
        }
    }

    #[test]
    fn no_other_place_is_ambient() {
        let csrf = enforced(&[]);
        let evil = [("sec-fetch-site", "cross-site")];
        for location in [
            Location::bearer(),
            Location::Parameter("access_token".into()),
            Location::WebSocket,
            Location::Header {
                name: "x-api-key".into(),
                prefix: String::new(),
            },
        ] {
            assert!(admits(&csrf, &location, "POST", &evil), "{location:?}");
        }
    }
}
