//! What strangers do, one after the other.

use super::checks::Checks;
use super::lab::Lab;
use super::mass::{self, End};
use super::moods::Mood;
use super::policy::ISSUER;
use super::report::NOBODY;
use super::row::{Act, Attack, Leave, Row, at_rate, measure};
use super::strangers::{self, Forger, giant, guess, opaque, shot};
use lab::client::Request;
use lab::load::{self, Crowd, Flow, Tally};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How many connections strangers hold; half of them ask now and then.
const CONNECTIONS: usize = 10_000;
/// How many peers read or write as slowly as they can.
const SLOW_WRITERS: usize = 1000;
const SLOW_READERS: usize = 100;
/// How often those do something.
const BEAT: Duration = Duration::from_millis(200);

/// What is written down of a run.
pub(super) struct Rows<'a> {
    pub(super) lab: &'a Lab,
    pub(super) time: Duration,
    pub(super) only: &'a [String],
    pub(super) checks: &'a mut Checks,
    pub(super) rows: Vec<Row>,
}

pub(super) type Make = Arc<dyn Fn(u64) -> Request + Send + Sync>;

impl Rows<'_> {
    /// Every row.
    ///
    /// # Errors
    /// When the laboratory itself fails.
    pub(super) fn all(&mut self) -> Result<(), String> {
        self.attack(NOBODY, false, &|_| {
            Ok(Box::new(|_, time| {
                thread::sleep(time);
                Ok(Box::new(|| Ok(Tally::default())))
            }))
        })?;
        self.key_sets()?;
        self.credentials()?;
        self.giants()?;
        self.services()?;
        self.attack("10,000 connections, half of them idle", false, &connections)?;
        self.attack("1,000 slow writers", false, &slow_writers)?;
        self.attack("100 slow readers of 16 MiB", false, &slow_readers)
    }

    fn credentials(&mut self) -> Result<(), String> {
        let expired = strangers::expired();
        let forger = |algorithm: &str, kid: &str, length| {
            let forger = Forger::new(ISSUER, algorithm, kid, length);
            move |number| Request::get("/api").bearer(&forger.token(number))
        };
        self.flood("no credential", 2000.0, |_| Request::get("/api"))?;
        self.flood("not a token", 500.0, |number| {
            Request::get("/api").bearer(&format!("{number}"))
        })?;
        self.flood("an expired token", 2000.0, move |_| {
            Request::get("/api").bearer(&expired)
        })?;
        self.flood(
            "garbage signatures, RS256",
            1000.0,
            forger("RS256", "rs", 256),
        )?;
        self.flood(
            "garbage signatures, ES256",
            1000.0,
            forger("ES256", "es", 64),
        )?;
        self.flood(
            "garbage signatures, ES384",
            1000.0,
            forger("ES384", "p384", 96),
        )?;
        self.flood("unknown key ids, a healthy issuer", 1000.0, |number| {
            Request::get("/api").bearer(&strangers::unknown_kid(ISSUER, number))
        })?;
        self.flood("wrong passwords", 50.0, guess)
    }

    fn giants(&mut self) -> Result<(), String> {
        for place in ["token", "headers", "cookies", "query"] {
            self.flood(&format!("55 KiB of {place}"), 200.0, giant(place))?;
        }
        Ok(())
    }

    /// Requests that wait for a service. One that hangs comes last: it is not asked again for a while.
    fn services(&mut self) -> Result<(), String> {
        let callers = Arc::clone(&self.lab.callers);
        let subjects: Make = Arc::new(move |_| {
            let token = callers.token(&strangers::unique("subject"), serde_json::json!({}));
            Request::get("/directory").bearer(&token)
        });
        let opaque: Make = Arc::new(opaque);
        let (slow, big) = (
            ", a service that takes 300 ms",
            " that answers with 250 KiB",
        );
        self.service("opaque tokens", Mood::Well, 100.0, &opaque)?;
        self.service(&format!("opaque tokens{slow}"), Mood::Slow, 100.0, &opaque)?;
        self.service(&format!("introspection{big}"), Mood::Big, 20.0, &opaque)?;
        self.service(&format!("a directory{big}"), Mood::Big, 20.0, &subjects)?;
        self.service(
            "opaque tokens, a service that hangs",
            Mood::Hang,
            100.0,
            &opaque,
        )
    }

    fn service(&mut self, title: &str, mood: Mood, rate: f64, make: &Make) -> Result<(), String> {
        self.lab.set_mood(mood);
        let may_pass = mood == Mood::Big;
        let done = self.attack(title, may_pass, &paced(rate, Arc::clone(make)));
        self.lab.set_mood(Mood::Well);
        done
    }

    /// The first fetch of each large key set.
    fn key_sets(&mut self) -> Result<(), String> {
        let lab = self.lab;
        for (number, (title, set)) in lab.sets.iter().enumerate() {
            let issuer = format!("https://set-{number}.example");
            let forger = Arc::new(Forger::new(&issuer, "RS256", "r0", 256));
            let make: Make =
                Arc::new(move |number| Request::get("/api").bearer(&forger.token(number)));
            self.attack(title, false, &move |lab| {
                set.set_open(true);
                paced(20.0, Arc::clone(&make))(lab)
            })?;
        }
        Ok(())
    }

    fn flood(
        &mut self,
        title: &str,
        rate: f64,
        make: impl Fn(u64) -> Request + Send + Sync + 'static,
    ) -> Result<(), String> {
        self.attack(title, false, &paced(rate, Arc::new(make)))
    }

    /// A thousand who are refused together.
    ///
    /// # Errors
    /// When the laboratory itself fails.
    pub(super) fn mass(&mut self, title: &str, end: End) -> Result<(), String> {
        if self.takes(title) {
            let row = mass::row(self.lab, title, end, self.checks)?;
            self.keep(row);
        }
        Ok(())
    }

    fn attack(
        &mut self,
        title: &str,
        may_pass: bool,
        strangers: &dyn Fn(&Lab) -> Result<Act, String>,
    ) -> Result<(), String> {
        if self.takes(title) {
            let attack = Attack {
                title: title.to_owned(),
                time: self.time,
                may_pass,
                always_judged: false,
                strangers,
            };
            let row = measure(self.lab, &attack, self.checks)?;
            self.keep(row);
        }
        Ok(())
    }

    fn takes(&self, title: &str) -> bool {
        let named = |word: &String| title.contains(word.as_str());
        self.only.is_empty() || self.only.iter().any(named)
    }

    fn keep(&mut self, row: Row) {
        println!("{}", super::report::line(&row));
        self.rows.push(row);
    }
}

