//! A client's side of RFC 6455: the upgrade, frames out masked, frames in as ranges of what was
//! received. Written by hand since a library would copy each frame into a message of its own and
//! want a stream that it may read, where here the kernel's time stamp comes with the bytes. Pure.

use std::ops::Range;

use openssl::base64::encode_block;
use openssl::sha::sha1;

use crate::http::{Malformed, Response, Url, read_response};

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

pub const KEY_BYTES: usize = 16;

const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 section 1.3
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const LONGEST_PAYLOAD: usize = 1 << 20;

/// What the server made of the request to upgrade.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// Frames begin after so many bytes.
    Upgraded(usize),
    Refused(Response),
}

/// One whole message of the server; `payload` lies in the bytes that were read.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u8,
    pub payload: Range<usize>,
}

/// Writes the request. `key` is drawn anew for each connection.
pub fn upgrade(url: &Url, protocol: &str, key: &[u8; KEY_BYTES], token: Option<&str>) -> Vec<u8> {
    let mut text = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\nSec-WebSocket-Protocol: {protocol}\r\n",
        url.path,
        url.authority,
        encode_block(key),
    );
    if let Some(token) = token {
        text += &format!("Authorization: Bearer {token}\r\n");
    }
    text += "\r\n";
    text.into_bytes()
}

/// Reads the answer; `None` while it is not whole. A 101 that proves not to know `key`, or speaks
/// another protocol, is malformed.
pub fn read_reply(
    bytes: &[u8],
    protocol: &str,
    key: &[u8; KEY_BYTES],
) -> Result<Option<Reply>, Malformed> {
    let Some(head_end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..head_end]).map_err(|_| Malformed)?;
    let mut lines = head.split("\r\n");
    if !lines.next().unwrap_or_default().starts_with("HTTP/1.1 101") {
        return Ok(read_response(bytes, false)?.map(Reply::Refused));
    }
    let (mut is_accepted, mut is_agreed) = (false, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "sec-websocket-accept" => is_accepted = value.trim() == accept(key),
            "sec-websocket-protocol" => is_agreed = value.trim() == protocol,
            _ => {}
        }
    }
    if is_accepted && is_agreed { Ok(Some(Reply::Upgraded(head_end + 4))) } else { Err(Malformed) }
}

fn accept(key: &[u8; KEY_BYTES]) -> String {
    encode_block(&sha1(format!("{}{ACCEPT_SUFFIX}", encode_block(key)).as_bytes()))
}

/// Appends one masked frame to `out`.
pub fn write_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: u32) {
    out.push(FINAL | opcode);
    match payload.len() {
        length @ 0..126 => out.push(MASKED | length as u8),
        length @ 126..0x1_0000 => {
            out.push(MASKED | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(MASKED | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    let mask = mask.to_be_bytes();
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// Reads the frame at `start`; `None` while it is not whole. No server that is measured here
/// fragments its messages: a fragment, a masked frame or a giant one is malformed.
pub fn read_frame(bytes: &[u8], start: usize) -> Result<Option<Frame>, Malformed> {
    let Some(&[first, second]) = bytes.get(start..start + 2) else {
        return Ok(None);
    };
    if first & 0xf0 != FINAL || first & 0x0f == 0 || second & MASKED != 0 {
        return Err(Malformed);
    }
    let (length, begin) = match second {
        126 => (big_endian(bytes, start + 2, 2), start + 4),
        127 => (big_endian(bytes, start + 2, 8), start + 10),
        short => (Some(usize::from(short)), start + 2),
    };
    match length {
        Some(length) if length > LONGEST_PAYLOAD => Err(Malformed),
        Some(length) if begin + length <= bytes.len() => {
            Ok(Some(Frame { opcode: first & 0x0f, payload: begin..begin + length }))
        }
        _ => Ok(None),
    }
}

fn big_endian(bytes: &[u8], start: usize, count: usize) -> Option<usize> {
    let digits = bytes.get(start..start + count)?;
    Some(digits.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The key and its answer of RFC 6455 section 1.3.
    const KEY: &[u8; KEY_BYTES] = b"the sample nonce";
    const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: twilio\r\n\r\n\x81\x00";

    #[test]
    fn the_answer_of_the_rfc_upgrades_when_whole() {
        let whole = SWITCHING.len() - 2;

        for cut in 0..whole {
            assert_eq!(read_reply(&SWITCHING[..cut], "twilio", KEY), Ok(None));
        }
        assert_eq!(read_reply(SWITCHING, "twilio", KEY), Ok(Some(Reply::Upgraded(whole))));
    }

    #[test]
    fn another_key_or_protocol_is_malformed() {
        assert_eq!(read_reply(SWITCHING, "twilio", &[0; KEY_BYTES]), Err(Malformed));
        assert_eq!(read_reply(SWITCHING, "vm.v2.rtp", KEY), Err(Malformed));
    }

    #[test]
    fn a_refusal_is_an_http_response() {
        let refusal = b"HTTP/1.1 503 No\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n";

        let Ok(Some(Reply::Refused(response))) = read_reply(refusal, "twilio", KEY) else {
            panic!("no refusal");
        };
        assert_eq!((response.status, response.retry_after_s), (503, Some(2)));
    }

    #[test]
    fn the_request_asks_for_the_protocol_with_key_and_token() {
        let url = Url::parse("http://h:1/v2/ws").unwrap();
        let text = String::from_utf8(upgrade(&url, "twilio", KEY, Some("t"))).unwrap();

        assert!(text.starts_with("GET /v2/ws HTTP/1.1\r\nHost: h:1\r\n"));
        assert!(text.contains("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
        assert!(text.contains("Sec-WebSocket-Protocol: twilio\r\nAuthorization: Bearer t\r\n\r\n"));
    }

    #[test]
    fn a_masked_hello_is_as_in_the_rfc() {
        let mut out = Vec::new();
        write_frame(&mut out, TEXT, b"Hello", 0x37fa_213d);

        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn every_form_of_length_is_written_and_read() {
        for length in [0, 125, 126, 0xffff, 0x1_0000] {
            let mut out = Vec::new();
            write_frame(&mut out, BINARY, &vec![7; length], 0);
            let head = out.len() - length - 4;
            out.drain(head..head + 4);
            out[1] &= !MASKED;

            assert_eq!(read_frame(&out[..out.len() - 1], 0), Ok(None));
            let frame = read_frame(&out, 0).unwrap().unwrap();
            assert_eq!((frame.opcode, frame.payload), (BINARY, head..head + length));
        }
    }

    #[test]
    fn fragments_masked_and_giant_frames_are_malformed() {
        for bytes in [&[0x01, 0x00][..], &[0x80, 0x00], &[0x81, 0x80], &[0xc1, 0x00]] {
            assert_eq!(read_frame(bytes, 0), Err(Malformed), "{bytes:?}");
        }
        assert_eq!(read_frame(&[0x82, 127, 0, 0, 0, 0, 1, 0, 0, 0], 0), Err(Malformed));
    }
}
