//! When a request's address is asked for.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::json;

use super::config;
use crate::capabilities::Capabilities;
use crate::client::{Client, ClientNetwork};
use crate::config::Config;
use crate::exchange::Peer;
use crate::gateway::Gateway;
use crate::gateway::world::{START, token};
use crate::headers::Headers;
use crate::keys::testing::Process;
use crate::keys::testing::turn;
use crate::policy::Policy;
use crate::time::{Now, UnixTime};

#[test]
fn the_address_is_asked_for_before_a_request_is_held_and_not_for_others() {
    let config = Config::parse(config().to_string().as_bytes()).unwrap();
    let mut gateway = Gateway::new(
        Policy::compile(&config, &Capabilities::envoy()).unwrap(),
        [7; 32],
    );
    let asked = Rc::new(Cell::new(0));
    let bearer = format!("Bearer {}", token("a", &json!({})));
    for (id, path, authorization, want) in [
        (1, "/public", bearer.as_str(), 0),
        (2, "/orders", "", 0),
        (3, "/orders", "Bearer x.y.z", 0),
        // No keys are there yet: later turns of this request come while others are looked at.
        (4, "/orders", bearer.as_str(), 1),
    ] {
        let count = Rc::clone(&asked);
        let peer = Peer {
            client: Client::of(Rc::new(move || {
                count.set(count.get() + 1);
                ClientNetwork::parse("192.0.2.1")
            })),
            certificate: None,
            body_follows: false,
        };
        let mut head = vec![(":authority", "api"), (":path", path), (":method", "GET")];
        if !authorization.is_empty() {
            head.push(("authorization", authorization));
        }
        let now = Now::on(UnixTime::from_secs(START));
        let head = Headers::from_pairs(&head);
        let outcome =
            gateway.handle_request(id, head, peer, &mut turn(&mut Process::default(), now));
        assert_eq!(outcome.is_none(), want == 1, "{path}");
        assert_eq!(asked.get(), want, "{path} {authorization}");
    }
}
