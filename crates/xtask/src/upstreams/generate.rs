//! Cases that follow from a seed.

use super::case::{Caller, Case, Listener, Protocol};
use super::draft::{Draft, HOST, VIRTUAL};
use super::kinds::{KINDS, Part};
use crate::soak::random::Random;

/// The paths of resources.
const PATHS: [&str; 14] = [
    "/admin",
    "/admin/users",
    "/admin/users/7",
    "/exact",
    "/users/alice",
    "/users/alice/orders",
    "/users/bob",
    "/reports",
    "/reports/2026/q1",
    "/items/7",
    "/public",
    "/public/page",
    "/",
    "/other",
];
/// Those that a rule of their own protects.
const PROTECTED: [&str; 7] = [
    "/admin",
    "/admin/users",
    "/exact",
    "/users/alice",
    "/users/bob",
    "/items/7",
    "/reports",
];

/// A case, and the kinds of changes that were made to it.
pub(super) struct Made {
    pub(super) case: Case,
    /// Places in [`KINDS`].
    pub(super) kinds: Vec<usize>,
}

/// The case of this number.
pub(super) fn make(seed: u64, number: u64, upstreams: &[&str], kinds: &[usize]) -> Made {
    let random = &mut Random::new(seed, number);
    let upstream = upstreams[number as usize % upstreams.len()];
    let first = kinds[number as usize / upstreams.len() % kinds.len()];
    let mut places = vec![first];
    // Half of all are products of two.
    if random.one_in(2) {
        let second = random.below(KINDS.len() as u64) as usize;
        if second != first {
            places.insert(random.below(2) as usize, second);
        }
    }
    let mut draft = base(KINDS[first].part, random);
    for place in &places {
        (KINDS[*place].change)(&mut draft, random);
    }
    let caller = random.pick(&[
        Caller::Nobody,
        Caller::Nobody,
        Caller::Nobody,
        Caller::Alice,
        Caller::Alice,
        Caller::Alice,
        Caller::Root,
        Caller::Root,
    ]);
    let listener = random.pick(&Listener::ALL);
    let protocol = random.pick(&[Protocol::Http1, Protocol::Http1, Protocol::Http2]);
    Made {
        case: draft.case(upstream, listener, protocol, caller),
        kinds: places,
    }
}

/// A request that the change can matter to.
fn base(part: Part, random: &mut Random) -> Draft {
    let path = random.pick(&PATHS);
    let protected = random.pick(&PROTECTED);
    let virtual_host = match part {
        Part::Authority => random.one_in(2),
        _ => random.one_in(12),
    };
    let host = if virtual_host { VIRTUAL } else { HOST };
    let path = match part {
        Part::Method if random.below(8) > 0 => "/items/7",
        Part::Path if random.one_in(2) => protected,
        Part::Token if random.below(4) > 0 => {
            random.pick(&["/reports", "/items/7", "/users/alice"])
        }
        _ => path,
    };
    let method = match path {
        "/items/7" => random.pick(&["GET", "POST", "DELETE", "POST"]),
        _ => random.pick(&["GET", "GET", "GET", "POST"]),
    };
    Draft::new(method, host, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab::upstreams::NAMES;

    #[test]
    fn a_seed_gives_the_same_cases_and_every_kind() {
        let kinds: Vec<usize> = (0..KINDS.len()).collect();
        let mut made = vec![0_u32; KINDS.len()];
        for number in 0..4000 {
            let one = make(7, number, &NAMES, &kinds);
            let again = make(7, number, &NAMES, &kinds);
            assert_eq!(one.case, again.case);
            assert_eq!(Case::parse(&one.case.line()).unwrap(), one.case);
            one.kinds.iter().for_each(|kind| made[*kind] += 1);
        }
        assert!(made.iter().all(|count| *count > 80), "{made:?}");
        assert_ne!(
            make(7, 1, &NAMES, &kinds).case,
            make(8, 1, &NAMES, &kinds).case
        );
    }
}
