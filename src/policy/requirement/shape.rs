//! What a requirement says of itself, whoever the caller is.

// As in the evaluation: what is new must be thought of here.
#![deny(clippy::wildcard_enum_match_arm)]

use super::Requirement;
use crate::policy::claim::ClaimCondition;

impl Requirement {
    /// Whether it holds for nobody, whoever calls: a contradiction.
    #[must_use]
    pub fn never_holds(&self) -> bool {
        match self {
            Self::Deny => true,
            Self::All(branches) => {
                let denied = |branch: &Self| {
                    let other = |other: &Self| match (branch, other) {
                        (Self::Machine(one), Self::Machine(other)) => one != other,
                        (Self::Not(inner), other) => **inner == *other,
                        (_, _) => false,
                    };
                    branches.iter().any(other)
                };
                branches
                    .iter()
                    .any(|branch| branch.never_holds() || denied(branch))
            }
            Self::Any(branches) => branches.iter().all(Self::never_holds),
            Self::Not(branch) => branch.always_holds(),
            Self::Claim(_)
            | Self::Decision(_)
            | Self::Groups(_)
            | Self::Machine(_)
            | Self::Optional
            | Self::Permissions(_)
            | Self::Provider(_)
            | Self::Public
            | Self::Roles(_)
            | Self::Scopes(_)
            | Self::User => false,
        }
    }

    /// Whether it holds for everybody with a good credential.
    fn always_holds(&self) -> bool {
        match self {
            Self::Optional | Self::Public | Self::User => true,
            Self::All(branches) => branches.iter().all(Self::always_holds),
            Self::Any(branches) => branches.iter().any(Self::always_holds),
            Self::Not(branch) => branch.never_holds(),
            Self::Claim(_)
            | Self::Decision(_)
            | Self::Deny
            | Self::Groups(_)
            | Self::Machine(_)
            | Self::Permissions(_)
            | Self::Provider(_)
            | Self::Roles(_)
            | Self::Scopes(_) => false,
        }
    }

    /// Whether a decision point is asked.
    #[must_use]
    pub fn asks_decision(&self) -> bool {
        self.has(&|leaf| matches!(leaf, Self::Decision(_)))
    }

    /// Whether it depends on this variable of the path.
    #[must_use]
    pub fn reads_variable(&self, name: &str) -> bool {
        self.has(&|leaf| match leaf {
            Self::Claim(rule) => {
                matches!(&rule.test, ClaimCondition::PathVariable(held) if held == name)
            }
            // It is told of all of them.
            Self::Decision(_) => true,
            Self::All(_)
            | Self::Any(_)
            | Self::Deny
            | Self::Groups(_)
            | Self::Machine(_)
            | Self::Not(_)
            | Self::Optional
            | Self::Permissions(_)
            | Self::Provider(_)
            | Self::Public
            | Self::Roles(_)
            | Self::Scopes(_)
            | Self::User => false,
        })
    }

    /// Whether one of the tree's leaves is such a one.
    fn has(&self, is_such: &dyn Fn(&Self) -> bool) -> bool {
        match self.parts() {
            [] => is_such(self),
            parts => parts.iter().any(|part| part.has(is_such)),
        }
    }

    /// What it is made of; nothing for a leaf.
    #[must_use]
    pub const fn parts(&self) -> &[Self] {
        match self {
            Self::All(branches) | Self::Any(branches) => branches.as_slice(),
            Self::Not(branch) => std::slice::from_ref(branch),
            Self::Claim(_)
            | Self::Decision(_)
            | Self::Deny
            | Self::Groups(_)
            | Self::Machine(_)
            | Self::Optional
            | Self::Permissions(_)
            | Self::Provider(_)
            | Self::Public
            | Self::Roles(_)
            | Self::Scopes(_)
            | Self::User => &[],
        }
    }

    /// The scopes that the tree asks, in order, for the challenge. What a `not` excludes is not asked.
    #[must_use]
    pub fn scopes(&self) -> Vec<&str> {
        match self {
            Self::All(branches) | Self::Any(branches) => {
                let mut scopes: Vec<&str> = Vec::new();
                for scope in branches.iter().flat_map(Self::scopes) {
                    if !scopes.contains(&scope) {
                        scopes.push(scope);
                    }
                }
                scopes
            }
            Self::Scopes(wanted) => wanted.iter().map(String::as_str).collect(),
            Self::Claim(_)
            | Self::Decision(_)
            | Self::Deny
            | Self::Groups(_)
            | Self::Machine(_)
            | Self::Not(_)
            | Self::Optional
            | Self::Permissions(_)
            | Self::Provider(_)
            | Self::Public
            | Self::Roles(_)
            | Self::User => Vec::new(),
        }
    }
}
