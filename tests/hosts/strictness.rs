//! The hosts themselves: what their counterparts were seen to refuse is refused here, or their tests would show nothing.

use std::cell::RefCell;
use std::rc::Rc;

use wasmtime::{Engine, Linker, Module, Store};

use crate::abi;
use crate::message::Request;
use crate::personality::Personality;
use crate::state::{
    BAD_ARGUMENT, CAS_MISMATCH, Callback, INTERNAL_FAILURE, NOT_FOUND, OK, State, UNIMPLEMENTED,
};
use crate::stream::Answer;
use crate::world::World;

const STREAM: u32 = 77;

/// A host within this callback of a request, or of the root context.
fn host(host: Personality, callback: Callback) -> State {
    let world = World {
        tickers: vec![Vec::new()],
        instances: vec![1],
        clusters: ["idp".to_owned()].into(),
        ..World::default()
    };
    let mut state = State::new(host, Rc::new(RefCell::new(world)), 0, Vec::new(), 1 << 20);
    let request = Request::get("/a%2Fb?x")
        .header("X-A", "1")
        .header("x-a", "2");
    state.open(STREAM, request);
    state.callback = callback;
    let about_request = matches!(callback, Callback::RequestHeaders | Callback::CallResponse);
    state.current = if about_request { STREAM } else { host.root() };
    state.effective = state.current;
    state
}

fn forbidden(state: &State) -> usize {
    state.world.borrow().forbidden.len()
}

fn call(state: &mut State, upstream: &str, headers: &[&str]) -> wasmtime::Result<Result<u32, u32>> {
    let headers = headers
        .iter()
        .map(|name| (name.as_bytes().to_vec(), b"x".to_vec()));
    state.call_out(upstream.to_owned(), headers.collect(), Vec::new(), 1000)
}

const FULL: [&str; 4] = [":method", ":path", ":authority", ":scheme"];

#[test]
fn a_second_tick_period_traps_in_nginx_only() {
    for (personality, want) in [
        (Personality::Envoy, Some(OK)),
        (Personality::NGINX, None),
        (Personality::Apisix, Some(UNIMPLEMENTED)),
    ] {
        let mut state = host(personality, Callback::Configure);
        let first = state.set_tick_period(50).unwrap();
        assert_eq!(
            first,
            if personality == Personality::Apisix {
                UNIMPLEMENTED
            } else {
                OK
            }
        );
        assert_eq!(state.set_tick_period(60).ok(), want, "{personality:?}");
        assert_eq!(forbidden(&state), usize::from(want.is_none()));
    }
}

#[test]
fn callouts_go_where_and_when_each_host_allows_them() {
    let mut envoy = host(Personality::Envoy, Callback::Configure);
    assert!(call(&mut envoy, "idp", &FULL).unwrap().is_ok());
    assert_eq!(
        call(&mut envoy, "elsewhere", &FULL).unwrap(),
        Err(BAD_ARGUMENT)
    );
    assert_eq!(
        call(&mut envoy, "idp", &[":method", ":path"]).unwrap(),
        Err(BAD_ARGUMENT)
    );
    for (callback, allowed) in [
        (Callback::Start, false),
        (Callback::Configure, false),
        (Callback::Tick, true),
        (Callback::RequestHeaders, true),
        (Callback::CallResponse, true),
    ] {
        let mut nginx = host(Personality::NGINX, callback);
        assert_eq!(
            call(&mut nginx, "elsewhere:80", &FULL).is_ok(),
            allowed,
            "{callback:?}"
        );
        assert!(call(&mut nginx, "idp", &[":path"]).is_err(), "{callback:?}");
    }
    let mut apisix = host(Personality::Apisix, Callback::RequestHeaders);
    assert!(call(&mut apisix, "idp:80", &FULL).unwrap().is_ok());
    assert_eq!(
        call(&mut apisix, "idp:80", &FULL).unwrap(),
        Err(BAD_ARGUMENT)
    );
    let mut apisix = host(Personality::Apisix, Callback::Configure);
    assert_eq!(
        call(&mut apisix, "idp:80", &FULL).unwrap(),
        Err(BAD_ARGUMENT)
    );
    let mut refusing = host(Personality::Envoy, Callback::Tick);
    refusing.world.borrow_mut().refuses_callouts = true;
    assert_eq!(
        call(&mut refusing, "idp", &FULL).unwrap(),
        Err(INTERNAL_FAILURE)
    );
}

