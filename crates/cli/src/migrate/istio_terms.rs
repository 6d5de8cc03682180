//! The rules of an AuthorizationPolicy.

use super::draft::claim_name;
use super::matching::{Header, Matching, Path};
use super::need::Need;
use super::source::Node;
use super::terms::Terms;
use super::values;
use serde_json::json;
use std::collections::BTreeSet;

/// What rules are read for.
pub(super) struct Reader {
    /// The issuers of the configuration.
    pub(super) issuers: Vec<String>,
    /// Whether the policy denies.
    pub(super) denies: bool,
}

/// How one value of a list is read; `None` for what a configuration cannot say.
type Read<'r> = &'r dyn Fn(&str) -> Option<Terms>;

/// The same, held.
type OwnRead<'r> = Box<dyn Fn(&str) -> Option<Terms> + 'r>;

impl Reader {
    /// One rule: `from`, `to` and `when` all hold.
    pub(super) fn rule(&self, node: &Node<'_>) -> Terms {
        let sources = node
            .list("from")
            .iter()
            .filter_map(|from| from.get("source"))
            .map(|source| self.source(&source))
            .collect::<Vec<_>>();
        let operations = node
            .list("to")
            .iter()
            .filter_map(|to| to.get("operation"))
            .map(|operation| self.operation(&operation))
            .collect::<Vec<_>>();
        let mut all: Vec<Terms> = node
            .list("when")
            .iter()
            .map(|when| self.condition(when))
            .collect();
        for alternatives in [sources, operations] {
            if !alternatives.is_empty() {
                all.push(Terms::any(alternatives));
            }
        }
        Terms::all(all)
    }

    fn unknown(&self, node: &Node<'_>) -> Terms {
        let why = if self.denies {
            "the filter cannot see this; what the rule denies is denied without this condition"
        } else {
            "the filter cannot see this; what the rule allows by it is refused"
        };
        node.not_carried(why, "keep an AuthorizationPolicy for it, which is asked after a WasmPlugin of phase AUTHN, and write a rule without it");
        Terms::unknown()
    }

    /// A list, one of whose values holds, and its opposite.
    fn pair(&self, node: &Node<'_>, key: &str, not_key: &str, read: Read<'_>) -> Vec<Terms> {
        let mut all = Vec::new();
        if let Some(list) = node.get(key) {
            all.push(Terms::any(
                list.items()
                    .iter()
                    .map(|item| self.value(item, read))
                    .collect(),
            ));
        }
        if let Some(list) = node.get(not_key) {
            all.extend(
                list.items()
                    .iter()
                    .map(|item| match self.value(item, read).opposite() {
                        Some(terms) => terms,
                        None => self.unknown(item),
                    }),
            );
        }
        all
    }

    fn value(&self, node: &Node<'_>, read: Read<'_>) -> Terms {
        node.as_text()
            .and_then(|text| read(&text))
            .unwrap_or_else(|| self.unknown(node))
    }

    fn source(&self, node: &Node<'_>) -> Terms {
        let mut all = self.pair(node, "requestPrincipals", "notRequestPrincipals", &|text| {
            self.principal(text).map(Terms::caller)
        });
        let unseen = [
            "principals",
            "namespaces",
            "ipBlocks",
            "remoteIpBlocks",
            "serviceAccounts",
            "trustDomains",
        ];
        for key in unseen {
            let not_key = format!("not{}{}", key[..1].to_ascii_uppercase(), &key[1..]);
            all.extend(
                [key, not_key.as_str()]
                    .iter()
                    .filter_map(|key| node.get(key))
                    .map(|node| self.unknown(&node)),
            );
        }
        Terms::all(all)
    }

    fn operation(&self, node: &Node<'_>) -> Terms {
        let mut all = self.pair(node, "methods", "notMethods", &|text| {
            (!text.contains('*'))
                .then(|| Terms::request(Matching::of_method(text)))
                .or_else(|| (text == "*").then(Terms::always))
        });
        all.extend(self.pair(node, "paths", "notPaths", &|text| Some(path(text))));
        all.extend(self.pair(node, "hosts", "notHosts", &|text| host(text)));
        all.extend(
            ["ports", "notPorts"]
                .iter()
                .filter_map(|key| node.get(key))
                .map(|node| self.unknown(&node)),
        );
        Terms::all(all)
    }

