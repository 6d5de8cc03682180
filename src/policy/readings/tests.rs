//! Requests that an upstream may take for another: each comes to one rule, or nowhere.

use serde_json::{Value, json};

mod keys;

use super::path::read;
use super::*;
use crate::capabilities::Capabilities;
use crate::config::Config;

/// A configuration with these rules, a provider and a decision point.
pub(in crate::policy) fn config(paths: &Value, rules: &Value) -> Config {
    let config = json!({
        "paths": paths,
        "providers": { "main": {
            "kind": "jwt", "issuer": "https://issuer", "audiences": ["a"],
            "jwks": { "uri": "https://issuer/jwks.json", "upstream": "idp" },
        } },
        "decisions": { "pdp": { "protocol": "opa", "uri": "http://pdp/v1/data/allow", "upstream": "pdp" } },
        "rules": rules,
    });
    Config::parse(config.to_string().as_bytes()).unwrap()
}

fn policy(paths: Value, rules: Value) -> Policy {
    Policy::compile(&config(&paths, &rules), &Capabilities::envoy()).unwrap()
}

/// `/public` is open, `/admin` and everything of `admin.example.com` is for nobody, the rest for users.
fn usual() -> Policy {
    policy(
        json!({}),
        json!([
            { "name": "host", "match": { "hosts": ["admin.example.com"] }, "require": "deny" },
            { "name": "admin", "match": { "path_prefix": "/admin" }, "require": "deny" },
            { "name": "delete", "match": { "path_prefix": "/orders", "methods": ["DELETE"] }, "require": "deny" },
            { "name": "exact", "match": { "path": "/exact" }, "require": "deny" },
            { "name": "public", "match": { "path_prefix": "/public" }, "require": "public" },
            { "name": "api", "match": { "path_prefix": "/" }, "require": "user" },
        ]),
    )
}

fn head(method: &str, authority: &str, path: &str, more: &[(&str, &str)]) -> Headers {
    let pseudo = [
        (":method", method),
        (":authority", authority),
        (":path", path),
    ];
    Headers::from_pairs(&[&pseudo[..], more].concat())
}

/// The rule's name, or the reason why there is none.
fn rule(policy: &Policy, head: &Headers) -> String {
    match policy.find(head) {
        Ok((rule, _)) => rule.name.clone(),
        Err(denial) => denial.reason().to_owned(),
    }
}

fn rule_of(policy: &Policy, path: &str) -> String {
    rule(policy, &head("GET", "api", path, &[]))
}

