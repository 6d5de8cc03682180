//! Databases that are slow, down or broken, and a service that is asked to end.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lab::client::{Connection, Request};
use lab::ports;
use lab::process::run;
use serde_json::json;

use crate::databases::{Db, Kind};
use crate::service::{self, Service, done};

on_each_database!(
    a_statement_that_takes_too_long_is_an_outage,
    a_database_that_goes_and_comes_is_an_outage_until_it_is_back,
    a_service_that_is_asked_to_end_answers_what_has_begun,
    several_that_start_at_once_make_the_tables_once,
);

/// Makes every look-up take for ever.
fn slow(db: &Db) {
    let view = match db.kind {
        Kind::Postgres => {
            "CREATE VIEW authz_groups AS SELECT id, username, \"group\" FROM kept WHERE pg_sleep(60) IS NOT NULL"
        }
        Kind::MariaDb => {
            "CREATE VIEW authz_groups AS SELECT id, username, `group` FROM kept WHERE SLEEP(60) = 0"
        }
        Kind::Sqlite => {
            "CREATE VIEW authz_groups AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) \
             SELECT 'x' AS id, CAST(n AS TEXT) AS username, 'x' AS \"group\" FROM c"
        }
    };
    db.sql(&["ALTER TABLE authz_groups RENAME TO kept", view]);
}

fn fast(db: &Db) {
    db.sql(&[
        "DROP VIEW authz_groups",
        "ALTER TABLE kept RENAME TO authz_groups",
    ]);
}

fn a_statement_that_takes_too_long_is_an_outage(db: &Db) {
    done(db, &["grant", "add", "ann", "--group", "staff"], "");
    let service = Service::with(
        &db.url,
        &[
            "--statement-timeout",
            "400ms",
            "--request-timeout",
            "30s",
            "--connections",
            "2",
        ],
    );
    assert_eq!(service.subject("ann").0, 200);
    slow(db);
    // More than there are connections: none of them stays behind with its statement.
    for _ in 0..3 {
        let start = Instant::now();
        let (status, body) = service.subject("ann");
        let took = start.elapsed();
        assert_eq!(
            (status, body),
            (503, json!({ "detail": "Directory unavailable" }))
        );
        assert!(
            took > Duration::from_millis(350) && took < Duration::from_secs(10),
            "{took:?}"
        );
    }
    assert_eq!(service.get("/healthz").status, 200);
    fast(db);
    assert_eq!(service.subject("ann").0, 200);
    // The request's own limit, where the statement has more.
    drop(service);
    let service = Service::with(
        &db.url,
        &["--statement-timeout", "30s", "--request-timeout", "300ms"],
    );
    slow(db);
    let start = Instant::now();
    let answer = service.get("/v1/subjects/ann");
    assert_eq!(
        (answer.status, answer.header("retry-after").as_deref()),
        (503, Some("1"))
    );
    assert!(start.elapsed() < Duration::from_secs(10));
}

/// A way to a database that can be cut.
struct Way {
    addr: SocketAddr,
    to: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
    listener: Option<TcpListener>,
}

impl Way {
    fn to(to: SocketAddr) -> Self {
        let mut way = Self {
            addr: ports::free().unwrap(),
            to,
            open: Arc::default(),
            listener: None,
        };
        way.mend();
        way
    }

