//! Points of short Weierstrass curves of prime order: sums, and tables of the multiples of one point.
//!
//! A table has, for each window of a scalar's bits, the multiples of the point that these bits can stand for. A
//! product of a point and a scalar is then one addition per window and no doubling. Digits are signed, which halves the
//! table: the inverse of a point costs nothing.

use std::fmt;

use super::residue::{Modulus, Residue};

/// Bits of a digit where the point is a key.
const KEY_WINDOW: u32 = 6;
/// Bits of a digit where there is no table.
const SMALL_WINDOW: u32 = 4;

/// Multiples of a point for a digit of so many bits.
const fn multiples_of(window: u32) -> usize {
    1 << (window - 1)
}

/// The coefficient of `x` in the curve's equation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose) enum A {
    Zero,
    MinusThree,
}

/// A curve of prime order that is below the field's prime.
pub(in crate::jose) trait Curve<const L: usize>:
    Copy + fmt::Debug + 'static
{
    type Field: Modulus<L>;
    type Order: Modulus<L>;
    const A: A;
    /// The length of a coordinate, and of a scalar.
    const BYTES: usize;
    /// The coordinates of the generator.
    const GENERATOR: [[i32; L]; 2];
    /// Bits of a digit where the point is the generator.
    const GENERATOR_WINDOW: u32 = KEY_WINDOW;

    /// The table of the generator, made once for all keys of the curve, when the first signature is verified.
    fn generator_table() -> &'static Table<Self, L>;
}

type Coordinate<C, const L: usize> = Residue<<C as Curve<L>>::Field, L>;

/// A point other than infinity; the coordinates are in Montgomery form, between -1 and 2 times the prime.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine<C: Curve<L>, const L: usize> {
    x: Coordinate<C, L>,
    y: Coordinate<C, L>,
}

impl<C: Curve<L>, const L: usize> Affine<C, L> {
    /// A point of coordinates that are below the prime; whether it is on the curve is not checked.
    fn new(x: Coordinate<C, L>, y: Coordinate<C, L>) -> Self {
        Self {
            x: x.in_form(),
            y: y.in_form(),
        }
    }

    /// A point from its coordinates, big-endian; `None` where they are not below the prime.
    pub(super) fn from_be_bytes(x: &[u8], y: &[u8]) -> Option<Self> {
        let (x, y) = (Residue::from_be_bytes(x)?, Residue::from_be_bytes(y)?);
        Some(Self::new(x, y))
    }

    pub(super) fn generator() -> Self {
        let [x, y] = C::GENERATOR;
        Self::new(Residue::new(x), Residue::new(y))
    }

    fn negated(self) -> Self {
        Self {
            x: self.x,
            y: -&self.y,
        }
    }
}

/// A point as a sum keeps it: `x / zz` and `y / zzz`, where `zz^3` is `zzz^2`. `None` is the point at infinity.
///
/// In units of the prime, `x` is between -4 and 3, `y` between -2 and 2, `zz` and `zzz` between -1 and 2. Each operation
/// keeps them so; see [`residue`](super::residue) for what a product makes of its factors' magnitudes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum<C: Curve<L>, const L: usize> {
    x: Coordinate<C, L>,
    y: Coordinate<C, L>,
    zz: Coordinate<C, L>,
    zzz: Coordinate<C, L>,
}

impl<C: Curve<L>, const L: usize> Sum<C, L> {
    pub(super) fn from_affine(point: &Affine<C, L>) -> Self {
        Self {
            x: point.x,
            y: point.y,
            zz: Residue::one(),
            zzz: Residue::one(),
        }
    }

    /// The sum with a point in affine coordinates, whichever two points they are.
    pub(super) fn add(this: &mut Option<Self>, other: &Affine<C, L>) {
        let Some(sum) = this else {
            *this = Some(Self::from_affine(other));
            return;
        };
        let mut x_difference = &other.x * &sum.zz;
        x_difference -= &sum.x;
        let mut y_difference = &other.y * &sum.zzz;
        y_difference -= &sum.y;
        let squared = x_difference.square();
        if squared.product_is_zero() {
            *this = y_difference
                .square()
                .product_is_zero()
                .then(|| Self::from_affine(other).doubled());
            return;
        }
        let cubed = &x_difference * &squared;
        let mut scaled_x = &sum.x * &squared;
        sum.zz = &sum.zz * &squared;
        sum.zzz = &sum.zzz * &cubed;
        sum.x = y_difference.square();
        sum.x -= &cubed;
        sum.x -= &scaled_x;
        sum.x -= &scaled_x;
        sum.x = sum.x.tidy();
        scaled_x -= &sum.x;
        sum.y = y_difference.times_plus(&scaled_x, &-&sum.y, &cubed);
    }

    /// Twice the point. No point of a curve of odd order is its own inverse.
    pub(super) fn doubled(&self) -> Self {
        let Self { x, y, zz, zzz } = self;
        let slope = match C::A {
            A::Zero => x.square().times(3),
            A::MinusThree => (&(x - zz) * &(x + zz)).times(3),
        };
        let double = y.times(2);
        let squared = double.square();
        let cubed = &double * &squared;
        let mut scaled_x = x * &squared;
        let mut double_x = slope.square();
        double_x -= &scaled_x;
        double_x -= &scaled_x;
        let double_x = double_x.tidy();
        scaled_x -= &double_x;
        Self {
            x: double_x,
            y: slope.times_plus(&scaled_x, &-&cubed, y),
            zz: zz * &squared,
            zzz: zzz * &cubed,
        }
    }

