//! What the pages list.

use crate::database::{Database, DatabaseError, Dialect, Row};
use crate::keys::Key;
use crate::name;

/// How many subjects a page has.
pub(crate) const PAGE: usize = 50;

const TABLES: [&str; 5] = [
    "authz_groups",
    "authz_permissions",
    "authz_roles",
    "authz_users",
    "authz_api_keys",
];

/// The subjects whose names begin so and come after another one, in order, and whether there are more.
pub(crate) async fn subjects(
    database: &Database,
    prefix: &str,
    after: &str,
) -> Result<(Vec<String>, bool), DatabaseError> {
    if prefix.contains('\0') || after.contains('\0') {
        return Ok((Vec::new(), false));
    }
    // MySQL's indexes serve only its own comparison, by which what begins so is a part of what is alike.
    let mysql = database.dialect() == Dialect::MySql;
    let (column, alike) = if mysql {
        ("exact(username)", " AND username LIKE ?")
    } else {
        ("key(username)", "")
    };
    let limit = PAGE.saturating_add(1);
    let parts: Vec<_> = TABLES
        .iter()
        .map(|table| {
            format!(
                "SELECT username FROM (SELECT DISTINCT exact(username) AS username FROM {table} \
                 WHERE {column} > ? AND {column} >= ? AND {column} < ?{alike} ORDER BY 1 LIMIT {limit}) AS {table}_page"
            )
        })
        .collect();
    let query = format!("{} ORDER BY 1 LIMIT {limit}", parts.join(" UNION "));
    let (end, pattern) = (end_of(prefix), pattern(prefix));
    let mut values = Vec::new();
    for _ in TABLES {
        values.extend([Some(after), Some(prefix), Some(&*end)]);
        values.extend(mysql.then_some(Some(&*pattern)));
    }
    let rows = database.rows(&query, &values).await?;
    let mut names: Vec<_> = rows.into_iter().flatten().flatten().collect();
    let more = names.len() > PAGE;
    names.truncate(PAGE);
    Ok((names, more))
}

/// The first text, byte by byte, behind all that begin so.
fn end_of(prefix: &str) -> String {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        let next = (u32::from(last)..)
            .skip(1)
            .take(0x801)
            .find_map(char::from_u32);
        if let Some(next) = next {
            letters.push(next);
            return letters.into_iter().collect();
        }
    }
    char::MAX.to_string()
}

/// A pattern of `LIKE` for all that begin so.
fn pattern(prefix: &str) -> String {
    let mut out = String::with_capacity(prefix.len().saturating_add(1));
    for letter in prefix.chars() {
        if ['\\', '%', '_'].contains(&letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('%');
    out
}

/// Which credentials a subject has.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) password: bool,
    pub(crate) keys: Vec<Key>,
}

/// Looks a subject's credentials up.
pub(crate) async fn credentials(
    database: &Database,
    subject: &str,
) -> Result<Credentials, DatabaseError> {
    let mut found = Credentials::default();
    if name::is_nobodys(subject) {
        return Ok(found);
    }
    let query = "SELECT exact(username), '', '', '' FROM authz_users \
                 WHERE key(username) = ? AND password_hash IS NOT NULL \
                 UNION ALL SELECT exact(username), digest, exact(key_groups), COALESCE(expires_at, '') \
                 FROM authz_api_keys WHERE key(username) = ?";
    for row in database.rows(query, &[Some(subject); 2]).await? {
        take(&mut found, subject, row);
    }
    Ok(found)
}

fn take(found: &mut Credentials, subject: &str, row: Row) {
    let mut texts = row.into_iter().map(Option::unwrap_or_default);
    let mut next = || texts.next().unwrap_or_default();
    let (owner, digest, groups, expires_at) = (next(), next(), next(), next());
    if owner != subject {
        return;
    }
    if digest.is_empty() {
        found.password = true;
        return;
    }
    found.keys.push(Key {
        owner,
        digest,
        groups: serde_json::from_str(&groups).unwrap_or_default(),
        expires_at: Some(expires_at).filter(|text| !text.is_empty()),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_behind_all_that_begin_so() {
        for (prefix, end) in [
            ("", "\u{10ffff}"),
            ("a", "b"),
            ("a\u{d7ff}", "a\u{e000}"),
            ("a\u{10ffff}", "b"),
            ("\u{10ffff}", "\u{10ffff}"),
        ] {
            assert_eq!(end_of(prefix), end, "{prefix:?}");
        }
        assert_eq!(pattern("a%b_c\\"), "a\\%b\\_c\\\\%");
    }
}
