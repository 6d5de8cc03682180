//! The VMs of a process, and what they know of callers together.

use super::*;
use crate::keys::testing::turn;
use crate::keys::{Entry, SharedData, Swap};
use crate::services::shared::LONGEST;

fn people() -> Service {
    service(Protocol::Directory(Directory {
        mapping: None,
        shared: true,
        profile: Rc::new(Reads::everything()),
    }))
}

/// A VM with a secret of its own.
fn vm(number: u8) -> ServiceStore {
    ServiceStore::new(&[people()], 100, [number; 32]).with_slots(64)
}

fn about(subject: &str) -> Question {
    question(Ask::Entry {
        provider: "p".into(),
        subject: subject.into(),
        name: "".into(),
    })
}

/// A request comes that needs an entry; the call that it makes, if any.
fn needs(
    vm: &mut ServiceStore,
    subject: &str,
    process: &mut dyn SharedData,
    now: Now,
) -> Option<Call> {
    vm.want(&about(subject), now);
    vm.poll_call(Leader::Request, usize::MAX, &mut turn(process, now.mono))
}

fn tick(vm: &mut ServiceStore, process: &mut dyn SharedData, now: Now) -> Option<Call> {
    vm.handle_tick(&mut turn(process, now.mono));
    vm.poll_call(Leader::Tick, usize::MAX, &mut turn(process, now.mono))
}

fn answers(
    vm: &mut ServiceStore,
    call: Call,
    status: u16,
    body: &Value,
    process: &mut Process,
    now: Now,
) {
    let body = body.to_string();
    let outcome = CalloutOutcome::Answered {
        status,
        headers: &Headers::default(),
        body: body.as_bytes(),
    };
    vm.handle_answered(call, outcome, &mut turn(process, now));
}

fn groups(vm: &ServiceStore, subject: &str, now: Now) -> Option<Vec<String>> {
    match vm.lookup(&about(subject), now) {
        Ok(Some(Answer::Attributes(entry))) => {
            Some(entry.groups.iter().map(str::to_owned).collect())
        }
        _ => None,
    }
}

#[test]
fn one_vm_asks_and_all_have_the_answer() {
    let mut process = Process::default();
    let mut vms: Vec<_> = (0..4).map(vm).collect();
    let calls: Vec<_> = vms
        .iter_mut()
        .map(|vm| needs(vm, "alice", &mut process, at(0)))
        .collect();
    assert_eq!(
        calls.iter().map(Option::is_some).collect::<Vec<_>>(),
        [true, false, false, false]
    );
    // The tick looks, and does not ask either.
    for vm in &mut vms[1..] {
        assert_eq!(tick(vm, &mut process, at(1)), None);
        assert_eq!(known(vm, &about("alice"), at(1)), "pending");
        assert!(vm.take_settled().is_empty());
    }
    let entry = json!({ "groups": ["staff"], "profile": { "x": [1] } });
    answers(
        &mut vms[0],
        calls[0].unwrap(),
        200,
        &entry,
        &mut process,
        at(1),
    );
    for vm in &mut vms[1..] {
        assert_eq!(tick(vm, &mut process, at(1)), None);
        assert_eq!(vm.take_settled().len(), 1);
        assert_eq!(groups(vm, "alice", at(1)), Some(vec!["staff".to_owned()]));
    }
    // Whoever comes later finds it at once, in another configuration of the same directory too.
    let mut late = vm(9);
    assert_eq!(needs(&mut late, "alice", &mut process, at(30)), None);
    assert_eq!(late.take_settled().len(), 1);
    assert_eq!(
        groups(&late, "alice", at(30)),
        Some(vec!["staff".to_owned()])
    );
    // It ends for all at the same time, jitter included.
    assert_eq!(groups(&late, "alice", at(61)), None);
    assert_eq!(groups(&vms[1], "alice", at(61)), None);
}

#[test]
fn the_warm_path_reads_no_shared_data() {
    struct Untouchable;
    impl SharedData for Untouchable {
        fn read(&mut self, key: &str) -> Option<Entry> {
            panic!("{key} is read")
        }
        fn swap(&mut self, key: &str, _: &[u8], _: Option<u32>) -> Swap {
            panic!("{key} is written")
        }
    }
    let mut process = Process::default();
    let mut vm = vm(1);
    let call = needs(&mut vm, "alice", &mut process, at(0)).unwrap();
    answers(
        &mut vm,
        call,
        200,
        &json!({ "groups": ["g"] }),
        &mut process,
        at(0),
    );
    assert_eq!(groups(&vm, "alice", at(1)), Some(vec!["g".to_owned()]));
    assert_eq!(needs(&mut vm, "alice", &mut Untouchable, at(1)), None);
    assert_eq!(tick(&mut vm, &mut Untouchable, at(1)), None);
}

