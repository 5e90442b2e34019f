//! Student's t and Fisher's F: tail probabilities and quantiles.
//!
//! Both are incomplete beta functions (Abramowitz and Stegun 1964, 26.5.27, 26.6.2 and 26.7.1). The incomplete
//! beta function is the continued fraction of Didonato and Morris (ACM TOMS 18, 1992, equation 9), which takes x and
//! 1 − x side by side so that a large a cancels nothing, summed by the modified method of Lentz (Thompson and
//! Barnett 1986). Its factor 1/B(a,b) is written so that no large logarithms cancel either (their section 4): with
//! a million rows the tails keep eleven digits.

/// Stirling's series ln Γ(x) − ((x − ½) ln x − x + ½ ln 2π) for x ≥ 10: B₂ₖ/(2k(2k−1)x²ᵏ⁻¹).
const STIRLING: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1_260.0,
    -1.0 / 1_680.0,
    1.0 / 1_188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
    -3_617.0 / 122_400.0,
];
const STIRLING_FROM: f64 = 10.0;
/// ½ ln 2π.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

fn stirling_correction(x: f64) -> f64 {
    let inverse_square = 1.0 / (x * x);
    STIRLING.iter().rev().fold(0.0, |sum, term| sum * inverse_square + term) / x
}

/// ln Γ(x) for x > 0.
fn ln_gamma(x: f64) -> f64 {
    let (mut shifted, mut product) = (x, 1.0);
    while shifted < STIRLING_FROM {
        product *= shifted;
        shifted += 1.0;
    }
    (shifted - 0.5) * shifted.ln() - shifted + HALF_LN_TAU + stirling_correction(shifted) - f64::ln(product)
}

/// ln B(a, b) without the cancellation of three large logarithms.
fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = (a.min(b), a.max(b));
    if large < STIRLING_FROM {
        return ln_gamma(small) + ln_gamma(large) - ln_gamma(small + large);
    }
    let corrections = stirling_correction(large) - stirling_correction(small + large);
    let share = small / (small + large);
    if small < STIRLING_FROM {
        return ln_gamma(small) + corrections + small - small * (small + large).ln()
            + (large - 0.5) * (-share).ln_1p();
    }
    HALF_LN_TAU - 0.5 * large.ln()
        + stirling_correction(small)
        + corrections
        + (small - 0.5) * share.ln()
        + large * (-share).ln_1p()
}

/// The continued fraction of Iₓ(a, b), for x below about a/(a+b); Iₓ is xᵃ(1−x)ᵇ/B(a,b) over it.
fn beta_fraction(a: f64, b: f64, x: f64, rest: f64) -> f64 {
    const MOST_TERMS: u32 = 100_000;
    let denominator = |m: f64| {
        let lead = (a + m) * (a * rest - b * x + 1.0 + m * (1.0 + rest)) / (a + 2.0 * m + 1.0);
        // The middle term is nothing at 0, whatever a is; at a = 1 it would read 0/0.
        let middle = if m > 0.0 { m * (b - m) * x / (a + 2.0 * m - 1.0) } else { 0.0 };
        m + middle + lead
    };
    let numerator = |m: f64| {
        let width = a + 2.0 * m - 1.0;
        (a + m - 1.0) * (a + b + m - 1.0) * m * (b - m) * x * x / (width * width)
    };
    let mut fraction = away_from_zero(denominator(0.0));
    let (mut c, mut d) = (fraction, 0.0);
    for term in 1..MOST_TERMS {
        let (above, below) = (numerator(term.into()), denominator(term.into()));
        d = 1.0 / away_from_zero(below + above * d);
        c = away_from_zero(below + above / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < 4.0 * f64::EPSILON {
            break;
        }
    }
    fraction
}

fn away_from_zero(value: f64) -> f64 {
    const SMALLEST: f64 = 1e-300;
    if value.abs() < SMALLEST { SMALLEST } else { value }
}

/// Iₓ(a, b), where `rest` is 1 − x, given by itself because subtracting would lose its digits.
fn regularised_beta(a: f64, b: f64, x: f64, rest: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if rest <= 0.0 {
        return 1.0;
    }
    let front = (a * ln_of(x, rest) + b * ln_of(rest, x) - ln_beta(a, b)).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front / beta_fraction(a, b, x, rest)
    } else {
        1.0 - front / beta_fraction(b, a, rest, x)
    }
}

