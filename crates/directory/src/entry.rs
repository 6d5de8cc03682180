//! What the directory knows of a subject, and why.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::database::{Database, DatabaseError, Row};
use crate::name;

/// All of it in one question. The seed's tables are read as they stand: what a subject has directly. What a group or a
/// role brings comes from `authz_inheritance`, one step each: groups bring roles and permissions, roles bring
/// permissions.
const QUESTION: &str = "\
SELECT 'group', exact(g.username), exact(g.\"group\"), '', '' FROM authz_groups g WHERE key(g.username) = ? \
UNION ALL SELECT 'role', exact(r.username), exact(r.role), '', '' FROM authz_roles r WHERE key(r.username) = ? \
UNION ALL SELECT 'permission', exact(p.username), exact(p.permission), '', '' FROM authz_permissions p WHERE key(p.username) = ? \
UNION ALL SELECT exact(i.kind), exact(g.username), exact(i.value), 'group', exact(i.holder) FROM authz_groups g \
JOIN authz_inheritance i ON i.holder_kind = 'group' AND key(i.holder) = exact(g.\"group\") WHERE key(g.username) = ? \
UNION ALL SELECT exact(i.kind), exact(r.username), exact(i.value), 'role', exact(i.holder) FROM authz_roles r \
JOIN authz_inheritance i ON i.holder_kind = 'role' AND key(i.holder) = exact(r.role) WHERE key(r.username) = ? \
UNION ALL SELECT exact(j.kind), exact(g.username), exact(j.value), 'role', exact(j.holder) FROM authz_groups g \
JOIN authz_inheritance i ON i.holder_kind = 'group' AND i.kind = 'role' AND key(i.holder) = exact(g.\"group\") \
JOIN authz_inheritance j ON j.holder_kind = 'role' AND key(j.holder) = exact(i.value) WHERE key(g.username) = ? \
UNION ALL SELECT 'profile', exact(u.username), exact(COALESCE(u.profile, '{}')), exact(COALESCE(u.name, '')), \
exact(COALESCE(u.email, '')) FROM authz_users u WHERE key(u.username) = ?";

/// How often the subject stands in the question.
const SUBJECTS: usize = 7;

/// Why a subject has something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// It was given to the subject.
    Direct,
    /// One of its groups brings it.
    Group(String),
    /// One of its roles brings it.
    Role(String),
}

/// Names, each with its reasons.
pub(crate) type Reasons = BTreeMap<String, BTreeSet<Reason>>;

/// What is known of a subject.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Entry {
    /// Groups.
    pub(crate) groups: Reasons,
    /// Roles.
    pub(crate) roles: Reasons,
    /// Permissions.
    pub(crate) permissions: Reasons,
    /// Whatever else.
    pub(crate) profile: Map<String, Value>,
}

/// Looks a subject up; `None` for one of whom nothing is known.
pub(crate) async fn find(
    database: &Database,
    subject: &str,
) -> Result<Option<Entry>, DatabaseError> {
    if name::is_nobodys(subject) {
        return Ok(None);
    }
    let rows = database.rows(QUESTION, &[Some(subject); SUBJECTS]).await?;
    Ok(read(subject, rows))
}

/// Makes an entry of the rows. A database may count `Alice`, `alice` and `alice ` as one name: their rows are not this
/// subject's. What is brought by a group or a role that is only alike is not brought either.
fn read(subject: &str, rows: Vec<Row>) -> Option<Entry> {
    let mut entry = Entry::default();
    let mut known = false;
    let mut brought = Vec::new();
    for row in rows {
        let mut texts = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || texts.next().unwrap_or_default();
        let (kind, username, value, via_kind, via) = (next(), next(), next(), next(), next());
        if username != subject {
            continue;
        }
        known = true;
        match (kind.as_str(), via_kind.as_str()) {
            ("profile", _) => entry.profile = profile(&value, &via_kind, &via),
            ("group", "") => add(&mut entry.groups, value, Reason::Direct),
            ("role", "") => add(&mut entry.roles, value, Reason::Direct),
            ("permission", "") => add(&mut entry.permissions, value, Reason::Direct),
            _ => brought.push((kind, value, via_kind, via)),
        }
    }
    for (kind, value, via_kind, via) in &brought {
        if (kind.as_str(), via_kind.as_str()) == ("role", "group") && entry.groups.contains_key(via)
        {
            add(&mut entry.roles, value.clone(), Reason::Group(via.clone()));
        }
    }
    for (kind, value, via_kind, via) in brought {
        match (kind.as_str(), via_kind.as_str()) {
            ("permission", "group") if entry.groups.contains_key(&via) => {
                add(&mut entry.permissions, value, Reason::Group(via));
            }
            ("permission", "role") if entry.roles.contains_key(&via) => {
                add(&mut entry.permissions, value, Reason::Role(via));
            }
            _ => {}
        }
    }
    known.then_some(entry)
}

fn add(to: &mut Reasons, value: String, reason: Reason) {
    to.entry(value).or_default().insert(reason);
}

/// The stored object, with the user's name and address where they are known.
fn profile(stored: &str, name: &str, email: &str) -> Map<String, Value> {
    let mut profile: Map<String, Value> = serde_json::from_str(stored).unwrap_or_default();
    for (key, value) in [("name", name), ("email", email)] {
        if !value.is_empty() {
            profile.insert(key.to_owned(), json!(value));
        }
    }
    profile
}

impl Entry {
    /// What the filter reads.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "groups": self.groups.keys().collect::<Vec<_>>(),
            "roles": self.roles.keys().collect::<Vec<_>>(),
            "permissions": self.permissions.keys().collect::<Vec<_>>(),
            "profile": self.profile,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(texts: [&str; 5]) -> Row {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    #[test]
    fn each_thing_has_its_reasons() {
        let rows = vec![
            row(["group", "ann", "staff", "", ""]),
            row(["role", "ann", "editor", "group", "staff"]),
            row(["permission", "ann", "write", "role", "editor"]),
            row(["permission", "ann", "write", "", ""]),
            row(["permission", "ann", "enter", "group", "staff"]),
            row(["profile", "ann", r#"{"floor": 2}"#, "Ann", ""]),
        ];
        let entry = read("ann", rows).unwrap();
        let one = |reason: Reason| BTreeSet::from([reason]);
        assert_eq!(entry.groups["staff"], one(Reason::Direct));
        assert_eq!(entry.roles["editor"], one(Reason::Group("staff".into())));
        assert_eq!(
            entry.permissions["enter"],
            one(Reason::Group("staff".into()))
        );
        let both = BTreeSet::from([Reason::Direct, Reason::Role("editor".into())]);
        assert_eq!(entry.permissions["write"], both);
        assert_eq!(
            entry.to_json(),
            json!({
                "groups": ["staff"], "roles": ["editor"], "permissions": ["enter", "write"],
                "profile": { "floor": 2, "name": "Ann" },
            })
        );
    }

    #[test]
    fn what_is_only_alike_is_not_the_subjects() {
        // As a database answers whose texts compare without case and without blanks at their end.
        let rows = vec![
            row(["group", "Ann", "staff", "", ""]),
            row(["permission", "ann ", "write", "", ""]),
        ];
        assert_eq!(read("ann", rows), None);
        let rows = vec![
            row(["group", "ann", "Staff", "", ""]),
            row(["role", "ann", "editor", "group", "staff"]),
            row(["permission", "ann", "write", "role", "editor"]),
            row(["permission", "ann", "enter", "group", "staff"]),
        ];
        let entry = read("ann", rows).unwrap();
        assert_eq!((entry.roles.len(), entry.permissions.len()), (0, 0));
    }
}