#[test]
fn a_leader_that_dies_is_replaced() {
    let mut process = Process::default();
    let (mut dead, mut other) = (vm(1), vm(2));
    assert!(needs(&mut dead, "alice", &mut process, at(0)).is_some());
    assert_eq!(needs(&mut other, "alice", &mut process, at(0)), None);
    drop(dead);
    // A callout may take five seconds, and is waited for one more.
    assert_eq!(tick(&mut other, &mut process, at(5)), None);
    let call = tick(&mut other, &mut process, at(6)).unwrap();
    answers(
        &mut other,
        call,
        200,
        &json!({ "groups": ["g"] }),
        &mut process,
        at(6),
    );
    assert_eq!(groups(&other, "alice", at(6)), Some(vec!["g".to_owned()]));
}

#[test]
fn a_leader_whose_client_goes_away_asks_again_itself() {
    let mut process = Process::default();
    let (mut leader, mut other) = (vm(1), vm(2));
    let call = needs(&mut leader, "alice", &mut process, at(0)).unwrap();
    assert_eq!(needs(&mut other, "alice", &mut process, at(0)), None);
    leader.abandon(call, |_| true, &mut turn(&mut process, at(0).mono));
    assert_eq!(tick(&mut other, &mut process, at(1)), None);
    let again = tick(&mut leader, &mut process, at(1)).unwrap();
    answers(&mut leader, again, 404, &json!({}), &mut process, at(1));
    assert_eq!(tick(&mut other, &mut process, at(1)), None);
    // Nobody of that name is an answer too.
    assert_eq!(groups(&other, "alice", at(1)), Some(Vec::new()));
}

#[test]
fn a_leader_whom_nobody_needs_any_more_leaves_the_question_to_others() {
    let mut process = Process::default();
    let (mut leader, mut other) = (vm(1), vm(2));
    let call = needs(&mut leader, "alice", &mut process, at(0)).unwrap();
    assert_eq!(needs(&mut other, "alice", &mut process, at(0)), None);
    leader.abandon(call, |_| false, &mut turn(&mut process, at(1).mono));
    assert_eq!(tick(&mut leader, &mut process, at(1)), None);
    assert!(tick(&mut other, &mut process, at(1)).is_some());
}

#[test]
fn a_leader_that_ends_leaves_the_question_to_others() {
    let mut process = Process::default();
    let (mut leader, mut other) = (vm(1), vm(2));
    assert!(needs(&mut leader, "alice", &mut process, at(0)).is_some());
    assert_eq!(needs(&mut other, "alice", &mut process, at(0)), None);
    leader.release(&mut turn(&mut process, at(0).mono));
    assert_eq!(leader.in_flight(), 0);
    let call = tick(&mut other, &mut process, at(0)).unwrap();
    // What another asks now stays with it.
    leader.release(&mut turn(&mut process, at(0).mono));
    assert_eq!(needs(&mut vm(3), "alice", &mut process, at(0)), None);
    answers(&mut other, call, 404, &json!({}), &mut process, at(0));
    assert_eq!(groups(&other, "alice", at(0)), Some(Vec::new()));
}

#[test]
fn a_failure_is_everybodys_for_a_moment() {
    let mut process = Process::default();
    let (mut leader, mut other) = (vm(1), vm(2));
    let call = needs(&mut leader, "alice", &mut process, at(0)).unwrap();
    assert_eq!(needs(&mut other, "alice", &mut process, at(0)), None);
    answers(&mut leader, call, 500, &json!({}), &mut process, at(0));
    assert_eq!(tick(&mut other, &mut process, at(0)), None);
    assert_eq!(known(&other, &about("alice"), at(0)), "unavailable");
    assert_eq!(known(&other, &about("alice"), at(1)), "pending");
    assert!(needs(&mut other, "alice", &mut process, at(1)).is_some());
}

