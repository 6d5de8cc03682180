//! Any bytes get a defined answer: nothing panics, and nothing goes upstream without a good credential.
#![allow(
    clippy::unwrap_used,
    reason = "a broken assumption of a test should stop it"
)]

use auth_filter::callout::{CalloutOutcome, Leader};
use auth_filter::capabilities::Capabilities;
use auth_filter::client::ClientNetwork;
use auth_filter::config::Config;
use auth_filter::exchange::{Outcome, Peer};
use auth_filter::gateway::Gateway;
use auth_filter::headers::Headers;
use auth_filter::jose::{KeySet, KeySetLimits, UntrustedToken};
use auth_filter::keys::{Entry, SharedData, Swap, Turn};
use auth_filter::policy::Policy;
use auth_filter::time::{Now, UnixTime};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

/// A host without shared data.
struct NoStore;

impl SharedData for NoStore {
    fn read(&mut self, _: &str) -> Option<Entry> {
        None
    }

    fn swap(&mut self, _: &str, _: &[u8], _: Option<u32>) -> Swap {
        Swap::Unavailable
    }
}

const NOW: Now = Now::on(UnixTime::from_secs(1_800_000_000));

/// One provider whose keys are fetched; `/public` is open.
fn gateway() -> Gateway {
    let config = json!({
        "providers": { "main": {
            "kind": "jwt", "issuer": "https://issuer", "audiences": ["orders"],
            "jwks": { "uri": "https://issuer/keys", "upstream": "idp", "retry": 0 }
        } },
        "rules": [
            { "match": { "path_prefix": "/public" }, "require": "public" },
            { "match": { "path_prefix": "/" }, "require": "user" }
        ],
        "upstream_headers": { "claims": { "x-tenant": "tenant" }, "payload": "x-payload" }
    });
    let config = Config::parse(config.to_string().as_bytes()).unwrap();
    Gateway::new(
        Policy::compile(&config, &Capabilities::envoy()).unwrap(),
        [7; 32],
    )
}

/// Where requests come from, for those who count by it.
fn peer() -> Peer {
    Peer {
        client: ClientNetwork::V4(0xc000_0201).into(),
        certificate: None,
        body_follows: false,
    }
}

fn ask(path: &[u8], headers: &[(Vec<u8>, Vec<u8>)]) -> Option<Outcome> {
    let pseudo = [
        (b":method".to_vec(), b"GET".to_vec()),
        (b":authority".to_vec(), b"api".to_vec()),
        (b":path".to_vec(), path.to_vec()),
    ];
    let head = Headers::from_pairs(&[&pseudo[..], headers].concat());
    gateway().handle_request(
        1,
        head,
        Peer::default(),
        &mut Turn {
            now: NOW,
            shared: &mut NoStore,
        },
    )
}

/// Bytes that are mostly of the kind that paths and credentials are made of.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => vec(any::<u8>(), 0..6),
        3 => prop::sample::select(&[
            "/", "//", ".", "..", "/./", "/../", "%2f", "%2F", "%5c", "\\", "%2e", "%", "%0", "%00", ";", ";x=1",
            "?", "#", "public", "PUBLIC", "%70ublic", "\u{0}", " ", "\t", "Bearer ", "bearer", "e30", "eyJhbGciOiJub25lIn0",
            "=", "\u{ff0f}",
        ][..]).prop_map(|text| text.as_bytes().to_vec()),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Values of an `authorization` header, from none to nearly good ones.
fn credential() -> impl Strategy<Value = Vec<u8>> {
    let header = prop::sample::select(
        &[
            r#"{"alg":"ES256"}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256","kid":"a"}"#,
            "{}",
            "[",
        ][..],
    );
    let claims = prop::sample::select(
        &[
            r#"{"iss":"https://issuer","aud":"orders","exp":1800003600}"#,
            r#"{"iss":"https://issuer","aud":["orders"],"exp":1e99}"#,
            r#"{"iss":"https://other","exp":-1}"#,
            r#"{"iss":1,"iss":2}"#,
        ][..],
    );
    let nearly =
        (header, claims, vec(any::<u8>(), 0..80)).prop_map(|(header, claims, signature)| {
            use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as base};
            let parts =
                [header.as_bytes(), claims.as_bytes(), &signature].map(|part| base.encode(part));
            format!("Bearer {}", parts.join(".")).into_bytes()
        });
    prop_oneof![bytes(), nearly]
}

