//! What `lanes.rs` has, of ordinary integers, for the tests of a target without vectors: an overflow panics.

/// Four integers of 32 bits, or eight of 16: two to each of the four, the lower half first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes([i32; 4]);

impl Lanes {
    pub(super) const ZERO: Self = Self([0; 4]);

    pub(super) fn new(integers: [i32; 4]) -> Self {
        Self(integers)
    }

    pub(super) fn integers(self) -> [i32; 4] {
        self.0
    }

    fn zip(self, other: Self, combine: impl Fn(i32, i32) -> i32) -> Self {
        let [a, b, c, d] = self.0;
        let [e, f, g, h] = other.0;
        Self([combine(a, e), combine(b, f), combine(c, g), combine(d, h)])
    }

    pub(super) fn plus(self, other: Self) -> Self {
        self.zip(other, |left, right| left + right)
    }

    /// The nearest multiple of `2^bits` taken off, and how many that are; halfway, the higher one.
    pub(super) fn split(self, bits: u32) -> (Self, Self) {
        let high = self.0.map(|all| (all + (1 << (bits - 1))) >> bits);
        (
            self.zip(Self(high), |all, high| all - (high << bits)),
            Self(high),
        )
    }

    /// In each of the four, the product of the lower halves and that of the upper ones, added up.
    pub(super) fn products(self, other: Self) -> Self {
        self.zip(other, |left, right| {
            let ([a, b], [c, d]) = (halves(left), halves(right));
            a * c + b * d
        })
    }

    /// Each of the four, four times.
    pub(super) fn spread(self) -> [Self; 4] {
        self.0.map(|integer| Self([integer; 4]))
    }

    /// All moved up by one; the lowest is the highest of those below.
    pub(super) fn after(self, below: Self) -> Self {
        let ([.., last], [a, b, c, _]) = (below.0, self.0);
        Self([last, a, b, c])
    }

    /// All moved up by two; the lowest are the highest of those below.
    pub(super) fn two_after(self, below: Self) -> Self {
        let ([.., c, d], [a, b, ..]) = (below.0, self.0);
        Self([c, d, a, b])
    }

    /// The lower halves of these four, each with that of the other above it.
    pub(super) fn paired(self, upper: Self) -> Self {
        self.zip(upper, |lower, upper| joined([narrow(lower), narrow(upper)]))
    }

    /// These four and four above them, as integers of 16 bits.
    pub(super) fn narrowed(self, above: Self) -> Self {
        let [a, b, c, d] = self.0.map(narrow);
        let [e, f, g, h] = above.0.map(narrow);
        Self([[a, b], [c, d], [e, f], [g, h]].map(joined))
    }

    /// Eight integers of 16 bits as four and four of 32.
    pub(super) fn widened(self) -> [Self; 2] {
        let [[a, b], [c, d], [e, f], [g, h]] = self.0.map(halves);
        [Self([a, b, c, d]), Self([e, f, g, h])]
    }

    /// The halves times 1 and 0, 2 and 0, 2 and 1, 2 and 2.
    pub(super) fn weighted(self) -> Self {
        self.zip(Self([0, 1, 2, 3]), |pair, place| {
            let [lower, upper] = halves(pair);
            let lower = if place == 0 { lower } else { 2 * lower };
            let upper = upper * (place - 1).max(0);
            joined([narrow(lower), narrow(upper)])
        })
    }
}

fn halves(integer: i32) -> [i32; 2] {
    let [a, b, c, d] = integer.to_le_bytes();
    [i16::from_le_bytes([a, b]), i16::from_le_bytes([c, d])].map(i32::from)
}

fn joined([lower, upper]: [i16; 2]) -> i32 {
    let ([a, b], [c, d]) = (lower.to_le_bytes(), upper.to_le_bytes());
    i32::from_le_bytes([a, b, c, d])
}

fn narrow(integer: i32) -> i16 {
    let [narrowed, _] = halves(integer);
    assert_eq!(narrowed, integer, "the integer has more than 16 bits");
    let [a, b, ..] = narrowed.to_le_bytes();
    i16::from_le_bytes([a, b])
}
