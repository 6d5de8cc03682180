//! Free local ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): a port from
/// here is not lost to one between its choice and its use.
const FIRST: u16 = 16_384;
const COUNT: u16 = 16_384;

/// An address on the loopback interface whose port is free, and is not given out twice by this process.
///
/// Another program's server can take it before it is used; whoever starts a server on it sees that as a failure
/// to bind.
///
/// # Errors
/// When the machine has no free port.
pub fn free() -> Result<SocketAddr, String> {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Suites that run side by side begin at different places.
    let start = std::process::id().wrapping_mul(97);
    (0..COUNT)
        .map(|_| {
            let turn = u32::from(GIVEN.fetch_add(1, Ordering::Relaxed));
            let place = start.wrapping_add(turn) % u32::from(COUNT);
            local(FIRST + u16::try_from(place).unwrap_or(0))
        })
        .find(|addr| TcpListener::bind(addr).is_ok())
        .ok_or_else(|| "no free local port".to_owned())
}

/// The loopback address with this port where it is free, else with one that is.
///
/// # Errors
/// When the machine has no free port.
pub fn preferred(port: u16) -> Result<SocketAddr, String> {
    let wanted = local(port);
    match TcpListener::bind(wanted) {
        Ok(_) => Ok(wanted),
        Err(_) => free(),
    }
}

/// The loopback address with this port.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
