use std::time::Duration;

use super::NoStore;
use super::testing::Process;
use super::*;
use crate::headers::Headers;
use crate::keys::testing::turn;
use crate::time::jumps::{self, under_jumps};
use crate::time::{Now, UnixTime};

const DOCUMENT: &str = "https://issuer/.well-known/openid-configuration";
const ID: KeySourceId = KeySourceId(0);
const SET: &[u8] = br#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

fn store() -> KeyStore {
    KeyStore::new([source("https://issuer.example/jwks.json", None)])
}

fn source(uri: &str, issuer: Option<&str>) -> KeySource {
    KeySource {
        upstream: "idp".to_owned(),
        endpoint: Endpoint::parse(uri).unwrap(),
        issuer: issuer.map(str::to_owned),
        pins: None,
        limits: KeySetLimits::default(),
        schedule: Schedule {
            cache_duration: Duration::from_secs(1000),
            refresh_after: Duration::from_secs(800),
            stale_for: Duration::from_secs(500),
            unknown_kid_cooldown: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            cache_usages: None,
            retry: 0,
        },
    }
}

fn at(secs: u64) -> MonoTime {
    MonoTime::from_secs(500 + secs)
}

/// The same moment with its date.
fn on(mono: MonoTime) -> Now {
    let lasted = mono.since(at(0));
    Now {
        wall: jumps::wall(UnixTime::from_secs(1_000_000).plus(lasted), lasted),
        mono,
    }
}

fn answered(status: u16, body: &'static [u8]) -> CalloutOutcome<'static> {
    CalloutOutcome::Answered {
        status,
        // Leaked once a test: answers borrow their headers.
        headers: Box::leak(Box::default()),
        body,
    }
}

fn good() -> CalloutOutcome<'static> {
    answered(200, SET)
}

fn is_ready(store: &KeyStore, now: MonoTime) -> bool {
    matches!(store.lookup(ID, now), Ok(Some(_)))
}

#[test]
fn four_vms_make_one_fetch() {
    let mut process = Process::default();
    let mut vms = [store(), store(), store(), store()];
    let fetches: Vec<_> = vms
        .iter_mut()
        .filter_map(|vm| vm.poll_fetch(Leader::Request, &mut turn(&mut process, at(0))))
        .collect();
    assert_eq!(fetches.len(), 1);
    assert!(matches!(
        vms[0].handle_fetched(fetches[0], good(), &mut turn(&mut process, on(at(1)))),
        Some(Notice::Fetched {
            skipped: 0,
            not_pinned: 0,
            ..
        })
    ));
    for vm in &mut vms {
        assert_eq!(
            vm.poll_fetch(Leader::Request, &mut turn(&mut process, at(1))),
            None
        );
        assert!(is_ready(vm, at(1)));
    }
}

#[test]
fn a_leader_that_dies_is_replaced() {
    let mut process = Process::default();
    let (mut dead, mut other) = (store(), store());
    assert!(
        dead.poll_fetch(Leader::Request, &mut turn(&mut process, at(0)))
            .is_some()
    );
    assert_eq!(
        other.poll_fetch(Leader::Request, &mut turn(&mut process, at(5))),
        None
    );
    assert!(
        other
            .poll_fetch(Leader::Request, &mut turn(&mut process, at(6)))
            .is_some()
    );
}

#[test]
fn a_leader_that_ends_gives_its_lease_back_and_no_other_s() {
    for leader in [Leader::Tick, Leader::Request] {
        let mut process = Process::default();
        let (mut ending, mut other) = (store(), store());
        assert!(
            ending
                .poll_fetch(leader, &mut turn(&mut process, at(0)))
                .is_some()
        );
        assert_eq!(
            other.poll_fetch(leader, &mut turn(&mut process, at(0))),
            None
        );
        ending.release(&mut turn(&mut process, at(0)));
        assert_eq!(ending.in_flight(), 0);
        let fetch = other.poll_fetch(leader, &mut turn(&mut process, at(0)));
        // Ending once more, or after another has taken over, changes nothing.
        ending.release(&mut turn(&mut process, at(0)));
        assert_eq!(
            store().poll_fetch(leader, &mut turn(&mut process, at(1))),
            None
        );
        let notice =
            other.handle_fetched(fetch.unwrap(), good(), &mut turn(&mut process, on(at(1))));
        assert!(matches!(notice, Some(Notice::Fetched { .. })));
    }
}