#[test]
fn a_path_comes_to_one_rule_in_every_reading() {
    let policy = usual();
    for (path, want) in [
        ("/public/x", "public"),
        ("/public/x?a=//admin", "public"),
        ("/admin", "admin"),
        ("/%61dmin", "admin"),
        ("/public/100%25", "public"),
        // What is decoded twice has a sign there that is no triplet, and PHP decodes the others all the same.
        ("/admin%2f.%255%252563x", "malformed_path"),
        ("/admin%2f.%255%2561", "ambiguous_request"),
        ("/admin%2f100%25", "ambiguous_request"),
        // The name of a stream is no part of a folder's.
        ("/admin:$I30:$INDEX_ALLOCATION/x", "ambiguous_request"),
        ("/admin::$DATA", "ambiguous_request"),
        ("/v1/orders:cancel", "api"),
        ("/public%2f100%25", "ambiguous_request"),
        ("/%2561dmin/100%25", "ambiguous_request"),
        // Readings that differ.
        ("//public/admin", "ambiguous_request"),
        ("//x/admin", "ambiguous_request"),
        ("///x/admin", "ambiguous_request"),
        ("////x:80/admin/y", "ambiguous_request"),
        ("/public//../admin", "malformed_path"),
        ("//admin", "ambiguous_request"),
        ("/Admin", "ambiguous_request"),
        ("/ADMIN/x", "ambiguous_request"),
        ("/exact/", "ambiguous_request"),
        ("/admin;x/y", "ambiguous_request"),
        ("/;%2fadmin", "ambiguous_request"),
        ("/admin%3bx", "ambiguous_request"),
        ("/%2561dmin", "ambiguous_request"),
        ("/admin%3f", "ambiguous_request"),
        ("/admin%3F/x", "ambiguous_request"),
        ("/admin%23x", "ambiguous_request"),
        ("/admin%253fx", "ambiguous_request"),
        ("/admin.", "ambiguous_request"),
        ("/admin%20/users", "ambiguous_request"),
        ("/admin. ./x", "ambiguous_request"),
        ("/. ./admin", "malformed_path"),
        ("/admin::$DATA", "ambiguous_request"),
        ("/%EF%BD%81dmin", "ambiguous_request"),
        ("/adm%C4%B1n", "ambiguous_request"),
        ("/x%2f..%2fadmin", "malformed_path"),
        ("/x/..%20/admin", "malformed_path"),
        ("/x%5cadmin", "malformed_path"),
        ("/x%255cadmin", "malformed_path"),
        ("/x%252e%252e/admin", "api"),
        ("/x/%252e%252e/admin", "malformed_path"),
        ("/%c0%ae%c0%ae/admin", "malformed_path"),
        ("/%FF", "malformed_path"),
        ("/x%00", "malformed_path"),
        ("/x%zz", "malformed_path"),
        ("x", "malformed_path"),
        ("/x#y", "malformed_path"),
        // Readings that agree.
        ("/orders/%2F", "api"),
        ("/search/what%3F", "api"),
        ("/wiki/C%23", "api"),
        ("/users/auth0%7C12", "api"),
        ("/npm/@babel%2fcore", "api"),
        ("/api/v4/projects/group%2Fproj", "api"),
        ("/public/a;v=1", "public"),
        ("/100%25%20cotton", "api"),
        ("/Users/Alice", "api"),
        ("/orders/", "api"),
        ("/v1/orders:cancel", "api"),
        ("/a/b//c", "api"),
        ("/caf%C3%A9", "api"),
        ("/admin.json", "api"),
    ] {
        assert_eq!(rule_of(&policy, path), want, "{path}");
    }
}

