//! The media of one connected session: makes the next packet, reads the echo.

use crate::clock::realtime_ns;
use crate::reception::Reception;
use crate::rtp::{self, Header, Probe};
use crate::srtp::{MasterKey, Opener, Profile, Sealer};
use crate::tally::Tally;

const NTP_EPOCH_OFFSET_S: u64 = 2_208_988_800;
const CNAME: &[u8] = b"load";

/// What is fixed for a stream.
#[derive(Clone, Copy)]
pub struct Format {
    pub session: u32,
    pub payload_type: u8,
    pub ssrc: u32,
}

/// One session's voice and its echo.
pub struct Stream {
    format: Format,
    sealer: Sealer,
    opener: Opener,
    counter: u32,
    first_sequence: u16,
    first_timestamp: u32,
    /// How the echo's numbers differ from ours; must never change (sequence, time stamp).
    offsets: Option<(u16, u32)>,
    pub reception: Reception,
}

impl Stream {
    /// `outgoing` seals, `incoming` opens. Numbers start at random, as RFC 3550 asks.
    pub fn new(
        format: Format,
        profile: Profile,
        outgoing: &MasterKey,
        incoming: &MasterKey,
        random: u64,
    ) -> Self {
        Self {
            format,
            sealer: Sealer::new(profile, outgoing),
            opener: Opener::new(profile, incoming),
            counter: 0,
            first_sequence: random as u16,
            first_timestamp: (random >> 16) as u32,
            offsets: None,
            reception: Reception::default(),
        }
    }

    /// The counter that the next packet carries.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// Writes the next packet, sealed, into `room`; returns its length.
    pub fn speak(&mut self, room: &mut [u8]) -> usize {
        let header = Header {
            payload_type: self.format.payload_type,
            sequence: self.sequence_of(self.counter),
            timestamp: self.timestamp_of(self.counter),
            ssrc: self.format.ssrc,
        };
        let probe =
            Probe { session: self.format.session, counter: self.counter, sent_ns: realtime_ns() };
        self.counter += 1;
        let length = rtp::write_packet(room, header, probe);
        self.sealer.seal_rtp(room, length)
    }

    /// Writes a sender report with a CNAME, sealed (RFC 3550 sections 6.4.1, 6.5).
    pub fn report(&mut self, room: &mut [u8]) -> usize {
        let now_ns = realtime_ns();
        let seconds = (now_ns / 1_000_000_000 + NTP_EPOCH_OFFSET_S) as u32;
        let fraction = ((u128::from(now_ns % 1_000_000_000) << 32) / 1_000_000_000) as u32;
        let mut packet = vec![0x80, 200, 0, 6];
        for word in [
            self.format.ssrc,
            seconds,
            fraction,
            self.timestamp_of(self.counter),
            self.counter,
            self.counter.wrapping_mul(rtp::PROBE_BYTES as u32),
        ] {
            packet.extend(word.to_be_bytes());
        }
        packet.extend([0x81, 202, 0, 3]);
        packet.extend(self.format.ssrc.to_be_bytes());
        packet.extend([1, CNAME.len() as u8]);
        packet.extend(CNAME);
        packet.resize(packet.len() + 2, 0);
        room[..packet.len()].copy_from_slice(&packet);
        self.sealer.seal_rtcp(room, packet.len())
    }

    /// Reads what came back. `arrived_ns` is on the real time clock.
    pub fn hear(&mut self, packet: &mut [u8], arrived_ns: u64, tally: &mut Tally) {
        let is_rtcp = packet.len() > 1 && (192..=223).contains(&packet[1]);
        if is_rtcp {
            match self.opener.open_rtcp(packet) {
                Ok(_) => tally.rtcp_received += 1,
                Err(_) => tally.unopened += 1,
            }
            return;
        }
        let Ok(length) = self.opener.open_rtp(packet) else {
            tally.unopened += 1;
            return;
        };
        let packet = &packet[..length];
        let probe = rtp::payload(packet)
            .and_then(|range| rtp::read_probe(&packet[range], rtp::PROBE_BYTES));
        match probe {
            Some(probe) if probe.session == self.format.session => {
                self.compare_numbers(packet, probe.counter, tally);
                tally.hear(&mut self.reception, probe, arrived_ns);
            }
            _ => tally.altered += 1,
        }
    }

