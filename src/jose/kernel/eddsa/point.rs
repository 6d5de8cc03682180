//! Points of Curve25519 in its twisted Edwards form, `y^2 - x^2 = 1 + d x^2 y^2`.
//!
//! The formulas are those of Hisil, Wong, Carter and Dawson ("Twisted Edwards Curves Revisited", 2008). They hold for all
//! points of the curve, equal or inverse to each other, neutral, of small order or of any other.

use super::field::Field;

/// A point by its coordinates, of one unit each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    x: Field,
    y: Field,
}

impl Affine {
    /// RFC 8032 section 5.1.
    pub(super) const GENERATOR: Self = Self {
        x: Field::new([
            0x0f25d51a, 0x0ab16b04, 0x0969ecb2, 0x198ec12a, 0x0dc5c692, 0x1118feeb, 0x0ffb0293,
            0x1a79adca, 0x00216936,
        ]),
        y: Field::new([
            0x06666658, 0x13333333, 0x19999999, 0x0ccccccc, 0x06666666, 0x13333333, 0x19999999,
            0x0ccccccc, 0x00666666,
        ]),
    };

    /// The point of a canonical encoding; `None` where there is none (RFC 8032 section 5.1.3).
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let y = Field::from_bytes(bytes);
        let square = &y * &y;
        let divisor = &square * &Field::D + Field::ONE;
        let x = (&(square - Field::ONE) * &divisor.inverse()).square_root()?;
        let [.., highest] = bytes;
        let is_negative = highest >> 7 == 1;
        Some(Self {
            x: if x.is_odd() == is_negative { x } else { -x },
            y,
        })
    }

    pub(super) fn negated(self) -> Self {
        Self { x: -self.x, ..self }
    }

    /// `y` and the sign of `x` (RFC 8032 section 5.1.2).
    fn to_bytes(self) -> [u8; 32] {
        let mut bytes = self.y.to_bytes();
        let [.., highest] = &mut bytes;
        *highest |= u8::from(self.x.is_odd()) << 7;
        bytes
    }

    /// As what is added.
    pub(super) fn addend(&self) -> Addend {
        Addend {
            plus: &(self.y + self.x) * &Field::HALF,
            minus: &(self.y - self.x) * &Field::HALF,
            product: &(&self.x * &self.y) * &Field::D,
        }
    }
}

/// `(y + x) / 2`, `(y - x) / 2` and `d x y`, of one unit each: what an addition takes of a point.
#[derive(Clone, Copy)]
pub(super) struct Addend {
    plus: Field,
    minus: Field,
    product: Field,
}

/// A point `e / g`, `h / f`: the products are left to what is done with it next, which does not need all of them.
///
/// Units: two fractions, `e` and `h`, one and two; `f` and `g` at most three when multiplied, and `f` three at most.
#[derive(Clone, Copy)]
pub(super) struct Point {
    e: Field,
    f: Field,
    g: Field,
    h: Field,
}

impl Point {
    pub(super) const NEUTRAL: Self = Self {
        e: Field::ZERO,
        f: Field::ONE,
        g: Field::ONE,
        h: Field::ONE,
    };

    /// Adds a point, or subtracts it.
    pub(super) fn add(&mut self, addend: &Addend, is_negative: bool) {
        let Addend {
            plus,
            minus,
            product,
        } = addend;
        let Projective { x, y, z } = self.projective();
        let scaled = &(&self.e * &self.h) * product;
        // Of the inverse point, the sum and the difference change places, and the product its sign.
        let [with_difference, with_sum] = if is_negative {
            [plus, minus]
        } else {
            [minus, plus]
        };
        let difference = &(y - x) * with_difference;
        let sum = &(y + x) * with_sum;
        self.e = sum - difference;
        (self.f, self.g) = (z - scaled, z + scaled);
        if is_negative {
            std::mem::swap(&mut self.f, &mut self.g);
        }
        self.h = (sum + difference).tidy();
    }

    pub(super) fn double(&mut self) {
        let Projective { x, y, z } = self.projective();
        let (x_squared, y_squared, z_squared) = (&x * &x, &y * &y, &z * &z);
        let product = &x * &y;
        self.e = (product + product).tidy();
        self.g = y_squared - x_squared;
        self.f = self.g - z_squared - z_squared;
        self.h = -(x_squared + y_squared);
    }

    #[inline(always)]
    fn projective(&self) -> Projective {
        Projective {
            x: &self.e * &self.f,
            y: &self.g * &self.h,
            z: &self.f * &self.g,
        }
    }

    /// The canonical encoding (RFC 8032 section 5.1.2).
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let Projective { x, y, z } = self.projective();
        let inverse = z.inverse();
        let point = Affine {
            x: &x * &inverse,
            y: &y * &inverse,
        };
        point.to_bytes()
    }
}

impl From<&Affine> for Point {
    fn from(point: &Affine) -> Self {
        Self {
            e: point.x,
            h: point.y,
            ..Self::NEUTRAL
        }
    }
}

/// A point `x / z`, `y / z`.
struct Projective {
    x: Field,
    y: Field,
    z: Field,
}

/// All points with one division: each is the inverse of the product of all, times the other factors.
pub(super) fn to_affine(points: &[Point]) -> Vec<Affine> {
    let mut product = Field::ONE;
    let points: Vec<_> = points
        .iter()
        .map(|point| {
            let before = product;
            let point = point.projective();
            product = &product * &point.z;
            (point, before)
        })
        .collect();
    let mut inverse = product.inverse();
    let mut affine: Vec<_> = points
        .iter()
        .rev()
        .map(|(point, before)| {
            let own = &inverse * before;
            inverse = &inverse * &point.z;
            Affine {
                x: &point.x * &own,
                y: &point.y * &own,
            }
        })
        .collect();
    affine.reverse();
    affine
}
