//! What a request costs, counted in steps of the module that ships: twice as much of anything costs about twice as much.
//!
//! Steps are the same on each machine and in each run. Copies of memory count as one step each, however long.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};

use crate::fixture::{self, KEYS, START, serve_keys};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;
use crate::world::{Reply, World};

/// What one doubling may cost more: twice as much, and a quarter for sorting.
const FACTOR: f64 = 2.5;
/// Whose tokens and keys most of it is about.
const ISSUER: &str = "https://issuer.example";
const PEOPLE: &str = "http://people.internal/v1/subjects/alice";
const INTROSPECTION: &str = "http://idp.internal/introspect";

/// A token that is cheap to verify: the numbers are about everything else.
fn token(kid: &str, issuer: &str, more: &Value) -> String {
    let mut claims =
        json!({ "iss": issuer, "aud": "orders", "sub": "alice", "exp": *START + 6000 });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!(
        "{}.{}",
        part(&json!({ "alg": "HS256", "kid": kid })),
        part(&claims)
    );
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[7; 32]).unwrap();
    mac.update(input.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{input}.{signature}")
}

fn plain() -> String {
    token("h", ISSUER, &json!({}))
}

fn provider(issuer: &str, kids: &[String]) -> Value {
    let keys: Vec<Value> = kids
        .iter()
        .map(|kid| {
            json!({ "kty": "oct", "kid": kid, "alg": "HS256", "k": URL_SAFE_NO_PAD.encode([7; 32]) })
        })
        .collect();
    json!({
        "kind": "jwt", "issuer": issuer, "audiences": ["orders"], "algorithms": ["HS256"],
        "jwks": { "inline": { "keys": keys } }, "groups": [{ "claim": "groups" }],
    })
}

fn config() -> Value {
    json!({
        "providers": { "main": provider(ISSUER, &["h".to_owned()]) },
        "rules": [
            { "match": { "path_prefix": "/public" }, "require": "public" },
            { "match": { "path_prefix": "/admin" }, "require": { "groups": ["admin"] } },
            { "match": { "path_prefix": "/api" }, "require": "user" },
        ],
        "limits": { "token_bytes": 1_000_000, "token_cache_bytes": 64 << 20, "callouts": 10_000 },
    })
}

fn groups(many: usize) -> Vec<String> {
    (0..many)
        .map(|at| format!("group-{:05}", at * 7919 % many))
        .collect()
}

/// A request with a token that names so many groups.
fn with_groups(path: &str, many: usize) -> Request {
    let claims = json!({ "groups": groups(many) });
    Request::get(path).bearer(&token("h", ISSUER, &claims))
}

/// Has the directory say so many groups of Alice.
fn serve_groups(world: &mut World, many: usize) {
    world.serve(PEOPLE, move |_| {
        Reply::json(200, &json!({ "groups": groups(many) }))
    });
}

/// What a request costs that comes for the first time, and what it costs when it comes again.
struct Cost {
    first: u64,
    again: u64,
}

fn process(config: &Value, prepare: impl FnOnce(&mut World)) -> Process {
    Process::start_with(Personality::Envoy, 1, config, |world| {
        world.metered = true;
        world.memory = 1 << 30;
        world.clusters.insert("introspection".to_owned());
        prepare(world);
    })
}

fn cost(config: &Value, request: &Request, status: u16, prepare: impl FnOnce(&mut World)) -> Cost {
    let mut process = process(config, prepare);
    let mut ask = |status: u16| {
        let before = process.vm(0).steps();
        let id = process.ask(request.clone());
        assert_eq!(process.status(id), status, "{:?}", process.fate(id));
        process.vm(0).steps() - before
    };
    let first = ask(status);
    // The second is the first that is remembered.
    ask(status);
    let again = ask(status);
    process.is_sound();
    Cost { first, again }
}

/// Holds the costs of so many, twice and four times as many against one another.
#[track_caller]
fn is_linear(what: &str, many: usize, cost: impl Fn(usize) -> Cost) {
    let costs = [1, 2, 4].map(|times| cost(many * times));
    doubles(
        &format!("{what}, first"),
        costs.each_ref().map(|cost| cost.first),
    );
    doubles(
        &format!("{what}, again"),
        costs.each_ref().map(|cost| cost.again),
    );
}

