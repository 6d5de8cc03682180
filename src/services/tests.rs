mod batch;
mod bytes;
mod exchange;
mod mapping;
mod sharing;

use serde_json::{Value, json};

use super::*;
use crate::callout::{CalloutOutcome, LONGEST_BODY, Leader};
use crate::headers::Headers;
use crate::keys::testing::turn;
use crate::keys::{NoStore, testing::Process};
use crate::time::jumps::{self, under_jumps};
use crate::time::{MonoTime, Now};

fn service(protocol: Protocol) -> Service {
    Service {
        name: "s".to_owned(),
        upstream: "cluster".to_owned(),
        endpoint: Endpoint::parse("https://s.example/v1/{subject}?by={name}&p={provider}").unwrap(),
        headers: Vec::new(),
        timeout: Duration::from_secs(5),
        cache_duration: Duration::from_secs(60),
        negative_cache_duration: Duration::from_secs(10),
        protocol,
        reads: Rc::new(Reads::everything()),
    }
}

fn store(protocol: Protocol) -> ServiceStore {
    ServiceStore::new(&[service(protocol)], 100, [0; 32])
}

fn at(secs: u64) -> Now {
    Now {
        wall: jumps::wall(
            UnixTime::from_secs(1_000_000 + secs),
            Duration::from_secs(secs),
        ),
        mono: MonoTime::from_secs(500 + secs),
    }
}

fn question(ask: Ask) -> Question {
    Question {
        service: ServiceId(0),
        ask,
    }
}

fn token(text: &str) -> Question {
    question(Ask::Token(text.into()))
}

fn answer(
    store: &mut ServiceStore,
    call: Call,
    status: u16,
    body: &Value,
    now: Now,
) -> Option<Notice> {
    let body = body.to_string();
    let outcome = CalloutOutcome::Answered {
        status,
        headers: &Headers::default(),
        body: body.as_bytes(),
    };
    store.handle_answered(call, outcome, &mut turn(&mut NoStore, now))
}

/// Asks once and takes this answer.
fn ask(
    store: &mut ServiceStore,
    question: &Question,
    status: u16,
    body: &Value,
    now: Now,
) -> Option<Notice> {
    store.want(question, now);
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, now.mono),
        )
        .unwrap();
    answer(store, call, status, body, now)
}

/// One word for what is known.
fn known(store: &ServiceStore, question: &Question, now: Now) -> &'static str {
    match store.lookup(question, now) {
        Ok(None) => "pending",
        Ok(Some(Answer::Attributes(_))) => "attributes",
        Ok(Some(Answer::Credentials(_))) => "credentials",
        Ok(Some(Answer::Permits)) => "permits",
        Ok(Some(Answer::Refuses)) => "refuses",
        Ok(Some(Answer::Vouches(_))) => "vouches",
        Err(Unavailable { .. }) => "unavailable",
    }
}

/// Where each request makes a call of its own, the second of two that fails takes nothing away.
#[test]
fn of_two_calls_for_one_question_the_first_answer_counts() {
    let mut store = store(Protocol::Verifier);
    let question = token("t");
    store.want(&question, at(0));
    let calls: Vec<Call> = (0..2)
        .map(|_| store.join(&question, usize::MAX, at(0).mono).unwrap())
        .collect();
    answer(&mut store, calls[0], 200, &json!({ "sub": "a" }), at(1));
    assert_eq!(known(&store, &question, at(1)), "vouches");
    answer(&mut store, calls[1], 500, &json!({}), at(1));
    assert_eq!(known(&store, &question, at(1)), "vouches");
    // And a call that nobody waits for any more ends like any other.
    store.want(&token("u"), at(1));
    for _ in 0..2 {
        store.join(&token("u"), usize::MAX, at(1).mono).unwrap();
    }
    assert_eq!(store.in_flight(), 2);
    drop(store.handle_tick(&mut turn(&mut NoStore, at(100).mono)));
    assert_eq!(store.in_flight(), 0);
}

