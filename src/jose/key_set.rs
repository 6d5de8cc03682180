//! A JSON Web Key Set (RFC 7517 section 5), and the only door from a token to claims to rely on.

use std::{cell::RefCell, collections::BTreeMap, fmt, rc::Rc};

use serde_json::{Value, value::RawValue};
use thiserror::Error;

use super::{
    Algorithm, AlgorithmSet, Allowance, ClaimSet, Thumbprint, TokenError, UntrustedToken,
    algorithm::{Examined, Patience},
    jwk::{Key, KeyError, Origin},
    kernel::Upkeep,
};
use crate::json::{UniqueMap, parse_strict};
use crate::time::MonoTime;

/// How large a key set may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySetLimits {
    /// Bytes of the JSON text.
    pub max_bytes: usize,
    /// Keys, the useless ones counted too.
    pub max_keys: usize,
}

impl KeySetLimits {
    /// The most that a configuration may allow: a VM reads a set at once, and keeps one of each issuer.
    pub const MOST: Self = Self {
        max_bytes: 1024 * 1024,
        max_keys: 1024,
    };
}

impl Default for KeySetLimits {
    fn default() -> Self {
        Self {
            max_bytes: 256 * 1024,
            max_keys: 256,
        }
    }
}

/// What came in the place of a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Document {
    /// As some issuers publish beside their JWKS.
    #[error("a map of X.509 certificates: the issuer's JWKS has another address")]
    Certificates,
    /// The document that says where the keys are.
    #[error(
        "an OpenID configuration: write jwks: {{\"discovery\": true}}, or the address in its jwks_uri"
    )]
    Configuration,
    /// An error page, or a login's.
    #[error("a page of HTML or XML")]
    Markup,
    /// One JWK by itself.
    #[error("a single key, which belongs into {{\"keys\": […]}}")]
    Key,
    /// Whatever else is JSON.
    #[error("other JSON: it has no one list \"keys\"")]
    Json,
    /// Bytes that are not JSON, HTML or XML.
    #[error("no JSON at all")]
    Unknown,
}

impl Document {
    /// What these bytes are.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        if body.trim_ascii_start().starts_with(b"<") {
            return Self::Markup;
        }
        // What the members hold stays text: a document in the place of a set may be as large as a set.
        let Ok(members) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(body) else {
            return match serde_json::from_slice::<&RawValue>(body) {
                Ok(_) => Self::Json,
                Err(_) => Self::Unknown,
            };
        };
        let is_certificate =
            |value: &&RawValue| value.get().starts_with("\"-----BEGIN CERTIFICATE");
        if members.contains_key("jwks_uri") {
            Self::Configuration
        } else if members.contains_key("kty") {
            Self::Key
        } else if !members.is_empty() && members.values().all(is_certificate) {
            Self::Certificates
        } else {
            Self::Json
        }
    }
}

/// Why a text is no key set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeySetError {
    /// Not a JSON object with an array `keys`.
    #[error("not a JSON Web Key Set, but {0}")]
    NotASet(Document),
    /// There is no key, or each one is skipped for a reason of its own.
    #[error("no usable key among {}{}", .0.len(), Reasons(.0))]
    NoUsableKey(Vec<SkippedKey>),
    /// The document has more bytes than [`KeySetLimits::max_bytes`].
    #[error(
        "the key set has more than {most} bytes, the limit of jwks.max_bytes ({} at the most)",
        KeySetLimits::MOST.max_bytes
    )]
    TooLarge {
        /// The most bytes that are accepted.
        most: usize,
    },
    /// The document has more keys than [`KeySetLimits::max_keys`].
    #[error(
        "the key set has {found} keys, more than the {most} of jwks.max_keys ({} at the most)",
        KeySetLimits::MOST.max_keys
    )]
    TooManyKeys {
        /// How many there are.
        found: usize,
        /// The most keys that are accepted.
        most: usize,
    },
}

/// As many skipped keys as one message tells of.
const TOLD: usize = 8;

/// What is wrong with the first few keys, behind what was said before.
struct Reasons<'k>(&'k [SkippedKey]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, key) in self.0.iter().take(TOLD).enumerate() {
            let before = if at == 0 { ": " } else { "; " };
            write!(formatter, "{before}{key}")?;
        }
        match self.0.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more"),
        }
    }
}

