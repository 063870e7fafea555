//! All WebRTC sessions of a run: set-ups are admitted, turns are spoken, echoes are heard.

use std::net::SocketAddrV4;

use crate::admission::Admission;
use crate::clock::{NS_PER_S, NS_PER_US, monotonic_ns};
use crate::dtls::Identity;
use crate::endings::Endings;
use crate::http::Response;
use crate::network::Network;
use crate::options::{Options, Target};
use crate::own_use::{OwnUse, Readings};
use crate::pacing::Grid;
use crate::phase::{Phase, Plan, Progress};
use crate::rounds::{RETRY_LIMIT_S, Rounds};
use crate::sdp::{choose_candidate, read_answer};
use crate::session::{Event, Outgoing, Session, Stage};
use crate::signalling::{Errand, Outcome, Signalling};
use crate::socket::{Arrival, BATCH, Inbox, Outbox};
use crate::tally::{SetUps, Tally};

const TURNS_PER_ROUND: usize = 2 * BATCH;

pub struct Fleet {
    options: Options,
    sessions: Vec<Session>,
    pub tally: Tally,
    pub set_ups: SetUps,
    pub own_use: OwnUse,
    identity: Identity,
    network: Network,
    inbox: Inbox,
    outbox: Outbox,
    outgoing: Outgoing,
    signalling: Option<Signalling>,
    reflector: Option<SocketAddrV4>,
    admission: Admission,
    /// Sessions to DELETE.
    ending: Endings,
    setting_up: usize,
    talking: usize,
    grid: Grid,
    phase: Phase,
    readings: Readings,
}

impl Fleet {
    /// The error is a sentence for people.
    pub fn new(options: Options, token: Option<String>) -> Result<Self, String> {
        let identity = Identity::new(options.profile).map_err(|error| error.to_string())?;
        let (signalling, reflector, is_near) = match &options.target {
            Target::Whip(url) => {
                let signalling = Signalling::new(url.clone(), token)?;
                let is_near = signalling.is_near();
                (Some(signalling), None, is_near)
            }
            Target::WebSocket(..) => return Err("a switchboard serves WebSockets".into()),
            Target::Reflector(address) => (None, Some(*address), address.ip().is_loopback()),
        };
        let is_shared = is_near && !options.has_own_sockets;
        let network = Network::open(options.sessions, is_shared)
            .map_err(|error| format!("cannot open sockets: {error}"))?;
        let now_ns = monotonic_ns();
        let to_set_up = if reflector.is_some() { 0 } else { options.sessions };
        let mut fleet = Self {
            sessions: (0..options.sessions).map(Session::new).collect(),
            tally: Tally::new(),
            set_ups: SetUps::new(),
            own_use: OwnUse::default(),
            identity,
            network,
            inbox: Inbox::new(),
            outbox: Outbox::new(),
            outgoing: Outgoing::new(),
            signalling,
            reflector,
            admission: Admission::new(to_set_up, options.rate_per_s, now_ns),
            ending: Endings::new(&options, now_ns),
            setting_up: 0,
            talking: 0,
            grid: Grid::new(now_ns, options.sessions),
            phase: Phase::Connecting,
            readings: Readings::default(),
            options,
        };
        if reflector.is_some() {
            fleet.sessions.iter_mut().for_each(|s| s.talk_to_reflector(fleet.identity.profile));
            fleet.talking = fleet.sessions.len();
        }
        Ok(fleet)
    }

    fn begin_measurement(&mut self, now_ns: u64) {
        for session in &mut self.sessions {
            if let Stage::Talking(stream) = &mut session.stage {
                let counter = stream.counter();
                stream.reception.begin(counter);
            }
        }
        self.readings = self.read_own_use(now_ns);
    }

    fn end_measurement(&mut self, now_ns: u64) {
        self.own_use = self.readings.until(self.read_own_use(now_ns));
        for session in &mut self.sessions {
            if let Stage::Talking(stream) = &mut session.stage {
                let counter = stream.counter();
                stream.reception.end(counter);
            }
        }
    }

    fn collect_jitter(&mut self) {
        for session in &self.sessions {
            if let Stage::Talking(stream) = &session.stage {
                let jitter_ns = stream.reception.jitter_ns();
                jitter_ns.into_iter().for_each(|ns| self.tally.jitter.record(ns));
            }
        }
    }

    fn read_own_use(&self, now_ns: u64) -> Readings {
        Readings::take(now_ns, self.network.dropped(), self.outbox.refused)
    }

