//! Keys while their issuer answers: one fetch for all, rotation, refresh, floods of unknown keys.

use crate::lab::{Lab, claims, eventually, policy};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

/// The answers to requests that are sent at the same time, each on a connection of its own: how many of each status.
fn at_once(lab: &Lab, tokens: &[String]) -> BTreeMap<u16, usize> {
    let addr = lab.envoy.addr();
    let mut statuses = BTreeMap::new();
    thread::scope(|scope| {
        let clients: Vec<_> = tokens
            .iter()
            .map(|token| scope.spawn(move || Request::get("/").bearer(token).send(addr).unwrap()))
            .collect();
        for client in clients {
            *statuses.entry(client.join().unwrap().status).or_default() += 1;
        }
    });
    statuses
}

fn start(issuer: &Issuer, workers: u32, schedule: Value) -> Lab {
    let filter = Filter::json(policy(issuer, schedule));
    Lab::start(issuer, filter, |config| config.concurrency(workers))
}

fn token(key: &SigningKey) -> String {
    key.sign(json!({}), &claims(json!({})))
}

#[test]
fn two_hundred_first_requests_on_four_workers_cost_one_fetch() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    issuer.set_delay(Duration::from_secs(2));
    let lab = start(&issuer, 4, json!({}));
    let statuses = at_once(&lab, &vec![token(&key); 200]);
    assert_eq!(statuses, BTreeMap::from([(200, 200)]));
    assert_eq!(issuer.fetches(), 1);
    assert_eq!(lab.echo.count(), 200);
    lab.is_sound();
}

#[test]
fn a_new_key_is_fetched_once_and_the_removed_one_no_longer_counts() {
    let (old, new) = (SigningKey::es256("old"), SigningKey::es256("new"));
    let issuer = Issuer::start(&[&old]).unwrap();
    let lab = start(&issuer, 1, json!({}));
    let get = |key| lab.send(Request::get("/").bearer(&token(key)));
    get(&old).passed();
    issuer.set_keys(&[&new]);
    issuer.set_delay(Duration::from_millis(500));
    let statuses = at_once(&lab, &vec![token(&new); 20]);
    assert_eq!(statuses, BTreeMap::from([(200, 20)]));
    assert_eq!(issuer.fetches(), 2);
    get(&old).invalid_token("the signing key is not known");
    get(&new).passed();
    // One more says that the removed key has not come back.
    assert_eq!(issuer.fetches(), 3);
    lab.is_sound();
}

#[test]
fn a_new_key_is_fetched_once_by_four_workers() {
    let (old, new) = (SigningKey::es256("old"), SigningKey::es256("new"));
    let issuer = Issuer::start(&[&old]).unwrap();
    let lab = start(&issuer, 4, json!({}));
    assert_eq!(at_once(&lab, &vec![token(&old); 40])[&200], 40);
    issuer.set_keys(&[&new]);
    issuer.set_delay(Duration::from_millis(500));
    let statuses = at_once(&lab, &vec![token(&new); 100]);
    assert_eq!(statuses, BTreeMap::from([(200, 100)]));
    assert_eq!(issuer.fetches(), 2);
    lab.is_sound();
}

#[test]
fn a_flood_of_unknown_keys_costs_five_fetches_and_a_known_key_nothing() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let lab = start(&issuer, 2, json!({}));
    lab.send(Request::get("/").bearer(&token(&key))).passed();
    let unknown = |n| key.sign(json!({ "kid": format!("k{n}") }), &claims(json!({})));
    let tokens: Vec<_> = (0..100).map(unknown).collect();
    for _ in 0..8 {
        let statuses = at_once(&lab, &tokens);
        assert!(
            statuses.keys().all(|status| [401, 429].contains(status)),
            "{statuses:?}"
        );
    }
    // All of them wait for fetches of the process; when the last one is spent, they are to come back later.
    assert_eq!(issuer.fetches(), 1 + 5);
    assert_eq!(at_once(&lab, &tokens), BTreeMap::from([(429, 100)]));
    assert_eq!(lab.echo.count(), 1);
    lab.send(Request::get("/").bearer(&token(&key))).passed();
    lab.is_sound();
}

