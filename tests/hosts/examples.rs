//! The configurations that the project shows for nginx hosts, on these hosts.

use serde_json::{Value, json};

use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text.trim_end_matches("#END\n")).unwrap()
}

/// The example's configuration, with the operator's side of the host as the example has it.
fn load(host: Personality, config: &Value) -> Process {
    let mut process = Process::start_as_it_is(host, config);
    for (path, status) in [("/healthz", 200), ("/", 401)] {
        let id = process.ask(Request::get(path));
        assert_eq!(
            process.status(id),
            status,
            "{host:?} {path} {:?}",
            process.world().log
        );
    }
    process.is_sound();
    process
}

#[test]
fn the_example_for_kong_runs_on_its_host() {
    let example = yaml(include_str!("../../envoy-example/kong/kong.yml"));
    let mut config = example["services"][0]["filter_chains"][0]["filters"][0]["config"].clone();
    load(Personality::NGINX_BARE, &config);
    // And as its page has nginx take the credential out.
    config["providers"]["users"]["forward"] = json!(false);
    config["nginx"] = json!({ "strips_headers": true, "shared_data": true });
    load(Personality::NGINX, &config);
}

#[test]
fn the_example_for_apisix_runs_on_its_host() {
    let example = yaml(include_str!("../../envoy-example/apisix/apisix.yaml"));
    load(
        Personality::Apisix,
        &example["routes"][0]["plugins"]["auth_filter"]["conf"],
    );
}
