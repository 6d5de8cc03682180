//! One request within a host.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::message::{Pairs, Request};
use crate::personality::Personality;

/// An answer that the filter gave in the upstream's place, as the client gets it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) grpc_status: i32,
}

/// A request and what was done with it.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) request: Request,
    /// What the filter sees.
    pub(crate) seen: Pairs,
    /// The headers that `proxy_pass` sends: what the filter removes stays here on nginx.
    pub(crate) wire: Pairs,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) state: BTreeMap<String, String>,
    pub(crate) answer: Option<Answer>,
    pub(crate) resumed: bool,
    /// Callouts of its own that have no answer yet.
    pub(crate) pending: usize,
    /// Callouts of its own so far.
    pub(crate) callouts: usize,
    /// Whether one of them got no answer.
    pub(crate) unanswered: bool,
    /// Host calls that were made in its name.
    pub(crate) host_calls: usize,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It went upstream.
    Forwarded(Box<Stream>),
    /// It waits.
    Held,
    /// The host answered: the filter failed, or was never asked.
    Host(u16),
    /// The filter answered.
    Refused(Answer),
}

fn same(name: &[u8], other: &[u8]) -> bool {
    name.eq_ignore_ascii_case(other)
}

impl Stream {
    pub(crate) fn new(request: Request, host: Personality) -> Self {
        let wire = request.received(host);
        let (pseudo, headers) = (request.pseudo(host), wire.clone());
        let seen = if host == Personality::Apisix {
            [headers, pseudo].concat()
        } else {
            [pseudo, headers].concat()
        };
        Self {
            request,
            seen,
            wire,
            variables: BTreeMap::new(),
            state: BTreeMap::new(),
            answer: None,
            resumed: false,
            pending: 0,
            callouts: 0,
            unanswered: false,
            host_calls: 0,
        }
    }

    pub(crate) fn remove(&mut self, host: Personality, name: &[u8]) {
        self.seen.retain(|(held, _)| !same(held, name));
        // nginx marks its entry as deleted, and `proxy_pass` does not look at the mark.
        if !host.is_nginx() {
            self.wire.retain(|(held, _)| !same(held, name));
        }
    }

    pub(crate) fn replace(&mut self, host: Personality, name: &[u8], value: &[u8]) {
        let views = [&mut self.seen, &mut self.wire];
        for (index, view) in views.into_iter().enumerate() {
            if index == 1 && name.starts_with(b":") {
                continue;
            }
            let Some(first) = view.iter().position(|(held, _)| same(held, name)) else {
                view.push((name.to_vec(), value.to_vec()));
                continue;
            };
            view[first].1 = value.to_vec();
            // On the wire nginx replaces the first of several and leaves the others.
            if index == 0 || !host.is_nginx() {
                let mut at = 0;
                view.retain(|(held, _)| {
                    at += 1;
                    at - 1 <= first || !same(held, name)
                });
            }
        }
    }

    /// The request target as the upstream gets it.
    pub(crate) fn target(&self, host: Personality) -> String {
        let set = self.seen.iter().find(|(name, _)| name == b":path");
        let target = match (host, set) {
            (Personality::Envoy, Some((_, path))) => path,
            _ => &self.request.target,
        };
        String::from_utf8_lossy(target).into_owned()
    }

    /// The headers as the upstream gets them, names in lower case.
    pub(crate) fn arrived(&self, host: Personality) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut headers: Vec<_> = self
            .wire
            .iter()
            .map(|(name, value)| (text(name).to_ascii_lowercase(), text(value)))
            .collect();
        if host.strips_headers() {
            for (name, variable) in LINES.iter() {
                headers.retain(|(held, _)| !held.eq_ignore_ascii_case(name));
                let value = self.variables.get(*variable).cloned().unwrap_or_default();
                // nginx does not send a header whose value is empty.
                if !value.is_empty() {
                    headers.push(((*name).to_owned(), value));
                }
            }
        }
        headers
    }
}

/// What nginx is configured with, as headers and the variables that they are set from; none where a header goes upstream in
/// no case. The lines that the documentation gives, and those for headers that the conversations' configurations add.
pub(crate) static LINES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let documented = include_str!("../../envoy-example/kong/auth_filter.location.conf");
    let lines = documented.lines().filter(|line| !line.starts_with('#'));
    let own = [
        "proxy_set_header x-tenant $auth_filter_header_x_tenant;",
        "proxy_set_header x-aws-access-key-id $auth_filter_header_x_aws_access_key_id;",
    ];
    lines
        .chain(own)
        .map(|line| {
            let mut words = line.trim_end_matches(';').split_ascii_whitespace();
            assert_eq!(words.next(), Some("proxy_set_header"), "{line}");
            let (header, value) = (words.next().unwrap(), words.next().unwrap());
            let variable = value.strip_prefix('$').unwrap_or_default();
            assert!(value == "\"\"" || !variable.is_empty(), "{line}");
            (header, variable)
        })
        .collect()
});
