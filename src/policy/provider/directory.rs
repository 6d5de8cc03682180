//! Directories of a provider, and the parts of their entries.

use crate::services::{Mapping, ServiceId};

/// A directory that knows more of a caller than the credential says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The service that the filter asks.
    pub service: ServiceId,
    /// Whether it counts as empty while it cannot be asked.
    pub empty_on_error: bool,
    /// Which parts of an entry its answers have.
    pub knows: Parts,
}

/// The parts of a directory's entry that its answers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Whether answers have the caller's groups.
    pub groups: bool,
    /// Whether answers have the caller's roles.
    pub roles: bool,
    /// Whether answers have the caller's permissions.
    pub permissions: bool,
    /// Whether answers have the caller's profile.
    pub profile: bool,
}

impl Parts {
    /// All parts: what an answer in the directory's own format has.
    pub const ALL: Self = Self {
        groups: true,
        roles: true,
        permissions: true,
        profile: true,
    };

    /// What is read of answers of another form.
    #[must_use]
    pub const fn of(mapping: &Mapping) -> Self {
        Self {
            groups: mapping.groups.is_some(),
            roles: mapping.roles.is_some(),
            permissions: mapping.permissions.is_some(),
            profile: mapping.whole_profile.is_some() || !mapping.profile.is_empty(),
        }
    }

    /// Whether a part is among them, by its name in the configuration.
    #[must_use]
    pub fn has(self, part: &str) -> bool {
        match part {
            "groups" => self.groups,
            "roles" => self.roles,
            "permissions" => self.permissions,
            "profile" => self.profile,
            _ => false,
        }
    }
}
