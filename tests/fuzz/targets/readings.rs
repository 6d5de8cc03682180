//! Any bytes as a request, against a policy with many rules.
//!
//! It comes to one decision, the same each time. Whatever is admitted comes to the same rule, with the same values of the
//! variables that the rule depends on, in the readings that the documentation promises: each is made here by itself.
#![no_main]

use arbitrary::Arbitrary;
use auth_filter::capabilities::Capabilities;
use auth_filter::config::Config;
use auth_filter::headers::Headers;
use auth_filter::policy::Policy;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

#[derive(Arbitrary, Debug)]
struct Request {
    method: Text,
    authority: Text,
    path: Vec<Text>,
    headers: Vec<(Text, Text)>,
}

/// A word that rules or readings know, or any bytes.
#[derive(Arbitrary, Debug)]
enum Text {
    Known(u8),
    Raw(Vec<u8>),
}

const WORDS: &[&str] = &[
    "/",
    "admin",
    "public",
    "users",
    "ann",
    "orders",
    "items",
    "exact",
    "group",
    "private",
    "//",
    "/./",
    "/../",
    "%2f",
    "%2F",
    "%252f",
    "%3f",
    "%23",
    "%25",
    "%61",
    ";x",
    ".json",
    ".",
    "%20",
    "::$DATA",
    "Admin",
    "%EF%BD%81",
    "\u{212a}",
    "?",
    "?_method=DELETE",
    "%00",
    "GET",
    "POST",
    "DELETE",
    "delete",
    "HEAD",
    "api.example.com",
    "admin.example.com",
    "admin.example.com:",
    "a.b.example.com:8443",
    "x-http-method-override",
    "x_http_method",
    "x-original-url",
    "x-rewrite-url",
    "x-forwarded-host",
    "forwarded",
    "host=admin.example.com",
    "/admin",
    "/items/7",
    "/index.php",
    "?q=",
    "&q=/admin",
    "\\",
    "%5c",
    "%E4",
    "%3f_method=DELETE",
    "%3fq=/admin",
    "+",
    "/t/",
    ":$I30:$DATA",
    "%c0%af",
];

impl Text {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Known(word) => WORDS[usize::from(*word) % WORDS.len()].as_bytes(),
            Self::Raw(bytes) => bytes,
        }
    }
}

impl Request {
    fn pairs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let path: Vec<u8> = self
            .path
            .iter()
            .flat_map(|part| part.bytes())
            .copied()
            .collect();
        let mut pairs = vec![
            (b":method".to_vec(), self.method.bytes().to_vec()),
            (b":authority".to_vec(), self.authority.bytes().to_vec()),
            (b":path".to_vec(), path),
        ];
        let headers = self.headers.iter();
        pairs.extend(headers.map(|(name, value)| (name.bytes().to_vec(), value.bytes().to_vec())));
        pairs
    }
}

thread_local! {
    /// One policy for each way of `paths`; a policy is one thread's own.
    static POLICIES: Vec<(Value, Policy)> = ["same_rule", "distinct", "refuse", "same"]
        .map(|word| {
            let mut paths = json!({ "case": word, "trailing_slash": word, "encoded_slashes": word });
            if matches!(word, "same_rule" | "distinct") {
                paths["suffixes"] = json!(word);
            }
            paths
        })
        .into_iter()
        .chain([
            json!({
                "case": "same_rule", "trailing_slash": "same_rule", "backslash": "same_rule", "bytes": "same_rule",
                "front_controllers": ["/index.php"], "query_path": ["q"],
            }),
            json!({ "case": "same_rule", "slashes": "merge", "trailing_slash": "strip", "encoded_slashes": "decode" }),
        ])
        .map(|paths| {
            let policy = policy(&paths);
            (paths, policy)
        })
        .collect();
}

