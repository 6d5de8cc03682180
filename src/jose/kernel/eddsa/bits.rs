//! Numbers as little-endian bytes, and as limbs of fewer bits than a word.

/// The number that these bytes are, as far as it has room in `N` limbs of so many bits.
pub(super) fn limbs<const N: usize>(bytes: &[u8], bits: usize) -> [i32; N] {
    let mut limbs = [0; N];
    regroup(bytes, 8, &mut limbs, bits);
    limbs
}

/// The lowest 256 bits of a number in limbs of so many bits, none of them negative.
pub(super) fn bytes(limbs: &[i32], bits: usize) -> [u8; 32] {
    let mut bytes = [0; 32];
    regroup(limbs, bits, &mut bytes, 8);
    bytes
}

/// The same number in other groups of bits, as far as there is room.
///
/// Not part of its callers: with a known number of groups, each would be a piece of code.
#[inline(never)]
fn regroup<G, H>(groups: &[G], bits: usize, others: &mut [H], other_bits: usize)
where
    G: Copy,
    i64: From<G>,
    H: TryFrom<i64> + Default,
{
    let mut groups = groups.iter().copied().map(i64::from);
    let (mut pending, mut held) = (0_i64, 0);
    for other in others {
        while held < other_bits {
            pending |= groups.next().unwrap_or_default() << held;
            held += bits;
        }
        let lowest = pending & ((1 << other_bits) - 1);
        *other = H::try_from(lowest).unwrap_or_default();
        pending >>= other_bits;
        held -= other_bits;
    }
}
