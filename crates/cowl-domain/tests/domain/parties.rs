//! Key bindings: nobody takes another's identifier, and each version continues the one before.

use cowl_domain::party::{BindingError, verify_first_binding, verify_next_binding};
use cowl_domain::*;
use minicbor::Encode;
use proptest::prelude::*;

use crate::fabricated::*;

fn first(seed: u8) -> KeyBinding {
    KeyBinding {
        handle: "radiologist@city-hospital".parse().unwrap(),
        role: Role::Physician,
        keys: party_keys(seed),
        previous: None,
        made_at: NOW,
    }
}

fn signed(binding: &KeyBinding, version: u32, seed: u8) -> Signed<KeyBinding> {
    Signed::sign(binding, binding.keys.party, version, &signing_key(seed))
}

fn known() -> Verified<KeyBinding> {
    verify_first_binding(&signed(&first(1), 0, 1)).unwrap()
}

/// Version 1 of the keys of party 1, made with seed 2.
fn next() -> KeyBinding {
    let party = known().keys.party;
    KeyBinding {
        keys: PartyKeys { party, version: 1, ..party_keys(2) },
        previous: Some(known().digest()),
        ..first(1)
    }
}

/// The next binding, altered, and signed with the key that is known.
fn continued(alter: impl FnOnce(&mut KeyBinding)) -> Result<Verified<KeyBinding>, BindingError> {
    let mut binding = next();
    alter(&mut binding);
    verify_next_binding(&known(), &signed(&binding, 0, 1))
}

#[test]
fn a_first_binding_certifies_itself() {
    assert_eq!(*known(), first(1));
}

#[test]
fn an_identifier_depends_on_both_keys() {
    let (one, other) = (party_keys(1), party_keys(2));
    assert_ne!(one.party, PartyKeys::first_id(&other.signing, &one.sealing));
    assert_ne!(one.party, PartyKeys::first_id(&one.signing, &other.sealing));
}

#[test]
fn nobody_claims_anothers_identifier() {
    let mut thief = first(2);
    thief.keys.party = party_keys(1).party;
    let refused = verify_first_binding(&signed(&thief, 0, 2));
    assert_eq!(refused, Err(BindingError::NotSelfCertifying(party_keys(1).party)));
}

#[test]
fn a_first_binding_has_version_0_and_nothing_before_it() {
    let mut later = first(1);
    later.keys.version = 1;
    assert!(matches!(verify_first_binding(&signed(&later, 1, 1)), Err(BindingError::NotSelfCertifying(_))));
    let mut continuing = first(1);
    continuing.previous = Some(known().digest());
    assert!(matches!(
        verify_first_binding(&signed(&continuing, 0, 1)),
        Err(BindingError::NotSelfCertifying(_))
    ));
}

#[test]
fn a_first_binding_is_signed_with_the_key_that_it_names() {
    let refused = verify_first_binding(&signed(&first(1), 0, 2));
    assert!(matches!(refused, Err(BindingError::Statement(StatementError::BadSignature { .. }))));
}

#[test]
fn new_keys_are_signed_with_the_old_key() {
    let verified = continued(|_| ()).unwrap();
    assert_eq!((verified.keys.version, verified.keys.party), (1, known().keys.party));
    let by_the_new_key = verify_next_binding(&known(), &signed(&next(), 0, 2));
    assert!(matches!(by_the_new_key, Err(BindingError::Statement(StatementError::BadSignature { .. }))));
    let as_the_new_version = verify_next_binding(&known(), &signed(&next(), 1, 2));
    assert!(matches!(
        as_the_new_version,
        Err(BindingError::Statement(StatementError::WrongKeyVersion { .. }))
    ));
}

