//! A scan as it looks: 8-bit sRGB, for screens.

use polychromify_image::color::lab::{self, RgbSpace};
use polychromify_image::color::profile::samples_to_linear;
use polychromify_image::{SamplesMut, SamplesRef};

use super::Scan;
use super::rows::Rows;
use crate::{Error, Result};

impl Scan {
    /// Whether the selected page holds colors and not lightness alone.
    pub fn has_colors(&self) -> bool {
        self.header.layout.color
    }

    /// Hands the selected page to `sink(y, rgb)` in interleaved 8-bit sRGB, in whole rows from the top,
    /// as it looks through its profile: opaque, and a negative as one.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is damaged, or `sink` fails.
    pub fn read_srgb(
        &mut self,
        band_rows: usize,
        sink: &mut dyn FnMut(u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let (layout, width) = (self.header.layout, self.info.width as usize);
        let failed = || Error::in_image(&self.path);
        let rows = Rows::new(&self.limits, &self.header, &mut self.reader, self.kept.as_ref());
        let mut rows = rows.map_err(failed())?;
        let mut planes = [Vec::new(), Vec::new(), Vec::new()];
        let (mut rgb, mut y) = (Vec::new(), 0);
        while let Some(band) = rows.next(band_rows).map_err(failed())? {
            let pixels = band.len() / layout.channels();
            rgb.resize(3 * pixels, 0);
            if layout.color {
                let mut linear = colors(band, layout.channels());
                samples_to_linear(&self.header.space, &mut linear);
                for (c, plane) in planes.iter_mut().enumerate() {
                    plane.clear();
                    plane.extend(linear.chunks_exact(3).map(|pixel| pixel[c].clamp(0.0, 1.0)));
                }
            } else {
                let [l, a, b] = &mut planes;
                self.conversion.convert(layout, band, l);
                for plane in [&mut *a, &mut *b] {
                    plane.clear();
                    plane.resize(pixels, 0.0);
                }
                lab::chroma_rows_to_linear(RgbSpace::Srgb, l, a, b);
            }
            let [r, g, b] = &mut planes;
            lab::encode_rows(RgbSpace::Srgb, r, g, b, SamplesMut::Eight(&mut rgb));
            sink(y, &rgb)?;
            y += (pixels / width) as u32;
        }
        Ok(())
    }
}

/// Red, green and blue, 0..=1, without alpha.
fn colors(band: SamplesRef<'_>, channels: usize) -> Vec<f32> {
    fn scaled<T: Copy + Into<f32>>(samples: &[T], channels: usize, full: f32) -> Vec<f32> {
        let pixels = samples.chunks_exact(channels).flat_map(|pixel| &pixel[..3]);
        pixels.map(|&value| value.into() / full).collect()
    }
    match band {
        SamplesRef::Eight(samples) => scaled(samples, channels, 255.0),
        SamplesRef::Sixteen(samples) => scaled(samples, channels, 65535.0),
        SamplesRef::Float(samples) => scaled(samples, channels, 1.0),
    }
}
