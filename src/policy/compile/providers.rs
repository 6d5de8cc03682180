//! Providers and the key sets that they share.

mod identity;
mod keys;
mod locations;

use std::time::Duration;

use super::claims;
use crate::config::{self, ConfigError, OneOrMany, ProviderKind, TokenUse};
use crate::jose::{Algorithm, AlgorithmSet, TimeRules};
use crate::json::UniqueMap;
use crate::keys::KeySource;
use crate::policy::provider::{Audience, Provider};

pub(super) use self::identity::claim_path;

/// Providers, the key sets they fetch, and what an operator should be warned of.
pub(super) struct Compiled {
    pub(super) providers: Vec<Provider>,
    pub(super) sources: Vec<KeySource>,
    pub(super) warnings: Vec<String>,
}

pub(super) fn compile(providers: &UniqueMap<config::Provider>) -> Result<Compiled, ConfigError> {
    let mut compiled = Compiled {
        providers: Vec::new(),
        sources: Vec::new(),
        warnings: Vec::new(),
    };
    if u16::try_from(providers.len()).is_err() {
        return Err(ConfigError::new("providers", "too many providers"));
    }
    for (name, provider) in providers.iter() {
        let at = format!("providers.{name}");
        let provider = compiled.provider(&at, name, provider)?;
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
        refuse_foreign_keys(at, provider)?;
        let (issuers, audience, token_use) = match provider.kind {
            ProviderKind::Cognito => cognito(at, provider)?,
            ProviderKind::Jwt => jwt(at, provider)?,
        };
        if audience == Audience::Unchecked {
            self.warnings
                .push(format!("{at}: tokens for any audience are accepted"));
        }
        if issuers.is_empty() {
            self.warnings.push(format!(
                "{at}: tokens of any issuer are accepted that one of the keys has signed"
            ));
        }
        Ok(Provider {
            name: name.to_owned(),
            keys: self.keys(at, provider, issuers.first().map(String::as_str))?,
            issuers: issuers.into(),
            audience,
            algorithms: algorithms(at, provider)?,
            times: TimeRules {
                clock_skew: provider
                    .clock_skew
                    .map_or(Duration::from_secs(60), |skew| skew.0),
                require_expiration: provider.require_expiration.unwrap_or(true),
                max_lifetime: provider.max_lifetime.map(|lifetime| lifetime.0),
            },
            token_types: listed(
                &format!("{at}.token_types"),
                provider.token_types.as_deref(),
            )?
            .into(),
            token_use,
            required_claims: claims::compile(
                &format!("{at}.required_claims"),
                &provider.required_claims,
            )?,
            locations: locations::compile(at, provider)?,
            forward: provider.forward,
            identity: identity::compile(at, provider)?,
        })
    }
}

/// Issuers, audience and accepted uses: what tells the kinds of provider apart.
type Vouching = (Vec<String>, Audience, Box<[&'static str]>);

fn refuse_foreign_keys(at: &str, provider: &config::Provider) -> Result<(), ConfigError> {
    let of_jwt = [
        ("issuer", provider.issuer.is_some()),
        ("audiences", provider.audiences.is_some()),
    ];
    let of_cognito = [
        ("region", provider.region.is_some()),
        ("user_pool_id", provider.user_pool_id.is_some()),
        ("client_ids", provider.client_ids.is_some()),
        ("token_use", provider.token_use.is_some()),
    ];
    let (foreign, kind): (&[_], _) = match provider.kind {
        ProviderKind::Cognito => (&of_jwt, "jwt"),
        ProviderKind::Jwt => (&of_cognito, "cognito"),
    };
    match foreign.iter().find(|(_, present)| *present) {
        Some((key, _)) => Err(ConfigError::new(
            format!("{at}.{key}"),
            format!("belongs to providers of kind \"{kind}\""),
        )),
        None => Ok(()),
    }
}

fn cognito(at: &str, provider: &config::Provider) -> Result<Vouching, ConfigError> {
    let named = |key: &str, value: &Option<String>| match value {
        Some(value)
            if !value.is_empty()
                && value
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) =>
        {
            Ok(value.clone())
        }
        Some(value) => Err(ConfigError::new(
            format!("{at}.{key}"),
            format!("\"{value}\" is not one"),
        )),
        None => Err(ConfigError::new(
            format!("{at}.{key}"),
            "this key is missing",
        )),
    };
    let region = named("region", &provider.region)?;
    let pool = named("user_pool_id", &provider.user_pool_id)?;
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
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
    let issuer = format!("https://cognito-idp.{region}.{domain}/{pool}");
    Ok((
        vec![issuer],
        audience,
        uses.iter().map(|token_use| token_use.as_str()).collect(),
    ))
}

fn jwt(at: &str, provider: &config::Provider) -> Result<Vouching, ConfigError> {
    let issuers = provider
        .issuer
        .as_ref()
        .map(|OneOrMany(issuers)| issuers.as_slice());
    let issuers = listed(&format!("{at}.issuer"), issuers)?;
    let audiences = listed(&format!("{at}.audiences"), provider.audiences.as_deref())?;
    let audience = if audiences.is_empty() {
        Audience::Unchecked
    } else {
        Audience::AnyOf(audiences.into())
    };
    Ok((issuers, audience, Box::new([])))
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

fn algorithms(at: &str, provider: &config::Provider) -> Result<AlgorithmSet, ConfigError> {
    let at = format!("{at}.algorithms");
    let Some(names) = &provider.algorithms else {
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
