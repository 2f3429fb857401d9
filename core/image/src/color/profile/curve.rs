//! Tone curves as functions and as tables.

use moxcms::ToneReprCurve;

/// A tone curve as a function on 0..=1 in f64 (ICC.1:2022, 10.6 and 10.18).
pub(crate) fn evaluator(curve: &ToneReprCurve) -> Result<Box<dyn Fn(f64) -> f64>, String> {
    match curve {
        ToneReprCurve::Lut(lut) if lut.is_empty() => Ok(Box::new(|v| v)),
        ToneReprCurve::Lut(lut) if lut.len() == 1 => {
            let gamma = f64::from(lut[0]) / 256.0;
            Ok(Box::new(move |v| libm::pow(v, gamma)))
        }
        ToneReprCurve::Lut(lut) => {
            let lut = lut.clone();
            Ok(Box::new(move |v| {
                let at = v.clamp(0.0, 1.0) * (lut.len() - 1) as f64;
                let below = (at as usize).min(lut.len() - 2);
                let [a, b] = [f64::from(lut[below]), f64::from(lut[below + 1])];
                (a + (b - a) * (at - below as f64)) / 65535.0
            }))
        }
        ToneReprCurve::Parametric(parameters) => {
            let p: Vec<f64> = parameters.iter().map(|&p| f64::from(p)).collect();
            let (g, a, b, c, d, e, f) = match p[..] {
                [g] => (g, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
                [g, a, b] => (g, a, b, 0.0, -b / a, 0.0, 0.0),
                [g, a, b, c] => (g, a, b, 0.0, -b / a, c, c),
                [g, a, b, c, d] => (g, a, b, c, d, 0.0, 0.0),
                [g, a, b, c, d, e, f] => (g, a, b, c, d, e, f),
                _ => return Err(format!("a tone curve with {} parameters", p.len())),
            };
            if !p.iter().all(|p| p.is_finite()) || !d.is_finite() {
                return Err("a tone curve that is not finite".into());
            }
            Ok(Box::new(move |v| {
                let y = if v >= d { libm::pow((a * v + b).max(0.0), g) + e } else { c * v + f };
                y.clamp(0.0, 1.0)
            }))
        }
    }
}

/// A table's value at a float, where 1 is its end; beyond its ends it goes on straight.
pub(crate) fn between(table: &[f32], at: f32) -> f32 {
    let at = at * (table.len() - 1) as f32;
    let below = (at.max(0.0) as usize).min(table.len() - 2);
    table[below] + (table[below + 1] - table[below]) * (at - below as f32)
}

/// IEC 61966-2-1, in f64.
pub(crate) fn srgb_to_linear(v: f64) -> f64 {
    if v <= 0.04045 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
}

/// A function at so many equal steps of 0..=1.
pub(crate) fn table(values: usize, f: impl Fn(f64) -> f32) -> Vec<f32> {
    (0..values).map(|i| f(i as f64 / (values - 1) as f64)).collect()
}
