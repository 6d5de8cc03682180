//! A compiled provider: which tokens it vouches for, and whom they stand for.

use std::rc::Rc;

use serde_json::Value;

use super::claim::ClaimRule;
use super::principal::Principal;
use super::{KeySourceId, ProviderId};
use crate::credential::Location;
use crate::jose::{
    AlgorithmSet, ClaimSet, KeySet, TimeRules, TokenError, UntrustedToken, VerifiedClaims,
};
use crate::json::ClaimPath;
use crate::time::UnixTime;

/// Where a provider's keys are.
#[derive(Clone, Debug)]
pub enum Keys {
    /// In the configuration.
    Inline(Rc<KeySet>),
    /// Fetched.
    Remote(KeySourceId),
}

/// For whom a token must be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Any of these in `aud` (RFC 7519 §4.1.3).
    AnyOf(Box<[String]>),
    /// Any of these app clients: in `client_id` of access tokens, in `aud` of ID tokens.
    CognitoClients(Box<[String]>),
    /// Not checked.
    Unchecked,
}

/// One source of groups, roles, permissions or scopes.
#[derive(Clone, Debug)]
pub enum Source {
    /// A claim: an array of strings, or a string split on spaces.
    Claim(ClaimPath),
    /// The caller's groups as they are.
    Groups,
    /// What each of the caller's groups gives.
    MappedGroups(Box<[(String, Vec<String>)]>),
    /// The same for each caller.
    Static(Box<[String]>),
}

/// How claims become a caller.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The caller's identifier, in order of preference.
    pub subject: Box<[ClaimPath]>,
    /// The name.
    pub name: Box<[ClaimPath]>,
    /// The e-mail address.
    pub email: Box<[ClaimPath]>,
    /// Sources of groups.
    pub groups: Box<[Source]>,
    /// Sources of roles.
    pub roles: Box<[Source]>,
    /// Sources of permissions.
    pub permissions: Box<[Source]>,
    /// Sources of scopes.
    pub scopes: Box<[Source]>,
    /// Whether machines are recognised as Cognito issues their tokens.
    pub cognito: bool,
}

/// A provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in the configuration.
    pub name: String,
    /// Accepted issuers; none means that any is accepted whose token one of the keys has signed.
    pub issuers: Box<[String]>,
    /// For whom tokens must be meant.
    pub audience: Audience,
    /// Accepted algorithms.
    pub algorithms: AlgorithmSet,
    /// The keys.
    pub keys: Keys,
    /// What is asked of the times.
    pub times: TimeRules,
    /// Accepted `typ`, compared without case and without `application/` (RFC 7515 §4.1.9); none means any.
    pub token_types: Box<[String]>,
    /// Accepted `token_use`; none means that it is not looked at.
    pub token_use: Box<[&'static str]>,
    /// Claims that each token must have.
    pub required_claims: Box<[ClaimRule]>,
    /// Where its tokens stand.
    pub locations: Box<[Location]>,
    /// Whether the credential goes upstream.
    pub forward: bool,
    /// How claims become a caller.
    pub identity: Identity,
}

impl Provider {
    /// Whether the token names this provider's issuer. Proves nothing.
    #[must_use]
    pub fn is_named_by(&self, token: &UntrustedToken<'_>) -> bool {
        self.issuers.is_empty()
            || token
                .issuer_hint()
                .is_some_and(|issuer| self.issuers.iter().any(|own| own == issuer))
    }

