//! Services: directories, verifiers, introspection endpoints and identity pools.

use std::rc::Rc;
use std::time::Duration;

use super::{Compiled, aws_domain, headers, response};
use crate::config::{
    self, ConfigError, DecisionWord, DurationText, OnError, ProviderKind, SecretText, TokenUse,
};
use crate::json::UniqueMap;
use crate::keys::Endpoint;
use crate::policy::decision::Decision;
use crate::policy::provider::{Directory, Form, Parts, Verification};
use crate::services::{
    self, Batch, DecisionProtocol, IdentityPool, Introspection, Protocol, Service, ServiceId,
};

/// The longest time that AWS gives credentials for; they are kept for as long as they say themselves.
const LONGEST_CREDENTIALS: Duration = Duration::from_secs(12 * 3600);

/// What services of all kinds have.
struct Common<'c> {
    name: String,
    uri: &'c str,
    upstream: Option<&'c String>,
    headers: Option<&'c UniqueMap<SecretText>>,
    timeout: Option<DurationText>,
    default_timeout: u64,
    cache_duration: Option<DurationText>,
    negative_cache_duration: Option<DurationText>,
}

impl Compiled {
    fn service(
        &mut self,
        at: &str,
        common: Common<'_>,
        protocol: Protocol,
    ) -> Result<ServiceId, ConfigError> {
        let uri = common.uri;
        // Braces stand for what is filled in, and are no part of a URI (RFC 3986 §2).
        let braced = uri.contains(['{', '}']) && !matches!(protocol, Protocol::Directory(_));
        let endpoint = Endpoint::parse(uri).filter(|_| !braced).ok_or_else(|| {
            ConfigError::new(
                format!("{at}.uri"),
                format!("\"{uri}\" is not an http or https URI without user and fragment"),
            )
        })?;
        let upstream = common
            .upstream
            .cloned()
            .unwrap_or_else(|| endpoint.authority.clone());
        if upstream.is_empty() {
            return Err(ConfigError::new(format!("{at}.upstream"), "is empty"));
        }
        let timeout = common.timeout.map_or_else(
            || Duration::from_millis(common.default_timeout),
            |timeout| timeout.0,
        );
        if timeout.is_zero() {
            return Err(ConfigError::new(format!("{at}.timeout"), "is at least 1ms"));
        }
        let time = |value: Option<DurationText>, fallback: u64| {
            value.map_or_else(|| Duration::from_secs(fallback), |value| value.0)
        };
        let id = u16::try_from(self.services.len())
            .map_err(|_| ConfigError::new(at, "too many services"))?;
        let headers = match common.headers {
            Some(given) => headers::compile(at, given)?,
            None => Vec::new(),
        };
        self.services.push(Service {
            name: common.name,
            upstream,
            endpoint,
            headers,
            timeout,
            cache_duration: time(common.cache_duration, 60),
            negative_cache_duration: time(common.negative_cache_duration, 10),
            protocol,
            // Known when all else is.
            reads: Rc::default(),
        });
        Ok(ServiceId(id))
    }

    pub(super) fn directory(
        &mut self,
        name: &str,
        directory: &config::Directory,
    ) -> Result<(), ConfigError> {
        let at = format!("directories.{name}");
        let mut rest = directory.uri.clone();
        for placeholder in ["{subject}", "{name}", "{provider}"] {
            rest = rest.replace(placeholder, "");
        }
        if rest.contains(['{', '}']) {
            return Err(ConfigError::new(
                format!("{at}.uri"),
                "an unknown placeholder; known: {subject}, {name}, {provider}",
            ));
        }
        let authority = Endpoint::parse(&directory.uri).map(|endpoint| endpoint.authority);
        if authority.is_some_and(|authority| authority.contains('{')) {
            return Err(ConfigError::new(
                format!("{at}.uri"),
                "a caller must not choose the host: placeholders stand in the path or the query",
            ));
        }
        let minute = DurationText(Duration::from_secs(60));
        let whole = directory.cache_duration.or(Some(minute));
        let common = Common {
            name: at.clone(),
            uri: &directory.uri,
            upstream: directory.upstream.as_ref(),
            headers: Some(&directory.headers),
            timeout: directory.timeout,
            default_timeout: 500,
            cache_duration: directory.cache_duration,
            negative_cache_duration: directory.negative_cache_duration.or(whole),
        };
        let mapping = match &directory.response {
            Some(given) => Some(response::compile(&at, given)?),
            None => None,
        };
        let knows = mapping.as_ref().map_or(Parts::ALL, Parts::of);
        let protocol = Protocol::Directory(services::Directory {
            mapping,
            shared: directory.share.unwrap_or(true),
            profile: Rc::default(),
        });
        let service = self.service(&at, common, protocol)?;
        let empty_on_error = directory.on_error == OnError::Empty;
        self.directories.push((
            name.to_owned(),
            Directory {
                service,
                empty_on_error,
                knows,
            },
        ));
        Ok(())
    }

