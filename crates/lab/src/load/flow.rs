//! Requests at a rate.

use super::connection::{Connection, Pending};
use super::process::thread_starved;
use super::tally::Tally;
use mio::{Events, Interest, Poll, Token};
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long the loop sleeps at most.
const TURN: Duration = Duration::from_millis(5);
/// How often the requests under way are looked through for those that nobody answers.
const SWEEP: Duration = Duration::from_millis(100);
/// How many connections begin at once: more than the kernel lets wait would be tried again a second later.
const BEGUN: usize = 200;

/// One request, and the word under which its answer is counted.
pub struct Shot {
    /// Of which kind it is.
    pub kind: &'static str,
    /// What goes over the wire.
    pub bytes: Vec<u8>,
}

type Make = Box<dyn FnMut(u64) -> Shot + Send>;

/// Requests that are to be sent.
pub struct Flow {
    to: SocketAddr,
    from: Vec<Ipv4Addr>,
    rate: f64,
    connections: usize,
    opened: bool,
    limit: u64,
    patience: Duration,
    make: Make,
}

impl Flow {
    /// So many requests a second; each is made when it is due, by its number.
    pub fn new(to: SocketAddr, rate: f64, make: impl FnMut(u64) -> Shot + Send + 'static) -> Self {
        Self {
            to,
            from: Vec::new(),
            rate,
            connections: 64,
            opened: false,
            limit: u64::MAX,
            patience: Duration::from_secs(15),
            make: Box::new(make),
        }
    }

    /// Opens its connections from these addresses in turn.
    #[must_use]
    pub fn from(mut self, addresses: Vec<Ipv4Addr>) -> Self {
        self.from = addresses;
        self
    }

    /// Keeps no more connections than this (64 by default). Each is opened when it is needed, and used in turn.
    #[must_use]
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most;
        self
    }

    /// Opens all its connections before it sends anything.
    #[must_use]
    pub fn opened(mut self) -> Self {
        self.opened = true;
        self
    }

    /// Sends no more requests than this.
    #[must_use]
    pub fn limit(mut self, most: u64) -> Self {
        self.limit = most;
        self
    }

    /// How long a request may wait for its answer (15 seconds by default).
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Begins.
    ///
    /// # Errors
    /// When the system has nothing to wait with.
    pub fn start(self) -> Result<Running, String> {
        let stopping = Arc::new(AtomicBool::new(false));
        let progress = Arc::new(Progress::default());
        let engine = Engine::new(self, Arc::clone(&stopping), Arc::clone(&progress))
            .map_err(|error| format!("no poll: {error}"))?;
        let thread = thread::spawn(move || engine.run());
        Ok(Running {
            stopping,
            progress,
            thread,
        })
    }
}

#[derive(Default)]
struct Progress {
    sent: AtomicU64,
    open: AtomicU64,
}

/// A flow that is being sent.
pub struct Running {
    stopping: Arc<AtomicBool>,
    progress: Arc<Progress>,
    thread: JoinHandle<Tally>,
}

impl Running {
    /// How many requests were sent so far.
    pub fn sent(&self) -> u64 {
        self.progress.sent.load(Ordering::Relaxed)
    }

    /// How many connections are open, or being opened.
    pub fn open(&self) -> u64 {
        self.progress.open.load(Ordering::Relaxed)
    }

    /// Sends nothing more, waits for the answers that are due, and says what became of all.
    ///
    /// # Errors
    /// When the sender has panicked.
    pub fn stop(self) -> Result<Tally, String> {
        self.stopping.store(true, Ordering::Relaxed);
        self.finish()
    }

    /// Waits until as many requests were sent as the flow's limit, and for their answers.
    ///
    /// # Errors
    /// As [`Running::stop`].
    pub fn finish(self) -> Result<Tally, String> {
        self.thread
            .join()
            .map_err(|_| "a sender of requests panicked".to_owned())
    }
}

struct Engine {
    flow: Flow,
    poll: Poll,
    /// By token.
    connections: Vec<Option<Connection>>,
    unused: Vec<usize>,
    free: VecDeque<usize>,
    /// Due requests that wait for a connection.
    waiting: VecDeque<(Pending, Vec<u8>)>,
    opened: usize,
    begun: usize,
    made: u64,
    tally: Tally,
    stopping: Arc<AtomicBool>,
    progress: Arc<Progress>,
}

