//! Grants: who has which group, role or permission, and what groups and roles bring.

use crate::database::{DatabaseError, Session};
use crate::id;
use crate::name::{self, LONGEST_SUBJECT, LONGEST_VALUE};

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What was asked for.
    #[error("{0}")]
    Input(String),
}

impl From<String> for ChangeError {
    fn from(text: String) -> Self {
        Self::Input(text)
    }
}

/// Who has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum HolderKind {
    /// A subject.
    Subject,
    /// Whoever is in a group.
    Group,
    /// Whoever has a role.
    Role,
}

/// What is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A group.
    Group,
    /// A role.
    Role,
    /// A permission.
    Permission,
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Grant {
    pub(crate) holder_kind: HolderKind,
    pub(crate) holder: String,
    pub(crate) kind: Kind,
    pub(crate) value: String,
}

/// The words for holder and kind in files and lists, one for each pair that there is.
const WORDS: [(&str, HolderKind, Kind); 6] = [
    ("group", HolderKind::Subject, Kind::Group),
    ("role", HolderKind::Subject, Kind::Role),
    ("permission", HolderKind::Subject, Kind::Permission),
    ("group_role", HolderKind::Group, Kind::Role),
    ("group_permission", HolderKind::Group, Kind::Permission),
    ("role_permission", HolderKind::Role, Kind::Permission),
];

impl Grant {
    /// A grant, where one can be of this kind and these names.
    pub(crate) fn new(
        holder_kind: HolderKind,
        holder: &str,
        kind: Kind,
        value: &str,
    ) -> Result<Self, String> {
        let (what, longest) = match holder_kind {
            HolderKind::Subject => ("the subject", LONGEST_SUBJECT),
            HolderKind::Group => ("the group", LONGEST_VALUE),
            HolderKind::Role => ("the role", LONGEST_VALUE),
        };
        name::check(what, holder, longest)?;
        let what = match kind {
            Kind::Group => "the group",
            Kind::Role => "the role",
            Kind::Permission => "the permission",
        };
        name::check(what, value, LONGEST_VALUE)?;
        let known = WORDS
            .iter()
            .any(|(_, a, b)| (*a, *b) == (holder_kind, kind));
        if !known {
            return Err("groups bring roles and permissions, roles bring permissions".to_owned());
        }
        Ok(Self {
            holder_kind,
            holder: holder.to_owned(),
            kind,
            value: value.to_owned(),
        })
    }

    /// A grant by its word.
    pub(crate) fn from_word(word: &str, holder: &str, value: &str) -> Result<Self, String> {
        let Some((_, holder_kind, kind)) = WORDS.iter().find(|(known, ..)| *known == word) else {
            let known: Vec<_> = WORDS.iter().map(|(word, ..)| *word).collect();
            let known = known.join(", ");
            return Err(format!("{word:?} is no kind of grant; known: {known}"));
        };
        Self::new(*holder_kind, holder, *kind, value)
    }

    /// Its word.
    pub(crate) fn word(&self) -> &'static str {
        let own = (self.holder_kind, self.kind);
        let found = WORDS.iter().find(|(_, a, b)| (*a, *b) == own);
        found.map_or("", |(word, ..)| word)
    }

    /// Table, key and value column of a subject's grants; `None` for what groups and roles bring.
    const fn table(&self) -> Option<(&'static str, &'static str)> {
        match (self.holder_kind, self.kind) {
            (HolderKind::Subject, Kind::Group) => Some(("authz_groups", "\"group\"")),
            (HolderKind::Subject, Kind::Role) => Some(("authz_roles", "role")),
            (HolderKind::Subject, Kind::Permission) => Some(("authz_permissions", "permission")),
            _ => None,
        }
    }

    /// The rows that are this grant: the seed's tables may hold one twice.
    async fn rows(&self, session: &mut Session) -> Result<Vec<String>, DatabaseError> {
        let rows = if let Some((table, column)) = self.table() {
            let query = format!(
                "SELECT id, exact(username), exact({column}) FROM {table} WHERE key(username) = ?"
            );
            session.rows(&query, &[Some(&self.holder)]).await?
        } else {
            let query = "SELECT id, exact(holder), exact(value) FROM authz_inheritance \
                         WHERE key(holder) = ? AND holder_kind = ? AND kind = ?";
            let values = [
                Some(&*self.holder),
                Some(self.holder_word()),
                Some(self.kind_word()),
            ];
            session.rows(query, &values).await?
        };
        let own = |row: Vec<Option<String>>| {
            let [id, holder, value] = <[_; 3]>::try_from(row).ok()?;
            let same = holder.as_ref() == Some(&self.holder) && value.as_ref() == Some(&self.value);
            id.filter(|_| same)
        };
        Ok(rows.into_iter().filter_map(own).collect())
    }

    pub(crate) const fn holder_word(&self) -> &'static str {
        match self.holder_kind {
            HolderKind::Subject => "subject",
            HolderKind::Group => "group",
            HolderKind::Role => "role",
        }
    }

    pub(crate) const fn kind_word(&self) -> &'static str {
        match self.kind {
            Kind::Group => "group",
            Kind::Role => "role",
            Kind::Permission => "permission",
        }
    }
}

