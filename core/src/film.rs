//! Colors for the frames of a film.
//!
//! Colored one by one, frames flicker: the network sees grain and flicker, and its colors swing. So
//! frames are joined by the motion between them, and the colors of a thing are held together
//! through a shot, never across a cut.

mod flow;
mod format;
mod hold;
mod link;
mod paint;
mod plane;
mod rgb;
#[cfg(test)]
mod tests;
mod view;

use crate::{ChromaMap, Colorizer, Hints, Result, WorkImage};
use flow::Pyramid;
pub use format::{ChromaShape, FrameFormat, Matrix};
use hold::{Hold, Role, Settled};
use link::{Link, likeness};
pub use paint::FramePainter;
use plane::Plane;
pub use rgb::{RgbFormat, RgbPainter};
pub use view::Viewer;

/// Share of a frame's pixels that are found in the frame before it, below which a cut lies between
/// them. Of 13 clips in color and 10 historical ones the cuts have 0.22 at most, blended frames among
/// them, and other frames 0.28 at least: those of a rocket's launch; all else 0.45.
const CUT: f32 = 0.25;
/// Likeness without motion of a frame to the one before it, above which it is the same picture under
/// another light, if the frame after it is that picture again.
const FLASH: f32 = 0.3;
/// What a prediction counts in the next frame, at a steadiness of 1: half after 10 frames.
const KEEP: f32 = 0.93;
/// What a frame's lightness counts in the next one that the network sees, at a steadiness of 1.
const KEEP_LIGHTNESS: f32 = 0.6;
/// How fast the brightness that the network sees follows that of the frames.
const BRIGHTNESS: f32 = 0.2;
/// Most frames that are settled together, and as many after them are asked.
const BLOCK: usize = 24;
/// Bytes that frames which wait may take.
const WAITING_BYTES: usize = 256 << 20;

/// How a film is colored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FilmSettings {
    /// What chroma is multiplied by: 0 is gray, 1 as predicted.
    pub saturation: f32,
    /// How much frames have a say in each other's colors: 0 is each by itself, 1 as much as is
    /// good.
    pub steadiness: f32,
}

impl Default for FilmSettings {
    fn default() -> Self {
        Self { saturation: 1.0, steadiness: 1.0 }
    }
}

/// Colors the frames of one film, in order.
///
/// The colors of a shot depend on its own frames alone: a film that is begun anew at a shot's first
/// frame gets the same ones.
pub struct Film<'a> {
    colorizer: &'a Colorizer,
    settings: FilmSettings,
    hold: Hold,
    /// The last frame of the shot, and what the network saw of it.
    last: Option<Last>,
    /// A frame unlike the last one: the next one tells whether it begins a shot.
    doubtful: Option<(WorkImage, Pyramid)>,
    /// Frames that were given back.
    given: u64,
    /// Of those, or of the next, which begin a shot.
    begin_shots: Vec<u64>,
    /// Frames that were taken into shots.
    taken: u64,
}

/// The last frame of a shot.
struct Last {
    pyramid: Pyramid,
    /// Sums of lightness, and of the weights that it was added with.
    seen: Vec<[f32; 2]>,
    /// Mean lightness that the network sees.
    brightness: f32,
}

/// A frame whose colors are settled.
#[derive(Debug)]
pub struct ColoredFrame {
    /// Which of the frames that were pushed, from 0 on.
    pub index: u64,
    /// Whether it is the first one of a shot.
    pub begins_shot: bool,
    /// Its chroma at work size.
    pub chroma: ChromaMap,
}

impl<'a> Film<'a> {
    /// Begins a film whose frames take so many bytes while they wait for their colors.
    pub fn new(colorizer: &'a Colorizer, frame_bytes: usize, settings: FilmSettings) -> Self {
        let block = (WAITING_BYTES / frame_bytes.max(1) / 2).clamp(2, BLOCK);
        let (block, ahead) = if settings.steadiness > 0.0 { (block, block) } else { (1, 0) };
        Self {
            colorizer,
            settings,
            hold: Hold::new(KEEP * settings.steadiness, block, ahead),
            last: None,
            doubtful: None,
            given: 0,
            begin_shots: Vec::new(),
            taken: 0,
        }
    }

