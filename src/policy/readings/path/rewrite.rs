//! Paths that go upstream in another spelling than the client's.

use super::hides_a_slash;
use crate::policy::readings::Spellings;

/// The target as it goes upstream, where the configuration has it written anew and that changes something. What follows
/// its first `?` stays as it is.
pub(in crate::policy::readings) fn rewritten(
    target: &[u8],
    spellings: &Spellings,
) -> Option<Vec<u8>> {
    spellings.rewriting_key()?;
    let rewrites = spellings.rewrites;
    let end = target.iter().position(|byte| *byte == b'?');
    let (path, query) = target.split_at_checked(end.unwrap_or(target.len()))?;
    let decodes = rewrites.decodes && hides_a_slash(path);
    let merges = rewrites.merges && (decodes || path.windows(2).any(|two| two == b"//"));
    let strips = rewrites.strips && (decodes || path.len() > 1 && path.ends_with(b"/"));
    if path.first() != Some(&b'/') || !(decodes || merges || strips) {
        return None;
    }
    let mut path = if decodes {
        with_slashes(path)
    } else {
        path.to_vec()
    };
    if merges {
        path.dedup_by(|next, before| *next == b'/' && *before == b'/');
    }
    while strips && path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    path.extend_from_slice(query);
    (path != target).then_some(path)
}

/// Each `%2f` as a slash; all else as it stands.
fn with_slashes(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        let hides = *byte == b'%'
            && tail
                .get(..2)
                .is_some_and(|two| two.eq_ignore_ascii_case(b"2f"));
        out.push(if hides { b'/' } else { *byte });
        rest = if hides {
            tail.get(2..).unwrap_or_default()
        } else {
            tail
        };
    }
    out
}
