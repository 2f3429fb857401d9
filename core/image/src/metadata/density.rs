//! Resolution.

use super::ifd::Value;
use super::tag;

/// Pixels a unit of length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Density {
    pub(crate) x: (u32, u32),
    pub(crate) y: (u32, u32),
    pub(crate) unit: Unit,
}

/// Units of TIFF's `ResolutionUnit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Only the ratio counts.
    None = 1,
    Inch = 2,
    Centimeter = 3,
}

impl Density {
    /// Pixels a meter, or the plain numbers where there is no unit.
    pub(crate) fn per_meter(&self) -> (f64, f64) {
        let scale = match self.unit {
            Unit::None => 1.0,
            Unit::Inch => 1.0 / 0.0254,
            Unit::Centimeter => 100.0,
        };
        let value = |(n, d): (u32, u32)| scale * f64::from(n) / f64::from(d.max(1));
        (value(self.x), value(self.y))
    }

    /// Whole numbers up to `most` of the same ratio, where there is no unit.
    pub(crate) fn ratio(&self, most: u32) -> (u32, u32) {
        let whole = |(n, d): (u32, u32)| {
            Some(n / d.max(1)).filter(|v| n % d.max(1) == 0 && (1..=most).contains(v))
        };
        if let (Some(x), Some(y)) = (whole(self.x), whole(self.y)) {
            return (x, y);
        }
        // The last convergent of the continued fraction that has room: the ratio itself if it has.
        let mut x = u128::from(self.x.0) * u128::from(self.y.1.max(1));
        let mut y = u128::from(self.y.0) * u128::from(self.x.1.max(1));
        let (mut before, mut last) = ((0, 1), (1, 0));
        while y > 0 {
            let next = (x / y * last.0 + before.0, x / y * last.1 + before.1);
            if next.0.max(next.1) > u128::from(most) {
                break;
            }
            (before, last) = (last, next);
            (x, y) = (y, x % y);
        }
        match last {
            (_, 0) => (most, 1),
            (0, _) => (1, most),
            (x, y) => (x as u32, y as u32),
        }
    }

    /// The same length with `scale` times as many pixels.
    pub(super) fn scaled(self, (x, y): (f64, f64)) -> Self {
        let scale = |(n, d): (u32, u32), by: f64| {
            let value = f64::from(n) / f64::from(d.max(1)) * by;
            ((value * 1000.0).round().min(f64::from(u32::MAX)) as u32, 1000)
        };
        Self { x: scale(self.x, x), y: scale(self.y, y), unit: self.unit }
    }
}

/// TIFF's tags for a resolution.
pub(crate) fn density_tags(density: &Density) -> [(u16, Value); 3] {
    [
        (tag::X_RESOLUTION, Value::rational(density.x)),
        (tag::Y_RESOLUTION, Value::rational(density.y)),
        (tag::RESOLUTION_UNIT, Value::short(density.unit as u16)),
    ]
}
