//! Every configuration that the project shows compiles, and what it must refuse is refused with its place.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use auth_filter::config::Config;
use auth_filter::policy::Policy;
use serde_json::Value;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn compile(text: &str) -> Result<Policy, String> {
    let config = Config::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    Policy::compile(&config).map_err(|error| error.to_string())
}

/// The JSON files of `filter-config`, by name.
fn configurations() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("filter-config");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
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
        assert!(policy.warnings.is_empty(), "{name}: {:?}", policy.warnings);
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
    let quickstart: Value = serde_json::from_str(&read("filter-config/quickstart.json")).unwrap();
    assert_eq!(*configuration, quickstart);
}

#[test]
fn each_configuration_in_the_documents_compiles() {
    let mut count = 0;
    for document in [
        "README.md",
        "envoy-example/README.md",
        "filter-config/README.md",
    ] {
        let text = read(document);
        for block in text.split("```json\n").skip(1) {
            let (block, _) = block.split_once("```").unwrap();
            compile(block).unwrap_or_else(|error| panic!("{document}: {error}\n{block}"));
            count += 1;
        }
    }
    assert!(count > 0);
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
            "providers.issuer.audience: unknown key; known: kind, issuer, audiences, region, ",
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
            "/providers/issuer/from_cookies",
            "[\"a b\"]",
            "providers.issuer.from_cookies[0]: \"a b\" is not the name of a cookie",
        ),
        (
            "/providers/issuer/from_headers",
            "[{\"name\": \"x-token\"}, {\"name\": \"X-Token\"}]",
            "providers.issuer.from_headers[1]: stands twice",
        ),
        (
            "/providers/issuer/required_claims",
            "{\"hd\": {\"any_of\": [\"a\"], \"prefix\": \"a\"}}",
            "providers.issuer.required_claims.hd: takes a value, or exactly one of any_of, contains, prefix, present",
        ),
        (
            "/providers/issuer/region",
            "\"us-east-1\"",
            "providers.issuer.region: belongs to providers of kind \"cognito\"",
        ),
        (
            "/providers/issuer/groups",
            "[{\"claim\": \"a\", \"static\": [\"b\"]}]",
            "providers.issuer.groups[0]: takes exactly one of claim, from_groups, static",
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
            "/upstream_headers/claims/authorization",
            "\"a\"",
            "upstream_headers.claims.authorization: \"authorization\" is the request's own header",
        ),
        (
            "/limits",
            "{\"hold\": \"0s\"}",
            "limits.hold: a request must be allowed to wait; the least is 1ms",
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
    let twice = r#"{"rules": [], "providers": {"a": {"kind": "jwt"}, "a": {"kind": "jwt"}}}"#;
    let error = compile(twice).unwrap_err();
    assert!(
        error.starts_with("providers: duplicate member \"a\""),
        "{error}"
    );
}
