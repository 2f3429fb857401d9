//! Colors that the user gave to a frame: its shot takes them.
//!
//! From the frame on they are carried along the motion while the film is colored. The frames before it
//! are colored earlier, so their share is found in a look ahead: motion is followed from the beginning
//! of the shot, and the colors are carried back along it.

use std::collections::VecDeque;

use super::link::{Link, Way};
use super::plane::{Between, Plane};
use super::shots::{Place, Role, Shots, are_alike};
use crate::colorize::borders::Borders;
use crate::{ColorPicture, Colorizer, Hints, Result, WorkImage};

/// Frames before an anchor that it reaches at most.
const REACH: usize = 750;
/// Frames over which colors fade in where the shot began before that.
const FADE: f32 = 100.0;
/// How surely a thing has to be found again for its color to stay wholly.
const SURE: f32 = 0.7;
/// Change of chroma by hints (distance in a*, b*) from which on the changed color is theirs.
const CHANGED: f32 = 6.0;
/// Parts of a unit of a* and b* that are kept in a look ahead.
const PARTS: f32 = 128.0;

/// What the user gave to a frame.
#[derive(Clone, Debug)]
pub enum Given {
    /// The frame in colors, of any size.
    Picture(ColorPicture),
    /// Hints of the frame's own pixels.
    Hints(Hints),
}

/// A frame whose colors the user gave, and what the frames before it take of them.
#[derive(Debug)]
pub struct Anchor {
    frame: u64,
    colors: Colors,
    /// Of the frames before it, the nearest first.
    back: Vec<Carried>,
}

/// Colors of a frame, each with how surely it is the user's: sureness times a* and b*, sureness.
#[derive(Clone, Debug)]
struct Colors {
    size: (usize, usize),
    cells: Vec<[f32; 3]>,
}

/// The same, for many frames.
#[derive(Debug)]
struct Carried {
    size: (usize, usize),
    /// a* and b* in [`PARTS`], and sureness in 255ths.
    cells: Vec<([i16; 2], u8)>,
}

/// Looks ahead for one anchor after the other.
pub struct LookAhead<'a> {
    colorizer: &'a Colorizer,
    shots: Shots,
    /// The frame that was pushed first, and the one that is placed next.
    first: u64,
    next: u64,
    /// From each frame of the shot to the one after it.
    ways: VecDeque<Way>,
    /// Whether the shot may have begun before the first of these.
    is_open: bool,
    /// The frame that was pushed last, and the borders of the shot that was.
    last: Option<WorkImage>,
    borders: Option<Borders>,
}

impl<'a> LookAhead<'a> {
    /// Begins at a frame.
    pub fn new(colorizer: &'a Colorizer, first: u64) -> Self {
        let (shots, ways) = (Shots::default(), VecDeque::new());
        let (last, borders) = (None, None);
        Self { colorizer, shots, first, next: first, ways, is_open: false, last, borders }
    }

    /// Takes the next frame.
    pub fn push(&mut self, image: WorkImage) {
        self.last = Some(image.clone());
        for placed in self.shots.push(image) {
            self.borders = placed.image.borders().cloned();
            match placed.place {
                Place::First => {
                    self.ways.clear();
                    self.is_open = self.next == self.first && self.first > 0;
                }
                Place::After { link, .. } => {
                    self.ways.push_back(link.forth);
                    if self.ways.len() > REACH {
                        self.ways.pop_front();
                        self.is_open = true;
                    }
                }
            }
            self.next += 1;
        }
    }

    /// Gives the anchor of the frame that was pushed last; `None`: the picture that was given for it
    /// shows something else.
    ///
    /// # Errors
    ///
    /// When the device fails.
    ///
    /// # Panics
    ///
    /// When no frame was pushed.
    pub fn anchor(&mut self, frame: u64, given: &Given) -> Result<Option<Anchor>> {
        let is_placed = self.next == frame + 1;
        let borders = self.borders.clone().filter(|_| is_placed);
        let image = &self.last.clone().expect("a frame was pushed").with_borders(borders);
        let colors = match given {
            Given::Picture(picture) => Colors::of_picture(picture, image),
            Given::Hints(hints) => Some(Colors::of_hints(hints, image, self.colorizer)?),
        };
        let Some(colors) = colors else { return Ok(None) };
        let mut back = Vec::new();
        // A frame without a place is unlike the one before it.
        if is_placed {
            let mut carried: Option<Colors> = None;
            while let Some(way) = self.ways.pop_back() {
                let before = carried.unwrap_or_else(|| colors.resized(way.size())).along(&way);
                if before.are_lost() {
                    break;
                }
                let left = self.ways.len() as f32;
                let share = if self.is_open { (left / FADE).min(1.0) } else { 1.0 };
                back.push(Carried::new(&before, share));
                carried = Some(before);
            }
        }
        self.ways.clear(); // what lies before has an anchor now
        self.is_open = false;
        Ok(Some(Anchor { frame, colors, back }))
    }
}

/// Gives frames the colors of the anchors in their shot.
#[derive(Default)]
pub(super) struct Anchored {
    /// In order.
    anchors: VecDeque<Anchor>,
    /// Of the last anchor in this shot, carried to the last frame, and how many frames ago it was.
    forth: Option<(Colors, u32)>,
}

impl Anchored {
    pub(super) fn add(&mut self, anchor: Anchor) {
        self.anchors.push_back(anchor);
    }

    pub(super) fn begin_shot(&mut self) {
        self.forth = None;
    }

