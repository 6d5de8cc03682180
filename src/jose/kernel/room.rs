//! The room of one VM for what is made of keys ahead of signatures: tables of multiples, Montgomery constants.
//!
//! All of it only saves time, so that a key whose table finds no room is verified with without one. What an issuer
//! publishes must not cost the others anything:
//!
//! * **Nothing is made of a key that has verified nothing.** A key set is read without arithmetic of this kind, and a
//!   table is made after the first signature that held, which no stranger can make. A key set that is read again, by
//!   whichever configuration of the VM, finds what was made of its keys.
//! * **The memory is shared between issuers.** When it is full, an issuer that has less than another gets from it what
//!   makes them equal at most; of its own it may only replace what was not used for long. So no two take the room from
//!   each other in turns.
//! * **The time is bounded.** Of tables, so many bytes are made a second: bytes are in proportion to time.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

use crate::time::MonoTime;

/// Bytes of all that is kept.
pub(in crate::jose) const ROOM: usize = 4 << 20;
/// Bytes of tables that are made a second, some 25 ms of work: the largest table has 418 KiB.
pub(in crate::jose) const BYTES_A_SECOND: usize = 512 << 10;
/// How long something is unused before its issuer may have another thing for it.
const IDLE: Duration = Duration::from_secs(60);

/// The share of one issuer.
#[derive(Clone, Default)]
pub(in crate::jose) struct Share(Rc<Cell<usize>>);

impl Share {
    /// Bytes of what is kept for this issuer.
    pub(in crate::jose) fn bytes(&self) -> usize {
        self.0.get()
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Share").field(&self.bytes()).finish()
    }
}

/// For whom a signature is verified, and when.
#[derive(Clone, Copy, Debug)]
pub(in crate::jose) struct Upkeep<'u> {
    /// Whose room may be used; nothing is kept of a stranger's key.
    pub(in crate::jose) share: Option<&'u Share>,
    pub(in crate::jose) now: MonoTime,
}

impl Upkeep<'_> {
    /// That of a key which is forgotten after the signature.
    pub(in crate::jose) const NONE: Self = Self {
        share: None,
        now: MonoTime::from_millis(0),
    };
}

/// What is kept of one key.
struct Item {
    name: Box<[u8]>,
    made: Rc<dyn Any>,
    bytes: usize,
    owner: RefCell<Weak<Cell<usize>>>,
    /// The number of its last use among all uses.
    used: Cell<u64>,
    used_at: Cell<MonoTime>,
}

/// Where a key looks first: its own item, as long as that is there.
#[derive(Clone, Default)]
pub(in crate::jose) struct Place(RefCell<Weak<Item>>);

/// Whose memory it is tells nobody anything.
impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Place").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Room {
    items: Vec<Rc<Item>>,
    bytes: usize,
    uses: u64,
    /// The second of which this is left to make.
    second: Option<u64>,
    left: usize,
}

thread_local! {
    /// A VM is a thread.
    static OF_VM: RefCell<Room> = RefCell::default();
    #[cfg(test)]
    static MADE: Cell<usize> = const { Cell::new(0) };
}

/// How many tables and constants this thread has made and kept since it forgot them all.
#[cfg(test)]
pub(in crate::jose) fn made() -> usize {
    MADE.get()
}

/// Forgets what was made for other tests of this thread.
#[cfg(test)]
pub(in crate::jose) fn forget_all() {
    OF_VM.take();
    MADE.set(0);
}

impl Place {
    /// Whether something is kept of this key.
    pub(in crate::jose) fn is_taken(&self) -> bool {
        self.0.borrow().strong_count() > 0
    }

