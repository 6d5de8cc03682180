//! Envoy's `rbac` filter.

use super::draft::{Draft, claim_name};
use super::jwt_authn::Payloads;
use super::matching::Matching;
use super::need::Need;
use super::rules::Gate;
use super::source::Node;
use super::terms::Terms;
use super::values;
use serde_json::{Value, json};

/// What a condition is read for.
struct Reader<'r> {
    draft: &'r Draft,
    payloads: &'r Payloads,
    denies: bool,
}

/// How one kind of node names its combinations, and the members of a list of them.
struct Combinations {
    all: &'static str,
    any: &'static str,
    not: &'static str,
    members: &'static str,
}

const PERMISSIONS: Combinations = Combinations {
    all: "and_rules",
    any: "or_rules",
    not: "not_rule",
    members: "rules",
};

const PRINCIPALS: Combinations = Combinations {
    all: "and_ids",
    any: "or_ids",
    not: "not_id",
    members: "ids",
};

/// Reads the filter's configuration.
pub(super) fn read(node: &Node<'_>, draft: &mut Draft, payloads: &Payloads) {
    node.get("@type");
    for key in ["shadow_rules", "shadow_matcher"] {
        node.drop(
            key,
            "it refuses nothing",
            "try a configuration with \"mode\": \"shadow\"",
        );
    }
    for key in [
        "rules_stat_prefix",
        "shadow_rules_stat_prefix",
        "track_per_rule_stats",
    ] {
        node.drop(
            key,
            "counters are auth_filter.allowed and auth_filter.denied.<reason>",
            "change dashboards; the log names the rule",
        );
    }
    if node.drop(
        "matcher",
        "matcher trees are not read; everything is refused until its rules are written",
        "write rules",
    ) {
        draft.gates.push(Gate::Allow(Vec::new()));
        return;
    }
    let rules = node.get("rules");
    let gate = rules.and_then(|rules| self::rules(&rules, draft, payloads));
    draft.gates.extend(gate);
}

fn rules(node: &Node<'_>, draft: &Draft, payloads: &Payloads) -> Option<Gate> {
    let action = node.text("action").unwrap_or_else(|| "ALLOW".into());
    node.drop(
        "audit_logging_options",
        "each refusal is one line in the filter's log",
        "read the log, or the access log",
    );
    if action == "LOG" || action == "2" {
        node.not_carried(
            "it refuses nothing, and marks requests for the access log",
            "log by %RESPONSE_CODE_DETAILS% and filter state",
        );
        return None;
    }
    let denies = action == "DENY" || action == "1";
    let reader = Reader {
        draft,
        payloads,
        denies,
    };
    let policies = node
        .get("policies")
        .map_or_else(Vec::new, |node| node.members());
    let terms = policies
        .iter()
        .map(|(_, policy)| reader.policy(policy))
        .collect();
    let terms = Terms::any(terms);
    Some(if denies {
        Gate::Deny(terms.denying())
    } else {
        Gate::Allow(terms.allowing())
    })
}

