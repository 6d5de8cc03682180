//! A token as the client sent it: parsed once, and not trusted.

use std::{fmt, rc::Rc};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jwt_compact::ParseError;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Algorithm, ClaimSet, Malformation, TokenError};
use crate::json::StrictObject;

/// A JWT in JWS compact serialization (RFC 7515 section 7.1), parsed and nothing more.
///
/// Everything it says may be a lie; only [`KeySet::verify`](super::KeySet::verify) turns it into
/// claims that somebody vouches for. `jku`, `x5u`, `x5c` and `x5t` are never followed, and `jwk` is the key of a
/// [proof](super::UntrustedToken::own_key), never of a token.
pub struct UntrustedToken<'t> {
    inner: Inner<'t>,
    claims: Rc<ClaimSet>,
    signed: &'t str,
    payload: &'t str,
}

impl<'t> UntrustedToken<'t> {
    /// Parses a token of at most `max_bytes`.
    ///
    /// # Errors
    ///
    /// `TooLarge`; `Malformed` for anything but three segments of unpadded base64url, of which the first
    /// two are JSON objects without repeated members and with the registered types; `UnsupportedHeader`
    /// for the header members `crit` and `b64` other than `true`. `zip`, `enc` and `cty` mean nothing in a JWS (RFC 7515
    /// section 4), and are ignored.
    pub fn parse(compact: &'t str, max_bytes: usize) -> Result<Self, TokenError> {
        if compact.len() > max_bytes {
            return Err(TokenError::TooLarge);
        }
        let inner = match read(compact) {
            Err(TokenError::Malformed(Malformation::Header)) => plainer(compact)
                .ok_or(TokenError::Malformed(Malformation::Header))
                .and_then(|text| read(&text).map(Inner::into_owned))?,
            other => other?,
        };
        if inner.header().other_fields.unsupported {
            return Err(TokenError::UnsupportedHeader);
        }
        let segments = TokenError::Malformed(Malformation::Segments);
        let (signed, _) = compact.rsplit_once('.').ok_or(segments)?;
        let (_, payload) = signed.split_once('.').ok_or(segments)?;
        let claims = BASE64_URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| segments)?;
        Ok(Self {
            inner,
            claims: Rc::new(ClaimSet::parse(&claims)?),
            signed,
            payload,
        })
    }

    /// Parses a token whose three parts are padded (RFC 4648 section 3.2), as AWS's load balancers make them; one whose
    /// parts are not is none. The signature covers the padding too.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn parse_padded(compact: &'t str, max_bytes: usize) -> Result<Self, TokenError> {
        if compact.len() > max_bytes {
            return Err(TokenError::TooLarge);
        }
        let segments = TokenError::Malformed(Malformation::Segments);
        let plain = without_padding(compact).ok_or(segments)?;
        let token = UntrustedToken::parse(&plain, max_bytes)?;
        let (signed, _) = compact.rsplit_once('.').ok_or(segments)?;
        let (_, payload) = signed.split_once('.').ok_or(segments)?;
        Ok(Self {
            inner: token.inner.into_owned(),
            claims: token.claims,
            signed,
            payload: payload.trim_end_matches('='),
        })
    }

    /// All members of the header; few ask for them, and they are read anew.
    #[must_use]
    pub fn header_members(&self) -> Option<Map<String, Value>> {
        let (header, _) = self.signed.split_once('.')?;
        let header = BASE64_URL_SAFE_NO_PAD.decode(header.trim_end_matches('='));
        let StrictObject(members) = serde_json::from_slice(&header.ok()?).ok()?;
        Some(members)
    }

    /// The algorithm that the token claims to be signed with (RFC 7515 section 4.1.1).
    ///
    /// # Errors
    ///
    /// `AlgorithmRefused` for `none` and for what this filter does not implement.
    pub fn algorithm(&self) -> Result<Algorithm, TokenError> {
        Algorithm::from_name(self.inner.algorithm()).ok_or(TokenError::AlgorithmRefused)
    }

    /// The header's `kid` (RFC 7515 section 4.1.4).
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.inner.header().key_id.as_deref()
    }

    /// The header's `typ` (RFC 7519 section 5.1).
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.inner.header().token_type.as_deref()
    }

    /// Whom the token claims to be from: chooses a provider, proves nothing.
    #[must_use]
    pub fn issuer_hint(&self) -> Option<&str> {
        self.claims.issuer()
    }

    /// What the token claims: enough to refuse it before any cryptography, never to accept it.
    #[must_use]
    pub fn claims(&self) -> &ClaimSet {
        &self.claims
    }

    /// The payload segment as received, in base64url without padding.
    #[must_use]
    pub const fn payload_text(&self) -> &'t str {
        self.payload
    }

    /// What the signature is to cover: header and payload as received (RFC 7515 section 5.2).
    pub(super) const fn signed_bytes(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    pub(super) fn signature_bytes(&self) -> &[u8] {
        self.inner.signature_bytes()
    }

    /// The header's `jwk` (RFC 7515 section 4.1.3), where it is an object.
    pub(super) fn embedded_jwk(&self) -> Option<&Value> {
        self.inner.header().other_fields.jwk.as_ref()
    }

    pub(super) fn shared_claims(&self) -> Rc<ClaimSet> {
        Rc::clone(&self.claims)
    }
}