/// A key that a set holds and this filter does not use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("keys[{index}]{}: {error}", Named(.key_id.as_deref()))]
pub struct SkippedKey {
    /// Its place in `keys`.
    pub index: usize,
    /// Its `kid`, where that could be read.
    pub key_id: Option<String>,
    /// What is wrong with it.
    pub error: KeyError,
}

/// A `kid` as a message may quote it: an issuer can write anything there.
struct Named<'k>(Option<&'k str>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 64;
        let Some(kid) = self.0 else {
            return Ok(());
        };
        let shown: String = kid
            .chars()
            .take(LONGEST)
            .flat_map(char::escape_default)
            .collect();
        let rest = if kid.chars().nth(LONGEST).is_some() {
            "…"
        } else {
            ""
        };
        write!(formatter, " (kid \"{shown}{rest}\")")
    }
}

impl SkippedKey {
    fn new(index: usize, jwk: &Value, error: KeyError) -> Self {
        let key_id = jwk.get("kid").and_then(Value::as_str);
        Self {
            index,
            key_id: key_id.map(ToOwned::to_owned),
            error,
        }
    }
}

/// How many signatures may still be checked: work that a stranger causes has a number.
#[derive(Debug)]
pub struct Budget {
    signatures: u8,
    now: MonoTime,
    awaits_examination: bool,
}

impl Budget {
    /// A budget of so many signature checks.
    #[must_use]
    pub const fn new(signatures: u8) -> Self {
        Self {
            signatures,
            now: MonoTime::from_millis(0),
            awaits_examination: false,
        }
    }

    /// The same at this time: what is made of keys ahead is bounded by the second.
    #[must_use]
    pub const fn at(self, now: MonoTime) -> Self {
        Self { now, ..self }
    }

    /// Whether a signature held by a key of which it is not known yet whether only its owner can sign. Such a token was
    /// refused for now, and must not be for good.
    #[must_use]
    pub const fn awaits_examination(&self) -> bool {
        self.awaits_examination
    }

    /// How many signature checks it has left.
    #[must_use]
    pub const fn left(&self) -> u8 {
        self.signatures
    }

    /// Pays for one signature check.
    ///
    /// # Errors
    ///
    /// `BudgetSpent` once there is nothing left.
    pub fn consume(&mut self) -> Result<(), TokenError> {
        self.signatures = self
            .signatures
            .checked_sub(1)
            .ok_or(TokenError::BudgetSpent)?;
        Ok(())
    }
}

/// The keys of one issuer that tokens can be verified with.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<SkippedKey>,
    allowance: Allowance,
    found_out: RefCell<Vec<SkippedKey>>,
}

fn entries(body: &[u8]) -> Option<Vec<&RawValue>> {
    let document: UniqueMap<&RawValue> = serde_json::from_slice(body).ok()?;
    serde_json::from_str(document.get("keys")?.get()).ok()
}

impl KeySet {
    /// Parses the JWKS document of an issuer.
    ///
    /// Keys of an unknown type, for another use or broken are skipped (RFC 7517 section 5) and reported
    /// by [`skipped`](Self::skipped); they never cost the others. So are keys that whoever reads the
    /// document could sign with: secrets, and private halves.
    ///
    /// # Errors
    ///
    /// A text that is too large, has too many keys, is no key set, or leaves no key to verify with.
    pub fn parse(body: &[u8], limits: &KeySetLimits) -> Result<Self, KeySetError> {
        Self::parse_each(body, limits, |jwk| Key::parse(jwk, Origin::Remote))
    }

    /// Parses the JWKS document of an issuer of which only the keys with these thumbprints are trusted.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse).
    pub fn parse_pinned(
        body: &[u8],
        limits: &KeySetLimits,
        pins: &[Thumbprint],
    ) -> Result<Self, KeySetError> {
        Self::parse_each(body, limits, |jwk| {
            Key::parse_pinned(jwk, Origin::Remote, Some(pins))
        })
    }

    /// Parses a JWKS document out of the operator's own configuration, which may hold secrets. Its keys are examined at
    /// once, however long it takes.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse).
    pub fn parse_inline(body: &[u8], limits: &KeySetLimits) -> Result<Self, KeySetError> {
        Self::parse_each(body, limits, |jwk| {
            let key = Key::parse(jwk, Origin::Inline)?;
            key.examine(&Patience::endless(), MonoTime::from_millis(0))?;
            Ok(key)
        })
    }