#[test]
fn many_who_wait_ask_once() {
    let mut store = store(Protocol::Verifier);
    for _ in 0..1000 {
        assert_eq!(known(&store, &token("t"), at(0)), "pending");
        store.want(&token("t"), at(0));
    }
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    assert_eq!(
        store.poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono)
        ),
        None
    );
    store.want(&token("t"), at(0));
    assert_eq!(
        (
            store.poll_call(
                Leader::Tick,
                usize::MAX,
                &mut turn(&mut NoStore, at(0).mono)
            ),
            store.in_flight()
        ),
        (None, 1)
    );
    let notice = answer(&mut store, call, 200, &json!({ "sub": "a" }), at(1));
    assert_eq!(notice, Some(Notice::Answered));
    assert_eq!(known(&store, &token("t"), at(1)), "vouches");
    assert_eq!(known(&store, &token("u"), at(1)), "pending");
    assert_eq!(store.in_flight(), 0);
    // A second answer to one call is nobody's.
    assert_eq!(answer(&mut store, call, 401, &json!({}), at(1)), None);
    assert_eq!(known(&store, &token("t"), at(1)), "vouches");
}

#[test]
fn an_answer_serves_as_long_as_it_may() {
    let rows = [
        (200, json!({ "active": true }), "vouches", 60),
        (
            200,
            json!({ "active": true, "exp": 1_000_020 }),
            "vouches",
            20,
        ),
        (
            200,
            json!({ "active": true, "exp": 1_009_999 }),
            "vouches",
            60,
        ),
        (200, json!({ "active": false }), "refuses", 10),
        (200, json!({ "active": "true" }), "unavailable", 1),
        (200, json!({ "exp": 1_000_020 }), "unavailable", 1),
        (200, json!([]), "unavailable", 1),
        (401, json!({}), "unavailable", 1),
        (500, json!({}), "unavailable", 1),
    ];
    for (status, body, want, secs) in rows {
        let mut store = store(Protocol::Introspection(Introspection::new("id", "secret")));
        ask(&mut store, &token("t"), status, &body, at(0));
        assert_eq!(known(&store, &token("t"), at(0)), want, "{body}");
        assert_eq!(known(&store, &token("t"), at(secs - 1)), want, "{body}");
        assert_eq!(known(&store, &token("t"), at(secs)), "pending", "{body}");
    }
}

#[test]
fn an_introspection_request_is_a_form_behind_client_credentials() {
    let introspection = Introspection::new("the filter", "s:e%");
    let service = service(Protocol::Introspection(introspection));
    let request = service.request(&Ask::Token("a+b/c=".into()), None);
    assert_eq!(
        (
            request.method,
            String::from_utf8(request.body.unwrap()).unwrap().as_str()
        ),
        ("POST", "token=a%2Bb%2Fc%3D&token_type_hint=access_token")
    );
    // base64 of "the%20filter:s%3Ae%25" (RFC 6749 §2.3.1).
    let authorization = "Basic dGhlJTIwZmlsdGVyOnMlM0FlJTI1".to_owned();
    assert!(request.headers.contains(&("authorization", authorization)));
    let form = "application/x-www-form-urlencoded".to_owned();
    assert!(request.headers.contains(&("content-type", form)));
    assert_eq!(
        format!("{:?}", service.protocol),
        "Introspection(Introspection(..))"
    );
}

