//! Sends every datagram back where it came from: what the kernel alone can carry, and what the
//! generator can, without a server in between.

use crate::socket::{BATCH, Inbox, Outbox, Path, Socket};

/// Never returns.
pub fn run(socket: &Socket) -> ! {
    let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
    let mut ready = libc::pollfd { fd: socket.fd(), events: libc::POLLIN, revents: 0 };
    loop {
        let count = inbox.receive(socket.fd());
        for place in 0..count {
            let arrival = inbox.arrival(place);
            outbox.push(arrival.bytes, Path { fd: socket.fd(), from: None, to: arrival.source });
        }
        outbox.flush();
        if count < BATCH {
            // SAFETY: one descriptor, valid during the call.
            unsafe { libc::poll(&mut ready, 1, -1) };
        }
    }
}
