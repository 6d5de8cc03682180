//! Every configuration that the project shows compiles, and what it must refuse is refused with its place.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::BTreeMap;
use std::fs;

use auth_filter::capabilities::Capabilities;
use auth_filter::config::Config;
use auth_filter::policy::Policy;
use lab::tools::workspace;
use serde_json::Value;

fn read(path: &str) -> String {
    let path = workspace().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn compile(text: &str) -> Result<Policy, String> {
    let mut config = Config::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    config.stand_in_for_environment();
    Policy::compile(&config, &Capabilities::envoy()).map_err(|error| error.to_string())
}

/// The JSON files of `filter-config`, by name.
fn configurations() -> BTreeMap<String, String> {
    let folder = workspace().join("filter-config");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json") && name != "schema.json")
        .map(|name| {
            let text = read(&format!("filter-config/{name}"));
            (name, text)
        })
        .collect()
}

#[test]
fn each_configuration_compiles_without_a_warning() {
    let configurations = configurations();
    assert!(configurations.len() >= 8, "{:?}", configurations.keys());
    for (name, text) in configurations {
        let policy = compile(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let warnings: Vec<String> = policy.warnings.iter().map(ToString::to_string).collect();
        let expected: &[&str] = match name.as_str() {
            // The mode that refuses nothing is what this file shows.
            "shadow.json" => &["mode: \"shadow\""],
            // The directory of the demonstration has a secret that everybody knows.
            "quickstart.json" => &["directories.people.headers.authorization: whoever may see"],
            _ => &[],
        };
        let begins = |(warning, begin): (&String, &&str)| warning.starts_with(begin);
        assert!(
            warnings.len() == expected.len() && warnings.iter().zip(expected).all(begins),
            "{name}: {warnings:?}"
        );
        assert!(
            text.contains("\"tests\": ["),
            "{name} has no tests of its own"
        );
    }
}

#[test]
fn each_configuration_has_a_sentence_that_says_when_to_use_it() {
    let readme = read("filter-config/README.md");
    let listed: Vec<&str> = readme
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?
                .split_once("` | ")
                .map(|(name, _)| name)
        })
        .collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, configurations().keys().collect::<Vec<_>>());
}

#[test]
fn the_example_runs_the_quickstart() {
    let envoy: Value = serde_saphyr::from_str(&read("envoy-example/envoy.yaml")).unwrap();
    let filters =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    let filter = envoy.pointer(filters).unwrap().get(0).unwrap();
    let configuration = filter
        .pointer("/typed_config/config/configuration/value")
        .unwrap();
    let mut quickstart: Value =
        serde_json::from_str(&read("filter-config/quickstart.json")).unwrap();
    let members = quickstart.as_object_mut().unwrap();
    members.retain(|name, _| name != "tests" && name != "$schema");
    assert_eq!(*configuration, quickstart);
}

#[test]
fn each_configuration_in_the_documents_compiles() {
    let mut count = 0;
    for document in [
        "README.md",
        "envoy-example/README.md",
        "crates/directory/README.md",
        "filter-config/README.md",
        "filter-config/decisions.md",
        "filter-config/directories.md",
        "filter-config/issuers.md",
        "filter-config/proof-of-possession.md",
        "filter-config/rules.md",
    ] {
        let text = read(document);
        for block in text.split("```json\n").skip(1) {
            let (block, _) = block.split_once("```").unwrap();
            let policy =
                compile(block).unwrap_or_else(|error| panic!("{document}: {error}\n{block}"));
            assert!(
                policy.warnings.is_empty(),
                "{document}: {:?}",
                policy.warnings
            );
            count += 1;
        }
    }
    assert!(count > 0);
}

/// The page shows what is tested, and all of it.
#[test]
fn each_configuration_for_an_issuer_is_that_of_a_tested_one() {
    let page = read("filter-config/issuers.md");
    let shown = page.split("```json\n").skip(1);
    let shown = shown.map(|rest| rest.split_once("```").unwrap().0);
    let mut shown: Vec<String> = shown.map(str::to_owned).collect();
    let folder = workspace().join("tests/issuers");
    let folders = fs::read_dir(folder).unwrap();
    let tested = folders.map(|entry| entry.unwrap().path().join("filter.json"));
    let tested = tested.filter(|path| path.is_file());
    let mut tested: Vec<String> = tested
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    shown.sort_unstable();
    tested.sort_unstable();
    assert_eq!(shown, tested);
}