#[test]
fn a_verifier_gets_the_credential_as_json() {
    let body = |ask: Ask| {
        let service = service(Protocol::Verifier);
        let body = service.request(&ask, None).body.unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    let text = |text: &str| Rc::from(text);
    assert_eq!(
        body(Ask::Token(text("t"))),
        json!({ "kind": "token", "token": "t" })
    );
    assert_eq!(
        body(Ask::ApiKey(text("k"))),
        json!({ "kind": "api_key", "key": "k" })
    );
    let password = Ask::Password {
        username: text("a\""),
        password: text("p"),
    };
    assert_eq!(format!("{password:?}"), "Password(..)");
    assert_eq!(
        body(password),
        json!({ "kind": "basic", "username": "a\"", "password": "p" })
    );
    for (status, answer, want) in [
        (200, json!({ "sub": "a" }), "vouches"),
        (200, json!({ "sub": 1 }), "unavailable"),
        (200, json!("a"), "unavailable"),
        (401, json!("no"), "refuses"),
        (403, json!({}), "unavailable"),
        (204, json!({}), "unavailable"),
    ] {
        let mut store = store(Protocol::Verifier);
        ask(&mut store, &token("t"), status, &answer, at(0));
        assert_eq!(known(&store, &token("t"), at(0)), want, "{status} {answer}");
    }
}

#[test]
fn the_headers_of_a_service_go_out_with_each_question_and_into_no_log() {
    let entry = Ask::Entry {
        provider: "p".into(),
        subject: "s".into(),
        name: "n".into(),
    };
    for (protocol, ask, others) in [
        (Protocol::Directory(Directory::default()), entry, 0),
        (Protocol::Verifier, Ask::ApiKey("k".into()), 1),
    ] {
        let mut service = service(protocol);
        service.headers = vec![("authorization".to_owned(), "Bearer hush".into())];
        let request = service.request(&ask, None);
        let authorization = ("authorization", "Bearer hush".to_owned());
        assert_eq!(request.headers.get(others), Some(&authorization));
        assert_eq!(request.headers.len(), others + 1);
        assert!(!format!("{service:?}").contains("hush"));
    }
}

#[test]
fn a_directory_is_asked_about_one_caller_who_stays_in_his_segment() {
    let entry = question(Ask::Entry {
        provider: "p&q".into(),
        subject: "../a/b?c{name}".into(),
        name: "n".into(),
    });
    let mut store = store(Protocol::Directory(Directory::default()));
    store.want(&entry, at(0));
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    let request = store.request(call).unwrap();
    assert_eq!(request.method, "GET");
    assert_eq!(
        request.uri(),
        "https://s.example/v1/..%2Fa%2Fb%3Fc%7Bname%7D?by=n&p=p%26q"
    );
    answer(
        &mut store,
        call,
        200,
        &json!({ "groups": ["g"], "more": 1 }),
        at(0),
    );
    let Ok(Some(Answer::Attributes(found))) = store.lookup(&entry, at(0)) else {
        panic!("an entry");
    };
    assert_eq!(
        (found.groups.iter().collect::<Vec<_>>(), found.roles.len()),
        (vec!["g"], 0)
    );
    for (status, body, want) in [
        (404, json!("nobody"), "attributes"),
        (200, json!({}), "attributes"),
        (200, json!({ "groups": "g" }), "unavailable"),
        (200, json!({ "groups": [1] }), "unavailable"),
        (503, json!({}), "unavailable"),
    ] {
        let mut store = self::store(Protocol::Directory(Directory::default()));
        ask(&mut store, &entry, status, &body, at(0));
        assert_eq!(known(&store, &entry, at(0)), want, "{status} {body}");
    }
}

#[test]
fn a_service_that_fails_again_and_again_is_left_alone() {
    let mut store = store(Protocol::Verifier);
    ask(
        &mut store,
        &token("kept"),
        200,
        &json!({ "sub": "a" }),
        at(0),
    );
    for attempt in 0..3 {
        let name = format!("t{attempt}");
        assert_eq!(known(&store, &token(&name), at(attempt)), "pending");
        let notice = ask(&mut store, &token(&name), 500, &json!({}), at(attempt));
        let why = CallError::status(500);
        assert_eq!(notice, Some(Notice::Failed { why }));
    }
    // Others are not even asked about; answers that are there still serve.
    assert!(matches!(
        store.lookup(&token("new"), at(2)),
        Err(Unavailable { retry_after: 1 })
    ));
    assert_eq!(known(&store, &token("kept"), at(2)), "vouches");
    // Each failure after that doubles the wait, to half a minute at the most.
    let mut now = 3;
    for wait in [2, 4, 8, 16, 30, 30] {
        assert_eq!(known(&store, &token("new"), at(now)), "pending");
        ask(&mut store, &token("new"), 500, &json!({}), at(now));
        assert_eq!(
            known(&store, &token("other"), at(now + wait - 1)),
            "unavailable"
        );
        now += wait;
    }
    assert_eq!(known(&store, &token("other"), at(now)), "pending");
    ask(&mut store, &token("other"), 401, &json!({}), at(now));
    ask(&mut store, &token("more"), 500, &json!({}), at(now));
    assert_eq!(
        known(&store, &token("new"), at(now)),
        "pending",
        "one answer heals it"
    );
}

fn limited(
    store: &mut ServiceStore,
    call: Call,
    (status, says): (u16, &str),
    now: Now,
) -> Option<Notice> {
    let outcome = CalloutOutcome::Answered {
        status,
        headers: &Headers::from_pairs(&[("retry-after", says)]),
        body: b"",
    };
    store.handle_answered(call, outcome, &mut turn(&mut NoStore, now))
}

fn goes_out(store: &mut ServiceStore, text: &str, now: Now) -> Call {
    store.want(&token(text), now);
    store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, now.mono),
        )
        .unwrap()
}

