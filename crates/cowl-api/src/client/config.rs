//! Where the server is, whom to trust, how long to wait.

use std::fmt;
use std::time::Duration;

/// How a [`super::Client`] reaches its server.
#[derive(Clone)]
pub struct ClientConfig {
    /// `http://` or `https://` with host and port; a path in front of `/v1` is kept.
    pub base_url: String,
    /// Certificates to trust *instead of* the system's, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How often a call that may be repeated is tried in all, 1 or more.
    pub attempts: u32,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until a call with JSON bodies is answered.
    pub request: Duration,
    /// Until one upload or download of parts has ended.
    pub transfer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(30),
            transfer: Duration::from_secs(600),
        }
    }
}

impl ClientConfig {
    /// The server at this address, with the system's certificates and the usual patience.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self { base_url: base_url.into(), ca_pem: None, timeouts: Timeouts::default(), attempts: 4 }
    }

    /// The same, trusting these certificates only.
    #[must_use]
    pub fn trusting(mut self, ca_pem: Vec<u8>) -> Self {
        self.ca_pem = Some(ca_pem);
        self
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("base_url", &self.base_url)
            .field("own_certificates", &self.ca_pem.is_some())
            .field("timeouts", &self.timeouts)
            .field("attempts", &self.attempts)
            .finish()
    }
}
