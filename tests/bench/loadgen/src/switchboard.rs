//! All WebSocket sessions of a run: the twin of `fleet`.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::admission::Admission;
use crate::caller::{Caller, Event, Stage};
use crate::clock::{NS_PER_S, NS_PER_US, monotonic_ns};
use crate::endings::Endings;
use crate::http::Url;
use crate::options::Options;
use crate::own_use::{OwnUse, Readings};
use crate::pacing::Grid;
use crate::phase::{Phase, Plan, Progress};
use crate::readiness::{EVENTS, Readiness};
use crate::rounds::{RETRY_LIMIT_S, Rounds};
use crate::tally::{SetUps, Tally};
use crate::voice::Dialect;
use crate::wire::{Room, Wire};

const TURNS_PER_ROUND: usize = 128;
/// What may wait for a server that does not read; a frame beyond it is lost, and counted so.
const BACKLOG_BYTES: usize = 64 << 10;

pub struct Switchboard {
    options: Options,
    url: Url,
    address: SocketAddr,
    token: Option<String>,
    callers: Vec<Caller>,
    wires: Vec<Option<Wire>>,
    readiness: Readiness,
    room: Room,
    pub tally: Tally,
    pub set_ups: SetUps,
    pub own_use: OwnUse,
    admission: Admission,
    /// Sessions to stop.
    ending: Endings,
    setting_up: usize,
    talking: usize,
    stopping: usize,
    grid: Grid,
    phase: Phase,
    readings: Readings,
}

impl Switchboard {
    /// The error is a sentence for people.
    pub fn new(
        options: Options,
        url: Url,
        dialect: Dialect,
        token: Option<String>,
    ) -> Result<Self, String> {
        let unreachable = |error: std::io::Error| format!("{}: {error}", url.authority);
        let address = url
            .authority
            .to_socket_addrs()
            .map_err(unreachable)?
            .next()
            .ok_or_else(|| format!("{}: no address", url.authority))?;
        let readiness = Readiness::new().map_err(unreachable)?;
        let now_ns = monotonic_ns();
        Ok(Self {
            callers: (0..options.sessions).map(|number| Caller::new(dialect, number)).collect(),
            wires: (0..options.sessions).map(|_| None).collect(),
            readiness,
            room: Room::new(),
            tally: Tally::new(),
            set_ups: SetUps::new(),
            own_use: OwnUse::default(),
            admission: Admission::new(options.sessions, options.rate_per_s, now_ns),
            ending: Endings::new(&options, now_ns),
            setting_up: 0,
            talking: 0,
            stopping: 0,
            grid: Grid::new(now_ns, options.sessions),
            phase: Phase::Connecting,
            readings: Readings::default(),
            url,
            address,
            token,
            options,
        })
    }

    fn begin_measurement(&mut self, now_ns: u64) {
        self.readings = Self::read_own_use(now_ns);
        for caller in &mut self.callers {
            let counter = caller.voice.counter();
            caller.voice.reception.begin(counter);
        }
    }

    fn end_measurement(&mut self, now_ns: u64) {
        self.own_use = self.readings.until(Self::read_own_use(now_ns));
        for caller in &mut self.callers {
            let counter = caller.voice.counter();
            caller.voice.reception.end(counter);
        }
    }

    /// Nothing is dropped or refused on the way: TCP waits instead.
    fn read_own_use(now_ns: u64) -> Readings {
        Readings::take(now_ns, 0, 0)
    }

    fn close_all(&mut self) {
        for (index, caller) in self.callers.iter().enumerate() {
            caller
                .voice
                .reception
                .jitter_ns()
                .into_iter()
                .for_each(|ns| self.tally.jitter.record(ns));
            if caller.stage() == Stage::Talking && !self.ending.contains(index) {
                self.ending.push(index);
            }
        }
    }

    fn begin_some(&mut self, now_ns: u64) {
        let waits_for_endings = self.options.is_setups_only && !self.ending.is_empty();
        while self.setting_up < self.options.concurrency && !waits_for_endings {
            let Some(index) = self.admission.take(now_ns) else {
                break;
            };
            self.setting_up += 1;
            self.set_ups.first_post_ns.get_or_insert(now_ns);
            let asked_ns = monotonic_ns();
            self.callers[index].ask(&self.url, self.token.as_deref(), asked_ns);
            let connected = Wire::connect(self.address)
                .and_then(|wire| self.readiness.watch(wire.fd(), index).map(|()| wire));
            match connected {
                Ok(wire) => {
                    self.wires[index] = Some(wire);
                    self.send(index, now_ns);
                }
                Err(_) => self.break_off(index, "http_not_connected", now_ns),
            }
        }
    }

    fn end_some(&mut self, now_ns: u64) {
        while self.stopping < self.options.concurrency {
            let Some(index) = self.ending.take(now_ns) else {
                break;
            };
            if self.callers[index].stage() == Stage::Talking {
                self.stopping += 1;
                self.callers[index].stop(now_ns);
                self.send(index, now_ns);
            }
        }
    }

    /// The turns that have come; whether more wait already.
    fn speak(&mut self, now_ns: u64) -> bool {
        for _ in 0..TURNS_PER_ROUND {
            let Some(turn) = self.grid.take(now_ns) else {
                return false;
            };
            self.speak_one(turn.session, turn.due_ns);
        }
        true
    }

