use super::*;
use crate::keys::testing::turn;
use crate::keys::{NoStore, testing::Process};
use crate::time::MonoTime;

fn at(secs: u64) -> Now {
    Now {
        wall: until(secs),
        mono: MonoTime::from_secs(500 + secs),
    }
}

fn until(secs: u64) -> UnixTime {
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

const REPLAYED: Result<(), ReplayError> = Err(ReplayError::Replayed);
const NO_ROOM: Result<(), ReplayError> = Err(ReplayError::NoRoom);

#[test]
fn a_proof_is_taken_in_once_while_it_counts() {
    let stores: [Box<dyn SharedData>; 2] = [Box::new(Process::default()), Box::new(NoStore)];
    for mut store in stores {
        let mut replays = Replays::new([1; 32]);
        let mut admit =
            |proof, end, now| replays.admit(proof, until(end), &mut turn(&mut *store, at(now)));
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
    let mut replays = Replays::new([1; 32]);
    let until = UnixTime::from_millis(60_001);
    let mut admit = |now| {
        let now = Now {
            wall: UnixTime::from_millis(now),
            mono: MonoTime::from_millis(now),
        };
        replays.admit(("key", "1"), until, &mut turn(&mut NoStore, now))
    };
    assert_eq!(admit(0), Ok(()));
    assert_eq!(admit(60_000), REPLAYED);
}

#[test]
fn vms_of_a_process_know_each_others_proofs() {
    let mut vms = [1, 2, 3, 4].map(|vm| Replays::new([vm; 32]));
    let mut process = Process::default();
    for first in 0..4 {
        let id = first.to_string();
        for vm in (first..4).chain(0..first) {
            let want = if vm == first { Ok(()) } else { REPLAYED };
            let got = vms[vm].admit(("key", &id), until(60), &mut turn(&mut process, at(0)));
            assert_eq!(got, want, "{first} {vm}");
        }
    }
}

#[test]
fn vms_without_a_store_know_their_own() {
    for vm in [1, 2] {
        let mut replays = Replays::new([vm; 32]);
        let mut admit = || replays.admit(("key", "1"), until(60), &mut turn(&mut NoStore, at(0)));
        assert_eq!((admit(), admit()), (Ok(()), REPLAYED));
    }
}

#[test]
fn memory_has_a_bound_and_nothing_that_counts_is_forgotten() {
    let proof = |id: u8| {
        let mut digest = [0; 32];
        digest[2] = id;
        Proof::new(&digest, until(60), at(0))
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
    let later = Proof::new(&later, until(120), at(60));
    assert_eq!(later.enter(&mut store, at(60)).into_result(), Ok(()));
    assert!(store.0.iter().all(|(_, bucket)| bucket.len() == 1 + 12));
}

impl Entered {
    fn into_result(self) -> Result<(), ReplayError> {
        self.into()
    }
}

#[test]
fn proofs_are_spread_over_all_buckets() {
    let mut process = Process::default();
    let mut replays = Replays::new([1; 32]);
    for id in 0..40_000 {
        let id = id.to_string();
        let got = replays.admit(("key", &id), until(60), &mut turn(&mut process, at(0)));
        assert_eq!(got, Ok(()), "{id}");
    }
    // And the secret.
    assert_eq!(process.entries.len(), 4096 + 1);
}

#[test]
fn who_cannot_write_takes_nothing_in() {
    let mut replays = Replays::new([1; 32]);
    let mut store = Busy(Process::default());
    let got = replays.admit(("key", "1"), until(60), &mut turn(&mut store, at(0)));
    assert_eq!(got, NO_ROOM);
}

#[test]
fn what_is_no_bucket_counts_as_an_empty_one() {
    let mut replays = Replays::new([1; 32]);
    let mut process = Process::default();
    assert_eq!(
        replays.admit(("key", "1"), until(60), &mut turn(&mut process, at(0))),
        Ok(())
    );
    for (name, entry) in &mut process.entries {
        if name.contains("proofs") {
            entry.value[0] = 9;
        }
    }
    assert_eq!(
        replays.admit(("key", "1"), until(60), &mut turn(&mut process, at(0))),
        Ok(())
    );
}

#[test]
fn no_clock_that_jumps_makes_a_proof_count_anew() {
    // A proof that is good for a minute comes again: seconds that have passed, and what the wall clock says then.
    let now = |passed, wall| Now {
        wall: until(wall),
        mono: at(passed).mono,
    };
    let process = Process::default;
    for (passed, wall, want) in [
        // Put forward past its end, and back.
        (10, 10, REPLAYED),
        (59, 4000, REPLAYED),
        // Put back: it counts by its date for longer.
        (3000, 10, REPLAYED),
        // Both say that it has ended.
        (61, 61, Ok(())),
        (61, 4000, Ok(())),
    ] {
        let mut replays = Replays::new([1; 32]);
        let mut process = process();
        let mut admit =
            |id, end, now| replays.admit(("key", id), until(end), &mut turn(&mut process, now));
        assert_eq!(admit("1", 3660, now(0, 3600)), Ok(()));
        assert_eq!(
            admit("1", 3660, now(passed, 3600 + wall)),
            want,
            "{passed} {wall}"
        );
    }
    let mut replays = Replays::new([1; 32]);
    let mut process = process();
    let mut admit = |now| replays.admit(("key", "1"), until(3660), &mut turn(&mut process, now));
    assert_eq!(admit(now(0, 3600)), Ok(()));
    assert_eq!(admit(now(2000, 0)), REPLAYED);
}

#[test]
fn seconds_that_wrap_are_told_apart() {
    let at = |secs| Now {
        wall: until(0),
        mono: MonoTime::from_secs(secs),
    };
    let wraps = u64::from(WRAPS);
    for (end, now, want) in [
        (10, 9, false),
        (10, 10, true),
        (10, 1_000_000, true),
        (wraps - 1, wraps - 2, false),
        (wraps - 1, wraps + 5, true),
        (wraps + 5, wraps - 1, false),
        (7 * wraps + 5, 7 * wraps + 6, true),
    ] {
        let end = u32::try_from(end % wraps).unwrap();
        assert_eq!(has_passed(end, at(now)), want, "{end} {now}");
    }
}
