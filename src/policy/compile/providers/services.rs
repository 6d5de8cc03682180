//! Compiles services, with what services of all kinds have in common.

use std::rc::Rc;
use std::time::Duration;

use super::{Compiled, headers};
use crate::config::{self, ConfigError, DurationText, SecretText};
use crate::json::UniqueMap;
use crate::keys::Endpoint;
use crate::services::{Protocol, Service, ServiceId};

/// What services of all kinds have.
pub(super) struct Common<'c> {
    pub(super) name: String,
    pub(super) uri: &'c str,
    pub(super) upstream: Option<&'c String>,
    pub(super) headers: Option<&'c UniqueMap<SecretText>>,
    pub(super) timeout: Option<DurationText>,
    pub(super) default_timeout: u64,
    pub(super) cache_duration: Option<DurationText>,
    pub(super) negative_cache_duration: Option<DurationText>,
}

impl Compiled {
    pub(super) fn service(
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
}
