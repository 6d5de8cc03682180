//! Providers of kind `jwt`: any issuer of JSON Web Tokens, with the defaults of its preset.

use super::identity::{Claims, JWT, machine};
use super::tokens::{audience, issuers};
use super::{Compiled, Own, entra_id};
use crate::config::{ConfigError, JwtProvider, Preset};
use crate::credential::Location;
use crate::policy::provider::Verification;

/// A provider whose preset is filled in already.
pub(super) fn compile<'c>(
    compiled: &mut Compiled,
    at: &str,
    own: &'c JwtProvider,
) -> Result<Own<'c>, ConfigError> {
    let issuers = issuers(at, own.issuer.as_ref())?;
    let audience = audience(at, own.audiences.as_deref())?;
    // Clerk's sessions name no audience, but the origin that they were made at.
    match own.preset {
        Some(Preset::Clerk) if own.tokens.required_claims.get("azp").is_some() => {}
        Some(Preset::Clerk) => {
            compiled.warn_of_any_audience(at, &audience, "required_claims.azp");
        }
        _ => compiled.warn_of_any_audience(at, &audience, "audiences"),
    }
    if issuers.is_empty() {
        compiled.warnings.push(ConfigError::new(
            at,
            "tokens of any issuer are accepted that one of the keys has signed; name yours in \"issuer\"",
        ));
    }
    let rules = compiled.token_rules(at, &own.tokens, issuers, audience)?;
    let signed = compiled.signed(at, &own.signatures, rules, None)?;
    let preset = own.preset.and_then(entra_id::of_preset).unwrap_or_default();
    let machine = machine(at, own.machine.as_ref())?;
    Ok(Own {
        verification: Verification::Signature(signed),
        location: Location::bearer(),
        places: Some(&own.places),
        claims: Claims {
            client_id: own.tokens.client_id.as_ref(),
            machine: machine.unwrap_or(preset.0),
            overage: preset.1,
            ..Claims::named(JWT)
        },
    })
}
