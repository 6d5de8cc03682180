//! Who the caller is, once a provider vouches for it.

use super::ProviderId;

/// A caller whom a provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who vouches.
    pub provider: ProviderId,
    /// The caller's identifier, unique within the provider.
    pub subject: Option<String>,
    /// The caller's name.
    pub name: Option<String>,
    /// The caller's e-mail address.
    pub email: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// Permissions.
    pub permissions: Vec<String>,
    /// Scopes of the token.
    pub scopes: Vec<String>,
    /// The client that the token was issued to.
    pub client_id: Option<String>,
    /// Whether the caller is a machine, with no user behind it.
    pub m2m: bool,
}
