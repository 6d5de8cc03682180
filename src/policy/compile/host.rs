//! Refuses and warns of what a host cannot do for a configuration, or would do in an unsafe way.

use crate::capabilities::{Capabilities, IdentityOutput};
use crate::config::{ClientAddress, ConfigError, NginxHost, OverrideHeaders};
use crate::credential::{Location, Named};
use crate::policy::Policy;

impl Policy {
    /// Refuses what would be unsafe on the host, or could never work there, and warns of what is worse there.
    ///
    /// # Errors
    /// The first such thing, with its place.
    pub(super) fn fit(
        &mut self,
        host: &Capabilities,
        nginx: &NginxHost,
    ) -> Result<(), ConfigError> {
        let word = host.host.word();
        variables(nginx.variables())?;
        self.fit_credentials(host, nginx)?;
        self.fit_certificates(host)?;
        self.fit_client_address(host)?;
        self.fit_paths(host)?;
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
    fn fit_credentials(&self, host: &Capabilities, nginx: &NginxHost) -> Result<(), ConfigError> {
        let word = host.host.word();
        for provider in self.providers.iter().filter(|provider| !provider.forward) {
            let refuse = |what: String| {
                let at = format!("providers.{}.forward", provider.name);
                Err(ConfigError::new(at, what))
            };
            for location in &provider.locations {
                match location {
                    Location::Parameter(Named { name, .. }) if !host.sets_target => {
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
    fn fit_certificates(&self, host: &Capabilities) -> Result<(), ConfigError> {
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

    fn fit_client_address(&self, host: &Capabilities) -> Result<(), ConfigError> {
        match &self.client_address {
            ClientAddress::FilterState(_)
                if host.identity_output != IdentityOutput::FilterState =>
            {
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
    fn fit_paths(&self, host: &Capabilities) -> Result<(), ConfigError> {
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
        "must be a prefix of lower-case letters, digits and underscores that begins with a letter and ends with an underscore, \
         such as \"auth_filter_\"; \"http_\" and the like are reserved by nginx",
    ))
}

#[cfg(test)]
mod tests;
