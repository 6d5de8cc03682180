//! What one VM remembers of passwords: which were right and from where, which were wrong, and how many. It never keeps
//! a password.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::common::Common;
use super::hashing::HashTime;
use super::throttle::{Counters, Throttles};
use super::{Stop, Throttle, Users};
use crate::client::ClientNetwork;
use crate::config::ProviderId;
use crate::expiring::{Digest, Expiring, keyed_digest};
use crate::jose::ClaimSet;
use crate::keys::Turn;
use crate::time::MonoTime;

/// How long a password is not checked again that nobody uses meanwhile.
pub(super) const REMEMBERED: Duration = Duration::from_secs(300);
/// Passwords that are remembered.
const MOST: usize = 10_000;
/// Addresses from where one password was right.
const ADDRESSES: usize = 16;

/// The passwords of one VM.
#[derive(Debug)]
pub struct PasswordStore {
    secret: [u8; 32],
    right: Expiring<Right>,
    common: Common,
    /// Passwords that were checked and not right: a client that repeats one costs no hash.
    known_wrong: Expiring<()>,
    throttles: Throttles,
    time: HashTime,
    /// When the hash of a password is computed that waits for its turn.
    booked: BTreeMap<Digest, MonoTime>,
}

/// A name's password, and where it was right.
#[derive(Clone, Debug)]
struct Right {
    /// Whom it stands for, where the configuration knows that.
    claims: Option<Rc<ClaimSet>>,
    /// From which addresses it came, `None` for one that is not known.
    from: Vec<Option<ClientNetwork>>,
}

/// A password that somebody sends with a name.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The provider that the password is for.
    pub provider: ProviderId,
    /// The name that was given.
    pub username: &'a str,
    /// The password that the caller sent.
    pub password: &'a str,
    /// Where the request comes from, where that is known.
    pub client: Option<ClientNetwork>,
    /// How many are looked at.
    pub throttle: Throttle,
    /// Whether the request can wait, where guesses are slowed down.
    pub waits: bool,
}

/// What was decided before of a password that is looked at now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// This request has not been counted and has not waited.
    New,
    /// It was counted, or has waited for its turn.
    Admitted,
    /// The same, and the time of its hash is taken: [`Stop::HashAt`] said when.
    Booked,
}

