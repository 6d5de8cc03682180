use super::*;
use crate::client::ClientNetwork;

const SECRET: [u8; 32] = [7; 32];
/// What a signature costs here.
const COST: u32 = 26;

fn at(millis: u64) -> MonoTime {
    MonoTime::from_millis(1_000_000_000 + millis)
}

fn budget(millis: u64) -> TimeBudget {
    TimeBudget::new(Duration::from_millis(millis), SECRET)
}

/// Asks for one signature of a caller from this network, who says to be this subject.
fn ask_of(
    budget: &mut TimeBudget,
    (network, subject): (Option<u32>, &str),
    (cost, is_good): (u32, bool),
    now: MonoTime,
) -> Result<(), u32> {
    let client = network.map_or_else(Client::default, |network| ClientNetwork::V4(network).into());
    let payer = Payer::Stranger {
        client: &client,
        claimed: Claimed {
            issuer: Some("https://issuer"),
            subject: Some(subject),
            key_id: Some("a"),
        },
    };
    let charge = budget.charge(cost, &payer, now)?;
    budget.settle(charge, &payer, is_good, now);
    Ok(())
}

fn bad(budget: &mut TimeBudget, network: u32, now: MonoTime) -> bool {
    ask_of(budget, (Some(network), "x"), (COST, false), now).is_ok()
}

fn good(budget: &mut TimeBudget, network: u32, now: MonoTime) -> bool {
    ask_of(budget, (Some(network), "x"), (COST, true), now).is_ok()
}

#[test]
fn good_work_costs_nothing_however_much_there_is() {
    let mut budget = budget(10);
    assert!((0..100_000).all(|each| good(&mut budget, each, at(0))));
    assert!((0..100_000).all(|_| good(&mut budget, 1, at(0))));
}

#[test]
fn good_work_is_given_back_while_little_is_left_too() {
    let mut budget = budget(100);
    while bad(&mut budget, 1, at(0)) {}
    assert!((0..100_000).all(|_| good(&mut budget, 2, at(0))));
    // Now the other network has nearly all requests; this one has a share as a network, and no more.
    let more = (0..1000).take_while(|_| bad(&mut budget, 1, at(0))).count();
    assert!(more < 300, "{more}");
    assert!(good(&mut budget, 2, at(0)));
}

#[test]
fn an_idle_vm_refuses_nobody_whatever_the_work_costs() {
    let mut budget = budget(1);
    let mut dear = |now| ask_of(&mut budget, (Some(1), "x"), (4000, false), now);
    assert_eq!(dear(at(0)), Ok(()));
    // It was four seconds' worth.
    assert_eq!(dear(at(1000)), Err(3));
    assert_eq!(dear(at(3000)), Err(1));
    assert_eq!(dear(at(4000)), Ok(()));
}

#[test]
fn within_half_a_second_s_worth_nobody_is_refused_for_anybody() {
    let mut budget = budget(500);
    // 240 milliseconds.
    for each in 0..9200 {
        assert!(bad(&mut budget, each % 3, at(0)), "{each}");
    }
    assert!(bad(&mut budget, 9, at(0)));
    // What a second brings is enough for as much again.
    for second in 1..20 {
        for each in 0..9200 {
            assert!(
                bad(&mut budget, each % 3, at(second * 1000)),
                "{second} {each}"
            );
        }
    }
}

#[test]
fn however_many_flood_others_get_theirs_and_no_more_is_spent_than_there_is() {
    for flooders in [1, 2, 10, 100, 1000] {
        let mut budget = budget(500);
        let mut spent = 0_u64;
        for millis in 0..4000 {
            // Ten times as many as there is time for.
            for each in 0..200 {
                let flooder = (millis * 200 + each) % flooders;
                if bad(&mut budget, 1000 + flooder, at(millis.into())) {
                    spent += u64::from(COST);
                }
            }
            let newcomer = 100_000 + millis;
            assert!(
                good(&mut budget, newcomer, at(millis.into())),
                "{flooders} {millis}"
            );
            // Somebody whose token is bad now and then is no flooder.
            if millis % 250 == 0 {
                assert!(
                    bad(&mut budget, 5, at(millis.into())),
                    "{flooders} {millis}"
                );
            }
        }
        assert!(spent <= 500_000 * 5, "{flooders}: {spent}");
        // A flood gets what nobody else needs.
        assert!(
            flooders > 100 || spent >= 500_000 * 3,
            "{flooders}: {spent}"
        );
    }
}

#[test]
fn an_attacker_who_is_nearly_all_the_requests_takes_nothing_from_other_addresses() {
    let mut budget = budget(500);
    for millis in 0..4000_u32 {
        for each in 0..100 {
            let made_up = format!("{millis} {each}");
            let _ = ask_of(
                &mut budget,
                (Some(1), &made_up),
                (COST, false),
                at(millis.into()),
            );
        }
        assert!(good(&mut budget, 2 + millis, at(millis.into())), "{millis}");
    }
}

#[test]
fn behind_a_balancer_made_up_subjects_take_nothing_from_those_seen_before() {
    for network in [Some(1), None] {
        let mut budget = budget(500);
        let known = |each: u32| format!("user {}", each % 50);
        for each in 0..50 {
            let first = ask_of(&mut budget, (network, &known(each)), (COST, true), at(0));
            assert_eq!(first, Ok(()));
        }
        for millis in 1..4000_u32 {
            for each in 0..100 {
                let made_up = format!("{millis} {each}");
                let _ = ask_of(
                    &mut budget,
                    (network, &made_up),
                    (COST, false),
                    at(millis.into()),
                );
            }
            let again = ask_of(
                &mut budget,
                (network, &known(millis)),
                (COST, true),
                at(millis.into()),
            );
            assert_eq!(again, Ok(()), "{millis}");
        }
    }
}

#[test]
fn behind_a_balancer_one_subject_s_flood_is_that_subject_s() {
    let mut budget = budget(500);
    for millis in 0..4000_u32 {
        for _ in 0..100 {
            let _ = ask_of(
                &mut budget,
                (None, "mallory"),
                (COST, false),
                at(millis.into()),
            );
        }
        let other = format!("user {millis}");
        let other = ask_of(&mut budget, (None, &other), (COST, true), at(millis.into()));
        assert_eq!(other, Ok(()), "{millis}");
    }
}

#[test]
fn who_holds_a_key_pays_for_it_alone() {
    let mut budget = budget(250);
    let mut ask = |key, is_good| {
        let payer = Payer::Holder(key);
        let charge = budget.charge(100, &payer, at(0))?;
        budget.settle(charge, &payer, is_good, at(0));
        Ok::<_, u32>(())
    };
    while ask("mallory", false).is_ok() {}
    assert_eq!(ask("mallory", true), Err(1));
    assert_eq!(ask("alice", true), Ok(()));
    assert_eq!(ask("alice", false), Ok(()));
}

#[test]
fn a_clock_that_goes_back_brings_nothing_and_stops_nothing() {
    let mut budget = budget(100);
    while bad(&mut budget, 1, at(100_000)) {}
    // The count of requests begins anew, and this network is not yet nearly all of them.
    let more = (0..1000).take_while(|_| bad(&mut budget, 1, at(0))).count();
    assert!(more < 300, "{more}");
    assert!(bad(&mut budget, 1, at(5000)));
}