#[test]
fn one_that_was_overdue_does_not_end_the_fetch_of_who_took_over() {
    let mut process = Process::default();
    let (mut ending, mut other) = (store(), store());
    assert!(
        ending
            .poll_fetch(Leader::Tick, &mut turn(&mut process, at(0)))
            .is_some()
    );
    assert!(
        other
            .poll_fetch(Leader::Tick, &mut turn(&mut process, at(6)))
            .is_some()
    );
    ending.release(&mut turn(&mut process, at(7)));
    assert_eq!(
        store().poll_fetch(Leader::Tick, &mut turn(&mut process, at(7))),
        None
    );
}

#[test]
fn an_abandoned_fetch_is_made_by_the_next_tick_and_by_no_request() {
    let mut process = Process::default();
    let (mut first, mut second) = (store(), store());
    let fetch = first
        .poll_fetch(Leader::Request, &mut turn(&mut process, at(0)))
        .unwrap();
    first.abandon(fetch, &mut turn(&mut process, at(0)));
    for vm in [&mut first, &mut second] {
        assert_eq!(
            vm.poll_fetch(Leader::Request, &mut turn(&mut process, at(0))),
            None
        );
    }
    assert!(
        second
            .poll_fetch(Leader::Tick, &mut turn(&mut process, at(0)))
            .is_some()
    );
    assert_eq!(
        first.handle_fetched(fetch, good(), &mut turn(&mut process, on(at(1)))),
        None
    );
}

#[test]
fn where_nobody_ticks_a_request_makes_an_abandoned_fetch() {
    let mut vm = store();
    let fetch = vm
        .poll_fetch(Leader::Request, &mut turn(&mut NoStore, at(0)))
        .unwrap();
    vm.abandon(fetch, &mut turn(&mut NoStore, at(0)));
    assert_eq!(
        vm.poll_fetch(Leader::Request, &mut turn(&mut NoStore, at(0))),
        None
    );
    assert!(
        vm.poll_fetch(Leader::Request, &mut turn(&mut NoStore, at(1)))
            .is_some()
    );
}

#[test]
fn keys_are_refreshed_ahead_and_serve_meanwhile() {
    let mut process = Process::default();
    let mut vm = store();
    for start in [0, 800, 1600] {
        let fetch = vm
            .poll_fetch(Leader::Tick, &mut turn(&mut process, at(start)))
            .unwrap();
        assert_eq!(is_ready(&vm, at(start)), start > 0);
        assert!(
            vm.handle_fetched(fetch, good(), &mut turn(&mut process, on(at(start))))
                .is_some()
        );
        assert_eq!(
            vm.poll_fetch(Leader::Request, &mut turn(&mut process, at(start + 719))),
            None,
            "a tenth is what the jitter may take away"
        );
    }
}

#[test]
fn a_request_refreshes_no_keys_that_serve() {
    let mut vm = store();
    let fetch = vm
        .poll_fetch(Leader::Request, &mut turn(&mut NoStore, at(0)))
        .unwrap();
    vm.handle_fetched(fetch, good(), &mut turn(&mut NoStore, on(at(0))));
    // It waits for something else, and its callouts end with it: the tick would have to fetch once more.
    for now in [800, 999] {
        assert_eq!(
            vm.poll_fetch(Leader::Request, &mut turn(&mut NoStore, at(now))),
            None
        );
    }
    assert!(
        vm.poll_fetch(Leader::Request, &mut turn(&mut NoStore, at(1000)))
            .is_some()
    );
}

