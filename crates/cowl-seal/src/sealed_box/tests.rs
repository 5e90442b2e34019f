use super::*;

#[test]
fn a_box_opens_with_its_key_in_its_place() {
    let key = Secret::make();
    for length in [0, 1, 100, 70_000] {
        let plaintext = vec![7; length];
        let sealed = seal(&key, b"here", &plaintext);
        assert_eq!(sealed.len(), length + OVERHEAD);
        assert_eq!(open(&key, b"here", &sealed).as_deref(), Ok(&plaintext));
        assert_eq!(open(&key, b"there", &sealed).map(drop), Err(BoxError::Closed));
        assert_eq!(open(&Secret::make(), b"here", &sealed).map(drop), Err(BoxError::Closed));
    }
}

#[test]
fn the_same_content_never_gives_the_same_box() {
    let key = Secret::make();
    assert_ne!(seal(&key, b"", b"x"), seal(&key, b"", b"x"));
}

#[test]
fn every_changed_byte_and_every_cut_is_refused() {
    let key = Secret::make();
    let sealed = seal(&key, b"here", b"content");
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            let expected = match at {
                0..7 => BoxError::NoBox,
                7 => BoxError::Version(changed[7]),
                _ => BoxError::Closed,
            };
            assert_eq!(open(&key, b"here", &changed).map(drop), Err(expected), "byte {at}");
        }
        let error = open(&key, b"here", &sealed[..at]).map(drop).unwrap_err();
        assert_eq!(error, if at < OVERHEAD { BoxError::NoBox } else { BoxError::Closed }, "cut at {at}");
    }
    assert_eq!(open(&key, b"here", &[sealed.as_slice(), b"x"].concat()).map(drop), Err(BoxError::Closed));
}

#[test]
fn a_byte_cannot_move_between_context_and_content() {
    let key = Secret::make();
    let sealed = seal(&key, b"ab", b"c");
    assert_eq!(open(&key, b"a", &sealed).map(drop), Err(BoxError::Closed));
}
