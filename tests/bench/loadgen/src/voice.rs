//! The media of one WebSocket session: what each dialect says and hears
//! (docs/websocket-v2.md). Pure but for the clock in the probe.

use openssl::base64::{decode_block, encode_block};

use crate::clock::realtime_ns;
use crate::framing::{BINARY, TEXT};
use crate::reception::Reception;
use crate::rtp::{self, Header, Probe};
use crate::tally::Tally;

const MULAW_BYTES: usize = 160; // 20 ms
const INTERVAL_MS: u32 = 20;
/// What the server sends under `vm.v2.rtp` for Opus, and wants to get.
const OPUS_PAYLOAD_TYPE: u8 = 111;
const PAYLOAD_MEMBER: &[u8] = b"\"payload\":\"";

/// What is spoken over the WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Opus in RTP packets, binary messages.
    Rtp,
    /// Twilio's Media Streams: µ-law in base64 in JSON.
    Twilio,
}

impl Dialect {
    pub const ALL: [Dialect; 2] = [Dialect::Rtp, Dialect::Twilio];

    /// The subprotocol.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Rtp => "vm.v2.rtp",
            Dialect::Twilio => "twilio",
        }
    }

    fn format(self) -> &'static str {
        match self {
            Dialect::Rtp => r#"{"encoding":"audio/opus","sampleRate":48000,"channels":1}"#,
            Dialect::Twilio => r#"{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}"#,
        }
    }
}

/// A message and the opcode that it goes under.
pub struct Said {
    pub opcode: u8,
    pub message: Vec<u8>,
}

/// One session's voice and its echo.
pub struct Voice {
    dialect: Dialect,
    session: u32,
    random: u64,
    counter: u32,
    /// How the echo's numbers differ from ours; must never change (sequence, time stamp).
    offsets: Option<(u16, u32)>,
    pub reception: Reception,
}

impl Voice {
    pub fn new(dialect: Dialect, session: u32, random: u64) -> Self {
        let reception = Reception::default();
        Self { dialect, session, random, counter: 0, offsets: None, reception }
    }

