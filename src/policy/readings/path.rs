//! All paths that a server may make of one request target.

use std::borrow::Cow;

use crate::config::Spelling;
use crate::policy::denial::Denial;
use crate::text::percent_decode;

use super::{LONGEST_LIST, Spellings};

/// The readings of one target.
pub(super) struct Paths<'t> {
    /// The path as the client sent it, decoded within its segments.
    pub(super) first: Cow<'t, [u8]>,
    /// All others; hardly any request has some.
    pub(super) others: Vec<Vec<u8>>,
}

/// Makes every reading of a target; what follows its first `?` is not looked at.
///
/// # Errors
/// [`Denial::MalformedPath`] where a reading has a dot segment, a control character, a backslash or bytes that are not
/// UTF-8, and where the target has no leading slash, a fragment, or a `%` without two hexadecimal digits;
/// [`Denial::AmbiguousRequest`] where the configuration refuses a spelling, and where there are too many readings.
pub(super) fn read<'t>(target: &'t [u8], spellings: &Spellings) -> Result<Paths<'t>, Denial> {
    let mark = target.iter().position(|byte| *byte == b'?');
    let path = mark.map_or(target, |mark| target.get(..mark).unwrap_or_default());
    if path.first() != Some(&b'/') || path.contains(&b'#') {
        return Err(Denial::MalformedPath);
    }
    if is_clean(path, spellings) {
        return Ok(Paths {
            first: Cow::Borrowed(path),
            others: Vec::new(),
        });
    }
    let mut first = decode_but_slashes(path)?;
    if is_refused(&first, spellings) {
        return Err(Denial::AmbiguousRequest);
    }
    if spellings.encoded_slashes == Spelling::Same {
        first = percent_decode(path).ok_or(Denial::MalformedPath)?;
    }
    if is_refused(&first, spellings) {
        return Err(Denial::AmbiguousRequest);
    }
    closure(plain(first, spellings), spellings)
}

/// Whether a path has one reading: nothing in it that any server reads in another way.
fn is_clean(path: &[u8], spellings: &Spellings) -> bool {
    let mut before = 0_u8;
    for byte in path.iter().copied() {
        let odd = match byte {
            b'%' | b';' | b'\\' | b' ' | 0..0x20 | 0x7f.. => true,
            b'/' => before == b'/' || before == b'.',
            b':' => before == b':',
            _ => false,
        };
        if odd {
            return false;
        }
        before = byte;
    }
    let ends_oddly = before == b'.' || before == b'/' && path.len() > 1;
    let suffix = spellings.suffixes != Spelling::Distinct && without_suffix(path).is_some();
    !ends_oddly && !suffix
}

/// Applies every step to every result until nothing new appears.
fn closure<'t>(first: Vec<u8>, spellings: &Spellings) -> Result<Paths<'t>, Denial> {
    check(&first)?;
    let mut readings: Vec<Vec<u8>> = vec![first];
    let mut next = 0;
    while let Some(path) = readings.get(next).cloned() {
        next += 1;
        for reading in steps(&path, spellings) {
            check(&reading)?;
            if is_refused(&reading, spellings) {
                return Err(Denial::AmbiguousRequest);
            }
            let reading = plain(reading, spellings);
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
        if readings.len() > LONGEST_LIST {
            return Err(Denial::AmbiguousRequest);
        }
    }
    let others = readings.split_off(1);
    Ok(Paths {
        first: Cow::Owned(readings.pop().unwrap_or_default()),
        others,
    })
}

/// The spelling that stands for all that the configuration takes for one path.
pub(super) fn plain(mut path: Vec<u8>, spellings: &Spellings) -> Vec<u8> {
    while spellings.trailing_slash == Spelling::Same && path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    path
}

/// Whether a path has a spelling that the configuration refuses.
fn is_refused(path: &[u8], spellings: &Spellings) -> bool {
    let slash = path.len() > 1 && path.ends_with(b"/");
    slash && spellings.trailing_slash == Spelling::Refuse
        || hides_a_slash(path) && spellings.encoded_slashes == Spelling::Refuse
}

/// What servers are known to make of a path, one step each.
fn steps<'p>(path: &'p [u8], spellings: &Spellings) -> impl Iterator<Item = Vec<u8>> + 'p {
    let may = |spelling: Spelling| spelling == Spelling::SameRule;
    let decoded = match spellings.encoded_slashes {
        Spelling::Distinct => decode_but_slashes(path).ok(),
        _ => percent_decode(path),
    };
    let decoded = decoded.filter(|_| path.contains(&b'%'));
    let slash = without_final_slash(path).filter(|_| may(spellings.trailing_slash));
    let suffix = without_suffix(path).filter(|_| may(spellings.suffixes));
    [
        decoded,
        merge_slashes(path),
        behind_authority(path),
        without_parameters(path),
        without_ends(path),
        without_stream(path),
        before_mark(path),
        in_ascii(path),
        slash,
        suffix,
    ]
    .into_iter()
    .flatten()
}

/// Refuses what no server should be asked to resolve.
fn check(path: &[u8]) -> Result<(), Denial> {
    let is_text = std::str::from_utf8(path).is_ok();
    let is_plain = |byte: &u8| !byte.is_ascii_control() && *byte != b'\\';
    let is_dots = |segment: &[u8]| {
        let name = name_of(segment);
        let trimmed = name.trim_ascii_end();
        matches!(trimmed, b"." | b"..") || name.contains(&b' ') && is_all_dots(name)
    };
    let mut segments = path.split(|byte| *byte == b'/');
    if is_text && path.iter().all(is_plain) && !segments.any(is_dots) {
        Ok(())
    } else {
        Err(Denial::MalformedPath)
    }
}

