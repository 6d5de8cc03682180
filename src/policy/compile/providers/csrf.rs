//! From which sites requests may come with a credential that browsers send by themselves.

use crate::config::{self, ConfigError, Places};
use crate::credential::{Csrf, is_ambient_scheme};
use crate::possession::origin;

/// What a provider asks. Only what browsers send by themselves can come from another site unasked: passwords, which have no
/// places, are sent so.
pub(super) fn csrf(
    at: &str,
    given: Option<&config::Csrf>,
    places: Option<&Places>,
    overridden: bool,
) -> Result<Csrf, ConfigError> {
    let at = format!("{at}.csrf");
    let is_ambient = places.is_none_or(|places| {
        let mut headers = places.from_headers.iter().flatten();
        places.from_cookies.is_some()
            || headers.any(|header| is_ambient_scheme(&header.value_prefix))
    });
    let enforce = |origins| Csrf::Enforce {
        origins,
        overridden,
    };
    match given {
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
    let given = super::tokens::listed(at, given)?;
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
