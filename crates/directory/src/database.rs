//! One database, of three kinds: what is asked of it is written once, and all that goes in or comes out is text.
//!
//! Statements are templates: `?` stands for a value, `"…"` quotes a name, `exact(…)` is a text that compares byte by byte
//! and `key(…)` is a column as its index has it. [`Dialect`] writes them out.

mod dialect;
mod schema;

use std::borrow::Cow;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use sqlx::mysql::{MySql, MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, Postgres};
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _, Transaction};

pub(crate) use self::dialect::Dialect;

/// How many virtual instructions of SQLite pass between two looks at the clock: about a millisecond's worth.
const SQLITE_INSTRUCTIONS: i32 = 10_000;

/// Why the database gave no answer. Says nothing of the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// The URL is none of the three kinds, or not well-formed.
    #[error("{0}")]
    Url(Cow<'static, str>),
    /// The database itself, or the way to it.
    #[error("the database: {0}")]
    Driver(#[from] sqlx::Error),
    /// A text that is not UTF-8.
    #[error("the database holds a text that is not UTF-8")]
    Text(#[from] std::string::FromUtf8Error),
}

/// How connections are made and what they may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many connections there are at the most.
    pub(crate) connections: u32,
    /// How long one statement may take, where it must end.
    pub(crate) statement: Option<Duration>,
    /// How long a request waits for a connection.
    pub(crate) acquire: Duration,
}

/// A value of a statement.
pub(crate) type Value<'v> = Option<&'v str>;
/// A row: each column's text, or nothing.
pub(crate) type Row = Vec<Option<String>>;

/// A pool of connections to a database of one of the kinds.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// PostgreSQL.
    Postgres(PgPool),
    /// MySQL and MariaDB.
    MySql(MySqlPool),
    /// SQLite, in this process.
    Sqlite(SqlitePool),
}

/// A transaction, which is undone unless it is committed.
pub(crate) enum Session {
    /// PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
    /// MySQL and MariaDB.
    MySql(Transaction<'static, MySql>),
    /// SQLite.
    Sqlite(Transaction<'static, Sqlite>),
}

/// Binds the values, runs the statement and makes text of what comes.
macro_rules! rows {
    ($executor:expr, $sql:expr, $values:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($sql));
        for value in $values {
            query = query.bind(*value);
        }
        let mut rows = Vec::new();
        for row in query.fetch_all($executor).await? {
            let mut texts: Row = Vec::with_capacity(row.len());
            for column in 0..row.len() {
                // Bytes: drivers differ in which columns they take for text.
                let bytes: Option<Vec<u8>> = row.try_get_unchecked(column)?;
                texts.push(bytes.map(String::from_utf8).transpose()?);
            }
            rows.push(texts);
        }
        Ok(rows)
    }};
}

macro_rules! run {
    ($executor:expr, $sql:expr, $values:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($sql));
        for value in $values {
            query = query.bind(*value);
        }
        Ok(query.execute($executor).await?.rows_affected())
    }};
}

impl Database {
    /// Opens a pool. Connections are made when they are first needed, so that a database that is down keeps nobody from
    /// starting.
    pub(crate) fn open(url: &str, limits: Limits) -> Result<Self, DatabaseError> {
        // SQLAlchemy's URLs name a driver behind the kind.
        let (kind, rest) = url.split_once("://").unwrap_or_default();
        let kind = kind.split_once('+').map_or(kind, |(kind, _)| kind);
        match kind {
            "postgres" | "postgresql" => postgres(&format!("{kind}://{rest}"), limits),
            "mysql" | "mariadb" => mysql(&format!("{kind}://{rest}"), limits),
            _ => sqlite(url, limits),
        }
    }

    /// The kind.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::MySql(_) => Dialect::MySql,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// All rows that a statement gives.
    pub(crate) async fn rows(
        &self,
        template: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, DatabaseError> {
        let sql = self.dialect().render(template);
        match self {
            Self::Postgres(pool) => rows!(pool, sql, values),
            Self::MySql(pool) => rows!(pool, sql, values),
            Self::Sqlite(pool) => rows!(pool, sql, values),
        }
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Session, DatabaseError> {
        Ok(match self {
            Self::Postgres(pool) => Session::Postgres(pool.begin().await?),
            Self::MySql(pool) => Session::MySql(pool.begin().await?),
            // A reader that becomes a writer would fail at once where another writes.
            Self::Sqlite(pool) => Session::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
        })
    }

    /// Connections in all, and those that nobody uses.
    pub(crate) fn connections(&self) -> (u32, usize) {
        match self {
            Self::Postgres(pool) => (pool.size(), pool.num_idle()),
            Self::MySql(pool) => (pool.size(), pool.num_idle()),
            Self::Sqlite(pool) => (pool.size(), pool.num_idle()),
        }
    }

    /// Closes all connections, when their work is done.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::MySql(pool) => pool.close().await,
            Self::Sqlite(pool) => pool.close().await,
        }
    }

