//! Keys that must be fetched, on every host: by whom, how often, and what becomes of those who wait.

use lab::issuer::SigningKey;
use serde_json::json;

use crate::fixture::{KEY, KEYS, inline, remote, serve_keys, token, token_of};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::{Id, Process};
use crate::stream::Fate;
use crate::world::Reply;

fn start(host: Personality, vms: usize) -> Process {
    Process::start_with(host, vms, &remote(), |world| serve_keys(world, &[&KEY]))
}

fn good() -> Request {
    Request::get("/api").bearer(&token(&json!({})))
}

fn answer_of(process: &Process, id: Id, name: &str) -> Option<String> {
    let headers = process.refused(id).headers.iter();
    let mut of_name = headers.filter(|(held, _)| held == name);
    of_name.next().map(|(_, value)| value.clone())
}

#[test]
fn a_request_waits_for_the_keys_and_passes_whole() {
    for host in Personality::ALL {
        let mut process = start(host, 1);
        let id = process.send(good());
        assert!(matches!(process.fate(id), Fate::Held), "{host:?}");
        process.pass(50);
        assert!(matches!(process.fate(id), Fate::Held), "{host:?}");
        process.pass(100);
        assert_eq!(
            process.upstream(id, "x-auth-user-id"),
            ["alice"],
            "{host:?}"
        );
        let later = process.send(good());
        assert_eq!(process.status(later), 200, "{host:?}: the keys are there");
        process.is_sound();
    }
}