    /// What was made of this key, by this set or an earlier one.
    pub(in crate::jose) fn find<T: 'static>(
        &self,
        upkeep: Upkeep<'_>,
        name: &[u8],
    ) -> Option<Rc<T>> {
        let share = upkeep.share?;
        OF_VM.with_borrow_mut(|room| {
            let own = self.0.borrow().upgrade();
            let item = own.or_else(|| {
                let named = |item: &&Rc<Item>| *item.name == *name && item.made.is::<T>();
                let found = room.items.iter().find(named).map(Rc::clone)?;
                *self.0.borrow_mut() = Rc::downgrade(&found);
                Some(found)
            })?;
            room.uses = room.uses.saturating_add(1);
            item.used.set(room.uses);
            item.used_at.set(upkeep.now);
            // Whoever made it may be gone: it is for those who use it.
            if item.owner.borrow().strong_count() == 0 {
                item.give_to(share);
            }
            Rc::clone(&item.made).downcast().ok()
        })
    }

    /// Makes a table of a key that has just verified a signature, where there are room and time for one.
    pub(in crate::jose) fn make<T: 'static>(
        &self,
        upkeep: Upkeep<'_>,
        name: &[u8],
        bytes: usize,
        make: impl FnOnce() -> T,
    ) {
        let may = OF_VM.with_borrow_mut(|room| {
            let may = room.has_time(bytes, upkeep.now) && room.clear(bytes, upkeep);
            if may {
                room.left = room.left.saturating_sub(bytes);
            }
            may
        });
        if may {
            self.keep(upkeep, name, bytes, Rc::new(make()));
        }
    }

    /// Keeps what had to be made for a verification anyway, where there is room.
    pub(in crate::jose) fn offer<T: 'static>(
        &self,
        upkeep: Upkeep<'_>,
        name: &[u8],
        bytes: usize,
        made: &Rc<T>,
    ) {
        if OF_VM.with_borrow_mut(|room| room.clear(bytes, upkeep)) {
            self.keep(upkeep, name, bytes, Rc::<T>::clone(made));
        }
    }

    fn keep(&self, upkeep: Upkeep<'_>, name: &[u8], bytes: usize, made: Rc<dyn Any>) {
        let Some(share) = upkeep.share else { return };
        #[cfg(test)]
        MADE.set(MADE.get() + 1);
        OF_VM.with_borrow_mut(|room| {
            room.uses = room.uses.saturating_add(1);
            let item = Rc::new(Item {
                name: name.into(),
                made,
                bytes,
                owner: RefCell::default(),
                used: Cell::new(room.uses),
                used_at: Cell::new(upkeep.now),
            });
            item.give_to(share);
            room.bytes = room.bytes.saturating_add(bytes);
            *self.0.borrow_mut() = Rc::downgrade(&item);
            room.items.push(item);
        });
    }
}

impl Item {
    fn give_to(&self, share: &Share) {
        share.0.set(share.0.get().saturating_add(self.bytes));
        *self.owner.borrow_mut() = Rc::downgrade(&share.0);
    }
}

impl Room {
    fn has_time(&mut self, bytes: usize, now: MonoTime) -> bool {
        // Another second, also an earlier one: clocks are put back.
        let second = Some(now.as_secs());
        if self.second != second {
            self.second = second;
            self.left = BYTES_A_SECOND;
        }
        bytes <= self.left
    }

    /// Makes room for so many bytes of an issuer; whether there is.
    fn clear(&mut self, bytes: usize, upkeep: Upkeep<'_>) -> bool {
        let Some(share) = upkeep.share else {
            return false;
        };
        while self.bytes.saturating_add(bytes) > ROOM {
            let Some(place) = self.victim(bytes, share, upkeep.now) else {
                return false;
            };
            let item = self.items.swap_remove(place);
            self.bytes = self.bytes.saturating_sub(item.bytes);
            if let Some(owner) = item.owner.borrow().upgrade() {
                owner.set(owner.get().saturating_sub(item.bytes));
            }
        }
        true
    }

    /// What gives way, the longest unused first: what is nobody's, then what belongs to one who has more than this
    /// issuer would have, then what this issuer has not used for long.
    fn victim(&self, bytes: usize, share: &Share, now: MonoTime) -> Option<usize> {
        let wanted = share.bytes().saturating_add(bytes);
        let rank = |item: &Item| match item.owner.borrow().upgrade() {
            None => Some(0),
            Some(owner) if Rc::ptr_eq(&owner, &share.0) => {
                (now.since(item.used_at.get()) > IDLE).then_some(2)
            }
            Some(owner) => (owner.get().saturating_sub(item.bytes) >= wanted).then_some(1),
        };
        let ranked = self.items.iter().enumerate();
        ranked
            .filter_map(|(place, item)| Some(((rank(item)?, item.used.get()), place)))
            .min()
            .map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests;
