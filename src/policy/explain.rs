//! Explains why a caller meets a requirement or does not: the same evaluation, part by part.

use super::claim::ClaimCondition;
use super::denial::Denial;
use super::principal::{Kind, Principal};
use super::requirement::{RequestView, Requirement};
use super::unmet::Unmet;
use super::{Policy, Rule};
use crate::config::Resolve;
use crate::names::Names;

/// One part of a requirement, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The part of the requirement, in words.
    pub what: String,
    /// `yes`, `no`, or why it is not known.
    pub truth: String,
    /// What it was held against, where that helps.
    pub held: Option<String>,
    /// Explanations of the parts that this part consists of.
    pub parts: Vec<Self>,
}

impl Explanation {
    /// The parts as indented lines.
    #[must_use]
    pub fn lines(&self, depth: usize) -> Vec<String> {
        let held = self.held.as_ref().map(|held| format!("  ({held})"));
        let mut lines = vec![format!(
            "{}{}: {}{}",
            "  ".repeat(depth),
            self.what,
            self.truth,
            held.unwrap_or_default()
        )];
        let parts = self.parts.iter();
        lines.extend(parts.flat_map(|part| part.lines(depth.saturating_add(1))));
        lines
    }
}

impl Requirement {
    /// Explains what this comes to for a known caller.
    #[must_use]
    pub fn explain(
        &self,
        policy: &Policy,
        caller: &mut Principal<'_>,
        view: &RequestView<'_>,
    ) -> Explanation {
        let names = |list: &[String]| list.join(", ");
        let held = |caller: &mut Principal<'_>, kind| {
            let attribute = caller.attribute(kind);
            let values = if attribute.values.is_empty() {
                "none".to_owned()
            } else {
                joined(&attribute.values)
            };
            Some(format!("the caller has {values}"))
        };
        let (what, held) = match self {
            Self::All(_) => ("all of".to_owned(), None),
            Self::Any(_) => ("any of".to_owned(), None),
            Self::Claim(rule) => {
                let test = match &rule.test {
                    ClaimCondition::AnyOf(wanted) => format!(
                        "is one of {}",
                        wanted
                            .iter()
                            .map(ToString::to_string)
                            .collect::<Vec<_>>()
                            .join(", ")
                    ),
                    ClaimCondition::Contains(wanted) => format!("contains {wanted}"),
                    ClaimCondition::PathVariable(name) => format!("is the path's {{{name}}}"),
                    ClaimCondition::Prefix(start) => format!("begins with {start:?}"),
                    ClaimCondition::Present(true) => "is there".to_owned(),
                    ClaimCondition::Present(false) => "is not there".to_owned(),
                };
                let value = caller.vouched.claims().find(&rule.path);
                let value = value.map_or_else(
                    || "it is not there".to_owned(),
                    |value| format!("it is {value}"),
                );
                (
                    format!("the claim {} {test}", rule.path.as_str()),
                    Some(value),
                )
            }
            Self::Decision(decision) => {
                let service = policy.services.get(usize::from(decision.service.0));
                let name = service.map_or("?", |service| service.name.as_str());
                (format!("{name} permits {}", decision.what()), None)
            }
            Self::Deny => ("nobody".to_owned(), None),
            Self::Groups(wanted) => (
                format!("one of the groups {}", names(wanted)),
                held(caller, Kind::Groups),
            ),
            Self::Machine(true) => ("a machine".to_owned(), None),
            Self::Machine(false) => ("not a machine".to_owned(), None),
            Self::Not(_) => ("not".to_owned(), None),
            Self::Optional => ("anybody".to_owned(), None),
            Self::Permissions(wanted) => (
                format!("one of the permissions {}", names(wanted)),
                held(caller, Kind::Permissions),
            ),
            Self::Provider(wanted) => {
                let known = wanted.iter().filter_map(|id| policy.provider(*id));
                let known: Vec<_> = known.map(|provider| provider.name.as_str()).collect();
                let own = format!("{} vouches", caller.provider.name);
                (format!("vouched for by {}", known.join(", ")), Some(own))
            }
            Self::Public => ("anybody, unasked".to_owned(), None),
            Self::Roles(wanted) => (
                format!("one of the roles {}", names(wanted)),
                held(caller, Kind::Roles),
            ),
            Self::Scopes(wanted) => (
                format!("one of the scopes {}", names(wanted)),
                held(caller, Kind::Scopes),
            ),
            Self::User => ("any caller".to_owned(), None),
        };
        let parts = self.parts();
        let truth = match self.holds(caller, view) {
            Ok(true) => "yes".to_owned(),
            Ok(false) => "no".to_owned(),
            Err(unmet) => unknown(policy, &unmet),
        };
        Explanation {
            what,
            truth,
            held,
            parts: parts
                .iter()
                .map(|part| part.explain(policy, caller, view))
                .collect(),
        }
    }
}

impl Rule {
    /// Explains what the upstream is told of a known caller whether or not the requirement depends on it.
    #[must_use]
    pub fn explain_resolve(&self, policy: &Policy, caller: &mut Principal<'_>) -> Vec<Explanation> {
        let parts = self.resolve.iter();
        parts
            .map(|part| {
                let mut held = |kind| {
                    let attribute = caller.attribute(kind);
                    (joined(&attribute.values), attribute.missing)
                };
                let (what, (held, missing)) = match part {
                    Resolve::Groups => ("groups", held(Kind::Groups)),
                    Resolve::Permissions => ("permissions", held(Kind::Permissions)),
                    Resolve::Profile => (
                        "the profile",
                        (String::new(), caller.look_at_profile().err()),
                    ),
                    Resolve::Roles => ("roles", held(Kind::Roles)),
                };
                Explanation {
                    what: what.to_owned(),
                    truth: missing
                        .map_or_else(|| "known".to_owned(), |unmet| unknown(policy, &unmet)),
                    held: (!held.is_empty()).then_some(held),
                    parts: Vec::new(),
                }
            })
            .collect()
    }
}

fn joined(names: &Names) -> String {
    let names: Vec<&str> = names.iter().collect();
    names.join(", ")
}

/// The sentence about a part whose truth is not known.
fn unknown(policy: &Policy, unmet: &Unmet) -> String {
    match unmet {
        Unmet::Pending(pending) => {
            let services = pending.questions().iter().filter_map(|question| {
                policy
                    .services
                    .get(usize::from(question.service.0))
                    .map(|service| service.name.as_str())
            });
            let name = services.take(1).collect::<String>();
            format!("depends on {name}")
        }
        Unmet::Denied(Denial::GroupsOverage) => {
            "not known: more groups than the token can name".to_owned()
        }
        Unmet::Denied(_) => "not known: an outage".to_owned(),
    }
}
