//! From which sites requests may come with a credential that browsers send by themselves.

use crate::config::{self, ConfigError, ProviderKind};
use crate::credential::{Csrf, is_ambient_scheme};
use crate::possession::origin;

/// What a provider asks. Only what browsers send by themselves can come from another site unasked.
pub(super) fn csrf(
    at: &str,
    provider: &config::Provider,
    overridden: bool,
) -> Result<Csrf, ConfigError> {
    let at = format!("{at}.csrf");
    let mut headers = provider.from_headers.iter().flatten();
    let is_ambient = provider.from_cookies.is_some()
        || provider.kind == ProviderKind::Basic
        || headers.any(|header| is_ambient_scheme(&header.value_prefix));
    let enforce = |origins| Csrf::Enforce {
        origins,
        overridden,
    };
    match &provider.csrf {
        Some(_) if !is_ambient => Err(ConfigError::new(
            at,
            "is about what browsers send by themselves: it stands beside from_cookies, or in a provider of kind \"basic\"",
        )),
        None | Some(config::Csrf::Enforce) => Ok(enforce(Box::default())),
        Some(config::Csrf::Off) => Ok(Csrf::Off),
        Some(config::Csrf::Origins(given)) => {
            origins(&format!("{at}.origins"), Some(given)).map(enforce)
        }
    }
}

/// Origins in the form in which they are compared.
pub(super) fn origins(at: &str, given: Option<&[String]>) -> Result<Box<[String]>, ConfigError> {
    let given = super::listed(at, given)?;
    let given = given.iter().enumerate().map(|(index, text)| {
        let parts = text.split_once("://");
        parts
            .and_then(|(scheme, authority)| origin(scheme, authority))
            .ok_or_else(|| {
                ConfigError::new(
                    format!("{at}[{index}]"),
                    format!("\"{text}\" is not an origin, such as \"https://api.example.com\""),
                )
            })
    });
    given.collect()
}
