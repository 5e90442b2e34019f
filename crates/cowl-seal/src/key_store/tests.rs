use super::*;

const EXPORT: &[u8] = &[1; 64];

fn device() -> DeviceSecret {
    DeviceSecret::from_bytes([2; 16])
}

fn open(sealed: &[u8]) -> Result<PartyIdentity, KeyStoreError> {
    PartyIdentity::open(sealed, EXPORT, &device())
}

#[test]
fn keys_come_back() {
    for with_rsa in [false, true] {
        let mut identity = PartyIdentity::make();
        if with_rsa {
            identity = identity.with_rsa(RsaSecretKey::make());
        }
        let opened = open(&identity.seal(EXPORT, &device())).unwrap();
        assert!(opened.expose_signing_seed().ct_eq(identity.expose_signing_seed()));
        assert_eq!(opened.sealing().recipient(), identity.sealing().recipient());
        assert_eq!(opened.rsa().map(RsaSecretKey::public_key), identity.rsa().map(RsaSecretKey::public_key));
    }
}

#[test]
fn neither_password_nor_device_alone_opens_it() {
    let sealed = PartyIdentity::make().seal(EXPORT, &device());
    let closed = Err(KeyStoreError::Closed);
    assert_eq!(PartyIdentity::open(&sealed, &[9; 64], &device()).map(drop), closed);
    assert_eq!(PartyIdentity::open(&sealed, EXPORT, &DeviceSecret::make()).map(drop), closed);
    assert_eq!(PartyIdentity::open(&sealed, &EXPORT[..63], &device()).map(drop), closed);
}

#[test]
fn a_new_password_seals_the_same_keys_anew() {
    let identity = PartyIdentity::make();
    let renewed = open(&identity.seal(EXPORT, &device())).unwrap().seal(&[3; 64], &device());
    assert_eq!(open(&renewed).map(drop), Err(KeyStoreError::Closed));
    let opened = PartyIdentity::open(&renewed, &[3; 64], &device()).unwrap();
    assert_eq!(opened.sealing().recipient(), identity.sealing().recipient());
}

#[test]
fn every_changed_byte_and_every_cut_is_refused() {
    let sealed = PartyIdentity::make().seal(EXPORT, &device());
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let expected = match at {
            0..7 => KeyStoreError::NoKeyStore,
            7 => KeyStoreError::Version(0),
            _ => KeyStoreError::Closed,
        };
        assert_eq!(open(&changed).map(drop), Err(expected), "byte {at}");
        assert!(open(&sealed[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_box_is_no_key_store() {
    let key = store_key(EXPORT, &device());
    assert_eq!(open(&crate::sealed_box::seal(&key, b"", b"")).map(drop), Err(KeyStoreError::NoKeyStore));
    assert_eq!(open(&FORMAT.seal(&key, b"", b"\x80")).map(drop), Err(KeyStoreError::Content));
}