impl Engine {
    fn new(flow: Flow, stopping: Arc<AtomicBool>, progress: Arc<Progress>) -> io::Result<Self> {
        Ok(Self {
            flow,
            poll: Poll::new()?,
            connections: Vec::new(),
            unused: Vec::new(),
            free: VecDeque::new(),
            waiting: VecDeque::new(),
            opened: 0,
            begun: 0,
            made: 0,
            tally: Tally::new(),
            stopping,
            progress,
        })
    }

    fn run(mut self) -> Tally {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 64 * 1024];
        if self.flow.opened {
            self.open_all(&mut events, &mut buffer);
        }
        self.tally = Tally::new();
        let starved = thread_starved();
        let start = Instant::now();
        let mut swept = start;
        loop {
            let ended = self.stopping.load(Ordering::Relaxed) || self.made >= self.flow.limit;
            if !ended {
                self.make_due(start.elapsed());
            }
            self.dispatch();
            if swept.elapsed() > SWEEP {
                swept = Instant::now();
                self.sweep();
            }
            if ended && self.waiting.is_empty() && !self.has_pending() {
                let starved = thread_starved().saturating_sub(starved);
                self.tally.set_starved(starved);
                return self.tally;
            }
            self.turn(&mut events, &mut buffer);
        }
    }

    /// Makes what is due by now.
    fn make_due(&mut self, elapsed: Duration) {
        let due = (elapsed.as_secs_f64() * self.flow.rate) as u64;
        let due = due.min(self.flow.limit);
        // Whoever cannot send does not pile up more than a second's requests.
        let room = (self.flow.rate.min(1e5) as usize).max(64);
        while self.made < due && self.waiting.len() < room {
            let Shot { kind, bytes } = (self.flow.make)(self.made);
            self.made += 1;
            let pending = Pending {
                kind,
                since: Instant::now(),
            };
            self.waiting.push_back((pending, bytes));
        }
        // What found no room is not sent later either.
        self.made = self.made.max(due);
    }

    /// Hands what waits to free connections, or to new ones.
    fn dispatch(&mut self) {
        while !self.waiting.is_empty() {
            let token = match self.free.pop_front() {
                Some(token) => token,
                None => match self.open() {
                    Some(token) => token,
                    None => return,
                },
            };
            let Some(connection) = self.connections.get_mut(token).and_then(Option::as_mut) else {
                continue;
            };
            let Some((pending, bytes)) = self.waiting.pop_front() else {
                return;
            };
            self.tally.sent(pending.kind);
            self.progress.sent.fetch_add(1, Ordering::Relaxed);
            connection.send(pending, bytes);
            if connection.flush().is_err() {
                self.close(token);
            }
        }
    }

    /// Begins one more connection, where there is room.
    fn open(&mut self) -> Option<usize> {
        if self.opened >= self.flow.connections {
            return None;
        }
        let from = match self.flow.from.len() {
            0 => None,
            many => self.flow.from.get(self.begun % many).copied(),
        };
        self.begun += 1;
        let mut connection = Connection::open(self.flow.to, from).ok()?;
        let token = self.unused.pop().unwrap_or(self.connections.len());
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry
            .register(&mut connection.stream, Token(token), interest)
            .ok()?;
        if token == self.connections.len() {
            self.connections.push(Some(connection));
        } else if let Some(place) = self.connections.get_mut(token) {
            *place = Some(connection);
        }
        self.opened += 1;
        self.progress.open.fetch_add(1, Ordering::Relaxed);
        Some(token)
    }

    fn close(&mut self, token: usize) {
        let Some(connection) = self.connections.get_mut(token).and_then(Option::take) else {
            return;
        };
        if let Some(pending) = connection.pending {
            self.tally.lost(pending.kind);
        }
        self.unused.push(token);
        self.opened -= 1;
        self.progress.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Opens all connections, some at a time.
    fn open_all(&mut self, events: &mut Events, buffer: &mut [u8]) {
        while self.opened < self.flow.connections && !self.stopping.load(Ordering::Relaxed) {
            for _ in 0..BEGUN {
                if let Some(token) = self.open() {
                    self.free.push_back(token);
                }
            }
            self.turn(events, buffer);
        }
    }

    /// Waits for what happens next, and does what it asks for.
    fn turn(&mut self, events: &mut Events, buffer: &mut [u8]) {
        let wait = Duration::from_secs_f64((1.0 / self.flow.rate).clamp(1e-3, TURN.as_secs_f64()));
        // Interrupted by a signal: the next turn waits again.
        if self.poll.poll(events, Some(wait)).is_err() {
            return;
        }
        for event in events.iter() {
            self.serve(event.token().0, buffer);
        }
    }

    fn serve(&mut self, token: usize, buffer: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(token).and_then(Option::as_mut) else {
            return;
        };
        if connection.wants_to_write() && connection.flush().is_err() {
            return self.close(token);
        }
        match connection.receive(buffer) {
            Ok(None) => {}
            Err(_) => self.close(token),
            Ok(Some(answer)) => {
                if let Some(pending) = connection.pending.take() {
                    let took = pending.since.elapsed();
                    self.tally.answered(pending.kind, answer.status, took);
                }
                if answer.keeps {
                    self.free.push_back(token);
                } else {
                    self.close(token);
                }
            }
        }
    }

    /// Gives up on requests that nobody answers.
    fn sweep(&mut self) {
        let patience = self.flow.patience;
        let late = |pending: &Pending| pending.since.elapsed() > patience;
        for token in 0..self.connections.len() {
            let connection = self.connections.get(token).and_then(Option::as_ref);
            if connection.is_some_and(|held| held.pending.as_ref().is_some_and(late)) {
                self.close(token);
            }
        }
        while self
            .waiting
            .front()
            .is_some_and(|(pending, _)| late(pending))
        {
            if let Some((pending, _)) = self.waiting.pop_front() {
                self.tally.sent(pending.kind);
                self.tally.lost(pending.kind);
            }
        }
    }

    fn has_pending(&self) -> bool {
        let mut held = self.connections.iter().flatten();
        held.any(|connection| connection.pending.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Request;
    use crate::server::{Answer, Server};

    fn shot(kind: &'static str, path: &str) -> Shot {
        Shot {
            kind,
            bytes: Request::get(path).to_bytes(),
        }
    }

    #[test]
    fn requests_go_out_at_their_rate_and_are_counted_by_their_answers() {
        let server = Server::start(|request| {
            Some(match request.target.as_str() {
                "/odd" => Answer::text(429, "later"),
                _ => Answer::text(200, ""),
            })
        })
        .unwrap();
        let flow = Flow::new(server.addr(), 200.0, |number| {
            if number % 2 == 0 {
                shot("even", "/even")
            } else {
                shot("odd", "/odd")
            }
        });
        let running = flow.connections(4).start().unwrap();
        thread::sleep(Duration::from_secs(1));
        let tally = running.stop().unwrap();
        let (even, odd) = (tally.kind("even"), tally.kind("odd"));
        assert_eq!(even.statuses.keys().copied().collect::<Vec<_>>(), [200]);
        assert_eq!(odd.statuses.keys().copied().collect::<Vec<_>>(), [429]);
        assert_eq!(even.answered(), even.sent);
        let sent = even.sent + odd.sent;
        assert!((100..=210).contains(&sent), "{sent}");
        assert_eq!(server.count() as u64, sent);
    }

    #[test]
    fn whoever_is_not_answered_is_counted_as_lost() {
        let server = Server::start(|_| None).unwrap();
        let flow = Flow::new(server.addr(), 1000.0, |_| shot("any", "/"));
        let flow = flow.limit(10).patience(Duration::from_millis(300));
        let tally = flow.connections(5).start().unwrap().finish().unwrap();
        let any = tally.kind("any");
        assert_eq!((any.sent, any.lost, any.answered()), (10, 10, 0));
    }

    #[test]
    fn connections_are_opened_first_and_come_from_many_addresses() {
        let server = Server::start(|_| Some(Answer::text(200, ""))).unwrap();
        let flow = Flow::new(server.addr(), 100.0, |_| shot("any", "/"));
        let flow = flow.connections(300).opened().limit(3);
        let flow = flow.from(super::super::addresses(9, 4));
        let tally = flow.start().unwrap().finish().unwrap();
        assert_eq!(tally.all().passed(), 3);
    }
}
