//! Shared data that another plugin of the same `vm_id` can write.

use std::collections::BTreeMap;

use lab::issuer::SigningKey;
use serde_json::{Value, json};

use crate::fixture::{KEY, remote, serve_keys, token_of};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;

fn sealed() -> Value {
    let mut config = remote();
    config["shared_data"] = json!({ "key": { "env": "AUTH_FILTER_SHARED_DATA" } });
    config
}

/// A process whose issuer has this key, and whose shared data begins like this.
fn start(config: &Value, key: &SigningKey, data: BTreeMap<String, (Vec<u8>, u32)>) -> Process {
    Process::start_with(Personality::Envoy, 2, config, |world| {
        world.environment = vec![("AUTH_FILTER_SHARED_DATA", "s".repeat(32))];
        world.data = data;
        serve_keys(world, &[key]);
    })
}

fn status(process: &mut Process, vm: usize, key: &SigningKey) -> u16 {
    let id = process.send_to(vm, Request::get("/api").bearer(&token_of(key, &json!({}))));
    process.pass(2000);
    process.status(id)
}

#[test]
fn keys_that_another_plugin_puts_there_are_not_taken() {
    let foreign = SigningKey::es256_seeded("a", 9);
    for (config, forged) in [(remote(), 200), (sealed(), 401)] {
        // Another plugin writes what this filter would, had its issuer that key.
        let mut other = start(&remote(), &foreign, BTreeMap::new());
        assert_eq!(status(&mut other, 0, &foreign), 200);
        let data = other.world().data.clone();
        assert!(!data.is_empty());
        let mut process = start(&config, &KEY, data);
        for vm in 0..2 {
            assert_eq!(status(&mut process, vm, &foreign), forged, "{vm}");
        }
        process.is_sound();
    }
}

#[test]
fn sealed_values_serve_all_vms_of_a_process() {
    let mut process = start(&sealed(), &KEY, BTreeMap::new());
    for vm in 0..2 {
        assert_eq!(status(&mut process, vm, &KEY), 200);
    }
    assert_eq!(process.world().asked(crate::fixture::KEYS), 1);
    process.is_sound();
}
