//! Small, total functions over bytes: percent-decoding of paths, percent-encoding of header values.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The value of one hexadecimal digit.
fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// Decodes percent triplets (RFC 3986 §2.1) once. `None` where a `%` is not followed by two hexadecimal digits.
#[must_use]
pub fn percent_decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            out.push(first);
            continue;
        }
        let (high, low) = (hex(*tail.first()?)?, hex(*tail.get(1)?)?);
        out.push(high << 4 | low);
        rest = tail.get(2..)?;
    }
    Some(out)
}

/// Decodes each triplet that is one, and leaves all else as it stands, as PHP does.
#[must_use]
pub fn percent_decode_leniently(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        let triplet = tail.get(..2).filter(|_| first == b'%');
        let decoded = triplet.and_then(|digits| match digits {
            [high, low] => Some(hex(*high)? << 4 | hex(*low)?),
            _ => None,
        });
        out.push(decoded.unwrap_or(first));
        rest = match decoded {
            Some(_) => tail.get(2..).unwrap_or_default(),
            None => tail,
        };
    }
    out
}

/// Appends `value` to `out` so that it is safe in a header: bytes outside visible ASCII, `%` and the bytes
/// of `also` become percent triplets. No claim can end a header line or an item of a list.
pub fn push_header_text(out: &mut String, value: &str, also: &[u8]) {
    for byte in value.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' && !also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Appends `value` to `out` with everything but the unreserved characters of RFC 3986 §2.3 as percent triplets: a
/// segment of a path, a value of a query or of a form.
pub fn push_form_text(out: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// One value, percent-encoded for a header.
#[must_use]
pub fn header_text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    push_header_text(&mut out, value, b"");
    out
}

/// A list as one header value: items percent-encoded, commas within them too, joined by commas.
#[must_use]
pub fn header_list<'i>(items: impl IntoIterator<Item = &'i str>) -> String {
    let mut out = String::new();
    for item in items {
        if !out.is_empty() {
            out.push(',');
        }
        push_header_text(&mut out, item, b",");
    }
    out
}

/// The longest text of a log and of filter state, in bytes, and of a path there.
pub const LONGEST_TOLD: usize = 128;
/// The same of a path.
pub const LONGEST_PATH_TOLD: usize = 256;

/// What stands at the end of a text that was cut: no percent triplet, so that no whole text ends so.
const CUT: &str = "%...";

/// A percent-encoded text of so many bytes at the most, with a mark where it was longer.
#[must_use]
pub fn cut(encoded: &str, most: usize) -> Cow<'_, str> {
    if encoded.len() <= most {
        return Cow::Borrowed(encoded);
    }
    let end = most.saturating_sub(CUT.len());
    let whole = encoded.get(..end).unwrap_or_default();
    // Not within a triplet.
    let from = whole.len().saturating_sub(2);
    let begun = whole.get(from..).and_then(|tail| tail.find('%'));
    let whole = begun.and_then(|at| whole.get(..from.saturating_add(at)));
    Cow::Owned(
        [
            whole.unwrap_or_else(|| encoded.get(..end).unwrap_or_default()),
            CUT,
        ]
        .concat(),
    )
}

/// Bytes that somebody has sent as a text of a log's line: no blank, no quote, no end of a line.
#[must_use]
pub fn log_text(bytes: &[u8], most: usize) -> String {
    let mut out = String::new();
    for byte in bytes.iter().take(most.saturating_add(1)) {
        if byte.is_ascii_graphic() && !b"%\"\\".contains(byte) {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    cut(&out, most).into_owned()
}

/// Whether the text is a `token` (RFC 9110 §5.6.2): the name of a header, a cookie or a method.
#[must_use]
pub fn is_token(text: impl AsRef<[u8]>) -> bool {
    let text = text.as_ref();
    !text.is_empty()
        && text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// A byte of a header's name as servers have it that take names without case, and all but letters and digits for one sign
/// (CGI: RFC 3875 §4.1.18).
#[must_use]
pub const fn folded(byte: u8) -> u8 {
    match byte.to_ascii_lowercase() {
        letter @ (b'a'..=b'z' | b'0'..=b'9') => letter,
        _ => b'-',
    }
}

/// Whether two names of headers are one to such servers.
#[must_use]
pub fn is_folded(own: &[u8], held: &[u8]) -> bool {
    let mut bytes = own.iter().zip(held);
    own.len() == held.len() && bytes.all(|(own, held)| folded(*own) == folded(*held))
}

/// Writes bytes in lower-case hexadecimal.
#[must_use]
pub fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().fold(
        String::with_capacity(bytes.len().saturating_mul(2)),
        |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        },
    )
}

/// The bytes of hexadecimal text in either case; `None` for anything else.
#[must_use]
pub fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(hex(*high)? << 4 | hex(*low)?);
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_triplets_are_decoded_once() {
        let cases: &[(&str, Option<&[u8]>)] = &[
            ("/a", Some(b"/a")),
            ("/%61%2F", Some(b"/a/")),
            ("%2561", Some(b"%61")),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%+1", None),
        ];
        for (input, want) in cases {
            assert_eq!(
                percent_decode(input.as_bytes()).as_deref(),
                *want,
                "{input}"
            );
        }
    }

    #[test]
    fn what_is_no_triplet_stays() {
        for (input, want) in [
            ("a%41b", "aAb"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%%41", "%A"),
            ("%00%zz", "\0%zz"),
        ] {
            assert_eq!(percent_decode_leniently(input.as_bytes()), want.as_bytes());
        }
    }

    #[test]
    fn a_value_stays_within_its_segment_or_parameter() {
        let mut out = String::new();
        push_form_text(&mut out, "a/b?c=d&e f%~Z\u{eb}");
        assert_eq!(out, "a%2Fb%3Fc%3Dd%26e%20f%25~Z%C3%AB");
    }

    #[test]
    fn what_is_cut_says_so_and_is_no_whole_text() {
        for (text, most, want) in [
            ("abcdefgh", 8, "abcdefgh"),
            ("abcdefghi", 8, "abcd%..."),
            ("ab%41%42x", 8, "ab%..."),
            ("abc%41%42", 8, "abc%..."),
            ("a%41%42%43", 8, "a%41%..."),
            ("", 8, ""),
        ] {
            assert_eq!(cut(text, most), want);
        }
    }

    #[test]
    fn no_text_of_a_log_ends_its_line_or_its_quotes() {
        assert_eq!(
            log_text(b"/a b\"\r\n\x1b\\\xff%", 64),
            "/a%20b%22%0D%0A%1B%5C%FF%25"
        );
        let long = log_text(&[b'\n'; 1000], LONGEST_PATH_TOLD);
        assert!(
            long.len() <= LONGEST_PATH_TOLD && long.ends_with("%0A%..."),
            "{long}"
        );
        assert_eq!(log_text(&[b'a'; 128], 128).len(), 128);
        assert!(log_text(&[b'a'; 129], 128).ends_with("a%..."));
    }

    #[test]
    fn nothing_that_ends_a_header_line_survives() {
        assert_eq!(header_text("a\r\nX-Evil: 1"), "a%0D%0AX-Evil:%201");
        assert_eq!(header_text("100% Zoë"), "100%25%20Zo%C3%AB");
        assert_eq!(header_list(["a,b", "c"]), "a%2Cb,c");
        assert_eq!(hex_text(&[0, 255]), "00ff");
        assert_eq!(hex_bytes("00Ff"), Some(vec![0, 255]));
        assert_eq!(
            (hex_bytes("0"), hex_bytes("0g"), hex_bytes("")),
            (None, None, Some(vec![]))
        );
    }
}
