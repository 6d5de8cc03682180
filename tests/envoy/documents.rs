//! Key sets as HTTP may bring them, and what the log says of what is none.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::lab::{Lab, claims, provider};
use crate::possession::Clients;
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, JWKS_PATH, SigningKey, jwks};
use serde_json::{Value, json};

/// A server that reads a request, writes these bytes and hangs up, as often as somebody comes: what stands behind the head
/// byte by byte, where there is a pause between two.
fn server(answer: Vec<u8>, pause: Option<Duration>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
    let head = end
        .filter(|_| pause.is_some())
        .map_or(answer.len(), |end| end + 4);
    let serve = move |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 4096]);
        let (head, body) = answer.split_at(head);
        for part in std::iter::once(head).chain(body.chunks(1)) {
            if stream.write_all(part).is_err() {
                return;
            }
            thread::sleep(pause.unwrap_or_default());
        }
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    addr
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The issuers whose keys come.
const GOOD: [&str; 2] = ["chunked", "slow"];

/// The others, and what the log says of each.
const BAD: [(&str, &str); 7] = [
    ("drips", "no response"),
    (
        "gzip",
        "the answer is encoded as \"gzip\", which nobody has asked for",
    ),
    ("html", "not a JSON Web Key Set, but a page of HTML or XML"),
    (
        "moved",
        "status 302, a redirect to \"https://login.example/start\", which is not followed",
    ),
    ("hangs_up", "the proxy's own: \"connection termination\""),
    (
        "silent",
        "status 504, the proxy's own: \"upstream request timeout\"",
    ),
    // What a server of HTTP/2 alone says to whoever speaks HTTP/1.1.
    ("http2", "status 502, the proxy's own: \"protocol error"),
];

fn servers(set: &str) -> Vec<(&'static str, SocketAddr)> {
    let json = "content-type: application/json\r\n";
    let chunks: Vec<_> = set.as_bytes().chunks(7).collect();
    let chunks = chunks
        .into_iter()
        .flat_map(|part| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat());
    let chunked = [chunks.collect(), b"0\r\n\r\n".to_vec()].concat();
    let whole = answer("200 OK", json, set.as_bytes());
    let gzip = answer(
        "200 OK",
        "content-encoding: gzip\r\n",
        b"\x1f\x8b\x08\0\0\0\0\0",
    );
    let html = answer(
        "200 OK",
        "content-type: text/html\r\n",
        b"<html>Log in</html>",
    );
    let moved = "location: https://login.example/start?state=secret\r\n";
    let settings = *b"\0\0\0\x04\0\0\0\0\0";
    let goes_away = *b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01";
    let quick = |bytes: Vec<u8>| server(bytes, None);
    vec![
        (
            "chunked",
            quick(answer("200 OK", "transfer-encoding: chunked\r\n", &chunked)),
        ),
        (
            "slow",
            server(whole.clone(), Some(Duration::from_millis(1))),
        ),
        ("drips", server(whole, Some(Duration::from_millis(100)))),
        ("gzip", quick(gzip)),
        ("html", quick(html)),
        ("moved", quick(answer("302 Found", moved, b""))),
        ("hangs_up", quick(Vec::new())),
        ("silent", server(Vec::new(), Some(Duration::from_secs(10)))),
        ("http2", quick([&settings[..], &goes_away].concat())),
    ]
}

fn policy(issuer: &Issuer) -> Value {
    let mut providers = json!({});
    let bad = BAD.iter().map(|(name, _)| name);
    for name in GOOD.iter().chain(bad) {
        let mut own = provider(issuer, json!({ "retry": 0, "timeout": "2s" }));
        own["issuer"] = json!(format!("https://{name}"));
        own["jwks"]["uri"] = json!(format!("https://{name}.example/keys"));
        own["jwks"]["upstream"] = json!(name);
        providers[name] = own;
    }
    json!({ "providers": providers, "rules": [{ "match": {}, "require": "user" }] })
}