/// Each is for twice as many as the one before it, and has not more than about twice as many steps.
#[track_caller]
fn doubles(what: &str, steps: [u64; 3]) {
    for pair in steps.windows(2) {
        let factor = pair[1] as f64 / pair[0] as f64;
        assert!(factor < FACTOR, "{what}: {steps:?}");
    }
}

#[test]
fn groups_of_a_token() {
    is_linear("groups", 1000, |many| {
        cost(&config(), &with_groups("/api", many), 200, |_| ())
    });
}

#[test]
fn groups_of_a_token_that_a_rule_wants_none_of() {
    is_linear("wanted groups", 250, |many| {
        let mut config = config();
        let wanted: Vec<String> = (0..many).map(|at| format!("wanted-{at}")).collect();
        config["rules"][1]["require"] = json!({ "groups": wanted });
        cost(&config, &with_groups("/admin", many), 403, |_| ())
    });
}

fn with_directory() -> Value {
    let mut config = config();
    config["directories"] = json!({ "people": { "uri": "http://people.internal/v1/subjects/{subject}", "upstream": "people" } });
    config["providers"]["main"]["groups"] =
        json!([{ "claim": "groups" }, { "directory": "people" }]);
    config["providers"]["main"]["roles"] = json!([{ "from_groups": true }, { "static": ["r"] }]);
    config["rules"][1]["require"] =
        json!({ "all": [{ "groups": ["group-00001"] }, { "roles": ["r"] }] });
    config
}

#[test]
fn groups_of_a_directory() {
    is_linear("groups of a directory", 1000, |many| {
        let token = token("h", ISSUER, &json!({ "groups": ["own"] }));
        let request = Request::get("/admin").bearer(&token);
        cost(&with_directory(), &request, 200, |world| {
            serve_groups(world, many);
        })
    });
}

/// Four thousand groups of a directory cost nothing once they are remembered, whoever the caller is.
#[track_caller]
fn groups_are_free_once_remembered(config: &Value, request: &Request) {
    let [few, many] = [2, 4000].map(|many| {
        let told = cost(config, request, 200, |world| serve_groups(world, many));
        told.again
    });
    assert!(many < few + few / 2, "{few} and {many} steps");
}

#[test]
fn groups_of_the_bearer_of_a_token_cost_no_more_than_none() {
    let request = Request::get("/admin").bearer(&plain());
    groups_are_free_once_remembered(&with_directory(), &request);
}

#[test]
fn groups_of_the_owner_of_a_key_cost_no_more_than_none() {
    let mut config = with_directory();
    let digest = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    config["providers"] = json!({ "keys": {
        "kind": "api_key", "keys": { "alice": { "digest": digest } }, "groups": [{ "directory": "people" }],
    } });
    config["rules"][1]["require"] = json!({ "groups": ["group-00001"] });
    let request = Request::get("/admin").header("x-api-key", "secret");
    groups_are_free_once_remembered(&config, &request);
}

#[test]
fn names_of_a_map_from_groups() {
    is_linear("from_groups", 250, |many| {
        let mut config = config();
        let map: serde_json::Map<String, Value> = groups(many)
            .into_iter()
            .map(|group| (group.clone(), json!([format!("r-{group}")])))
            .collect();
        config["providers"]["main"]["roles"] = json!([{ "from_groups": map }]);
        config["rules"][1]["require"] = json!({ "roles": ["r-group-00001"] });
        cost(&config, &with_groups("/admin", many), 200, |_| ())
    });
}

#[test]
fn headers() {
    is_linear("headers", 500, |many| {
        let headers = (0..many).fold(Request::get("/api").bearer(&plain()), |request, at| {
            request.header(&format!("x-{at}"), "v")
        });
        cost(&config(), &headers, 200, |_| ())
    });
}

#[test]
fn forged_headers() {
    is_linear("forged headers", 250, |many| {
        // Each is the filter's own, in a spelling of its own.
        let headers = (0..many).fold(Request::get("/public"), |request, at| {
            let spell = |(place, byte): (usize, char)| match byte {
                '-' if at >> (place % 11) & 1 == 1 => '_',
                other => other,
            };
            let name: String = "x-auth-user-id".chars().enumerate().map(spell).collect();
            request.header(&name, "root")
        });
        cost(&config(), &headers, 200, |_| ())
    });
}

