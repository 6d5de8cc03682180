//! What the further keys of `paths` make of requests, and rules that look at headers and ports.

use serde_json::{Value, json};

use super::*;

fn rules() -> Value {
    json!([
        { "name": "admin", "match": { "path_prefix": "/admin" }, "require": "deny" },
        { "name": "shop", "match": { "path_prefix": "/shop/admin" }, "require": "deny" },
        { "name": "rest-api", "match": { "path_prefix": "/wp-json" }, "require": "deny" },
        { "name": "exact", "match": { "path": "/exact" }, "require": "deny" },
        { "name": "delete", "match": { "path_prefix": "/orders", "methods": ["DELETE"] }, "require": "deny" },
        { "name": "rest", "match": {}, "require": "public" },
    ])
}

/// What becomes of a target, as it goes upstream.
fn sent(policy: &Policy, target: &str) -> (String, String) {
    let head = head("GET", "api", target, &[]);
    let head = policy.rewrite(&head).unwrap_or(head);
    let path = head.first(":path").unwrap().to_vec();
    (rule(policy, &head), String::from_utf8(path).unwrap())
}

#[test]
fn what_stands_behind_a_front_controller_is_a_path() {
    let policy = policy(
        json!({ "front_controllers": ["/index.php", "/shop/app.php"] }),
        rules(),
    );
    for (path, want) in [
        ("/index.php", "rest"),
        ("/index.php/", "rest"),
        ("/index.php/public", "rest"),
        ("/index.phpx/admin", "rest"),
        ("/a/index.php/admin", "rest"),
        ("/index.php/admin", "ambiguous_request"),
        ("/Index.PHP/admin/x", "ambiguous_request"),
        ("/index%2ephp/%61dmin", "ambiguous_request"),
        ("//index.php/admin", "ambiguous_request"),
        ("/index.php//admin", "ambiguous_request"),
        ("/index.php;x/admin", "ambiguous_request"),
        ("/index.php/index.php/admin", "ambiguous_request"),
        ("/index.php/exact/", "ambiguous_request"),
        ("/index.php%2fadmin", "ambiguous_request"),
        ("/shop/app.php/admin", "ambiguous_request"),
        ("/shop/app.php/public", "rest"),
        ("/index.php/../admin", "malformed_path"),
    ] {
        assert_eq!(rule_of(&policy, path), want, "{path}");
    }
}

#[test]
fn what_stands_behind_an_encoded_mark_is_a_query_to_whom_it_is_handed_on() {
    let policy = policy(json!({ "query_path": ["rest_route"] }), rules());
    for (method, path, want) in [
        ("POST", "/orders/1%3f_method=DELETE", "ambiguous_request"),
        ("POST", "/orders/1%253F_method=DELETE", "ambiguous_request"),
        ("POST", "/orders/1%3f_method=PUT", "rest"),
        ("POST", "/orders/1%3fx=DELETE", "rest"),
        ("GET", "/%3frest_route=/wp/v2/users", "ambiguous_request"),
        (
            "GET",
            "/blog%3fa=1&rest_route=/wp/v2/users",
            "ambiguous_request",
        ),
        ("GET", "/what%3f", "rest"),
    ] {
        let head = head(method, "api", path, &[]);
        assert_eq!(rule(&policy, &head), want, "{method} {path}");
    }
    let more = [("x-original-url", "/orders/1%3f_method=DELETE")];
    assert_eq!(
        rule(&policy, &head("POST", "api", "/orders/1", &more)),
        "ambiguous_request"
    );
}

#[test]
fn the_whole_value_of_a_parameter_is_a_path_where_only_ampersands_part_them() {
    let rules = json!([
        { "name": "edit", "match": { "path_template": "/catalog/{item}/edit" }, "require": "deny" },
        { "name": "rest", "match": {}, "require": "public" },
    ]);
    let policy = policy(json!({ "query_path": ["q"] }), rules);
    for (target, want) in [
        ("/?q=catalog/a;b/edit", "ambiguous_request"),
        ("/?x=1&q=catalog/a;b/edit&y=2", "ambiguous_request"),
        ("/?q=catalog/a;b", "rest"),
        ("/?x=;q=catalog", "rest"),
    ] {
        assert_eq!(rule_of(&policy, target), want, "{target}");
    }
}

