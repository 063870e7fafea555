//! What the generator used and suffered itself during the measurement.

use crate::clock::{monotonic_ns, realtime_ns, thread_cpu_ns};

#[derive(Default)]
pub struct OwnUse {
    pub wall_ns: u64,
    pub cpu_ns: u64,
    pub dropped: u64,
    pub refused: u64,
    /// How far the real time clock was moved against the monotonic one.
    pub clock_step_ns: u64,
}

/// Readings at one time.
#[derive(Clone, Copy, Default)]
pub struct Readings {
    wall_ns: u64,
    cpu_ns: u64,
    dropped: u64,
    refused: u64,
    clock_offset_ns: u64,
}

impl Readings {
    /// `dropped` and `refused` are what the sockets count; noughts where TCP waits instead.
    pub fn take(now_ns: u64, dropped: u64, refused: u64) -> Self {
        let clock_offset_ns = realtime_ns() - monotonic_ns();
        Self { wall_ns: now_ns, cpu_ns: thread_cpu_ns(), dropped, refused, clock_offset_ns }
    }

    /// What was used from these readings to those.
    pub fn until(self, after: Self) -> OwnUse {
        OwnUse {
            wall_ns: after.wall_ns - self.wall_ns,
            cpu_ns: after.cpu_ns - self.cpu_ns,
            dropped: after.dropped - self.dropped,
            refused: after.refused - self.refused,
            clock_step_ns: after.clock_offset_ns.abs_diff(self.clock_offset_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_before_the_measurement_is_no_part_of_it() {
        let used = Readings::take(1_000, 5, 7).until(Readings::take(4_000, 6, 9));

        assert_eq!((used.wall_ns, used.dropped, used.refused), (3_000, 1, 2));
    }

    #[test]
    fn a_clock_that_was_set_back_steps_as_far_as_one_that_was_set_forward() {
        let (early, late) = (
            Readings { clock_offset_ns: 10, ..Readings::default() },
            Readings { clock_offset_ns: 30, ..Readings::default() },
        );

        assert_eq!(early.until(late).clock_step_ns, 20);
        assert_eq!(late.until(early).clock_step_ns, 20);
    }
}
