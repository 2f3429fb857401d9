//! What two frames that follow each other have in common.

use super::flow::{Flow, Pyramid};
use super::plane::{Between, Plane};

/// Pixels by which the way there and back may miss for a match to count a quarter.
const ASTRAY: f32 = 1.0;
/// Difference of L* between matching pixels at which they count a quarter.
const UNLIKE: f32 = 7.0;

/// From each pixel of a frame to where it lies in another, and how surely.
#[derive(Clone, Debug)]
pub(super) struct Way {
    width: usize,
    height: usize,
    /// Of each pixel, how far right and down it lies, in pixels, and how surely: 0 (no match) to 1.
    cells: Vec<[f32; 3]>,
}

impl Way {
    fn new(flow: &Flow, sureness: &[f32]) -> Self {
        let (width, height) = flow.right.size();
        let places = flow.right.values.iter().zip(&flow.down.values);
        let cells = places.zip(sureness).map(|((right, down), sure)| [*right, *down, *sure]);
        Self { width, height, cells: cells.collect() }
    }

    fn still((width, height): (usize, usize)) -> Self {
        Self { width, height, cells: vec![[0.0, 0.0, 1.0]; width * height] }
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Where a pixel lies in the other frame, and how surely.
    #[inline]
    pub(super) fn of(&self, x: usize, y: usize) -> (Between, f32) {
        let [right, down, sureness] = self.cells[y * self.width + x];
        (Between::of(self.size(), x as f32 + right, y as f32 + down), sureness)
    }

    /// The same for frames of another size.
    fn resized(&self, (width, height): (usize, usize)) -> Self {
        let (across, along) =
            (width as f32 / self.width as f32, height as f32 / self.height as f32);
        let mut cells = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let (x, y) = ((x as f32 + 0.5) / across - 0.5, (y as f32 + 0.5) / along - 0.5);
                let [right, down, sureness] = Between::of(self.size(), x, y).read_all(&self.cells);
                cells.push([right * across, down * along, sureness]);
            }
        }
        Self { width, height, cells }
    }
}

/// Two frames, joined both ways.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// From the later frame to the earlier one.
    pub(super) back: Way,
    /// From the earlier frame to the later one.
    pub(super) forth: Way,
    /// Share of the picture's pixels of both that are found in the other.
    pub(super) found: f32,
}

impl Link {
    pub(super) fn between(earlier: &Pyramid, later: &Pyramid) -> Self {
        let (back, forth) =
            rayon::join(|| Flow::between(later, earlier), || Flow::between(earlier, later));
        let there = sureness(later, earlier, &back, &forth);
        let here = sureness(earlier, later, &forth, &back);
        let sum: f64 = there.iter().chain(&here).map(|sure| f64::from(*sure)).sum();
        let pixels = later.picture_pixels() + earlier.picture_pixels();
        Self {
            back: Way::new(&back, &there),
            forth: Way::new(&forth, &here),
            found: (sum / pixels as f64) as f32,
        }
    }

    /// Of frames that are taken to stand still: what becomes of a flash.
    pub(super) fn still(size: (usize, usize)) -> Self {
        Self { back: Way::still(size), forth: Way::still(size), found: 1.0 }
    }

    /// The same for frames of another size.
    pub(super) fn resized(&self, size: (usize, usize)) -> Self {
        Self { back: self.back.resized(size), forth: self.forth.resized(size), found: self.found }
    }
}

/// How surely each pixel of `from` was found in `to`: what is of a border, or would have to be, is not.
fn sureness(of: &Pyramid, other: &Pyramid, flow: &Flow, back: &Flow) -> Vec<f32> {
    let (from, to) = (of.structure(), other.structure());
    let (width, height) = from.size();
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (to_x, to_y) = flow.place(x, y);
            let inside = (-0.5..width as f32 - 0.5).contains(&to_x)
                && (-0.5..height as f32 - 0.5).contains(&to_y)
                && of.holds_picture_at(x, y)
                && other.holds_picture_at(nearest(to_x), nearest(to_y));
            if !inside {
                values.push(0.0);
                continue;
            }
            let at = Between::of(to.size(), to_x, to_y);
            let off_x = to_x + at.read(&back.right.values) - x as f32;
            let off_y = to_y + at.read(&back.down.values) - y as f32;
            let unlike = from.values[y * width + x] - at.read(&to.values);
            let quarter = |square: f32| 1.0 / ((1.0 + square) * (1.0 + square));
            let astray = (off_x * off_x + off_y * off_y) / (ASTRAY * ASTRAY);
            values.push(quarter(astray) * quarter(unlike * unlike / (UNLIKE * UNLIKE)));
        }
    }
    values
}

fn nearest(place: f32) -> usize {
    place.round().max(0.0) as usize
}

/// How alike two frames are where they stand, -1 to 1: the correlation of their structure.
pub(super) fn likeness(one: &Plane, other: &Plane) -> f32 {
    let (mut both, mut ones, mut others) = (0.0_f64, 1e-3_f64, 1e-3_f64);
    for (one, other) in one.values.iter().zip(&other.values) {
        let (one, other) = (f64::from(*one), f64::from(*other));
        both += one * other;
        ones += one * one;
        others += other * other;
    }
    (both / (ones * others).sqrt()) as f32
}
