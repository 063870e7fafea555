//! One TCP connection of a WebSocket session. What arrives carries the kernel's time stamp, as
//! datagrams do in `socket`.

use std::io::{self, ErrorKind, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

use crate::clock::realtime_ns;
use crate::socket::{CONTROL_BYTES, Control, arrival_ns, set};

const READ_BYTES: usize = 16 << 10;

pub struct Wire {
    stream: TcpStream,
}

/// Room for what is read, shared by all wires.
pub struct Room {
    bytes: Box<[u8; READ_BYTES]>,
    control: Control,
}

impl Room {
    pub fn new() -> Self {
        Self { bytes: Box::new([0; READ_BYTES]), control: Control([0; CONTROL_BYTES]) }
    }
}

impl Wire {
    /// Connects; to a server nearby that takes no time.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        set(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        Ok(Self { stream })
    }

    pub fn fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Sends what the kernel takes of `outgoing` and removes it there.
    pub fn send(&mut self, outgoing: &mut Vec<u8>) -> io::Result<()> {
        while !outgoing.is_empty() {
            match self.stream.write(outgoing) {
                Ok(count) => drop(outgoing.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes what has arrived, and when the last of it did on the real time clock. `None` when
    /// nothing has; an empty slice is the end.
    pub fn receive<'a>(&mut self, room: &'a mut Room) -> io::Result<Option<(&'a [u8], u64)>> {
        let mut vector =
            libc::iovec { iov_base: room.bytes.as_mut_ptr().cast(), iov_len: READ_BYTES };
        // SAFETY: all fields are plain C data, for which zero is a valid value.
        let mut header: libc::msghdr = unsafe { mem::zeroed() };
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = room.control.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_BYTES;
        // SAFETY: the header points to the vector and to the room, which outlive the call.
        let count = unsafe { libc::recvmsg(self.fd(), &mut header, libc::MSG_DONTWAIT) };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == ErrorKind::WouldBlock { Ok(None) } else { Err(error) };
        }
        let at_ns = arrival_ns(&header).unwrap_or_else(realtime_ns);
        Ok(Some((&room.bytes[..count as usize], at_ns)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;
    use crate::clock::{NS_PER_MS, NS_PER_US, monotonic_ns, sleep_until};

    fn pair() -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Wire::connect(listener.local_addr().unwrap()).unwrap();
        (wire, listener.accept().unwrap().0)
    }

    #[test]
    fn what_is_read_late_carries_the_time_of_its_arrival() {
        let (mut wire, mut far) = pair();
        let mut room = Room::new();
        assert!(wire.receive(&mut room).unwrap().is_none());

        let sent_ns = realtime_ns();
        far.write_all(b"hello").unwrap();
        let written_ns = realtime_ns();
        sleep_until(monotonic_ns() + 30 * NS_PER_MS); // the lateness itself is what is tested
        let (bytes, at_ns) = wire.receive(&mut room).unwrap().unwrap();

        assert_eq!(bytes, b"hello");
        assert!((sent_ns..written_ns + 500 * NS_PER_US).contains(&at_ns));
    }

    #[test]
    fn the_far_ends_close_is_an_empty_read() {
        let (mut wire, far) = pair();
        drop(far);

        let mut room = Room::new();
        let bytes = loop {
            if let Some((bytes, _)) = wire.receive(&mut room).unwrap() {
                break bytes.len();
            }
        };
        assert_eq!(bytes, 0);
    }

    #[test]
    fn what_the_kernel_does_not_take_stays() {
        let (mut wire, mut far) = pair();
        let mut outgoing = vec![7; 64 << 20];

        wire.send(&mut outgoing).unwrap();
        let left = outgoing.len();
        assert!(left > 0);
        let mut taken = vec![0; (64 << 20) - left];
        far.read_exact(&mut taken).unwrap();

        assert!(taken.iter().all(|&byte| byte == 7));
    }
}