#[test]
fn a_plus_is_a_blank_to_applications_behind_a_front_controller() {
    let rules = json!([
        { "name": "report", "match": { "path_prefix": "/annual%20report" }, "require": "deny" },
        { "name": "rest", "match": {}, "require": "public" },
    ]);
    let front = policy(
        json!({ "front_controllers": ["/index.php"] }),
        rules.clone(),
    );
    let plain = policy(json!({}), rules);
    for (path, behind, elsewhere) in [
        ("/annual+report", "ambiguous_request", "rest"),
        ("/index.php/annual+report", "ambiguous_request", "rest"),
        ("/annual%2breport", "rest", "rest"),
        ("/c+d", "rest", "rest"),
        ("/annual%20report", "report", "report"),
    ] {
        assert_eq!(rule_of(&front, path), behind, "{path}");
        assert_eq!(rule_of(&plain, path), elsewhere, "{path}");
    }
}

#[test]
fn a_rule_that_ends_with_a_slash_is_one_for_the_path_without_it_too() {
    let rules = json!([
        { "name": "named", "match": { "path": "/named" }, "require": "public" },
        { "name": "below", "match": { "path_prefix": "/named/" }, "require": "deny" },
        { "name": "admin", "match": { "path_prefix": "/admin/" }, "require": "deny" },
        { "name": "exact", "match": { "path": "/exact/" }, "require": "deny" },
        { "name": "own", "match": { "path_template": "/users/{user}/" }, "require": "deny" },
        { "name": "rest", "match": {}, "require": "public" },
    ]);
    let with = |word: &str| policy(json!({ "trailing_slash": word }), rules.clone());
    for (path, same_rule, distinct) in [
        // Express, Laravel, Rails and others serve these by what is written with the slash.
        ("/admin", "ambiguous_request", "rest"),
        ("/Admin", "ambiguous_request", "rest"),
        ("/exact", "ambiguous_request", "rest"),
        ("/users/ann", "ambiguous_request", "rest"),
        ("/admin/x", "admin", "admin"),
        ("/administrators", "rest", "rest"),
        // Somebody has said what this one is.
        ("/named", "named", "named"),
        ("/", "rest", "rest"),
    ] {
        assert_eq!(rule_of(&with("same_rule"), path), same_rule, "{path}");
        let distinct_case = policy(
            json!({ "trailing_slash": "distinct", "case": "distinct" }),
            rules.clone(),
        );
        assert_eq!(rule_of(&distinct_case, path), distinct, "{path}");
    }
}

#[test]
fn what_is_read_before_it_is_decoded_is_a_reading_too() {
    let own = json!([
        { "name": "private", "match": { "path_template": "/group/{name}/private" }, "require": "deny" },
        { "name": "odd", "match": { "path_regex": "/exact.x" }, "require": "deny" },
        { "name": "rest", "match": {}, "require": "public" },
    ]);
    let keys = json!({ "backslash": "same_rule", "encoded_slashes": "same_rule" });
    let same = json!({ "backslash": "same_rule", "encoded_slashes": "same" });
    for paths in [keys, same] {
        let policy = policy(paths, own.clone());
        for (path, want) in [
            // Of these the URL class of Node makes /group/x%5cy/private, and routers decode it afterwards.
            (r"/group\x%5cy\private", "ambiguous_request"),
            (r"/group\x%5Cy;v=1\private%3bw", "ambiguous_request"),
            (r"/group\x%5cy\public", "rest"),
            // Tomcat cuts parameters off before it decodes.
            ("/exact%3bx;y", "ambiguous_request"),
            ("/exact%3Bx;", "ambiguous_request"),
            ("/exact%3bz;y", "rest"),
        ] {
            assert_eq!(rule_of(&policy, path), want, "{path}");
        }
    }
    // Where slashes are decoded, parameters end at those that were sent as such, and so does an authority.
    let policy = policy(json!({ "encoded_slashes": "same" }), rules());
    for (path, want) in [
        ("/shop;%2fpublic/admin", "ambiguous_request"),
        ("//x%2fpublic/admin", "ambiguous_request"),
        ("/shop;%2fpublic/x", "rest"),
    ] {
        assert_eq!(rule_of(&policy, path), want, "{path}");
    }
}

