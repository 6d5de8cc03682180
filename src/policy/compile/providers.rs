//! Providers and the key sets that they share: a file for each kind, and one for each part that several kinds have.

mod api_key;
mod basic;
mod cognito;
mod csrf;
mod decisions;
mod directories;
mod entra_id;
mod headers;
mod http;
mod identity;
mod introspection;
mod jwt;
mod keys;
mod locations;
mod possession;
mod preset;
mod response;
mod services;
mod tokens;

use self::csrf::csrf;
use self::identity::Claims;
use crate::config::{self, Config, ConfigError, OverrideHeaders};
use crate::credential::Location;
use crate::keys::KeySource;
use crate::policy::decision::Decision;
use crate::policy::provider::{Directory, Provider, Verification};
use crate::services::Service;

pub(super) use self::entra_id::misfit as entra_misfit;
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
        let provider = compiled.provider(&at, name, provider)?;
        compiled.providers.push(provider);
    }
    Ok(compiled)
}

/// What a kind of provider makes of its own keys; all else is compiled alike.
struct Own<'c> {
    verification: Verification,
    /// Where its credentials are read, unless the configuration says it.
    location: Location,
    /// What the configuration says of that, where it may say something.
    places: Option<&'c config::Places>,
    claims: Claims<'c>,
}

impl Compiled {
    fn provider(
        &mut self,
        at: &str,
        name: &str,
        provider: &config::Provider,
    ) -> Result<Provider, ConfigError> {
        let common = provider.common();
        let own = match provider {
            config::Provider::ApiKey(own) => api_key::compile(self, at, own),
            config::Provider::Basic(own) => basic::compile(self, at, name, own),
            config::Provider::Cognito(own) => cognito::compile(self, at, own),
            config::Provider::EntraId(own) => entra_id::compile(self, at, own),
            config::Provider::Http(own) => http::compile(self, at, own),
            config::Provider::Introspection(own) => introspection::compile(self, at, own),
            config::Provider::Jwt(own) => {
                let filled = preset::fill(at, own)?;
                let own = jwt::compile(self, at, &filled)?;
                return self.whole(at, name, &filled.common, own);
            }
        }?;
        self.whole(at, name, common, own)
    }

    /// A provider of any kind.
    fn whole(
        &self,
        at: &str,
        name: &str,
        common: &config::Common,
        own: Own<'_>,
    ) -> Result<Provider, ConfigError> {
        let locations = locations::compile(at, own.places, own.location)?;
        let forwards_foreign = match own.places {
            Some(places) => locations::forwards_foreign(at, places)?,
            None => false,
        };
        let mut provider = Provider {
            name: name.to_owned(),
            verification: own.verification,
            locations,
            forward: common.forward,
            forwards_foreign,
            csrf: csrf(at, common.csrf.as_ref(), own.places, self.overridden)?,
            identity: identity::compile(at, common, own.claims, &self.directories)?,
        };
        if provider.dpop().is_some() {
            provider.locations = possession::with_proofs(at, &provider.locations)?;
        }
        Ok(provider)
    }
}