    pub(super) fn decision(
        &mut self,
        name: &str,
        decision: &config::Decision,
    ) -> Result<(), ConfigError> {
        let at = format!("decisions.{name}");
        let protocol = match decision.protocol {
            DecisionWord::Authzen => DecisionProtocol::AuthZen,
            DecisionWord::Opa => DecisionProtocol::Opa,
        };
        let depends_on = decision.cache_by.clone().unwrap_or_default();
        if decision.cache_by.as_ref().is_some_and(Vec::is_empty) {
            return Err(ConfigError::new(
                format!("{at}.cache_by"),
                "a decision that depends on nothing would be everybody's; leave the key out or fill it",
            ));
        }
        let cache_duration = decision
            .cache_duration
            .or(Some(DurationText(Duration::from_secs(1))));
        let common = Common {
            name: at.clone(),
            uri: &decision.uri,
            upstream: decision.upstream.as_ref(),
            headers: Some(&decision.headers),
            timeout: decision.timeout,
            default_timeout: 500,
            cache_duration,
            negative_cache_duration: cache_duration,
        };
        let batch = batch(&at, decision)?;
        let batched = batch.is_some();
        let service = self.service(&at, common, Protocol::Decision(protocol, batch))?;
        self.decisions.push((
            name.to_owned(),
            Decision {
                service,
                protocol,
                depends_on: depends_on.into(),
                batched,
                action: None,
                resource: None,
            },
        ));
        Ok(())
    }

    pub(super) fn verifier(
        &mut self,
        at: &str,
        service: &config::Service,
    ) -> Result<ServiceId, ConfigError> {
        let at = format!("{at}.verify");
        let common = Common {
            name: at.clone(),
            uri: &service.uri,
            upstream: service.upstream.as_ref(),
            headers: Some(&service.headers),
            timeout: service.timeout,
            default_timeout: 5000,
            cache_duration: service.cache_duration,
            negative_cache_duration: service.negative_cache_duration,
        };
        self.service(&at, common, Protocol::Verifier)
    }

    pub(super) fn http(
        &mut self,
        at: &str,
        provider: &config::Provider,
    ) -> Result<Verification, ConfigError> {
        let Some(verify) = &provider.verify else {
            return Err(ConfigError::new(
                format!("{at}.verify"),
                "this key is missing: the service that verifies the credential",
            ));
        };
        let service = self.verifier(at, verify)?;
        let form = Form::Token;
        Ok(Verification::Service { service, form })
    }

    pub(super) fn introspection(
        &mut self,
        at: &str,
        provider: &config::Provider,
    ) -> Result<ServiceId, ConfigError> {
        let at = format!("{at}.introspection");
        let Some(endpoint) = &provider.introspection else {
            return Err(ConfigError::new(
                at,
                "this key is missing: the authorization server's endpoint",
            ));
        };
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

    pub(super) fn identity_pool(
        &mut self,
        at: &str,
        provider: &config::Provider,
    ) -> Result<Option<ServiceId>, ConfigError> {
        let Some(pool) = &provider.identity_pool else {
            return Ok(None);
        };
        if provider.kind != ProviderKind::Cognito {
            return Ok(None);
        }
        if !provider
            .token_use
            .iter()
            .flatten()
            .any(|held| *held == TokenUse::Id)
        {
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
                    format!("\"{}\" is not one; write \"us-east-1:1234...\"", pool.id),
                ));
            }
        };
        let uri = pool.uri.clone().unwrap_or_else(|| {
            let domain = aws_domain(region);
            format!("https://cognito-identity.{region}.{domain}/")
        });
        // The user pool's region, which may be another than the identity pool's.
        let user_region = provider.region.as_deref().unwrap_or_default();
        let protocol = IdentityPool {
            id: pool.id.clone(),
            login: format!(
                "cognito-idp.{user_region}.{}/{}",
                aws_domain(user_region),
                provider.user_pool_id.as_deref().unwrap_or_default()
            ),
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

/// Where several questions go at once.
fn batch(at: &str, decision: &config::Decision) -> Result<Option<Batch>, ConfigError> {
    let at = format!("{at}.batch");
    let Some(batch) = &decision.batch else {
        return Ok(None);
    };
    if decision.protocol != DecisionWord::Authzen {
        return Err(ConfigError::new(
            at,
            "belongs to decision points of protocol \"authzen\"",
        ));
    }
    let most = batch.most.unwrap_or(16);
    if most < 2 {
        return Err(ConfigError::new(
            format!("{at}.most"),
            "is at least 2: one question needs no batch",
        ));
    }
    let uri = &batch.uri;
    let endpoint = Endpoint::parse(uri).filter(|_| !uri.contains(['{', '}']));
    let endpoint = endpoint.ok_or_else(|| {
        ConfigError::new(
            format!("{at}.uri"),
            format!("\"{uri}\" is not an http or https URI without user and fragment"),
        )
    })?;
    let single = Endpoint::parse(&decision.uri);
    let alike = single.is_some_and(|single| {
        single.authority == endpoint.authority && single.scheme == endpoint.scheme
    });
    if !alike {
        return Err(ConfigError::new(
            format!("{at}.uri"),
            "is of the same scheme and host as the decision point's uri",
        ));
    }
    Ok(Some(Batch {
        endpoint,
        most: usize::try_from(most).unwrap_or(usize::MAX),
    }))
}