#[test]
fn a_failure_is_backed_off_from_by_all_vms() {
    let mut process = Process::default();
    let (mut vm, mut other) = (store(), store());
    let mut now = 0;
    for wait in [1, 2, 4, 8, 16, 30, 30] {
        let fetch = vm
            .poll_fetch(Leader::Request, &mut turn(&mut process, at(now)))
            .unwrap();
        let notice = vm.handle_fetched(
            fetch,
            CalloutOutcome::Failed,
            &mut turn(&mut process, on(at(now))),
        );
        let Some(Notice::Failed {
            why, retry_after, ..
        }) = notice
        else {
            panic!("{notice:?}");
        };
        assert_eq!(why, FetchError::NoResponse);
        // A fifth is what the jitter may take away.
        assert!((wait * 4_u32).div_ceil(5) <= retry_after && retry_after <= wait);
        let wait = retry_after;
        assert_eq!(
            other.poll_fetch(Leader::Request, &mut turn(&mut process, at(now))),
            None
        );
        assert!(
            matches!(other.lookup(ID, at(now)), Err(Unavailable { retry_after }) if retry_after == wait)
        );
        assert_eq!(
            vm.poll_fetch(
                Leader::Request,
                &mut turn(&mut process, at(now + u64::from(wait) - 1))
            ),
            None
        );
        now += u64::from(wait);
    }
    let fetch = vm
        .poll_fetch(Leader::Request, &mut turn(&mut process, at(now)))
        .unwrap();
    assert!(
        vm.handle_fetched(fetch, good(), &mut turn(&mut process, on(at(now))))
            .is_some()
    );
    assert!(is_ready(&vm, at(now)) && seek(&vm, now) == Finding::Fetch);
}

fn said<'a>(status: u16, pairs: &[(&str, &str)]) -> CalloutOutcome<'a> {
    CalloutOutcome::Answered {
        status,
        headers: Box::leak(Box::new(Headers::from_pairs(pairs))),
        body: b"",
    }
}

#[test]
fn an_issuer_is_left_alone_as_long_as_it_says() {
    let sources = [
        source("https://issuer.example/jwks.json", None),
        source(DOCUMENT, Some("https://issuer")),
    ];
    // What it says, and for how many seconds nobody asks: at least and at most. Or it is asked again at once.
    type Row<'r> = (u16, &'r str, Option<(u32, u32)>);
    let rows: &[Row<'_>] = &[
        (429, "120", Some((120, 132))),
        (503, "120", Some((120, 132))),
        // Two minutes after the time of the wall clock.
        (429, "Mon, 12 Jan 1970 13:48:40 GMT", Some((120, 132))),
        (429, "0", Some((1, 2))),
        (503, "86400", Some((600, 660))),
        (429, "Sun, 12 Jan 2070 13:48:40 GMT", Some((600, 660))),
        (429, "", None),
        (429, "soon", None),
        (503, "-120", None),
        (429, "2 minutes", None),
        (500, "120", None),
        (404, "120", None),
    ];
    for (source, (status, value, want)) in sources
        .iter()
        .flat_map(|source| rows.iter().map(move |row| (source, row)))
    {
        let mut process = Process::default();
        let mut source = source.clone();
        source.schedule.retry = 1;
        let (mut vm, mut other) = (KeyStore::new([source.clone()]), KeyStore::new([source]));
        let fetch = vm
            .poll_fetch(Leader::Tick, &mut turn(&mut process, at(0)))
            .unwrap();
        let outcome = said(*status, &[("retry-after", value)]);
        let notice = vm.handle_fetched(fetch, outcome, &mut turn(&mut process, on(at(0))));
        let Some((least, most)) = *want else {
            assert_eq!(notice, None, "{status} {value}");
            let again = vm.poll_fetch(Leader::Tick, &mut turn(&mut process, at(1)));
            assert!(again.is_some(), "{status} {value}");
            continue;
        };
        let Some(Notice::Failed {
            why, retry_after, ..
        }) = notice
        else {
            panic!("{status} {value}: {notice:?}");
        };
        assert_eq!(why.to_string(), format!("status {status}"));
        assert!(
            (least..=most).contains(&retry_after),
            "{value}: {retry_after}"
        );
        for vm in [&mut vm, &mut other] {
            let early = at(u64::from(least) - 1);
            assert_eq!(
                vm.poll_fetch(Leader::Tick, &mut turn(&mut process, early)),
                None
            );
            assert!(matches!(vm.lookup(ID, early), Err(Unavailable { .. })));
        }
        let late = at(u64::from(most));
        assert!(
            other
                .poll_fetch(Leader::Tick, &mut turn(&mut process, late))
                .is_some()
        );
    }
}

