//! A scripted HTTP/1.1 server: a closure answers, and every request is kept.
//!
//! It stands in for upstreams, issuers, directories and decision services, and can fail like they
//! do: never answer, refuse connections, come back on the same port.

use crate::wire::{Framing, Headers, Reader, find};
use socket2::{Domain, Socket, Type};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How many requests are kept: a benchmark sends more than anybody reads.
const KEPT: usize = 10_000;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The request target, undecoded.
    pub target: String,
    /// All header pairs, in order.
    pub headers: Headers,
    /// The whole body.
    pub body: Vec<u8>,
    /// What stood behind a chunked body.
    pub trailers: Headers,
}

impl Received {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        find(&self.headers, name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Every value of a header.
    pub fn header_all(&self, name: &str) -> Vec<String> {
        self.headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }
}

/// An answer to send.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// An answer with any bytes as its body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.into(),
        }
    }

    /// A plain text answer.
    pub fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain", body)
    }

    /// A JSON answer.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn to_bytes(&self, method: &str) -> Vec<u8> {
        let mut out = format!("HTTP/1.1 {} Scripted\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            out.extend(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend(format!("content-length: {}\r\n\r\n", self.body.len()).as_bytes());
        if method != "HEAD" {
            out.extend(&self.body);
        }
        out
    }
}

type Handler = dyn Fn(&Received) -> Option<Answer> + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    count: AtomicUsize,
    received: Mutex<VecDeque<Received>>,
}

impl Shared {
    fn keep(&self, request: Received) {
        self.count.fetch_add(1, Ordering::SeqCst);
        let mut received = self.received.lock().unwrap();
        if received.len() == KEPT {
            received.pop_front();
        }
        received.push_back(request);
    }
}

/// A running server; it stops when dropped.
pub struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

impl Server {
    /// Starts on a free port. The handler runs on the connection's own thread, so that it may
    /// sleep; `None` means that the request is never answered.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(
        handler: impl Fn(&Received) -> Option<Answer> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            count: AtomicUsize::new(0),
            received: Mutex::default(),
        });
        let running = Running::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), &shared)?;
        Ok(Self {
            addr: running.addr,
            shared,
            running: Mutex::new(Some(running)),
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many requests arrived.
    pub fn count(&self) -> usize {
        self.shared.count.load(Ordering::SeqCst)
    }

    /// The requests that arrived, oldest first; of very many, the latest.
    pub fn requests(&self) -> Vec<Received> {
        let received = self.shared.received.lock().unwrap();
        received.iter().cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn clear(&self) {
        self.shared.received.lock().unwrap().clear();
        self.shared.count.store(0, Ordering::SeqCst);
    }

    /// Closes the port and every connection: new ones are refused.
    pub fn down(&self) {
        drop(self.running.lock().unwrap().take());
    }

    /// Comes back on the same port.
    ///
    /// # Errors
    /// When somebody else took the port meanwhile.
    pub fn up(&self) -> Result<(), String> {
        let mut running = self.running.lock().unwrap();
        if running.is_none() {
            *running = Some(Running::start(self.addr, &self.shared)?);
        }
        Ok(())
    }
}

/// A listening socket with room for as many connections at once as a test makes: where they outrun the 128 that the
/// standard library asks for, the kernel drops the next ones, and their peer tries again a second later.
fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// An open port with its connections.
struct Running {
    addr: SocketAddr,
    stopping: Arc<AtomicBool>,
    connections: Arc<Mutex<BTreeMap<usize, TcpStream>>>,
    acceptor: Option<JoinHandle<()>>,
}

impl Running {
    fn start(addr: SocketAddr, shared: &Arc<Shared>) -> Result<Self, String> {
        let listener = listen(addr).map_err(|error| format!("cannot listen on {addr}: {error}"))?;
        let addr = listener
            .local_addr()
            .map_err(|error| format!("{addr}: {error}"))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let connections: Arc<Mutex<BTreeMap<usize, TcpStream>>> = Arc::default();
        let acceptor = thread::spawn({
            let (shared, stopping) = (Arc::clone(shared), Arc::clone(&stopping));
            let connections = Arc::clone(&connections);
            move || {
                for (id, stream) in listener.incoming().enumerate() {
                    if stopping.load(Ordering::SeqCst) {
                        break;
                    }
                    let Ok(stream) = stream else { continue };
                    if let Ok(handle) = stream.try_clone() {
                        connections.lock().unwrap().insert(id, handle);
                    }
                    let (shared, stopping) = (Arc::clone(&shared), Arc::clone(&stopping));
                    let connections = Arc::clone(&connections);
                    thread::spawn(move || {
                        // A peer that goes away in the middle is no event of interest.
                        drop(serve(stream, &shared, &stopping));
                        connections.lock().unwrap().remove(&id);
                    });
                }
            }
        });
        Ok(Self {
            addr,
            stopping,
            connections,
            acceptor: Some(acceptor),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which sees the flag and drops the listener.
        drop(TcpStream::connect(self.addr));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
        for connection in self.connections.lock().unwrap().values() {
            // Already closed by the peer: nothing left to do.
            drop(connection.shutdown(Shutdown::Both));
        }
    }
}

fn serve(stream: TcpStream, shared: &Shared, stopping: &AtomicBool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = Reader::new(stream);
    while let Some(head) = reader.request_head()? {
        if find(&head.headers, "expect").is_some() {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = reader.body(Framing::of(&head.headers, Framing::Length(0))?)?;
        let request = Received {
            method: head.first,
            target: String::from_utf8_lossy(&head.second).into_owned(),
            headers: head.headers,
            body,
            trailers: std::mem::take(&mut reader.trailers),
        };
        shared.keep(request.clone());
        match (shared.handler)(&request) {
            Some(answer) => writer.write_all(&answer.to_bytes(&request.method))?,
            None => {
                while !stopping.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(20));
                }
                return Ok(());
            }
        }
        if find(&request.headers, "connection").is_some_and(|v| v.eq_ignore_ascii_case(b"close")) {
            break;
        }
    }
    writer.shutdown(Shutdown::Both)
}