#[test]
fn a_chain_of_three_holds_and_cannot_be_forked_or_wound_back() {
    let second = continued(|_| ()).unwrap();
    let party = second.keys.party;
    let third = KeyBinding {
        keys: PartyKeys { party, version: 2, ..party_keys(3) },
        previous: Some(second.digest()),
        ..first(1)
    };
    assert!(verify_next_binding(&second, &signed(&third, 1, 2)).is_ok());
    assert!(verify_next_binding(&known(), &signed(&third, 0, 1)).is_err());
    let wound_back = KeyBinding { keys: PartyKeys { party, version: 1, ..party_keys(1) }, ..third };
    assert!(verify_next_binding(&second, &signed(&wound_back, 1, 2)).is_err());
}

#[test]
fn a_binding_that_does_not_continue_the_known_one_is_refused() {
    let refused = |outcome| matches!(outcome, Err(BindingError::NotContinuing { .. }));
    assert!(refused(continued(|it| it.previous = None)));
    assert!(refused(continued(|it| it.previous = Some(cowl_crypto::digest::Digest::of(b"other")))));
    assert!(refused(continued(|it| it.keys.version = 0)));
    assert!(refused(continued(|it| it.keys.version = 2)));
    assert!(refused(continued(|it| it.handle = "somebody-else".parse().unwrap())));
}

#[test]
fn a_binding_of_another_party_does_not_continue_this_one() {
    let mut binding = next();
    binding.keys.party = party_keys(2).party;
    let refused = verify_next_binding(&known(), &signed(&binding, 0, 1));
    assert!(matches!(refused, Err(BindingError::Statement(StatementError::WrongSigner { .. }))));
    let as_the_known_party = Signed::sign(&binding, known().keys.party, 0, &signing_key(1));
    let refused = verify_next_binding(&known(), &as_the_known_party);
    assert!(matches!(refused, Err(BindingError::NotContinuing { .. })));
}

#[test]
fn fingerprint_and_digest_cover_every_key() {
    let keys = party_keys(1);
    let others = [
        PartyKeys { version: 1, ..keys.clone() },
        PartyKeys { signing: party_keys(2).signing, ..keys.clone() },
        PartyKeys { sealing: party_keys(2).sealing, ..keys.clone() },
        PartyKeys { rsa: Some(vec![1]), ..keys.clone() },
        PartyKeys { party: party_keys(2).party, ..keys.clone() },
    ];
    assert!(
        others
            .iter()
            .all(|other| other.fingerprint() != keys.fingerprint() && other.digest() != keys.digest())
    );
}

#[test]
fn a_handle_is_plain() {
    for handle in ["abc", "0lab", "radiologist@city-hospital", "a.b_c-d", &"a".repeat(64)] {
        assert_eq!(handle.parse::<Handle>().unwrap().as_str(), handle);
    }
    let long = "a".repeat(65);
    for other in
        ["", "ab", ".abc", "@abc", "-abc", "Abc", "a b", "abc\n", "äbc", "ab/c", "a\u{0}c", "аbc", &long]
    {
        assert!(other.parse::<Handle>().is_err(), "{other:?}");
    }
}

/// A binding with something in the place of its handle that is none.
#[derive(Encode)]
struct LooseBinding<'a> {
    #[n(0)]
    handle: &'a str,
    #[n(1)]
    role: Role,
    #[n(2)]
    keys: PartyKeys,
    #[n(3)]
    previous: Option<()>,
    #[n(4)]
    made_at: Timestamp,
}

#[test]
fn a_binding_is_not_read_unless_its_handle_is_one() {
    let encoded = |handle| {
        let loose =
            LooseBinding { handle, role: Role::Patient, keys: party_keys(1), previous: None, made_at: NOW };
        wire::decode::<KeyBinding>("key binding", &minicbor::to_vec(loose).unwrap())
    };
    assert!(encoded("patient").is_ok());
    for handle in ["", "Patient", "a\nb", "раtient"] {
        assert!(matches!(encoded(handle), Err(WireError::Malformed { .. })), "{handle:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_handle_that_is_written_the_same_or_is_refused(text in "\\PC{0,70}") {
        if let Ok(handle) = text.parse::<Handle>() {
            prop_assert_eq!(handle.to_string(), text);
        }
    }
}
