//! How a configuration arrives, is refused, and takes the place of another.

use crate::lab::{Lab, claims, eventually, policy};
use base64::Engine as _;
use lab::client::Request;
use lab::envoy::{EnvoyConfig, Filter};
use lab::issuer::{Issuer, SigningKey};
use lab::tools;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A policy without remote keys: the one rule decides.
fn single(require: Value) -> Value {
    json!({ "rules": [{ "match": { "path_prefix": "/" }, "require": require }] })
}

#[test]
fn envoy_does_not_start_with_a_bad_configuration_and_says_where_it_is_bad() {
    let issuer = Issuer::start(&[]).unwrap();
    let with = |change: fn(&mut Value)| {
        let mut policy = policy(&issuer, json!({}));
        change(&mut policy);
        Filter::json(policy)
    };
    let rows = [
        (
            with(|policy| policy["providers"]["users"]["audience"] = json!(["a"])),
            "providers.users.audience: unknown key; known: kind, preset, issuer, audiences",
        ),
        (
            with(|policy| policy["rules"][1]["require"] = json!({ "provider": "usrs" })),
            "rules[1].require.provider: \"usrs\" is not a provider; known: users",
        ),
        (Filter::text(""), "the configuration is empty"),
        (Filter::text("{\"rules\": ["), "configuration refused: "),
        (
            Filter::json(json!({ "rules": [], "modes": "enforce" })),
            "modes: unknown key; known: mode, ",
        ),
        // What another host would end its worker for is refused here too.
        (
            with(|policy| policy["nginx"] = json!({ "variables": "http_" })),
            "nginx.variables: must be a prefix of lower-case letters, digits and underscores",
        ),
    ];
    for (filter, place) in rows {
        let start = EnvoyConfig::new(tools::wasm().unwrap(), filter).start();
        let log = start.err().expect("Envoy does not start");
        assert!(
            log.contains("auth-filter: configuration refused: "),
            "{log}"
        );
        assert!(log.contains(place), "`{place}` is not in\n{log}");
    }
}

#[test]
fn a_configuration_arrives_as_text_and_as_quoted_text() {
    arrives(|policy| vec![Filter::text(&Value::String(policy.to_string()).to_string())]);
}

#[test]
fn a_configuration_arrives_as_a_struct() {
    arrives(|policy| vec![Filter::structure(policy.clone())]);
}

/// Asserts that the listeners made by `others` answer like one whose configuration is text.
fn arrives(others: impl FnOnce(&Value) -> Vec<Filter>) {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let policy = policy(
        &issuer,
        json!({ "refresh_ahead": 0.5, "cache_duration": "10m" }),
    );
    let others = others(&policy);
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        others.into_iter().fold(config, EnvoyConfig::and_listener)
    });
    let token = key.sign(json!({}), &claims(json!({})));
    for listener in 0..lab.envoy.addrs().len() {
        let send = |request| lab.send_to(listener, request);
        send(Request::get("/public")).passed();
        send(Request::get("/x")).refused(401, Some(""), "Authentication required");
        send(Request::get("/x").bearer(&token)).passed();
    }
    // The same key set behind several configurations of one VM.
    assert_eq!(issuer.fetches(), 1);
    lab.is_sound();
}

#[test]
fn a_disabled_filter_says_so() {
    let issuer = Issuer::start(&[]).unwrap();
    let mut policy = single(json!("deny"));
    policy["mode"] = json!("disabled");
    let lab = Lab::start(&issuer, Filter::json(policy), |config| config);
    lab.envoy
        .wait_for_log("mode: \"disabled\" checks nothing")
        .unwrap();
    lab.send(Request::get("/")).passed();
}

#[test]
fn a_bad_update_is_rejected_and_the_old_configuration_goes_on() {
    let issuer = Issuer::start(&[]).unwrap();
    let mut lab = Lab::start(&issuer, Filter::json(single(json!("deny"))), |config| {
        config.reloadable().concurrency(2)
    });
    let denied = |lab: &Lab| {
        for _ in 0..6 {
            lab.send(Request::get("/"))
                .refused(403, None, "Operation not allowed");
        }
    };
    denied(&lab);
    let mut forgotten = single(json!("public"));
    forgotten["tests"] = json!([{
        "name": "nobody gets in", "request": { "path": "/" }, "anonymous": true, "expect": { "status": 403 },
    }]);
    for bad in [
        Filter::json(forgotten),
        Filter::json(single(json!("publik"))),
        Filter::text("{"),
        Filter::json(json!({ "mode": "disabled" })),
    ] {
        let log = lab.envoy.update_filter(&bad).unwrap_err();
        assert!(log.contains("configuration refused"), "{log}");
        denied(&lab);
    }
    lab.envoy
        .update_filter(&Filter::json(single(json!("public"))))
        .unwrap();
    eventually("the good one is in force", || {
        (0..6).all(|_| lab.send(Request::get("/")).answer.status == 200)
    });
}