/// ln of `share`, by whichever of it and its complement is the smaller.
fn ln_of(share: f64, complement: f64) -> f64 {
    if complement < 0.5 { (-complement).ln_1p() } else { share.ln() }
}

/// The chance that |T| is at least |t| for Student's t with `degrees` of freedom (a positive real number).
///
/// The relative error is below 1e-10, in the far tails too.
pub fn student_two_sided(t: f64, degrees: f64) -> f64 {
    let square = t * t;
    if square.is_infinite() {
        return 0.0;
    }
    let whole = degrees + square;
    regularised_beta(degrees / 2.0, 0.5, degrees / whole, square / whole)
}

/// The chance that F is at least `f` for Fisher's F with these degrees of freedom.
pub fn fisher_upper(f: f64, numerator_degrees: f64, denominator_degrees: f64) -> f64 {
    if f <= 0.0 {
        return 1.0;
    }
    if f.is_infinite() {
        return 0.0;
    }
    let (part, whole) = (numerator_degrees * f, denominator_degrees + numerator_degrees * f);
    regularised_beta(
        denominator_degrees / 2.0,
        numerator_degrees / 2.0,
        denominator_degrees / whole,
        part / whole,
    )
}

/// The t that |T| stays below with chance `confidence`, 0 < confidence < 1.
///
/// Found by bisection, which cannot miss: the two-sided tail falls with t, and 1 − `confidence` lies between
/// its values at both ends.
pub fn student_quantile(confidence: f64, degrees: f64) -> f64 {
    let tail = 1.0 - confidence;
    let (mut low, mut high) = (0.0, 1.0);
    while student_two_sided(high, degrees) > tail && high < f64::MAX / 4.0 {
        (low, high) = (high, high * 2.0);
    }
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return middle;
        }
        if student_two_sided(middle, degrees) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        let error = (found - expected).abs() / expected.abs();
        assert!(error < 1e-11, "{found:e} instead of {expected:e}, off by {error:e}");
    }

    #[test]
    fn one_degree_of_freedom_is_the_cauchy_distribution() {
        for t in [0.001, 0.5, 1.0, 3.0, 1e6] {
            close(student_two_sided(t, 1.0), 2.0 / std::f64::consts::PI * (1.0f64 / t).atan());
        }
    }

    #[test]
    fn two_degrees_of_freedom_have_a_closed_form() {
        for t in [0.1f64, 1.0, 2.5] {
            close(student_two_sided(t, 2.0), 1.0 - t / (2.0 + t * t).sqrt());
        }
    }

    #[test]
    fn f_with_one_degree_is_the_square_of_t() {
        for (t, degrees) in [(0.3, 5.0), (2.0, 40.5), (12.0, 1_000_000.0)] {
            close(fisher_upper(t * t, 1.0, degrees), student_two_sided(t, degrees));
        }
    }

    #[test]
    fn f_with_two_degrees_has_a_closed_form() {
        for (f, degrees) in [(0.5f64, 7.0f64), (4.0, 100.0), (90.0, 33.0)] {
            close(fisher_upper(f, 2.0, degrees), (1.0 + 2.0 * f / degrees).powf(-degrees / 2.0));
        }
    }

    #[test]
    fn a_quantile_is_where_its_tail_begins() {
        for degrees in [1.0, 3.0, 9.0, 250.5, 1e6] {
            for confidence in [0.5, 0.9, 0.95, 0.99, 0.999_999] {
                let found = student_two_sided(student_quantile(confidence, degrees), degrees);
                close(found, 1.0 - confidence);
            }
        }
        close(student_quantile(0.95, 9.0), 2.262_157_162_798_205);
    }

    #[test]
    fn the_ends_of_the_distributions_are_their_limits() {
        assert_eq!(student_two_sided(0.0, 10.0), 1.0);
        assert_eq!(student_two_sided(f64::INFINITY, 10.0), 0.0);
        assert_eq!(fisher_upper(0.0, 3.0, 10.0), 1.0);
        assert_eq!(fisher_upper(f64::INFINITY, 3.0, 10.0), 0.0);
    }
}
