//! The tables, and what is made of them where it lacks.
//!
//! `authz_groups` and `authz_permissions` may be there already, made by the Python library: they stay as they are, and
//! only get the index that it forgot. Every step can be taken again.

use super::{Database, DatabaseError, Dialect, Session};

/// A table's name and its columns.
const TABLES: &[(&str, &str)] = &[
    (
        "authz_groups",
        "id VARCHAR(27) NOT NULL PRIMARY KEY, username VARCHAR(500) NOT NULL, \"group\" VARCHAR(100) NOT NULL",
    ),
    (
        "authz_permissions",
        "id VARCHAR(27) NOT NULL PRIMARY KEY, username VARCHAR(500) NOT NULL, permission VARCHAR(100) NOT NULL",
    ),
    (
        "authz_roles",
        "id VARCHAR(27) NOT NULL PRIMARY KEY, username VARCHAR(500) NOT NULL, role VARCHAR(100) NOT NULL",
    ),
    (
        "authz_inheritance",
        "id VARCHAR(27) NOT NULL PRIMARY KEY, holder_kind VARCHAR(10) NOT NULL, holder VARCHAR(100) NOT NULL, \
         kind VARCHAR(10) NOT NULL, value VARCHAR(100) NOT NULL",
    ),
    (
        "authz_users",
        "id VARCHAR(27) NOT NULL PRIMARY KEY, username VARCHAR(500) NOT NULL, password_hash VARCHAR(500), \
         name VARCHAR(500), email VARCHAR(500), profile TEXT",
    ),
    (
        "authz_api_keys",
        "id VARCHAR(27) NOT NULL PRIMARY KEY, username VARCHAR(500) NOT NULL, digest VARCHAR(64) NOT NULL, \
         key_groups TEXT NOT NULL, expires_at VARCHAR(40)",
    ),
];

/// A table, a column, and whether its values are unique.
const INDEXES: &[(&str, &str, bool)] = &[
    ("authz_groups", "username", false),
    ("authz_permissions", "username", false),
    ("authz_roles", "username", false),
    ("authz_inheritance", "holder", false),
    ("authz_users", "username", true),
    ("authz_api_keys", "username", false),
    ("authz_api_keys", "digest", true),
];

pub(super) async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    let mut session = database.begin().await?;
    let dialect = database.dialect();
    // Several instances may start at once. MySQL ends a transaction at each of these statements, so that its lock is the
    // connection's own, and SQLite's transaction is a lock by itself.
    match dialect {
        Dialect::Postgres => {
            let lock = "SELECT 'locked' FROM pg_advisory_xact_lock(7241033908152)";
            session.rows(lock, &[]).await.map(drop)?;
        }
        Dialect::MySql => {
            let lock = "SELECT GET_LOCK('auth-directory', 60)";
            session.rows(lock, &[]).await.map(drop)?;
        }
        Dialect::Sqlite => {}
    }
    let made = make(&mut session, dialect).await;
    if dialect == Dialect::MySql {
        let unlock = "SELECT RELEASE_LOCK('auth-directory')";
        session.rows(unlock, &[]).await.map(drop)?;
    }
    made?;
    session.commit().await
}

async fn make(session: &mut Session, dialect: Dialect) -> Result<(), DatabaseError> {
    for (table, columns) in TABLES {
        if !has_table(session, dialect, table).await? {
            let options = match dialect {
                Dialect::MySql => " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                Dialect::Postgres | Dialect::Sqlite => "",
            };
            let create = format!("CREATE TABLE IF NOT EXISTS {table} ({columns}){options}");
            session.run(&create, &[]).await?;
        }
    }
    for (table, column, unique) in INDEXES {
        let name = format!("{table}_by_{column}");
        if !has_index(session, dialect, table, &name).await? {
            // The older row formats of MySQL, which a table that is there may have, index 767 bytes.
            let column = match (dialect, *column) {
                (Dialect::MySql, "username") if !unique => "username(191)".to_owned(),
                _ => format!("key({column})"),
            };
            let unique = if *unique { "UNIQUE " } else { "" };
            let create = format!("CREATE {unique}INDEX {name} ON {table} ({column})");
            session.run(&create, &[]).await?;
        }
    }
    Ok(())
}

async fn has_table(
    session: &mut Session,
    dialect: Dialect,
    table: &str,
) -> Result<bool, DatabaseError> {
    let query = match dialect {
        Dialect::Postgres => "SELECT 'yes' WHERE to_regclass(?) IS NOT NULL",
        Dialect::MySql => {
            "SELECT 'yes' FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
        }
        Dialect::Sqlite => {
            "SELECT 'yes' FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?"
        }
    };
    Ok(!session.rows(query, &[Some(table)]).await?.is_empty())
}

async fn has_index(
    session: &mut Session,
    dialect: Dialect,
    table: &str,
    name: &str,
) -> Result<bool, DatabaseError> {
    let rows = match dialect {
        Dialect::Postgres => {
            let query = "SELECT 'yes' WHERE to_regclass(?) IS NOT NULL";
            session.rows(query, &[Some(name)]).await?
        }
        Dialect::MySql => {
            let query = "SELECT 'yes' FROM information_schema.statistics \
                         WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?";
            session.rows(query, &[Some(table), Some(name)]).await?
        }
        Dialect::Sqlite => {
            let query = "SELECT 'yes' FROM sqlite_master WHERE type = 'index' AND name = ?";
            session.rows(query, &[Some(name)]).await?
        }
    };
    Ok(!rows.is_empty())
}
