//! Where each pixel of a frame lies in another one.
//!
//! Lucas and Kanade, "An Iterative Image Registration Technique with an Application to Stereo Vision",
//! 1981, from coarse to fine, for every pixel; where nothing can be made out the motion of the
//! neighborhood is taken. Frames are compared without their brightness at large, so that the flicker
//! of old films is no motion.

use super::plane::{Between, Plane};
use crate::WorkImage;

/// Longest side in pixels at which motion is sought.
const LONGEST: usize = 144;
/// Shortest side of the coarsest level.
const COARSEST: usize = 9;
/// Steps at each level.
const STEPS: usize = 3;
/// Pixels to each side of one that move with it.
const WINDOW: usize = 3;
/// Squared slope, in L* a pixel, at which half of a step is taken.
const FLAT: f32 = 1.5;
/// Difference of L* at which a pixel counts half.
const OUTLIER: f32 = 8.0;
/// Longest step in pixels of a level.
const LONGEST_STEP: f32 = 2.0;

/// A frame's structure, from fine to coarse.
#[derive(Clone, Debug)]
pub(super) struct Pyramid {
    levels: Vec<Plane>,
    /// Whether each pixel of the finest level is of the picture; `None`: all are.
    picture: Option<Vec<bool>>,
}

impl Pyramid {
    /// Of a frame; its borders have no structure of their own.
    pub(super) fn of(image: &WorkImage) -> Self {
        let lightness = image.beyond_borders(image.lightness());
        let mut pyramid = Self::new(Plane::new(image.size(), lightness));
        let (width, height) = pyramid.structure().size();
        pyramid.picture = image.borders().map(|borders| {
            let middle = |at: usize, all: usize, of: usize| (2 * at + 1) * of / (2 * all);
            let held = |i: usize| {
                let (x, y) = (i % width, i / width);
                let (columns, rows) = image.size();
                borders.hold_picture_at(middle(x, width, columns), middle(y, height, rows))
            };
            (0..width * height).map(held).collect()
        });
        pyramid
    }

    /// Of a frame's lightness (CIE L*).
    pub(super) fn new(lightness: Plane) -> Self {
        let mut finest = lightness;
        while finest.width.max(finest.height) > LONGEST {
            finest = finest.halved();
        }
        let radius = finest.width.max(finest.height) / 8;
        let (fine, broad) = (finest.mean(1), finest.mean(radius).mean(radius / 2));
        let values = fine.values.iter().zip(&broad.values).map(|(fine, broad)| fine - broad);
        let mut levels = vec![Plane::new(finest.size(), values.collect())];
        while let Some(last) = levels.last()
            && last.width.min(last.height) >= 2 * COARSEST
        {
            levels.push(last.halved());
        }
        Self { levels, picture: None }
    }

    /// Whether a pixel of the finest level is of the picture.
    pub(super) fn holds_picture_at(&self, x: usize, y: usize) -> bool {
        let width = self.structure().width;
        self.picture.as_ref().is_none_or(|picture| picture[y * width + x])
    }

    /// How many of them are.
    pub(super) fn picture_pixels(&self) -> usize {
        let all = self.structure().values.len();
        self.picture.as_ref().map_or(all, |picture| picture.iter().filter(|held| **held).count())
    }

    /// The frame's structure: lightness without what is broad.
    pub(super) fn structure(&self) -> &Plane {
        &self.levels[0]
    }
}

/// Of each pixel, how far right and down it lies in the other frame, in pixels.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) right: Plane,
    pub(super) down: Plane,
}

impl Flow {
    /// From one frame to another of the same size.
    pub(super) fn between(from: &Pyramid, to: &Pyramid) -> Self {
        let mut flow: Option<Self> = None;
        for (from, to) in from.levels.iter().zip(&to.levels).rev() {
            let mut finer = match flow {
                Some(flow) => flow.enlarged(from.size()),
                None => Self::still(from.size()),
            };
            for _ in 0..STEPS {
                finer.step(from, to);
            }
            flow = Some(finer);
        }
        flow.unwrap_or_else(|| Self::still(from.structure().size()))
    }

    fn still(size: (usize, usize)) -> Self {
        let zero = Plane::new(size, vec![0.0; size.0 * size.1]);
        Self { right: zero.clone(), down: zero }
    }

    /// The same for a larger size.
    pub(super) fn enlarged(&self, (width, height): (usize, usize)) -> Self {
        let (sx, sy) =
            (width as f32 / self.right.width as f32, height as f32 / self.right.height as f32);
        let scaled = |plane: &Plane, scale: f32| {
            let mut plane = plane.resized((width, height));
            plane.values.iter_mut().for_each(|value| *value *= scale);
            plane
        };
        Self { right: scaled(&self.right, sx), down: scaled(&self.down, sy) }
    }

    /// Where a pixel lies in the other frame.
    #[inline]
    pub(super) fn place(&self, x: usize, y: usize) -> (f32, f32) {
        let at = y * self.right.width + x;
        (x as f32 + self.right.values[at], y as f32 + self.down.values[at])
    }

