//! Attempts to log in: limited, lapsed, finished; sessions.

use cowl_crypto::digest::Digest;
use cowl_domain::{Event, EventKind, wire};
use cowl_store::ledger::{LoginAttempt, LoginLimits, LoginOrigin, NewSession, Throttle};
use tokio::task::JoinSet;

use super::{Actor, Stores};

const PLACE: Throttle = Throttle { free: 3, first_wait: 2, longest_wait: 60, forget_after: 3600 };
const LIMITS: LoginLimits = LoginLimits {
    place: PLACE,
    address: Throttle { free: 8, ..PLACE },
    handle: Throttle { free: 5, ..PLACE },
    know_place_for: 86_400,
};

fn origin(handle: &str, address: &str) -> LoginOrigin {
    let place = format!("{handle} at {address}");
    LoginOrigin { address: address.into(), handle: handle.into(), place }
}

impl Stores {
    async fn attempt(&self, handle: &str, address: &str) -> u64 {
        self.ledger.admit_login(&origin(handle, address), &LIMITS, self.now()).await.unwrap()
    }

    async fn succeed(&self, actor: &Actor, address: &str, token: &Digest) {
        let origin = origin(actor.handle.as_str(), address);
        let session = NewSession { token: *token, expires_at: self.now().plus_seconds(600) };
        let known = LIMITS.know_place_for;
        self.ledger.logged_in(&actor.id(), &origin, known, &session, &self.act()).await.unwrap();
    }

    async fn failures_told(&self, actor: &Actor) -> usize {
        let events = self.ledger.events_for(&actor.id(), None, 1000).await.unwrap().events;
        let kind = |bytes: &[u8]| wire::decode::<Event>("event", bytes).unwrap().kind;
        events.iter().filter(|entry| kind(&entry.event) == EventKind::LoginFailed).count()
    }
}

/// After the free attempts each waits twice as long as the one before, and success forgets them.
pub async fn attempts_are_slowed_down(stores: &Stores) {
    let owner = stores.register("owner").await;
    for _ in 0..3 {
        assert_eq!(stores.attempt("owner", "home").await, 0);
    }
    for wait in [2, 4, 8] {
        assert_eq!(stores.attempt("owner", "home").await, wait);
        stores.wait_seconds(wait);
        assert_eq!(stores.attempt("owner", "home").await, 0);
    }
    stores.succeed(&owner, "home", &Digest::of(b"token")).await;
    for _ in 0..3 {
        assert_eq!(stores.attempt("owner", "home").await, 0);
    }
    assert_ne!(stores.attempt("owner", "home").await, 0);
    stores.wait_seconds(3600);
    assert_eq!(stores.attempt("owner", "home").await, 0);
}

/// Who guesses from many addresses without a pause does not keep the owner out of where it is known.
pub async fn guessers_do_not_lock_the_owner_out(stores: &Stores) {
    let owner = stores.register("owner").await;
    assert_eq!(stores.attempt("owner", "home").await, 0);
    stores.succeed(&owner, "home", &Digest::of(b"token")).await;
    let mut admitted = 0;
    for guess in 0..20 {
        admitted += u32::from(stores.attempt("owner", &format!("address {guess}")).await == 0);
    }
    assert_eq!(admitted, LIMITS.handle.free);
    assert_eq!(stores.attempt("owner", "home").await, 0);
    assert_ne!(stores.attempt("owner", "a new place").await, 0);
    stores.wait_seconds(LIMITS.know_place_for);
    stores.ledger.sweep(stores.now()).await.unwrap();
    for guess in 0..LIMITS.handle.free {
        stores.attempt("owner", &format!("another {guess}")).await;
    }
    assert_ne!(stores.attempt("owner", "home").await, 0, "a place is not known for ever");
}

/// However many log in from one address, only attempts without success count against it.
pub async fn successes_are_not_held_against_an_address(stores: &Stores) {
    let owner = stores.register("owner").await;
    for number in 0..20u8 {
        assert_eq!(stores.attempt("owner", "clinic").await, 0);
        stores.succeed(&owner, "clinic", &Digest::of(&[number])).await;
    }
    for number in 0..LIMITS.address.free {
        assert_eq!(stores.attempt(&format!("handle-{number}"), "clinic").await, 0);
    }
    assert_ne!(stores.attempt("handle-x", "clinic").await, 0);
    assert_eq!(stores.attempt("handle-x", "elsewhere").await, 0);
}

