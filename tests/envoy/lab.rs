//! What the scenarios share: an Envoy with its upstream and issuer, and what became of a request.

use lab::client::{Request, Response};
use lab::echo::Echo;
use lab::envoy::{Envoy, EnvoyConfig, Filter};
use lab::issuer::{Issuer, SigningKey, unix_now};
use lab::server::Received;
use lab::tools;
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Who issues the tokens of [`claims`].
pub(crate) const ISSUER: &str = "https://issuer.example";

/// The Envoy of all scenarios that only send requests.
pub(crate) static SHARED: LazyLock<Shared> = LazyLock::new(Shared::start);

pub(crate) struct Shared {
    pub(crate) lab: Lab,
    pub(crate) es256: SigningKey,
    pub(crate) rs256: SigningKey,
    _issuer: Issuer,
}

impl Shared {
    fn start() -> Self {
        let (es256, rs256) = (SigningKey::es256("es"), SigningKey::rs256("rs"));
        let issuer = Issuer::start(&[&es256, &rs256]).unwrap();
        let mode = |mode| {
            let mut policy = shared_policy(&issuer);
            policy["mode"] = json!(mode);
            Filter::json(policy)
        };
        let lab = Lab::start(&issuer, mode("enforce"), |config| {
            config
                .and_listener(mode("shadow"))
                .and_listener(mode("disabled"))
                .concurrency(2)
                .trailers()
        });
        Self {
            lab,
            es256,
            rs256,
            _issuer: issuer,
        }
    }

    /// A good token with these claims on top.
    pub(crate) fn token(&self, extra: Value) -> String {
        self.es256.sign(json!({}), &claims(extra))
    }

    /// Sends a request to the enforcing listener.
    #[track_caller]
    pub(crate) fn send(&self, request: Request) -> Exchange {
        self.lab.send(request)
    }
}

fn shared_policy(issuer: &Issuer) -> Value {
    let mut users = provider(issuer, json!({}));
    users["groups"] = json!([{ "claim": "groups" }]);
    users["roles"] = json!([{ "claim": "/realm_access/roles" }]);
    users["permissions"] = json!([{ "from_groups": { "admin": ["user.create"] } }]);
    let mut partner = provider(issuer, json!({}));
    partner["issuer"] = json!("https://partner.example");
    partner["forward"] = json!(true);
    partner["algorithms"] = json!(["RS256"]);
    partner["token_types"] = json!(["at+jwt"]);
    let mut lenient = provider(issuer, json!({}));
    lenient["issuer"] = json!("https://lenient.example");
    lenient["require_expiration"] = json!(false);
    lenient["clock_skew"] = json!("0s");
    let rule = |prefix: &str, require: Value| json!({ "name": prefix, "match": { "path_prefix": prefix }, "require": require });
    json!({
        "providers": { "users": users, "partner": partner, "lenient": lenient },
        "rules": [
            rule("/public", json!("public")),
            rule("/optional", json!("optional")),
            rule("/closed", json!("deny")),
            rule("/user", json!("user")),
            rule("/admin", json!({ "groups": ["admin", "moderator"] })),
            rule("/roles", json!({ "roles": ["analyst"] })),
            rule("/create", json!({ "permissions": ["user.create"] })),
            rule("/orders", json!({ "scopes": ["orders:read", "orders:write"] })),
            rule("/partner", json!({ "provider": "partner" })),
            rule("/any", json!({ "any": [{ "groups": ["admin"] }, { "provider": "partner" }] })),
            rule("/all", json!({ "groups": ["admin"], "scopes": ["orders:read"] })),
            rule("/not", json!({ "not": { "groups": ["banned"] } })),
            { "match": { "path": "/exact" }, "require": "public" },
            { "match": { "path_template": "/users/{user}/orders/**" }, "require": { "claims": { "sub": { "path_variable": "user" } } } },
            { "match": { "path_regex": "/files/[a-z]+\\.txt" }, "require": "public" },
            { "match": { "path": "/beta", "headers": { "x-channel": { "any_of": ["beta", "canary"] } } }, "require": "public" },
            { "match": { "path": "/package.Orders/Get" }, "require": "public" },
            { "match": { "path": "/methods", "methods": ["GET", "HEAD"] }, "require": "public" },
            { "match": { "path": "/methods", "methods": ["POST"] }, "require": "user" },
            { "match": { "path": "/hosts", "hosts": ["open.example", "*.open.example"] }, "require": "public" },
            { "match": { "path": "/hosts", "hosts": ["closed.example"] }, "require": "user" },
        ],
        "upstream_headers": {
            "claims": { "x-tenant": "tenant_id", "x-tags": "tags", "x-level": "level" },
            "payload": "x-jwt-payload",
        },
    })
}

