//! Recipes of the networks that are not trained as in Ghiotto 2021.
//!
//! `AdamW` with a one-cycle rate (Smith and Topin 2018, <https://arxiv.org/abs/1708.07120>), slower
//! for a pre-trained encoder; crops, mirroring and lightness as old film has it; simulated hints; a
//! loss with a part for color bins.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::adam::Group;

/// Share of the steps in which the rate rises.
const RISE: f64 = 0.15;
/// The rate begins at this share of its peak, and ends at [`END`] of it.
const BEGIN: f64 = 0.04;
const END: f64 = 1e-3;

/// Steps in which the trapezoid's rate rises; Adam's second moment looks back some 1,000 steps, and
/// its corrections leave the first ones as long as the last.
pub const WARM_UP: f64 = 200.0;

/// The rate of the weights for hints as a share of the others': they begin at zero in a network that
/// is trained already, and few pixels of few pictures have hints.
const HINTS_RATE: f64 = 4.0;

/// How a network is trained otherwise than in Ghiotto 2021.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Height and width that the network is trained at, in pixels.
    pub size: usize,
    /// Least share of a photograph's area that a crop keeps; 1 for whole photographs.
    pub least_area: f64,
    /// Share of the photographs whose lightness is varied.
    pub aging: f64,
    /// Share of the crops that undo the squeeze: their pixels are square in the photograph.
    pub upright: f64,
    /// Share of the photographs that are made to look old, more strongly and in more ways than by
    /// `aging`: the emulsion's response, tone, fading, blur, scratches, borders, grain, JPEG.
    pub film: f64,
    /// Share of the photographs that get the tones and the restrained palette of the first color
    /// film, in lightness and in what is true.
    pub restrained: f64,
    /// Share of the photographs that have simulated hints, for a network that takes them.
    pub hinted: f64,
    /// Share of the learning rate that the tensors below `encoder.` get: 1.2e-4 of 2e-3. Its folded
    /// weights are 0.01 to 0.03, so that 3e-4 would move them by 2 % in a step.
    pub encoder_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Weight of the mean squared error of `(a, b) / 128`.
    pub chroma_weight: f64,
    /// Weight of the mean distance of `(a, b) / 128`, in which a pixel counts the more the rarer its
    /// color is. The squared error alone, whose best answer is the mean, makes a network shy.
    pub distance_weight: f64,
    /// Weight of the smooth distance along each of `a` and `b`, in units of 128: the distance, and
    /// below one unit of `a` or `b` a square (Zhang and others 2017, section 3.1).
    pub smooth_weight: f64,
    /// Weight of the bins' cross-entropy.
    pub bins_weight: f64,
    /// What the bins are to say.
    pub targets: Targets,
    /// Weight of the logistic loss on which of `a` and `b` is the larger.
    pub order_weight: f64,
    /// Weight of neutral blacks: half the square of the chroma, in units of 128, that a prediction has
    /// beyond the photograph's, in the dark.
    pub blacks_weight: f64,
    /// Weight of saturation: half the square of the difference of chroma, in units of 128, whatever
    /// the hue, times the photograph's chroma over the mean of photographs.
    pub saturation_weight: f64,
    /// How the rate changes from its peak, the learning rate.
    pub schedule: Schedule,
    /// Epochs at the end of [`Schedule::Trapezoid`] in which the rate falls.
    pub cooldown: f64,
    /// Decay, in each step, of the running average of the weights that is validated and kept; 0
    /// keeps the last step's weights.
    pub average: f64,
    /// Length of the cycle in minutes, if the clock is to end it before the last epoch does. The
    /// result then depends on the machine's speed.
    pub minutes: Option<f64>,
}

/// What the bins are to say of a block of 4x4 pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// The block's mean color, softly over all bins; rare colors count more.
    Block,
    /// The color of its first pixel, softly over the five nearest bins; it counts by how rare the
    /// nearest is, and not at all in a gray photograph (Zhang, Isola and Efros 2016, section 2.2).
    FiveNearest,
    /// The bin nearest to its first pixel; all count alike (Zhang and others 2017).
    Nearest,
}

/// How the rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Up along a cosine, then down to nearly nothing.
    OneCycle,
    /// Not at all.
    Fixed,
    /// Up in a straight line over [`WARM_UP`] steps, constant, and down over the last
    /// [`Recipe::cooldown`] epochs: for a run whose length is decided on the way, by raising its
    /// epochs before the cooldown begins (Hägele and others 2024, <https://arxiv.org/abs/2405.18392>).
    Trapezoid,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            size: 128,
            least_area: 0.5,
            aging: 0.5,
            upright: 0.0,
            film: 0.0,
            restrained: 0.0,
            hinted: 0.0,
            encoder_rate: 0.06,
            weight_decay: 0.02,
            chroma_weight: 10.0,
            distance_weight: 0.0,
            smooth_weight: 0.0,
            bins_weight: 0.05,
            targets: Targets::Block,
            order_weight: 0.01,
            blacks_weight: 0.0,
            saturation_weight: 0.0,
            schedule: Schedule::OneCycle,
            cooldown: 10.0,
            average: 0.0,
            minutes: None,
        }
    }
}

