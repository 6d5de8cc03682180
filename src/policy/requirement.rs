//! The requirement tree, and its evaluation against a caller.
//!
//! Authentication comes first and is not part of the tree: a credential that is missing or does not hold
//! refuses the request before a requirement is asked. So `not` can only turn around what is known of a
//! caller; it never makes an anonymous request pass.

use super::ProviderId;
use super::denial::Denial;
use super::principal::Principal;

/// A requirement. Lists are never empty: compilation refuses empty ones, which would hold for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Each of these holds.
    All(Vec<Self>),
    /// One of these holds.
    Any(Vec<Self>),
    /// Nobody passes.
    Deny,
    /// The caller is in one of these groups.
    Groups(Box<[String]>),
    /// The caller is a machine, or is not.
    Machine(bool),
    /// This does not hold for the caller.
    Not(Box<Self>),
    /// A credential is not needed, but a bad one is refused.
    Optional,
    /// The caller has one of these permissions.
    Permissions(Box<[String]>),
    /// One of these providers vouches for the caller.
    Provider(Box<[ProviderId]>),
    /// Credentials are not looked at.
    Public,
    /// The caller has one of these roles.
    Roles(Box<[String]>),
    /// The token carries one of these scopes.
    Scopes(Box<[String]>),
    /// Any caller with a good credential.
    User,
}

impl Requirement {
    /// Whether the requirement holds for the caller, `None` being anonymous.
    ///
    /// # Errors
    /// [`Denial::Missing`] for an anonymous caller where one is needed, [`Denial::Forbidden`] or
    /// [`Denial::Denied`] for a known one.
    pub fn check(&self, caller: Option<&Principal>) -> Result<(), Denial> {
        match self {
            Self::Deny => return Err(Denial::Denied),
            Self::Optional | Self::Public => return Ok(()),
            Self::Any(branches) => return any(branches, caller),
            Self::All(_)
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
        if self.holds(caller) {
            Ok(())
        } else {
            Err(Denial::Forbidden)
        }
    }

    /// Whether the requirement holds for a known caller.
    fn holds(&self, caller: &Principal) -> bool {
        match self {
            Self::All(branches) => branches.iter().all(|branch| branch.holds(caller)),
            Self::Any(branches) => branches.iter().any(|branch| branch.holds(caller)),
            Self::Deny => false,
            Self::Groups(wanted) => share(wanted, &caller.groups),
            Self::Machine(wanted) => caller.m2m == *wanted,
            Self::Not(branch) => !branch.holds(caller),
            Self::Optional | Self::Public | Self::User => true,
            Self::Permissions(wanted) => share(wanted, &caller.permissions),
            Self::Provider(wanted) => wanted.contains(&caller.provider),
            Self::Roles(wanted) => share(wanted, &caller.roles),
            Self::Scopes(wanted) => share(wanted, &caller.scopes),
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
            _ => Vec::new(),
        }
    }
}

fn any(branches: &[Requirement], caller: Option<&Principal>) -> Result<(), Denial> {
    let mut reported: Option<Denial> = None;
    for branch in branches {
        match branch.check(caller) {
            Ok(()) => return Ok(()),
            Err(denial) => {
                reported = Some(reported.map_or(denial, |before| before.most_specific(denial)))
            }
        }
    }
    // No branch at all: nothing held.
    Err(reported.unwrap_or(Denial::Denied))
}

fn share(wanted: &[String], held: &[String]) -> bool {
    wanted.iter().any(|value| held.contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str]) -> Box<[String]> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn alice() -> Principal {
        Principal {
            provider: ProviderId(0),
            subject: Some("alice".to_owned()),
            name: None,
            email: None,
            groups: list(&["staff", "eu"]).into_vec(),
            roles: Vec::new(),
            permissions: Vec::new(),
            scopes: list(&["orders:read"]).into_vec(),
            client_id: None,
            m2m: false,
        }
    }

    #[test]
    fn each_form_holds_for_whom_it_should() {
        use Requirement as R;
        let cases = [
            (R::User, true),
            (R::Groups(list(&["admin", "staff"])), true),
            (R::Groups(list(&["sta"])), false),
            (R::Roles(list(&["staff"])), false),
            (R::Permissions(list(&["x"])), false),
            (R::Scopes(list(&["orders:read"])), true),
            (R::Provider(Box::new([ProviderId(0)])), true),
            (R::Provider(Box::new([ProviderId(1)])), false),
            (R::Machine(true), false),
            (R::Machine(false), true),
            (R::Not(Box::new(R::Groups(list(&["staff"])))), false),
            (R::Not(Box::new(R::Groups(list(&["banned"])))), true),
            (R::All(vec![R::User, R::Groups(list(&["nobody"]))]), false),
            (
                R::Any(vec![R::Groups(list(&["nobody"])), R::Groups(list(&["eu"]))]),
                true,
            ),
        ];
        for (requirement, want) in cases {
            let got = requirement.check(Some(&alice()));
            assert_eq!(
                got,
                if want { Ok(()) } else { Err(Denial::Forbidden) },
                "{requirement:?}"
            );
        }
        assert_eq!(R::Deny.check(Some(&alice())), Err(Denial::Denied));
    }

    #[test]
    fn an_anonymous_caller_passes_only_where_no_credential_is_needed() {
        use Requirement as R;
        assert_eq!(R::Optional.check(None), Ok(()));
        assert_eq!(R::Public.check(None), Ok(()));
        assert_eq!(R::Any(vec![R::User, R::Optional]).check(None), Ok(()));
        assert_eq!(R::Deny.check(None), Err(Denial::Denied));
        let refused = [
            R::User,
            R::Groups(list(&["a"])),
            R::Not(Box::new(R::Groups(list(&["banned"])))),
            R::Not(Box::new(R::Machine(true))),
            R::All(vec![R::Optional, R::Not(Box::new(R::User))]),
            R::Any(vec![R::User, R::Groups(list(&["a"]))]),
        ];
        for requirement in refused {
            assert_eq!(
                requirement.check(None),
                Err(Denial::Missing),
                "{requirement:?}"
            );
        }
    }

    #[test]
    fn empty_lists_hold_for_nobody() {
        assert_eq!(
            Requirement::Any(Vec::new()).check(Some(&alice())),
            Err(Denial::Denied)
        );
        assert_eq!(
            Requirement::Groups(list(&[])).check(Some(&alice())),
            Err(Denial::Forbidden)
        );
    }

    #[test]
    fn the_scopes_of_a_tree_are_named_once() {
        use Requirement as R;
        let tree = R::All(vec![
            R::Scopes(list(&["a", "b"])),
            R::Any(vec![R::Scopes(list(&["b", "c"])), R::User]),
            R::Not(Box::new(R::Scopes(list(&["x"])))),
        ]);
        assert_eq!(tree.scopes(), ["a", "b", "c"]);
    }
}
