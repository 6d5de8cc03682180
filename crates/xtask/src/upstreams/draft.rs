//! A request while it is being changed.

use super::case::{Caller, Case, Listener, Pair, Protocol};
use crate::soak::random::Random;

/// Where most of the resources are, and the host that is a resource of its own.
pub(super) const HOST: &str = "api.example.com";
pub(super) const VIRTUAL: &str = "admin.example.com";

/// The parts of a request, each for itself.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) method: Vec<u8>,
    pub(super) authority: Vec<u8>,
    /// What stands in front of the path in the absolute form.
    pub(super) origin: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) headers: Vec<Pair>,
    pub(super) trailers: Vec<Pair>,
    /// Whether it can be said in HTTP/1.1 only.
    pub(super) is_http1: bool,
}

impl Draft {
    pub(super) fn new(method: &str, authority: &str, path: &str) -> Self {
        Self {
            method: method.into(),
            authority: authority.into(),
            origin: Vec::new(),
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            trailers: Vec::new(),
            is_http1: false,
        }
    }

    pub(super) fn header(&mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.headers.push((name.into(), value.into()));
    }

    /// Adds a pair to the query.
    pub(super) fn parameter(&mut self, pair: &str, delimiter: &str) {
        if !self.query.is_empty() {
            self.query.extend(delimiter.bytes());
        }
        self.query.extend(pair.bytes());
    }

    /// The places in front of which a segment ends: those of its slashes but the first, and its end.
    pub(super) fn ends(&self) -> Vec<usize> {
        let slashes = self.path.iter().enumerate().skip(1);
        let mut ends: Vec<usize> = slashes
            .filter(|(_, byte)| **byte == b'/')
            .map(|(at, _)| at)
            .collect();
        ends.push(self.path.len());
        ends
    }

    /// Puts bytes into the path.
    pub(super) fn insert(&mut self, at: usize, bytes: &[u8]) {
        let at = at.min(self.path.len());
        self.path.splice(at..at, bytes.iter().copied());
    }

    /// Puts bytes in the place of one byte of the path.
    pub(super) fn replace(&mut self, at: usize, bytes: &[u8]) {
        if at < self.path.len() {
            self.path.splice(at..=at, bytes.iter().copied());
        }
    }

    /// The place of some byte of the path of which this holds.
    pub(super) fn some(&self, random: &mut Random, holds: impl Fn(u8) -> bool) -> Option<usize> {
        let places: Vec<usize> = (0..self.path.len())
            .filter(|at| holds(self.path[*at]))
            .collect();
        (!places.is_empty()).then(|| random.pick(&places))
    }

    pub(super) fn case(
        self,
        upstream: &str,
        listener: Listener,
        protocol: Protocol,
        caller: Caller,
    ) -> Case {
        let mut target = self.origin;
        target.extend(&self.path);
        if !self.query.is_empty() {
            target.push(b'?');
            target.extend(&self.query);
        }
        let protocol = if self.is_http1 {
            Protocol::Http1
        } else {
            protocol
        };
        let lower = |pairs: Vec<Pair>| match protocol {
            Protocol::Http1 => pairs,
            // Capitals are malformed there (RFC 9113 §8.2.1).
            Protocol::Http2 => pairs
                .into_iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value))
                .collect(),
        };
        Case {
            upstream: upstream.to_owned(),
            listener,
            protocol,
            caller,
            method: self.method,
            authority: self.authority,
            target,
            headers: lower(self.headers),
            trailers: lower(self.trailers),
        }
    }
}
