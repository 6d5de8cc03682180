//! How much time of the VM's only thread goes into what strangers ask for, and who of them gets it.
//!
//! A budget fills by so much a second and holds a second's worth. Work is charged before it is done, by a
//! [table of costs](crate::jose::KeySet::cost) and never by a clock, and what proves to be good work is given back: so
//! only bad signatures spend anything, however many good ones come.
//!
//! While at least half of it is left, everybody gets all they ask for. Below that, nobody gets more than an eighth of
//! what is left at that time, in the last second or so: who has spent little still gets it, and however many ask, some is
//! left for the next one. Who is who, see [`Payer`].

mod crowd;
mod regulars;
mod shares;

use std::hash::{Hash, Hasher};
use std::time::Duration;

use siphasher::sip::SipHasher13;

use self::crowd::Crowd;
use self::regulars::Regulars;
use self::shares::Shares;
use crate::client::Client;
use crate::jose::{ClaimSet, UntrustedToken};
use crate::time::MonoTime;

/// What part of what is left one payer may have spent, once half is gone.
const SHARE: i64 = 8;
/// The longest wait that a refusal asks for, in seconds.
const LONGEST_WAIT: i64 = 60;

/// The one who causes work, and pays for it with a share of the time.
pub enum Payer<'p> {
    /// Somebody who holds what only one caller has: the key that a verified token is bound to.
    Holder(&'p str),
    /// Anybody. One network is one payer; see [`Claimed`] for those that cannot be told apart by it.
    Stranger {
        /// Where the request comes from.
        client: &'p Client,
        /// What the token says.
        claimed: Claimed<'p>,
    },
}

/// What a token says of itself, true or not. Where no address is known, or nearly all requests come from one (that of a
/// load balancer), payers are told apart by it.
///
/// Anybody can claim anything, so such payers leave the last quarter alone. But whose subject has been verified here
/// before may take half of that: names that are made up were not.
#[derive(Clone, Copy, Hash)]
pub struct Claimed<'p> {
    /// The token's issuer (`iss`); `None` where it has none.
    pub issuer: Option<&'p str>,
    /// The token's subject (`sub`); `None` where it has none.
    pub subject: Option<&'p str>,
    /// The key id in the token's header (`kid`); `None` where it has none.
    pub key_id: Option<&'p str>,
}

impl<'p> Claimed<'p> {
    /// What a token says.
    #[must_use]
    pub fn of(token: &'p UntrustedToken<'_>) -> Self {
        Self {
            key_id: token.key_id(),
            ..Self::by(token.claims())
        }
    }

    /// The issuer and the subject that the claims name, without a key id.
    #[must_use]
    pub fn by(claims: &'p ClaimSet) -> Self {
        Self {
            issuer: claims.issuer(),
            subject: claims.subject(),
            key_id: None,
        }
    }
}

/// Work that was charged for, in microseconds. [`TimeBudget::settle`] must hear how it ended.
#[must_use]
#[derive(Debug)]
pub struct Charge {
    cost: u32,
    /// Whom it was put down to, where that had to be known.
    payer: Option<u64>,
}

/// A budget of time.
#[derive(Debug)]
pub struct TimeBudget {
    keys: (u64, u64),
    state: State,
}

#[derive(Debug)]
struct State {
    /// A second's worth, in microseconds.
    most: i64,
    /// Below zero after work that costs more than a second's worth.
    left: i64,
    filled_at: MonoTime,
    shares: Shares,
    crowd: Crowd,
    regulars: Regulars,
}

impl TimeBudget {
    /// A full budget of so much a second. The VM's secret keeps payers from aiming at each other's places.
    #[must_use]
    pub fn new(per_second: Duration, secret: [u8; 32]) -> Self {
        let (parts, _) = secret.as_chunks::<8>();
        let key = |index| parts.get(index).map_or(0, |part| u64::from_le_bytes(*part));
        let most = i64::try_from(per_second.as_micros()).unwrap_or(i64::MAX >> 16);
        let most = most.min(i64::MAX >> 16);
        Self {
            keys: (key(2), key(3)),
            state: State {
                most,
                left: most,
                filled_at: MonoTime::START,
                shares: Shares::default(),
                crowd: Crowd::default(),
                regulars: Regulars::default(),
            },
        }
    }

