//! Whether a scan in color shows colors: toned and yellowed black-and-white photographs do not.
//!
//! A print that was toned, that yellowed, or that a scanner saw with a cast has chroma, but chroma
//! that is a function of lightness: a curve from black to white in CIE Lab, of one hue or split
//! between shadows and highlights. So the curve is fitted to the medians of groups of equal
//! lightness, and what it leaves unexplained is the measure: the distance in ab that a quarter of
//! the picture exceeds. Medians and the quartile bear with stains, stamps in color, control strips
//! and mounts; means over cells bear with grain, misregistration and the noise of JPEG.
//!
//! `core/train/examples/tone` measures it on photographs in color and on toned ones, and the constants
//! of `Toning::of_residual` are what it found. To take a toned scan for color costs an archive the result, to
//! color a pale color photograph anew costs a warning: in doubt a scan is toned.

mod cells;
mod negative;

use std::fmt;

use polychromify_image::color::lab::Lab;

use crate::colorize::thumbnail::WorkImage;
pub(crate) use cells::Cells;

/// Groups of equal size along lightness, at whose medians the curve has its nodes.
const GROUPS: usize = 12;

/// Largest chroma (95th percentile) of what is called gray: JPEG and scanners leave as much.
const GRAY: f32 = 2.0;

/// Least probability at which a scan is said to have colors.
const SURE: f32 = 0.9;

/// What a scan shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Black and white, without a cast.
    Gray,
    /// Black and white with a cast: sepia, cyanotype, yellowed paper.
    Toned,
    /// A photograph in color.
    Color,
}

/// What a scan shows, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Toning {
    /// What it shows. In doubt it is [`Verdict::Toned`].
    pub verdict: Verdict,
    /// Probability of the verdict, 0..=1, were as many scans in color as toned; at least 0.9 for
    /// color, and below 0.5 where a scan counts as toned in doubt.
    pub confidence: f32,
    /// Distance in ab that the chroma of a quarter of the picture has from what lightness explains.
    pub residual: f32,
}

impl Toning {
    /// Of a file that holds lightness alone.
    pub const GRAY: Self = Self { verdict: Verdict::Gray, confidence: 1.0, residual: 0.0 };

    /// Judges mean colors of small parts of a picture, some thousand.
    pub fn of(colors: &[Lab]) -> Self {
        let toned = Self::of_residual(residual(colors));
        let mut chroma: Vec<f32> = colors.iter().map(|color| color.chroma()).collect();
        if toned.verdict == Verdict::Toned && percentile(&mut chroma, 0.95) < GRAY {
            return Self { verdict: Verdict::Gray, ..toned };
        }
        toned
    }

    /// A logistic regression on the logarithm, by `core/train/examples/tone`.
    fn of_residual(residual: f32) -> Self {
        let color = 1.0 / (1.0 + (10.6 - 7.45 * (residual + 0.2).ln()).exp());
        let (verdict, confidence) =
            if color >= SURE { (Verdict::Color, color) } else { (Verdict::Toned, 1.0 - color) };
        Self { verdict, confidence, residual }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gray => "gray",
            Self::Toned => "toned",
            Self::Color => "color",
        })
    }
}

/// Distance in ab from the curve over lightness that a quarter of the colors exceeds.
fn residual(colors: &[Lab]) -> f32 {
    let mut sorted = colors.to_vec();
    sorted.sort_by(|one, other| one.l.total_cmp(&other.l));
    let nodes: Vec<Lab> = (0..GROUPS)
        .map(|i| i * sorted.len() / GROUPS..(i + 1) * sorted.len() / GROUPS)
        .filter(|group| !group.is_empty())
        .map(|group| {
            let median = |value: fn(&Lab) -> f32| {
                let mut values: Vec<f32> = sorted[group.clone()].iter().map(value).collect();
                percentile(&mut values, 0.5)
            };
            Lab { l: median(|c| c.l), a: median(|c| c.a), b: median(|c| c.b) }
        })
        .collect();
    let mut distances: Vec<f32> = colors
        .iter()
        .map(|color| {
            let [a, b] = on_curve(&nodes, color.l);
            (color.a - a).hypot(color.b - b)
        })
        .collect();
    percentile(&mut distances, 0.75)
}

/// Chroma of the curve at a lightness: linear between nodes, constant beyond.
fn on_curve(nodes: &[Lab], l: f32) -> [f32; 2] {
    let next = nodes.partition_point(|node| node.l < l);
    if next == 0 || next == nodes.len() {
        return nodes.get(next.min(nodes.len() - 1)).map_or([0.0; 2], |node| [node.a, node.b]);
    }
    let (from, to) = (nodes[next - 1], nodes[next]);
    let t = (l - from.l) / (to.l - from.l);
    [from.a + t * (to.a - from.a), from.b + t * (to.b - from.b)]
}

/// The value that a share of the values does not exceed; 0 without values.
fn percentile(values: &mut [f32], share: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f32 * share).round() as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pseudo-random values in -0.5..0.5 that need no generator.
    fn noise(i: usize) -> f32 {
        ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32 - 0.5
    }

    /// Thousand colors of all lightnesses, and their chroma.
    fn colors(chroma: impl Fn(usize, f32) -> [f32; 2]) -> Vec<Lab> {
        (0..1000)
            .map(|i| {
                let l = 10.0 + 80.0 * (noise(7 * i) + 0.5);
                let [a, b] = chroma(i, l);
                Lab { l, a, b }
            })
            .collect()
    }

    #[test]
    fn what_has_no_chroma_is_gray_and_a_curve_over_lightness_is_toned() {
        let gray = Toning::of(&colors(|i, _| [0.5 * noise(i), 0.5 * noise(3 * i)]));
        assert_eq!(gray.verdict, Verdict::Gray);
        let split = |i: usize, l: f32| {
            [0.3 * (l - 50.0) + 2.0 * noise(i), 12.0 - 0.4 * l + 2.0 * noise(5 * i)]
        };
        let toned = Toning::of(&colors(split));
        assert_eq!(toned.verdict, Verdict::Toned);
        assert!(toned.confidence > 0.95, "{toned:?}");
    }

    #[test]
    fn chroma_that_lightness_does_not_explain_is_color() {
        let color = Toning::of(&colors(|i, _| [40.0 * noise(i), 60.0 * noise(3 * i)]));
        assert_eq!(color.verdict, Verdict::Color);
        assert!(color.confidence > 0.98, "{color:?}");
    }

    #[test]
    fn a_stamp_and_a_control_strip_make_no_color_photograph() {
        let print = |i: usize, l: f32| match i % 10 {
            0 | 1 => [80.0 * noise(i), 80.0 * noise(3 * i)],
            _ => [4.0 + noise(i), 0.2 * l + noise(5 * i)],
        };
        assert_eq!(Toning::of(&colors(print)).verdict, Verdict::Toned);
    }

    #[test]
    fn doubt_is_toned_with_little_confidence() {
        let toned = Toning::of_residual(4.9);
        assert_eq!(toned.verdict, Verdict::Toned);
        assert!(toned.confidence < 0.5, "{toned:?}");
        for residual in [0.0, 1.0, 5.0, 6.0, 80.0] {
            let toning = Toning::of_residual(residual);
            let is_color = toning.verdict == Verdict::Color;
            assert!((0.0..=1.0).contains(&toning.confidence));
            assert_eq!(is_color, is_color && toning.confidence >= SURE);
        }
    }

    #[test]
    fn nothing_at_all_is_gray() {
        assert_eq!(Toning::of(&[]).verdict, Verdict::Gray);
    }
}