#[test]
fn an_issuer_that_is_always_back_in_a_second_is_backed_off_from() {
    let mut process = Process::default();
    let mut vm = store();
    let (mut now, mut attempts) = (0, 0);
    while now < 120 {
        let fetch = vm
            .poll_fetch(Leader::Tick, &mut turn(&mut process, at(now)))
            .unwrap();
        attempts += 1;
        let outcome = said(429, &[("retry-after", "1")]);
        let notice = vm.handle_fetched(fetch, outcome, &mut turn(&mut process, on(at(now))));
        let Some(Notice::Failed { retry_after, .. }) = notice else {
            panic!("{notice:?}");
        };
        now += u64::from(retry_after);
    }
    assert!((8..=10).contains(&attempts), "{attempts}");
}

#[test]
fn old_keys_serve_while_the_issuer_is_down_and_no_longer_than_allowed() {
    let mut process = Process::default();
    let mut vm = store();
    let fetch = vm
        .poll_fetch(Leader::Request, &mut turn(&mut process, at(0)))
        .unwrap();
    vm.handle_fetched(fetch, good(), &mut turn(&mut process, on(at(0))));
    assert!(!is_ready(&vm, at(1000)), "expired, and no fetch has failed");
    let fetch = vm
        .poll_fetch(Leader::Request, &mut turn(&mut process, at(1000)))
        .unwrap();
    vm.handle_fetched(
        fetch,
        answered(500, b""),
        &mut turn(&mut process, on(at(1000))),
    );
    assert!(is_ready(&vm, at(1499)));
    assert!(!is_ready(&vm, at(1500)));
}

/// What is known, at this time, of a key that the set lacks.
fn seek(store: &KeyStore, secs: u64) -> Finding {
    let sought = Sought {
        key_id: Some("b"),
        issued_at: None,
        arrived: at(secs).plus(Duration::from_millis(1)),
    };
    store.seek(ID, &sought, at(secs))
}

#[test]
fn unknown_kids_buy_five_fetches_and_one_per_cooldown_for_the_process() {
    let mut process = Process::default();
    let (mut vm, mut other) = (store(), store());
    let mut fetch = |vm: &mut KeyStore, secs: u64| {
        vm.want_refetch(ID);
        let fetch = vm.poll_fetch(Leader::Request, &mut turn(&mut process, at(secs)));
        if let Some(fetch) = fetch {
            vm.handle_fetched(fetch, good(), &mut turn(&mut process, on(at(secs))));
        }
        fetch.is_some()
    };
    // The first is for the keys themselves.
    assert!(fetch(&mut vm, 0));
    for secs in 1..4 {
        assert_eq!(seek(&vm, secs), Finding::Fetch);
        assert!(fetch(&mut vm, secs));
    }
    // The other VM imports what was fetched, and looks for more of its own.
    assert!(!fetch(&mut other, 4));
    assert!(fetch(&mut other, 5) && fetch(&mut other, 6));
    assert!(!fetch(&mut other, 7));
    assert_eq!(seek(&other, 7), Finding::Later(24));
    // What this VM does not know yet it learns when it asks.
    assert_eq!(seek(&vm, 8), Finding::Fetch);
    assert!(!fetch(&mut vm, 8));
    assert!(!fetch(&mut vm, 9));
    assert_eq!(seek(&vm, 9), Finding::Later(22));
    assert!(fetch(&mut vm, 31) && !fetch(&mut vm, 32));
}

