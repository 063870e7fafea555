//! What one session heard of its own echo during the measurement: which packets came, how often,
//! in which order, how evenly (RFC 3550 section 6.4.1 and appendix A.8). Pure.

use std::ops::Range;

use crate::pacing::INTERVAL_NS;

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Sent before or after the measurement.
    Unmeasured,
    First,
    /// The first copy, after a packet that was sent later.
    FirstLate,
    Duplicate,
}

/// The packets of one session, by the counter that they carry.
#[derive(Default)]
pub struct Reception {
    measured: Range<u32>,
    seen: Vec<u64>,
    highest: Option<u32>,
    heard: u32,
    transit_ns: Option<i64>,
    jitter_ns: f64,
}

impl Reception {
    /// Packets from this counter on are measured.
    pub fn begin(&mut self, counter: u32) {
        *self = Self { measured: counter..u32::MAX, ..Self::default() };
    }

    /// Packets from this counter on are no longer measured.
    pub fn end(&mut self, counter: u32) {
        self.measured.end = counter;
    }

    /// Notes a packet that arrived at `arrived_ns`.
    pub fn hear(&mut self, counter: u32, arrived_ns: u64) -> Heard {
        if !self.measured.contains(&counter) {
            return Heard::Unmeasured;
        }
        let place = counter - self.measured.start;
        let (word, bit) = (place as usize / 64, 1u64 << (place % 64));
        if word >= self.seen.len() {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] & bit != 0 {
            return Heard::Duplicate;
        }
        self.seen[word] |= bit;
        self.heard += 1;
        self.update_jitter(counter, arrived_ns);
        let is_late = self.highest.is_some_and(|highest| counter < highest);
        if is_late {
            return Heard::FirstLate;
        }
        self.highest = Some(counter);
        Heard::First
    }

    /// The interarrival jitter so far; `None` before the second packet.
    pub fn jitter_ns(&self) -> Option<u64> {
        (self.heard > 1).then_some(self.jitter_ns as u64)
    }

    /// The media time of a packet is its counter: 960 ticks of 48 kHz each.
    fn update_jitter(&mut self, counter: u32, arrived_ns: u64) {
        let transit_ns = arrived_ns as i64 - (u64::from(counter) * INTERVAL_NS) as i64;
        if let Some(before_ns) = self.transit_ns.replace(transit_ns) {
            let change_ns = (transit_ns - before_ns).unsigned_abs() as f64;
            self.jitter_ns += (change_ns - self.jitter_ns) / 16.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measuring_from(counter: u32) -> Reception {
        let mut reception = Reception::default();
        reception.begin(counter);
        reception
    }

    #[test]
    fn a_second_copy_is_a_duplicate_however_late() {
        let mut reception = measuring_from(100);

        assert_eq!(reception.hear(100, 0), Heard::First);
        (101..1_000).for_each(|counter| assert_eq!(reception.hear(counter, 0), Heard::First));
        assert_eq!(reception.hear(100, 0), Heard::Duplicate);
    }

    #[test]
    fn a_packet_after_a_later_one_is_late_once() {
        let mut reception = measuring_from(0);
        reception.hear(0, 0);
        reception.hear(2, 0);

        assert_eq!(reception.hear(1, 0), Heard::FirstLate);
        assert_eq!(reception.hear(3, 0), Heard::First);
    }

    #[test]
    fn only_packets_of_the_measurement_count() {
        let mut reception = measuring_from(10);
        reception.end(12);

        let heard = [9, 10, 11, 12].map(|counter| reception.hear(counter, 0));

        assert_eq!(heard, [Heard::Unmeasured, Heard::First, Heard::First, Heard::Unmeasured]);
    }

    #[test]
    fn nothing_is_measured_before_the_beginning() {
        assert_eq!(Reception::default().hear(0, 0), Heard::Unmeasured);
    }

    #[test]
    fn even_arrivals_have_no_jitter() {
        let mut reception = measuring_from(0);
        for counter in 0..50 {
            reception.hear(counter, 7_000 + u64::from(counter) * INTERVAL_NS);
        }

        assert_eq!(reception.jitter_ns(), Some(0));
    }

    #[test]
    fn jitter_nears_the_mean_change_of_transit() {
        let mut reception = measuring_from(0);
        for counter in 0..500u32 {
            let wobble_ns = if counter % 2 == 0 { 0 } else { 4_000_000 };
            reception.hear(counter, u64::from(counter) * INTERVAL_NS + wobble_ns);
        }

        assert!(reception.jitter_ns().unwrap().abs_diff(4_000_000) < 10);
    }

    #[test]
    fn one_packet_alone_has_no_jitter_to_tell() {
        let mut reception = measuring_from(5);
        assert_eq!(reception.jitter_ns(), None);
        reception.hear(5, 1);

        assert_eq!(reception.jitter_ns(), None);
    }
}
