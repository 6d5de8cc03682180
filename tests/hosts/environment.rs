//! Secrets that are in the environment of the host, and not in what it shows of its configuration.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;

/// SHA-256 of "right".
const HASH: &str = "27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9";

fn config() -> Value {
    json!({
        "providers": { "people": {
            "kind": "basic",
            "users": { "ann": { "password_hash": { "env": "AUTH_FILTER_ANN" } } },
        } },
        "rules": [{ "match": { "path_prefix": "/" }, "require": "user" }],
    })
}

fn ann(password: &str) -> Request {
    let text = STANDARD.encode(format!("ann:{password}"));
    Request::get("/").header("authorization", format!("Basic {text}"))
}

#[test]
fn a_secret_comes_from_the_environment() {
    let mut process = Process::start_with(Personality::Envoy, 2, &config(), |world| {
        world.environment = vec![
            ("OTHER", "x".to_owned()),
            ("AUTH_FILTER_ANN", format!("{HASH}\n")),
        ];
    });
    for (password, status) in [("right", 200), ("wrong", 401)] {
        let id = process.ask(ann(password));
        assert_eq!(process.status(id), status);
    }
    assert!(!process.world().logged(HASH));
    process.is_sound();
}

#[test]
fn a_configuration_without_its_secrets_is_refused_and_says_what_to_do() {
    for (host, say) in [
        (Personality::Envoy, "host_env_keys"),
        (
            Personality::NGINX,
            "nginx hosts give the filter no environment",
        ),
        (
            Personality::Apisix,
            "nginx hosts give the filter no environment",
        ),
    ] {
        let mut process = Process::start_as_it_is(host, &config());
        // This host looks at a configuration when the first request comes.
        if host == Personality::Apisix {
            process.send(ann("right"));
        }
        assert_eq!(process.vm(0).configured(), Some(false), "{host:?}");
        let world = process.world();
        assert!(
            world.logged("providers.people.users.ann.password_hash"),
            "{:?}",
            world.log
        );
        assert!(world.logged("there is no variable AUTH_FILTER_ANN") && world.logged(say));
    }
}
