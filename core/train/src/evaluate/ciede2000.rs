//! The color difference CIEDE2000.
//!
//! Sharma, Wu, Dalal, "The CIEDE2000 color-difference formula: implementation notes,
//! supplementary test data, and mathematical observations", 2005, equations 2 to 22.

use polychromify_image::color::lab::Lab;

/// Color difference ΔE00 of two colors, with the weights `kL = kC = kH = 1`.
pub fn ciede2000(one: Lab, two: Lab) -> f64 {
    let [l1, a1, b1] = [one.l, one.a, one.b].map(f64::from);
    let [l2, a2, b2] = [two.l, two.a, two.b].map(f64::from);

    let g = 0.5 * (1.0 - ratio(0.5 * (a1.hypot(b1) + a2.hypot(b2))));
    let (a1, a2) = ((1.0 + g) * a1, (1.0 + g) * a2);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));

    // The hue of a neutral color means nothing: neither does its difference to another's.
    let neutral = c1 * c2 == 0.0;
    let turn = h2 - h1;
    let dh = match () {
        () if neutral => 0.0,
        () if turn > 180.0 => turn - 360.0,
        () if turn < -180.0 => turn + 360.0,
        () => turn,
    };
    let mean_h = match () {
        () if neutral => h1 + h2,
        () if turn.abs() <= 180.0 => 0.5 * (h1 + h2),
        () if h1 + h2 < 360.0 => 0.5 * (h1 + h2 + 360.0),
        () => 0.5 * (h1 + h2 - 360.0),
    };
    let (mean_l, mean_c) = (0.5 * (l1 + l2), 0.5 * (c1 + c2));
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t =
        1.0 - 0.17 * cos(mean_h - 30.0) + 0.24 * cos(2.0 * mean_h) + 0.32 * cos(3.0 * mean_h + 6.0)
            - 0.20 * cos(4.0 * mean_h - 63.0);
    let theta = 30.0 * (-((mean_h - 275.0) / 25.0).powi(2)).exp();
    let l_50 = (mean_l - 50.0).powi(2);
    let lightness = (l2 - l1) / (1.0 + 0.015 * l_50 / (20.0 + l_50).sqrt());
    let chroma = (c2 - c1) / (1.0 + 0.045 * mean_c);
    let hue = 2.0 * (c1 * c2).sqrt() * (0.5 * dh).to_radians().sin() / (1.0 + 0.015 * mean_c * t);
    let rotation = -2.0 * ratio(mean_c) * (2.0 * theta).to_radians().sin();
    (lightness.powi(2) + chroma.powi(2) + hue.powi(2) + rotation * chroma * hue).max(0.0).sqrt()
}

/// `sqrt(c^7 / (c^7 + 25^7))`.
fn ratio(c: f64) -> f64 {
    let c7 = c.powi(7);
    (c7 / (c7 + 25f64.powi(7))).sqrt()
}

/// Hue angle in 0..360 degrees, 0 for a neutral color.
fn hue(a: f64, b: f64) -> f64 {
    if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pairs of table 1 of Sharma et al. 2005: two colors `L*, a*, b*` and their difference.
    const PUBLISHED: [([f32; 3], [f32; 3], f64); 34] = [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 3.1571, -77.2803], [50.0, 0.0, -82.7485], 2.8615),
        ([50.0, 2.8361, -74.0200], [50.0, 0.0, -82.7485], 3.4412),
        ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, -1.1848, -84.8006], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, -0.9009, -85.5211], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, -1.0, 2.0], [50.0, 0.0, 0.0], 2.3669),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0009], 7.1792),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0010], 7.1792),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0011], 7.2195),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0012], 7.2195),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0009, -2.4900], 4.8045),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0010, -2.4900], 4.8045),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0011, -2.4900], 4.7461),
        ([50.0, 2.5000, 0.0], [50.0, 0.0, -2.5000], 4.3065),
        ([50.0, 2.5000, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([50.0, 2.5000, 0.0], [61.0, -5.0, 29.0], 22.8977),
        ([50.0, 2.5000, 0.0], [56.0, -27.0, -3.0], 31.9030),
        ([50.0, 2.5000, 0.0], [58.0, 24.0, 15.0], 19.4535),
        ([50.0, 2.5000, 0.0], [50.0, 3.1736, 0.5854], 1.0000),
        ([50.0, 2.5000, 0.0], [50.0, 3.2972, 0.0], 1.0000),
        ([50.0, 2.5000, 0.0], [50.0, 1.8634, 0.5757], 1.0000),
        ([50.0, 2.5000, 0.0], [50.0, 3.2592, 0.3350], 1.0000),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
        ([63.0109, -31.0961, -5.8663], [62.8187, -29.7946, -4.0864], 1.2630),
        ([61.2901, 3.7196, -5.3901], [61.4292, 2.2480, -4.9620], 1.8731),
        ([35.0831, -44.1164, 3.7933], [35.0232, -40.0716, 1.5901], 1.8645),
        ([22.7233, 20.0904, -46.6940], [23.0331, 14.9730, -42.5619], 2.0373),
        ([36.4612, 47.8580, 18.3852], [36.2715, 50.5065, 21.2231], 1.4146),
        ([90.8027, -2.0831, 1.4410], [91.1528, -1.6435, 0.0447], 1.4441),
        ([90.9257, -0.5406, -0.9208], [88.6381, -0.8985, -0.7239], 1.5381),
        ([6.7747, -0.2908, -2.4247], [5.8714, -0.0985, -2.2286], 0.6377),
        ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
    ];

    #[test]
    fn agrees_with_the_published_pairs_both_ways_round() {
        for (one, two, expected) in PUBLISHED {
            let [one, two] = [one, two].map(|[l, a, b]| Lab { l, a, b });
            for found in [ciede2000(one, two), ciede2000(two, one)] {
                assert!((found - expected).abs() < 1e-4, "{one:?} {two:?}: {found}");
            }
        }
    }

    #[test]
    fn equal_colors_do_not_differ() {
        let color = Lab { l: 40.0, a: -20.0, b: 33.0 };
        assert_eq!(ciede2000(color, color), 0.0);
    }
}