fn policy(paths: &Value) -> Policy {
    let mut rules = vec![
        json!({ "name": "host", "match": { "hosts": ["admin.example.com"] }, "require": "deny" }),
        json!({ "name": "below", "match": { "hosts": ["*.b.example.com:8443"], "path_prefix": "/admin" }, "require": "user" }),
        json!({ "name": "admin", "match": { "path_prefix": "/admin" }, "require": "deny" }),
        json!({ "name": "exact", "match": { "path": "/exact" }, "require": "user" }),
        json!({ "name": "own", "match": { "path_template": "/users/{user}/orders/**" },
            "require": { "claims": { "sub": { "path_variable": "user" } } } }),
        json!({ "name": "delete", "match": { "path_prefix": "/items", "methods": ["DELETE"] }, "require": "deny" }),
        json!({ "name": "read", "match": { "path_prefix": "/items", "methods": ["GET"] }, "require": "public" }),
        json!({ "name": "private", "match": { "path_template": "/group/{name}/private" }, "require": "user" }),
        json!({ "name": "report", "match": { "path_regex": "/reports/[0-9]{4}(/q[1-4])?" }, "require": "user" }),
        json!({ "name": "public", "match": { "path_prefix": "/public" }, "require": "public" }),
        json!({ "name": "inner", "match": { "path_template": "/t/{name}/exact" }, "require": "user" }),
    ];
    for number in 0..50 {
        rules.push(
            json!({ "match": { "path_prefix": format!("/many/{number}") }, "require": "user" }),
        );
    }
    rules.push(json!({ "name": "rest", "match": {}, "require": "public" }));
    let config = json!({
        "paths": paths,
        "providers": { "main": {
            "kind": "jwt", "issuer": "https://issuer", "audiences": ["a"],
            "jwks": { "uri": "https://issuer/jwks.json", "upstream": "idp" },
        } },
        "rules": rules,
    });
    let config = Config::parse(config.to_string().as_bytes()).expect("a good configuration");
    Policy::compile(&config, &Capabilities::envoy()).expect("a good policy")
}

/// What a request comes to: the rule's name and the variable that it depends on, or the reason of the refusal.
fn decision(
    policy: &Policy,
    pairs: &[(Vec<u8>, Vec<u8>)],
) -> Result<(String, Option<String>), &'static str> {
    let head = Headers::from_pairs(pairs);
    let head = policy.rewrite(&head).unwrap_or(head);
    match policy.find(&head) {
        Ok((rule, values)) => {
            let user = values.into_iter().find(|(name, _)| name == "user");
            Ok((
                rule.name.clone(),
                user.map(|(_, value)| value).filter(|_| rule.name == "own"),
            ))
        }
        Err(denial) => Err(denial.reason()),
    }
}