#[test]
fn a_host_that_never_calls_back_is_a_failure_and_a_late_answer_is_dropped() {
    let mut vm = store();
    let fetch = vm
        .poll_fetch(Leader::Request, &mut turn(&mut NoStore, at(0)))
        .unwrap();
    assert!(vm.handle_tick(&mut turn(&mut NoStore, at(5))).is_empty());
    assert_eq!(vm.handle_tick(&mut turn(&mut NoStore, at(6))).len(), 1);
    assert!(matches!(
        vm.lookup(ID, at(6)),
        Err(Unavailable { retry_after: 1 })
    ));
    assert_eq!(
        vm.handle_fetched(fetch, good(), &mut turn(&mut NoStore, on(at(6)))),
        None
    );
}

#[test]
fn what_another_vm_left_is_not_trusted() {
    let mut process = Process::default();
    let mut vm = store();
    let fetch = vm
        .poll_fetch(Leader::Request, &mut turn(&mut process, at(0)))
        .unwrap();
    vm.handle_fetched(fetch, good(), &mut turn(&mut process, on(at(0))));
    for entry in process
        .entries
        .values_mut()
        .filter(|entry| entry.value.ends_with(SET))
    {
        entry.value = b"{\"keys\":".to_vec();
    }
    let mut other = store();
    assert!(
        other
            .poll_fetch(Leader::Request, &mut turn(&mut process, at(1)))
            .is_some(),
        "broken keys are fetched again"
    );
    for entry in process.entries.values_mut() {
        entry.value = vec![0xff; 30];
    }
    assert!(
        store()
            .poll_fetch(Leader::Request, &mut turn(&mut process, at(1)))
            .is_some(),
        "a broken record counts as absent"
    );
}

#[test]
fn a_record_of_the_far_future_stops_nobody() {
    // Seconds of the longest back-off, and of the longest time that an issuer may say.
    for (phase, until, stops) in [
        (record::Phase::Fetching, 31, true),
        (record::Phase::Fetching, 32, false),
        (record::Phase::Failed, 31, true),
        (record::Phase::Failed, 32, false),
        (record::Phase::Limited, 661, true),
        (record::Phase::Limited, 662, false),
        (record::Phase::Limited, 1_000_000, false),
    ] {
        let mut process = Process::default();
        let mut vm = store();
        assert!(
            vm.poll_fetch(Leader::Request, &mut turn(&mut process, at(0)))
                .is_some()
        );
        let record = record::Record {
            phase,
            until: at(until),
            failures: 1,
            ..record::Record::default()
        };
        for entry in process.entries.values_mut() {
            entry.value = record.encode().to_vec();
        }
        let fetch = store().poll_fetch(Leader::Request, &mut turn(&mut process, at(1)));
        assert_eq!(fetch.is_none(), stops, "{phase:?} {until}");
    }
}

#[test]
fn each_refresh_and_each_attempt_is_at_a_time_of_its_own() {
    // When a set is fetched anew, in seconds from its last fetch; over a day, asked each second.
    let refreshes = |uri: &str, outcome: fn() -> CalloutOutcome<'static>| {
        let (mut vm, mut process) = (KeyStore::new([source(uri, None)]), Process::default());
        let (mut last, mut waits) = (0, Vec::new());
        for now in 0..86_400 {
            if let Some(fetch) = vm.poll_fetch(Leader::Tick, &mut turn(&mut process, at(now))) {
                vm.handle_fetched(fetch, outcome(), &mut turn(&mut process, on(at(now))));
                waits.push(now - last);
                last = now;
            }
        }
        waits
    };
    let varied = |waits: &[u64]| {
        let mut all = waits.to_vec();
        all.sort_unstable();
        all.dedup();
        all.len()
    };
    let (one, other) = ("https://one.example/k", "https://other.example/k");
    let waits = refreshes(one, good);
    // A refresh every 720 to 800 seconds, in each cycle; the first fetch is at once.
    let refreshed = u64::try_from(waits.len()).unwrap() - 1;
    assert!((86_400 / 801..=86_400 / 720).contains(&refreshed));
    assert!(waits[1..].iter().all(|wait| (720..=801).contains(wait)));
    assert!(varied(&waits[1..]) > 30, "{waits:?}");
    assert_ne!(waits, refreshes(other, good));

    let failed = || CalloutOutcome::Failed;
    let waits = refreshes(one, failed);
    // In the end an attempt every 24 to 30 seconds.
    let late = &waits[10..];
    assert!(late.iter().all(|wait| (24..=31).contains(wait)));
    assert!(varied(late) > 4, "{late:?}");
    assert_ne!(waits, refreshes(other, failed));
}

