//! The sums over all sessions: integers and histograms, touched once a packet.

use std::collections::BTreeMap;

use crate::histogram::Histogram;
use crate::reception::{Heard, Reception};
use crate::rounds::LATE_NS;
use crate::rtp::Probe;

/// What happened to media during the measurement, and to stray packets at any time.
pub struct Tally {
    pub sent: u64,
    pub received: u64,
    pub reordered: u64,
    pub duplicates: u64,
    /// Opened, but the payload is not as it was sent, or the probe of another session.
    pub altered: u64,
    /// Whose offset of sequence number or time stamp changed under way (a break in the echo).
    pub renumbered: u64,
    pub retimed: u64,
    /// SRTP or SRTCP that did not open.
    pub unopened: u64,
    /// Datagrams for no session, or of no kind that we know.
    pub strays: u64,
    pub rtcp_sent: u64,
    pub rtcp_received: u64,
    /// From the send time in the packet to the kernel's stamp of its return, in ns.
    pub latency: Histogram,
    /// One value a session, in ns.
    pub jitter: Histogram,
    /// How long after its turn a packet was sent, in ns.
    pub lateness: Histogram,
    pub late_sends: u64,
}

impl Tally {
    pub fn new() -> Self {
        Self {
            sent: 0,
            received: 0,
            reordered: 0,
            duplicates: 0,
            altered: 0,
            renumbered: 0,
            retimed: 0,
            unopened: 0,
            strays: 0,
            rtcp_sent: 0,
            rtcp_received: 0,
            latency: Histogram::new(),
            jitter: Histogram::new(),
            lateness: Histogram::new(),
            late_sends: 0,
        }
    }

    /// Notes a turn that was spoken so long after it was due.
    pub fn speak(&mut self, late_ns: u64) {
        self.sent += 1;
        self.lateness.record(late_ns);
        self.late_sends += u64::from(late_ns > LATE_NS);
    }

    /// Notes an echo of the session that `reception` belongs to.
    pub fn hear(&mut self, reception: &mut Reception, probe: Probe, arrived_ns: u64) {
        match reception.hear(probe.counter, arrived_ns) {
            Heard::Unmeasured => return,
            Heard::Duplicate => {
                self.duplicates += 1;
                return;
            }
            Heard::FirstLate => self.reordered += 1,
            Heard::First => {}
        }
        self.received += 1;
        self.latency.record(arrived_ns.saturating_sub(probe.sent_ns));
    }

    /// An echo may have numbers of its own, but the distance to ours (sequence, time stamp) must
    /// stay, or a listener would hear a gap or a jump that was not there.
    pub fn compare(&mut self, before: Option<(u16, u32)>, offsets: (u16, u32)) {
        if let Some((sequence, timestamp)) = before {
            self.renumbered += u64::from(offsets.0 != sequence);
            self.retimed += u64::from(offsets.1 != timestamp);
        }
    }
}

/// What happened to set-ups.
pub struct SetUps {
    pub connected: u64,
    /// Refusals with `Retry-After` that were heeded.
    pub delayed: u64,
    pub failed: BTreeMap<&'static str, u64>,
    /// Sessions that ended by themselves after they were connected.
    pub lost: BTreeMap<&'static str, u64>,
    pub ended: u64,
    pub not_ended: u64,
    pub first_post_ns: Option<u64>,
    pub last_connected_ns: u64,
    /// From POST to the 201, to the finished handshake, and from DELETE to its answer, in ns.
    pub answer: Histogram,
    pub connect: Histogram,
    pub end: Histogram,
}

impl SetUps {
    pub fn new() -> Self {
        Self {
            connected: 0,
            delayed: 0,
            failed: BTreeMap::new(),
            lost: BTreeMap::new(),
            ended: 0,
            not_ended: 0,
            first_post_ns: None,
            last_connected_ns: 0,
            answer: Histogram::new(),
            connect: Histogram::new(),
            end: Histogram::new(),
        }
    }

    /// Set-ups per second, from the first POST to the last finished handshake.
    pub fn per_s(&self) -> f64 {
        let first_ns = self.first_post_ns.unwrap_or(self.last_connected_ns);
        let seconds = self.last_connected_ns.saturating_sub(first_ns) as f64 / 1e9;
        if seconds > 0.0 { self.connected as f64 / seconds } else { 0.0 }
    }
}
