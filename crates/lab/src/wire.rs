//! Reading HTTP/1.1 messages off a socket: what the client and the servers share.

use std::io::{self, Read};

/// More than any header block the laboratory sends on purpose.
const MAX_HEADERS: usize = 2048;

/// Header pairs as received: order, duplicates and bytes kept.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// The start line's parts (method and target, or status and reason) with the headers.
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) second: Vec<u8>,
    pub(crate) headers: Headers,
}

/// How the end of a body is found.
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Framing {
    /// The framing that the headers announce, or `otherwise` where they announce none.
    pub(crate) fn of(headers: &Headers, otherwise: Self) -> io::Result<Self> {
        if find(headers, "transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case(b"chunked")) {
            return Ok(Self::Chunked);
        }
        match find(headers, "content-length") {
            None => Ok(otherwise),
            Some(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|t| t.trim().parse().ok())
                .map(Self::Length)
                .ok_or_else(|| invalid("content-length is not a number")),
        }
    }
}

/// The first value of a header, its name compared without case.
pub(crate) fn find<'a>(headers: &'a Headers, name: &str) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.as_slice())
}

/// A stream and the bytes that were read from it but not yet used.
pub(crate) struct Reader<R> {
    pub(crate) stream: R,
    /// The trailers behind the last chunked body.
    pub(crate) trailers: Headers,
    buffer: Vec<u8>,
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self {
            stream,
            trailers: Headers::new(),
            buffer: Vec::new(),
        }
    }

    /// Reads a request's head; `None` when the peer closed between two requests.
    pub(crate) fn request_head(&mut self) -> io::Result<Option<Head>> {
        self.head(|bytes| {
            let mut headers = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut request = httparse::Request::new(&mut headers);
            match request.parse(bytes).map_err(invalid)? {
                httparse::Status::Partial => Ok(None),
                httparse::Status::Complete(length) => Ok(Some((
                    length,
                    Head {
                        first: request.method.unwrap_or_default().to_owned(),
                        second: request.path.unwrap_or_default().as_bytes().to_vec(),
                        headers: owned(request.headers),
                    },
                ))),
            }
        })
    }

    /// Reads a response's head: the status with the headers.
    pub(crate) fn response_head(&mut self) -> io::Result<Option<(u16, Headers)>> {
        let mut status = 0;
        let head = self.head(|bytes| {
            let mut headers = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut response = httparse::Response::new(&mut headers);
            match response.parse(bytes).map_err(invalid)? {
                httparse::Status::Partial => Ok(None),
                httparse::Status::Complete(length) => {
                    status = response.code.unwrap_or_default();
                    Ok(Some((
                        length,
                        Head {
                            first: String::new(),
                            second: Vec::new(),
                            headers: owned(response.headers),
                        },
                    )))
                }
            }
        })?;
        Ok(head.map(|head| (status, head.headers)))
    }

    /// Reads a body to its end.
    pub(crate) fn body(&mut self, framing: Framing) -> io::Result<Vec<u8>> {
        match framing {
            Framing::Length(length) => self.take(length),
            Framing::UntilClose => {
                let mut body = std::mem::take(&mut self.buffer);
                self.stream.read_to_end(&mut body)?;
                Ok(body)
            }
            Framing::Chunked => {
                let mut body = Vec::new();
                loop {
                    let line = self.line()?;
                    let size = line.split(';').next().unwrap_or_default().trim();
                    let size = usize::from_str_radix(size, 16).map_err(invalid)?;
                    if size == 0 {
                        self.trailers = self.trailer_lines()?;
                        return Ok(body);
                    }
                    body.extend(self.take(size)?);
                    self.line()?;
                }
            }
        }
    }

    fn head<T>(
        &mut self,
        mut parse: impl FnMut(&[u8]) -> io::Result<Option<(usize, T)>>,
    ) -> io::Result<Option<T>> {
        loop {
            if let Some((length, head)) = parse(&self.buffer)? {
                self.buffer.drain(..length);
                return Ok(Some(head));
            }
            if !self.fill()? {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(closed())
                };
            }
        }
    }

    fn trailer_lines(&mut self) -> io::Result<Headers> {
        let mut trailers = Headers::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(trailers);
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            trailers.push((name.to_owned(), value.trim().as_bytes().to_vec()));
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Ok(line);
            }
            if !self.fill()? {
                return Err(closed());
            }
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.fill()? {
                return Err(closed());
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn fill(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 16 * 1024];
        let read = self.stream.read(&mut chunk)?;
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(read > 0)
    }
}

fn owned(headers: &[httparse::Header<'_>]) -> Headers {
    headers
        .iter()
        .map(|h| (h.name.to_owned(), h.value.to_vec()))
        .collect()
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the peer closed in the middle of a message",
    )
}
