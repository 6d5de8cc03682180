//! How many wrong passwords the filter verifies: of one name from one address, from one address, and of one name from
//! anywhere.
//!
//! Where an address is known, only a pair of name and address has few guesses: nobody locks out a user who is elsewhere.
//! Further guesses need further names or addresses, so an address has ten times as many and a name a hundred times. Where no
//! address is known, whoever guesses and whoever owns the name look alike: there guesses are slowed down, and only more
//! than wait at one time are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;
use std::time::Duration;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::{Attempt, Throttle};
use crate::tally::{Eviction, Tally};
use crate::time::{MonoTime, whole_seconds};

/// Pairs and names whose wrong passwords are counted at one time, each.
const PLACES: usize = 4096;
/// Addresses. A name's guesses can come from anywhere, and none of them may bring others near their limit.
const ADDRESS_PLACES: usize = 16_384;
/// How many times as many guesses an address has as a pair of it and a name.
const ADDRESS: u32 = 10;
/// How many times as many a name has.
const NAME: u32 = 100;
/// How many guesses of one name wait at one time, where no address is known.
const WAITING_FOR_NAME: u32 = 16;
/// How many of all names.
const WAITING: usize = 256;
/// The longest wait in seconds, as a power of two.
const LONGEST_WAIT: u32 = 3;

/// By what something is counted.
type Key = u128;
/// What a key is of.
const PAIRS: u8 = 0;
const ADDRESSES: u8 = 1;
const NAMES: u8 = 2;

/// By what a wrong password is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    pair: Key,
    /// None where no address is known: then the pair is not counted either.
    address: Option<Key>,
    name: Key,
    /// Within this time from the first.
    per: Duration,
}

/// Why a password is not looked at, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It is wrong, or nobody has that name.
    BadPassword,
    /// So much time went into hashing passwords that no more are hashed now.
    HashesThrottled {
        /// In how many seconds it may be tried again.
        retry_after: u32,
    },
    /// Too many passwords of this name or from this address were wrong.
    Throttled {
        /// In how many seconds it may be tried again.
        retry_after: u32,
    },
    /// It is looked at then.
    Until(MonoTime),
    /// Its hash may be computed then.
    HashAt {
        /// The moment from which the hash may be computed.
        at: MonoTime,
        /// Whether it counts as wrong from now on: hanging up is no way to guess more. One that waits for the hash of the
        /// same password guesses nothing.
        counts: bool,
    },
}

/// The wrong passwords that one VM has seen.
#[derive(Debug)]
pub(super) struct Throttles {
    secret: [u8; 16],
    /// Of a name from an address. One that is pushed out is found by the address still.
    pairs: Tally<Key>,
    addresses: Tally<Key>,
    names: Tally<Key>,
    /// Passwords that came for a pair, right or wrong, and are not known to be its own.
    tries: Tally<Key>,
    waits: Waits,
}

impl Throttles {
    pub(super) const fn new(secret: [u8; 16]) -> Self {
        Self {
            secret,
            pairs: Tally::new(PLACES, Eviction::Forgets),
            addresses: Tally::new(ADDRESS_PLACES, Eviction::Inherits),
            names: Tally::new(PLACES, Eviction::Inherits),
            tries: Tally::new(PLACES, Eviction::Inherits),
            waits: Waits::new(),
        }
    }

    /// Whether a password that was right from this address is let in without being counted: unless so many others came with
    /// it that it would tell somebody at the same address which one is right.
    pub(super) fn knows_own(&self, attempt: Attempt<'_>, now: MonoTime) -> bool {
        let tries = self.tries.get(&self.pair(attempt), now);
        tries.is_none_or(|(tries, _)| tries < attempt.throttle.times(NAME))
    }

    /// Whether one more password is looked at, and when. It counts as a try.
    pub(super) fn admit(&mut self, attempt: Attempt<'_>, now: MonoTime) -> Result<(), Stop> {
        let Throttle { per, .. } = attempt.throttle;
        let pair = self.pair(attempt);
        self.tries.add(pair, 1, now, per);
        let spent = |tally: &Tally<Key>, key: &Key, times| {
            let (count, until) = tally.get(key, now)?;
            (count >= attempt.throttle.times(times)).then_some(until)
        };
        let name = self.name(attempt);
        let Some(address) = self.address(attempt) else {
            return self.slow_down(attempt, name, now);
        };
        let spent = [
            spent(&self.pairs, &pair, 1),
            spent(&self.addresses, &address, ADDRESS),
            spent(&self.names, &name, NAME),
        ];
        match spent.into_iter().flatten().max() {
            None => Ok(()),
            Some(until) => Err(throttled(until, now)),
        }
    }