    /// The counter that the next frame carries.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    pub fn start(&self) -> String {
        format!(
            r#"{{"event":"start","sequenceNumber":"1","streamSid":"MZ{:08x}","start":{{"mediaFormat":{}}}}}"#,
            self.session,
            self.dialect.format()
        )
    }

    pub fn stop(&self) -> String {
        format!(r#"{{"event":"stop","streamSid":"MZ{:08x}"}}"#, self.session)
    }

    /// The next frame.
    pub fn speak(&mut self) -> Said {
        let (session, counter) = (self.session, self.counter);
        let probe = Probe { session, counter, sent_ns: realtime_ns() };
        self.counter += 1;
        match self.dialect {
            Dialect::Rtp => {
                let mut message = vec![0; rtp::PACKET_BYTES];
                let header = Header {
                    payload_type: OPUS_PAYLOAD_TYPE,
                    sequence: self.sequence_of(counter),
                    timestamp: self.timestamp_of(counter),
                    ssrc: (self.random >> 24) as u32 | 1,
                };
                rtp::write_packet(&mut message, header, probe);
                Said { opcode: BINARY, message }
            }
            Dialect::Twilio => {
                let mut audio = [0; MULAW_BYTES];
                rtp::write_probe(&mut audio, probe);
                let message = format!(
                    r#"{{"event":"media","sequenceNumber":"{}","streamSid":"MZ{session:08x}","media":{{"track":"inbound","chunk":"{}","timestamp":"{}","payload":"{}"}}}}"#,
                    counter + 2,
                    counter + 1,
                    counter * INTERVAL_MS,
                    encode_block(&audio),
                );
                Said { opcode: TEXT, message: message.into_bytes() }
            }
        }
    }

    /// Reads a message; whether it was a frame of ours. `arrived_ns` is on the real time clock.
    pub fn hear(&mut self, opcode: u8, message: &[u8], arrived_ns: u64, tally: &mut Tally) -> bool {
        let probe = match (self.dialect, opcode) {
            (Dialect::Rtp, BINARY) => rtp::payload(message)
                .and_then(|range| rtp::read_probe(&message[range], rtp::PROBE_BYTES)),
            (Dialect::Twilio, TEXT) => {
                audio_of(message).and_then(|audio| rtp::read_probe(&audio, MULAW_BYTES))
            }
            _ => None,
        };
        let Some(probe) = probe.filter(|probe| probe.session == self.session) else {
            tally.altered += 1;
            return false;
        };
        if self.dialect == Dialect::Rtp {
            let offsets = (
                rtp::sequence(message).wrapping_sub(self.sequence_of(probe.counter)),
                rtp::timestamp(message).wrapping_sub(self.timestamp_of(probe.counter)),
            );
            tally.compare(self.offsets.replace(offsets), offsets);
        }
        tally.hear(&mut self.reception, probe, arrived_ns);
        true
    }

    /// Whether this is audio: all else are words about the call.
    pub fn is_audio(&self, opcode: u8, message: &[u8]) -> bool {
        opcode == BINARY || find(message, br#""event":"media""#).is_some()
    }

    fn sequence_of(&self, counter: u32) -> u16 {
        (self.random as u16).wrapping_add(counter as u16)
    }

    fn timestamp_of(&self, counter: u32) -> u32 {
        ((self.random >> 16) as u32).wrapping_add(counter.wrapping_mul(rtp::TICKS_PER_PACKET))
    }
}

/// The answer to the server's `ping`; `None` for all other words.
pub fn pong(words: &str) -> Option<String> {
    let words: serde_json::Value = serde_json::from_str(words).ok()?;
    (words["event"] == "ping").then(|| format!(r#"{{"event":"pong","t":{}}}"#, words["t"]))
}

/// Base64 has no character that JSON would escape, so the member can be cut out.
fn audio_of(message: &[u8]) -> Option<Vec<u8>> {
    let start = find(message, PAYLOAD_MEMBER)? + PAYLOAD_MEMBER.len();
    let length = message[start..].iter().position(|&byte| byte == b'"')?;
    let text = std::str::from_utf8(&message[start..start + length]).ok()?;
    decode_block(text).ok()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(dialect: Dialect) -> Voice {
        let mut voice = Voice::new(dialect, 5, u64::MAX);
        voice.reception.begin(0);
        voice
    }

    #[test]
    fn what_is_said_and_echoed_is_received_with_its_latency() {
        for dialect in Dialect::ALL {
            let (mut voice, mut tally) = (voice(dialect), Tally::new());
            for _ in 0..3 {
                let Said { opcode, message } = voice.speak();
                assert!(voice.is_audio(opcode, &message));
                assert!(voice.hear(opcode, &message, realtime_ns() + 3_000_000, &mut tally));
            }

            assert_eq!((tally.received, tally.altered, tally.renumbered), (3, 0, 0));
            assert!((3_000_000..4_000_000).contains(&tally.latency.percentile(50.0)));
        }
    }

    #[test]
    fn another_sessions_frame_and_noise_are_altered() {
        for dialect in Dialect::ALL {
            let (mut ours, mut tally) = (voice(dialect), Tally::new());
            let Said { opcode, message } = Voice::new(dialect, 6, 0).speak();

            assert!(!ours.hear(opcode, &message, 1, &mut tally));
            assert!(!ours.hear(opcode, b"\"payload\":\"!\"", 1, &mut tally));
            assert_eq!((tally.received, tally.altered), (0, 2));
        }
    }

    #[test]
    fn an_echo_that_jumps_in_its_numbers_is_noticed() {
        let (mut voice, mut tally) = (voice(Dialect::Rtp), Tally::new());
        let (first, mut second) = (voice.speak().message, voice.speak().message);
        second[3] ^= 1;
        second[7] ^= 1;

        voice.hear(BINARY, &first, 1, &mut tally);
        voice.hear(BINARY, &second, 2, &mut tally);

        assert_eq!((tally.received, tally.renumbered, tally.retimed), (2, 1, 1));
    }

    #[test]
    fn a_frame_is_20_ms_of_its_codec() {
        let rtp = voice(Dialect::Rtp).speak().message;
        let twilio = voice(Dialect::Twilio).speak().message;

        assert_eq!(rtp.len(), rtp::PACKET_BYTES);
        assert_eq!(audio_of(&twilio).unwrap().len(), MULAW_BYTES);
        let words: serde_json::Value = serde_json::from_slice(&twilio).unwrap();
        assert_eq!((&words["media"]["chunk"], &words["event"]), (&"1".into(), &"media".into()));
    }

    #[test]
    fn start_and_stop_name_the_stream_and_the_format() {
        for dialect in Dialect::ALL {
            let start: serde_json::Value = serde_json::from_str(&voice(dialect).start()).unwrap();
            let stop: serde_json::Value = serde_json::from_str(&voice(dialect).stop()).unwrap();

            assert_eq!(start["streamSid"], stop["streamSid"]);
            assert!(start["start"]["mediaFormat"]["sampleRate"].is_u64());
        }
    }

    #[test]
    fn a_ping_is_answered_with_its_time_and_nothing_else_is() {
        assert_eq!(pong(r#"{"event":"ping","t":7}"#).unwrap(), r#"{"event":"pong","t":7}"#);
        assert_eq!(pong(r#"{"event":"started"}"#), None);
        assert_eq!(pong("x"), None);
    }
}