    fn parse_each(
        body: &[u8],
        limits: &KeySetLimits,
        parse: impl Fn(&Value) -> Result<Key, KeyError>,
    ) -> Result<Self, KeySetError> {
        if body.len() > limits.max_bytes {
            return Err(KeySetError::TooLarge {
                most: limits.max_bytes,
            });
        }
        let entries = entries(body).ok_or_else(|| KeySetError::NotASet(Document::of(body)))?;
        if entries.len() > limits.max_keys {
            return Err(KeySetError::TooManyKeys {
                found: entries.len(),
                most: limits.max_keys,
            });
        }
        let mut set = Self {
            keys: Vec::with_capacity(entries.len()),
            skipped: Vec::new(),
            allowance: Allowance::new(),
            found_out: RefCell::default(),
        };
        for (index, entry) in entries.iter().enumerate() {
            let jwk = parse_strict(entry.get().as_bytes()).unwrap_or_default();
            match parse(&jwk) {
                Ok(key) => set.keys.push(key.at(index)),
                Err(error) => set.skipped.push(SkippedKey::new(index, &jwk, error)),
            }
        }
        if set.keys.is_empty() {
            Err(KeySetError::NoUsableKey(set.skipped))
        } else {
            Ok(set)
        }
    }

    /// The same set of an issuer that has had others: what it may take of the VM, it has once.
    #[must_use]
    pub fn with_allowance(self, allowance: &Allowance) -> Self {
        let allowance = allowance.clone();
        Self { allowance, ..self }
    }

    /// The keys that were found out since the last time to be no better than no key.
    #[must_use]
    pub fn take_found_out(&self) -> Vec<SkippedKey> {
        self.found_out.take()
    }

    /// The keys that are not used and why, for a message: empty where all are.
    #[must_use]
    pub fn skipped_reasons(&self) -> String {
        Reasons(&self.skipped).to_string()
    }

    /// The keys that are not used, in the order of the document.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// How many keys are for verification and not among the pinned ones; their numbers were not looked at.
    #[must_use]
    pub fn not_pinned(&self) -> usize {
        let not_pinned = |key: &&SkippedKey| key.error == KeyError::NotPinned;
        self.skipped.iter().filter(not_pinned).count()
    }

    /// What the public keys to verify with are pinned by, in the order of the document.
    pub fn thumbprints(&self) -> impl Iterator<Item = Thumbprint> {
        self.keys.iter().filter_map(Key::thumbprint)
    }

