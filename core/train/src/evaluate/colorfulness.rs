//! How colorful a picture is.
//!
//! Hasler and Süsstrunk, "Measuring colourfulness in natural images", 2003.

/// Colorfulness of interleaved 8-bit RGB: 0 for gray, 109 for "extremely colorful".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colorfulness {
    /// By the original formula, with signed opponent colors `R - G` and `(R + G) / 2 - B`.
    pub signed: f64,
    /// With their absolute values, as the code behind the figures of colorization papers has it.
    pub absolute: f64,
}

/// Measures a picture.
pub fn colorfulness(rgb: &[u8]) -> Colorfulness {
    let opponents: Vec<[f64; 2]> = rgb
        .chunks_exact(3)
        .map(|pixel| {
            let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(f64::from);
            [r - g, 0.5 * (r + g) - b]
        })
        .collect();
    let measure = |value: fn(f64) -> f64| {
        let n = opponents.len() as f64;
        let [rg, yb] = [0, 1].map(|i: usize| {
            let mean = opponents.iter().map(|o| value(o[i])).sum::<f64>() / n;
            let square = opponents.iter().map(|o| (value(o[i]) - mean).powi(2)).sum::<f64>() / n;
            (mean, square)
        });
        (rg.1 + yb.1).sqrt() + 0.3 * rg.0.hypot(yb.0)
    };
    Colorfulness { signed: measure(|v| v), absolute: measure(f64::abs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gray_is_not_colorful() {
        assert_eq!(
            colorfulness(&[9, 9, 9, 200, 200, 200]),
            Colorfulness { signed: 0.0, absolute: 0.0 }
        );
    }

    /// In numpy, with `rg = r - g` and `yb = (r + g) / 2 - b`, the sum of `sqrt(rg.var() + yb.var())`
    /// and `0.3 * sqrt(rg.mean() ** 2 + yb.mean() ** 2)`; then the same of `abs(rg)`, `abs(yb)`.
    #[test]
    fn agrees_with_numpy() {
        let found = colorfulness(&super::super::similarity::tests::picture(3));
        assert!((found.signed - 141.9010911439022).abs() < 1e-9, "{found:?}");
        assert!((found.absolute - 112.43774302290018).abs() < 1e-9, "{found:?}");
    }
}
