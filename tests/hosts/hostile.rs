//! What clients send to be misread, on every host.

use serde_json::json;

use crate::fixture::{inline, token};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;

#[test]
fn no_bytes_end_an_instance() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        let good = token(&json!({}));
        for value in [&b"\xff\xfe"[..], b"", b"\t", b"\xc3\x28", &[b'a'; 60_000]] {
            for name in [
                "authorization",
                "cookie",
                "x-other",
                "x-auth-user-id",
                "host",
                "content-type",
            ] {
                let id = process.ask(Request::get("/api").header(name, value));
                let status = process.status(id);
                assert!(matches!(status, 400 | 401), "{host:?} {name} {status}");
            }
        }
        for target in [
            "*", "", "/%", "/%00", "/\u{7f}", "/api?%ff", "/api#x", "//api", "/api;a=1",
        ] {
            let id = process.ask(Request::get(target));
            assert!(
                matches!(process.status(id), 400 | 401 | 403),
                "{host:?} {target}"
            );
        }
        let id = process.ask(Request::get("/api").header("x", b"a\0b"));
        assert_eq!(process.status(id), 400, "{host:?}");
        // It all happened in one instance, which goes on.
        let id = process.ask(Request::get("/api").bearer(&good));
        assert_eq!(process.status(id), 200, "{host:?}");
        assert_eq!(process.world().instances, [1]);
        process.is_sound();
    }
}

#[test]
fn a_second_credential_is_refused_by_whoever_sees_it() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        let good = token(&json!({}));
        let id = process.ask(Request::get("/api").bearer(&good).bearer("x"));
        assert_eq!(process.status(id), 400, "{host:?}");
        let mut config = inline();
        config["providers"]["main"]["from_headers"] = json!([{ "name": "x-token" }]);
        config["providers"]["main"]["forward"] = json!(true);
        let mut process = Process::start(host, 1, &config);
        let twice = Request::get("/api")
            .header("X-Token", &good)
            .header("x-token", "x");
        let id = process.ask(twice);
        assert_eq!(process.refused(id).status, 400, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_path_is_matched_as_the_upstream_gets_it() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        // nginx makes `/public?x` of the first, in which a rule that splits it finds an open path, and none in what was sent.
        for (target, status) in [
            ("/public%3Fx", 400),
            ("/api/%2e%2e/public", 400),
            ("/public/..%2fapi", 400),
            ("//public", 400),
            ("/publi%63", 200),
            ("/api/../public", 400),
        ] {
            let id = process.ask(Request::get(target));
            assert_eq!(process.status(id), status, "{host:?} {target}");
        }
        process.is_sound();
    }
}

#[test]
fn a_host_is_matched_as_the_client_named_it() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        for (name, status) in [
            ("open.example", 200),
            ("gateway.internal", 403),
            ("other.example", 403),
        ] {
            let id = process.ask(Request::get("/host").host(name));
            assert_eq!(process.status(id), status, "{host:?} {name}");
        }
        process.is_sound();
    }
}

/// nginx serves the host of the target, and hands the filter the header.
#[test]
fn a_target_in_absolute_form_names_no_other_host_than_the_header() {
    let mut config = inline();
    config["rules"] = serde_json::json!([
        { "match": { "path_prefix": "/", "hosts": ["open.example"] }, "require": "public" },
        { "match": { "path_prefix": "/" }, "require": "deny" },
    ]);
    for host in [
        Personality::NGINX,
        Personality::NGINX_BARE,
        Personality::Apisix,
    ] {
        let mut process = Process::start(host, 1, &config);
        let open = || Request::get("/secret").host("open.example");
        for (request, status) in [
            (open(), 200),
            (open().absolute("open.example"), 200),
            (Request::get("/secret").host("Open.Example:8443"), 200),
            (open().absolute("api.example"), 400),
            (Request::get("/secret").absolute("open.example"), 400),
            (Request::get("/secret"), 403),
        ] {
            let id = process.ask(request);
            assert_eq!(process.status(id), status, "{host:?}");
        }
        process.is_sound();
    }
}
