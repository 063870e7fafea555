//! Which session is set up next, and when: a bounded rate, a bounded number at once, and those
//! that were told `Retry-After` again at that time. Pure.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::clock::NS_PER_S;

/// The row of sessions that are not yet posted.
pub struct Admission {
    fresh: VecDeque<usize>,
    delayed: BinaryHeap<Reverse<(u64, usize)>>,
    interval_ns: u64,
    next_ns: u64,
}

impl Admission {
    /// `rate_per_s` of zero means as fast as the number at once allows.
    pub fn new(sessions: usize, rate_per_s: f64, now_ns: u64) -> Self {
        let interval_ns = if rate_per_s > 0.0 { (NS_PER_S as f64 / rate_per_s) as u64 } else { 0 };
        Self {
            fresh: (0..sessions).collect(),
            delayed: BinaryHeap::new(),
            interval_ns,
            next_ns: now_ns,
        }
    }

    /// The next session, if its time has come. Time that was not used is not made up for: a slow
    /// server gets no burst afterwards.
    pub fn take(&mut self, now_ns: u64) -> Option<usize> {
        if now_ns < self.next_ns {
            return None;
        }
        let session = match self.delayed.peek() {
            Some(Reverse((at_ns, _))) if *at_ns <= now_ns => {
                self.delayed.pop().map(|entry| entry.0.1)
            }
            _ => self.fresh.pop_front(),
        }?;
        let is_behind = now_ns > self.next_ns + 10 * self.interval_ns;
        self.next_ns = if is_behind { now_ns } else { self.next_ns } + self.interval_ns;
        Some(session)
    }

    /// Puts a refused session back until `at_ns`.
    pub fn delay(&mut self, session: usize, at_ns: u64) {
        self.delayed.push(Reverse((at_ns, session)));
    }

    pub fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.delayed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_until(admission: &mut Admission, end_ns: u64) -> usize {
        (0..end_ns).step_by(1_000_000).filter(|&now_ns| admission.take(now_ns).is_some()).count()
    }

    #[test]
    fn a_rate_of_300_admits_300_in_a_second() {
        let mut admission = Admission::new(1_000, 300.0, 0);

        assert!(taken_until(&mut admission, NS_PER_S).abs_diff(300) <= 1);
    }

    #[test]
    fn without_a_rate_all_may_go_at_once() {
        let mut admission = Admission::new(3, 0.0, 7);

        let all: Vec<usize> = std::iter::from_fn(|| admission.take(7)).collect();

        assert_eq!(all, [0, 1, 2]);
        assert!(admission.is_empty());
    }

    #[test]
    fn a_refused_session_comes_back_at_its_time_and_not_before() {
        let mut admission = Admission::new(1, 0.0, 0);
        admission.take(0);
        admission.delay(0, 500);

        assert_eq!(admission.take(499), None);
        assert!(!admission.is_empty());
        assert_eq!(admission.take(500), Some(0));
    }

    #[test]
    fn a_pause_is_not_made_up_for_by_a_burst() {
        let mut admission = Admission::new(1_000, 100.0, 0);
        admission.take(0);

        let after_pause = (0..5).filter(|_| admission.take(10 * NS_PER_S).is_some()).count();

        assert_eq!(after_pause, 1);
    }
}