/// Of a crowd in two processes no more are admitted than one after the other.
pub async fn a_crowd_gains_nothing(stores: &Stores) {
    let second = stores.second_ledger().await;
    let now = stores.now();
    let mut crowd = JoinSet::new();
    for guess in 0..32 {
        let ledger = if guess % 2 == 0 { stores.ledger.clone() } else { second.clone() };
        crowd.spawn(async move { ledger.admit_login(&origin("owner", "one"), &LIMITS, now).await.unwrap() });
    }
    let admitted = crowd.join_all().await.into_iter().filter(|wait| *wait == 0).count();
    assert_eq!(admitted, LIMITS.place.free as usize);
    second.close().await;
}

/// A clock that was ahead and is set right again makes nobody wait for the time to come round.
pub async fn a_clock_set_back_makes_nobody_wait(stores: &Stores) {
    let ahead = stores.now().plus_seconds(10_000_000);
    let origin = origin("owner", "home");
    while stores.ledger.admit_login(&origin, &LIMITS, ahead).await.unwrap() == 0 {}
    assert_eq!(stores.attempt("owner", "home").await, 2);
    stores.wait_seconds(2);
    assert_eq!(stores.attempt("owner", "home").await, 0);
}

/// An attempt is taken once, in time; one that was never finished is told to its account, once.
pub async fn attempts_are_single_use_and_lapse(stores: &Stores) {
    let owner = stores.register("owner").await;
    let attempt = LoginAttempt { handle: "owner".into(), party: Some(owner.id()), state: b"state".to_vec() };
    let nobody = LoginAttempt { handle: "nobody".into(), party: None, ..attempt.clone() };
    let [once, late, vain] = [b"once", b"late", b"vain"].map(|name| Digest::of(name));
    for (name, attempt) in [(&once, &attempt), (&late, &attempt), (&vain, &nobody)] {
        stores.ledger.begin_login(name, attempt, stores.now().plus_seconds(60)).await.unwrap();
    }
    assert!(stores.ledger.take_login(&once, stores.now()).await.unwrap() == attempt);
    assert!(stores.ledger.take_login(&once, stores.now()).await.is_err());
    assert_eq!(stores.ledger.lapse_logins(10, &stores.act()).await.unwrap(), 0);
    stores.wait_seconds(61);
    assert!(stores.ledger.take_login(&late, stores.now()).await.is_err());
    let second = stores.second_ledger().await;
    let acts = [stores.act(), stores.act()];
    let both = tokio::join!(stores.ledger.lapse_logins(10, &acts[0]), second.lapse_logins(10, &acts[1]));
    assert_eq!(both.0.unwrap() + both.1.unwrap(), 2);
    assert_eq!(stores.failures_told(&owner).await, 1);
    stores.ledger.login_refused(&owner.id(), &stores.act()).await.unwrap();
    assert_eq!(stores.failures_told(&owner).await, 2);
    second.close().await;
}

/// Sessions end by log-out, by time and by a change of password.
pub async fn sessions_end(stores: &Stores) {
    let owner = stores.register("owner").await;
    let tokens = [b"a", b"b", b"c"].map(|token| Digest::of(token));
    for token in &tokens {
        stores.succeed(&owner, "home", token).await;
    }
    stores.ledger.end_session(&tokens[0]).await.unwrap();
    assert!(stores.ledger.session(&tokens[0], stores.now()).await.is_err());
    let keep = Some(&tokens[1]);
    stores.ledger.change_password(&owner.id(), b"new", b"store", keep, &stores.act()).await.unwrap();
    assert!(stores.ledger.session(&tokens[2], stores.now()).await.is_err());
    assert_eq!(stores.ledger.session(&tokens[1], stores.now()).await.unwrap(), owner.id());
    stores.wait_seconds(600);
    assert!(stores.ledger.session(&tokens[1], stores.now()).await.is_err());
    stores.ledger.sweep(stores.now()).await.unwrap();
}
