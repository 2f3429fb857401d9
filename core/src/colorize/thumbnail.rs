//! The small upright picture of a scan's lightness that a network sees.

use polychromify_image::resample::Resampler;

use crate::Orientation;
use crate::colorize::borders::{Borders, Rectangle};

/// Longest side over shortest of a thumbnail: beyond it a panorama is squeezed, because a strip
/// a few pixels high shows a network nothing.
const MAX_ASPECT: f64 = 4.0;

/// Collects rows of lightness into a thumbnail.
#[derive(Clone, Debug)]
pub struct Thumbnail {
    resampler: Resampler,
    stored_size: (usize, usize),
    orientation: Orientation,
    scan_size: (usize, usize),
    lightness: Vec<f32>,
}

impl Thumbnail {
    /// Starts a thumbnail of a picture stored as `width` x `height` pixels (at least 1), of at
    /// most `area` pixels. A picture that is smaller stays as it is.
    pub fn new(width: u32, height: u32, orientation: Orientation, area: usize) -> Self {
        let scan_size = (width as usize, height as usize);
        let stored_size = thumbnail_size(scan_size, area);
        Self {
            resampler: Resampler::new(scan_size, stored_size),
            stored_size,
            orientation,
            scan_size,
            lightness: Vec::with_capacity(stored_size.0 * stored_size.1),
        }
    }

    /// Adds whole rows of CIE L* (0..=100) from row `y` on; rows come in order from the top.
    ///
    /// # Panics
    ///
    /// When `y` is not the next row, the length no multiple of the width, or rows are too many.
    pub fn push_rows(&mut self, y: u32, lightness: &[f32]) {
        assert_eq!(y as usize, self.resampler.rows_in(), "rows come in order");
        assert_eq!(lightness.len() % self.scan_size.0, 0);
        for row in lightness.chunks_exact(self.scan_size.0) {
            self.resampler.push_row(row, &mut |row| self.lightness.extend_from_slice(row));
        }
    }

    /// The finished thumbnail, with what was found of scan borders.
    ///
    /// # Panics
    ///
    /// When rows are missing.
    pub fn finish(self) -> WorkImage {
        let image = self.finish_whole();
        let borders = Borders::find(&image.lightness, image.width);
        image.with_borders(borders)
    }

    /// The finished thumbnail, all of it taken for picture.
    ///
    /// # Panics
    ///
    /// When rows are missing.
    pub(crate) fn finish_whole(self) -> WorkImage {
        let (width, height) = self.stored_size;
        assert_eq!(self.lightness.len(), width * height, "rows are missing");
        let (upright_width, upright_height) = self.orientation.upright_size(self.stored_size);
        let mut lightness = vec![0.0; width * height];
        for (i, &l) in self.lightness.iter().enumerate() {
            let (x, y) = self.orientation.to_upright((i % width, i / width), self.stored_size);
            lightness[y * upright_width + x] = l;
        }
        WorkImage {
            width: upright_width,
            height: upright_height,
            borders: None,
            lightness,
            orientation: self.orientation,
            scan_size: self.orientation.upright_size(self.scan_size),
        }
    }
}

/// Lightness at work size, upright.
#[derive(Clone, Debug)]
pub struct WorkImage {
    /// Columns.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
    /// CIE L*, 0..=100, row by row.
    pub(crate) lightness: Vec<f32>,
    /// How the scan is stored.
    pub(crate) orientation: Orientation,
    /// Upright size of the scan in pixels.
    pub(crate) scan_size: (usize, usize),
    /// Where the photograph lies in the scan, if not everywhere.
    pub(crate) borders: Option<Borders>,
}

impl WorkImage {
    /// Upright width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// CIE L* (0..=100), upright, row by row.
    pub fn lightness(&self) -> &[f32] {
        &self.lightness
    }

    /// What was found of scan borders: they are not shown to networks, and stay neutral.
    pub fn borders(&self) -> Option<&Borders> {
        self.borders.as_ref()
    }

    /// The same with all of the scan taken for photograph.
    #[must_use]
    pub fn without_borders(self) -> Self {
        self.with_borders(None)
    }

