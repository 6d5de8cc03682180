//! An upstream that answers with more than anybody wants to read, and keeps none of it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// How long an answer is.
const LENGTH: usize = 16 << 20;

/// The upstream; it takes no more connections once this is dropped.
pub(super) struct Pipe {
    addr: SocketAddr,
    stopping: Arc<AtomicBool>,
}

impl Pipe {
    /// Starts on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub(super) fn start() -> Result<Self, String> {
        let io = |error: io::Error| format!("a pipe: {error}");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(io)?;
        let addr = listener.local_addr().map_err(io)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stopping);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                // A peer that goes away in the middle is no event of interest.
                thread::spawn(move || drop(answer(stream)));
            }
        });
        Ok(Self { addr, stopping })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Wakes the acceptor, which sees the flag.
        drop(TcpStream::connect(self.addr));
    }
}

/// Answers the first request of a connection, whatever it is.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut request = [0; 4096];
    let _length = stream.read(&mut request)?;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let piece = [b'a'; 64 * 1024];
    for _ in 0..LENGTH / piece.len() {
        stream.write_all(&piece)?;
    }
    Ok(())
}
