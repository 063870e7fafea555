//! The part of STUN that ICE needs (RFC 8489, RFC 8445 section 7): binding requests with
//! MESSAGE-INTEGRITY and FINGERPRINT, and their responses. Pure.

use std::net::SocketAddrV4;

use crate::hmac::{HmacSha1, MAC_BYTES};

pub const TRANSACTION_BYTES: usize = 12;
const HEADER_BYTES: usize = 20;
const MAGIC_COOKIE: u32 = 0x2112_a442;
const FINGERPRINT_MASK: u32 = 0x5354_554e;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLING: u16 = 0x802a;

/// A peer-reflexive candidate's priority (RFC 8445 section 5.1.2.1).
const CHECK_PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;

pub type TransactionId = [u8; TRANSACTION_BYTES];

/// What a received message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Request,
    Success,
    Other,
}

/// A received message whose lengths hold; not yet authenticated.
pub struct Message<'a> {
    pub kind: Kind,
    pub transaction: TransactionId,
    bytes: &'a [u8],
}

/// A check that nominates its pair: the client is the controlling agent.
pub fn binding_request(
    transaction: &TransactionId,
    username: &str,
    pwd: &str,
    tie_breaker: u64,
) -> Vec<u8> {
    let mut message = begin(BINDING_REQUEST, transaction);
    add(&mut message, USERNAME, username.as_bytes());
    add(&mut message, PRIORITY, &CHECK_PRIORITY.to_be_bytes());
    add(&mut message, ICE_CONTROLLING, &tie_breaker.to_be_bytes());
    add(&mut message, USE_CANDIDATE, &[]);
    finish(message, pwd)
}

/// The answer to a check of a full agent; `pwd` is our own.
pub fn binding_success(transaction: &TransactionId, source: SocketAddrV4, pwd: &str) -> Vec<u8> {
    let mut message = begin(BINDING_SUCCESS, transaction);
    let port = source.port() ^ (MAGIC_COOKIE >> 16) as u16;
    let address = u32::from(*source.ip()) ^ MAGIC_COOKIE;
    let mut value = vec![0, 1];
    value.extend(port.to_be_bytes());
    value.extend(address.to_be_bytes());
    add(&mut message, XOR_MAPPED_ADDRESS, &value);
    finish(message, pwd)
}

/// Reads a message; `None` when it is no STUN.
pub fn read(bytes: &[u8]) -> Option<Message<'_>> {
    let header = bytes.get(..HEADER_BYTES)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let is_stun = header[0] < 4
        && header[4..8] == MAGIC_COOKIE.to_be_bytes()
        && length.is_multiple_of(4)
        && bytes.len() == HEADER_BYTES + length;
    is_stun.then(|| Message {
        kind: match u16::from_be_bytes([header[0], header[1]]) {
            BINDING_REQUEST => Kind::Request,
            BINDING_SUCCESS => Kind::Success,
            _ => Kind::Other,
        },
        transaction: header[8..20].try_into().expect("twelve bytes"),
        bytes,
    })
}

impl Message<'_> {
    /// Whether MESSAGE-INTEGRITY is there and made with `pwd`.
    pub fn is_authentic(&self, pwd: &str) -> bool {
        let Some((start, value)) = self.attribute(MESSAGE_INTEGRITY) else {
            return false;
        };
        *value == integrity(&self.bytes[..start], pwd)
    }

    /// The address that the server saw; tests ask.
    #[cfg(test)]
    pub fn mapped_address(&self) -> Option<SocketAddrV4> {
        let (_, value) = self.attribute(XOR_MAPPED_ADDRESS)?;
        let value: [u8; 8] = value.try_into().ok()?;
        let port = u16::from_be_bytes([value[2], value[3]]) ^ (MAGIC_COOKIE >> 16) as u16;
        let ip = u32::from_be_bytes([value[4], value[5], value[6], value[7]]) ^ MAGIC_COOKIE;
        (value[1] == 1).then(|| SocketAddrV4::new(ip.into(), port))
    }

    /// Where the first attribute of that type starts, and its value.
    fn attribute(&self, wanted: u16) -> Option<(usize, &[u8])> {
        let mut start = HEADER_BYTES;
        while let Some(head) = self.bytes.get(start..start + 4) {
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = self.bytes.get(start + 4..start + 4 + length)?;
            if u16::from_be_bytes([head[0], head[1]]) == wanted {
                return Some((start, value));
            }
            start += 4 + length.next_multiple_of(4);
        }
        None
    }
}

