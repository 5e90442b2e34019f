//! Start-up of every long-lived process: logs, metrics, signals, graceful stop.
//!
//! [`start`] is called once, first of all, by `main`. A server inside a test takes [`Metrics::shared`] and
//! a [`Stop`] of its own instead and leaves the process's logs and signals alone.

use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

mod metrics;
mod stop;

pub use metrics::Metrics;
pub use stop::Stop;

/// How a process writes its logs, always to standard error.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogOptions {
    /// One JSON object a line for machines, or text for people. Default: `json`.
    pub format: LogFormat,
    /// What to write, in the notation of `RUST_LOG`. Default: `info`.
    pub filter: String,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { format: LogFormat::Json, filter: "info".into() }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text.
    Text,
}

/// A process that could not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The log filter is not in the notation of `RUST_LOG`.
    #[error("the log filter '{filter}' is not understood: {detail}")]
    LogFilter {
        /// The filter.
        filter: String,
        /// What is wrong.
        detail: String,
    },
    /// Something in this process has set up logs already.
    #[error("logs are set up already")]
    LogsTwice,
    /// The operating system refuses signal handlers.
    #[error("signals cannot be received: {0}")]
    Signals(String),
}

/// What a started process goes on with.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its counters.
    pub metrics: Metrics,
    /// Raised by SIGTERM and SIGINT.
    pub stop: Stop,
}

/// Sets up logs, metrics and signals. To be called inside the runtime.
///
/// # Errors
/// [`StartError`].
pub fn start(log: &LogOptions) -> Result<Service, StartError> {
    start_logs(log)?;
    std::panic::set_hook(Box::new(report_panic));
    let stop = Stop::new();
    stop.raise_on_signals().map_err(|e| StartError::Signals(e.to_string()))?;
    Ok(Service { metrics: Metrics::shared(), stop })
}

fn start_logs(log: &LogOptions) -> Result<(), StartError> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|e| StartError::LogFilter { filter: log.filter.clone(), detail: e.to_string() })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).finish().try_init(),
        LogFormat::Text => lines.with_ansi(false).finish().try_init(),
    };
    started.map_err(|_| StartError::LogsTwice)
}

/// Where, and nothing else: a panic's message may hold what must not be logged.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    tracing::error!(location, "panic");
}
