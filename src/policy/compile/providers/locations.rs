//! Where a provider's tokens stand.

use crate::config::{self, ConfigError, ProviderKind};
use crate::credential::Location;
use crate::policy::compile::header_name;
use crate::text::is_token;

pub(super) fn compile(
    at: &str,
    provider: &config::Provider,
) -> Result<Box<[Location]>, ConfigError> {
    let mut locations = Vec::new();
    for (index, header) in provider.from_headers.iter().flatten().enumerate() {
        let at = format!("{at}.from_headers[{index}]");
        locations.push((at.clone(), self::header(&at, header)?));
    }
    for (index, name) in provider.from_params.iter().flatten().enumerate() {
        let at = format!("{at}.from_params[{index}]");
        if name.is_empty() {
            return Err(ConfigError::new(at, "a parameter has a name"));
        }
        locations.push((at, Location::Parameter(name.clone())));
    }
    for (index, name) in provider.from_cookies.iter().flatten().enumerate() {
        let at = format!("{at}.from_cookies[{index}]");
        // RFC 6265 §4.1.1: a token of RFC 9110 §5.6.2, like the name of a header.
        if !is_token(name) {
            return Err(ConfigError::new(
                at,
                format!("\"{name}\" is not the name of a cookie"),
            ));
        }
        locations.push((at, Location::Cookie(name.clone())));
    }
    if provider.from_websocket_protocol {
        locations.push((format!("{at}.from_websocket_protocol"), Location::WebSocket));
    }
    let given = provider.from_headers.is_some()
        || provider.from_params.is_some()
        || provider.from_cookies.is_some();
    if locations.is_empty() && given {
        return Err(ConfigError::new(
            at,
            "its tokens stand nowhere: from_headers, from_params and from_cookies are empty",
        ));
    }
    for (index, (at, location)) in locations.iter().enumerate() {
        if locations
            .iter()
            .take(index)
            .any(|(_, earlier)| earlier == location)
        {
            return Err(ConfigError::new(at, "stands twice"));
        }
    }
    Ok(if locations.is_empty() {
        Box::new([default(provider.kind)])
    } else {
        locations
            .into_iter()
            .map(|(_, location)| location)
            .collect()
    })
}

/// Where credentials of a kind stand, unless the configuration says it.
fn default(kind: ProviderKind) -> Location {
    match kind {
        ProviderKind::ApiKey => Location::Header {
            name: "x-api-key".into(),
            prefix: String::new(),
        },
        ProviderKind::Basic => Location::basic(),
        _ => Location::bearer(),
    }
}

fn header(at: &str, header: &config::FromHeader) -> Result<Location, ConfigError> {
    let name = if header.name.eq_ignore_ascii_case("authorization") {
        "authorization".to_owned()
    } else {
        header_name(&format!("{at}.name"), &header.name)?
    };
    let prefix = &header.value_prefix;
    let bare = prefix.strip_suffix(' ').unwrap_or(prefix);
    let sound = bare.bytes().all(|byte| byte.is_ascii_graphic()) && prefix != " ";
    if !sound {
        return Err(ConfigError::new(
            format!("{at}.value_prefix"),
            format!("\"{prefix}\" cannot stand before a token"),
        ));
    }
    Ok(Location::Header {
        name: name.into(),
        // One place, however providers spell it: in two spellings each credential there would be two.
        prefix: prefix.to_ascii_lowercase(),
    })
}
