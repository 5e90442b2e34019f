//! Bits of a scan, most significant first; after a byte 0xFF only seven bits follow (T.87 A.1, Annex C.3).

use super::JpegLsError;

/// Writes bits to a vector.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Bits not yet written, in the upper end.
    pending: u64,
    count: u32,
    after_ff: bool,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, pending: 0, count: 0, after_ff: false }
    }

    /// Writes the lowest `count` ≤ 32 bits of `value`, which has no others.
    #[inline(always)]
    pub(super) fn put(&mut self, value: u32, count: u32) {
        debug_assert!(count <= 32 && (count == 32 || value >> count == 0));
        if count == 0 {
            return;
        }
        self.pending |= u64::from(value) << (64 - count - self.count);
        self.count += count;
        if self.count >= 32 {
            self.drain();
        }
    }

    /// Writes `count` zeros.
    #[inline(always)]
    pub(super) fn put_zeros(&mut self, mut count: u32) {
        while count > 32 {
            self.put(0, 32);
            count -= 32;
        }
        self.put(0, count);
    }

    fn drain(&mut self) {
        let word = (self.pending >> 32) as u32;
        if !self.after_ff && !has_ff(word) {
            self.out.extend(word.to_be_bytes());
            self.pending <<= 32;
            self.count -= 32;
            return;
        }
        while self.count >= 8 {
            self.write_byte();
        }
    }

    fn write_byte(&mut self) {
        let bits = if self.after_ff { 7 } else { 8 };
        let byte = (self.pending >> (64 - bits)) as u8;
        self.out.push(byte);
        self.pending <<= bits;
        self.count = self.count.saturating_sub(bits);
        self.after_ff = byte == 0xff;
    }

    /// Fills the last byte with zeros. A byte 0xFF never ends a scan.
    pub(super) fn finish(mut self) {
        while self.count > 0 || self.after_ff {
            self.write_byte();
        }
    }
}

/// Whether one of the four bytes is 0xFF.
#[inline(always)]
fn has_ff(word: u32) -> bool {
    let inverse = !word;
    inverse.wrapping_sub(0x0101_0101) & word & 0x8080_8080 != 0
}

/// Reads bits; past the end it gives zeros, and [`BitReader::rest_after_scan`] tells.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read ahead, in the upper end; below them zeros.
    pending: u64,
    count: u32,
    after_ff: bool,
    /// Bits given that were not there.
    invented: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, pending: 0, count: 0, after_ff: false, invented: 0 }
    }

    /// Makes at least 32 bits ready.
    #[inline(always)]
    fn fill(&mut self) {
        if self.count < 32 {
            self.fill_slowly();
        }
    }

    fn fill_slowly(&mut self) {
        if let (false, Some((word, rest))) = (self.after_ff, self.bytes.split_first_chunk::<4>()) {
            let word = u32::from_be_bytes(*word);
            if !has_ff(word) {
                self.pending |= u64::from(word) << (32 - self.count);
                self.count += 32;
                self.bytes = rest;
                return;
            }
        }
        while self.count <= 56 {
            self.fill_byte();
        }
    }

    fn fill_byte(&mut self) {
        let bits = if self.after_ff { 7 } else { 8 };
        match self.bytes {
            [] | [0xff] => self.invented += bits,
            // A marker ends the scan.
            &[0xff, next, ..] if next >= 0x80 => self.invented += bits,
            &[byte, ref rest @ ..] => {
                self.pending |= (u64::from(byte) << (64 - bits)) >> self.count;
                self.after_ff = byte == 0xff;
                self.bytes = rest;
            }
        }
        self.count += bits;
    }

    /// Reads `count` ≤ 32 bits.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        self.fill();
        let value = (self.pending >> 32) as u32;
        self.skip(count);
        if count == 0 { 0 } else { value >> (32 - count) }
    }

    #[inline(always)]
    fn skip(&mut self, count: u32) {
        self.pending <<= count;
        self.count -= count;
    }

    /// Reads zeros up to and including a one and returns their number; an error if there are more than `most`.
    #[inline(always)]
    pub(super) fn take_unary(&mut self, most: u32) -> Result<u32, JpegLsError> {
        self.fill();
        let zeros = self.pending.leading_zeros();
        if zeros < 32 {
            self.skip(zeros + 1);
            return if zeros <= most { Ok(zeros) } else { Err(JpegLsError::Damaged("code word")) };
        }
        self.take_long_unary(most)
    }

    fn take_long_unary(&mut self, most: u32) -> Result<u32, JpegLsError> {
        let mut zeros = 0;
        while self.take(1) == 0 {
            zeros += 1;
            if zeros > most {
                return Err(JpegLsError::Damaged("code word"));
            }
        }
        Ok(zeros)
    }

    /// The scan was used up: returns the bytes that follow, that is a marker.
    pub(super) fn rest_after_scan(mut self) -> Result<&'a [u8], JpegLsError> {
        if self.invented > self.count {
            return Err(JpegLsError::Truncated);
        }
        // What was read ahead is padding: fewer than eight bits, or the seven after a last 0xFF.
        let ahead = self.count - self.invented;
        if ahead >= 16 || self.pending != 0 {
            return Err(JpegLsError::Damaged("bits after the last sample"));
        }
        if let [0x00, rest @ ..] = self.bytes
            && self.after_ff
        {
            self.bytes = rest;
        }
        Ok(self.bytes)
    }
}
