//! Spreads hints along lightness: far for networks that take none as input, and a little for those
//! that do, so that a hint is its color where it was put.
//!
//! A hint's color reaches as far as a path without edges leads: its weight at a pixel falls with
//! the geodesic distance, in which a step across an edge of lightness costs as much as many steps
//! along a flat area (Yatziv and Sapiro, "Fast Image and Video Colorization using Chrominance
//! Blending", 2006, <https://doi.org/10.1109/TIP.2005.864231>).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::region::HintRegion;
use crate::colorize::thumbnail::WorkImage;

/// How far a hint reaches over a flat area, as a share of the work image's diagonal, until its
/// weight has fallen to 1/e.
const REACH: f32 = 0.15;

/// Difference of L* between neighbors that is no edge: grain and soft shading.
const FLAT: f32 = 3.0;

/// Cost of each L* beyond [`FLAT`] in a step, as a share of the reach: an edge of 13 L* stops a
/// hint to 1/e, one of 23 L* to 1/50.
const EDGE: f32 = 0.1;

/// Distance in reaches beyond which a hint has no weight: e^-(2.5^2) is 0.002.
const CUTOFF: f32 = 2.5;

/// Distance in reaches, a third of a pixel or so, within which a region's color stands alone under
/// [`Mixing::Nearest`].
const NEAR: f32 = 0.01;

/// How the colors of regions mix at a pixel that several reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mixing {
    /// By their weights, so that hints beside each other make a color between theirs.
    Weights,
    /// By their weights over the square of the distance, so that each region keeps its own color.
    Nearest,
}

/// Blends the hints' chroma into predicted chroma (a*, b* of each upright work pixel). They reach
/// `share` times as far as they would if the network knew nothing of them.
pub(crate) fn spread(
    image: &WorkImage,
    regions: &[HintRegion],
    mixing: Mixing,
    share: f32,
    chroma: &mut [[f32; 2]],
) {
    let n = chroma.len();
    let (mut sums, mut weights, mut strongest) = (vec![[0.0; 2]; n], vec![0.0; n], vec![0.0; n]);
    for region in regions {
        for (i, distance) in geodesic_distances(image, &region.pixels, share) {
            let strength = libm::expf(-distance * distance);
            let weight = match mixing {
                Mixing::Weights => strength,
                Mixing::Nearest => strength / (distance * distance + NEAR * NEAR),
            };
            sums[i][0] += weight * region.chroma[0];
            sums[i][1] += weight * region.chroma[1];
            weights[i] += weight;
            strongest[i] = strength.max(strongest[i]);
        }
    }
    for (i, chroma) in chroma.iter_mut().enumerate() {
        if weights[i] > 0.0 {
            for (value, sum) in chroma.iter_mut().zip(sums[i]) {
                *value += strongest[i] * (sum / weights[i] - *value);
            }
        }
    }
}

/// Pixels within [`CUTOFF`] of others, with their distance in reaches (Dijkstra's algorithm over
/// eight neighbors).
fn geodesic_distances(image: &WorkImage, from: &[usize], share: f32) -> Vec<(usize, f32)> {
    let (width, height) = (image.width, image.height);
    let reach = share * REACH * libm::hypotf(width as f32, height as f32);
    let mut distances = vec![f32::INFINITY; width * height];
    // Distances are not negative, so their bits order as they do.
    let mut open = BinaryHeap::new();
    for &i in from {
        distances[i] = 0.0;
        open.push(Reverse((0_u32, i)));
    }
    let mut reached = Vec::new();
    while let Some(Reverse((bits, i))) = open.pop() {
        let distance = f32::from_bits(bits);
        if distance > distances[i] {
            continue;
        }
        reached.push((i, distance));
        let (x, y) = (i % width, i / width);
        for v in y.saturating_sub(1)..=(y + 1).min(height - 1) {
            for u in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                let j = v * width + u;
                let edge = (image.lightness[i] - image.lightness[j]).abs() - FLAT;
                let length = libm::hypotf(u as f32 - x as f32, v as f32 - y as f32);
                let next = distance + length / reach + EDGE * edge.max(0.0);
                if next < distances[j] && next <= CUTOFF {
                    distances[j] = next;
                    open.push(Reverse((next.to_bits(), j)));
                }
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::colorize::hints::Hint;
    use crate::{Hints, Orientation, Thumbnail};
    use polychromify_image::color::lab::Lab;

    /// 40 x 20, dark on the left of column 20, light on its right, shown at a tenth of the scan.
    fn two_halves() -> WorkImage {
        let mut thumbnail = Thumbnail::new(400, 200, Orientation::Upright, 800);
        for y in 0..200 {
            let row: Vec<f32> = (0..400).map(|x| if x < 200 { 30.0 } else { 80.0 }).collect();
            thumbnail.push_rows(y, &row);
        }
        thumbnail.finish()
    }

    fn red_at(x: f32, y: f32) -> Hints {
        Hints::Discs(vec![Hint { x, y, radius: 10.0, rgb: [200, 30, 30], page: 1 }])
    }

    #[test]
    fn a_hint_colors_its_area_and_stops_at_the_edge() {
        let image = two_halves();
        assert_eq!(image.size(), (40, 20));
        let mut chroma = vec![[0.0; 2]; 800];
        spread(&image, &red_at(100.0, 100.0).regions(&image), Mixing::Weights, 1.0, &mut chroma);
        let red = Lab::from_srgb([200.0 / 255.0, 30.0 / 255.0, 30.0 / 255.0]);
        let at = |x: usize, y: usize| chroma[y * 40 + x];
        assert!((at(10, 10)[0] - red.a).abs() < 0.1, "the hint itself: {:?}", at(10, 10));
        assert!(at(17, 10)[0] > 0.3 * red.a, "within its half: {:?}", at(17, 10));
        assert!(at(22, 10)[0] < 0.02 * red.a, "beyond the edge: {:?}", at(22, 10));
    }

    #[test]
    fn regions_that_touch_keep_their_own_colors_where_the_nearest_counts() {
        let rows = |rows: Range<usize>| (40 * rows.start..40 * rows.end).collect::<Vec<usize>>();
        let regions = [
            HintRegion { chroma: [40.0, 0.0], pixels: rows(5..10) },
            HintRegion { chroma: [-40.0, 0.0], pixels: rows(10..15) },
        ];
        for (mixing, expected) in [(Mixing::Nearest, 0.0..1.0), (Mixing::Weights, 20.0..40.0)] {
            let mut chroma = vec![[0.0; 2]; 800];
            spread(&two_halves(), &regions, mixing, 1.0, &mut chroma);
            let away = |region: &HintRegion| {
                let own = region.chroma[0];
                region.pixels.iter().map(|i| (chroma[*i][0] - own).abs()).fold(0.0, f32::max)
            };
            let away = regions.iter().map(away).fold(0.0, f32::max);
            assert!(expected.contains(&away), "{mixing:?}: {away}");
        }
    }

    #[test]
    fn no_hints_change_nothing() {
        let mut chroma = vec![[3.0, -4.0]; 800];
        spread(&two_halves(), &[], Mixing::Weights, 1.0, &mut chroma);
        assert!(chroma.iter().all(|c| *c == [3.0, -4.0]));
    }

    #[test]
    fn hints_outside_the_scan_are_harmless() {
        let mut chroma = vec![[0.0; 2]; 800];
        let image = two_halves();
        spread(&image, &red_at(1e9, 1e9).regions(&image), Mixing::Weights, 1.0, &mut chroma);
        assert!(chroma.iter().all(|c| *c == [0.0; 2]));
    }
}
