use std::rc::Rc;
use std::time::Duration;

use serde_json::json;

use super::{Hurdle, Requirement as R};
use crate::callout::{CalloutOutcome, Leader};
use crate::config::Config;
use crate::headers::Headers;
use crate::jose::ClaimSet;
use crate::policy::denial::Denial;
use crate::policy::principal::{Principal, Vouched};
use crate::policy::{Policy, ProviderId};
use crate::services::{Question, ServiceStore};
use crate::time::UnixTime;

const ALICE: &str = r#"{"sub":"alice","groups":["staff","eu"],"scope":"orders:read"}"#;

/// A provider whose permissions a directory knows, and whose roles come from the groups of another.
fn policy() -> Policy {
    let config = json!({
        "directories": {
            "people": { "uri": "http://people/{subject}" },
            "teams": { "uri": "http://teams/{subject}", "on_error": "empty" },
        },
        "providers": { "p": {
            "kind": "http",
            "verify": { "uri": "http://verify/" },
            "permissions": [{ "static": ["basic"] }, { "directory": "people" }],
            "roles": [{ "directory": "teams" }],
        } },
        "rules": [{ "match": {}, "require": "user" }],
    });
    Policy::compile(&Config::parse(config.to_string().as_bytes()).unwrap()).unwrap()
}

fn store(policy: &Policy) -> ServiceStore {
    ServiceStore::new(&policy.services, 10, [0; 32])
}

fn now() -> UnixTime {
    UnixTime::from_secs(1000)
}

fn alice<'p>(policy: &'p Policy, services: &'p ServiceStore) -> Principal<'p> {
    let claims = Rc::new(ClaimSet::parse(ALICE.as_bytes()).unwrap());
    let vouched = Vouched::claims_of(claims);
    Principal::new(
        ProviderId(0),
        &policy.providers[0],
        vouched,
        services,
        now(),
    )
}

fn list(values: &[&str]) -> Box<[String]> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn groups(values: &[&str]) -> R {
    R::Groups(list(values))
}

fn permissions(values: &[&str]) -> R {
    R::Permissions(list(values))
}

fn denied(denial: Denial) -> Result<(), Hurdle> {
    Err(Hurdle::Denied(denial))
}

#[test]
fn each_form_holds_for_whom_it_should() {
    let (policy, cases) = (
        policy(),
        [
            (R::User, true),
            (groups(&["admin", "staff"]), true),
            (groups(&["sta"]), false),
            (R::Scopes(list(&["orders:read"])), true),
            (R::Scopes(list(&["orders"])), false),
            (R::Provider(Box::new([ProviderId(0)])), true),
            (R::Provider(Box::new([ProviderId(1)])), false),
            (R::Machine(true), false),
            (R::Machine(false), true),
            (R::Not(Box::new(groups(&["staff"]))), false),
            (R::Not(Box::new(groups(&["banned"]))), true),
            (R::All(vec![R::User, groups(&["nobody"])]), false),
            (R::Any(vec![groups(&["nobody"]), groups(&["eu"])]), true),
        ],
    );
    let services = store(&policy);
    for (requirement, want) in cases {
        let got = requirement.check(Some(&alice(&policy, &services)));
        let want = if want {
            Ok(())
        } else {
            denied(Denial::Forbidden)
        };
        assert_eq!(got, want, "{requirement:?}");
    }
    let got = R::Deny.check(Some(&alice(&policy, &services)));
    assert_eq!(got, denied(Denial::Denied));
}

#[test]
fn an_anonymous_caller_passes_only_where_no_credential_is_needed() {
    assert_eq!(R::Optional.check(None), Ok(()));
    assert_eq!(R::Public.check(None), Ok(()));
    assert_eq!(R::Any(vec![R::User, R::Optional]).check(None), Ok(()));
    assert_eq!(R::Deny.check(None), denied(Denial::Denied));
    let refused = [
        R::User,
        groups(&["a"]),
        R::Not(Box::new(groups(&["banned"]))),
        R::Not(Box::new(R::Machine(true))),
        R::All(vec![R::Optional, R::Not(Box::new(R::User))]),
        R::Any(vec![R::User, groups(&["a"])]),
    ];
    for requirement in refused {
        let got = requirement.check(None);
        assert_eq!(got, denied(Denial::Missing), "{requirement:?}");
    }
}

#[test]
fn empty_lists_hold_for_nobody() {
    let policy = policy();
    let services = store(&policy);
    let check = |requirement: R| requirement.check(Some(&alice(&policy, &services)));
    assert_eq!(check(R::Any(Vec::new())), denied(Denial::Forbidden));
    assert_eq!(R::Any(Vec::new()).check(None), denied(Denial::Denied));
    assert_eq!(check(groups(&[])), denied(Denial::Forbidden));
}

