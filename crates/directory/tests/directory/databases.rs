//! Real servers of PostgreSQL and MariaDB, one of each for the whole run, and a database in them for each test.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lab::process::{Guard, run};
use lab::tools::lab_dir;
use lab::{debian, ports};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
    MariaDb,
}

/// A database of its own.
pub struct Db {
    pub kind: Kind,
    pub url: String,
    /// Where its server listens; nowhere for SQLite.
    pub addr: Option<SocketAddr>,
}

/// A running server.
struct Server {
    addr: SocketAddr,
    _process: Guard,
}

impl Db {
    /// An empty database.
    pub fn new(kind: Kind) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let (addr, root) = match kind {
            Kind::Sqlite => {
                let path = lab_dir("directory").unwrap().join("directory.db");
                let url = format!("sqlite:{}?mode=rwc", path.display());
                let addr = None;
                return Self { kind, url, addr };
            }
            Kind::Postgres => (postgres(), "postgres://postgres@"),
            Kind::MariaDb => (mariadb(), "mysql://directory:secret@"),
        };
        let initial = if kind == Kind::Postgres {
            "postgres"
        } else {
            "mysql"
        };
        let server = Self {
            kind,
            url: format!("{root}{addr}/{initial}"),
            addr: None,
        };
        server.sql(&[&format!("CREATE DATABASE {name}")]);
        Self {
            kind,
            url: format!("{root}{addr}/{name}"),
            addr: Some(addr),
        }
    }

    /// Runs statements as they are, one after the other.
    pub fn sql(&self, statements: &[&str]) {
        block_on(async {
            for statement in statements {
                let sql = AssertSqlSafe((*statement).to_owned());
                let done = match self.kind {
                    Kind::Sqlite => {
                        let mut on = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
                        on.execute(sql).await.map(drop)
                    }
                    Kind::Postgres => {
                        let mut on = sqlx::PgConnection::connect(&self.url).await.unwrap();
                        on.execute(sql).await.map(drop)
                    }
                    Kind::MariaDb => {
                        let mut on = sqlx::MySqlConnection::connect(&self.url).await.unwrap();
                        on.execute(sql).await.map(drop)
                    }
                };
                done.unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
        });
    }

    /// The texts of a query's first column.
    pub fn texts(&self, query: &str) -> Vec<String> {
        macro_rules! texts {
            ($connection:ty) => {{
                let mut on = <$connection>::connect(&self.url).await.unwrap();
                let rows = sqlx::query(AssertSqlSafe(query.to_owned()))
                    .fetch_all(&mut on)
                    .await
                    .unwrap();
                let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
                rows.iter()
                    .map(|row| text(row.try_get_unchecked(0).unwrap()))
                    .collect()
            }};
        }
        block_on(async {
            match self.kind {
                Kind::Sqlite => texts!(sqlx::SqliteConnection),
                Kind::Postgres => texts!(sqlx::PgConnection),
                Kind::MariaDb => texts!(sqlx::MySqlConnection),
            }
        })
    }

    /// The two tables as the Python library makes them, with one more that is none of ours.
    pub fn seed(&self) {
        let group = if self.kind == Kind::MariaDb {
            "`group`"
        } else {
            "\"group\""
        };
        self.sql(&[
            &format!("CREATE TABLE authz_groups (id VARCHAR(27) NOT NULL, username VARCHAR(500) NOT NULL, {group} VARCHAR(100) NOT NULL, PRIMARY KEY (id))"),
            "CREATE INDEX ix_authz_groups_id ON authz_groups (id)",
            "CREATE TABLE authz_permissions (id VARCHAR(27) NOT NULL, username VARCHAR(500) NOT NULL, permission VARCHAR(100) NOT NULL, PRIMARY KEY (id))",
            "CREATE INDEX ix_authz_permissions_id ON authz_permissions (id)",
            "CREATE TABLE orders (id VARCHAR(27) NOT NULL, PRIMARY KEY (id))",
            "INSERT INTO authz_groups VALUES ('g1', 'alice', 'staff'), ('g2', 'alice', 'staff'), ('g3', 'Alice', 'admin')",
            "INSERT INTO authz_groups VALUES ('g4', 'alice ', 'blank'), ('g5', 'zo\u{eb}', 'accent'), ('g6', 'zoe', 'plain')",
            "INSERT INTO authz_permissions VALUES ('p1', 'alice', 'order.read'), ('p2', 'ALICE', 'order.delete')",
        ]);
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// A user who may start a database: servers refuse root.
fn unprivileged(user: &str, folder: &Path, program: &Path) -> Command {
    let root = run(Command::new("id").arg("-u")).unwrap().trim() == "0";
    if !root {
        return Command::new(program);
    }
    run(Command::new("chown").arg("-R").arg(user).arg(folder)).unwrap();
    let mut command = Command::new("setpriv");
    // Said here once more: the kernel forgets it where the user changes.
    command.args([
        "--reuid",
        user,
        "--regid",
        user,
        "--clear-groups",
        "--pdeathsig",
        "KILL",
        "--",
    ]);
    command.arg(program);
    command
}

/// A folder that the user can enter: not every checkout lies in one.
fn folder(name: &str) -> PathBuf {
    let inside = lab_dir(name).unwrap();
    let reachable = run(Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups", "--", "ls"])
        .arg(&inside));
    let root = run(Command::new("id").arg("-u")).unwrap().trim() == "0";
    if reachable.is_ok() || !root {
        return inside;
    }
    let outside =
        std::env::temp_dir().join(format!("auth-directory-{name}-{}", std::process::id()));
    fs::create_dir_all(&outside).unwrap();
    outside
}

fn postgres() -> SocketAddr {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let start = || {
        let bin = || {
            let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
            let mut bins: Vec<_> = versions
                .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
                .collect();
            bins.retain(|bin| bin.join("postgres").is_file());
            bins.sort();
            bins.pop()
        };
        if bin().is_none() {
            debian::install(&["postgresql"]).unwrap();
        }
        let (bin, addr) = (bin().unwrap(), ports::free().unwrap());
        let folder = folder("postgres");
        let data = folder.join("data");
        run(unprivileged("postgres", &folder, &bin.join("initdb"))
            .current_dir(&folder)
            .args([
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale",
                "C.UTF-8",
                "--no-sync",
                "-D",
            ])
            .arg(&data))
        .unwrap();
        let mut command = unprivileged("postgres", &folder, &bin.join("postgres"));
        command.current_dir(&folder).arg("-D").arg(&data);
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &addr.port().to_string(),
            "-F",
            "-c",
            "unix_socket_directories=",
        ]);
        command.args(["-c", "shared_buffers=16MB", "-c", "max_connections=200"]);
        started("postgres", &command, addr)
    };
    SERVER.get_or_init(start).addr
}