    /// Makes what is missing of tables and indexes, and changes nothing that is there.
    pub(crate) async fn migrate(&self) -> Result<(), DatabaseError> {
        schema::migrate(self).await
    }
}

impl Session {
    const fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::MySql(_) => Dialect::MySql,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// All rows that a statement gives.
    pub(crate) async fn rows(
        &mut self,
        template: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, DatabaseError> {
        let sql = self.dialect().render(template);
        match self {
            Self::Postgres(on) => rows!(&mut **on, sql, values),
            Self::MySql(on) => rows!(&mut **on, sql, values),
            Self::Sqlite(on) => rows!(&mut **on, sql, values),
        }
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) async fn run(
        &mut self,
        template: &str,
        values: &[Value<'_>],
    ) -> Result<u64, DatabaseError> {
        let sql = self.dialect().render(template);
        match self {
            Self::Postgres(on) => run!(&mut **on, sql, values),
            Self::MySql(on) => run!(&mut **on, sql, values),
            Self::Sqlite(on) => run!(&mut **on, sql, values),
        }
    }

    /// Makes it last.
    pub(crate) async fn commit(self) -> Result<(), DatabaseError> {
        match self {
            Self::Postgres(on) => on.commit().await?,
            Self::MySql(on) => on.commit().await?,
            Self::Sqlite(on) => on.commit().await?,
        }
        Ok(())
    }
}

/// What holds for pools of each kind.
fn pool<D: sqlx::Database>(options: PoolOptions<D>, limits: Limits) -> PoolOptions<D> {
    options
        .max_connections(limits.connections)
        .acquire_timeout(limits.acquire)
}

fn bad_url(error: &sqlx::Error) -> DatabaseError {
    DatabaseError::Url(Cow::Owned(format!("the database's URL: {error}")))
}

fn postgres(url: &str, limits: Limits) -> Result<Database, DatabaseError> {
    let mut options = PgConnectOptions::from_str(url)
        .map_err(|error| bad_url(&error))?
        .application_name("auth-directory")
        .disable_statement_logging();
    if let Some(statement) = limits.statement {
        options = options.options([("statement_timeout", statement.as_millis().to_string())]);
    }
    let pool = pool(PgPoolOptions::new(), limits);
    Ok(Database::Postgres(pool.connect_lazy_with(options)))
}

fn mysql(url: &str, limits: Limits) -> Result<Database, DatabaseError> {
    let options = MySqlConnectOptions::from_str(url)
        .map_err(|error| bad_url(&error))?
        .disable_statement_logging();
    let mut pool = pool(MySqlPoolOptions::new(), limits);
    if let Some(statement) = limits.statement {
        pool = pool.after_connect(move |connection, _| {
            Box::pin(async move {
                let version: String = sqlx::query_scalar("SELECT VERSION()")
                    .fetch_one(&mut *connection)
                    .await?;
                // MariaDB counts seconds and means every statement; MySQL counts milliseconds and means reading ones.
                let limit = if version.contains("MariaDB") {
                    format!(
                        "SET SESSION max_statement_time = {}",
                        statement.as_secs_f64()
                    )
                } else {
                    format!("SET SESSION max_execution_time = {}", statement.as_millis())
                };
                connection.execute(AssertSqlSafe(limit)).await.map(drop)
            })
        });
    }
    Ok(Database::MySql(pool.connect_lazy_with(options)))
}

fn sqlite(url: &str, limits: Limits) -> Result<Database, DatabaseError> {
    let options = if url.starts_with("sqlite:") {
        SqliteConnectOptions::from_str(url).map_err(|error| bad_url(&error))?
    } else if url.is_empty() || url.contains("://") {
        return Err(DatabaseError::Url(Cow::Borrowed(
            "the database is a file, or a URL that begins with sqlite:, postgres: or mysql:",
        )));
    } else {
        SqliteConnectOptions::new().filename(PathBuf::from(url))
    };
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(limits.statement.unwrap_or(Duration::from_secs(60)))
        .pragma("mmap_size", "1073741824")
        .disable_statement_logging();
    let mut pool = pool(SqlitePoolOptions::new(), limits);
    if let Some(statement) = limits.statement {
        pool = pool
            .test_before_acquire(false)
            .after_connect(move |connection, _| Box::pin(end_in_time(connection, statement)))
            .before_acquire(move |connection, _| {
                Box::pin(async move { end_in_time(connection, statement).await.map(|()| true) })
            });
    }
    Ok(Database::Sqlite(pool.connect_lazy_with(options)))
}

/// Has SQLite give up what takes longer than this from now on.
async fn end_in_time(connection: &mut SqliteConnection, statement: Duration) -> sqlx::Result<()> {
    let mut handle = connection.lock_handle().await?;
    let start = Instant::now();
    handle.set_progress_handler(SQLITE_INSTRUCTIONS, move || start.elapsed() < statement);
    Ok(())
}