    /// Requests: those that finished, those to begin. Without media, endings go first, so that
    /// hardly more sessions are open at once than `concurrency`.
    fn signal(&mut self, now_ns: u64) {
        let Some(mut signalling) = self.signalling.take() else {
            return;
        };
        let mut outcomes = signalling.poll(now_ns);
        while signalling.busy() < self.options.concurrency {
            let Some(session) = self.ending.take(now_ns) else {
                break;
            };
            self.sessions[session].stage = Stage::Over;
            if let Some(path) = self.sessions[session].resource.take() {
                outcomes.extend(signalling.end(session, &path, now_ns));
            }
        }
        while self.may_begin() {
            let Some(session) = self.admission.take(now_ns) else {
                break;
            };
            self.setting_up += 1;
            self.set_ups.first_post_ns.get_or_insert(now_ns);
            self.sessions[session].stage = Stage::Posting;
            self.sessions[session].posted_ns = now_ns;
            let offer = self.sessions[session].offer(&self.identity.fingerprint);
            outcomes.extend(signalling.begin(session, &offer, now_ns));
        }
        for outcome in outcomes {
            match outcome.errand {
                Errand::Begin => self.answered(outcome, &signalling, now_ns),
                Errand::End => self.ended(&outcome, now_ns),
            }
        }
        self.signalling = Some(signalling);
    }

    fn may_begin(&self) -> bool {
        let waits_for_endings = self.options.is_setups_only && !self.ending.is_empty();
        self.setting_up < self.options.concurrency && !waits_for_endings
    }

    fn answered(&mut self, outcome: Outcome, signalling: &Signalling, now_ns: u64) {
        let index = outcome.session;
        let response = match outcome.response {
            Ok(response) if response.status == 201 => response,
            Ok(Response { status: 429 | 503, retry_after_s: Some(wait_s), .. }) => {
                self.set_ups.delayed += 1;
                self.setting_up -= 1;
                self.sessions[index].stage = Stage::Waiting;
                self.admission.delay(index, now_ns + wait_s.min(RETRY_LIMIT_S) * NS_PER_S);
                return;
            }
            Ok(response) => {
                return self.note(index, Event::Failed(refusal(response.status)));
            }
            Err(reason) => return self.note(index, Event::Failed(reason)),
        };
        self.set_ups.answer.record(now_ns - outcome.asked_ns);
        self.sessions[index].resource =
            response.location.as_deref().map(|location| signalling.path_of(location));
        let text = String::from_utf8_lossy(&response.body);
        match read_answer(&text) {
            Ok(answer) => {
                let address = choose_candidate(&answer.candidates, self.options.address);
                let check = self.sessions[index].accept(answer, address, now_ns);
                self.outbox.push(&check, self.network.path(index, address));
            }
            Err(reason) => self.note(index, Event::Failed(reason)),
        }
    }

    fn ended(&mut self, outcome: &Outcome, now_ns: u64) {
        match &outcome.response {
            Ok(response) if (200..300).contains(&response.status) => {
                self.set_ups.ended += 1;
                self.set_ups.end.record(now_ns - outcome.asked_ns);
            }
            _ => self.set_ups.not_ended += 1,
        }
    }

    /// The turns that have come; returns how many.
    fn speak(&mut self, now_ns: u64) -> usize {
        for count in 0..TURNS_PER_ROUND {
            let Some(turn) = self.grid.take(now_ns) else {
                return count;
            };
            self.speak_one(turn.session, turn.due_ns);
        }
        TURNS_PER_ROUND
    }

    fn speak_one(&mut self, index: usize, due_ns: u64) {
        let session = &mut self.sessions[index];
        let Some(to) = session.remote_address().or(self.reflector) else {
            return;
        };
        let path = self.network.path(index, to);
        let now_ns = monotonic_ns();
        if let Stage::Talking(stream) = &mut session.stage
            && self.phase.is_speaking()
        {
            let length = stream.speak(self.outbox.room());
            self.outbox.commit(length, path);
            if self.phase.is_measuring() {
                self.tally.speak(now_ns.saturating_sub(due_ns));
            }
        }
        if session.takes_report(now_ns)
            && let Stage::Talking(stream) = &mut session.stage
        {
            let length = stream.report(self.outbox.room());
            self.outbox.commit(length, path);
            self.tally.rtcp_sent += 1;
        }
        let event = session.tick(now_ns, &self.identity, &mut self.outgoing);
        self.deliver(index, event);
    }

    /// Takes what has arrived; whether there is likely more.
    fn listen(&mut self, now_ns: u64) -> bool {
        let mut is_full = false;
        for socket in self.network.readable() {
            let count = self.network.receive(socket, &mut self.inbox);
            is_full |= count == BATCH;
            for place in 0..count {
                let arrival = self.inbox.arrival(place);
                let session = self.network.session_of(socket, arrival.local);
                let Some(index) = session.filter(|&index| index < self.sessions.len()) else {
                    self.tally.strays += 1;
                    continue;
                };
                let Arrival { bytes, source, at_ns, .. } = arrival;
                let session = &mut self.sessions[index];
                if bytes.first().is_some_and(|first| (128..192).contains(first)) {
                    match &mut session.stage {
                        Stage::Talking(stream) => stream.hear(bytes, at_ns, &mut self.tally),
                        Stage::Shaking(_) | Stage::Over => {} // early or late media of a real call
                        _ => self.tally.strays += 1,
                    }
                    continue;
                }
                let event = session.read(bytes, source, now_ns, &self.identity, &mut self.outgoing);
                self.deliver(index, event);
            }
        }
        is_full
    }

