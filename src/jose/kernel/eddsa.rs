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

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::OnceLock;

use sha2::{Digest, Sha512};

use self::{
    multiples::{Multiples, Shape, sum_of_products},
    point::Affine,
    scalar::Scalar,
};
use super::room::{Place, Upkeep};

/// A public key, of which nothing is computed before it has a signature to verify; the table of the generator is the
/// VM's.
#[derive(Clone, Debug)]
pub(in crate::jose) struct EddsaKernel {
    bytes: [u8; 32],
    place: Place,
    /// The inverse point and what there is of it without a table; nothing where the bytes are no point.
    few: OnceCell<Option<Rc<(Affine, Multiples)>>>,
}

fn generator_table() -> &'static Multiples {
    static TABLE: OnceLock<Multiples> = OnceLock::new();
    TABLE.get_or_init(|| Multiples::of(&Affine::GENERATOR, Shape::TABLE))
}

impl EddsaKernel {
    /// A key from a canonical encoding of a point that is not of small order; one of no point verifies nothing.
    pub(in crate::jose) fn new(bytes: &[u8; 32]) -> Self {
        Self {
            bytes: *bytes,
            place: Place::default(),
            few: OnceCell::new(),
        }
    }

    /// Whether it has a table, without which a signature costs four times as much.
    pub(in crate::jose) fn has_table(&self) -> bool {
        self.place.is_taken()
    }

    /// The inverse point and its first multiples; `None` where there is no point.
    fn few(&self) -> Option<&(Affine, Multiples)> {
        let few = || {
            let inverse = Affine::from_bytes(&self.bytes)?.negated();
            let multiples = Multiples::of(&inverse, Shape::FEW);
            Some(Rc::new((inverse, multiples)))
        };
        self.few.get_or_init(few).as_deref()
    }

    /// Whether `signature`, the encoding of a point and a scalar, is the key's for a message.
    /// The first that is makes a table for those to come, where the VM has room and time for one.
    pub(in crate::jose) fn verify(
        &self,
        message: &[u8],
        signature: &[u8],
        upkeep: Upkeep<'_>,
    ) -> bool {
        if let Some(table) = self.place.find::<Multiples>(upkeep, &self.bytes) {
            return self.holds(message, signature, &table).unwrap_or(false);
        }
        let Some((inverse, few)) = self.few() else {
            return false;
        };
        let holds = self.holds(message, signature, few).unwrap_or(false);
        if holds {
            let bytes = Shape::TABLE.bytes();
            let make = || Multiples::of(inverse, Shape::TABLE);
            self.place.make(upkeep, &self.bytes, bytes, make);
        }
        holds
    }

    pub(super) fn holds(
        &self,
        message: &[u8],
        signature: &[u8],
        multiples: &Multiples,
    ) -> Option<bool> {
        let (r, s) = signature.split_first_chunk::<32>()?;
        let s = Scalar::from_bytes(s.try_into().ok()?)?;
        if is_of_small_order(r) {
            return None;
        }
        let hash = Sha512::digest([r.as_slice(), &self.bytes, message].concat());
        let k = Scalar::from_hash(&hash.into());
        let sum = sum_of_products([(generator_table(), s), (multiples, k)]);
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
