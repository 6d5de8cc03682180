//! Compiles a configuration to a policy: the only validator. Afterwards nothing is looked up by name, and nothing can
//! be missing at request time.

mod claims;
mod host;
mod providers;
mod reads;
mod rules;
mod warnings;

use std::time::Duration;

use super::matcher::Matcher;
use super::readings::Reader;
use super::resource_metadata::ResourceMetadata;
use super::upstream::{PREFIX, state_names};
use super::{Limits, Policy, UpstreamHeaders};
use crate::capabilities::{Capabilities, Waiting};
use crate::config::{
    self, ClientAddress, Config, ConfigError, DisabledIdentity, DurationText, FilterState, Mode,
    OverrideHeaders, Spelling,
};
use crate::credential::Places;
use crate::keys::Seal;
use crate::text::is_token;

/// The shortest key of a seal, in bytes.
const SEAL: usize = 32;
/// How much of a second goes into hashing passwords, unless the configuration says otherwise.
const HASH_TIME: Duration = Duration::from_millis(250);

impl Policy {
    /// Compiles a configuration for a host.
    ///
    /// # Errors
    /// The first thing that does not hold together, or that would be unsafe or in vain on that host, with its JSON path and
    /// what is known there.
    pub fn compile(config: &Config, host: &Capabilities) -> Result<Self, ConfigError> {
        let providers::Compiled {
            providers,
            sources,
            mut services,
            decisions,
            warnings,
            ..
        } = providers::compile(config)?;
        let rules = rules::compile(&config.rules, &providers, &decisions)?;
        if config.paths.case == Spelling::SameRule {
            rules::tell_apart_without_case(&rules)?;
        }
        let aws = providers
            .iter()
            .any(|provider| provider.identity_pool().is_some());
        let mut upstream = upstream(&config.upstream_headers, aws)?;
        if config.paths.override_headers == OverrideHeaders::Remove {
            upstream.remove_overrides();
        }
        let reads = reads::fit(&mut services, &providers, &rules, &upstream);
        let realm = realm("realm", config.realm.as_deref().unwrap_or("api"))?;
        let mut policy = Self {
            mode: config.mode,
            realm,
            sources: sources.into(),
            services: services.into(),
            matcher: Matcher::new(rules.iter().map(|rule| &rule.route)),
            reader: Reader::new(&config.paths, &rules)?,
            rules: rules.into(),
            bypass_cors_preflight: config.bypass_cors_preflight,
            resource_metadata: config
                .resource_metadata
                .as_ref()
                .map(|resource| ResourceMetadata::compile(resource, &providers))
                .transpose()?,
            places: Places::of(providers.iter().map(|own| (&*own.locations, own.forward))),
            sets_target: host.sets_target,
            providers: providers.into(),
            upstream,
            reads,
            disabled_identity: disabled_identity(config)?,
            client_address: client_address(config)?,
            digest: None,
            seal: seal(config)?,
            limits: limits(&config.limits, host)?,
            removes_headers: host.removes_headers,
            lets_wait: host.waiting == Waiting::Woken,
            warnings,
        };
        policy.fit(host, &config.nginx)?;
        policy.try_tests(&config.tests)?;
        let more = warnings::of(config, &policy);
        policy.warnings.extend(more);
        Ok(policy)
    }
}

/// A protection space (RFC 9110 §11.5) that can stand between quotes.
fn realm(at: &str, realm: &str) -> Result<String, ConfigError> {
    let sound = !realm.is_empty()
        && realm
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte));
    if sound {
        Ok(realm.to_owned())
    } else {
        Err(ConfigError::new(
            at,
            "a realm is printable ASCII without quotes and backslashes",
        ))
    }
}

fn disabled_identity(config: &Config) -> Result<Option<DisabledIdentity>, ConfigError> {
    if config.disabled_identity.is_some() && config.mode != Mode::Disabled {
        return Err(ConfigError::new(
            "disabled_identity",
            "is for mode \"disabled\" only: elsewhere callers say who they are",
        ));
    }
    Ok(config.disabled_identity.clone())
}

/// Without the key the proxy's word does not count: in Envoy anybody can write it, unless `use_remote_address` is true.
/// The seal of what VMs share.
fn seal(config: &Config) -> Result<Option<Seal>, ConfigError> {
    let Some(shared) = &config.shared_data else {
        return Ok(None);
    };
    let at = "shared_data.key";
    let key = shared.key.reveal(at)?.reveal();
    if key.len() < SEAL {
        return Err(ConfigError::new(
            at,
            format!("has {} bytes; a key has at least {SEAL}", key.len()),
        ));
    }
    Ok(Some(Seal::new(key)))
}

fn client_address(config: &Config) -> Result<ClientAddress, ConfigError> {
    let address = config.client_address.as_ref();
    match address {
        Some(ClientAddress::FilterState(name))
            if name.is_empty() || name.chars().any(char::is_control) =>
        {
            Err(ConfigError::new(
                "client_address.filter_state",
                "a name in the filter state is not empty and has no control character",
            ))
        }
        _ => Ok(address.cloned().unwrap_or(ClientAddress::Nobody)),
    }
}

