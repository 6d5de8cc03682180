//! As many requests as may wait, answered at once, and thousands of connections: whatever ends their wait, every one
//! has its answer, and the VM lives.

use crate::lab::{Lab, claims, eventually, policy};
use lab::client::Request;
use lab::echo::Echo;
use lab::envoy::{EnvoyConfig, Filter};
use lab::issuer::{Issuer, SigningKey};
use lab::server::{Answer, Server};
use lab::tools;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// So many requests of one listener and worker wait by default.
const HELD: usize = 1024;
/// How long a service takes to fail: all requests of a crowd wait by then.
const DELAY: Duration = Duration::from_millis(1500);
/// Within what time a crowd is answered whose answers are due at once.
const AT_ONCE: Duration = Duration::from_millis(200);

/// Connections that each have sent one request.
struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// Opens so many connections and sends a request on each.
    fn send(addr: SocketAddr, request: &Request, many: usize) -> Self {
        let bytes = request.to_bytes();
        let streams = (0..many).map(|_| {
            let mut stream = TcpStream::connect(addr).unwrap();
            let timeout = Some(Duration::from_secs(60));
            stream.set_read_timeout(timeout).unwrap();
            stream.write_all(&bytes).unwrap();
            stream
        });
        Self(streams.collect())
    }

    /// The status of each answer, and how long after the first the last one came.
    fn answers(self) -> (Vec<u16>, Duration) {
        let mut first = None;
        let statuses = self.0.into_iter().map(|mut stream| {
            let mut line = [0; 12];
            stream.read_exact(&mut line).unwrap();
            first.get_or_insert_with(Instant::now);
            let text = std::str::from_utf8(&line).unwrap();
            text.strip_prefix("HTTP/1.1 ").unwrap().parse().unwrap()
        });
        let statuses: Vec<u16> = statuses.collect();
        (statuses, first.unwrap().elapsed())
    }

    /// Asserts that all are answered with one status, and says how long that took.
    #[track_caller]
    fn all(self, status: u16) -> Duration {
        let many = self.0.len();
        let (statuses, took) = self.answers();
        let right = statuses.iter().filter(|each| **each == status).count();
        assert_eq!(right, many, "{status} of {many}: {statuses:?}");
        took
    }
}

/// A server that does this with every request after a while.
fn slow(answer: impl Fn() -> Option<Answer> + Send + Sync + 'static) -> Server {
    Server::start(move |_| {
        thread::sleep(DELAY);
        answer()
    })
    .unwrap()
}

/// A listener that takes a request and closes its connection.
fn closing() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                // As much as arrives: what it was does not matter.
                let _ = stream.read(&mut [0; 4096]);
                thread::sleep(DELAY);
            });
        }
    });
    addr
}

/// One Envoy in which each listener waits for something that ends in another way, all of them in one VM.
struct Scene {
    lab: Lab,
    /// Where nothing fails.
    _issuer: Issuer,
    _servers: Vec<Server>,
    known: String,
    unknown: String,
}

/// The listeners by what their requests wait for, and the status that ends it.
const WAITS: [(&str, u16); 5] = [
    ("an issuer that fails", 503),
    ("an issuer that closes", 503),
    ("an issuer that hangs", 503),
    ("a directory that hangs", 503),
    ("a key id that a healthy issuer does not know", 401),
];
/// The listener whose issuer is healthy.
const HEALTHY: usize = 4;

impl Scene {
    fn start(module: PathBuf, workers: u32) -> Self {
        let (key, other) = (SigningKey::es256("a"), SigningKey::es256("b"));
        let issuer = Issuer::start(&[&key]).unwrap();
        issuer.set_delay(DELAY);
        let fails = slow(|| Some(Answer::text(500, "no")));
        let hangs = Server::start(|_| None).unwrap();
        let directory = Server::start(|_| None).unwrap();
        let waiting_for = |upstream: &str| {
            // Keys of an address of its own: listeners share what they fetch.
            let uri = format!("http://{upstream}/jwks.json");
            let schedule = json!({ "uri": uri, "upstream": upstream, "retry": 0, "timeout": "2s" });
            let mut policy = policy(&issuer, schedule);
            policy["limits"] = json!({ "hold": "6s" });
            policy
        };
        let mut people: Value = waiting_for("idp");
        people["directories"] = json!({ "people": { "uri": "http://people/{subject}", "upstream": "people", "timeout": "3s" } });
        people["providers"]["users"]["groups"] = json!([{ "directory": "people" }]);
        people["rules"][1]["require"] = json!({ "groups": ["staff"] });
        let configurations = [
            waiting_for("fails"),
            waiting_for("closes"),
            waiting_for("hangs"),
            people,
            waiting_for("idp"),
        ];
        let echo = Echo::start().unwrap();
        let [first, rest @ ..] = configurations.map(Filter::json);
        let mut config = EnvoyConfig::new(module, first).concurrency(workers);
        for filter in rest {
            config = config.and_listener(filter);
        }
        let envoy = config
            .upstream(echo.addr())
            .cluster("idp", issuer.addr())
            .cluster("fails", fails.addr())
            .cluster("closes", closing())
            .cluster("hangs", hangs.addr())
            .cluster("people", directory.addr())
            .edit(|bootstrap| {
                let mut listeners = bootstrap["static_resources"]["listeners"].as_array_mut();
                for (listener, place) in
                    listeners.iter_mut().flat_map(|all| all.iter_mut()).zip(0..)
                {
                    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
                    let plugin = &mut manager["http_filters"][0]["typed_config"]["config"];
                    plugin["failure_policy"] = json!("FAIL_CLOSED");
                    plugin["name"] = json!(format!("listener-{place}"));
                }
            })
            .start()
            .unwrap();
        Self {
            lab: Lab { envoy, echo },
            _issuer: issuer,
            _servers: vec![fails, hangs, directory],
            known: key.sign(json!({}), &claims(json!({}))),
            unknown: other.sign(json!({}), &claims(json!({}))),
        }
    }

