//! Whatever is said of a configuration without a host, the host says when it loads it.

use std::fs;

use auth_filter::capabilities::Capabilities;
use auth_filter::config::{Config, HostName};
use auth_filter::policy::Policy;
use serde_json::{Value, json};

use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;

/// How many changed configurations each host is given.
const CHANGED: u32 = 200;

/// What the core says against a configuration on a host, without one.
fn said(host: HostName, config: &Value) -> Option<String> {
    let text = config.to_string();
    let checked = || {
        let mut config = Config::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let host = config.host.named().unwrap_or(host);
        let host = Capabilities::of(host, &config.nginx);
        config
            .read_environment(|_| None, host.missing_variable())
            .map_err(|error| error.located(text.as_bytes()).to_string())?;
        Policy::compile(&config, &host).map_err(|error| error.to_string())
    };
    checked().err()
}

/// Holds what a host says against what was said without it.
fn hold(host: Personality, name: HostName, config: &Value) -> bool {
    let want = said(name, config);
    let mut process = Process::start_as_it_is(host, config);
    if host == Personality::Apisix {
        // This host looks at a configuration when the first request comes.
        process.send(Request::get("/"));
    }
    let taken = process.vm(0).configured() == Some(true);
    let world = process.world();
    assert_eq!(
        taken,
        want.is_none(),
        "{host:?} {config}: {want:?} {:?}",
        world.log
    );
    if let Some(want) = &want {
        assert!(
            world.logged(want),
            "{host:?} {config}: {want} {:?}",
            world.log
        );
    }
    taken
}

fn configurations() -> Vec<Value> {
    let folder = lab::tools::workspace().join("filter-config");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter(|path| path.file_name().is_some_and(|name| name != "schema.json"))
        .collect();
    files.sort();
    let read = |path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    files.into_iter().map(read).collect()
}

/// Numbers from a seed, always the same ones.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Puts something else in one place of a configuration, or nothing.
fn change(value: &mut Value, random: &mut Random) {
    let goes_on = random.below(4) > 0;
    match value {
        Value::Object(members) if !members.is_empty() => {
            let key = members
                .keys()
                .nth(random.below(members.len()))
                .unwrap()
                .clone();
            if goes_on {
                change(members.get_mut(&key).unwrap(), random);
            } else if random.below(2) == 0 {
                members.remove(&key);
            } else {
                let member = members.remove(&key).unwrap();
                members.insert(format!("{key}s"), member);
            }
        }
        Value::Array(items) if !items.is_empty() && goes_on => {
            let place = random.below(items.len());
            change(&mut items[place], random);
        }
        _ => {
            let others = [
                json!(null),
                json!(""),
                json!("0s"),
                json!("http_"),
                json!("*"),
                json!("/"),
                json!("none"),
                json!(-1),
                json!(0),
                json!(1.5),
                json!(true),
                json!([]),
                json!({}),
                json!(["a", "a"]),
            ];
            *value = others[random.below(others.len())].clone();
        }
    }
}

#[test]
fn a_host_says_of_a_configuration_what_is_said_without_it() {
    let hosts = [
        (Personality::Envoy, HostName::Envoy),
        (Personality::NGINX, HostName::Nginx),
        (Personality::Apisix, HostName::Apisix),
    ];
    let mut cases = configurations();
    assert!(cases.len() >= 8);
    let originals = cases.clone();
    // What hosts do not agree on, or what only one of them reads.
    for (place, key, value) in [
        ("nginx", "variables", json!("http_")),
        ("nginx", "variables", json!("auth_filter_")),
        ("nginx", "strips_headers", json!(true)),
        ("paths", "slashes", json!("merge")),
        ("paths", "override_headers", json!("remove")),
        ("client_address", "filter_state", json!("client")),
    ] {
        let mut config = originals[0].clone();
        config[place] = json!({ key: value });
        cases.push(config);
    }
    let mut random = Random(7);
    for _ in 0..CHANGED {
        let mut config = originals[random.below(originals.len())].clone();
        if random.below(2) == 0 {
            config["nginx"] = json!({ "strips_headers": true });
        }
        for _ in 0..=random.below(2) {
            change(&mut config, &mut random);
        }
        cases.push(config);
    }
    for (host, name) in hosts {
        let taken = cases
            .iter()
            .filter(|config| hold(host, name, config))
            .count();
        // Were all taken, or none, nothing would be held against anything.
        assert!(
            taken > 10 && taken < cases.len() - 10,
            "{host:?}: {taken} of {}",
            cases.len()
        );
    }
}
