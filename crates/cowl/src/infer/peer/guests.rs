//! Whom a listener lets in, and how it comes to know of newcomers.
//!
//! A key that nobody knows may be a newcomer's, so the list is asked for anew when one knocks: at most once in
//! [`SELDOM`], however many knock. Whoever knocks in between waits for the next asking, so that nobody who is on the
//! list is turned away because a stranger came before.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use cowl_crypto::sign::VerifyingKey;

use super::PeerKey;

/// Knows who is to be let in now.
pub(crate) trait GuestList: Send + Sync {
    /// Everybody; `None` where it cannot be found out, which changes nothing.
    fn now(&self) -> Option<Vec<PeerKey>>;
}

/// The parties that a listener lets in.
#[derive(Clone)]
pub(crate) struct Guests(Arc<Door>);

struct Door {
    known: RwLock<Vec<PeerKey>>,
    newcomers: Option<Newcomers>,
}

struct Newcomers {
    list: Box<dyn GuestList>,
    /// When the list was asked for last.
    asked: Mutex<Instant>,
}

impl From<Vec<PeerKey>> for Guests {
    /// These, and never others.
    fn from(known: Vec<PeerKey>) -> Self {
        Self(Arc::new(Door { known: RwLock::new(known), newcomers: None }))
    }
}

impl Guests {
    /// These, who have just been found on the list, and whoever is on it later.
    pub(crate) fn of(list: Box<dyn GuestList>, known: Vec<PeerKey>) -> Self {
        let newcomers = Some(Newcomers { list, asked: Mutex::new(Instant::now()) });
        Self(Arc::new(Door { known: RwLock::new(known), newcomers }))
    }

    /// The party with this key, if it is one of those that are known.
    pub(super) fn with_key(&self, key: &VerifyingKey) -> Option<PeerKey> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|peer| peer.keys.signing == *key).cloned()
    }

    /// Whether somebody with this key is let in. May wait for the list.
    pub(super) fn let_in(&self, key: &VerifyingKey) -> bool {
        let knocked = Instant::now();
        if self.with_key(key).is_some() {
            return true;
        }
        let Some(newcomers) = &self.0.newcomers else { return false };
        let mut asked = newcomers.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if *asked < knocked && self.with_key(key).is_none() {
            std::thread::sleep((*asked + SELDOM).saturating_duration_since(Instant::now()));
            *asked = Instant::now();
            if let Some(all) = newcomers.list.now() {
                *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = all;
            }
        }
        drop(asked);
        self.with_key(key).is_some()
    }
}

impl fmt::Debug for Guests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guests")
    }
}

/// Between one asking for the list and the next.
const SELDOM: Duration = Duration::from_secs(3);
