//! Requests at a chosen rate over many connections, what became of them, and what that cost the process that answered.
//!
//! One thread serves all connections of a [`Flow`], so that ten thousand of them cost a laboratory of two cores little.
//! Requests are sent when they are due, whether those before them were answered or not: an answer that is late never
//! slows its sender down.

mod callers;
mod connection;
mod crowd;
mod flow;
mod process;
mod tally;

pub use callers::{BOUND, Callers, FRESH, KNOWN, OPEN};
pub use crowd::Crowd;
pub use flow::{Flow, Running, Shot};
pub use process::{Usage, linear_memory, pause, raise_file_limit, resume, usage};
pub use tally::{Kind, Tally};

use std::net::Ipv4Addr;

/// So many addresses of the loopback network, from which connections can be opened on Linux: `127.block.0.1` and on.
pub fn addresses(block: u8, many: u8) -> Vec<Ipv4Addr> {
    (1..=many)
        .map(|last| Ipv4Addr::new(127, block, 0, last))
        .collect()
}
