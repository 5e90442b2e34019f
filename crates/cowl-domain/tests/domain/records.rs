//! The root over a record's items: nothing can be put back, left out or added unnoticed.

use std::collections::BTreeMap;

use cowl_crypto::digest::Digest;
use cowl_crypto::merkle::{Hash, verify_inclusion};
use cowl_domain::{ItemId, ItemsRoot, Manifest, PartEntry, PartName, Scope, Timestamp};
use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::fabricated::*;

fn items(least: usize) -> impl Strategy<Value = BTreeMap<ItemId, Digest>> {
    btree_map(item_id(), digest(), least..40)
}

fn root(items: &BTreeMap<ItemId, Digest>) -> Hash {
    ItemsRoot::new(items.clone()).root()
}

fn nth(items: &BTreeMap<ItemId, Digest>, index: Index) -> (ItemId, Digest) {
    let (item, placement) = items.iter().nth(index.index(items.len())).unwrap();
    (*item, *placement)
}

#[test]
fn a_record_without_items_has_the_root_of_the_empty_tree() {
    let empty = ItemsRoot::new([]);
    assert_eq!((empty.root(), empty.len(), empty.is_empty()), (Hash::EMPTY, 0, true));
    assert_eq!(empty.prove(&ItemId::from_bytes([0; 16])), None);
}

#[test]
fn of_an_item_named_twice_the_later_entry_counts() {
    let (item, old, new) = (ItemId::from_bytes([1; 16]), Digest::of(b"old"), Digest::of(b"new"));
    assert_eq!(ItemsRoot::new([(item, old), (item, new)]).root(), ItemsRoot::new([(item, new)]).root());
}

proptest! {
    #[test]
    fn the_order_of_adding_does_not_matter(
        shuffled in items(0).prop_flat_map(|it| Just(it.into_iter().collect::<Vec<_>>()).prop_shuffle()),
    ) {
        let sorted: BTreeMap<_, _> = shuffled.iter().copied().collect();
        prop_assert_eq!(ItemsRoot::new(shuffled).root(), root(&sorted));
    }

    #[test]
    fn every_item_can_be_proved(items in items(1), index: Index) {
        let (item, placement) = nth(&items, index);
        let tree = ItemsRoot::new(items);
        let (place, proof) = tree.prove(&item).unwrap();
        let leaf = ItemsRoot::leaf(&item, &placement);
        prop_assert!(verify_inclusion(leaf, place, tree.len(), &proof, tree.root()).is_ok());
        let other = ItemsRoot::leaf(&item, &Digest::of(b"other"));
        prop_assert!(verify_inclusion(other, place, tree.len(), &proof, tree.root()).is_err());
    }

    #[test]
    fn an_item_that_is_not_there_cannot_be_proved(items in items(0), absent in item_id()) {
        prop_assume!(!items.contains_key(&absent));
        prop_assert_eq!(ItemsRoot::new(items).prove(&absent), None);
    }

    #[test]
    fn two_items_whose_placements_are_swapped_change_the_root(items in items(2), one: Index, other: Index) {
        let ((one, first), (other, second)) = (nth(&items, one), nth(&items, other));
        prop_assume!(one != other);
        let mut swapped = items.clone();
        swapped.extend([(one, second), (other, first)]);
        prop_assert_ne!(root(&swapped), root(&items));
    }

    #[test]
    fn an_item_that_is_left_out_changes_the_root(items in items(1), index: Index) {
        let mut fewer = items.clone();
        fewer.remove(&nth(&items, index).0);
        prop_assert_ne!(root(&fewer), root(&items));
    }

    #[test]
    fn an_item_that_is_put_in_changes_the_root(items in items(0), item in item_id(), placement in digest()) {
        prop_assume!(!items.contains_key(&item));
        let mut more = items.clone();
        more.insert(item, placement);
        prop_assert_ne!(root(&more), root(&items));
    }

    #[test]
    fn an_item_that_is_rolled_back_changes_the_root(items in items(1), index: Index, older in digest()) {
        let (item, placement) = nth(&items, index);
        prop_assume!(older != placement);
        let mut rolled_back = items.clone();
        rolled_back.insert(item, older);
        prop_assert_ne!(root(&rolled_back), root(&items));
    }

    #[test]
    fn a_grant_covers_its_scope(mut grant in grant(), item in item_id(), other in item_id()) {
        prop_assume!(item != other);
        grant.scope = Scope::Record;
        prop_assert!(grant.covers(&item) && grant.covers(&other));
        grant.scope = Scope::Item(item);
        prop_assert!(grant.covers(&item) && !grant.covers(&other));
    }

    #[test]
    fn a_grant_ends_at_its_end(mut grant in grant(), end in 1u64..) {
        grant.expires_at = Some(Timestamp::from_millis(end));
        prop_assert!(grant.has_expired(Timestamp::from_millis(end)));
        prop_assert!(!grant.has_expired(Timestamp::from_millis(end - 1)));
        grant.expires_at = None;
        prop_assert!(!grant.has_expired(Timestamp::from_millis(u64::MAX)));
    }

    #[test]
    fn a_payload_is_as_large_as_its_parts(mut manifest in manifest(), sizes in proptest::collection::vec(any::<u32>(), 0..9)) {
        let part = |size| PartEntry { name: PartName::from_bytes([0; 16]), size, hash: Digest::of(b"") };
        manifest.parts = sizes.iter().map(|size| part(u64::from(*size))).collect();
        prop_assert_eq!(manifest.payload_size(), Some(sizes.iter().map(|size| u64::from(*size)).sum()));
        manifest.parts.extend([part(u64::MAX), part(1)]);
        prop_assert_eq!(Manifest::payload_size(&manifest), None);
    }
}