    /// Mixes the user's colors into what was predicted for a work image of this size. Its link to the
    /// one before, of the same size, is missing at the first of a shot. A stranger takes none but its
    /// own, and gives none.
    pub(super) fn mix(
        &mut self,
        frame: u64,
        role: Role,
        link: Option<&Link>,
        size: (usize, usize),
        chroma: &mut [[f32; 2]],
    ) {
        while self.anchors.front().is_some_and(|anchor| anchor.frame < frame) {
            self.anchors.pop_front();
        }
        let next = self.anchors.front();
        if let Some(anchor) = next.filter(|anchor| anchor.frame == frame) {
            mix(&[(&anchor.colors, 1.0)], chroma);
            if role != Role::Stranger {
                self.forth = Some((anchor.colors.clone(), 0));
            }
            return;
        }
        if role == Role::Stranger {
            return;
        }
        self.forth = match (self.forth.take(), link) {
            (Some((colors, ago)), Some(link)) => Some((colors.along(&link.back), ago + 1)),
            _ => None,
        };
        let back = next.and_then(|anchor| {
            let carried = anchor.back.get((anchor.frame - frame) as usize - 1)?;
            Some((carried.colors().resized(size), anchor.frame - frame))
        });
        // The nearer one counts more.
        let forth = self.forth.as_ref().map(|(colors, ago)| (colors, 1.0 / *ago as f32));
        let back = back.as_ref().map(|(colors, away)| (colors, 1.0 / *away as f32));
        let both: Vec<_> = forth.into_iter().chain(back).collect();
        if !both.is_empty() {
            mix(&both, chroma);
        }
    }
}

/// Mixes colors by their weights and sureness; what none is sure of stays.
fn mix(from: &[(&Colors, f32)], chroma: &mut [[f32; 2]]) {
    for (at, chroma) in chroma.iter_mut().enumerate() {
        let (mut sums, mut unsure) = ([1e-6_f32, 0.0, 0.0], 1.0);
        for (colors, weight) in from {
            let [a, b, sureness] = colors.cells[at];
            sums[0] += weight * sureness;
            sums[1] += weight * a;
            sums[2] += weight * b;
            unsure *= 1.0 - sureness;
        }
        for (i, value) in chroma.iter_mut().enumerate() {
            *value += (1.0 - unsure) * (sums[i + 1] / sums[0] - *value);
        }
    }
}

impl Colors {
    fn of_picture(picture: &ColorPicture, image: &WorkImage) -> Option<Self> {
        let size = image.size();
        let (lightness, chroma) = picture.at(size);
        let own = Plane::new(size, image.lightness().to_vec());
        are_alike(Plane::new(size, lightness), own)
            .then(|| Self { size, cells: chroma.into_iter().map(|[a, b]| [a, b, 1.0]).collect() })
    }

    /// Of what hints change, and of the pixels that they name.
    fn of_hints(hints: &Hints, image: &WorkImage, colorizer: &Colorizer) -> Result<Self> {
        let plain = colorizer.predict(image, &Hints::default())?;
        let hinted = colorizer.predict(image, hints)?;
        let changes = plain.chroma().iter().zip(hinted.chroma());
        let mut sureness: Vec<f32> = changes
            .map(|(plain, hinted)| {
                let changed = (plain[0] - hinted[0]).hypot(plain[1] - hinted[1]);
                (changed / CHANGED).min(1.0)
            })
            .collect();
        for at in hints.regions(image).into_iter().flat_map(|region| region.pixels) {
            sureness[at] = 1.0;
        }
        let cells = hinted.chroma().iter().zip(sureness).map(|([a, b], s)| [a * s, b * s, s]);
        Ok(Self { size: image.size(), cells: cells.collect() })
    }

    /// In the other frame, to whose pixels `way` leads from this frame's place in it.
    fn along(&self, way: &Way) -> Self {
        let (width, height) = way.size();
        let mut cells = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let (place, sureness) = way.of(x, y);
                let stays = (sureness / SURE).min(1.0);
                cells.push(place.read_all(&self.cells).map(|value| stays * value));
            }
        }
        Self { size: way.size(), cells }
    }

    fn resized(&self, (width, height): (usize, usize)) -> Self {
        if self.size == (width, height) {
            return self.clone();
        }
        let (sx, sy) = (self.size.0 as f32 / width as f32, self.size.1 as f32 / height as f32);
        let cells = (0..width * height).map(|i| {
            let (x, y) = ((i % width) as f32 + 0.5, (i / width) as f32 + 0.5);
            Between::of(self.size, x * sx - 0.5, y * sy - 0.5).read_all(&self.cells)
        });
        Self { size: (width, height), cells: cells.collect() }
    }

    fn are_lost(&self) -> bool {
        self.cells.iter().all(|[.., sureness]| *sureness < 0.01)
    }
}

impl Carried {
    fn new(colors: &Colors, share: f32) -> Self {
        let cells = colors.cells.iter().map(|[a, b, sureness]| {
            let part = |value: f32| (PARTS * value / sureness.max(1e-6)).round() as i16;
            ([part(*a), part(*b)], (255.0 * share * sureness).round() as u8)
        });
        Self { size: colors.size, cells: cells.collect() }
    }

    fn colors(&self) -> Colors {
        let cells = self.cells.iter().map(|([a, b], sureness)| {
            let sureness = f32::from(*sureness) / 255.0;
            let whole = |part: i16| sureness * f32::from(part) / PARTS;
            [whole(*a), whole(*b), sureness]
        });
        Colors { size: self.size, cells: cells.collect() }
    }
}
