//! The user's color hints: discs or a painted picture, and how their colors spread.

mod mask;
mod region;
mod spread;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::colorize::thumbnail::WorkImage;
use crate::error::{Error, Result};
pub use mask::HintMask;
pub(crate) use region::HintRegion;
use region::chroma_of;
pub(crate) use spread::{Mixing, spread};

/// One hint, in upright pixels of the scan.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// Column of the center, in pixels.
    pub x: f32,
    /// Row of the center, in pixels.
    pub y: f32,
    /// Radius in pixels, at least 0.
    pub radius: f32,
    /// sRGB color, 0..=255; its chroma is wanted, its lightness is the scan's.
    pub rgb: [u8; 3],
    /// Page of a file of several, from 1.
    #[serde(default = "first_page")]
    pub page: usize,
}

fn first_page() -> usize {
    1
}

/// Color hints, none by default.
#[derive(Clone, Debug, PartialEq)]
pub enum Hints {
    /// Discs, as a hints file lists them.
    Discs(Vec<Hint>),
    /// A picture that was painted over a scan of one page.
    Mask(HintMask),
}

impl Default for Hints {
    fn default() -> Self {
        Self::Discs(Vec::new())
    }
}

impl Hints {
    /// Reads a JSON list of hints: `[{"x": 10, "y": 20, "radius": 5, "rgb": [200, 30, 30]}, ..]`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not such a list, or a number is negative or not finite.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(Error::io(path, "read"))?;
        let refused = |reason: String| Error::Hints { path: path.to_path_buf(), reason };
        let hints: Vec<Hint> =
            serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
        for (i, hint) in hints.iter().enumerate() {
            if [hint.x, hint.y, hint.radius].iter().any(|v| !v.is_finite() || *v < 0.0) {
                return Err(refused(format!(
                    "hint {}: x, y and radius are pixels, 0 or more",
                    i + 1
                )));
            }
        }
        Ok(Self::Discs(hints))
    }

    /// The hints of a page, counted from 0.
    #[must_use]
    pub fn of_page(&self, page: usize) -> Self {
        match self {
            Self::Discs(hints) => {
                Self::Discs(hints.iter().filter(|hint| hint.page == page + 1).cloned().collect())
            }
            Self::Mask(_) => self.clone(),
        }
    }

    /// Numbers, from 1, of the hints of a page, counted from 0, whose centers lie outside its
    /// `(width, height)` upright pixels.
    pub fn outside(
        &self,
        page: usize,
        (width, height): (usize, usize),
    ) -> impl Iterator<Item = usize> {
        let inside = move |hint: &Hint| hint.x < width as f32 && hint.y < height as f32;
        let outside = move |hint: &Hint| hint.page == page + 1 && !inside(hint);
        (1..).zip(self.discs()).filter(move |(_, hint)| outside(hint)).map(|(number, _)| number)
    }

    /// Numbers, from 1, of the hints whose page is none of a file's.
    pub fn beyond(&self, pages: usize) -> impl Iterator<Item = usize> {
        let beyond = move |hint: &Hint| !(1..=pages).contains(&hint.page);
        (1..).zip(self.discs()).filter(move |(_, hint)| beyond(hint)).map(|(number, _)| number)
    }

    /// How a result's label tells of them, such as `3 color hints by the user`; `None` if there are
    /// none.
    pub fn summary(&self) -> Option<String> {
        match self {
            Self::Discs(hints) if hints.is_empty() => None,
            Self::Discs(hints) => Some(format!("{} color hints by the user", hints.len())),
            Self::Mask(_) => Some("painted color hints by the user".to_owned()),
        }
    }

    fn discs(&self) -> &[Hint] {
        if let Self::Discs(hints) = self { hints } else { &[] }
    }

    /// How the colors of hints mix that are near to each other: what is painted is meant exactly.
    pub(crate) fn mixing(&self) -> Mixing {
        if let Self::Mask(_) = self { Mixing::Nearest } else { Mixing::Weights }
    }

    /// The hints as a work image shows them.
    pub(crate) fn regions(&self, image: &WorkImage) -> Vec<HintRegion> {
        match self {
            Self::Discs(hints) => hints.iter().map(|hint| hint.region(image)).collect(),
            Self::Mask(mask) => mask.regions(image.size()),
        }
    }
}

