//! All paths that a server may make of one request target.

mod rewrite;
mod steps;

pub(super) use self::rewrite::rewritten;

use std::borrow::Cow;

use self::steps::steps;
use super::{LONGEST_LIST, Spellings};
use crate::config::Spelling;
use crate::policy::denial::Denial;
use crate::text::percent_decode_leniently;

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
/// [`Denial::MalformedPath`] where a reading has a dot segment, a control character, or, unless the configuration takes
/// them, a backslash or bytes that are not UTF-8, and where the target has no leading slash, a fragment, or a `%` without
/// two hexadecimal digits;
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
    if !is_encoded_well(path) {
        return Err(Denial::MalformedPath);
    }
    let decode = |path: &[u8]| match spellings.encoded_slashes {
        Spelling::Same => percent_decode_leniently(path),
        _ => decode_but_slashes(path),
    };
    if spellings.encoded_slashes == Spelling::Same
        && is_refused(&decode_but_slashes(path), spellings)
    {
        return Err(Denial::AmbiguousRequest);
    }
    let others = before_decoding(path, spellings);
    let others = others.iter().map(|path| decode(path));
    closure(decode(path), others.collect(), spellings)
}

/// What servers make of a path that is still encoded, where that is another than what they make of the decoded one: what
/// stands there in triplets stays. More than there may be tell that there are too many.
fn before_decoding(path: &[u8], spellings: &Spellings) -> Vec<Vec<u8>> {
    let has = |triplet: &[u8]| {
        path.windows(3)
            .any(|three| three.eq_ignore_ascii_case(triplet))
    };
    let hides = spellings.encoded_slashes == Spelling::Same && hides_a_slash(path);
    let has_blank = spellings.reads_plus() && path.contains(&b'+');
    let mut all = Vec::new();
    if !(hides || has_blank || has(b"%5c") || has(b"%3b")) {
        return all;
    }
    let mut next = 0;
    let mut path = path.to_vec();
    loop {
        let slashed = steps::with_slashes(&path).filter(|_| spellings.backslash);
        let blanks = steps::with_blanks(&path).filter(|_| spellings.reads_plus());
        let cut = steps::without_parameters(&path);
        let behind = steps::behind_authority(&path);
        for reading in [slashed, blanks, cut, behind].into_iter().flatten() {
            if !all.contains(&reading) {
                all.push(reading);
            }
        }
        match all.get(next) {
            Some(reading) if all.len() <= LONGEST_LIST => path.clone_from(reading),
            _ => return all,
        }
        next += 1;
    }
}

/// Whether a path has one reading: nothing in it that any server reads in another way.
fn is_clean(path: &[u8], spellings: &Spellings) -> bool {
    let mut before = 0_u8;
    for byte in path.iter().copied() {
        let odd = match byte {
            b'%' | b';' | b'\\' | b' ' | 0..0x20 | 0x7f.. => true,
            b'/' => before == b'/' || before == b'.',
            b'$' => before == b':',
            b'+' => spellings.reads_plus(),
            _ => false,
        };
        if odd {
            return false;
        }
        before = byte;
    }
    let ends_oddly = before == b'.' || before == b'/' && path.len() > 1;
    let suffix =
        spellings.suffixes != Spelling::Distinct && without_suffix(path, spellings).is_some();
    let mut fronts = spellings.front_controllers.iter();
    let front = fronts.any(|front| {
        let start = path.get(..front.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(front.as_bytes()))
    });
    !ends_oddly && !suffix && !front
}

/// The readings of what a parameter gives for a path, decoded already, below a folder.
///
/// # Errors
/// As [`read`].
pub(super) fn read_value<'t>(
    folder: &[u8],
    value: &[u8],
    spellings: &Spellings,
) -> Result<Paths<'t>, Denial> {
    let slash: &[u8] = if value.starts_with(b"/") { b"" } else { b"/" };
    closure([folder, slash, value].concat(), Vec::new(), spellings)
}

