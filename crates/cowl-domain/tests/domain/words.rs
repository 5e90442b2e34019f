//! Identifiers, fixed lists and times: each is written in one way.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use cowl_domain::*;
use proptest::prelude::*;

fn refuses_all_but_one_writing<T: FromStr<Err = IdError> + Display + Debug>() {
    let written = "aebagbafaydqqcikbmga2dqpca";
    assert_eq!(written.parse::<T>().unwrap().to_string(), written);
    let padded = format!("{written}======");
    let (spaced, upper) = (format!(" {written}"), written.to_uppercase());
    let trailing_bits = format!("{}b", &written[..25]);
    for other in
        ["", &written[1..], &padded, &spaced, &upper, &trailing_bits, &written.replace('a', "1"), "é"]
    {
        let error = other.parse::<T>().unwrap_err();
        assert_eq!(error.text, other.chars().take(40).collect::<String>());
    }
}

#[test]
fn identifiers_are_read_strictly() {
    refuses_all_but_one_writing::<PartyId>();
    refuses_all_but_one_writing::<RecordId>();
    refuses_all_but_one_writing::<ItemId>();
    refuses_all_but_one_writing::<PartName>();
    refuses_all_but_one_writing::<GrantId>();
    refuses_all_but_one_writing::<RequestId>();
    refuses_all_but_one_writing::<UploadId>();
    refuses_all_but_one_writing::<EventId>();
    refuses_all_but_one_writing::<JobId>();
}

#[test]
fn a_long_text_is_cut_in_the_message() {
    let error = "x".repeat(10_000).parse::<ItemId>().unwrap_err();
    assert_eq!(error.text.len(), 40);
    assert!(error.to_string().contains("item"));
}

#[test]
fn an_identifier_of_another_length_is_not_decoded() {
    for length in [0, 15, 17] {
        let bytes = minicbor::to_vec(minicbor::bytes::ByteVec::from(vec![1; length])).unwrap();
        assert!(wire::decode::<ItemId>("item", &bytes).is_err());
    }
}

/// Codes are frozen: new words go to the end, none is ever given another number.
fn words_are_read_back<T>(all: &[T])
where
    T: Copy + PartialEq + Debug + Display + FromStr + minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
{
    let names: BTreeSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), all.len());
    for (code, word) in (0u8..).zip(all) {
        // CBOR gives numbers from 24 on a byte of their own.
        let written = if code < 24 { vec![code] } else { vec![24, code] };
        assert_eq!(wire::encode(word), written);
        assert_eq!(wire::decode::<T>("word", &written).as_ref(), Ok(word));
        assert!(word.to_string().parse::<T>().is_ok_and(|read| read == *word));
        assert!(word.to_string().to_uppercase().parse::<T>().is_err());
    }
    let next = wire::encode(&(all.len() as u64));
    assert!(wire::decode::<T>("word", &next).is_err());
    assert!("".parse::<T>().is_err());
}

#[test]
fn fixed_lists_are_written_in_one_way() {
    words_are_read_back(Role::ALL);
    words_are_read_back(Power::ALL);
    words_are_read_back(Purpose::ALL);
    words_are_read_back(Kind::ALL);
    words_are_read_back(OutputReceivers::ALL);
    words_are_read_back(SuiteId::ALL);
    words_are_read_back(EventKind::ALL);
    words_are_read_back(JobState::ALL);
    words_are_read_back(ColumnRole::ALL);
    words_are_read_back(ColumnType::ALL);
}

#[test]
fn an_unknown_word_is_answered_with_those_that_are_known() {
    let error = "write".parse::<Power>().unwrap_err();
    assert_eq!(error.to_string(), "'write' is not a power; known are read, append, compute");
}

#[test]
fn powers_that_this_version_does_not_know_are_seen() {
    let powers = |bits: u8| wire::decode::<Powers>("powers", &wire::encode(&bits)).unwrap();
    assert!(powers(0).is_empty_or_unknown());
    assert!((1..8).all(|bits| !powers(bits).is_empty_or_unknown()));
    assert!((8..=255).all(|bits| powers(bits).is_empty_or_unknown()));
}

#[test]
fn the_end_of_time_is_not_passed() {
    assert_eq!(Timestamp::from_millis(5).plus_seconds(2), Timestamp::from_millis(2005));
    assert_eq!(Timestamp::from_millis(5).plus_seconds(u64::MAX), Timestamp::from_millis(u64::MAX));
}

proptest! {
    #[test]
    fn every_identifier_is_read_back(bytes: [u8; 16]) {
        let item = ItemId::from_bytes(bytes);
        prop_assert_eq!(item.to_string().parse::<ItemId>(), Ok(item));
        prop_assert_eq!(wire::decode::<ItemId>("item", &wire::encode(&item)), Ok(item));
        prop_assert_eq!(item.as_bytes(), &bytes);
    }

    #[test]
    fn a_set_of_powers_is_read_back(powers in proptest::collection::vec(proptest::sample::select(Power::ALL), 1..5)) {
        let set = Powers::of(powers.iter().copied());
        prop_assert!(powers.iter().all(|power| set.contains(*power)));
        prop_assert_eq!(set.to_string().parse::<Powers>().unwrap(), set);
        prop_assert_eq!(Powers::of(set.iter()), set);
    }
}

proptest! {
    #[test]
    fn terms_to_compute_stand_exactly_where_computing_is_allowed(any in crate::fabricated::grant()) {
        let grant = |powers: &[Power], compute: Option<ComputeTerms>| Grant {
            powers: Powers::of(powers.iter().copied()),
            compute,
            ..any.clone()
        };
        let terms = ComputeTerms { technique: "additive-he".to_owned(), minimum_cohort: 10, runs: Some(3), inference: None };
        prop_assert!(grant(&[Power::Read], None).terms_fit() && grant(&[Power::Read], None).opens());
        let compute_only = grant(&[Power::Compute], Some(terms.clone()));
        prop_assert!(compute_only.terms_fit() && !compute_only.opens());
        prop_assert!(!grant(&[Power::Compute], None).terms_fit());
        prop_assert!(!grant(&[Power::Read], Some(terms)).terms_fit());
    }
}

fn inference(output: OutputRule) -> Option<InferenceTerms> {
    Some(InferenceTerms { output, receivers: OutputReceivers::DataOwner })
}

#[test]
fn terms_name_a_technique_and_bound_something() {
    let sound = ComputeTerms {
        technique: "additive-he".to_owned(),
        minimum_cohort: 10,
        runs: Some(3),
        inference: None,
    };
    assert!(sound.is_sound() && ComputeTerms { runs: None, ..sound.clone() }.is_sound());
    for unsound in [
        ComputeTerms { technique: String::new(), ..sound.clone() },
        ComputeTerms { technique: "Additive HE".to_owned(), ..sound.clone() },
        ComputeTerms { technique: "a".repeat(33), ..sound.clone() },
        ComputeTerms { minimum_cohort: 0, ..sound.clone() },
        ComputeTerms { runs: Some(0), ..sound.clone() },
        ComputeTerms { inference: inference(OutputRule::Top(0)), ..sound.clone() },
    ] {
        assert!(!unsound.is_sound(), "{unsound:?}");
    }
}
