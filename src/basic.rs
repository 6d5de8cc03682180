//! HTTP Basic authentication (RFC 7617): users, their passwords, and how many wrong ones the filter verifies.

mod common;
mod hashing;
mod store;
mod throttle;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use self::store::{Attempt, PasswordStore, Standing};
pub use self::throttle::{Counters, Stop};

use crate::jose::ClaimSet;
use crate::password::PasswordHash;

/// How many wrong passwords are looked at, for one user name and for one client address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// The number of wrong passwords that are verified.
    pub attempts: u32,
    /// Within this time from the first.
    pub per: Duration,
}

/// The users of one provider.
#[derive(Clone, Debug, Default)]
pub struct Users {
    names: BTreeMap<String, usize>,
    users: Vec<(PasswordHash, Rc<ClaimSet>)>,
}

impl Users {
    /// Adds a user, or replaces the one of the same name.
    pub fn add(&mut self, name: &str, hash: PasswordHash, claims: ClaimSet) {
        self.names.insert(name.to_owned(), self.users.len());
        self.users.push((hash, Rc::new(claims)));
    }

    /// Whether checking one user's password costs what it costs for any other.
    #[must_use]
    pub fn cost_alike(&self) -> bool {
        let mut hashes = self.users.iter().map(|(hash, _)| hash);
        hashes
            .next()
            .is_none_or(|first| hashes.all(|hash| hash.same_cost(first)))
    }

    /// What checking a password of this name costs, in microseconds: as much for a name that nobody has as for the user
    /// whose hash is computed instead.
    #[must_use]
    pub fn cost(&self, name: &str, pick: u64) -> u32 {
        self.hash(name, pick).map_or(0, |(hash, _)| hash.cost())
    }

    /// The claims of a user whose password this is. For a name that nobody has, the password of some user is checked
    /// all the same, always of the same one for one name: the time does not tell which names there are.
    #[must_use]
    pub fn verify(&self, name: &str, password: &[u8], pick: u64) -> Option<Rc<ClaimSet>> {
        let (hash, claims) = self.hash(name, pick)?;
        let right = hash.verify(password);
        let known = self.names.contains_key(name);
        (right && known).then(|| Rc::clone(claims))
    }

    fn hash(&self, name: &str, pick: u64) -> Option<&(PasswordHash, Rc<ClaimSet>)> {
        let known = self.names.get(name).copied();
        let many = u64::try_from(self.users.len().max(1)).unwrap_or(u64::MAX);
        let decoy = usize::try_from(pick % many).unwrap_or(0);
        self.users.get(known.unwrap_or(decoy))
    }
}

/// Name and password of Basic credentials (RFC 7617 §2); `None` for what is not base64 of UTF-8 with a colon, or has
/// control characters.
#[must_use]
pub fn decode(credentials: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    let sound = !text.chars().any(char::is_control);
    sound.then(|| (name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests;