    /// Moves all pixels by what fits best around each, to first order.
    fn step(&mut self, from: &Plane, to: &Plane) {
        let (width, height) = from.size();
        let count = width * height;
        let mut moved = vec![0.0; count];
        for y in 0..height {
            for x in 0..width {
                let (to_x, to_y) = self.place(x, y);
                moved[y * width + x] = Between::of(to.size(), to_x, to_y).read(&to.values);
            }
        }
        let mut products: [Vec<f32>; 5] = std::array::from_fn(|_| vec![0.0; count]);
        let slope = |before: usize, after: usize, apart: f32| {
            let rise = |values: &[f32]| (values[after] - values[before]) / apart;
            0.5 * (rise(&moved) + rise(&from.values))
        };
        for y in 0..height {
            let (above, below) = (y.saturating_sub(1), (y + 1).min(height - 1));
            for x in 0..width {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
                let at = y * width + x;
                let across =
                    slope(y * width + left, y * width + right, (right - left).max(1) as f32);
                let along =
                    slope(above * width + x, below * width + x, (below - above).max(1) as f32);
                let difference = moved[at] - from.values[at];
                let (to_x, to_y) = self.place(x, y);
                let is_outside = to_x < 0.0
                    || to_y < 0.0
                    || to_x > (width - 1) as f32
                    || to_y > (height - 1) as f32;
                let weight = if is_outside {
                    0.0
                } else {
                    1.0 / (1.0 + (difference / OUTLIER) * (difference / OUTLIER))
                };
                products[0][at] = weight * across * across;
                products[1][at] = weight * across * along;
                products[2][at] = weight * along * along;
                products[3][at] = weight * across * difference;
                products[4][at] = weight * along * difference;
            }
        }
        let [xx, xy, yy, xt, yt] =
            products.map(|values| Plane::new((width, height), values).mean(WINDOW).values);
        let mut sureness = vec![0.0; count];
        for at in 0..count {
            let (xx, yy) = (xx[at] + FLAT, yy[at] + FLAT);
            let determinant = xx * yy - xy[at] * xy[at];
            let right = (xy[at] * yt[at] - yy * xt[at]) / determinant;
            let down = (xy[at] * xt[at] - xx * yt[at]) / determinant;
            self.right.values[at] += right.clamp(-LONGEST_STEP, LONGEST_STEP);
            self.down.values[at] += down.clamp(-LONGEST_STEP, LONGEST_STEP);
            // How sure: by the lesser of the slopes along any two directions.
            let (half, spread) = (0.5 * (xx + yy), 0.5 * (xx - yy));
            let lesser = half - (spread * spread + xy[at] * xy[at]).sqrt() - FLAT;
            sureness[at] = (lesser.max(0.0) + 0.02) / (lesser.max(0.0) + 0.02 + FLAT);
        }
        self.fill_in(Plane::new((width, height), sureness));
    }

    /// Takes the neighborhood's motion as far as a pixel's own is not sure.
    fn fill_in(&mut self, sureness: Plane) {
        let size = sureness.size();
        let shares = sureness.mean(WINDOW);
        for plane in [&mut self.right, &mut self.down] {
            let weighted = plane.values.iter().zip(&sureness.values).map(|(v, s)| v * s);
            let around = Plane::new(size, weighted.collect()).mean(WINDOW);
            for (at, value) in plane.values.iter_mut().enumerate() {
                let neighborhood = around.values[at] / shares.values[at];
                let own = 0.7 * sureness.values[at];
                *value = own * *value + (1.0 - own) * neighborhood;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Soft shapes without a pattern that repeats.
    pub(crate) fn picture(x: f32, y: f32) -> f32 {
        50.0 + 14.0 * (x / 5.0).sin() * (y / 7.0 + 0.4 * (x / 11.0).sin()).cos()
            + 9.0 * ((x + 2.0 * y) / 9.0).sin()
    }

    fn frame(right: f32, down: f32) -> Pyramid {
        let (width, height) = (120, 80);
        let values = (0..width * height)
            .map(|i| picture((i % width) as f32 - right, (i / width) as f32 - down));
        Pyramid::new(Plane::new((width, height), values.collect()))
    }

    #[test]
    fn motion_is_found_to_a_fraction_of_a_pixel() {
        for (right, down) in [(0.0, 0.0), (0.6, -0.3), (3.5, 2.0), (-9.0, 4.5)] {
            let flow = Flow::between(&frame(0.0, 0.0), &frame(right, down));
            let mut errors: Vec<f32> = Vec::new();
            for y in 15..65 {
                for x in 15..105 {
                    let at = y * 120 + x;
                    let error = (flow.right.values[at] - right).hypot(flow.down.values[at] - down);
                    errors.push(error);
                }
            }
            errors.sort_by(f32::total_cmp);
            let (median, most) = (errors[errors.len() / 2], errors[errors.len() * 95 / 100]);
            assert!(median < 0.15 && most < 0.6, "{right} {down}: {median} {most}");
        }
    }

    #[test]
    fn brighter_frames_have_not_moved() {
        let (width, height) = (120, 80);
        // Brighter to the right, as flicker may be.
        let brighter = |light: f32| {
            let values = (0..width * height).map(|i| {
                let (x, y) = ((i % width) as f32, (i / width) as f32);
                picture(x, y) + light * (0.5 + x / width as f32)
            });
            Pyramid::new(Plane::new((width, height), values.collect()))
        };
        let flow = Flow::between(&brighter(0.0), &brighter(12.0));
        let mut lengths: Vec<f32> = flow
            .right
            .values
            .iter()
            .zip(&flow.down.values)
            .map(|(right, down)| right.hypot(*down))
            .collect();
        lengths.sort_by(f32::total_cmp);
        let most = lengths[lengths.len() * 95 / 100];
        assert!(most < 0.5, "{most}");
    }
}