#[test]
fn a_service_is_left_alone_as_long_as_it_says() {
    let introspection = || Protocol::Introspection(Introspection::new("id", "secret"));
    let cases: &[(Protocol, u16, &str, u64)] = &[
        (introspection(), 429, "20", 20),
        (introspection(), 429, "120", 30),
        (introspection(), 503, "120", 120),
        // Two minutes after the time of the wall clock.
        (introspection(), 503, "Mon, 12 Jan 1970 13:48:40 GMT", 120),
        (introspection(), 503, "86400", 600),
        (Protocol::Verifier, 503, "120", 120),
        // Nothing that can be read, or nothing of the kind: others are asked about at once.
        (introspection(), 429, "soon", 0),
        (introspection(), 503, "-1", 0),
        (introspection(), 500, "120", 0),
        // Whose guesses a verifier limits is the only one who is limited.
        (Protocol::Verifier, 429, "120", 0),
    ];
    for (protocol, status, says, wait) in cases {
        let mut store = store(protocol.clone());
        let first = goes_out(&mut store, "first", at(0));
        let second = goes_out(&mut store, "second", at(0));
        store.want(&token("waits"), at(0));
        let notice = limited(&mut store, first, (*status, says), at(0));
        let why = CallError::status(*status);
        assert_eq!(notice, Some(Notice::Failed { why }));
        // What it accepted before does not say that it can be asked again.
        let active = json!({ "active": true, "sub": "a" });
        answer(&mut store, second, 200, &active, at(0));
        assert_eq!(known(&store, &token("second"), at(0)), "vouches");
        if *wait == 0 {
            assert_eq!(known(&store, &token("waits"), at(0)), "pending", "{says}");
            assert_eq!(known(&store, &token("new"), at(0)), "pending", "{says}");
            continue;
        }
        // Whoever waited to be asked about is told, as are those who come meanwhile.
        assert_eq!(store.take_settled().len(), 3, "{says}");
        for (name, now) in [("first", 0), ("waits", 0), ("new", 0), ("new", wait - 1)] {
            let Err(Unavailable { retry_after }) = store.lookup(&token(name), at(now)) else {
                panic!("{status} {says} {name}");
            };
            assert_eq!(u64::from(retry_after), wait - now, "{status} {says} {name}");
        }
        assert_eq!(
            store.poll_call(
                Leader::Tick,
                usize::MAX,
                &mut turn(&mut NoStore, at(0).mono)
            ),
            None
        );
        for name in ["first", "waits", "new"] {
            assert_eq!(known(&store, &token(name), at(*wait)), "pending", "{says}");
        }
    }
}

#[test]
fn who_is_limited_by_a_verifier_is_not_asked_about_again() {
    let mut store = store(Protocol::Verifier);
    let call = goes_out(&mut store, "guess", at(0));
    limited(&mut store, call, (429, "120"), at(0));
    assert_eq!(known(&store, &token("guess"), at(119)), "unavailable");
    assert_eq!(known(&store, &token("guess"), at(120)), "pending");
}

#[test]
fn calls_that_fail_together_leave_a_service_alone_once() {
    let mut store = store(Protocol::Verifier);
    let send = |store: &mut ServiceStore, name: &str, now: Now| {
        store.want(&token(name), now);
        store
            .poll_call(
                Leader::Request,
                usize::MAX,
                &mut turn(&mut NoStore, now.mono),
            )
            .unwrap()
    };
    // It hangs for a second, while a hundred ask.
    let calls: Vec<_> = (0..100)
        .map(|number| send(&mut store, &format!("t{number}"), at(0)))
        .collect();
    let (early, late) = calls.split_at(50);
    for call in early {
        answer(&mut store, *call, 500, &json!({}), at(2));
    }
    assert_eq!(known(&store, &token("new"), at(2)), "unavailable");
    assert_eq!(known(&store, &token("new"), at(3)), "pending");
    // Those who asked before say nothing new, and those who ask now do.
    let probe = send(&mut store, "probe", at(3));
    for call in late {
        answer(&mut store, *call, 500, &json!({}), at(3));
    }
    assert_eq!(known(&store, &token("new"), at(3)), "pending");
    answer(&mut store, probe, 500, &json!({}), at(3));
    assert_eq!(known(&store, &token("new"), at(4)), "unavailable");
    assert_eq!(known(&store, &token("new"), at(5)), "pending");
    let probe = send(&mut store, "second probe", at(5));
    answer(&mut store, probe, 401, &json!({}), at(5));
    assert_eq!(known(&store, &token("new"), at(5)), "pending");
}

