//! ECDSA verification (SEC 1 section 4.1.4) with a table of the key's multiples besides that of the generator's.
//! Keys that have no table have a few multiples, and doublings in between.

use std::cell::OnceCell;
use std::rc::Rc;

use super::{
    point::{Affine, Curve, Multiples, Sum, Table},
    residue::Residue,
    room::{Place, Upkeep},
};

/// A public key, of which nothing is computed before it has a signature to verify; the table of the generator is the
/// VM's.
#[derive(Clone, Debug)]
pub(in crate::jose) struct EcdsaKernel<C: Curve<L>, const L: usize> {
    point: Affine<C, L>,
    /// Both coordinates, which name what is kept of the key.
    coordinates: Box<[u8]>,
    place: Place,
    /// What there is without a table: a verification costs a doubling for each bit of the scalar besides.
    multiples: OnceCell<Rc<Multiples<C, L>>>,
}

impl<C: Curve<L>, const L: usize> EcdsaKernel<C, L> {
    /// A key from its coordinates, big-endian, of a point that is known to be on the curve; `None` where they are not
    /// below the field's prime.
    pub(in crate::jose) fn new(x: &[u8], y: &[u8]) -> Option<Self> {
        Some(Self {
            point: Affine::from_be_bytes(x, y)?,
            coordinates: [x, y].concat().into(),
            place: Place::default(),
            multiples: OnceCell::new(),
        })
    }

    /// Whether it has a table, without which a signature costs four times as much.
    pub(in crate::jose) fn has_table(&self) -> bool {
        self.place.is_taken()
    }

    /// Whether `signature`, two numbers of the order's length, is the key's for a hash that is no longer than that.
    /// The first that is makes a table for those to come, where the VM has room and time for one.
    pub(in crate::jose) fn verify(
        &self,
        hash: &[u8],
        signature: &[u8],
        upkeep: Upkeep<'_>,
    ) -> bool {
        let table = self.place.find(upkeep, &self.coordinates);
        let holds = self
            .holds(hash, signature, table.as_deref())
            .unwrap_or(false);
        if holds && table.is_none() {
            let bytes = Table::<C, L>::bytes_of_key();
            self.place.make(upkeep, &self.coordinates, bytes, || {
                Table::of_key(&self.point)
            });
        }
        holds
    }

    pub(super) fn holds(
        &self,
        hash: &[u8],
        signature: &[u8],
        table: Option<&Table<C, L>>,
    ) -> Option<bool> {
        let (r, s) = signature.split_at_checked(C::BYTES)?;
        if s.len() != C::BYTES || [r, s].iter().any(|half| half.iter().all(|byte| *byte == 0)) {
            return None;
        }
        let (r, s) = (Residue::from_be_bytes(r)?, Residue::from_be_bytes(s)?);
        let (hash, _) = Residue::from_be_bytes_modulo(hash);
        let inverse = s.inverse();
        let scalar = (&r * &inverse).out_of_form();
        let mut sum = match table {
            Some(table) => {
                let mut product = None;
                table.add_product(&mut product, &scalar);
                product
            }
            None => self
                .multiples
                .get_or_init(|| Rc::new(Multiples::of(&self.point)))
                .product(&scalar),
        };
        let scalar = (&hash * &inverse).out_of_form();
        C::generator_table().add_product(&mut sum, &scalar);
        Some(has_x_modulo_order(&sum?, &r))
    }
}

/// The first coordinate is below the field's prime, `r` below the smaller order: one or two numbers are congruent.
fn has_x_modulo_order<C: Curve<L>, const L: usize>(
    point: &Sum<C, L>,
    r: &Residue<C::Order, L>,
) -> bool {
    let x = r.cast();
    let wrapped = (&x + &Residue::modulus_of::<C::Order>()).tidy();
    point.has_x(&x) || wrapped.is_below_modulus() && point.has_x(&wrapped)
}
