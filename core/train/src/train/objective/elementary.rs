//! Elementary functions that the compiler turns into vector instructions inside a loop, and sums in
//! lanes: the standard library's are calls, and a sum in order is one addition at a time.

/// 1.5 * 2^23, from where on the distance of floats is 1: adding it rounds to a whole number.
const SHIFT: f32 = 12_582_912.0;
/// ln 2 in two parts; the first has few digits, so that whole multiples of it are exact.
const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
/// Arguments beyond which `exp` is no normal float.
const LEAST: f32 = -87.0;
const MOST: f32 = 88.0;

/// e^x with a relative error below 2e-7; beyond -87..=88 that of the nearer end.
///
/// The argument is reduced by multiples of ln 2; the polynomial is that of the Cephes library
/// (S. Moshier, <https://www.netlib.org/cephes/>, `expf.c`).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(LEAST, MOST);
    let shifted = x * std::f32::consts::LOG2_E + SHIFT;
    let whole = shifted - SHIFT;
    let rest = x - whole * LN_2[0] - whole * LN_2[1];
    let mut sum = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = sum * rest + coefficient;
    }
    let exponent = shifted.to_bits().wrapping_sub(SHIFT.to_bits()).wrapping_add(127);
    (sum * rest * rest + rest + 1.0) * f32::from_bits(exponent << 23)
}

/// ln(1 + x) for x in 0..=1, with an absolute error below 3e-7.
///
/// ln(1 + x) = 2 artanh(z) with z = x / (2 + x), at most 1/3; what its series leaves out is below
/// 2/13 * 3^-13 = 1e-7.
#[inline(always)]
pub(super) fn ln_1p(x: f32) -> f32 {
    let z = x / (2.0 + x);
    let square = z * z;
    let mut sum = 1.0 / 11.0;
    for odd in [9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / odd;
    }
    2.0 * z * sum
}

/// Sums that are kept apart while a slice is gone through.
const LANES: usize = 16;

/// The sum of a function of the pairs of two slices of one length.
#[inline(always)]
pub(super) fn sum_of_products(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let (left, right) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest = left.remainder().iter().zip(right.remainder());
    let rest: f32 = rest.map(|(left, right)| left * right).sum();
    for (left, right) in left.zip(right) {
        for (lane, (left, right)) in lanes.iter_mut().zip(left.iter().zip(right)) {
            *lane += left * right;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// The sum of a slice.
#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// The greatest of a slice.
#[inline(always)]
pub(super) fn greatest(values: &[f32]) -> f32 {
    let larger = |left: f32, right: f32| if right > left { right } else { left };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder().iter().copied().fold(f32::NEG_INFINITY, larger);
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, *value);
        }
    }
    lanes.into_iter().fold(rest, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_its_error() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) / expected - 1.0).abs();
            assert!(error < 2e-7, "{x}: {error}");
        }
        assert!(exp(f32::NAN).is_nan() && exp(-1e9) < 2e-38);
    }

    #[test]
    fn ln_1p_is_within_its_error() {
        for i in 0..=10_000 {
            let x = i as f32 / 1e4;
            let error = (f64::from(ln_1p(x)) - f64::from(x).ln_1p()).abs();
            assert!(error < 3e-7, "{x}: {error}");
        }
    }

    #[test]
    fn sums_and_the_greatest_are_those_of_the_standard_library() {
        for length in [0, 1, 15, 16, 37] {
            let values: Vec<f32> = (0..length).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
            assert_eq!(sum(&values), values.iter().sum::<f32>());
            assert_eq!(
                sum_of_products(&values, &values),
                values.iter().map(|v| v * v).sum::<f32>()
            );
            let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(greatest(&values), most);
        }
    }
}
