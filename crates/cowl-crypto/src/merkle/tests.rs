use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The leaves of Certificate Transparency's reference tests, as hexadecimal.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

/// Their roots at sizes 1 to 8, from the same tests.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hash(text: &str) -> Hash {
    Hash(HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap())
}

fn known_leaves() -> Vec<Hash> {
    LEAVES.iter().map(|leaf| leaf_hash(&HEXLOWER.decode(leaf.as_bytes()).unwrap())).collect()
}

fn numbered(size: u64) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

/// RFC 6962 §2.1 word for word: an oracle that shares no code with the tree.
fn defined_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash(sha256(&[])),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            let (left, right) = (defined_root(&leaves[..split]), defined_root(&leaves[split..]));
            Hash(sha256(&[&[1], left.0.as_slice(), &right.0].concat()))
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().try_into().unwrap()
}

#[test]
fn roots_are_those_of_the_reference_tests() {
    let leaves = known_leaves();
    let tree: Tree = leaves.iter().copied().collect();
    for size in 1..=8 {
        let expected = hash(ROOTS[size - 1]);
        assert_eq!(root(&leaves[..size]), expected);
        assert_eq!(tree.root_at(size as u64), Ok(expected));
    }
}

#[test]
fn the_empty_tree_has_the_hash_of_nothing() {
    assert_eq!(Hash(sha256(&[])), Hash::EMPTY);
    assert_eq!(root(&[]), Hash::EMPTY);
    assert_eq!(Tree::new().root(), Hash::EMPTY);
    assert_eq!(Tree::new().size(), 0);
}

#[test]
fn proofs_are_those_of_the_reference_tests() {
    let tree: Tree = known_leaves().into_iter().collect();
    let inclusion: Vec<Hash> = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    .map(hash)
    .to_vec();
    assert_eq!(tree.inclusion_proof(5, 8), Ok(inclusion));
    let consistency: Vec<Hash> = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    .map(hash)
    .to_vec();
    assert_eq!(tree.consistency_proof(6, 8), Ok(consistency));
}

#[test]
fn every_root_of_a_small_tree_is_the_defined_one() {
    let leaves = numbered(70);
    let tree: Tree = leaves.iter().copied().collect();
    for size in 0..=leaves.len() {
        let expected = defined_root(&leaves[..size]);
        assert_eq!(root(&leaves[..size]), expected);
        assert_eq!(tree.root_at(size as u64), Ok(expected));
    }
}

#[test]
fn every_proof_of_a_small_tree_holds_for_its_claim_alone() {
    let leaves = numbered(33);
    let tree: Tree = leaves.iter().copied().collect();
    for size in 1..=33 {
        let root = tree.root_at(size).unwrap();
        for index in 0..size {
            let proof = tree.inclusion_proof(index, size).unwrap();
            for (claimed, leaf) in (0..).zip(&leaves) {
                let holds = verify_inclusion(*leaf, claimed, size, &proof, root).is_ok();
                assert_eq!(holds, claimed == index, "{claimed} with the proof of {index} of {size}");
            }
        }
    }
}

#[test]
fn every_pair_of_sizes_is_consistent_and_with_no_other_root() {
    let tree: Tree = numbered(33).into_iter().collect();
    for new in 0..=33 {
        for old in 0..=new {
            let proof = tree.consistency_proof(old, new).unwrap();
            let (old_root, new_root) = (tree.root_at(old).unwrap(), tree.root_at(new).unwrap());
            assert_eq!(verify_consistency(old, old_root, new, new_root, &proof), Ok(()));
            let other = leaf_hash(b"other");
            assert_eq!(verify_consistency(old, other, new, new_root, &proof), Err(BadProof));
            let from_empty = old == 0 && new > 0;
            assert_eq!(verify_consistency(old, old_root, new, other, &proof).is_ok(), from_empty);
        }
    }
}

#[test]
fn a_rewritten_history_is_not_consistent() {
    let honest = numbered(20);
    let mut rewritten = honest.clone();
    rewritten[3] = leaf_hash(b"another event");
    let (honest, rewritten): (Tree, Tree) = (honest.into_iter().collect(), rewritten.into_iter().collect());
    let old_root = honest.root_at(10).unwrap();
    for tree in [&honest, &rewritten] {
        let proof = tree.consistency_proof(10, 20).unwrap();
        assert_eq!(verify_consistency(10, old_root, 20, rewritten.root(), &proof), Err(BadProof));
    }
}

#[test]
fn positions_outside_the_tree_are_named() {
    let tree: Tree = numbered(5).into_iter().collect();
    assert_eq!(tree.root_at(6), Err(OutOfRange::Size { asked: 6, available: 5 }));
    assert_eq!(tree.inclusion_proof(0, 6), Err(OutOfRange::Size { asked: 6, available: 5 }));
    assert_eq!(tree.inclusion_proof(3, 3), Err(OutOfRange::Index { index: 3, size: 3 }));
    assert_eq!(tree.inclusion_proof(0, 0), Err(OutOfRange::Index { index: 0, size: 0 }));
    assert_eq!(tree.consistency_proof(4, 3), Err(OutOfRange::Order { old: 4, new: 3 }));
    assert_eq!(tree.consistency_proof(0, u64::MAX), Err(OutOfRange::Size { asked: u64::MAX, available: 5 }));
    assert_eq!(tree.leaf(4), Some(leaf_hash(&4u64.to_be_bytes())));
    assert_eq!(tree.leaf(5), None);
    assert_eq!(tree.leaf(u64::MAX), None);
}

