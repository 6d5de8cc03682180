//! EdDSA verification on Curve25519 (RFC 8032 section 5.1.7), in the strict reading: all encodings are canonical, neither
//! the key nor `R` is of small order, and the equation has no cofactor.
//!
//! `[s]B - [k]A` is encoded and compared with `R`, so that `R` is not decoded, and is canonical where it is equal.

mod bits;
mod divsteps;
mod field;
mod multiples;
mod point;
mod scalar;

use std::sync::Arc;

use sha2::{Digest, Sha512};

use self::{
    multiples::{Multiples, Shape, sum_of_products},
    point::Affine,
    scalar::Scalar,
};
use super::tables::{Table, Tables};

/// A public key; the table of the generator is the VM's.
#[derive(Clone, Debug)]
pub(in crate::jose) struct EddsaKernel {
    bytes: [u8; 32],
    /// Those of the inverse point.
    multiples: Arc<Multiples>,
}

impl Table for Multiples {
    fn of_generator() -> Self {
        Self::of(&Affine::GENERATOR, Shape::TABLE)
    }

    fn bytes_of_key() -> usize {
        Shape::TABLE.bytes()
    }
}

static TABLES: Tables<Multiples> = Tables::new();

impl EddsaKernel {
    /// A key from a canonical encoding of a point that is not of small order; `None` where there is no point. One that is
    /// `kept` has a table where the VM has not as many as it may.
    pub(in crate::jose) fn new(bytes: &[u8; 32], kept: bool) -> Option<Self> {
        let inverse = Affine::from_bytes(bytes)?.negated();
        let of = |shape| Multiples::of(&inverse, shape);
        let table = || TABLES.of_key((*bytes).into(), || of(Shape::TABLE));
        let table = kept.then(table).flatten();
        Some(Self {
            bytes: *bytes,
            multiples: table.unwrap_or_else(|| Arc::new(of(Shape::FEW))),
        })
    }

    /// Whether it has a table, without which a signature costs three times as much.
    pub(in crate::jose) fn has_table(&self) -> bool {
        self.multiples.shape().is_table()
    }

    /// The same with multiples of a shape, without regard to how many tables there are.
    #[cfg(test)]
    pub(super) fn of_shape(bytes: &[u8; 32], shape: Shape) -> Option<Self> {
        let inverse = Affine::from_bytes(bytes)?.negated();
        Some(Self {
            bytes: *bytes,
            multiples: Arc::new(Multiples::of(&inverse, shape)),
        })
    }

    /// Whether `signature`, the encoding of a point and a scalar, is the key's for a message.
    pub(in crate::jose) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.holds(message, signature).unwrap_or(false)
    }

    fn holds(&self, message: &[u8], signature: &[u8]) -> Option<bool> {
        let (r, s) = signature.split_first_chunk::<32>()?;
        let s = Scalar::from_bytes(s.try_into().ok()?)?;
        if is_of_small_order(r) {
            return None;
        }
        let hash = Sha512::digest([r.as_slice(), &self.bytes, message].concat());
        let k = Scalar::from_hash(&hash.into());
        let sum = sum_of_products([(TABLES.generator(), s), (&self.multiples, k)]);
        Some(sum.to_bytes() == *r)
    }
}

/// Whether these bytes are the canonical encoding of a point whose order divides 8, with either sign.
fn is_of_small_order(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    let [.., highest] = &mut y;
    *highest &= 0x7f;
    SMALL_ORDERS.contains(&y)
}

/// The coordinates `y` of the points of order 4, 1, 2, 8 and 8.
const SMALL_ORDERS: [[u8; 32]; 5] = [
    repeated(0, 0, 0),
    repeated(1, 0, 0),
    repeated(0xec, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

const fn repeated(lowest: u8, rest: u8, highest: u8) -> [u8; 32] {
    let mut bytes = [rest; 32];
    let [first, .., last] = &mut bytes;
    (*first, *last) = (lowest, highest);
    bytes
}

#[cfg(test)]
mod tests;
