//! One real Envoy in front of all upstreams, and the rules for their resources.

use super::case::{Caller, Case, Listener, Pair, Protocol};
use super::http2;
use super::judge::{Answer, Identity, Judge, Verdict, identity};
use lab::client::{self, Request};
use lab::envoy::{Envoy, EnvoyConfig, Filter, resources};
use lab::issuer::{Issuer, JWKS_PATH, SigningKey, unix_now};
use lab::upstreams::{NAMES, Servers};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const ISSUER: &str = "https://issuer.example";
/// The header by which Envoy finds the upstream.
const CHOICE: &str = "x-lab-upstream";
/// How long an answer may take: Envoy gives an upstream two seconds.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// What Envoy adds to answers of upstreams.
const FROM_UPSTREAM: &str = "x-envoy-upstream-service-time";

/// The running laboratory.
pub(super) struct Lab {
    /// By the order of [`Listener::ALL`].
    pub(super) listeners: Vec<SocketAddr>,
    pub(super) judge: Judge,
    /// The value of `authorization` of each caller.
    tokens: [Option<String>; 3],
    envoy: Envoy,
    _servers: Servers,
    _issuer: Issuer,
}

impl Lab {
    /// Starts everything and has each upstream serve each caller once.
    ///
    /// # Errors
    /// When something does not start, or an honest request is not served.
    pub(super) fn start(module: PathBuf, paths: &Value) -> Result<Self, String> {
        let servers = Servers::start()?;
        let key = SigningKey::es256("es");
        let issuer = Issuer::start(&[&key])?;
        let filter = Filter::json(policy(&issuer.url(), paths));
        let addrs = servers.addrs.clone();
        let envoy = EnvoyConfig::new(module, filter.clone())
            .and_listener(filter)
            .cluster("idp", issuer.addr())
            .trailers()
            .edit(move |bootstrap| edit(bootstrap, &addrs))
            .start()?;
        let token = |caller: Caller| {
            let groups = match caller {
                Caller::Nobody => return None,
                Caller::Alice => json!(["staff"]),
                Caller::Root => json!(["admin"]),
            };
            let claims = json!({
                "iss": ISSUER, "aud": "upstreams", "sub": caller.name(), "groups": groups,
                "email": format!("{}@example.com", caller.name()), "exp": unix_now() + 4 * 3600,
            });
            Some(format!("Bearer {}", key.sign(json!({}), &claims)))
        };
        let mut lab = Self {
            listeners: envoy.addrs().to_vec(),
            judge: Judge::new(Default::default()),
            tokens: Caller::ALL.map(token),
            envoy,
            _servers: servers,
            _issuer: issuer,
        };
        lab.judge = Judge::new(lab.greet()?);
        Ok(lab)
    }

    /// Whom the upstreams see of honest callers, each of whom is served by all.
    fn greet(&self) -> Result<[Identity; 3], String> {
        let mut given: [Identity; 3] = Default::default();
        let mut client = Client::new(self);
        for upstream in NAMES {
            for caller in Caller::ALL {
                let path = if caller == Caller::Nobody {
                    "/public"
                } else {
                    "/reports"
                };
                for (listener, protocol) in every_way() {
                    let case = Case {
                        upstream: upstream.to_owned(),
                        listener,
                        protocol,
                        caller,
                        method: b"GET".to_vec(),
                        authority: super::draft::HOST.into(),
                        target: path.into(),
                        headers: Vec::new(),
                        trailers: Vec::new(),
                    };
                    let answer = client.send(&case);
                    let told = answer.told.as_deref().unwrap_or_default();
                    let told: Value = serde_json::from_str(told).unwrap_or_default();
                    let seen = identity(&told);
                    let held = &mut given[caller as usize];
                    if held.is_empty() {
                        held.clone_from(&seen);
                    }
                    let is_named = seen
                        .get("x-auth-user-id")
                        .map(|names| names.join(","))
                        .unwrap_or_default()
                        == if caller == Caller::Nobody {
                            ""
                        } else {
                            caller.name()
                        };
                    if !is_named
                        || seen != *held
                        || told["resource"].as_str().is_none_or(str::is_empty)
                    {
                        return Err(format!("an honest request: {}: {answer:?}", case.line()));
                    }
                }
            }
        }
        Ok(given)
    }

