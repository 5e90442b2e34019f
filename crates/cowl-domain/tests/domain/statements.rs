//! Every statement has one form, and its signature covers all of it.

use std::fmt::Debug;

use cowl_domain::wire::{self, Statement};
use cowl_domain::*;
use minicbor::{Decode, Encode};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::fabricated::*;

/// What is changed on the way.
#[derive(Debug, Clone)]
struct Damage {
    place: Index,
    change: u8,
    behind: Vec<u8>,
}

fn damage() -> impl Strategy<Value = Damage> {
    let behind = proptest::collection::vec(any::<u8>(), 1..4);
    (any::<Index>(), 1u8.., behind).prop_map(|(place, change, behind)| Damage { place, change, behind })
}

fn sign<T: Statement>(statement: &T) -> Signed<T> {
    Signed::sign(statement, party_keys(1).party, 0, &signing_key(1))
}

/// Whether these bytes are a signed statement that counts.
fn counts<T: Statement>(bytes: &[u8]) -> bool {
    Signed::<T>::from_bytes(bytes).is_ok_and(|signed| signed.verify(&party_keys(1)).is_ok())
}

fn signed_statement_is_read_back<T: Statement + PartialEq + Debug>(
    statement: &T,
) -> Result<(), TestCaseError> {
    let signed = sign(statement);
    let read = Signed::<T>::from_bytes(&signed.to_bytes()).unwrap();
    prop_assert_eq!(&read, &signed);
    prop_assert_eq!(read.digest(), signed.digest());
    let verified = read.verify(&party_keys(1)).unwrap();
    prop_assert_eq!(verified.digest(), signed.digest());
    prop_assert_eq!(verified.signer(), party_keys(1).party);
    prop_assert_eq!(&*verified, statement);
    Ok(())
}

fn damaged_statement_does_not_count<T: Statement>(
    statement: &T,
    damage: &Damage,
) -> Result<(), TestCaseError> {
    let bytes = sign(statement).to_bytes();
    let place = damage.place.index(bytes.len());
    let mut changed = bytes.clone();
    changed[place] ^= damage.change;
    prop_assert!(!counts::<T>(&changed), "byte {} was changed unnoticed", place);
    prop_assert!(Signed::<T>::from_bytes(&bytes[..place]).is_err(), "cut to {} unnoticed", place);
    let longer = [bytes.as_slice(), &damage.behind].concat();
    prop_assert!(Signed::<T>::from_bytes(&longer).is_err(), "bytes behind the end unnoticed");
    Ok(())
}

fn value_has_one_form<T>(value: &T, damage: &Damage) -> Result<(), TestCaseError>
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug,
{
    let bytes = wire::encode(value);
    prop_assert_eq!(&wire::decode::<T>("value", &bytes).unwrap(), value);
    let place = damage.place.index(bytes.len());
    let mut changed = bytes.clone();
    changed[place] ^= damage.change;
    if let Ok(other) = wire::decode::<T>("value", &changed) {
        prop_assert_ne!(&other, value, "two forms of one value");
    }
    prop_assert!(wire::decode::<T>("value", &bytes[..place]).is_err());
    prop_assert!(wire::decode::<T>("value", &[bytes.as_slice(), &damage.behind].concat()).is_err());
    Ok(())
}

macro_rules! every_statement {
    ($($module:ident: $strategy:expr;)*) => {$(
        mod $module {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(64))]

                #[test]
                fn is_read_back_as_it_was_signed(statement in $strategy) {
                    signed_statement_is_read_back(&statement)?;
                }

                #[test]
                fn does_not_count_when_damaged(statement in $strategy, damage in damage()) {
                    damaged_statement_does_not_count(&statement, &damage)?;
                }

                #[test]
                fn has_one_form(statement in $strategy, damage in damage()) {
                    value_has_one_form(&statement, &damage)?;
                }
            }
        }
    )*};
}

every_statement! {
    key_bindings: key_binding();
    record_geneses: record_genesis();
    epochs: epoch();
    record_heads: record_head();
    origin_claims: origin_claim();
    placements: placement();
    grants: grant();
    shares: share();
    revocations: revocation();
    access_requests: access_request();
    request_answers: request_answer();
}

