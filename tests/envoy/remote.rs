//! The module fetched by Envoy itself, over HTTP, pinned by its digest.

use lab::client::Request;
use lab::echo::Echo;
use lab::envoy::{Envoy, EnvoyConfig, Filter};
use lab::server::{Answer, Server};
use lab::tools;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::time::Duration;

/// An Envoy that fetches the module from the server and takes it only with this digest.
fn start(modules: &Server, echo: &Echo, digest: &str) -> Envoy {
    let rules = json!({ "rules": [
        { "match": { "path": "/open" }, "require": "public" },
        { "match": {}, "require": "deny" },
    ] });
    let code = json!({ "remote": {
        "http_uri": { "uri": format!("http://{}/auth_filter.wasm", modules.addr()), "cluster": "modules", "timeout": "30s" },
        "sha256": digest,
        "retry_policy": { "num_retries": 1 },
    } });
    EnvoyConfig::new(tools::wasm().unwrap(), Filter::json(rules))
        .upstream(echo.addr())
        .cluster("modules", modules.addr())
        .edit(move |bootstrap| {
            let filters = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";
            let config: &mut Value = bootstrap.pointer_mut(filters).unwrap();
            config["vm_config"]["code"] = code;
            config["failure_policy"] = json!("FAIL_CLOSED");
        })
        .start()
        .unwrap()
}

#[test]
fn a_module_with_another_digest_lets_nobody_pass() {
    let module = fs::read(tools::wasm().unwrap()).unwrap();
    let digest: String = Sha256::digest(&module)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let modules =
        Server::start(move |_| Some(Answer::new(200, "application/wasm", module.clone()))).unwrap();
    let echo = Echo::start().unwrap();

    let envoy = start(&modules, &echo, &digest);
    let open = || {
        Request::get("/open")
            .timeout(Duration::from_secs(30))
            .send(envoy.addr())
            .unwrap()
            .status
    };
    crate::lab::eventually("the module is there", || open() == 200);
    assert_eq!(Request::get("/x").send(envoy.addr()).unwrap().status, 403);
    let passed = echo.count();

    let envoy = start(&modules, &echo, &"0".repeat(64));
    for path in ["/open", "/x"] {
        let answer = Request::get(path)
            .timeout(Duration::from_secs(30))
            .send(envoy.addr());
        assert!(
            answer.is_err() || answer.unwrap().status >= 500,
            "{path} passes without the filter"
        );
    }
    assert_eq!(echo.count(), passed, "nothing reached the application");
}
