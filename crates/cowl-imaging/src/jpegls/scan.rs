//! Samples to bits and back (T.87 Annex A), lossless.

use super::JpegLsError;
use super::bits::{BitReader, BitWriter};
use super::context::{Context, RunContext};
use super::parameters::Parameters;

/// Contexts of regular mode, numbered from 1; 0 is run mode.
const CONTEXTS: usize = 365;

/// Order of the run-length code (T.87 A.2.1, J).
const RUN_ORDER: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// State of a scan.
pub(super) struct Scan {
    maximum: i32,
    range: i32,
    reset: i32,
    limit: u32,
    residual_bits: u32,
    /// Quantised gradients −4..=4, by gradient plus `maximum`.
    quantised: Vec<i8>,
    contexts: [Context; CONTEXTS],
    runs: [RunContext; 2],
    run_index: usize,
}

/// Neighbours of a sample: left, above, above left, above right.
#[derive(Clone, Copy)]
struct Neighbours {
    a: i32,
    b: i32,
    c: i32,
    d: i32,
}

impl Neighbours {
    #[inline(always)]
    fn at(above: &[u16], line: &[u16], index: usize) -> Self {
        let [c, b, d] = [above[index - 1], above[index], above[index + 1]].map(i32::from);
        Self { a: i32::from(line[index - 1]), b, c, d }
    }

    /// Median edge prediction (A.4.1).
    #[inline(always)]
    fn predict(self) -> i32 {
        let (low, high) = (self.a.min(self.b), self.a.max(self.b));
        self.a + self.b - self.c.clamp(low, high)
    }
}