#[test]
fn the_method_the_host_and_the_target_have_other_readings_too() {
    let policy = usual();
    for (method, authority, path, more, want) in [
        ("DELETE", "api", "/orders/1", &[][..], "delete"),
        ("delete", "api", "/orders/1", &[][..], "ambiguous_request"),
        ("post", "api", "/other", &[], "api"),
        (
            "POST",
            "api",
            "/orders/1",
            &[("X-HTTP-Method-Override", "DELETE")],
            "ambiguous_request",
        ),
        (
            "POST",
            "api",
            "/orders/1",
            &[("x_http_method", " delete")],
            "ambiguous_request",
        ),
        (
            "POST",
            "api",
            "/orders/1",
            &[("x-http-method-override", "DELETE,GET")],
            "ambiguous_request",
        ),
        (
            "POST",
            "api",
            "/orders/1",
            &[("x-http-method-override", "PATCH, PUT")],
            "api",
        ),
        (
            "POST",
            "api",
            "/other",
            &[("x-method-override", "DELETE")],
            "api",
        ),
        (
            "POST",
            "api",
            "/orders/1?_method=DELETE",
            &[],
            "ambiguous_request",
        ),
        (
            "POST",
            "api",
            "/orders/1?a=1;%5fMethod=delete",
            &[],
            "ambiguous_request",
        ),
        ("POST", "api", "/orders/1?method=DELETE", &[], "api"),
        (
            "GET",
            "api",
            "/public",
            &[("x-original-url", "/admin")],
            "ambiguous_request",
        ),
        (
            "GET",
            "api",
            "/public",
            &[("X-Rewrite-Url", "https://api/admin?x")],
            "ambiguous_request",
        ),
        (
            "GET",
            "api",
            "/public",
            &[("x-original-url", "https://api/public?u=http://b/")],
            "public",
        ),
        (
            "GET",
            "api",
            "/public",
            &[("x-original-url", "/a/../b")],
            "malformed_path",
        ),
        // Two readings that only together are another request.
        (
            "POST",
            "api",
            "/pub",
            &[
                ("x-original-url", "/orders/1"),
                ("x-http-method-override", "DELETE"),
            ],
            "ambiguous_request",
        ),
        ("GET", "admin.example.com", "/x", &[], "host"),
        ("GET", "admin.example.com:", "/x", &[], "host"),
        ("GET", "Admin.Example.COM.:8443", "/x", &[], "host"),
        (
            "GET",
            "admin%2eexample.com",
            "/x",
            &[],
            "malformed_authority",
        ),
        (
            "GET",
            "a@admin.example.com",
            "/x",
            &[],
            "malformed_authority",
        ),
        (
            "GET",
            "admin.example.com..",
            "/x",
            &[],
            "malformed_authority",
        ),
        (
            "GET",
            ".admin.example.com",
            "/x",
            &[],
            "malformed_authority",
        ),
        (
            "GET",
            "admin..example.com",
            "/x",
            &[],
            "malformed_authority",
        ),
        ("GET", "api_1.example.com.:80", "/x", &[], "api"),
        ("GET", "api:99999", "/x", &[], "malformed_authority"),
        ("GET", "api:80x", "/x", &[], "malformed_authority"),
        ("GET", "[::1]:80", "/x", &[], "api"),
        ("GET", "[::1", "/x", &[], "malformed_authority"),
        (
            "GET",
            "api",
            "/x",
            &[("x-forwarded-host", "api, admin.example.com")],
            "ambiguous_request",
        ),
        (
            "GET",
            "api",
            "/x",
            &[("Forwarded", "for=1.2.3.4;host=\"admin.example.com\"")],
            "ambiguous_request",
        ),
        (
            "GET",
            "api",
            "/x",
            &[("x-forwarded-host", "www.example.com")],
            "api",
        ),
        // What is no authority in the request's own place is none elsewhere.
        (
            "GET",
            "api",
            "/x",
            &[("x-forwarded-host", "admin.example.com:x")],
            "malformed_authority",
        ),
        (
            "GET",
            "api",
            "/x",
            &[("forwarded", "host=u@admin.example.com")],
            "malformed_authority",
        ),
        // PHP's names for `_method`.
        (
            "POST",
            "api",
            "/orders/1?.method=DELETE",
            &[],
            "ambiguous_request",
        ),
        (
            "POST",
            "api",
            "/orders/1?_method%00%zz=DELETE",
            &[],
            "ambiguous_request",
        ),
        (
            "POST",
            "api",
            "/orders/1",
            &[("x-original-url", "/orders/1?_method=DELETE")],
            "ambiguous_request",
        ),
        (
            "GET",
            "api",
            "/public",
            &[("x-original-url", "admin")],
            "malformed_path",
        ),
        (
            "GET",
            "api",
            "/public",
            &[("x-original-url", "https://h?/public")],
            "ambiguous_request",
        ),
        // The URL class of Node ends an authority at a backslash.
        (
            "GET",
            "api",
            "/public",
            &[("x-original-url", r"https://h\admin/public")],
            "malformed_path",
        ),
    ] {
        let head = head(method, authority, path, more);
        assert_eq!(
            rule(&policy, &head),
            want,
            "{method} {authority} {path} {more:?}"
        );
    }
}

#[test]
fn a_rule_for_get_is_one_for_head() {
    let policy = policy(
        json!({}),
        json!([
            { "name": "read", "match": { "path_prefix": "/secret", "methods": ["GET"] }, "require": "deny" },
            { "name": "rest", "match": {}, "require": "public" },
        ]),
    );
    for (method, want) in [("GET", "read"), ("HEAD", "read"), ("POST", "rest")] {
        assert_eq!(
            rule(&policy, &head(method, "api", "/secret", &[])),
            want,
            "{method}"
        );
    }
}

#[test]
fn spellings_are_what_the_configuration_says() {
    let rules = json!([
        { "name": "admin", "match": { "path": "/admin" }, "require": "deny" },
        { "name": "group", "match": { "path_prefix": "/group/private" }, "require": "deny" },
        { "name": "rest", "match": {}, "require": "user" },
    ]);
    let (differs, one, two) = ("ambiguous_request", "admin", "rest");
    for (key, path, of_same, wanted) in [
        ("case", "/Admin", one, [differs, two, differs]),
        ("trailing_slash", "/admin/", one, [differs, two, differs]),
        (
            "encoded_slashes",
            "/group%2fprivate",
            "group",
            [differs, two, differs],
        ),
        ("suffixes", "/admin.json", one, [differs, two, differs]),
    ] {
        let [same_rule, distinct, refuse] = wanted;
        for (word, want) in [
            ("same_rule", same_rule),
            ("distinct", distinct),
            ("refuse", refuse),
            ("same", of_same),
        ] {
            let policy = policy(json!({ key: word }), rules.clone());
            assert_eq!(rule_of(&policy, path), want, "{key} {word}");
        }
    }
}

