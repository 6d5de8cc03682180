//! Passwords and API keys.

use std::time::{Duration, Instant};

use lab::client::Request;
use serde_json::json;

use crate::databases::Db;
use crate::service::{Service, done, file, refused};

/// "correct horse" by one round of SHA-256, as the Python library kept passwords once.
const LEGACY: &str = "4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631";

on_each_database!(
    a_password_is_its_users,
    nobody_and_a_wrong_password_are_the_same,
    an_older_hash_is_replaced_once_its_password_is_known,
    a_key_is_its_owners_while_it_holds,
);

fn unauthorized() -> (u16, serde_json::Value) {
    (401, json!({ "detail": "Invalid credentials" }))
}

fn a_password_is_its_users(db: &Db) {
    done(
        db,
        &[
            "user",
            "add",
            "ann",
            "--name",
            "Ann Lee",
            "--email",
            "ann@example.org",
            "--profile",
            r#"{"secret": 1}"#,
        ],
        "p\u{e4}ss: word \n",
    );
    done(
        db,
        &[
            "grant",
            "add",
            "ann",
            "--group",
            "staff",
            "--permission",
            "enter",
        ],
        "",
    );
    let service = Service::start(db);
    let claims = json!({
        "sub": "ann", "name": "Ann Lee", "email": "ann@example.org",
        "groups": ["staff"], "roles": [], "permissions": ["enter"],
    });
    assert_eq!(service.basic("ann", "p\u{e4}ss: word "), (200, claims));
    for (username, password) in [
        ("ann", "p\u{e4}ss: word"),
        ("ann", ""),
        ("ann", "p\u{e4}ss: word \0"),
        ("Ann", "p\u{e4}ss: word "),
        ("ann ", "p\u{e4}ss: word "),
        ("", "p\u{e4}ss: word "),
        ("ann\0", "p\u{e4}ss: word "),
        ("' OR 1=1 --", "x"),
    ] {
        assert_eq!(
            service.basic(username, password),
            unauthorized(),
            "{username:?} {password:?}"
        );
    }
    let stored = db.texts("SELECT password_hash FROM authz_users");
    assert!(
        stored[0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{stored:?}"
    );
    done(db, &["user", "password", "ann"], "another\n");
    assert_eq!(service.basic("ann", "another").0, 200);
    assert_eq!(service.basic("ann", "p\u{e4}ss: word "), unauthorized());
    assert!(refused(db, &["user", "password", "ben"], "x\n").contains("there is no user \"ben\""));
    assert!(
        refused(db, &["user", "add", "ann"], "x\n").contains("there is a user \"ann\" already")
    );
    assert!(refused(db, &["user", "add", "cleo"], "\n").contains("the password is empty"));
    done(db, &["user", "remove", "ann"], "");
    assert_eq!(service.basic("ann", "another"), unauthorized());
    // Known without a password is as good as nobody.
    done(db, &["user", "add", "dan", "--no-password"], "");
    assert_eq!(service.basic("dan", ""), unauthorized());
    for body in [
        "",
        "{}",
        "[]",
        r#"{"kind":"basic"}"#,
        r#"{"kind":"token","token":"x"}"#,
        r#"{"kind":"basic","username":"a","password":"b","x":1}"#,
    ] {
        let answer = Request::post("/v1/verify", body)
            .send(service.addr)
            .unwrap();
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (400, r#"{"detail":"Malformed request"}"#),
            "{body}"
        );
    }
    let large = Request::post("/v1/verify", "x".repeat(70_000))
        .send(service.addr)
        .unwrap();
    assert_eq!(large.status, 413);
}

fn nobody_and_a_wrong_password_are_the_same(db: &Db) {
    done(db, &["user", "add", "ann"], "right\n");
    let service = Service::start(db);
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..9 {
        for (index, username) in ["ann", "nobody"].iter().enumerate() {
            let start = Instant::now();
            assert_eq!(
                service.basic(username, &format!("wrong {round}")),
                unauthorized()
            );
            times[index].push(start.elapsed());
        }
    }
    let [wrong, nobody] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    let (less, more) = (wrong.min(nobody), wrong.max(nobody));
    assert!(
        less > Duration::from_millis(5),
        "a hash is made for both: {wrong:?} {nobody:?}"
    );
    assert!(
        more < less * 2,
        "wrong password: {wrong:?}, nobody: {nobody:?}"
    );
}

fn an_older_hash_is_replaced_once_its_password_is_known(db: &Db) {
    let record =
        format!("kind,holder,value\nuser,ann,\"{{\"\"password_hash\"\":\"\"{LEGACY}\"\"}}\"\n");
    done(db, &["import", &file("users.csv", &record)], "");
    let service = Service::start(db);
    assert_eq!(service.basic("ann", "wrong"), unauthorized());
    assert_eq!(db.texts("SELECT password_hash FROM authz_users"), [LEGACY]);
    assert_eq!(service.basic("ann", "correct horse").0, 200);
    let stored = db.texts("SELECT password_hash FROM authz_users");
    assert!(stored[0].starts_with("$argon2id$"), "{stored:?}");
    assert_eq!(service.basic("ann", "correct horse").0, 200);
    assert_eq!(service.basic("ann", "wrong"), unauthorized());
}

fn a_key_is_its_owners_while_it_holds(db: &Db) {
    let make = |arguments: &[&str]| done(db, arguments, "").trim().to_owned();
    let key = make(&[
        "key",
        "add",
        "acme",
        "--group",
        "partners",
        "--expires",
        "2099-01-01T00:00:00Z",
    ]);
    let plain = make(&["key", "add", "acme"]);
    let over = make(&["key", "add", "acme", "--expires", "2020-01-01T00:00:00Z"]);
    done(
        db,
        &[
            "user",
            "add",
            "acme",
            "--no-password",
            "--name",
            "Acme Inc.",
        ],
        "",
    );
    let service = Service::start(db);
    let claims = json!({ "sub": "acme", "name": "Acme Inc.", "groups": ["partners"], "exp": 4_070_908_800_u64 });
    assert_eq!(service.key(&key), (200, claims));
    assert_eq!(
        service.key(&plain),
        (
            200,
            json!({ "sub": "acme", "name": "Acme Inc.", "groups": [] })
        )
    );
    let list = done(db, &["key", "list"], "");
    let digest = list
        .lines()
        .find(|line| line.contains("partners"))
        .unwrap()
        .split('\t')
        .nth(1)
        .unwrap();
    for bad in [
        &over,
        "",
        "' OR 1=1 --",
        digest,
        &key.to_uppercase(),
        &format!("{key} "),
    ] {
        assert_eq!(service.key(bad), unauthorized(), "{bad}");
    }
    assert!(!list.contains(&key) && !db.texts("SELECT digest FROM authz_api_keys").contains(&key));
    assert!(refused(db, &["key", "revoke", "ab"], "").contains("at least 8 digits"));
    assert!(refused(db, &["key", "revoke", "00000000"], "").contains("there is no key"));
    assert!(
        refused(db, &["key", "add", "acme", "--expires", "soon"], "")
            .contains("\"soon\" is not a time")
    );
    done(db, &["key", "revoke", &digest[..12]], "");
    assert_eq!(service.key(&key), unauthorized());
    assert_eq!(service.key(&plain).0, 200);
}
