//! The life of one WebSocket session: the upgrade, the start, frames, the stop. Pure: bytes and
//! `now` in, bytes and events out.

use openssl::rand::rand_bytes;

use crate::clock::NS_PER_S;
use crate::fleet::refusal;
use crate::framing::{self, BINARY, CLOSE, KEY_BYTES, PING, PONG, Reply, TEXT};
use crate::http::{Response, Url};
use crate::tally::Tally;
use crate::voice::{Dialect, Said, Voice, pong};

const SET_UP_TIMEOUT_NS: u64 = 10 * NS_PER_S;
const STOP_TIMEOUT_NS: u64 = 15 * NS_PER_S;
const NORMAL: &[u8] = &1000u16.to_be_bytes();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Waiting,
    /// The request is under way.
    Upgrading,
    /// The start and a first frame are under way.
    Starting,
    Talking,
    /// The stop is under way.
    Stopping,
    Over,
}

/// What a caller tells its switchboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The upgrade was answered.
    Answered,
    /// The first frame came back.
    Connected,
    /// Come again after so many seconds.
    Delayed(u64),
    /// Never got connected.
    Failed(&'static str),
    /// Was connected.
    Lost(&'static str),
    /// Stopped; whether the server closed as it should.
    Ended(bool),
}

pub struct Caller {
    stage: Stage,
    pub asked_ns: u64,
    pub voice: Voice,
    /// Bytes that wait to be sent.
    pub outgoing: Vec<u8>,
    dialect: Dialect,
    key: [u8; KEY_BYTES],
    mask: u32,
    incoming: Vec<u8>,
    stopped_ns: u64,
}

impl Caller {
    pub fn new(dialect: Dialect, number: usize) -> Self {
        let mut random = [0; KEY_BYTES];
        rand_bytes(&mut random).expect("the system has random bytes");
        let seed = u64::from_be_bytes(random[..8].try_into().expect("eight bytes"));
        Self {
            stage: Stage::Waiting,
            asked_ns: 0,
            voice: Voice::new(dialect, number as u32, seed),
            outgoing: Vec::new(),
            dialect,
            key: random,
            mask: seed as u32 | 1,
            incoming: Vec::new(),
            stopped_ns: 0,
        }
    }

    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Asks for the upgrade.
    pub fn ask(&mut self, url: &Url, token: Option<&str>, now_ns: u64) {
        (self.stage, self.asked_ns) = (Stage::Upgrading, now_ns);
        self.incoming.clear();
        self.outgoing = framing::upgrade(url, self.dialect.name(), &self.key, token);
    }

    /// Says the next frame.
    pub fn speak(&mut self) {
        let Said { opcode, message } = self.voice.speak();
        self.write(opcode, &message);
    }

    /// Ends the call.
    pub fn stop(&mut self, now_ns: u64) {
        (self.stage, self.stopped_ns) = (Stage::Stopping, now_ns);
        let stop = self.voice.stop();
        self.write(TEXT, stop.as_bytes());
    }

    /// What time has done; called every 20 ms.
    pub fn tick(&mut self, now_ns: u64) -> Option<Event> {
        match self.stage {
            Stage::Upgrading | Stage::Starting if now_ns > self.asked_ns + SET_UP_TIMEOUT_NS => {
                self.end("set_up_timeout")
            }
            Stage::Stopping if now_ns > self.stopped_ns + STOP_TIMEOUT_NS => {
                self.end("stop_timeout")
            }
            _ => None,
        }
    }

    /// The connection broke, or never came about.
    pub fn end(&mut self, reason: &'static str) -> Option<Event> {
        let event = match self.stage {
            Stage::Waiting | Stage::Over => None,
            Stage::Upgrading | Stage::Starting => Some(Event::Failed(reason)),
            Stage::Talking => Some(Event::Lost(reason)),
            Stage::Stopping => Some(Event::Ended(false)),
        };
        self.stage = Stage::Over;
        event
    }

    /// Takes bytes that the kernel got at `arrived_ns`, real time.
    pub fn receive(&mut self, bytes: &[u8], arrived_ns: u64, tally: &mut Tally) -> Vec<Event> {
        self.incoming.extend(bytes);
        let mut events = Vec::new();
        if self.stage == Stage::Upgrading {
            events.extend(self.read_reply());
        }
        let incoming = std::mem::take(&mut self.incoming);
        let mut start = 0;
        while !matches!(self.stage, Stage::Upgrading | Stage::Waiting | Stage::Over) {
            match framing::read_frame(&incoming, start) {
                Ok(Some(frame)) => {
                    start = frame.payload.end;
                    let payload = &incoming[frame.payload];
                    events.extend(self.take(frame.opcode, payload, arrived_ns, tally));
                }
                Ok(None) => break,
                Err(_) => events.extend(self.end("frame_malformed")),
            }
        }
        self.incoming = incoming;
        self.incoming.drain(..start);
        events
    }

    fn read_reply(&mut self) -> Option<Event> {
        match framing::read_reply(&self.incoming, self.dialect.name(), &self.key) {
            Ok(None) => None,
            Ok(Some(Reply::Upgraded(length))) => {
                self.incoming.drain(..length);
                self.stage = Stage::Starting;
                let start = self.voice.start();
                self.write(TEXT, start.as_bytes());
                self.speak();
                Some(Event::Answered)
            }
            Ok(Some(Reply::Refused(Response {
                status: 429 | 503,
                retry_after_s: Some(wait_s),
                ..
            }))) => {
                self.stage = Stage::Waiting;
                Some(Event::Delayed(wait_s))
            }
            Ok(Some(Reply::Refused(response))) => self.end(refusal(response.status)),
            Err(_) => self.end("http_malformed"),
        }
    }

    fn take(
        &mut self,
        opcode: u8,
        payload: &[u8],
        arrived_ns: u64,
        tally: &mut Tally,
    ) -> Option<Event> {
        match opcode {
            TEXT | BINARY if self.voice.is_audio(opcode, payload) => {
                let is_echo = self.voice.hear(opcode, payload, arrived_ns, tally);
                let is_first = is_echo && self.stage == Stage::Starting;
                is_first.then(|| {
                    self.stage = Stage::Talking;
                    Event::Connected
                })
            }
            TEXT => {
                if let Some(pong) = std::str::from_utf8(payload).ok().and_then(pong) {
                    self.write(TEXT, pong.as_bytes());
                }
                None
            }
            PING => {
                self.write(PONG, payload);
                None
            }
            CLOSE if self.stage == Stage::Stopping => {
                self.write(CLOSE, payload);
                self.stage = Stage::Over;
                Some(Event::Ended(payload.starts_with(NORMAL)))
            }
            CLOSE => self.end("closed_by_server"),
            _ => None,
        }
    }

    /// Masks differ from frame to frame (xorshift): predictable, which only matters to proxies.
    fn write(&mut self, opcode: u8, payload: &[u8]) {
        self.mask ^= self.mask << 13;
        self.mask ^= self.mask >> 17;
        self.mask ^= self.mask << 5;
        framing::write_frame(&mut self.outgoing, opcode, payload, self.mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use openssl::base64::encode_block;
    use openssl::sha::sha1;

    /// The server's frame.
    fn framed(opcode: u8, payload: &[u8]) -> Vec<u8> {
        assert!(payload.len() < 126, "short frames only");
        [&[0x80 | opcode, payload.len() as u8], payload].concat()
    }

    fn unmasked(caller: &mut Caller) -> Vec<(u8, Vec<u8>)> {
        let (bytes, mut messages) = (std::mem::take(&mut caller.outgoing), Vec::new());
        let mut start = 0;
        while start < bytes.len() {
            let is_long = bytes[start + 1] & 0x7f == 126;
            let head = if is_long { 4 } else { 2 };
            let length = if is_long {
                usize::from(u16::from_be_bytes([bytes[start + 2], bytes[start + 3]]))
            } else {
                usize::from(bytes[start + 1] & 0x7f)
            };
            let (mask, begin) = (start + head, start + head + 4);
            let payload = (0..length).map(|at| bytes[begin + at] ^ bytes[mask + at % 4]).collect();
            messages.push((bytes[start] & 0x0f, payload));
            start = begin + length;
        }
        messages
    }

    fn asked() -> Caller {
        let mut caller = Caller::new(Dialect::Rtp, 3);
        caller.ask(&Url::parse("http://h/v2/ws").unwrap(), None, 1);
        caller.outgoing.clear();
        caller
    }

    fn upgraded(tally: &mut Tally) -> Caller {
        let mut caller = asked();
        let proof = encode_block(&sha1(
            format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", encode_block(&caller.key)).as_bytes(),
        ));
        let reply = format!(
            "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: {proof}\r\n\
             Sec-WebSocket-Protocol: vm.v2.rtp\r\n\r\n"
        );
        assert_eq!(caller.receive(reply.as_bytes(), 1, tally), [Event::Answered]);
        caller
    }

    fn talking(tally: &mut Tally) -> Caller {
        let mut caller = upgraded(tally);
        let messages = unmasked(&mut caller);
        let events = caller.receive(&framed(BINARY, &messages[1].1), 2, tally);
        assert_eq!(events, [Event::Connected]);
        caller
    }

    #[test]
    fn an_upgrade_is_followed_by_the_start_and_a_frame_whose_echo_connects() {
        let mut caller = upgraded(&mut Tally::new());

        let messages = unmasked(&mut caller);

        assert_eq!(messages.iter().map(|m| m.0).collect::<Vec<_>>(), [TEXT, BINARY]);
        let echo = framed(BINARY, &messages[1].1);
        let (first, second) = echo.split_at(7);
        assert_eq!(caller.receive(first, 2, &mut Tally::new()), []);
        assert_eq!(caller.receive(second, 2, &mut Tally::new()), [Event::Connected]);
        assert_eq!(caller.stage(), Stage::Talking);
    }

    #[test]
    fn a_stop_ends_with_the_servers_normal_close_and_no_other() {
        for (code, is_good) in [(1000u16, true), (1011, false)] {
            let mut tally = Tally::new();
            let mut caller = talking(&mut tally);
            caller.stop(5);
            let close = framed(CLOSE, &code.to_be_bytes());

            assert_eq!(caller.receive(&close, 6, &mut tally), [Event::Ended(is_good)]);
            assert_eq!(caller.stage(), Stage::Over);
        }
    }

    #[test]
    fn pings_of_both_kinds_are_answered() {
        let mut tally = Tally::new();
        let mut caller = talking(&mut tally);

        caller.receive(&framed(PING, b"x"), 3, &mut tally);
        caller.receive(&framed(TEXT, br#"{"event":"ping","t":4}"#), 3, &mut tally);

        let expected = [(PONG, b"x".to_vec()), (TEXT, br#"{"event":"pong","t":4}"#.to_vec())];
        assert_eq!(unmasked(&mut caller), expected);
    }

    #[test]
    fn a_refusal_with_retry_after_waits_and_another_fails() {
        let refused = |status: &str| {
            let reply = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            asked().receive(reply.as_bytes(), 1, &mut Tally::new())
        };

        assert_eq!(refused("503 No\r\nRetry-After: 2"), [Event::Delayed(2)]);
        assert_eq!(refused("401 No"), [Event::Failed("http_not_allowed")]);
    }

    #[test]
    fn a_close_or_a_break_after_the_first_echo_loses_the_session() {
        let mut tally = Tally::new();
        let lost = Event::Lost("closed_by_server");

        assert_eq!(talking(&mut tally).receive(&framed(CLOSE, &[]), 3, &mut tally), [lost]);
        assert_eq!(
            talking(&mut tally).end("connection_broken"),
            Some(Event::Lost("connection_broken"))
        );
        assert_eq!(asked().end("connection_broken"), Some(Event::Failed("connection_broken")));
    }

    #[test]
    fn who_waits_in_vain_gives_up() {
        let mut caller = asked();

        assert_eq!(caller.tick(SET_UP_TIMEOUT_NS), None);
        assert_eq!(caller.tick(SET_UP_TIMEOUT_NS + 2), Some(Event::Failed("set_up_timeout")));
        assert_eq!(caller.tick(SET_UP_TIMEOUT_NS + 3), None);
    }
}