/// Strangers who send these requests at a rate.
pub(super) fn paced(rate: f64, make: Make) -> impl Fn(&Lab) -> Result<Act, String> {
    move |_| {
        let make = Arc::clone(&make);
        Ok(Box::new(move |lab, time| {
            at_rate(lab, time, rate, move |number| shot(&make(number)))
        }))
    }
}

/// Ten thousand connections: half say nothing, the others ask in turn.
pub(super) fn connections(lab: &Lab) -> Result<Act, String> {
    let half = CONNECTIONS / 2;
    let addresses = load::addresses(2, 10);
    let flow = Flow::new(lab.envoy.addr(), 1000.0, |_| shot(&Request::get("/api")));
    let flow = flow.connections(half).opened().from(addresses.clone());
    let running = flow.patience(Duration::from_secs(5)).start()?;
    let mut idle = Crowd::open(lab.envoy.addr(), CONNECTIONS - half, &addresses, b"")?;
    let start = Instant::now();
    while running.sent() == 0 {
        if start.elapsed() > Duration::from_secs(60) {
            return Err(format!("only {} of {half} connections", running.open()));
        }
        thread::sleep(Duration::from_millis(20));
    }
    lab.settle()?;
    Ok(Box::new(move |_, time| {
        thread::sleep(time);
        Ok(Box::new(move || {
            let alive = idle.alive();
            if alive < CONNECTIONS - half {
                return Err(format!("{alive} idle connections are left"));
            }
            running.stop()
        }))
    }))
}

/// Requests of which a byte comes now and then.
fn slow_writers(lab: &Lab) -> Result<Act, String> {
    let first = b"GET /api HTTP/1.1\r\nhost: api.example\r\nx-slow: ";
    let mut crowd = crowd(lab, SLOW_WRITERS, first)?;
    Ok(Box::new(move |_, time| {
        let start = Instant::now();
        while start.elapsed() < time {
            crowd.say(b"a");
            thread::sleep(BEAT);
        }
        Ok(left(crowd))
    }))
}

/// Answers of which hardly anything is read.
pub(super) fn slow_readers(lab: &Lab) -> Result<Act, String> {
    let mut crowd = crowd(lab, SLOW_READERS, &Request::get("/public/big").to_bytes())?;
    Ok(Box::new(move |_, time| {
        let start = Instant::now();
        while start.elapsed() < time {
            crowd.sip(64);
            thread::sleep(BEAT);
        }
        Ok(left(crowd))
    }))
}

/// They hang up, and have asked for nothing that is counted.
fn left(crowd: Crowd) -> Leave {
    Box::new(move || {
        drop(crowd);
        Ok(Tally::default())
    })
}

/// Peers who have begun what they do slowly.
fn crowd(lab: &Lab, many: usize, first: &[u8]) -> Result<Crowd, String> {
    let crowd = Crowd::open(lab.envoy.addr(), many, &load::addresses(2, 10), first)?;
    lab.settle()?;
    Ok(crowd)
}

/// A request with a body, in which a module that was broken on purpose traps.
pub(super) fn with_body(_: u64) -> Request {
    Request::post("/public/up", "body")
}
