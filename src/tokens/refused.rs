//! Tokens that were refused before.

use std::collections::HashMap;
use std::time::Duration;

use super::{ByDigest, TokenDigest};
use crate::jose::TokenError;
use crate::time::{MonoTime, Now, UnixTime};

/// How long a refusal is repeated unseen.
const SERVES: Duration = Duration::from_secs(60);
/// The fewest refusals that are kept, however few tokens are.
const MIN_CAPACITY: usize = 1024;

/// Whether a token that was refused for this reason can only become good by other keys. Not where time may mend it, where
/// the issuer may have a newer key, or where not all keys were tried.
pub(crate) const fn is_final(error: TokenError) -> bool {
    match error {
        TokenError::AlgorithmRefused
        | TokenError::BadSignature
        | TokenError::ClaimRefused
        | TokenError::Expired
        | TokenError::ExpirationMissing
        | TokenError::Malformed(_)
        | TokenError::UnknownIssuer
        | TokenError::UnsupportedHeader
        | TokenError::WrongAudience
        | TokenError::WrongTokenType
        | TokenError::WrongTokenUse => true,
        TokenError::BudgetSpent
        | TokenError::CertificateMissing
        | TokenError::Downgraded
        | TokenError::Inactive
        | TokenError::LifetimeTooLong
        | TokenError::NotBound
        | TokenError::NotYetValid
        | TokenError::TooLarge
        | TokenError::UnknownKey
        // It is good for the keys, and found again with them.
        | TokenError::Unnamed
        | TokenError::WrongCertificate
        | TokenError::WrongKey => false,
    }
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    error: TokenError,
    /// Which keys there were.
    keys: u64,
    at: MonoTime,
    /// The date by which it was judged.
    judged: UnixTime,
}

/// The last refusals. The oldest makes room.
#[derive(Debug)]
pub(super) struct Refused {
    most: usize,
    refusals: ByDigest<TokenDigest, Refusal>,
    /// All that are kept, in the order of a ring.
    ring: Vec<TokenDigest>,
    next: usize,
}

impl Refused {
    /// A place for at least so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(MIN_CAPACITY),
            refusals: HashMap::default(),
            ring: Vec::new(),
            next: 0,
        }
    }

    pub(super) fn find(&self, digest: TokenDigest, keys: u64, now: Now) -> Option<TokenError> {
        let held = self.refusals.get(&digest)?;
        // What had ended has not where the clock was put back since.
        let dated = held.error != TokenError::Expired || held.judged <= now.wall;
        let serves = held.keys == keys && dated && now.mono < held.at.plus(SERVES);
        serves.then_some(held.error)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.refusals.len()
    }

    pub(super) fn insert(&mut self, digest: TokenDigest, error: TokenError, keys: u64, now: Now) {
        let refusal = Refusal {
            error,
            keys,
            at: now.mono,
            judged: now.wall,
        };
        if self.refusals.insert(digest, refusal).is_some() {
            return;
        }
        if self.ring.len() < self.most {
            self.ring.push(digest);
            return;
        }
        if let Some(oldest) = self.ring.get_mut(self.next) {
            self.refusals.remove(oldest);
            *oldest = digest;
        }
        self.next = self
            .next
            .checked_add(1)
            .filter(|next| *next < self.most)
            .unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Now {
        Now {
            wall: UnixTime::from_secs(1000 + secs),
            mono: MonoTime::from_secs(50 + secs),
        }
    }

    #[test]
    fn a_refusal_serves_for_a_minute_under_the_same_keys() {
        let mut refused = Refused::new(10);
        let token = TokenDigest(7);
        refused.insert(token, TokenError::BadSignature, 1, at(0));
        let found = |keys, now| refused.find(token, keys, now);
        assert_eq!(found(1, at(59)), Some(TokenError::BadSignature));
        assert_eq!(found(1, at(60)), None);
        assert_eq!(found(2, at(1)), None);
        assert_eq!(refused.find(TokenDigest(8), 1, at(1)), None);
    }

    #[test]
    fn what_had_ended_is_judged_again_by_a_clock_that_was_put_back() {
        let mut refused = Refused::new(10);
        for (token, error, put_back) in [
            (TokenDigest(1), TokenError::Expired, None),
            (
                TokenDigest(2),
                TokenError::BadSignature,
                Some(TokenError::BadSignature),
            ),
        ] {
            refused.insert(token, error, 1, at(0));
            let on = |wall| Now {
                wall: UnixTime::from_secs(wall),
                ..at(5)
            };
            assert_eq!(refused.find(token, 1, on(9000)), Some(error));
            assert_eq!(refused.find(token, 1, on(1000)), Some(error));
            assert_eq!(refused.find(token, 1, on(999)), put_back);
        }
    }

    #[test]
    fn the_oldest_makes_room_and_a_repeated_one_takes_none() {
        let mut refused = Refused::new(0);
        let many = u128::try_from(MIN_CAPACITY).unwrap();
        for each in 0..many + 10 {
            refused.insert(TokenDigest(each), TokenError::UnsupportedHeader, 0, at(0));
            refused.insert(TokenDigest(each), TokenError::UnsupportedHeader, 0, at(0));
        }
        assert_eq!(
            (refused.refusals.len(), refused.ring.len()),
            (MIN_CAPACITY, MIN_CAPACITY)
        );
        let kept = |each| refused.find(TokenDigest(each), 0, at(1)).is_some();
        assert_eq!((kept(9), kept(10), kept(many + 9)), (false, true, true));
    }
}
