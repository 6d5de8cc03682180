//! One request, and the line by which it can be sent again.

use serde_json::{Value, json};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Nobody,
    Alice,
    Root,
}

impl Caller {
    pub(super) const ALL: [Self; 3] = [Self::Nobody, Self::Alice, Self::Root];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Alice => "alice",
            Self::Root => "root",
        }
    }
}

/// How Envoy reads paths before the filter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    /// As they came.
    Raw,
    /// With `normalize_path` and `merge_slashes`.
    Normal,
}

impl Listener {
    pub(super) const ALL: [Self; 2] = [Self::Raw, Self::Normal];

    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Normal => "normal",
        }
    }
}

/// The protocol between the client and Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    pub(super) const ALL: [Self; 2] = [Self::Http1, Self::Http2];

    fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "http/2",
        }
    }
}

pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// A request, byte for byte, but for the caller's token: it is made anew in every run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) upstream: String,
    pub(super) listener: Listener,
    pub(super) protocol: Protocol,
    pub(super) caller: Caller,
    pub(super) method: Vec<u8>,
    pub(super) authority: Vec<u8>,
    pub(super) target: Vec<u8>,
    pub(super) headers: Vec<Pair>,
    pub(super) trailers: Vec<Pair>,
}

impl Case {
    /// The case as one line of JSON. Each byte is the character of its number.
    pub(super) fn line(&self) -> String {
        let pairs = |pairs: &[Pair]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| json!([text(name), text(value)]));
            pairs.collect::<Vec<_>>()
        };
        json!({
            "upstream": self.upstream,
            "listener": self.listener.name(),
            "protocol": self.protocol.name(),
            "caller": self.caller.name(),
            "method": text(&self.method),
            "authority": text(&self.authority),
            "target": text(&self.target),
            "headers": pairs(&self.headers),
            "trailers": pairs(&self.trailers),
        })
        .to_string()
    }

    /// Reads such a line.
    ///
    /// # Errors
    /// With what is wrong in it.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("--replay: {error}"))?;
        let word = |key: &str| {
            value[key]
                .as_str()
                .ok_or_else(|| format!("--replay: no {key}"))
        };
        let bytes = |key: &str| word(key).and_then(bytes);
        let pairs = |key: &str| {
            let pairs = value[key]
                .as_array()
                .ok_or_else(|| format!("--replay: no {key}"))?;
            let pair = |pair: &Value| {
                let part = |at: usize| {
                    pair[at]
                        .as_str()
                        .ok_or_else(|| format!("--replay: a pair of {key}"))
                };
                Ok((self::bytes(part(0)?)?, self::bytes(part(1)?)?))
            };
            pairs.iter().map(pair).collect::<Result<Vec<_>, String>>()
        };
        Ok(Self {
            upstream: word("upstream")?.to_owned(),
            listener: named(word("listener")?, &Listener::ALL, |one| one.name())?,
            protocol: named(word("protocol")?, &Protocol::ALL, |one| one.name())?,
            caller: named(word("caller")?, &Caller::ALL, |one| one.name())?,
            method: bytes("method")?,
            authority: bytes("authority")?,
            target: bytes("target")?,
            headers: pairs("headers")?,
            trailers: pairs("trailers")?,
        })
    }
}

fn named<T: Copy>(word: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|one| name(*one) == word);
    found.ok_or_else(|| format!("--replay: {word} is not known"))
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let byte = |letter: char| {
        u8::try_from(u32::from(letter)).map_err(|_| format!("--replay: {letter:?} is no byte"))
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_same_case_again() {
        let case = Case {
            upstream: "node".into(),
            listener: Listener::Normal,
            protocol: Protocol::Http2,
            caller: Caller::Root,
            method: b"delete".to_vec(),
            authority: b"api:\xff".to_vec(),
            target: b"//\x80\"\\".to_vec(),
            headers: vec![(b"x.auth".to_vec(), b"\0\xfe".to_vec())],
            trailers: vec![(b"a".to_vec(), Vec::new())],
        };
        assert_eq!(Case::parse(&case.line()).unwrap(), case);
        assert!(Case::parse("{}").is_err());
    }
}
