//! A picture in colors whose palette other pictures take.
//!
//! The network colors the reference from its lightness alone. What it gets wrong there, by lightness and
//! predicted chroma, is what is corrected elsewhere: a coat that it thinks brown and that is red makes
//! such browns red. Colors that the reference does not have stay as predicted.

use crate::colorize::picture::ColorPicture;
use crate::{Colorizer, Hints, Orientation, Result, Thumbnail, WorkImage};

/// Nodes along L*, a* and b*.
const NODES: [usize; 3] = [9, 15, 15];
/// L*, a* and b* of the first node.
const FIRST: [f32; 3] = [0.0, -56.0, -56.0];
/// From one node to the next.
const STEP: [f32; 3] = [12.5, 8.0, 8.0];
/// What corrections a node away count beside a node's own, and again for each further node.
const NEIGHBORS: f32 = 0.1;
/// Nodes from which corrections are taken.
const REACH: usize = 3;
/// Share of the reference's pixels that a node needs for half of its correction.
const ENOUGH: f32 = 2e-3;

/// Corrections of chroma, by lightness and predicted chroma.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Of a* and b*.
    nodes: Vec<[f32; 2]>,
}

impl Reference {
    /// Learns from a picture in colors.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub fn learn(picture: &ColorPicture, colorizer: &Colorizer) -> Result<Self> {
        let (width, height) = picture.size();
        let (lightness, chroma) = picture.at((width, height));
        let area = width * height; // small as it is
        let mut thumbnail = Thumbnail::new(width as u32, height as u32, Orientation::Upright, area);
        thumbnail.push_rows(0, &lightness);
        let image = thumbnail.finish().without_borders();
        let predicted = colorizer.predict(&image, &Hints::default())?;
        Ok(Self { nodes: corrections(&lightness, predicted.chroma(), &chroma) })
    }

    /// Corrects what was predicted for a work image.
    pub(crate) fn correct(&self, image: &WorkImage, chroma: &mut [[f32; 2]]) {
        for (lightness, chroma) in image.lightness().iter().zip(chroma) {
            let mut correction = [0.0; 2];
            for (node, weight) in around(*lightness, *chroma) {
                for (sum, value) in correction.iter_mut().zip(self.nodes[node]) {
                    *sum += weight * value;
                }
            }
            *chroma = [chroma[0] + correction[0], chroma[1] + correction[1]];
        }
    }
}

/// What is to be added to predicted chroma at each node.
fn corrections(lightness: &[f32], predicted: &[[f32; 2]], truth: &[[f32; 2]]) -> Vec<[f32; 2]> {
    // Of a*, of b*, and of weights.
    let mut sums = vec![[0.0_f32; 3]; NODES.iter().product()];
    for ((lightness, predicted), truth) in lightness.iter().zip(predicted).zip(truth) {
        for (node, weight) in around(*lightness, *predicted) {
            sums[node][0] += weight * (truth[0] - predicted[0]);
            sums[node][1] += weight * (truth[1] - predicted[1]);
            sums[node][2] += weight;
        }
    }
    let enough = ENOUGH * lightness.len() as f32;
    let (mut all, mut share) = (sums.clone(), 1.0);
    for _ in 0..REACH {
        sums = blurred(&sums);
        share *= NEIGHBORS;
        for (all, sums) in all.iter_mut().zip(&sums) {
            for (all, sum) in all.iter_mut().zip(sums) {
                *all += share * sum;
            }
        }
    }
    all.iter().map(|[a, b, weight]| [a / (weight + enough), b / (weight + enough)]).collect()
}

/// Sums over each node and its neighbors along the three axes, which count half each.
fn blurred(sums: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let mut blurred = sums.to_vec();
    let mut step = 1;
    for nodes in NODES.into_iter().rev() {
        let before = blurred.clone();
        for (at, sum) in blurred.iter_mut().enumerate() {
            let place = at / step % nodes;
            let below = (place > 0).then(|| before[at - step]);
            let above = (place + 1 < nodes).then(|| before[at + step]);
            for neighbor in below.into_iter().chain(above) {
                for (sum, value) in sum.iter_mut().zip(neighbor) {
                    *sum += 0.5 * value;
                }
            }
        }
        step *= nodes;
    }
    blurred
}

/// The eight nodes around a color, each with its weight.
fn around(lightness: f32, [a, b]: [f32; 2]) -> impl Iterator<Item = (usize, f32)> {
    let places = [0, 1, 2].map(|axis| {
        let value = [lightness, a, b][axis];
        let place = ((value - FIRST[axis]) / STEP[axis]).clamp(0.0, (NODES[axis] - 1) as f32);
        let below = (place as usize).min(NODES[axis] - 2);
        (below, place - below as f32)
    });
    (0..8_usize).map(move |corner| {
        let (mut node, mut weight) = (0, 1.0);
        for (axis, (below, share)) in places.into_iter().enumerate() {
            let above = corner >> axis & 1;
            node = node * NODES[axis] + below + above;
            weight *= if above == 1 { share } else { 1.0 - share };
        }
        (node, weight)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_in_the_reference_is_corrected_and_other_colors_stay() {
        let count = 1000;
        let lightness: Vec<f32> = (0..count).map(|i| 40.0 + (i % 20) as f32).collect();
        let browns = vec![[9.0, 12.0]; count];
        let reds = vec![[45.0, 20.0]; count];
        let reference = Reference { nodes: corrections(&lightness, &browns, &reds) };
        let corrected = |lightness: f32, chroma: [f32; 2]| {
            let mut thumbnail = Thumbnail::new(1, 1, Orientation::Upright, 1);
            thumbnail.push_rows(0, &[lightness]);
            let mut chroma = [chroma];
            reference.correct(&thumbnail.finish(), &mut chroma);
            chroma[0]
        };
        let near = |found: [f32; 2], expected: [f32; 2]| {
            (found[0] - expected[0]).hypot(found[1] - expected[1]) < 1.5
        };
        assert!(near(corrected(50.0, [9.0, 12.0]), [45.0, 20.0]));
        assert!(near(corrected(50.0, [-30.0, -40.0]), [-30.0, -40.0]));
    }

    #[test]
    fn nodes_around_a_color_count_one_together() {
        for color in [[0.0, -99.0, 99.0], [33.0, 1.5, -7.9], [100.0, 56.0, 0.0]] {
            let nodes: Vec<_> = around(color[0], [color[1], color[2]]).collect();
            let weights: f32 = nodes.iter().map(|(_, weight)| weight).sum();
            assert!((weights - 1.0).abs() < 1e-5);
            assert!(nodes.iter().all(|(node, _)| *node < NODES.iter().product()));
        }
    }
}