#[test]
fn cookies() {
    let mut config = config();
    config["providers"]["main"]["from_cookies"] = json!(["session"]);
    config["providers"]["main"]["from_headers"] = json!([]);
    is_linear("cookies of one header", 500, |many| {
        let others: String = (0..many).map(|at| format!("c{at}=v; ")).collect();
        let request = Request::get("/api").header("cookie", format!("{others}session={}", plain()));
        cost(&config, &request, 200, |_| ())
    });
    is_linear("cookies of many headers", 500, |many| {
        let request = (0..many).fold(Request::get("/api"), |request, at| {
            request.header("cookie", format!("c{at}=v"))
        });
        let request = request.header("cookie", format!("session={}", plain()));
        cost(&config, &request, 200, |_| ())
    });
}

/// What servers take for another host or method, far more than one of good faith.
#[test]
fn readings_that_a_header_lists() {
    let mut config = config();
    let rule =
        json!({ "match": { "hosts": ["a.example"], "methods": ["PUT"] }, "require": "deny" });
    config["rules"].as_array_mut().unwrap().insert(0, rule);
    for name in ["x-forwarded-host", "x-http-method-override"] {
        is_linear(name, 4000, |many| {
            let list: Vec<String> = (0..many).map(|at| format!("h{at}")).collect();
            let request = Request::get("/api").header(name, list.join(","));
            cost(&config, &request, 400, |_| ())
        });
    }
}

#[test]
fn parameters_of_the_query() {
    let mut config = config();
    config["providers"]["main"]["from_params"] = json!(["access_token"]);
    is_linear("parameters", 500, |many| {
        let others: String = (0..many)
            .map(|at| format!("p%{:02x}{at}=v&", b'a'))
            .collect();
        let request = Request::get(&format!("/api?{others}access_token={}", plain()));
        cost(&config, &request, 200, |_| ())
    });
}

#[test]
fn rules() {
    is_linear("rules", 250, |many| {
        let mut config = config();
        let rules = config["rules"].as_array_mut().unwrap();
        let shared = (0..many).map(|at| {
            json!({ "match": { "path_template": format!("/api/{{x}}/r{at}") }, "require": "deny" })
        });
        rules.splice(0..0, shared);
        cost(
            &config,
            &Request::get("/api/a/b").bearer(&plain()),
            200,
            |_| (),
        )
    });
}

#[test]
fn providers() {
    is_linear("providers", 32, |many| {
        let mut config = config();
        for at in 0..many {
            config["providers"][format!("p{at:03}")] =
                provider(&format!("https://issuer-{at}.example"), &["h".to_owned()]);
        }
        // The last is asked last.
        let token = token(
            "h",
            &format!("https://issuer-{}.example", many - 1),
            &json!({}),
        );
        cost(&config, &Request::get("/api").bearer(&token), 200, |_| ())
    });
}

#[test]
fn keys_of_a_set() {
    is_linear("keys", 64, |many| {
        let kids: Vec<String> = (0..many).map(|at| format!("key-{at:04}")).collect();
        let mut config = config();
        config["providers"]["main"] = provider(ISSUER, &kids);
        let token = token(kids.last().unwrap(), ISSUER, &json!({}));
        cost(&config, &Request::get("/api").bearer(&token), 200, |_| ())
    });
}

#[test]
fn segments_of_a_path() {
    let mut config = config();
    let rules = config["rules"].as_array_mut().unwrap();
    rules.insert(
        0,
        json!({ "match": { "path_template": "/api/{a}/{b}/**" }, "require": "user" }),
    );
    rules.insert(
        0,
        json!({ "match": { "path_prefix": "/api/a/a/a/a/a/a/b" }, "require": "deny" }),
    );
    for segment in ["/a", "/%61", "//a", "/a;p=1"] {
        is_linear(segment, 1000, |many| {
            let mut config = config.clone();
            if segment.contains(';') || segment.starts_with("//") {
                // What a variable stands for must be the same in both readings.
                config["rules"].as_array_mut().unwrap().remove(1);
            }
            let request = Request::get(&format!("/api{}", segment.repeat(many))).bearer(&plain());
            cost(&config, &request, 200, |_| ())
        });
    }
}

/// What so many requests cost together that wait: when they arrive, and until all have this answer.
struct Waiting {
    arriving: u64,
    settling: u64,
}

