//! Free local ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// An address on the loopback interface whose port was free a moment ago.
///
/// Another process can take it before it is used; whoever starts a server on it sees that as a
/// failure to bind.
///
/// # Errors
/// When the machine has no free port.
pub fn free() -> Result<SocketAddr, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("no free local port: {error}"))
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
