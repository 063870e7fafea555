//! The life of one session between the POST and the DELETE: ICE checks, the handshake, consent.
//! Pure: datagrams and `now` in, datagrams and events out.

use std::net::SocketAddrV4;

use openssl::rand::rand_bytes;

use crate::clock::{NS_PER_MS, NS_PER_S};
use crate::dtls::{Handshake, Identity};
use crate::hex;
use crate::sdp::{Answer, OfferParts, offer};
use crate::srtp::{MasterKey, Profile};
use crate::stream::{Format, Stream};
use crate::stun;

const CHECK_RETRY_NS: u64 = 100 * NS_PER_MS;
const HANDSHAKE_STEP_NS: u64 = 100 * NS_PER_MS;
const SET_UP_TIMEOUT_NS: u64 = 10 * NS_PER_S;
const CONSENT_INTERVAL_NS: u64 = 5 * NS_PER_S;
const CONSENT_TIMEOUT_NS: u64 = 30 * NS_PER_S; // RFC 7675 section 5.1
const REPORT_INTERVAL_NS: u64 = 5 * NS_PER_S;
const DTLS_ALERT: u8 = 21;

/// Where a session is.
pub enum Stage {
    Waiting,
    Posting,
    /// A check is under way; no answer yet.
    Checking,
    Shaking(Box<Handshake>),
    Talking(Box<Stream>),
    Over,
}

