//! Policy decision points.

use std::time::Duration;

use super::Compiled;
use super::services::Common;
use crate::config::{self, ConfigError, DecisionWord, DurationText};
use crate::keys::Endpoint;
use crate::policy::decision::Decision;
use crate::services::{Batch, DecisionProtocol, Protocol};

impl Compiled {
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