#[test]
fn what_a_parameter_says_is_a_path() {
    let policy = policy(json!({ "query_path": ["q", "rest_route"] }), rules());
    for (target, want) in [
        ("/", "rest"),
        ("/?q=", "rest"),
        ("/?q", "rest"),
        ("/?q=node/1", "rest"),
        ("/?qq=admin", "rest"),
        ("/?q=100%", "rest"),
        ("/?q=admin", "ambiguous_request"),
        ("/?q=/admin/users", "ambiguous_request"),
        ("/?q=%61dmin%2fusers", "ambiguous_request"),
        ("/?q=admin%252fusers", "ambiguous_request"),
        ("/?Q=admin", "ambiguous_request"),
        ("/?q[]=admin", "ambiguous_request"),
        ("/?q%00=admin", "ambiguous_request"),
        ("/?+q=admin", "ambiguous_request"),
        ("/?a=1;q=admin", "ambiguous_request"),
        ("/?q=node&q=admin", "ambiguous_request"),
        ("/?q=admin+", "ambiguous_request"),
        ("/?q=//x/admin", "ambiguous_request"),
        ("/?q=../admin", "malformed_path"),
        ("/?q=a%5cb", "malformed_path"),
        ("/admin?q=admin/users", "admin"),
        ("/admin?q=node", "ambiguous_request"),
        // WordPress serves what this one names below a folder of its own.
        ("/?rest_route=/wp/v2/users", "ambiguous_request"),
        ("/?rest.route=wp/v2/users", "ambiguous_request"),
    ] {
        assert_eq!(rule_of(&policy, target), want, "{target}");
    }
    let head = head("GET", "api", "/", &[("x-original-url", "/?q=admin")]);
    assert_eq!(rule(&policy, &head), "ambiguous_request");
    // An application in a folder, whose rules are about that folder.
    let rules = json!([
        { "name": "admin", "match": { "path_prefix": "/blog/admin" }, "require": "deny" },
        { "name": "api", "match": { "path_prefix": "/blog/wp-json" }, "require": "deny" },
        { "name": "rest", "match": {}, "require": "public" },
    ]);
    let nested = super::policy(json!({ "query_path": ["q", "rest_route"] }), rules);
    for (target, want) in [
        ("/blog/?q=node", "rest"),
        ("/blog/?q=admin", "ambiguous_request"),
        ("/blog/index.php?q=admin", "ambiguous_request"),
        ("/blog/x/y?q=admin", "ambiguous_request"),
        (
            "/blog/2024/05/hello/?rest_route=/wp/v2/users",
            "ambiguous_request",
        ),
        ("/blog?q=admin", "ambiguous_request"),
        ("/shop/x/y?q=admin", "rest"),
        ("/blog/?rest_route=/wp/v2/users", "ambiguous_request"),
        ("/blog/admin?q=node", "ambiguous_request"),
        ("/blog/?q=a/b/c&q=d/e/f", "rest"),
    ] {
        assert_eq!(rule_of(&nested, target), want, "{target}");
    }
    let many = format!("/?{}", "q=a&q=b&".repeat(20_000));
    assert_eq!(rule_of(&policy, &many), "ambiguous_request");
    let many: Vec<String> = (0..20_000).map(|number| format!("q={number}")).collect();
    assert_eq!(
        rule_of(&policy, &format!("/?{}", many.join("&"))),
        "ambiguous_request"
    );
}

