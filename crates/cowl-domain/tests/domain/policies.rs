//! Policies as people write them, and as records carry them.

use cowl_domain::wire;
use cowl_domain::{GrayCodec, Kind, RecordCard, SealingPolicy, SuiteId};

fn policy(text: &str) -> SealingPolicy {
    text.parse().unwrap()
}

#[test]
fn a_policy_says_the_suite_of_each_kind_and_standard_for_the_rest() {
    let published = policy("published");
    assert_eq!(published.suite_for(Kind::Text), SuiteId::HybridRsa);
    assert_eq!(published.suite_for(Kind::Image), SuiteId::ChaoticImage);
    assert_eq!(published.suite_for(Kind::Dicom), SuiteId::Standard);
    assert!(published.names(SuiteId::HybridRsa) && !policy("standard").names(SuiteId::HybridRsa));
    assert_eq!(policy("codec=archive").codec(), GrayCodec::Archive);
    assert_eq!(policy("standard"), SealingPolicy::default());
}

#[test]
fn a_policy_is_written_as_it_is_read() {
    for text in
        ["standard", "text=hybrid-rsa,image=chaotic-image", "codec=archive", "pdf=hybrid-rsa,codec=archive"]
    {
        assert_eq!(policy(text).to_string(), text);
    }
    assert_eq!(policy("published").to_string(), "text=hybrid-rsa,image=chaotic-image");
    assert_eq!(policy("text=hybrid-rsa,text=standard,codec=live").to_string(), "standard");
}

#[test]
fn what_is_no_policy_is_refused_with_the_words_that_are() {
    for wrong in [
        "",
        "text",
        "text=rot13",
        "csv=additive",
        "letters=standard",
        "codec=gzip",
        "index=hybrid-rsa",
        "published,",
    ] {
        let error = wrong.parse::<SealingPolicy>().unwrap_err().to_string();
        assert!(error.contains("say standard, published"), "{wrong}: {error}");
    }
}

#[test]
fn a_card_has_one_form_only() {
    let card = RecordCard { name: "heart".to_owned(), policy: policy("published,".trim_end_matches(',')) };
    let bytes = wire::encode(&card);
    assert_eq!(wire::decode::<RecordCard>("record card", &bytes).unwrap(), card);
    // The two rules in the other order.
    let (text, image) = ([0u8, 1], [3u8, 2]);
    let place = bytes.windows(4).position(|four| four == [text, image].concat()).unwrap();
    let mut swapped = bytes.clone();
    swapped[place..place + 4].copy_from_slice(&[image, text].concat());
    assert!(wire::decode::<RecordCard>("record card", &swapped).is_err());
}
