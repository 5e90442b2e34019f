//! Processor time of all threads, so that other programs count less and a library's own threads count too.

use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 5;

/// Microseconds for one of the `count` pieces that `work` does: the median of some rounds after a warm-up.
pub(crate) fn micros<T>(count: usize, mut work: impl FnMut() -> T) -> f64 {
    std::hint::black_box(work());
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = processor_seconds();
            std::hint::black_box(work());
            (processor_seconds() - begun) * 1e6 / count as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn processor_seconds() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}
