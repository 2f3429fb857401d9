//! A scan's colors, seen small.

use polychromify_image::SamplesRef;
use polychromify_image::color::profile::samples_to_linear;
use polychromify_image::resample::Resampler;

use super::Scan;
use super::rows::Rows;
use crate::colorize::picture::ColorPicture;
use crate::colorize::thumbnail::thumbnail_size;
use crate::{Error, Result};

/// Most pixels that are of any use where a network sees as many.
const AREA: usize = 1 << 16;

/// Rows that are read together.
const BAND: usize = 64;

impl Scan {
    /// Reads the colors of the selected page, made as small as they are of use; `None`: it is gray.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is damaged.
    pub fn read_colors(&mut self) -> Result<Option<ColorPicture>> {
        let layout = self.header.layout;
        if !layout.color {
            return Ok(None);
        }
        let size = (self.info.width as usize, self.info.height as usize);
        let small = thumbnail_size(size, AREA);
        let mut resamplers = [(); 3].map(|()| Resampler::new(size, small));
        let mut planes = [(); 3].map(|()| Vec::with_capacity(small.0 * small.1));
        let failed = || Error::in_image(&self.path);
        let rows = Rows::new(&self.limits, &self.header, &mut self.reader, self.kept.as_ref());
        let mut rows = rows.map_err(failed())?;
        while let Some(band) = rows.next(BAND).map_err(failed())? {
            let parts: Vec<f32> = match band {
                SamplesRef::Eight(samples) => {
                    samples.iter().map(|v| f32::from(*v) / 255.0).collect()
                }
                SamplesRef::Sixteen(samples) => {
                    samples.iter().map(|v| f32::from(*v) / 65535.0).collect()
                }
                SamplesRef::Float(samples) => samples.to_vec(),
            };
            for row in parts.chunks_exact(size.0 * layout.channels()) {
                for (channel, (resampler, plane)) in
                    resamplers.iter_mut().zip(&mut planes).enumerate()
                {
                    let samples: Vec<f32> =
                        row.chunks_exact(layout.channels()).map(|pixel| pixel[channel]).collect();
                    resampler.push_row(&samples, &mut |row| plane.extend_from_slice(row));
                }
            }
        }
        let [red, green, blue] = &planes;
        let mut rgb: Vec<f32> =
            red.iter().zip(green).zip(blue).flat_map(|((r, g), b)| [*r, *g, *b]).collect();
        samples_to_linear(&self.header.space, &mut rgb);
        Ok(Some(ColorPicture::new(small, self.info.orientation, &rgb)))
    }
}
