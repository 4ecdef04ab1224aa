//! The sockets that peers come to: bound before the cell is started where they were asked for.
//!
//! What must stay true: they are the host's, close-on-exec, made in the host's own network; what can't be listened at is
//! an error that names the address, before anything runs.
//! Clauses: P2P-03, P2P-04, P2P-05.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, getsockname, listen, setsockopt,
    socket, sockopt,
};

use super::address::{Address, Over};

/// A socket that listens.
#[derive(Debug)]
pub struct Bound {
    /// Where, its port known.
    pub address: Address,
    /// The socket.
    pub socket: Socket,
}

/// A socket of either kind.
#[derive(Debug)]
pub enum Socket {
    /// One that listens.
    Tcp(TcpListener),
    /// One to which packets of all connections come.
    Quic(UdpSocket),
}

/// Why there is nothing to listen at. Exit code 1.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at {address}")]
pub struct ListenError {
    address: String,
    source: io::Error,
}

/// Listens at each of the addresses.
pub fn all(addresses: &[Address]) -> Result<Vec<Bound>, ListenError> {
    let one =
        |address: &Address| Bound::new(*address).map_err(|source| ListenError { address: address.to_string(), source });
    addresses.iter().map(one).collect()
}

impl Bound {
    fn new(address: Address) -> io::Result<Bound> {
        let family = if address.at.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = match address.over {
            Over::Tcp => socket(family, SockType::Stream, flags, SockProtocol::Tcp)?,
            Over::Quic => socket(family, SockType::Datagram, flags, SockProtocol::Udp)?,
        };
        if address.over == Over::Tcp {
            // A port whose last connections linger is free (socket(7)); one that somebody listens at isn't. On a socket of
            // UDP it would let two have the same.
            setsockopt(&fd, sockopt::ReuseAddr, &true)?;
        }
        if address.at.is_ipv6() {
            // `/ip6/::` doesn't speak of IPv4.
            setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
        }
        bind(fd.as_raw_fd(), &SockaddrStorage::from(address.at))?;
        let address = Address { at: at(&fd)?, ..address };
        let socket = match address.over {
            Over::Tcp => {
                // As many may wait to be taken as the machine has room for: peers may come all at once.
                listen(&fd, Backlog::MAXALLOWABLE)?;
                Socket::Tcp(fd.into())
            }
            Over::Quic => Socket::Quic(fd.into()),
        };
        Ok(Bound { address, socket })
    }

    /// Where peers can come to: an address that stands for all of the machine's is told as those.
    pub(super) fn reachable(&self) -> Vec<Address> {
        let here = self.address;
        if !here.at.ip().is_unspecified() {
            return vec![here];
        }
        let all = getifaddrs().into_iter().flatten().filter_map(|interface| interface.address);
        let ips = all.filter_map(|found| match (found.as_sockaddr_in(), found.as_sockaddr_in6()) {
            (Some(v4), _) if here.at.is_ipv4() => Some(IpAddr::V4(v4.ip())),
            // One of a link alone needs that link's name, which a multiaddr of ours doesn't have.
            (_, Some(v6)) if here.at.is_ipv6() && !v6.ip().is_unicast_link_local() => Some(IpAddr::V6(v6.ip())),
            _ => None,
        });
        ips.map(|ip| here.with_ip(ip)).collect()
    }
}

fn at(fd: &OwnedFd) -> io::Result<SocketAddr> {
    let name: SockaddrStorage = getsockname(fd.as_raw_fd())?;
    let v4 = name.as_sockaddr_in().map(|at| SocketAddr::V4((*at).into()));
    let v6 = name.as_sockaddr_in6().map(|at| SocketAddr::V6((*at).into()));
    v4.or(v6).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