#[test]
fn lists_are_short_and_of_what_they_are_for() {
    let refused = |paths: Value| {
        let config = json!({ "paths": paths, "rules": rules() }).to_string();
        let config = Config::parse(config.as_bytes()).unwrap();
        Policy::compile(&config, &Capabilities::envoy())
            .unwrap_err()
            .to_string()
    };
    for text in [
        "",
        "/",
        "index.php",
        "/a/",
        "/a%20b",
        "/a//b",
        "/a/../b",
        "/a;x",
        "/a?b",
    ] {
        let said = refused(json!({ "front_controllers": ["/a", text] }));
        assert!(
            said.starts_with("paths.front_controllers[1]: is not a path"),
            "{text}: {said}"
        );
    }
    for text in ["", "a b", "a[]", "a=b", "a&b", "%71"] {
        let said = refused(json!({ "query_path": [text] }));
        assert!(
            said.starts_with("paths.query_path[0]: is not the name"),
            "{text}: {said}"
        );
    }
    let many = ["/a"; 9];
    let said = refused(json!({ "front_controllers": many }));
    assert_eq!(
        said,
        "paths.front_controllers: has 9 entries; 8 are the most"
    );
}

#[test]
fn a_rule_for_a_slash_that_no_path_has_is_refused() {
    for (word, good) in [
        ("strip", false),
        ("same", false),
        ("refuse", false),
        ("distinct", true),
    ] {
        for (key, path) in [
            ("path", "/a/"),
            ("path_prefix", "/a/"),
            ("path_template", "/a/{b}/"),
        ] {
            let rules = json!([{ "match": {"path": "/"}, "require": "deny" }, { "match": { key: path }, "require": "deny" }]);
            let config = json!({ "paths": { "trailing_slash": word }, "rules": rules }).to_string();
            let compiled = Policy::compile(
                &Config::parse(config.as_bytes()).unwrap(),
                &Capabilities::envoy(),
            );
            let said = compiled.err().map(|error| error.to_string());
            let place = said.as_deref().and_then(|said| said.split(':').next());
            assert_eq!(
                place,
                (!good).then_some("rules[1].match.path"),
                "{word} {key}: {said:?}"
            );
        }
    }
}

#[test]
fn what_is_written_anew_has_one_reading_and_goes_upstream_so() {
    let own = |paths| policy(paths, rules());
    let merges = own(json!({ "slashes": "merge" }));
    for (target, rule, upstream) in [
        ("/public//x?a=//b", "rest", "/public/x?a=//b"),
        ("//admin", "admin", "/admin"),
        ("//x/admin", "rest", "/x/admin"),
        ("///admin//users", "admin", "/admin/users"),
        ("//", "rest", "/"),
        ("/plain", "rest", "/plain"),
        ("//../admin", "malformed_path", "/../admin"),
        ("/;x/admin", "ambiguous_request", "/;x/admin"),
        ("/%2fadmin", "ambiguous_request", "/%2fadmin"),
    ] {
        assert_eq!(
            sent(&merges, target),
            (rule.into(), upstream.into()),
            "{target}"
        );
    }
    let strips = own(json!({ "trailing_slash": "strip" }));
    for (target, rule, upstream) in [
        ("/exact/", "exact", "/exact"),
        ("/exact//?x=/", "exact", "/exact?x=/"),
        ("/", "rest", "/"),
        ("/exact", "exact", "/exact"),
        ("/exact/;x", "ambiguous_request", "/exact/;x"),
        ("/exact%2f", "ambiguous_request", "/exact%2f"),
    ] {
        assert_eq!(
            sent(&strips, target),
            (rule.into(), upstream.into()),
            "{target}"
        );
    }
    let decodes = own(json!({ "encoded_slashes": "decode" }));
    for (target, rule, upstream) in [
        ("/shop%2Fadmin%2fx?a=%2f", "shop", "/shop/admin/x?a=%2f"),
        ("/%61dmin%2fx", "admin", "/%61dmin/x"),
        ("/shop%252fadmin", "ambiguous_request", "/shop%252fadmin"),
        ("/x%2f..%2fadmin", "malformed_path", "/x/../admin"),
        ("/%2%2ff", "malformed_path", "/%2/f"),
        ("/shop%2", "malformed_path", "/shop%2"),
    ] {
        assert_eq!(
            sent(&decodes, target),
            (rule.into(), upstream.into()),
            "{target}"
        );
    }
    let all =
        own(json!({ "slashes": "merge", "trailing_slash": "strip", "encoded_slashes": "decode" }));
    for (target, rule, upstream) in [
        ("/%2Fexact%2f%2f?", "exact", "/exact?"),
        ("//%2f", "rest", "/"),
        ("/shop/%2fadmin/", "shop", "/shop/admin"),
    ] {
        assert_eq!(
            sent(&all, target),
            (rule.into(), upstream.into()),
            "{target}"
        );
    }
}

