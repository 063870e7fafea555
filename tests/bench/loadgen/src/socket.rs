//! UDP in batches. One socket carries many sessions: each has a source address of its own in
//! 127.0.0.0/8, chosen per packet (IP_PKTINFO), and arrivals carry the kernel's time stamp, so
//! that the generator's own waiting does not count as the server's. All `unsafe` of media is here.

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use crate::clock::NS_PER_S;

pub const BATCH: usize = 64;
const DATAGRAM_BYTES: usize = 2048;
pub const CONTROL_BYTES: usize = 128;
const SOCKET_BUFFER_BYTES: libc::c_int = 32 << 20;
const SK_MEMINFO_FIELDS: usize = 9;
const SK_MEMINFO_DROPS: usize = 8;

/// A socket on a port of the kernel's choice, on all addresses.
pub struct Socket {
    inner: UdpSocket,
}

impl Socket {
    /// Opens one. Its buffers are as large as our rights allow.
    pub fn open() -> io::Result<Self> {
        let inner = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        inner.set_nonblocking(true)?;
        let fd = inner.as_raw_fd();
        set(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        set(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        // "Do not fragment" spares the kernel an identification for each packet.
        set(fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)?;
        for (forced, polite) in
            [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)]
        {
            if set(fd, libc::SOL_SOCKET, forced, SOCKET_BUFFER_BYTES).is_err() {
                set(fd, libc::SOL_SOCKET, polite, SOCKET_BUFFER_BYTES)?;
            }
        }
        Ok(Self { inner })
    }

    pub fn local_port(&self) -> io::Result<u16> {
        Ok(self.inner.local_addr()?.port())
    }

    pub fn fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }

    /// Packets that the kernel threw away because we were slow to read them.
    pub fn dropped(&self) -> u64 {
        let mut fields = [0u32; SK_MEMINFO_FIELDS];
        let mut size = mem::size_of_val(&fields) as libc::socklen_t;
        // SAFETY: `fields` and `size` describe the same memory.
        let failed = unsafe {
            libc::getsockopt(
                self.fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                fields.as_mut_ptr().cast(),
                &mut size,
            )
        };
        if failed == 0 { u64::from(fields[SK_MEMINFO_DROPS]) } else { 0 }
    }
}

/// Sets an option that is a C int.
pub fn set(
    fd: RawFd,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let size = mem::size_of_val(&value) as libc::socklen_t;
    // SAFETY: the value is a C int of that size.
    let result = unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Room for what the kernel tells beside the bytes.
#[repr(C, align(8))]
pub struct Control(pub [u8; CONTROL_BYTES]);

/// A datagram with all that the kernel wants to know or tell about it.
struct Slot {
    bytes: [u8; DATAGRAM_BYTES],
    control: Control,
    address: libc::sockaddr_in,
    vector: libc::iovec,
}

/// Slots and the headers that point into them; both are on the heap and never move.
struct Batch {
    slots: Box<[Slot]>,
    headers: Box<[libc::mmsghdr]>,
}

impl Batch {
    fn new() -> Self {
        // SAFETY: all fields are plain C data or bytes, for which zero is a valid value.
        let zeroed = || unsafe { mem::zeroed::<Slot>() };
        let mut slots: Box<[Slot]> = (0..BATCH).map(|_| zeroed()).collect();
        let headers = slots
            .iter_mut()
            .map(|slot| {
                slot.vector = libc::iovec {
                    iov_base: slot.bytes.as_mut_ptr().cast(),
                    iov_len: DATAGRAM_BYTES,
                };
                // SAFETY: as above.
                let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
                header.msg_hdr.msg_name = (&raw mut slot.address).cast();
                header.msg_hdr.msg_iov = &raw mut slot.vector;
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_control = slot.control.0.as_mut_ptr().cast();
                header
            })
            .collect();
        Self { slots, headers }
    }
}

/// One datagram that came in.
pub struct Arrival<'a> {
    pub bytes: &'a mut [u8],
    pub source: SocketAddrV4,
    /// Our address that it was sent to.
    pub local: Ipv4Addr,
    /// When the kernel got it, on the real time clock.
    pub at_ns: u64,
}

