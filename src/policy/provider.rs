//! A compiled provider: the credentials that it verifies, and the identity that it gives their callers.

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

/// The source of the keys that verify a provider's tokens.
#[derive(Clone, Debug)]
pub enum Keys {
    /// A key set that the configuration contains.
    Inline(Rc<KeySet>),
    /// A key set that the filter fetches, by its index.
    Remote(KeySourceId),
}

/// One source of groups, roles, permissions or scopes.
#[derive(Clone, Debug)]
pub enum Source {
    /// A claim: an array of strings, or a string split on spaces.
    Claim(ClaimPath),
    /// The list that a directory has for the caller.
    Directory(Directory),
    /// The caller's groups, each as a value.
    Groups,
    /// What each of the caller's groups gives, in the order of the groups' names.
    MappedGroups(Box<[(String, Vec<String>)]>),
    /// Fixed values, the same for each caller.
    Static(Box<[String]>),
}

/// What holds for a caller in more groups than a token can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overage {
    /// Its groups are not known, and nothing that asks for them holds.
    Deny,
    /// The groups come from this directory.
    Ask(Directory),
}

/// The claims that give the caller's identity, and the sources of its lists.
#[derive(Clone, Debug)]
pub struct IdentityClaims {
    /// The claims with the caller's identifier, in order of preference.
    pub subject: Box<[ClaimPath]>,
    /// The claims with the caller's name, in order of preference.
    pub name: Box<[ClaimPath]>,
    /// The claims with the caller's e-mail address, in order of preference.
    pub email: Box<[ClaimPath]>,
    /// The client that the token was issued to.
    pub client_id: Box<[ClaimPath]>,
    /// The sources of the caller's groups.
    pub groups: Box<[Source]>,
    /// The sources of the caller's roles.
    pub roles: Box<[Source]>,
    /// The sources of the caller's permissions.
    pub permissions: Box<[Source]>,
    /// The sources of the caller's scopes.
    pub scopes: Box<[Source]>,
    /// Directories whose profiles the caller has, the first that knows a member counting.
    pub profile: Box<[Directory]>,
    /// The test that recognises a machine by its claims.
    pub machine: Machine,
    /// Whether groups and roles are of users only, whatever the claims of a machine say.
    pub machines_are_in_no_group: bool,
    /// Where tokens may leave groups out, what holds then.
    pub overage: Option<Overage>,
}

/// The rules for passwords, whether the configuration or a service verifies them.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// How many wrong passwords the filter verifies before it refuses without verifying.
    pub throttle: Throttle,
    /// The protection space of challenges (RFC 7617 §2).
    pub realm: String,
}

/// The form of a credential that a service verifies.
#[derive(Clone, Debug)]
pub enum Form {
    /// An API key, as one opaque text.
    ApiKey,
    /// A name and a password (RFC 7617).
    Password(Passwords),
    /// A token of any form, as one opaque text.
    Token,
}

/// The way in which a provider verifies its credentials.
#[derive(Clone, Debug)]
pub enum Verification {
    /// An API key, by its digest in the configuration.
    ApiKeys(Rc<ApiKeys>),
    /// The authorization server says whether the token is active, and what of it must hold.
    Introspection {
        /// The service that the filter asks about the token.
        service: ServiceId,
        /// The rules for the claims of the answer.
        rules: TokenRules,
    },
    /// A password that the configuration knows the hash of.
    Passwords {
        /// The users of the configuration, with their password hashes.
        users: Rc<Users>,
        /// The rules for passwords.
        passwords: Passwords,
    },
    /// A service verifies the credential.
    Service {
        /// The service that the filter sends the credential to.
        service: ServiceId,
        /// The form of the credential that the filter sends.
        form: Form,
    },
    /// The filter verifies the signature of the token's issuer.
    Signature(Signed),
}

/// A compiled provider: it verifies one kind of credential and identifies its callers.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The provider's name in the configuration.
    pub name: String,
    /// The way in which the filter verifies the credentials.
    pub verification: Verification,
    /// Where the filter looks for the credentials.
    pub locations: Box<[Location]>,
    /// Whether the credential goes upstream; the filter removes it otherwise.
    pub forward: bool,
    /// Whether a token in a header goes upstream that is none of the rule's providers', beside a cookie that holds.
    pub forwards_foreign: bool,
    /// From which sites requests may come with a credential that browsers send by themselves.
    pub csrf: Csrf,
    /// The claims that give the caller's identity.
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

    /// The service that gives the provider's callers temporary AWS credentials; `None` without one.
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

    /// The rules for proofs of possession; `None` where the filter ignores them.
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
    /// `Basic` (RFC 7617), with the name of this protection space.
    Basic(String),
    /// `Bearer` (RFC 6750 §3), for tokens without a proof.
    Bearer,
    /// `DPoP` (RFC 9449), with these algorithms.
    Dpop(String),
}

#[cfg(test)]
mod tests;