impl Hint {
    /// The pixels of the disc: at least the one that the center is in, unless it lies outside.
    fn region(&self, image: &WorkImage) -> HintRegion {
        let (width, height) = (image.width, image.height);
        let (scan_width, scan_height) = image.scan_size;
        let scale = [width as f32 / scan_width as f32, height as f32 / scan_height as f32];
        let center = [self.x * scale[0] - 0.5, self.y * scale[1] - 0.5];
        // A hint reaches one work pixel at least, however small it is on the scan.
        let radius = (self.radius * scale[0].max(scale[1])).max(0.71);
        let span = |c: f32, length: usize| {
            let first = (c - radius).ceil().max(0.0) as usize;
            let last = (c + radius).floor().min(length as f32 - 1.0);
            first..(last.max(-1.0) + 1.0) as usize
        };
        let inside =
            |x: usize, y: usize| libm::hypotf(x as f32 - center[0], y as f32 - center[1]) <= radius;
        let pixels = span(center[1], height)
            .flat_map(|y| span(center[0], width).map(move |x| (x, y)))
            .filter(|&(x, y)| inside(x, y))
            .map(|(x, y)| y * width + x);
        HintRegion { chroma: chroma_of(self.rgb), pixels: pixels.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Hints> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hints.json");
        std::fs::write(&path, text).unwrap();
        Hints::read(&path)
    }

    #[test]
    fn a_list_of_hints_is_read() {
        let hints = read(r#"[{"x": 1, "y": 2.5, "radius": 3, "rgb": [255, 0, 10]}]"#).unwrap();
        assert_eq!(
            hints.discs(),
            [Hint { x: 1.0, y: 2.5, radius: 3.0, rgb: [255, 0, 10], page: 1 }]
        );
    }

    #[test]
    fn hints_outside_a_picture_are_told_by_number() {
        let at = |x, y| Hint { x, y, radius: 1.0, rgb: [0, 0, 0], page: 1 };
        let hints = Hints::Discs(vec![at(0.0, 0.0), at(10.0, 0.0), at(9.0, 19.0), at(9.0, 20.0)]);
        assert_eq!(hints.outside(0, (10, 20)).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn a_hint_belongs_to_one_page() {
        let text = r#"[{"x": 1, "y": 2, "radius": 3, "rgb": [0, 0, 0]},
            {"x": 50, "y": 2, "radius": 3, "rgb": [0, 0, 0], "page": 2}]"#;
        let hints = read(text).unwrap();
        assert_eq!(hints.of_page(0).discs(), &hints.discs()[..1]);
        assert_eq!(hints.of_page(1).discs(), &hints.discs()[1..]);
        assert_eq!(hints.outside(0, (10, 10)).count(), 0);
        assert_eq!(hints.outside(1, (10, 10)).collect::<Vec<_>>(), [2]);
        assert_eq!(hints.beyond(1).collect::<Vec<_>>(), [2]);
        assert_eq!(hints.beyond(2).count(), 0);
    }

    #[test]
    fn what_is_no_list_of_hints_is_refused_with_file_and_reason() {
        for (text, reason) in [
            ("{}", "expected a sequence"),
            (r#"[{"x": 1, "y": 2, "radius": 3}]"#, "missing field `rgb`"),
            (r#"[{"x": 1, "y": 2, "radius": 3, "rgb": [256, 0, 0]}]"#, "256"),
            (r#"[{"x": -1, "y": 2, "radius": 3, "rgb": [0, 0, 0]}]"#, "hint 1"),
            (r#"[{"x": 1, "y": 2, "radius": 3, "rgb": [0, 0, 0], "color": 1}]"#, "color"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains("hints.json") && message.contains(reason), "{message}");
        }
    }
}
