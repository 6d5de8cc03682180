//! Look-ups: who has what, exactly.

use lab::client::Request;
use serde_json::json;

use crate::databases::Db;
use crate::service::{Service, command, done};

on_each_database!(
    a_database_of_the_python_library_serves_as_it_stands,
    what_groups_and_roles_bring_is_found,
    names_are_exact,
    hostile_subjects_find_nobody_and_harm_nothing,
);

fn a_database_of_the_python_library_serves_as_it_stands(db: &Db) {
    db.seed();
    let service = Service::start(db);
    let alice =
        json!({ "groups": ["staff"], "roles": [], "permissions": ["order.read"], "profile": {} });
    assert_eq!(service.subject("alice"), (200, alice));
    assert_eq!(
        service.subject("bob"),
        (404, json!({ "detail": "Unknown subject" }))
    );
    // Its rows are as they were, also the one that stands twice, and so is what is not the directory's.
    let rows = db.texts("SELECT id FROM authz_groups ORDER BY id");
    assert_eq!(rows, ["g1", "g2", "g3", "g4", "g5", "g6"]);
    assert!(db.texts("SELECT id FROM orders").is_empty());
    // What the library writes later counts at once.
    db.sql(&["INSERT INTO authz_permissions VALUES ('p3', 'bob', 'order.read')"]);
    assert_eq!(
        service.subject("bob").1["permissions"],
        json!(["order.read"])
    );
    // A grant that stands twice goes at once, and nothing else.
    done(db, &["grant", "remove", "alice", "--group", "staff"], "");
    assert_eq!(
        db.texts("SELECT id FROM authz_groups ORDER BY id"),
        ["g3", "g4", "g5", "g6"]
    );
    // Migrations can be had again, also by a URL as the library has it.
    let driver = db
        .url
        .replace("postgres://", "postgresql+asyncpg://")
        .replace("mysql://", "mysql+aiomysql://");
    assert!(command(&driver, &["migrate"], "").status.success());
    assert_eq!(service.subject("Alice").1["groups"], json!(["admin"]));
}

fn what_groups_and_roles_bring_is_found(db: &Db) {
    for arguments in [
        &[
            "grant",
            "add",
            "ann",
            "--group",
            "staff",
            "--role",
            "auditor",
            "--permission",
            "report.read",
        ][..],
        &[
            "grant",
            "add",
            "staff",
            "--to",
            "group",
            "--role",
            "editor",
            "--permission",
            "door.open",
        ],
        &[
            "grant",
            "add",
            "editor",
            "--to",
            "role",
            "--permission",
            "page.write",
        ],
        &[
            "grant",
            "add",
            "auditor",
            "--to",
            "role",
            "--permission",
            "report.read",
        ],
        &["grant", "add", "ben", "--role", "editor"],
        &[
            "user",
            "add",
            "ann",
            "--no-password",
            "--name",
            "Ann Lee",
            "--email",
            "ann@example.org",
            "--profile",
            r#"{"floor": 2}"#,
        ],
    ] {
        done(db, arguments, "");
    }
    let service = Service::start(db);
    let ann = json!({
        "groups": ["staff"],
        "roles": ["auditor", "editor"],
        "permissions": ["door.open", "page.write", "report.read"],
        "profile": { "floor": 2, "name": "Ann Lee", "email": "ann@example.org" },
    });
    assert_eq!(service.subject("ann"), (200, ann));
    assert_eq!(
        service.subject("ben").1["permissions"],
        json!(["page.write"])
    );
    // Groups and roles are no subjects.
    assert_eq!(service.subject("staff").0, 404);
    // One who is known and has nothing is not unknown.
    done(db, &["user", "add", "cleo", "--no-password"], "");
    let nothing = json!({ "groups": [], "roles": [], "permissions": [], "profile": {} });
    assert_eq!(service.subject("cleo"), (200, nothing));
    done(
        db,
        &[
            "grant", "remove", "staff", "--to", "group", "--role", "editor",
        ],
        "",
    );
    assert_eq!(
        service.subject("ann").1["permissions"],
        json!(["door.open", "report.read"])
    );
}