/// Applies every step to every result until nothing new appears.
fn closure<'t>(
    first: Vec<u8>,
    others: Vec<Vec<u8>>,
    spellings: &Spellings,
) -> Result<Paths<'t>, Denial> {
    let mut readings: Vec<Vec<u8>> = Vec::new();
    let mut found: Vec<Vec<u8>> = [vec![first], others].concat();
    let mut next = 0;
    loop {
        for reading in found {
            if is_refused(&reading, spellings) {
                return Err(Denial::AmbiguousRequest);
            }
            let reading = plain(reading, spellings);
            check(&reading, spellings)?;
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
        if readings.len() > LONGEST_LIST {
            return Err(Denial::AmbiguousRequest);
        }
        let Some(path) = readings.get(next) else {
            break;
        };
        found = steps(path, spellings);
        next += 1;
    }
    let others = readings.split_off(1);
    Ok(Paths {
        first: Cow::Owned(readings.pop().unwrap_or_default()),
        others,
    })
}

/// The spelling that stands for all that the configuration takes for one path.
pub(super) fn plain(mut path: Vec<u8>, spellings: &Spellings) -> Vec<u8> {
    loop {
        let length = path.len();
        while spellings.trailing_slash == Spelling::Same && path.len() > 1 && path.ends_with(b"/") {
            path.pop();
        }
        if spellings.suffixes == Spelling::Same
            && let Some(stem) = without_suffix(&path, spellings)
        {
            path = stem;
        }
        if path.len() == length {
            return path;
        }
    }
}

/// Whether a path has a spelling that the configuration refuses.
fn is_refused(path: &[u8], spellings: &Spellings) -> bool {
    let slash = path.len() > 1 && path.ends_with(b"/");
    let has_suffix = || without_suffix(path, spellings).is_some();
    slash && spellings.trailing_slash == Spelling::Refuse
        || spellings.suffixes == Spelling::Refuse && has_suffix()
        || hides_a_slash(path) && spellings.encoded_slashes == Spelling::Refuse
}

/// Refuses what no server should be asked to resolve.
fn check(path: &[u8], spellings: &Spellings) -> Result<(), Denial> {
    let is_text = spellings.bytes || std::str::from_utf8(path).is_ok();
    let is_plain = |byte: &u8| !byte.is_ascii_control() && (*byte != b'\\' || spellings.backslash);
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
    path.windows(3).any(is_slash)
}

/// Decodes once, but for slashes: they stay within their segment. A `%` without two hexadecimal digits stays as it is.
fn decode_but_slashes(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.windows(3).position(is_slash)
        && let Some((before, tail)) = rest.split_at_checked(at)
        && let Some((slash, tail)) = tail.split_at_checked(3)
    {
        out.extend(percent_decode_leniently(before));
        out.extend(slash);
        rest = tail;
    }
    out.extend(percent_decode_leniently(rest));
    out
}

/// Whether each `%` has its two hexadecimal digits.
fn is_encoded_well(path: &[u8]) -> bool {
    let is_digits = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    let mut behind = path.split(|byte| *byte == b'%').skip(1);
    behind.all(|part| part.get(..2).is_some_and(is_digits))
}

fn is_slash(triplet: &[u8]) -> bool {
    triplet.eq_ignore_ascii_case(b"%2f")
}

/// `/admin.json` as `/admin`: routers of Rails and others that take a format from it, of any length and of any letters.
/// Where no rule's path ends there, a dot is one of an identifier.
fn without_suffix(path: &[u8], spellings: &Spellings) -> Option<Vec<u8>> {
    let last = path.rsplit(|byte| *byte == b'/').next()?;
    let dot = last.iter().rposition(|byte| *byte == b'.')?;
    let suffix = last.len().saturating_sub(dot);
    let stem = path.get(..path.len().saturating_sub(suffix))?;
    let is_suffix = dot > 0 && suffix > 1 && spellings.has_end_before_dot(last);
    is_suffix.then(|| stem.to_vec())
}
