//! Wall clocks that are put back and forward, on hosts with a monotonic clock, without one, and with nginx's, which is the
//! wall clock under both names and stands still within a callback.

use serde_json::json;

use crate::fixture::{KEY, KEYS, START, remote, serve_keys, token};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;
use crate::world::{Reply, World};

const HOUR: i64 = 3_600_000;

/// Every host, as it is and without its monotonic clock, and either jump.
fn all(mut story: impl FnMut(Personality, bool, i64)) {
    for host in Personality::ALL {
        for without in [false, true] {
            for jump in [-HOUR, HOUR] {
                story(host, without, jump);
            }
        }
    }
}

fn good() -> Request {
    let dates = json!({ "iat": null, "exp": 4_000_000_000_u64 });
    Request::get("/api").bearer(&token(&dates))
}

fn start(
    host: Personality,
    without: bool,
    vms: usize,
    prepare: impl FnOnce(&mut World),
) -> Process {
    let mut config = remote();
    config["providers"]["main"]["jwks"]["cache_duration"] = json!("100s");
    Process::start_with(host, vms, &config, |world| {
        world.has_no_monotonic_clock = without;
        prepare(world);
    })
}

#[test]
fn an_outage_ends_with_the_issuers() {
    all(|host, without, jump| {
        let broken = |world: &mut World| world.serve(KEYS, |_| Reply::Broken);
        let mut process = start(host, without, 2, broken);
        for _ in 0..5 {
            let id = process.ask(good());
            assert_eq!(process.status(id), 503, "{host:?} {without} {jump}");
            process.pass(1000);
        }
        process.world_mut().ahead = jump;
        serve_keys(&mut process.world_mut(), &[&KEY]);
        // Where nothing ticks, a clock that was put back counts on from the next request.
        for _ in 0..32 {
            process.ask(good());
            process.pass(1000);
        }
        for vm in [0, 1] {
            process.send_to(vm, good());
            process.pass(500);
            let id = process.send_to(vm, good());
            assert_eq!(process.status(id), 200, "{host:?} {without} {jump}");
        }
        process.is_sound();
    });
}

#[test]
fn keys_are_fetched_as_often_as_ever() {
    all(|host, without, jump| {
        let mut process = start(host, without, 1, |world| serve_keys(world, &[&KEY]));
        let id = process.ask(good());
        assert_eq!(process.status(id), 200, "{host:?} {without} {jump}");
        process.world_mut().ahead = jump;
        // What a clock skips counts as passed where it is the only one.
        for _ in 0..2 {
            process.ask(good());
            process.pass(500);
        }
        let before = process.world().asked(KEYS);
        for _ in 0..40 {
            process.pass(10_000);
            process.ask(good());
        }
        // Each serves for up to 100 seconds.
        let fetches = process.world().asked(KEYS) - before;
        assert!(
            (3..=8).contains(&fetches),
            "{host:?} {without} {jump}: {fetches}"
        );
        process.is_sound();
    });
}

#[test]
fn refusals_are_logged_again_a_second_after_a_flood() {
    all(|host, without, jump| {
        let mut process = start(host, without, 1, |world| serve_keys(world, &[&KEY]));
        for _ in 0..150 {
            process.send(Request::get("/api"));
        }
        process.world_mut().ahead = jump;
        process.pass(1500);
        process.send(Request::get("/api"));
        process.pass(1500);
        process.send(Request::get("/api"));
        let told = process.world().logged("refusals were not logged");
        assert!(told, "{host:?} {without} {jump}");
        process.is_sound();
    });
}

#[test]
fn dates_go_by_the_wall_clock_alone() {
    all(|host, without, _| {
        let mut process = start(host, without, 1, |world| serve_keys(world, &[&KEY]));
        let short =
            Request::get("/api").bearer(&token(&json!({ "iat": null, "exp": *START + 600 })));
        let mut status = |ahead| {
            process.world_mut().ahead = ahead;
            process.pass(100);
            let id = process.ask(short.clone());
            process.status(id)
        };
        for (ahead, want) in [(0, 200), (HOUR, 401), (0, 200), (HOUR, 401), (-HOUR, 200)] {
            assert_eq!(status(ahead), want, "{host:?} {without} {ahead}");
        }
        process.is_sound();
    });
}
