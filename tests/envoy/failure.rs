//! The filter itself fails: what Envoy does under each failure policy, with a module that traps on every request body.

use crate::lab::{Lab, claims, eventually, policy};
use lab::client::Request;
use lab::envoy::{EnvoyConfig, Filter};
use lab::issuer::{Issuer, SigningKey};
use lab::{echo::Echo, trap::trapping_in};
use serde_json::json;

/// One Envoy with a listener, and a VM, for each policy.
struct Scene {
    lab: Lab,
    issuer: Issuer,
    token: String,
}

const POLICIES: [&str; 3] = ["FAIL_CLOSED", "FAIL_RELOAD", "FAIL_OPEN"];
const CLOSED: usize = 0;
const RELOAD: usize = 1;
const OPEN: usize = 2;

impl Scene {
    fn start() -> Self {
        let key = SigningKey::es256("a");
        let issuer = Issuer::start(&[&key]).unwrap();
        let filter = || Filter::json(policy(&issuer, json!({})));
        let echo = Echo::start().unwrap();
        let envoy = EnvoyConfig::new(trapping_in("proxy_on_request_body").unwrap(), filter())
            .and_listener(filter())
            .and_listener(filter())
            .upstream(echo.addr())
            .cluster("idp", issuer.addr())
            .edit(|bootstrap| {
                let listeners = bootstrap["static_resources"]["listeners"].as_array_mut();
                for (listener, policy) in listeners.unwrap().iter_mut().zip(POLICIES) {
                    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
                    let plugin = &mut manager["http_filters"][0]["typed_config"]["config"];
                    plugin["vm_config"]["vm_id"] = json!(policy);
                    plugin["failure_policy"] = json!(policy);
                    plugin["name"] = json!(policy);
                }
            })
            .start()
            .unwrap();
        let token = key.sign(json!({}), &claims(json!({})));
        Self {
            lab: Lab { envoy, echo },
            issuer,
            token,
        }
    }

    fn good(&self) -> Request {
        Request::get("/").bearer(&self.token)
    }

    /// A request in which the filter traps: it reaches nobody.
    #[track_caller]
    fn trap(&self, listener: usize) {
        let seen = self
            .lab
            .send_to(listener, Request::post("/", "body").bearer(&self.token));
        assert_eq!(seen.answer.status, 503, "{}", POLICIES[listener]);
        assert!(seen.upstream.is_none(), "{}", POLICIES[listener]);
    }

    fn stat(&self, name: &str) -> u64 {
        self.lab.envoy.stat(name).unwrap()
    }
}

#[test]
fn a_filter_that_traps_is_what_its_failure_policy_makes_of_it() {
    let scene = Scene::start();
    for listener in [CLOSED, RELOAD, OPEN] {
        scene.lab.send_to(listener, scene.good()).passed();
        let refused = scene.lab.send_to(listener, Request::get("/"));
        refused.refused(401, Some(""), "Authentication required");
        scene.trap(listener);
    }
    fails_closed(&scene);
    comes_back(&scene);
    lets_all_pass(&scene);
}

/// By default nothing passes any more, open paths included.
fn fails_closed(scene: &Scene) {
    for request in [scene.good(), Request::get("/"), Request::get("/public")] {
        let seen = scene.lab.send_to(CLOSED, request);
        assert_eq!(seen.answer.status, 503);
        assert!(seen.upstream.is_none());
    }
}

/// With reloading another VM takes over; until then nothing passes, and it has the keys from the one before.
fn comes_back(scene: &Scene) {
    let fetches = scene.issuer.fetches();
    for round in 1..=2 {
        eventually("another VM", || {
            let anonymous = scene.lab.send_to(RELOAD, Request::get("/"));
            assert!(anonymous.upstream.is_none());
            let spoofing = Request::get("/public").header("x-auth-user-id", "root");
            let spoofing = scene.lab.send_to(RELOAD, spoofing);
            let arrived = spoofing
                .upstream
                .and_then(|seen| seen.header("x-auth-user-id"));
            assert_eq!(arrived, None);
            scene.lab.send_to(RELOAD, scene.good()).answer.status == 200
        });
        let reloads = scene.stat("wasm.FAIL_RELOAD.vm_reload_success");
        assert_eq!(
            reloads,
            round,
            "{}",
            scene.lab.envoy.admin_get("/stats?filter=wasm").unwrap()
        );
        let seen = scene.lab.send_to(RELOAD, scene.good());
        assert_eq!(seen.passed().header_all("x-auth-user-id"), ["u-1"]);
        if round == 1 {
            scene.trap(RELOAD);
        }
    }
    assert_eq!(scene.issuer.fetches(), fetches, "the keys outlive the VM");
}

/// What nobody should configure: without its filter a listener has none.
fn lets_all_pass(scene: &Scene) {
    let request = Request::get("/").header("x-auth-user-id", "root");
    let seen = scene.lab.send_to(OPEN, request);
    assert_eq!(seen.passed().header_all("x-auth-user-id"), ["root"]);
}

#[test]
fn a_cluster_that_is_not_there_is_an_outage() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let config = policy(&issuer, json!({ "upstream": "elsewhere" }));
    let lab = Lab::start(&issuer, Filter::json(config), |config| config);
    let token = key.sign(json!({}), &claims(json!({})));
    for _ in 0..3 {
        lab.send(Request::get("/").bearer(&token)).unavailable();
        lab.send(Request::get("/public")).passed();
    }
    let failed = "wasmcustom.auth_filter.jwks_fetch_failed";
    assert!(lab.envoy.stat(failed).unwrap() > 0);
    lab.is_sound();
}

#[test]
fn envoy_is_recognised() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let filter = Filter::json(policy(&issuer, json!({})));
    let mut lab = Lab::start(&issuer, filter.clone(), |config| {
        config.reloadable().concurrency(2)
    });
    let token = key.sign(json!({}), &claims(json!({})));
    lab.send(Request::get("/").bearer(&token)).passed();
    // Also by a root context that comes later, after many requests.
    for _ in 0..1200 {
        lab.send(Request::get("/public"));
    }
    let mut changed = policy(&issuer, json!({}));
    changed["realm"] = json!("other");
    lab.envoy.update_filter(&Filter::json(changed)).unwrap();
    let log = lab.envoy.log();
    assert!(log.contains("the host is envoy"), "{log}");
    assert!(!log.contains("the host is nginx"), "{log}");
    let spoofing = Request::get("/public").header("x-auth-user-id", "root");
    assert!(
        lab.send(spoofing)
            .passed()
            .header("x-auth-user-id")
            .is_none()
    );
}