impl Recipe {
    /// The plain one of Ghiotto 2021: the mean squared error at a fixed rate, of whole photographs.
    pub fn plain() -> Self {
        Self {
            least_area: 1.0,
            aging: 0.0,
            encoder_rate: 1.0,
            weight_decay: 0.0,
            chroma_weight: 1.0,
            bins_weight: 0.0,
            order_weight: 0.0,
            schedule: Schedule::Fixed,
            ..Self::default()
        }
    }

    /// The recipe made for a network; `None` where it is trained without.
    pub(crate) fn of(network: &str, config: &Value) -> Option<Self> {
        let zhang = Self {
            aging: 0.0,
            chroma_weight: 0.0,
            order_weight: 0.0,
            bins_weight: 1.0,
            weight_decay: 1e-3,
            ..Self::default()
        };
        match network {
            "vivid" => Some(Self::default()),
            "eccv16" if config.get("head").is_some_and(|head| head != "regression") => {
                Some(Self { targets: Targets::FiveNearest, ..zhang })
            }
            // The weights of the two parts are those of the authors' `colorization-pytorch`.
            "siggraph17" => {
                Some(Self { targets: Targets::Nearest, smooth_weight: 10.0, hinted: 1.0, ..zhang })
            }
            _ => None,
        }
    }

    /// The rate as a share of its peak, after a share `done` of the run's epochs and so many steps
    /// since the optimizer's moments began.
    pub(crate) fn rate(&self, done: f64, epochs: usize, steps: i32) -> f64 {
        match self.schedule {
            Schedule::OneCycle => one_cycle(done),
            Schedule::Fixed => 1.0,
            Schedule::Trapezoid => trapezoid(steps, (1.0 - done) * epochs as f64 / self.cooldown),
        }
    }

    /// How the optimizer treats the encoder, the weights for hints, and the rest.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let decay = self.weight_decay;
        vec![
            Group { prefix: "encoder.", rate: self.encoder_rate, decay },
            Group { prefix: "hints.", rate: HINTS_RATE, decay },
            Group { prefix: "", rate: 1.0, decay },
        ]
    }

    /// Share of the cycle that is done, after a share of the steps and so many seconds of training.
    pub(crate) fn done(&self, steps: f64, seconds: f64) -> f64 {
        self.minutes.map_or(steps, |minutes| steps.max(seconds / (60.0 * minutes))).min(1.0)
    }
}

/// The trapezoid's rate as a share of its peak, after so many steps and with so many cooldowns left:
/// down it goes as 1 - sqrt, which Hägele and others found better than a line.
fn trapezoid(steps: i32, left: f64) -> f64 {
    let up = (f64::from(steps + 1) / WARM_UP).min(1.0);
    let down = 1.0 - (1.0 - left.clamp(0.0, 1.0)).sqrt();
    up.min(down.max(END))
}

/// The one-cycle rate as a share of its peak, `done` in 0..=1: up along a cosine, then down.
fn one_cycle(done: f64) -> f64 {
    let between = |from: f64, to: f64, t: f64| {
        from + (to - from) * 0.5 * (1.0 - (std::f64::consts::PI * t.clamp(0.0, 1.0)).cos())
    };
    if done < RISE {
        between(BEGIN, 1.0, done / RISE)
    } else {
        between(1.0, END, (done - RISE) / (1.0 - RISE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_its_peak_and_falls_to_nearly_nothing() {
        let close = |done: f64, rate: f64| assert!((one_cycle(done) - rate).abs() < 1e-9, "{done}");
        close(0.0, BEGIN);
        close(RISE, 1.0);
        close(1.0, END);
        assert!(one_cycle(0.1) < one_cycle(0.12) && one_cycle(0.5) > one_cycle(0.6));
    }

    #[test]
    fn the_trapezoid_rises_stays_and_falls_in_its_last_epochs() {
        let recipe = Recipe { schedule: Schedule::Trapezoid, cooldown: 10.0, ..Recipe::default() };
        let rate = |epoch: f64, steps| recipe.rate(epoch / 60.0, 60, steps);
        assert_eq!([rate(0.0, 99), rate(0.0, 199), rate(49.9, 9000)], [0.5, 1.0, 1.0]);
        assert!((rate(52.5, 9000) - 0.5).abs() < 1e-9, "1 - sqrt(1 / 4)");
        assert_eq!(rate(60.0, 9000), END);
        assert_eq!(recipe.rate(52.5 / 80.0, 80, 9000), 1.0, "more epochs put it off");
    }

    #[test]
    fn the_clock_ends_the_cycle_where_it_is_asked_to() {
        let recipe = Recipe { minutes: Some(2.0), ..Recipe::default() };
        assert_eq!(recipe.done(0.25, 60.0), 0.5);
        assert_eq!(recipe.done(0.75, 60.0), 0.75);
        assert_eq!(recipe.done(0.75, 150.0), 1.0);
        assert_eq!(Recipe::default().done(0.25, 1e9), 0.25);
    }
}
