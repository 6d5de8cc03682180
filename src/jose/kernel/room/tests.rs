use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// What is kept, of a size that needs several seconds to fill the room.
const BYTES: usize = BYTES_A_SECOND / 2;
const MOST: usize = ROOM / BYTES;

/// An issuer that asks for tables.
#[derive(Default)]
struct Issuer(Share);

impl Issuer {
    fn at(&self, second: u64) -> Upkeep<'_> {
        Upkeep {
            share: Some(&self.0),
            now: MonoTime::from_secs(second),
        }
    }

    /// Asks for the table of the key of this name, which is the table.
    fn ask(&self, name: u8, second: u64) {
        let place = Place::default();
        if place.find::<u8>(self.at(second), &[name]).is_none() {
            place.make(self.at(second), &[name], BYTES, || name);
        }
    }

    fn has(&self, name: u8, second: u64) -> bool {
        let found = Place::default().find::<u8>(self.at(second), &[name]);
        found.is_some_and(|table| *table == name)
    }

    fn count(&self) -> usize {
        self.0.bytes() / BYTES
    }

    /// Asks for one after the other, one a second.
    fn fill(&self, names: std::ops::Range<u8>, from: u64) {
        for (name, second) in names.zip(from..) {
            self.ask(name, second);
        }
    }
}

#[test]
fn so_many_bytes_are_made_a_second() {
    forget_all();
    let (issuer, before) = (Issuer::default(), made());
    for second in [7, 8, 3] {
        let before = issuer.count();
        for name in 0..20 {
            issuer.ask(name, second);
        }
        assert_eq!(issuer.count() - before, 2, "{second}");
    }
    assert_eq!(made() - before, 6);
}

#[test]
fn one_issuer_alone_may_have_all() {
    forget_all();
    let (issuer, before) = (Issuer::default(), made());
    issuer.fill(0..40, 0);
    assert_eq!(issuer.count(), MOST);
    // What there is stays, in however many sets it comes again.
    issuer.fill(0..u8::try_from(MOST).unwrap(), 200);
    assert_eq!(made() - before, MOST);
}

#[test]
fn a_second_issuer_gets_its_half_and_no_more() {
    forget_all();
    let (first, second) = (Issuer::default(), Issuer::default());
    first.fill(0..40, 0);
    second.fill(100..140, 40);
    assert_eq!((first.count(), second.count()), (MOST / 2, MOST / 2));
    // Nor do they take it from each other in turns.
    let before = made();
    for round in 0..5 {
        first.fill(0..40, 45);
        second.fill(100..140, 45);
        assert_eq!(made(), before, "{round}");
    }
    // Of the first one's, those stayed that were used last.
    assert!(first.has(u8::try_from(MOST - 1).unwrap(), 80));
    assert!(!first.has(0, 80));
}

#[test]
fn each_of_many_issuers_gets_one() {
    forget_all();
    let issuers: Vec<_> = (0..MOST).map(|_| Issuer::default()).collect();
    for (place, issuer) in (0_u8..).zip(&issuers) {
        issuer.fill(place * 10..place * 10 + 10, u64::from(place) * 10);
    }
    assert!(issuers.iter().all(|issuer| issuer.count() >= 1));
}

#[test]
fn an_issuer_replaces_what_it_has_not_used_for_long() {
    forget_all();
    let issuer = Issuer::default();
    issuer.fill(0..40, 0);
    let end = 40 + IDLE.as_secs();
    let kept = u8::try_from(MOST - 1).unwrap();
    assert!(issuer.has(kept, end));
    issuer.ask(200, end + 1);
    assert!(issuer.has(200, end + 1) && issuer.has(kept, end + 1));
    assert_eq!(issuer.count(), MOST);
}

#[test]
fn what_is_nobodys_gives_way_or_goes_to_who_uses_it() {
    forget_all();
    let gone = Issuer::default();
    gone.fill(0..40, 0);
    drop(gone);
    let heir = Issuer::default();
    assert!(heir.has(1, 50));
    assert_eq!(heir.count(), 1);
    heir.fill(100..140, 51);
    assert_eq!(heir.count(), MOST);
    assert!(heir.has(1, 52));
}

#[test]
fn one_name_is_of_one_kind_of_table_and_of_one_key() {
    forget_all();
    let issuer = Issuer::default();
    issuer.ask(1, 0);
    let before = made();
    let place = Place::default();
    assert!(place.find::<u16>(issuer.at(0), &[1]).is_none());
    assert!(place.find::<u8>(issuer.at(0), &[1, 0]).is_none());
    assert!(place.find::<u8>(Upkeep::NONE, &[1]).is_none());
    place.make(Upkeep::NONE, &[2], BYTES, || 2_u8);
    assert!(!issuer.has(2, 0));
    assert_eq!(made(), before);
}

#[test]
fn what_had_to_be_made_anyway_is_kept_where_there_is_room() {
    forget_all();
    let (issuer, before) = (Issuer::default(), made());
    for name in 0..100 {
        Place::default().offer(issuer.at(0), &[name], BYTES, &Rc::new(name));
    }
    assert_eq!((issuer.count(), made() - before), (MOST, MOST));
    assert!(issuer.has(0, 0));
}