/// However the keys stand together, one path is one path.
#[test]
fn what_is_one_path_is_one_path_in_every_reading() {
    let rules = json!([
        { "name": "admin", "match": { "path": "/admin" }, "require": "deny" },
        { "name": "rest", "match": {}, "require": "public" },
    ]);
    for (paths, path, want) in [
        (json!({ "trailing_slash": "same" }), "/admin/", "admin"),
        (json!({ "trailing_slash": "same" }), "/admin//", "admin"),
        (
            json!({ "trailing_slash": "same" }),
            "/admin/;x",
            "ambiguous_request",
        ),
        (
            json!({ "trailing_slash": "same" }),
            "/admin/%3fx",
            "ambiguous_request",
        ),
        (
            json!({ "trailing_slash": "same", "encoded_slashes": "same" }),
            "/admin/",
            "admin",
        ),
        (
            json!({ "trailing_slash": "same", "encoded_slashes": "same" }),
            "/admin%2f",
            "admin",
        ),
        (
            json!({ "trailing_slash": "refuse", "encoded_slashes": "same" }),
            "/admin%2f",
            "ambiguous_request",
        ),
        (
            json!({ "trailing_slash": "refuse", "encoded_slashes": "same" }),
            "/admin",
            "admin",
        ),
        (json!({ "trailing_slash": "same" }), "/", "rest"),
    ] {
        let policy = policy(paths.clone(), rules.clone());
        assert_eq!(rule_of(&policy, path), want, "{paths} {path}");
    }
    // Where a host says itself how it reads the path.
    let policy = policy(json!({ "trailing_slash": "same" }), rules);
    let head = head("GET", "api", "/admin/", &[]).with_target(b"/admin/");
    assert_eq!(rule(&policy, &head), "admin");
}

#[test]
fn readings_beyond_those_of_good_faith_are_not_even_collected() {
    let policy = policy(
        json!({}),
        json!([
            { "name": "some", "match": { "hosts": ["a.example"], "methods": ["PUT"] }, "require": "deny" },
            { "name": "rest", "match": {}, "require": "public" },
        ]),
    );
    let list: Vec<String> = (0..20_000).map(|number| format!("h{number}")).collect();
    let list = list.join(",");
    for name in ["x-forwarded-host", "x-http-method-override"] {
        let head = head("GET", "api", "/", &[(name, &list)]);
        assert_eq!(rule(&policy, &head), "ambiguous_request", "{name}");
    }
}

#[test]
fn a_suffix_is_whatever_stands_behind_a_dot() {
    let same_rule = policy(
        json!({ "suffixes": "same_rule" }),
        json!([
            { "name": "admin", "match": { "path_prefix": "/admin" }, "require": "deny" },
            { "name": "rest", "match": {}, "require": "public" },
        ]),
    );
    for (path, want) in [
        ("/admin.json", "ambiguous_request"),
        ("/admin.verylongsuffix", "ambiguous_request"),
        ("/admin.a-b", "ambiguous_request"),
        ("/admin.tar.gz", "ambiguous_request"),
        ("/admin.%C3%A9", "ambiguous_request"),
        ("/admin.example.com:80", "ambiguous_request"),
        ("/admin.json/", "ambiguous_request"),
        ("/admin/x.json", "admin"),
        ("/main.js", "rest"),
        ("/.well-known/x", "rest"),
        ("/a.admin/b", "rest"),
    ] {
        assert_eq!(rule_of(&same_rule, path), want, "{path}");
    }
    let same = policy(
        json!({ "suffixes": "same" }),
        json!([
            { "name": "admin", "match": { "path_prefix": "/admin" }, "require": "deny" },
            { "name": "rest", "match": {}, "require": "public" },
        ]),
    );
    for path in ["/admin.json", "/admin.a.b", "/admin.a.b.c"] {
        assert_eq!(rule_of(&same, path), "admin", "{path}");
    }
}

