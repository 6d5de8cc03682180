use serde_json::{Value, json};

use crate::capabilities::Capabilities;
use crate::config::Config;
use crate::headers::Headers;
use crate::policy::denial::Denial;
use crate::policy::path::CanonicalPath;
use crate::policy::route::Target;
use crate::policy::{Policy, Rule};

/// Small numbers that look random and are the same each time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(most).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

fn path(numbers: &mut Numbers) -> String {
    let mut path = String::new();
    for _ in 0..=numbers.below(3) {
        path.push('/');
        path.push_str(numbers.pick(&["a", "b", "cc", "", "%61"]));
    }
    path
}

fn rule(numbers: &mut Numbers) -> Value {
    let path = path(numbers);
    let mut matches = match numbers.below(6) {
        0 => json!({}),
        1 => json!({ "path": path }),
        2 => json!({ "path_prefix": path }),
        3 => json!({ "path_template": format!("{}/{{x}}", path.trim_end_matches('/')) }),
        4 => json!({ "path_template": format!("/{{x}}{path}/**").replace("//", "/") }),
        _ => json!({ "path_regex": "/[ab]/?.*" }),
    };
    if numbers.below(3) == 0 {
        matches["methods"] = json!([numbers.pick(&["GET", "POST"])]);
    }
    if numbers.below(2) == 0 {
        let hosts = ["x.example", "y.example", "*.example", "x.example:8080"];
        matches["hosts"] = json!([numbers.pick(&hosts), "z.example"]);
    }
    if numbers.below(4) == 0 {
        matches["headers"] = json!({ "x-env": numbers.pick(&["prod", "test"]) });
    }
    json!({ "match": matches, "require": "public" })
}

/// A policy of the rules that are not covered by earlier ones.
fn policy(numbers: &mut Numbers, many: usize) -> Policy {
    let mut rules: Vec<Value> = Vec::new();
    let mut policy = None;
    for _ in 0..many {
        rules.push(rule(numbers));
        let text = json!({ "rules": rules }).to_string();
        match Policy::compile(
            &Config::parse(text.as_bytes()).unwrap(),
            &Capabilities::envoy(),
        ) {
            Ok(compiled) => policy = Some(compiled),
            Err(_) => drop(rules.pop()),
        }
    }
    policy.unwrap()
}

#[test]
fn the_rule_that_is_found_is_the_first_that_matches() {
    let mut numbers = Numbers(88_172_645_463_325_252);
    let (mut found, mut none) = (0, 0);
    for _ in 0..60 {
        let policy = policy(&mut numbers, 12);
        for _ in 0..200 {
            let path = path(&mut numbers);
            let host =
                numbers.pick(&["x.example", "X.EXAMPLE:8080", "y.example.", "w.example", ""]);
            let head = Headers::from_pairs(&[
                (":method", numbers.pick(&["GET", "POST", "PUT"])),
                (":authority", host),
                (":path", &path),
                ("X-Env", numbers.pick(&["prod", "test", "other"])),
            ]);
            let canonical = CanonicalPath::parse(path.as_bytes()).unwrap();
            let target = Target {
                method: head.first(":method").unwrap(),
                authority: host.as_bytes(),
                path: canonical.as_bytes(),
                headers: &head,
            };
            let want = policy
                .rules
                .iter()
                .find(|rule| rule.route.is_match(&target));
            let route = |place: usize| policy.rules.get(place).map(|rule| &rule.route);
            let got = policy.matcher.find(&target, route);
            let got = got.and_then(|place| policy.rules.get(place));
            let name = |rule: Option<&Rule>| rule.map(|rule| rule.name.clone());
            assert_eq!(name(got), name(want), "{path} {host}");
            *(if want.is_some() {
                &mut found
            } else {
                &mut none
            }) += 1;
        }
    }
    assert!(found > 1000 && none > 100, "{found} {none}");
}

