//! The tables of one VM: that of the generator, and those of a bounded number of keys.
//!
//! A key set is parsed again whenever its issuer is asked again, mostly with the same keys: their tables are kept.

use std::sync::{Arc, Mutex, OnceLock};

/// What the tables of keys may take, for each curve. Keys that come when no table can go have none.
const MAX_BYTES: usize = 1 << 20;

/// The multiples of a point.
pub(in crate::jose) trait Table {
    /// The table of the curve's generator.
    fn of_generator() -> Self;

    /// Bytes of the table of a key.
    fn bytes_of_key() -> usize;
}

/// The tables of one curve.
#[derive(Debug)]
pub(in crate::jose) struct Tables<T> {
    generator: OnceLock<T>,
    keys: Mutex<Vec<Entry<T>>>,
}

/// The coordinates of a point, and its table.
type Entry<T> = (Box<[u8]>, Arc<T>);

impl<T: Table> Tables<T> {
    pub(super) const fn new() -> Self {
        Self {
            generator: OnceLock::new(),
            keys: Mutex::new(Vec::new()),
        }
    }

    /// The table of the generator, made when the first key is parsed.
    pub(super) fn generator(&self) -> &T {
        self.generator.get_or_init(T::of_generator)
    }

    /// The table of a point; `None` where there is no room for it. The generator's is made too, not when a token comes.
    ///
    /// The first table of a key that is no longer used makes room.
    pub(super) fn of_key(
        &self,
        coordinates: Box<[u8]>,
        table: impl FnOnce() -> T,
    ) -> Option<Arc<T>> {
        self.generator();
        let room = MAX_BYTES / T::bytes_of_key();
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
        let table = Arc::new(table());
        keys.push((coordinates, Arc::clone(&table)));
        Some(table)
    }
}