fn is_all_dots(segment: &[u8]) -> bool {
    !segment.is_empty() && segment.iter().all(|byte| matches!(byte, b'.' | b' '))
}

/// A segment without its parameters: servers resolve `..;x` as they do `..`.
fn name_of(segment: &[u8]) -> &[u8] {
    let end = segment.iter().position(|byte| *byte == b';');
    end.map_or(segment, |end| segment.get(..end).unwrap_or_default())
}

fn hides_a_slash(path: &[u8]) -> bool {
    path.windows(3)
        .any(|triplet| triplet.eq_ignore_ascii_case(b"%2f"))
}

/// Decodes once, but for slashes: they stay within their segment.
fn decode_but_slashes(path: &[u8]) -> Result<Vec<u8>, Denial> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let digits = tail.get(..2).ok_or(Denial::MalformedPath)?;
        let triplet = [
            b'%',
            digits.first().copied().unwrap_or(0),
            digits.last().copied().unwrap_or(0),
        ];
        if digits.eq_ignore_ascii_case(b"2f") {
            out.extend(triplet);
        } else {
            out.extend(percent_decode(&triplet).ok_or(Denial::MalformedPath)?);
        }
        rest = tail.get(2..).unwrap_or_default();
    }
    Ok(out)
}

/// Runs of slashes as one: nginx, Werkzeug.
fn merge_slashes(path: &[u8]) -> Option<Vec<u8>> {
    if !path.windows(2).any(|two| two == b"//") {
        return None;
    }
    let mut path = path.to_vec();
    path.dedup_by(|next, before| *next == b'/' && *before == b'/');
    Some(path)
}

/// `//host/path` as an address without its scheme: the URL class of Node, and of browsers (RFC 3986 §4.2). Of more slashes
/// than two they skip all (WHATWG URL, "special authority ignore slashes state").
fn behind_authority(path: &[u8]) -> Option<Vec<u8>> {
    let mut rest = path.strip_prefix(b"//")?;
    while let Some(shorter) = rest.strip_prefix(b"/") {
        rest = shorter;
    }
    let slash = rest.iter().position(|byte| *byte == b'/');
    Some(slash.map_or_else(
        || b"/".to_vec(),
        |slash| rest.get(slash..).unwrap_or_default().to_vec(),
    ))
}

/// `/a;v=1/b` as `/a/b`: Tomcat, Jetty.
fn without_parameters(path: &[u8]) -> Option<Vec<u8>> {
    path.contains(&b';').then(|| by_segment(path, name_of))
}

/// Segments without the dots and blanks at their ends: Windows.
fn without_ends(path: &[u8]) -> Option<Vec<u8>> {
    let trimmed = |segment| {
        let segment: &[u8] = segment;
        let end = segment
            .iter()
            .rposition(|byte| !matches!(byte, b'.' | b' '));
        end.map_or(segment, |end| segment.get(..=end).unwrap_or_default())
    };
    let reading = by_segment(path, trimmed);
    (reading != path).then_some(reading)
}

/// Segments without the name of a stream, as in `/admin::$DATA`: Windows.
fn without_stream(path: &[u8]) -> Option<Vec<u8>> {
    let cut = |segment| {
        let segment: &[u8] = segment;
        let stream = segment.windows(3).position(|part| part == b"::$");
        stream.map_or(segment, |at| segment.get(..at).unwrap_or_default())
    };
    let reading = by_segment(path, cut);
    (reading != path).then_some(reading)
}

/// `/a?b` and `/a#b` as `/a`, once `%3f` and `%23` are decoded: what hands the decoded path on as a target of its own.
fn before_mark(path: &[u8]) -> Option<Vec<u8>> {
    let mark = path.iter().position(|byte| matches!(byte, b'?' | b'#'))?;
    path.get(..mark)
        .filter(|path| !path.is_empty())
        .map(<[u8]>::to_vec)
}

/// Letters that some servers take for those of ASCII: full-width forms, the Kelvin sign, the long s, the Turkish i's.
fn in_ascii(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    let text = std::str::from_utf8(path).ok()?;
    let folded: String = text
        .chars()
        .map(|letter| match letter {
            '\u{ff01}'..='\u{ff5e}' => u32::from(letter)
                .checked_sub(0xfee0)
                .and_then(char::from_u32)
                .unwrap_or(letter),
            '\u{212a}' => 'k',
            '\u{17f}' => 's',
            '\u{130}' | '\u{131}' => 'i',
            other => other,
        })
        .collect();
    (folded != text).then(|| folded.into_bytes())
}

fn without_final_slash(path: &[u8]) -> Option<Vec<u8>> {
    let shorter = path.strip_suffix(b"/").filter(|path| !path.is_empty())?;
    Some(shorter.to_vec())
}

/// `/admin.json` as `/admin`: routers of Rails and others that take a format from it, of any length and of any letters.
fn without_suffix(path: &[u8]) -> Option<Vec<u8>> {
    let dot = path.iter().rposition(|byte| *byte == b'.')?;
    let (stem, suffix) = path.split_at_checked(dot)?;
    let is_suffix = suffix.len() > 1 && !suffix.contains(&b'/');
    (is_suffix && !stem.ends_with(b"/")).then(|| stem.to_vec())
}

fn by_segment<'p>(path: &'p [u8], change: impl Fn(&'p [u8]) -> &'p [u8]) -> Vec<u8> {
    let segments: Vec<&[u8]> = path.split(|byte| *byte == b'/').map(change).collect();
    segments.join(&b'/')
}
