//! Answers of APIs that were there before the filter.

use super::*;
use crate::json::Pointer;

fn at_pointer(text: &str) -> Option<Extract> {
    Some(Extract {
        list: Pointer::parse(text).unwrap(),
        item: None,
    })
}

fn items(list: &str, item: &str) -> Option<Extract> {
    Some(Extract {
        list: Pointer::parse(list).unwrap(),
        item: Pointer::parse(item),
    })
}

/// What is read of an answer, as JSON; `None` for an outage.
fn read(mapping: &Mapping, status: u16, answer: &str) -> Option<Value> {
    let directory = Directory {
        mapping: Some(mapping.clone()),
        shared: false,
        profile: Rc::new(Reads::everything()),
    };
    let service = service(Protocol::Directory(directory));
    match service.read(status, answer.as_bytes(), None) {
        Ok(Reading::Done(Answer::Attributes(entry), None)) => {
            Some(serde_json::to_value(&*entry).unwrap())
        }
        Ok(_) => panic!("{answer}: something else"),
        Err(_) => None,
    }
}

fn entry(groups: &[&str], roles: &[&str], profile: Value) -> Option<Value> {
    Some(json!({ "groups": groups, "roles": roles, "permissions": [], "profile": profile }))
}

#[test]
fn a_part_is_read_where_the_configuration_says_it_is() {
    let mapping = Mapping {
        groups: at_pointer("/data/teams"),
        roles: items("/data/memberships", "/role/name"),
        profile: vec![
            (
                "department".to_owned(),
                Pointer::parse("/data/org/unit").unwrap(),
            ),
            ("first".to_owned(), Pointer::parse("/data/teams/0").unwrap()),
        ],
        ..Mapping::default()
    };
    for (answer, want) in [
        (
            json!({ "data": {
                "teams": ["a", "b"],
                "memberships": [{ "role": { "name": "admin" } }, { "role": { "name": 7 }, "more": [] }],
                "org": { "unit": "R&D" },
                "permissions": ["not.named"],
            } }),
            entry(
                &["a", "b"],
                &["admin", "7"],
                json!({ "department": "R&D", "first": "a" }),
            ),
        ),
        (
            json!({ "data": { "teams": "a  b", "memberships": [] } }),
            entry(&["a", "b"], &[], json!({})),
        ),
        (
            json!({ "data": { "teams": null, "org": { "unit": null } } }),
            entry(&[], &[], json!({ "department": null })),
        ),
        (json!({}), entry(&[], &[], json!({}))),
        (json!([1, 2]), entry(&[], &[], json!({}))),
        // What is there and cannot be read is no answer: it could be a group that a rule excludes.
        (json!({ "data": { "teams": { "a": true } } }), None),
        (json!({ "data": { "teams": ["a", { "b": 1 }] } }), None),
        (json!({ "data": { "teams": ["a", 1.5] } }), None),
        (json!({ "data": { "teams": ["a", null] } }), None),
        (json!({ "data": { "teams": true } }), None),
        (
            json!({ "data": { "memberships": [{ "role": "admin" }] } }),
            None,
        ),
        (json!({ "data": { "memberships": "admin" } }), None),
    ] {
        assert_eq!(read(&mapping, 200, &answer.to_string()), want, "{answer}");
    }
    assert_eq!(read(&mapping, 404, "gone"), entry(&[], &[], json!({})));
    for (status, answer) in [
        (200, "not json"),
        (200, ""),
        (200, r#"{"data":{},"data":{"teams":["a"]}}"#),
        (204, ""),
        (301, "{}"),
        (500, "{}"),
    ] {
        assert_eq!(read(&mapping, status, answer), None, "{status} {answer}");
    }
}

#[test]
fn an_answer_may_be_the_list_and_a_profile_the_whole_object() {
    let bare = Mapping {
        groups: at_pointer(""),
        ..Mapping::default()
    };
    assert_eq!(
        read(&bare, 200, r#"["a","b"]"#),
        entry(&["a", "b"], &[], json!({}))
    );
    assert_eq!(read(&bare, 200, r#"{"a":1}"#), None);
    let objects = Mapping {
        roles: items("", "/name"),
        ..Mapping::default()
    };
    assert_eq!(
        read(&objects, 200, r#"[{"name":"admin"},{"name":"ops"}]"#),
        entry(&[], &["admin", "ops"], json!({}))
    );
    let whole = Mapping {
        whole_profile: Pointer::parse("/user"),
        ..Mapping::default()
    };
    assert_eq!(
        read(&whole, 200, r#"{"user":{"x":[1]}}"#),
        entry(&[], &[], json!({ "x": [1] }))
    );
    assert_eq!(read(&whole, 200, r#"{"user":"x"}"#), None);
}
