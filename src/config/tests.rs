use super::*;

fn refused(text: &str) -> String {
    Config::parse(text.as_bytes()).expect_err(text).to_string()
}

#[test]
fn a_configuration_is_read_whole() {
    let text = r#"{
        "providers": {"users": {"kind": "cognito", "region": "us-east-1", "user_pool_id": "us-east-1_a", "token_use": ["id"],
            "jwks": {"upstream": "idp", "cache_duration": "20m"}, "groups": [{"claim": "cognito:groups"}]}},
        "rules": [{"match": {"path": "/"}, "require": {"any": [{"groups": ["admin"]}, "deny"]}}]
    }"#;
    let config = Config::parse(text.as_bytes()).unwrap();
    assert_eq!(config.mode, Mode::Enforce);
    let (name, users) = config.providers.iter().next().unwrap();
    assert_eq!(name, "users");
    let Provider::Cognito(users) = users else {
        panic!("{users:?}");
    };
    assert_eq!(users.token_use.as_deref(), Some(&[TokenUse::Id][..]));
    // Some hosts hand the object over as a JSON string.
    let quoted = serde_json::to_vec(text).unwrap();
    assert_eq!(Config::parse(&quoted).unwrap().rules.len(), 1);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let cases = [
        ("", "the configuration is empty"),
        ("{", "EOF while parsing"),
        (
            r#"{"rules": [], "mod": "enforce"}"#,
            "mod: unknown key; known: mode, realm, providers",
        ),
        (
            r#"{"rules": [], "rules": []}"#,
            "rules: this key is listed twice",
        ),
        (r#"{"mode": "enforce"}"#, "rules: this key is missing"),
        (
            r#"{"rules": [], "mode": "enfroce"}"#,
            "mode: unknown variant \"enfroce\"",
        ),
        (
            r#"{"rules": [{"match": {"pth": "/"}, "require": "user"}]}"#,
            "rules[0].match.pth: unknown key; known: path, path_prefix",
        ),
        (
            r#"{"rules": [{"match": {}, "require": "usr"}]}"#,
            "rules[0].require: \"usr\" is not a requirement; known: deny",
        ),
        (
            r#"{"rules": [{"match": {}, "require": {"any": [{"grups": ["a"]}]}}]}"#,
            "rules[0].require.any[0].grups: unknown key",
        ),
        (
            r#"{"rules": [{"match": {}, "require": {"groups": "admin"}}]}"#,
            "rules[0].require.groups: invalid type: string",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": "jwt", "clock_skew": 60}}}"#,
            "providers.a.clock_skew: invalid type: integer",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": "jwt", "clock_skew": "60"}}}"#,
            "providers.a.clock_skew: invalid value: string \"60\"",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": "jwt"}, "a": {"kind": "jwt"}}}"#,
            "providers",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"issuer": "i"}}}"#,
            "providers.a.kind: this key is missing",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": "jwt", "kind": "jwt"}}}"#,
            "providers.a.kind: this key is listed twice",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": "jwt", "issuer": "i", "issuer": "i"}}}"#,
            "providers.a.issuer: this key is listed twice",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": "jwt", "forward": true, "forward": true}}}"#,
            "providers.a.forward: this key is listed twice",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": "jws"}}}"#,
            "providers.a.kind: unknown variant \"jws\", expected one of \"api_key\", \"basic\"",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": 0}}}"#,
            "providers.a.kind: invalid type: what is no word, expected a word",
        ),
        (
            r#"{"rules": [], "providers": {"a": "jwt"}}"#,
            "providers.a: invalid type: text, expected an object",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": "jwt", "algorithms": ["ES265"]}}}"#,
            "providers.a.algorithms[0]: \"ES265\" is not an algorithm; known: ES256, ES256K",
        ),
        // The key that is missing is there, and written wrong.
        (
            r#"{"rules": [], "providers": {"a": {"kind": "cognito", "regoin": "r"}}}"#,
            "providers.a.regoin: unknown key; known: kind, region, user_pool_id, ",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": "cognito", "region": "r"}}}"#,
            "providers.a.user_pool_id: this key is missing",
        ),
        (
            r#"{"rules": [], "providers": {"a": {"kind": "jwt", "users": {}}}}"#,
            "providers.a.users: belongs to providers of kind \"basic\"; this one is of kind \"jwt\" (line 1 column 59)",
        ),
        // What types are called for the reader is no key.
        (
            r#"{"rules": [], "providers": {"a": {"kind": "jwt", "..common": {}}}}"#,
            "providers.a...common: unknown key; known: kind, preset",
        ),
        (r#"{"rules": []} x"#, "trailing characters"),
    ];
    for (text, want) in cases {
        let got = refused(text);
        assert!(
            got.starts_with(want),
            "{text}\n  said: {got}\n  want: {want}"
        );
    }
}

#[test]
fn a_struct_is_read_like_text_and_refused_with_its_place() {
    use prost::Message as _;
    use prost_types::{ListValue, Struct, Value, value::Kind};
    let value = |kind| Value { kind: Some(kind) };
    let text = |text: &str| value(Kind::StringValue(text.to_owned()));
    let object = |members: Vec<(&str, Value)>| Struct {
        fields: members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    };
    let whole = |require: &str| {
        let rule = object(vec![
            (
                "match",
                value(Kind::StructValue(object(vec![("path", text("/"))]))),
            ),
            ("require", text(require)),
        ]);
        let limits = object(vec![("token_bytes", value(Kind::NumberValue(4096.0)))]);
        let rules = ListValue {
            values: vec![value(Kind::StructValue(rule))],
        };
        object(vec![
            ("rules", value(Kind::ListValue(rules))),
            ("limits", value(Kind::StructValue(limits))),
        ])
        .encode_to_vec()
    };
    let config = Config::parse(&whole("user")).unwrap();
    assert_eq!(config.limits.token_bytes, Some(4096));
    assert_eq!(
        Config::parse(&whole("usr")).unwrap_err().to_string(),
        "rules[0].require: \"usr\" is not a requirement; known: deny, optional, public, user, or an object"
    );
    assert_eq!(
        Config::parse(b"\x0a\x12\xff").unwrap_err().to_string(),
        "the configuration is neither JSON nor a google.protobuf.Struct"
    );
}
