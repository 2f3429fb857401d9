//! First pass: lightness of the scan, and whether it has colors.

use polychromify_image::color::profile::samples_to_linear;
use polychromify_image::{Samples, SamplesRef};

use super::Scan;
use super::rows::Rows;
use crate::colorize::thumbnail::WorkImage;
use crate::colorize::tone::{Cells, Toning};
use crate::{Error, Result};

impl Scan {
    /// First pass: hands CIE L* (D65, 0..=100; of the positive, if the scan is a negative) of whole
    /// rows to `sink(y, lightness)`, from the top.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is damaged, or `sink` fails.
    pub fn read_lightness(
        &mut self,
        band_rows: usize,
        sink: &mut dyn FnMut(u32, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let layout = self.header.layout;
        let (width, height) = (self.info.width, self.info.height);
        let bytes = layout.bytes(width, height.into());
        let mut keep = None;
        if self.kept.is_none() && !self.reader.holds_all() && bytes <= self.reader.memory_left() {
            let mut samples = Samples::new(layout.depth);
            let count = width as usize * height as usize * layout.channels();
            // Where the machine has no memory for them, they are decoded twice.
            keep = samples.reserve_exact(count).is_ok().then_some(samples);
        }
        let mut cells = layout.color.then(|| Cells::new(width, height));
        let failed = || Error::in_image(&self.path);
        let rows = Rows::new(&self.limits, &self.header, &mut self.reader, self.kept.as_ref());
        let mut rows = rows.map_err(failed())?;
        let mut lightness = Vec::new();
        let mut y = 0;
        while let Some(band) = rows.next(band_rows).map_err(failed())? {
            self.conversion.convert(layout, band, &mut lightness);
            if self.inverted {
                for l in &mut lightness {
                    *l = 100.0 - *l;
                }
            }
            if let Some(samples) = &mut keep {
                samples.extend(band);
            }
            if let Some(cells) = &mut cells {
                let channels = layout.channels();
                match band {
                    SamplesRef::Eight(samples) => cells.add(y, samples, channels, 255.0),
                    SamplesRef::Sixteen(samples) => cells.add(y, samples, channels, 65535.0),
                    SamplesRef::Float(samples) => cells.add(y, samples, channels, 1.0),
                }
            }
            sink(y, &lightness)?;
            y += (lightness.len() / width as usize) as u32;
        }
        if keep.is_some() {
            self.kept = keep;
        }
        self.cells = cells;
        let notices = self.reader.take_notices();
        self.keep(notices);
        Ok(())
    }

    /// Whether the scan shows colors, once [`Scan::read_lightness`] has read it: within the borders
    /// of its thumbnail. `None`: it was not read.
    pub fn toning(&self, image: &WorkImage) -> Option<Toning> {
        if !self.header.layout.color {
            return Some(Toning::GRAY);
        }
        let to_linear = |rgb: &mut [f32]| samples_to_linear(&self.header.space, rgb);
        self.cells.as_ref().map(|cells| cells.judge(image, to_linear))
    }

    /// Reads the selected page to its end, as far as `is_stopped` does not say otherwise, and hands
    /// it to nobody: what is damaged shows.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is damaged, or [`Error::Cancelled`].
    pub fn read_through(&mut self, band_rows: usize, is_stopped: &dyn Fn() -> bool) -> Result<()> {
        let failed = || Error::in_image(&self.path);
        let rows = Rows::new(&self.limits, &self.header, &mut self.reader, self.kept.as_ref());
        let mut rows = rows.map_err(failed())?;
        while rows.next(band_rows).map_err(failed())?.is_some() {
            if is_stopped() {
                return Err(Error::Cancelled);
            }
        }
        Ok(())
    }
}