/// What a requirement comes to while the directories were not asked, have said this, or cannot be asked.
fn outcomes(requirement: &R) -> [Result<(), Hurdle>; 3] {
    let policy = policy();
    let unasked = store(&policy);
    let first = requirement.check(Some(&alice(&policy, &unasked)));
    let settled = |outcome: &dyn Fn(&str) -> Option<&'static [u8]>| {
        let mut services = store(&policy);
        let mut got = requirement.check(Some(&alice(&policy, &services)));
        while let Err(Hurdle::Asks(question)) = got {
            services.want(&question, now());
            let call = services.poll_call(Leader::Request, now()).unwrap();
            let uri = services.request(call).unwrap().uri();
            let answer = match outcome(&uri) {
                Some(body) => CalloutOutcome::Answered {
                    status: 200,
                    headers: &Headers::default(),
                    body,
                },
                None => CalloutOutcome::Failed,
            };
            services.handle_answered(call, answer, now());
            got = requirement.check(Some(&alice(&policy, &services)));
        }
        got
    };
    let said = settled(&|uri| match uri {
        "http://people/alice" => Some(br#"{"permissions":["orders.write"]}"#),
        "http://teams/alice" => Some(br#"{"roles":["analyst"]}"#),
        other => panic!("{other}"),
    });
    [first, said, settled(&|_| None)]
}

#[test]
fn a_directory_is_asked_only_where_it_decides() {
    let asks = |got: &Result<(), Hurdle>| matches!(got, Err(Hurdle::Asks(_)));
    let outage = || denied(Denial::ServiceUnavailable { retry_after: 1 });
    let forbidden = || denied(Denial::Forbidden);
    type Row = (
        R,
        Option<Result<(), Hurdle>>,
        Result<(), Hurdle>,
        Result<(), Hurdle>,
    );
    let (write, read) = (
        || permissions(&["orders.write"]),
        || permissions(&["orders.read"]),
    );
    let not = |requirement| R::Not(Box::new(requirement));
    let rows: Vec<Row> = vec![
        (write(), None, Ok(()), outage()),
        (read(), None, forbidden(), outage()),
        // Known without it.
        (permissions(&["basic"]), Some(Ok(())), Ok(()), Ok(())),
        (not(write()), None, forbidden(), outage()),
        (not(read()), None, Ok(()), outage()),
        (
            not(permissions(&["basic"])),
            Some(forbidden()),
            forbidden(),
            forbidden(),
        ),
        // Another branch decides.
        (
            R::Any(vec![write(), groups(&["staff"])]),
            Some(Ok(())),
            Ok(()),
            Ok(()),
        ),
        (
            R::Any(vec![write(), groups(&["none"])]),
            None,
            Ok(()),
            outage(),
        ),
        (
            R::All(vec![write(), groups(&["none"])]),
            Some(forbidden()),
            forbidden(),
            forbidden(),
        ),
        (
            R::All(vec![write(), groups(&["staff"])]),
            None,
            Ok(()),
            outage(),
        ),
        // A directory that counts as empty while it is away.
        (R::Roles(list(&["analyst"])), None, Ok(()), forbidden()),
        (not(R::Roles(list(&["analyst"]))), None, forbidden(), Ok(())),
        (
            R::Any(vec![R::Roles(list(&["analyst"])), write()]),
            None,
            Ok(()),
            outage(),
        ),
    ];
    for (requirement, unasked, said, away) in rows {
        let [first, second, third] = outcomes(&requirement);
        match unasked {
            Some(want) => assert_eq!(first, want, "{requirement:?}"),
            None => assert!(asks(&first), "{requirement:?}: {first:?}"),
        }
        assert_eq!((second, third), (said, away), "{requirement:?}");
    }
}

#[test]
fn one_question_is_about_one_caller() {
    let policy = policy();
    let services = store(&policy);
    let Err(Hurdle::Asks(Question { ask, .. })) =
        permissions(&["x"]).check(Some(&alice(&policy, &services)))
    else {
        panic!("asks");
    };
    let entry = crate::services::Ask::Entry {
        provider: "p".to_owned(),
        subject: "alice".to_owned(),
        name: "alice".to_owned(),
    };
    assert_eq!(ask, entry);
    assert_eq!(policy.services[0].cache_duration, Duration::from_secs(60));
}

#[test]
fn the_scopes_of_a_tree_are_named_once() {
    let tree = R::All(vec![
        R::Scopes(list(&["a", "b"])),
        R::Any(vec![R::Scopes(list(&["b", "c"])), R::User]),
        R::Not(Box::new(R::Scopes(list(&["x"])))),
    ]);
    assert_eq!(tree.scopes(), ["a", "b", "c"]);
}
