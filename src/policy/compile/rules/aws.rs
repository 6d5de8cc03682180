//! Compiles `aws_credentials` and `aws_sigv4` of a rule.

use super::of;
use crate::config::{self, ConfigError, ProviderId};
use crate::policy::AwsSigV4;
use crate::policy::provider::Provider;
use crate::sigv4::Scope;

/// What AWS is for here; callers of every accepted provider must be able to get credentials.
pub(super) fn aws(
    at: &str,
    rule: &config::Rule,
    accepted: &[ProviderId],
    providers: &[Provider],
) -> Result<Option<AwsSigV4>, ConfigError> {
    let key = match (rule.aws_credentials, &rule.aws_sigv4) {
        (false, None) => return Ok(None),
        (_, Some(_)) => "aws_sigv4",
        (true, None) => "aws_credentials",
    };
    let poor = of(accepted, providers).find(|provider| provider.identity_pool().is_none());
    if accepted.is_empty() || poor.is_some() {
        let who = poor.map_or("nobody", |provider| provider.name.as_str());
        return Err(ConfigError::new(
            format!("{at}.{key}"),
            format!(
                "{who} has no identity_pool; name the providers that have one in the rule's require"
            ),
        ));
    }
    let Some(signed) = &rule.aws_sigv4 else {
        return Ok(None);
    };
    let sound = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    for (key, text) in [("service", &signed.service), ("region", &signed.region)] {
        if !sound(text) {
            return Err(ConfigError::new(
                format!("{at}.aws_sigv4.{key}"),
                format!("\"{text}\" is not a name of lower-case letters, digits and \"-\""),
            ));
        }
    }
    let host = |text: &String| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
    };
    if signed.host.as_ref().is_some_and(|text| !host(text)) {
        return Err(ConfigError::new(
            format!("{at}.aws_sigv4.host"),
            "is not a host",
        ));
    }
    Ok(Some(AwsSigV4 {
        scope: Scope {
            region: signed.region.clone(),
            service: signed.service.clone(),
        },
        host: signed.host.clone(),
    }))
}
