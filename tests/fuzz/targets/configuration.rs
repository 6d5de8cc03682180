//! Any bytes as a configuration: refused with a place in the text, or a policy under which requests get answers.
#![no_main]

use auth_filter::capabilities::Capabilities;
use auth_filter::config::Config;
use auth_filter::exchange::{Outcome, Peer};
use auth_filter::gateway::Gateway;
use auth_filter::headers::Headers;
use auth_filter::keys::{NoStore, Turn};
use auth_filter::policy::Policy;
use fuzz::{NOW, TOKENS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let config = match Config::parse(text) {
        Ok(config) => config,
        Err(error) => {
            assert!(!error.what.is_empty());
            if let Some((line, _)) = error.position {
                // A text that comes in quotes has the lines of what is between them.
                let quoted = serde_json::from_slice::<String>(text.trim_ascii());
                let text = quoted.map_or_else(|_| text.to_vec(), String::into_bytes);
                let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
                assert!((1..=lines).contains(&line), "line {line} of {lines}");
            }
            return;
        }
    };
    let policy = match Policy::compile(&config, &Capabilities::envoy()) {
        Ok(policy) => policy,
        Err(error) => {
            assert!(!error.what.is_empty());
            return;
        }
    };
    let shadow = policy.mode != auth_filter::config::Mode::Enforce;
    let mut gateway = Gateway::new(policy, [7; 32]);
    let bearer = format!("Bearer {}", TOKENS[6]);
    let requests: [(&str, &[(&str, &str)]); 4] = [
        ("/", &[]),
        ("/a%2fb", &[]),
        (
            "/orders/17?access_token=x",
            &[("authorization", &bearer), ("x-auth-user-id", "root")],
        ),
        (
            "/pkg.Service/Method",
            &[
                ("content-type", "application/grpc"),
                ("cookie", "token=a; token=b"),
            ],
        ),
    ];
    for (id, (path, headers)) in (1..).zip(requests) {
        let pseudo = [
            (":method", "GET"),
            (":authority", "api.example"),
            (":path", path),
        ];
        let head = Headers::from_pairs(&[&pseudo[..], headers].concat());
        match gateway.handle_request(
            id,
            head,
            Peer::default(),
            &mut Turn {
                now: NOW,
                shared: &mut NoStore,
            },
        ) {
            Some(Outcome::Forward(_)) | None => {}
            Some(Outcome::Serve(_)) => panic!("nobody asks for the resource's metadata"),
            Some(Outcome::Reject(refusal)) => {
                assert!(!shadow, "refused without enforcement");
                assert!([400, 401, 403, 404, 413, 431, 503].contains(&refusal.answer.status));
            }
        }
    }
});
