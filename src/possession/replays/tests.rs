use super::*;
use crate::keys::{NoStore, testing::Process};

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(1_800_000_000 + secs)
}

/// A store in which somebody else always writes first, once the secret is there.
struct Busy(Process);

impl SharedData for Busy {
    fn read(&mut self, key: &str) -> Option<Entry> {
        self.0.read(key)
    }

    fn swap(&mut self, key: &str, value: &[u8], seen: Option<u32>) -> Swap {
        match key.contains("proofs") {
            true => Swap::Lost,
            false => self.0.swap(key, value, seen),
        }
    }
}

const REPLAYED: Result<(), Denial> = Err(Denial::Proof(ProofError::Replayed));
const NO_ROOM: Result<(), Denial> = Err(Denial::ProofsThrottled { retry_after: 1 });

#[test]
fn a_proof_is_taken_in_once_while_it_counts() {
    let stores: [Box<dyn SharedData>; 2] = [Box::new(Process::default()), Box::new(NoStore)];
    for mut store in stores {
        let replays = Replays::new([1; 32]);
        let mut admit = |proof, until, now| replays.admit(proof, at(until), &mut *store, at(now));
        assert_eq!(admit(("key", "1"), 60, 0), Ok(()));
        assert_eq!(admit(("key", "1"), 60, 0), REPLAYED);
        assert_eq!(admit(("key", "1"), 60, 59), REPLAYED);
        assert_eq!(admit(("key", "2"), 60, 0), Ok(()));
        assert_eq!(admit(("other", "1"), 60, 0), Ok(()));
        assert_eq!(admit(("key", "1"), 120, 60), Ok(()));
    }
}

#[test]
fn the_last_part_of_a_second_counts() {
    let replays = Replays::new([1; 32]);
    let until = UnixTime::from_millis(60_001);
    let admit = |now| {
        let now = UnixTime::from_millis(now);
        replays.admit(("key", "1"), until, &mut NoStore, now)
    };
    assert_eq!(admit(0), Ok(()));
    assert_eq!(admit(60_000), REPLAYED);
}

#[test]
fn vms_of_a_process_know_each_others_proofs() {
    let vms = [1, 2, 3, 4].map(|vm| Replays::new([vm; 32]));
    let mut process = Process::default();
    for first in 0..4 {
        let id = first.to_string();
        for (vm, replays) in vms.iter().enumerate().cycle().skip(first).take(4) {
            let want = if vm == first { Ok(()) } else { REPLAYED };
            let got = replays.admit(("key", &id), at(60), &mut process, at(0));
            assert_eq!(got, want, "{first} {vm}");
        }
    }
}

#[test]
fn vms_without_a_store_know_their_own() {
    for vm in [1, 2] {
        let replays = Replays::new([vm; 32]);
        let admit = || replays.admit(("key", "1"), at(60), &mut NoStore, at(0));
        assert_eq!((admit(), admit()), (Ok(()), REPLAYED));
    }
}

#[test]
fn memory_has_a_bound_and_nothing_that_counts_is_forgotten() {
    let proof = |id: u8| {
        let mut digest = [0; 32];
        digest[2] = id;
        Proof::new(&digest, at(60))
    };
    let mut store = Own(Vec::new());
    for id in 0..128 {
        assert_eq!(proof(id).enter(&mut store, at(0)).into_result(), Ok(()));
    }
    assert_eq!(proof(200).enter(&mut store, at(0)).into_result(), NO_ROOM);
    for id in 0..128 {
        assert_eq!(proof(id).enter(&mut store, at(59)).into_result(), REPLAYED);
    }
    assert_eq!(store.0.len(), 1);
    assert!(
        store
            .0
            .iter()
            .all(|(_, bucket)| bucket.len() == 1 + 128 * 12)
    );
    // Those that have ended make room.
    let mut later = [9; 32];
    (later[0], later[1]) = (0, 0);
    let later = Proof::new(&later, at(120));
    assert_eq!(later.enter(&mut store, at(60)).into_result(), Ok(()));
    assert!(store.0.iter().all(|(_, bucket)| bucket.len() == 1 + 12));
}

impl Entered {
    fn into_result(self) -> Result<(), Denial> {
        self.into()
    }
}

#[test]
fn proofs_are_spread_over_all_buckets() {
    let mut process = Process::default();
    let replays = Replays::new([1; 32]);
    for id in 0..40_000 {
        let id = id.to_string();
        let got = replays.admit(("key", &id), at(60), &mut process, at(0));
        assert_eq!(got, Ok(()), "{id}");
    }
    // And the secret.
    assert_eq!(process.entries.len(), 4096 + 1);
}

#[test]
fn who_cannot_write_takes_nothing_in() {
    let replays = Replays::new([1; 32]);
    let mut store = Busy(Process::default());
    let got = replays.admit(("key", "1"), at(60), &mut store, at(0));
    assert_eq!(got, NO_ROOM);
}

#[test]
fn what_is_no_bucket_counts_as_an_empty_one() {
    let replays = Replays::new([1; 32]);
    let mut process = Process::default();
    assert_eq!(
        replays.admit(("key", "1"), at(60), &mut process, at(0)),
        Ok(())
    );
    for (name, entry) in &mut process.entries {
        if name.contains("proofs") {
            entry.value[0] = 9;
        }
    }
    assert_eq!(
        replays.admit(("key", "1"), at(60), &mut process, at(0)),
        Ok(())
    );
}