fn begin(kind: u16, transaction: &TransactionId) -> Vec<u8> {
    let mut message = Vec::with_capacity(128);
    message.extend(kind.to_be_bytes());
    message.extend([0, 0]);
    message.extend(MAGIC_COOKIE.to_be_bytes());
    message.extend(transaction);
    message
}

fn add(message: &mut Vec<u8>, attribute: u16, value: &[u8]) {
    message.extend(attribute.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

fn finish(mut message: Vec<u8>, pwd: &str) -> Vec<u8> {
    let mac = integrity(&message, pwd);
    add(&mut message, MESSAGE_INTEGRITY, &mac);
    let crc = fingerprint(&message);
    add(&mut message, FINGERPRINT, &crc.to_be_bytes());
    let length = (message.len() - HEADER_BYTES) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
    message
}

/// Over all before it, with the length as if it were the last attribute (RFC 8489 14.5).
fn integrity(before: &[u8], pwd: &str) -> [u8; MAC_BYTES] {
    let length = (before.len() - HEADER_BYTES + 4 + MAC_BYTES) as u16;
    let mut header: [u8; HEADER_BYTES] = before[..HEADER_BYTES].try_into().expect("twenty bytes");
    header[2..4].copy_from_slice(&length.to_be_bytes());
    HmacSha1::new(pwd.as_bytes()).mac(&header, &before[HEADER_BYTES..])
}

/// Over all before it, with the length as it will be (RFC 8489 14.7).
fn fingerprint(before: &[u8]) -> u32 {
    let length = (before.len() - HEADER_BYTES + 8) as u16;
    let mut message = before.to_vec();
    message[2..4].copy_from_slice(&length.to_be_bytes());
    crc32(&message) ^ FINGERPRINT_MASK
}

/// The CRC of ITU V.42, bit by bit: checks are rare.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::bytes;

    /// RFC 5769 section 2.2: a response with 192.0.2.1:32853, password VOkJxbRl1RmTxUk/WvJxBt.
    const SAMPLE_RESPONSE: &str = "
        0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
        8022000b 74657374 20766563 746f7220
        00200008 0001a147 e112a643
        00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
        80280004 c07d4c96";
    const PWD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    #[test]
    fn the_response_of_rfc_5769_is_read_and_authentic() {
        let sample = bytes(SAMPLE_RESPONSE);
        let message = read(&sample).unwrap();

        assert_eq!(message.kind, Kind::Success);
        assert!(message.is_authentic(PWD));
        assert!(!message.is_authentic("another"));
        assert_eq!(message.mapped_address(), Some("192.0.2.1:32853".parse().unwrap()));
    }

    #[test]
    fn the_fingerprint_is_that_of_rfc_5769() {
        let sample = bytes(SAMPLE_RESPONSE);

        assert_eq!(fingerprint(&sample[..sample.len() - 8]), 0xc07d_4c96);
    }

    #[test]
    fn a_request_is_authentic_and_nominates() {
        let request = binding_request(&[7; 12], "them:us", PWD, 42);
        let message = read(&request).unwrap();

        assert_eq!(message.kind, Kind::Request);
        assert_eq!(message.transaction, [7; 12]);
        assert!(message.is_authentic(PWD));
        assert!(message.attribute(USE_CANDIDATE).is_some());
        assert_eq!(message.attribute(USERNAME).unwrap().1, b"them:us");
        assert_eq!(
            message.attribute(FINGERPRINT).unwrap().1,
            fingerprint(&request[..request.len() - 8]).to_be_bytes()
        );
    }

    #[test]
    fn a_success_tells_the_source() {
        let source = "127.64.0.9:4711".parse().unwrap();
        let response = binding_success(&[1; 12], source, PWD);

        assert_eq!(read(&response).unwrap().mapped_address(), Some(source));
    }

    #[test]
    fn what_is_cut_off_is_no_stun() {
        let sample = bytes(SAMPLE_RESPONSE);
        for length in 0..sample.len() {
            assert!(read(&sample[..length]).is_none());
        }
    }
}
