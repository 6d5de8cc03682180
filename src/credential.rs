//! The credential of a request: where it stands, and when there is one too many.

use crate::headers::Headers;
use crate::policy::denial::Denial;

/// The credential that a request presents, if any.
///
/// A credential of a scheme that nobody here understands counts as none.
///
/// # Errors
/// [`Denial::Ambiguous`] for more than one `Authorization` header, also where the host has joined their values
/// with a comma as Envoy does: a request with a good and a bad credential would pass here, and the upstream may
/// take the bad one. [`Denial::Malformed`] where the scheme
/// is `Bearer` and what follows is not a `b64token` (RFC 6750 §2.1).
pub fn bearer(head: &Headers) -> Result<Option<&str>, Denial> {
    let mut values = head.all("authorization");
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Denial::Ambiguous);
    }
    let value = value.trim_ascii();
    let scheme = scheme_of(value);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        let joined = value.split(|byte| *byte == b',').skip(1);
        let hidden = joined
            .map(|part| scheme_of(part.trim_ascii()))
            .any(|scheme| scheme.eq_ignore_ascii_case(b"bearer"));
        return if hidden {
            Err(Denial::Ambiguous)
        } else {
            Ok(None)
        };
    }
    // At least one space parts the scheme from the token (RFC 9110 §11.4); a tab does not.
    let rest = value.get(scheme.len()..).unwrap_or_default();
    let token = rest.strip_prefix(b" ").ok_or(Denial::Malformed)?;
    let token = std::str::from_utf8(token)
        .map_err(|_| Denial::Malformed)?
        .trim_start_matches(' ');
    if is_b64token(token) {
        Ok(Some(token))
    } else {
        Err(Denial::Malformed)
    }
}

fn scheme_of(credential: &[u8]) -> &[u8] {
    credential
        .split(u8::is_ascii_whitespace)
        .next()
        .unwrap_or_default()
}

fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_bearer_token_is_found() {
        type Row = (&'static [u8], Result<Option<&'static str>, Denial>);
        let cases: &[Row] = &[
            (b"Bearer a.b-c_d~+/==", Ok(Some("a.b-c_d~+/=="))),
            (b"bEaReR  abc ", Ok(Some("abc"))),
            (b"Bearer", Err(Denial::Malformed)),
            (b"Bearer ", Err(Denial::Malformed)),
            (b"Bearer =", Err(Denial::Malformed)),
            (b"Bearer\tabc", Err(Denial::Malformed)),
            (b"Bearer a b", Err(Denial::Malformed)),
            (b"Bearer a, Bearer b", Err(Denial::Malformed)),
            (b"Bearer \xff\xfe", Err(Denial::Malformed)),
            (b"Bearer a\0b", Err(Denial::Malformed)),
            (b"Basic YTpi", Ok(None)),
            (b"Basic YTpi,Bearer a.b.c", Err(Denial::Ambiguous)),
            (b"x ,, bearer", Err(Denial::Ambiguous)),
            (b",Bearer a.b.c", Err(Denial::Ambiguous)),
            (b"Digest username=\"bearer\", realm=bearer", Ok(None)),
            (b"Bearerabc", Ok(None)),
            (b"\xff", Ok(None)),
            (b"", Ok(None)),
        ];
        for (value, want) in cases {
            let head = Headers::from_pairs(&[("Authorization", value)]);
            assert_eq!(bearer(&head), *want, "{:?}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn two_credentials_are_refused_whatever_they_are() {
        let head =
            Headers::from_pairs(&[("authorization", "Basic x"), ("AUTHORIZATION", "Bearer y")]);
        assert_eq!(bearer(&head), Err(Denial::Ambiguous));
        assert_eq!(bearer(&Headers::default()), Ok(None));
    }
}