#[test]
fn versions_mean_what_each_host_takes_them_for() {
    // Absent, then present, each with the versions 0, the right one, and another.
    for (personality, absent, present) in [
        (Personality::Envoy, [OK, OK, OK], [OK, OK, CAS_MISMATCH]),
        (
            Personality::NGINX,
            [OK, CAS_MISMATCH, CAS_MISMATCH],
            [CAS_MISMATCH, OK, CAS_MISMATCH],
        ),
    ] {
        for (index, want) in absent.into_iter().enumerate() {
            let mut state = host(personality, Callback::Tick);
            let cas = [0, 1, u32::MAX][index];
            assert_eq!(
                state.set_shared_data("k", vec![1], cas).unwrap(),
                want,
                "{personality:?} {cas}"
            );
        }
        for (index, want) in present.into_iter().enumerate() {
            let mut state = host(personality, Callback::Tick);
            assert_eq!(state.shared_data("k").unwrap(), Err(NOT_FOUND));
            assert_eq!(state.set_shared_data("k", vec![1], 0).unwrap(), OK);
            let (_, version) = state.shared_data("k").unwrap().unwrap();
            let cas = [0, version, version + 1][index];
            assert_eq!(
                state.set_shared_data("k", vec![2], cas).unwrap(),
                want,
                "{personality:?} {cas}"
            );
        }
    }
    for personality in [Personality::NGINX_BARE, Personality::Apisix] {
        let mut state = host(personality, Callback::Tick);
        assert!(state.shared_data("k").is_err() && state.set_shared_data("k", vec![1], 0).is_err());
        assert_eq!(forbidden(&state), 2, "{personality:?}");
    }
}

