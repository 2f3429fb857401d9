//! The user's color hints: positions and colors, and how they spread.

mod spread;

use std::path::Path;

use polychromify_image::color::lab::Lab;
use serde::{Deserialize, Serialize};

use crate::colorize::thumbnail::WorkImage;
use crate::error::{Error, Result};
pub(crate) use spread::spread;

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

/// A list of hints, empty by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hints(pub Vec<Hint>);

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
        Ok(Self(hints))
    }

    /// The hints of a page, counted from 0.
    #[must_use]
    pub fn of_page(&self, page: usize) -> Self {
        Self(self.0.iter().filter(|hint| hint.page == page + 1).cloned().collect())
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
        (1..).zip(&self.0).filter(move |(_, hint)| outside(hint)).map(|(number, _)| number)
    }

    /// Numbers, from 1, of the hints whose page is none of a file's.
    pub fn beyond(&self, pages: usize) -> impl Iterator<Item = usize> {
        let beyond = move |hint: &Hint| !(1..=pages).contains(&hint.page);
        (1..).zip(&self.0).filter(move |(_, hint)| beyond(hint)).map(|(number, _)| number)
    }
}

/// A hint on a work image.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    /// `(a, b)`, in -128..=127.
    pub(crate) chroma: [f32; 2],
    /// Pixels of the disc, by index; at least the one that the center is in, unless it lies
    /// outside.
    pub(crate) pixels: Vec<usize>,
}

/// The hints as a work image shows them.
pub(crate) fn spots(image: &WorkImage, hints: &Hints) -> Vec<Spot> {
    let (width, height) = (image.width, image.height);
    let scale = [width as f32 / image.scan_size.0 as f32, height as f32 / image.scan_size.1 as f32];
    let spot = |hint: &Hint| {
        let color = Lab::from_srgb(hint.rgb.map(|v| f32::from(v) / 255.0));
        let center = [hint.x * scale[0] - 0.5, hint.y * scale[1] - 0.5];
        // A hint reaches one work pixel at least, however small it is on the scan.
        let radius = (hint.radius * scale[0].max(scale[1])).max(0.71);
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
        Spot { chroma: [color.a, color.b], pixels: pixels.collect() }
    };
    hints.0.iter().map(spot).collect()
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
        assert_eq!(hints.0, [Hint { x: 1.0, y: 2.5, radius: 3.0, rgb: [255, 0, 10], page: 1 }]);
    }

    #[test]
    fn hints_outside_a_picture_are_told_by_number() {
        let at = |x, y| Hint { x, y, radius: 1.0, rgb: [0, 0, 0], page: 1 };
        let hints = Hints(vec![at(0.0, 0.0), at(10.0, 0.0), at(9.0, 19.0), at(9.0, 20.0)]);
        assert_eq!(hints.outside(0, (10, 20)).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn a_hint_belongs_to_one_page() {
        let text = r#"[{"x": 1, "y": 2, "radius": 3, "rgb": [0, 0, 0]},
            {"x": 50, "y": 2, "radius": 3, "rgb": [0, 0, 0], "page": 2}]"#;
        let hints = read(text).unwrap();
        assert_eq!(hints.of_page(0).0, hints.0[..1]);
        assert_eq!(hints.of_page(1).0, hints.0[1..]);
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
