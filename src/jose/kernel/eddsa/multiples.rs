//! The multiples of a point, and the sums of products that are made of them.
//!
//! A scalar is a row of signed digits. A point has a window, the multiples that a digit there can stand for, for
//! every so many digits: what those in between stand for is added before it is doubled. So a product is one addition for
//! each digit, and a few doublings, which all products of a sum share.

use std::fmt;

use super::{
    point::{Addend, Affine, Point, to_affine},
    scalar::{DIGITS, Scalar},
};

/// Which multiples of a point there are.
#[derive(Clone, Copy, Debug)]
pub(in crate::jose::kernel) struct Shape {
    /// Bits of a digit.
    width: usize,
    /// Digits from one window to the next.
    stride: usize,
    /// Multiples in all windows together.
    count: usize,
}

impl Shape {
    /// Those of a point that has a table: 19 windows. The last is for the digit of bit 252, which is zero or one.
    pub(in crate::jose::kernel) const TABLE: Self = Self {
        width: 7,
        stride: 2,
        count: 18 * 64 + 1,
    };
    /// Those of a point for whose table there is no room: one window.
    pub(in crate::jose::kernel) const FEW: Self = Self {
        width: 4,
        stride: 64,
        count: 8,
    };

    /// Multiples in a window.
    const fn window(self) -> usize {
        1 << (self.width - 1)
    }

    /// Bytes of all multiples.
    pub(in crate::jose::kernel) const fn bytes(self) -> usize {
        self.count * size_of::<Addend>()
    }
}

/// The multiples of a point.
pub(in crate::jose::kernel) struct Multiples {
    shape: Shape,
    addends: Box<[Addend]>,
}

/// A thousand points tell nobody anything.
impl fmt::Debug for Multiples {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Multiples").finish_non_exhaustive()
    }
}

impl Multiples {
    pub(super) fn of(point: &Affine, shape: Shape) -> Self {
        let mut multiples = Vec::with_capacity(shape.count);
        for power in powers(point, shape) {
            let addend = power.addend();
            let mut sum = Point::from(&power);
            for _ in 0..shape.window().min(shape.count - multiples.len()) {
                multiples.push(sum);
                sum.add(&addend, false);
            }
        }
        let addends = to_affine(&multiples).iter().map(Affine::addend).collect();
        Self { shape, addends }
    }

    pub(super) fn windows(&self) -> impl Iterator<Item = &[Addend]> {
        self.addends.chunks(self.shape.window())
    }

    /// Adds the multiples of the digits that are worth `2^bit` in their windows.
    fn add_at(&self, sum: &mut Point, bit: usize, digits: &[i8; DIGITS]) {
        let Shape { width, stride, .. } = self.shape;
        if !bit.is_multiple_of(width) || bit >= width * stride {
            return;
        }
        let digits = digits.iter().skip(bit / width).step_by(stride);
        for (window, digit) in self.windows().zip(digits) {
            let magnitude = usize::from(digit.unsigned_abs());
            let place = magnitude.checked_sub(1);
            if let Some(addend) = place.and_then(|place| window.get(place)) {
                sum.add(addend, *digit < 0);
            }
        }
    }
}

/// The first multiple of each window.
fn powers(point: &Affine, shape: Shape) -> Vec<Affine> {
    let mut power = Point::from(point);
    let mut powers = vec![power];
    for _ in 1..shape.count.div_ceil(shape.window()) {
        for _ in 0..shape.width * shape.stride {
            power.double();
        }
        powers.push(power);
    }
    to_affine(&powers)
}

/// The sum of products of points and scalars.
pub(in crate::jose::kernel) fn sum_of_products(products: [(&Multiples, Scalar); 2]) -> Point {
    let products =
        products.map(|(multiples, scalar)| (multiples, scalar.digits(multiples.shape.width)));
    let bits = products
        .iter()
        .map(|(multiples, _)| multiples.shape.width * (multiples.shape.stride - 1));
    let highest = bits.max().unwrap_or_default();
    let mut sum = Point::NEUTRAL;
    for bit in (0..=highest).rev() {
        for (multiples, digits) in &products {
            multiples.add_at(&mut sum, bit, digits);
        }
        if bit > 0 {
            sum.double();
        }
    }
    sum
}