/// A rule that lies behind another that covers it is refused; what is covered is never the first that matches.
#[test]
fn what_counts_as_covered_is_never_reached() {
    let mut numbers = Numbers(1_234_567);
    let mut covered = 0;
    for _ in 0..4000 {
        let rules = json!({ "rules": [rule(&mut numbers)] }).to_string();
        let other = json!({ "rules": [rule(&mut numbers)] }).to_string();
        let compile = |text: &str| {
            Policy::compile(
                &Config::parse(text.as_bytes()).unwrap(),
                &Capabilities::envoy(),
            )
        };
        let (Ok(wide), Ok(narrow)) = (compile(&rules), compile(&other)) else {
            continue;
        };
        if !wide.rules[0].route.covers(&narrow.rules[0].route) {
            continue;
        }
        covered += 1;
        for _ in 0..20 {
            let path = path(&mut numbers);
            let head = Headers::from_pairs(&[
                (":method", numbers.pick(&["GET", "POST"])),
                (
                    ":authority",
                    numbers.pick(&["x.example", "w.example", "x.example:8080"]),
                ),
                (":path", &path),
                ("x-env", numbers.pick(&["prod", "test"])),
            ]);
            if narrow.find(&head).is_ok() {
                assert!(
                    wide.find(&head).is_ok(),
                    "{rules} does not cover {other}: {path}"
                );
            }
        }
    }
    assert!(covered > 50, "{covered}");
}

/// Thousands of rules cost what a few cost: only those that could match are looked at.
#[test]
fn few_of_many_rules_are_looked_at() {
    let many: Vec<Value> = (0..5000)
        .map(|number| {
            let matches = match number % 4 {
                0 => json!({ "path": format!("/a/{number}") }),
                1 => json!({ "path_prefix": format!("/b/{number}") }),
                2 => json!({ "path_template": format!("/c/{number}/{{x}}/**") }),
                _ => json!({ "path_prefix": "/", "hosts": [format!("h{number}.example")] }),
            };
            json!({ "match": matches, "require": "public" })
        })
        .chain([json!({ "match": { "path_prefix": "/" }, "require": "public" })])
        .collect();
    let text = json!({ "rules": many }).to_string();
    let policy = Policy::compile(
        &Config::parse(text.as_bytes()).unwrap(),
        &Capabilities::envoy(),
    )
    .unwrap();
    let head = Headers::default();
    for (path, host, want) in [
        ("/a/4000", "x", 4000),
        ("/b/4001/y/z", "x", 4001),
        ("/c/4002/y", "x", 4002),
        ("/c/4002", "h4003.example", 4003),
        ("/a/4000", "h4003.example:80", 4000),
        ("/a/4004", "h3.example", 3),
        ("/nowhere", "x", 5000),
    ] {
        let target = Target {
            method: b"GET",
            authority: host.as_bytes(),
            path: path.as_bytes(),
            headers: &head,
        };
        let looked = std::cell::Cell::new(0);
        let route = |index: usize| {
            looked.set(looked.get() + 1);
            policy.rules.get(index).map(|rule| &rule.route)
        };
        assert_eq!(
            policy.matcher.find(&target, route),
            Some(want),
            "{path} {host}"
        );
        assert!(looked.get() <= 3, "{path} {host}: {}", looked.get());
    }
}

#[test]
fn a_path_that_is_too_long_for_expressions_is_refused_only_where_there_are_some() {
    let policy = |path: Value| {
        let rules =
            json!([{ "match": path, "require": "deny" }, { "match": {}, "require": "public" }]);
        let text = json!({ "rules": rules }).to_string();
        Policy::compile(
            &Config::parse(text.as_bytes()).unwrap(),
            &Capabilities::envoy(),
        )
        .unwrap()
    };
    let expression = policy(json!({ "path_regex": "/x/[a-z/]*" }));
    let template = policy(json!({ "path_template": "/x/**" }));
    for (length, query, want) in [
        (4096, 0, true),
        (4097, 0, false),
        (60_000, 0, false),
        (100, 60_000, true),
    ] {
        let path = format!("/x/{}", "a".repeat(length - 3)) + "?" + &"b".repeat(query);
        let head = Headers::from_pairs(&[(":method", "GET"), (":path", &path)]);
        let found = expression.find(&head).map(|(rule, _)| rule.name.as_str());
        let refused = Err(Denial::MalformedPath);
        assert_eq!(
            found,
            if want { Ok("rules[0]") } else { refused },
            "{length} {query}"
        );
        assert!(template.find(&head).is_ok());
    }
}