#[test]
fn what_a_service_cannot_read_is_no_outage_for_others() {
    let introspection = || Protocol::Introspection(Introspection::new("id", "secret"));
    let pool = || {
        Protocol::IdentityPool(IdentityPool {
            id: "p".to_owned(),
            login: "l".to_owned(),
        })
    };
    type Row<'r> = (&'r dyn Fn() -> Protocol, u16, &'static str);
    let rows: [Row<'_>; 14] = [
        (&introspection, 400, "pending"),
        (&introspection, 413, "pending"),
        (&introspection, 401, "unavailable"),
        (&introspection, 403, "unavailable"),
        (&introspection, 429, "unavailable"),
        (&introspection, 500, "unavailable"),
        (&introspection, 302, "unavailable"),
        (&|| Protocol::Verifier, 400, "pending"),
        (&|| Protocol::Verifier, 403, "pending"),
        (&|| Protocol::Verifier, 408, "unavailable"),
        (&|| Protocol::Verifier, 503, "unavailable"),
        (
            &|| Protocol::Directory(Directory::default()),
            400,
            "pending",
        ),
        (
            &|| Protocol::Directory(Directory::default()),
            403,
            "unavailable",
        ),
        (&pool, 400, "unavailable"),
    ];
    for (protocol, status, want) in rows {
        let mut store = store(protocol());
        for number in 0..10 {
            let asked = token(&number.to_string());
            store.want(&asked, at(0));
            let call = store
                .poll_call(
                    Leader::Request,
                    usize::MAX,
                    &mut turn(&mut NoStore, at(0).mono),
                )
                .unwrap();
            answer(&mut store, call, status, &json!({}), at(0));
            assert_eq!(known(&store, &asked, at(0)), "unavailable");
        }
        assert_eq!(known(&store, &token("other"), at(0)), want, "{status}");
    }
}

#[test]
fn a_call_that_nobody_answers_ends() {
    let mut store = store(Protocol::Verifier);
    store.want(&token("t"), at(0));
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    assert_eq!(store.handle_tick(&mut turn(&mut NoStore, at(5).mono)), []);
    let why = CallError::Overdue;
    assert_eq!(
        store.handle_tick(&mut turn(&mut NoStore, at(6).mono)),
        [(call, Notice::Failed { why })]
    );
    assert_eq!(known(&store, &token("t"), at(6)), "unavailable");
    assert!(store.request(call).is_none());
    assert_eq!(
        answer(&mut store, call, 200, &json!({ "sub": "a" }), at(7)),
        None
    );
    assert_eq!(store.in_flight(), 0);
}

#[test]
fn the_tick_asks_again_where_the_client_went_away() {
    let mut store = store(Protocol::Verifier);
    store.want(&token("t"), at(0));
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    store.abandon(call, |_| true, &mut turn(&mut NoStore, at(0).mono));
    assert_eq!(
        store.poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono)
        ),
        None
    );
    let again = store
        .poll_call(
            Leader::Tick,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    assert_ne!(again, call);
    assert_eq!(answer(&mut store, call, 401, &json!({}), at(0)), None);
    assert_eq!(known(&store, &token("t"), at(0)), "pending");
    answer(&mut store, again, 200, &json!({ "sub": "a" }), at(0));
    assert_eq!(known(&store, &token("t"), at(0)), "vouches");
}

