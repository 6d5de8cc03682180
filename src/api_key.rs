//! API keys that the configuration knows, by their digests only.

use std::collections::BTreeMap;
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::jose::ClaimSet;
use crate::time::UnixTime;

/// The keys of one provider.
#[derive(Clone, Debug, Default)]
pub struct ApiKeys {
    by_digest: BTreeMap<[u8; 32], Key>,
}

#[derive(Clone, Debug)]
struct Key {
    claims: Rc<ClaimSet>,
    expires_at: Option<UnixTime>,
}

impl ApiKeys {
    /// Adds a key by its SHA-256; false where it is there already.
    pub fn add(
        &mut self,
        digest: [u8; 32],
        claims: ClaimSet,
        expires_at: Option<UnixTime>,
    ) -> bool {
        let claims = Rc::new(claims);
        let key = Key { claims, expires_at };
        self.by_digest.insert(digest, key).is_none()
    }

    /// The claims of a key's owner, while the key holds. A key is as random as a digest: looking its digest up tells
    /// by its time nothing that would help to guess one.
    #[must_use]
    pub fn find(&self, key: &str, now: UnixTime) -> Option<Rc<ClaimSet>> {
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let key = self.by_digest.get(&digest)?;
        let holds = key.expires_at.is_none_or(|expires_at| now < expires_at);
        holds.then(|| Rc::clone(&key.claims))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_until_it_ends() {
        let mut keys = ApiKeys::default();
        let claims = ClaimSet::parse(br#"{"sub":"acme"}"#).unwrap();
        let digest: [u8; 32] = Sha256::digest(b"k-1").into();
        assert!(keys.add(digest, claims.clone(), Some(UnixTime::from_secs(10))));
        assert!(!keys.add(digest, claims, Some(UnixTime::from_secs(10))));
        let found = |key, now| {
            keys.find(key, UnixTime::from_secs(now))
                .map(|claims| claims.subject().map(str::to_owned))
        };
        assert_eq!(found("k-1", 9), Some(Some("acme".to_owned())));
        assert_eq!(found("k-1", 10), None);
        assert_eq!(found("k-2", 9), None);
        assert_eq!(found("", 9), None);
    }
}
