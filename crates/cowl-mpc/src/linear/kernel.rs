//! Products of integers modulo 2³² and 2⁶⁴, compiled for what processors have and chosen at run time. Their
//! time depends on lengths only.
#![allow(unsafe_code, reason = "calls of functions compiled for instructions that were found")]

/// Inner loops for one kind of number.
#[derive(Clone, Copy)]
pub(super) struct Kernels<W> {
    /// Σ aᵢ·bᵢ
    pub(super) dot: fn(&[W], &[W]) -> W,
    /// sumᵢ += scale·valueᵢ
    pub(super) add_scaled: fn(&mut [W], W, &[W]),
    /// sums += matrix · columns
    pub(super) multiply: fn(Product<'_, W>, &mut [W]),
}

/// Columns that are summed up in registers together.
pub(super) const WIDTH: usize = 16;

/// A matrix times columns that lie row by row.
#[derive(Clone, Copy)]
pub(super) struct Product<'a, W> {
    /// Rows of `depth` numbers.
    pub(super) matrix: &'a [W],
    /// Numbers of a row of the matrix, and rows of the columns.
    pub(super) depth: usize,
    /// `depth` rows of `width` numbers.
    pub(super) columns: &'a [W],
    /// A multiple of [`WIDTH`].
    pub(super) width: usize,
}

/// A number modulo a power of two.
pub(super) trait Word: Copy + Default + Send + Sync {
    const ONE: Self;
    /// self + a·b
    fn multiply_add(self, a: Self, b: Self) -> Self;
    /// For this processor.
    fn kernels() -> Kernels<Self>;
}

#[inline(always)]
fn dot<W: Word>(a: &[W], b: &[W]) -> W {
    a.iter().zip(b).fold(W::default(), |sum, (a, b)| sum.multiply_add(*a, *b))
}

#[inline(always)]
fn add_scaled<W: Word>(sums: &mut [W], scale: W, values: &[W]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = sum.multiply_add(scale, *value));
}

/// As many rows at a time as registers can hold.
#[inline(always)]
fn multiply<W: Word>(product: Product<'_, W>, mut sums: &mut [W]) {
    let Product { mut matrix, depth, width, .. } = product;
    while !sums.is_empty() {
        let rows = match sums.len() / width {
            8.. => 8,
            4.. => 4,
            2.. => 2,
            _ => 1,
        };
        let (now, later) = std::mem::take(&mut sums).split_at_mut(rows * width);
        let (some, rest) = matrix.split_at(rows * depth);
        let product = Product { matrix: some, ..product };
        match rows {
            8 => multiply_rows::<W, 8>(product, now),
            4 => multiply_rows::<W, 4>(product, now),
            2 => multiply_rows::<W, 2>(product, now),
            _ => multiply_rows::<W, 1>(product, now),
        }
        (sums, matrix) = (later, rest);
    }
}

#[inline(always)]
fn multiply_rows<W: Word, const ROWS: usize>(product: Product<'_, W>, sums: &mut [W]) {
    let Product { matrix, depth, columns, width } = product;
    let rows: [&[W]; ROWS] = std::array::from_fn(|row| &matrix[row * depth..][..depth]);
    for first in (0..width).step_by(WIDTH) {
        let mut block = [[W::default(); WIDTH]; ROWS];
        for (place, line) in columns.chunks_exact(width).enumerate() {
            let line: &[W; WIDTH] = line[first..].first_chunk().expect("a width is a multiple of a block's");
            for (sums, row) in block.iter_mut().zip(rows) {
                let factor = row[place];
                sums.iter_mut().zip(line).for_each(|(sum, value)| *sum = sum.multiply_add(factor, *value));
            }
        }
        for (row, block) in block.iter().enumerate() {
            let sums = &mut sums[row * width + first..][..WIDTH];
            sums.iter_mut().zip(block).for_each(|(sum, more)| *sum = sum.multiply_add(W::ONE, *more));
        }
    }
}

