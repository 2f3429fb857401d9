//! A picture in colors, seen small: what the user gives in place of a prediction.

use polychromify_image::color::lab::Lab;
use polychromify_image::resample::Resampler;

use crate::Orientation;

/// A picture in colors, upright, of at most some area.
#[derive(Clone, Debug)]
pub struct ColorPicture {
    size: (usize, usize),
    /// L*, a* and b*, each row by row.
    planes: [Vec<f32>; 3],
}

impl ColorPicture {
    /// From linear sRGB of the pixels of a picture, as stored.
    pub(crate) fn new(stored: (usize, usize), orientation: Orientation, linear: &[f32]) -> Self {
        let size = orientation.upright_size(stored);
        let mut planes = [(); 3].map(|()| vec![0.0; stored.0 * stored.1]);
        for (i, rgb) in linear.chunks_exact(3).enumerate() {
            let (x, y) = orientation.to_upright((i % stored.0, i / stored.0), stored);
            let lab = Lab::from_linear([rgb[0], rgb[1], rgb[2]].map(|v| v.clamp(0.0, 1.0)));
            let at = y * size.0 + x;
            (planes[0][at], planes[1][at], planes[2][at]) = (lab.l, lab.a, lab.b);
        }
        Self { size, planes }
    }

    /// From linear sRGB of the pixels of an upright picture, row by row.
    ///
    /// # Panics
    ///
    /// When there are not as many pixels as columns times rows.
    pub fn from_linear(size: (usize, usize), linear: &[f32]) -> Self {
        assert_eq!(linear.len(), 3 * size.0 * size.1);
        Self::new(size, Orientation::Upright, linear)
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Lightness (CIE L*), and a* and b*, of each pixel at another size, row by row.
    pub(crate) fn at(&self, size: (usize, usize)) -> (Vec<f32>, Vec<[f32; 2]>) {
        let [lightness, a, b] = [0, 1, 2].map(|plane| {
            let mut resampler = Resampler::new(self.size, size);
            let mut resized = Vec::with_capacity(size.0 * size.1);
            for row in self.planes[plane].chunks_exact(self.size.0) {
                resampler.push_row(row, &mut |row| resized.extend_from_slice(row));
            }
            resized
        });
        (lightness, a.into_iter().zip(b).map(|(a, b)| [a, b]).collect())
    }
}
