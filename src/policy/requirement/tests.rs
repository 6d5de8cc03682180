use std::rc::Rc;
use std::time::Duration;

use serde_json::json;

use super::{RequestView, Requirement as R};
use crate::callout::{CalloutOutcome, Leader};
use crate::capabilities::Capabilities;
use crate::config::Config;
use crate::config::ProviderId;
use crate::headers::Headers;
use crate::jose::ClaimSet;
use crate::keys::NoStore;
use crate::keys::testing::turn;
use crate::policy::Policy;
use crate::policy::denial::Denial;
use crate::policy::principal::{Identity, Principal, TrustedClaims};
use crate::policy::unmet::{Pending, Unmet};
use crate::services::ServiceStore;
use crate::time::{Now, UnixTime};

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
    Policy::compile(
        &Config::parse(config.to_string().as_bytes()).unwrap(),
        &Capabilities::envoy(),
    )
    .unwrap()
}

fn store(policy: &Policy) -> ServiceStore {
    ServiceStore::new(&policy.services, 10, [0; 32])
}

fn now() -> Now {
    Now::on(UnixTime::from_secs(1000))
}

fn alice<'p>(policy: &'p Policy, services: &'p ServiceStore) -> Principal<'p> {
    let claims = Rc::new(ClaimSet::parse(ALICE.as_bytes()).unwrap());
    let vouched = TrustedClaims::claims_of(claims);
    let provider = &policy.providers[0];
    let identity = Rc::new(Identity::new(provider, vouched));
    Principal::new(ProviderId(0), provider, identity, services, now())
}

/// A view that nothing is asked of.
fn nowhere() -> RequestView<'static> {
    static HEAD: std::sync::LazyLock<Headers> = std::sync::LazyLock::new(Headers::default);
    RequestView {
        rule: "r",
        variables: &[],
        head: &HEAD,
        readings: &[],
    }
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

fn denied(denial: Denial) -> Result<(), Unmet> {
    Err(Unmet::Denied(denial))
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
        let got = requirement.check(Some(&mut alice(&policy, &services)), &nowhere());
        let want = if want {
            Ok(())
        } else {
            denied(Denial::Forbidden)
        };
        assert_eq!(got, want, "{requirement:?}");
    }
    let got = R::Deny.check(Some(&mut alice(&policy, &services)), &nowhere());
    assert_eq!(got, denied(Denial::Denied));
}

#[test]
fn an_anonymous_caller_passes_only_where_no_credential_is_needed() {
    assert_eq!(R::Optional.check(None, &nowhere()), Ok(()));
    assert_eq!(R::Public.check(None, &nowhere()), Ok(()));
    assert_eq!(
        R::Any(vec![R::User, R::Optional]).check(None, &nowhere()),
        Ok(())
    );
    assert_eq!(R::Deny.check(None, &nowhere()), denied(Denial::Denied));
    let refused = [
        R::User,
        groups(&["a"]),
        R::Not(Box::new(groups(&["banned"]))),
        R::Not(Box::new(R::Machine(true))),
        R::All(vec![R::Optional, R::Not(Box::new(R::User))]),
        R::Any(vec![R::User, groups(&["a"])]),
    ];
    for requirement in refused {
        let got = requirement.check(None, &nowhere());
        assert_eq!(got, denied(Denial::Missing), "{requirement:?}");
    }
}

#[test]
fn empty_lists_hold_for_nobody() {
    let policy = policy();
    let services = store(&policy);
    let check =
        |requirement: R| requirement.check(Some(&mut alice(&policy, &services)), &nowhere());
    assert_eq!(check(R::Any(Vec::new())), denied(Denial::Forbidden));
    assert_eq!(
        R::Any(Vec::new()).check(None, &nowhere()),
        denied(Denial::Denied)
    );
    assert_eq!(check(groups(&[])), denied(Denial::Forbidden));
}

