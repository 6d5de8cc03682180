//! Providers of kind `introspection`: the authorization server says of each token whether it is active (RFC 7662).

use super::identity::{Claims, JWT, Names, claim_path, machine};
use super::services::Common;
use super::tokens::{audience, issuers};
use super::{Compiled, Own};
use crate::config::{ConfigError, IntrospectionProvider};
use crate::credential::Location;
use crate::policy::claim::{ClaimCondition, ClaimRule};
use crate::policy::provider::{Machine, Verification};
use crate::services::{Introspection, Protocol, ServiceId};

const NAMES: Names = Names {
    subject: &["sub", "username"],
    name: &["username", "sub"],
    scopes: &["scope"],
    ..JWT
};

pub(super) fn compile<'c>(
    compiled: &mut Compiled,
    at: &str,
    own: &'c IntrospectionProvider,
) -> Result<Own<'c>, ConfigError> {
    let issuers = issuers(at, own.issuer.as_ref())?;
    let audience = audience(at, own.audiences.as_deref())?;
    compiled.warn_of_any_audience(at, &audience, "audiences");
    let mut rules = compiled.token_rules(at, &own.tokens, issuers, audience)?;
    // The authorization server says whether the token is active; it need not say until when.
    rules.times.require_expiration = own.tokens.require_expiration.unwrap_or(false);
    let service = compiled.introspection(at, own)?;
    let machine = match machine(at, own.machine.as_ref())? {
        Some(given) => given,
        None => client_credentials(at)?,
    };
    Ok(Own {
        verification: Verification::Introspection { service, rules },
        location: Location::bearer(),
        places: Some(&own.places),
        claims: Claims {
            client_id: own.tokens.client_id.as_ref(),
            machine,
            ..Claims::named(NAMES)
        },
    })
}

/// Tokens of the client-credentials grant are nobody's (RFC 7662 §2.2: `sub` is usually the resource owner).
fn client_credentials(at: &str) -> Result<Machine, ConfigError> {
    let rules = ["sub", "username"].into_iter().map(|claim| {
        Ok(ClaimRule {
            path: claim_path(at, claim)?,
            test: ClaimCondition::Present(false),
        })
    });
    rules.collect::<Result<_, _>>().map(Machine::Claims)
}

impl Compiled {
    fn introspection(
        &mut self,
        at: &str,
        own: &IntrospectionProvider,
    ) -> Result<ServiceId, ConfigError> {
        let at = format!("{at}.introspection");
        let endpoint = &own.introspection;
        let secret = endpoint
            .client_secret
            .reveal(&format!("{at}.client_secret"))?;
        if endpoint.client_id.is_empty() || secret.reveal().is_empty() {
            return Err(ConfigError::new(
                at,
                "the endpoint must be protected (RFC 7662 §2.1): client_id and client_secret are not empty",
            ));
        }
        let protocol = Introspection::new(&endpoint.client_id, secret.reveal());
        let common = Common {
            name: at.clone(),
            uri: &endpoint.uri,
            upstream: endpoint.upstream.as_ref(),
            headers: None,
            timeout: endpoint.timeout,
            default_timeout: 5000,
            cache_duration: endpoint.cache_duration,
            negative_cache_duration: endpoint.negative_cache_duration,
        };
        self.service(&at, common, Protocol::Introspection(protocol))
    }
}
