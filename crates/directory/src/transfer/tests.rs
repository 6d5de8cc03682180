use super::*;

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$ZZWYyFs2cB63c/Xx43mSyQ$2xEH926QfhKxu3wEeY0yeQ4JW04KLfR+MPfDA9/0bv8";

fn contents() -> Contents {
    let grant = |word, holder, value| Grant::from_word(word, holder, value).unwrap();
    Contents {
        grants: vec![
            grant("group", "Zo\u{eb} \u{1f980}", "a,b"),
            grant("role", "'; DROP TABLE x; --", "\"quoted\""),
            grant("permission", "=cmd|' /C calc'!A0", "order:read"),
            grant("group_role", "staff", "editor"),
            grant("group_permission", "staff", "enter"),
            grant("role_permission", "editor", "write"),
        ],
        users: vec![User {
            username: "ann".to_owned(),
            password_hash: Some(HASH.to_owned()),
            name: Some("Ann, the first".to_owned()),
            email: None,
            profile: Some(r#"{"floor":2}"#.to_owned()),
        }],
        keys: vec![Key {
            owner: "acme".to_owned(),
            digest: "0f".repeat(32),
            groups: vec!["partners".to_owned()],
            expires_at: Some("2030-01-01T00:00:00Z".to_owned()),
        }],
    }
}

#[test]
fn what_is_written_is_read_back() {
    for format in [Format::Csv, Format::Json] {
        let text = write(format, &contents()).unwrap();
        assert_eq!(read(format, &text).unwrap(), contents(), "{text}");
        let with_mark = format!("\u{feff}{text}");
        assert_eq!(read(format, &with_mark).unwrap(), contents());
        let nothing = write(format, &Contents::default()).unwrap();
        assert_eq!(read(format, &nothing).unwrap(), Contents::default());
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let csv = |rows: &str| format!("kind,holder,value\n{rows}");
    let json = |rows: &str| {
        format!("[\n{{\"kind\":\"group\",\"holder\":\"a\",\"value\":\"b\"}},\n{rows}\n]")
    };
    for (format, text, want) in [
        (
            Format::Csv,
            String::new(),
            "line 1: must be kind,holder,value",
        ),
        (
            Format::Csv,
            "group,ann,staff\n".into(),
            "line 1: must be kind,holder,value",
        ),
        (
            Format::Csv,
            csv("group,ann,staff\n\ngroup,ann\n"),
            "line 4: has 2 fields",
        ),
        (
            Format::Csv,
            csv("grup,ann,staff\n"),
            "line 2: \"grup\" is no kind of grant; known: group, role",
        ),
        (
            Format::Csv,
            csv("group,\"ann\nlee\",x\n"),
            "line 2: the subject \"ann\\nlee\" has a control character",
        ),
        (
            Format::Csv,
            csv("group,ann,staff\ngroup,,staff\n"),
            "line 3: the subject \"\" is empty",
        ),
        (
            Format::Csv,
            csv("group,ann ,staff\n"),
            "line 2: the subject \"ann \" begins or ends with a blank",
        ),
        (
            Format::Csv,
            csv("user,ann,x\n"),
            "line 2: the value is not a JSON object",
        ),
        (
            Format::Csv,
            csv("user,ann,\"{\"\"password\"\":\"\"x\"\"}\"\n"),
            "line 2: unknown field `password`",
        ),
        (
            Format::Csv,
            csv("user,ann,\"{\"\"password_hash\"\":\"\"hush\"\"}\"\n"),
            "line 2: the password's hash is not a password hash",
        ),
        (
            Format::Csv,
            csv("user,a:b,{}\n"),
            "line 2: the user \"a:b\" has a colon",
        ),
        (
            Format::Csv,
            csv("user,ann,{}\nuser,ann,{}\n"),
            "line 3: the user \"ann\" is listed twice",
        ),
        (
            Format::Csv,
            csv("key,acme,\"{\"\"digest\"\":\"\"hush\"\"}\"\n"),
            "line 2: the key's digest is not 64",
        ),
        (Format::Json, "{}".into(), "line 1: invalid type: map"),
        (
            Format::Json,
            json("{\"kind\":\"role\"}"),
            "line 3: \"holder\" is missing",
        ),
        (
            Format::Json,
            json("{\"kind\":\"role\",\"holder\":\"a\",\"value\":\"b\",\"x\":1}"),
            "line 3: \"x\" is no part of a record",
        ),
        (
            Format::Json,
            json("{\"kind\":\"role\",\"holder\":\"a\",\"holder\":\"b\",\"value\":\"c\"}"),
            "line 3: ",
        ),
        (
            Format::Json,
            json("{\"kind\":\"role\",\"holder\":\"a\",\"value\":1}"),
            "line 3: \"value\" is a string",
        ),
        (
            Format::Json,
            json("{\"kind\":\"role\",\"holder\":\"a\",\"value\":{}}"),
            "line 3: the value is not a name",
        ),
        (
            Format::Json,
            json("{\"kind\":\"role\",\"holder\":\"a\",\"value\":\"b\"},"),
            "line 4: ",
        ),
        (
            Format::Json,
            json(
                "{\"kind\":\"key\",\"holder\":\"a\",\"value\":{\"digest\":\"x\",\"expires_at\":\"x\"}}",
            ),
            "line 3: the key's digest",
        ),
    ] {
        let error = read(format, &text).unwrap_err();
        assert!(
            error.starts_with(want),
            "{text}\n  said: {error}\n  want: {want}"
        );
        assert!(!error.contains("hush"), "{error}");
    }
}