    /// Whether the first coordinate is `x`, without a division.
    pub(super) fn has_x(&self, x: &Coordinate<C, L>) -> bool {
        (&(&x.in_form() * &self.zz) - &self.x).tidy().is_zero()
    }
}

/// The multiples of a point, window by window.
pub(in crate::jose) struct Table<C: Curve<L>, const L: usize> {
    window: u32,
    points: Box<[Affine<C, L>]>,
}

/// Some points tell nobody anything.
impl<C: Curve<L>, const L: usize> fmt::Debug for Multiples<C, L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Multiples").finish_non_exhaustive()
    }
}

/// A thousand points tell nobody anything.
impl<C: Curve<L>, const L: usize> fmt::Debug for Table<C, L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Table").finish_non_exhaustive()
    }
}

impl<C: Curve<L>, const L: usize> Table<C, L> {
    pub(super) fn of_generator() -> Self {
        Self::of(&Affine::generator(), C::GENERATOR_WINDOW)
    }

    /// Bytes of the table of a key.
    pub(in crate::jose) fn bytes_of_key() -> usize {
        digits::<C, L>(KEY_WINDOW) * multiples_of(KEY_WINDOW) * size_of::<Affine<C, L>>()
    }

    pub(super) fn of_key(point: &Affine<C, L>) -> Self {
        Self::of(point, KEY_WINDOW)
    }

    fn of(point: &Affine<C, L>, window: u32) -> Self {
        let mut power = Sum::from_affine(point);
        let mut powers = Vec::with_capacity(digits::<C, L>(window));
        for _ in 0..digits::<C, L>(window) {
            powers.push(power);
            for _ in 0..window {
                power = power.doubled();
            }
        }
        let mut points = Vec::with_capacity(powers.len() * multiples_of(window));
        for point in to_affine(&powers) {
            let multiples: Vec<_> = multiples(&point, multiples_of(window)).collect();
            points.extend(to_affine(&multiples));
        }
        let points = points.into();
        Self { window, points }
    }

    /// The sum and the product of the point and a scalar, which is below the order.
    pub(super) fn add_product(&self, sum: &mut Option<Sum<C, L>>, scalar: &Residue<C::Order, L>) {
        let windows = self.points.chunks_exact(multiples_of(self.window));
        for (window, digit) in windows.zip(scalar.signed_digits(self.window)) {
            add_multiple(sum, window, digit);
        }
    }
}

/// The first multiples of a point, of which it is the first itself.
pub(super) struct Multiples<C: Curve<L>, const L: usize>(Box<[Affine<C, L>]>);

impl<C: Curve<L>, const L: usize> Multiples<C, L> {
    pub(super) fn of(point: &Affine<C, L>) -> Self {
        let multiples: Vec<_> = multiples(point, multiples_of(SMALL_WINDOW)).collect();
        Self(to_affine(&multiples).into())
    }

    /// The product of the point and a scalar, which is below the order.
    pub(super) fn product(&self, scalar: &Residue<C::Order, L>) -> Option<Sum<C, L>> {
        let digits: Vec<i32> = scalar
            .signed_digits(SMALL_WINDOW)
            .take(digits::<C, L>(SMALL_WINDOW))
            .collect();
        let mut product = None;
        for digit in digits.iter().rev() {
            for _ in 0..SMALL_WINDOW {
                product = product.as_ref().map(Sum::doubled);
            }
            add_multiple(&mut product, &self.0, *digit);
        }
        product
    }
}

/// How many digits of so many bits a scalar has: five bits of the limbs are never set, and the last digit may be a carry.
fn digits<C: Curve<L>, const L: usize>(window: u32) -> usize {
    let bits = usize::try_from(C::Order::BITS).unwrap_or_default() * L - 5;
    bits / usize::try_from(window).unwrap_or(usize::MAX) + 1
}

/// So many multiples of a point, the point itself the first.
fn multiples<C: Curve<L>, const L: usize>(
    point: &Affine<C, L>,
    count: usize,
) -> impl Iterator<Item = Sum<C, L>> {
    let first = Some(Sum::from_affine(point));
    std::iter::successors(Some(first), |sum| {
        let mut next = *sum;
        Sum::add(&mut next, point);
        Some(next)
    })
    .take(count)
    .flatten()
}

/// The sum and the multiple that a digit stands for.
#[inline(always)]
fn add_multiple<C: Curve<L>, const L: usize>(
    sum: &mut Option<Sum<C, L>>,
    multiples: &[Affine<C, L>],
    digit: i32,
) {
    let magnitude = usize::try_from(digit.unsigned_abs()).unwrap_or_default();
    let Some(point) = magnitude
        .checked_sub(1)
        .and_then(|place| multiples.get(place))
    else {
        return;
    };
    if digit < 0 {
        Sum::add(sum, &point.negated());
    } else {
        Sum::add(sum, point);
    }
}

/// All points with one division: each is the inverse of the product of all, times the other factors.
fn to_affine<C: Curve<L>, const L: usize>(points: &[Sum<C, L>]) -> Vec<Affine<C, L>> {
    let mut product = Residue::one();
    let before: Vec<_> = points
        .iter()
        .map(|point| {
            let before = product;
            product = &product * &point.zzz;
            before
        })
        .collect();
    let mut inverse = &product.out_of_form().inverse() * &Residue::small(1);
    let mut affine: Vec<_> = points
        .iter()
        .zip(before)
        .rev()
        .map(|(point, before)| {
            let cubed = &inverse * &before;
            inverse = &inverse * &point.zzz;
            let squared = (&cubed * &point.zz).square();
            Affine {
                x: &point.x * &squared,
                y: &point.y * &cubed,
            }
        })
        .collect();
    affine.reverse();
    affine
}
