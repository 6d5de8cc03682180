//! A compiled provider: which credentials it vouches for, and whom they stand for.

mod machine;
mod token_rules;

use std::rc::Rc;

pub use self::machine::Machine;
pub use self::token_rules::{Audience, TokenRules};

use crate::api_key::ApiKeys;
use crate::basic::{Throttle, Users};
use crate::credential::{Csrf, Location};
use crate::jose::{AlgorithmSet, KeySet};
use crate::json::ClaimPath;
use crate::keys::KeySourceId;
use crate::possession::{Dpop, Possession};
use crate::services::{Mapping, ServiceId};

/// Where a provider's keys are.
#[derive(Clone, Debug)]
pub enum Keys {
    /// In the configuration.
    Inline(Rc<KeySet>),
    /// Fetched.
    Remote(KeySourceId),
}

/// A directory that knows more of a caller than the credential says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The service.
    pub service: ServiceId,
    /// Whether it counts as empty while it cannot be asked.
    pub empty_on_error: bool,
    /// Which parts of an entry its answers have.
    pub knows: Parts,
}

/// Parts of a directory's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Groups.
    pub groups: bool,
    /// Roles.
    pub roles: bool,
    /// Permissions.
    pub permissions: bool,
    /// The profile.
    pub profile: bool,
}

impl Parts {
    /// What a directory's own form has.
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

/// One source of groups, roles, permissions or scopes.
#[derive(Clone, Debug)]
pub enum Source {
    /// A claim: an array of strings, or a string split on spaces.
    Claim(ClaimPath),
    /// What a directory says.
    Directory(Directory),
    /// The caller's groups as they are.
    Groups,
    /// What each of the caller's groups gives, in the order of the groups' names.
    MappedGroups(Box<[(String, Vec<String>)]>),
    /// The same for each caller.
    Static(Box<[String]>),
}

/// What holds for a caller in more groups than a token can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overage {
    /// Its groups are not known, and nothing that asks for them holds.
    Deny,
    /// This directory knows them.
    Ask(Directory),
}

/// How claims become a caller.
#[derive(Clone, Debug)]
pub struct IdentityClaims {
    /// The caller's identifier, in order of preference.
    pub subject: Box<[ClaimPath]>,
    /// The name.
    pub name: Box<[ClaimPath]>,
    /// The e-mail address.
    pub email: Box<[ClaimPath]>,
    /// The client that the token was issued to.
    pub client_id: Box<[ClaimPath]>,
    /// Sources of groups.
    pub groups: Box<[Source]>,
    /// Sources of roles.
    pub roles: Box<[Source]>,
    /// Sources of permissions.
    pub permissions: Box<[Source]>,
    /// Sources of scopes.
    pub scopes: Box<[Source]>,
    /// Directories whose profiles the caller has, the first that knows a member counting.
    pub profile: Box<[Directory]>,
    /// How machines are recognised.
    pub machine: Machine,
    /// Where tokens may leave groups out, what holds then.
    pub overage: Option<Overage>,
}

/// The form of a credential that a service verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A key.
    ApiKey,
    /// Name and password, and how many wrong ones are looked at.
    Password(Throttle),
    /// Anything.
    Token,
}

/// How a credential is verified.
#[derive(Clone, Debug)]
pub enum Verification {
    /// A key that the configuration knows.
    ApiKeys(Rc<ApiKeys>),
    /// The authorization server says whether the token is active, and what of it must hold.
    Introspection {
        /// Whom it asks.
        service: ServiceId,
        /// What must hold.
        rules: TokenRules,
    },
    /// A password that the configuration knows the hash of.
    Passwords {
        /// Names and hashes.
        users: Rc<Users>,
        /// How many wrong ones are looked at.
        throttle: Throttle,
    },
    /// A service verifies it.
    Service {
        /// Whom it asks.
        service: ServiceId,
        /// What is sent.
        form: Form,
    },
    /// The issuer has signed the token.
    Signature(Signed),
}

/// How a token is verified that its issuer has signed.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Accepted algorithms.
    pub algorithms: AlgorithmSet,
    /// The keys.
    pub keys: Keys,
    /// What must hold of the token.
    pub rules: TokenRules,
}

/// A provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in the configuration.
    pub name: String,
    /// How its credentials are verified.
    pub verification: Verification,
    /// Where they stand.
    pub locations: Box<[Location]>,
    /// Whether the credential goes upstream.
    pub forward: bool,
    /// Whether a token in a header goes upstream that is none of the rule's providers', beside a cookie that holds.
    pub forwards_foreign: bool,
    /// From which sites requests may come with a credential that browsers send by themselves.
    pub csrf: Csrf,
    /// How claims become a caller.
    pub identity: IdentityClaims,
    /// How it challenges a client.
    pub challenge: ChallengeScheme,
    /// What gives its callers temporary AWS credentials.
    pub identity_pool: Option<ServiceId>,
    /// How its tokens are bound to keys.
    pub possession: Option<Possession>,
}

impl Provider {
    /// How many wrong passwords are looked at, where its credentials are passwords.
    #[must_use]
    pub const fn throttle(&self) -> Option<Throttle> {
        match self.verification {
            Verification::Passwords { throttle, .. }
            | Verification::Service {
                form: Form::Password(throttle),
                ..
            } => Some(throttle),
            Verification::ApiKeys(_)
            | Verification::Introspection { .. }
            | Verification::Service {
                form: Form::ApiKey | Form::Token,
                ..
            }
            | Verification::Signature(_) => None,
        }
    }

    /// What is asked of proofs of possession.
    #[must_use]
    pub fn dpop(&self) -> Option<&Dpop> {
        self.possession.as_ref()?.dpop.as_ref()
    }

    /// Whether tokens must be bound to a certificate; none where that is not looked at.
    #[must_use]
    pub fn mtls(&self) -> Option<bool> {
        self.possession.as_ref()?.mtls
    }
}

/// How a provider challenges a client for its credential (RFC 9110 §11.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChallengeScheme {
    /// `ApiKey`, which no RFC knows, for a key in a header or parameter of its own.
    ApiKey,
    /// `Basic` (RFC 7617), for this protection space.
    Basic(String),
    /// `Bearer` (RFC 6750).
    Bearer,
    /// `DPoP` (RFC 9449), with these algorithms.
    Dpop(String),
}

#[cfg(test)]
mod tests;