/// A `jwt` provider that fetches the issuer's keys; `schedule` has further keys of its `jwks`.
pub(crate) fn provider(issuer: &Issuer, schedule: Value) -> Value {
    let mut jwks =
        json!({ "uri": format!("{}{}", issuer.url(), lab::issuer::JWKS_PATH), "upstream": "idp" });
    jwks.as_object_mut()
        .unwrap()
        .extend(schedule.as_object().unwrap().clone());
    json!({ "kind": "jwt", "issuer": ISSUER, "audiences": ["orders"], "jwks": jwks })
}

/// Has the listener hand WebSockets on.
pub(crate) fn upgrade_to_websockets(bootstrap: &mut Value) {
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let manager = bootstrap.pointer_mut(manager).unwrap();
    manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket" }]);
}

/// The smallest policy with remote keys: `/public` is open, all else needs a user.
pub(crate) fn policy(issuer: &Issuer, schedule: Value) -> Value {
    json!({
        "providers": { "users": provider(issuer, schedule) },
        "rules": [
            { "name": "open", "match": { "path": "/public" }, "require": "public" },
            { "name": "api", "match": { "path_prefix": "/" }, "require": "user" },
        ],
    })
}

/// Claims that the providers accept, changed by the members of `extra`: a `null` removes one.
pub(crate) fn claims(extra: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "orders", "sub": "u-1", "iat": unix_now(), "exp": unix_now() + 600,
    });
    for (name, value) in extra.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// An Envoy with its upstream.
pub(crate) struct Lab {
    pub(crate) envoy: Envoy,
    pub(crate) echo: Echo,
}

impl Lab {
    pub(crate) fn start(
        issuer: &Issuer,
        filter: Filter,
        more: impl FnOnce(EnvoyConfig) -> EnvoyConfig,
    ) -> Self {
        let echo = Echo::start().unwrap();
        let config = EnvoyConfig::new(tools::wasm().unwrap(), filter)
            .upstream(echo.addr())
            .cluster("idp", issuer.addr());
        let envoy = more(config).start().unwrap();
        Self { envoy, echo }
    }

    /// Sends a request to the first listener.
    #[track_caller]
    pub(crate) fn send(&self, request: Request) -> Exchange {
        self.send_to(0, request)
    }

    /// Sends a request, with a mark by which it is found again at the upstream.
    #[track_caller]
    pub(crate) fn send_to(&self, listener: usize, request: Request) -> Exchange {
        static MARK: AtomicUsize = AtomicUsize::new(0);
        let mark = MARK.fetch_add(1, Ordering::Relaxed).to_string();
        let request = request.header("x-mark", &mark);
        let answer = request.send(self.envoy.addrs()[listener]).unwrap();
        let arrived = self.echo.requests().into_iter().rev();
        let mut arrived = arrived.filter(|held| held.header("x-mark").as_ref() == Some(&mark));
        Exchange {
            answer,
            upstream: arrived.next(),
        }
    }

    /// The VMs all live: none has trapped, none was made again.
    #[track_caller]
    pub(crate) fn is_sound(&self) {
        let log = self.envoy.log();
        for sign in ["in-VM", "trap", "[critical]", "panicked", "Wasm VM failed"] {
            assert!(!log.contains(sign), "{sign} in the log:\n{log}");
        }
        assert_eq!(self.envoy.stat("wasm.auth_filter.vm_reload").unwrap(), 0);
    }
}

/// What became of a request.
pub(crate) struct Exchange {
    pub(crate) answer: Response,
    pub(crate) upstream: Option<Received>,
}

impl Exchange {
    /// The request as it reached the upstream.
    #[track_caller]
    pub(crate) fn passed(&self) -> &Received {
        assert_eq!(self.answer.status, 200, "{}", self.answer.text());
        self.upstream.as_ref().expect("the upstream has seen it")
    }

    /// Asserts a refusal: its status, its challenge behind the realm, its detail, and that the upstream has seen
    /// nothing.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, challenge: Option<&str>, detail: &str) {
        self.refused_in("api", status, challenge, detail);
    }

    /// The same, in a realm of its own.
    #[track_caller]
    pub(crate) fn refused_in(
        &self,
        realm: &str,
        status: u16,
        challenge: Option<&str>,
        detail: &str,
    ) {
        let answer = &self.answer;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(
            answer.header_all("www-authenticate"),
            challenge
                .map(|rest| format!("Bearer realm=\"{realm}\"{rest}"))
                .into_iter()
                .collect::<Vec<_>>()
        );
        assert_eq!(answer.header_all("content-type"), ["application/json"]);
        assert_eq!(answer.json().unwrap(), json!({ "detail": detail }));
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
        assert!(self.upstream.is_none(), "a refused request got through");
    }

    /// Asserts that the token does not hold, for this reason.
    #[track_caller]
    pub(crate) fn invalid_token(&self, description: &str) {
        let challenge = format!(", error=\"invalid_token\", error_description=\"{description}\"");
        self.refused(401, Some(&challenge), "Invalid token");
    }

    /// Asserts that the keys cannot be had.
    #[track_caller]
    pub(crate) fn unavailable(&self) {
        self.refused(503, None, "Authorization service unavailable");
        let seconds: u32 = self.answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
    }
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(40), "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
