//! What the filter does when its host, or it itself, fails: nothing goes upstream undecided, and it comes back.

use std::cell::RefCell;

use serde_json::json;

use crate::fixture::{KEY, KEYS, inline, remote, serve_keys, token};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::{Process, STEP};
use crate::world::Reply;

fn good() -> Request {
    Request::get("/api").bearer(&token(&json!({})))
}

#[test]
fn a_host_that_refuses_callouts_is_an_outage_and_counted() {
    for host in Personality::ALL {
        let mut process = Process::start_with(host, 1, &remote(), |world| {
            world.refuses_callouts = true;
            serve_keys(world, &[&KEY]);
        });
        let id = process.ask(good());
        assert_eq!(process.refused(id).status, 503, "{host:?}");
        let id = process.ask(Request::get("/public"));
        assert_eq!(process.status(id), 200, "{host:?}");
        if host != Personality::Apisix {
            let world = process.world();
            assert!(
                world.metric("auth_filter.jwks_fetch_failed") > 0,
                "{host:?}"
            );
            assert_eq!(
                world.metric("auth_filter.denied.keys_unavailable"),
                1,
                "{host:?}"
            );
        }
        process.world_mut().refuses_callouts = false;
        process.pass(31_000);
        let id = process.ask(good());
        assert_eq!(process.status(id), 200, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn shared_data_that_fails_leaves_each_vm_on_its_own() {
    for host in [Personality::Envoy, Personality::NGINX] {
        let mut process = Process::start_with(host, 2, &remote(), |world| {
            world.refuses_data = true;
            serve_keys(world, &[&KEY]);
        });
        process.pass(1000);
        for vm in 0..2 {
            let id = process.send_to(vm, good());
            assert_eq!(process.status(id), 200, "{host:?} {vm}");
        }
        assert_eq!(process.world().asked(KEYS), 2, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_host_without_a_clock_lets_nobody_in() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        process.world_mut().has_no_clock = true;
        for request in [good(), Request::get("/api"), Request::get("/public")] {
            let id = process.ask(request);
            assert_eq!(process.refused(id).status, 500, "{host:?}");
        }
        process.world_mut().has_no_clock = false;
        let id = process.ask(good());
        assert_eq!(process.status(id), 200, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_clock_that_stops_while_requests_wait_lets_nobody_in() {
    for host in Personality::ALL {
        let mut process =
            Process::start_with(host, 1, &remote(), |world| serve_keys(world, &[&KEY]));
        let ids = [process.send(good()), process.send(good())];
        process.world_mut().has_no_clock = true;
        process.pass(500);
        for id in ids {
            let status = process.status(id);
            // Who can wait waits, who would go on is refused.
            let want = if host == Personality::Envoy { 0 } else { 503 };
            assert_eq!(status, want, "{host:?}");
        }
        process.world_mut().has_no_clock = false;
        process.pass(35_000);
        // Where there is no tick, the next request finds that the answer is overdue, and the one after it fetches.
        process.ask(good());
        process.pass(2000);
        let id = process.ask(good());
        assert_eq!(process.status(id), 200, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn an_instance_without_memory_lets_nobody_in() {
    for host in Personality::ALL {
        let mut process =
            Process::start_with(host, 1, &remote(), |world| serve_keys(world, &[&KEY]));
        let id = process.ask(good());
        assert_eq!(process.status(id), 200, "{host:?}");
        process.pass(1000);
        for round in 1..=3 {
            process.vm(0).exhaust();
            let id = process.ask(good().header("x-large", vec![b'a'; 8 << 20]));
            assert_eq!(process.status(id), 500, "{host:?}");
            assert_eq!(
                process.world().traps.len(),
                if host.is_nginx() { round } else { 1 },
                "{host:?}"
            );
            let id = process.ask(good());
            // nginx has made another instance; the others keep the dead one, and what it would decide is refused.
            let want = if host.is_nginx() { 200 } else { 503 };
            assert_eq!(process.status(id), want, "{host:?}");
            process.pass(1000);
            if !host.is_nginx() {
                break;
            }
        }
        if host.is_nginx() {
            // Its timers have multiplied, the fetches have not: one per instance, or none where data is shared.
            let world = process.world();
            assert_eq!(world.tickers[0].len(), 4, "{host:?}");
            let fetches = if host.shares_data() { 1 } else { 4 };
            assert_eq!(world.asked(KEYS), fetches, "{host:?}");
        }
    }
}

#[test]
fn who_waits_in_an_instance_that_ends_goes_nowhere() {
    for host in Personality::ALL {
        let mut process =
            Process::start_with(host, 1, &remote(), |world| serve_keys(world, &[&KEY]));
        let waiting = process.send(good());
        assert_eq!(process.status(waiting), 0, "{host:?}");
        process.vm(0).exhaust();
        process.send(good().header("x-large", vec![b'a'; 8 << 20]));
        process.pass(2000);
        assert_eq!(process.status(waiting), 500, "{host:?}");
    }
}

#[test]
fn a_configuration_that_is_refused_lets_nobody_in() {
    for host in Personality::ALL {
        let mut process = Process::start(
            host,
            1,
            &json!({ "rules": [{ "match": {}, "require": "nobody" }] }),
        );
        let id = process.ask(Request::get("/public"));
        assert_eq!(process.status(id), 503, "{host:?}");
        let world = process.world();
        let why = "configuration refused: rules[0].require";
        assert!(world.logged(why), "{host:?} {:?}", world.log);
    }
}

/// The host counts what each callback settles, and forbids more than its stack is for.
#[test]
fn as_many_as_may_wait_are_settled_in_steps() {
    for (reply, status) in [
        (Reply::json(500, &json!({})), 503),
        (Reply::Silent, 503),
        (Reply::json(200, &lab::issuer::jwks(&[&*KEY])), 200),
    ] {
        let mut config = remote();
        config["limits"] = json!({ "hold": "3s" });
        let mut process = Process::start_with(Personality::Envoy, 1, &config, |world| {
            let reply = RefCell::new(Some(reply));
            world.serve(KEYS, move |_| {
                reply.borrow_mut().take().unwrap_or(Reply::Silent)
            });
        });
        let held: Vec<_> = (0..1024).map(|_| process.send(good())).collect();
        assert!(held.iter().all(|id| process.status(*id) == 0));
        // Where time passes in steps of their own, the ticks that are due at once come a step apart.
        process.pass(3000 + 1024 / 32 * STEP);
        for id in held {
            assert_eq!(process.status(id), status);
        }
        process.is_sound();
    }
}

/// An instance that nginx makes anew is not started a second time; it must not take its host for another.
#[test]
fn a_rebuilt_instance_knows_its_host() {
    let mut process = Process::start(Personality::NGINX, 1, &inline());
    process.vm(0).exhaust();
    process.ask(good().header("x-large", vec![b'a'; 8 << 20]));
    assert_eq!(process.world().traps.len(), 1);
    let spoofed = Request::get("/public").header("x-auth-user-id", "admin");
    let id = process.ask(spoofed);
    assert_eq!(process.status(id), 400);
    let id = process.ask(good());
    assert_eq!(process.status(id), 200);
}

/// Of two callouts without an answer nginx makes an empty reply.
#[test]
fn nobody_calls_out_again_after_a_silence_where_the_host_does_not_bear_it() {
    for host in [Personality::NGINX, Personality::NGINX_BARE] {
        let mut process = Process::start_with(host, 1, &remote(), |world| {
            world.serve(KEYS, |_| Reply::Silent);
        });
        let id = process.send(good());
        process.pass(12_000);
        assert_eq!(process.refused(id).status, 503, "{host:?}");
        process.is_sound();
    }
}
