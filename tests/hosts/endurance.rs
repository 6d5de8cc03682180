//! Idle hours and many requests: what they cost in callouts, host calls and memory.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;

use crate::fixture::{KEY, KEYS, START, inline, remote, serve_keys, token};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;

#[test]
fn a_thousand_idle_ticks_cost_no_callout_and_no_memory() {
    for host in Personality::ALL {
        let mut process =
            Process::start_with(host, 1, &remote(), |world| serve_keys(world, &[&KEY]));
        let id = process.ask(Request::get("/api").bearer(&token(&json!({}))));
        assert_eq!(process.status(id), 200, "{host:?}");
        process.pass(1000);
        let before = (process.vm(0).memory(), process.world().log.len());
        process.pass(50 * 1000);
        let after = (process.vm(0).memory(), process.world().log.len());
        assert_eq!(after, before, "{host:?}");
        assert_eq!(process.world().asked(KEYS), 1, "{host:?}");
        process.is_sound();
    }
}

/// A token that is cheap to verify: the numbers are about everything else.
fn cheap(subject: usize) -> String {
    let claims = json!({
        "iss": "https://issuer.example", "aud": "orders", "sub": format!("user-{subject}"), "exp": *START + 6000,
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!(
        "{}.{}",
        part(&json!({ "alg": "HS256", "kid": "h" })),
        part(&claims)
    );
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[7; 32]).unwrap();
    mac.update(input.as_bytes());
    format!(
        "{input}.{}",
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    )
}

fn symmetric() -> serde_json::Value {
    let mut config = inline();
    let key =
        json!({ "kty": "oct", "kid": "h", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode([7; 32]) });
    config["providers"]["main"]["jwks"] = json!({ "inline": { "keys": [key] } });
    config["providers"]["main"]["algorithms"] = json!(["HS256"]);
    config
}

#[test]
fn ten_thousand_requests_leave_no_memory_behind() {
    for host in [Personality::Envoy, Personality::NGINX] {
        let mut process = Process::start(host, 1, &symmetric());
        let mut before = 0;
        let spoofed = if host.is_nginx() { 400 } else { 200 };
        for number in 0..11_000_usize {
            if number == 1000 {
                before = process.vm(0).memory();
            }
            let request = match number % 4 {
                0 => Request::get("/api"),
                1 => Request::get("/public").header("x-auth-user-id", "evil"),
                2 => Request::get("/api").bearer("x.y.z"),
                _ => Request::get("/api").bearer(&cheap(number % 400)),
            };
            let id = process.send(request);
            assert_eq!(
                process.status(id),
                [401, spoofed, 401, 200][number % 4],
                "{host:?} {number}"
            );
            process.forget(id);
        }
        assert_eq!(process.vm(0).memory(), before, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_request_costs_few_host_calls() {
    // At most, for each kind of request: in Envoy, nginx that strips, nginx as it comes, and APISIX.
    let rows = [
        ("open", Request::get("/public"), [2, 4, 4, 3]),
        ("anonymous", Request::get("/api"), [3, 5, 5, 4]),
        (
            "known",
            Request::get("/api").bearer(&cheap(1)),
            [9, 7, 10, 7],
        ),
        (
            "spoofing",
            Request::get("/public").header("x-auth-user-id", "evil"),
            [3, 5, 5, 4],
        ),
    ];
    for (index, host) in Personality::ALL.into_iter().enumerate() {
        let mut process = Process::start(host, 1, &symmetric());
        for (what, request, most) in &rows {
            let mut cost = 0;
            // The first defines its counters.
            for _ in 0..2 {
                let before: usize = process.vm(0).state().calls.values().sum();
                process.ask(request.clone());
                let after: usize = process.vm(0).state().calls.values().sum();
                cost = after - before;
            }
            assert!(cost <= most[index], "{host:?} {what}: {cost}");
        }
        process.is_sound();
    }
}
