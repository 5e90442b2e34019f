//! How much, how long, how often.

use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;

const MIB: u64 = 1024 * 1024;

/// Sizes in bytes and times in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most bytes of one upload of parts; while it lasts, it counts in `upload_memory`. Default: 64 MiB.
    pub max_upload: u64,
    /// Most bytes of all uploads in memory together; further ones wait. Default: 512 MiB.
    pub upload_memory: u64,
    /// Most bytes of a JSON body. Default: 32 MiB.
    pub max_body: u64,
    /// Bytes that a new account may store. Default: 100 GiB.
    pub quota: u64,
    /// Most seconds for a call with a JSON body. Default: 30.
    pub call_seconds: u64,
    /// Most seconds between two pieces of an upload. Default: 30.
    pub stall_seconds: u64,
    /// Fewest bytes a second of an upload on the whole, beyond `stall_seconds`: who sends slower keeps memory from
    /// others. Default: 16 KiB.
    pub slowest_upload: u64,
    /// Most seconds for the request's head. Default: 15.
    pub head_seconds: u64,
    /// Seconds for running requests when the process is to stop. Default: 20.
    pub stop_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_upload: 64 * MIB,
            upload_memory: 512 * MIB,
            max_body: 32 * MIB,
            quota: 100 * 1024 * MIB,
            call_seconds: 30,
            stall_seconds: 30,
            slowest_upload: 16 * 1024,
            head_seconds: 15,
            stop_seconds: 20,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.max_upload == 0 || self.max_upload > self.upload_memory {
            return Err(ConfigError::Unsound("limits.max_upload must be 1 to limits.upload_memory".into()));
        }
        // Permits are counted in 32 bits, in KiB.
        if self.upload_memory / 1024 > u64::from(u32::MAX) {
            return Err(ConfigError::Unsound("limits.upload_memory is 4 TiB at most".into()));
        }
        Ok(())
    }

    pub(crate) fn call(&self) -> Duration {
        Duration::from_secs(self.call_seconds)
    }

    /// How long an upload may have taken when so many bytes of it have come.
    pub(crate) fn upload(&self, received: u64) -> Duration {
        self.stall() + Duration::from_secs(received / self.slowest_upload.max(1))
    }

    pub(crate) fn stall(&self) -> Duration {
        Duration::from_secs(self.stall_seconds)
    }
}

/// Log-in, sessions and tickets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionPolicy {
    /// Hours until a session ends by itself. Default: 12.
    pub hours: u64,
    /// Minutes for which a read ticket serves. Default: 60.
    pub ticket_minutes: u64,
    /// Log-ins of one handle from one address without success before the next must wait. Default: 5.
    pub free_attempts: u32,
    /// The same for all log-ins without success, and all registrations, from one address. Default: 1000.
    pub free_attempts_per_address: u32,
    /// The same for one handle from all addresses where it was not logged in lately. Default: 100.
    pub free_attempts_per_handle: u32,
    /// Days after a log-in for which other people's attempts do not hold up the next one of that handle from
    /// that address. Default: 90.
    pub know_place_days: u64,
    /// Seconds of the first wait; each further one doubles. Default: 2.
    pub first_wait_seconds: u64,
    /// Seconds of the longest wait. Default: 900.
    pub longest_wait_seconds: u64,
    /// Seconds after the first of these attempts when all is forgotten. Default: 3600.
    pub forget_seconds: u64,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            hours: 12,
            ticket_minutes: 60,
            free_attempts: 5,
            free_attempts_per_address: 1000,
            free_attempts_per_handle: 100,
            know_place_days: 90,
            first_wait_seconds: 2,
            longest_wait_seconds: 900,
            forget_seconds: 3600,
        }
    }
}

/// Work in the background.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Housekeeping {
    /// Seconds between two looks for grants that have expired. Default: 5.
    pub expiry_seconds: u64,
    /// Seconds between two collections of parts that nothing refers to. Default: 600.
    pub collection_seconds: u64,
    /// Seconds for which an upload may wait for its commit. Default: 86400, one day.
    pub grace_seconds: u64,
    /// Seconds for which removed parts stay, for reads that have begun. Default: 300.
    pub linger_seconds: u64,
    /// Seconds after which the space of removed parts inside packs is taken back. Default: 2592000, 30 days.
    pub erase_after_seconds: u64,
}

impl Default for Housekeeping {
    fn default() -> Self {
        Self {
            expiry_seconds: 5,
            collection_seconds: 600,
            grace_seconds: 86_400,
            linger_seconds: 300,
            erase_after_seconds: 2_592_000,
        }
    }
}
