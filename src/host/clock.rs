//! The host's clocks, as one reading. All contexts of a VM have them in common.

use std::cell::RefCell;

use super::call;
use crate::time::{Now, Steady};

thread_local! {
    static STEADY: RefCell<Steady> = const { RefCell::new(Steady::new()) };
}

/// What time it is, or `None` from a host without a wall clock.
///
/// Envoy's monotonic clock is the process's, so its VMs compare what they measure. `ngx_wasm_module` answers by the wall
/// clock of nginx's loop whatever it is asked, the same in all workers, and APISIX by the instance's own.
pub(super) fn now() -> Option<Now> {
    let wall = call::wall_clock()?;
    STEADY.with_borrow_mut(|steady| Some(steady.read(wall, call::monotonic_clock)))
}
