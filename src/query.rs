//! The query of a request's target, as servers read it.

mod name;

pub(crate) use self::name::is_read_as;

/// The pairs of a query, each with what parts it from the next: some servers take `;` for `&`.
pub(crate) fn pairs(query: &[u8]) -> impl Iterator<Item = (&[u8], Option<u8>)> {
    let pairs = query.split(|byte| matches!(byte, b'&' | b';'));
    pairs.scan(0_usize, |from, pair| {
        let end = from.saturating_add(pair.len());
        *from = end.saturating_add(1);
        Some((pair, query.get(end).copied()))
    })
}

/// The target before and behind its first `?`.
pub(crate) fn parts(target: &[u8]) -> (&[u8], &[u8]) {
    let end = target
        .iter()
        .position(|byte| *byte == b'?')
        .unwrap_or(target.len());
    let (path, query) = target.split_at_checked(end).unwrap_or((target, b""));
    (path, query.strip_prefix(b"?").unwrap_or_default())
}

/// What a target's query says under a name, in every spelling that servers take for it, as it was sent.
pub(crate) fn values_of<'t>(target: &'t [u8], name: &str) -> impl Iterator<Item = &'t [u8]> {
    let (_, query) = parts(target);
    pairs(query).filter_map(move |(pair, _)| value_of(pair, name))
}

/// The same where only `&` parts pairs, as in PHP; nothing where `;` parts none.
pub(crate) fn whole_values_of<'t>(target: &'t [u8], name: &str) -> impl Iterator<Item = &'t [u8]> {
    let (_, query) = parts(target);
    let query = Some(query).filter(|query| query.contains(&b';'));
    let pairs = query
        .into_iter()
        .flat_map(|query| query.split(|byte| *byte == b'&'));
    pairs.filter_map(move |pair| value_of(pair, name))
}

/// The pair's value, undecoded, where its name is this one in any spelling.
fn value_of<'h>(pair: &'h [u8], name: &str) -> Option<&'h [u8]> {
    let (held, value) = halves(pair);
    is_read_as(held, name).then_some(value)
}

/// A pair before and behind its first `=`.
pub(crate) fn halves(pair: &[u8]) -> (&[u8], &[u8]) {
    let end = pair.iter().position(|byte| *byte == b'=');
    let (name, value) = pair
        .split_at_checked(end.unwrap_or(pair.len()))
        .unwrap_or((pair, b""));
    (name, value.strip_prefix(b"=").unwrap_or_default())
}