#[test]
fn what_nginx_takes_out_or_replaces_still_goes_on() {
    let seen = |state: &State, name: &str| {
        let pairs = state.streams[&STREAM].seen.iter();
        pairs
            .filter(|(held, _)| held.eq_ignore_ascii_case(name.as_bytes()))
            .count()
    };
    let sent = |state: &State, personality| {
        let pairs = state.streams[&STREAM].arrived(personality).into_iter();
        pairs
            .filter(|(held, _)| held == "x-a")
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    for (personality, removed, replaced) in [
        (Personality::Envoy, &[][..], &["9"][..]),
        (Personality::Apisix, &[][..], &["9"][..]),
        (Personality::NGINX, &["1", "2"][..], &["9", "2"][..]),
    ] {
        let mut state = host(personality, Callback::RequestHeaders);
        state.remove_header(0, b"x-a").unwrap();
        assert_eq!(
            (seen(&state, "x-a"), sent(&state, personality)),
            (0, removed.iter().map(|v| (*v).to_owned()).collect())
        );
        let mut state = host(personality, Callback::RequestHeaders);
        state.replace_header(0, b"x-a", b"9").unwrap();
        assert_eq!(
            (seen(&state, "x-a"), sent(&state, personality)),
            (1, replaced.iter().map(|v| (*v).to_owned()).collect())
        );
    }
}

#[test]
fn pseudo_headers_and_properties_are_as_each_host_has_them() {
    for (personality, path, authority) in [
        (Personality::Envoy, "/a%2Fb?x", Some("api.example")),
        (Personality::NGINX, "/a/b?x", Some("gateway.internal:80")),
        (Personality::Apisix, "/a%2Fb?x", None),
    ] {
        let mut state = host(personality, Callback::RequestHeaders);
        let pairs = state.pairs(0).unwrap().unwrap();
        let find = |name: &str| {
            let found = pairs.iter().find(|(held, _)| held == name.as_bytes());
            found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
        };
        assert_eq!(
            (find(":path").as_deref(), find(":authority").as_deref()),
            (Some(path), authority)
        );
    }
    let mut nginx = host(Personality::NGINX, Callback::RequestHeaders);
    assert_eq!(
        nginx.property("request\0path").unwrap().unwrap(),
        b"/a%2Fb?x"
    );
    assert!(
        nginx.pairs(1).is_err() && nginx.pairs(7).is_err(),
        "trailers"
    );
    assert!(
        host(Personality::NGINX, Callback::Configure)
            .property("plugin_name")
            .is_err()
    );
    assert_eq!(
        nginx
            .set_property("ngx\0auth_filter_user_id", b"a")
            .unwrap(),
        OK
    );
    assert_eq!(nginx.set_property("wasmx\0x", b"a").unwrap(), OK);
    assert_eq!(
        nginx.set_property("ngx\0undefined", b"a").unwrap(),
        NOT_FOUND
    );
    assert!(
        nginx.set_property("ngx\0request_uri", b"a").is_err(),
        "not for writing"
    );
    assert!(
        nginx.set_property("auth_filter.user_id", b"a").is_err(),
        "filter state"
    );
}

#[test]
fn answers_and_resumptions_are_for_the_request_at_hand() {
    let answer = || Answer {
        status: 401,
        headers: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
        body: "x".into(),
        grpc_status: 0,
    };
    let mut nginx = host(Personality::NGINX, Callback::RequestHeaders);
    assert_eq!(nginx.respond(answer()).unwrap(), OK);
    let held = nginx.streams[&STREAM].answer.clone().unwrap();
    assert_eq!(
        (held.headers, held.body.as_str()),
        (vec![("a".into(), "2".into())], "x\n")
    );
    assert!(
        nginx.respond(answer()).is_err() && nginx.resume(0).is_err(),
        "it is answered"
    );
    // The tick knows no request, whatever context is said to be in effect.
    let mut tick = host(Personality::NGINX, Callback::Tick);
    assert_eq!(tick.set_effective_context(STREAM), OK);
    assert!(tick.respond(answer()).is_err() && tick.resume(0).is_err());
    let mut tick = host(Personality::Envoy, Callback::Tick);
    assert_eq!(tick.set_effective_context(STREAM), OK);
    assert_eq!(tick.respond(answer()).unwrap(), OK);
    assert_eq!(tick.set_effective_context(STREAM + 1), BAD_ARGUMENT);
}

#[test]
fn a_module_that_asks_for_the_log_level_links_in_envoy_only() {
    // (module (import "env" "proxy_get_log_level" (func (param i32) (result i32))))
    let module = [
        &b"\0asm\x01\0\0\0"[..],
        b"\x01\x06\x01\x60\x01\x7f\x01\x7f",
        b"\x02\x1b\x01\x03env\x13proxy_get_log_level\0\0",
    ]
    .concat();
    let engine = Engine::default();
    let module = Module::new(&engine, module).unwrap();
    for (personality, links) in [
        (Personality::Envoy, true),
        (Personality::NGINX, false),
        (Personality::Apisix, false),
    ] {
        let mut linker = Linker::new(&engine);
        abi::link(&mut linker, personality).unwrap();
        let mut store = Store::new(&engine, host(personality, Callback::None));
        let linked = linker.instantiate(&mut store, &module);
        assert_eq!(linked.is_ok(), links, "{personality:?}");
    }
}

#[test]
fn counters_grow() {
    let mut state = host(Personality::Envoy, Callback::Tick);
    let id = state.define_metric(0, "a".to_owned()).unwrap();
    assert_eq!(state.define_metric(0, "a".to_owned()), Ok(id));
    assert_eq!(state.increment_metric(id, 1).unwrap(), OK);
    assert!(state.increment_metric(id, 0).is_err());
    assert_eq!(state.world.borrow().metric("a"), 1);
}
