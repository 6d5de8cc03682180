//! Names of parameters and cookies, as servers fold them.

use std::borrow::Cow;

use crate::text::percent_decode_leniently;

/// Whether a server may take a name that was sent for this one. PHP takes dots, blanks and brackets in names for `_`, makes
/// arrays of what has brackets behind it, and ends names at a NUL; others do not tell letters by their case.
pub(crate) fn is_read_as(sent: &[u8], name: &str) -> bool {
    if sent == name.as_bytes() {
        return true;
    }
    // Most names are shorter or longer than this one in any spelling.
    if sent.len() < name.len() {
        return false;
    }
    let decoded = if sent.contains(&b'%') {
        Cow::Owned(percent_decode_leniently(sent))
    } else {
        Cow::Borrowed(sent)
    };
    let begun = |byte: &u8| !matches!(byte, b' ' | b'+');
    let from = decoded.iter().position(begun).unwrap_or(decoded.len());
    let decoded = decoded.get(from..).unwrap_or_default();
    let end = decoded.iter().position(|byte| *byte == 0);
    let decoded = decoded
        .get(..end.unwrap_or(decoded.len()))
        .unwrap_or_default();
    let is = |sent: &[u8]| {
        let folds = |(sent, own): (&u8, u8)| fold(*sent) == fold(own);
        sent.len() == name.len() && sent.iter().zip(name.bytes()).all(folds)
    };
    let bracket = decoded.iter().position(|byte| *byte == b'[');
    is(decoded) || bracket.and_then(|at| decoded.get(..at)).is_some_and(is)
}

const fn fold(byte: u8) -> u8 {
    match byte {
        b'.' | b' ' | b'+' | b'[' | b'_' => b'_',
        byte => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_servers_take_for_one_name_are_one() {
        for sent in [
            "access_token",
            "ACCESS_TOKEN",
            "access.token",
            "access token",
            "access+token",
            "access%20token",
            "access[token",
            "access_token[]",
            "access_token[0]",
            "access_token%5B%5D",
            "access.token[x",
            " access_token",
            "+access_token",
            "access%5ftoken",
            "access_token%00x",
            "%61ccess_token",
            "%61ccess_token%00%zz",
        ] {
            assert!(is_read_as(sent.as_bytes(), "access_token"), "{sent}");
        }
        for sent in [
            "",
            "access",
            "access_tokens",
            "xaccess_token",
            "access-token",
            "accesstoken",
            "access_token]",
            "access[]token",
            "x[access_token]",
            "access_toke%",
        ] {
            assert!(!is_read_as(sent.as_bytes(), "access_token"), "{sent}");
        }
        // A name may have such bytes of its own.
        assert!(is_read_as(b"my_token", "my.token"));
        assert!(is_read_as(b"__host-session", "__Host-session"));
    }
}
