//! A fetched key set as VMs hand it on: its times, its entity tag, and the issuer's bytes.

use std::time::Duration;

use crate::time::{MonoTime, UnixTime};

const LAYOUT: u8 = 4;

/// The times of a fetched set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// How long it is fresh.
    pub(super) fresh_for: Duration,
    /// When the issuer, or the cache before it, was asked for it.
    pub(super) asked_at: MonoTime,
    /// When it was made, by the issuer's own clock.
    pub(super) made_at: UnixTime,
}

/// A set and what its issuer said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot<'b> {
    pub(super) times: Times,
    pub(super) etag: Option<String>,
    pub(super) body: &'b [u8],
}

impl<'b> Snapshot<'b> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Times {
            fresh_for,
            asked_at,
            made_at,
        } = self.times;
        let millis = u64::try_from(fresh_for.as_millis()).unwrap_or(u64::MAX);
        let etag = self.etag.as_deref().unwrap_or_default();
        let (length, etag) = u16::try_from(etag.len()).map_or((0, ""), |length| (length, etag));
        [
            &[LAYOUT],
            &millis.to_le_bytes()[..],
            &asked_at.as_millis().to_le_bytes(),
            &made_at.as_millis().to_le_bytes(),
            &length.to_le_bytes(),
            etag.as_bytes(),
            self.body,
        ]
        .concat()
    }

    /// Reads a snapshot; anything that is not one is none.
    pub(super) fn decode(bytes: &'b [u8]) -> Option<Self> {
        let (layout, rest) = bytes.split_first()?;
        let (millis, rest) = rest.split_first_chunk::<8>()?;
        let (asked_at, rest) = rest.split_first_chunk::<8>()?;
        let (made_at, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (etag, body) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let etag = std::str::from_utf8(etag).ok()?;
        let sound = *layout == LAYOUT && etag.bytes().all(|byte| byte.is_ascii_graphic());
        sound.then(|| Self {
            times: Times {
                fresh_for: Duration::from_millis(u64::from_le_bytes(*millis)),
                asked_at: MonoTime::from_millis(u64::from_le_bytes(*asked_at)),
                made_at: UnixTime::from_millis(u64::from_le_bytes(*made_at)),
            },
            etag: (!etag.is_empty()).then(|| etag.to_owned()),
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_comes_back_and_anything_else_is_none() {
        for etag in [None, Some("\"x\"".to_owned())] {
            let snapshot = Snapshot {
                times: Times {
                    fresh_for: Duration::from_millis(1234),
                    asked_at: MonoTime::from_millis(5678),
                    made_at: UnixTime::from_millis(u64::MAX),
                },
                etag,
                body: b"{\"keys\":[]}",
            };
            assert_eq!(Snapshot::decode(&snapshot.encode()), Some(snapshot.clone()));
        }
        for bytes in [
            &b""[..],
            b"{\"keys\":[]}",
            &[4; 26],
            &[[4].as_slice(), &[0; 24], &[1, 0, 7]].concat(),
        ] {
            assert_eq!(Snapshot::decode(bytes), None);
        }
    }
}
