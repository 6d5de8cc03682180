//! The small record that the VMs of a process share for each key set: who fetches, how the last fetch ended.

use super::kids::Kids;
use crate::time::MonoTime;

const LAYOUT: u8 = 2;
const SIZE: usize = 31;

/// What a source is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// Somebody fetches, and has the lease until the record's time.
    Fetching,
    /// The last fetch failed; the next may start at the record's time.
    Failed,
    /// The last fetch failed, and the issuer said that the next may start at the record's time.
    Limited,
    /// The client whose request made the fetch went away; until the record's time it is for a tick to make.
    Orphaned,
    /// No VM fetches the key set, and the last fetch succeeded or there was none.
    #[default]
    Idle,
}

/// What the VMs of a process share about one key set, besides its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) phase: Phase,
    pub(super) until: MonoTime,
    pub(super) failures: u32,
    /// The fetches that unknown key ids have caused.
    pub(super) kids: Kids,
    /// When the shared key set was fetched; the epoch where there is none.
    pub(super) fetched_at: MonoTime,
}

impl Default for Record {
    fn default() -> Self {
        let epoch = MonoTime::START;
        Self {
            phase: Phase::Idle,
            until: epoch,
            failures: 0,
            kids: Kids::default(),
            fetched_at: epoch,
        }
    }
}

impl Record {
    pub(super) fn encode(self) -> [u8; SIZE] {
        let phase = match self.phase {
            Phase::Idle => 0,
            Phase::Fetching => 1,
            Phase::Failed => 2,
            Phase::Orphaned => 3,
            Phase::Limited => 4,
        };
        let mut out = [0; SIZE];
        let bytes = [LAYOUT, phase]
            .into_iter()
            .chain(self.until.as_millis().to_le_bytes())
            .chain(self.failures.to_le_bytes())
            .chain(self.kids.encode())
            .chain(self.fetched_at.as_millis().to_le_bytes());
        for (slot, byte) in out.iter_mut().zip(bytes) {
            *slot = byte;
        }
        out
    }

    /// Reads a record; anything that is not one counts as absent.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(2)?;
        let phase = match head {
            [LAYOUT, 0] => Phase::Idle,
            [LAYOUT, 1] => Phase::Fetching,
            [LAYOUT, 2] => Phase::Failed,
            [LAYOUT, 3] => Phase::Orphaned,
            [LAYOUT, 4] => Phase::Limited,
            _ => return None,
        };
        let (until, rest) = rest.split_first_chunk::<8>()?;
        let (failures, rest) = rest.split_first_chunk::<4>()?;
        let (kids, rest) = Kids::decode(rest)?;
        let (fetched_at, rest) = rest.split_first_chunk::<8>()?;
        rest.is_empty().then(|| Self {
            phase,
            until: MonoTime::from_millis(u64::from_le_bytes(*until)),
            failures: u32::from_le_bytes(*failures),
            kids,
            fetched_at: MonoTime::from_millis(u64::from_le_bytes(*fetched_at)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_record_comes_back_and_anything_else_is_none() {
        for phase in [
            Phase::Idle,
            Phase::Fetching,
            Phase::Failed,
            Phase::Limited,
            Phase::Orphaned,
        ] {
            let record = Record {
                phase,
                until: MonoTime::from_millis(u64::MAX),
                failures: 7,
                kids: Kids::default()
                    .spend(Duration::from_secs(30), MonoTime::from_secs(77))
                    .unwrap(),
                ..Record::default()
            };
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
        let bytes = Record::default().encode();
        assert_eq!(Record::decode(&bytes[..SIZE - 1]), None);
        assert_eq!(Record::decode(&[&bytes[..], b"x"].concat()), None);
        assert_eq!(Record::decode(&[9; SIZE]), None);
    }
}