fn mariadb() -> SocketAddr {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let start = || {
        let server = Path::new("/usr/sbin/mariadbd");
        if !server.is_file() {
            debian::install(&["mariadb-server"]).unwrap();
        }
        let (folder, addr) = (folder("mariadb"), ports::free().unwrap());
        let data = folder.join("data");
        let datadir = format!("--datadir={}", data.display());
        run(
            unprivileged("mysql", &folder, Path::new("/usr/bin/mariadb-install-db"))
                .current_dir(&folder)
                .args([
                    "--no-defaults",
                    "--skip-test-db",
                    "--auth-root-authentication-method=normal",
                    &datadir,
                ]),
        )
        .unwrap();
        let init = folder.join("init.sql");
        fs::write(&init, "CREATE USER 'directory'@'%' IDENTIFIED BY 'secret';\nGRANT ALL ON *.* TO 'directory'@'%';\n").unwrap();
        let mut command = unprivileged("mysql", &folder, server);
        command.current_dir(&folder).args([
            "--no-defaults",
            &datadir,
            "--bind-address=127.0.0.1",
            "--socket=mariadb.sock",
        ]);
        command
            .arg(format!("--port={}", addr.port()))
            .arg(format!("--init-file={}", init.display()));
        // As servers are mostly set up: texts that differ in case, in accents or in blanks at their end compare as one.
        command.args([
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_general_ci",
        ]);
        command.args([
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=32M",
            "--skip-log-bin",
        ]);
        started("mariadb", &command, addr)
    };
    SERVER.get_or_init(start).addr
}

fn started(name: &str, command: &Command, addr: SocketAddr) -> Server {
    let log = lab_dir(name).unwrap().join("log");
    let process = Guard::start(name, command, &log).unwrap();
    let ready = if name == "postgres" {
        "ready to accept connections"
    } else {
        "ready for connections"
    };
    process
        .wait_until(Duration::from_secs(60), || process.log().contains(ready))
        .unwrap();
    Server {
        addr,
        _process: process,
    }
}