/// A dot in an identifier is one of the identifier.
#[test]
fn a_suffix_is_cut_where_a_rule_ends_and_nowhere_else() {
    let rules = json!([
        { "name": "own", "match": { "path_template": "/users/{user}" },
          "require": { "claims": { "sub": { "path_variable": "user" } } } },
        { "name": "keys", "match": { "path_template": "/users/{user}/keys/**" }, "require": "deny" },
        { "name": "Exact", "match": { "path": "/Exact" }, "require": "deny" },
        { "name": "files", "match": { "path_prefix": "/files/" }, "require": "user" },
        { "name": "rest", "match": {}, "require": "user" },
    ]);
    let cuts = policy(
        json!({ "suffixes": "same_rule", "case": "distinct" }),
        rules.clone(),
    );
    for (path, want) in [
        ("/users/ann.smith", "own"),
        ("/users/keys.json", "ambiguous_request"),
        ("/users/ann/keys.json", "ambiguous_request"),
        ("/users/ann/keys/a.b", "keys"),
        ("/Exact.json", "ambiguous_request"),
        ("/Exact.json;x", "ambiguous_request"),
        ("/Exact%2ejson", "ambiguous_request"),
        ("/Exact.a.b", "ambiguous_request"),
        ("/files/a.txt", "files"),
        // Some servers take this for /files/, once the suffix is gone.
        ("/files.json", "ambiguous_request"),
        ("/other.json", "rest"),
    ] {
        assert_eq!(rule_of(&cuts, path), want, "{path}");
    }
    let mut with_expression = rules;
    with_expression[4] =
        json!({ "name": "rest", "match": { "path_regex": "/o[a-z]+" }, "require": "user" });
    let cuts = policy(json!({ "suffixes": "same_rule" }), with_expression);
    assert_eq!(rule_of(&cuts, "/other.json"), "ambiguous_request");
}

#[test]
fn variables_that_the_rule_depends_on_are_the_same_in_every_reading() {
    let rules = |path: &str, variable: &str| {
        json!([{
            "name": "own", "match": { "path_template": path },
            "require": { "claims": { "sub": { "path_variable": variable } } }
        }, { "name": "rest", "match": {}, "require": "user" }])
    };
    let own = policy(json!({}), rules("/users/{user}/{thing}/**", "user"));
    let of = |path: &str| {
        let head = head("GET", "api", path, &[]);
        let found = own
            .find(&head)
            .map(|(rule, held)| (rule.name.clone(), held));
        found.map_err(Denial::reason)
    };
    let user = |path: &str| {
        let (name, held) = of(path).unwrap();
        assert_eq!(name, "own", "{path}");
        held.into_iter().find(|(name, _)| name == "user").unwrap().1
    };
    assert_eq!(user("/users/auth0%7C12/x"), "auth0|12");
    assert_eq!(user("/users/ann%40example.com/x"), "ann@example.com");
    assert_eq!(user("/users/Ann/Profile/A"), "Ann");
    // What nobody depends on may have two readings.
    assert_eq!(user("/users/ann/a%2Fb"), "ann");
    for path in [
        "/users/a%2Fb/x",
        "/users/ann;v=1/x",
        "/users/ann./x",
        "/users/%2561nn/x",
    ] {
        assert_eq!(of(path).unwrap_err(), "ambiguous_request", "{path}");
    }
    let distinct = policy(
        json!({ "encoded_slashes": "distinct" }),
        rules("/users/{user}/{thing}/**", "user"),
    );
    let head = head("GET", "api", "/users/a%2Fb/x", &[]);
    assert_eq!(distinct.find(&head).unwrap().1[0].1, "a/b");
}

#[test]
fn what_is_refused_is_refused_in_every_reading() {
    let policy = policy(
        json!({ "trailing_slash": "refuse", "encoded_slashes": "refuse" }),
        json!([{ "name": "all", "match": {}, "require": "public" }]),
    );
    for (path, want) in [
        ("/exact", "all"),
        ("/exact;x", "all"),
        ("/", "all"),
        ("/exact/", "ambiguous_request"),
        ("/exact/;x", "ambiguous_request"),
        ("/exact//", "ambiguous_request"),
        ("/a%2fb", "ambiguous_request"),
        ("/a%252fb", "ambiguous_request"),
    ] {
        assert_eq!(rule_of(&policy, path), want, "{path}");
    }
}