    /// What of Envoy's log says that the filter has not lived on.
    pub(super) fn complaints(&self) -> Option<String> {
        let log = self.envoy.log();
        let signs = ["in-VM", "[critical]", "panicked", "VM failed", "Uncaught"];
        let line = log
            .lines()
            .find(|line| signs.iter().any(|sign| line.contains(sign)));
        line.map(str::to_owned)
    }
}

fn every_way() -> impl Iterator<Item = (Listener, Protocol)> {
    Listener::ALL
        .into_iter()
        .flat_map(|listener| Protocol::ALL.map(|protocol| (listener, protocol)))
}

/// What the configuration says of the upstreams.
pub(super) fn paths() -> Value {
    json!({ "suffixes": "same_rule", "front_controllers": ["/index.php"], "query_path": ["rest_route", "q"] })
}

/// The same without what it has to say of those on PHP.
pub(super) fn paths_without_keys() -> Value {
    json!({ "suffixes": "same_rule" })
}

/// A rule for each resource. What none of them is for is open: so a resource that is reached in another way shows.
fn policy(issuer: &str, paths: &Value) -> Value {
    let admin = json!({ "groups": ["admin"] });
    let own = json!({ "any": [{ "claims": { "sub": { "path_variable": "user" } } }, { "groups": ["admin"] }] });
    json!({
        "paths": paths,
        "providers": { "main": {
            "kind": "jwt", "issuer": ISSUER, "audiences": ["upstreams"],
            "jwks": { "uri": format!("{issuer}{JWKS_PATH}"), "upstream": "idp" },
            "groups": [{ "claim": "groups" }], "from_params": ["access_token"],
            "from_headers": [{ "name": "authorization", "value_prefix": "Bearer " }],
        } },
        "rules": [
            { "name": "host", "match": { "hosts": ["admin.example.com"] }, "require": admin },
            { "name": "admin", "match": { "path_prefix": "/admin" }, "require": admin },
            { "name": "exact", "match": { "path": "/exact" }, "require": admin },
            { "name": "own", "match": { "path_template": "/users/{user}/**" }, "require": own },
            { "name": "report", "match": { "path_prefix": "/reports" }, "require": "user" },
            { "name": "delete", "match": { "path_prefix": "/items", "methods": ["DELETE"] }, "require": admin },
            { "name": "item", "match": { "path_prefix": "/items" }, "require": "user" },
            { "name": "rest", "match": {}, "require": "public" },
        ],
    })
}

/// Leads each request to the upstream that it names; the second listener reads paths as Envoy's documentation recommends.
fn edit(bootstrap: &mut Value, addrs: &[SocketAddr]) {
    let resources = &mut bootstrap["static_resources"];
    if let Some(clusters) = resources["clusters"].as_array_mut() {
        for (name, addr) in NAMES.iter().zip(addrs) {
            let mut cluster = resources::upstream(*addr, true);
            cluster["name"] = json!(name);
            cluster["load_assignment"]["cluster_name"] = json!(name);
            clusters.push(cluster);
        }
    }
    let routes: Vec<Value> = NAMES
        .iter()
        .map(|name| {
            json!({
                "match": { "prefix": "", "headers": [{ "name": CHOICE, "string_match": { "exact": name } }] },
                "route": { "cluster": name, "timeout": "2s", "retry_policy": { "retry_on": "reset-before-request,connect-failure" } },
            })
        })
        .collect();
    for (place, listener) in resources["listeners"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["access_log"] = json!([]);
        // What ends a connection would otherwise hold its client for a second.
        manager["delayed_close_timeout"] = json!("0.05s");
        manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket" }]);
        manager["route_config"]["virtual_hosts"][0]["routes"] = json!(routes);
        manager["normalize_path"] = json!(place == 1);
        manager["merge_slashes"] = json!(place == 1);
    }
}

enum Connection {
    Http1(client::Connection),
    Http2(http2::Connection),
}

/// One client with a connection for each way to Envoy.
pub(super) struct Client<'l> {
    lab: &'l Lab,
    connections: HashMap<(usize, bool), Connection>,
}

