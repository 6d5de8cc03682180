//! Where a request comes from: the address by which budgets and throttles tell clients apart.

use std::cell::OnceCell;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// The network that one client has to itself: an IPv4 address, or the first 64 bits of an IPv6 address. Whoever has one
/// address of such an IPv6 network has them all (RFC 6177, RFC 7421).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientNetwork {
    /// An IPv4 address, its first byte the highest.
    V4(u32),
    /// The first half of an IPv6 address.
    V6(u64),
}

impl ClientNetwork {
    /// Reads an address as proxies write it: alone or with a port, an IPv6 address in brackets or, alone, without. An
    /// IPv4 address that is mapped into IPv6 is the IPv4 address. `None` for any other text, such as a socket's path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bare = || {
            let inner = text.strip_prefix('[')?.strip_suffix(']')?;
            inner.parse().ok().filter(IpAddr::is_ipv6)
        };
        let address: IpAddr = text
            .parse()
            .ok()
            .or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()))
            .or_else(bare)?;
        Some(match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => {
                Self::V6(u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX))
            }
        })
    }

    /// The network as bytes: which kind it is, and its bits.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 9] {
        let (kind, bits) = match self {
            Self::V4(address) => (4, u64::from(address)),
            Self::V6(half) => (6, half),
        };
        let [a, b, c, d, e, f, g, h] = bits.to_be_bytes();
        [kind, a, b, c, d, e, f, g, h]
    }
}

/// Finds a request's client in the host.
pub type ClientSource = Rc<dyn Fn() -> Option<ClientNetwork>>;

/// The client of one request. The host is asked when the address is first needed, and never again: nearly all requests
/// need none, and an answer costs as much as a header.
///
/// A source may only be asked in a callback of its own request. So [`Gateway`](crate::gateway::Gateway) asks it before
/// it holds a request, whose later turns come in the callbacks of others.
#[derive(Clone, Default)]
pub struct Client {
    source: Option<ClientSource>,
    network: OnceCell<Option<ClientNetwork>>,
}

impl Client {
    /// A client that this source finds.
    #[must_use]
    pub const fn of(source: ClientSource) -> Self {
        Self {
            source: Some(source),
            network: OnceCell::new(),
        }
    }

    /// Its network; `None` where nobody tells.
    #[must_use]
    pub fn network(&self) -> Option<ClientNetwork> {
        let source = self.source.as_ref()?;
        *self.network.get_or_init(|| source())
    }
}

impl From<ClientNetwork> for Client {
    fn from(network: ClientNetwork) -> Self {
        Self::of(Rc::new(move || Some(network)))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn an_address_is_read_in_every_form_that_proxies_write() {
        let v4 = |text: &str| {
            Some(ClientNetwork::V4(
                text.parse::<std::net::Ipv4Addr>().unwrap().to_bits(),
            ))
        };
        let v6 = |half| Some(ClientNetwork::V6(half));
        let half = 0x2001_0db8_0001_0002;
        for (text, want) in [
            ("192.0.2.1", v4("192.0.2.1")),
            ("192.0.2.1:5000", v4("192.0.2.1")),
            ("10.0.0.1:0", v4("10.0.0.1")),
            ("2001:db8:1:2::1", v6(half)),
            ("2001:DB8:1:2:ffff::9", v6(half)),
            ("[2001:db8:1:2::1]", v6(half)),
            ("[2001:db8:1:2::1]:5000", v6(half)),
            ("[fe80::1%2]:5000", v6(0xfe80 << 48)),
            ("::1", v6(0)),
            ("[::ffff:10.9.9.9]:0", v4("10.9.9.9")),
            ("[::ffff:192.0.2.1]", v4("192.0.2.1")),
            ("::ffff:192.0.2.1", v4("192.0.2.1")),
            ("::ffff:c000:201", v4("192.0.2.1")),
        ] {
            assert_eq!(ClientNetwork::parse(text), want, "{text}");
        }
    }

    #[test]
    fn any_other_text_is_nobodys_address() {
        for text in [
            "",
            "/run/a.sock",
            "unix:///run/a.sock",
            "localhost",
            "192.0.2.1:",
            "192.0.2.1:99999",
            "192.0.2",
            "192.0.2.1 ",
            "192.0.2.1, 192.0.2.2",
            "192.0.2.01",
            "[192.0.2.1]",
            "[2001:db8::1",
            "2001:db8::1]",
            "[[2001:db8::1]]",
            "[2001:db8::1]5000",
            "2001:db8",
            ":5000",
            "[]:5000",
            "1.2.3.4\0",
        ] {
            assert_eq!(ClientNetwork::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_host_is_asked_once_and_only_when_somebody_needs_the_address() {
        let asked = Rc::new(Cell::new(0));
        for network in [ClientNetwork::parse("192.0.2.1"), None] {
            asked.set(0);
            let count = Rc::clone(&asked);
            let client = Client::of(Rc::new(move || {
                count.set(count.get() + 1);
                network
            }));
            assert_eq!(asked.get(), 0);
            assert_eq!((client.network(), client.network()), (network, network));
            assert_eq!(asked.get(), 1);
        }
        assert_eq!(Client::default().network(), None);
    }
}
