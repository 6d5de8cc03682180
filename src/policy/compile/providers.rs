//! Providers and the key sets that they share.

mod basic;
mod csrf;
mod entra;
mod foreign;
mod headers;
mod identity;
mod keys;
mod locations;
mod possession;
mod preset;
mod response;
mod services;

use std::time::Duration;

use self::csrf::csrf;
use super::claims;
use crate::config::{
    self, ClaimCondition, Config, ConfigError, OneOrMany, OverrideHeaders, Preset, ProviderKind,
    TokenUse,
};
use crate::jose::{Algorithm, AlgorithmSet, TimeRules};
use crate::keys::KeySource;
use crate::policy::decision::Decision;
use crate::policy::provider::{
    Audience, ChallengeScheme, Directory, Provider, Signed, TokenRules, Verification,
};
use crate::services::Service;

pub(super) use self::identity::claim_path;

/// Providers, the key sets they fetch, the services they ask, and what an operator should be warned of.
#[derive(Default)]
pub(super) struct Compiled {
    pub(super) providers: Vec<Provider>,
    pub(super) sources: Vec<KeySource>,
    pub(super) services: Vec<Service>,
    pub(super) warnings: Vec<ConfigError>,
    pub(super) decisions: Vec<(String, Decision)>,
    directories: Vec<(String, Directory)>,
    /// Whether headers go upstream that frameworks take for the method.
    overridden: bool,
}

pub(super) fn compile(config: &Config) -> Result<Compiled, ConfigError> {
    let mut compiled = Compiled {
        overridden: config.paths.override_headers != OverrideHeaders::Remove,
        ..Compiled::default()
    };
    if u16::try_from(config.providers.len()).is_err() {
        return Err(ConfigError::new("providers", "too many providers"));
    }
    for (name, directory) in config.directories.iter() {
        compiled.directory(name, directory)?;
    }
    for (name, decision) in config.decisions.iter() {
        compiled.decision(name, decision)?;
    }
    for (name, provider) in config.providers.iter() {
        let at = format!("providers.{name}");
        foreign::refuse(&at, provider)?;
        let provider = compiled.provider(&at, name, &preset::fill(&at, provider)?)?;
        compiled.providers.push(provider);
    }
    Ok(compiled)
}

impl Compiled {
    fn provider(
        &mut self,
        at: &str,
        name: &str,
        provider: &config::Provider,
    ) -> Result<Provider, ConfigError> {
        let verification = match provider.kind {
            ProviderKind::Cognito => {
                let (issuers, audience, token_use) = cognito(at, provider)?;
                let mut rules = self.token_rules(at, provider, issuers, audience)?;
                rules.token_use = token_use;
                self.signature(at, provider, rules)?
            }
            ProviderKind::EntraId => {
                let (issuers, audience) = entra::vouching(at, provider)?;
                let mut rules = self.token_rules(at, provider, issuers, audience)?;
                rules.tenant_in_issuer = true;
                self.signature(at, provider, rules)?
            }
            ProviderKind::Jwt => {
                let (issuers, audience) = jwt(at, provider)?;
                let rules = self.token_rules(at, provider, issuers, audience)?;
                self.signature(at, provider, rules)?
            }
            ProviderKind::Introspection => {
                let (issuers, audience) = jwt(at, provider)?;
                let mut rules = self.token_rules(at, provider, issuers, audience)?;
                // The authorization server says whether the token is active; it need not say until when.
                rules.times.require_expiration = provider.require_expiration.unwrap_or(false);
                let service = self.introspection(at, provider)?;
                Verification::Introspection { service, rules }
            }
            ProviderKind::Basic => self.passwords(at, provider)?,
            ProviderKind::ApiKey => self.api_keys(at, provider)?,
            ProviderKind::Http => self.http(at, provider)?,
        };
        let challenge = match provider.kind {
            ProviderKind::Basic => ChallengeScheme::Basic(basic::realm(at, name, provider)?),
            ProviderKind::ApiKey => ChallengeScheme::ApiKey,
            _ => ChallengeScheme::Bearer,
        };
        let possession = self.possession(at, provider)?;
        let mut locations = locations::compile(at, provider)?;
        if possession.as_ref().is_some_and(|asks| asks.dpop.is_some()) {
            locations = possession::with_proofs(at, locations)?;
        }
        Ok(Provider {
            name: name.to_owned(),
            verification,
            locations,
            forward: provider.forward,
            forwards_foreign: locations::forwards_foreign(at, provider)?,
            csrf: csrf(at, provider, self.overridden)?,
            identity: identity::compile(at, provider, &self.directories)?,
            challenge,
            identity_pool: self.identity_pool(at, provider)?,
            possession,
        })
    }

