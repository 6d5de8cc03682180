//! A policy and its host: what of the configuration the host cannot do, said when it is loaded.

use super::Policy;
use crate::capabilities::{Capabilities, Facts, Waiting};
use crate::config::{ClientAddress, ConfigError, NginxHost, OverrideHeaders};
use crate::credential::Location;
use crate::headers::Headers;

/// What becomes of headers that only the filter may set, in a request that brings some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Owned {
    /// The filter removes them.
    #[default]
    Removed,
    /// The request is refused, whatever the host is told to take out: what it is told holds in one of its locations, and a
    /// forgotten line sends the client's header on. No honest client has them.
    Refused,
}

impl Policy {
    /// Fits the policy to its host.
    ///
    /// # Errors
    /// What would be unsafe there, or could never work.
    pub fn suit(&mut self, host: &Capabilities, nginx: &NginxHost) -> Result<(), ConfigError> {
        let word = host.host.word();
        self.owned = if host.removes_headers {
            Owned::Removed
        } else {
            Owned::Refused
        };
        if !self.limits.names_callouts {
            self.limits.callouts = host.callouts;
        }
        self.sets_target = host.sets_target;
        self.lets_wait = host.waiting == Waiting::Woken;
        variables(nginx.variables())?;
        self.suit_credentials(host, nginx)?;
        self.suit_certificates(host)?;
        self.suit_client_address(host)?;
        self.suit_paths(host)?;
        if let Some(rule) = self.rules.iter().find(|rule| rule.aws_sigv4.is_some())
            && !(host.sets_target && host.removes_headers)
        {
            return Err(ConfigError::new(
                format!("rules.{}.aws_sigv4", rule.name),
                format!(
                    "{word} sends targets and headers as they came, so that no signature of them holds"
                ),
            ));
        }
        if !host.tick && !self.sources.is_empty() {
            self.warnings.push(ConfigError::new(
                "host",
                format!("{word} has no timer: each worker fetches keys when a request needs them, and none before they end"),
            ));
        }
        Ok(())
    }

    /// A credential that the upstream must not see has to be taken out by somebody.
    fn suit_credentials(&self, host: &Capabilities, nginx: &NginxHost) -> Result<(), ConfigError> {
        let word = host.host.word();
        for provider in self.providers.iter().filter(|provider| !provider.forward) {
            let refuse = |what: String| {
                let at = format!("providers.{}.forward", provider.name);
                Err(ConfigError::new(at, what))
            };
            for location in &provider.locations {
                match location {
                    Location::Parameter(name) if !host.sets_target => {
                        return refuse(format!(
                            "{word} sends the query as it came: the parameter {name} can only be forwarded (true)"
                        ));
                    }
                    Location::Cookie(_) | Location::WebSocket if !host.removes_headers => {
                        return refuse(format!(
                            "{word} sends a header whole or not at all: a credential in a cookie or among subprotocols \
                             can only be forwarded (true)"
                        ));
                    }
                    Location::Header { name, .. }
                        if !host.removes_headers && !nginx.strips_headers =>
                    {
                        return refuse(format!(
                            "{word} sends {name} upstream although it is removed: forward it (true), or let nginx take \
                             it out with `proxy_set_header {name} \"\";`, have it set the filter's own headers too, and \
                             say so with \"nginx\": {{\"strips_headers\": true}}"
                        ));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// A token that is bound to a certificate needs somebody who tells which one the client has.
    fn suit_certificates(&self, host: &Capabilities) -> Result<(), ConfigError> {
        let mut providers = self.providers.iter();
        match providers.find(|provider| provider.mtls().is_some()) {
            Some(bound) if host.certificate.is_none() => Err(ConfigError::new(
                format!("providers.{}.proof_of_possession.mtls", bound.name),
                format!(
                    "{} does not tell the SHA-256 of a client's certificate, so that no token fits one",
                    host.host.word()
                ),
            )),
            _ => Ok(()),
        }
    }

    fn suit_client_address(&self, host: &Capabilities) -> Result<(), ConfigError> {
        match &self.client_address {
            ClientAddress::FilterState(_) if host.facts != Facts::FilterState => {
                Err(ConfigError::new(
                    "client_address.filter_state",
                    format!(
                        "{} has no filter state; \"proxy\" is its own word for the address",
                        host.host.word()
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// What goes upstream as it came cannot be written anew, or taken out.
    fn suit_paths(&self, host: &Capabilities) -> Result<(), ConfigError> {
        let word = host.host.word();
        let removes = self.reader.overrides == OverrideHeaders::Remove && !host.removes_headers;
        let (key, what) = match self.reader.spellings.rewriting_key() {
            Some(key) if !host.sets_target => (key, "paths"),
            _ if removes => ("override_headers", "headers"),
            _ => return Ok(()),
        };
        Err(ConfigError::new(
            format!("paths.{key}"),
            format!("{word} sends {what} upstream as they came; write \"same_rule\""),
        ))
    }

    /// Whether the filter takes headers out, as its host lets it.
    pub(crate) fn removes_headers(&self) -> bool {
        self.owned == Owned::Removed
    }

    /// Whether the request brings a header that only the filter may set, and nobody would take it out.
    pub(crate) fn refuses_headers_of(&self, head: &Headers) -> bool {
        let owned = |(name, _): (&[u8], &[u8])| self.upstream.owns(name);
        self.owned == Owned::Refused && head.iter().any(owned)
    }
}

/// Names that begin as nginx's own variables do are read-only there, and writing to one ends the instance.
fn variables(prefix: &str) -> Result<(), ConfigError> {
    const TAKEN: [&str; 8] = [
        "arg_",
        "cookie_",
        "http_",
        "proxy_",
        "request_",
        "sent_",
        "ssl_",
        "upstream_",
    ];
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let sound = prefix.ends_with('_')
        && prefix.bytes().all(plain)
        && prefix.starts_with(|first: char| first.is_ascii_lowercase());
    if sound && !TAKEN.iter().any(|taken| prefix.starts_with(taken)) {
        return Ok(());
    }
    Err(ConfigError::new(
        "nginx.variables",
        "begins names of variables that nginx does not have: lower-case letters, digits and underscores, a letter \
         first and an underscore last, such as \"auth_filter_\"",
    ))
}

#[cfg(test)]
mod tests;
