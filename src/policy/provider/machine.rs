//! How the token of a machine, with no user behind it, is recognised.

use super::token_rules::member;
use crate::jose::ClaimSet;
use crate::policy::claim::ClaimRule;

/// What tells a machine's token.
#[derive(Clone, Debug)]
pub enum Machine {
    /// All of these hold; none of them, and no token is a machine's.
    Claims(Box<[ClaimRule]>),
    /// A token of Cognito's client-credentials grant.
    Cognito,
    /// An app-only token of Entra ID.
    Entra,
}

impl Default for Machine {
    /// No token is a machine's.
    fn default() -> Self {
        Self::Claims(Box::default())
    }
}

impl Machine {
    /// Whether these claims are a machine's.
    #[must_use]
    pub fn is(&self, claims: &ClaimSet) -> bool {
        match self {
            Self::Claims(rules) => {
                !rules.is_empty() && rules.iter().all(|rule| rule.holds(claims, &[]))
            }
            Self::Cognito => is_cognito_machine(claims),
            Self::Entra => is_entra_app(claims),
        }
    }
}

/// An access token with a client and no sign of a user.
fn is_cognito_machine(claims: &ClaimSet) -> bool {
    const OF_USERS: [&str; 6] = [
        "cognito:username",
        "username",
        "email",
        "name",
        "given_name",
        "family_name",
    ];
    member(claims, "token_use") == Some("access")
        && claims.members().contains_key("client_id")
        && !OF_USERS
            .iter()
            .any(|name| claims.members().contains_key(*name))
}

/// `idtyp` says it where the application asks for that optional claim. Elsewhere an app-only token is one without
/// `scp` whose subject is the service principal itself; a user's `sub` is never its `oid`.
fn is_entra_app(claims: &ClaimSet) -> bool {
    match member(claims, "idtyp") {
        Some(kind) => kind == "app",
        None => {
            let of_user = |name: &&str| claims.members().contains_key(*name);
            !["scp", "upn", "preferred_username", "unique_name"]
                .iter()
                .any(of_user)
                && claims.subject().is_some()
                && claims.subject() == member(claims, "oid")
        }
    }
}
