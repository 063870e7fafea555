//! What a run does when. Pure.

use crate::clock::{NS_PER_MS, NS_PER_S};
use crate::options::Options;

/// How long stragglers are waited for after the measurement.
const DRAIN_NS: u64 = NS_PER_S;
/// The least time for draining: an echo that is a little late is not lost.
const DRAIN_AT_LEAST_NS: u64 = 200 * NS_PER_MS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Sessions are set up; those that are connected already speak.
    Connecting,
    /// All speak, nothing is measured yet.
    Settling {
        until_ns: u64,
    },
    Measuring {
        until_ns: u64,
    },
    /// Nobody speaks; the last packets come home.
    Draining {
        since_ns: u64,
    },
    /// Sessions are ended.
    Closing,
    Done,
}

/// What the phase depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Set-ups are over, be it by success or failure.
    pub is_set_up: bool,
    /// Sessions that speak.
    pub talking: usize,
    /// Nothing that was sent during the measurement is missing.
    pub is_all_home: bool,
    /// No request is waiting, none is to be made.
    pub is_quiet: bool,
}

/// How long the phases last.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub settle_ns: u64,
    pub measure_ns: u64,
    pub is_setups_only: bool,
}

impl Plan {
    pub fn of(options: &Options) -> Self {
        Self {
            settle_ns: (options.settle_s * NS_PER_S as f64) as u64,
            measure_ns: (options.measure_s * NS_PER_S as f64) as u64,
            is_setups_only: options.is_setups_only,
        }
    }
}

impl Phase {
    /// The phase that follows at `now_ns`; itself when it goes on.
    pub fn next(self, progress: Progress, plan: Plan, now_ns: u64) -> Phase {
        match self {
            Phase::Connecting if progress.is_set_up => {
                if plan.is_setups_only || progress.talking == 0 {
                    return Phase::Closing;
                }
                Phase::Settling { until_ns: now_ns + plan.settle_ns }
            }
            Phase::Settling { until_ns } if now_ns >= until_ns => {
                Phase::Measuring { until_ns: until_ns + plan.measure_ns }
            }
            Phase::Measuring { until_ns } if now_ns >= until_ns => {
                Phase::Draining { since_ns: now_ns }
            }
            Phase::Draining { since_ns } => {
                let drained_ns = now_ns - since_ns;
                let is_over = drained_ns >= DRAIN_NS
                    || (drained_ns >= DRAIN_AT_LEAST_NS && progress.is_all_home);
                if is_over { Phase::Closing } else { self }
            }
            Phase::Closing if progress.is_quiet => Phase::Done,
            _ => self,
        }
    }

    /// For those who watch.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Connecting => "connecting",
            Phase::Settling { .. } => "settling",
            Phase::Measuring { .. } => "measuring",
            Phase::Draining { .. } => "draining",
            Phase::Closing => "closing",
            Phase::Done => "done",
        }
    }

    /// Whether connected sessions send.
    pub fn is_speaking(self) -> bool {
        matches!(self, Phase::Connecting | Phase::Settling { .. } | Phase::Measuring { .. })
    }

    pub fn is_measuring(self) -> bool {
        matches!(self, Phase::Measuring { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { settle_ns: 10, measure_ns: 100, is_setups_only: false };
    const TALKING: Progress =
        Progress { is_set_up: true, talking: 5, is_all_home: false, is_quiet: true };

    #[test]
    fn a_run_settles_measures_drains_and_closes() {
        let settling = Phase::Connecting.next(TALKING, PLAN, 1_000);
        let measuring = settling.next(TALKING, PLAN, 1_010);
        let draining = measuring.next(TALKING, PLAN, 1_110);
        let closing = draining.next(TALKING, PLAN, 1_110 + DRAIN_NS);

        assert_eq!(settling, Phase::Settling { until_ns: 1_010 });
        assert_eq!(measuring, Phase::Measuring { until_ns: 1_110 });
        assert_eq!(draining, Phase::Draining { since_ns: 1_110 });
        assert_eq!(closing, Phase::Closing);
        assert_eq!(closing.next(TALKING, PLAN, 0), Phase::Done);
    }

    #[test]
    fn no_phase_ends_before_its_time() {
        for phase in [
            Phase::Settling { until_ns: 50 },
            Phase::Measuring { until_ns: 50 },
            Phase::Draining { since_ns: 40 },
        ] {
            assert_eq!(phase.next(TALKING, PLAN, 49), phase);
        }
        assert_eq!(Phase::Connecting.next(Progress::default(), PLAN, 1), Phase::Connecting);
        assert_eq!(Phase::Closing.next(Progress::default(), PLAN, 1), Phase::Closing);
    }

    #[test]
    fn draining_is_short_when_nothing_is_missing() {
        let all_home = Progress { is_all_home: true, ..TALKING };
        let draining = Phase::Draining { since_ns: 0 };

        assert_eq!(draining.next(all_home, PLAN, DRAIN_AT_LEAST_NS), Phase::Closing);
        assert_eq!(draining.next(all_home, PLAN, DRAIN_AT_LEAST_NS - 1), draining);
        assert_eq!(draining.next(TALKING, PLAN, DRAIN_AT_LEAST_NS), draining);
    }

    #[test]
    fn without_media_a_run_closes_when_set_up() {
        let silent = Progress { talking: 0, ..TALKING };
        let setups_only = Plan { is_setups_only: true, ..PLAN };

        assert_eq!(Phase::Connecting.next(silent, PLAN, 1), Phase::Closing);
        assert_eq!(Phase::Connecting.next(TALKING, setups_only, 1), Phase::Closing);
    }
}