    /// Sends what a session wants sent and notes what became of it.
    fn deliver(&mut self, index: usize, event: Option<Event>) {
        if let Some(to) = self.sessions[index].remote_address() {
            let path = self.network.path(index, to);
            for datagram in self.outgoing.drain(..) {
                self.outbox.push(&datagram, path);
            }
        }
        if let Some(event) = event {
            self.note(index, event);
        }
    }

    fn note(&mut self, index: usize, event: Event) {
        match event {
            Event::Connected => {
                let connected_ns = monotonic_ns();
                self.setting_up -= 1;
                self.set_ups.connected += 1;
                self.set_ups.last_connected_ns = connected_ns;
                self.set_ups.connect.record(connected_ns - self.sessions[index].posted_ns);
                if self.options.is_setups_only {
                    self.ending.push(index);
                    self.sessions[index].stage = Stage::Over;
                } else {
                    self.talking += 1;
                }
            }
            Event::Failed(reason) => {
                self.setting_up -= 1;
                *self.set_ups.failed.entry(reason).or_default() += 1;
                self.sessions[index].stage = Stage::Over;
                self.ending.push(index);
            }
            Event::Lost(reason) => {
                self.talking -= 1;
                *self.set_ups.lost.entry(reason).or_default() += 1;
            }
        }
    }
}

impl Rounds for Fleet {
    fn phase(&self) -> Phase {
        self.phase
    }

    fn plan(&self) -> Plan {
        Plan::of(&self.options)
    }

    fn progress(&self) -> Progress {
        let busy_requests = self.signalling.as_ref().map_or(0, Signalling::busy);
        Progress {
            is_set_up: self.admission.is_empty() && self.setting_up == 0,
            talking: self.talking,
            is_all_home: self.tally.received == self.tally.sent,
            is_quiet: self.ending.is_empty() && busy_requests == 0,
        }
    }

    fn enter(&mut self, phase: Phase, now_ns: u64) {
        self.phase = phase;
        match phase {
            Phase::Measuring { .. } => self.begin_measurement(now_ns),
            Phase::Draining { .. } => self.end_measurement(now_ns),
            Phase::Closing => {
                self.collect_jitter();
                let open = self.sessions.iter().enumerate();
                let open = open.filter(|(_, session)| session.resource.is_some());
                self.ending.replace(open.map(|(index, _)| index));
            }
            _ => {}
        }
    }

    fn round(&mut self, now_ns: u64) -> bool {
        self.signal(now_ns);
        let turns = self.speak(now_ns);
        self.outbox.flush();
        let is_full = self.listen(now_ns);
        self.outbox.flush();
        turns == TURNS_PER_ROUND || is_full
    }

    fn next_due_ns(&self) -> u64 {
        self.grid.next_due_ns()
    }

    fn quantum_ns(&self) -> u64 {
        self.options.quantum_us * NS_PER_US
    }
}

/// Why a server that answered with `status` did not take the session.
pub fn refusal(status: u16) -> &'static str {
    match status {
        301..=308 => "http_redirected",
        401 | 403 => "http_not_allowed",
        429 | 503 => "http_refused_without_retry_after",
        400..=499 => "http_4xx",
        500..=599 => "http_5xx",
        _ => "http_not_201",
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::options::defaults;
    use crate::reflector;
    use crate::socket::Socket;

    fn reflected(has_own_sockets: bool) -> Fleet {
        let socket = Socket::open().unwrap();
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, socket.local_port().unwrap());
        std::thread::spawn(move || reflector::run(&socket));
        let target = Target::Reflector(address);
        let (sessions, settle_s, measure_s) = (10, 0.0, 0.2);
        let options =
            Options { target, sessions, settle_s, measure_s, has_own_sockets, ..defaults() };
        let mut fleet = Fleet::new(options, None).unwrap();
        fleet.run(|_| {});
        fleet
    }

    #[test]
    fn each_session_hears_every_packet_that_a_reflector_returns() {
        for has_own_sockets in [false, true] {
            let tally = reflected(has_own_sockets).tally;

            assert_eq!(tally.received, tally.sent);
            assert!(tally.sent.abs_diff(10 * 10) <= 10, "{} packets in 0.2 s", tally.sent);
            assert_eq!(tally.latency.total(), tally.received);
            assert_eq!((tally.unopened, tally.altered, tally.strays), (0, 0, 0));
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_a_failure_with_a_reason() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = crate::http::Url::parse(&format!("http://127.0.0.1:{port}/whip")).unwrap();
        let options =
            Options { target: Target::Whip(url), sessions: 2, rate_per_s: 0.0, ..defaults() };
        let mut fleet = Fleet::new(options, None).unwrap();

        fleet.run(|_| {});

        assert_eq!(fleet.set_ups.failed.get("http_not_connected"), Some(&2));
        assert_eq!((fleet.set_ups.connected, fleet.tally.sent), (0, 0));
    }
}