#[test]
fn a_new_key_is_looked_for_while_strangers_ask_for_others() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let lab = start(&issuer, 1, json!({ "unknown_kid_cooldown": "2s" }));
    lab.send(Request::get("/").bearer(&token(&key))).passed();
    let stranger = |n| key.sign(json!({ "kid": format!("k{n}") }), &claims(json!({})));
    for round in 0..3 {
        let get = lab.send(Request::get("/").bearer(&stranger(round)));
        get.invalid_token("the signing key is not known");
        let new = SigningKey::es256(&format!("new-{round}"));
        issuer.set_keys(&[&key, &new]);
        lab.send(Request::get("/").bearer(&token(&new))).passed();
        thread::sleep(Duration::from_secs(2));
    }
    // More than there is: nobody hears that a key is unknown that could be new.
    let answers: Vec<_> = (10..20)
        .map(|n| lab.send(Request::get("/").bearer(&stranger(n))).answer)
        .collect();
    let late: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 429)
        .collect();
    assert!(late.len() >= 4, "{}", late.len());
    for answer in &late {
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=2).contains(&wait), "{wait}");
    }
    let call = Request::post("/", "")
        .bearer(&stranger(21))
        .header("content-type", "application/grpc");
    assert_eq!(
        lab.send(call).answer.header("grpc-status").as_deref(),
        Some("8")
    );
    let last = SigningKey::es256("last");
    issuer.set_keys(&[&key, &last]);
    let get = || {
        lab.send(Request::get("/").bearer(&token(&last)))
            .answer
            .status
    };
    eventually("the last key is known", || match get() {
        200 => true,
        429 => false,
        other => panic!("{other}"),
    });
    lab.is_sound();
}

#[test]
fn keys_are_refreshed_before_they_expire_and_nobody_notices() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let lab = start(&issuer, 2, json!({ "cache_duration": "1s" }));
    eventually("four fetches", || {
        lab.send(Request::get("/").bearer(&token(&key))).passed();
        issuer.fetches() >= 4
    });
    let served = lab.echo.count();
    assert!(served > issuer.fetches(), "{served} requests");
    // And without a single request.
    let fetches = issuer.fetches();
    eventually("two more", || issuer.fetches() >= fetches + 2);
    lab.is_sound();
}

#[test]
fn a_removed_key_is_refused_by_every_worker_once_its_time_is_over() {
    let (old, new) = (SigningKey::es256("old"), SigningKey::es256("new"));
    let issuer = Issuer::start(&[&old]).unwrap();
    let lab = start(&issuer, 4, json!({ "cache_duration": "2s" }));
    assert_eq!(at_once(&lab, &vec![token(&old); 40])[&200], 40);
    issuer.set_keys(&[&new]);
    eventually("no worker knows the old key", || {
        // Where the issuer has been asked about it often enough, the answer is to come later.
        let statuses = at_once(&lab, &vec![token(&old); 40]);
        let refused: usize = [401, 429]
            .iter()
            .filter_map(|each| statuses.get(each))
            .sum();
        refused == 40
    });
    assert_eq!(at_once(&lab, &vec![token(&new); 40])[&200], 40);
    lab.is_sound();
}

/// The client whose token led to the fetch goes away; those who wait for the same key must not pay for it.
#[test]
fn a_client_that_goes_away_takes_no_fetch_with_it() {
    let (old, new) = (SigningKey::es256("old"), SigningKey::es256("new"));
    let issuer = Issuer::start(&[&old]).unwrap();
    let lab = start(&issuer, 1, json!({}));
    lab.send(Request::get("/").bearer(&token(&old))).passed();
    issuer.set_keys(&[&old, &new]);
    issuer.set_delay(Duration::from_secs(1));
    let fetches = issuer.fetches();
    let leader = held(&lab, &token(&new));
    eventually("the leader's fetch", || issuer.fetches() > fetches);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| lab.send(Request::get("/").bearer(&token(&new))));
        eventually("both are held", || active_requests(&lab) == 2);
        drop(leader);
        waiter.join().unwrap().passed();
    });
    lab.send(Request::get("/").bearer(&token(&new))).passed();
    assert!(issuer.fetches() <= fetches + 2, "{}", issuer.fetches());
    lab.is_sound();
}

#[test]
fn clients_that_go_away_while_they_wait_change_nothing_for_others() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    issuer.set_delay(Duration::from_secs(2));
    let lab = start(&issuer, 1, json!({}));
    let gone: Vec<_> = (0..20).map(|_| held(&lab, &token(&key))).collect();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| lab.send(Request::get("/").bearer(&token(&key))));
        eventually("all are held", || active_requests(&lab) == 21);
        drop(gone);
        eventually("one is held", || active_requests(&lab) == 1);
        waiter.join().unwrap().passed();
    });
    // Where one of them led the fetch, Envoy ended it with its leader.
    assert!(issuer.fetches() <= 2, "{}", issuer.fetches());
    assert_eq!(lab.echo.count(), 1);
    lab.is_sound();
}

/// A request that waits, whose client lives as long as the returned connection.
fn held(lab: &Lab, token: &str) -> std::net::TcpStream {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(lab.envoy.addr()).unwrap();
    let request = Request::get("/held").bearer(token).to_bytes();
    stream.write_all(&request).unwrap();
    stream
}

fn active_requests(lab: &Lab) -> u64 {
    lab.envoy.stat("http.lab.downstream_rq_active").unwrap()
}
