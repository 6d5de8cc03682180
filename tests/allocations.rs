//! A request with a token that was seen before costs no allocation beyond the host's copy of its headers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unsafe_code,
    reason = "tests stop on a broken assumption; counting allocations takes an allocator of one's own"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use auth_filter::capabilities::Capabilities;
use auth_filter::config::Config;
use auth_filter::exchange::{Outcome, Peer};
use auth_filter::gateway::Gateway;
use auth_filter::headers::Headers;
use auth_filter::keys::{NoStore, Turn};
use auth_filter::policy::Policy;
use auth_filter::time::{Now, UnixTime};
use lab::issuer::{SigningKey, jwks};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: all is left to the system's allocator; the counter neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(data, layout) }
    }

    unsafe fn realloc(&self, data: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(data, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Vm {
    gateway: Gateway,
    requests: u32,
}

impl Vm {
    fn new(key: &SigningKey, change: &Value) -> Self {
        let mut config = json!({
            "providers": { "main": {
                "kind": "jwt", "issuer": "https://issuer", "audiences": ["orders"],
                "jwks": { "inline": jwks(&[key]) },
                "groups": [{ "claim": "groups" }],
                "roles": [{ "from_groups": true }],
            } },
            "rules": [
                { "match": { "path_prefix": "/public" }, "require": "public" },
                { "match": { "path_prefix": "/admin", "hosts": ["api.example"] }, "require": { "groups": ["admin"] } },
                { "match": { "path_prefix": "/" }, "require": "user" },
            ],
        });
        for (name, value) in change.as_object().unwrap() {
            config[name] = value.clone();
        }
        let policy = Policy::compile(
            &Config::parse(config.to_string().as_bytes()).unwrap(),
            &Capabilities::envoy(),
        );
        Self {
            gateway: Gateway::new(policy.unwrap(), [7; 32]),
            requests: 0,
        }
    }

    /// How often memory was allocated between the host's copy of the headers and the last thing that is read of the grant.
    fn forward(&mut self, path: &str, token: &str) -> usize {
        let value = format!("Bearer {token}");
        let head = Headers::from_pairs(&[
            (":authority", "api.example"),
            (":path", path),
            (":method", "GET"),
            ("user-agent", "test"),
            ("authorization", &value),
        ]);
        self.requests += 1;
        let before = COUNT.get();
        let now = Now::on(UnixTime::from_secs(NOW));
        let outcome = self.gateway.handle_request(
            self.requests,
            head,
            Peer::default(),
            &mut Turn {
                now,
                shared: &mut NoStore,
            },
        );
        let Some(Outcome::Forward(grant)) = outcome else {
            panic!("{path}: {outcome:?}");
        };
        let read = (
            grant.remove().map(<[u8]>::len).sum::<usize>(),
            grant
                .set()
                .map(|(name, value)| name.len() + value.len())
                .sum::<usize>(),
            grant
                .state()
                .map(|(name, whole, cut)| name.len() + whole.len() + cut.len())
                .sum::<usize>(),
        );
        black_box(read);
        let count = COUNT.get() - before;
        assert!(path.starts_with("/public") || grant.set().count() >= 4);
        count
    }
}

fn token(key: &SigningKey) -> String {
    let claims = json!({
        "iss": "https://issuer", "aud": "orders", "sub": "alice", "exp": NOW + 3600,
        "groups": ["admin", "staff"], "scope": "a b", "client_id": "app",
    });
    key.sign(json!({}), &claims)
}

#[test]
fn the_allocator_counts() {
    let before = COUNT.get();
    drop(black_box(vec![1_u8; 10]));
    assert_eq!(COUNT.get() - before, 1);
}

#[test]
fn a_token_that_was_seen_before_costs_no_allocation() {
    let key = SigningKey::es256("a");
    let token = token(&key);
    for change in [
        json!({}),
        json!({ "upstream_headers": { "claims": { "x-tenant": "client_id" }, "payload": "x-payload" } }),
        json!({ "mode": "shadow" }),
    ] {
        let mut vm = Vm::new(&key, &change);
        for path in ["/orders/1?a=%20", "/admin/users", "/public/logo"] {
            let first = vm.forward(path, &token);
            assert!(path.starts_with("/public") || first > 0 || vm.requests > 1);
            for _ in 0..10 {
                assert_eq!(vm.forward(path, &token), 0, "{change} {path}");
            }
        }
    }
}

#[test]
fn the_count_is_not_of_nothing() {
    let key = SigningKey::es256("a");
    let limits = json!({ "limits": { "token_cache_entries": 0 } });
    let mut vm = Vm::new(&key, &limits);
    let token = token(&key);
    vm.forward("/orders", &token);
    assert!(vm.forward("/orders", &token) > 20);
}