/// Four kinds of credentials that services are asked about, each at a place of its own.
fn asking() -> Gateway {
    let verify = json!({ "uri": "http://service/check", "upstream": "service" });
    let config = json!({
        "providers": {
            "opaque": {
                "kind": "introspection",
                "introspection": { "uri": "http://service/check", "upstream": "service", "client_id": "a", "client_secret": "b" },
            },
            "people": { "kind": "basic", "verify": verify },
            "partners": { "kind": "api_key", "verify": verify },
            "sessions": { "kind": "http", "verify": verify, "from_headers": [], "from_cookies": ["sid"] },
        },
        "rules": [{ "match": {}, "require": "user" }],
    });
    let config = Config::parse(config.to_string().as_bytes()).unwrap();
    Gateway::new(
        Policy::compile(&config, &Capabilities::envoy()).unwrap(),
        [7; 32],
    )
}

/// What a service says: nearly always nearly right.
fn saying() -> impl Strategy<Value = Vec<u8>> {
    let value = prop::sample::select(
        &[
            "true",
            "false",
            "\"true\"",
            "null",
            "\"ann\"",
            "\"\"",
            "1",
            "1800003600",
            "1800000000",
            "0",
            "-1",
            "1e300",
            "[]",
            "[\"ann\"]",
            "{}",
            "\"a\\r\\nx-auth-groups: admin\"",
            "\"\\u0000\"",
            "\"\u{fffd}\"",
        ][..],
    );
    let name = prop::sample::select(
        &[
            "active", "sub", "exp", "nbf", "name", "username", "groups", "scope", "iss",
        ][..],
    );
    let object = vec((name, value), 0..6).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    });
    let cut = (object.clone(), any::<prop::sample::Index>()).prop_map(|(object, at)| {
        object
            .iter()
            .copied()
            .take(at.index(object.len()))
            .collect()
    });
    prop_oneof![6 => object, 1 => cut, 1 => vec(any::<u8>(), 0..60)]
}

