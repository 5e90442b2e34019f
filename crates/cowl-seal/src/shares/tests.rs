use super::*;

const SUITES: [Suite; 2] = [Suite::Standard, Suite::HybridRsa];

#[test]
fn shares_open_for_their_recipient_in_their_place() {
    let (grantee, stranger) = (XWingIdentity::make(), XWingIdentity::make());
    for suite in SUITES {
        let key = ItemKey::make(suite);
        let share = wrap_item_key(grantee.recipient(), &key, b"grant 1");
        assert_eq!(unwrap_item_key(&grantee, &share, suite, b"grant 1").unwrap().expose(), key.expose());
        let closed = Err(ShareError::Closed);
        assert_eq!(unwrap_item_key(&grantee, &share, suite, b"grant 2").map(drop), closed);
        assert_eq!(unwrap_item_key(&stranger, &share, suite, b"grant 1").map(drop), closed);
    }
    let epoch = EpochIdentity::make();
    let share = wrap_epoch(grantee.recipient(), &epoch, b"grant 1");
    let opened = unwrap_epoch(&grantee, &share, b"grant 1").unwrap();
    assert_eq!(opened.recipient(), epoch.recipient());
}

#[test]
fn one_kind_of_key_does_not_stand_for_another() {
    let grantee = XWingIdentity::make();
    let epoch = wrap_epoch(grantee.recipient(), &EpochIdentity::make(), b"");
    assert_eq!(unwrap_item_key(&grantee, &epoch, Suite::HybridRsa, b"").map(drop), Err(ShareError::Closed));
    assert_eq!(unwrap_item_key(&grantee, &epoch, Suite::Standard, b"").map(drop), Err(ShareError::Malformed));
    let key = wrap_item_key(grantee.recipient(), &ItemKey::make(Suite::HybridRsa), b"");
    assert_eq!(unwrap_epoch(&grantee, &key, b"").map(drop), Err(ShareError::Closed));
}

#[test]
fn a_stanza_of_a_file_is_no_share_nor_the_other_way_round() {
    let grantee = XWingIdentity::make();
    let ItemKey::Standard(file_key) = ItemKey::make(Suite::Standard) else { unreachable!() };
    let native = crate::age::hybrid::wrap(grantee.recipient(), &file_key);
    assert_eq!(unwrap_item_key(&grantee, &native, Suite::Standard, b"").map(drop), Err(ShareError::NoShare));
    let renamed = Stanza { tag: TAG.to_owned(), ..native };
    assert_eq!(unwrap_item_key(&grantee, &renamed, Suite::Standard, b"").map(drop), Err(ShareError::Closed));
}

#[test]
fn every_changed_byte_and_every_cut_is_refused() {
    let grantee = XWingIdentity::make();
    let text = wrap_item_key(grantee.recipient(), &ItemKey::make(Suite::Standard), b"here").encode();
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        let opened = Stanza::decode(&changed).ok().and_then(|share| {
            assert_ne!(share.encode(), text);
            unwrap_item_key(&grantee, &share, Suite::Standard, b"here").ok()
        });
        assert!(opened.is_none(), "byte {at}");
        assert!(Stanza::decode(&text[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn many_are_wrapped_in_their_order() {
    let grantee = XWingIdentity::make();
    let keys: Vec<ItemKey> = (0..40).map(|at| ItemKey::make(SUITES[at % 2])).collect();
    let contexts: Vec<[u8; 1]> = (0..40).map(|at| [at]).collect();
    let pairs: Vec<(&ItemKey, &[u8])> =
        keys.iter().zip(&contexts).map(|(key, at)| (key, at.as_slice())).collect();
    for (stanza, (key, context)) in wrap_item_keys(grantee.recipient(), &pairs).iter().zip(&pairs) {
        assert_eq!(unwrap_item_key(&grantee, stanza, key.suite(), context).unwrap().expose(), key.expose());
    }
}
