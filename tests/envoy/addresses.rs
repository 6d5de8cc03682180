//! Whose word for a client's address counts, in the real proxy.

use crate::lab::Lab;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::Issuer;
use serde_json::{Value, json};

/// The SHA-256 of "right".
const RIGHT: &str = "27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9";
/// A proxy's name for the address of the connection.
const NAME: &str = "client.address";

/// Who says where a request comes from, and whether Envoy takes `X-Forwarded-For` for granted.
type Case = (Option<Value>, bool);

/// An Envoy with a listener for each case, that counts a few guesses of each address.
fn lab(cases: &[Case]) -> Lab {
    let issuer = Issuer::start(&[]).unwrap();
    let filter = |index: usize| {
        let (client_address, _) = &cases[index];
        let mut policy = json!({
            // Listeners with one configuration would count together.
            "realm": format!("listener {index}"),
            "providers": { "ops": {
                "kind": "basic", "throttle": { "attempts": 2, "per": "1h" },
                "users": { "alice": { "password_hash": RIGHT } },
            } },
            "rules": [{ "match": {}, "require": "user" }],
        });
        if let Some(client_address) = client_address {
            policy["client_address"] = client_address.clone();
        }
        Filter::json(policy)
    };
    let trusts: Vec<bool> = cases.iter().map(|(_, own)| *own).collect();
    Lab::start(&issuer, filter(0), |config| {
        let config =
            (1..cases.len()).fold(config, |config, index| config.and_listener(filter(index)));
        config.edit(move |bootstrap| {
            for (index, use_remote_address) in trusts.into_iter().enumerate() {
                let manager = format!(
                    "/static_resources/listeners/{index}/filter_chains/0/filters/0/typed_config"
                );
                let manager = bootstrap.pointer_mut(&manager).unwrap();
                manager["use_remote_address"] = json!(use_remote_address);
                let filters = manager["http_filters"].as_array_mut().unwrap();
                filters.insert(0, set_filter_state());
            }
        })
    })
}

/// Envoy's own filter, which names the connection's address.
fn set_filter_state() -> Value {
    json!({
        "name": "set_filter_state",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{
                "object_key": NAME,
                "factory_key": "envoy.string",
                "format_string": { "text_format_source": {
                    "inline_string": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
                } },
            }],
        },
    })
}

/// Whether somebody who guesses with ever new names is stopped; each guess says that it comes from elsewhere.
fn is_stopped(lab: &Lab, listener: usize, forwarded: impl Fn(usize) -> String) -> bool {
    let statuses: Vec<u16> = (0..40)
        .map(|guess| {
            let pair = STANDARD.encode(format!("user-{guess}:wrong"));
            let request = Request::get("/")
                .header("authorization", format!("Basic {pair}"))
                .header("x-forwarded-for", forwarded(guess));
            lab.send_to(listener, request).answer.status
        })
        .collect();
    assert_eq!(statuses[0], 401, "{statuses:?}");
    statuses.ends_with(&[429])
}

#[test]
fn the_address_is_the_one_that_the_configuration_names() {
    let of_state = json!({ "filter_state": NAME });
    let unknown = json!({ "filter_state": "nobody.sets.this" });
    let cases = [
        (Some(json!("proxy")), true),
        // Envoy's default: what a client writes into the header is its address.
        (Some(json!("proxy")), false),
        (Some(of_state.clone()), true),
        (Some(of_state), false),
        (Some(unknown), false),
        (Some(json!("none")), true),
        (None, true),
    ];
    let lab = lab(&cases);
    let elsewhere = |guess: usize| format!("10.0.{}.{}", guess / 8, guess % 8);
    let stopped = [true, false, true, true, false, false, false];
    for (listener, (case, want)) in cases.iter().zip(stopped).enumerate() {
        assert_eq!(is_stopped(&lab, listener, elsewhere), want, "{case:?}");
    }
    lab.is_sound();
}

#[test]
fn an_address_has_one_form() {
    let case = (Some(json!("proxy")), false);
    let lab = lab(&[case.clone(), case]);
    let mapped = ["10.9.9.9", "::ffff:10.9.9.9"];
    assert!(is_stopped(&lab, 0, |guess| mapped[guess % 2].to_owned()));
    assert!(is_stopped(&lab, 1, |guess| format!(
        "2001:db8:1:2::{guess:x}"
    )));
    lab.is_sound();
}
