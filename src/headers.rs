//! The headers of one message, as bytes.
//!
//! A header value is whatever octets a client sent (RFC 9110 §5.5): nothing here assumes UTF-8, and a name
//! that occurs twice stays visible twice, because hosts that answer with one value hide the other.

/// The most header pairs that are looked at; hosts limit theirs well below.
const MAX_PAIRS: usize = 4096;

/// All headers of a message in the order received, pseudo-headers included.
///
/// They stay in the host's own serialization: nothing is copied, and walking them is cheaper than an index of them.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    count: usize,
    /// The path by the host's own reading, decoded and without its query, where that is not what the client sent.
    path_as_read: Option<Vec<u8>>,
}

impl Headers {
    /// Takes the serialized map of the proxy-wasm ABI: a count, the sizes of each name and value, then
    /// each name and value followed by a NUL, integers little-endian.
    ///
    /// Returns `None` where the buffer is not such a map; a host's answer is input like any other.
    #[must_use]
    pub fn decode(bytes: Vec<u8>) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let count = read_u32(&bytes, 0)?;
        let headers = Self {
            bytes,
            count,
            path_as_read: None,
        };
        (count <= MAX_PAIRS && headers.iter().count() == count).then_some(headers)
    }

    /// Headers from name and value pairs, for tests and for callers that have them apart.
    #[must_use]
    pub fn from_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Self {
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = u32::try_from(pairs.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes()
            .to_vec();
        for (name, value) in pairs {
            bytes.extend(size(name.as_ref()));
            bytes.extend(size(value.as_ref()));
        }
        for (name, value) in pairs {
            for text in [name.as_ref(), value.as_ref()] {
                bytes.extend_from_slice(text);
                bytes.push(0);
            }
        }
        Self {
            bytes,
            count: pairs.len(),
            path_as_read: None,
        }
    }

    /// How many bytes of memory they take.
    #[must_use]
    pub fn weight(&self) -> usize {
        let read = self.path_as_read.as_ref().map_or(0, Vec::capacity);
        self.bytes.capacity().saturating_add(read)
    }

    /// Every header, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // Behind the sizes.
        let mut at = self.count.saturating_mul(8).saturating_add(4);
        let sizes = self.bytes.get(4..at).unwrap_or_default();
        sizes.as_chunks::<8>().0.iter().map_while(move |sizes| {
            let name = span(&self.bytes, &mut at, read_u32(sizes, 0)?)?;
            let value = span(&self.bytes, &mut at, read_u32(sizes, 4)?)?;
            Some((name, value))
        })
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

    /// The same head with the target as the client sent it in place of the one that the host has decoded; the host's
    /// reading stays at hand.
    #[must_use]
    pub fn with_target(self, target: &[u8]) -> Self {
        let mark = target.iter().position(|byte| *byte == b'?');
        let query = mark
            .and_then(|mark| target.get(mark..))
            .filter(|query| query.len() > 1);
        // The host's text ends with the query as it came; what stands before it is all path, question marks included.
        let read = self.first(":path").map(|read| {
            let path = query.and_then(|query| read.strip_suffix(query));
            path.unwrap_or(read).to_vec()
        });
        Self {
            path_as_read: read,
            ..self.with(":path", target)
        }
    }

    /// The same head with this value in place of the first of its name, or added.
    #[must_use]
    pub fn with(self, name: &str, value: &[u8]) -> Self {
        let mut pairs: Vec<(&[u8], &[u8])> = self.iter().collect();
        let held = pairs
            .iter_mut()
            .find(|(held, _)| held.eq_ignore_ascii_case(name.as_bytes()));
        match held {
            Some(pair) => pair.1 = value,
            None => pairs.push((name.as_bytes(), value)),
        }
        let changed = Self::from_pairs(&pairs);
        Self {
            path_as_read: self.path_as_read,
            ..changed
        }
    }

    /// The path by the host's own reading, where that is not what the client sent.
    #[must_use]
    pub fn path_as_read(&self) -> Option<&[u8]> {
        self.path_as_read.as_deref()
    }
}

fn read_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(field.try_into().ok()?)).ok()
}

/// The next `size` bytes, and steps over the NUL behind them.
fn span<'b>(bytes: &'b [u8], at: &mut usize, size: usize) -> Option<&'b [u8]> {
    let end = at.checked_add(size)?;
    if bytes.get(end) != Some(&0) {
        return None;
    }
    let text = bytes.get(*at..end);
    *at = end.checked_add(1)?;
    text
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
    fn a_target_takes_the_place_of_a_hosts_reading() {
        // What the client sent, what the host made of it, and the path in that.
        for (target, read, path) in [
            ("/a%3Fb?x=%2F", "/a?b?x=%2F", "/a?b"),
            ("/a/../b", "/b", "/b"),
            ("/a%2Fb?", "/a/b", "/a/b"),
            ("/a?x", "/a?x", "/a"),
            ("/a?x", "/other", "/other"),
        ] {
            let head =
                Headers::from_pairs(&[(":path", read), ("a", "1")]).with_target(target.as_bytes());
            assert_eq!(head.first(":path"), Some(target.as_bytes()));
            assert_eq!(head.path_as_read(), Some(path.as_bytes()), "{target}");
            assert_eq!(head.iter().count(), 2);
        }
        let head = Headers::from_pairs(&[("a", "1")])
            .with_target(b"/x")
            .with("a", b"2");
        assert_eq!(
            (head.first(":path"), head.first("a")),
            (Some(&b"/x"[..]), Some(&b"2"[..]))
        );
        assert_eq!(head.path_as_read(), None);
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