    /// Takes the cost of work out, which may then be done.
    ///
    /// # Errors
    /// The seconds after which to ask again, where this payer gets no more for now.
    pub fn charge(&mut self, cost: u32, payer: &Payer<'_>, now: MonoTime) -> Result<Charge, u32> {
        let Self { keys, state } = self;
        state.fill(now);
        let amount = i64::from(cost);
        if state.left.saturating_mul(2) >= state.most {
            state.left = state.left.saturating_sub(amount);
            return Ok(Charge { cost, payer: None });
        }
        let (payer, reserved) = state.identify(*keys, payer, now);
        let share = state.left.saturating_sub(reserved) / SHARE;
        let spent = state.shares.spent(payer, now);
        if amount.saturating_add(spent) > share {
            return Err(state.wait());
        }
        state.left = state.left.saturating_sub(amount);
        state.shares.add(payer, amount, now);
        let payer = Some(payer);
        Ok(Charge { cost, payer })
    }

    /// Ends work that was charged for: what was good costs nothing after all.
    pub fn settle(&mut self, charge: Charge, payer: &Payer<'_>, was_good: bool, now: MonoTime) {
        let Self { keys, state } = self;
        let amount = i64::from(charge.cost);
        if was_good {
            state.left = state.left.saturating_add(amount).min(state.most);
            if let Some(payer) = charge.payer {
                state.shares.add(payer, -amount, now);
            }
            if let Payer::Stranger { claimed, .. } = payer {
                let regular = regular(*keys, claimed);
                state.regulars.add(regular);
            }
        } else if charge.payer.is_none() {
            let (payer, _) = state.identify(*keys, payer, now);
            state.shares.add(payer, amount, now);
        }
    }
}

impl State {
    /// By what a payer is known, and how much of the budget is not for it.
    fn identify(&mut self, keys: (u64, u64), payer: &Payer<'_>, now: MonoTime) -> (u64, i64) {
        match payer {
            Payer::Holder(key) => (digest(keys, b'k', key), 0),
            Payer::Stranger { client, claimed } => {
                let network = client.network();
                if let Some(network) = network {
                    self.crowd.count(network, now);
                    if !self.crowd.is(network) {
                        return (digest(keys, b'n', network), 0);
                    }
                }
                let part = if self.regulars.has(regular(keys, claimed)) {
                    8
                } else {
                    4
                };
                (digest(keys, b'c', (network, claimed)), self.most / part)
            }
        }
    }

    /// Adds what time has brought. A clock that goes back brings nothing, and goes on from there.
    fn fill(&mut self, now: MonoTime) {
        let passed = i64::try_from(now.since(self.filled_at).as_millis()).unwrap_or(i64::MAX);
        // A second brings all of it; in whole microseconds, as the budget is one of whole milliseconds.
        let more = passed.saturating_mul(self.most / 1000);
        self.left = self.left.saturating_add(more).min(self.most);
        self.filled_at = now;
    }

    /// The seconds until half of it is there again.
    fn wait(&self) -> u32 {
        let missing = (self.most / 2).saturating_sub(self.left);
        let seconds = missing.div_euclid(self.most.max(1)).saturating_add(1);
        u32::try_from(seconds.clamp(1, LONGEST_WAIT)).unwrap_or(1)
    }
}

/// By what a subject is known that was verified, whatever its key.
fn regular(keys: (u64, u64), claimed: &Claimed<'_>) -> u64 {
    digest(keys, b'r', (claimed.issuer, claimed.subject))
}

fn digest((first, second): (u64, u64), kind: u8, what: impl Hash) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(first, second);
    hasher.write_u8(kind);
    what.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
