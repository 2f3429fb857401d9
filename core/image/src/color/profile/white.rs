//! White points, and how colors are adapted from one to another.

use moxcms::Matrix3d;

/// Linear luminance under D65 of full red, green and blue: the middle row of sRGB's matrix to
/// XYZ, IEC 61966-2-1.
pub(crate) const SRGB_WEIGHTS: [f64; 3] =
    [0.212_639_005_871_510_27, 0.715_168_678_767_755_9, 0.072_192_315_360_733_71];

/// XYZ of D50, the connection space of ICC.1:2022, 7.2.16.
pub(crate) const D50: [f64; 3] = [0.9642, 1.0, 0.8249];

/// XYZ of D65, from `x` 0.3127, `y` 0.3290 (IEC 61966-2-1).
const D65: [f64; 3] = [0.3127 / 0.3290, 1.0, (1.0 - 0.3127 - 0.3290) / 0.3290];

/// Bradford's cone responses (Lam 1985; ICC.1:2022, annex E).
const BRADFORD: Matrix3d = Matrix3d {
    v: [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]],
};

/// The luminance row of Bradford's adaptation from white `from` to D65.
pub(crate) fn adapted_luminance(from: [f64; 3]) -> [f64; 3] {
    let response = |white: [f64; 3]| {
        [0, 1, 2].map(|i| (0..3).map(|j| BRADFORD.v[i][j] * white[j]).sum::<f64>())
    };
    let (from, to) = (response(from), response(D65));
    let inverse = BRADFORD.inverse();
    let cones = [0, 1, 2].map(|i| inverse.v[1][i] * to[i] / from[i]);
    [0, 1, 2].map(|j| (0..3).map(|i| cones[i] * BRADFORD.v[i][j]).sum())
}

/// Luminance under D65 of full red, green and blue, given as columns of XYZ under D50.
pub(crate) fn weights_from_d50(colorants: Matrix3d) -> [f64; 3] {
    weights(colorants, adapted_luminance(D50))
}

fn weights(columns: Matrix3d, row: [f64; 3]) -> [f64; 3] {
    let weights = [0, 1, 2].map(|j| (0..3).map(|i| row[i] * columns.v[i][j]).sum::<f64>());
    let white: f64 = weights.iter().sum();
    // Colorants are stored with 16 bits of fraction; white is to be exactly 100.
    if (white - 1.0).abs() < 1e-3 { weights.map(|w| w / white) } else { weights }
}

/// Luminance weights under D65 from chromaticities of white, red, green and blue.
pub(crate) fn luminance_weights(chromaticities: Option<&[(f64, f64); 4]>) -> [f64; 3] {
    let Some(points) = chromaticities else { return SRGB_WEIGHTS };
    if points.iter().any(|&(_, y)| y <= 0.0) {
        return SRGB_WEIGHTS;
    }
    let xyz = points.map(|(x, y)| [x / y, 1.0, (1.0 - x - y) / y]);
    let primaries = Matrix3d { v: [0, 1, 2].map(|i| [xyz[1][i], xyz[2][i], xyz[3][i]]) };
    let inverse = primaries.inverse();
    let scale = [0, 1, 2].map(|i| (0..3).map(|j| inverse.v[i][j] * xyz[0][j]).sum::<f64>());
    let columns = Matrix3d { v: primaries.v.map(|row| [0, 1, 2].map(|j| row[j] * scale[j])) };
    let weights = weights(columns, adapted_luminance(xyz[0]));
    if weights.iter().all(|w| w.is_finite()) { weights } else { SRGB_WEIGHTS }
}

/// From XYZ under D50 to linear sRGB, by Bradford's adaptation (brucelindbloom.com), its columns
/// scaled from the white there (0.96422, 1, 0.82521) to that of ICC, so that neutrals stay neutral.
const FROM_XYZ_D50: [[f32; 3]; 3] = [
    [3.133_921, -1.616_867, -0.490_799],
    [-0.978_789, 1.916_142, 0.033_467],
    [0.071_947, -0.228_991, 1.405_771],
];

/// Linear sRGB of XYZ under D50, the white that of ICC.
pub(crate) fn xyz_to_linear(xyz: [f32; 3]) -> [f32; 3] {
    FROM_XYZ_D50.map(|row| row.iter().zip(xyz).map(|(m, v)| m * v).sum())
}
