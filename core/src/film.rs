//! Colors for the frames of a film.
//!
//! Colored one by one, frames flicker: the network sees grain and flicker, and its colors swing. So
//! frames are joined by the motion between them, and the colors of a thing are held together
//! through a shot, never across a cut.

mod anchor;
mod extent;
mod flow;
mod format;
mod hold;
mod link;
mod paint;
mod plane;
mod rgb;
mod shots;
#[cfg(test)]
mod tests;
mod view;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{ChromaMap, Colorizer, Hints, Reference, Result, WorkImage};
use anchor::Anchored;
pub use anchor::{Anchor, Given, LookAhead};
pub use format::{ChromaShape, FrameFormat, Matrix};
use hold::{Hold, Settled};
use link::Link;
pub use paint::FramePainter;
pub use rgb::{RgbFormat, RgbPainter};
use shots::{Place, Placed, Role, Shots};
pub use view::Viewer;

/// What a prediction counts in the next frame, at a steadiness of 1: half after 10 frames.
const KEEP: f32 = 0.93;
/// How fast the brightness that the network sees follows that of the frames.
const BRIGHTNESS: f32 = 0.2;
/// Most frames that are settled together, and as many after them are asked.
const BLOCK: usize = 24;
/// Bytes that frames which wait may take.
const WAITING_BYTES: usize = 256 << 20;

/// How a film is colored.
#[derive(Clone, Debug)]
pub struct FilmSettings {
    /// What chroma is multiplied by: 0 is gray, 1 as predicted.
    pub saturation: f32,
    /// How much frames have a say in each other's colors: 0 is each by itself, 1 as much as is
    /// good.
    pub steadiness: f32,
    /// A picture whose palette the film takes.
    pub reference: Option<Arc<Reference>>,
}

impl Default for FilmSettings {
    fn default() -> Self {
        Self { saturation: 1.0, steadiness: 1.0, reference: None }
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
    shots: Shots,
    anchored: Anchored,
    /// How bright the network sees the frames of the shot.
    brightness: f32,
    /// Number of the first frame.
    first: u64,
    /// Frames that were given back.
    given: u64,
    /// Of those that were not, which begin a shot.
    begin_shots: VecDeque<u64>,
    /// Frames that were taken into shots.
    taken: u64,
}

/// A frame whose colors are settled.
#[derive(Debug)]
pub struct ColoredFrame {
    /// Its number: those that are pushed count on from the first one.
    pub index: u64,
    /// Whether it is the first one of a shot.
    pub begins_shot: bool,
    /// Its chroma at work size.
    pub chroma: ChromaMap,
}

impl<'a> Film<'a> {
    /// Begins a film at a frame, which is the first one of a shot. Frames take so many bytes while they
    /// wait for their colors.
    pub fn new(
        colorizer: &'a Colorizer,
        frame_bytes: usize,
        settings: FilmSettings,
        first: u64,
    ) -> Self {
        let block = (WAITING_BYTES / frame_bytes.max(1) / 2).clamp(2, BLOCK);
        let (block, ahead) = if settings.steadiness > 0.0 { (block, block) } else { (1, 0) };
        Self {
            colorizer,
            hold: Hold::new(KEEP * settings.steadiness, block, ahead),
            settings,
            shots: Shots::default(),
            anchored: Anchored::default(),
            brightness: 0.0,
            first,
            given: 0,
            begin_shots: VecDeque::new(),
            taken: 0,
        }
    }

    /// Gives the next frame that the user gave colors to, before any frame that it reaches is pushed.
    /// They come in order.
    pub fn add(&mut self, anchor: Anchor) {
        self.anchored.add(anchor);
    }

    /// Takes the next frame's thumbnail; gives those whose colors are settled by it, in order.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub fn push(&mut self, image: WorkImage) -> Result<Vec<ColoredFrame>> {
        let mut ready = Vec::new();
        for placed in self.shots.push(image) {
            ready.extend(self.take(placed)?);
        }
        Ok(ready)
    }

