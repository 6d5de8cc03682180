//! The headers of one message, as bytes.
//!
//! A header value is whatever octets a client sent (RFC 9110 §5.5): nothing here assumes UTF-8, and a name
//! that occurs twice stays visible twice, because hosts that answer with one value hide the other.

use std::ops::Range;

/// The most header pairs that are looked at; hosts limit theirs well below.
const MAX_PAIRS: usize = 4096;

/// All headers of a message in the order received, pseudo-headers included.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    pairs: Vec<(Range<usize>, Range<usize>)>,
}

impl Headers {
    /// Decodes the serialized map of the proxy-wasm ABI: a count, the sizes of each name and value, then
    /// each name and value followed by a NUL, integers little-endian.
    ///
    /// Returns `None` where the buffer is not such a map; a host's answer is input like any other.
    #[must_use]
    pub fn decode(bytes: Vec<u8>) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let count = read_u32(&bytes, 0)?;
        if count > MAX_PAIRS {
            return None;
        }
        let mut at = count.checked_mul(8)?.checked_add(4)?;
        let mut pairs = Vec::with_capacity(count);
        for index in 0..count {
            let sizes = index.checked_mul(8)?.checked_add(4)?;
            let name = span(&bytes, &mut at, read_u32(&bytes, sizes)?)?;
            let value = span(&bytes, &mut at, read_u32(&bytes, sizes.checked_add(4)?)?)?;
            pairs.push((name, value));
        }
        Some(Self { bytes, pairs })
    }

    /// Headers from name and value pairs, for tests and for callers that have them apart.
    #[must_use]
    pub fn from_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            let name = headers.append(name.as_ref());
            let value = headers.append(value.as_ref());
            headers.pairs.push((name, value));
        }
        headers
    }

    /// Every header, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs
            .iter()
            .map(|(name, value)| (self.slice(name), self.slice(value)))
    }

    /// Every value of the header `name`, compared without ASCII case (RFC 9110 §5.1).
    pub fn all<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.iter()
            .filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The first value of the header `name`: for pseudo-headers, which a host sends once.
    #[must_use]
    pub fn first<'h>(&'h self, name: &str) -> Option<&'h [u8]> {
        self.all(name).next()
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

fn read_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(field.try_into().ok()?)).ok()
}

/// The next `size` bytes, and steps over the NUL behind them.
fn span(bytes: &[u8], at: &mut usize, size: usize) -> Option<Range<usize>> {
    let end = at.checked_add(size)?;
    if bytes.get(end) != Some(&0) {
        return None;
    }
    let range = *at..end;
    *at = end.checked_add(1)?;
    Some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut out = u32::try_from(pairs.len()).unwrap().to_le_bytes().to_vec();
        for (name, value) in pairs {
            out.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
            out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        }
        for (name, value) in pairs {
            out.extend([name, &b"\0"[..], value, &b"\0"[..]].concat());
        }
        out
    }

    #[test]
    fn a_map_comes_back_with_duplicates_and_any_bytes() {
        let headers =
            Headers::decode(encode(&[(b"A", b"1"), (b"x", b"\xff\x00"), (b"a", b"")])).unwrap();
        assert_eq!(headers.all("a").collect::<Vec<_>>(), [&b"1"[..], b""]);
        assert_eq!(headers.first("X"), Some(&b"\xff\x00"[..]));
        assert_eq!(headers.first("missing"), None);
    }

    #[test]
    fn a_buffer_that_is_not_a_map_is_refused() {
        let good = encode(&[(b"name", b"value"), (b"b", b"2")]);
        for cut in 1..good.len() {
            assert!(
                Headers::decode(good[..cut].to_vec()).is_none(),
                "cut at {cut}"
            );
        }
        assert!(Headers::decode(vec![0xff; 64]).is_none());
        assert!(Headers::decode(Vec::new()).is_some_and(|headers| headers.iter().next().is_none()));
    }
}