impl Reader<'_> {
    fn policy(&self, node: &Node<'_>) -> Terms {
        let permissions = node.list("permissions");
        let principals = node.list("principals");
        let mut all = vec![
            Terms::any(
                permissions
                    .iter()
                    .map(|one| self.permission(one, false))
                    .collect(),
            ),
            Terms::any(
                principals
                    .iter()
                    .map(|one| self.principal(one, false))
                    .collect(),
            ),
        ];
        for key in ["condition", "checked_condition", "cel_config"] {
            if let Some(condition) = node.get(key) {
                all.push(self.unknown(&condition));
            }
        }
        Terms::all(all)
    }

    fn unknown(&self, node: &Node<'_>) -> Terms {
        let why = if self.denies {
            "a configuration cannot say this; what the policy denies is denied without this condition"
        } else {
            "a configuration cannot say this; what the policy allows by it is refused"
        };
        node.not_carried(
            why,
            "keep an rbac filter with this policy behind this filter, or write a rule without it",
        );
        Terms::unknown()
    }

    fn each(
        &self,
        nodes: &[Node<'_>],
        negated: bool,
        of_all: bool,
        read: fn(&Self, &Node<'_>, bool) -> Terms,
    ) -> Terms {
        let terms = nodes.iter().map(|node| read(self, node, negated)).collect();
        // Of what is not so, "all" is "any", and the other way round.
        if of_all == negated {
            Terms::any(terms)
        } else {
            Terms::all(terms)
        }
    }

    fn request(&self, node: &Node<'_>, matching: Option<Matching>, negated: bool) -> Terms {
        match matching {
            Some(matching) if negated => Terms::not_request(matching),
            Some(matching) => Terms::request(matching),
            None => self.unknown(node),
        }
    }

    fn header(&self, node: &Node<'_>, negated: bool) -> Terms {
        let terms = values::header(node);
        let plain = terms.plain();
        if plain.is_some() || negated {
            return self.request(node, plain, negated);
        }
        if terms == Terms::unknown() {
            self.unknown(node)
        } else {
            terms
        }
    }

    fn url_path(&self, node: &Node<'_>, negated: bool) -> Terms {
        let said = node.get("path").map(|node| values::text(&node));
        let path = said.and_then(values::path);
        self.request(node, path.map(Matching::of_path), negated)
    }

    fn any(negated: bool) -> Terms {
        if negated {
            Terms::never()
        } else {
            Terms::always()
        }
    }

    fn permission(&self, node: &Node<'_>, negated: bool) -> Terms {
        if let Some(terms) = self.combined(node, negated, &PERMISSIONS, Self::permission) {
            return terms;
        }
        if let Some(inner) = node.get("uri_template") {
            inner.get("name");
            let typed = inner.get("typed_config");
            typed.iter().for_each(|typed| drop(typed.get("@type")));
            let path = typed
                .and_then(|typed| typed.text("path_template"))
                .map(|text| values::template(&text));
            return self.request(&inner, path.map(Matching::of_path), negated);
        }
        self.metadata(node, negated)
            .unwrap_or_else(|| self.unknown(node))
    }

    fn principal(&self, node: &Node<'_>, negated: bool) -> Terms {
        self.combined(node, negated, &PRINCIPALS, Self::principal)
            .or_else(|| self.metadata(node, negated))
            .unwrap_or_else(|| self.unknown(node))
    }

    /// What permissions and principals have in common: combinations of their own kind, and conditions on the request.
    fn combined(
        &self,
        node: &Node<'_>,
        negated: bool,
        names: &Combinations,
        view: fn(&Self, &Node<'_>, bool) -> Terms,
    ) -> Option<Terms> {
        if let Some(inner) = node.get(names.all) {
            return Some(self.each(&inner.list(names.members), negated, true, view));
        }
        if let Some(inner) = node.get(names.any) {
            return Some(self.each(&inner.list(names.members), negated, false, view));
        }
        if let Some(inner) = node.get(names.not) {
            return Some(view(self, &inner, !negated));
        }
        if node.is_true("any") {
            return Some(Self::any(negated));
        }
        if let Some(inner) = node.get("header") {
            return Some(self.header(&inner, negated));
        }
        let inner = node.get("url_path")?;
        Some(self.url_path(&inner, negated))
    }

    /// A condition on the claims that `jwt_authn` wrote down.
    fn metadata(&self, node: &Node<'_>, negated: bool) -> Option<Terms> {
        let matcher = match node.get("sourced_metadata") {
            Some(sourced) => {
                let source = sourced.text("metadata_source");
                let matcher = sourced.get("metadata_matcher")?;
                if source.is_some_and(|source| source != "DYNAMIC" && source != "0") {
                    return Some(self.unknown(&sourced));
                }
                matcher
            }
            None => node.get("metadata")?,
        };
        let of_jwt = matcher.text("filter").as_deref() == Some("envoy.filters.http.jwt_authn");
        let steps: Vec<String> = matcher
            .list("path")
            .iter()
            .filter_map(|step| step.text("key"))
            .collect();
        let inverted = matcher.is_true("invert");
        let test = matcher.get("value");
        let (Some((payload, claim)), Some(test), true) = (steps.split_first(), test, of_jwt) else {
            return Some(self.unknown(&matcher));
        };
        let need = match self.providers(payload) {
            None => return Some(self.unknown(&matcher)),
            Some(provider) if claim.is_empty() => provider,
            Some(provider) => {
                let steps: Vec<&str> = claim.iter().map(String::as_str).collect();
                match value_need(&claim_name(&steps), &test) {
                    Some(need) => Need::all(vec![provider, need]),
                    None => return Some(self.unknown(&matcher)),
                }
            }
        };
        Some(Terms::caller(if inverted == negated {
            need
        } else {
            Need::not(need)
        }))
    }

    /// The providers that write their payloads under this name.
    fn providers(&self, payload: &str) -> Option<Need> {
        let named: Vec<&String> = self
            .payloads
            .iter()
            .filter(|(key, _)| key == payload)
            .map(|(_, name)| name)
            .collect();
        if named.is_empty() {
            return None;
        }
        let family = |held: &str| {
            named.iter().any(|name| {
                held == *name
                    || held
                        .strip_prefix(name.as_str())
                        .is_some_and(|rest| rest.starts_with('-'))
            })
        };
        if self.draft.providers.keys().all(|name| family(name)) {
            return Some(Need::User);
        }
        let all = self.draft.providers.keys().filter(|name| family(name));
        Some(Need::any(
            all.map(|name| Need::Provider(name.clone())).collect(),
        ))
    }
}

/// A `ValueMatcher` on a claim.
fn value_need(claim: &str, node: &Node<'_>) -> Option<Need> {
    let of = |test: Value| Need::Claim(claim.to_owned(), test);
    if let Some(matcher) = node.get("string_match") {
        return values::claim_condition(values::text(&matcher)).map(of);
    }
    if let Some(wanted) = node.get("bool_match") {
        return Some(of(wanted.value().clone()));
    }
    if let Some(wanted) = node.get("present_match") {
        return Some(of(json!({ "present": wanted.value() })));
    }
    if node.get("null_match").is_some() {
        return Some(of(json!({ "present": false })));
    }
    if let Some(number) = node.get("double_match").and_then(|node| node.get("exact")) {
        let whole = number
            .value()
            .as_f64()
            .filter(|number| number.fract() == 0.0)?;
        return Some(of(json!(format!("{whole:.0}").parse::<i64>().ok()?)));
    }
    if let Some(inner) = node.get("or_match") {
        let needs: Option<Vec<Need>> = inner
            .list("value_matchers")
            .iter()
            .map(|one| value_need(claim, one))
            .collect();
        return needs.map(Need::any);
    }
    let item = node.get("list_match")?.get("one_of")?;
    let test = if let Some(matcher) = item.get("string_match") {
        values::claim_condition(values::text(&matcher)).filter(|test| !test.is_object())?
    } else {
        item.get("bool_match")?.value().clone()
    };
    item.differs("a claim of words separated by spaces counts as a list of them too");
    Some(of(json!({ "contains": test })))
}