#[test]
fn the_store_is_bounded() {
    let mut store = ServiceStore::new(&[service(Protocol::Verifier)], 10, [0; 32]);
    ask(
        &mut store,
        &token("good"),
        200,
        &json!({ "sub": "a" }),
        at(0),
    );
    for number in 0..100 {
        ask(
            &mut store,
            &token(&number.to_string()),
            401,
            &json!({}),
            at(0),
        );
    }
    // Refusals end sooner, and so make room for each other.
    assert_eq!(known(&store, &token("good"), at(0)), "vouches");
    assert_eq!(known(&store, &token("99"), at(0)), "refuses");
    assert_eq!(known(&store, &token("0"), at(0)), "pending");
}

#[test]
fn an_answer_without_an_end_is_cut() {
    let mut store = store(Protocol::Verifier);
    store.want(&token("t"), at(0));
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    let long = "x".repeat(LONGEST_BODY);
    answer(
        &mut store,
        call,
        200,
        &json!({ "sub": "a", "x": long }),
        at(0),
    );
    assert_eq!(known(&store, &token("t"), at(0)), "unavailable");
}

#[test]
fn only_a_plain_yes_permits() {
    let (zen, opa) = (DecisionProtocol::AuthZen, DecisionProtocol::Opa);
    for (protocol, status, body, want) in [
        (zen, 200, json!({ "decision": true }), "permits"),
        (
            zen,
            200,
            json!({ "decision": true, "context": { "reason": "x" } }),
            "permits",
        ),
        (zen, 200, json!({ "decision": false }), "refuses"),
        (zen, 200, json!({ "decision": "true" }), "unavailable"),
        (zen, 200, json!({}), "unavailable"),
        (zen, 200, json!(true), "unavailable"),
        (zen, 401, json!({ "decision": true }), "unavailable"),
        (zen, 500, json!({ "decision": true }), "unavailable"),
        (opa, 200, json!({ "result": true }), "permits"),
        (opa, 200, json!({ "result": { "allow": true } }), "permits"),
        (opa, 200, json!({ "result": false }), "refuses"),
        (opa, 200, json!({ "result": { "allow": false } }), "refuses"),
        (opa, 200, json!({ "result": { "deny": [] } }), "refuses"),
        (opa, 200, json!({}), "refuses"),
        (opa, 200, json!({ "result": 1 }), "unavailable"),
        (
            opa,
            200,
            json!({ "result": { "allow": "yes" } }),
            "unavailable",
        ),
        (opa, 404, json!({ "result": true }), "unavailable"),
    ] {
        let mut store = store(Protocol::Decision(protocol, None));
        let asked = question(Ask::Decision {
            question: Rc::new(Evaluation::new(&json!({}))),
            key: "k".into(),
        });
        ask(&mut store, &asked, status, &body, at(0));
        assert_eq!(
            known(&store, &asked, at(0)),
            want,
            "{protocol:?} {status} {body}"
        );
        // Another question that depends on the same is the same.
        let alike = question(Ask::Decision {
            question: Rc::new(Evaluation::new(&json!([]))),
            key: "k".into(),
        });
        assert_eq!(known(&store, &alike, at(0)), want);
        let other = question(Ask::Decision {
            question: Rc::new(Evaluation::new(&json!({}))),
            key: "l".into(),
        });
        assert_eq!(known(&store, &other, at(0)), "pending");
    }
}

under_jumps!(
    "tests.rs",
    [
        many_who_wait_ask_once,
        of_two_calls_for_one_question_the_first_answer_counts,
        calls_that_fail_together_leave_a_service_alone_once,
        an_introspection_request_is_a_form_behind_client_credentials,
        a_verifier_gets_the_credential_as_json,
        the_headers_of_a_service_go_out_with_each_question_and_into_no_log,
        a_directory_is_asked_about_one_caller_who_stays_in_his_segment,
        a_service_that_fails_again_and_again_is_left_alone,
        a_service_is_left_alone_as_long_as_it_says,
        who_is_limited_by_a_verifier_is_not_asked_about_again,
        what_a_service_cannot_read_is_no_outage_for_others,
        a_call_that_nobody_answers_ends,
        the_tick_asks_again_where_the_client_went_away,
        the_store_is_bounded,
        an_answer_without_an_end_is_cut,
        only_a_plain_yes_permits,
    ],
    by_date: [
        an_answer_serves_as_long_as_it_may,
    ],
);
