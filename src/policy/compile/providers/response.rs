//! `response` of directories: where in an answer the parts of an entry stand.

use crate::config::{ConfigError, DirectoryResponse, Extract, ProfileExtract};
use crate::json::Pointer;
use crate::services;

/// Compiles the JSON Pointers of `response` to a mapping.
pub(super) fn compile(
    at: &str,
    response: &DirectoryResponse,
) -> Result<services::Mapping, ConfigError> {
    let at = format!("{at}.response");
    let part = |key: &str, extract: &Option<Extract>| {
        let at = format!("{at}.{key}");
        extract.as_ref().map(|given| list(&at, given)).transpose()
    };
    let mut mapping = services::Mapping {
        groups: part("groups", &response.groups)?,
        roles: part("roles", &response.roles)?,
        permissions: part("permissions", &response.permissions)?,
        ..services::Mapping::default()
    };
    let at_profile = format!("{at}.profile");
    match &response.profile {
        None => {}
        Some(ProfileExtract::Whole(text)) => {
            mapping.whole_profile = Some(pointer(&at_profile, text)?);
        }
        Some(ProfileExtract::Members(members)) if members.is_empty() => {
            return Err(ConfigError::new(
                at_profile,
                "an empty object reads nothing; leave the key out or fill it",
            ));
        }
        Some(ProfileExtract::Members(members)) => {
            let members = members.iter().map(|(name, text)| {
                let pointer = pointer(&format!("{at_profile}.{name}"), text)?;
                Ok((name.to_owned(), pointer))
            });
            mapping.profile = members.collect::<Result<_, ConfigError>>()?;
        }
    }
    if mapping == services::Mapping::default() {
        return Err(ConfigError::new(
            at,
            "names nothing, and so nothing would be read; leave the key out or fill it",
        ));
    }
    Ok(mapping)
}

fn list(at: &str, extract: &Extract) -> Result<services::Extract, ConfigError> {
    match extract {
        Extract::Values(text) => Ok(services::Extract {
            list: pointer(at, text)?,
            item: None,
        }),
        Extract::Items(items) => Ok(services::Extract {
            list: pointer(&format!("{at}.list"), &items.list)?,
            item: Some(pointer(&format!("{at}.item"), &items.item)?),
        }),
    }
}

fn pointer(at: &str, text: &str) -> Result<Pointer, ConfigError> {
    Pointer::parse(text).ok_or_else(|| {
        ConfigError::new(
            at,
            format!(
                "\"{text}\" is not a JSON Pointer: it is empty or begins with \"/\", with \"~0\" for \"~\" and \"~1\" for \"/\" in names"
            ),
        )
    })
}
