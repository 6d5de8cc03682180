//! Sums of products of digits: columns of the schoolbook method, sixteen at a time.
//!
//! A digit has 13 bits and is about as often negative as not: at most [`LARGEST`] either way. Where the columns `c` to
//! `c + 3` are a vector, one instruction adds the products of two digits `a` of the left number, a row, with two of the
//! right one to each of them: `a[i] b[c - i] + a[i + 1] b[c - i - 1]`. So the left number is kept as pairs, and the
//! right one as windows: vectors of the pairs `(b[m], b[m - 1])` from each even `m` on.

use std::ops::Range;

use super::lanes::Lanes;

/// Bits of a digit.
pub(super) const BITS: u32 = 13;

/// The largest digit that a carry leaves, whatever the size of the modulus; [`Carry::next`] says why.
#[cfg(test)]
pub(super) const LARGEST: i32 = 4600;

/// How many vectors of four pairs may be added before carries are taken: `96 LARGEST^2 + 2^12` has 31 bits.
const LAZY_ROWS: usize = 12;

/// Column sums: what is left of them, and the carry to the columns above each.
#[derive(Clone, Copy)]
pub(super) struct Sum {
    pub(super) rest: Lanes,
    pub(super) carry: Lanes,
}

impl Sum {
    pub(super) const ZERO: Self = Self {
        rest: Lanes::ZERO,
        carry: Lanes::ZERO,
    };

    #[inline(always)]
    fn new(rest: Lanes, carry: Lanes) -> Self {
        Self { rest, carry }
    }

    #[inline(always)]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            rest: self.rest.plus(other.rest),
            carry: self.carry.plus(other.carry),
        }
    }

    /// Replaces the rest by sums that it went into.
    #[inline(always)]
    fn absorb(self, sums: Lanes) -> Self {
        let (rest, carry) = sums.split(BITS);
        let carry = self.carry.plus(carry);
        Self { rest, carry }
    }
}

/// The right number of a product: four vectors for eight digits, with a margin of zeros.
///
/// The vector that begins with `(b[m], b[m - 1])` has place `m / 2 + 7`.
#[derive(Clone, Debug)]
pub(super) struct Windows(Box<[[Lanes; 4]]>);

impl Windows {
    /// Zero, of so many pairs.
    pub(super) fn new(pairs: usize) -> Self {
        Self(vec![[Lanes::ZERO; 4]; pairs + 4].into())
    }

    /// Takes on the number of these pairs.
    pub(super) fn fill(&mut self, pairs: &[Lanes]) {
        let places = self.0.as_flattened_mut().get_mut(6..).unwrap_or_default();
        let (quads, _) = places.as_chunks_mut::<4>();
        let (mut below, mut last) = (Lanes::ZERO, Lanes::ZERO);
        let mut quads = quads.iter_mut();
        for (pair, quad) in pairs.iter().zip(quads.by_ref()) {
            let [lower, upper] = pair.widened();
            let first = lower.paired(lower.after(below));
            let second = upper.paired(upper.after(lower));
            *quad = [
                first.two_after(last),
                first,
                second.two_after(first),
                second,
            ];
            (below, last) = (upper, second);
        }
        if let Some([odd, even, ..]) = quads.next() {
            *even = Lanes::ZERO.paired(Lanes::ZERO.after(below));
            *odd = even.two_after(last);
        }
    }
}

/// Sixteen columns of a product, from these rows, four pairs each.
#[inline(always)]
pub(super) fn columns(
    block: usize,
    rows: Range<usize>,
    left: &[Lanes],
    Windows(right): &Windows,
) -> [Sum; 4] {
    let (mut rests, mut end) = ([Lanes::ZERO; 4], rows.start);
    let [mut s, mut t, mut u, mut v] = rests;
    for rows in left.get(rows).unwrap_or_default().chunks(LAZY_ROWS) {
        end += rows.len();
        let right = (2 * block + 2)
            .checked_sub(end)
            .and_then(|at| right.get(at..));
        let sums = add_rows(rests, rows, right.unwrap_or_default());
        let [a, b, c, d] = sums.map(|sum| sum.split(BITS));
        rests = [a.0, b.0, c.0, d.0];
        (s, t) = (s.plus(a.1), t.plus(b.1));
        (u, v) = (u.plus(c.1), v.plus(d.1));
    }
    let [a, b, c, d] = rests;
    [
        Sum::new(a, s),
        Sum::new(b, t),
        Sum::new(c, u),
        Sum::new(d, v),
    ]
}