    fn signature(
        &mut self,
        at: &str,
        provider: &config::Provider,
        rules: TokenRules,
    ) -> Result<Verification, ConfigError> {
        Ok(Verification::Signature(Signed {
            algorithms: algorithms(at, provider.algorithms.as_deref())?,
            keys: self.keys(at, provider, rules.issuers.first().map(String::as_str))?,
            rules,
        }))
    }

    fn token_rules(
        &mut self,
        at: &str,
        provider: &config::Provider,
        issuers: Vec<String>,
        audience: Audience,
    ) -> Result<TokenRules, ConfigError> {
        // Clerk's sessions name no audience, but the origin that they were made at.
        let is_clerk = provider.preset == Some(Preset::Clerk);
        let names_party = is_clerk && provider.required_claims.get("azp").is_some();
        if audience == Audience::Unchecked && !names_party {
            let key = match provider.kind {
                ProviderKind::Cognito => "client_ids",
                _ if is_clerk => "required_claims.azp",
                _ => "audiences",
            };
            self.warnings.push(ConfigError::new(
                at,
                format!("tokens for any audience are accepted; name yours in \"{key}\""),
            ));
        }
        if issuers.is_empty() && provider.kind == ProviderKind::Jwt {
            self.warnings.push(ConfigError::new(
                at,
                "tokens of any issuer are accepted that one of the keys has signed; name yours in \"issuer\"",
            ));
        }
        Ok(TokenRules {
            issuers: issuers.into(),
            tenant_in_issuer: false,
            audience,
            times: TimeRules {
                clock_skew: clock_skew(provider),
                require_expiration: provider.require_expiration.unwrap_or(true),
                max_lifetime: provider.max_lifetime.map(|lifetime| lifetime.0),
            },
            token_types: listed(
                &format!("{at}.token_types"),
                provider.token_types.as_deref(),
            )?
            .into(),
            token_use: Box::new([]),
            padded: padded(at, provider)?,
            required_header: claims::compile(
                &format!("{at}.required_header"),
                &provider.required_header,
                None,
            )?,
            required_claims: claims::compile(
                &format!("{at}.required_claims"),
                &provider.required_claims,
                None,
            )?,
        })
    }
}

/// A name that becomes a part of URIs.
fn named(at: &str, key: &str, value: Option<&String>) -> Result<String, ConfigError> {
    let at = format!("{at}.{key}");
    match value {
        Some(value)
            if !value.is_empty()
                && value
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) =>
        {
            Ok(value.clone())
        }
        Some(value) => Err(ConfigError::new(at, format!("\"{value}\" is not one"))),
        None => Err(ConfigError::new(at, "this key is missing")),
    }
}

/// The domain of AWS's services in a region.
fn aws_domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

