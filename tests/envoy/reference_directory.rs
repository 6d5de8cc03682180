//! The reference directory behind the filter: what SQLite holds decides, in the real Envoy.

use crate::lab::{Lab, claims, eventually};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::client::Request;
use lab::directory::{Directory, TOKEN};
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use serde_json::{Value, json};

/// "correct horse" by one round of SHA-256: an import takes it, and the first sign-in replaces it.
const LEGACY: &str = "4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631";

fn policy(issuer: &Issuer, token: &str) -> Value {
    let headers = json!({ "authorization": format!("Bearer {token}") });
    let verify =
        json!({ "uri": "http://directory/v1/verify", "upstream": "directory", "headers": headers });
    let people = json!([{ "directory": "people" }]);
    let mut users = crate::lab::provider(issuer, json!({}));
    users["permissions"] = people.clone();
    json!({
        "providers": {
            "users": users,
            "staff": { "kind": "basic", "verify": verify },
            "machines": { "kind": "api_key", "verify": verify },
        },
        "directories": { "people": {
            "uri": "http://directory/v1/subjects/{subject}", "upstream": "directory", "headers": headers,
            "timeout": "2s", "cache_duration": "200ms",
        }},
        "rules": [
            { "match": { "path_prefix": "/reports" }, "require": { "provider": "users", "permissions": ["report.read"] } },
            { "match": { "path_prefix": "/staff" }, "require": { "provider": "staff", "permissions": ["door.open"] } },
            { "match": { "path_prefix": "/machines" }, "require": { "provider": "machines", "groups": ["partners"] } },
        ],
    })
}

fn basic(path: &str, username: &str, password: &str) -> Request {
    let pair = STANDARD.encode(format!("{username}:{password}"));
    Request::get(path).header("authorization", format!("Basic {pair}"))
}

#[test]
fn the_reference_directory_decides_by_its_database() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let directory = Directory::start(&format!(
        "permission,ann o'lee/\u{1f980},report.read\n\
         role,ben,reader\nrole_permission,reader,report.read\n\
         permission,dora,other\n\
         group,staffer,staff\ngroup_permission,staff,door.open\n\
         user,staffer,\"{{\"\"password_hash\"\":\"\"{LEGACY}\"\"}}\"\n"
    ))
    .unwrap();
    let start = |token: &str| {
        let filter = Filter::json(policy(&issuer, token));
        Lab::start(&issuer, filter, |config| {
            config.cluster("directory", directory.addr())
        })
    };
    let lab = start(TOKEN);
    let caller = |subject: &str| {
        let token = key.sign(json!({}), &claims(json!({ "sub": subject })));
        Request::get("/reports").bearer(&token)
    };
    let status = |request: Request| lab.send(request).answer.status;

    // A permission in the database opens a path, also one that a role brings; others do not.
    let answered = lab.send(caller("ann o'lee/\u{1f980}"));
    assert_eq!(answered.answer.status, 200);
    assert_eq!(status(caller("ben")), 200);
    for stranger in ["dora", "nobody", "Ben", "ben ", "' OR '1'='1"] {
        assert_eq!(status(caller(stranger)), 403, "{stranger:?}");
    }
    directory
        .command(&["grant", "add", "dora", "--permission", "report.read"])
        .unwrap();
    directory
        .command(&["grant", "remove", "ben", "--role", "reader"])
        .unwrap();
    eventually("grants count when the cache ends", || {
        (status(caller("dora")), status(caller("ben"))) == (200, 403)
    });

    // Passwords and keys are verified by it, and their owners have what it knows of them.
    assert_eq!(status(basic("/staff", "staffer", "correct horse")), 200);
    assert_eq!(status(basic("/staff", "staffer", "wrong")), 401);
    assert_eq!(status(basic("/staff", "nobody", "correct horse")), 401);
    let made = |arguments: &[&str]| directory.command(arguments).unwrap().trim().to_owned();
    let partner = made(&["key", "add", "acme", "--group", "partners"]);
    let other = made(&["key", "add", "acme"]);
    let with = |key: &str| Request::get("/machines").header("x-api-key", key);
    let answered = lab.send(with(&partner));
    assert_eq!(answered.answer.status, 200);
    assert_eq!(
        (status(with(&other)), status(with("ak_nobodys"))),
        (403, 401)
    );

    // A filter that the directory does not know gets nothing out of it, and lets nobody in.
    let stranger = start("a-token-of-somebody-else");
    for request in [
        caller("dora"),
        basic("/staff", "staffer", "correct horse"),
        with(&partner),
    ] {
        let answered = stranger.send(request);
        assert_eq!(answered.answer.status, 503);
        assert!(answered.upstream.is_none());
    }
}
