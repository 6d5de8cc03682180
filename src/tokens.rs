//! Tokens that were verified or refused before: the callers of the good ones, and the reasons against the bad ones.
//!
//! A verified token is found by a keyed digest of its end and recognised by all of its bytes, so no two are ever confused. It is
//! kept with the key set that verified it and is gone with that set; times, audience and the rule are looked at again
//! on each request. Of a refused one only a digest is kept, for a minute, and only where it cannot become good while
//! the keys are the same.

mod refused;
mod verified;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use self::refused::Refused;
pub(crate) use self::refused::is_final;
use self::verified::Verified;
use crate::config::ProviderId;
use crate::jose::{KeySet, TokenError};
use crate::policy::Limits;
use crate::policy::principal::Identity;
use crate::time::Now;

/// By how many of its last bytes a verified token is found. A signature of P-256 has 86, so tokens that hold end
/// differently.
const END: usize = 96;

/// The keyed digest of a token as one provider sees it. Nobody without the VM's secret can make two tokens with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest(u128);

/// The keyed digest of a token's end as one provider sees it: where a verified one would be kept. It is cheap, and
/// others can be made to have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenPlace(u128);

impl TokenDigest {
    /// The same token as this provider sees it.
    #[must_use]
    pub fn seen_by(self, provider: ProviderId) -> Self {
        // The digest is as good as random in all of its bits, and differs by the provider in the lowest ones.
        Self(self.0 ^ u128::from(provider.0))
    }
}

impl TokenPlace {
    /// The same token as this provider sees it.
    #[must_use]
    pub fn seen_by(self, provider: ProviderId) -> Self {
        Self(self.0 ^ u128::from(provider.0))
    }
}

/// A map whose keys are as good as random already.
type ByDigest<K, V> = HashMap<K, V, BuildHasherDefault<LowestBits>>;

/// The hash of a digest: its lowest bits.
#[derive(Debug, Default)]
struct LowestBits(u64);

impl Hasher for LowestBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(low) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*low);
        }
    }
}

/// What one VM remembers of tokens.
#[derive(Debug)]
pub struct TokenStore {
    keys: (u64, u64),
    verified: Verified,
    refused: Refused,
}

impl TokenStore {
    /// A store that remembers nothing yet.
    #[must_use]
    pub fn new(limits: &Limits, secret: [u8; 32]) -> Self {
        let (parts, _) = secret.as_chunks::<8>();
        let key = |index| parts.get(index).map_or(0, |part| u64::from_le_bytes(*part));
        Self {
            keys: (key(0), key(1)),
            verified: Verified::new(limits.token_cache_entries, limits.token_cache_bytes),
            refused: Refused::new(limits.token_cache_entries),
        }
    }

    /// By what a refused token is found.
    #[must_use]
    pub fn digest(&self, token: &str) -> TokenDigest {
        TokenDigest(self.hash(token.as_bytes()))
    }

    /// By what a verified token is found.
    #[must_use]
    pub fn place(&self, token: &str) -> TokenPlace {
        let bytes = token.as_bytes();
        let end = bytes.len().saturating_sub(END);
        TokenPlace(self.hash(bytes.get(end..).unwrap_or_default()))
    }

    fn hash(&self, bytes: &[u8]) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        hasher.write(bytes);
        hasher.finish128().as_u128()
    }

    /// Whom this token stands for, where this very set has verified it.
    #[must_use]
    pub fn find(
        &mut self,
        place: TokenPlace,
        token: &str,
        set: &Rc<KeySet>,
    ) -> Option<Rc<Identity>> {
        self.verified.find(place, token, set)
    }

    /// Keeps whom a token stands for that this set has verified.
    pub fn remember(
        &mut self,
        place: TokenPlace,
        token: &str,
        set: &Rc<KeySet>,
        identity: &Rc<Identity>,
    ) {
        self.verified.insert(place, token, set, identity);
    }

    /// Forgets a token that has ended.
    pub fn forget(&mut self, place: TokenPlace) {
        self.verified.remove(place);
    }

    /// Why this token did not hold under these keys, less than a minute ago.
    #[must_use]
    pub fn refusal(&self, digest: TokenDigest, keys: u64, now: Now) -> Option<TokenError> {
        self.refused.find(digest, keys, now)
    }

    #[cfg(test)]
    pub(crate) fn refusals(&self) -> usize {
        self.refused.len()
    }

    /// Keeps why a token does not hold under these keys, where nothing but other keys can change that.
    pub fn refuse(&mut self, digest: TokenDigest, error: TokenError, keys: u64, now: Now) {
        if is_final(error) {
            self.refused.insert(digest, error, keys, now);
        }
    }
}

#[cfg(test)]
mod tests;