#[test]
fn nobody_knows_more_or_longer_by_another_vms_word() {
    let mut process = Process::default();
    let mut leader = vm(1);
    let call = needs(&mut leader, "alice", &mut process, at(0)).unwrap();
    answers(
        &mut leader,
        call,
        200,
        &json!({ "groups": ["g"] }),
        &mut process,
        at(0),
    );
    let (key, good) = process
        .entries
        .iter()
        .find(|(key, _)| !key.ends_with("secret"))
        .map(|(key, entry)| (key.clone(), entry.value.clone()))
        .unwrap();
    let with = |place: usize, bytes: &[u8]| {
        let mut value = good.clone();
        value[place..place + bytes.len()].copy_from_slice(bytes);
        value
    };
    let far = u64::MAX.to_le_bytes();
    let too_long = [good.clone(), vec![b' '; LONGEST]].concat();
    // The value, whether it serves, and until when.
    let rows: Vec<(&str, Vec<u8>, Option<u64>)> = vec![
        ("as it is", good.clone(), Some(60)),
        ("another layout", with(0, &[9]), None),
        ("another kind", with(1, &[9]), None),
        ("another subject", with(2, &[0, 1, 2]), None),
        ("an end in the past", with(34, &[0; 8]), None),
        ("an end far away", with(34, &far), None),
        ("no entry", [&good[..50], b"[]"].concat(), None),
        ("cut", good[..40].to_vec(), None),
        ("empty", Vec::new(), None),
        ("too long", too_long, None),
        (
            "a repeated member",
            [&good[..50], br#"{"groups":[],"groups":["g"]}"#].concat(),
            None,
        ),
        ("a lease without an end", with(1, &[3]), None),
        (
            "a failure without an end",
            [&with(1, &[2])[..34], &far, &[0; 8]].concat(),
            None,
        ),
        (
            "a lease far away",
            [&with(1, &[3])[..34], &far, &[0; 8]].concat(),
            None,
        ),
    ];
    for (what, value, serves) in rows {
        process.entries.get_mut(&key).unwrap().value = value;
        let mut other = vm(2);
        let call = needs(&mut other, "alice", &mut process, at(0));
        assert_eq!(call.is_none(), serves.is_some(), "{what}");
        if let Some(secs) = serves {
            assert!(groups(&other, "alice", at(50)).is_some(), "{what}");
            assert_eq!(groups(&other, "alice", at(secs)), None, "{what}");
        }
    }
}

#[test]
fn the_store_has_an_end() {
    let mut process = Process::default();
    let mut vm = vm(1);
    for number in 0..1000 {
        let subject = format!("subject-{number}");
        let call = needs(&mut vm, &subject, &mut process, at(0)).unwrap();
        let groups = vec!["g".repeat(number); number % 20];
        answers(
            &mut vm,
            call,
            200,
            &json!({ "groups": groups }),
            &mut process,
            at(0),
        );
    }
    let slots = process.entries.len();
    assert!((50..=65).contains(&slots), "{slots}");
    assert!(
        process
            .entries
            .values()
            .all(|entry| entry.value.len() <= LONGEST)
    );
}

#[test]
fn what_is_too_long_for_a_slot_each_vm_asks_for_itself() {
    let mut process = Process::default();
    let (mut leader, mut other) = (vm(1), vm(2));
    let call = needs(&mut leader, "alice", &mut process, at(0)).unwrap();
    assert_eq!(needs(&mut other, "alice", &mut process, at(0)), None);
    let long = json!({ "groups": ["g".repeat(LONGEST)] });
    answers(&mut leader, call, 200, &long, &mut process, at(0));
    let own = tick(&mut other, &mut process, at(0)).unwrap();
    answers(&mut other, own, 200, &long, &mut process, at(0));
    assert_eq!(groups(&other, "alice", at(1)).unwrap()[0].len(), LONGEST);
    assert!(needs(&mut vm(3), "alice", &mut process, at(1)).is_some());
}

#[test]
fn subjects_of_one_slot_do_not_wait_for_each_other() {
    let mut process = Process::default();
    let mut vms =
        [1, 2].map(|number| ServiceStore::new(&[people()], 100, [number; 32]).with_slots(1));
    let [one, two] = &mut vms;
    let alice = needs(one, "alice", &mut process, at(0)).unwrap();
    let bob = needs(two, "bob", &mut process, at(0)).unwrap();
    answers(
        two,
        bob,
        200,
        &json!({ "groups": ["b"] }),
        &mut process,
        at(0),
    );
    answers(
        one,
        alice,
        200,
        &json!({ "groups": ["a"] }),
        &mut process,
        at(0),
    );
    assert_eq!(groups(one, "alice", at(0)), Some(vec!["a".to_owned()]));
    assert_eq!(groups(two, "bob", at(0)), Some(vec!["b".to_owned()]));
    // The slot is Alice's, and nobody takes hers for Bob's.
    assert_eq!(needs(two, "alice", &mut process, at(0)), None);
    assert!(needs(one, "bob", &mut process, at(0)).is_some());
}

#[test]
fn directories_that_are_asked_otherwise_share_nothing() {
    let ask = |change: &dyn Fn(&mut Service)| {
        let mut process = Process::default();
        let mut leader = vm(1);
        let call = needs(&mut leader, "alice", &mut process, at(0)).unwrap();
        answers(
            &mut leader,
            call,
            200,
            &json!({ "groups": ["g"] }),
            &mut process,
            at(0),
        );
        let mut other = people();
        change(&mut other);
        let mut other = ServiceStore::new(&[other], 100, [2; 32]).with_slots(64);
        needs(&mut other, "alice", &mut process, at(0)).is_some()
    };
    assert!(!ask(&|service| service.name = "renamed".to_owned()));
    assert!(!ask(&|service| service.timeout = Duration::from_secs(1)));
    assert!(ask(&|service| service.upstream = "other".to_owned()));
    assert!(ask(
        &|service| service.endpoint = Endpoint::parse("https://s.example/v2").unwrap()
    ));
    assert!(ask(
        &|service| service.headers = vec![("x-tenant".to_owned(), "b".into())]
    ));
    assert!(ask(&|service| {
        service.protocol = Protocol::Directory(Directory {
            mapping: Some(Mapping::default()),
            shared: true,
            profile: Rc::new(Reads::everything()),
        });
    }));
    // An entry of which other members of the profile were kept.
    assert!(ask(&|service| {
        service.protocol = Protocol::Directory(Directory {
            mapping: None,
            shared: true,
            profile: Rc::default(),
        });
    }));
    // Where sharing is switched off, nothing is read either.
    assert!(ask(
        &|service| service.protocol = Protocol::Directory(Directory::default())
    ));
}

#[test]
fn a_host_without_shared_data_leaves_each_vm_on_its_own() {
    let (mut one, mut two) = (vm(1), vm(2));
    let first = needs(&mut one, "alice", &mut NoStore, at(0));
    let second = needs(&mut two, "alice", &mut NoStore, at(0));
    assert!(first.is_some() && second.is_some());
}

#[test]
fn callers_who_came_together_are_not_asked_about_together_again() {
    let mut process = Process::default();
    let mut vm = vm(1);
    let subjects: Vec<String> = (0..90).map(|number| format!("s{number}")).collect();
    for subject in &subjects {
        let call = needs(&mut vm, subject, &mut process, at(0)).unwrap();
        answers(
            &mut vm,
            call,
            200,
            &json!({ "groups": ["g"] }),
            &mut process,
            at(0),
        );
    }
    let held = |secs: u64| {
        let held = subjects
            .iter()
            .filter(|subject| groups(&vm, subject, at(secs)).is_some());
        held.count()
    };
    // The cache holds a hundred; an entry serves for a minute, and up to six seconds less.
    assert_eq!((held(53), held(60)), (90, 0));
    assert!((20..70).contains(&held(57)), "{}", held(57));
}

/// VMs that come and go, clients that leave, answers that are late, a store that is written over: whatever happens,
/// nobody gets what is another's, and everybody gets an answer in the end.
#[test]
fn whatever_happens_nobody_has_what_is_anothers() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = move |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(most).unwrap()).unwrap()
    };
    let fresh = |number: u8| {
        let store = ServiceStore::new(&[people()], 8, [number; 32]);
        store.with_slots(3)
    };
    let mut process = Process::default();
    let mut vms: Vec<ServiceStore> = (0..4).map(fresh).collect();
    let mut flying: Vec<(usize, Call, String)> = Vec::new();
    let (mut served, mut asked, mut born) = (0, 0, 4_u8);
    let mut now = at(0);
    for _ in 0..60_000 {
        now = now.plus(Duration::from_millis(u64::try_from(below(80)).unwrap()));
        let (number, subject) = (below(vms.len()), format!("s{}", below(9)));
        match below(100) {
            0 => {
                // It traps, and is made again: what it asked is never answered.
                born = born.wrapping_add(1);
                vms[number] = fresh(born);
                flying.retain(|(vm, ..)| *vm != number);
            }
            1 => {
                let place = below(process.entries.len().max(1));
                if let Some(entry) = process.entries.values_mut().nth(place) {
                    entry.value.truncate(below(60));
                }
            }
            2..6 if !flying.is_empty() => {
                let (vm, call, _) = flying.swap_remove(below(flying.len()));
                let awaited = below(2) == 0;
                vms[vm].abandon(call, |_| awaited, &mut turn(&mut process, now.mono));
            }
            6..40 if !flying.is_empty() => {
                let (vm, call, subject) = flying.swap_remove(below(flying.len()));
                let (status, body) = match below(10) {
                    0 => (500, json!({})),
                    _ => (200, json!({ "groups": [subject] })),
                };
                answers(&mut vms[vm], call, status, &body, &mut process, now);
            }
            40..70 => {
                if matches!(vms[number].lookup(&about(&subject), now), Ok(None)) {
                    vms[number].want(&about(&subject), now);
                }
                while let Some(call) = vms[number].poll_call(
                    Leader::Request,
                    usize::MAX,
                    &mut turn(&mut process, now.mono),
                ) {
                    asked += 1;
                    let path = vms[number].request(call).unwrap().path;
                    let subject = path.trim_start_matches("/v1/").split('?').next();
                    flying.push((number, call, subject.unwrap().to_owned()));
                }
            }
            _ => {
                vms[number].handle_tick(&mut turn(&mut process, now.mono));
                while let Some(call) = vms[number].poll_call(
                    Leader::Tick,
                    usize::MAX,
                    &mut turn(&mut process, now.mono),
                ) {
                    asked += 1;
                    let path = vms[number].request(call).unwrap().path;
                    let subject = path.trim_start_matches("/v1/").split('?').next();
                    flying.push((number, call, subject.unwrap().to_owned()));
                }
            }
        }
        if let Some(held) = groups(&vms[number], &subject, now) {
            assert_eq!(held, [subject]);
            served += 1;
        }
        assert!(process.entries.len() <= 4);
    }
    assert!(served > 10_000 && asked < served / 2, "{served} {asked}");
    // Left alone, everybody gets every answer.
    let mut had = std::collections::BTreeSet::new();
    for _ in 0..400 {
        now = now.plus(Duration::from_millis(50));
        for (number, vm) in vms.iter_mut().enumerate() {
            for subject in 0..9 {
                let subject = about(&format!("s{subject}"));
                if matches!(vm.lookup(&subject, now), Ok(None)) {
                    vm.want(&subject, now);
                }
            }
            vm.handle_tick(&mut turn(&mut process, now.mono));
            while let Some(call) =
                vm.poll_call(Leader::Tick, usize::MAX, &mut turn(&mut process, now.mono))
            {
                let path = vm.request(call).unwrap().path;
                let subject = path.trim_start_matches("/v1/").split('?').next().unwrap();
                let body = json!({ "groups": [subject] });
                answers(vm, call, 200, &body, &mut process, now);
            }
            let subjects = (0..9).map(|subject| format!("s{subject}"));
            had.extend(
                subjects
                    .filter(|subject| groups(vm, subject, now).is_some())
                    .map(|subject| (number, subject)),
            );
        }
    }
    assert_eq!(had.len(), 4 * 9);
    assert!(vms.iter().all(|vm| vm.in_flight() == 0));
}

under_jumps!(
    "sharing.rs",
    [
        one_vm_asks_and_all_have_the_answer,
        the_warm_path_reads_no_shared_data,
        a_leader_that_dies_is_replaced,
        a_leader_whose_client_goes_away_asks_again_itself,
        a_leader_whom_nobody_needs_any_more_leaves_the_question_to_others,
        a_leader_that_ends_leaves_the_question_to_others,
        a_failure_is_everybodys_for_a_moment,
        nobody_knows_more_or_longer_by_another_vms_word,
        the_store_has_an_end,
        what_is_too_long_for_a_slot_each_vm_asks_for_itself,
        subjects_of_one_slot_do_not_wait_for_each_other,
        directories_that_are_asked_otherwise_share_nothing,
        a_host_without_shared_data_leaves_each_vm_on_its_own,
        callers_who_came_together_are_not_asked_about_together_again,
        whatever_happens_nobody_has_what_is_anothers,
    ],
    by_date: [],
);
