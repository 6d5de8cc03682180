//! Connections that are held: idle ones, and peers that read or write as slowly as they can.

use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Connections that stay open until this is dropped.
pub struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// Opens so many connections from these addresses in turn (any where there are none). Each sends these bytes at
    /// once, and keeps a receive buffer of the least size, so that what it does not read stays with its peer.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub fn open(
        to: SocketAddr,
        many: usize,
        from: &[Ipv4Addr],
        first: &[u8],
    ) -> Result<Self, String> {
        let mut streams = Vec::with_capacity(many);
        for number in 0..many {
            let from = from.get(number % from.len().max(1)).copied();
            let stream = connect(to, from, !first.is_empty())
                .map_err(|error| format!("connection {number} of {many} to {to}: {error}"))?;
            streams.push(stream);
        }
        let mut crowd = Self(streams);
        if !first.is_empty() {
            crowd.say(first);
        }
        Ok(crowd)
    }

    /// Sends these bytes on every connection.
    pub fn say(&mut self, bytes: &[u8]) {
        for stream in &mut self.0 {
            // Whom the peer has hung up on has nothing more to say.
            drop(stream.write(bytes));
        }
    }

    /// Reads at most so many bytes of each connection.
    pub fn sip(&mut self, bytes: usize) {
        let mut buffer = vec![0; bytes];
        for stream in &mut self.0 {
            // Nothing there, or closed: this one reads nothing.
            drop(stream.read(&mut buffer));
        }
    }

    /// How many connections the peer has not closed. What it has sent is read.
    pub fn alive(&mut self) -> usize {
        let mut buffer = [0; 4096];
        let mut alive = |stream: &mut TcpStream| loop {
            match stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        };
        self.0
            .iter_mut()
            .filter_map(|stream| alive(stream).then_some(()))
            .count()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for stream in &self.0 {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

fn connect(to: SocketAddr, from: Option<Ipv4Addr>, narrow: bool) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    if narrow {
        socket.set_recv_buffer_size(1)?;
    }
    if let Some(from) = from {
        socket.bind(&SocketAddr::from((from, 0)).into())?;
    }
    socket.connect_timeout(&to.into(), Duration::from_secs(15))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{Answer, Server};

    #[test]
    fn a_crowd_stays_until_its_peer_hangs_up() {
        let server = Server::start(|_| Some(Answer::text(200, "ok"))).unwrap();
        let mut crowd =
            Crowd::open(server.addr(), 20, &super::super::addresses(9, 3), b"").unwrap();
        crowd.say(b"GET / HTTP/1.1\r\n");
        assert_eq!(crowd.alive(), 20);
        server.down();
        let start = std::time::Instant::now();
        while crowd.alive() > 0 {
            assert!(start.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
