//! All that is known of Amazon Cognito: user pools, whose tokens a provider of kind `cognito` takes, and the identity pools
//! that give temporary AWS credentials for them.

use std::time::Duration;

use super::identity::{Claims, JWT, Names};
use super::services::Common;
use super::tokens::{listed, named};
use super::{Compiled, Own};
use crate::config::{CognitoProvider, ConfigError, DurationText, TokenUse};
use crate::credential::Location;
use crate::jose::ClaimSet;
use crate::policy::provider::{Audience, Machine, Verification, is_for_any};
use crate::services::{IdentityPool, Protocol, ServiceId};

/// The longest time that AWS gives credentials for; they are kept for as long as they say themselves.
const LONGEST_CREDENTIALS: Duration = Duration::from_secs(12 * 3600);

const NAMES: Names = Names {
    name: &["username", "cognito:username", "sub"],
    client_id: &["client_id", "azp", "aud"],
    groups: &["cognito:groups"],
    ..JWT
};

pub(super) fn compile<'c>(
    compiled: &mut Compiled,
    at: &str,
    own: &'c CognitoProvider,
) -> Result<Own<'c>, ConfigError> {
    let issuers = issuers(at, own)?;
    let keys = issuers
        .first()
        .map(|issuer| format!("{issuer}/.well-known/jwks.json"));
    let audience = audience(at, own)?;
    let token_use = token_use(at, own)?;
    compiled.warn_of_any_audience(at, &audience, "client_ids");
    let mut rules = compiled.token_rules(at, &own.tokens, issuers, audience)?;
    rules.token_use = token_use;
    let mut signed = compiled.signed(at, &own.signatures, rules, keys)?;
    signed.identity_pool = compiled.identity_pool(at, own)?;
    Ok(Own {
        verification: Verification::Signature(signed),
        location: Location::bearer(),
        places: Some(&own.places),
        claims: Claims {
            client_id: own.tokens.client_id.as_ref(),
            machine: MACHINE,
            machines_are_in_no_group: true,
            ..Claims::named(NAMES)
        },
    })
}

/// A pool has one of the two (`IssuerConfiguration`: `ORIGINAL`, `UPDATED`), whatever its domains are.
fn issuers(at: &str, own: &CognitoProvider) -> Result<Vec<String>, ConfigError> {
    let region = named(at, "region", &own.region)?;
    let pool = named(at, "user_pool_id", &own.user_pool_id)?;
    let domain = aws_domain(region);
    let services = ["cognito-idp", "issuer-cognito-idp"];
    Ok(services
        .map(|service| format!("https://{service}.{region}.{domain}/{pool}"))
        .into())
}

fn audience(at: &str, own: &CognitoProvider) -> Result<Audience, ConfigError> {
    let clients = listed(&format!("{at}.client_ids"), own.client_ids.as_deref())?;
    Ok(if clients.is_empty() {
        Audience::Unchecked
    } else {
        Audience::Clients {
            clients: clients.into(),
            names: is_for,
        }
    })
}

/// Whether a token is for one of the app clients: `client_id` of access tokens says it, `aud` of ID tokens.
fn is_for(claims: &ClaimSet, clients: &[String]) -> bool {
    if claims.text_of("token_use") == Some("access") {
        let client = claims.text_of("client_id");
        client.is_some_and(|held| clients.iter().any(|own| own == held))
    } else {
        is_for_any(claims, clients)
    }
}

const MACHINE: Machine = Machine::Made {
    is: is_machine,
    reads: &[
        "client_id",
        "cognito:username",
        "email",
        "family_name",
        "given_name",
        "name",
        "token_use",
        "username",
    ],
};

/// A token of the client-credentials grant: an access token with a client and no sign of a user.
fn is_machine(claims: &ClaimSet) -> bool {
    const OF_USERS: [&str; 6] = [
        "cognito:username",
        "username",
        "email",
        "name",
        "given_name",
        "family_name",
    ];
    claims.text_of("token_use") == Some("access")
        && claims.members().contains_key("client_id")
        && !OF_USERS
            .iter()
            .any(|name| claims.members().contains_key(*name))
}

fn token_use(at: &str, own: &CognitoProvider) -> Result<Box<[&'static str]>, ConfigError> {
    let uses = own.token_use.as_deref().unwrap_or(&[TokenUse::Access]);
    if uses.is_empty() {
        return Err(ConfigError::new(
            format!("{at}.token_use"),
            "an empty list accepts no token",
        ));
    }
    Ok(uses.iter().map(|token_use| token_use.as_str()).collect())
}

/// The domain of AWS's services in a region.
fn aws_domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

impl Compiled {
    fn identity_pool(
        &mut self,
        at: &str,
        own: &CognitoProvider,
    ) -> Result<Option<ServiceId>, ConfigError> {
        let Some(pool) = &own.identity_pool else {
            return Ok(None);
        };
        let mut uses = own.token_use.iter().flatten();
        if !uses.any(|held| *held == TokenUse::Id) {
            return Err(ConfigError::new(
                format!("{at}.token_use"),
                "an identity pool takes ID tokens: \"id\" must be among the accepted uses",
            ));
        }
        let at = format!("{at}.identity_pool");
        let sound = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let region = match pool.id.split_once(':') {
            Some((region, id)) if sound(region) && sound(id) => region,
            _ => {
                return Err(ConfigError::new(
                    format!("{at}.id"),
                    format!(
                        "\"{}\" is not the id of an identity pool; write \"us-east-1:1234...\"",
                        pool.id
                    ),
                ));
            }
        };
        let uri = pool.uri.clone().unwrap_or_else(|| {
            let domain = aws_domain(region);
            format!("https://cognito-identity.{region}.{domain}/")
        });
        // The user pool's region, which may be another than the identity pool's.
        let (region, user_pool) = (&own.region, &own.user_pool_id);
        let protocol = IdentityPool {
            id: pool.id.clone(),
            login: format!("cognito-idp.{region}.{}/{user_pool}", aws_domain(region)),
        };
        let common = Common {
            name: at.clone(),
            uri: &uri,
            upstream: pool.upstream.as_ref(),
            headers: None,
            timeout: pool.timeout,
            default_timeout: 5000,
            cache_duration: Some(DurationText(LONGEST_CREDENTIALS)),
            negative_cache_duration: None,
        };
        self.service(&at, common, Protocol::IdentityPool(protocol))
            .map(Some)
    }
}
