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
    /// How alike the frames are where motion is taken out, -1 to 1: the correlation of their structure.
    pub(super) likeness: f32,
}

impl Link {
    pub(super) fn between(earlier: &Pyramid, later: &Pyramid) -> Self {
        let (back, forth) =
            rayon::join(|| Flow::between(later, earlier), || Flow::between(earlier, later));
        let (there, here) = (later.structure(), earlier.structure());
        let (sureness_back, likeness_back) = sureness(there, here, &back, &forth);
        let (sureness_forth, likeness_forth) = sureness(here, there, &forth, &back);
        Self {
            back: Way { flow: back, sureness: sureness_back },
            forth: Way { flow: forth, sureness: sureness_forth },
            likeness: 0.5 * (likeness_back + likeness_forth),
        }
    }

    /// Of frames that are taken to stand still: what becomes of a flash.
    pub(super) fn still(size: (usize, usize)) -> Self {
        let zero = Plane::new(size, vec![0.0; size.0 * size.1]);
        let flow = Flow { right: zero.clone(), down: zero };
        let sureness = Plane::new(size, vec![1.0; size.0 * size.1]);
        let way = Way { flow, sureness };
        Self { back: way.clone(), forth: way, likeness: 1.0 }
    }

    /// The same for frames of a larger size.
    pub(super) fn enlarged(&self, size: (usize, usize)) -> Self {
        let way =
            |way: &Way| Way { flow: way.flow.enlarged(size), sureness: way.sureness.resized(size) };
        Self { back: way(&self.back), forth: way(&self.forth), likeness: self.likeness }
    }
}

/// How surely each pixel of `from` was found in `to`, and how alike both are there.
fn sureness(from: &Plane, to: &Plane, flow: &Flow, back: &Flow) -> (Plane, f32) {
    let (width, height) = from.size();
    let mut values = Vec::with_capacity(width * height);
    let (mut both, mut own, mut others) = (0.0_f64, 1e-3_f64, 1e-3_f64);
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
            let (one, other) = (from.values[y * width + x], at.read(&to.values));
            let astray = (off_x * off_x + off_y * off_y) / (ASTRAY * ASTRAY);
            let unlike = (one - other) * (one - other) / (UNLIKE * UNLIKE);
            let quarter = |square: f32| 1.0 / ((1.0 + square) * (1.0 + square));
            values.push(quarter(astray) * quarter(unlike));
            let (one, other) = (f64::from(one), f64::from(other));
            both += one * other;
            own += one * one;
            others += other * other;
        }
    }
    (Plane::new((width, height), values), (both / (own * others).sqrt()) as f32)
}
