//! How alike two pictures are: PSNR and SSIM.

/// PSNR of equal pictures, which have none, and the cap for all others, in dB.
pub const PSNR_CAP: f64 = 60.0;

/// Peak signal-to-noise ratio of 8-bit samples over all channels, in dB, at most [`PSNR_CAP`].
///
/// # Panics
///
/// When the lengths differ.
pub fn psnr(one: &[u8], two: &[u8]) -> f64 {
    assert_eq!(one.len(), two.len());
    let squared: u64 = one.iter().zip(two).map(|(&x, &y)| u64::from(x.abs_diff(y)).pow(2)).sum();
    let mse = squared as f64 / one.len() as f64;
    (10.0 * (255.0 * 255.0 / mse).log10()).min(PSNR_CAP)
}

/// Half of the window's side, without its center: 11 pixels in all.
const RADIUS: usize = 5;

/// Structural similarity of interleaved 8-bit RGB pictures of `width` columns, averaged over the
/// channels and over all windows that lie inside.
///
/// Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004:
/// 11x11 Gaussian window of standard deviation 1.5, `K1` = 0.01, `K2` = 0.03.
///
/// # Panics
///
/// When the lengths differ or the pictures are smaller than the window.
pub fn ssim(one: &[u8], two: &[u8], width: usize) -> f64 {
    assert_eq!(one.len(), two.len());
    let height = one.len() / (3 * width);
    assert!(width > 2 * RADIUS && height > 2 * RADIUS, "the window is 11x11 pixels");
    let window = gaussian();
    let (c1, c2) = ((0.01f64 * 255.0).powi(2), (0.03f64 * 255.0).powi(2));
    let mut sum = 0.0;
    let mut windows = 0;
    for channel in 0..3 {
        let plane = |samples: &[u8]| -> Vec<f64> {
            samples[channel..].iter().step_by(3).map(|&v| f64::from(v)).collect()
        };
        let (x, y) = (plane(one), plane(two));
        let product =
            |x: &[f64], y: &[f64]| -> Vec<f64> { x.iter().zip(y).map(|(x, y)| x * y).collect() };
        let means = [&x, &y, &product(&x, &x), &product(&y, &y), &product(&x, &y)]
            .map(|plane| blur(plane, width, &window));
        let [x, y, xx, yy, xy] = &means;
        for ((((x, y), xx), yy), xy) in x.iter().zip(y).zip(xx).zip(yy).zip(xy) {
            let luminance = (2.0 * x * y + c1) / (x * x + y * y + c1);
            let (variance, covariance) = (xx - x * x + yy - y * y, xy - x * y);
            sum += luminance * (2.0 * covariance + c2) / (variance + c2);
            windows += 1;
        }
    }
    sum / f64::from(windows)
}

fn gaussian() -> [f64; 2 * RADIUS + 1] {
    let weight = |i: usize| (-0.5 * ((i as f64 - RADIUS as f64) / 1.5).powi(2)).exp();
    let weights: [f64; 2 * RADIUS + 1] = std::array::from_fn(weight);
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// Weighted means of all windows that lie inside the plane, row by row.
fn blur(plane: &[f64], width: usize, window: &[f64]) -> Vec<f64> {
    let weigh = |samples: &mut dyn Iterator<Item = f64>| -> f64 {
        samples.zip(window).map(|(sample, weight)| sample * weight).sum()
    };
    let rows: Vec<Vec<f64>> = plane
        .chunks_exact(width)
        .map(|row| row.windows(window.len()).map(|w| weigh(&mut w.iter().copied())).collect())
        .collect();
    rows.windows(window.len())
        .flat_map(|rows| (0..rows[0].len()).map(move |x| weigh(&mut rows.iter().map(|row| row[x]))))
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A picture of 16x13 pixels, in numpy: `i = arange(16 * 13 * 3)`,
    /// `((i * i * seed + 31 * i + 7 * seed) // 8 % 256).astype(uint8).reshape(13, 16, 3)`.
    pub(crate) fn picture(seed: u32) -> Vec<u8> {
        (0..16 * 13 * 3)
            .map(|i: u32| ((i * i * seed + 31 * i + 7 * seed) / 8 % 256) as u8)
            .collect()
    }

    #[test]
    fn psnr_is_that_of_the_mean_squared_error_and_capped() {
        assert_eq!(psnr(&[7, 8, 9], &[7, 8, 9]), 60.0);
        // One of four samples differs by 10: an MSE of 25.
        assert!((psnr(&[0, 0, 0, 0], &[0, 10, 0, 0]) - 34.15140352).abs() < 1e-8);
        assert_eq!(psnr(&[0, 0], &[255, 255]), 0.0);
    }

    /// Against scikit-image: `structural_similarity(x, y, channel_axis=2, gaussian_weights=True,
    /// sigma=1.5, use_sample_covariance=False, data_range=255)` and `peak_signal_noise_ratio`,
    /// with `z = ((3 * x.astype(int) + y) // 4).astype(uint8)`.
    #[test]
    fn agrees_with_scikit_image() {
        let (x, y) = (picture(3), picture(5));
        let mixed: Vec<u8> = x
            .iter()
            .zip(&y)
            .map(|(&x, &y)| ((3 * u32::from(x) + u32::from(y)) / 4) as u8)
            .collect();
        assert!((ssim(&x, &y, 16) - -0.027885264698002205).abs() < 1e-9);
        assert!((ssim(&x, &mixed, 16) - 0.9237240460414339).abs() < 1e-9);
        assert!((psnr(&x, &mixed) - 19.99326212464126).abs() < 1e-9);
    }

    #[test]
    fn equal_pictures_are_wholly_similar() {
        assert!((ssim(&picture(3), &picture(3), 16) - 1.0).abs() < 1e-12);
    }
}