#[test]
fn an_issuer_s_configuration_is_read_for_that_issuer_alone() {
    const ANSWER: &[u8] = br#"{"issuer":"https://issuer","jwks_uri":"https://issuer/keys"}"#;
    let mut process = Process::default();
    let mut vm = KeyStore::new([source(DOCUMENT, Some("https://issuer"))]);
    let fetch = vm
        .poll_fetch(Leader::Tick, &mut turn(&mut process, at(0)))
        .unwrap();
    vm.handle_fetched(
        fetch,
        answered(200, ANSWER),
        &mut turn(&mut process, on(at(0))),
    );
    let fetch = vm
        .poll_fetch(Leader::Tick, &mut turn(&mut process, at(0)))
        .unwrap();
    vm.handle_fetched(fetch, good(), &mut turn(&mut process, on(at(0))));
    assert!(is_ready(&vm, at(0)));

    // The same address, and another issuer: nothing of what the first one has is its.
    let mut other = KeyStore::new([source(DOCUMENT, Some("https://issuer/"))]);
    let fetch = other
        .poll_fetch(Leader::Tick, &mut turn(&mut process, at(1)))
        .unwrap();
    assert!(!is_ready(&other, at(1)));
    let notice = other.handle_fetched(
        fetch,
        answered(200, ANSWER),
        &mut turn(&mut process, on(at(1))),
    );
    assert!(matches!(notice, Some(Notice::Failed { .. })), "{notice:?}");
    assert!(!is_ready(&other, at(1)));
}

/// Some stores name an encoding that they have not used.
#[test]
fn keys_that_are_said_to_be_encoded_and_are_not_are_read() {
    let headers = Headers::from_pairs(&[("content-encoding", "aws-chunked")]);
    let answer = CalloutOutcome::Answered {
        status: 200,
        headers: &headers,
        body: SET,
    };
    let mut vm = store();
    let fetch = vm
        .poll_fetch(Leader::Tick, &mut turn(&mut NoStore, at(0)))
        .unwrap();
    let notice = vm.handle_fetched(fetch, answer, &mut turn(&mut NoStore, on(at(0))));
    assert!(matches!(notice, Some(Notice::Fetched { .. })), "{notice:?}");
}

