//! One color for one thing, from frame to frame.
//!
//! The chroma of a frame is the mean of what was predicted for it and for the frames before and after
//! it, brought to where things are in this one. A prediction counts less the farther away it is, and
//! not at all beyond a frame in which the thing was not found. Sums of predictions and of their
//! weights are carried along together, forwards and backwards, so that a mean costs two steps a
//! frame however many frames it is taken over.

use std::collections::VecDeque;

use super::link::{Link, Way};
use super::shots::Role;
use crate::WorkImage;

/// Sums of a* and b*, and of the weights that they were added with.
type Sums = Vec<[f32; 3]>;

/// A frame that waits for those after it.
struct Waiting {
    image: WorkImage,
    /// a* and b* of each pixel of the work image.
    predicted: Vec<[f32; 2]>,
    role: Role,
    /// To the frame before; none at the shot's first.
    link: Option<Link>,
    /// Of the frames up to this one.
    forwards: Sums,
}

/// The frames of a shot whose colors are not settled yet.
pub(super) struct Hold {
    /// What a prediction counts in the next frame.
    keep: f32,
    /// Frames that are settled together, and those after them that are asked.
    block: usize,
    ahead: usize,
    waiting: VecDeque<Waiting>,
}

/// A frame whose colors are settled.
pub(super) struct Settled {
    pub(super) image: WorkImage,
    pub(super) chroma: Vec<[f32; 2]>,
}

impl Hold {
    pub(super) fn new(keep: f32, block: usize, ahead: usize) -> Self {
        Self { keep, block, ahead, waiting: VecDeque::new() }
    }

    /// Takes the next frame of the shot; the link, at the work image's size, is missing at its first.
    pub(super) fn push(
        &mut self,
        image: WorkImage,
        predicted: Vec<[f32; 2]>,
        role: Role,
        link: Option<Link>,
    ) -> Vec<Settled> {
        let mut forwards = own_sums(&predicted, role.weight());
        if let (Some(link), Some(before)) = (&link, self.waiting.back()) {
            carry(&before.forwards, &link.back, self.keep, &mut forwards);
        }
        self.waiting.push_back(Waiting { image, predicted, role, link, forwards });
        if self.waiting.len() < self.block + self.ahead {
            return Vec::new();
        }
        self.settle(self.block)
    }

    /// Settles all frames; the next one is another shot's.
    pub(super) fn end_shot(&mut self) -> Vec<Settled> {
        self.settle(self.waiting.len())
    }

    /// Settles the first so many. Their borders are those that the shot's last frame has: they were found
    /// by the most frames.
    fn settle(&mut self, count: usize) -> Vec<Settled> {
        let borders = self.waiting.back().and_then(|last| last.image.borders().cloned());
        let mut chroma = VecDeque::with_capacity(count);
        let mut after: Option<(Sums, &Link)> = None;
        for (i, frame) in self.waiting.iter().enumerate().rev() {
            let mut backwards = own_sums(&frame.predicted, frame.role.weight());
            if let Some((sums, link)) = after {
                carry(&sums, &link.forth, self.keep, &mut backwards);
            }
            if i < count {
                chroma.push_front(frame.mean(&backwards));
            }
            after = frame.link.as_ref().map(|link| (backwards, link));
        }
        let frames = self.waiting.drain(..count);
        let settled = frames.zip(chroma).map(|(frame, chroma)| Settled {
            image: frame.image.with_borders(borders.clone()),
            chroma,
        });
        settled.collect()
    }
}

impl Waiting {
    /// The mean of what comes from before and from after, the own prediction counted once.
    fn mean(&self, backwards: &Sums) -> Vec<[f32; 2]> {
        if self.role == Role::Stranger {
            return self.predicted.clone();
        }
        let counted = self.role.weight();
        let sums = self.forwards.iter().zip(backwards).zip(&self.predicted);
        sums.map(|((before, after), own)| {
            let weight = before[2] + after[2] - counted;
            std::array::from_fn(|i| (before[i] + after[i] - counted * own[i]) / weight)
        })
        .collect()
    }
}

impl Role {
    /// Of the frame's own prediction, for itself and for others.
    fn weight(self) -> f32 {
        match self {
            Self::Ordinary => 1.0,
            // Enough to have a color where nothing else has.
            Self::Flash | Self::Stranger => 1e-3,
        }
    }
}

fn own_sums(predicted: &[[f32; 2]], weight: f32) -> Sums {
    predicted.iter().map(|[a, b]| [weight * a, weight * b, weight]).collect()
}

/// Adds what another frame's sums have where each pixel lies in it.
fn carry(from: &Sums, way: &Way, keep: f32, to: &mut Sums) {
    let (width, height) = way.size();
    for y in 0..height {
        for x in 0..width {
            let (place, sureness) = way.of(x, y);
            let share = keep * sureness;
            if share < 1e-3 {
                continue;
            }
            let sums = place.read_all(from);
            let to = &mut to[y * width + x];
            for i in 0..3 {
                to[i] += share * sums[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Orientation, Thumbnail};

    fn image() -> WorkImage {
        let mut thumbnail = Thumbnail::new(2, 2, Orientation::Upright, 4);
        thumbnail.push_rows(0, &[50.0; 4]);
        thumbnail.finish()
    }

    /// What becomes of one number a frame.
    fn held(keep: f32, block: usize, predicted: &[f32]) -> Vec<f32> {
        let mut hold = Hold::new(keep, block, block);
        let mut settled = Vec::new();
        for (i, number) in predicted.iter().enumerate() {
            let link = (i > 0).then(|| Link::still((2, 2)));
            let frame = hold.push(image(), vec![[*number, 0.0]; 4], Role::Ordinary, link);
            settled.extend(frame);
        }
        settled.extend(hold.end_shot());
        settled.iter().map(|frame| frame.chroma[3][0]).collect()
    }

    #[test]
    fn a_frame_has_the_mean_of_those_around_it_by_their_distance() {
        let held = held(0.5, 8, &[0.0, 0.0, 8.0, 0.0]);
        let expected = [2.0 / 1.875, 4.0 / 2.25, 8.0 / 2.25, 4.0 / 1.875];
        for (held, expected) in held.iter().zip(expected) {
            assert!((held - expected).abs() < 1e-5, "{held} {expected}");
        }
    }

    #[test]
    fn long_shots_are_held_together_across_blocks() {
        let wave: Vec<f32> = (0..100).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let held = held(0.93, 24, &wave);
        assert_eq!(held.len(), 100);
        let steps = held.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        let largest = steps.fold(0.0, f32::max);
        assert!(largest < 0.1, "{largest}");
    }
}
