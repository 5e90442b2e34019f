//! Wall-clock times: the median of three after one warm-up.

use std::time::Instant;

use crate::failure::Result;

const RUNS: usize = 3;

/// Seconds that `run` takes. `prepare` is called before each run and not timed.
pub(crate) fn median(
    mut prepare: impl FnMut() -> Result<()>,
    mut run: impl FnMut() -> Result<()>,
) -> Result<f64> {
    prepare()?;
    run()?;
    let mut seconds = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        prepare()?;
        let started = Instant::now();
        run()?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[RUNS / 2])
}
