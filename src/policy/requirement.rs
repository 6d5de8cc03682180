//! The requirement tree, and its evaluation against a caller.
//!
//! Authentication comes first and is not part of the tree: a credential that is missing or does not hold
//! refuses the request before a requirement is asked. So `not` can only turn around what is known of a
//! caller; it never makes an anonymous request pass.

// A requirement that is new must be thought of wherever one is matched: what falls under "all others" would pass in silence.
#![deny(clippy::wildcard_enum_match_arm)]

mod shape;

use super::claim::ClaimRule;
use super::decision::Decision;
use super::denial::Denial;
use super::principal::{Kind, Principal};
use super::readings::Reading;
use super::unmet::Unmet;
use crate::config::ProviderId;
use crate::headers::Headers;

/// What of a request a requirement looks at.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'v> {
    /// The name of the rule that decides the request.
    pub rule: &'v str,
    /// What the variables of the rule's path stand for.
    pub variables: &'v [(String, String)],
    /// The request's headers, with its method, path and authority.
    pub head: &'v Headers,
    /// What a decision point is asked about; the request itself where there is nothing.
    pub readings: &'v [Reading],
}

/// Whether something holds of a caller, or why that is not known.
type Truth = Result<bool, Unmet>;

/// A requirement. Lists are never empty: compilation refuses empty ones, which would hold for everybody.
#[derive(Clone, Debug, PartialEq)]
pub enum Requirement {
    /// Every one of these requirements must be met.
    All(Vec<Self>),
    /// At least one of these requirements must be met.
    Any(Vec<Self>),
    /// This holds of one of the caller's claims.
    Claim(ClaimRule),
    /// This decision point must permit the request.
    Decision(Decision),
    /// No request passes, not even with a good credential.
    Deny,
    /// The caller is in one of these groups.
    Groups(Box<[String]>),
    /// The caller is a machine, or is not.
    Machine(bool),
    /// This requirement must not be met.
    Not(Box<Self>),
    /// A credential is not needed, but a bad one is refused.
    Optional,
    /// The caller has one of these permissions.
    Permissions(Box<[String]>),
    /// One of these providers vouches for the caller.
    Provider(Box<[ProviderId]>),
    /// Every request passes, and the filter does not read credentials.
    Public,
    /// The caller has one of these roles.
    Roles(Box<[String]>),
    /// The token carries one of these scopes.
    Scopes(Box<[String]>),
    /// Any caller with a good credential passes.
    User,
}

impl Requirement {
    /// Whether the requirement holds for the caller, `None` being anonymous. What can be decided without a directory
    /// is decided without it, also while it cannot be asked.
    ///
    /// # Errors
    /// [`Denial::Missing`] for an anonymous caller where one is needed; [`Denial::Forbidden`] or
    /// [`Denial::Denied`] for a known one; the question on which it depends, or the outage.
    pub fn check(
        &self,
        caller: Option<&mut Principal<'_>>,
        view: &RequestView<'_>,
    ) -> Result<(), Unmet> {
        match self {
            Self::Deny => return Err(Denial::Denied.into()),
            Self::Optional | Self::Public => return Ok(()),
            Self::Any(branches) if caller.is_none() => return anonymous(branches, view),
            Self::All(_)
            | Self::Any(_)
            | Self::Claim(_)
            | Self::Decision(_)
            | Self::Groups(_)
            | Self::Machine(_)
            | Self::Not(_)
            | Self::Permissions(_)
            | Self::Provider(_)
            | Self::Roles(_)
            | Self::Scopes(_)
            | Self::User => {}
        }
        let caller = caller.ok_or(Denial::Missing)?;
        if self.holds(caller, view)? {
            Ok(())
        } else {
            Err(Denial::Forbidden.into())
        }
    }

    /// Whether the requirement holds for a known caller, as far as that is known (Kleene's three values).
    ///
    /// # Errors
    /// Why it is not known.
    pub(super) fn holds(&self, caller: &mut Principal<'_>, view: &RequestView<'_>) -> Truth {
        let mut each = |branch: &Self| branch.holds(caller, view);
        match self {
            Self::All(branches) => all(branches.iter().map(each)),
            Self::Any(branches) => any(branches.iter().map(each)),
            Self::Claim(rule) => Ok(rule.holds(caller.vouched.claims(), view.variables)),
            Self::Decision(decision) => decision.permits(caller, view),
            Self::Deny => Ok(false),
            Self::Groups(wanted) => share(wanted, caller, Kind::Groups),
            Self::Machine(wanted) => Ok(caller.m2m == *wanted),
            Self::Not(branch) => each(branch).map(|holds| !holds),
            Self::Optional | Self::Public | Self::User => Ok(true),
            Self::Permissions(wanted) => share(wanted, caller, Kind::Permissions),
            Self::Provider(wanted) => Ok(wanted.contains(&caller.id)),
            Self::Roles(wanted) => share(wanted, caller, Kind::Roles),
            Self::Scopes(wanted) => share(wanted, caller, Kind::Scopes),
        }
    }
}

/// All of them: one that does not hold decides, whatever is not known of the others. Each is looked at, since what the
/// upstream is told follows from what was.
fn all(truths: impl Iterator<Item = Truth>) -> Truth {
    let mut all = Ok(true);
    for one in truths {
        all = match (all, one) {
            (Ok(false), _) | (_, Ok(false)) => Ok(false),
            (Ok(true), one) => one,
            (all, Ok(true)) => all,
            (Err(first), Err(second)) => Err(first.or(second)),
        };
    }
    all
}

/// One of them: one that holds decides.
fn any(truths: impl Iterator<Item = Truth>) -> Truth {
    let not = |truth: Truth| truth.map(|holds| !holds);
    not(all(truths.map(not)))
}

/// One branch that lets an anonymous caller pass is enough; of refusals the one that went furthest is reported.
fn anonymous(branches: &[Requirement], view: &RequestView<'_>) -> Result<(), Unmet> {
    let mut reported: Option<Denial> = None;
    for branch in branches {
        match branch.check(None, view) {
            Err(Unmet::Denied(denial)) => {
                reported = Some(reported.map_or(denial, |before| before.most_specific(denial)));
            }
            other => return other,
        }
    }
    // No branch at all: nothing held.
    Err(reported.unwrap_or(Denial::Denied).into())
}

fn share(wanted: &[String], caller: &mut Principal<'_>, kind: Kind) -> Truth {
    let held = caller.attribute(kind);
    match held.missing {
        _ if wanted.iter().any(|value| held.values.contains(value)) => Ok(true),
        None => Ok(false),
        Some(missing) => Err(missing),
    }
}

#[cfg(test)]
mod tests;
