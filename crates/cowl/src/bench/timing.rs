//! Clocks and medians.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// Time as it passes.
    Wall,
    /// Time of a core spent in this thread: of work on one core the wall time on an idle machine.
    Thread,
    /// Time of all cores spent in this process.
    Process,
}

impl Clock {
    /// Seconds that `work` takes.
    pub(super) fn time<T>(self, work: impl FnOnce() -> T) -> (f64, T) {
        let begun = self.now();
        let outcome = work();
        (self.since(begun), outcome)
    }

    /// The median of `runs` runs after a warm-up, and what the last one yielded.
    pub(super) fn median<T>(self, runs: usize, mut work: impl FnMut() -> T) -> (f64, T) {
        let mut outcome = work();
        let mut seconds = Vec::with_capacity(runs);
        for _ in 0..runs {
            let begun = self.now();
            let new = work();
            seconds.push(self.since(begun));
            // What the run before yielded is dropped here, outside of the time.
            outcome = new;
        }
        (median(&mut seconds), outcome)
    }

    /// A moment of this clock.
    pub(super) fn now(self) -> Duration {
        let id = match self {
            Self::Wall => ClockId::Monotonic,
            Self::Thread => ClockId::ThreadCPUTime,
            Self::Process => ClockId::ProcessCPUTime,
        };
        Duration::try_from(clock_gettime(id)).expect("these clocks begin at zero")
    }

    /// Seconds since a moment of this clock.
    pub(super) fn since(self, begun: Duration) -> f64 {
        self.now().saturating_sub(begun).as_secs_f64()
    }
}

/// The value in the middle; 0 of none.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_value_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut []), 0.0);
    }

    #[test]
    fn the_work_runs_once_more_than_it_is_timed() {
        let mut runs = 0;
        let (_, last) = Clock::Wall.median(3, || {
            runs += 1;
            runs
        });
        assert_eq!(last, 4);
    }
}
