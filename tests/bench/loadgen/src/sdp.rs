//! The offer that every session sends and what it reads in the answer (RFC 8866, RFC 8829,
//! RFC 8839, RFC 8842). Pure.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::dtls::Role;

pub const PAYLOAD_TYPE: u8 = 111;

/// The parts of an offer that differ from session to session.
pub struct OfferParts<'a> {
    pub number: u64,
    pub ufrag: &'a str,
    pub pwd: &'a str,
    pub fingerprint: &'a str,
    pub ssrc: u32,
}

/// What a session needs from the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub ufrag: String,
    pub pwd: String,
    pub fingerprint_sha256: String,
    /// Ours in DTLS.
    pub role: Role,
    pub payload_type: u8,
    pub candidates: Vec<SocketAddrV4>,
}

/// An answer that cannot be used; the sentence says why.
pub type Unusable = &'static str;

/// One audio section, Opus both ways, bundled, as a browser would offer it without extensions.
pub fn offer(parts: &OfferParts) -> String {
    let OfferParts { number, ufrag, pwd, fingerprint, ssrc } = parts;
    [
        "v=0".to_owned(),
        format!("o=- {number} 2 IN IP4 127.0.0.1"),
        "s=-".to_owned(),
        "t=0 0".to_owned(),
        "a=group:BUNDLE 0".to_owned(),
        "a=msid-semantic: WMS load".to_owned(),
        format!("m=audio 9 UDP/TLS/RTP/SAVPF {PAYLOAD_TYPE}"),
        "c=IN IP4 0.0.0.0".to_owned(),
        "a=rtcp:9 IN IP4 0.0.0.0".to_owned(),
        format!("a=ice-ufrag:{ufrag}"),
        format!("a=ice-pwd:{pwd}"),
        "a=ice-options:trickle".to_owned(),
        format!("a=fingerprint:sha-256 {fingerprint}"),
        "a=setup:actpass".to_owned(),
        "a=mid:0".to_owned(),
        "a=sendrecv".to_owned(),
        "a=msid:load voice".to_owned(),
        "a=rtcp-mux".to_owned(),
        "a=rtcp-mux-only".to_owned(),
        format!("a=rtpmap:{PAYLOAD_TYPE} opus/48000/2"),
        format!("a=fmtp:{PAYLOAD_TYPE} minptime=10;useinbandfec=1"),
        format!("a=ssrc:{ssrc} cname:load"),
        String::new(),
    ]
    .join("\r\n")
}

/// Reads an answer. Attributes may stand at the session or at the media level.
pub fn read_answer(text: &str) -> Result<Answer, Unusable> {
    let value = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    let media = value("m=audio ").ok_or("the answer has no audio section")?;
    let mut fields = media.split_whitespace();
    if fields.next() == Some("0") {
        return Err("the answer refuses the audio section");
    }
    let payload_type = fields.nth(1).and_then(|field| field.parse().ok());
    let setup = value("a=setup:").ok_or("the answer has no a=setup")?;
    let role = match setup.as_str() {
        "passive" => Role::Client,
        "active" => Role::Server,
        _ => return Err("the answer's a=setup is neither passive nor active"),
    };
    let fingerprint_sha256 = text
        .lines()
        .filter_map(|line| line.strip_prefix("a=fingerprint:"))
        .filter_map(|value| value.split_once(' '))
        .find(|(algorithm, _)| algorithm.eq_ignore_ascii_case("sha-256"))
        .map(|(_, digits)| digits.trim().to_ascii_uppercase())
        .ok_or("the answer has no sha-256 fingerprint")?;
    let candidates: Vec<SocketAddrV4> = text
        .lines()
        .filter_map(|line| line.strip_prefix("a=candidate:"))
        .filter_map(udp4)
        .collect();
    if candidates.is_empty() {
        return Err("the answer has no UDP candidate with an IPv4 address");
    }
    Ok(Answer {
        ufrag: value("a=ice-ufrag:").ok_or("the answer has no a=ice-ufrag")?,
        pwd: value("a=ice-pwd:").ok_or("the answer has no a=ice-pwd")?,
        fingerprint_sha256,
        role,
        payload_type: payload_type.ok_or("the answer has no payload type")?,
        candidates,
    })
}

