//! The least of HTTP/2 that sends any bytes as a request: ordinary clients refuse what has to be tried.

use super::case::Pair;
use super::lab::ANSWER_TIMEOUT;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// An answer: of its head only the status is read.
pub(super) struct Answer {
    /// 0 where the stream was reset.
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// A connection with one stream at a time.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    next: u32,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Connection {
    pub(super) fn open(addr: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let mut opening = PREFACE.to_vec();
        // Without a table of headers (setting 1) each status is written out.
        opening.extend(frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]));
        stream.write_all(&opening)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
            next: 1,
        })
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// When the connection ends: it is of no more use.
    pub(super) fn send(&mut self, head: &[Pair], trailers: &[Pair]) -> io::Result<Answer> {
        let id = self.next;
        self.next += 2;
        let end = if trailers.is_empty() { END_STREAM } else { 0 };
        let mut out = frame(HEADERS, END_HEADERS | end, id, &block(head));
        if !trailers.is_empty() {
            out.extend(frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                id,
                &block(trailers),
            ));
        }
        self.stream.write_all(&out)?;
        let mut answer = Answer {
            status: 0,
            body: Vec::new(),
        };
        loop {
            let got = self.frame()?;
            match got.kind {
                SETTINGS if got.flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[])?,
                PING if got.flags & ACK == 0 => self.write(PING, ACK, 0, &got.payload)?,
                GOAWAY => return Err(io::Error::other("the connection is given up")),
                RST_STREAM if got.stream == id => return Ok(answer),
                HEADERS if got.stream == id => {
                    // Trailers have no status.
                    if let Some(status) = status(content(&got)) {
                        answer.status = status;
                    }
                }
                DATA => {
                    let length = u32::try_from(got.payload.len()).map_err(io::Error::other)?;
                    if length > 0 {
                        self.write(WINDOW_UPDATE, 0, 0, &length.to_be_bytes())?;
                    }
                    if got.stream == id {
                        answer.body.extend(content(&got));
                    }
                }
                _ => {}
            }
            let ends = matches!(got.kind, HEADERS | DATA) && got.flags & END_STREAM != 0;
            if ends && got.stream == id {
                return Ok(answer);
            }
        }
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.stream.write_all(&frame(kind, flags, stream, payload))
    }

    fn frame(&mut self) -> io::Result<Frame> {
        self.fill(9)?;
        let head: Vec<u8> = self.buffer.drain(..9).collect();
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        self.fill(length)?;
        Ok(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]),
            payload: self.buffer.drain(..length).collect(),
        })
    }

    fn fill(&mut self, length: usize) -> io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        while self.buffer.len() < length {
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&chunk[..read]);
        }
        Ok(())
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut out = length.to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A payload without padding and priority.
fn content(frame: &Frame) -> &[u8] {
    let mut content = frame.payload.as_slice();
    if frame.flags & PADDED != 0 {
        let padding = usize::from(content[0]);
        content = &content[1..content.len() - padding];
    }
    if frame.kind == HEADERS && frame.flags & PRIORITY != 0 {
        content = &content[5..];
    }
    content
}

/// Headers as literals that no table has (RFC 7541 §6.2.2), in plain bytes.
fn block(pairs: &[Pair]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in pairs {
        out.push(0);
        for text in [name, value] {
            number(text.len(), 7, &mut out);
            out.extend(text);
        }
    }
    out
}

/// An integer with a prefix of so many bits (RFC 7541 §5.1).
fn number(value: usize, bits: u32, out: &mut Vec<u8>) {
    let most = (1_usize << bits) - 1;
    if value < most {
        out.push(value as u8);
        return;
    }
    out.push(most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        out.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    out.push(rest as u8);
}

/// The status, which is the first header of an answer.
fn status(mut block: &[u8]) -> Option<u16> {
    // Changes of the size of the table, which has none.
    while block.first()? & 0xe0 == 0x20 {
        block = &block[1..];
    }
    let first = *block.first()?;
    if first & 0x80 != 0 {
        return match first & 0x7f {
            8 => Some(200),
            9 => Some(204),
            10 => Some(206),
            11 => Some(304),
            12 => Some(400),
            13 => Some(404),
            14 => Some(500),
            _ => None,
        };
    }
    let bits = if first & 0xc0 == 0x40 { 0x3f } else { 0x0f };
    if !(8..=14).contains(&(first & bits)) {
        return None;
    }
    let length = *block.get(1)?;
    let value = block.get(2..2 + usize::from(length & 0x7f))?;
    let digits = if length & 0x80 == 0 {
        value.iter().map(|digit| digit.wrapping_sub(b'0')).collect()
    } else {
        digits(value)
    };
    Some(
        digits
            .iter()
            .take(3)
            .fold(0, |all, digit| all * 10 + u16::from(*digit)),
    )
}

/// The digits of a text in the code of RFC 7541, appendix B: 0 to 2 have five bits, the others six.
fn digits(value: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = value
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let (mut at, mut digits) = (0, Vec::new());
    let read = |at: usize, count: usize| {
        let bits = bits.get(at..at + count)?;
        Some(bits.iter().fold(0_u8, |all, bit| all << 1 | bit))
    };
    while let Some(five) = read(at, 5) {
        if five <= 2 {
            digits.push(five);
            at += 5;
            continue;
        }
        match read(at, 6) {
            Some(six @ 0x19..=0x1f) => digits.push(six - 0x16),
            _ => break,
        }
        at += 6;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_in_each_form() {
        assert_eq!(status(&[0x88]), Some(200));
        assert_eq!(status(&[0x20, 0x8d]), Some(404));
        // RFC 7541, appendix C.6.1 and C.6.2: 302 and 307.
        assert_eq!(status(&[0x48, 0x82, 0x64, 0x02]), Some(302));
        assert_eq!(status(&[0x48, 0x83, 0x64, 0x0e, 0xff]), Some(307));
        assert_eq!(status(&[0x08, 3, b'4', b'0', b'3']), Some(403));
        assert_eq!(status(&[0x0f, 0x11, 1, b'x']), None);
    }
}
