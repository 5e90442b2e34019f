use super::*;

fn blocks(count: usize) -> Vec<Block> {
    let multiplier = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    (1..=count as u128).map(|place| place.wrapping_mul(multiplier)).collect()
}

#[test]
fn every_kernel_computes_aes_as_fips_197_has_it() {
    let key: [u8; 16] = std::array::from_fn(|place| place as u8);
    let plain: [u8; 16] = std::array::from_fn(|place| place as u8 * 0x11);
    let expected = 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a_u128.to_be_bytes();
    for kernel in Kernel::available() {
        let mut block = [Block::from_le_bytes(plain)];
        Cipher::new(kernel, &key).encrypt(&mut block);
        assert_eq!(block[0].to_le_bytes(), expected, "{}", kernel.name());
    }
}

#[test]
fn kernels_give_the_same_hashes_whatever_the_length_of_the_batch() {
    for length in [0, 1, 7, 8, 31, 32, 33, 100] {
        let from = blocks(length);
        let mut results = Kernel::available().into_iter().map(|kernel| {
            let mut to = vec![0; length];
            Permutation::new(kernel, &[7; 16]).hash(&from, &mut to);
            to
        });
        let first = results.next().unwrap();
        assert!(results.all(|other| other == first), "{length}");
    }
}

#[test]
fn kernels_walk_the_same_ways() {
    let roots = *blocks(LANES).first_chunk().unwrap();
    let points = std::array::from_fn(|lane| (lane as u64 + 3).wrapping_mul(0xd134_2543_de82_ef95));
    for levels in [0, 1, 24, 57] {
        let words: Vec<u8> =
            blocks((levels + 1) * LANES).iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut walks = Kernel::available().into_iter().map(|kernel| {
            let walk = Permutation::new(kernel, &[9; 16]).walk(&roots, &points, &words);
            (walk.nodes, walk.left.map(|left| left & 1))
        });
        let first = walks.next().unwrap();
        assert!(walks.all(|other| other == first), "{levels}");
    }
}

#[test]
fn a_stream_can_be_read_from_any_place() {
    let stream = SeedStream::new(Kernel::best(), &Seed::from_bytes([3; 16]));
    let lane = Lane::new(5, 1);
    let whole = stream.numbers(lane, 0, 700);
    for (first, count) in [(0, 1), (1, 1), (1, 300), (127, 2), (128, 500), (699, 1)] {
        assert_eq!(stream.numbers(lane, first, count), whole[first..first + count]);
    }
}

#[test]
fn lanes_and_seeds_have_nothing_in_common() {
    let seed = |byte| SeedStream::new(Kernel::best(), &Seed::from_bytes([byte; 16]));
    let mut all: Vec<u64> = Vec::new();
    for (byte, place, purpose) in [(1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0)] {
        all.extend(seed(byte).numbers(Lane::new(place, purpose), 0, 1000));
    }
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn kernels_grow_the_same_trees() {
    let drawn = blocks(3 * LANES);
    for levels in [0, 1, 24, 57] {
        let mut grown = Kernel::available().into_iter().map(|kernel| {
            let planted = Planted {
                roots: std::array::from_fn(|lane| drawn[lane]),
                differences: std::array::from_fn(|lane| drawn[LANES + lane] | 1),
                points: std::array::from_fn(|lane| drawn[2 * LANES + lane] as u64),
                specials: std::array::from_fn(|lane| 1 << lane),
            };
            let mut words = vec![0; 16 * LANES * (levels + 1)];
            Permutation::new(kernel, &[9; 16]).grow(&planted, &mut words);
            words
        });
        let first = grown.next().unwrap();
        assert!(grown.all(|other| other == first), "{levels}");
    }
}

#[test]
fn bits_can_be_read_from_any_place() {
    let stream = SeedStream::new(Kernel::best(), &Seed::from_bytes([4; 16]));
    let whole = stream.bits(Lane::new(1, 1), 0, 500);
    for (first, count) in [(0, 0), (0, 64), (63, 2), (64, 64), (130, 300)] {
        assert_eq!(stream.bits(Lane::new(1, 1), first, count), whole[first..first + count]);
    }
}
