//! The process of a story: its configuration, what its services say, and what its VMs share.

use std::collections::BTreeMap;

use auth_filter::callout::LONGEST_BODY;
use auth_filter::capabilities::Capabilities;
use auth_filter::config::Config;
use auth_filter::gateway::Gateway;
use auth_filter::keys::{Entry, SharedData, Swap};
use auth_filter::policy::Policy;
use serde_json::{Value, json};

use crate::JWKS;
use crate::story::Setup;

impl Setup {
    /// A VM with this configuration; each has a secret of its own.
    #[must_use]
    pub fn gateway(&self, vm: u8) -> Gateway {
        let mut config = json!({
            "providers": { "main": self.provider() },
            "bypass_cors_preflight": self.preflight,
            "rules": [
                { "match": { "path_prefix": "/public" }, "require": "public" },
                { "match": { "path_prefix": "/" }, "require": "user" },
            ],
            "limits": { "held_requests": u16::from(self.held) + 1 },
        });
        if self.services {
            add_services(&mut config);
        }
        let config = Config::parse(config.to_string().as_bytes()).expect("a good configuration");
        let policy = Policy::compile(&config, &Capabilities::envoy()).expect("a good policy");
        Gateway::new(policy, [vm.wrapping_add(7); 32])
    }

    fn provider(&self) -> Value {
        let mut provider = json!({
            "kind": "jwt", "issuer": "https://issuer", "audiences": ["orders"], "forward": self.forward,
            "groups": [{ "claim": "groups" }],
            "jwks": {
                "upstream": "idp", "retry": self.retry % 4,
                "cache_duration": format!("{}s", u32::from(self.cache_seconds) + 60),
                "stale_for": format!("{}s", self.stale_seconds),
            },
        });
        match self.discovery {
            true => provider["jwks"]["discovery"] = json!(true),
            false => provider["jwks"]["uri"] = json!("https://issuer/keys"),
        }
        if let Some(usages) = self.usages {
            provider["jwks"]["cache_usages"] = json!(u16::from(usages) + 1);
        }
        if self.cookie {
            provider["from_cookies"] = json!(["session"]);
            provider["from_headers"] =
                json!([{ "name": "authorization", "value_prefix": "Bearer " }]);
        }
        if self.websocket {
            provider["from_websocket_protocol"] = json!(true);
        }
        provider
    }
}

fn add_services(config: &mut Value) {
    let rule = |path: &str, require: Value| json!({ "match": { "path_prefix": path }, "require": require });
    config["providers"]["main"]["permissions"] = json!([{ "directory": "people" }]);
    config["providers"]["opaque"] = json!({
        "kind": "introspection",
        "introspection": {
            "uri": "https://introspection/", "upstream": "introspection", "client_id": "fuzz", "client_secret": "secret",
        },
    });
    config["providers"]["keys"] = json!({
        "kind": "api_key", "verify": { "uri": "https://verifier/", "upstream": "verifier" },
    });
    config["directories"] = json!({
        "people": { "uri": "https://people/{subject}", "upstream": "people" },
    });
    config["decisions"] = json!({
        "pdp": { "protocol": "opa", "uri": "https://pdp/v1/data/allow", "upstream": "pdp" },
    });
    config["rules"] = json!([
        rule("/public", json!("public")),
        rule(
            "/reports",
            json!({ "provider": "main", "permissions": ["read"] })
        ),
        rule("/decide", json!({ "provider": "main", "decision": "pdp" })),
        rule("/opaque", json!({ "provider": "opaque" })),
        rule("/key", json!({ "provider": "keys" })),
        rule("/", json!({ "provider": "main" })),
    ]);
}

/// What an issuer or a service says to somebody whom it knows.
#[must_use]
pub fn good(upstream: &str) -> Value {
    match upstream {
        "idp" => JWKS.clone(),
        "people" => json!({ "permissions": ["read"] }),
        "pdp" => json!({ "result": true }),
        "introspection" => json!({ "active": true, "sub": "opaque" }),
        _ => json!({ "sub": "known" }),
    }
}

/// The status and the body of what a service says to somebody whom it does not know.
#[must_use]
pub fn refusal(upstream: &str) -> (u16, Value) {
    match upstream {
        "people" => (404, json!({})),
        "pdp" => (200, json!({ "result": false })),
        "introspection" => (200, json!({ "active": false })),
        _ => (401, json!({})),
    }
}

/// An answer as large as the filter reads, or one byte larger.
#[must_use]
pub fn bound(upstream: &str, shape: u8, beyond: bool) -> Vec<u8> {
    let size = LONGEST_BODY + usize::from(beyond);
    let filled = |head: &str, item: &str, tail: &str| {
        let room = size.saturating_sub(head.len() + tail.len());
        let mut body = head.to_owned();
        body.push_str(&item.repeat(room / item.len()));
        body.push_str(tail);
        // Blanks are JSON too.
        body.extend(std::iter::repeat_n(' ', size.saturating_sub(body.len())));
        body.into_bytes()
    };
    match shape % 5 {
        0 => filled(&good(upstream).to_string(), " ", ""),
        1 => filled("{\"permissions\":[\"read\"", ",\"p\"", "]}"),
        2 => filled("", "[", ""),
        3 => filled(
            "{\"active\":true,\"sub\":\"x\",\"result\":true,\"groups\":[0",
            ",{}",
            "]}",
        ),
        _ => {
            let keys = JWKS["keys"].as_array().expect("our own keys");
            let many: Vec<_> = keys.iter().cycle().take(300).collect();
            let mut body = json!({ "keys": many }).to_string().into_bytes();
            body.truncate(size);
            body
        }
    }
}

/// What the VMs of a process share, as Envoy has it.
#[derive(Default)]
pub struct Process {
    entries: BTreeMap<String, Entry>,
    writes: u32,
}

impl SharedData for Process {
    fn read(&mut self, key: &str) -> Option<Entry> {
        self.entries.get(key).cloned()
    }

    fn swap(&mut self, key: &str, value: &[u8], seen: Option<u32>) -> Swap {
        if self.entries.get(key).map(|entry| entry.version) != seen {
            return Swap::Lost;
        }
        self.writes += 1;
        let entry = Entry {
            value: value.to_vec(),
            version: self.writes,
        };
        self.entries.insert(key.to_owned(), entry);
        Swap::Done
    }
}
