//! Why a callout has no answer, by what Envoy says of it.

use std::net::TcpListener;

use crate::lab::{Lab, provider};
use crate::possession::Clients;
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::Issuer;
use lab::server::{Answer, Server};
use serde_json::{Value, json};

/// Whoever is asked behind TLS, and what is wrong there.
const BEHIND_TLS: [(&str, &str); 3] = [
    ("other_name", "certificate SANs are [192.0.2.1]"),
    ("ended", "certificate has expired"),
    ("stranger", "unable to get local issuer certificate"),
];

/// An Envoy that ends TLS with each of these certificates.
fn servers(issuer: &Issuer, clients: &Clients) -> Lab {
    let file = |name: String| json!({ "filename": clients.folder.join(name) });
    let sockets = BEHIND_TLS.map(|(name, _)| {
        let chain = file(format!("{name}.pem"));
        let key = file(format!("{name}.key"));
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": { "tls_certificates": [{ "certificate_chain": chain, "private_key": key }] },
            },
        })
    });
    let open = || Filter::json(json!({ "rules": [{ "match": {}, "require": "public" }] }));
    Lab::start(issuer, open(), |config| {
        let config = config.and_listener(open()).and_listener(open());
        config.edit(|bootstrap| {
            for (index, socket) in sockets.into_iter().enumerate() {
                let listener = &mut bootstrap["static_resources"]["listeners"][index];
                listener["filter_chains"][0]["transport_socket"] = socket;
            }
        })
    })
}

fn policy(issuer: &Issuer) -> Value {
    let mut providers = json!({});
    let names = BEHIND_TLS.map(|(name, _)| name);
    for name in names.iter().chain(&["closed", "away"]) {
        let mut own = provider(issuer, json!({ "retry": 0 }));
        own["issuer"] = json!(format!("https://{name}"));
        own["jwks"]["uri"] = json!(format!("https://{name}.example/keys"));
        own["jwks"]["upstream"] = json!(name);
        providers[name] = own;
    }
    providers["sessions"] = json!({
        "kind": "http", "from_cookies": ["sid"],
        "verify": { "uri": "http://sessions.example/check", "upstream": "closed" },
    });
    json!({
        "providers": providers,
        "rules": [{ "match": {}, "require": "user" }],
    })
}

/// With Envoy's own causes in its answers, which it hides unless its runtime says otherwise, and without.
#[test]
fn what_is_wrong_with_whom_we_ask_is_in_the_log() {
    for shows in [true, false] {
        is_in_the_log(shows);
    }
}

fn is_in_the_log(shows: bool) {
    let issuer = Issuer::start(&[]).unwrap();
    let clients = Clients::with("certificates");
    let servers = servers(&issuer, &clients);
    let away = Server::start(|_| Some(Answer::text(503, "words of its own"))).unwrap();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let authority = clients.folder.join("ca.pem");
    let lab = Lab::start(&issuer, Filter::json(policy(&issuer)), |config| {
        let mut config = config
            .cluster("closed", closed)
            .cluster("away", away.addr());
        for ((name, _), addr) in BEHIND_TLS.iter().zip(servers.envoy.addrs()) {
            config = config.cluster(name, *addr);
        }
        config.edit(move |bootstrap| {
            bootstrap["layered_runtime"] = json!({ "layers": [{ "name": "lab", "static_layer": {
                "envoy.reloadable_features.hide_transport_failure_reason_in_response_body": !shows,
            } }] });
            let clusters = bootstrap["static_resources"]["clusters"].as_array_mut().unwrap();
            let names = BEHIND_TLS.map(|(name, _)| name);
            for cluster in clusters {
                if !names.contains(&cluster["name"].as_str().unwrap()) {
                    continue;
                }
                let san = json!({ "san_type": "IP_ADDRESS", "matcher": { "exact": "127.0.0.1" } });
                cluster["transport_socket"] = json!({
                    "name": "envoy.transport_sockets.tls",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                        "common_tls_context": { "validation_context": {
                            "trusted_ca": { "filename": authority }, "match_typed_subject_alt_names": [san],
                        } },
                    },
                });
            }
        })
    });
    let rows = BEHIND_TLS
        .into_iter()
        .chain([("closed", "Connection refused")]);
    for (name, cause) in rows {
        let begin = format!(
            "keys not fetched from https://{name}.example/keys: status 503, the proxy's own: \""
        );
        let line = lab.envoy.wait_for_log(&begin).unwrap();
        let line = line.lines().find(|line| line.contains(&begin)).unwrap();
        assert!(line.contains("\"remote connection failure"), "{line}");
        assert_eq!(line.contains(cause), shows, "{line}");
        assert!(line.len() < 800, "{line}");
    }
    // What they answer themselves is no more than that.
    let own = "keys not fetched from https://away.example/keys: status 503; next attempt";
    lab.envoy.wait_for_log(own).unwrap();
    lab.send(Request::get("/x").header("cookie", "sid=1"))
        .unavailable();
    let begin = "no answer from providers.sessions.verify: status 503, the proxy's own: \"";
    let line = lab.envoy.wait_for_log(begin).unwrap();
    let line = line.lines().find(|line| line.contains(begin)).unwrap();
    assert_eq!(line.contains("Connection refused"), shows, "{line}");
    let counted = lab.envoy.stat("cluster.other_name.ssl.fail_verify_san");
    assert!(counted.unwrap() > 0);
    lab.is_sound();
}