/// Products of these rows, added to sums; `right` has the windows of the last row first.
#[inline(never)]
fn add_rows(sums: [Lanes; 4], rows: &[Lanes], right: &[[Lanes; 4]]) -> [Lanes; 4] {
    let [mut s, mut t, mut u, mut v] = sums;
    for (row, window) in rows.iter().rev().zip(right.windows(3)) {
        let [[a, b, c, d], [e, f, g, h], [i, j, ..]] = window else {
            break;
        };
        let [k, l, m, n] = row.spread();
        // In this order, no more of the windows are held than there are registers.
        s = s.plus(n.products(*a)).plus(m.products(*b));
        (s, t) = (s.plus(l.products(*c)), t.plus(n.products(*c)));
        (s, t) = (s.plus(k.products(*d)), t.plus(m.products(*d)));
        (t, u) = (t.plus(l.products(*e)), u.plus(n.products(*e)));
        (t, u) = (t.plus(k.products(*f)), u.plus(m.products(*f)));
        (u, v) = (u.plus(l.products(*g)), v.plus(n.products(*g)));
        (u, v) = (u.plus(k.products(*h)), v.plus(m.products(*h)));
        v = v.plus(l.products(*i)).plus(k.products(*j));
    }
    [s, t, u, v]
}

#[inline(always)]
fn add_products(sum: Lanes, row: [Lanes; 4], right: [&Lanes; 4]) -> Lanes {
    let ([a, b, c, d], [e, f, g, h]) = (row, right);
    sum.plus(a.products(*e))
        .plus(b.products(*f))
        .plus(c.products(*g))
        .plus(d.products(*h))
}

/// The last four columns alone of such a block, from all rows.
pub(super) fn last_columns(block: usize, left: &[Lanes], Windows(right): &Windows) -> Sum {
    let mut sum = Sum::ZERO;
    let mut end = 0;
    for rows in left.chunks(LAZY_ROWS) {
        end += rows.len();
        let right = (2 * block + 2)
            .checked_sub(end)
            .and_then(|at| right.get(at..));
        let mut sums = sum.rest;
        for (row, window) in rows.iter().rev().zip(right.unwrap_or_default().windows(3)) {
            let [_, [.., g, h], [i, j, ..]] = window else {
                break;
            };
            sums = add_products(sums, row.spread(), [j, i, h, g]);
        }
        sum = sum.absorb(sums);
    }
    sum
}

/// Sixteen columns of a square of so many rows: products of two different digits are taken once, and doubled.
pub(super) fn square_columns(block: usize, left: &[Lanes], right: &Windows) -> [Sum; 4] {
    let first = (2 * block).saturating_sub(left.len());
    let [s, t, u, v] = columns(block, first..block, left, right);
    let windows = right.0.get(block + 1..).and_then(<[_]>::first_chunk::<3>);
    let (Some([[_, _, _, d], [e, f, g, h], [i, j, ..]]), Some(row)) = (windows, left.get(block))
    else {
        return [Sum::ZERO; 4];
    };
    let [k, l, m, n] = row.spread();
    let t_rest = t.rest.plus(k.products(*f));
    let u_rest = u.rest.plus(k.products(*h)).plus(l.products(*g));
    let v_rest = v.rest.plus(k.products(*j));
    let v_rest = v_rest.plus(l.products(*i)).plus(m.products(*h));
    [
        doubled(s.rest, s.carry, k.products(d.weighted())),
        doubled(t_rest, t.carry, l.products(e.weighted())),
        doubled(u_rest, u.carry, m.products(f.weighted())),
        doubled(v_rest, v.carry, n.products(g.weighted())),
    ]
}

/// The sums twice, and once those of digits with themselves.
#[inline(always)]
fn doubled(rest: Lanes, carry: Lanes, once: Lanes) -> Sum {
    let carry = carry.plus(carry);
    Sum { rest, carry }.absorb(rest.plus(rest).plus(once))
}

/// Brings columns, the lowest first, to digits.
pub(super) struct Carry {
    first: Lanes,
    second: Lanes,
}

impl Carry {
    /// With so much carried to the lowest column.
    #[inline(always)]
    pub(super) fn new(carried: i32) -> Self {
        Self {
            first: Lanes::new([0, 0, 0, carried]),
            second: Lanes::ZERO,
        }
    }

    /// The next four digits.
    ///
    /// A carry comes from sums of at most seven times [`LAZY_ROWS`] rows, twice where a square is reduced: it is below
    /// `2^22`. So what is carried once more is below 500, and goes to a rest of at most `2^12`.
    #[inline(always)]
    pub(super) fn next(&mut self, sum: Sum) -> Lanes {
        let columns = sum.rest.plus(sum.carry.after(self.first));
        let (rest, second) = columns.split(BITS);
        let digits = rest.plus(second.after(self.second));
        (self.first, self.second) = (sum.carry, second);
        digits
    }

    /// What is carried to the next column, the lowest of the four.
    pub(super) fn end(&self) -> Lanes {
        Lanes::ZERO.after(self.first.plus(self.second))
    }
}
