//! Compiles directories: the questions to them, and the parts of their answers that are read.

use std::rc::Rc;
use std::time::Duration;

use super::services::Common;
use super::{Compiled, response};
use crate::config::{self, ConfigError, DurationText, OnError};
use crate::keys::Endpoint;
use crate::policy::provider::{Directory, Parts};
use crate::services::{self, Protocol};

impl Compiled {
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
}