#[test]
fn readings_without_case_come_to_one_rule_too() {
    let policy = policy(
        json!({ "case": "same" }),
        json!([
            { "name": "admin", "match": { "path_prefix": "/admin" }, "require": "deny" },
            { "name": "public", "match": { "path_prefix": "/public" }, "require": "public" },
            { "name": "own", "match": { "path_template": "/users/{user}/**" },
              "require": { "claims": { "sub": { "path_variable": "user" } } } },
            { "name": "rest", "match": {}, "require": "user" },
        ]),
    );
    for (path, want) in [
        ("/ADMIN/x", "admin"),
        ("/Public", "public"),
        ("/USERS/Ann/x", "own"),
        // What Node reads behind `//PUBLIC` is for another rule than what nginx merges.
        ("//PUBLIC/ADMIN", "ambiguous_request"),
        ("//X/Admin", "ambiguous_request"),
        ("//Admin/", "ambiguous_request"),
        ("/PUBLIC/;x", "public"),
        ("/USERS/Ann;x/y", "ambiguous_request"),
        ("/Users/Ann./y", "ambiguous_request"),
    ] {
        assert_eq!(rule_of(&policy, path), want, "{path}");
    }
}

#[test]
fn whoever_decides_by_the_path_itself_gets_one_reading() {
    let policy = policy(
        json!({}),
        json!([{ "name": "all", "match": {}, "require": { "decision": "pdp" } }]),
    );
    assert_eq!(rule_of(&policy, "/admin"), "all");
    assert_eq!(rule_of(&policy, "/%61dmin"), "ambiguous_request");
    for path in [
        "//x/admin",
        "/admin;x",
        "/a%2Fb",
        "/admin.",
        "/Admin",
        "/admin/",
    ] {
        assert_eq!(rule_of(&policy, path), "ambiguous_request", "{path}");
    }
    // It decides by the method, too.
    for (path, more) in [
        ("/x", &[("x-http-method-override", "DELETE")][..]),
        ("/x?_method=DELETE", &[]),
    ] {
        let head = head("POST", "api", path, more);
        assert_eq!(rule(&policy, &head), "ambiguous_request", "{path} {more:?}");
    }
    assert_eq!(
        rule(&policy, &head("POST", "api", "/x?method=DELETE", &[])),
        "all"
    );
}

#[test]
fn the_log_has_both_readings_and_both_rules() {
    let policy = usual();
    let head = head("GET", "api", "//public/admin", &[]);
    let (denial, told) = policy.find_in_each_reading(&head).unwrap_err();
    let told = told.unwrap();
    assert_eq!(denial, Denial::AmbiguousRequest);
    assert_eq!(
        told.first,
        ("GET //public/admin of api".to_owned(), "api".to_owned())
    );
    assert_eq!(
        told.other,
        ("GET /public/admin of api".to_owned(), "public".to_owned())
    );
}

#[test]
fn no_path_has_so_many_readings_that_they_are_work() {
    let policy = usual();
    let many = "/a;b%2541%2542. //x%EF%BD%81/c;d::$e. /".repeat(400);
    assert_eq!(rule_of(&policy, &many), "ambiguous_request");
    let nested = format!("/{}41", "%25".repeat(60));
    assert_eq!(rule_of(&policy, &nested), "api");
}

#[test]
fn a_clean_path_is_read_once_and_not_copied() {
    let policy = usual();
    for path in [
        "/",
        "/a/b.json?x=%2f",
        "/api/v1/orders/12-3_4~5/a:b",
        "/..x/.y",
        "/Users/Ann@x",
    ] {
        let paths = read(path.as_bytes(), &policy.reader.spellings).unwrap();
        assert!(
            matches!(paths.first, std::borrow::Cow::Borrowed(_)),
            "{path}"
        );
        assert!(paths.others.is_empty(), "{path}");
    }
}
