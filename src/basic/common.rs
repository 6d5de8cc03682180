//! What the VMs of a process tell each other of right passwords: where they came from, so that guesses at a name keep its
//! owner from no worker, and from none that has begun anew.
//!
//! A record lets one password past the throttle, and stands for no check: it is looked at as if nobody had guessed.

use crate::expiring::{Digest, keyed_digest};
use crate::keys::{CommonSecret, SharedData, Turn};
use crate::time::MonoTime;

use super::Attempt;
use super::store::REMEMBERED;

/// Some hosts' stores never shrink: so many records there are, each written over by the next that falls on it.
const SLOTS: u64 = 1024;
/// The first byte of every record: what this version writes.
const LAYOUT: u8 = 1;

/// One VM's view of them.
#[derive(Debug)]
pub(super) struct Common {
    secret: CommonSecret,
    /// The digest of the configuration: what one says of its users says nothing of another's. `None` where others are not
    /// told.
    configuration: Option<[u8; 32]>,
}

impl Common {
    pub(super) const fn new(secret: [u8; 32], configuration: Option<[u8; 32]>) -> Self {
        Self {
            secret: CommonSecret::new(secret),
            configuration,
        }
    }

    /// Tells that this password was right just now.
    pub(super) fn tell(&mut self, attempt: Attempt<'_>, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        let Some((digest, key)) = self.place(attempt, turn.shared) else {
            return;
        };
        let until = now.plus(REMEMBERED).as_millis().to_le_bytes();
        let record = [&[LAYOUT][..], &digest, &until].concat();
        let version = turn.shared.read(&key).map(|entry| entry.version);
        // Whoever writes in between has told of somebody else, who is as good.
        turn.shared.swap(&key, &record, version);
    }

    /// Whether some VM has told so, of this password from the same address, lately.
    pub(super) fn knows(&mut self, attempt: Attempt<'_>, turn: &mut Turn<'_>) -> bool {
        let now = turn.now.mono;
        let Some((digest, key)) = self.place(attempt, turn.shared) else {
            return false;
        };
        let held = turn.shared.read(&key);
        held.and_then(|entry| {
            let record = entry.value.strip_prefix(&[LAYOUT])?;
            let (told, until) = record.split_first_chunk::<32>()?;
            let until = MonoTime::from_millis(u64::from_le_bytes(until.try_into().ok()?));
            // A foreign hand must not let anybody in for long.
            Some(*told == digest && now < until && until <= now.plus(REMEMBERED))
        })
        .unwrap_or(false)
    }

    /// The digest of a configuration's provider, name, password and address, and the key of its record; `None` where the host has no store.
    fn place(
        &mut self,
        attempt: Attempt<'_>,
        shared: &mut dyn SharedData,
    ) -> Option<(Digest, String)> {
        let configuration = self.configuration?;
        let secret = self.secret.agree(shared)?;
        let provider = attempt.provider.0.to_le_bytes();
        let address = attempt.client.map(|client| client.to_bytes());
        let parts: [&[u8]; 6] = [
            b"password",
            &configuration,
            &provider,
            attempt.username.as_bytes(),
            attempt.password.as_bytes(),
            address.as_ref().map_or(&[], |address| address.as_slice()),
        ];
        let digest = keyed_digest(&secret, &parts);
        let slot = digest
            .first_chunk()
            .map_or(0, |first| u64::from_le_bytes(*first));
        Some((digest, format!("auth-filter/passwords/v1/{}", slot % SLOTS)))
    }
}