/// Requests go on while configurations change: each is answered by the old one or the new one.
#[test]
fn an_update_under_load_lets_nobody_slip_through() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let strict = |cache: &str| Filter::json(policy(&issuer, json!({ "cache_duration": cache })));
    let mut lab = Lab::start(&issuer, strict("10m"), |config| {
        config.reloadable().concurrency(2)
    });
    let token = key.sign(json!({}), &claims(json!({})));
    lab.send(Request::get("/").bearer(&token)).passed();
    let addr = lab.envoy.addr();
    let done = AtomicBool::new(false);
    let (mut good, mut bad) = (0, 0);
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut statuses = Vec::new();
            while !done.load(Ordering::Relaxed) {
                for request in [Request::get("/"), Request::get("/").bearer(&token)] {
                    // A connection may end with the listener that it belonged to.
                    statuses.push(request.send(addr).map_or(0, |answer| answer.status));
                }
            }
            statuses
        });
        for minutes in 11..14 {
            lab.envoy
                .update_filter(&strict(&format!("{minutes}m")))
                .unwrap();
        }
        done.store(true, Ordering::Relaxed);
        for pair in client.join().unwrap().chunks(2) {
            assert!([0, 401].contains(&pair[0]), "without a token: {}", pair[0]);
            assert!([0, 200].contains(&pair[1]), "with a token: {}", pair[1]);
            good += usize::from(pair[1] == 200);
            bad += usize::from(pair[0] == 401);
        }
    });
    assert!(good > 10 && bad > 10, "{good} {bad}");
    lab.is_sound();
}

#[test]
fn envoy_takes_the_clusters_of_the_pages_about_providers() {
    let venv = tools::ensure_venv().unwrap();
    let authorities = venv
        .python("import certifi; print(certifi.where())")
        .unwrap();
    let folder = tools::workspace().join("filter-config/providers");
    let mut clusters = String::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            let (yaml, _) = block.split_once("```").unwrap();
            // Pages may name their clusters alike.
            let yaml = yaml.replacen("name: ", &format!("name: c{count}_"), 1);
            let lines = yaml.trim_end().replace('\n', "\n      ");
            clusters.push_str(&format!("    - {lines}\n"));
            count += 1;
        }
    }
    assert_eq!(count, 15);
    for bundle in [
        "/etc/ssl/certs/ca-certificates.crt",
        "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
    ] {
        assert!(clusters.contains(bundle), "{bundle}");
        clusters = clusters.replace(bundle, authorities.trim());
    }
    let path = tools::lab_dir("clusters").unwrap().join("envoy.yaml");
    std::fs::write(&path, format!("static_resources:\n  clusters:\n{clusters}")).unwrap();
    let mut envoy = std::process::Command::new(venv.envoy().unwrap());
    envoy
        .args(["--mode", "validate", "--config-path"])
        .arg(&path);
    let said = lab::process::run(&mut envoy).unwrap();
    assert!(said.contains("OK"), "{said}");
}

/// The configuration that the admin interface shows has its name only.
#[test]
fn a_secret_in_the_environment_is_in_no_dump() {
    // SHA-256 of "right".
    const HASH: &str = "27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9";
    let issuer = Issuer::start(&[]).unwrap();
    let policy = json!({
        "providers": { "people": { "kind": "basic",
            "users": { "ann": { "password_hash": { "env": "AUTH_FILTER_ANN" } } } } },
        "rules": [{ "match": { "path_prefix": "/" }, "require": "user" }],
    });
    let lab = Lab::start(&issuer, Filter::json(policy.clone()), |config| {
        config.concurrency(2).environment("AUTH_FILTER_ANN", HASH)
    });
    let basic = |text: &str| {
        let text = base64::engine::general_purpose::STANDARD.encode(text);
        Request::get("/").header("authorization", format!("Basic {text}"))
    };
    lab.send(basic("ann:right")).passed();
    assert_eq!(lab.send(basic("ann:wrong")).answer.status, 401);
    let dump = Request::get("/config_dump")
        .send(lab.envoy.admin_addr())
        .unwrap();
    let dump = String::from_utf8_lossy(&dump.body).into_owned();
    assert!(dump.contains("AUTH_FILTER_ANN") && !dump.contains(HASH));
    let without = EnvoyConfig::new(tools::wasm().unwrap(), Filter::json(policy)).start();
    let log = without.err().expect("Envoy does not start");
    assert!(
        log.contains("there is no variable AUTH_FILTER_ANN"),
        "{log}"
    );
}
