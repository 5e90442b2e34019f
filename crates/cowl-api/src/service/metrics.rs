//! Counters and histograms of the process, for Prometheus.

use std::fmt;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

static SHARED: OnceLock<Metrics> = OnceLock::new();

/// The process's metrics. All clones show the same.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Sets up collection on the first call; later calls return the same.
    pub fn shared() -> Self {
        SHARED.get_or_init(Self::install).clone()
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds what histograms have gathered; to be called every minute or so.
    pub fn tidy(&self) {
        self.0.run_upkeep();
    }

    fn install() -> Self {
        let builder =
            PrometheusBuilder::new().set_buckets(&SECONDS).expect("the list of buckets is not empty");
        Self(builder.install_recorder().expect("nothing else in these programs installs a recorder"))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
