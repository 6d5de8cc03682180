//! What may not happen: a resource is served against its rule, or somebody is seen whom the filter did not name.

use super::case::{Caller, Case};
use serde_json::Value;
use std::collections::BTreeMap;

/// How every forged value begins.
pub(super) const FORGED: &str = "forged-";

/// The headers by which the filter names a caller.
pub(super) const OWNED: [&str; 11] = [
    "x-auth-user-id",
    "x-auth-user-name",
    "x-auth-user-email",
    "x-auth-groups",
    "x-auth-roles",
    "x-auth-permissions",
    "x-auth-scopes",
    "x-auth-provider",
    "x-auth-client-id",
    "x-auth-m2m",
    "x-auth-shadow",
];

/// An answer as the client has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// What the upstream said of the request, where it was asked and said something.
    pub(super) told: Option<String>,
    /// Whether the upstream was asked, as far as the answer shows.
    pub(super) is_admitted: bool,
}

/// Whom the upstream sees of each caller: header and values.
pub(super) type Identity = BTreeMap<String, Vec<String>>;

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Envoy, the filter, or the connection's end.
    Refused,
    /// The upstream was asked and served no resource.
    Admitted,
    /// A resource was served to somebody who may have it.
    Served,
    /// What must not be.
    Wrong(String),
}

/// What the filter gives to upstreams, by caller, and the rules as they are meant.
pub(super) struct Judge {
    given: [Identity; 3],
}

impl Judge {
    /// From whom upstreams see of an honest request of each caller.
    pub(super) fn new(given: [Identity; 3]) -> Self {
        Self { given }
    }

    pub(super) fn verdict(&self, case: &Case, answer: &Answer) -> Verdict {
        if !answer.is_admitted {
            return Verdict::Refused;
        }
        let Some(told) = &answer.told else {
            // Servers refuse some requests before any program of theirs is asked.
            return if answer.status == 200 {
                Verdict::Wrong("an answer without a word of what was served".into())
            } else {
                Verdict::Admitted
            };
        };
        let Ok(told) = serde_json::from_str::<Value>(told) else {
            return Verdict::Wrong(format!("an answer that cannot be read: {told}"));
        };
        self.of(case.caller, &told)
            .map_or_else(Verdict::Wrong, |served| {
                if served {
                    Verdict::Served
                } else {
                    Verdict::Admitted
                }
            })
    }

    /// Whether a resource was served.
    fn of(&self, caller: Caller, told: &Value) -> Result<bool, String> {
        let seen = identity(told);
        let given = &self.given[caller as usize];
        let resource = told["resource"].as_str().filter(|name| !name.is_empty());
        let id = told["id"].as_str().unwrap_or_default();
        if let Some(resource) = resource {
            if !may(caller, resource, id) {
                return Err(format!("{resource} {id} was served to {}", caller.name()));
            }
            // An open rule looks at nobody; every other names its caller.
            if resource != "public" && seen != *given {
                return Err(format!(
                    "{resource} saw {seen:?}, and the filter gave {given:?}"
                ));
            }
            let token = told["token"].as_str().unwrap_or_default();
            if resource != "public" && token.contains(FORGED) {
                return Err(format!("{resource} saw the token {token}"));
            }
        }
        if !seen.is_empty() && seen != *given {
            return Err(format!("seen: {seen:?}, and the filter gave {given:?}"));
        }
        Ok(resource.is_some())
    }
}

/// Who may have what, by the rules of [`super::lab`].
fn may(caller: Caller, resource: &str, id: &str) -> bool {
    match resource {
        "public" => true,
        "report" | "item" => caller != Caller::Nobody,
        "user" => caller == Caller::Root || caller == Caller::Alice && id == "alice",
        "admin" | "admin-users" | "exact" | "delete-item" | "host" => caller == Caller::Root,
        _ => false,
    }
}

/// Whom the upstream saw, by the filter's names.
pub(super) fn identity(told: &Value) -> Identity {
    let seen = told["seen"].as_object().into_iter().flatten();
    seen.filter(|(name, _)| OWNED.contains(&name.as_str()))
        .map(|(name, values)| {
            let values = values.as_array().into_iter().flatten();
            let values = values
                .filter_map(Value::as_str)
                .filter(|value| !value.is_empty());
            (name.clone(), values.map(str::to_owned).collect::<Vec<_>>())
        })
        .filter(|(_, values)| !values.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_must_not_be_is_seen() {
        let alice = Identity::from([("x-auth-user-id".to_owned(), vec!["alice".to_owned()])]);
        let root = Identity::from([("x-auth-user-id".to_owned(), vec!["root".to_owned()])]);
        let judge = Judge::new([Identity::new(), alice, root]);
        let of = |caller, resource: Value, id: &str, user: Value| {
            let seen = json!({ "x-auth-user-id": [user], "x-auth-roles": [""] });
            judge.of(
                caller,
                &json!({ "resource": resource, "id": id, "seen": seen, "token": null }),
            )
        };
        assert_eq!(
            of(Caller::Nobody, json!("public"), "", json!(null)),
            Ok(true)
        );
        assert_eq!(
            of(Caller::Alice, json!("public"), "", json!(null)),
            Ok(true)
        );
        assert_eq!(
            of(Caller::Alice, json!("user"), "alice", json!("alice")),
            Ok(true)
        );
        assert_eq!(
            of(Caller::Root, json!("exact"), "", json!("root")),
            Ok(true)
        );
        assert_eq!(of(Caller::Nobody, json!(null), "", json!(null)), Ok(false));
        for (caller, resource, id, user) in [
            (Caller::Nobody, json!("admin"), "", json!(null)),
            (Caller::Alice, json!("user"), "Alice", json!("alice")),
            (Caller::Alice, json!("report"), "", json!(null)),
            (Caller::Alice, json!("report"), "", json!("root")),
            (Caller::Nobody, json!("public"), "", json!("forged-root")),
            (Caller::Nobody, json!(null), "", json!("alice")),
            (Caller::Root, json!("nothing we know"), "", json!("root")),
        ] {
            assert!(
                of(caller, resource.clone(), id, user).is_err(),
                "{caller:?} {resource}"
            );
        }
    }
}
