//! Mutations: small damage to real inputs, the same in every run.

/// Numbers at which lengths and offsets break.
const EDGES: [u32; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/// Bytes that mean something in one of the formats: CBOR heads, line ends, quotes, brackets.
const BYTES: [u8; 16] =
    [0x00, 0x01, 0x7f, 0x80, 0xff, b'\n', b'\r', b' ', b'-', b'"', b'<', b'{', b'=', 0x5b, 0x9b, 0x9f];

/// A generator of mutations (xorshift64*).
pub struct Mutator {
    state: u64,
}

impl Mutator {
    /// A generator; equal seeds give equal mutations.
    pub fn new(seed: u64) -> Self {
        Self { state: seed | 1 }
    }

    fn draw(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number below `bound`, 0 for 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw() % (bound.max(1) as u64)).expect("less than a usize")
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A range of `bytes`, mostly a short one.
    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(bytes.len());
        let most = if self.below(4) == 0 { bytes.len() } else { 16 };
        start..(start + self.below(most + 1)).min(bytes.len())
    }

    /// A damaged copy of `input`; `other` is an input of the same kind, to splice with.
    pub fn mutate(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(3) {
            self.damage(&mut bytes, other);
        }
        bytes
    }

    fn damage(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        if bytes.is_empty() {
            bytes.extend_from_slice(other);
            return;
        }
        let place = self.below(bytes.len());
        match self.below(9) {
            0 => bytes[place] ^= 1 << self.below(8),
            1 => bytes[place] = self.pick(&BYTES),
            2 => bytes[place] = bytes[place].wrapping_add(self.pick(&[1, 0xff])),
            3 => bytes.truncate(place),
            4 => drop(bytes.drain(self.range(bytes))),
            5 => self.repeat(bytes),
            6 => self.overwrite(bytes, place),
            7 => self.insert(bytes, place),
            _ => self.splice(bytes, place, other),
        }
    }

    fn repeat(&mut self, bytes: &mut Vec<u8>) {
        let range = self.range(bytes);
        let (end, copy) = (range.end, bytes[range].to_vec());
        bytes.splice(end..end, copy);
    }

    /// An edge, in one to four bytes of either order.
    fn overwrite(&mut self, bytes: &mut [u8], place: usize) {
        let edge = self.pick(&EDGES);
        let written = if self.below(2) == 0 { edge.to_be_bytes() } else { edge.to_le_bytes() };
        let written = if self.below(2) == 0 { &written[..2] } else { &written[..] };
        let length = written.len().min(bytes.len() - place);
        bytes[place..place + length].copy_from_slice(&written[..length]);
    }

    fn insert(&mut self, bytes: &mut Vec<u8>, place: usize) {
        let count = 1 + self.below(8);
        let inserted: Vec<u8> = (0..count).map(|_| self.pick(&BYTES)).collect();
        bytes.splice(place..place, inserted);
    }

    fn splice(&mut self, bytes: &mut Vec<u8>, place: usize, other: &[u8]) {
        let from = self.below(other.len());
        bytes.truncate(place);
        bytes.extend_from_slice(&other[from..]);
    }
}