type Inner<'t> = jwt_compact::UntrustedToken<'t, Extensions>;

fn read(compact: &str) -> Result<Inner<'_>, TokenError> {
    Inner::try_from(compact).map_err(|error| {
        TokenError::Malformed(match error {
            ParseError::MalformedHeader(_) | ParseError::UnsupportedContentType(_) => {
                Malformation::Header
            }
            _ if compact.bytes().filter(|byte| *byte == b'.').count() == 4 => {
                Malformation::Encrypted
            }
            _ => Malformation::Segments,
        })
    })
}

/// The three parts without their padding, where each has exactly what it needs.
fn without_padding(compact: &str) -> Option<String> {
    let mut plain = String::with_capacity(compact.len());
    for part in compact.split('.') {
        let body = part.trim_end_matches('=');
        let padding = part.len().checked_sub(body.len())?;
        if part.len() % 4 != 0 || padding > 2 {
            return None;
        }
        if !plain.is_empty() {
            plain.push('.');
        }
        plain.push_str(body);
    }
    Some(plain)
}

/// The token with a header without `cty`, `x5t` and `x5t#S256`, where it has one of them: `jwt-compact` wants the first to
/// be JSON's and the others to be well-formed, some issuers write others, and nobody here looks at them. What is signed is
/// the header as it came.
fn plainer(compact: &str) -> Option<String> {
    let (header, rest) = compact.split_once('.')?;
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).ok()?;
    let StrictObject(mut members) = serde_json::from_slice(&header).ok()?;
    let removed = ["cty", "x5t", "x5t#S256"].map(|name| members.remove(name));
    removed.iter().any(Option::is_some).then(|| {
        let header = BASE64_URL_SAFE_NO_PAD.encode(Value::Object(members).to_string());
        format!("{header}.{rest}")
    })
}

/// A token is a credential: none of it is for logs.
impl fmt::Debug for UntrustedToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UntrustedToken")
            .finish_non_exhaustive()
    }
}

/// The header members that `jwt-compact` leaves to its caller, read for what must not be ignored.
#[derive(Clone)]
struct Extensions {
    unsupported: bool,
    jwk: Option<Value>,
}

impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StrictObject(mut members) = StrictObject::deserialize(deserializer)?;
        // `b64` (RFC 7797) changes what is signed, and not only where `crit` says so.
        let unencoded = members
            .get("b64")
            .is_some_and(|b64| b64 != &Value::Bool(true));
        Ok(Self {
            unsupported: unencoded || members.contains_key("crit"),
            jwk: members.remove("jwk"),
        })
    }
}

#[cfg(test)]
mod tests;