/// Receives.
pub struct Inbox {
    batch: Batch,
}

impl Inbox {
    pub fn new() -> Self {
        Self { batch: Batch::new() }
    }

    /// Takes up to `BATCH` waiting datagrams; returns how many. Never blocks.
    pub fn receive(&mut self, fd: RawFd) -> usize {
        for header in &mut self.batch.headers {
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_hdr.msg_controllen = CONTROL_BYTES;
        }
        // SAFETY: the headers point into slots that this batch owns.
        let count = unsafe {
            libc::recvmmsg(
                fd,
                self.batch.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        // An error is "nothing there" or an ICMP answer to something sent earlier: the missing
        // echo counts as loss.
        count.max(0) as usize
    }

    /// The datagram at `index`, below what `receive` returned.
    pub fn arrival(&mut self, index: usize) -> Arrival<'_> {
        let header = &self.batch.headers[index];
        let (local, at_ns) = read_control(&header.msg_hdr);
        let slot = &mut self.batch.slots[index];
        Arrival {
            bytes: &mut slot.bytes[..header.msg_len as usize],
            source: SocketAddrV4::new(
                Ipv4Addr::from(u32::from_be(slot.address.sin_addr.s_addr)),
                u16::from_be(slot.address.sin_port),
            ),
            local,
            at_ns,
        }
    }
}

/// When the kernel got what `header` was filled with, if it says so.
pub fn arrival_ns(header: &libc::msghdr) -> Option<u64> {
    let (_, at_ns) = read_control(header);
    (at_ns > 0).then_some(at_ns)
}

fn read_control(header: &libc::msghdr) -> (Ipv4Addr, u64) {
    let (mut local, mut at_ns) = (Ipv4Addr::UNSPECIFIED, 0);
    // SAFETY: the kernel has filled the control buffer that `header` names; the macros stay in it,
    // and the data of each type is read without asking for alignment.
    unsafe {
        let mut entry = libc::CMSG_FIRSTHDR(header);
        while let Some(control) = entry.as_ref() {
            let data = libc::CMSG_DATA(entry);
            match (control.cmsg_level, control.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                    local = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let time = data.cast::<libc::timespec>().read_unaligned();
                    at_ns = time.tv_sec as u64 * NS_PER_S + time.tv_nsec as u64;
                }
                _ => {}
            }
            entry = libc::CMSG_NXTHDR(header, entry);
        }
    }
    (local, at_ns)
}

/// Where a datagram goes, and from where.
#[derive(Clone, Copy)]
pub struct Path {
    pub fd: RawFd,
    /// `None`: as the kernel's routes say.
    pub from: Option<Ipv4Addr>,
    pub to: SocketAddrV4,
}

/// Sends.
pub struct Outbox {
    batch: Batch,
    fds: [RawFd; BATCH],
    filled: usize,
    /// Datagrams that the kernel did not take.
    pub refused: u64,
}

impl Outbox {
    pub fn new() -> Self {
        Self { batch: Batch::new(), fds: [-1; BATCH], filled: 0, refused: 0 }
    }

    /// Room for the next datagram; `commit` takes it.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.batch.slots[self.filled].bytes
    }

    /// Queues the first `length` bytes of `room`; a full batch is sent at once.
    pub fn commit(&mut self, length: usize, path: Path) {
        let slot = &mut self.batch.slots[self.filled];
        slot.vector.iov_len = length;
        slot.address.sin_family = libc::AF_INET as libc::sa_family_t;
        slot.address.sin_port = path.to.port().to_be();
        slot.address.sin_addr.s_addr = u32::from(*path.to.ip()).to_be();
        let header = &mut self.batch.headers[self.filled].msg_hdr;
        header.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_controllen = match path.from {
            Some(from) => write_source(header, from),
            None => 0,
        };
        self.fds[self.filled] = path.fd;
        self.filled += 1;
        if self.filled == BATCH {
            self.flush();
        }
    }

    /// Queues a datagram that lies elsewhere.
    pub fn push(&mut self, datagram: &[u8], path: Path) {
        self.room()[..datagram.len()].copy_from_slice(datagram);
        self.commit(datagram.len(), path);
    }

    /// Sends all that is queued.
    pub fn flush(&mut self) {
        let mut start = 0;
        while start < self.filled {
            let fd = self.fds[start];
            let run = self.fds[start..self.filled].iter().take_while(|&&other| other == fd).count();
            // SAFETY: `start + run` is within the headers, which point into our slots.
            let sent = unsafe {
                let first = self.batch.headers.as_mut_ptr().add(start);
                libc::sendmmsg(fd, first, run as libc::c_uint, 0)
            };
            if sent <= 0 {
                self.refused += 1;
            }
            start += sent.max(1) as usize;
        }
        self.filled = 0;
    }
}

