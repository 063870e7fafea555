//! When each session speaks: one packet every 20 ms, the sessions spread evenly over those 20 ms.
//! Pure.

use crate::clock::NS_PER_MS;

pub const INTERVAL_NS: u64 = 20 * NS_PER_MS;

/// An endless row of slots, one for each session in turn.
pub struct Grid {
    start_ns: u64,
    sessions: u64,
    slot: u64,
}

/// One turn of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub session: usize,
    pub due_ns: u64,
}

impl Grid {
    /// Slots begin at `start_ns`; there must be a session.
    pub fn new(start_ns: u64, sessions: usize) -> Self {
        assert!(sessions > 0, "a grid without sessions has no slots");
        Self { start_ns, sessions: sessions as u64, slot: 0 }
    }

    /// When the next turn is.
    pub fn next_due_ns(&self) -> u64 {
        self.start_ns + self.slot * INTERVAL_NS / self.sessions
    }

    /// The next turn, if its time has come. Turns that were missed come one by one, late.
    pub fn take(&mut self, now_ns: u64) -> Option<Turn> {
        let due_ns = self.next_due_ns();
        (due_ns <= now_ns).then(|| {
            let session = (self.slot % self.sessions) as usize;
            self.slot += 1;
            Turn { session, due_ns }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_has_one_turn_every_twenty_milliseconds_at_its_own_time() {
        let mut grid = Grid::new(1_000, 4);
        let turns: Vec<Turn> =
            std::iter::from_fn(|| grid.take(1_000 + 2 * INTERVAL_NS - 1)).collect();

        let sessions: Vec<usize> = turns.iter().map(|turn| turn.session).collect();
        assert_eq!(sessions, [0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(turns[1].due_ns - turns[0].due_ns, INTERVAL_NS / 4);
        assert_eq!(turns[4].due_ns - turns[0].due_ns, INTERVAL_NS);
    }

    #[test]
    fn no_turn_comes_before_its_time() {
        let mut grid = Grid::new(1_000, 3);

        assert_eq!(grid.take(999), None);
        assert!(grid.take(1_000).is_some());
        assert_eq!(grid.take(grid.next_due_ns() - 1), None);
    }

    #[test]
    fn an_odd_number_of_sessions_does_not_drift() {
        let mut grid = Grid::new(0, 7);
        let last = std::iter::from_fn(|| grid.take(1_000 * INTERVAL_NS)).last().unwrap();

        assert_eq!(last, Turn { session: 0, due_ns: 1_000 * INTERVAL_NS });
    }
}