    /// Lets a guess at a name wait that has had its share, the longer the more there were.
    fn slow_down(&mut self, attempt: Attempt<'_>, name: Key, now: MonoTime) -> Result<(), Stop> {
        let wrong = self.names.get(&name, now).map_or(0, |(count, _)| count);
        let Some(power) = (wrong / attempt.throttle.attempts.max(1)).checked_ilog2() else {
            return Ok(());
        };
        let wait = Duration::from_secs(1 << power.min(LONGEST_WAIT));
        self.waits.add(name, now.plus(wait), attempt.waits, now)
    }

    /// By what a wrong password is counted.
    pub(super) fn counters(&self, attempt: Attempt<'_>) -> Counters {
        Counters {
            pair: self.pair(attempt),
            address: self.address(attempt),
            name: self.name(attempt),
            per: attempt.throttle.per,
        }
    }

    /// Counts a wrong password.
    pub(super) fn count_wrong(&mut self, counters: Counters, now: MonoTime) {
        let Counters {
            pair, name, per, ..
        } = counters;
        if let Some(address) = counters.address {
            self.pairs.add(pair, 1, now, per);
            self.addresses.add(address, 1, now, per);
        }
        self.names.add(name, 1, now, per);
    }

    /// Takes back one wrong password.
    pub(super) fn refund(&mut self, counters: Counters) {
        if let Some(address) = counters.address {
            self.pairs.take_back(&counters.pair);
            self.addresses.take_back(&address);
        }
        self.names.take_back(&counters.name);
        self.tries.take_back(&counters.pair);
    }

    fn name(&self, attempt: Attempt<'_>) -> Key {
        self.key(NAMES, attempt, [&[], attempt.username.as_bytes()])
    }

    fn address(&self, attempt: Attempt<'_>) -> Option<Key> {
        let address = attempt.client?.to_bytes();
        Some(self.key(ADDRESSES, attempt, [&address, &[]]))
    }

    /// Where no address is known, of the name and none.
    fn pair(&self, attempt: Attempt<'_>) -> Key {
        let address = attempt.client.map(|client| client.to_bytes());
        let address = address.as_ref().map_or(&[0][..], |address| &address[..]);
        self.key(PAIRS, attempt, [address, attempt.username.as_bytes()])
    }

    /// Nobody without the VM's secret can make two of one key. The name stands last: nothing before it varies in length but
    /// the address, and that begins with its kind.
    fn key(&self, what: u8, attempt: Attempt<'_>, parts: [&[u8]; 2]) -> Key {
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        hasher.write(&[what]);
        hasher.write(&attempt.provider.0.to_le_bytes());
        for part in parts {
            hasher.write(part);
        }
        hasher.finish128().as_u128()
    }
}

impl Throttle {
    const fn times(self, times: u32) -> u32 {
        self.attempts.saturating_mul(times)
    }
}

pub(super) fn throttled(until: MonoTime, now: MonoTime) -> Stop {
    let retry_after = whole_seconds(until.since(now));
    Stop::Throttled { retry_after }
}

/// Guesses that wait. Each keeps its place until its time has come, also where its client has gone: hanging up is no way
/// to guess faster.
#[derive(Debug)]
struct Waits {
    ends: BTreeSet<(MonoTime, u64, Key)>,
    by_name: BTreeMap<Key, u32>,
    next: u64,
}

impl Waits {
    const fn new() -> Self {
        Self {
            ends: BTreeSet::new(),
            by_name: BTreeMap::new(),
            next: 0,
        }
    }

    /// A place until then, for a guess that waits or, where the host cannot let it, for one that is looked at now and keeps
    /// the next ones away.
    fn add(&mut self, name: Key, until: MonoTime, waits: bool, now: MonoTime) -> Result<(), Stop> {
        while let Some((end, number, name)) = self.ends.first().copied()
            && end <= now
        {
            self.ends.remove(&(end, number, name));
            let left = self
                .by_name
                .get(&name)
                .map_or(0, |held| held.saturating_sub(1));
            if left == 0 {
                self.by_name.remove(&name);
            } else {
                self.by_name.insert(name, left);
            }
        }
        let most = if waits { WAITING_FOR_NAME } else { 1 };
        let held = self.by_name.get(&name).copied().unwrap_or_default();
        if held >= most || self.ends.len() >= WAITING {
            return Err(throttled(until, now));
        }
        self.by_name.insert(name, held.saturating_add(1));
        self.ends.insert((until, self.next, name));
        self.next = self.next.wrapping_add(1);
        if waits {
            Err(Stop::Until(until))
        } else {
            Ok(())
        }
    }
}