/// Other requests for which an upstream may take this one, each by a step that the documentation names.
fn readings(
    pairs: &[(Vec<u8>, Vec<u8>)],
    paths: &Value,
) -> Vec<(&'static str, Vec<(Vec<u8>, Vec<u8>)>)> {
    let mut all = Vec::new();
    let hides_a_slash = pairs[2]
        .1
        .windows(3)
        .any(|three| three.eq_ignore_ascii_case(b"%2f"));
    let mut add = |name: &'static str, place: usize, value: Vec<u8>| {
        // There the upstream decodes slashes before it does anything else.
        if place == 2 && hides_a_slash && paths["encoded_slashes"] == "same" {
            return;
        }
        let mut other = pairs.to_vec();
        other[place].1 = value;
        all.push((name, other));
    };
    let (method, target) = (&pairs[0].1, &pairs[2].1);
    let mark = target
        .iter()
        .position(|byte| *byte == b'?')
        .unwrap_or(target.len());
    let (path, query) = target.split_at(mark);
    let whole = |path: Vec<u8>| [path, query.to_vec()].concat();
    if path.windows(2).any(|two| two == b"//") {
        let mut merged = path.to_vec();
        merged.dedup_by(|next, before| *next == b'/' && *before == b'/');
        add("slashes merged", 2, whole(merged));
    }
    if path.starts_with(b"//") && paths["slashes"] != "merge" {
        let rest = path
            .iter()
            .position(|byte| *byte != b'/')
            .unwrap_or(path.len());
        let slash = path[rest..].iter().position(|byte| *byte == b'/');
        let behind = slash.map_or(b"/".to_vec(), |slash| path[rest + slash..].to_vec());
        add("behind an authority", 2, whole(behind));
    }
    if let Some(at) = path
        .windows(3)
        .position(|three| three.eq_ignore_ascii_case(b"%3f"))
    {
        let handed_on = [&path[..at], b"?", &path[at + 3..]].concat();
        add("handed on", 2, handed_on);
    }
    if path.contains(&b';') {
        let cut = path.split(|byte| *byte == b'/').map(|segment| {
            segment
                .split(|byte| *byte == b';')
                .next()
                .unwrap_or_default()
        });
        add(
            "without parameters",
            2,
            whole(cut.collect::<Vec<_>>().join(&b'/')),
        );
    }
    let same_rule = |key: &str| paths[key] == "same_rule";
    if same_rule("trailing_slash") && path.len() > 1 && path.ends_with(b"/") {
        add(
            "without the final slash",
            2,
            whole(path[..path.len() - 1].to_vec()),
        );
    }
    if same_rule("case") && !path.contains(&b'%') {
        add("in lower case", 2, whole(path.to_ascii_lowercase()));
    }
    if paths["backslash"] == "same_rule" && path.contains(&b'\\') {
        let slash = |byte: &u8| if *byte == b'\\' { b'/' } else { *byte };
        add("with slashes", 2, whole(path.iter().map(slash).collect()));
    }
    let rest = path.strip_prefix(b"/index.php");
    if let Some(rest) =
        rest.filter(|rest| paths["front_controllers"].is_array() && !rest.is_empty())
        && rest.starts_with(b"/")
    {
        add("behind the front controller", 2, whole(rest.to_vec()));
    }
    if paths["query_path"].is_array() {
        let query = query.strip_prefix(b"?").unwrap_or_default();
        let pairs = query.split(|byte| matches!(byte, b'&' | b';'));
        let plain = |value: &&[u8]| {
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'/';
            value.starts_with(b"/") && value.iter().all(is_plain)
        };
        for value in pairs
            .filter_map(|pair| pair.strip_prefix(b"q="))
            .filter(plain)
        {
            add("the path of a parameter", 2, value.to_vec());
        }
    }
    if method.iter().any(u8::is_ascii_lowercase) {
        add("the method in capitals", 0, method.to_ascii_uppercase());
    }
    for (name, value) in &pairs[3..] {
        match &name[..] {
            b"x-http-method-override"
                if !value.trim_ascii().is_empty() && !value.contains(&b',') =>
            {
                add(
                    "the method of a header",
                    0,
                    value.trim_ascii().to_ascii_uppercase(),
                );
            }
            b"x-original-url" | b"x-rewrite-url" if value.starts_with(b"/") => {
                add("the target of a header", 2, value.trim_ascii().to_vec());
            }
            _ => {}
        }
    }
    all
}

fuzz_target!(|request: Request| {
    let pairs = request.pairs();
    POLICIES.with(|policies| {
        for (paths, policy) in policies {
            check(paths, policy, &pairs);
        }
    });
});

fn check(paths: &Value, policy: &Policy, pairs: &[(Vec<u8>, Vec<u8>)]) {
    let decided = decision(policy, pairs);
    assert_eq!(decided, decision(policy, pairs), "{paths} {pairs:?}");
    let Ok((rule, user)) = decided else {
        return;
    };
    for (name, other) in readings(pairs, paths) {
        let (found, value) = match decision(policy, &other) {
            Ok(found) => found,
            Err(reason) => panic!("{rule}, but {name}: {reason}: {paths} {pairs:?}"),
        };
        assert_eq!(rule, found, "{name}: {paths} {pairs:?}");
        // Letters in variables are not looked at by their case.
        if name != "in lower case" {
            assert_eq!(user, value, "{name}: {paths} {pairs:?}");
        }
    }
}
