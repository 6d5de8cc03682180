//! ECDSA verification (SEC 1 section 4.1.4) with a table of the key's multiples besides that of the generator's.
//! Keys for whose tables there is no room have a few multiples, and doublings in between.

use std::sync::Arc;

use super::{
    point::{Affine, Curve, Multiples, Sum, Table},
    residue::Residue,
};

/// A public key; the table of the generator is the VM's.
#[derive(Clone, Debug)]
pub(in crate::jose) struct EcdsaKernel<C: Curve<L>, const L: usize>(Key<C, L>);

#[derive(Clone, Debug)]
enum Key<C: Curve<L>, const L: usize> {
    /// As the table of its multiples.
    Table(Arc<Table<C, L>>),
    /// As its first multiples: a verification costs a doubling for each bit of the scalar besides.
    Multiples(Arc<Multiples<C, L>>),
}

impl<C: Curve<L>, const L: usize> EcdsaKernel<C, L> {
    /// A key from its coordinates, big-endian, of a point that is known to be on the curve; `None` where they are not
    /// below the field's prime. One that is `kept` has a table where the VM has not as many as it may.
    pub(in crate::jose) fn new(x: &[u8], y: &[u8], kept: bool) -> Option<Self> {
        let point = Affine::from_be_bytes(x, y)?;
        let table = || C::tables().of_key([x, y].concat().into(), || Table::of_key(&point));
        let few = || Key::Multiples(Arc::new(Multiples::of(&point)));
        let table = kept.then(table).flatten();
        Some(Self(table.map_or_else(few, Key::Table)))
    }

    /// Whether it has a table, without which a signature costs three times as much.
    pub(in crate::jose) const fn has_table(&self) -> bool {
        matches!(self.0, Key::Table(_))
    }

    /// The same without regard to how many tables there are.
    #[cfg(test)]
    pub(super) fn without_limit(x: &[u8], y: &[u8]) -> Option<Self> {
        let point = Affine::from_be_bytes(x, y)?;
        Some(Self(Key::Table(Arc::new(Table::of_key(&point)))))
    }

    /// Whether `signature`, two numbers of the order's length, is the key's for a hash that is no longer than that.
    pub(in crate::jose) fn verify(&self, hash: &[u8], signature: &[u8]) -> bool {
        self.holds(hash, signature).unwrap_or(false)
    }

    fn holds(&self, hash: &[u8], signature: &[u8]) -> Option<bool> {
        let (r, s) = signature.split_at_checked(C::BYTES)?;
        if s.len() != C::BYTES || [r, s].iter().any(|half| half.iter().all(|byte| *byte == 0)) {
            return None;
        }
        let (r, s) = (Residue::from_be_bytes(r)?, Residue::from_be_bytes(s)?);
        let (hash, _) = Residue::from_be_bytes_modulo(hash);
        let inverse = s.inverse();
        let scalar = (&r * &inverse).out_of_form();
        let mut sum = match &self.0 {
            Key::Table(table) => {
                let mut product = None;
                table.add_product(&mut product, &scalar);
                product
            }
            Key::Multiples(multiples) => multiples.product(&scalar),
        };
        let scalar = (&hash * &inverse).out_of_form();
        C::tables().generator().add_product(&mut sum, &scalar);
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
