//! RTP as this generator sends it, and the probe inside: a packet that carries its own send time
//! (RFC 3550 section 5.1). Pure.

use std::ops::Range;

pub const HEADER_BYTES: usize = 12;
pub const PROBE_BYTES: usize = 90;
pub const PACKET_BYTES: usize = HEADER_BYTES + PROBE_BYTES;
pub const TICKS_PER_PACKET: u32 = 960;

const OPUS_TOC: u8 = 0xfc; // CELT, full band, 20 ms, stereo, one frame (RFC 6716 section 3.1)
const FILLER: u8 = 0x5a;
const FILLER_START: usize = 1 + 4 + 4 + 8;

/// What the header of an outgoing packet says.
#[derive(Clone, Copy)]
pub struct Header {
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

/// The content of a packet: who sent it, as which, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    pub session: u32,
    pub counter: u32,
    pub sent_ns: u64,
}

/// Writes header and probe at the start of `buffer`; returns their length, `PACKET_BYTES`.
pub fn write_packet(buffer: &mut [u8], header: Header, probe: Probe) -> usize {
    buffer[0] = 0x80;
    buffer[1] = header.payload_type;
    buffer[2..4].copy_from_slice(&header.sequence.to_be_bytes());
    buffer[4..8].copy_from_slice(&header.timestamp.to_be_bytes());
    buffer[8..12].copy_from_slice(&header.ssrc.to_be_bytes());
    write_probe(&mut buffer[HEADER_BYTES..PACKET_BYTES], probe);
    PACKET_BYTES
}

/// Fills a payload of any codec with a probe; it must have room for one.
pub fn write_probe(payload: &mut [u8], probe: Probe) {
    payload[0] = OPUS_TOC;
    payload[1..5].copy_from_slice(&probe.session.to_be_bytes());
    payload[5..9].copy_from_slice(&probe.counter.to_be_bytes());
    payload[9..17].copy_from_slice(&probe.sent_ns.to_be_bytes());
    payload[FILLER_START..].fill(FILLER);
}

/// Reads a probe of `size` bytes; `None` when any byte of the payload is not as it was sent.
pub fn read_probe(payload: &[u8], size: usize) -> Option<Probe> {
    let is_whole = payload.len() == size
        && payload[0] == OPUS_TOC
        && payload[FILLER_START..].iter().all(|&byte| byte == FILLER);
    is_whole.then(|| Probe {
        session: u32::from_be_bytes(payload[1..5].try_into().expect("four bytes")),
        counter: u32::from_be_bytes(payload[5..9].try_into().expect("four bytes")),
        sent_ns: u64::from_be_bytes(payload[9..17].try_into().expect("eight bytes")),
    })
}

/// The sequence number. The packet must be as long as a header.
pub fn sequence(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

/// The media time stamp. The packet must be as long as a header.
pub fn timestamp(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]])
}

/// The source. The packet must be as long as a header.
pub fn ssrc(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]])
}

/// Where the header with its sources and extension ends; `None` when it does not fit.
pub fn header_end(packet: &[u8]) -> Option<usize> {
    if packet.len() < HEADER_BYTES || packet[0] >> 6 != 2 {
        return None;
    }
    let mut end = HEADER_BYTES + 4 * usize::from(packet[0] & 0x0f);
    if packet[0] & 0x10 != 0 {
        let words = u16::from_be_bytes([*packet.get(end + 2)?, *packet.get(end + 3)?]);
        end += 4 + 4 * usize::from(words);
    }
    (end <= packet.len()).then_some(end)
}

/// Where the payload of an opened packet lies, without padding.
pub fn payload(packet: &[u8]) -> Option<Range<usize>> {
    let start = header_end(packet)?;
    let padding = if packet[0] & 0x20 != 0 { usize::from(*packet.last()?) } else { 0 };
    let end = packet.len().checked_sub(padding)?;
    (start <= end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::bytes;

    fn packet() -> Vec<u8> {
        let header = Header { payload_type: 111, sequence: 65535, timestamp: 7, ssrc: 0xcafe };
        let mut buffer = vec![0; 200];
        let length = write_packet(&mut buffer, header, probe());
        buffer.truncate(length);
        buffer
    }

    fn probe() -> Probe {
        Probe { session: 3, counter: 9, sent_ns: 1 << 60 }
    }

    #[test]
    fn a_probe_is_read_as_it_was_written() {
        let packet = packet();

        assert_eq!(read_probe(&packet[payload(&packet).unwrap()], PROBE_BYTES), Some(probe()));
        assert_eq!(packet[..12], bytes("80 6f ffff 00000007 0000cafe"));
        assert_eq!((sequence(&packet), timestamp(&packet), ssrc(&packet)), (65535, 7, 0xcafe));
    }

    #[test]
    fn one_changed_byte_makes_no_probe() {
        let mut packet = packet();
        *packet.last_mut().unwrap() ^= 1;

        assert_eq!(read_probe(&packet[12..], PROBE_BYTES), None);
    }

    #[test]
    fn sources_extension_and_padding_are_not_payload() {
        let packet = bytes("b1 6f 0001 00000000 00000001 00000002 bede0001 10ff0000 aabb 0002");

        assert_eq!(payload(&packet), Some(24..26));
    }

    #[test]
    fn a_header_that_lies_about_its_length_is_refused() {
        assert_eq!(header_end(&bytes("8f 6f 0001 00000000 00000001")), None);
        assert_eq!(header_end(&bytes("90 6f 0001 00000000 00000001 bede")), None);
        assert_eq!(header_end(&bytes("40 6f 0001 00000000 00000001")), None);
    }
}