    fn mend(&mut self) {
        let listener = TcpListener::bind(self.addr).unwrap();
        self.listener = Some(listener.try_clone().unwrap());
        let (to, open) = (self.to, Arc::clone(&self.open));
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let server = TcpStream::connect(to).unwrap();
                let both = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                open.lock().unwrap().extend(both);
                for (mut from, mut to) in [
                    (client.try_clone().unwrap(), server.try_clone().unwrap()),
                    (server, client),
                ] {
                    thread::spawn(move || std::io::copy(&mut from, &mut to));
                }
            }
        });
    }

    fn cut(&mut self) {
        // Shutting the socket down ends the thread that accepts, too.
        let listener = self.listener.take().unwrap();
        let socket: TcpStream = std::os::fd::OwnedFd::from(listener).into();
        let _ = socket.shutdown(std::net::Shutdown::Both);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn a_database_that_goes_and_comes_is_an_outage_until_it_is_back(db: &Db) {
    done(db, &["grant", "add", "ann", "--group", "staff"], "");
    let mut way = db.addr.map(Way::to);
    let url = way.as_ref().map_or_else(
        || db.url.clone(),
        |way| db.url.replace(&way.to.to_string(), &way.addr.to_string()),
    );
    let service = Service::with(&url, &["--statement-timeout", "500ms"]);
    assert_eq!(service.subject("ann").0, 200);
    for _ in 0..2 {
        match &mut way {
            Some(way) => way.cut(),
            None => db.sql(&["ALTER TABLE authz_groups RENAME TO kept"]),
        }
        assert_eq!(
            service.subject("ann"),
            (503, json!({ "detail": "Directory unavailable" }))
        );
        assert_eq!(
            service.basic("ann", "x").0,
            if way.is_some() { 503 } else { 401 }
        );
        if way.is_some() {
            assert_eq!(service.get("/readyz").status, 503);
        }
        assert_eq!(service.get("/healthz").status, 200);
        match &mut way {
            Some(way) => way.mend(),
            None => db.sql(&["ALTER TABLE kept RENAME TO authz_groups"]),
        }
        let back = || service.subject("ann").0 == 200;
        service
            .process
            .wait_until(Duration::from_secs(10), back)
            .unwrap();
        assert_eq!(service.get("/readyz").status, 200);
    }
    let log = service.process.log();
    assert!(log.contains("warning: the database: "), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

fn a_service_that_is_asked_to_end_answers_what_has_begun(db: &Db) {
    done(db, &["grant", "add", "ann", "--group", "staff"], "");
    let service = Service::with(&db.url, &["--statement-timeout", "1500ms"]);
    let mut idle = Connection::open(service.addr).unwrap();
    assert_eq!(idle.send(&Request::get("/healthz")).unwrap().status, 200);
    slow(db);
    let addr = service.addr;
    let begun = thread::spawn(move || Request::get("/v1/subjects/ann").send(addr));
    thread::sleep(Duration::from_millis(400));
    run(Command::new("kill").args(["-TERM", &service.process.id().to_string()])).unwrap();
    // What has begun is answered, here by the statement's limit.
    assert_eq!(begun.join().unwrap().unwrap().status, 503);
    let ended = || service.process.exit_status().is_some();
    let start = Instant::now();
    while !ended() && start.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(20));
    }
    let status = service.process.exit_status().expect("it ends");
    assert!(status.success(), "{status}: {}", service.process.log());
    assert!(idle.send(&Request::get("/healthz")).is_err());
    assert!(TcpStream::connect(addr).is_err());
    assert!(!service.process.log().contains("did not end in time"));
}

fn several_that_start_at_once_make_the_tables_once(db: &Db) {
    db.seed();
    let services: Vec<_> = (0..4)
        .map(|_| {
            let addr = ports::free().unwrap();
            (addr, service::start(addr, &db.url, &[]))
        })
        .collect();
    for (addr, process) in &services {
        process.wait_until_served(*addr, "/readyz").unwrap();
        let answer = Request::get("/v1/subjects/alice").send(*addr).unwrap();
        assert_eq!(answer.status, 200);
    }
    let indexes = match db.kind {
        Kind::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE '%\\_by\\_%' ESCAPE '\\'"
        }
        Kind::Postgres => "SELECT indexname FROM pg_indexes WHERE indexname LIKE '%\\_by\\_%'",
        Kind::MariaDb => {
            "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name LIKE '%\\_by\\_%'"
        }
    };
    assert_eq!(db.texts(indexes).len(), 7, "{:?}", db.texts(indexes));
}
