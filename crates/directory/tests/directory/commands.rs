//! The command line: grants, files.

use serde_json::{Value, json};

use crate::databases::Db;
use crate::service::{Service, done, file, refused};

on_each_database!(
    grants_are_added_listed_and_removed,
    an_import_is_all_or_nothing,
    what_is_exported_is_imported_the_same,
);

fn grants_are_added_listed_and_removed(db: &Db) {
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
            "--permission",
            "leave",
        ],
        "",
    );
    done(
        db,
        &[
            "grant", "add", "ann", "--group", "staff", "--role", "editor",
        ],
        "",
    );
    done(db, &["grant", "add", "Ann", "--group", "staff"], "");
    done(
        db,
        &["grant", "add", "staff", "--to", "group", "--role", "editor"],
        "",
    );
    let list = "group\tAnn\tstaff\ngroup\tann\tstaff\nrole\tann\teditor\npermission\tann\tenter\npermission\tann\tleave\n";
    let mut lines: Vec<_> = done(db, &["grant", "list"], "")
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.pop().unwrap(), "group_role\tstaff\teditor");
    let mut sorted: Vec<_> = list.lines().collect();
    sorted.sort_unstable();
    lines.sort_unstable();
    assert_eq!(lines, sorted);
    assert_eq!(
        done(db, &["grant", "list", "Ann"], ""),
        "group\tAnn\tstaff\n"
    );
    assert_eq!(done(db, &["grant", "list", "nobody"], ""), "");
    // One that is not there keeps the others.
    let error = refused(
        db,
        &[
            "grant",
            "remove",
            "ann",
            "--permission",
            "enter",
            "--permission",
            "fly",
        ],
        "",
    );
    assert!(
        error.contains("\"ann\" has no permission \"fly\"; nothing is removed"),
        "{error}"
    );
    done(
        db,
        &[
            "grant",
            "remove",
            "ann",
            "--permission",
            "enter",
            "--group",
            "staff",
        ],
        "",
    );
    assert_eq!(done(db, &["grant", "list", "ann"], "").lines().count(), 2);
    assert_eq!(
        done(db, &["grant", "list", "Ann"], ""),
        "group\tAnn\tstaff\n"
    );
    for (arguments, want) in [
        (
            &["grant", "add", "ann"][..],
            "name a --group, a --role or a --permission",
        ),
        (
            &["grant", "add", "ann ", "--group", "x"],
            "the subject \"ann \" begins or ends with a blank",
        ),
        (
            &["grant", "add", "a\nb", "--group", "x"],
            "has a control character",
        ),
        (&["grant", "add", "", "--group", "x"], "is empty"),
        (
            &["grant", "add", "x", "--to", "group", "--group", "y"],
            "groups bring roles and permissions",
        ),
        (
            &["grant", "add", "x", "--to", "role", "--role", "y"],
            "groups bring roles and permissions",
        ),
        (
            &["grant", "add", "ann", "--group", &"g".repeat(101)],
            "the group is longer than 100 characters",
        ),
        (&["user", "add", "a:b"], "has a colon"),
        (
            &["user", "add", "ann", "--profile", "[]"],
            "the profile is not a JSON object",
        ),
    ] {
        let error = refused(db, arguments, "");
        assert!(error.contains(want), "{arguments:?}: {error}");
    }
}

