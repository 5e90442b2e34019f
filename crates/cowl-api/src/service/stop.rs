//! A flag that is raised once, to say that the process is to end.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Raised once, seen by all clones.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// Not raised yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises it.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has been raised.
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it is raised.
    pub async fn raised(&self) {
        let mut receiver = self.0.subscribe();
        receiver.wait_for(|raised| *raised).await.map(drop).expect("self holds the sender");
    }

    /// Raises it when SIGTERM or SIGINT arrives. To be called inside the runtime.
    ///
    /// # Errors
    /// That of the operating system.
    pub fn raise_on_signals(&self) -> io::Result<()> {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stop.raise();
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_clones_see_a_raised_stop() {
        let stop = Stop::new();
        let other = stop.clone();
        assert!(!other.is_raised());
        let waiting = tokio::spawn(async move { other.raised().await });
        stop.raise();
        waiting.await.unwrap();
        assert!(stop.is_raised());
        stop.raised().await;
    }
}
