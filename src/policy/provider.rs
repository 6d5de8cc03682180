//! A compiled provider: which credentials it vouches for, and whom they stand for.

mod directory;
mod machine;
mod signed;
mod token_rules;

use std::rc::Rc;

pub use self::directory::{Directory, Parts};
pub use self::machine::Machine;
pub use self::signed::Signed;
pub(in crate::policy) use self::token_rules::is_for_any;
pub use self::token_rules::{Audience, TokenRules};

use crate::api_key::ApiKeys;
use crate::basic::{Throttle, Users};
use crate::credential::{Csrf, Location};
use crate::jose::KeySet;
use crate::json::ClaimPath;
use crate::keys::KeySourceId;
use crate::possession::Dpop;
use crate::services::ServiceId;

/// Where a provider's keys are.
#[derive(Clone, Debug)]
pub enum Keys {
    /// In the configuration.
    Inline(Rc<KeySet>),
    /// Fetched.
    Remote(KeySourceId),
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
    /// Whether groups and roles are of users only, whatever the claims of a machine say.
    pub machines_are_in_no_group: bool,
    /// Where tokens may leave groups out, what holds then.
    pub overage: Option<Overage>,
}

/// What holds of passwords, whoever knows them.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// How many wrong ones are looked at.
    pub throttle: Throttle,
    /// The protection space of challenges (RFC 7617 §2).
    pub realm: String,
}

/// The form of a credential that a service verifies.
#[derive(Clone, Debug)]
pub enum Form {
    /// A key.
    ApiKey,
    /// Name and password.
    Password(Passwords),
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
        /// What holds of passwords.
        passwords: Passwords,
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
}

impl Provider {
    /// What must hold of its tokens' claims, where its credentials are tokens with claims.
    #[must_use]
    pub const fn token_rules(&self) -> Option<&TokenRules> {
        match &self.verification {
            Verification::Introspection { rules, .. }
            | Verification::Signature(Signed { rules, .. }) => Some(rules),
            Verification::ApiKeys(_)
            | Verification::Passwords { .. }
            | Verification::Service { .. } => None,
        }
    }

    /// How it challenges a client, apart from proofs of possession.
    #[must_use]
    pub fn challenge(&self) -> ChallengeScheme {
        match &self.verification {
            Verification::ApiKeys(_)
            | Verification::Service {
                form: Form::ApiKey, ..
            } => ChallengeScheme::ApiKey,
            Verification::Passwords { passwords, .. }
            | Verification::Service {
                form: Form::Password(passwords),
                ..
            } => ChallengeScheme::Basic(passwords.realm.clone()),
            Verification::Introspection { .. }
            | Verification::Service {
                form: Form::Token, ..
            }
            | Verification::Signature(_) => ChallengeScheme::Bearer,
        }
    }

    /// What gives its callers temporary AWS credentials.
    #[must_use]
    pub const fn identity_pool(&self) -> Option<ServiceId> {
        match &self.verification {
            Verification::Signature(signed) => signed.identity_pool,
            Verification::ApiKeys(_)
            | Verification::Introspection { .. }
            | Verification::Passwords { .. }
            | Verification::Service { .. } => None,
        }
    }

    /// What is asked of proofs of possession.
    #[must_use]
    pub fn dpop(&self) -> Option<&Dpop> {
        self.token_rules()?.possession.dpop.as_ref()
    }

    /// Whether tokens must be bound to a certificate; none where that is not looked at.
    #[must_use]
    pub fn mtls(&self) -> Option<bool> {
        self.token_rules()?.possession.mtls
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