fn waiting(
    config: &Value,
    requests: impl Iterator<Item = Request>,
    status: u16,
    prepare: impl FnOnce(&mut World),
) -> Waiting {
    let mut process = process(config, prepare);
    let start = process.vm(0).steps();
    let ids: Vec<_> = requests.map(|request| process.send(request)).collect();
    let arrived = process.vm(0).steps();
    for id in &ids {
        assert_eq!(process.status(*id), 0, "{:?}", process.fate(*id));
    }
    process.pass(3000);
    for id in &ids {
        assert_eq!(process.status(*id), status, "{:?}", process.fate(*id));
    }
    process.is_sound();
    Waiting {
        arriving: arrived - start,
        settling: process.vm(0).steps() - arrived,
    }
}

#[track_caller]
fn all_wait_linearly(what: &str, many: usize, cost: impl Fn(usize) -> Waiting) {
    let costs = [1, 2, 4].map(|times| cost(many * times));
    doubles(
        &format!("{what}, arriving"),
        costs.each_ref().map(|cost| cost.arriving),
    );
    doubles(
        &format!("{what}, settling"),
        costs.each_ref().map(|cost| cost.settling),
    );
}

#[test]
fn requests_that_wait_for_answers_of_their_own() {
    let mut config = config();
    config["providers"] = json!({ "main": {
        "kind": "introspection", "audiences": ["orders"],
        "introspection": { "uri": INTROSPECTION, "upstream": "introspection", "client_id": "c", "client_secret": "s" },
    } });
    all_wait_linearly("questions at once", 64, |many| {
        let requests = (0..many).map(|at| Request::get("/api").bearer(&format!("opaque-{at}")));
        waiting(&config, requests, 200, |world| {
            let active = json!({ "active": true, "sub": "alice", "aud": "orders" });
            world.serve(INTROSPECTION, move |_| Reply::json(200, &active));
        })
    });
}

/// The issuer's keys are fetched, and nobody tries again for those who wait.
fn with_fetched_keys() -> Value {
    let mut config = fixture::remote();
    config["providers"]["main"]["jwks"]["retry"] = json!(0);
    config["limits"] = json!({ "held_requests": 4096, "callouts": 10_000 });
    config
}

/// One answer settles them all: with the token that all of them bring, whose signature is looked at once.
#[test]
fn requests_that_wait_for_the_keys_of_one_issuer() {
    let request = Request::get("/api").bearer(&fixture::token(&json!({})));
    all_wait_linearly("requests for one key set", 256, |many| {
        let requests = std::iter::repeat_n(request.clone(), many);
        waiting(&with_fetched_keys(), requests, 200, |world| {
            serve_keys(world, &[&fixture::KEY]);
        })
    });
}

/// The same where each has a token of its own, and the keys are not theirs.
#[test]
fn requests_that_wait_for_keys_that_do_not_come() {
    let tokens: Vec<String> = (0..1024)
        .map(|at| fixture::token(&json!({ "sub": format!("user-{at}") })))
        .collect();
    all_wait_linearly("requests for a key set that fails", 256, |many| {
        let requests = tokens
            .iter()
            .take(many)
            .map(|token| Request::get("/api").bearer(token));
        waiting(&with_fetched_keys(), requests, 503, |world| {
            world.serve(KEYS, |_| Reply::Broken);
        })
    });
}

/// Each waits for another set: what settles one costs the others nothing. There are as many issuers in each measurement,
/// since every provider costs every request something.
#[test]
fn requests_that_wait_for_keys_of_issuers_of_their_own() {
    const ISSUERS: usize = 128;
    let issuer = |at: usize| format!("https://issuer-{at:03}.example");
    let mut config = with_fetched_keys();
    let one = config["providers"]["main"].clone();
    for at in 0..ISSUERS {
        let mut provider = one.clone();
        provider["issuer"] = json!(issuer(at));
        provider["jwks"]["uri"] = json!(format!("{}/jwks.json", issuer(at)));
        config["providers"][format!("p{at:03}")] = provider;
    }
    let all = |many: usize| {
        let requests = (0..many).map(|at| {
            let claims = json!({ "iss": issuer(at) });
            Request::get("/api").bearer(&fixture::token(&claims))
        });
        let cost = waiting(&config, requests, 503, |_| ());
        cost.arriving + cost.settling
    };
    let none = all(0);
    let steps = [ISSUERS / 4, ISSUERS / 2, ISSUERS].map(|many| all(many) - none);
    doubles("requests for key sets of their own", steps);
}
