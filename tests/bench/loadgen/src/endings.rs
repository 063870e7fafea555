//! Sessions that are to end, no faster than was asked for. Pure.

use std::collections::VecDeque;

use crate::clock::NS_PER_S;
use crate::options::Options;

pub struct Endings {
    waiting: VecDeque<usize>,
    interval_ns: u64,
    next_ns: u64,
}

impl Endings {
    /// Without media there is no pace: endings must keep up with set-ups.
    pub fn new(options: &Options, now_ns: u64) -> Self {
        let has_pace = !options.is_setups_only && options.close_rate_per_s > 0.0;
        let interval_ns =
            if has_pace { (NS_PER_S as f64 / options.close_rate_per_s) as u64 } else { 0 };
        Self { waiting: VecDeque::new(), interval_ns, next_ns: now_ns }
    }

    pub fn push(&mut self, session: usize) {
        self.waiting.push_back(session);
    }

    /// These shall end, and no others.
    pub fn replace(&mut self, sessions: impl Iterator<Item = usize>) {
        self.waiting = sessions.collect();
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn contains(&self, session: usize) -> bool {
        self.waiting.contains(&session)
    }

    /// A session whose turn has come.
    pub fn take(&mut self, now_ns: u64) -> Option<usize> {
        if now_ns < self.next_ns {
            return None;
        }
        let session = self.waiting.pop_front()?;
        self.next_ns = now_ns + self.interval_ns;
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::defaults;

    fn endings(options: &Options) -> Endings {
        let mut endings = Endings::new(options, 0);
        (0..3).for_each(|session| endings.push(session));
        endings
    }

    #[test]
    fn sessions_end_in_turn_at_the_pace_that_was_asked_for() {
        let mut endings = endings(&Options { close_rate_per_s: 10.0, ..defaults() });
        let interval_ns = NS_PER_S / 10;

        assert_eq!((endings.take(0), endings.take(interval_ns - 1)), (Some(0), None));
        assert_eq!((endings.take(interval_ns), endings.take(interval_ns)), (Some(1), None));
        assert!(endings.contains(2) && !endings.contains(1));
    }

    #[test]
    fn those_that_are_replaced_do_not_end_and_the_pace_stays() {
        let mut endings = endings(&Options { close_rate_per_s: 10.0, ..defaults() });
        endings.take(0);

        endings.replace([7].into_iter());

        assert_eq!(endings.take(1), None);
        assert_eq!((endings.take(NS_PER_S), endings.take(2 * NS_PER_S)), (Some(7), None));
    }

    #[test]
    fn without_a_pace_or_without_media_all_may_end_at_once() {
        for options in [
            Options { close_rate_per_s: 0.0, ..defaults() },
            Options { close_rate_per_s: 10.0, is_setups_only: true, ..defaults() },
        ] {
            let mut endings = endings(&options);

            assert_eq!([(); 4].map(|()| endings.take(0)), [Some(0), Some(1), Some(2), None]);
            assert!(endings.is_empty());
        }
    }
}