/// Passwords are not for logs.
impl std::fmt::Debug for Attempt<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Attempt")
            .field("provider", &self.provider)
            .field("username", &self.username)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl PasswordStore {
    /// A store that remembers nothing yet, and spends so much of a second on hashes. The secret is the VM's own.
    #[must_use]
    pub fn new(secret: [u8; 32], hash_time: Duration) -> Self {
        let throttles = keyed_digest(&secret, &[b"throttles"]);
        let (throttles, _) = throttles.as_chunks::<16>();
        Self {
            secret,
            right: Expiring::new(MOST),
            common: Common::new(secret, None),
            known_wrong: Expiring::new(MOST),
            throttles: Throttles::new(throttles.first().copied().unwrap_or_default()),
            time: HashTime::new(hash_time),
            booked: BTreeMap::new(),
        }
    }

    /// The same store, which tells the other VMs with this configuration of passwords that were right, and hears of them.
    #[must_use]
    pub fn told_under(self, configuration: [u8; 32]) -> Self {
        let common = Common::new(self.secret, Some(configuration));
        Self { common, ..self }
    }

    /// The claims of the user whose password this is. A password that was right lately is not hashed again.
    ///
    /// Whether it is looked at at all is decided before anything that is remembered counts, or memory would tell somebody
    /// who has guessed enough, or has used up the time for hashes, which password is right; but for passwords that come from
    /// where they were right before. Nothing is counted here: [`Stop`] says what [`Self::count_wrong`] is to hear of.
    ///
    /// # Errors
    /// [`Stop::BadPassword`], [`Stop::HashesThrottled`] or a time to wait for where it would have to be hashed, and
    /// [`Stop::Throttled`] or a time to wait for before anything is looked at.
    pub fn verify(
        &mut self,
        attempt: Attempt<'_>,
        users: &Users,
        standing: Standing,
        turn: &mut Turn<'_>,
    ) -> Result<Rc<ClaimSet>, Stop> {
        let now = turn.now.mono;
        let digest = self.password(attempt);
        let is_booked = standing == Standing::Booked;
        let is_own = !is_booked && self.is_own(attempt, &digest, turn);
        if standing == Standing::New {
            self.admit_password(attempt, is_own, now)?;
        }
        if !is_booked && !is_own {
            self.await_same(&digest, now)?;
            self.has_time(attempt, now)?;
        }
        if let Some(claims) = self.recall(attempt, &digest, turn) {
            return Ok(claims);
        }
        if self.known_wrong.get(&digest, now).is_some() {
            return Err(Stop::BadPassword);
        }
        let pick = self.pick(attempt);
        if !is_booked {
            self.book(attempt, digest, users.cost(attempt.username, pick), now)?;
        }
        let password = attempt.password.as_bytes();
        let Some(claims) = users.verify(attempt.username, password, pick) else {
            let until = now.plus(REMEMBERED);
            self.known_wrong.insert(digest, (), until);
            return Err(Stop::BadPassword);
        };
        self.keep(attempt, digest, Some(&claims), turn);
        Ok(claims)
    }

    /// Whether this password is looked at.
    ///
    /// # Errors
    /// [`Stop::Throttled`], or when it is.
    pub fn admit(&mut self, attempt: Attempt<'_>, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let now = turn.now.mono;
        let is_own = self.is_own(attempt, &self.password(attempt), turn);
        self.admit_password(attempt, is_own, now)
    }

    /// Remembers that a service said that this password is right.
    pub fn remember(&mut self, attempt: Attempt<'_>, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        let digest = self.password(attempt);
        let is_fresh = self
            .is_own_until(attempt, &digest, now)
            .is_some_and(is_fresh(now));
        if !is_fresh {
            self.keep(attempt, digest, None, turn);
        }
    }

    /// Forgets that a password was right: a service says that it is no longer.
    pub fn forget(&mut self, attempt: Attempt<'_>) {
        let digest = self.password(attempt);
        self.right.remove(&digest);
    }

    /// By what a wrong password is counted.
    #[must_use]
    pub fn counters(&self, attempt: Attempt<'_>) -> Counters {
        self.throttles.counters(attempt)
    }

    /// Counts a wrong password.
    pub fn count_wrong(&mut self, counters: Counters, now: MonoTime) {
        self.throttles.count_wrong(counters, now);
    }

    /// Takes back one wrong password: it was another provider's right one.
    pub fn refund(&mut self, counters: Counters) {
        self.throttles.refund(counters);
    }

    /// Lets a password wait whose hash is booked: it takes no time of its own.
    fn await_same(&self, digest: &Digest, now: MonoTime) -> Result<(), Stop> {
        let at = self.booked.get(digest).copied();
        let counts = false;
        match at.filter(|at| *at > now) {
            Some(at) => Err(Stop::HashAt { at, counts }),
            None => Ok(()),
        }
    }

    fn has_time(&mut self, attempt: Attempt<'_>, now: MonoTime) -> Result<(), Stop> {
        let admitted = self.time.admit(attempt.client, now);
        admitted.map_err(|retry_after| Stop::HashesThrottled { retry_after })
    }

    /// Takes the time for a hash of this cost. One that has to wait counts as wrong until it was found to be right.
    fn book(
        &mut self,
        attempt: Attempt<'_>,
        digest: Digest,
        cost: u32,
        now: MonoTime,
    ) -> Result<(), Stop> {
        self.has_time(attempt, now)?;
        let at = self.time.book(cost, attempt.client, now);
        if at <= now || !attempt.waits {
            return Ok(());
        }
        self.booked.retain(|_, at| *at > now);
        self.booked.insert(digest, at);
        Err(Stop::HashAt { at, counts: true })
    }

    fn admit_password(
        &mut self,
        attempt: Attempt<'_>,
        is_own: bool,
        now: MonoTime,
    ) -> Result<(), Stop> {
        if is_own && self.throttles.knows_own(attempt, now) {
            return Ok(());
        }
        self.throttles.admit(attempt, now)
    }

    /// Whether it is known that this password was right before, from the same address.
    fn is_own(&mut self, attempt: Attempt<'_>, digest: &Digest, turn: &mut Turn<'_>) -> bool {
        let now = turn.now.mono;
        self.is_own_until(attempt, digest, now).is_some() || self.common.knows(attempt, turn)
    }

    /// Until when it is known that this password was right before, from the same address.
    fn is_own_until(
        &self,
        attempt: Attempt<'_>,
        digest: &Digest,
        now: MonoTime,
    ) -> Option<MonoTime> {
        let (held, until) = self.right.get(digest, now)?;
        held.from.contains(&attempt.client).then_some(until)
    }

    /// Whom a password stands for that was right before, from anywhere.
    fn recall(
        &mut self,
        attempt: Attempt<'_>,
        digest: &Digest,
        turn: &mut Turn<'_>,
    ) -> Option<Rc<ClaimSet>> {
        let now = turn.now.mono;
        let (held, until) = self.right.get(digest, now)?;
        let claims = held.claims.clone()?;
        let is_own = held.from.contains(&attempt.client);
        if !(is_own && is_fresh(now)(until)) {
            self.keep(attempt, *digest, Some(&claims), turn);
        }
        Some(claims)
    }

    fn keep(
        &mut self,
        attempt: Attempt<'_>,
        digest: Digest,
        claims: Option<&Rc<ClaimSet>>,
        turn: &mut Turn<'_>,
    ) {
        let now = turn.now.mono;
        self.common.tell(attempt, turn);
        let held = self.right.get(&digest, now);
        let mut from = held.map_or_else(Vec::new, |(held, _)| held.from.clone());
        from.retain(|known| *known != attempt.client);
        // Whoever has the password has no other's addresses to push out.
        if from.len() >= ADDRESSES {
            from.remove(0);
        }
        from.push(attempt.client);
        let claims = claims.cloned();
        self.right
            .insert(digest, Right { claims, from }, now.plus(REMEMBERED));
    }

    /// Which user's hash stands in for one that there is not.
    fn pick(&self, attempt: Attempt<'_>) -> u64 {
        let pick = self.digest(b"pick", attempt.provider, &[attempt.username]);
        pick.first_chunk()
            .map_or(0, |pick| u64::from_be_bytes(*pick))
    }

    fn password(&self, attempt: Attempt<'_>) -> Digest {
        let parts = [attempt.username, attempt.password];
        self.digest(b"right", attempt.provider, &parts)
    }

    fn digest(&self, what: &[u8], provider: ProviderId, parts: &[&str]) -> Digest {
        let provider = provider.0.to_le_bytes();
        let own: [&[u8]; 2] = [what, &provider];
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        keyed_digest(&self.secret, &[&own, parts.as_slice()].concat())
    }
}

/// Whether what is known until then need not be known for longer: who comes again stays.
fn is_fresh(now: MonoTime) -> impl Fn(MonoTime) -> bool {
    move |until| until.since(now) >= REMEMBERED / 2
}
