//! Compiles the places where a provider's tokens are read.

use crate::config::{self, ConfigError, Foreign, Places};
use crate::credential::{Location, Named};
use crate::policy::compile::header_name;
use crate::text::is_token;

/// The places that a configuration names, and the kind's own header unless it names headers.
pub(super) fn compile(
    at: &str,
    places: Option<&Places>,
    own: Location,
) -> Result<Box<[Location]>, ConfigError> {
    let Some(places) = places else {
        return Ok(Box::new([own]));
    };
    let mut locations = Vec::new();
    if places.from_headers.is_none() {
        locations.push((at.to_owned(), own));
    }
    for (index, header) in places.from_headers.iter().flatten().enumerate() {
        let at = format!("{at}.from_headers[{index}]");
        locations.push((at.clone(), self::header(&at, header)?));
    }
    for (index, given) in places.from_params.iter().flatten().enumerate() {
        let at = format!("{at}.from_params[{index}]");
        if given.0.name.is_empty() {
            return Err(ConfigError::new(at, "a parameter has a name"));
        }
        locations.push((at.clone(), Location::Parameter(named(&at, &given.0)?)));
    }
    for (index, given) in places.from_cookies.iter().flatten().enumerate() {
        let at = format!("{at}.from_cookies[{index}]");
        // RFC 6265 §4.1.1: a token of RFC 9110 §5.6.2, like the name of a header.
        if !is_token(&given.0.name) {
            return Err(ConfigError::new(
                at,
                format!("\"{}\" is not the name of a cookie", given.0.name),
            ));
        }
        locations.push((at.clone(), Location::Cookie(named(&at, &given.0)?)));
    }
    if places.from_websocket_protocol {
        locations.push((format!("{at}.from_websocket_protocol"), Location::WebSocket));
    }
    if locations.is_empty() {
        return Err(ConfigError::new(
            format!("{at}.from_headers"),
            "no token location left: without headers, tokens need from_params, from_cookies or from_websocket_protocol",
        ));
    }
    for (index, (at, location)) in locations.iter().enumerate() {
        if locations
            .iter()
            .take(index)
            .any(|(_, earlier)| earlier == location)
        {
            return Err(ConfigError::new(at, "is listed twice"));
        }
    }
    let locations = locations.into_iter();
    Ok(locations.map(|(_, location)| location).collect())
}

fn header(at: &str, header: &config::FromHeader) -> Result<Location, ConfigError> {
    let name = if header.name.eq_ignore_ascii_case("authorization") {
        "authorization".to_owned()
    } else {
        header_name(&format!("{at}.name"), &header.name)?
    };
    Ok(Location::Header {
        name: name.into(),
        prefix: prefix(at, header)?,
    })
}

fn named(at: &str, given: &config::FromHeader) -> Result<Named, ConfigError> {
    Ok(Named {
        name: given.name.clone(),
        prefix: prefix(at, given)?,
    })
}

/// What stands before a token, as it is compared: in two spellings each credential there would be two.
#[inline(never)]
fn prefix(at: &str, given: &config::FromHeader) -> Result<String, ConfigError> {
    let prefix = &given.value_prefix;
    let bare = prefix.strip_suffix(' ').unwrap_or(prefix);
    if bare.bytes().all(|byte| byte.is_ascii_graphic()) && prefix != " " {
        return Ok(prefix.to_ascii_lowercase());
    }
    Err(ConfigError::new(
        format!("{at}.value_prefix"),
        format!("\"{prefix}\" cannot stand before a token"),
    ))
}

/// What becomes of the application's own tokens in a header. Only beside what browsers send by themselves there can be any.
pub(super) fn forwards_foreign(at: &str, places: &Places) -> Result<bool, ConfigError> {
    if places.foreign.is_some() && places.from_cookies.is_none() {
        return Err(ConfigError::new(
            format!("{at}.foreign"),
            "is about tokens in a header beside a cookie that holds: it stands beside from_cookies",
        ));
    }
    Ok(places.foreign == Some(Foreign::Forward))
}