#[test]
fn backslashes_and_other_bytes_are_read_in_all_their_ways() {
    let own = |paths| policy(paths, rules());
    let (refuses, reads) = (own(json!({})), own(json!({ "backslash": "same_rule" })));
    for (path, want) in [
        ("/nexus/CORP%5Cann", "rest"),
        ("/nexus/CORP\\ann", "rest"),
        ("/%5cadmin", "ambiguous_request"),
        ("/x\\..\\admin", "malformed_path"),
        ("/shop%5Cadmin", "ambiguous_request"),
        ("/shop%255cadmin", "ambiguous_request"),
        ("/\\x/admin", "ambiguous_request"),
    ] {
        assert_eq!(rule_of(&refuses, path), "malformed_path", "{path}");
        assert_eq!(rule_of(&reads, path), want, "{path}");
    }
    let reads = own(json!({ "bytes": "same_rule" }));
    for (path, want) in [
        ("/shop%F8%80%80%80%AFadmin", "ambiguous_request"),
        ("/shop%FC%80%80%80%80%AFadmin", "ambiguous_request"),
        ("/shop/%F8%80%80%80%AE%F8%80%80%80%AE/x", "malformed_path"),
        ("/wiki/K%E4se", "rest"),
        ("/wiki/\u{e4}", "rest"),
        ("/adm%E4in", "ambiguous_request"),
        ("/%FFadmin", "ambiguous_request"),
        ("/%c0%afadmin", "ambiguous_request"),
        ("/%c1%a1dmin", "ambiguous_request"),
        ("/%e0%81%a1dmin", "ambiguous_request"),
        ("/%f0%80%81%a1dmin", "ambiguous_request"),
        ("/shop%c0%afadmin", "ambiguous_request"),
        ("/x/%c0%ae%c0%ae/admin", "malformed_path"),
        ("/x/%c0%2e%c0%2e/admin", "malformed_path"),
        ("/%E4%5cx", "malformed_path"),
        ("/%E4%00", "malformed_path"),
    ] {
        if path != "/wiki/\u{e4}" {
            assert_eq!(rule_of(&refuses, path), "malformed_path", "{path}");
        }
        assert_eq!(rule_of(&reads, path), want, "{path}");
    }
}

