//! A request as the client sends it, as the filter sees it, and as it goes on.

use crate::personality::Personality;

/// Header pairs, in order, with every duplicate.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A request of a client.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// The target as sent.
    pub(crate) target: Vec<u8>,
    pub(crate) host: &'static str,
    /// The host of a target in absolute form, which nginx serves whatever the header says.
    absolute: Option<&'static str>,
    pub(crate) headers: Pairs,
}

impl Request {
    pub(crate) fn get(target: &str) -> Self {
        Self {
            method: "GET",
            target: target.into(),
            host: "api.example",
            absolute: None,
            headers: Vec::new(),
        }
    }

    pub(crate) fn host(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    pub(crate) fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// With its target in absolute form, for this host.
    pub(crate) fn absolute(self, host: &'static str) -> Self {
        Self {
            absolute: Some(host),
            ..self
        }
    }

    /// nginx's `$host`.
    pub(crate) fn served_host(&self) -> Vec<u8> {
        let host = self.absolute.unwrap_or(self.host);
        let (host, _) = host.split_once(':').unwrap_or((host, ""));
        host.to_ascii_lowercase().into_bytes()
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// What the host answers itself, before any filter.
    pub(crate) fn refused_by(&self, host: Personality) -> Option<u16> {
        let bad = |byte: &u8| matches!(byte, 0 | b'\r' | b'\n');
        if self.headers.iter().any(|(_, value)| value.iter().any(bad)) {
            return Some(400);
        }
        let authorizations = self
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"authorization"));
        let nginx = host != Personality::Envoy;
        (nginx && (authorizations.count() > 1 || normalised(&self.target).is_none())).then_some(400)
    }

    /// The headers that reach the filter and the upstream: nginx drops names with underscores, Envoy joins a
    /// repeated `authorization` into one value.
    pub(crate) fn received(&self, host: Personality) -> Pairs {
        let mut pairs = Pairs::new();
        for (name, value) in &self.headers {
            match host {
                Personality::Envoy => {
                    let name = name.to_ascii_lowercase();
                    let inline = name == b"authorization";
                    match pairs.iter_mut().find(|(held, _)| inline && *held == name) {
                        Some((_, held)) => held.extend([b",", &value[..]].concat()),
                        None => pairs.push((name, value.clone())),
                    }
                }
                _ if name.contains(&b'_') => {}
                Personality::Apisix => pairs.push((name.to_ascii_lowercase(), value.clone())),
                Personality::Nginx { .. } => pairs.push((name.clone(), value.clone())),
            }
        }
        if host != Personality::Envoy {
            pairs.insert(0, (b"host".to_vec(), self.host.into()));
        }
        pairs
    }

    /// The pseudo-headers, as the host makes them up.
    pub(crate) fn pseudo(&self, host: Personality) -> Pairs {
        let pair = |name: &str, value: &[u8]| (name.into(), value.to_vec());
        let mut pairs = vec![
            pair(":method", self.method.as_bytes()),
            pair(":scheme", b"http"),
        ];
        match host {
            Personality::Envoy => {
                pairs.push(pair(":authority", self.host.as_bytes()));
                pairs.push(pair(":path", &self.target));
            }
            // The server's own name and port, and the path as nginx understands it.
            Personality::Nginx { .. } => {
                pairs.push(pair(":authority", b"gateway.internal:80"));
                let path = normalised(&self.target).unwrap_or_default();
                pairs.push(pair(":path", &path));
            }
            Personality::Apisix => pairs.push(pair(":path", &self.target)),
        }
        pairs
    }
}

/// A target as nginx's `$uri` and `$args` together: decoded, slashes merged, dot segments resolved; `None` where nginx
/// answers 400.
fn normalised(target: &[u8]) -> Option<Vec<u8>> {
    let end = target.iter().position(|byte| *byte == b'?');
    let (path, query) = target.split_at(end.unwrap_or(target.len()));
    if path.first() != Some(&b'/') {
        return None;
    }
    let mut decoded = Vec::new();
    let mut bytes = path.iter().copied();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        };
        if byte == 0 {
            return None;
        }
        decoded.push(byte);
    }
    let mut segments: Vec<&[u8]> = Vec::new();
    let parts: Vec<&[u8]> = decoded.split(|byte| *byte == b'/').skip(1).collect();
    let last = parts.len() - 1;
    for (index, part) in parts.into_iter().enumerate() {
        match part {
            b".." => {
                segments.pop()?;
            }
            b"." | b"" if index < last => {}
            b"." => segments.push(b""),
            other => segments.push(other),
        }
    }
    let mut out = vec![b'/'];
    out.extend(segments.join(&b'/'));
    if query.len() > 1 {
        out.extend(query);
    }
    Some(out)
}

/// The map as the ABI serializes it.
pub(crate) fn encode(pairs: &Pairs) -> Vec<u8> {
    let size = |text: &[u8]| (text.len() as u32).to_le_bytes();
    let mut out = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in pairs {
        out.extend(size(name));
        out.extend(size(value));
    }
    for (name, value) in pairs {
        out.extend([name, &b"\0"[..], value, &b"\0"[..]].concat());
    }
    out
}

/// What [`encode`] made; a filter's map is taken at its word.
pub(crate) fn decode(bytes: &[u8]) -> Pairs {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    if bytes.is_empty() {
        return Pairs::new();
    }
    let count = number(0);
    let mut at = 4 + count * 8;
    let mut next = |size: usize| {
        let text = bytes[at..at + size].to_vec();
        at += size + 1;
        text
    };
    (0..count)
        .map(|index| {
            let name = next(number(4 + index * 8));
            (name, next(number(8 + index * 8)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_reads_a_path_as_it_does() {
        let cases = [
            ("/authority%3Fx=1", Some("/authority?x=1")),
            ("/a/../b", Some("/b")),
            ("/a%2Fb", Some("/a/b")),
            ("/a//b/./c?x=%2F", Some("/a/b/c?x=%2F")),
            ("/a/", Some("/a/")),
            ("/", Some("/")),
            ("/../a", None),
            ("/a%00", None),
            ("*", None),
        ];
        for (target, want) in cases {
            let got = normalised(target.as_bytes());
            assert_eq!(got.as_deref(), want.map(str::as_bytes), "{target}");
        }
    }

    #[test]
    fn a_map_comes_back() {
        let pairs = vec![
            (b"a".to_vec(), b"\xff\0".to_vec()),
            (b"".to_vec(), b"".to_vec()),
        ];
        assert_eq!(decode(&encode(&pairs)), pairs);
    }
}