#[test]
fn requests_that_wait_at_once_all_pass() {
    for host in Personality::ALL {
        let mut process = start(host, 1);
        let mut ids: Vec<_> = (0..5).map(|_| process.send(good())).collect();
        let bad =
            Request::get("/api").bearer(&token_of(&SigningKey::es256_seeded("a", 9), &json!({})));
        ids.push(process.send(bad));
        process.pass(1000);
        let statuses: Vec<_> = ids.iter().map(|id| process.status(*id)).collect();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 401], "{host:?}");
        // Where nobody can wake another, each asks for itself.
        let asked = if host == Personality::Envoy { 1 } else { 6 };
        assert_eq!(process.world().asked(KEYS), asked, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn the_tick_has_the_keys_before_anybody_asks() {
    for host in Personality::ALL {
        let mut process = start(host, 1);
        process.pass(500);
        // APISIX has no tick, and no configuration before the first request.
        let early = usize::from(host != Personality::Apisix);
        assert_eq!(process.world().asked(KEYS), early, "{host:?}");
        let id = process.ask(good());
        assert_eq!(process.status(id), 200, "{host:?}");
        assert_eq!(process.world().asked(KEYS), 1, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_key_that_is_new_is_fetched_once() {
    let new = SigningKey::es256_seeded("b", 2);
    for host in Personality::ALL {
        let mut process = start(host, 1);
        let id = process.ask(good());
        assert_eq!(process.status(id), 200);
        serve_keys(&mut process.world_mut(), &[&new]);
        let request = || Request::get("/api").bearer(&token_of(&new, &json!({})));
        for _ in 0..3 {
            let id = process.ask(request());
            assert_eq!(process.status(id), 200, "{host:?}");
        }
        let other =
            Request::get("/api").bearer(&token_of(&SigningKey::es256_seeded("c", 3), &json!({})));
        let id = process.ask(other);
        assert_eq!(
            process.refused(id).status,
            401,
            "{host:?}: one more fetch has not brought it"
        );
        assert_eq!(process.world().asked(KEYS), 3, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn an_issuer_that_is_down_is_503_and_its_return_is_noticed() {
    for host in Personality::ALL {
        for reply in [
            Reply::Broken,
            Reply::json(500, &json!({})),
            Reply::json(200, &json!([1])),
        ] {
            let mut process = Process::start_with(host, 1, &remote(), |world| {
                let reply = reply.clone();
                world.serve(KEYS, move |_| reply.clone());
            });
            for _ in 0..3 {
                let id = process.ask(good());
                assert_eq!(process.refused(id).status, 503, "{host:?} {reply:?}");
                assert!(answer_of(&process, id, "retry-after").is_some(), "{host:?}");
                let id = process.ask(Request::get("/public"));
                assert_eq!(process.status(id), 200, "{host:?}");
            }
            serve_keys(&mut process.world_mut(), &[&KEY]);
            process.pass(31_000);
            let id = process.ask(good());
            assert_eq!(process.status(id), 200, "{host:?} {reply:?}");
            process.is_sound();
        }
    }
}

#[test]
fn no_request_waits_longer_than_it_may() {
    for host in Personality::ALL {
        let mut config = remote();
        config["limits"] = json!({ "hold": "400ms" });
        let mut process = Process::start_with(host, 1, &config, |world| {
            world.serve(KEYS, |_| Reply::Silent);
        });
        let ids: Vec<_> = (0..3).map(|_| process.send(good())).collect();
        process.pass(300);
        assert!(ids.iter().all(|id| process.status(*id) == 0), "{host:?}");
        process.pass(1500);
        for id in ids {
            assert_eq!(process.refused(id).status, 503, "{host:?}");
        }
        process.is_sound();
    }
}

#[test]
fn vms_share_what_one_has_fetched_where_the_host_has_a_place_for_it() {
    for host in Personality::ALL {
        let mut process = start(host, 2);
        process.pass(1000);
        for vm in 0..2 {
            let id = process.send_to(vm, good());
            process.pass(500);
            assert_eq!(process.status(id), 200, "{host:?} {vm}");
        }
        let asked = if host.shares_data() { 1 } else { 2 };
        assert_eq!(process.world().asked(KEYS), asked, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_client_that_leaves_takes_nobody_along() {
    for host in Personality::ALL {
        let mut process = start(host, 1);
        let leader = process.send(good());
        let follower = process.send(good());
        process.leave(leader);
        assert_eq!(process.status(follower), 0, "{host:?}");
        process.pass(2500);
        assert_eq!(process.status(follower), 200, "{host:?}");
        let id = process.ask(good());
        assert_eq!(process.status(id), 200, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn an_issuer_that_is_discovered_takes_two_callouts() {
    const WELL_KNOWN: &str = "https://issuer.example/.well-known/openid-configuration";
    for host in Personality::ALL {
        let mut config = remote();
        config["providers"]["main"]["jwks"] = json!({ "discovery": true, "upstream": "idp" });
        let mut process = Process::start_with(host, 1, &config, |world| {
            serve_keys(world, &[&KEY]);
            world.serve(WELL_KNOWN, |_| {
                Reply::json(
                    200,
                    &json!({ "issuer": "https://issuer.example", "jwks_uri": KEYS }),
                )
            });
        });
        let ids = [process.send(good()), process.send(good())];
        process.pass(1500);
        assert_eq!(ids.map(|id| process.status(id)), [200; 2], "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_callout_that_fails_once_is_made_again_where_the_host_allows_it() {
    for host in Personality::ALL {
        let mut process = Process::start_with(host, 1, &remote(), |world| {
            let mut first = true;
            let set = json!({ "keys": [KEY.jwk()] });
            world.serve(KEYS, move |_| {
                let status = if std::mem::take(&mut first) { 500 } else { 200 };
                Reply::json(status, &set)
            });
        });
        let id = process.send(good());
        process.pass(1500);
        assert_eq!(process.status(id), 200, "{host:?}");
        process.pass(2000);
        let id = process.ask(good());
        assert_eq!(process.status(id), 200, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_new_configuration_keeps_the_keys_and_a_bad_one_changes_nothing() {
    let mut process = start(Personality::Envoy, 1);
    let id = process.ask(good());
    assert_eq!(process.status(id), 200);
    assert!(!process.vm(0).reconfigure(b"{}", 4_000_000));
    let id = process.ask(good());
    assert_eq!(process.status(id), 200);
    let mut config = remote();
    config["rules"] = json!([{ "match": { "path_prefix": "/" }, "require": "user" }]);
    assert!(
        process
            .vm(0)
            .reconfigure(config.to_string().as_bytes(), 5_000_000)
    );
    let id = process.ask(Request::get("/nowhere").bearer(&token(&json!({}))));
    // Also with such a number the host is the one that it was.
    assert_eq!(process.upstream(id, "x-auth-user-id"), ["alice"]);
    assert!(!process.world().logged("the host is nginx"));
    assert_eq!(process.world().asked(KEYS), 1);
    process.is_sound();
}

#[test]
fn nothing_is_fetched_for_what_needs_no_keys() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        for request in [good(), Request::get("/api"), Request::get("/public")] {
            process.ask(request);
        }
        process.pass(1000);
        assert!(process.world().sent.is_empty(), "{host:?}");
        process.is_sound();
    }
}

/// Hosts hand over as much of an answer as the filter asks for.
#[test]
fn a_key_set_is_read_as_far_as_the_configuration_allows() {
    const LONG: usize = 600 << 10;
    for host in Personality::ALL {
        for (limits, told) in [
            (json!({}), "the limit of jwks.max_bytes"),
            (
                json!({ "max_bytes": 512 << 10 }),
                "the limit of jwks.max_bytes",
            ),
            (
                json!({ "max_bytes": 1 << 20, "max_keys": 1 }),
                "more than the 1 of jwks.max_keys",
            ),
            (json!({ "max_bytes": 1 << 20, "max_keys": 2 }), ""),
        ] {
            let mut config = remote();
            config["providers"]["main"]["jwks"]["retry"] = json!(0);
            for (key, limit) in limits.as_object().unwrap() {
                config["providers"]["main"]["jwks"][key] = limit.clone();
            }
            let mut process = Process::start_with(host, 1, &config, |world| {
                let mut other = KEY.jwk();
                other["kid"] = json!("other");
                let set = json!({ "keys": [other, KEY.jwk()], "padding": "x".repeat(LONG) });
                world.serve(KEYS, move |_| Reply::json(200, &set));
            });
            let id = process.ask(good());
            let want = if told.is_empty() { 200 } else { 503 };
            assert_eq!(process.status(id), want, "{host:?} {limits}");
            assert!(process.world().logged(told), "{host:?} {limits}");
            process.is_sound();
        }
    }
}

#[test]
fn an_issuer_that_limits_its_callers_is_left_alone() {
    for host in Personality::ALL {
        let mut process = Process::start_with(host, 1, &remote(), |world| {
            world.serve(KEYS, |_| {
                let wait = vec![("retry-after", "120".to_owned())];
                Reply::Answer(429, wait, Vec::new())
            });
        });
        let id = process.ask(good());
        assert_eq!(process.status(id), 503, "{host:?}");
        let seconds: u32 = answer_of(&process, id, "retry-after")
            .unwrap()
            .parse()
            .unwrap();
        assert!((119..=132).contains(&seconds), "{host:?}: {seconds}");
        serve_keys(&mut process.world_mut(), &[&KEY]);
        for _ in 0..11 {
            process.pass(10_000);
            process.ask(good());
        }
        assert_eq!(process.world().asked(KEYS), 1, "{host:?}");
        process.pass(25_000);
        let id = process.ask(good());
        assert_eq!(process.status(id), 200, "{host:?}");
        process.is_sound();
    }
}