#[test]
fn absurd_sizes_and_proofs_are_refused() {
    let leaf = leaf_hash(b"leaf");
    let long = vec![leaf; 100_000];
    for size in [0, 1, 2, MAX_SIZE, MAX_SIZE + 1, u64::MAX] {
        for index in [0, 1, size.wrapping_sub(1), size, u64::MAX] {
            assert_eq!(verify_inclusion(leaf, index, size, &long, leaf), Err(BadProof));
            assert_eq!(verify_consistency(index, leaf, size, Hash::EMPTY, &long), Err(BadProof));
            assert_eq!(verify_inclusion(leaf, index, size, &long[..62], Hash::EMPTY), Err(BadProof));
            assert_eq!(verify_consistency(index, leaf, size, Hash::EMPTY, &long[..62]), Err(BadProof));
        }
    }
}

#[test]
fn from_the_empty_tree_only_the_empty_proof_leads() {
    let leaf = leaf_hash(b"leaf");
    assert_eq!(verify_consistency(0, Hash::EMPTY, 1, leaf, &[]), Ok(()));
    assert_eq!(verify_consistency(0, Hash::EMPTY, 1, leaf, &[leaf]), Err(BadProof));
    assert_eq!(verify_consistency(0, leaf, 1, leaf, &[]), Err(BadProof));
    assert_eq!(verify_consistency(0, Hash::EMPTY, 0, leaf, &[]), Err(BadProof));
    assert_eq!(verify_consistency(1, leaf, 0, Hash::EMPTY, &[]), Err(BadProof));
}

#[test]
fn proofs_stay_short_at_a_million_leaves() {
    let tree: Tree = numbered(1_000_000).into_iter().collect();
    let root = tree.root();
    for index in [0, 1, 524_287, 524_288, 999_999] {
        let proof = tree.inclusion_proof(index, tree.size()).unwrap();
        assert!(proof.len() <= 20);
        assert_eq!(verify_inclusion(tree.leaf(index).unwrap(), index, tree.size(), &proof, root), Ok(()));
    }
    let proof = tree.consistency_proof(777_777, tree.size()).unwrap();
    assert!(proof.len() <= 21);
    let old_root = tree.root_at(777_777).unwrap();
    assert_eq!(verify_consistency(777_777, old_root, tree.size(), root, &proof), Ok(()));
}

fn any_hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

proptest! {
    #[test]
    fn any_tree_proves_its_leaves_and_its_past(
        leaves in vec(any_hash(), 1..300),
        index in any::<prop::sample::Index>(),
        old in any::<prop::sample::Index>(),
    ) {
        let tree: Tree = leaves.iter().copied().collect();
        let size = tree.size();
        prop_assert_eq!(tree.root(), defined_root(&leaves));
        let index = index.index(leaves.len());
        let proof = tree.inclusion_proof(index as u64, size).unwrap();
        prop_assert_eq!(verify_inclusion(leaves[index], index as u64, size, &proof, tree.root()), Ok(()));
        let old = old.index(leaves.len()) as u64;
        let proof = tree.consistency_proof(old, size).unwrap();
        let old_root = tree.root_at(old).unwrap();
        prop_assert_eq!(verify_consistency(old, old_root, size, tree.root(), &proof), Ok(()));
    }

    #[test]
    fn a_damaged_proof_does_not_hold(
        size in 2u64..200,
        index in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        bit in 0usize..256,
    ) {
        let tree: Tree = numbered(size).into_iter().collect();
        let index = index.index(size as usize) as u64;
        let leaf = tree.leaf(index).unwrap();
        let proof = tree.inclusion_proof(index, size).unwrap();
        let mut damaged = proof.clone();
        damaged[place.index(proof.len())].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verify_inclusion(leaf, index, size, &damaged, tree.root()), Err(BadProof));
        prop_assert_eq!(verify_inclusion(leaf, index, size, &proof[1..], tree.root()), Err(BadProof));
        let longer = [proof.as_slice(), &[Hash::EMPTY]].concat();
        prop_assert_eq!(verify_inclusion(leaf, index, size, &longer, tree.root()), Err(BadProof));
    }

    #[test]
    fn a_damaged_history_does_not_hold(
        new in 2u64..200,
        old in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        bit in 0usize..256,
    ) {
        let tree: Tree = numbered(new).into_iter().collect();
        let old = 1 + old.index(new as usize - 1) as u64;
        let (old_root, new_root) = (tree.root_at(old).unwrap(), tree.root());
        let proof = tree.consistency_proof(old, new).unwrap();
        let mut damaged = proof.clone();
        damaged[place.index(proof.len())].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verify_consistency(old, old_root, new, new_root, &damaged), Err(BadProof));
        prop_assert_eq!(verify_consistency(old, old_root, new, new_root, &proof[1..]), Err(BadProof));
    }

    #[test]
    fn arbitrary_claims_never_panic(
        old in any::<u64>(),
        new in any::<u64>(),
        proof in vec(any_hash(), 0..70),
        one in any_hash(),
        other in any_hash(),
    ) {
        let _ = verify_inclusion(one, old, new, &proof, other);
        let _ = verify_consistency(old, one, new, other, &proof);
    }
}
