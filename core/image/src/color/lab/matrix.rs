//! Matrices between linear RGB and XYZ, computed when the code is compiled.

/// Linear sRGB to XYZ over white, `(X/Xn, Y/Yn, Z/Zn)`.
pub(super) const TO_XYZ: [[f32; 3]; 3] = narrowed(TO_XYZ_EXACT);

/// The published digits sum to the white point (0.95047, 1, 1.08883) within 1e-7; divided by their
/// own sum they do so exactly.
pub(super) const TO_XYZ_EXACT: [[f64; 3]; 3] = {
    let mut m = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ];
    let mut i = 0;
    while i < 3 {
        let sum = m[i][0] + m[i][1] + m[i][2];
        m[i] = [m[i][0] / sum, m[i][1] / sum, m[i][2] / sum];
        i += 1;
    }
    m
};

/// Inverse by cofactors.
pub(super) const fn inverse(m: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let mut out = [[0.0; 3]; 3];
    let mut i = 0;
    while i < 3 {
        let mut j = 0;
        while j < 3 {
            let (r, s, c, d) = ((j + 1) % 3, (j + 2) % 3, (i + 1) % 3, (i + 2) % 3);
            out[i][j] = m[r][c] * m[s][d] - m[r][d] * m[s][c];
            j += 1;
        }
        i += 1;
    }
    let determinant = m[0][0] * out[0][0] + m[0][1] * out[1][0] + m[0][2] * out[2][0];
    let mut i = 0;
    while i < 3 {
        out[i] = [out[i][0] / determinant, out[i][1] / determinant, out[i][2] / determinant];
        i += 1;
    }
    out
}

pub(super) const fn narrowed(m: [[f64; 3]; 3]) -> [[f32; 3]; 3] {
    let mut out = [[0.0; 3]; 3];
    let mut i = 0;
    while i < 3 {
        out[i] = [m[i][0] as f32, m[i][1] as f32, m[i][2] as f32];
        i += 1;
    }
    out
}
