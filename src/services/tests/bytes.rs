//! What the store takes in memory, whatever services say.

use super::*;
use crate::keys::testing::turn;

/// Answers of about so many bytes each, all of which is read.
fn bulky(bytes: usize) -> Value {
    let groups: Vec<String> = (0..bytes / 10).map(|at| format!("{at:07}")).collect();
    json!({ "active": true, "sub": "a", "groups": groups })
}

#[test]
fn answers_make_room_by_their_size_long_before_their_number_does() {
    let most = 4 << 20;
    let introspection = Protocol::Introspection(Introspection::new("c", "s"));
    let mut store = store(introspection).with_bytes(most);
    for number in 0..60 {
        let token = token(&format!("t{number}"));
        ask(&mut store, &token, 200, &bulky(30_000), at(number));
        assert_eq!(known(&store, &token, at(number)), "vouches", "{number}");
        assert!(store.bytes() <= most, "{number}: {}", store.bytes());
    }
    // It is filled, and not with next to nothing.
    assert!(store.bytes() > most / 2, "{}", store.bytes());
    let kept =
        (0..60).filter(|number| known(&store, &token(&format!("t{number}")), at(60)) == "vouches");
    assert!((5..60).contains(&kept.count()));
    assert_eq!(known(&store, &token("t0"), at(60)), "pending");
}

#[test]
fn one_answer_that_is_more_than_all_that_is_allowed_serves_who_waits_for_it() {
    let mut store = store(Protocol::Verifier).with_bytes(1000);
    ask(
        &mut store,
        &token("small"),
        200,
        &json!({ "sub": "a" }),
        at(0),
    );
    ask(&mut store, &token("big"), 200, &bulky(30_000), at(1));
    assert_eq!(known(&store, &token("big"), at(1)), "vouches");
    assert_eq!(known(&store, &token("small"), at(1)), "pending");
}

#[test]
fn what_nobody_reads_is_not_kept() {
    let mut service = service(Protocol::Introspection(Introspection::new("c", "s")));
    service.reads = Rc::default();
    let mut store = ServiceStore::new(&[service], 100, [0; 32]);
    let before = store.bytes();
    ask(&mut store, &token("t"), 200, &bulky(30_000), at(0));
    assert_eq!(known(&store, &token("t"), at(0)), "vouches");
    assert!(store.bytes() - before < 1000, "{}", store.bytes());
}

#[test]
fn open_questions_count_until_they_are_closed() {
    let mut store = store(Protocol::Verifier).with_bytes(1 << 20);
    let long = |number: u64| token(&format!("{number}{}", "x".repeat(16_000)));
    for number in 0..20 {
        store.want(&long(number), at(0));
    }
    assert!(store.bytes() >= 20 * 16_000, "{}", store.bytes());
    for number in 0..10 {
        store.forget(&long(number));
    }
    while let Some(call) = store.poll_call(
        Leader::Request,
        usize::MAX,
        &mut turn(&mut NoStore, at(0).mono),
    ) {
        answer(&mut store, call, 401, &json!({}), at(0));
    }
    assert!(store.bytes() < 16_000, "{}", store.bytes());
}

#[test]
fn directories_count_with_their_lists_and_what_is_read_of_profiles() {
    let entry = |name: &str| {
        question(Ask::Entry {
            provider: "p".into(),
            subject: name.into(),
            name: "".into(),
        })
    };
    let bulk: Vec<String> = (0..20_000).map(|at| format!("{at:07}")).collect();
    let answer = json!({ "groups": bulk, "profile": { "a": "x".repeat(50_000), "b": 1 } });
    let mut profile = Reads::default();
    profile.add(&crate::json::ClaimPath::parse("b").unwrap());
    let directory = |profile| {
        Protocol::Directory(Directory {
            profile: Rc::new(profile),
            ..Directory::default()
        })
    };
    let mut store = store(directory(profile)).with_bytes(4 << 20);
    for number in 0..30 {
        ask(
            &mut store,
            &entry(&number.to_string()),
            200,
            &answer,
            at(number),
        );
        assert!(store.bytes() <= 4 << 20);
    }
    let Ok(Some(Answer::Attributes(held))) = store.lookup(&entry("29"), at(29)) else {
        panic!("the last one is gone");
    };
    assert_eq!((held.groups.len(), held.profile.len()), (20_000, 1));
    // Fifteen bytes a group, where a tree takes sixty.
    assert!(
        (280_000..420_000).contains(&held.weight()),
        "{}",
        held.weight()
    );
}

#[test]
fn an_answer_that_a_request_waits_with_is_not_pushed_out() {
    let most = 4 << 20;
    let introspection = Protocol::Introspection(Introspection::new("c", "s"));
    let mut store = store(introspection).with_bytes(most);
    // It ends before all the others do, and would be the first to go.
    let waits = token("waits");
    let digest = store.digest(&waits);
    store.pin(digest);
    store.pin(digest);
    let ends_soon = json!({ "active": true, "sub": "a", "exp": 1_000_020 });
    ask(&mut store, &waits, 200, &ends_soon, at(0));
    let fill = |store: &mut ServiceStore, from: u64| {
        for number in from..from + 60 {
            let other = token(&format!("t{number}"));
            let digest = store.digest(&other);
            store.pin(digest);
            ask(store, &other, 200, &bulky(30_000), at(1));
            assert_eq!(known(store, &other, at(1)), "vouches", "{number}");
            assert!(store.bytes() <= most);
            store.unpin(&digest);
        }
    };
    fill(&mut store, 0);
    store.unpin(&digest);
    fill(&mut store, 100);
    assert_eq!(known(&store, &waits, at(2)), "vouches");
    store.unpin(&digest);
    fill(&mut store, 200);
    assert_eq!(known(&store, &waits, at(2)), "pending");
}

#[test]
fn what_does_not_fit_beside_what_others_wait_with_fails_at_once() {
    let most = 4 << 20;
    let introspection = Protocol::Introspection(Introspection::new("c", "s"));
    let mut store = store(introspection).with_bytes(most);
    let mut words = Vec::new();
    for number in 0..60 {
        let waits = token(&format!("t{number}"));
        store.pin(store.digest(&waits));
        ask(&mut store, &waits, 200, &bulky(30_000), at(0));
        assert!(store.bytes() <= most + 1000 * number, "{number}");
        words.push(known(&store, &waits, at(0)));
    }
    let fits = words.iter().position(|word| *word != "vouches").unwrap();
    assert!(fits > 4, "{words:?}");
    assert!(words[fits..].iter().all(|word| *word == "unavailable"));
    assert!(!store.takes_more());
    assert_eq!(known(&store, &token("t0"), at(0)), "vouches");
}
