//! An external authorization server that lets everything pass, as quickly as a server can.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Starts it; it ends with this process.
///
/// # Errors
/// When no port can be bound.
pub(super) fn start() -> Result<SocketAddr, String> {
    let bind = |error| format!("the authorization server: {error}");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(bind)?;
    let addr = listener.local_addr().map_err(bind)?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    Ok(addr)
}

/// Answers each head of a request without a body.
fn serve(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut held = Vec::new();
    let mut part = [0; 16_384];
    loop {
        let size = stream.read(&mut part).ok().filter(|size| *size > 0)?;
        held.extend_from_slice(&part[..size]);
        while let Some(end) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            held.drain(..end + 4);
            stream.write_all(ANSWER).ok()?;
        }
    }
}