impl Scan {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let range = parameters.range();
        Self {
            maximum: parameters.maximum,
            range,
            reset: i32::from(parameters.reset),
            limit: parameters.limit(),
            residual_bits: parameters.residual_bits(),
            quantised: quantise_gradients(parameters),
            contexts: [Context::new(range); CONTEXTS],
            runs: [RunContext::new(0, range), RunContext::new(1, range)],
            run_index: 0,
        }
    }

    pub(super) fn encode(&mut self, width: usize, samples: &[u16], bits: &mut BitWriter<'_>) {
        let mask = ((1u32 << self.residual_bits) - 1) as u16;
        let mut above = vec![0u16; width + 2];
        let mut line = vec![0u16; width + 2];
        for row in samples.chunks_exact(width) {
            line[0] = above[1];
            for (padded, sample) in line[1..].iter_mut().zip(row) {
                *padded = sample & mask;
            }
            self.encode_line(&above, &line, bits);
            line[width + 1] = line[width];
            std::mem::swap(&mut above, &mut line);
        }
    }

    fn encode_line(&mut self, above: &[u16], line: &[u16], bits: &mut BitWriter<'_>) {
        let end = line.len() - 1;
        let above = &above[..line.len()];
        let mut index = 1;
        while index < end {
            let near = Neighbours::at(above, line, index);
            let context = self.context_number(near);
            if context == 0 {
                index = self.encode_run(above, line, index, bits);
            } else {
                self.encode_sample(near, context, i32::from(line[index]), bits);
                index += 1;
            }
        }
    }

    /// A context's number; negative when the residual's sign is to be turned.
    #[inline(always)]
    fn context_number(&self, near: Neighbours) -> i32 {
        let quantise = |gradient: i32| i32::from(self.quantised[(gradient + self.maximum) as usize]);
        81 * quantise(near.d - near.b) + 9 * quantise(near.b - near.c) + quantise(near.c - near.a)
    }

    #[inline(always)]
    fn corrected_prediction(&self, near: Neighbours, number: i32) -> i32 {
        let correction = self.contexts[number.unsigned_abs() as usize].correction;
        (near.predict() + correction * number.signum()).clamp(0, self.maximum)
    }

    #[inline(always)]
    fn encode_sample(&mut self, near: Neighbours, number: i32, sample: i32, bits: &mut BitWriter<'_>) {
        let prediction = self.corrected_prediction(near, number);
        let residual = self.reduce((sample - prediction) * number.signum());
        let context = &mut self.contexts[number.unsigned_abs() as usize];
        let parameter = context.golomb_parameter();
        let turned = if context.is_inverted(parameter) { !residual } else { residual };
        context.update(residual, self.reset);
        let mapped = ((turned << 1) ^ (turned >> 31)) as u32;
        self.put_golomb(mapped, parameter, self.limit, bits);
    }

    /// Brings a difference of samples into −range/2 .. range/2 (A.4.5).
    #[inline(always)]
    fn reduce(&self, difference: i32) -> i32 {
        let positive = if difference < 0 { difference + self.range } else { difference };
        if positive >= (self.range + 1) / 2 { positive - self.range } else { positive }
    }

    /// Undoes the reduction: the sample that lies a reduced difference from its prediction.
    #[inline(always)]
    fn restore(&self, sum: i32) -> i32 {
        if sum < 0 {
            sum + self.range
        } else if sum > self.maximum {
            sum - self.range
        } else {
            sum
        }
    }

    /// Limited-length Golomb code (A.5.3).
    #[inline(always)]
    fn put_golomb(&self, value: u32, parameter: u32, limit: u32, bits: &mut BitWriter<'_>) {
        let high = value >> parameter;
        let longest = limit - self.residual_bits - 1;
        if high < longest {
            let low = value & ((1 << parameter) - 1);
            if high + 1 + parameter <= 32 {
                bits.put((1 << parameter) | low, high + 1 + parameter);
            } else {
                bits.put_zeros(high);
                bits.put((1 << parameter) | low, 1 + parameter);
            }
        } else {
            bits.put_zeros(longest);
            bits.put(1, 1);
            bits.put((value - 1) & ((1 << self.residual_bits) - 1), self.residual_bits);
        }
    }

    #[inline(always)]
    fn take_golomb(&self, parameter: u32, limit: u32, bits: &mut BitReader<'_>) -> Result<u32, JpegLsError> {
        let longest = limit - self.residual_bits - 1;
        let high = bits.take_unary(longest)?;
        let value = if high < longest {
            (u64::from(high) << parameter) as u32 | bits.take(parameter)
        } else {
            bits.take(self.residual_bits) + 1
        };
        // A reduced residual of either sign maps to no more than the range.
        if value > self.range as u32 { Err(JpegLsError::Damaged("residual")) } else { Ok(value) }
    }

    /// Codes a run and, unless it reaches the end of the line, the sample that ends it (A.7). Returns the next index.
    fn encode_run(&mut self, above: &[u16], line: &[u16], start: usize, bits: &mut BitWriter<'_>) -> usize {
        let end = line.len() - 1;
        let value = line[start - 1];
        let length = line[start..end].iter().take_while(|&&sample| sample == value).count();
        let mut left = length;
        while left >= 1 << RUN_ORDER[self.run_index] {
            bits.put(1, 1);
            left -= 1 << RUN_ORDER[self.run_index];
            self.run_index = (self.run_index + 1).min(31);
        }
        let index = start + length;
        if index == end {
            if left > 0 {
                bits.put(1, 1);
            }
            return end;
        }
        bits.put(left as u32, RUN_ORDER[self.run_index] + 1);
        self.encode_interruption(i32::from(value), i32::from(above[index]), i32::from(line[index]), bits);
        self.run_index = self.run_index.saturating_sub(1);
        index + 1
    }

    fn encode_interruption(&mut self, a: i32, b: i32, sample: i32, bits: &mut BitWriter<'_>) {
        let kind = usize::from(a == b);
        let residual = self.reduce((sample - b) * interruption_sign(a, b));
        let parameter = self.runs[kind].golomb_parameter();
        let mapped = self.runs[kind].map(residual, parameter);
        self.put_golomb(mapped, parameter, self.interruption_limit(), bits);
        self.runs[kind].update(residual, mapped, self.reset);
    }

    fn interruption_limit(&self) -> u32 {
        self.limit - RUN_ORDER[self.run_index] - 1
    }

    pub(super) fn decode(
        &mut self,
        width: usize,
        samples: &mut [u16],
        bits: &mut BitReader<'_>,
    ) -> Result<(), JpegLsError> {
        let mut above = vec![0u16; width + 2];
        let mut line = vec![0u16; width + 2];
        for row in samples.chunks_exact_mut(width) {
            line[0] = above[1];
            self.decode_line(&above, &mut line, bits)?;
            line[width + 1] = line[width];
            row.copy_from_slice(&line[1..=width]);
            std::mem::swap(&mut above, &mut line);
        }
        Ok(())
    }

    fn decode_line(
        &mut self,
        above: &[u16],
        line: &mut [u16],
        bits: &mut BitReader<'_>,
    ) -> Result<(), JpegLsError> {
        let end = line.len() - 1;
        let above = &above[..line.len()];
        let mut index = 1;
        while index < end {
            let near = Neighbours::at(above, line, index);
            let context = self.context_number(near);
            if context == 0 {
                index = self.decode_run(above, line, index, bits)?;
            } else {
                line[index] = self.decode_sample(near, context, bits)?;
                index += 1;
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn decode_sample(
        &mut self,
        near: Neighbours,
        number: i32,
        bits: &mut BitReader<'_>,
    ) -> Result<u16, JpegLsError> {
        let prediction = self.corrected_prediction(near, number);
        let parameter = self.contexts[number.unsigned_abs() as usize].golomb_parameter();
        let mapped = self.take_golomb(parameter, self.limit, bits)?;
        let turned = (mapped >> 1) as i32 ^ -((mapped & 1) as i32);
        let context = &mut self.contexts[number.unsigned_abs() as usize];
        let residual = if context.is_inverted(parameter) { !turned } else { turned };
        context.update(residual, self.reset);
        self.sample(prediction + residual * number.signum())
    }

    /// The sample of a sum of prediction and residual; damaged streams may lie outside the range.
    #[inline(always)]
    fn sample(&self, sum: i32) -> Result<u16, JpegLsError> {
        let sample = self.restore(sum);
        if (0..=self.maximum).contains(&sample) {
            Ok(sample as u16)
        } else {
            Err(JpegLsError::Damaged("sample out of range"))
        }
    }

    fn decode_run(
        &mut self,
        above: &[u16],
        line: &mut [u16],
        start: usize,
        bits: &mut BitReader<'_>,
    ) -> Result<usize, JpegLsError> {
        let end = line.len() - 1;
        let value = line[start - 1];
        let length = self.take_run_length(end - start, bits)?;
        let index = start + length;
        line[start..index].fill(value);
        if index == end {
            return Ok(end);
        }
        line[index] = self.decode_interruption(i32::from(value), i32::from(above[index]), bits)?;
        self.run_index = self.run_index.saturating_sub(1);
        Ok(index + 1)
    }

    fn take_run_length(&mut self, most: usize, bits: &mut BitReader<'_>) -> Result<usize, JpegLsError> {
        let mut length = 0;
        while bits.take(1) == 1 {
            let step = 1 << RUN_ORDER[self.run_index];
            if length + step <= most {
                self.run_index = (self.run_index + 1).min(31);
            }
            length = (length + step).min(most);
            if length == most {
                return Ok(length);
            }
        }
        length += bits.take(RUN_ORDER[self.run_index]) as usize;
        if length < most { Ok(length) } else { Err(JpegLsError::Damaged("run length")) }
    }

    fn decode_interruption(&mut self, a: i32, b: i32, bits: &mut BitReader<'_>) -> Result<u16, JpegLsError> {
        let kind = usize::from(a == b);
        let parameter = self.runs[kind].golomb_parameter();
        let mapped = self.take_golomb(parameter, self.interruption_limit(), bits)?;
        let residual = self.runs[kind].unmap(mapped, parameter);
        self.runs[kind].update(residual, mapped, self.reset);
        self.sample(b + residual * interruption_sign(a, b))
    }
}

fn interruption_sign(a: i32, b: i32) -> i32 {
    if a > b { -1 } else { 1 }
}

/// A.3.3, for every gradient from −maximum to maximum.
fn quantise_gradients(parameters: &Parameters) -> Vec<i8> {
    let [t1, t2, t3] = parameters.thresholds;
    let quantise = |gradient: i32| {
        let magnitude = gradient.abs();
        let steps = [1, t1, t2, t3].into_iter().filter(|&threshold| magnitude >= threshold).count();
        steps as i8 * gradient.signum() as i8
    };
    (-parameters.maximum..=parameters.maximum).map(quantise).collect()
}
