//! Which descriptors can be read now (epoll, level-triggered, never waiting).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub const EVENTS: usize = 256;

pub struct Readiness {
    epoll: OwnedFd,
    events: [libc::epoll_event; EVENTS],
}

impl Readiness {
    pub fn new() -> io::Result<Self> {
        // SAFETY: the new descriptor belongs to nobody else.
        let epoll = unsafe {
            let fd = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(fd)
        };
        Ok(Self { epoll, events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS] })
    }

    /// Watches `fd` until it is closed; `token` names it in `ready`.
    pub fn watch(&self, fd: RawFd, token: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token as u64 };
        // SAFETY: `event` lives through the call.
        let result =
            unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// The tokens of descriptors that can be read, at most 256 of them.
    pub fn ready(&mut self) -> Vec<usize> {
        // SAFETY: the array has room for that many events.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS as libc::c_int,
                0,
            )
        };
        self.events[..count.max(0) as usize].iter().map(|event| event.u64 as usize).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn only_what_can_be_read_is_ready() {
        let mut readiness = Readiness::new().unwrap();
        let (ours, theirs) = (bound(), bound());
        readiness.watch(ours.as_raw_fd(), 7).unwrap();
        assert_eq!(readiness.ready(), Vec::<usize>::new());

        theirs.send_to(b"x", ours.local_addr().unwrap()).unwrap();

        while readiness.ready().is_empty() {}
        assert_eq!(readiness.ready(), [7]);
    }

    fn bound() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }
}
