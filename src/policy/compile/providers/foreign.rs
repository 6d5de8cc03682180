//! Keys that belong to providers of another kind.

use crate::config::{ConfigError, Provider, ProviderKind};

const TOKENS: &[ProviderKind] = &[
    ProviderKind::Cognito,
    ProviderKind::EntraId,
    ProviderKind::Introspection,
    ProviderKind::Jwt,
];
const SIGNED: &[ProviderKind] = &[
    ProviderKind::Cognito,
    ProviderKind::EntraId,
    ProviderKind::Jwt,
];
const PLACED: &[ProviderKind] = &[
    ProviderKind::ApiKey,
    ProviderKind::Cognito,
    ProviderKind::EntraId,
    ProviderKind::Http,
    ProviderKind::Introspection,
    ProviderKind::Jwt,
];

const fn word(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::ApiKey => "\"api_key\"",
        ProviderKind::Basic => "\"basic\"",
        ProviderKind::Cognito => "\"cognito\"",
        ProviderKind::EntraId => "\"entra_id\"",
        ProviderKind::Http => "\"http\"",
        ProviderKind::Introspection => "\"introspection\"",
        ProviderKind::Jwt => "\"jwt\"",
    }
}

pub(super) fn refuse(at: &str, provider: &Provider) -> Result<(), ConfigError> {
    use ProviderKind::{ApiKey, Basic, Cognito, EntraId, Http, Introspection, Jwt};
    let rows: [(&str, bool, &[ProviderKind]); 36] = [
        ("preset", provider.preset.is_some(), &[Jwt]),
        ("issuer", provider.issuer.is_some(), &[Jwt, Introspection]),
        (
            "audiences",
            provider.audiences.is_some(),
            &[Jwt, EntraId, Introspection],
        ),
        ("region", provider.region.is_some(), &[Cognito]),
        ("user_pool_id", provider.user_pool_id.is_some(), &[Cognito]),
        ("client_ids", provider.client_ids.is_some(), &[Cognito]),
        ("token_use", provider.token_use.is_some(), &[Cognito]),
        (
            "identity_pool",
            provider.identity_pool.is_some(),
            &[Cognito],
        ),
        ("tenant_id", provider.tenant_id.is_some(), &[EntraId]),
        ("tenants", provider.tenants.is_some(), &[EntraId]),
        ("authority", provider.authority.is_some(), &[EntraId]),
        (
            "groups_overage",
            provider.groups_overage.is_some(),
            &[EntraId],
        ),
        ("realm", provider.realm.is_some(), &[Basic]),
        ("users", provider.users.is_some(), &[Basic]),
        ("throttle", provider.throttle.is_some(), &[Basic]),
        ("slow", provider.slow.is_some(), &[Basic]),
        ("keys", provider.keys.is_some(), &[ApiKey]),
        ("verify", provider.verify.is_some(), &[Basic, ApiKey, Http]),
        (
            "introspection",
            provider.introspection.is_some(),
            &[Introspection],
        ),
        ("algorithms", provider.algorithms.is_some(), SIGNED),
        ("jwks", provider.jwks.is_some(), SIGNED),
        ("token_types", provider.token_types.is_some(), SIGNED),
        ("padded", provider.padded.is_some(), SIGNED),
        (
            "required_header",
            !provider.required_header.is_empty(),
            SIGNED,
        ),
        ("from_headers", provider.from_headers.is_some(), PLACED),
        ("from_params", provider.from_params.is_some(), PLACED),
        ("from_cookies", provider.from_cookies.is_some(), PLACED),
        (
            "from_websocket_protocol",
            provider.from_websocket_protocol,
            PLACED,
        ),
        ("foreign", provider.foreign.is_some(), PLACED),
        ("clock_skew", provider.clock_skew.is_some(), TOKENS),
        (
            "require_expiration",
            provider.require_expiration.is_some(),
            TOKENS,
        ),
        ("max_lifetime", provider.max_lifetime.is_some(), TOKENS),
        (
            "required_claims",
            !provider.required_claims.is_empty(),
            TOKENS,
        ),
        (
            "machine",
            provider.machine.is_some(),
            &[Jwt, Introspection, Http],
        ),
        ("client_id", provider.client_id.is_some(), PLACED),
        (
            "proof_of_possession",
            provider.proof_of_possession.is_some(),
            TOKENS,
        ),
    ];
    match rows
        .iter()
        .find(|(_, present, kinds)| *present && !kinds.contains(&provider.kind))
    {
        Some((key, _, kinds)) => {
            let kinds: Vec<_> = kinds.iter().map(|kind| word(*kind)).collect();
            Err(ConfigError::new(
                format!("{at}.{key}"),
                format!("belongs to providers of kind {}", kinds.join(", ")),
            ))
        }
        None => Ok(()),
    }
}