    /// Everything that refuses a token without a key: a token that fails here costs no signature and no fetch.
    /// The claims that are looked at are the bytes that the signature covers.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(&self, token: &UntrustedToken<'_>, now: UnixTime) -> Result<(), TokenError> {
        if !self.is_named_by(token) {
            return Err(TokenError::UnknownIssuer);
        }
        if !self.algorithms.contains(token.algorithm()?) {
            return Err(TokenError::AlgorithmRefused);
        }
        if !self.token_types.is_empty()
            && !token
                .token_type()
                .is_some_and(|held| self.token_types.iter().any(|own| same_type(own, held)))
        {
            return Err(TokenError::WrongTokenType);
        }
        let claims = token.claims();
        claims.check_times(&self.times, now)?;
        let token_use = member(claims, "token_use");
        if !self.token_use.is_empty()
            && !token_use.is_some_and(|held| self.token_use.contains(&held))
        {
            return Err(TokenError::WrongTokenUse);
        }
        if !self.audience_holds(claims, token_use) {
            return Err(TokenError::WrongAudience);
        }
        if self.required_claims.iter().all(|rule| rule.holds(claims)) {
            Ok(())
        } else {
            Err(TokenError::ClaimRefused)
        }
    }

    fn audience_holds(&self, claims: &ClaimSet, token_use: Option<&str>) -> bool {
        match &self.audience {
            Audience::Unchecked => true,
            Audience::AnyOf(wanted) => claims
                .audiences()
                .any(|held| wanted.iter().any(|own| own == held)),
            Audience::CognitoClients(wanted) if token_use == Some("access") => {
                member(claims, "client_id").is_some_and(|held| wanted.iter().any(|own| own == held))
            }
            Audience::CognitoClients(wanted) => claims
                .audiences()
                .any(|held| wanted.iter().any(|own| own == held)),
        }
    }

    /// The caller whom verified claims stand for.
    #[must_use]
    pub fn principal(&self, id: ProviderId, verified: &VerifiedClaims) -> Principal {
        let claims = verified.claims();
        let identity = &self.identity;
        let m2m = identity.cognito && is_cognito_machine(claims);
        // A machine has no groups of users, whatever its claims say.
        let groups = if m2m {
            Vec::new()
        } else {
            collect(&identity.groups, claims, &[])
        };
        let roles = if m2m {
            Vec::new()
        } else {
            collect(&identity.roles, claims, &groups)
        };
        let first = |paths: &[ClaimPath]| {
            paths
                .iter()
                .find_map(|path| claims.string(path))
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let client_id = member(claims, "client_id")
            .or_else(|| member(claims, "azp"))
            .or_else(|| {
                let from_aud = identity.cognito.then(|| claims.audiences().next());
                from_aud.flatten()
            });
        Principal {
            provider: id,
            subject: first(&identity.subject),
            name: first(&identity.name),
            email: first(&identity.email),
            permissions: collect(&identity.permissions, claims, &groups),
            scopes: collect(&identity.scopes, claims, &groups),
            groups,
            roles,
            client_id: client_id.map(str::to_owned),
            m2m,
        }
    }
}

/// A claim by its literal name, where it is a string.
fn member<'c>(claims: &'c ClaimSet, name: &str) -> Option<&'c str> {
    claims.members().get(name).and_then(Value::as_str)
}

/// A token of the client-credentials grant: an access token with a client and no sign of a user.
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

fn same_type(own: &str, held: &str) -> bool {
    let bare = |name: &str| {
        let lower = name.to_ascii_lowercase();
        lower
            .strip_prefix("application/")
            .map_or_else(|| lower.clone(), str::to_owned)
    };
    bare(own) == bare(held)
}

fn collect(sources: &[Source], claims: &ClaimSet, groups: &[String]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut add = |value: &str| {
        if !value.is_empty() && !values.iter().any(|held| held == value) {
            values.push(value.to_owned());
        }
    };
    for source in sources {
        match source {
            Source::Claim(path) => match claims.find(path) {
                Some(Value::String(text)) => text.split(' ').for_each(&mut add),
                Some(Value::Array(items)) => {
                    items.iter().filter_map(Value::as_str).for_each(&mut add)
                }
                _ => {}
            },
            Source::Groups => groups.iter().for_each(|group| add(group)),
            Source::MappedGroups(map) => map
                .iter()
                .filter(|(group, _)| groups.contains(group))
                .flat_map(|(_, given)| given)
                .for_each(|value| add(value)),
            Source::Static(given) => given.iter().for_each(|value| add(value)),
        }
    }
    values
}

#[cfg(test)]
mod tests;
