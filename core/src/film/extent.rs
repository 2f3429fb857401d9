//! Where in the frames of a shot the picture lies: within letterboxes, pillarboxes, rebates.
//!
//! One frame does not tell: a night scene may be dark up to the straight frame of a window. So borders
//! are looked for in each pixel at its brightest in the shot so far. There a fade shows its picture, what
//! moves has lit up all that is picture, and a border is as dark as ever.

use crate::WorkImage;
use crate::colorize::borders::Borders;

/// By how much L* a pixel has to be brighter than when borders were looked for to count as changed.
const BRIGHTER: f32 = 4.0;
/// Share of changed pixels from which on borders are looked for anew.
const CHANGED: f32 = 0.02;
/// Least share of a border that is dark: there may be perforations and numbers in it.
const DARK: f32 = 0.7;
/// Share of a border that lights up in a frame in which it is none.
const LIT: f32 = 0.05;

/// Where the picture lies in the frames of a shot, by those up to one.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    /// L* of each pixel at its brightest.
    brightest: Vec<f32>,
    /// The same when borders were looked for.
    judged: Vec<f32>,
    borders: Option<Borders>,
}

impl Extent {
    /// By the first frame of a shot.
    pub(super) fn new(image: &WorkImage) -> Self {
        let brightest = image.lightness().to_vec();
        let borders = find(&brightest, image.size().0);
        Self { judged: brightest.clone(), brightest, borders }
    }

    /// By one frame more.
    pub(super) fn with(&self, image: &WorkImage) -> Self {
        let all = self.brightest.iter().zip(image.lightness());
        let brightest: Vec<f32> = all.map(|(before, now)| before.max(*now)).collect();
        let pairs = brightest.iter().zip(&self.judged);
        let changed = pairs.filter(|(now, judged)| **now > **judged + BRIGHTER).count();
        let is_lit = self.is_lit(image);
        if changed as f32 <= CHANGED * brightest.len() as f32 && !is_lit {
            return Self { brightest, judged: self.judged.clone(), borders: self.borders.clone() };
        }
        let found = find(&brightest, image.size().0);
        // Dust adds up to light that no frame has, so what was found stays unless there is more of it.
        let borders = match (&self.borders, found) {
            (Some(before), found) if !is_lit && !is_larger(found.as_ref(), before) => {
                Some(before.clone())
            }
            (_, found) => found,
        };
        Self { judged: brightest.clone(), brightest, borders }
    }

    /// Whether a part of the borders is bright in a frame that was dark when they were looked for.
    fn is_lit(&self, image: &WorkImage) -> bool {
        self.borders.as_ref().is_some_and(|borders| {
            let dark = [&self.judged, image.lightness()].map(|seen| borders.dark_pixels(seen));
            dark[0] as f32 - dark[1] as f32 > LIT * borders.pixels() as f32
        })
    }

    pub(super) fn borders(&self) -> Option<&Borders> {
        self.borders.as_ref()
    }
}

fn find(brightest: &[f32], width: usize) -> Option<Borders> {
    let found = Borders::find_in_film(brightest, width)?;
    (found.dark_pixels(brightest) as f32 >= DARK * found.pixels() as f32).then_some(found)
}

fn is_larger(found: Option<&Borders>, before: &Borders) -> bool {
    found.is_some_and(|found| found.pixels() > before.pixels())
}