/// Where to send: the address asked for, else loopback if offered, else the first.
pub fn choose_candidate(candidates: &[SocketAddrV4], wanted: Option<Ipv4Addr>) -> SocketAddrV4 {
    let preferred = wanted.unwrap_or(Ipv4Addr::LOCALHOST);
    let first = candidates[0];
    match candidates.iter().find(|candidate| *candidate.ip() == preferred) {
        Some(candidate) => *candidate,
        None => SocketAddrV4::new(wanted.unwrap_or(*first.ip()), first.port()),
    }
}

/// RFC 8839 section 5.1: foundation component transport priority address port typ type …
fn udp4(candidate: &str) -> Option<SocketAddrV4> {
    let fields: Vec<&str> = candidate.split_whitespace().collect();
    let [_, component, transport, _, address, port, ..] = fields[..] else {
        return None;
    };
    let is_rtp_over_udp = component == "1" && transport.eq_ignore_ascii_case("udp");
    is_rtp_over_udp
        .then(|| Some(SocketAddrV4::new(address.parse().ok()?, port.parse().ok()?)))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n\
        a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
        a=sendrecv\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
        a=fingerprint:sha-384 00:11\r\na=fingerprint:sha-256 ab:cd\r\na=setup:passive\r\n\
        a=rtcp-mux\r\na=candidate:0 1 udp 2130706431 fd00::2 3478 typ host\r\n\
        a=candidate:1 1 tcp 2105524479 192.0.2.2 3478 typ host tcptype passive\r\n\
        a=candidate:2 1 UDP 2130706431 192.0.2.2 3478 typ host\r\n\
        a=candidate:3 1 udp 2130706430 127.0.0.1 3479 typ host\r\n\
        a=rtpmap:111 opus/48000/2\r\n";

    #[test]
    fn an_answer_gives_credentials_fingerprint_and_udp_candidates() {
        assert_eq!(
            read_answer(ANSWER),
            Ok(Answer {
                ufrag: "abcd".into(),
                pwd: "0123456789012345678901".into(),
                fingerprint_sha256: "AB:CD".into(),
                role: Role::Client,
                payload_type: 111,
                candidates: vec![
                    "192.0.2.2:3478".parse().unwrap(),
                    "127.0.0.1:3479".parse().unwrap()
                ],
            })
        );
    }

    #[test]
    fn loopback_is_preferred_unless_another_address_is_asked_for() {
        let candidates = read_answer(ANSWER).unwrap().candidates;
        let choose = |wanted: Option<&str>| {
            choose_candidate(&candidates, wanted.map(|ip| ip.parse().unwrap())).to_string()
        };

        assert_eq!(choose(None), "127.0.0.1:3479");
        assert_eq!(choose(Some("192.0.2.2")), "192.0.2.2:3478");
        assert_eq!(choose(Some("10.0.0.1")), "10.0.0.1:3478");
        assert_eq!(choose_candidate(&candidates[..1], None), candidates[0]);
    }

    #[test]
    fn an_answer_that_cannot_be_used_says_why() {
        let without = |line: &str| read_answer(&ANSWER.replace(line, "a=x")).unwrap_err();

        assert!(without("a=ice-pwd").contains("ice-pwd"));
        assert!(without("a=fingerprint:sha-256").contains("sha-256"));
        assert!(without("a=candidate").contains("candidate"));
        assert!(without("m=audio 9").contains("audio"));
        let undecided = ANSWER.replace("setup:passive", "setup:actpass");
        assert!(read_answer(&undecided).unwrap_err().contains("a=setup"));
        let refused = ANSWER.replace("m=audio 9", "m=audio 0");
        assert!(read_answer(&refused).unwrap_err().contains("refuses"));
    }

    #[test]
    fn an_active_server_makes_us_the_dtls_server() {
        let active = ANSWER.replace("setup:passive", "setup:active");

        assert_eq!(read_answer(&active).unwrap().role, Role::Server);
    }

    #[test]
    fn every_line_of_the_offer_ends_in_crlf() {
        let parts =
            OfferParts { number: 1, ufrag: "ufra", pwd: "pwd", fingerprint: "AB:CD", ssrc: 5 };
        let offer = offer(&parts);

        assert!(offer.ends_with("a=ssrc:5 cname:load\r\n"));
        assert_eq!(offer.matches('\n').count(), offer.matches("\r\n").count());
    }
}
