//! Stand-ins for the functions of `lab` until they are merged.

pub(super) fn lightness_from_linear(y: f32) -> f32 {
    let y = f64::from(y);
    let l = if y > 216.0 / 24389.0 { 116.0 * y.cbrt() - 16.0 } else { y * 24389.0 / 27.0 };
    l.clamp(0.0, 100.0) as f32
}

fn linear(v: f32) -> f32 {
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

fn lightness(rgb: [f32; 3]) -> f32 {
    let [r, g, b] = rgb.map(linear);
    lightness_from_linear(0.212_639 * r + 0.715_168_7 * g + 0.072_192_3 * b)
}

pub(super) fn lightness_from_srgb8(rgb: &[u8], l: &mut [f32]) {
    for (l, p) in l.iter_mut().zip(rgb.chunks_exact(3)) {
        *l = lightness([0, 1, 2].map(|i| f32::from(p[i]) / 255.0));
    }
}

pub(super) fn lightness_from_srgb16(rgb: &[u16], l: &mut [f32]) {
    for (l, p) in l.iter_mut().zip(rgb.chunks_exact(3)) {
        *l = lightness([0, 1, 2].map(|i| f32::from(p[i]) / 65535.0));
    }
}