    fn speak_one(&mut self, index: usize, due_ns: u64) {
        let now_ns = monotonic_ns();
        let caller = &mut self.callers[index];
        let is_ending = self.options.is_setups_only;
        if caller.stage() == Stage::Talking && self.phase.is_speaking() && !is_ending {
            if caller.outgoing.len() < BACKLOG_BYTES {
                caller.speak();
                self.send(index, now_ns);
            }
            if self.phase.is_measuring() {
                self.tally.speak(now_ns.saturating_sub(due_ns));
            }
        }
        if let Some(event) = self.callers[index].tick(now_ns) {
            self.note(index, event, now_ns);
        }
    }

    /// Takes what has arrived; whether there is likely more.
    fn listen(&mut self, now_ns: u64) -> bool {
        let ready = self.readiness.ready();
        for &index in &ready {
            let Some(wire) = &mut self.wires[index] else {
                continue;
            };
            match wire.receive(&mut self.room) {
                Ok(None) => {}
                Ok(Some((bytes, arrived_ns))) if !bytes.is_empty() => {
                    let events = self.callers[index].receive(bytes, arrived_ns, &mut self.tally);
                    self.send(index, now_ns);
                    events.into_iter().for_each(|event| self.note(index, event, now_ns));
                }
                Ok(Some(_)) | Err(_) => self.break_off(index, "connection_broken", now_ns),
            }
        }
        ready.len() == EVENTS
    }

    fn send(&mut self, index: usize, now_ns: u64) {
        let Some(wire) = &mut self.wires[index] else {
            return;
        };
        if wire.send(&mut self.callers[index].outgoing).is_err() {
            self.break_off(index, "connection_broken", now_ns);
        }
    }

    fn break_off(&mut self, index: usize, reason: &'static str, now_ns: u64) {
        self.wires[index] = None;
        if let Some(event) = self.callers[index].end(reason) {
            self.note(index, event, now_ns);
        }
    }

    fn note(&mut self, index: usize, event: Event, now_ns: u64) {
        let since_asked_ns = monotonic_ns() - self.callers[index].asked_ns;
        match event {
            Event::Answered => self.set_ups.answer.record(since_asked_ns),
            Event::Connected => {
                self.setting_up -= 1;
                self.talking += 1;
                self.set_ups.connected += 1;
                self.set_ups.last_connected_ns = monotonic_ns();
                self.set_ups.connect.record(since_asked_ns);
                if self.options.is_setups_only {
                    self.ending.push(index);
                }
            }
            Event::Delayed(wait_s) => {
                self.setting_up -= 1;
                self.set_ups.delayed += 1;
                self.wires[index] = None;
                self.admission.delay(index, now_ns + wait_s.min(RETRY_LIMIT_S) * NS_PER_S);
            }
            Event::Failed(reason) => {
                self.setting_up -= 1;
                *self.set_ups.failed.entry(reason).or_default() += 1;
                self.wires[index] = None;
            }
            Event::Lost(reason) => {
                self.talking -= 1;
                *self.set_ups.lost.entry(reason).or_default() += 1;
                self.wires[index] = None;
            }
            Event::Ended(is_good) => {
                self.stopping -= 1;
                let ended =
                    if is_good { &mut self.set_ups.ended } else { &mut self.set_ups.not_ended };
                *ended += 1;
                self.wires[index] = None;
            }
        }
    }
}

impl Rounds for Switchboard {
    fn phase(&self) -> Phase {
        self.phase
    }

    fn plan(&self) -> Plan {
        Plan::of(&self.options)
    }

    fn progress(&self) -> Progress {
        Progress {
            is_set_up: self.admission.is_empty() && self.setting_up == 0,
            talking: self.talking,
            is_all_home: self.tally.received == self.tally.sent,
            is_quiet: self.ending.is_empty() && self.stopping == 0,
        }
    }

    fn enter(&mut self, phase: Phase, now_ns: u64) {
        self.phase = phase;
        match phase {
            Phase::Measuring { .. } => self.begin_measurement(now_ns),
            Phase::Draining { .. } => self.end_measurement(now_ns),
            Phase::Closing => self.close_all(),
            _ => {}
        }
    }

    fn round(&mut self, now_ns: u64) -> bool {
        self.end_some(now_ns);
        self.begin_some(now_ns);
        self.speak(now_ns) | self.listen(now_ns)
    }

    fn next_due_ns(&self) -> u64 {
        self.grid.next_due_ns()
    }

    fn quantum_ns(&self) -> u64 {
        self.options.quantum_us * NS_PER_US
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::options::defaults;

    #[test]
    fn a_server_that_is_not_there_is_a_failure_with_a_reason() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = Url::parse(&format!("http://127.0.0.1:{port}/v2/ws")).unwrap();
        let options = Options { sessions: 2, rate_per_s: 0.0, ..defaults() };
        let mut switchboard = Switchboard::new(options, url, Dialect::Rtp, None).unwrap();

        switchboard.run(|_| {});

        assert_eq!(switchboard.set_ups.failed.get("http_not_connected"), Some(&2));
        assert_eq!((switchboard.set_ups.connected, switchboard.tally.sent), (0, 0));
    }
}