#[test]
fn headers_that_replace_method_and_path_are_read_taken_out_or_believed() {
    let own = |word| policy(json!({ "override_headers": word }), rules());
    let [same, remove, trust] = ["same_rule", "remove", "trust"].map(own);
    let differs = "ambiguous_request";
    for (method, path, more, wanted) in [
        (
            "POST",
            "/orders/1",
            &[("x-http-method-override", "DELETE")][..],
            [differs, "rest", "delete"],
        ),
        (
            "DELETE",
            "/orders/1",
            &[("X_HTTP_Method", "merge")],
            [differs, "delete", "rest"],
        ),
        (
            "POST",
            "/orders/1",
            &[("x-http-method", "MERGE")],
            ["rest", "rest", "rest"],
        ),
        (
            "POST",
            "/orders/1",
            &[("x-http-method", "DELETE, GET")],
            [differs, "rest", differs],
        ),
        (
            "POST",
            "/orders/1",
            &[("x-http-method", "GET"), ("x-method-override", "DELETE")],
            [differs, "rest", differs],
        ),
        (
            "POST",
            "/orders/1",
            &[("x-http-method", "")],
            ["rest", "rest", "rest"],
        ),
        (
            "GET",
            "/app/x",
            &[("x-original-url", "/admin")],
            [differs, "rest", "admin"],
        ),
        (
            "GET",
            "/admin",
            &[("x-rewrite-url", "https://api/app?x")],
            [differs, "admin", "rest"],
        ),
        (
            "GET",
            "/app",
            &[("x-original-url", "/admin;x")],
            [differs, "rest", differs],
        ),
        (
            "GET",
            "/app",
            &[("x-original-url", "/a/../b")],
            ["malformed_path", "rest", "malformed_path"],
        ),
        (
            "GET",
            "/a/../b",
            &[("x-original-url", "/app")],
            ["malformed_path"; 3],
        ),
        (
            "GET",
            "/app",
            &[("x-original-url", "/app"), ("x-rewrite-url", "/admin")],
            [differs, "rest", differs],
        ),
        (
            "POST",
            "/orders/1?_method=DELETE",
            &[("x-http-method", "PUT")],
            [differs; 3],
        ),
        ("GET", "/", &[("x-original-url", "")], ["rest"; 3]),
    ] {
        for (policy, want) in [&same, &remove, &trust].into_iter().zip(wanted) {
            let head = head(method, "api", path, more);
            assert_eq!(rule(policy, &head), want, "{method} {path} {more:?}");
        }
    }
    for name in ["x-original-url", "X_HTTP.Method", "x-method-override"] {
        assert!(remove.upstream.owns(name.as_bytes()) && !same.upstream.owns(name.as_bytes()));
    }
}

#[test]
fn a_decision_point_is_asked_about_each_reading() {
    let rules = json!([{ "name": "all", "match": {}, "require": { "decision": "pdp" } }]);
    let own = |paths| policy(paths, rules.clone());
    let asked = |policy: &Policy, method: &str, target: &str, more: &[(&str, &str)]| {
        let head = head(method, "api", target, more);
        let (rule, _) = policy.find(&head)?;
        let asked = policy.decided(rule, &head).into_iter();
        let asked = asked.map(|reading| format!("{} {}", reading.method, reading.path));
        Ok::<_, Denial>(asked.collect::<Vec<_>>())
    };
    let each = own(json!({ "decision": "each" }));
    let of = |method, target, more| asked(&each, method, target, more);
    assert_eq!(of("GET", "/admin?x=/Y", &[]).unwrap(), [""; 0]);
    assert_eq!(
        of("GET", "/Admin?x", &[]).unwrap(),
        ["GET /Admin", "GET /admin"]
    );
    assert_eq!(
        of("GET", "/%61dmin", &[]).unwrap(),
        ["GET /%61dmin", "GET /admin"]
    );
    assert_eq!(
        of("GET", "//x/admin", &[]).unwrap(),
        ["GET //x/admin", "GET /x/admin", "GET /admin"]
    );
    assert_eq!(
        of("POST", "/x?_method=DELETE", &[("x-original-url", "/y")]).unwrap(),
        ["POST /x", "DELETE /x", "POST /y", "DELETE /y"]
    );
    let many = of("GET", "/a;b/%2541//C./d%3fe", &[]);
    assert_eq!(many.unwrap_err(), Denial::AmbiguousRequest);
    // It is told what the path's variables stand for, which must be the same of all.
    let users = json!([{
        "name": "users", "match": { "path_template": "/users/{user}/**" }, "require": { "decision": "pdp" },
    }]);
    let users = policy(json!({ "decision": "each" }), users);
    let headers = [("x-original-url", "/users/ann/x")];
    let other = asked(&users, "GET", "/users/mallory/x", &headers);
    assert_eq!(other.unwrap_err(), Denial::AmbiguousRequest);
    let same = asked(&users, "GET", "/users/ann/y", &headers).unwrap();
    assert_eq!(same, ["GET /users/ann/y", "GET /users/ann/x"]);
    let distinct = own(json!({ "case": "distinct" }));
    assert_eq!(asked(&distinct, "GET", "/Admin", &[]).unwrap(), [""; 0]);
    let trust = own(json!({ "override_headers": "trust" }));
    let headers = [("x-original-url", "/y"), ("x-http-method", "PUT")];
    assert_eq!(asked(&trust, "POST", "/x", &headers).unwrap(), ["PUT /y"]);
    assert_eq!(asked(&trust, "POST", "/x", &[]).unwrap(), [""; 0]);
}

