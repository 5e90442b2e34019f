//! Slots hold what their weight allows, and nothing else comes out of them.

use cowl_paillier::{KeySize, Packing, PackingError, Plaintext, Timing, Weight};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::keys::{fixture, rng};

fn layout() -> impl Strategy<Value = Packing> {
    (2..=63_u32, 0..=57_u32).prop_map(|(value, guard)| Packing::new(KeySize::Bits2048, value, guard).unwrap())
}

/// Values of a layout, its extremes among them.
fn values(packing: Packing) -> impl Strategy<Value = Vec<i64>> {
    let most = packing.largest();
    vec(prop_oneof![Just(0), Just(most), Just(-most), -most..=most], 0..=packing.slots())
}

fn exact(values: &[i64]) -> Vec<i128> {
    values.iter().copied().map(i128::from).collect()
}

proptest! {
    #[test]
    fn what_is_packed_comes_out(
        (packing, values) in layout().prop_flat_map(|packing| (Just(packing), values(packing))),
    ) {
        let public = fixture().key.public();
        let packed = packing.pack(public, &values).unwrap();
        let unpacked = packing.unpack(public, &packed, values.len(), Weight::FRESH).unwrap();
        prop_assert_eq!(unpacked, exact(&values));
    }

    #[test]
    fn any_plaintext_unpacks_or_is_refused(words in vec(any::<u64>(), 0..33), packing in layout(), weight in 0..99_u64) {
        if let Ok(weight) = packing.sum_of_fresh(weight) {
            let plaintext = Plaintext::from_words(words);
            let _ = packing.unpack(fixture().key.public(), &plaintext, packing.slots(), weight);
        }
    }
}

#[test]
fn the_heaviest_sum_of_extremes_opens_exactly() {
    let (it, public) = (fixture(), fixture().key.public());
    let packing = Packing::new(KeySize::Bits2048, 12, 4).unwrap();
    let most = packing.largest();
    let values: Vec<i64> =
        (0..packing.slots()).map(|slot| if slot % 3 == 0 { most } else { -most }).collect();
    let plaintexts: Vec<_> = (0..16).map(|_| packing.pack(public, &values).unwrap()).collect();
    let sealed = it.encryptor.encrypt(&plaintexts, &mut rng()).unwrap();
    let weight = packing.sum_of_fresh(16).unwrap();
    let sum = it.key.decrypt(&sealed.sum(public).unwrap(), Timing::Constant).unwrap();
    let expected: Vec<_> = values.iter().map(|&value| 16 * i128::from(value)).collect();
    assert_eq!(packing.unpack(public, &sum[0], values.len(), weight).unwrap(), expected);
    assert_eq!(packing.sum_of_fresh(17), Err(PackingError::Weight { weight: 17, heaviest: 16 }));
}

#[test]
fn negative_scalars_act_on_every_slot() {
    let (it, public) = (fixture(), fixture().key.public());
    let packing = Packing::new(KeySize::Bits2048, 20, 10).unwrap();
    let values = [5, -7, 0, packing.largest(), -packing.largest(), 1];
    let packed = [packing.pack(public, &values).unwrap()];
    let sealed = it.encryptor.encrypt(&packed, &mut rng()).unwrap().multiply(public, &[-1000]).unwrap();
    let weight = packing.weighted([(-1000, Weight::FRESH)]).unwrap();
    let opened = it.key.decrypt(&sealed, Timing::Constant).unwrap();
    let expected: Vec<_> = values.iter().map(|&value| -1000 * i128::from(value)).collect();
    assert_eq!(packing.unpack(public, &opened[0], 6, weight).unwrap(), expected);
}

#[test]
fn weights_beyond_the_guard_bits_are_refused() {
    let packing = Packing::new(KeySize::Bits3072, 32, 8).unwrap();
    let heavy = packing.weighted([(200, Weight::FRESH)]).unwrap();
    assert_eq!(packing.sum([heavy, heavy]), Err(PackingError::Weight { weight: 400, heaviest: 256 }));
    assert_eq!(packing.sum([heavy, packing.sum_of_fresh(56).unwrap()]).map(Weight::get), Ok(256));
    let overflowing = packing.weighted([(i64::MIN, heavy), (i64::MIN, heavy)]);
    assert_eq!(overflowing, Err(PackingError::Weight { weight: u64::MAX, heaviest: 256 }));
}

#[test]
fn a_weight_of_another_layout_is_refused_on_unpacking() {
    let public = fixture().key.public();
    let wide = Packing::new(KeySize::Bits2048, 16, 20).unwrap().sum_of_fresh(1 << 20).unwrap();
    let narrow = Packing::new(KeySize::Bits2048, 16, 4).unwrap();
    let packed = narrow.pack(public, &[1]).unwrap();
    assert!(matches!(narrow.unpack(public, &packed, 1, wide), Err(PackingError::Weight { .. })));
}

#[test]
fn values_beyond_their_slot_and_too_many_are_refused() {
    let public = fixture().key.public();
    let packing = Packing::new(KeySize::Bits2048, 8, 0).unwrap();
    assert_eq!(packing.largest(), 127);
    let beyond = |index| Err(PackingError::Value { index, largest: 127 });
    assert_eq!(packing.pack(public, &[0, 128]).map(|_| ()), beyond(1));
    assert_eq!(packing.pack(public, &[i64::MIN]).map(|_| ()), beyond(0));
    let many = vec![0; packing.slots() + 1];
    let refused = PackingError::Slots { slots: 255, found: 256 };
    assert_eq!(packing.pack(public, &many).map(|_| ()), Err(refused));
    assert_eq!(packing.pack_all(public, &many).unwrap().len(), 2);
    let mut many = many;
    many[255] = 200;
    assert_eq!(packing.pack_all(public, &many).map(|_| ()), beyond(255));
}

#[test]
fn a_slot_that_is_fuller_than_its_weight_allows_is_noticed() {
    let public = fixture().key.public();
    let packing = Packing::new(KeySize::Bits2048, 8, 8).unwrap();
    let forged = Plaintext::from_u64(5 | 300 << 16);
    let refused = packing.unpack(public, &forged, 2, Weight::FRESH);
    assert_eq!(refused, Err(PackingError::Slot { slot: 1, weight: 1 }));
    assert_eq!(packing.unpack(public, &forged, 2, packing.sum_of_fresh(3).unwrap()).unwrap(), [5, 300]);
    assert_eq!(packing.unpack(public, &forged, 1, packing.heaviest()), Err(PackingError::Foreign));
}

#[test]
fn layouts_that_cannot_be_are_refused() {
    for (value_bits, guard_bits) in [(0, 10), (1, 10), (64, 0), (63, 58), (32, 64), (2, u32::MAX)] {
        let refused = Packing::new(KeySize::Bits2048, value_bits, guard_bits);
        assert_eq!(refused, Err(PackingError::Layout { value_bits, guard_bits }));
    }
}
