//! The tables of one VM: that of the generator, and those of a bounded number of keys.
//!
//! A key set is parsed again whenever its issuer is asked again, mostly with the same keys: their tables are kept.

use std::sync::{Arc, Mutex, OnceLock};

use super::point::{Affine, Curve, Table};

/// What the tables of keys may take, for each curve. Keys that come when no table can go have none.
const MAX_BYTES: usize = 1 << 20;

/// The tables of one curve.
#[derive(Debug)]
pub(in crate::jose) struct Tables<C: Curve<L>, const L: usize> {
    generator: OnceLock<Table<C, L>>,
    keys: Mutex<Vec<Entry<C, L>>>,
}

/// The coordinates of a point, and its table.
type Entry<C, const L: usize> = (Box<[u8]>, Arc<Table<C, L>>);

impl<C: Curve<L>, const L: usize> Tables<C, L> {
    pub(super) const fn new() -> Self {
        Self {
            generator: OnceLock::new(),
            keys: Mutex::new(Vec::new()),
        }
    }

    /// The table of the generator, made when the first key is parsed.
    pub(super) fn generator(&self) -> &Table<C, L> {
        self.generator.get_or_init(Table::of_generator)
    }

    /// The table of a point; `None` where there is no room for it. The generator's is made too, not when a token comes.
    ///
    /// The first table of a key that is no longer used makes room.
    pub(super) fn of_key(
        &self,
        coordinates: Box<[u8]>,
        point: &Affine<C, L>,
    ) -> Option<Arc<Table<C, L>>> {
        self.generator();
        let room = MAX_BYTES / Table::<C, L>::bytes_of_key();
        let mut keys = self.keys.lock().ok()?;
        if let Some((_, table)) = keys.iter().find(|(held, _)| *held == coordinates) {
            return Some(Arc::clone(table));
        }
        if keys.len() >= room {
            let unused = keys
                .iter()
                .position(|(_, table)| Arc::strong_count(table) == 1)?;
            keys.remove(unused);
        }
        let table = Arc::new(Table::of_key(point));
        keys.push((coordinates, Arc::clone(&table)));
        Some(table)
    }
}