    fn compare_numbers(&mut self, packet: &[u8], counter: u32, tally: &mut Tally) {
        let sequence = rtp::sequence(packet).wrapping_sub(self.sequence_of(counter));
        let timestamp = rtp::timestamp(packet).wrapping_sub(self.timestamp_of(counter));
        let offsets = (sequence, timestamp);
        tally.compare(self.offsets.replace(offsets), offsets);
    }

    fn sequence_of(&self, counter: u32) -> u16 {
        self.first_sequence.wrapping_add(counter as u16)
    }

    fn timestamp_of(&self, counter: u32) -> u32 {
        self.first_timestamp.wrapping_add(counter.wrapping_mul(rtp::TICKS_PER_PACKET))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that hears what it says: both directions have one key.
    fn mirror() -> Stream {
        let key = MasterKey { key: [1; 16], salt: [2; 14] };
        let format = Format { session: 5, payload_type: 111, ssrc: 0xabcd };
        let mut stream = Stream::new(format, Profile::Aes128CmSha1, &key, &key, u64::MAX);
        stream.reception.begin(0);
        stream
    }

    fn said(stream: &mut Stream) -> Vec<u8> {
        let mut room = vec![0; 256];
        let length = stream.speak(&mut room);
        room.truncate(length);
        room
    }

    #[test]
    fn what_is_said_and_echoed_is_received_with_its_latency() {
        let (mut stream, mut tally) = (mirror(), Tally::new());
        for _ in 0..3 {
            let mut packet = said(&mut stream);
            let arrived_ns = realtime_ns() + 3_000_000;
            stream.hear(&mut packet, arrived_ns, &mut tally);
        }

        assert_eq!((tally.received, tally.unopened, tally.altered), (3, 0, 0));
        assert_eq!((tally.renumbered, tally.retimed), (0, 0));
        assert!((3_000_000..4_000_000).contains(&tally.latency.percentile(50.0)));
    }

    #[test]
    fn reports_are_counted_apart() {
        let (mut stream, mut tally) = (mirror(), Tally::new());
        let mut room = vec![0; 256];
        let length = stream.report(&mut room);

        stream.hear(&mut room[..length], 1, &mut tally);

        assert_eq!((tally.rtcp_received, tally.received, tally.unopened), (1, 0, 0));
    }

    #[test]
    fn a_duplicate_is_not_received_twice() {
        let (mut stream, mut tally) = (mirror(), Tally::new());
        let packet = said(&mut stream);

        stream.hear(&mut packet.clone(), realtime_ns(), &mut tally);
        stream.hear(&mut packet.clone(), realtime_ns(), &mut tally);

        assert_eq!((tally.received, tally.duplicates), (1, 1));
    }

    #[test]
    fn another_sessions_packet_is_altered_not_received() {
        let (mut stream, mut tally) = (mirror(), Tally::new());
        stream.format.session = 6;
        let mut packet = said(&mut stream);
        stream.format.session = 5;

        stream.hear(&mut packet, realtime_ns(), &mut tally);

        assert_eq!((tally.received, tally.altered), (0, 1));
    }

    #[test]
    fn an_echo_that_jumps_in_its_numbers_is_noticed() {
        let (mut stream, mut tally) = (mirror(), Tally::new());
        let mut first = said(&mut stream);
        let mut second = said(&mut stream);

        stream.hear(&mut first, 1, &mut tally);
        stream.first_sequence = stream.first_sequence.wrapping_sub(1);
        stream.first_timestamp = stream.first_timestamp.wrapping_sub(1);
        stream.hear(&mut second, 2, &mut tally);

        assert_eq!((tally.renumbered, tally.retimed), (1, 1));
    }

    #[test]
    fn noise_is_unopened() {
        let (mut stream, mut tally) = (mirror(), Tally::new());

        stream.hear(&mut [0x80; 100], 1, &mut tally);
        stream.hear(&mut [0x80], 1, &mut tally);
        stream.hear(&mut [0x80, 200], 1, &mut tally);

        assert_eq!(tally.unopened, 3);
    }
}