    fn condition(&self, node: &Node<'_>) -> Terms {
        let key = node.text("key").unwrap_or_default();
        let steps: Vec<&str> = key
            .split(['[', ']'])
            .filter(|step| !step.is_empty())
            .collect();
        let claim = |steps: &[&str]| claim_name(steps);
        let read: OwnRead<'_> = match steps.as_slice() {
            ["request.headers", name] => {
                let name = (*name).to_owned();
                Box::new(move |text| header(&name, text))
            }
            ["request.auth.principal"] => Box::new(|text| self.principal(text).map(Terms::caller)),
            ["request.auth.audiences"] => {
                Box::new(|text| claim_need("aud", text).map(Terms::caller))
            }
            ["request.auth.presenter"] => {
                Box::new(|text| claim_need("azp", text).map(Terms::caller))
            }
            ["request.auth.claims", rest @ ..] if !rest.is_empty() => {
                let name = claim(rest);
                Box::new(move |text| claim_need(&name, text).map(Terms::caller))
            }
            _ => {
                return self.unknown(node);
            }
        };
        Terms::all(self.pair(node, "values", "notValues", &read))
    }

    /// `issuer/subject` in its four forms.
    fn principal(&self, text: &str) -> Option<Need> {
        if text == "*" {
            return Some(Need::User);
        }
        let of = |name: &str, test| Need::Claim(name.to_owned(), test);
        if let Some(end) = text.strip_prefix('*') {
            // `*/subject`: any issuer. Another end may be a part of a subject, which no test can say.
            return end
                .strip_prefix('/')
                .map(|subject| of("sub", json!(subject)));
        }
        let (text, open) = text
            .strip_suffix('*')
            .map_or((text, false), |text| (text, true));
        let issuer = self.issuers.iter().find(|issuer| {
            text.strip_prefix(issuer.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        });
        let split = match issuer {
            Some(issuer) => Some((issuer.as_str(), &text[issuer.len() + 1..])),
            None => text.rsplit_once('/'),
        };
        Some(match split {
            Some((issuer, "")) if open => of("iss", json!(issuer)),
            Some((issuer, subject)) => {
                let test = if open {
                    json!({ "prefix": subject })
                } else {
                    json!(subject)
                };
                Need::all(vec![of("iss", json!(issuer)), of("sub", test)])
            }
            None if open => of("iss", json!({ "prefix": text })),
            // No principal is without a slash.
            None => Need::Never,
        })
    }
}

fn path(text: &str) -> Terms {
    if text.contains('{') {
        return Terms::request(Matching::of_path(values::template(text)));
    }
    let path = match (text, text.strip_suffix('*'), text.strip_prefix('*')) {
        ("*", _, _) => return Terms::always(),
        (_, Some(start), _) => Path::Text(start.to_owned()),
        (_, _, Some(end)) => Path::suffix(end),
        _ => Path::Exact(text.to_owned()),
    };
    Terms::request(Matching::of_path(path))
}

fn host(text: &str) -> Option<Terms> {
    if text == "*" {
        return Some(Terms::always());
    }
    let plain = !text.trim_start_matches("*.").contains('*');
    plain.then(|| Terms::request(Matching::of_host(text)))
}

fn header(name: &str, text: &str) -> Option<Terms> {
    let test = match (text, text.strip_suffix('*'), text.starts_with('*')) {
        ("*", _, _) => Header::Present(true),
        (_, Some(start), false) => Header::Prefix(start.to_owned()),
        (_, None, false) => Header::AnyOf(BTreeSet::from([text.to_owned()])),
        _ => return None,
    };
    Some(Terms::request(Matching::of_header(name, test)))
}

fn claim_need(claim: &str, text: &str) -> Option<Need> {
    match (text, text.strip_suffix('*'), text.starts_with('*')) {
        ("*", _, _) => Some(Need::Claim(claim.to_owned(), json!({ "present": true }))),
        (_, Some(start), false) => Some(Need::Claim(claim.to_owned(), json!({ "prefix": start }))),
        (_, None, false) => Some(Need::claim_has(claim, text)),
        _ => None,
    }
}