macro_rules! word {
    ($word:ident, $module:ident) => {
        mod $module {
            use super::{Kernels, Product};

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
            fn dot_512(a: &[$word], b: &[$word]) -> $word {
                super::dot(a, b)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
            fn add_scaled_512(sums: &mut [$word], scale: $word, values: &[$word]) {
                super::add_scaled(sums, scale, values)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
            fn multiply_512(product: Product<'_, $word>, sums: &mut [$word]) {
                super::multiply(product, sums)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn dot_256(a: &[$word], b: &[$word]) -> $word {
                super::dot(a, b)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn add_scaled_256(sums: &mut [$word], scale: $word, values: &[$word]) {
                super::add_scaled(sums, scale, values)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn multiply_256(product: Product<'_, $word>, sums: &mut [$word]) {
                super::multiply(product, sums)
            }

            /// All that this processor can run, the fastest first.
            pub(super) fn available() -> Vec<Kernels<$word>> {
                let mut all = Vec::new();
                #[cfg(target_arch = "x86_64")]
                if super::has_512() {
                    all.push(Kernels {
                        // SAFETY: the instructions have just been found.
                        dot: |a, b| unsafe { dot_512(a, b) },
                        // SAFETY: as above.
                        add_scaled: |sums, scale, values| unsafe { add_scaled_512(sums, scale, values) },
                        // SAFETY: as above.
                        multiply: |product, sums| unsafe { multiply_512(product, sums) },
                    });
                }
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") {
                    all.push(Kernels {
                        // SAFETY: the instructions have just been found.
                        dot: |a, b| unsafe { dot_256(a, b) },
                        // SAFETY: as above.
                        add_scaled: |sums, scale, values| unsafe { add_scaled_256(sums, scale, values) },
                        // SAFETY: as above.
                        multiply: |product, sums| unsafe { multiply_256(product, sums) },
                    });
                }
                all.push(Kernels {
                    dot: super::dot,
                    add_scaled: super::add_scaled,
                    multiply: super::multiply,
                });
                all
            }
        }

        impl Word for $word {
            const ONE: Self = 1;

            #[inline(always)]
            fn multiply_add(self, a: Self, b: Self) -> Self {
                self.wrapping_add(a.wrapping_mul(b))
            }

            fn kernels() -> Kernels<Self> {
                $module::available()[0]
            }
        }
    };
}

word!(u32, narrow);
word!(u64, wide);

#[cfg(target_arch = "x86_64")]
fn has_512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_give_the_same_products_whatever_the_length() {
        let number = |place: u64| place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for length in [0, 1, 15, 16, 17, 63, 64, 200] {
            let a: Vec<u64> = (1..=length).map(number).collect();
            let b: Vec<u64> = (1..=length).map(|place| number(place + 1000)).collect();
            let (a32, b32): (Vec<u32>, Vec<u32>) =
                a.iter().zip(&b).map(|(a, b)| (*a as u32, *b as u32)).unzip();
            let sum = a.iter().zip(&b).fold(0u64, |sum, (a, b)| sum.wrapping_add(a.wrapping_mul(*b)));
            assert!(wide::available().iter().all(|kernels| (kernels.dot)(&a, &b) == sum));
            assert!(narrow::available().iter().all(|kernels| (kernels.dot)(&a32, &b32) == sum as u32));
            let scaled: Vec<u64> = a.iter().zip(&b).map(|(a, b)| a.wrapping_add(b.wrapping_mul(7))).collect();
            for kernels in wide::available() {
                let mut sums = a.clone();
                (kernels.add_scaled)(&mut sums, 7, &b);
                assert_eq!(sums, scaled);
            }
            for kernels in narrow::available() {
                let mut sums = a32.clone();
                (kernels.add_scaled)(&mut sums, 7, &b32);
                assert!(sums.iter().zip(&scaled).all(|(a, b)| *a == *b as u32));
            }
        }
    }
    #[test]
    fn kernels_give_the_same_matrix_products_whatever_the_number_of_rows() {
        let number = |place: usize| (place as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (rows, depth, width) in [(1, 1, 16), (3, 5, 32), (8, 9, 16), (15, 2, 48), (0, 3, 16), (2, 0, 16)]
        {
            let matrix: Vec<u64> = (0..rows * depth).map(number).collect();
            let columns: Vec<u64> = (0..depth * width).map(|at| number(at + 999)).collect();
            let expected: Vec<u64> = (0..rows * width)
                .map(|at| {
                    let (row, column) = (at / width, at % width);
                    let terms =
                        (0..depth).map(|k| matrix[row * depth + k].wrapping_mul(columns[k * width + column]));
                    terms.fold(7, u64::wrapping_add)
                })
                .collect();
            for kernels in wide::available() {
                let mut sums = vec![7; rows * width];
                (kernels.multiply)(Product { matrix: &matrix, depth, columns: &columns, width }, &mut sums);
                assert_eq!(sums, expected);
            }
            let cut = |numbers: &[u64]| numbers.iter().map(|number| *number as u32).collect::<Vec<_>>();
            let (matrix, columns) = (cut(&matrix), cut(&columns));
            for kernels in narrow::available() {
                let mut sums = vec![7; rows * width];
                (kernels.multiply)(Product { matrix: &matrix, depth, columns: &columns, width }, &mut sums);
                assert_eq!(sums, cut(&expected));
            }
        }
    }
}
