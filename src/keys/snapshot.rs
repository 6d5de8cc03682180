//! A fetched key set as VMs hand it on: how long it is fresh, its entity tag, and the issuer's bytes.

use std::time::Duration;

const LAYOUT: u8 = 2;

/// A set and what its issuer said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot<'b> {
    pub(super) fresh_for: Duration,
    pub(super) etag: Option<String>,
    pub(super) body: &'b [u8],
}

impl<'b> Snapshot<'b> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let millis = u64::try_from(self.fresh_for.as_millis()).unwrap_or(u64::MAX);
        let etag = self.etag.as_deref().unwrap_or_default();
        let (length, etag) = u16::try_from(etag.len()).map_or((0, ""), |length| (length, etag));
        [
            &[LAYOUT],
            &millis.to_le_bytes()[..],
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
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (etag, body) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let etag = std::str::from_utf8(etag).ok()?;
        let sound = *layout == LAYOUT && etag.bytes().all(|byte| byte.is_ascii_graphic());
        sound.then(|| Self {
            fresh_for: Duration::from_millis(u64::from_le_bytes(*millis)),
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
                fresh_for: Duration::from_millis(1234),
                etag,
                body: b"{\"keys\":[]}",
            };
            assert_eq!(Snapshot::decode(&snapshot.encode()), Some(snapshot.clone()));
        }
        for bytes in [
            &b""[..],
            b"{\"keys\":[]}",
            &[2; 10],
            &[2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7],
        ] {
            assert_eq!(Snapshot::decode(bytes), None);
        }
    }
}