proptest! {
    #[test]
    fn a_manifest_has_one_form(manifest in manifest(), damage in damage()) {
        value_has_one_form(&manifest, &damage)?;
    }

    #[test]
    fn an_event_has_one_form(event in event(), damage in damage()) {
        value_has_one_form(&event, &damage)?;
    }

    #[test]
    fn events_and_salts_give_leaves_of_their_own(one in event(), other in event(), salt: [u8; 16], drop: [u8; 16]) {
        prop_assume!(one != other && salt != drop);
        prop_assert_ne!(one.leaf(&salt), other.leaf(&salt));
        prop_assert_ne!(one.leaf(&salt), one.leaf(&drop));
    }

    #[test]
    fn arbitrary_bytes_are_no_statement(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(!counts::<Grant>(&bytes));
        prop_assert!(!counts::<KeyBinding>(&bytes));
    }

    /// `with` takes the body of one kind, and its signature, into an envelope of another kind.
    #[test]
    fn a_signature_counts_for_its_own_kind_only(revocation in revocation()) {
        let bytes = sign(&revocation).to_bytes();
        prop_assert!(counts::<Revocation>(&bytes));
        for counts in [counts::<Grant>, counts::<Share>, counts::<RecordGenesis>, counts::<AlikeRevocation>] {
            prop_assert!(!counts(&bytes));
        }
    }
}

/// A statement with the very bytes of a revocation, so that only the context tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
struct AlikeRevocation(#[n(0)] Revocation);

impl Statement for AlikeRevocation {
    const CONTEXT: &'static str = "cowl-domain/test/alike-revocation";
    const NAME: &'static str = "alike revocation";
}

proptest! {
    #[test]
    fn equal_bytes_of_two_kinds_have_neither_signature_nor_digest_in_common(revocation in revocation()) {
        let (real, alike) = (sign(&revocation), sign(&AlikeRevocation(revocation.clone())));
        prop_assert_eq!(wire::encode(&revocation), wire::encode(&AlikeRevocation(revocation)));
        prop_assert_ne!(real.digest(), alike.digest());
        prop_assert!(!counts::<Revocation>(&alike.to_bytes()));
        prop_assert!(!counts::<AlikeRevocation>(&real.to_bytes()));
    }
}

#[test]
fn statements_have_contexts_of_their_own() {
    let contexts = [
        KeyBinding::CONTEXT,
        RecordGenesis::CONTEXT,
        Epoch::CONTEXT,
        RecordHead::CONTEXT,
        OriginClaim::CONTEXT,
        Placement::CONTEXT,
        Grant::CONTEXT,
        Share::CONTEXT,
        Revocation::CONTEXT,
        AccessRequest::CONTEXT,
        RequestAnswer::CONTEXT,
    ];
    let distinct: std::collections::BTreeSet<_> = contexts.iter().collect();
    assert_eq!(distinct.len(), contexts.len());
}

#[test]
fn a_statement_counts_under_the_keys_of_its_signer_only() {
    let genesis =
        RecordGenesis { record: RecordId::from_bytes([1; 16]), owner: party_keys(1).party, made_at: NOW };
    let signed = sign(&genesis);
    let error = signed.verify(&party_keys(2)).unwrap_err();
    assert!(matches!(error, StatementError::WrongSigner { found, .. } if found == party_keys(1).party));
    let mut newer = party_keys(1);
    newer.version = 1;
    let error = signed.verify(&newer).unwrap_err();
    assert!(matches!(error, StatementError::WrongKeyVersion { expected: 1, found: 0, .. }));
    let mut replaced = party_keys(1);
    replaced.signing = signing_key(2).verifying_key();
    assert_eq!(signed.verify(&replaced), Err(StatementError::BadSignature { what: "record" }));
}

/// Same value, other bytes: a longer length, an indefinite array, an explicit null at the end.
#[test]
fn other_encodings_of_the_same_value_are_refused() {
    let answer = RequestAnswer {
        request: RequestId::from_bytes([1; 16]),
        grants: vec![],
        answered_at: Timestamp::from_millis(5),
    };
    let bytes = wire::encode(&answer);
    assert_eq!((bytes[0], bytes[1], bytes.last()), (0x83, 0x50, Some(&5)));
    let long_length = [&[0x83, 0x58, 0x10], &bytes[2..]].concat();
    let long_number = [&bytes[..bytes.len() - 1], &[0x18, 5]].concat();
    let indefinite = [&[0x9f], &bytes[1..], &[0xff]].concat();
    let further_field = [&[0x84], &bytes[1..], &[0xf6]].concat();
    for other in [long_length, long_number, indefinite, further_field] {
        let refused = wire::decode::<RequestAnswer>("answer", &other);
        assert!(matches!(refused, Err(WireError::NotCanonical { .. })), "{refused:?}");
    }
}

/// A length that no memory holds must be refused before it is reserved.
#[test]
fn a_promise_of_many_parts_is_refused_without_reserving_them() {
    let answer = RequestAnswer { request: RequestId::from_bytes([1; 16]), grants: vec![], answered_at: NOW };
    let mut bytes = wire::encode(&answer);
    let place = 1 + 17;
    assert_eq!(bytes[place], 0x80);
    bytes.splice(place..=place, [0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert!(wire::decode::<RequestAnswer>("answer", &bytes).is_err());
}
