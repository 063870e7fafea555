//! Which socket and which source address belong to which session, so that to the server each
//! session has an address and port of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::readiness::Readiness;
use crate::socket::{Inbox, Path, Socket};

/// The address of session 0; each further session has the next one.
const FIRST_ADDRESS: u32 = u32::from_be_bytes([127, 64, 0, 1]);

pub struct Network {
    sockets: Vec<Socket>,
    /// One socket, an address for each session; else a socket for each.
    is_shared: bool,
    readiness: Readiness,
}

impl Network {
    pub fn open(sessions: usize, is_shared: bool) -> io::Result<Self> {
        let count = if is_shared { 1 } else { sessions };
        let readiness = Readiness::new()?;
        let sockets = (0..count)
            .map(|place| {
                let socket = Socket::open()?;
                readiness.watch(socket.fd(), place)?;
                Ok(socket)
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { sockets, is_shared, readiness })
    }

    /// The way from a session to `to`.
    pub fn path(&self, session: usize, to: SocketAddrV4) -> Path {
        if self.is_shared {
            let from = Ipv4Addr::from(FIRST_ADDRESS + session as u32);
            return Path { fd: self.sockets[0].fd(), from: Some(from), to };
        }
        Path { fd: self.sockets[session].fd(), from: None, to }
    }

    /// The session that a datagram at `socket` for `local` belongs to.
    pub fn session_of(&self, socket: usize, local: Ipv4Addr) -> Option<usize> {
        if self.is_shared {
            return u32::from(local).checked_sub(FIRST_ADDRESS).map(|session| session as usize);
        }
        Some(socket)
    }

    /// The sockets that may hold datagrams.
    pub fn readable(&mut self) -> Vec<usize> {
        if self.is_shared { vec![0] } else { self.readiness.ready() }
    }

    /// Takes waiting datagrams from a socket; returns how many are in `inbox`.
    pub fn receive(&self, socket: usize, inbox: &mut Inbox) -> usize {
        inbox.receive(self.sockets[socket].fd())
    }

    /// Datagrams lost because we read too slowly, on all sockets since they were opened.
    pub fn dropped(&self) -> u64 {
        self.sockets.iter().map(Socket::dropped).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_on_one_socket_have_addresses_of_their_own() {
        let network = Network::open(70_000, true).unwrap();
        let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);

        for session in [0, 1, 255, 69_999] {
            let from = network.path(session, to).from.unwrap();
            assert!(from.is_loopback());
            assert_eq!(network.session_of(0, from), Some(session));
        }
        assert_eq!(network.session_of(0, Ipv4Addr::LOCALHOST), None);
    }

    #[test]
    fn sessions_with_sockets_of_their_own_are_known_by_them() {
        let network = Network::open(2, false).unwrap();
        let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);

        assert_ne!(network.path(0, to).fd, network.path(1, to).fd);
        assert_eq!(network.session_of(1, Ipv4Addr::LOCALHOST), Some(1));
    }
}
