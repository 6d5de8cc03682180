//! Who may ask: tokens, of which only digests are kept.

use std::fs;
use std::path::Path;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::refusal;
use auth_filter::text::hex_bytes;

/// The shortest token that nobody guesses, in bytes.
const SHORTEST: usize = 16;

/// Tokens that let somebody in; several, so that one can be replaced while it is used.
#[derive(Clone, Default)]
pub(crate) struct Tokens {
    digests: Vec<[u8; 32]>,
}

impl Tokens {
    /// Adds the tokens of a file: each line is one, or `sha256:` and its digest in hexadecimal.
    ///
    /// # Errors
    /// For a file that cannot be read or has none, and for a line that is no token. Quotes no line.
    pub(crate) fn add_file(&mut self, path: &Path) -> Result<(), String> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        let before = self.digests.len();
        for (number, line) in (1_u32..).zip(text.lines()) {
            let line = line.trim();
            if !line.is_empty() {
                self.add(line)
                    .map_err(|error| format!("{shown}: line {number}: {error}"))?;
            }
        }
        if self.digests.len() == before {
            return Err(format!("{shown}: has no token"));
        }
        Ok(())
    }

    /// Adds one token, or the digest of one.
    ///
    /// # Errors
    /// For a digest that is none, and a token that would be guessed. Quotes nothing of it.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), String> {
        let digest: [u8; 32] = if let Some(digest) = text.strip_prefix("sha256:") {
            let bytes = hex_bytes(digest).and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or("is not \"sha256:\" and 64 hexadecimal digits")?
        } else if text.len() < SHORTEST {
            return Err(format!("a token has at least {SHORTEST} characters"));
        } else {
            Sha256::digest(text).into()
        };
        self.digests.push(digest);
        Ok(())
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Whether this is one of them. Takes the same time whichever it is, or is not.
    fn hold(&self, token: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let none = Choice::from(0);
        let found = self
            .digests
            .iter()
            .fold(none, |found, held| found | held.ct_eq(&digest));
        found.into()
    }

    /// The answer to a request without a token in `Authorization: Bearer`; `None` where it may go on. It is 403: a 401 of
    /// a verifying service speaks of the caller's credential, and this is about the filter's own.
    pub(super) fn refuse_bearer(&self, headers: &HeaderMap) -> Option<Response> {
        let token = || {
            let (scheme, token) = credentials(headers)?;
            let bearer = scheme.eq_ignore_ascii_case("bearer");
            bearer.then(|| token.as_bytes().to_vec())
        };
        if self.is_empty() || token().is_some_and(|token| self.hold(&token)) {
            return None;
        }
        Some(refusal(StatusCode::FORBIDDEN, "Not a token of the filter"))
    }

    /// The answer to a request without a token as the password in `Authorization: Basic`, which browsers ask people for.
    pub(super) fn refuse_basic(&self, headers: &HeaderMap) -> Option<Response> {
        let token = || {
            let (scheme, credentials) = credentials(headers)?;
            let basic = scheme.eq_ignore_ascii_case("basic");
            let pair = STANDARD.decode(credentials).ok().filter(|_| basic)?;
            let colon = pair.iter().position(|byte| *byte == b':')?;
            pair.get(colon.saturating_add(1)..).map(<[u8]>::to_vec)
        };
        if self.is_empty() || token().is_some_and(|token| self.hold(&token)) {
            return None;
        }
        let mut response = refusal(StatusCode::UNAUTHORIZED, "Authentication required");
        let challenge = HeaderValue::from_static("Basic realm=\"directory\", charset=\"UTF-8\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
        Some(response)
    }
}

/// Tokens are not for logs, and their digests neither.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Tokens({})", self.digests.len())
    }
}

/// Scheme and credentials of the one `Authorization`; of two, neither counts.
fn credentials(headers: &HeaderMap) -> Option<(&str, &str)> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let (scheme, credentials) = value.to_str().ok()?.split_once(' ')?;
    Some((scheme, credentials.trim_start_matches(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a token of the filter";

    fn status(tokens: &Tokens, basic: bool, values: &[&str]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let refused = if basic {
            tokens.refuse_basic(&headers)
        } else {
            tokens.refuse_bearer(&headers)
        };
        refused.map(|response| response.status().as_u16())
    }

    #[test]
    fn only_one_of_the_tokens_lets_in() {
        let mut tokens = Tokens::default();
        tokens.add(TOKEN).unwrap();
        let other = crate::keys::digest("another token");
        tokens.add(&format!("sha256:{other}")).unwrap();
        let good = [
            (false, vec!["Bearer a token of the filter"]),
            (false, vec!["bearer another token"]),
            (true, vec!["Basic YW55Ym9keTphIHRva2VuIG9mIHRoZSBmaWx0ZXI="]),
        ];
        for (basic, values) in good {
            assert_eq!(status(&tokens, basic, &values), None, "{values:?}");
        }
        let bad = [
            (false, vec![]),
            (false, vec!["Bearer"]),
            (false, vec!["Bearer "]),
            (false, vec!["Bearer a token of the filte"]),
            (false, vec!["Bearer a token of the filter "]),
            (
                false,
                vec!["Basic YW55Ym9keTphIHRva2VuIG9mIHRoZSBmaWx0ZXI="],
            ),
            (
                false,
                vec![
                    "Bearer a token of the filter",
                    "Bearer a token of the filter",
                ],
            ),
            (true, vec!["Bearer a token of the filter"]),
            (true, vec!["Basic YSB0b2tlbiBvZiB0aGUgZmlsdGVy"]),
            (true, vec!["Basic !"]),
        ];
        for (basic, values) in bad {
            let want = if basic { 401 } else { 403 };
            assert_eq!(status(&tokens, basic, &values), Some(want), "{values:?}");
        }
        assert_eq!(status(&Tokens::default(), false, &[]), None);
        assert_eq!(format!("{tokens:?}"), "Tokens(2)");
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_quoted() {
        for text in ["hush", "sha256:hush", "sha256:", ""] {
            let error = Tokens::default().add(text).unwrap_err();
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