    /// How many keys there are to verify with; never none.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "a set without a usable key does not parse"
    )]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether a newer set could tell nothing more: there is a key that the token's `kid`, or lack of one, names
    /// and that is for its algorithm, or one of that `kid` for another algorithm.
    #[must_use]
    pub fn knows_key_of(&self, token: &UntrustedToken<'_>) -> bool {
        let wanted = self.wanted(token);
        let fits = token.algorithm().is_ok_and(|algorithm| {
            let mut candidates = self.candidates(token, algorithm);
            candidates.any(|key| is_meant(key, wanted))
        });
        fits || self.without_candidate(token) != TokenError::UnknownKey
    }

    /// Whether some key could have signed the token: those without a `kid` stand beside those with one, and may be for any.
    #[must_use]
    pub fn may_verify(&self, token: &UntrustedToken<'_>) -> bool {
        let algorithm = token.algorithm();
        algorithm.is_ok_and(|algorithm| self.candidates(token, algorithm).next().is_some())
    }

    /// Verifies the signature of `token`, trying each key that could have made it within `budget`.
    ///
    /// The algorithm is never the token's choice alone: `allowed`, the type of the key and the key's own
    /// `alg` all have to agree (RFC 8725 section 3.1). Times, audience and the rest are not looked at.
    ///
    /// # Errors
    ///
    /// `AlgorithmRefused`, `UnknownKey` where no key has the token's `kid` and none without one has signed it, `BadSignature`
    /// where none of those that could have did, `BudgetSpent` where not all of them could be tried, or the one that did
    /// [is not examined yet](Budget::awaits_examination).
    pub fn verify(
        &self,
        token: &UntrustedToken<'_>,
        allowed: AlgorithmSet,
        budget: &mut Budget,
    ) -> Result<VerifiedClaims, TokenError> {
        let algorithm = token.algorithm()?;
        if !allowed.contains(algorithm) {
            return Err(TokenError::AlgorithmRefused);
        }
        let mut refusal = self.without_candidate(token);
        let wanted = self.wanted(token);
        for key in self.candidates(token, algorithm) {
            budget.consume()?;
            let upkeep = Upkeep {
                share: Some(&self.allowance.share),
                now: budget.now,
            };
            let signed = (token.signed_bytes(), token.signature_bytes());
            if !key.verify_kept(algorithm, signed, upkeep) {
                if is_meant(key, wanted) {
                    refusal = TokenError::BadSignature;
                }
                continue;
            }
            // After the signature: no stranger can make an examination begin.
            match key.examine(&self.allowance.patience, budget.now) {
                Ok(Examined::Sound) => return Ok(VerifiedClaims::new(token, algorithm, key)),
                Ok(Examined::Unfinished) => {
                    budget.awaits_examination = true;
                    return Err(TokenError::BudgetSpent);
                }
                Err(error) => {
                    self.report(key, error);
                    refusal = TokenError::UnknownKey;
                }
            }
        }
        Err(refusal)
    }

    /// What [`verify`](Self::verify) costs at the most, in microseconds: that of each key that it would try.
    #[must_use]
    pub fn cost(&self, token: &UntrustedToken<'_>, allowed: AlgorithmSet, budget: &Budget) -> u32 {
        let Ok(algorithm) = token.algorithm() else {
            return 0;
        };
        if !allowed.contains(algorithm) {
            return 0;
        }
        let tried = self.candidates(token, algorithm).take(budget.left().into());
        let bytes = token.signed_bytes().len();
        tried.fold(0, |all, key| all.saturating_add(key.cost(bytes)))
    }

    fn report(&self, key: &Key, error: KeyError) {
        self.found_out.borrow_mut().push(SkippedKey {
            index: key.index(),
            key_id: key.key_id().map(ToOwned::to_owned),
            error,
        });
    }

    /// The `kid` that a key must have; a set that names none of its keys leaves nothing to choose by.
    fn wanted<'t>(&self, token: &'t UntrustedToken<'_>) -> Option<&'t str> {
        let named = |key: &Key| key.key_id().is_some();
        token.key_id().filter(|_| self.keys.iter().any(named))
    }

    /// The keys of the token's `kid`, then those that have none.
    fn candidates(
        &self,
        token: &UntrustedToken<'_>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &Key> {
        let wanted = self.wanted(token);
        let fitting = || self.keys.iter().filter(move |key| key.fits(algorithm));
        let named = fitting().filter(move |key| is_meant(key, wanted));
        let others = fitting().filter(move |key| wanted.is_some() && key.key_id().is_none());
        named.chain(others)
    }

    /// A key that is there under the token's `kid`, but for another algorithm, is not an unknown key:
    /// fetching the set anew would not help.
    fn without_candidate(&self, token: &UntrustedToken<'_>) -> TokenError {
        let mut keys = self.keys.iter().filter(|key| !key.is_found_out());
        let named = token
            .key_id()
            .is_some_and(|wanted| keys.any(|key| key.key_id() == Some(wanted)));
        if named {
            TokenError::AlgorithmRefused
        } else {
            TokenError::UnknownKey
        }
    }
}

/// Whether a token is for this key that wants one of this `kid`, or any.
fn is_meant(key: &Key, wanted: Option<&str>) -> bool {
    wanted.is_none() || key.key_id() == wanted
}

/// Claims that a key of the issuer has signed; only [`KeySet::verify`] makes one.
#[derive(Clone)]
pub struct VerifiedClaims {
    claims: Rc<ClaimSet>,
    payload: Box<str>,
    algorithm: Algorithm,
    key_id: Option<Box<str>>,
}

impl VerifiedClaims {
    fn new(token: &UntrustedToken<'_>, algorithm: Algorithm, key: &Key) -> Self {
        Self {
            claims: token.shared_claims(),
            payload: token.payload_text().into(),
            algorithm,
            key_id: key.key_id().map(Into::into),
        }
    }

    /// All claims of the token.
    #[must_use]
    pub fn claims(&self) -> &ClaimSet {
        &self.claims
    }

    /// The claims as they were signed, in base64url.
    #[must_use]
    pub const fn payload(&self) -> &str {
        &self.payload
    }

    /// The algorithm of the signature.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` of the key that made the signature.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }
}

/// Claims are about people: only how they were verified is for logs.
impl fmt::Debug for VerifiedClaims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VerifiedClaims")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
