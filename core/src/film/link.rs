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
    pub(super) flow: Flow,
    /// 0 (no match) to 1.
    pub(super) sureness: Plane,
}

/// Two frames, joined both ways.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// From the later frame to the earlier one.
    pub(super) back: Way,
    /// From the earlier frame to the later one.
    pub(super) forth: Way,
}

impl Link {
    pub(super) fn between(earlier: &Pyramid, later: &Pyramid) -> Self {
        let (back, forth) =
            rayon::join(|| Flow::between(later, earlier), || Flow::between(earlier, later));
        let (there, here) = (later.structure(), earlier.structure());
        let sure_back = sureness(there, here, &back, &forth);
        let sure_forth = sureness(here, there, &forth, &back);
        Self {
            back: Way { flow: back, sureness: sure_back },
            forth: Way { flow: forth, sureness: sure_forth },
        }
    }

    /// Of frames that are taken to stand still: what becomes of a flash.
    pub(super) fn still(size: (usize, usize)) -> Self {
        let zero = Plane::new(size, vec![0.0; size.0 * size.1]);
        let flow = Flow { right: zero.clone(), down: zero };
        let sureness = Plane::new(size, vec![1.0; size.0 * size.1]);
        let way = Way { flow, sureness };
        Self { back: way.clone(), forth: way }
    }

    /// Share of the pixels of both that are found in the other.
    pub(super) fn found(&self) -> f32 {
        let both = self.back.sureness.values.iter().chain(&self.forth.sureness.values);
        let count = 2 * self.back.sureness.values.len();
        (both.map(|sureness| f64::from(*sureness)).sum::<f64>() / count as f64) as f32
    }

    /// The same for frames of a larger size.
    pub(super) fn enlarged(&self, size: (usize, usize)) -> Self {
        let way =
            |way: &Way| Way { flow: way.flow.enlarged(size), sureness: way.sureness.resized(size) };
        Self { back: way(&self.back), forth: way(&self.forth) }
    }
}

/// How surely each pixel of `from` was found in `to`.
fn sureness(from: &Plane, to: &Plane, flow: &Flow, back: &Flow) -> Plane {
    let (width, height) = from.size();
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (to_x, to_y) = flow.place(x, y);
            let inside = (-0.5..width as f32 - 0.5).contains(&to_x)
                && (-0.5..height as f32 - 0.5).contains(&to_y);
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
    Plane::new((width, height), values)
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