fn is_public(path: &[u8]) -> bool {
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    // The only spellings of the open prefix; anything else must not pass for it.
    let text = String::from_utf8_lossy(path)
        .replace("%70", "p")
        .replace("//", "/");
    let text = text.replace("//", "/");
    text == "/public" || text.starts_with("/public/") || text.starts_with("/public;")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_path_reaches_a_protected_upstream(path in bytes(), lead in any::<bool>()) {
        let path = if lead { [b"/", path.as_slice()].concat() } else { path };
        match ask(&path, &[]) {
            Some(Outcome::Forward(_)) => prop_assert!(is_public(&path), "{:?}", String::from_utf8_lossy(&path)),
            None => prop_assert!(false, "an anonymous request waits"),
            Some(Outcome::Reject(refusal)) => prop_assert!([400, 401, 403].contains(&refusal.answer.status)),
            Some(Outcome::Serve(_)) => prop_assert!(false, "there is nothing to serve"),
        }
    }

    #[test]
    fn no_credential_without_a_signature_reaches_the_upstream(values in vec(credential(), 0..3)) {
        let headers: Vec<_> = values.iter().map(|value| (b"authorization".to_vec(), value.clone())).collect();
        match ask(b"/orders", &headers) {
            Some(Outcome::Forward(_)) => prop_assert!(false, "{values:?}"),
            None => prop_assert_eq!(values.len(), 1),
            Some(Outcome::Serve(_)) => prop_assert!(false, "there is nothing to serve"),
            Some(Outcome::Reject(refusal)) => {
                prop_assert!([400, 401].contains(&refusal.answer.status));
                for (_, value) in &refusal.answer.headers {
                    prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
                }
            }
        }
    }

    #[test]
    fn no_header_of_ours_gets_through(name in "(?i-u)x[-_]auth[-_](user[-_]id|groups|m2m)|x[-_]tenant|x[-_]payload", value in bytes(), open in any::<bool>()) {
        let path: &[u8] = if open { b"/public" } else { b"/public/x" };
        match ask(path, &[(name.clone().into_bytes(), value)]) {
            Some(Outcome::Forward(grant)) => prop_assert!(grant.remove().any(|gone| gone == name.as_bytes())),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn whatever_an_issuer_answers_is_taken(
        status in any::<u16>(),
        headers in vec((prop::sample::select(&["etag", "cache-control", "age", "expires", "x"][..]), bytes()), 0..4),
        body in vec(any::<u8>(), 0..400),
    ) {
        let mut gateway = gateway();
        let token = [("authorization", "Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lzc3VlciIsImF1ZCI6Im9yZGVycyIsImV4cCI6MTgwMDAwMzYwMH0.AAAA")];
        let head = [&[(":method", "GET"), (":path", "/")][..], &token].concat();
        let outcome = gateway.handle_request(1, Headers::from_pairs(&head), Peer::default(), &mut Turn { now: NOW, shared: &mut NoStore });
        prop_assert!(outcome.is_none());
        let callout = gateway.poll_callout(Leader::Request, &mut Turn { now: NOW, shared: &mut NoStore }).unwrap();
        let headers = Headers::from_pairs(&headers);
        gateway.handle_answered(callout, CalloutOutcome::Answered { status, headers: &headers, body: &body }, &mut Turn { now: NOW, shared: &mut NoStore });
        let settled = gateway.poll_settled(&mut Turn { now: NOW, shared: &mut NoStore });
        let [(1, Outcome::Reject(refusal))] = settled.as_slice() else {
            return Err(TestCaseError::fail(format!("{settled:?}")));
        };
        prop_assert_eq!(refusal.answer.status, 503);
    }

    #[test]
    fn whatever_a_service_answers_only_a_plain_yes_with_a_name_opens(
        place in 0_usize..4,
        status in prop_oneof![4 => Just(200_u16), 1 => Just(401), 1 => any::<u16>()],
        body in saying(),
    ) {
        let header = [
            ("authorization", "Bearer opaque"),
            ("authorization", "Basic YW5uOnB3"),
            ("x-api-key", "key"),
            ("cookie", "sid=1"),
        ][place];
        let mut gateway = asking();
        let head = [(":method", "GET"), (":path", "/"), header];
        let outcome = gateway.handle_request(1, Headers::from_pairs(&head), peer(), &mut Turn { now: NOW, shared: &mut NoStore });
        prop_assert!(outcome.is_none());
        let callout = gateway.poll_callout(Leader::Request, &mut Turn { now: NOW, shared: &mut NoStore }).unwrap();
        gateway.handle_answered(callout, CalloutOutcome::Answered { status, headers: &Headers::default(), body: &body }, &mut Turn { now: NOW, shared: &mut NoStore });
        let settled = gateway.poll_settled(&mut Turn { now: NOW, shared: &mut NoStore });
        match settled.as_slice() {
            [(1, Outcome::Forward(grant))] => {
                prop_assert_eq!(status, 200);
                let said: serde_json::Value = serde_json::from_slice(&body).unwrap();
                if place == 0 {
                    prop_assert_eq!(&said["active"], true);
                } else {
                    prop_assert!(said["sub"].as_str().is_some_and(|name| !name.is_empty()));
                }
                prop_assert!(said.get("exp").is_none_or(|exp| exp.as_f64() > Some(1_800_000_000.0 - 60.0)), "{said}");
                for (name, value) in grant.set() {
                    prop_assert!(value.iter().all(u8::is_ascii_graphic), "{name}: {value:?}");
                }
            }
            [(1, Outcome::Reject(refusal))] => prop_assert!([401, 503].contains(&refusal.answer.status)),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn any_bytes_are_a_map_a_key_set_a_token_or_a_configuration_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        drop(Headers::decode(bytes.clone()));
        drop(KeySet::parse(&bytes, &KeySetLimits::default()));
        drop(Config::parse(&bytes));
        if let Ok(text) = std::str::from_utf8(&bytes) {
            drop(UntrustedToken::parse(text, 16_384));
        }
    }

    #[test]
    fn a_map_of_the_abi_with_any_lengths_is_a_map_or_refused(count in any::<u32>(), sizes in vec(any::<u32>(), 0..8), rest in vec(any::<u8>(), 0..40)) {
        for count in [count, u32::try_from(sizes.len() / 2).unwrap()] {
            let sizes = sizes.iter().flat_map(|size| size.to_le_bytes());
            let bytes = count.to_le_bytes().into_iter().chain(sizes).chain(rest.iter().copied()).collect();
            drop(Headers::decode(bytes));
        }
    }
}
