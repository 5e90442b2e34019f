use super::*;
use crate::age::X25519Identity;
use crate::age::header::BadMac;

#[test]
fn a_header_opens_for_each_of_its_recipients() {
    let (one, two, stranger) = (XWingIdentity::make(), XWingIdentity::make(), XWingIdentity::make());
    for suite in [Suite::Standard, Suite::HybridRsa] {
        let key = ItemKey::make(suite);
        let header =
            seal_header(&key, &[SealTo::XWing(one.recipient()), SealTo::XWing(two.recipient())]).unwrap();
        let header = decode_header(&header.encode()).unwrap();
        assert_eq!((header.suite(), Suite::of_file(&header.encode())), (suite, Some(suite)));
        for identity in [&one, &two] {
            let opened =
                open_header(&header, &[OpenWith::XWing(&stranger), OpenWith::XWing(identity)]).unwrap();
            assert_eq!(opened.expose(), key.expose());
        }
        assert_eq!(
            open_header(&header, &[OpenWith::XWing(&stranger)]).map(drop),
            Err(OpenHeaderError::NoMatch)
        );
        assert_eq!(open_header(&header, &[]).map(drop), Err(OpenHeaderError::NoMatch));
    }
}

#[test]
fn the_stanzas_of_one_header_do_not_fit_another() {
    let identity = XWingIdentity::make();
    let seal = |key: &ItemKey| seal_header(key, &[SealTo::XWing(identity.recipient())]).unwrap();
    for suite in [Suite::Standard, Suite::HybridRsa] {
        let (one, two) = (seal(&ItemKey::make(suite)).encode(), seal(&ItemKey::make(suite)).encode());
        let mac = one.windows(4).position(|window| window == b"--- ").unwrap();
        let mixed = decode_header(&[&one[..mac], &two[mac..]].concat()).unwrap();
        assert_eq!(open_header(&mixed, &[OpenWith::XWing(&identity)]).map(drop), Err(BadMac.into()));
    }
}

#[test]
fn recipients_that_do_not_belong_together_are_refused() {
    let (hybrid, other) = (XWingIdentity::make(), Recipient::X25519(X25519Identity::make().recipient()));
    let key = ItemKey::make(Suite::Standard);
    let mixed = seal_header(&key, &[SealTo::XWing(hybrid.recipient()), SealTo::Age(&other)]);
    assert_eq!(mixed, Err(SealHeaderError::MixedStrength { index: 1 }));
    assert_eq!(seal_header(&key, &[]), Err(SealHeaderError::NoRecipient));
    let unsuited = seal_header(&ItemKey::make(Suite::HybridRsa), &[SealTo::Age(&other)]);
    assert_eq!(unsuited, Err(SealHeaderError::Unsuited { index: 0, suite: Suite::HybridRsa }));
    let low = Recipient::X25519(crate::age::X25519Recipient::from_bytes([0; 32]));
    assert_eq!(seal_header(&key, &[SealTo::Age(&low)]), Err(SealHeaderError::BadRecipient { index: 0 }));
}

#[test]
fn a_header_of_one_suite_under_the_first_line_of_the_other_does_not_open() {
    let identity = XWingIdentity::make();
    let text = seal_header(&ItemKey::make(Suite::HybridRsa), &[SealTo::XWing(identity.recipient())])
        .unwrap()
        .encode();
    let text = String::from_utf8(text).unwrap();
    let moved = text.replacen(Suite::HybridRsa.header_line(), Suite::Standard.header_line(), 1);
    let header = decode_header(moved.as_bytes()).unwrap();
    assert_eq!(open_header(&header, &[OpenWith::XWing(&identity)]).map(drop), Err(OpenHeaderError::NoMatch));
}
