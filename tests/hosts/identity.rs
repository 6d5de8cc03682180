//! Who the caller is, as the upstream gets it on each host: on the wire, not as the filter sees it.

use serde_json::json;

use crate::fixture::{inline, token};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;

#[test]
fn a_good_token_passes_and_names_its_bearer() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        let token = token(&json!({ "groups": ["admin", "a,b"] }));
        let id = process.ask(Request::get("/admin/users?x=1").bearer(&token));
        assert_eq!(
            process.upstream(id, "x-auth-user-id"),
            ["alice"],
            "{host:?}"
        );
        assert_eq!(
            process.upstream(id, "x-auth-groups"),
            ["admin,a%2Cb"],
            "{host:?}"
        );
        assert_eq!(
            process.upstream(id, "x-auth-provider"),
            ["main"],
            "{host:?}"
        );
        assert_eq!(process.upstream(id, "x-tenant"), ["t-1"], "{host:?}");
        let credential = process.upstream(id, "authorization");
        assert_eq!(
            credential.is_empty(),
            host.removes_credentials(),
            "{host:?}"
        );
        assert_eq!(process.forwarded(id).target(host), "/admin/users?x=1");
        process.is_sound();
    }
}

#[test]
fn the_host_is_told_for_its_logs() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        let id = process.ask(Request::get("/api").bearer(&token(&json!({}))));
        let stream = process.forwarded(id);
        let state = stream.state.get("auth_filter.user_id").map(String::as_str);
        let variable = stream
            .variables
            .get("auth_filter_user_id")
            .map(String::as_str);
        let alice = Some("alice");
        assert_eq!(
            state,
            alice.filter(|_| host == Personality::Envoy),
            "{host:?}"
        );
        assert_eq!(variable, alice.filter(|_| host.is_nginx()), "{host:?}");
        process.is_sound();
    }
}

/// Copies of what is the filter's own, in spellings that some upstream reads as the same.
const SPOOFS: [&[(&str, &str)]; 5] = [
    &[("x-auth-user-id", "root")],
    &[("X-Auth-Groups", "admin")],
    &[("X-Auth-User-Id", "evil"), ("x-auth-user-id", "evil2")],
    &[("X-Tenant", "t-2")],
    &[("X_Auth_User_Id", "root")],
];

#[test]
fn a_client_never_speaks_for_the_filter() {
    for host in Personality::ALL {
        for mode in ["enforce", "shadow", "disabled"] {
            let mut config = inline();
            config["mode"] = json!(mode);
            let mut process = Process::start(host, 1, &config);
            for spoof in SPOOFS {
                for path in ["/api", "/public"] {
                    let request = Request::get(path).bearer(&token(&json!({})));
                    let with = |request: Request, (name, value): &(&str, &str)| {
                        request.header(name, value)
                    };
                    let id = process.ask(spoof.iter().fold(request, with));
                    let context = format!("{host:?} {mode} {path} {spoof:?}");
                    // nginx drops names with underscores itself.
                    let dropped = spoof[0].0.contains('_') && host != Personality::Envoy;
                    if host.is_nginx() && !dropped {
                        assert_eq!(process.refused(id).status, 400, "{context}");
                        assert!(
                            process.refused(id).body.contains("Header not allowed"),
                            "{context}"
                        );
                        continue;
                    }
                    let known = path == "/api" && mode != "disabled";
                    let want = |value: &'static str| if known { vec![value] } else { Vec::new() };
                    assert_eq!(
                        process.upstream(id, "x-auth-user-id"),
                        want("alice"),
                        "{context}"
                    );
                    assert_eq!(process.upstream(id, "x-tenant"), want("t-1"), "{context}");
                    for name in ["x-auth-groups", "x_auth_user_id"] {
                        assert!(process.upstream(id, name).is_empty(), "{context}");
                    }
                }
            }
            process.is_sound();
        }
    }
}

#[test]
fn a_credential_in_the_query_or_a_cookie_is_taken_out_where_the_host_can() {
    for (place, request) in [
        ("from_params", |token: &str| {
            Request::get(&format!("/api?a=1&t={token}&b=2"))
        }),
        ("from_cookies", |token: &str| {
            Request::get("/api").header("Cookie", format!("a=1; t={token}; b=2"))
        }),
    ] as [(&str, fn(&str) -> Request); 2]
    {
        for host in Personality::ALL {
            let mut config = inline();
            config["providers"]["main"][place] = json!(["t"]);
            let can = match place {
                "from_params" => host == Personality::Envoy,
                _ => !host.is_nginx(),
            };
            let refused = !can && host != Personality::NGINX_BARE;
            let mut process = Process::start(host, 1, &config);
            let id = process.ask(request(&token(&json!({}))));
            if refused {
                assert_eq!(
                    process.status(id),
                    503,
                    "{host:?} {place}: never configured"
                );
                let why = "providers.main.forward";
                assert!(
                    process.world().logged(why),
                    "{host:?} {place}: {:?}",
                    process.world().log
                );
                continue;
            }
            assert_eq!(
                process.upstream(id, "x-auth-user-id"),
                ["alice"],
                "{host:?} {place}"
            );
            if can {
                let arrived = (
                    process.forwarded(id).target(host),
                    process.upstream(id, "cookie").join("|"),
                );
                let want = if place == "from_params" {
                    ("/api?a=1&b=2", "")
                } else {
                    ("/api", "a=1; b=2")
                };
                assert_eq!(
                    (arrived.0.as_str(), arrived.1.as_str()),
                    want,
                    "{host:?} {place}"
                );
            }
            process.is_sound();
        }
    }
}

#[test]
fn a_configuration_that_would_leak_on_nginx_is_refused_with_what_to_do() {
    let mut config = inline();
    config["nginx"] = json!({ "strips_headers": false });
    config["host"] = json!("nginx");
    // Also where the operator names a host that the filter would not have recognised.
    let mut process = Process::start(Personality::Envoy, 1, &config);
    assert_eq!(process.vm(0).configured(), Some(false));
    for said in [
        "providers.main.forward",
        "proxy_set_header authorization \"\";",
        "strips_headers",
    ] {
        assert!(
            process.world().logged(said),
            "{said}: {:?}",
            process.world().log
        );
    }
}

#[test]
fn each_host_is_recognised_without_a_call() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        process.ask(Request::get("/public"));
        let word = match host {
            Personality::Envoy => "envoy",
            Personality::Apisix => "apisix",
            Personality::Nginx { .. } => "nginx",
        };
        assert!(
            process.world().logged(&format!("the host is {word}")),
            "{host:?}"
        );
        process.is_sound();
    }
}
