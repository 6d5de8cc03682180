//! Tokens in headers, after a prefix such as `Bearer `.

use super::CredentialError;
use crate::headers::Headers;

/// The value behind the prefix; `None` where the header is missing, empty, or about something else.
///
/// # Errors
/// [`CredentialError::Ambiguous`] for a header that occurs twice, also where the host has joined the values with a comma as
/// Envoy does; [`CredentialError::Malformed`] for a scheme with nothing behind it.
pub(super) fn read<'h>(
    head: &'h Headers,
    name: &str,
    prefix: &str,
) -> Result<Option<&'h [u8]>, CredentialError<'static>> {
    let mut values = head.all(name);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(CredentialError::Ambiguous);
    }
    let value = value.trim_ascii();
    match prefix.strip_suffix(' ') {
        Some(scheme) => behind_scheme(value, scheme.as_bytes()),
        None => Ok(behind(value, prefix.as_bytes()).filter(|rest| !rest.is_empty())),
    }
}

/// What stands behind a prefix, compared without case.
pub(super) fn behind<'h>(value: &'h [u8], prefix: &[u8]) -> Option<&'h [u8]> {
    let (start, rest) = value.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn behind_scheme<'h>(
    value: &'h [u8],
    scheme: &[u8],
) -> Result<Option<&'h [u8]>, CredentialError<'static>> {
    if !scheme_of(value).eq_ignore_ascii_case(scheme) {
        let joined = value.split(|byte| *byte == b',').skip(1);
        let hidden = joined
            .map(|part| scheme_of(part.trim_ascii()))
            .any(|other| other.eq_ignore_ascii_case(scheme));
        return if hidden {
            Err(CredentialError::Ambiguous)
        } else {
            Ok(None)
        };
    }
    // At least one space parts the scheme from the token (RFC 9110 §11.4); a tab does not.
    let rest = value.get(scheme.len()..).unwrap_or_default();
    let mut token = rest.strip_prefix(b" ").ok_or(CredentialError::Malformed)?;
    while let Some(rest) = token.strip_prefix(b" ") {
        token = rest;
    }
    Ok(Some(token))
}

fn scheme_of(credential: &[u8]) -> &[u8] {
    credential
        // Some servers take blanks of Unicode for blanks.
        .split(|byte| !byte.is_ascii_graphic())
        .next()
        .unwrap_or_default()
}
