//! What servers are known to make of a path, one step each.

use crate::config::Spelling;
use crate::policy::readings::Spellings;
use crate::text::percent_decode_leniently;

/// What one step makes of a path, for each step that changes it.
pub(super) fn steps(path: &[u8], spellings: &Spellings) -> Vec<Vec<u8>> {
    let may = |spelling: Spelling| spelling == Spelling::SameRule;
    // What is no triplet any more once the path was decoded stays as it is, and the others beside it are decoded.
    let encoded = path.contains(&b'%');
    // Some servers leave slashes encoded each time that they decode, others never do.
    let splits = encoded && spellings.encoded_slashes != Spelling::Distinct;
    let keeps = encoded && spellings.encoded_slashes != Spelling::Same;
    let decoded = splits.then(|| percent_decode_leniently(path));
    let kept = keeps.then(|| super::decode_but_slashes(path));
    let slash = without_final_slash(path).filter(|_| may(spellings.trailing_slash));
    let suffix = super::without_suffix(path, spellings).filter(|_| may(spellings.suffixes));
    let steps = [
        decoded,
        kept,
        merge_slashes(path),
        behind_authority(path),
        without_parameters(path),
        without_ends(path),
        without_stream(path),
        before_mark(path, b'?'),
        before_mark(path, b'#'),
        in_ascii(path),
        with_slashes(path),
        slash,
        suffix,
    ];
    let fronts = spellings.front_controllers.iter();
    let behind = fronts.filter_map(|front| behind_front(path, front.as_bytes()));
    let steps = steps.into_iter().flatten().chain(behind.flatten());
    steps.chain(as_text(path).into_iter().flatten()).collect()
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
pub(super) fn behind_authority(path: &[u8]) -> Option<Vec<u8>> {
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
pub(super) fn without_parameters(path: &[u8]) -> Option<Vec<u8>> {
    path.contains(&b';')
        .then(|| by_segment(path, super::name_of))
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

/// Segments without the name of a stream, as in `/admin::$DATA` and `/admin:$I30:$INDEX_ALLOCATION`: Windows.
fn without_stream(path: &[u8]) -> Option<Vec<u8>> {
    let cut = |segment| {
        let segment: &[u8] = segment;
        let has_stream = segment.windows(2).any(|part| part == b":$");
        let end = segment.iter().position(|byte| *byte == b':');
        let end = end.filter(|_| has_stream);
        end.map_or(segment, |at| segment.get(..at).unwrap_or_default())
    };
    let reading = by_segment(path, cut);
    (reading != path).then_some(reading)
}

/// `/a?b` and `/a#b` as `/a`, once `%3f` and `%23` are decoded: what hands the decoded path on as a target of its own.
fn before_mark(path: &[u8], mark: u8) -> Option<Vec<u8>> {
    let end = path.iter().position(|byte| *byte == mark)?;
    path.get(..end)
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

/// Backslashes as slashes: Windows, and the URL class of Node.
pub(super) fn with_slashes(path: &[u8]) -> Option<Vec<u8>> {
    let slash = |byte: &u8| if *byte == b'\\' { b'/' } else { *byte };
    path.contains(&b'\\')
        .then(|| path.iter().map(slash).collect())
}

/// `+` as a blank: PHP applications that decode their path as they do a query.
pub(super) fn with_blanks(path: &[u8]) -> Option<Vec<u8>> {
    let blank = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
    path.contains(&b'+')
        .then(|| path.iter().map(blank).collect())
}

fn without_final_slash(path: &[u8]) -> Option<Vec<u8>> {
    let shorter = path.strip_suffix(b"/").filter(|path| !path.is_empty())?;
    Some(shorter.to_vec())
}

/// `/index.php/admin` as `/admin`, and `/shop/index.php/admin` as `/shop/admin` too: frameworks take what stands behind the
/// program's own path, as it is or within the program's folder.
fn behind_front(path: &[u8], front: &[u8]) -> Option<[Vec<u8>; 2]> {
    let (start, rest) = path.split_at_checked(front.len())?;
    let is_behind = rest.is_empty() || rest.starts_with(b"/");
    if !is_behind || !start.eq_ignore_ascii_case(front) {
        return None;
    }
    let rest = if rest.is_empty() { b"/" } else { rest };
    let end = front.iter().rposition(|byte| *byte == b'/')?;
    Some([rest.to_vec(), [front.get(..end)?, rest].concat()])
}

/// What servers make of bytes that are not UTF-8: Latin-1, signs in their place, nothing, and the ASCII that overlong
/// forms stand for where a decoder does not look (RFC 3629 §10).
fn as_text(path: &[u8]) -> Option<[Vec<u8>; 4]> {
    if std::str::from_utf8(path).is_ok() {
        return None;
    }
    let latin: String = path.iter().copied().map(char::from).collect();
    let sound: String = path.utf8_chunks().map(|chunk| chunk.valid()).collect();
    Some([
        latin.into_bytes(),
        String::from_utf8_lossy(path).into_owned().into_bytes(),
        sound.into_bytes(),
        without_overlong(path),
    ])
}

fn without_overlong(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(first) = rest.first() {
        // A decoder that does not look at the first bits of what follows takes any byte there.
        let (high, low, length) = match *rest {
            [high @ (0xc0 | 0xc1), low, ..] => (high, low, 2),
            [0xe0, high @ (0x80 | 0x81), low, ..] => (high, low, 3),
            [0xf0, 0x80, high @ (0x80 | 0x81), low, ..] => (high, low, 4),
            // As UTF-8 was written before RFC 3629.
            [0xf8, 0x80, 0x80, high @ (0x80 | 0x81), low, ..] => (high, low, 5),
            [0xfc, 0x80, 0x80, 0x80, high @ (0x80 | 0x81), low, ..] => (high, low, 6),
            _ => (0, *first, 1),
        };
        let letter = if length == 1 {
            low
        } else {
            (high & 1) << 6 | low & 0x3f
        };
        out.push(letter);
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

fn by_segment<'p>(path: &'p [u8], change: impl Fn(&'p [u8]) -> &'p [u8]) -> Vec<u8> {
    let segments: Vec<&[u8]> = path.split(|byte| *byte == b'/').map(change).collect();
    segments.join(&b'/')
}