#[test]
fn each_preset_is_in_the_lists() {
    let schema: Value = serde_json::from_str(&read("filter-config/schema.json")).unwrap();
    let presets = schema["$defs"]["Preset"]["oneOf"].as_array().unwrap();
    let (readme, page) = (read("README.md"), read("filter-config/issuers.md"));
    for preset in presets {
        let word = format!("`{}`", preset["const"].as_str().unwrap());
        let listed = readme.lines().find(|line| line.starts_with("| `preset` "));
        assert!(listed.unwrap().contains(&word), "README.md: {word}");
        let rows = page.lines().filter(|line| line.starts_with("| ["));
        let rows: Vec<&str> = rows.collect();
        let row = rows.iter().any(|row| row.contains(&word));
        assert!(row, "issuers.md: {word}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let good: Value = serde_json::from_str(&read("filter-config/jwt.json")).unwrap();
    // The place to change, the text that goes there, and the whole error.
    let cases = [
        (
            "/mode",
            "\"enforc\"",
            "mode: unknown variant \"enforc\", expected one of ",
        ),
        (
            "/providers/issuer/audience",
            "[\"a\"]",
            "providers.issuer.audience: unknown key; known: kind, preset, issuer, audiences, machine, ",
        ),
        (
            "/providers/issuer/audiences",
            "[]",
            "providers.issuer.audiences: is empty or has an empty value; leave the key out or fill it",
        ),
        (
            "/providers/issuer/algorithms",
            "[\"ES265\"]",
            "providers.issuer.algorithms[0]: \"ES265\" is not an algorithm; known: ",
        ),
        (
            "/providers/issuer/jwks/cache_duration",
            "\"20 min\"",
            "providers.issuer.jwks.cache_duration: ",
        ),
        (
            "/providers/issuer/jwks/refresh_ahead",
            "1.5",
            "providers.issuer.jwks.refresh_ahead: is a share of cache_duration above 0, and 1 at the most",
        ),
        (
            "/providers/issuer/jwks/uri",
            "\"issuer.example/jwks\"",
            "providers.issuer.jwks.uri: \"issuer.example/jwks\" is not an http or https URI",
        ),
        (
            "/providers/issuer/jwks/pinned_thumbprints",
            "[\"abc\"]",
            "providers.issuer.jwks.pinned_thumbprints[0]: \"abc\" is not a SHA-256 thumbprint",
        ),
        (
            "/providers/issuer/jwks/max_keys",
            "0",
            "providers.issuer.jwks.max_keys: is between 1 and 1024",
        ),
        (
            "/providers/issuer/jwks/max_keys",
            "1025",
            "providers.issuer.jwks.max_keys: is between 1 and 1024",
        ),
        (
            "/providers/issuer/jwks/max_keys",
            "-1",
            "providers.issuer.jwks.max_keys: ",
        ),
        (
            "/providers/issuer/jwks/max_bytes",
            "0",
            "providers.issuer.jwks.max_bytes: is between 1 and 1048576",
        ),
        (
            "/providers/issuer/jwks/max_bytes",
            "1048577",
            "providers.issuer.jwks.max_bytes: is between 1 and 1048576",
        ),
        (
            "/providers/issuer/jwks/max_bytes",
            "\"1MiB\"",
            "providers.issuer.jwks.max_bytes: ",
        ),
        (
            "/providers/issuer/from_cookies",
            "[\"a b\"]",
            "providers.issuer.from_cookies[0]: \"a b\" is not the name of a cookie",
        ),
        (
            "/providers/issuer/from_cookies",
            "[{\"name\": \"a\", \"value_prefix\": \"a b \"}]",
            "providers.issuer.from_cookies[0].value_prefix: \"a b \" cannot stand before a token",
        ),
        (
            "/providers/issuer/from_params",
            "[{\"nme\": \"a\"}]",
            "providers.issuer.from_params[0].nme: unknown key; known: name, value_prefix; did you mean \"name\"?",
        ),
        (
            "/providers/issuer/from_params",
            "[7]",
            "providers.issuer.from_params[0]: ",
        ),
        (
            "/providers/issuer/from_headers",
            "[]",
            "providers.issuer.from_headers: no token location left",
        ),
        (
            "/providers/issuer/padded",
            "true",
            "providers.issuer.padded: load balancers of all accounts share their keys: name yours",
        ),
        (
            "/providers/issuer/required_header",
            "{\"signer\": {\"any_of\": []}}",
            "providers.issuer.required_header.signer",
        ),
        (
            "/providers/issuer/foreign",
            "\"forward\"",
            "providers.issuer.foreign: is about tokens in a header beside a cookie that holds",
        ),
        (
            "/providers/issuer/foreign",
            "\"keep\"",
            "providers.issuer.foreign: unknown variant \"keep\"",
        ),
        (
            "/providers/issuer/from_headers",
            "[{\"name\": \"x-token\"}, {\"name\": \"X-Token\"}]",
            "providers.issuer.from_headers[1]: is listed twice",
        ),
        (
            "/providers/issuer/required_claims",
            "{\"hd\": {\"any_of\": [\"a\"], \"prefix\": \"a\"}}",
            "providers.issuer.required_claims.hd: takes a value, or exactly one of any_of, contains, prefix, present",
        ),
        (
            "/providers/issuer/region",
            "\"us-east-1\"",
            "providers.issuer.region: belongs to providers of kind \"cognito\"; this one is of kind \"jwt\"",
        ),
        (
            "/providers/issuer/groups",
            "[{\"claim\": \"a\", \"static\": [\"b\"]}]",
            "providers.issuer.groups[0]: takes exactly one of claim, directory, from_groups, static",
        ),
        (
            "/rules/0/require",
            "{\"provider\": \"isuer\"}",
            "rules[0].require.provider: \"isuer\" is not a provider; known: issuer",
        ),
        (
            "/rules/0/require",
            "{\"any\": []}",
            "rules[0].require.any: an empty list",
        ),
        (
            "/rules/0/match/path_prefix",
            "\"orders\"",
            "rules[0].match.path_prefix: \"orders\" is not a path",
        ),
        ("/rules/0/match", "{}", "rules[1]: "),
        (
            "/rules/0/match",
            "{\"path\": \"/a\", \"path_regex\": \"/b\"}",
            "rules[0].match: takes one of path, path_prefix, path_template and path_regex",
        ),
        (
            "/rules/0/match",
            "{\"path_template\": \"/a/b\"}",
            "rules[0].match.path_template: has no variable and no **; write path or path_prefix",
        ),
        (
            "/rules/0/match",
            "{\"path_template\": \"/a/{x}.json\"}",
            "rules[0].match.path_template: a variable is a whole segment",
        ),
        (
            "/rules/0/match",
            "{\"path_regex\": \"/a(\"}",
            "rules[0].match.path_regex: is not an expression: ",
        ),
        (
            "/rules/0/match",
            "{\"path_regex\": \"/x/(?:[a-z]{1,60}/?){1,60}\"}",
            "rules[0].match.path_regex: takes too long for long paths: its counts multiply to ",
        ),
        (
            "/rules",
            "[{\"match\": {\"path_regex\": \"/a{900}\"}, \"require\": \"user\"}, {\"match\": {\"path_regex\": \"/b{900}\"}, \"require\": \"user\"}, \
              {\"match\": {\"path_regex\": \"/c{900}\"}, \"require\": \"user\"}, {\"match\": {\"path_regex\": \"/d{900}\"}, \"require\": \"user\"}, \
              {\"match\": {\"path_regex\": \"/e{900}\"}, \"require\": \"user\"}]",
            "rules[4].match.path_regex: takes too long for long paths together with those before it: ",
        ),
        (
            "/rules/0/match",
            "{\"path\": \"/a\", \"headers\": {\"x env\": \"a\"}}",
            "rules[0].match.headers.x env: \"x env\" is not a header name",
        ),
        (
            "/rules/0/match",
            "{\"path\": \"/a\", \"headers\": {\"x-env\": {\"contains\": \"a\"}}}",
            "rules[0].match.headers.x-env: takes a string, or exactly one of any_of, prefix, present",
        ),
        (
            "/rules/0/require",
            "{\"claims\": {\"sub\": {\"path_variable\": \"user\"}}}",
            "rules[0].require.claims.sub.path_variable: \"user\" is not a variable of the rule's path_template; known: none",
        ),
        (
            "/upstream_headers/profile",
            "{\"X-Auth-Groups\": \"team\"}",
            "upstream_headers.profile.X-Auth-Groups: another entry sets this header",
        ),
        (
            "/upstream_headers/profile",
            "{\"x-team\": \"/a~\"}",
            "upstream_headers.profile.x-team: in a JSON pointer `~` must be written `~0`",
        ),
        (
            "/rules/0/match",
            "[]",
            "rules[0].match: invalid type: sequence, expected an object",
        ),
        (
            "/upstream_headers/claims/authorization",
            "\"a\"",
            "upstream_headers.claims.authorization: \"authorization\" is the request's own header",
        ),
        (
            "/client_address",
            "\"prxy\"",
            "client_address: \"prxy\" is not known; known: none, proxy, {\"filter_state\": \"...\"}; did you mean \"proxy\"?",
        ),
        (
            "/client_address",
            "true",
            "client_address: invalid type: boolean \"true\", expected \"proxy\", \"none\" or {\"filter_state\": \"...\"}",
        ),
        (
            "/client_address",
            "{\"filter_state\": \"\"}",
            "client_address.filter_state: a name in the filter state is not empty",
        ),
        (
            "/client_address",
            "{\"filter_state\": \"a\\u0000b\"}",
            "client_address.filter_state: a name in the filter state is not empty and has no control character",
        ),
        (
            "/client_address",
            "{\"filterstate\": \"a\"}",
            "client_address.filterstate: unknown key; known: filter_state",
        ),
        (
            "/limits",
            "{\"hash_time\": \"0ms\"}",
            "limits.hash_time: without time for hashes no password opens; the least is 1ms",
        ),
        (
            "/limits",
            "{\"hold\": \"0s\"}",
            "limits.hold: a request must be allowed to wait; the least is 1ms",
        ),
        (
            "/limits",
            "{\"signature_time\": \"0s\"}",
            "limits.signature_time: without time for signatures nobody new gets in; the least is 1ms",
        ),
        (
            "/limits",
            "{\"proof_time\": \"0ms\"}",
            "limits.proof_time: without time for signatures nobody new gets in; the least is 1ms",
        ),
        (
            "/limits",
            "{\"bad_signatures\": 200}",
            "limits.bad_signatures: this key is gone, as bad signatures are limited by the time that they take: use `signature_time`, such as \"500ms\"",
        ),
    ];
    let mut wrong = Vec::new();
    for (place, value, want) in cases {
        let mut config = good.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        let parent = config.pointer_mut(parent).unwrap();
        parent[key] = serde_json::from_str(value).unwrap();
        let error = compile(&config.to_string()).expect_err(place);
        if !error.starts_with(want) {
            wrong.push(format!("{place}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let key = r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#;
    let inline = read("filter-config/inline-keys.json")
        .replace("\"keys\": [", &format!("\"keys\": [{key},"));
    let error = compile(&inline).unwrap_err();
    assert!(
        error.starts_with("providers.batch.jwks.inline.keys[0]: "),
        "{error}"
    );
    let small: Value = serde_json::from_str(&read("filter-config/inline-keys.json")).unwrap();
    let jwks = &small["providers"]["batch"]["jwks"];
    for (key, limit, want) in [
        (
            "max_keys",
            1,
            "the key set has 2 keys, more than the 1 of jwks.max_keys",
        ),
        (
            "max_bytes",
            100,
            "the key set has more than 100 bytes, the limit of jwks.max_bytes",
        ),
    ] {
        let mut jwks = jwks.clone();
        let keys = jwks["inline"]["keys"].as_array_mut().unwrap();
        keys.push(keys[0].clone());
        jwks[key] = limit.into();
        let mut config = small.clone();
        config["providers"]["batch"]["jwks"] = jwks;
        let error = compile(&config.to_string()).unwrap_err();
        let want = format!("providers.batch.jwks.inline: {want}");
        assert!(error.starts_with(&want), "{error}");
    }
    let twice = r#"{"rules": [], "providers": {"a": {"kind": "jwt"}, "a": {"kind": "jwt"}}}"#;
    let error = compile(twice).unwrap_err();
    assert!(
        error.starts_with("providers: duplicate member \"a\""),
        "{error}"
    );
}

/// A configuration with these providers and directories, whose one rule is this; the first rows compile.
fn compiled(providers: &str, directories: &str, rule: &str) -> Result<Policy, String> {
    compile(&format!(
        r#"{{"providers": {{{providers}}}, "directories": {{{directories}}}, "rules": [{{"match": {{}}, {rule}}}]}}"#
    ))
}

#[test]
fn each_kind_of_provider_asks_for_what_it_needs() {
    const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let user = r#""require": "user""#;
    let people = r#""people": {"uri": "http://people/{subject}", "timeout": "500ms"}"#;
    let pool = r#""identity_pool": {"id": "eu-west-1:abc"}"#;
    let cognito = r#""kind": "cognito", "region": "us-east-1", "user_pool_id": "us-east-1_x", "client_ids": ["app"]"#;
    let digest = format!("sha256:{HASH}");
    type Row = (String, &'static str, &'static str, &'static str);
    let good: Vec<(String, &str, &str)> = vec![
        (format!(r#""a": {{"kind": "basic", "users": {{"alice": {{"password_hash": "{HASH}"}}}}}}"#), "", user),
        (r#""a": {"kind": "basic", "verify": {"uri": "http://v/"}, "throttle": {"attempts": 3, "per": "10s"}}"#.into(), "", user),
        (r#""a": {"kind": "basic", "users": {"alice": {"password_hash": "$2b$11$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict."}}}"#.into(), "", user),
        (r#""a": {"kind": "basic", "slow": true, "users": {"alice": {"password_hash": "$2b$12$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict."}}}"#.into(), "", user),
        (format!(r#""a": {{"kind": "api_key", "keys": {{"acme": {{"digest": "{digest}", "expires_at": "2030-01-01T00:00:00Z"}}}}}}"#), "", user),
        (r#""a": {"kind": "http", "verify": {"uri": "https://v/check"}, "from_cookies": ["sid"]}"#.into(), "", user),
        (r#""a": {"kind": "http", "verify": {"uri": "https://v/check"}, "from_cookies": ["sid"], "csrf": {"origins": ["https://app.example", "HTTP://other.example:80"]}}"#.into(), "", user),
        (format!(r#""a": {{"kind": "basic", "csrf": "off", "users": {{"alice": {{"password_hash": "{HASH}"}}}}}}"#), "", user),
        (r#""a": {"kind": "http", "verify": {"uri": "https://v/check", "headers": {"Authorization": "Bearer x y"}}}"#.into(), "", user),
        (r#""a": {"kind": "introspection", "introspection": {"uri": "https://as/introspect", "client_id": "f", "client_secret": "s"}}"#.into(), "", user),
        (r#""a": {"kind": "entra_id", "tenant_id": "72f988bf-86f1-41af-91ab-2d7cd011db47", "audiences": ["api://orders"]}"#.into(), "", user),
        (r#""a": {"kind": "entra_id", "tenants": ["t1", "t2"], "authority": "login.microsoftonline.us", "groups_overage": {"directory": "people"}}"#.into(), people, user),
        (format!(r#""a": {{{cognito}, "token_use": ["access", "id"], {pool}}}"#), "", r#""require": "user", "aws_credentials": true"#),
        (format!(r#""a": {{{cognito}, "token_use": ["id"], {pool}}}"#), "", r#""require": "user", "aws_sigv4": {"service": "s3", "region": "eu-west-1", "host": "b.s3.amazonaws.com"}"#),
    ];
    let good = good.into_iter().chain([
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"mtls": {}}}"#.into(), "", user),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {"algorithms": ["ES512"], "lifetime": "10m", "origins": ["HTTPS://API.example:443"]}, "mtls": {}}}"#.into(), "", user),
    ]);
    for (providers, directories, rule) in good {
        if let Err(error) = compiled(&providers, directories, rule) {
            panic!("{providers}: {error}");
        }
    }
    let rows: Vec<Row> = vec![
        (r#""a": {"kind": "basic"}"#.into(), "", user, "providers.a: takes one of users and verify"),
        (r#""a": {"kind": "basic", "users": {}}"#.into(), "", user, "providers.a: takes one of users and verify"),
        (r#""a": {"kind": "basic", "users": {"a:b": {"password_hash": "x"}}}"#.into(), "", user, "providers.a.users.a:b: a user's name is not empty and has no colon"),
        (r#""a": {"kind": "basic", "users": {"alice": {"password_hash": "secret"}}}"#.into(), "", user, "providers.a.users.alice.password_hash: is not a password hash"),
        (r#""a": {"kind": "basic", "users": {"alice": {"password_hash": "{SHA}x"}}}"#.into(), "", user, "providers.a.users.alice.password_hash: htpasswd's {SHA}"),
        (format!(r#""a": {{"kind": "basic", "realm": "a\"b", "users": {{"alice": {{"password_hash": "{HASH}"}}}}}}"#), "", user, "providers.a.realm: a realm is printable ASCII"),
        (format!(r#""a": {{"kind": "basic", "throttle": {{"attempts": 0}}, "users": {{"alice": {{"password_hash": "{HASH}"}}}}}}"#), "", user, "providers.a.throttle: lets nobody in"),
        (r#""a": {"kind": "basic", "users": {"alice": {"password_hash": "$2b$12$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict."}}}"#.into(), "", user, "providers.a.users.alice.password_hash: blocks a worker of the proxy"),
        (r#""a": {"kind": "basic", "slow": true, "users": {"alice": {"password_hash": "$2b$13$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict."}}}"#.into(), "", user, "providers.a.users.alice.password_hash: costs too much for a proxy's worker: the cost is 13, and 12 at the most"),
        (r#""a": {"kind": "api_key", "slow": true, "verify": {"uri": "http://v/"}}"#.into(), "", user, "providers.a.slow: belongs to providers of kind \"basic\""),
        (format!(r#""a": {{"kind": "basic", "from_cookies": ["x"], "users": {{"alice": {{"password_hash": "{HASH}"}}}}}}"#), "", user, "providers.a.from_cookies: belongs to providers of kind \"api_key\", "),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "csrf": "off"}"#.into(), "", user, "providers.a.csrf: is about what browsers send by themselves"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "from_cookies": ["s"], "csrf": "of"}"#.into(), "", user, "providers.a.csrf: \"of\" is not known; known: enforce, off, {\"origins\": [\"...\"]}; did you mean \"off\"?"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "from_cookies": ["s"], "csrf": {"origin": []}}"#.into(), "", user, "providers.a.csrf.origin: unknown key; known: origins"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "from_cookies": ["s"], "csrf": {"origins": []}}"#.into(), "", user, "providers.a.csrf.origins: is empty"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "from_cookies": ["s"], "csrf": {"origins": ["app.example"]}}"#.into(), "", user, "providers.a.csrf.origins[0]: \"app.example\" is not an origin"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "from_cookies": ["s"], "csrf": {"origins": ["https://app.example/x"]}}"#.into(), "", user, "providers.a.csrf.origins[0]: \"https://app.example/x\" is not an origin"),
        (r#""a": {"kind": "api_key"}"#.into(), "", user, "providers.a: takes one of keys and verify"),
        (r#""a": {"kind": "api_key", "keys": {"acme": {"digest": "ak_secret"}}}"#.into(), "", user, "providers.a.keys.acme.digest: is not \"sha256:\" and 64 hexadecimal digits"),
        (format!(r#""a": {{"kind": "api_key", "keys": {{"acme": {{"digest": "{digest}", "expires_at": "tomorrow"}}}}}}"#), "", user, "providers.a.keys.acme.expires_at: \"tomorrow\" is not a time"),
        (format!(r#""a": {{"kind": "api_key", "keys": {{"acme": {{"digest": "{digest}"}}, "b": {{"digest": "{digest}"}}}}}}"#), "", user, "providers.a.keys.b.digest: another owner has the same key"),
        (r#""a": {"kind": "http"}"#.into(), "", user, "providers.a.verify: this key is missing"),
        (r#""a": {"kind": "http", "verify": {"uri": "v"}}"#.into(), "", user, "providers.a.verify.uri: \"v\" is not an http or https URI"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v", "timeout": "0s"}}"#.into(), "", user, "providers.a.verify.timeout: is at least 1ms"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v", "headers": {"x y": "hush"}}}"#.into(), "", user, "providers.a.verify.headers.x y: is not a header's name"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v", "headers": {":path": "hush"}}}"#.into(), "", user, "providers.a.verify.headers.:path: is not a header's name"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v", "headers": {"Host": "hush"}}}"#.into(), "", user, "providers.a.verify.headers.Host: this header is the filter's or the host's own"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v", "headers": {"x-a": "hush", "X-A": "b"}}}"#.into(), "", user, "providers.a.verify.headers.X-A: this header is listed twice"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v", "headers": {"x-a": "hush\r\nx-b: c"}}}"#.into(), "", user, "providers.a.verify.headers.x-a: is not a header's value"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v", "headers": {"x-a": ""}}}"#.into(), "", user, "providers.a.verify.headers.x-a: is not a header's value"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v", "headers": {"x-a": " hush"}}}"#.into(), "", user, "providers.a.verify.headers.x-a: is not a header's value"),
        (String::new(), r#""d": {"uri": "http://d/{subject}", "headers": {"te": "hush"}}"#, r#""require": "public""#, "directories.d.headers.te: this header"),
        (r#""a": {"kind": "introspection"}"#.into(), "", user, "providers.a.introspection: this key is missing"),
        (r#""a": {"kind": "introspection", "introspection": {"uri": "https://as/", "client_id": "f", "client_secret": ""}}"#.into(), "", user, "providers.a.introspection: the endpoint must be protected"),
        (r#""a": {"kind": "entra_id"}"#.into(), "", user, "providers.a.tenant_id: this key is missing"),
        (r#""a": {"kind": "entra_id", "tenant_id": "common"}"#.into(), "", user, "providers.a.tenant_id: \"common\" stands for tenants that anybody can make"),
        (r#""a": {"kind": "entra_id", "tenants": ["t", "organizations"]}"#.into(), "", user, "providers.a.tenants[1]: \"organizations\" stands for"),
        (r#""a": {"kind": "entra_id", "tenant_id": "t", "tenants": ["u"]}"#.into(), "", user, "providers.a: takes one of tenant_id and tenants"),
        (r#""a": {"kind": "entra_id", "tenant_id": "t", "authority": "https://x/"}"#.into(), "", user, "providers.a.authority: \"https://x/\" is not a host"),
        (r#""a": {"kind": "entra_id", "tenant_id": "t", "groups_overage": {"directory": "peple"}}"#.into(), people, user, "providers.a.groups_overage.directory: \"peple\" is not a directory; known: people"),
        (r#""a": {"kind": "entra_id", "tenant_id": "t", "groups_overage": "allow"}"#.into(), "", user, "providers.a.groups_overage: \"allow\" is not known"),
        (r#""a": {"kind": "jwt", "preset": "keycloak", "audiences": ["x"]}"#.into(), "", user, "providers.a.issuer: this key is missing: the preset does not say it"),
        (r#""a": {"kind": "jwt", "preset": "keyclock"}"#.into(), "", user, "providers.a.preset: unknown variant \"keyclock\""),
        (r#""a": {"kind": "jwt", "preset": "adfs"}"#.into(), "", user, "providers.a.issuer: this key is missing: the preset does not say it"),
        (r#""a": {"kind": "jwt", "preset": "entra_b2c", "issuer": "https://t.b2clogin.com/id/v2.0/"}"#.into(), "", user, "providers.a.jwks.uri: this key is missing: the issuer does not say which user flow's keys are meant"),
        (r#""a": {"kind": "jwt", "preset": "kubernetes", "issuer": ["https://a", "https://b"]}"#.into(), "", user, "providers.a.jwks.discovery: finds the keys of one issuer; give each issuer a provider"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {}}"#.into(), "", user, "providers.a.proof_of_possession: takes one of dpop and mtls"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {"lifetime": "900ms"}}}"#.into(), "", user, "providers.a.proof_of_possession.dpop.lifetime: is between 1s and 10m"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {"lifetime": "11m"}}}"#.into(), "", user, "providers.a.proof_of_possession.dpop.lifetime: is between 1s and 10m"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {"algorithms": []}}}"#.into(), "", user, "providers.a.proof_of_possession.dpop.algorithms: an empty list"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {"algorithms": ["ES257"]}}}"#.into(), "", user, "providers.a.proof_of_possession.dpop.algorithms[0]: \"ES257\" is not an algorithm"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {"algorithms": ["ES256", "HS256"]}}}"#.into(), "", user, "providers.a.proof_of_possession.dpop.algorithms: a proof is signed with a private key"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {"origins": []}}}"#.into(), "", user, "providers.a.proof_of_possession.dpop.origins: is empty"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {"origins": ["https://a/b"]}}}"#.into(), "", user, "providers.a.proof_of_possession.dpop.origins[0]: \"https://a/b\" is not an origin"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {"origins": ["a"]}}}"#.into(), "", user, "providers.a.proof_of_possession.dpop.origins[0]: \"a\" is not an origin"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {"orgins": ["a"]}}}"#.into(), "", user, "providers.a.proof_of_possession.dpop.orgins: unknown key; known: required, algorithms, lifetime, origins"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "proof_of_possession": {"dpop": {}}, "from_headers": [], "from_cookies": ["s"]}"#.into(), "", user, "providers.a.proof_of_possession.dpop: needs a header in which tokens stand behind"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "proof_of_possession": {"mtls": {}}}"#.into(), "", user, "providers.a.proof_of_possession: belongs to providers of kind \"cognito\", "),
        (r#""a": {"kind": "jwt", "machine": {}, "jwks": {"uri": "http://k"}}"#.into(), "", user, "providers.a.machine: without a test"),
        (r#""a": {"kind": "jwt", "jwks": {"uri": "http://k"}, "scopes": [{"directory": "people"}]}"#.into(), people, user, "providers.a.scopes[0].directory: scopes are the token's"),
        (format!(r#""a": {{{cognito}, {pool}}}"#), "", user, "providers.a.token_use: an identity pool takes ID tokens"),
        (format!(r#""a": {{{cognito}, "token_use": ["id"], "identity_pool": {{"id": "abc"}}}}"#), "", user, "providers.a.identity_pool.id: \"abc\" is not the id of an identity pool"),
        (format!(r#""a": {{{cognito}}}"#), "", r#""require": "user", "aws_credentials": true"#, "rules[0].aws_credentials: a has no identity_pool"),
        (format!(r#""a": {{{cognito}, "token_use": ["id"], {pool}}}"#), "", r#""require": "public", "aws_credentials": true"#, "rules[0].aws_credentials: nobody has no identity_pool"),
        (format!(r#""a": {{{cognito}, "token_use": ["id"], {pool}}}"#), "", r#""require": "user", "aws_sigv4": {"service": "S3!", "region": "r"}"#, "rules[0].aws_sigv4.service: \"S3!\" is not a name of lower-case letters"),
        (String::new(), r#""d": {"uri": "http://{subject}/x"}"#, r#""require": "public""#, "directories.d.uri: a caller must not choose the host"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}}"#.into(), "", r#""require": {"decision": "pdp"}"#, "rules[0].require.decision: \"pdp\" is not a decision point; known: none"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}}"#.into(), "", r#""require": {"not": "user"}"#, "rules[0].require: holds for nobody; write \"deny\""),
        (String::new(), r#""d": {"uri": "http://d/", "response": {}}"#, r#""require": "public""#, "directories.d.response: names nothing"),
        (String::new(), r#""d": {"uri": "http://d/", "response": {"groups": "data"}}"#, r#""require": "public""#, "directories.d.response.groups: \"data\" is not a JSON Pointer"),
        (String::new(), r#""d": {"uri": "http://d/", "response": {"groups": {"list": "/a", "item": "b"}}}"#, r#""require": "public""#, "directories.d.response.groups.item: \"b\" is not a JSON Pointer"),
        (String::new(), r#""d": {"uri": "http://d/", "response": {"groups": {"list": "/a"}}}"#, r#""require": "public""#, "directories.d.response.groups.item: this key is missing"),
        (String::new(), r#""d": {"uri": "http://d/", "response": {"profile": {}}}"#, r#""require": "public""#, "directories.d.response.profile: an empty object reads nothing"),
        (String::new(), r#""d": {"uri": "http://d/", "response": {"profile": {"a": "/~"}}}"#, r#""require": "public""#, "directories.d.response.profile.a: \"/~\" is not a JSON Pointer"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "roles": [{"directory": "d"}]}"#.into(), r#""d": {"uri": "http://d/", "response": {"groups": "/a"}}"#, user, "providers.a.roles[0].directory: directories.d.response says nothing of roles"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "profile": [{"directory": "d"}]}"#.into(), r#""d": {"uri": "http://d/", "response": {"groups": "/a"}}"#, user, "providers.a.profile[0].directory: directories.d.response says nothing of profile"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "profile": []}"#.into(), people, user, "providers.a.profile: an empty list gives nothing"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}, "profile": [{"directory": "peple"}]}"#.into(), people, user, "providers.a.profile[0].directory: \"peple\" is not a directory; known: people; did you mean \"people\"?"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}}"#.into(), "", r#""require": "user", "resolve": ["profile"]"#, "rules[0].resolve[0]: no provider whose callers the rule takes says where it comes from"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}}"#.into(), "", r#""require": "user", "resolve": ["groups", "groups"]"#, "rules[0].resolve[1]: is listed twice"),
        (r#""a": {"kind": "http", "verify": {"uri": "http://v"}}"#.into(), "", r#""require": "user", "resolve": ["scopes"]"#, "rules[0].resolve[0]: unknown variant \"scopes\""),
        (String::new(), "", r#""require": "public", "resolve": ["groups"]"#, "rules[0].resolve[0]: no provider whose callers"),
        (String::new(), r#""d": {"uri": "http://d/{sub}"}"#, r#""require": "public""#, "directories.d.uri: an unknown placeholder; known: {subject}, {name}, {provider}"),
        (String::new(), r#""d": {"uri": "http://d/{subject}", "on_error": "allow"}"#, r#""require": "public""#, "directories.d.on_error: unknown variant \"allow\""),
    ];
    let mut wrong = Vec::new();
    for (providers, directories, rule, want) in rows {
        let error = compiled(&providers, directories, rule).expect_err(want);
        if !error.starts_with(want) || error.contains("hush") {
            wrong.push(format!("want: {want}\n said: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_configuration_passes_its_own_tests_or_is_refused() {
    let policy = |tests: &str| {
        let text = format!(
            r#"{{
                "providers": {{
                    "users": {{"kind": "jwt", "issuer": "https://i", "audiences": ["a"], "jwks": {{"uri": "https://i/k"}},
                        "groups": [{{"claim": "groups"}}], "permissions": [{{"directory": "people"}}]}},
                    "ops": {{"kind": "http", "verify": {{"uri": "http://v/"}}}}
                }},
                "directories": {{"people": {{"uri": "http://people/{{subject}}"}}}},
                "decisions": {{"pdp": {{"protocol": "opa", "uri": "http://opa/"}}}},
                "rules": [
                    {{"name": "open", "match": {{"path": "/"}}, "require": "public"}},
                    {{"name": "own", "match": {{"path_template": "/users/{{user}}"}}, "require": {{"claims": {{"sub": {{"path_variable": "user"}}}}}}}},
                    {{"name": "admin", "match": {{"path_prefix": "/admin", "methods": ["POST"]}}, "require": {{"provider": "users", "permissions": ["user.create"]}}}},
                    {{"name": "reports", "match": {{"path_prefix": "/reports", "hosts": ["r.example"], "headers": {{"x-env": "prod"}}}}, "require": {{"decision": "pdp"}}}}
                ],
                "tests": [{tests}]
            }}"#
        );
        compile(&text).map(drop)
    };
    let good = [
        r#"{"name": "t", "request": {"path": "/?x=1"}, "anonymous": true, "expect": "allow"}"#,
        r#"{"name": "t", "request": {"path": "/"}, "anonymous": true, "expect": {"rule": "open"}}"#,
        r#"{"name": "t", "request": {"path": "/users/a"}, "provider": "users", "claims": {"sub": "a"}, "expect": {"status": 200, "rule": "own"}}"#,
        r#"{"name": "t", "request": {"path": "/users/b"}, "provider": "users", "claims": {"sub": "a"}, "expect": {"status": 403, "rule": "own"}}"#,
        r#"{"name": "t", "request": {"path": "/users/a"}, "anonymous": true, "expect": {"status": 401}}"#,
        r#"{"name": "t", "request": {"path": "/admin/x", "method": "POST"}, "provider": "users", "claims": {"sub": "a"}, "directory": {"permissions": ["user.create"]}, "expect": "allow"}"#,
        r#"{"name": "t", "request": {"path": "/admin/x", "method": "POST"}, "provider": "users", "claims": {"sub": "a"}, "expect": {"status": 403, "rule": "admin"}}"#,
        r#"{"name": "t", "request": {"path": "/admin/x", "method": "POST"}, "provider": "ops", "claims": {"sub": "a"}, "expect": {"status": 401, "rule": "admin"}}"#,
        r#"{"name": "t", "request": {"path": "/admin/x"}, "anonymous": true, "expect": {"status": 403}}"#,
        r#"{"name": "t", "request": {"path": "/a%5cb"}, "anonymous": true, "expect": {"status": 400}}"#,
        r#"{"name": "t", "request": {"path": "/reports/1", "host": "r.example:80", "headers": {"X-Env": "prod"}}, "provider": "ops", "claims": {"sub": "a"}, "decision": true, "expect": "allow"}"#,
        r#"{"name": "t", "request": {"path": "/reports/1", "host": "r.example", "headers": {"X-Env": "prod"}}, "provider": "ops", "claims": {"sub": "a"}, "decision": false, "expect": {"status": 403}}"#,
    ];
    policy(&good.join(",")).unwrap();
    // A password of a browser's, and what another site's page makes of it.
    for (headers, expect) in [
        (r#"{"sec-fetch-site": "same-origin"}"#, r#""allow""#),
        ("{}", r#""allow""#),
        (
            r#"{"origin": "https://evil.example"}"#,
            r#"{"status": 403, "rule": "cash"}"#,
        ),
        (r#"{"sec-fetch-site": "cross-site"}"#, r#"{"status": 403}"#),
    ] {
        let text = format!(
            r#"{{"providers": {{"ops": {{"kind": "basic", "verify": {{"uri": "http://v/"}}}}}},
                "rules": [{{"name": "cash", "match": {{}}, "require": "user"}}],
                "tests": [{{"name": "t", "request": {{"path": "/", "method": "POST", "headers": {headers}}}, "claims": {{"sub": "a"}}, "expect": {expect}}}]}}"#
        );
        compile(&text).map(drop).unwrap();
    }
    for (test, want) in [
        (
            r#"{"name": "bob reads alice", "request": {"path": "/users/a"}, "provider": "users", "claims": {"sub": "b"}, "expect": "allow"}"#,
            "tests[0]: \"bob reads alice\" fails: it is refused with 403 (forbidden) by own, and the test expects that it is allowed",
        ),
        (
            r#"{"name": "t", "request": {"path": "/"}, "anonymous": true, "expect": {"status": 403, "rule": "admin"}}"#,
            "tests[0]: \"t\" fails: it is allowed by open, and the test expects that admin refuses it with 403",
        ),
        (
            r#"{"name": "t", "request": {"path": "/nowhere"}, "anonymous": true, "expect": {"status": 401}}"#,
            "tests[0]: \"t\" fails: it is refused with 403 (no_rule) by no rule, and the test expects that it is refused with 401",
        ),
        (
            r#"{"name": "t", "request": {"path": "/"}, "anonymous": true, "expect": {"rule": "own"}}"#,
            "tests[0]: \"t\" fails: it is allowed by open, and the test expects that own allows it",
        ),
        (
            r#"{"name": "t", "request": {"path": "/"}, "expect": "allow"}"#,
            "tests[0]: takes one of claims and anonymous",
        ),
        (
            r#"{"name": "t", "request": {"path": "/"}, "claims": {}, "provider": "usrs", "expect": "allow"}"#,
            "tests[0].provider: says which provider vouches for the caller; known: users, ops",
        ),
        (
            r#"{"name": "t", "request": {"path": "/"}, "claims": {"sub": 1}, "provider": "users", "expect": "allow"}"#,
            "tests[0].claims: a claim has another type than its name says",
        ),
        (
            r#"{"name": "t", "request": {"path": "/reports", "host": "r.example", "headers": {"x-env": "prod"}}, "claims": {"sub": "a"}, "provider": "ops", "expect": "allow"}"#,
            "tests[0]: \"t\" depends on a decision point",
        ),
        (
            r#"{"name": "t", "request": {"path": "/"}, "anonymous": true, "expect": "deny"}"#,
            "tests[0].expect: \"deny\" is not known; known: allow",
        ),
    ] {
        let error = policy(test).unwrap_err();
        assert!(error.starts_with(want), "want: {want}\n said: {error}");
    }
}

#[test]
fn a_decision_point_is_asked_about_what_it_can_be_asked_about() {
    let policy = |point: &str, matches: &str, decision: &str| {
        compile(&format!(
            r#"{{"providers": {{"a": {{"kind": "http", "verify": {{"uri": "http://v/"}}}}}}, "decisions": {{"pdp": {{{point}}}}},
                "rules": [{{"match": {matches}, "require": {{"decision": {decision}}}}}]}}"#
        ))
        .map(drop)
    };
    let zen = r#""protocol": "authzen", "uri": "https://pdp/access/v1/evaluation""#;
    let batch = |rest: &str| format!(r#"{zen}, "batch": {{{rest}}}"#);
    let uri = r#""uri": "https://pdp/access/v1/evaluations""#;
    let account = r#"{"path_template": "/accounts/{account}/**"}"#;
    let named = r#"{"point": "pdp", "action": "can_read", "resource": {"type": "account", "id": {"path_variable": "account"}}}"#;
    policy(zen, "{}", r#""pdp""#).unwrap();
    policy(&batch(uri), account, named).unwrap();
    policy(
        r#""protocol": "opa", "uri": "http://opa/v1/data/x""#,
        account,
        named,
    )
    .unwrap();
    for (point, matches, decision, want) in [
        (
            r#""protocol": "opa", "uri": "https://pdp/", "batch": {"uri": "https://pdp/"}"#
                .to_owned(),
            "{}",
            r#""pdp""#,
            "decisions.pdp.batch: belongs to decision points of protocol \"authzen\"",
        ),
        (
            batch(r#""uri": "https://other/access/v1/evaluations""#),
            "{}",
            r#""pdp""#,
            "decisions.pdp.batch.uri: is of the same scheme and host as the decision point's uri",
        ),
        (
            batch(r#""uri": "pdp""#),
            "{}",
            r#""pdp""#,
            "decisions.pdp.batch.uri: \"pdp\" is not an http or https URI",
        ),
        (
            batch(&format!(r#"{uri}, "most": 1"#)),
            "{}",
            r#""pdp""#,
            "decisions.pdp.batch.most: is at least 2",
        ),
        (
            zen.to_owned(),
            "{}",
            r#"{"point": "pdp"}"#,
            "rules[0].require.decision: names neither action nor resource",
        ),
        (
            zen.to_owned(),
            "{}",
            r#"{"point": "pd", "action": "a"}"#,
            "rules[0].require.decision.point: \"pd\" is not a decision point; known: pdp; did you mean \"pdp\"?",
        ),
        (
            zen.to_owned(),
            "{}",
            r#"{"point": "pdp", "action": ""}"#,
            "rules[0].require.decision.action: is empty",
        ),
        (
            zen.to_owned(),
            account,
            r#"{"point": "pdp", "resource": {"type": "", "id": "1"}}"#,
            "rules[0].require.decision.resource.type: is empty",
        ),
        (
            zen.to_owned(),
            account,
            r#"{"point": "pdp", "resource": {"type": "t", "id": {"path_variable": "acount"}}}"#,
            "rules[0].require.decision.resource.id.path_variable: \"acount\" is not a variable of the rule's path_template; known: account",
        ),
        (
            zen.to_owned(),
            "{}",
            r#"{"point": "pdp", "resource": {"type": "t"}}"#,
            "rules[0].require.decision.resource.id: this key is missing",
        ),
    ] {
        let error = policy(&point, matches, decision).unwrap_err();
        assert!(error.starts_with(want), "want: {want}\n said: {error}");
    }
}

/// The warnings of a configuration, located in its text.
fn warnings(text: &str) -> Vec<String> {
    let policy = compile(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let warnings = policy.warnings.into_iter();
    warnings
        .map(|warning| warning.located(text.as_bytes()).to_string())
        .collect()
}

#[test]
fn what_is_dangerous_is_warned_of_with_its_place() {
    let jwt = |more: &str| {
        format!(
            r#""u": {{"kind": "jwt", "issuer": "https://i", "audiences": ["a"], "jwks": {{"uri": "https://i/k"}}{more}}}"#
        )
    };
    let user = r#"{"match": {}, "require": "user"}"#;
    let oct = r#"{"kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#;
    // Providers, further members, rules, and the warnings: none for the first rows.
    type Row = (String, &'static str, String, &'static [&'static str]);
    let rows: Vec<Row> = vec![
        (jwt(""), "", user.to_owned(), &[]),
        (
            jwt(r#", "groups": [{"directory": "d"}]"#),
            r#""directories": {"d": {"uri": "http://d/{subject}", "cache_duration": "1h", "on_error": "empty"}},"#,
            r#"{"match": {}, "require": {"groups": ["a"]}}"#.to_owned(),
            &[],
        ),
        (
            String::new(),
            "",
            r#"{"match": {"path_prefix": "/"}, "require": "public"}"#.to_owned(),
            &["rules[0].require: \"public\" opens every path"],
        ),
        (
            String::new(),
            "",
            r#"{"match": {"path_prefix": "/static"}, "require": "public"}, {"match": {"methods": ["GET"]}, "require": "public"}"#.to_owned(),
            &["rules[1].require: \"public\" opens every path"],
        ),
        (
            jwt(""),
            "",
            r#"{"match": {"path": "/a", "methods": ["GET"]}, "require": "optional"}, {"match": {"path": "/b", "methods": ["GET", "PUT"]}, "require": "optional"}"#.to_owned(),
            &["rules[1].require: \"optional\" lets callers without a credential"],
        ),
        (
            r#""u": {"kind": "jwt", "jwks": {"uri": "http://i/k", "cache_duration": "2d", "stale_for": "8d"}}"#.to_owned(),
            "",
            user.to_owned(),
            &[
                "providers.u: tokens for any audience are accepted; name yours in \"audiences\"",
                "providers.u: tokens of any issuer are accepted",
                "providers.u.jwks.cache_duration: a key that the issuer withdraws verifies for that long; 1440m is long already",
                "providers.u.jwks.stale_for: a key that the issuer withdraws",
                "providers.u.jwks.uri: keys fetched over http",
            ],
        ),
        (
            r#""u": {"kind": "cognito", "region": "r", "user_pool_id": "p"}"#.to_owned(),
            "",
            user.to_owned(),
            &["providers.u: tokens for any audience are accepted; name yours in \"client_ids\""],
        ),
        (
            format!(
                r#""u": {{"kind": "jwt", "issuer": "https://i", "audiences": ["a"], "algorithms": ["ES256", "HS256"], "jwks": {{"inline": {{"keys": [{oct}]}}}},
                    "require_expiration": false, "clock_skew": "6m", "from_params": ["token"]}}"#
            ),
            "",
            user.to_owned(),
            &[
                "providers.u.algorithms[1]: one secret signs and verifies",
                "providers.u.require_expiration: a token without an end",
                "providers.u.clock_skew: tokens are good for that long after their end; 5m",
                "providers.u.from_params: what stands in a URL",
                "providers.u.from_params: adds to the default header",
            ],
        ),
        (
            r#""u": {"kind": "jwt", "preset": "keycloak", "issuer": "https://sso.example/shop", "audiences": ["a"]},
               "v": {"kind": "jwt", "preset": "github_actions", "issuer": "https://github.corp.example", "audiences": ["a"]},
               "w": {"kind": "jwt", "preset": "clerk", "issuer": "https://clerk.example"},
               "x": {"kind": "entra_id", "tenant_id": "t", "authority": "shop.b2clogin.com", "audiences": ["a"]}"#
                .to_owned(),
            "",
            user.to_owned(),
            &[
                "providers.w: tokens for any audience are accepted; name yours in \"required_claims.azp\"",
                "providers.u.issuer: \"https://sso.example/shop\" does not look like an issuer of this preset, which has \"/realms/\" in it;",
                "providers.v.issuer: \"https://github.corp.example\" does not look like an issuer of this preset, which begins with \"https://token.actions.\" or ends with \"/_services/token\";",
                "providers.x.authority: b2clogin.com issues in another form; write \"kind\": \"jwt\", \"preset\": \"entra_b2c\"",
            ],
        ),
        (
            r#""u": {"kind": "http", "verify": {"uri": "http://v"}, "from_cookies": ["s"], "csrf": "off"}"#.to_owned(),
            "",
            user.to_owned(),
            &[
                "providers.u.from_cookies: adds to the default header",
                "providers.u.csrf: any page on the web can change something",
            ],
        ),
        (
            r#""u": {"kind": "http", "verify": {"uri": "http://v", "cache_duration": "61m"}}"#.to_owned(),
            "",
            user.to_owned(),
            &["providers.u.verify.cache_duration: a credential that is withdrawn"],
        ),
        (
            r#""u": {"kind": "basic", "verify": {"uri": "http://v"}}"#.to_owned(),
            "",
            user.to_owned(),
            &["providers.u: wrong passwords are counted by name only"],
        ),
        (
            r#""u": {"kind": "basic", "verify": {"uri": "http://v"}}"#.to_owned(),
            r#""client_address": "none","#,
            user.to_owned(),
            &[],
        ),
        (
            jwt(""),
            r#""mode": "shadow","#,
            user.to_owned(),
            &["mode: \"shadow\" refuses nothing"],
        ),
        (
            jwt(""),
            r#""mode": "disabled","#,
            user.to_owned(),
            &["mode: \"disabled\" checks nothing"],
        ),
        (
            jwt(r#", "roles": [{"directory": "d"}]"#),
            r#""directories": {"d": {"uri": "http://d/{subject}", "cache_duration": "2h", "on_error": "empty"}},"#,
            r#"{"match": {}, "require": {"all": ["user", {"not": {"any": [{"roles": ["banned"]}]}}]}}"#.to_owned(),
            &[
                "directories.d.cache_duration: revoked grants stay effective",
                "rules[0].require: under \"not\", an unreachable directory of u with \"on_error\": \"empty\" lets excluded callers in; use \"deny\"",
            ],
        ),
        (
            jwt(""),
            r#""decisions": {"p": {"protocol": "opa", "uri": "http://p", "cache_duration": "2h", "cache_by": ["host"]}},"#,
            r#"{"match": {}, "require": {"decision": "p"}}"#.to_owned(),
            &[
                "decisions.p.cache_duration: a decision that is withdrawn",
                "decisions.p.cache_by: has neither subject nor claims",
                "decisions.p.cache_by: has neither path nor rule",
                "decisions.p.cache_by: has neither method nor rule",
            ],
        ),
        // Services that refuse bodies that are not signed: where the rule may have one.
        (
            r#""u": {"kind": "cognito", "region": "eu-west-1", "user_pool_id": "eu-west-1_abcdef123", "client_ids": ["c"], "token_use": ["id"],
                "identity_pool": {"id": "eu-west-1:0c0ffee0-1234-5678-9abc-def012345678"}}"#.to_owned(),
            "",
            r#"{"match": {"path_prefix": "/l"}, "require": "user", "aws_sigv4": {"service": "lambda", "region": "r"}},
               {"match": {"path_prefix": "/r", "methods": ["GET", "HEAD"]}, "require": "user", "aws_sigv4": {"service": "lambda", "region": "r"}},
               {"match": {"path_prefix": "/s"}, "require": "user", "aws_sigv4": {"service": "s3", "region": "r"}}"#
                .to_owned(),
            &["rules[0].aws_sigv4.service: bodies are not signed (UNSIGNED-PAYLOAD)"],
        ),
        (
            jwt("") + r#", "v": {"kind": "http", "verify": {"uri": "http://v"}}"#,
            r#""directories": {"d": {"uri": "http://d/"}}, "decisions": {"p": {"protocol": "opa", "uri": "http://p"}},"#,
            r#"{"match": {}, "require": {"provider": "u"}}"#.to_owned(),
            &[
                "providers.v: no rule takes its credentials",
                "directories.d: nothing asks it",
                "decisions.p: nothing asks it",
            ],
        ),
    ];
    for (providers, more, rules, want) in rows {
        let text = format!("{{\"providers\": {{{providers}}},\n {more}\n \"rules\": [{rules}]}}");
        let got = warnings(&text);
        assert_eq!(got.len(), want.len(), "{text}\n{got:#?}");
        for (got, want) in got.iter().zip(want) {
            assert!(got.starts_with(want), "want: {want}\n said: {got}");
            assert!(got.contains(" (line "), "{got}");
        }
    }
    let text = "{\n  \"mode\": \"shadow\",\n  \"rules\": [\n    { \"match\": {},\n      \"require\": \"public\" } ]\n}";
    assert_eq!(
        warnings(text),
        [
            "mode: \"shadow\" refuses nothing: every request goes through; \"enforce\" refuses (line 2 column 11)",
            "rules[0].require: \"public\" opens every path that no rule before it matches; name the open ones (line 5 column 18)",
        ]
    );
}

/// The file that a test's name in a document leads to: `envoy::…` and `hosts::…` are suites, `core::…` is the library or a
/// test of its own beside the suites.
fn file_of(path: &[&str]) -> Option<String> {
    let candidates = match path {
        [suite @ ("envoy" | "hosts"), module] => vec![format!("tests/{suite}/{module}.rs")],
        ["core", rest @ ..] => {
            let module = rest.join("/");
            let inline = module
                .strip_suffix("/tests")
                .map(|held| format!("src/{held}.rs"));
            let own = [format!("src/{module}.rs"), format!("tests/{module}.rs")];
            own.into_iter().chain(inline).collect()
        }
        _ => Vec::new(),
    };
    let root = workspace();
    candidates
        .into_iter()
        .find(|name| root.join(name).is_file())
        .map(|name| read(&name))
}

#[test]
fn each_attack_names_a_test_that_exists() {
    let text = read("filter-config/threat-model.md");
    let attacks: Vec<&str> = text
        .split("## ")
        .filter(|part| part.contains("| attack | answer | test |"))
        .flat_map(|part| part.lines().filter(|line| line.starts_with("| ")).skip(1))
        .collect();
    assert!(attacks.len() > 30, "{}", attacks.len());
    for attack in attacks {
        let tests = attack.split('|').nth(3).unwrap_or_default();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {attack}");
        for name in names {
            let parts: Vec<&str> = name.split("::").collect();
            let (function, path) = parts.split_last().unwrap();
            let file = file_of(path).unwrap_or_else(|| panic!("{name} leads to no file"));
            let test = file.split("#[test]").skip(1);
            let test = test.filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
            let mut tests = test.map(|(name, _)| name);
            assert!(tests.any(|held| held == *function), "there is no {name}");
        }
    }
}