fn names_are_exact(db: &Db) {
    db.seed();
    done(
        db,
        &[
            "grant",
            "add",
            "Staff",
            "--to",
            "group",
            "--permission",
            "wrong",
        ],
        "",
    );
    done(db, &["grant", "add", "alice", "--role", "Writer"], "");
    done(
        db,
        &[
            "grant",
            "add",
            "writer",
            "--to",
            "role",
            "--permission",
            "wrong",
        ],
        "",
    );
    let service = Service::start(db);
    for (subject, groups, permissions) in [
        ("alice", json!(["staff"]), json!(["order.read"])),
        ("Alice", json!(["admin"]), json!([])),
        ("ALICE", json!([]), json!(["order.delete"])),
        ("alice ", json!(["blank"]), json!([])),
        ("zo\u{eb}", json!(["accent"]), json!([])),
        ("zoe", json!(["plain"]), json!([])),
    ] {
        let (status, entry) = service.subject(subject);
        assert_eq!((status, &entry["groups"]), (200, &groups), "{subject:?}");
        assert_eq!(entry["permissions"], permissions, "{subject:?}");
    }
    for subject in [
        "aLICE",
        " alice",
        "alice  ",
        "ZOE",
        "zoe\u{308}",
        "alice\t",
        "%61lice",
    ] {
        assert_eq!(service.subject(subject).0, 404, "{subject:?}");
    }
    // Removing is exact too.
    done(db, &["grant", "remove", "Alice", "--group", "admin"], "");
    assert_eq!(service.subject("alice").1["groups"], json!(["staff"]));
    assert_eq!(service.subject("Alice").0, 404);
}

fn hostile_subjects_find_nobody_and_harm_nothing(db: &Db) {
    db.seed();
    let service = Service::start(db);
    let long = "a".repeat(50_000);
    for subject in [
        "' OR '1'='1",
        "alice'--",
        "alice' UNION SELECT 'permission','alice','root','','' --",
        "\"; DROP TABLE authz_groups; --",
        "`alice`",
        "alice\\",
        "$1",
        "?",
        "%",
        "a%",
        "_lice",
        "*",
        "alice\0",
        "\0",
        "alice/../bob",
        "..",
        "a\u{202e}b",
        "\u{1f980}\u{10ffff}",
        &long,
    ] {
        assert_eq!(service.subject(subject).0, 404, "{subject:?}");
    }
    // A name of any letters is looked up as it is.
    for subject in [
        "a/b?c=d&e#f",
        "'; --",
        "\u{65e5}\u{672c}\u{1f980}",
        "100%",
        "..",
        "a+b c",
    ] {
        done(
            db,
            &["grant", "add", "--permission", "p", "--", subject],
            "",
        );
        assert_eq!(
            service.subject(subject).1["permissions"],
            json!(["p"]),
            "{subject:?}"
        );
    }
    assert_eq!(service.subject(&"\u{e9}".repeat(500)).0, 404);
    assert_eq!(service.subject(&"\u{e9}".repeat(501)).0, 404);
    // Percent-encoding is decoded once, and `+` is no blank.
    let path = |path: &str| service.get(path).status;
    assert_eq!(path("/v1/subjects/%61lice"), 200);
    assert_eq!(path("/v1/subjects/a+b%20c"), 200);
    assert_eq!(path("/v1/subjects/a+b+c"), 404);
    assert_eq!(path("/v1/subjects/%2561lice"), 404);
    assert_eq!(path("/v1/subjects/a%2fb%3Fc%3Dd%26e%23f"), 200);
    assert_eq!(path("/v1/subjects/%ff"), 400);
    assert_eq!(path("/v1/subjects/"), 404);
    assert_eq!(path("/v1/subjects/alice/x"), 404);
    assert_eq!(path("/v1/subjects/alice?x=y"), 200);
    assert_eq!(
        Request::new("DELETE", "/v1/subjects/alice")
            .send(service.addr)
            .unwrap()
            .status,
        405
    );
    assert_eq!(service.subject("alice").1["groups"], json!(["staff"]));
}
