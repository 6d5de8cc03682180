//! What one VM remembers of passwords: which were right, which wrong, and how many were wrong. Never a password.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::{Throttle, Users};
use crate::client::ClientNetwork;
use crate::expiring::{Digest, Expiring, keyed_digest};
use crate::jose::ClaimSet;
use crate::policy::ProviderId;
use crate::policy::denial::Denial;
use crate::time::UnixTime;

/// How long a password is not checked again.
const REMEMBERED: Duration = Duration::from_secs(300);
/// Passwords, users and addresses that are remembered.
const MOST: usize = 10_000;

/// The passwords of one VM.
#[derive(Debug)]
pub struct PasswordStore {
    secret: [u8; 32],
    right: RefCell<Expiring<Rc<ClaimSet>>>,
    /// Passwords that were checked and not right: a client that repeats one costs no hash.
    known_wrong: RefCell<Expiring<()>>,
    wrong: RefCell<Expiring<u32>>,
}

/// Whose wrong passwords are counted.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The provider.
    pub provider: ProviderId,
    /// The name that was given.
    pub username: &'a str,
    /// Where the request comes from, where that is known.
    pub client: Option<ClientNetwork>,
    /// How many are looked at.
    pub throttle: Throttle,
}

impl PasswordStore {
    /// A store that remembers nothing yet. The secret is the VM's own.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            secret,
            right: RefCell::new(Expiring::new(MOST)),
            known_wrong: RefCell::new(Expiring::new(MOST)),
            wrong: RefCell::new(Expiring::new(MOST)),
        }
    }

    /// The claims of the user whose password this is. A password that was right lately is not checked again, so a
    /// user whose name others try stays signed in.
    ///
    /// # Errors
    /// [`Denial::BadPassword`], and [`Denial::Throttled`] before anything is checked.
    pub fn verify(
        &self,
        attempt: Attempt<'_>,
        users: &Users,
        password: &str,
        now: UnixTime,
    ) -> Result<Rc<ClaimSet>, Denial> {
        let Attempt {
            provider, username, ..
        } = attempt;
        let digest = self.digest(b"right", provider, &[username, password]);
        if let Some((claims, _)) = self.right.borrow().get(&digest, now) {
            return Ok(Rc::clone(claims));
        }
        self.admit(attempt, now)?;
        if self.known_wrong.borrow().get(&digest, now).is_some() {
            self.count_wrong(attempt, now);
            return Err(Denial::BadPassword);
        }
        let until = now.plus(REMEMBERED);
        let lot = self.digest(b"lot", provider, &[username]);
        let lot = lot
            .iter()
            .take(8)
            .fold(0_u64, |lot, byte| lot << 8 | u64::from(*byte));
        let Some(claims) = users.verify(username, password.as_bytes(), lot) else {
            self.known_wrong.borrow_mut().insert(digest, (), until);
            self.count_wrong(attempt, now);
            return Err(Denial::BadPassword);
        };
        self.right
            .borrow_mut()
            .insert(digest, Rc::clone(&claims), until);
        Ok(claims)
    }

    /// Whether one more password of this user and from this address is looked at.
    ///
    /// # Errors
    /// [`Denial::Throttled`].
    pub fn admit(&self, attempt: Attempt<'_>, now: UnixTime) -> Result<(), Denial> {
        let wrong = self.wrong.borrow();
        let spent = self
            .counters(attempt)
            .iter()
            .filter_map(|digest| wrong.get(digest, now))
            .filter(|(count, _)| **count >= attempt.throttle.attempts)
            .map(|(_, until)| until)
            .max();
        match spent {
            None => Ok(()),
            Some(until) => Err(Denial::Throttled {
                retry_after: u32::try_from(until.since(now).as_millis().div_ceil(1000))
                    .unwrap_or(u32::MAX),
            }),
        }
    }

    /// Counts a wrong password.
    pub fn count_wrong(&self, attempt: Attempt<'_>, now: UnixTime) {
        let mut wrong = self.wrong.borrow_mut();
        for digest in self.counters(attempt) {
            let (count, until) = wrong.get(&digest, now).map_or_else(
                || (0, now.plus(attempt.throttle.per)),
                |(count, until)| (*count, until),
            );
            wrong.insert(digest, count.saturating_add(1), until);
        }
    }

    /// Takes back one wrong password: it was another provider's right one.
    pub fn forgive(&self, attempt: Attempt<'_>, now: UnixTime) {
        let mut wrong = self.wrong.borrow_mut();
        for digest in self.counters(attempt) {
            if let Some((count, until)) = wrong.get(&digest, now) {
                let count = count.saturating_sub(1);
                wrong.insert(digest, count, until);
            }
        }
    }

    /// The user's counter and the address's, where the host tells addresses.
    fn counters(&self, attempt: Attempt<'_>) -> Vec<Digest> {
        let mut counters = vec![self.digest(b"user", attempt.provider, &[attempt.username])];
        if let Some(network) = attempt.client {
            let network = format!("{network:?}");
            counters.push(self.digest(b"client", attempt.provider, &[&network]));
        }
        counters
    }

    fn digest(&self, what: &[u8], provider: ProviderId, parts: &[&str]) -> Digest {
        let provider = provider.0.to_le_bytes();
        let own: [&[u8]; 2] = [what, &provider];
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        keyed_digest(&self.secret, &[&own, parts.as_slice()].concat())
    }
}