fn an_import_is_all_or_nothing(db: &Db) {
    let good = "kind,holder,value\ngroup,ann,staff\ngroup,ann,staff\npermission,ben,enter\n";
    done(db, &["import", &file("good.csv", good)], "");
    done(db, &["import", &file("good.csv", good)], "");
    assert_eq!(db.texts("SELECT username FROM authz_groups"), ["ann"]);
    let bad = "kind,holder,value\ngroup,cleo,staff\npermission,cleo,\n";
    let error = refused(db, &["import", &file("bad.csv", bad)], "");
    assert!(
        error.contains("bad.csv: line 3: the permission \"\" is empty; nothing is imported"),
        "{error}"
    );
    let bad = "[\n{\"kind\": \"group\", \"holder\": \"cleo\", \"value\": \"staff\"},\n{\"kind\": \"grup\", \"holder\": \"cleo\", \"value\": \"staff\"}\n]";
    let error = refused(db, &["import", &file("bad.json", bad)], "");
    assert!(
        error.contains("bad.json: line 3: \"grup\" is no kind of grant"),
        "{error}"
    );
    let error = refused(db, &["import", &file("list.txt", "")], "");
    assert!(error.contains("its ending says no format"), "{error}");
    assert_eq!(
        done(db, &["grant", "list"], ""),
        "group\tann\tstaff\npermission\tben\tenter\n"
    );
    // The database itself refuses the last of what would be inserted: nothing of it stays.
    let (taken, other) = ("0f".repeat(32), "1f".repeat(32));
    db.sql(&["DROP TABLE authz_api_keys", "CREATE TABLE authz_api_keys (id VARCHAR(27) PRIMARY KEY, username VARCHAR(500), digest VARCHAR(64), key_groups VARCHAR(500) NOT NULL CHECK (key_groups <> '[]'), expires_at VARCHAR(40))"]);
    let records = json!([
        { "kind": "group", "holder": "dan", "value": "staff" },
        { "kind": "key", "holder": "dan", "value": { "digest": taken, "groups": ["a"] } },
        { "kind": "key", "holder": "dan", "value": { "digest": other } },
    ]);
    refused(
        db,
        &["import", &file("late.json", &records.to_string())],
        "",
    );
    assert_eq!(done(db, &["grant", "list", "dan"], ""), "");
    assert_eq!(done(db, &["key", "list"], ""), "");
}

fn what_is_exported_is_imported_the_same(db: &Db) {
    let names = [
        "ann",
        "Ann",
        "zo\u{eb}",
        "\u{1f980} crab",
        "o'brien",
        "\"q\"",
        "a,b",
        "-x",
        "=1+1",
    ];
    for name in names {
        done(
            db,
            &[
                "grant",
                "add",
                "--group",
                "staff",
                "--role",
                "r,1",
                "--permission",
                "\u{fc}ber",
                "--",
                name,
            ],
            "",
        );
    }
    // More than goes into one statement.
    let many: String = (0..1234)
        .map(|n| format!("permission,many,p{n}\n"))
        .collect();
    done(
        db,
        &[
            "import",
            &file("many.csv", &format!("kind,holder,value\n{many}")),
        ],
        "",
    );
    done(
        db,
        &[
            "grant",
            "add",
            "staff",
            "--to",
            "group",
            "--permission",
            "enter",
        ],
        "",
    );
    done(
        db,
        &[
            "user",
            "add",
            "ann",
            "--name",
            "Ann \"the\" first",
            "--profile",
            r#"{"a": [1, "\u00e9"]}"#,
        ],
        "secret\n",
    );
    let key = done(db, &["key", "add", "acme", "--group", "a,b"], "");
    for format in ["csv", "json"] {
        let whole = done(db, &["export", "--format", format, "--credentials"], "");
        let copy = Db::new(db.kind);
        done(
            &copy,
            &["import", &file(&format!("whole.{format}"), &whole)],
            "",
        );
        assert_eq!(
            done(&copy, &["export", "--format", format, "--credentials"], ""),
            whole
        );
        // Once more changes nothing.
        done(
            &copy,
            &["import", &file(&format!("whole.{format}"), &whole)],
            "",
        );
        assert_eq!(
            done(&copy, &["export", "--format", format, "--credentials"], ""),
            whole
        );
        let service = Service::start(&copy);
        for name in names {
            assert_eq!(service.subject(name).1["roles"], json!(["r,1"]), "{name}");
        }
        assert_eq!(
            service.subject("many").1["permissions"]
                .as_array()
                .map(Vec::len),
            Some(1234)
        );
        assert_eq!(service.basic("ann", "secret").0, 200);
        assert_eq!(service.key(key.trim()).0, 200);
        let public = done(db, &["export", "--format", format], "");
        assert!(
            !public.contains("$argon2id$") && !public.contains("digest"),
            "{public}"
        );
        if format == "json" {
            let records: Vec<Value> = serde_json::from_str(&public).unwrap();
            assert!(records.iter().any(|record| record["kind"] == "user"));
        }
    }
}