#[test]
fn a_failed_fetch_names_the_address_that_answered_and_where_it_leads() {
    const LEADS: &[u8] = br#"{"issuer":"https://issuer","jwks_uri":"https://k.example/keys"}"#;
    let told = |answers: &[CalloutOutcome<'static>]| {
        let mut vm = KeyStore::new([source(DOCUMENT, Some("https://issuer"))]);
        let notices = answers.iter().map(|answer| {
            let fetch = vm
                .poll_fetch(Leader::Tick, &mut turn(&mut NoStore, at(0)))
                .unwrap();
            vm.handle_fetched(fetch, *answer, &mut turn(&mut NoStore, on(at(0))))
        });
        match notices.last().unwrap() {
            Some(Notice::Failed { uri, why, .. }) => format!("{uri}: {why}"),
            other => panic!("{other:?}"),
        }
    };
    let leads = answered(200, LEADS);
    let to_login = said(
        302,
        &[("location", "https://login.example/a\"b?state=secret")],
    );
    for (answers, want) in [
        (
            &[answered(404, b"")][..],
            "https://issuer/.well-known/openid-configuration: status 404",
        ),
        (
            &[to_login],
            r#"https://issuer/.well-known/openid-configuration: status 302, a redirect to "https://login.example/a%22b", which is not followed"#,
        ),
        (
            &[said(301, &[])],
            "https://issuer/.well-known/openid-configuration: status 301",
        ),
        (
            &[leads, answered(404, b"")],
            "https://k.example/keys, the jwks_uri of https://issuer/.well-known/openid-configuration: status 404",
        ),
        (
            &[leads, to_login],
            r#"https://k.example/keys, the jwks_uri of https://issuer/.well-known/openid-configuration: status 302, a redirect to "https://login.example/a%22b", which is not followed"#,
        ),
        (
            &[leads, CalloutOutcome::Failed],
            "https://k.example/keys, the jwks_uri of https://issuer/.well-known/openid-configuration: no response",
        ),
        (
            &[leads, leads],
            r#"https://k.example/keys, the jwks_uri of https://issuer/.well-known/openid-configuration: not a JSON Web Key Set, but an OpenID configuration: write jwks: {"discovery": true}, or the address in its jwks_uri"#,
        ),
    ] {
        assert_eq!(told(answers), want);
    }
}

#[test]
fn a_set_that_is_too_large_for_one_configuration_is_no_outage_for_another() {
    let mut process = Process::default();
    let limited = |max_bytes| {
        let mut source = source("https://issuer.example/jwks.json", None);
        source.limits.max_bytes = max_bytes;
        KeyStore::new([source])
    };
    let mut strict = limited(SET.len() - 1);
    let fetch = strict
        .poll_fetch(Leader::Tick, &mut turn(&mut process, at(0)))
        .unwrap();
    let notice = strict.handle_fetched(fetch, good(), &mut turn(&mut process, on(at(0))));
    let Some(Notice::Failed { why, .. }) = notice else {
        panic!("{notice:?}");
    };
    assert!(why.to_string().contains("jwks.max_bytes"), "{why}");
    let mut loose = limited(SET.len());
    let fetch = loose
        .poll_fetch(Leader::Tick, &mut turn(&mut process, at(0)))
        .unwrap();
    loose.handle_fetched(fetch, good(), &mut turn(&mut process, on(at(0))));
    assert!(is_ready(&loose, at(0)) && !is_ready(&strict, at(0)));
}

under_jumps!(
    "tests.rs",
    [
        four_vms_make_one_fetch,
        a_leader_that_dies_is_replaced,
        a_leader_that_ends_gives_its_lease_back_and_no_other_s,
        one_that_was_overdue_does_not_end_the_fetch_of_who_took_over,
        an_abandoned_fetch_is_made_by_the_next_tick_and_by_no_request,
        where_nobody_ticks_a_request_makes_an_abandoned_fetch,
        keys_are_refreshed_ahead_and_serve_meanwhile,
        keys_that_are_said_to_be_encoded_and_are_not_are_read,
        a_request_refreshes_no_keys_that_serve,
        a_failure_is_backed_off_from_by_all_vms,
        an_issuer_is_left_alone_as_long_as_it_says,
        an_issuer_that_is_always_back_in_a_second_is_backed_off_from,
        old_keys_serve_while_the_issuer_is_down_and_no_longer_than_allowed,
        unknown_kids_buy_five_fetches_and_one_per_cooldown_for_the_process,
        a_host_that_never_calls_back_is_a_failure_and_a_late_answer_is_dropped,
        what_another_vm_left_is_not_trusted,
        a_record_of_the_far_future_stops_nobody,
        each_refresh_and_each_attempt_is_at_a_time_of_its_own,
        an_issuer_s_configuration_is_read_for_that_issuer_alone,
        a_failed_fetch_names_the_address_that_answered_and_where_it_leads,
        a_set_that_is_too_large_for_one_configuration_is_no_outage_for_another,
    ],
    by_date: [],
);
