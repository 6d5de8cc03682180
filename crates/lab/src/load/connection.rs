//! One connection that does not block: a request goes out, its answer comes in.

use mio::net::TcpStream;
use socket2::{Domain, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

/// What is to be known of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether the connection can be used again.
    pub(super) keeps: bool,
}

/// A request that is under way.
pub(super) struct Pending {
    pub(super) kind: &'static str,
    pub(super) since: Instant,
}

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// What waits for its answer.
    pub(super) pending: Option<Pending>,
    out: Vec<u8>,
    written: usize,
    head: Vec<u8>,
    /// The status of an answer whose head was read, whether the connection is kept, and the rest of its body.
    body: Option<(Answer, usize)>,
}

impl Connection {
    /// Begins to connect, from this address where one is given.
    pub(super) fn open(to: SocketAddr, from: Option<Ipv4Addr>) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(from) = from {
            socket.bind(&SocketAddr::from((from, 0)).into())?;
        }
        match socket.connect(&to.into()) {
            Ok(()) => {}
            Err(error) if is_under_way(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(Self {
            stream: TcpStream::from_std(socket.into()),
            pending: None,
            out: Vec::new(),
            written: 0,
            head: Vec::new(),
            body: None,
        })
    }

    /// Takes a request in; [`Connection::flush`] sends it.
    pub(super) fn send(&mut self, pending: Pending, bytes: Vec<u8>) {
        self.pending = Some(pending);
        self.out = bytes;
        self.written = 0;
    }

    /// Whether something is left to be written.
    pub(super) fn wants_to_write(&self) -> bool {
        self.written < self.out.len()
    }

    /// Writes what the socket takes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.written += written,
                // Not connected yet.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is there; an answer once it is whole.
    ///
    /// # Errors
    /// When the peer has closed, or what it sends is no answer.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<Answer>> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if let Some(answer) = self.take(&buffer[..count])? {
                return Ok(Some(answer));
            }
        }
    }

    /// Takes in bytes of an answer: its head is kept until it is whole, its body is only counted.
    fn take(&mut self, bytes: &[u8]) -> io::Result<Option<Answer>> {
        let mut arrived = bytes.len();
        if self.body.is_none() {
            self.head.extend_from_slice(bytes);
            let Some((length, answer, body)) = parse(&self.head)? else {
                return Ok(None);
            };
            arrived = self.head.len() - length;
            self.head.clear();
            self.body = Some((answer, body));
        }
        let Some((answer, left)) = &mut self.body else {
            return Ok(None);
        };
        *left = left.saturating_sub(arrived);
        let whole = (*left == 0).then_some(*answer);
        if whole.is_some() {
            self.body = None;
        }
        Ok(whole)
    }
}

/// The length of a head, what it says, and how long its body is; none while it is not whole.
fn parse(bytes: &[u8]) -> io::Result<Option<(usize, Answer, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let httparse::Status::Complete(length) = response.parse(bytes).map_err(invalid)? else {
        return Ok(None);
    };
    let header = |name: &str| {
        let mut headers = response.headers.iter();
        let found = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok()
    };
    let answer = Answer {
        status: response.code.unwrap_or_default(),
        keeps: !header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
    };
    let body = header("content-length").and_then(|length| length.parse().ok());
    Ok(Some((length, answer, body.unwrap_or(0))))
}

fn is_under_way(error: &io::Error) -> bool {
    let under_way = rustix::io::Errno::INPROGRESS.raw_os_error();
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(under_way)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_body() {
        let head =
            b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 5\r\nConnection: close\r\n\r\n";
        assert_eq!(parse(&head[..20]).unwrap(), None);
        let answer = Answer {
            status: 429,
            keeps: false,
        };
        assert_eq!(parse(head).unwrap(), Some((head.len(), answer, 5)));
        assert!(parse(b"no answer at all\r\n\r\n").is_err());
    }
}
