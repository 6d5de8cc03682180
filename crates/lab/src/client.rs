//! A byte-exact HTTP/1.1 client: what is written is what goes over the wire.
//!
//! Ordinary clients refuse, repair or merge exactly the requests that a filter has to be tested
//! with: two `Authorization` headers, a value that is not UTF-8, a target full of dot segments.

use crate::wire::{Framing, Headers, Reader, find};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one read or write may take, unless a request says otherwise.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A request, built part by part.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Option<Vec<u8>>,
    exact: bool,
    timeout: Duration,
}

impl Request {
    /// A request with any method and any bytes as its target.
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.as_ref().to_vec(),
            headers: Vec::new(),
            body: None,
            exact: false,
            timeout: TIMEOUT,
        }
    }

    /// A GET.
    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// A POST.
    pub fn post(target: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Self {
        Self::new("POST", target).body(body)
    }

    /// Adds a header. Nothing is merged or replaced: a name given twice is sent twice.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Adds `authorization: Bearer {token}`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds a body. Its length is announced unless the headers frame it themselves.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// Sends nothing that was not given: no `host`, no `content-length`.
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.exact = true;
        self
    }

    /// How long one read or write may take (15 seconds by default).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends the request over a connection of its own and waits for the answer.
    ///
    /// # Errors
    /// When there is no connection, no answer in time, or an answer that is not HTTP.
    pub fn send(&self, addr: SocketAddr) -> Result<Response, String> {
        let mut connection = Connection::open(addr)?;
        connection.send(self)
    }

    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The bytes that go over the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.method.clone().into_bytes();
        out.push(b' ');
        out.extend(&self.target);
        out.extend(b" HTTP/1.1\r\n");
        if !self.exact && !self.has("host") {
            out.extend(b"host: api.example\r\n");
        }
        for (name, value) in &self.headers {
            out.extend(name);
            out.extend(b": ");
            out.extend(value);
            out.extend(b"\r\n");
        }
        let framed = self.has("content-length") || self.has("transfer-encoding");
        if let Some(body) = self.body.as_ref().filter(|_| !self.exact && !framed) {
            out.extend(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        out.extend(b"\r\n");
        out.extend(self.body.iter().flatten());
        out
    }
}

/// A kept-alive connection.
pub struct Connection {
    reader: Reader<TcpStream>,
    addr: SocketAddr,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nothing listens there.
    pub fn open(addr: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect_timeout(&addr, TIMEOUT)
            .map_err(|error| format!("no connection to {addr}: {error}"))?;
        stream
            .set_nodelay(true)
            .map_err(|error| format!("{addr}: {error}"))?;
        Ok(Self {
            reader: Reader::new(stream),
            addr,
        })
    }

    /// Sends a request and waits for its answer; the connection can be used again afterwards.
    ///
    /// # Errors
    /// As [`Request::send`].
    pub fn send(&mut self, request: &Request) -> Result<Response, String> {
        let context = |error: std::io::Error| {
            let target = String::from_utf8_lossy(&request.target);
            format!("{} {target} to {}: {error}", request.method, self.addr)
        };
        let stream = &mut self.reader.stream;
        stream
            .set_read_timeout(Some(request.timeout))
            .and_then(|()| stream.set_write_timeout(Some(request.timeout)))
            .and_then(|()| stream.write_all(&request.to_bytes()))
            .map_err(context)?;
        Self::receive(&mut self.reader, &request.method).map_err(context)
    }

    fn receive(reader: &mut Reader<TcpStream>, method: &str) -> std::io::Result<Response> {
        loop {
            let Some((status, headers)) = reader.response_head()? else {
                return Err(std::io::Error::other("closed without an answer"));
            };
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let bodiless = method == "HEAD" || matches!(status, 101 | 204 | 304);
            let body = if bodiless {
                Vec::new()
            } else {
                reader.body(Framing::of(&headers, Framing::UntilClose)?)?
            };
            return Ok(Response {
                status,
                headers,
                body,
            });
        }
    }
}

/// Writes bytes that need not be HTTP at all and returns whatever comes back until the peer
/// closes or stays silent for `timeout`.
///
/// # Errors
/// When nothing listens there.
pub fn send_raw(addr: SocketAddr, bytes: &[u8], timeout: Duration) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let mut stream =
        TcpStream::connect(addr).map_err(|error| format!("no connection to {addr}: {error}"))?;
    stream
        .set_read_timeout(Some(timeout))
        .and_then(|()| stream.write_all(bytes))
        .map_err(|error| format!("{addr}: {error}"))?;
    let mut received = Vec::new();
    // A time-out or a reset ends the answer like a close does.
    let _ended = stream.read_to_end(&mut received);
    Ok(received)
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// All header pairs, in order.
    pub headers: Headers,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
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

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// With the status and the body, when it is not JSON.
    pub fn json(&self) -> Result<serde_json::Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| {
            format!(
                "status {} with a body that is not JSON ({error}): {}",
                self.status,
                self.text()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{Answer, Server};

    #[test]
    fn sends_exactly_what_was_given() {
        let request = Request::new("GET", b"/\xff/%2e%2e")
            .header("Authorization", "Bearer a")
            .header("authorization", b"\xfe")
            .exact();
        assert_eq!(
            request.to_bytes(),
            b"GET /\xff/%2e%2e HTTP/1.1\r\nAuthorization: Bearer a\r\nauthorization: \xfe\r\n\r\n"
        );
    }

    #[test]
    fn keeps_a_connection_and_all_header_pairs() {
        let server = Server::start(|request| {
            Some(
                Answer::text(200, &String::from_utf8_lossy(&request.body))
                    .header("a", "1")
                    .header("a", "2"),
            )
        })
        .unwrap();
        let mut connection = Connection::open(server.addr()).unwrap();
        for body in ["one", "two"] {
            let answer = connection.send(&Request::post("/", body)).unwrap();
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header_all("A"), ["1", "2"]);
            assert_eq!(answer.text(), body);
        }
        assert_eq!(server.count(), 2);
    }

    #[test]
    fn reads_chunks_and_trailers() {
        let chunked = Request::post("/", "4\r\nwiki\r\n3;x=y\r\n-pe\r\n0\r\nt: 1\r\n\r\n")
            .header("transfer-encoding", "chunked");
        let server = Server::start(|request| {
            Some(Answer::text(200, &String::from_utf8_lossy(&request.body)))
        })
        .unwrap();
        assert_eq!(chunked.send(server.addr()).unwrap().text(), "wiki-pe");
    }
}