/// Adds a grant; false where it is there already.
pub(crate) async fn add(session: &mut Session, grant: &Grant) -> Result<bool, ChangeError> {
    if !grant.rows(session).await?.is_empty() {
        return Ok(false);
    }
    insert(session, std::slice::from_ref(grant)).await?;
    Ok(true)
}

/// Removes a grant; false where there is none.
pub(crate) async fn remove(session: &mut Session, grant: &Grant) -> Result<bool, ChangeError> {
    let rows = grant.rows(session).await?;
    let table = grant
        .table()
        .map_or("authz_inheritance", |(table, _)| table);
    let delete = format!("DELETE FROM {table} WHERE id = ?");
    for id in &rows {
        session.run(&delete, &[Some(id)]).await?;
    }
    Ok(!rows.is_empty())
}

/// Inserts grants that all go to one table, and of which none is there.
pub(crate) async fn insert(session: &mut Session, grants: &[Grant]) -> Result<(), ChangeError> {
    let Some(first) = grants.first() else {
        return Ok(());
    };
    let ids = grants
        .iter()
        .map(|_| id::new())
        .collect::<Result<Vec<_>, _>>()?;
    let rows = ids.iter().zip(grants);
    let (columns, values): (String, Vec<_>) = match first.table() {
        Some((table, column)) => (
            format!("{table} (id, username, {column}) VALUES (?, ?, ?)"),
            rows.flat_map(|(id, grant)| [Some(&**id), Some(&*grant.holder), Some(&*grant.value)])
                .collect(),
        ),
        None => (
            "authz_inheritance (id, holder_kind, holder, kind, value) VALUES (?, ?, ?, ?, ?)"
                .to_owned(),
            rows.flat_map(|(id, grant)| {
                let (holder_kind, kind) = (grant.holder_word(), grant.kind_word());
                let (holder, value) = (Some(&*grant.holder), Some(&*grant.value));
                [Some(&**id), Some(holder_kind), holder, Some(kind), value]
            })
            .collect(),
        ),
    };
    let one = if first.table().is_some() {
        ", (?, ?, ?)"
    } else {
        ", (?, ?, ?, ?, ?)"
    };
    let more = one.repeat(grants.len().saturating_sub(1));
    session
        .run(&format!("INSERT INTO {columns}{more}"), &values)
        .await?;
    Ok(())
}

/// Every grant, or those of one holder, in order.
pub(crate) async fn list(
    session: &mut Session,
    holder: Option<&str>,
) -> Result<Vec<Grant>, ChangeError> {
    let mut grants = Vec::new();
    for (word, table, column) in [
        ("group", "authz_groups", "\"group\""),
        ("role", "authz_roles", "role"),
        ("permission", "authz_permissions", "permission"),
    ] {
        let narrowed = if holder.is_some() {
            " WHERE key(username) = ?"
        } else {
            ""
        };
        let query = format!("SELECT exact(username), exact({column}) FROM {table}{narrowed}");
        let values: Vec<_> = holder.map(Some).into_iter().collect();
        for row in session.rows(&query, &values).await? {
            let mut row = row.into_iter().map(Option::unwrap_or_default);
            let (who, value) = (
                row.next().unwrap_or_default(),
                row.next().unwrap_or_default(),
            );
            grants.push(stored(word, who, value));
        }
    }
    grants.extend(inherited(session).await?);
    grants.retain(|grant| holder.is_none_or(|holder| holder == grant.holder));
    grants.sort_unstable();
    grants.dedup();
    Ok(grants)
}

/// What groups and roles bring.
async fn inherited(session: &mut Session) -> Result<Vec<Grant>, ChangeError> {
    let mut grants = Vec::new();
    let query = "SELECT holder_kind, kind, exact(holder), exact(value) FROM authz_inheritance";
    for row in session.rows(query, &[]).await? {
        let mut row = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || row.next().unwrap_or_default();
        let word = format!("{}_{}", next(), next());
        let (who, value) = (next(), next());
        if WORDS.iter().any(|(known, ..)| **known == word) {
            grants.push(stored(&word, who, value));
        }
    }
    Ok(grants)
}

/// What a table holds is taken as it is: it may be older than the rules for names.
fn stored(word: &str, holder: String, value: String) -> Grant {
    let found = WORDS.iter().find(|(known, ..)| *known == word);
    let (holder_kind, kind) = found.map_or((HolderKind::Subject, Kind::Permission), |(_, a, b)| {
        (*a, *b)
    });
    Grant {
        holder_kind,
        holder,
        kind,
        value,
    }
}