    /// What one of a listener's crowd sends.
    fn request(&self, listener: usize) -> Request {
        let token = match listener {
            HEALTHY => &self.unknown,
            _ => &self.known,
        };
        Request::get("/").bearer(token)
    }

    /// Open paths pass everywhere, and good tokens where the issuer is healthy: the VM lives.
    #[track_caller]
    fn is_alive(&self) {
        for (listener, (name, _)) in WAITS.iter().enumerate() {
            let open = self.lab.send_to(listener, Request::get("/public"));
            assert_eq!(open.answer.status, 200, "after {name}");
        }
        let good = Request::get("/").bearer(&self.known);
        eventually("a good token passes", || {
            let seen = self.lab.send_to(HEALTHY, good.clone());
            seen.answer.status == 200
        });
        self.lab.is_sound();
    }
}

/// Has as many wait as may, for each thing that can end their wait.
fn refuses_as_many_as_wait(module: PathBuf) {
    let scene = Scene::start(module, 1);
    for (listener, (name, status)) in WAITS.iter().enumerate() {
        // Keys first, where they are not what is waited for; the delay of a healthy issuer is part of the crowd's wait.
        if listener == 3 {
            scene
                .lab
                .send_to(HEALTHY, Request::get("/").bearer(&scene.known));
        }
        let addr = scene.lab.envoy.addrs()[listener];
        let crowd = Crowd::send(addr, &scene.request(listener), HELD);
        let took = crowd.all(*status);
        println!("{HELD} who wait for {name}: answered within {took:?}");
        // Who came while a fetch was under way waits for the next one to say that the key is not known.
        let fetches = if listener == HEALTHY {
            DELAY
        } else {
            Duration::ZERO
        };
        assert!(took < fetches + AT_ONCE * 5, "{name}: {took:?}");
        let open = scene.lab.send_to(listener, Request::get("/public"));
        open.passed();
    }
    scene.is_alive();
}

#[test]
fn as_many_as_wait_are_refused_at_once_by_the_module_that_ships() {
    refuses_as_many_as_wait(tools::wasm().unwrap());
}

#[test]
fn as_many_as_wait_are_refused_at_once_by_the_module_as_cargo_builds_it() {
    refuses_as_many_as_wait(tools::plain_wasm().unwrap());
}

#[test]
fn two_workers_and_the_listeners_of_one_vm_refuse_their_crowds_at_the_same_time() {
    let scene = Scene::start(tools::wasm().unwrap(), 2);
    scene
        .lab
        .send_to(HEALTHY, Request::get("/").bearer(&scene.known));
    let crowds: Vec<_> = scene
        .lab
        .envoy
        .addrs()
        .iter()
        .enumerate()
        .map(|(listener, addr)| Crowd::send(*addr, &scene.request(listener), HELD))
        .collect();
    for (crowd, (_, status)) in crowds.into_iter().zip(WAITS) {
        crowd.all(status);
    }
    scene.is_alive();
}

#[test]
fn ten_thousand_connections_leave_open_paths_and_good_tokens_alone() {
    let scene = Scene::start(tools::wasm().unwrap(), 1);
    scene.is_alive();
    let addr = scene.lab.envoy.addrs()[HEALTHY];
    // Most send nothing any more. They come in groups: an upstream takes so many requests at once.
    let mut idle = Vec::new();
    for _ in 0..16 {
        let group = Crowd::send(addr, &Request::get("/public"), 500);
        let streams = group.0.iter().map(|held| held.try_clone().unwrap());
        idle.extend(streams.collect::<Vec<_>>());
        group.all(200);
    }
    // The rest waits for what the issuer says of a key that it does not know.
    let busy = Crowd::send(addr, &Request::get("/").bearer(&scene.unknown), 2000);
    // Other tests run beside this one: a proxy that is slow by itself is slow each time.
    let calm = (0..5).any(|_| {
        let mut waits: Vec<Duration> = (0..100)
            .map(|_| {
                let start = Instant::now();
                let open = scene.lab.send_to(HEALTHY, Request::get("/public"));
                open.passed();
                start.elapsed()
            })
            .collect();
        waits.sort_unstable();
        println!(
            "an open path beside 10,000 connections: p50 {:?}, p99 {:?}",
            waits[50], waits[98]
        );
        waits[98] < Duration::from_millis(100)
    });
    assert!(calm);
    let (statuses, _) = busy.answers();
    assert!(
        statuses
            .iter()
            .all(|status| [401, 429, 503].contains(status))
    );
    scene.is_alive();
}