/// What a session tells its fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Connected,
    /// Never got connected.
    Failed(&'static str),
    /// Was connected.
    Lost(&'static str),
}

/// The server's side of a session.
struct Remote {
    answer: Answer,
    address: SocketAddrV4,
}

/// Datagrams that a session wants sent to its server.
pub type Outgoing = Vec<Vec<u8>>;

pub struct Session {
    pub stage: Stage,
    pub posted_ns: u64,
    /// The path to DELETE, once there is one.
    pub resource: Option<String>,
    number: u32,
    random: u64,
    ufrag: String,
    pwd: String,
    remote: Option<Remote>,
    transaction: stun::TransactionId,
    accepted_ns: u64,
    acted_ns: u64,
    consent_due_ns: u64,
    consent_given_ns: u64,
    report_due_ns: u64,
}

impl Session {
    pub fn new(number: usize) -> Self {
        let mut random = [0; 32];
        rand_bytes(&mut random).expect("the system has random bytes");
        Self {
            stage: Stage::Waiting,
            posted_ns: 0,
            resource: None,
            number: number as u32,
            random: u64::from_be_bytes(random[..8].try_into().expect("eight bytes")),
            ufrag: hex::digits(&random[8..12]),
            pwd: hex::digits(&random[12..28]),
            remote: None,
            transaction: [0; stun::TRANSACTION_BYTES],
            accepted_ns: 0,
            acted_ns: 0,
            consent_due_ns: 0,
            consent_given_ns: 0,
            report_due_ns: 0,
        }
    }

    pub fn offer(&self, fingerprint: &str) -> String {
        offer(&OfferParts {
            number: self.random >> 2,
            ufrag: &self.ufrag,
            pwd: &self.pwd,
            fingerprint,
            ssrc: self.ssrc(),
        })
    }

    /// Takes the answer and sends the first check to `address`.
    pub fn accept(&mut self, answer: Answer, address: SocketAddrV4, now_ns: u64) -> Vec<u8> {
        self.remote = Some(Remote { answer, address });
        self.stage = Stage::Checking;
        self.accepted_ns = now_ns;
        self.check(now_ns)
    }

    /// Talks at once to something that returns every datagram: a reflector needs no set-up.
    pub fn talk_to_reflector(&mut self, profile: Profile) {
        let mut key = MasterKey { key: [0; 16], salt: [0; 14] };
        rand_bytes(&mut key.key).expect("the system has random bytes");
        let format = self.format(crate::sdp::PAYLOAD_TYPE);
        let stream = Stream::new(format, profile, &key, &key, self.random);
        self.stage = Stage::Talking(Box::new(stream));
        (self.consent_due_ns, self.report_due_ns) = (u64::MAX, u64::MAX);
    }

    /// Reads STUN or DTLS.
    pub fn read(
        &mut self,
        datagram: &[u8],
        source: SocketAddrV4,
        now_ns: u64,
        identity: &Identity,
        outgoing: &mut Outgoing,
    ) -> Option<Event> {
        match datagram.first()? {
            0..=3 => self.read_stun(datagram, source, now_ns, identity, outgoing),
            20..=63 => self.read_dtls(datagram, now_ns, identity, outgoing),
            _ => None,
        }
    }

    /// Does what is due; called every 20 ms.
    pub fn tick(
        &mut self,
        now_ns: u64,
        identity: &Identity,
        outgoing: &mut Outgoing,
    ) -> Option<Event> {
        let is_setting_up = matches!(self.stage, Stage::Checking | Stage::Shaking(_));
        if is_setting_up && now_ns > self.accepted_ns + SET_UP_TIMEOUT_NS {
            let is_checking = matches!(self.stage, Stage::Checking);
            return self.over(if is_checking { "ice_timeout" } else { "dtls_timeout" });
        }
        match self.stage {
            Stage::Checking if now_ns > self.acted_ns + CHECK_RETRY_NS => {
                outgoing.push(self.check(now_ns));
                None
            }
            Stage::Shaking(_) if now_ns > self.acted_ns + HANDSHAKE_STEP_NS => {
                self.shake(now_ns, identity, outgoing)
            }
            Stage::Talking(_) if now_ns > self.consent_due_ns => {
                if now_ns > self.consent_given_ns + CONSENT_TIMEOUT_NS {
                    return self.over("consent_expired");
                }
                outgoing.push(self.check(now_ns));
                self.consent_due_ns = now_ns + self.about(CONSENT_INTERVAL_NS);
                None
            }
            _ => None,
        }
    }

    /// Whether a sender report is due; asking notes that it is sent.
    pub fn takes_report(&mut self, now_ns: u64) -> bool {
        let is_due = now_ns > self.report_due_ns;
        if is_due {
            self.report_due_ns = now_ns + self.about(REPORT_INTERVAL_NS);
        }
        is_due
    }

    /// The server's address, once known.
    pub fn remote_address(&self) -> Option<SocketAddrV4> {
        self.remote.as_ref().map(|remote| remote.address)
    }

    fn ssrc(&self) -> u32 {
        (self.random >> 24) as u32 | 1
    }

    fn format(&self, payload_type: u8) -> Format {
        Format { session: self.number, payload_type, ssrc: self.ssrc() }
    }

    /// Between 0.8 and 1.2 times that long, so that sessions do not act together (RFC 7675).
    fn about(&self, interval_ns: u64) -> u64 {
        interval_ns * (800 + self.random % 401) / 1000
    }

    fn check(&mut self, now_ns: u64) -> Vec<u8> {
        let remote = self.remote.as_ref().expect("checks follow the answer");
        self.acted_ns = now_ns;
        rand_bytes(&mut self.transaction).expect("the system has random bytes");
        let username = format!("{}:{}", remote.answer.ufrag, self.ufrag);
        stun::binding_request(&self.transaction, &username, &remote.answer.pwd, self.random)
    }

    fn read_stun(
        &mut self,
        datagram: &[u8],
        source: SocketAddrV4,
        now_ns: u64,
        identity: &Identity,
        outgoing: &mut Outgoing,
    ) -> Option<Event> {
        let message = stun::read(datagram)?;
        match message.kind {
            stun::Kind::Request if message.is_authentic(&self.pwd) => {
                outgoing.push(stun::binding_success(&message.transaction, source, &self.pwd));
                None
            }
            stun::Kind::Success => {
                let remote = self.remote.as_ref()?;
                let is_ours = message.transaction == self.transaction
                    && message.is_authentic(&remote.answer.pwd);
                if !is_ours {
                    return None;
                }
                self.consent_given_ns = now_ns;
                if !matches!(self.stage, Stage::Checking) {
                    return None;
                }
                self.begin_handshake(identity).or_else(|| self.shake(now_ns, identity, outgoing))
            }
            _ => None,
        }
    }

    fn read_dtls(
        &mut self,
        datagram: &[u8],
        now_ns: u64,
        identity: &Identity,
        outgoing: &mut Outgoing,
    ) -> Option<Event> {
        let is_early = matches!(self.stage, Stage::Checking);
        if is_early && let Some(failure) = self.begin_handshake(identity) {
            return Some(failure);
        }
        match &mut self.stage {
            Stage::Shaking(handshake) => {
                handshake.deliver(datagram);
                self.shake(now_ns, identity, outgoing)
            }
            Stage::Talking(_) if datagram[0] == DTLS_ALERT => self.over("closed_by_server"),
            _ => None,
        }
    }

    /// `Some` when it could not begin.
    fn begin_handshake(&mut self, identity: &Identity) -> Option<Event> {
        let role = self.remote.as_ref()?.answer.role;
        match Handshake::new(identity, role) {
            Ok(handshake) => {
                self.stage = Stage::Shaking(Box::new(handshake));
                None
            }
            Err(_) => self.over("dtls_not_started"),
        }
    }

    fn shake(
        &mut self,
        now_ns: u64,
        identity: &Identity,
        outgoing: &mut Outgoing,
    ) -> Option<Event> {
        let Stage::Shaking(handshake) = &mut self.stage else {
            return None;
        };
        self.acted_ns = now_ns;
        let step = handshake.step();
        outgoing.extend(handshake.outgoing());
        let agreed = match step {
            Ok(Some(agreed)) => agreed,
            Ok(None) => return None,
            Err(reason) => return self.over(reason),
        };
        let answer = &self.remote.as_ref().expect("handshakes follow the answer").answer;
        if agreed.peer_fingerprint != answer.fingerprint_sha256 {
            return self.over("fingerprint_mismatch");
        }
        let format = self.format(answer.payload_type);
        let profile = identity.profile;
        let stream = Stream::new(format, profile, &agreed.outgoing, &agreed.incoming, self.random);
        self.stage = Stage::Talking(Box::new(stream));
        self.consent_due_ns = now_ns + self.about(CONSENT_INTERVAL_NS);
        self.report_due_ns = now_ns + self.about(REPORT_INTERVAL_NS);
        Some(Event::Connected)
    }

    fn over(&mut self, reason: &'static str) -> Option<Event> {
        let was_connected = matches!(self.stage, Stage::Talking(_));
        self.stage = Stage::Over;
        Some(if was_connected { Event::Lost(reason) } else { Event::Failed(reason) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::dtls::Role;

    const SERVER: &str = "127.0.0.1:3478";
    const SERVER_PWD: &str = "the-servers-password-is-long";

    struct Call {
        session: Session,
        identity: Identity,
        outgoing: Outgoing,
    }

    impl Call {
        /// A session that has sent its first check at time 0.
        fn new() -> (Self, Vec<u8>) {
            let answer = Answer {
                ufrag: "them".into(),
                pwd: SERVER_PWD.into(),
                fingerprint_sha256: "AB".into(),
                role: Role::Client,
                payload_type: 111,
                candidates: vec![],
            };
            let mut session = Session::new(1);
            let check = session.accept(answer, SERVER.parse().unwrap(), 0);
            let identity = Identity::new(Profile::Aes128CmSha1).unwrap();
            (Self { session, identity, outgoing: vec![] }, check)
        }

        fn read(&mut self, datagram: &[u8], now_ns: u64) -> Option<Event> {
            let source = SERVER.parse().unwrap();
            self.session.read(datagram, source, now_ns, &self.identity, &mut self.outgoing)
        }

        fn tick(&mut self, now_ns: u64) -> Option<Event> {
            self.session.tick(now_ns, &self.identity, &mut self.outgoing)
        }
    }

    fn success(check: &[u8], pwd: &str) -> Vec<u8> {
        let transaction = stun::read(check).unwrap().transaction;
        stun::binding_success(&transaction, "127.64.0.1:9".parse().unwrap(), pwd)
    }

    #[test]
    fn the_handshake_begins_when_the_check_is_answered() {
        let (mut call, check) = Call::new();

        assert_eq!(call.read(&success(&check, SERVER_PWD), 1), None);

        assert!(matches!(call.session.stage, Stage::Shaking(_)));
        assert_eq!(call.outgoing[0][0], 22, "a DTLS handshake record");
    }

    #[test]
    fn a_forged_or_old_answer_changes_nothing() {
        let (mut call, check) = Call::new();
        let mut old = success(&check, SERVER_PWD);
        old[8] ^= 1;

        call.read(&success(&check, "not the password"), 1);
        call.read(&old, 1);

        assert!(matches!(call.session.stage, Stage::Checking));
        assert!(call.outgoing.is_empty());
    }

    #[test]
    fn an_unanswered_check_is_repeated_and_at_last_given_up() {
        let (mut call, _) = Call::new();

        assert_eq!(call.tick(CHECK_RETRY_NS - 1), None);
        assert_eq!(call.outgoing.len(), 0);
        assert_eq!(call.tick(CHECK_RETRY_NS + 1), None);
        assert_eq!(call.outgoing.len(), 1);
        assert_eq!(call.tick(SET_UP_TIMEOUT_NS + 1), Some(Event::Failed("ice_timeout")));
        assert_eq!(call.tick(SET_UP_TIMEOUT_NS + 2), None);
    }

    #[test]
    fn a_handshake_without_answers_is_given_up_for_another_reason() {
        let (mut call, check) = Call::new();
        call.read(&success(&check, SERVER_PWD), 1);

        assert_eq!(call.tick(SET_UP_TIMEOUT_NS + 1), Some(Event::Failed("dtls_timeout")));
    }

    #[test]
    fn a_full_agents_check_is_answered_if_it_knows_our_password() {
        let (mut call, _) = Call::new();
        let pwd = call.session.pwd.clone();

        call.read(&stun::binding_request(&[9; 12], "x", &pwd, 1), 1);
        call.read(&stun::binding_request(&[9; 12], "x", "wrong", 1), 1);

        assert_eq!(call.outgoing.len(), 1);
        let response = stun::read(&call.outgoing[0]).unwrap();
        assert_eq!(response.mapped_address(), Some(SERVER.parse().unwrap()));
    }

    #[test]
    fn consent_is_asked_for_and_its_loss_ends_the_session() {
        let (mut call, _) = Call::new();
        call.session.talk_to_reflector(Profile::Aes128CmSha1);
        call.session.consent_due_ns = CONSENT_INTERVAL_NS;

        assert_eq!(call.tick(CONSENT_INTERVAL_NS + 1), None);
        assert_eq!(call.outgoing.len(), 1);
        let lost = call.tick(CONSENT_TIMEOUT_NS + CONSENT_INTERVAL_NS);
        assert_eq!(lost, Some(Event::Lost("consent_expired")));
    }

    #[test]
    fn an_alert_after_the_handshake_is_the_servers_end() {
        let (mut call, _) = Call::new();
        call.session.talk_to_reflector(Profile::Aes128CmSha1);

        let event = call.read(&[DTLS_ALERT, 0xfe, 0xfd], 1);

        assert_eq!(event, Some(Event::Lost("closed_by_server")));
    }
}
