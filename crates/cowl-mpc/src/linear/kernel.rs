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

macro_rules! word {
    ($word:ident, $module:ident) => {
        mod $module {
            use super::Kernels;

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
            #[target_feature(enable = "avx2")]
            fn dot_256(a: &[$word], b: &[$word]) -> $word {
                super::dot(a, b)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn add_scaled_256(sums: &mut [$word], scale: $word, values: &[$word]) {
                super::add_scaled(sums, scale, values)
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
                    });
                }
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") {
                    all.push(Kernels {
                        // SAFETY: the instructions have just been found.
                        dot: |a, b| unsafe { dot_256(a, b) },
                        // SAFETY: as above.
                        add_scaled: |sums, scale, values| unsafe { add_scaled_256(sums, scale, values) },
                    });
                }
                all.push(Kernels { dot: super::dot, add_scaled: super::add_scaled });
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
}