#[test]
fn keys_come_as_http_brings_them_and_what_is_none_is_named() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[]).unwrap();
    let servers = servers(&jwks(&[&key]).to_string());
    let lab = Lab::start(&issuer, Filter::json(policy(&issuer)), |config| {
        servers
            .iter()
            .fold(config, |config, (name, addr)| config.cluster(name, *addr))
    });
    for name in GOOD {
        let token = key.sign(
            json!({}),
            &claims(json!({ "iss": format!("https://{name}") })),
        );
        lab.send(Request::get("/x").bearer(&token)).passed();
    }
    for (name, want) in BAD {
        let begin = format!("keys not fetched from https://{name}.example/keys: ");
        let log = lab.envoy.wait_for_log(&begin).unwrap();
        let line = log.lines().find(|line| line.contains(&begin)).unwrap();
        assert!(line.contains(want), "want: {want}\n said: {line}");
        assert!(!line.contains("secret"), "{line}");
    }
    lab.is_sound();
}

/// Behind TLS, an issuer that speaks HTTP/2 alone: as long as the cluster does not, there is no answer.
#[test]
fn keys_of_an_issuer_that_speaks_http2_come_over_a_cluster_that_does() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let clients = Clients::with("certificates");
    let server = behind_tls(&issuer, &clients);
    let addr = server.envoy.addr();
    let authority = clients.folder.join("ca.pem");
    let mut policy = policy(&issuer);
    let users = |name: &str| {
        let mut own = provider(&issuer, json!({ "retry": 0 }));
        own["issuer"] = json!(format!("https://{name}"));
        own["jwks"]["uri"] = json!(format!("https://{name}.example{JWKS_PATH}"));
        own["jwks"]["upstream"] = json!(name);
        own
    };
    policy["providers"] = json!({ "one": users("one"), "two": users("two") });
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        let config = config.cluster("one", addr).cluster("two", addr);
        config.edit(move |bootstrap| {
            let clusters = bootstrap["static_resources"]["clusters"]
                .as_array_mut()
                .unwrap();
            for cluster in clusters {
                if cluster["name"] == "two" {
                    cluster["typed_extension_protocol_options"] = http2();
                }
                if ["one", "two"].map(Value::from).contains(&cluster["name"]) {
                    cluster["transport_socket"] = trusting(&authority);
                }
            }
        })
    });
    let ask = |name: &str| {
        let token = key.sign(
            json!({}),
            &claims(json!({ "iss": format!("https://{name}") })),
        );
        lab.send(Request::get("/x").bearer(&token))
    };
    ask("two").passed();
    ask("one").unavailable();
    let begin = format!("keys not fetched from https://one.example{JWKS_PATH}: status 50");
    let log = lab.envoy.wait_for_log(&begin).unwrap();
    let line = log.lines().find(|line| line.contains(&begin)).unwrap();
    assert!(line.contains("the proxy's own: \""), "{line}");
    lab.is_sound();
}

/// An Envoy that ends TLS, speaks HTTP/2 alone and hands on to the issuer.
fn behind_tls(issuer: &Issuer, clients: &Clients) -> Lab {
    let file = |name: &str| json!({ "filename": clients.folder.join(name) });
    let socket = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["h2"],
                "tls_certificates": [{ "certificate_chain": file("server.pem"), "private_key": file("server.key") }],
            },
        },
    });
    let open = Filter::json(json!({ "rules": [{ "match": {}, "require": "public" }] }));
    Lab::start(issuer, open, |config| {
        config.upstream(issuer.addr()).edit(|bootstrap| {
            let chain = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
            chain["transport_socket"] = socket;
            chain["filters"][0]["typed_config"]["codec_type"] = json!("HTTP2");
        })
    })
}

fn http2() -> Value {
    json!({ "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": { "http2_protocol_options": {} },
    } })
}

fn trusting(authority: &std::path::Path) -> Value {
    let san = json!({ "san_type": "IP_ADDRESS", "matcher": { "exact": "127.0.0.1" } });
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": { "validation_context": {
                "trusted_ca": { "filename": authority }, "match_typed_subject_alt_names": [san],
            } },
        },
    })
}
