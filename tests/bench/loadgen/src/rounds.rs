//! The one loop of a run, whatever the medium: what is due is done, then it sleeps. One thread, no
//! waiting on any descriptor: it looks every 0.1 ms, and arrivals carry the kernel's time, so that
//! looking late does not lengthen a latency.

use crate::clock::{NS_PER_MS, NS_PER_US, monotonic_ns, sleep_until};
use crate::phase::{Phase, Plan, Progress};

const LONGEST_SLEEP_NS: u64 = 250 * NS_PER_US;
/// A turn that is spoken so much later than it was due is counted as late.
pub const LATE_NS: u64 = 5 * NS_PER_MS;
/// The longest that a `Retry-After` is heeded.
pub const RETRY_LIMIT_S: u64 = 30;

/// All sessions of a run, as the loop sees them.
pub trait Rounds {
    fn phase(&self) -> Phase;
    fn plan(&self) -> Plan;
    fn progress(&self) -> Progress;
    /// Begins a phase.
    fn enter(&mut self, phase: Phase, now_ns: u64);
    /// Everything that is due now; whether more is waiting already.
    fn round(&mut self, now_ns: u64) -> bool;
    /// When the next turn to speak comes.
    fn next_due_ns(&self) -> u64;
    /// The least time between two looks.
    fn quantum_ns(&self) -> u64;

    /// Runs to the end. `watch` is told each new phase.
    fn run(&mut self, watch: impl Fn(Phase)) {
        let quantum_ns = self.quantum_ns();
        watch(self.phase());
        while self.phase() != Phase::Done {
            let now_ns = monotonic_ns();
            let is_behind = self.round(now_ns);
            let next = self.phase().next(self.progress(), self.plan(), now_ns);
            if next != self.phase() {
                self.enter(next, now_ns);
                watch(next);
            }
            if !is_behind {
                let due_ns = self.next_due_ns().min(now_ns + LONGEST_SLEEP_NS);
                sleep_until(due_ns.max(now_ns + quantum_ns));
            }
        }
    }
}