/// Writes the source address as control data; returns its length.
fn write_source(header: &mut libc::msghdr, from: Ipv4Addr) -> usize {
    let info = libc::in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: libc::in_addr { s_addr: u32::from(from).to_be() },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    let size = mem::size_of_val(&info) as libc::c_uint;
    header.msg_controllen = CONTROL_BYTES;
    // SAFETY: the control buffer has room for one small entry, and is aligned for its header.
    unsafe {
        let entry = &mut *libc::CMSG_FIRSTHDR(header);
        entry.cmsg_level = libc::IPPROTO_IP;
        entry.cmsg_type = libc::IP_PKTINFO;
        entry.cmsg_len = libc::CMSG_LEN(size) as usize;
        libc::CMSG_DATA(entry).cast::<libc::in_pktinfo>().write_unaligned(info);
        libc::CMSG_SPACE(size) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::realtime_ns;

    fn receive_one(inbox: &mut Inbox, socket: &Socket) {
        let mut ready = libc::pollfd { fd: socket.fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one descriptor, valid during the call.
        assert_eq!(unsafe { libc::poll(&mut ready, 1, 5_000) }, 1, "nothing came in five seconds");
        assert_eq!(inbox.receive(socket.fd()), 1);
    }

    #[test]
    fn a_datagram_comes_from_the_address_that_was_asked_for() {
        let (ours, theirs) = (Socket::open().unwrap(), Socket::open().unwrap());
        let (mut outbox, mut inbox) = (Outbox::new(), Inbox::new());
        let from = Ipv4Addr::new(127, 64, 3, 9);
        let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, theirs.local_port().unwrap());
        let before_ns = realtime_ns();

        outbox.push(b"hello", Path { fd: ours.fd(), from: Some(from), to });
        outbox.flush();
        receive_one(&mut inbox, &theirs);

        let arrival = inbox.arrival(0);
        assert_eq!(arrival.bytes, b"hello");
        assert_eq!(arrival.source, SocketAddrV4::new(from, ours.local_port().unwrap()));
        assert_eq!(arrival.local, Ipv4Addr::LOCALHOST);
        assert!((before_ns..=realtime_ns()).contains(&arrival.at_ns));
    }

    #[test]
    fn an_answer_tells_which_of_our_addresses_it_was_for() {
        let (ours, theirs) = (Socket::open().unwrap(), Socket::open().unwrap());
        let (mut outbox, mut inbox) = (Outbox::new(), Inbox::new());
        let local = Ipv4Addr::new(127, 64, 0, 200);
        let to = SocketAddrV4::new(local, ours.local_port().unwrap());

        outbox.push(b"back", Path { fd: theirs.fd(), from: None, to });
        outbox.flush();
        receive_one(&mut inbox, &ours);

        assert_eq!(inbox.arrival(0).local, local);
    }

    #[test]
    fn more_than_a_batch_is_sent_by_itself_and_counted_when_refused() {
        let socket = Socket::open().unwrap();
        let mut outbox = Outbox::new();
        let nowhere = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

        for _ in 0..BATCH + 1 {
            outbox.push(b"x", Path { fd: socket.fd(), from: None, to: nowhere });
        }

        assert_eq!((outbox.filled, outbox.refused), (1, BATCH as u64));
    }
}