    /// The same with borders that are known from elsewhere.
    pub(crate) fn with_borders(self, borders: Option<Borders>) -> Self {
        Self { borders, ..self }
    }

    /// Values of all pixels, those of borders replaced by the nearest of the picture.
    pub(crate) fn beyond_borders<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let Some(borders) = &self.borders else { return values.to_vec() };
        let area = self.picture();
        let value = |i: usize| {
            let (x, y) = (i % self.width, i / self.width);
            if borders.hold_picture_at(x, y) {
                return values[i];
            }
            let x = x.clamp(area.left, area.right - 1);
            values[y.clamp(area.top, area.bottom - 1) * self.width + x]
        };
        (0..values.len()).map(value).collect()
    }

    /// The same for a scan that is stored upright, as screens show it.
    #[must_use]
    pub fn upright(self) -> Self {
        Self { orientation: Orientation::Upright, ..self }
    }

    /// Upright width and height of the scan in pixels.
    pub fn scan_size(&self) -> (usize, usize) {
        self.scan_size
    }

    /// The same picture with another lightness.
    pub(crate) fn with_lightness(&self, lightness: Vec<f32>) -> Self {
        assert_eq!(lightness.len(), self.lightness.len());
        let Self { width, height, orientation, scan_size, .. } = *self;
        let borders = self.borders.clone();
        Self { width, height, lightness, orientation, scan_size, borders }
    }

    /// The pixels that a network sees.
    pub(crate) fn picture(&self) -> Rectangle {
        let whole = Rectangle { left: 0, top: 0, right: self.width, bottom: self.height };
        // One more, because the first row may be mixed of border and picture.
        self.borders.as_ref().map_or(whole, |borders| borders.inside(1))
    }
}

/// Largest size of at most `area` pixels with the picture's aspect ratio (within
/// [`MAX_ASPECT`]), no side longer than the picture's.
pub(crate) fn thumbnail_size((width, height): (usize, usize), area: usize) -> (usize, usize) {
    if width * height <= area {
        return (width, height);
    }
    let aspect = (width as f64 / height as f64).clamp(1.0 / MAX_ASPECT, MAX_ASPECT);
    let ideal_width = (area as f64 * aspect).sqrt();
    let w = (ideal_width.round() as usize).clamp(1, width);
    let h = ((ideal_width / aspect).round() as usize).clamp(1, height);
    // Rounding may exceed the area by less than one row.
    if w * h <= area {
        (w, h)
    } else if w > h {
        ((area / h).max(1), h)
    } else {
        (w, (area / w).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panorama_costs_no_more_than_a_square() {
        for size in [(4000, 4000), (30000, 500), (500, 30000), (129, 128), (16384, 2), (2, 16384)] {
            let (width, height) = thumbnail_size(size, 128 * 128);
            assert!(width * height <= 128 * 128, "{size:?}: {width} x {height}");
            assert!(width <= size.0 && height <= size.1, "{size:?}: {width} x {height}");
        }
        assert_eq!(thumbnail_size((4000, 4000), 128 * 128), (128, 128));
        assert_eq!(thumbnail_size((40000, 500), 128 * 128), (256, 64));
    }

    #[test]
    fn a_small_picture_is_its_own_thumbnail() {
        let mut thumbnail = Thumbnail::new(3, 2, Orientation::Upright, 100);
        thumbnail.push_rows(0, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let image = thumbnail.finish();
        assert_eq!(image.size(), (3, 2));
        assert_eq!(image.lightness(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn a_scan_stored_on_its_side_is_shown_upright() {
        let mut thumbnail = Thumbnail::new(3, 2, Orientation::Rotate90, 100);
        thumbnail.push_rows(0, &[1.0, 2.0, 3.0]);
        thumbnail.push_rows(1, &[4.0, 5.0, 6.0]);
        let image = thumbnail.finish();
        assert_eq!(image.size(), (2, 3));
        assert_eq!(image.lightness(), [4.0, 1.0, 5.0, 2.0, 6.0, 3.0]);
    }
}