fn limits(limits: &config::Limits, host: &Capabilities) -> Result<Limits, ConfigError> {
    let number = |key: &str, value: Option<u32>, fallback: u32| match value {
        Some(0) => Err(ConfigError::new(
            format!("limits.{key}"),
            "0 lets nothing through; the least is 1",
        )),
        other => Ok(usize::try_from(other.unwrap_or(fallback)).unwrap_or(usize::MAX)),
    };
    let any = |value: Option<u32>, fallback: u32| {
        usize::try_from(value.unwrap_or(fallback)).unwrap_or(usize::MAX)
    };
    let hold = limits.hold.map_or(Duration::from_secs(10), |hold| hold.0);
    if hold.is_zero() {
        return Err(ConfigError::new(
            "limits.hold",
            "a request must be allowed to wait; the least is 1ms",
        ));
    }
    let share = |key: &str, value: Option<DurationText>, fallback| match value {
        Some(DurationText(Duration::ZERO)) => Err(ConfigError::new(
            format!("limits.{key}"),
            "without time for signatures nobody new gets in; the least is 1ms",
        )),
        other => Ok(other.map_or_else(|| Duration::from_millis(fallback), |text| text.0)),
    };
    let hash_time = limits.hash_time.map_or(HASH_TIME, |time| time.0);
    if hash_time.is_zero() {
        return Err(ConfigError::new(
            "limits.hash_time",
            "without time for hashes no password opens; the least is 1ms",
        ));
    }
    Ok(Limits {
        token_bytes: number("token_bytes", limits.token_bytes, 16_384)?,
        callouts: number("callouts", limits.callouts, host.callouts)?,
        held_bytes: number("held_bytes", limits.held_bytes, 32 << 20)?,
        held_requests: number("held_requests", limits.held_requests, 1024)?,
        service_cache_entries: number(
            "service_cache_entries",
            limits.service_cache_entries,
            10_000,
        )?,
        service_cache_bytes: number("service_cache_bytes", limits.service_cache_bytes, 32 << 20)?,
        shared_entries: number("shared_entries", limits.shared_entries, 1024)?,
        hold,
        hash_time,
        token_cache_entries: any(limits.token_cache_entries, 1000),
        token_cache_bytes: any(limits.token_cache_bytes, 4 << 20),
        signature_time: share("signature_time", limits.signature_time, 500)?,
        proof_time: share("proof_time", limits.proof_time, 250)?,
    })
}

fn upstream(headers: &config::UpstreamHeaders, aws: bool) -> Result<UpstreamHeaders, ConfigError> {
    let prefix = headers.prefix.as_deref().unwrap_or(PREFIX);
    let prefix = header_name("upstream_headers.prefix", prefix)?;
    let mut upstream = UpstreamHeaders::new(&prefix, aws);
    let facts: Option<&[String]> = match &headers.filter_state {
        FilterState::All => None,
        FilterState::Facts(facts) => Some(facts),
        FilterState::Nothing => Some(&[]),
    };
    if let Some(facts) = facts {
        upstream.narrow_state(facts).map_err(|(place, fact)| {
            let known: Vec<_> = state_names().collect();
            ConfigError::unknown(
                format!("upstream_headers.filter_state[{place}]"),
                &format!("\"{fact}\" is not a fact about a caller"),
                known.iter().map(String::as_str),
            )
        })?;
    }
    for (name, claim) in headers.claims.iter() {
        let at = format!("upstream_headers.claims.{name}");
        let name = header_name(&at, name)?;
        let path = providers::claim_path(&at, claim)?;
        if upstream.owns(name.as_bytes()) {
            return Err(ConfigError::new(at, "another entry sets this header"));
        }
        upstream.add_claim(name, path);
    }
    for (name, member) in headers.profile.iter() {
        let at = format!("upstream_headers.profile.{name}");
        let name = header_name(&at, name)?;
        let path = providers::claim_path(&at, member)?;
        if upstream.owns(name.as_bytes()) {
            return Err(ConfigError::new(at, "another entry sets this header"));
        }
        upstream.add_profile(name, path);
    }
    if let Some(payload) = &headers.payload {
        let name = header_name("upstream_headers.payload", payload)?;
        if upstream.owns(name.as_bytes()) {
            return Err(ConfigError::new(
                "upstream_headers.payload",
                "another entry sets this header",
            ));
        }
        upstream.set_payload(name);
    }
    Ok(upstream)
}

/// A header's name in lower case (RFC 9110 §5.1), and not one that carries the request itself.
fn header_name(at: &str, name: &str) -> Result<String, ConfigError> {
    const KEPT: [&str; 8] = [
        "host",
        "authorization",
        "cookie",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
    ];
    let lower = name.to_ascii_lowercase();
    if !is_token(&lower) {
        return Err(ConfigError::new(
            at,
            format!("\"{name}\" is not a header name"),
        ));
    }
    if KEPT.contains(&lower.as_str()) {
        return Err(ConfigError::new(
            at,
            format!("\"{name}\" is the request's own header"),
        ));
    }
    Ok(lower)
}

#[cfg(test)]
mod tests;