#[test]
fn a_header_that_is_read_in_two_ways_comes_to_one_rule() {
    let policy = policy(
        json!({}),
        json!([
            { "name": "beta", "match": { "path_prefix": "/a", "headers": { "x-env": { "any_of": ["b", "c"] } } }, "require": "public" },
            { "name": "bot", "match": { "path_prefix": "/a", "headers": { "user-agent": { "prefix": "bot" } } }, "require": "user" },
            { "name": "bare", "match": { "path_prefix": "/b", "headers": { "x-env": { "present": false } } }, "require": "user" },
            { "name": "rest", "match": {}, "require": "deny" },
        ]),
    );
    let differs = "ambiguous_request";
    for (path, more, want) in [
        ("/a", &[("x-env", "b")][..], "beta"),
        ("/a", &[("X-Env", "b"), ("x-env", "c")], "beta"),
        ("/a", &[("x-env", "b"), ("x-env", "d")], differs),
        ("/a", &[("x-env", "d"), ("x-env", "b")], differs),
        ("/a", &[("x-env", "d"), ("x-env", "e")], "rest"),
        ("/a", &[("x-env", "b"), ("x_env", "d")], differs),
        ("/a", &[("x-env", "d"), ("x.env", "b")], differs),
        ("/a", &[("x_env", "b")], differs),
        ("/a", &[("x_env", "d")], differs),
        (
            "/a",
            &[("user-agent", "bot/1"), ("user_agent", "x")],
            differs,
        ),
        (
            "/a",
            &[("user-agent", "bot/1"), ("x-other_env", "x")],
            "bot",
        ),
        ("/b", &[], "bare"),
        ("/b", &[("x-env", "")], "rest"),
        ("/b", &[("x_env", "")], differs),
        // Where no rule asks, nobody does.
        ("/c", &[("x-env", "b"), ("x_env", "d")], "rest"),
    ] {
        assert_eq!(
            rule(&policy, &head("GET", "api", path, more)),
            want,
            "{path} {more:?}"
        );
    }
    let head = head("GET", "api", "/a", &[("x-env", "b"), ("x_env", "d")]);
    let (_, told) = policy.find_in_each_reading(&head).unwrap_err();
    let told = told.unwrap();
    assert_eq!(
        (told.first.1.as_str(), told.other.1.as_str()),
        ("beta", "rest")
    );
}

#[test]
fn a_rule_for_a_port_is_one_for_its_host_to_servers_that_ignore_ports() {
    let policy = policy(
        json!({}),
        json!([
            { "name": "port", "match": { "hosts": ["a.example:8443", "*.b.example:8443", "[::1]:8443"] }, "require": "deny" },
            { "name": "c", "match": { "hosts": ["c.example"] }, "require": "user" },
            { "name": "rest", "match": {}, "require": "public" },
        ]),
    );
    let differs = "ambiguous_request";
    for (authority, more, want) in [
        ("a.example:8443", &[][..], "port"),
        ("A.Example:8443", &[], "port"),
        ("x.b.example:8443", &[], "port"),
        ("[::1]:8443", &[], "port"),
        ("a.example", &[], differs),
        ("a.example.", &[], differs),
        ("a.example:", &[], differs),
        ("a.example:80", &[], differs),
        ("a.example:08443", &[], differs),
        ("x.b.example", &[], differs),
        ("[::1]", &[], differs),
        ("b.example", &[], "rest"),
        ("c.example:8443", &[], "c"),
        ("c.example", &[("x-forwarded-host", "a.example")], differs),
        ("c.example", &[("x-forwarded-host", "C.example:1")], "c"),
        ("d.example:8443", &[], "rest"),
        ("a.example:*", &[], "malformed_authority"),
        ("", &[], "rest"),
    ] {
        assert_eq!(
            rule(&policy, &head("GET", authority, "/", more)),
            want,
            "{authority} {more:?}"
        );
    }
}
