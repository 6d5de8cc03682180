//! Compiles `match`: the conditions on a request for a rule to decide it.

use regex_lite::{Regex, RegexBuilder};

use super::non_empty;
use crate::config::{self, ConfigError};
use crate::policy::compile::claims;
use crate::policy::path::{CanonicalPath, MatchPath, Template, expression};
use crate::policy::route::{MatchHost, Route};
use crate::text::is_token;

pub(super) fn route(at: &str, matches: &config::Match) -> Result<Route, ConfigError> {
    let path = path(at, matches)?;
    let methods = matches.methods.as_deref().unwrap_or_default();
    non_empty(&format!("{at}.methods"), matches.methods.as_deref())?;
    for (index, method) in methods.iter().enumerate() {
        let at = format!("{at}.methods[{index}]");
        if !is_token(method) {
            return Err(ConfigError::new(
                at,
                format!("\"{method}\" is not a method"),
            ));
        }
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(ConfigError::new(
                at,
                format!(
                    "methods are compared with case; write \"{}\"",
                    method.to_ascii_uppercase()
                ),
            ));
        }
    }
    non_empty(&format!("{at}.hosts"), matches.hosts.as_deref())?;
    let hosts = matches.hosts.iter().flatten().enumerate();
    let hosts = hosts.map(|(index, host)| {
        MatchHost::parse(host).ok_or_else(|| {
            ConfigError::new(
                format!("{at}.hosts[{index}]"),
                format!("\"{host}\" is not a host; write \"example.com\" or \"*.example.com\""),
            )
        })
    });
    Ok(Route {
        path,
        methods: methods.into(),
        hosts: hosts.collect::<Result<_, _>>()?,
        headers: claims::headers(&format!("{at}.headers"), &matches.headers)?,
    })
}

fn path(at: &str, matches: &config::Match) -> Result<MatchPath, ConfigError> {
    let given = [
        ("path", &matches.path),
        ("path_prefix", &matches.path_prefix),
        ("path_template", &matches.path_template),
        ("path_regex", &matches.path_regex),
    ];
    let mut given = given
        .iter()
        .filter_map(|(key, value)| Some((*key, value.as_deref()?)));
    let (Some((key, text)), rest) = (given.next(), given.next()) else {
        return Ok(MatchPath::Any);
    };
    if rest.is_some() {
        return Err(ConfigError::new(
            at,
            "takes one of path, path_prefix, path_template and path_regex",
        ));
    }
    let at = format!("{at}.{key}");
    match key {
        "path" => literal(&at, text).map(MatchPath::Exact),
        "path_prefix" => literal(&at, text).map(MatchPath::Prefix),
        "path_template" => template(&at, text).map(MatchPath::Template),
        _ => regex(&at, text).map(MatchPath::Regex),
    }
}

/// A path that means itself: what means more elsewhere is meant here by nobody.
fn literal(at: &str, text: &str) -> Result<Vec<u8>, ConfigError> {
    let sign = if text.contains('*') {
        Some("*")
    } else if text.contains('{') {
        Some("{")
    } else if text.split('/').any(|segment| segment.starts_with(':')) {
        Some(":")
    } else {
        None
    };
    match sign {
        Some(sign) => Err(ConfigError::new(
            at,
            format!(
                "a {sign} stands for itself here; write path_template, with {{name}} for a segment and ** for the rest, or path_regex where it is meant"
            ),
        )),
        None => path_bytes(at, text),
    }
}

fn template(at: &str, text: &str) -> Result<Template, ConfigError> {
    // Braces and stars are the template's own; what remains must be canonical.
    let plain = path_bytes(at, text)?;
    let plain =
        String::from_utf8(plain).map_err(|_| ConfigError::new(at, "is not UTF-8 when decoded"))?;
    Template::parse(&plain).map_err(|error| ConfigError::new(at, error.to_string()))
}

/// An expression for the whole path: anchors of one's own are not needed, and change nothing.
fn regex(at: &str, text: &str) -> Result<Regex, ConfigError> {
    let expression = RegexBuilder::new(&format!("^(?:{text})$"))
        .size_limit(1 << 20)
        .build()
        .map_err(|error| ConfigError::new(at, format!("is not an expression: {error}")))?;
    let states = expression::states(text);
    if states > expression::MOST_STATES {
        return Err(ConfigError::new(
            at,
            format!(
                "takes too long for long paths: its counts multiply to {states} states, and {} are the most; count less, or write * or +",
                expression::MOST_STATES
            ),
        ));
    }
    Ok(expression)
}

fn path_bytes(at: &str, path: &str) -> Result<Vec<u8>, ConfigError> {
    if path.contains([';', '?']) {
        return Err(ConfigError::new(
            at,
            "a path without query and parameters is matched; leave out what follows ? and ;",
        ));
    }
    CanonicalPath::parse(path.as_bytes())
        .map(|path| path.as_bytes().to_vec())
        .map_err(|_| {
            ConfigError::new(
                at,
                format!(
                    "\"{path}\" is not a path that starts with / and can be read in one way only"
                ),
            )
        })
}