    /// Takes the next frame's thumbnail; gives those whose colors are settled by it, in order.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub fn push(&mut self, image: WorkImage) -> Result<Vec<ColoredFrame>> {
        let pyramid = Pyramid::new(Plane::new(image.size(), image.lightness().to_vec()));
        let Some(last) = &self.last else { return self.begin_shot(image, pyramid) };
        let link = Link::between(&last.pyramid, &pyramid);
        if link.found() >= CUT {
            let mut ready = Vec::new();
            if let Some((between, seen)) = self.doubtful.take() {
                let is_flash = likeness(last.pyramid.structure(), seen.structure()) > FLASH;
                let role = if is_flash { Role::Flash } else { Role::Stranger };
                let still = Link::still(between.size());
                ready = self.go_on(between, None, still, role)?;
            }
            let link = link.resized(image.size());
            ready.extend(self.go_on(image, Some(pyramid), link, Role::Ordinary)?);
            return Ok(ready);
        }
        let Some((first, of_first)) = self.doubtful.replace((image, pyramid)) else {
            return Ok(Vec::new());
        };
        let mut ready = self.begin_shot(first, of_first)?;
        if let Some((image, _)) = self.doubtful.take() {
            ready.extend(self.push(image)?);
        }
        Ok(ready)
    }

    /// Gives the rest of the frames. The film is over.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub fn finish(mut self) -> Result<Vec<ColoredFrame>> {
        let mut ready = match self.doubtful.take() {
            Some((image, pyramid)) => self.begin_shot(image, pyramid)?,
            None => Vec::new(),
        };
        let settled = self.hold.end_shot();
        ready.extend(self.give(settled));
        Ok(ready)
    }

    fn begin_shot(&mut self, image: WorkImage, pyramid: Pyramid) -> Result<Vec<ColoredFrame>> {
        let settled = self.hold.end_shot();
        let mut ready = self.give(settled);
        self.begin_shots.push(self.taken);
        let seen: Vec<[f32; 2]> = image.lightness().iter().map(|l| [*l, 1.0]).collect();
        let brightness = mean(image.lightness());
        let predicted = self.colorizer.predict(&image, &Hints::default())?.chroma().to_vec();
        self.last = Some(Last { pyramid, seen, brightness });
        let settled = self.hold.push(image, predicted, Role::Ordinary, None);
        self.taken += 1;
        ready.extend(self.give(settled));
        Ok(ready)
    }

    /// Takes a frame of the shot. Where it is no ordinary one, what follows is compared with the frame
    /// before it, and so it has no pyramid.
    fn go_on(
        &mut self,
        image: WorkImage,
        pyramid: Option<Pyramid>,
        link: Link,
        role: Role,
    ) -> Result<Vec<ColoredFrame>> {
        let mut seen = None;
        if let (Some(last), Some(pyramid)) = (&mut self.last, pyramid) {
            seen = Some(last.see(&image, &link, self.settings.steadiness));
            last.pyramid = pyramid;
        }
        let seen = seen.as_ref().unwrap_or(&image);
        let predicted = self.colorizer.predict(seen, &Hints::default())?.chroma().to_vec();
        let settled = self.hold.push(image, predicted, role, Some(link));
        self.taken += 1;
        Ok(self.give(settled))
    }

    fn give(&mut self, settled: Vec<Settled>) -> Vec<ColoredFrame> {
        let give = |Settled { image, chroma }| {
            let index = self.given;
            self.given += 1;
            let begins_shot = self.begin_shots.first() == Some(&index);
            if begins_shot {
                self.begin_shots.remove(0);
            }
            ColoredFrame { index, begins_shot, chroma: ChromaMap::new(&image, &chroma) }
        };
        settled.into_iter().map(give).collect()
    }
}

impl Last {
    /// What the network is to see of the next frame: grain and flicker evened out.
    fn see(&mut self, image: &WorkImage, link: &Link, steadiness: f32) -> WorkImage {
        let own = mean(image.lightness());
        self.brightness += BRIGHTNESS * (own - self.brightness);
        let brighter = steadiness * (self.brightness - own);
        let keep = steadiness * KEEP_LIGHTNESS;
        let (width, height) = image.size();
        let mut sums = Vec::with_capacity(width * height);
        for (at, lightness) in image.lightness().iter().enumerate() {
            let (place, sureness) = link.back.of(at % width, at / width);
            let before = place.read_all(&self.seen);
            let share = keep * sureness;
            let lightness = (lightness + brighter).clamp(0.0, 100.0);
            sums.push([lightness + share * before[0], 1.0 + share * before[1]]);
        }
        self.seen = sums;
        let even = self.seen.iter().map(|[lightness, weight]| lightness / weight);
        image.with_lightness(even.collect())
    }
}

fn mean(values: &[f32]) -> f32 {
    let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
    (sum / values.len().max(1) as f64) as f32
}
