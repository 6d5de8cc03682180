//! Where the filters stand in a configuration of Envoy.

use super::draft::Draft;
use super::jwt_authn;
use super::matching::Matching;
use super::need::Need;
use super::rbac;
use super::rules::{Entry, Gate};
use super::source::Node;
use super::terms::Terms;
use std::path::Path;

/// One chain of HTTP filters, as far as it is about callers.
#[derive(Default)]
struct Chain<'s> {
    jwt: Vec<Node<'s>>,
    rbac: Vec<Node<'s>>,
}

/// What was found.
#[derive(Default)]
struct Found<'s> {
    chains: Vec<Chain<'s>>,
    routes: Vec<Node<'s>>,
}

/// Reads a bootstrap, a list of HTTP filters, one filter, or the configuration of one.
///
/// # Errors
/// Where there is neither filter.
pub(super) fn read(root: &Node<'_>, draft: &mut Draft, folder: &Path) -> Result<(), String> {
    let mut found = Found::default();
    if is_jwt(root) || is_rbac(root) {
        let mut chain = Chain::default();
        chain.take(root.clone());
        found.chains.push(chain);
    } else {
        view(root, &mut found);
    }
    let mut chains = found
        .chains
        .into_iter()
        .filter(|chain| !chain.jwt.is_empty() || !chain.rbac.is_empty());
    let Some(chain) = chains.next() else {
        return Err("has neither a jwt_authn nor an rbac filter".into());
    };
    for other in chains {
        for node in other.jwt.iter().chain(&other.rbac) {
            node.not_carried(
                "it is in another chain of filters, which has a configuration of its own",
                "cut it out into a file, and migrate it by itself",
            );
        }
    }
    for route in &found.routes {
        overridden(route, draft);
    }
    let mut payloads = jwt_authn::Payloads::new();
    let mut filters = chain.jwt.iter();
    match filters.next() {
        Some(node) => payloads = jwt_authn::read(node, draft, folder),
        None => draft.entries.push(Entry {
            name: "all".into(),
            matching: Matching::any(),
            need: Need::Public,
        }),
    }
    for node in filters {
        node.not_carried(
            "a second filter would ask for a second token; everything is refused",
            "choose the filter that decides",
        );
        draft.gates.push(Gate::Allow(Vec::new()));
    }
    for node in &chain.rbac {
        if draft.is_beside {
            node.read_all();
            node.left("rbac");
            continue;
        }
        rbac::read(node, draft, &payloads);
    }
    Ok(())
}

impl<'s> Chain<'s> {
    fn take(&mut self, node: Node<'s>) {
        if is_jwt(&node) {
            self.jwt.push(node);
        } else {
            self.rbac.push(node);
        }
    }
}

fn is_type(node: &Node<'_>, end: &str) -> bool {
    node.value()
        .get("@type")
        .and_then(|name| name.as_str())
        .is_some_and(|name| name.ends_with(end))
}

fn is_jwt(node: &Node<'_>) -> bool {
    is_type(node, ".JwtAuthentication")
        || node.value().get("@type").is_none()
            && node.value().get("providers").is_some()
            && node.value().get("kind").is_none()
}

fn is_rbac(node: &Node<'_>) -> bool {
    let rules = node.value().get("rules");
    is_type(node, ".RBAC")
        || node.value().get("@type").is_none()
            && rules.is_some_and(|rules| rules.get("policies").is_some())
}

/// Walks everything that is not one of the two filters.
fn view<'s>(node: &Node<'s>, found: &mut Found<'s>) {
    if is_filter(node) {
        let mut chain = Chain::default();
        filter(node, &mut chain);
        found.chains.push(chain);
        return;
    }
    for (name, child) in node.members() {
        match name.as_str() {
            "http_filters" | "httpFilters" => filters(&child, found),
            "typed_per_filter_config" | "typedPerFilterConfig" => found.routes.push(node.clone()),
            _ => view(&child, found),
        }
    }
    if node.items().iter().any(is_filter) {
        filters(node, found);
    } else {
        node.items().iter().for_each(|item| view(item, found));
    }
}

fn is_filter(node: &Node<'_>) -> bool {
    let typed = node
        .value()
        .get("typed_config")
        .or_else(|| node.value().get("typedConfig"));
    typed.is_some_and(|typed| {
        let name = typed
            .get("@type")
            .and_then(|name| name.as_str())
            .unwrap_or_default();
        name.contains(".filters.http.")
    })
}

fn filters<'s>(node: &Node<'s>, found: &mut Found<'s>) {
    let mut chain = Chain::default();
    node.items()
        .iter()
        .for_each(|item| filter(item, &mut chain));
    found.chains.push(chain);
}

fn filter<'s>(node: &Node<'s>, chain: &mut Chain<'s>) {
    let name = node.text("name").unwrap_or_default();
    let Some(typed) = node.get("typed_config") else {
        node.left(&name);
        return;
    };
    if is_type(&typed, ".JwtAuthentication") || is_type(&typed, ".RBAC") {
        if node.is_true("disabled") {
            node.drop(
                "disabled",
                "the filter is for some routes only; here it is for all",
                "have the rules match those routes only",
            );
        }
        chain.take(typed);
    } else {
        typed.read_all();
        node.left(&name);
    }
}

/// A virtual host or a route with settings of its own: what they may be for is refused, unless they switch something off.
fn overridden(node: &Node<'_>, draft: &mut Draft) {
    for (_, typed) in node
        .get("typed_per_filter_config")
        .map_or_else(Vec::new, |node| node.members())
    {
        let jwt = is_type(&typed, ".jwt_authn.v3.PerRouteConfig");
        if !jwt && !is_type(&typed, ".rbac.v3.RBACPerRoute") {
            typed.read_all();
            continue;
        }
        let off = if jwt {
            typed.is_true("disabled")
        } else {
            typed.get("rbac").is_none()
        };
        if off {
            typed.not_carried("the filter is switched off here, and rules know no routes; what the rules say counts here too", "write a rule with the match of the route and \"require\": \"public\" before the others");
            continue;
        }
        typed.not_carried(
            "rules know no routes; what this is for is refused until its rule is written",
            "write a rule with the match of the route",
        );
        let hosts = node
            .texts("domains")
            .into_iter()
            .filter(|host| host != "*" && !host.ends_with('*'));
        let hosts: Vec<Terms> = hosts
            .map(|host| Terms::request(Matching::of_host(&host)))
            .collect();
        let matching = node
            .get("match")
            .map_or_else(Matching::any, |node| jwt_authn::route_match(&node).0);
        let entry = |matching| Entry {
            name: format!("unwritten-{}", draft.entries.len() + 1),
            matching,
            need: Need::Never,
        };
        let entries: Vec<Entry> = if hosts.is_empty() {
            vec![entry(matching)]
        } else {
            hosts.iter().filter_map(Terms::plain).map(entry).collect()
        };
        draft.entries.extend(entries);
    }
}
