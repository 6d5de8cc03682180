//! Where a caller's lists and profile come from.

use super::claim_path;
use crate::config::{self, ConfigError, FromGroups, ProfileSource};
use crate::policy::provider::{Directory, Overage, Source};

/// The directories whose profiles a provider's callers have.
pub(super) fn profile(
    at: &str,
    given: &[ProfileSource],
    directories: &[(String, Directory)],
) -> Result<Box<[Directory]>, ConfigError> {
    if given.is_empty() {
        return Err(ConfigError::new(
            format!("{at}.profile"),
            "an empty list gives nothing; leave the key out or fill it",
        ));
    }
    let named = given.iter().enumerate().map(|(index, source)| {
        let at = format!("{at}.profile[{index}].directory");
        directory(&at, "profile", &source.directory, directories)
    });
    named.collect()
}

/// Each directory that some list comes from, once, where it knows profiles.
pub(super) fn named(lists: [&[Source]; 3], overage: Option<Overage>) -> Box<[Directory]> {
    let mut all: Vec<Directory> = Vec::new();
    let sources = lists.into_iter().flatten();
    let sources = sources.filter_map(|source| match source {
        Source::Directory(directory) => Some(*directory),
        _ => None,
    });
    let overage = overage.and_then(|overage| match overage {
        Overage::Ask(directory) => Some(directory),
        Overage::Deny => None,
    });
    for directory in sources.chain(overage) {
        let known = |other: &Directory| other.service == directory.service;
        if directory.knows.profile && !all.iter().any(known) {
            all.push(directory);
        }
    }
    all.into()
}

/// A directory by its name, of which this part is wanted.
pub(in crate::policy::compile::providers) fn directory(
    at: &str,
    part: &str,
    name: &str,
    directories: &[(String, Directory)],
) -> Result<Directory, ConfigError> {
    let found = by_name(at, name, directories)?;
    if found.knows.has(part) {
        Ok(found)
    } else {
        Err(ConfigError::new(
            at,
            format!("directories.{name}.response says nothing of {part}"),
        ))
    }
}

fn by_name(
    at: &str,
    name: &str,
    directories: &[(String, Directory)],
) -> Result<Directory, ConfigError> {
    directories
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, directory)| *directory)
        .ok_or_else(|| {
            ConfigError::unknown(
                at,
                &format!("\"{name}\" is not a directory"),
                directories.iter().map(|(known, _)| known.as_str()),
            )
        })
}

/// One source of a list, which has exactly one of its keys.
pub(super) fn value_source(
    at: &str,
    key: &str,
    source: &config::Source,
    directories: &[(String, Directory)],
) -> Result<Source, ConfigError> {
    let config::Source {
        claim,
        directory: named,
        from_groups,
        fixed,
    } = source;
    match (claim, named, from_groups, fixed) {
        (Some(claim), None, None, None) => {
            claim_path(&format!("{at}.claim"), claim).map(Source::Claim)
        }
        (None, Some(_), None, None) if key == "scopes" => Err(ConfigError::new(
            format!("{at}.directory"),
            "scopes are the token's; a directory has groups, roles and permissions",
        )),
        (None, Some(name), None, None) => {
            directory(&format!("{at}.directory"), key, name, directories).map(Source::Directory)
        }
        (None, None, Some(_), None) if key == "groups" => Err(ConfigError::new(
            format!("{at}.from_groups"),
            "groups cannot come from groups",
        )),
        (None, None, Some(FromGroups::Same), None) => Ok(Source::Groups),
        (None, None, Some(FromGroups::Mapped(map)), None) => {
            let map = map.iter();
            let mut map: Box<[_]> = map
                .map(|(group, given)| (group.to_owned(), given.clone()))
                .collect();
            map.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            Ok(Source::MappedGroups(map))
        }
        (None, None, None, Some(given)) => Ok(Source::Static(given.clone().into())),
        _ => Err(ConfigError::new(
            at,
            "takes exactly one of claim, directory, from_groups, static",
        )),
    }
}