impl<'l> Client<'l> {
    pub(super) fn new(lab: &'l Lab) -> Self {
        Self {
            lab,
            connections: HashMap::new(),
        }
    }

    /// Sends a case. One that ends its connection without an answer is refused.
    pub(super) fn send(&mut self, case: &Case) -> Answer {
        let way = (case.listener as usize, case.protocol == Protocol::Http2);
        let mut headers: Vec<Pair> = vec![(CHOICE.into(), case.upstream.clone().into_bytes())];
        if let Some(token) = &self.lab.tokens[case.caller as usize] {
            headers.push((b"authorization".to_vec(), token.clone().into_bytes()));
        }
        headers.extend(case.headers.iter().cloned());
        // A connection that was used before may have been closed meanwhile.
        for _ in 0..2 {
            let held = self.connections.remove(&way);
            let is_fresh = held.is_none();
            let connection = match held {
                Some(connection) => Ok(connection),
                None => open(self.lab.listeners[way.0], way.1),
            };
            let Ok(mut connection) = connection else {
                continue;
            };
            let answer = match &mut connection {
                Connection::Http1(connection) => over_http1(connection, case, &headers),
                Connection::Http2(connection) => over_http2(connection, case, &headers),
            };
            match answer {
                Some((answer, lives)) => {
                    if lives {
                        self.connections.insert(way, connection);
                    }
                    return answer;
                }
                None if is_fresh => return Answer::default(),
                None => {}
            }
        }
        Answer::default()
    }

    /// Sends a case and judges what became of it.
    pub(super) fn judge(&mut self, case: &Case) -> (Verdict, Answer) {
        let answer = self.send(case);
        (self.lab.judge.verdict(case, &answer), answer)
    }
}

fn open(addr: SocketAddr, is_http2: bool) -> Result<Connection, String> {
    if is_http2 {
        let opened = http2::Connection::open(addr).map_err(|error| error.to_string())?;
        return Ok(Connection::Http2(opened));
    }
    client::Connection::open(addr).map(Connection::Http1)
}

/// The answer, and whether the connection can be used again.
fn over_http1(
    connection: &mut client::Connection,
    case: &Case,
    headers: &[Pair],
) -> Option<(Answer, bool)> {
    let method = case
        .method
        .iter()
        .map(|byte| char::from(*byte))
        .collect::<String>();
    let mut request = Request::new(&method, &case.target)
        .header("host", &case.authority)
        .timeout(ANSWER_TIMEOUT);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if !case.trailers.is_empty() {
        let mut body = b"2\r\n{}\r\n0\r\n".to_vec();
        for (name, value) in &case.trailers {
            body.extend([name, &b": "[..], value, b"\r\n"].concat());
        }
        body.extend(b"\r\n");
        request = request.header("transfer-encoding", "chunked").body(body);
    } else if matches!(&case.method[..], b"POST" | b"PUT" | b"PATCH") {
        request = request.header("content-length", "0");
    }
    let response = connection.send(&request).ok()?;
    let is_admitted = response.header(FROM_UPSTREAM).is_some();
    let told = response.header("x-served");
    let closes = response
        .header("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let answer = Answer {
        status: response.status,
        is_admitted: is_admitted || told.is_some(),
        told,
    };
    Some((answer, !closes && response.status != 101))
}

fn over_http2(
    connection: &mut http2::Connection,
    case: &Case,
    headers: &[Pair],
) -> Option<(Answer, bool)> {
    let mut head: Vec<Pair> = vec![
        (b":method".to_vec(), case.method.clone()),
        (b":scheme".to_vec(), b"http".to_vec()),
        (b":authority".to_vec(), case.authority.clone()),
        (b":path".to_vec(), case.target.clone()),
    ];
    head.extend(headers.iter().cloned());
    let response = connection.send(&head, &case.trailers).ok()?;
    let text = String::from_utf8_lossy(&response.body);
    // The filter's own answers, and those of Envoy without a body.
    let is_own = text.is_empty() || text.starts_with("{\"detail\"");
    let told = text
        .starts_with("{\"server\"")
        .then(|| text.clone().into_owned());
    let answer = Answer {
        status: response.status,
        is_admitted: !is_own,
        told,
    };
    Some((answer, true))
}
