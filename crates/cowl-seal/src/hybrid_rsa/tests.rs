use super::*;
use crate::age::OpenHeaderError;
use crate::file_key::ItemKey;
use crate::suite::{OpenWith, SealTo, Suite, decode_header, open_header, seal_header};
use crate::xwing::XWingIdentity;

#[test]
fn keys_survive_their_der() {
    let key = RsaSecretKey::make();
    let again = RsaSecretKey::from_pkcs8(key.expose_pkcs8()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    let public = RsaPublicKey::from_der(key.public_key().as_der()).unwrap();
    assert_eq!(&public, key.public_key());
    assert!(RsaPublicKey::from_der(&public.as_der()[1..]).is_err());
    assert!(RsaPublicKey::from_der(&[public.as_der(), b"x"].concat()).is_err());
    assert!(RsaSecretKey::from_pkcs8(b"nonsense").is_err());
}

#[test]
fn keys_of_another_size_are_refused() {
    let small = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&small).unwrap();
    assert_eq!(RsaSecretKey::from_pkcs8(pkcs8.as_ref()).map(drop), Err(BadRsaKey));
    assert_eq!(RsaPublicKey::from_der(&public_der(&small.public_key())), Err(BadRsaKey));
}

#[test]
fn a_header_opens_by_rsa_and_by_x_wing() {
    let (rsa, other, epoch) = (RsaSecretKey::make(), RsaSecretKey::make(), XWingIdentity::make());
    let key = ItemKey::make(Suite::HybridRsa);
    let recipients = [SealTo::Rsa(rsa.public_key()), SealTo::XWing(epoch.recipient())];
    let header = decode_header(&seal_header(&key, &recipients).unwrap().encode()).unwrap();
    for with in [OpenWith::Rsa(&rsa), OpenWith::XWing(&epoch)] {
        assert_eq!(open_header(&header, &[with]).unwrap().expose(), key.expose());
    }
    assert_eq!(open_header(&header, &[OpenWith::Rsa(&other)]).map(drop), Err(OpenHeaderError::NoMatch));
}

#[test]
fn every_changed_byte_of_a_header_is_refused() {
    let rsa = RsaSecretKey::make();
    let key = ItemKey::make(Suite::HybridRsa);
    let text = seal_header(&key, &[SealTo::Rsa(rsa.public_key())]).unwrap().encode();
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        let opened = decode_header(&changed)
            .map_err(OpenHeaderError::from)
            .and_then(|header| open_header(&header, &[OpenWith::Rsa(&rsa)]));
        assert!(opened.is_err(), "byte {at}");
        assert!(decode_header(&text[..at]).is_err(), "cut at {at}");
    }
}
