//! Routes on which the filter is disabled, mirrored requests and second passes: what Envoy's own configuration makes of
//! requests beside the filter.

use crate::lab::{Lab, claims, policy};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use lab::server::{Answer, Server};
use serde_json::{Value, json};

/// The recipe of `envoy-example/upstreams.md`: what a route takes out on which the filter is disabled.
fn recipe() -> Vec<String> {
    let page = include_str!("../../envoy-example/upstreams.md");
    let begin = page.find("request_headers_to_remove:").unwrap();
    let list = page[begin..].split("```").next().unwrap();
    let names = list.lines().skip(1);
    let names = names.filter_map(|line| line.trim().strip_prefix("- "));
    names.map(str::to_owned).collect()
}

#[test]
fn a_route_without_the_filter_takes_identity_out_itself() {
    let issuer = Issuer::start(&[&SigningKey::es256("a")]).unwrap();
    let policy = policy(&issuer, json!({}));
    let own: Vec<String> = {
        let config = auth_filter::config::Config::parse(policy.to_string().as_bytes()).unwrap();
        let policy = auth_filter::policy::Policy::compile(
            &config,
            &auth_filter::capabilities::Capabilities::envoy(),
        )
        .unwrap();
        let names = recipe();
        for name in &names {
            assert!(policy.upstream.owns(name.as_bytes()), "{name}");
        }
        names
    };
    assert!(own.len() >= 13, "{own:?}");
    let removed = own.clone();
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        config.edit(move |bootstrap| {
            let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
            let manager = bootstrap.pointer_mut(manager).unwrap();
            let name = manager["http_filters"][0]["name"].clone();
            let off = |prefix: &str, removed: &[String]| {
                let mut off = json!({});
                off[name.as_str().unwrap()] = json!({
                    "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true,
                });
                json!({
                    "match": { "prefix": prefix }, "route": { "cluster": "upstream" },
                    "typed_per_filter_config": off, "request_headers_to_remove": removed,
                })
            };
            let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
            let rest = routes[0].clone();
            *routes = json!([off("/bare", &[]), off("/clean", &removed), rest]);
        })
    });
    let spoofed = |path: &str| {
        let mut request = Request::get(path);
        for name in &own {
            request = request.header(name, "forged");
        }
        let exchange = lab.send(request);
        let upstream = exchange.passed().clone();
        own.iter()
            .filter(|name| upstream.header(name).is_some())
            .count()
    };
    // This is what stands there if nothing takes it out.
    assert_eq!(spoofed("/bare"), own.len());
    assert_eq!(spoofed("/clean"), 0);
    assert_eq!(spoofed("/public"), 0);
    lab.is_sound();
}

#[test]
fn after_an_internal_redirect_a_credential_is_there_only_where_it_is_forwarded() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let bearer = key.sign(json!({}), &claims(json!({})));
    for (forward, want) in [(false, 401), (true, 200)] {
        let mut policy = policy(&issuer, json!({}));
        policy["providers"]["users"]["forward"] = json!(forward);
        let upstream = Server::start(|request| {
            let first = request.target.starts_with("/first");
            let status = if first { 302 } else { 200 };
            let answer = Answer::text(status, "");
            Some(answer.header("location", "http://api.example/second"))
        })
        .unwrap();
        let lab = Lab::start(&issuer, Filter::json(policy), |config| {
            config
                .cluster("redirects", upstream.addr())
                .edit(|bootstrap| {
                    let manager =
                        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
                    let manager = bootstrap.pointer_mut(manager).unwrap();
                    let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
                    routes[0]["route"]["internal_redirect_policy"] = json!({});
                    routes[0]["route"]["cluster"] = json!("redirects");
                })
        });
        let request = Request::get("/first");
        let answer = request.bearer(&bearer).send(lab.envoy.addr()).unwrap();
        let seen = upstream.requests();
        let seen = seen.iter();
        let targets: Vec<Value> = seen
            .map(|seen| json!([seen.target, seen.header("x-auth-user-id")]))
            .collect();
        // A second pass asks anew, with its own path.
        let mut wanted = vec![json!(["/first", "u-1"])];
        if forward {
            wanted.push(json!(["/second", "u-1"]));
        }
        assert_eq!((answer.status, targets), (want, wanted));
    }
}