/// What a requirement comes to while the directories were not asked, have said this, or cannot be asked.
fn outcomes(requirement: &R) -> [Result<(), Unmet>; 3] {
    let policy = policy();
    let unasked = store(&policy);
    let first = requirement.check(Some(&mut alice(&policy, &unasked)), &nowhere());
    let settled = |outcome: &dyn Fn(&str) -> Option<&'static [u8]>| {
        let mut services = store(&policy);
        let mut got = requirement.check(Some(&mut alice(&policy, &services)), &nowhere());
        while let Err(Unmet::Pending(pending)) = &got {
            let [question] = pending.questions() else {
                panic!("{pending:?}")
            };
            services.want(question, now());
            let call = services
                .poll_call(
                    Leader::Request,
                    usize::MAX,
                    &mut turn(&mut NoStore, now().mono),
                )
                .unwrap();
            let uri = services.request(call).unwrap().uri();
            let answer = match outcome(&uri) {
                Some(body) => CalloutOutcome::Answered {
                    status: 200,
                    headers: &Headers::default(),
                    body,
                },
                None => CalloutOutcome::Failed,
            };
            services.handle_answered(call, answer, &mut turn(&mut NoStore, now()));
            got = requirement.check(Some(&mut alice(&policy, &services)), &nowhere());
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
    let asks = |got: &Result<(), Unmet>| matches!(got, Err(Unmet::Pending(_)));
    let outage = || denied(Denial::ServiceUnavailable { retry_after: 1 });
    let forbidden = || denied(Denial::Forbidden);
    type Row = (
        R,
        Option<Result<(), Unmet>>,
        Result<(), Unmet>,
        Result<(), Unmet>,
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
    let Err(Unmet::Pending(Pending::Answers(asked))) =
        permissions(&["x"]).check(Some(&mut alice(&policy, &services)), &nowhere())
    else {
        panic!("asks");
    };
    let entry = crate::services::Ask::Entry {
        provider: "p".into(),
        subject: "alice".into(),
        name: "alice".into(),
    };
    let asked: Vec<_> = asked.iter().map(|question| &question.ask).collect();
    assert_eq!(asked, [&entry]);
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

#[test]
fn a_claim_is_held_against_the_path() {
    let policy = |claims: &str| {
        let text = format!(
            r#"{{"providers": {{"p": {{"kind": "http", "verify": {{"uri": "http://v/"}}}}}},
                "rules": [{{"match": {{"path_template": "/users/{{user}}/orders/{{order}}/**"}}, "require": {{"claims": {claims}}}}}]}}"#
        );
        Config::parse(text.as_bytes())
            .and_then(|config| Policy::compile(&config, &Capabilities::envoy()))
            .map_err(|error| error.to_string())
    };
    let own = r#"{"sub": {"path_variable": "user"}}"#;
    let order = r#"{"/orders/last": {"path_variable": "order"}, "level": 3}"#;
    let either = r#"{"scope": {"contains": "orders:read"}, "groups": {"contains": "eu"}}"#;
    let rows = [
        (own, "/users/alice/orders/1", true),
        (own, "/users/%61lice/orders/1/x", true),
        (own, "/users/bob/orders/1", false),
        (own, "/users/Alice/orders/1", false),
        (order, "/users/bob/orders/42/lines", true),
        (order, "/users/bob/orders/042", false),
        (order, "/users/bob/orders/4.2e1", false),
        (either, "/users/bob/orders/1", true),
        (
            r#"{"missing": {"path_variable": "user"}}"#,
            "/users/alice/orders/1",
            false,
        ),
        (
            r#"{"groups": {"path_variable": "user"}}"#,
            "/users/staff/orders/1",
            false,
        ),
        (r#"{"level": "3"}"#, "/users/bob/orders/1", false),
    ];
    let alice = r#"{"sub":"alice","groups":["staff","eu"],"scope":"orders:read","level":3,"orders":{"last":42}}"#;
    for (claims, path, want) in rows {
        let policy = policy(claims).unwrap();
        let services = store(&policy);
        let vouched = TrustedClaims::claims_of(Rc::new(ClaimSet::parse(alice.as_bytes()).unwrap()));
        let provider = &policy.providers[0];
        let identity = Rc::new(Identity::new(provider, vouched));
        let mut caller = Principal::new(ProviderId(0), provider, identity, &services, now());
        let head = Headers::from_pairs(&[(":method", "GET"), (":authority", "x"), (":path", path)]);
        let (rule, variables) = policy.find(&head).unwrap();
        let got = rule.requirement.check(
            Some(&mut caller),
            &RequestView {
                rule: "r",
                variables: &variables,
                head: &head,
                readings: &[],
            },
        );
        let want = if want {
            Ok(())
        } else {
            denied(Denial::Forbidden)
        };
        assert_eq!(got, want, "{claims} {path}");
    }
    // These have another reading, or none.
    let readers = policy(own).unwrap();
    for (path, want) in [
        ("/users/alice%20/orders/1", Denial::AmbiguousRequest),
        ("/users/%ff/orders/1", Denial::MalformedPath),
    ] {
        let head = Headers::from_pairs(&[(":method", "GET"), (":authority", "x"), (":path", path)]);
        assert_eq!(readers.find(&head).map(drop), Err(want), "{path}");
    }
    for (claims, want) in [
        (
            r#"{"sub": {"path_variable": "usr"}}"#,
            "rules[0].require.claims.sub.path_variable: \"usr\" is not a variable of the rule's path_template; known: user, order",
        ),
        (
            "{}",
            "rules[0].require.claims: an empty object holds for everybody",
        ),
        (
            r#"{"sub": {"prefix": "a", "present": true}}"#,
            "rules[0].require.claims.sub: takes a value, or exactly one of",
        ),
    ] {
        let got = policy(claims).map(drop).unwrap_err();
        assert!(got.starts_with(want), "{got}");
    }
}

#[test]
fn path_parameters_cannot_make_another_variable() {
    let text =
        r#"{"rules": [{"match": {"path_template": "/users/{user}/**"}, "require": "public"}]}"#;
    let policy = Policy::compile(
        &Config::parse(text.as_bytes()).unwrap(),
        &Capabilities::envoy(),
    )
    .unwrap();
    let find = |path: &str| {
        let head = Headers::from_pairs(&[(":method", "GET"), (":authority", "x"), (":path", path)]);
        policy.find(&head).map(|(_, variables)| variables)
    };
    assert_eq!(
        find("/users/alice").unwrap(),
        [("user".to_owned(), "alice".to_owned())]
    );
    assert_eq!(find("/users/alice/a;v=1").unwrap().len(), 1);
    // Nothing depends on the variable, and another reading comes to the same rule.
    assert_eq!(find("/users/alice;v=1/a").unwrap().len(), 1);
    assert_eq!(find("/users;v=1/alice"), Err(Denial::AmbiguousRequest));
}

#[test]
fn a_contradiction_is_seen() {
    let not = |requirement| R::Not(Box::new(requirement));
    for (requirement, never) in [
        (R::Deny, true),
        (R::User, false),
        (not(R::User), true),
        (not(groups(&["a"])), false),
        (R::All(vec![R::Machine(true), R::Machine(false)]), true),
        (R::All(vec![groups(&["a"]), not(groups(&["a"]))]), true),
        (R::All(vec![groups(&["a"]), not(groups(&["b"]))]), false),
        (R::All(vec![groups(&["a"]), R::Deny]), true),
        (R::Any(vec![groups(&["a"]), R::Deny]), false),
        (R::Any(vec![not(R::User), R::Deny]), true),
        (not(R::Any(vec![groups(&["a"]), R::Optional])), true),
        (not(not(R::User)), false),
    ] {
        assert_eq!(requirement.never_holds(), never, "{requirement:?}");
    }
}