    /// Gives the rest of the frames. The film is over.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub fn finish(mut self) -> Result<Vec<ColoredFrame>> {
        let mut ready = match self.shots.finish() {
            Some(placed) => self.take(placed)?,
            None => Vec::new(),
        };
        let settled = self.hold.end_shot();
        ready.extend(self.give(settled));
        Ok(ready)
    }

    fn take(&mut self, Placed { image, place }: Placed) -> Result<Vec<ColoredFrame>> {
        match place {
            Place::First => self.begin_shot(image),
            Place::After { link, role } => {
                let link = link.resized(image.size());
                self.go_on(image, link, role)
            }
        }
    }

    fn begin_shot(&mut self, image: WorkImage) -> Result<Vec<ColoredFrame>> {
        let settled = self.hold.end_shot();
        let mut ready = self.give(settled);
        self.begin_shots.push_back(self.taken);
        self.brightness = brightness(&image);
        self.anchored.begin_shot();
        let predicted = self.predict(&image, Role::Ordinary, None)?;
        let settled = self.hold.push(image, predicted, Role::Ordinary, None);
        self.taken += 1;
        ready.extend(self.give(settled));
        Ok(ready)
    }

    /// Takes a further frame of the shot. What follows one that is not ordinary is compared with the
    /// frame before it, so of that one nothing is kept.
    fn go_on(&mut self, image: WorkImage, link: Link, role: Role) -> Result<Vec<ColoredFrame>> {
        let even = (role == Role::Ordinary).then(|| self.evened(&image));
        let predicted = self.predict(even.as_ref().unwrap_or(&image), role, Some(&link))?;
        let settled = self.hold.push(image, predicted, role, Some(link));
        self.taken += 1;
        Ok(self.give(settled))
    }

    /// What the network is to see of the shot's next frame: its brightness without flicker. Grain
    /// stays, because without it the network colors more strongly.
    fn evened(&mut self, image: &WorkImage) -> WorkImage {
        let own = brightness(image);
        self.brightness += BRIGHTNESS * (own - self.brightness);
        let brighter = self.settings.steadiness * (self.brightness - own);
        let lightness = image.lightness().iter().map(|l| (l + brighter).clamp(0.0, 100.0));
        image.with_lightness(lightness.collect())
    }

    /// Chroma of the next frame, as the network and the user have it.
    fn predict(
        &mut self,
        image: &WorkImage,
        role: Role,
        link: Option<&Link>,
    ) -> Result<Vec<[f32; 2]>> {
        let predicted = self.colorizer.predict(image, &Hints::default())?;
        // Neutral borders would mix with the picture where that moves along them.
        let mut chroma = image.beyond_borders(predicted.chroma());
        if let Some(reference) = &self.settings.reference {
            reference.correct(image, &mut chroma);
        }
        self.anchored.mix(self.first + self.taken, role, link, image.size(), &mut chroma);
        Ok(chroma)
    }

    fn give(&mut self, settled: Vec<Settled>) -> Vec<ColoredFrame> {
        let give = |Settled { image, chroma }| {
            let begins_shot = self.begin_shots.front() == Some(&self.given);
            if begins_shot {
                self.begin_shots.pop_front();
            }
            let index = self.first + self.given;
            self.given += 1;
            ColoredFrame { index, begins_shot, chroma: ChromaMap::new(&image, &chroma) }
        };
        settled.into_iter().map(give).collect()
    }
}

/// Mean lightness of a frame's picture.
fn brightness(image: &WorkImage) -> f32 {
    let (width, _) = image.size();
    let (mut sum, mut count) = (0.0, 0_u32);
    for (at, lightness) in image.lightness().iter().enumerate() {
        if image.borders().is_none_or(|b| b.hold_picture_at(at % width, at / width)) {
            sum += f64::from(*lightness);
            count += 1;
        }
    }
    (sum / f64::from(count.max(1))) as f32
}
