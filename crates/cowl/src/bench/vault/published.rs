//! The published record of 8.32 MB, its codec apart, against the times of the paper.

use crate::bench::paper::records::{Times, of_images, of_texts, sealing};
use crate::bench::record::{PUBLISHED, Record};
use crate::bench::row::Row;
use crate::bench::sealed::{Keys, Scheme};
use crate::failure::Result;

pub(super) fn rows() -> Result<Vec<Row>> {
    let keys = Keys::make();
    let published = PUBLISHED.last().expect("there are five");
    let record = Record::make(published);
    let all = |scheme| [of_texts(&record, scheme), of_images(&record, scheme)].concat();
    let chaotic = [of_texts(&record, Scheme::Standard), of_images(&record, Scheme::ChaoticImage)].concat();
    let standard = sealing(&keys, &all(Scheme::Standard))?;
    let hybrid = sealing(&keys, &all(Scheme::HybridRsa))?;
    let chaotic = sealing(&keys, &chaotic)?;
    let row = |verb: &str, suite: &str, what: &str, seconds: f64, paper: f64| {
        let what = format!("{verb} the record of 8.32 MB in 34 items, {what}, on all cores");
        Row::new(format!("vault.record-{verb}.{suite}"), what, "ms", seconds * 1e3).against(BY, paper * 1e3)
    };
    let both = |suite: &str, what: &str, times: Times| {
        [
            row("seal", suite, what, times.seal, published.encrypt),
            row("open", suite, what, times.open, published.decrypt),
        ]
    };
    let [seal, open] = both("standard", "all standard", standard);
    let [seal_rsa, open_rsa] = both("hybrid-rsa", "all hybrid-rsa", hybrid);
    let [seal_chaos, open_chaos] = both("chaotic-image", "images chaotic-image, texts standard", chaotic);
    Ok(vec![
        seal.ratio_goal(100.0),
        open.ratio_goal(100.0),
        seal_rsa,
        open_rsa.ratio_goal(20.0),
        seal_chaos.ratio_goal(20.0),
        open_chaos.ratio_goal(20.0),
    ])
}

const BY: &str = "the paper, on its machine of 2019";