/// Issuers, audience and accepted uses.
type Cognito = (Vec<String>, Audience, Box<[&'static str]>);

fn cognito(at: &str, provider: &config::Provider) -> Result<Cognito, ConfigError> {
    let region = named(at, "region", provider.region.as_ref())?;
    let pool = named(at, "user_pool_id", provider.user_pool_id.as_ref())?;
    let domain = aws_domain(&region);
    let clients = listed(&format!("{at}.client_ids"), provider.client_ids.as_deref())?;
    let audience = if clients.is_empty() {
        Audience::Unchecked
    } else {
        Audience::CognitoClients(clients.into())
    };
    let uses = provider.token_use.as_deref().unwrap_or(&[TokenUse::Access]);
    if uses.is_empty() {
        return Err(ConfigError::new(
            format!("{at}.token_use"),
            "an empty list accepts no token",
        ));
    }
    // A pool has one of the two (`IssuerConfiguration`: `ORIGINAL`, `UPDATED`), whatever its domains are.
    let issuers = ["cognito-idp", "issuer-cognito-idp"]
        .map(|service| format!("https://{service}.{region}.{domain}/{pool}"));
    let uses = uses.iter().map(|token_use| token_use.as_str()).collect();
    Ok((issuers.into(), audience, uses))
}

fn jwt(at: &str, provider: &config::Provider) -> Result<(Vec<String>, Audience), ConfigError> {
    let issuers = provider
        .issuer
        .as_ref()
        .map(|OneOrMany(issuers)| issuers.as_slice());
    let issuers = listed(&format!("{at}.issuer"), issuers)?;
    Ok((issuers, audience(at, provider)?))
}

fn audience(at: &str, provider: &config::Provider) -> Result<Audience, ConfigError> {
    let audiences = listed(&format!("{at}.audiences"), provider.audiences.as_deref())?;
    Ok(if audiences.is_empty() {
        Audience::Unchecked
    } else {
        Audience::AnyOf(audiences.into())
    })
}

/// The values of a list that, where it is given, is not empty and has no empty values.
fn listed(at: &str, list: Option<&[String]>) -> Result<Vec<String>, ConfigError> {
    match list {
        None => Ok(Vec::new()),
        Some(list) if list.is_empty() || list.iter().any(String::is_empty) => {
            Err(ConfigError::new(
                at,
                "is empty or has an empty value; leave the key out or fill it",
            ))
        }
        Some(list) => Ok(list.to_vec()),
    }
}

/// Whether tokens are padded. AWS's load balancers make such, and those of all accounts of a region share an address of keys
/// and write what their owners like: only the header's signer says whose a token is.
fn padded(at: &str, provider: &config::Provider) -> Result<bool, ConfigError> {
    if provider.padded != Some(true) {
        return Ok(false);
    }
    let mut tests = provider.required_header.iter();
    let names_signer = tests.any(|(member, test)| {
        let names = match test {
            ClaimCondition::Literal(_) => true,
            ClaimCondition::Object(test) => test.any_of.is_some(),
        };
        member == "signer" && names
    });
    if names_signer {
        return Ok(true);
    }
    Err(ConfigError::new(
        format!("{at}.padded"),
        "load balancers of all accounts share their keys: name yours, \"required_header\": {\"signer\": {\"any_of\": [\"arn:…\"]}}",
    ))
}

/// By how much the clocks of issuers and clients may differ from ours.
fn clock_skew(provider: &config::Provider) -> Duration {
    let minute = Duration::from_secs(60);
    provider.clock_skew.map_or(minute, |skew| skew.0)
}

fn algorithms(at: &str, names: Option<&[String]>) -> Result<AlgorithmSet, ConfigError> {
    let at = format!("{at}.algorithms");
    let Some(names) = names else {
        return Ok(AlgorithmSet::all_asymmetric());
    };
    let known = || Algorithm::ALL.iter().map(|algorithm| algorithm.name());
    let named = names.iter().enumerate().map(|(index, name)| {
        Algorithm::from_name(name).ok_or_else(|| {
            ConfigError::unknown(
                format!("{at}[{index}]"),
                &format!("\"{name}\" is not an algorithm"),
                known(),
            )
        })
    });
    let set: AlgorithmSet = named.collect::<Result<_, _>>()?;
    if set.is_empty() {
        Err(ConfigError::new(at, "an empty list accepts no token"))
    } else {
        Ok(set)
    }
}
