//! Second pass: rows of a result in color, pulled band by band by the format that writes them.

use polychromify_image::color::profile::Lightness;
use polychromify_image::resample::Resampler;
use polychromify_image::{Error, Layout, Result, Samples, SamplesMut, SamplesRef};

use super::Paint;
use super::rows::Rows;

/// Painted rows from the top.
pub(crate) struct ColorRows<'a> {
    rows: Rows<'a>,
    /// Layout of the source's rows.
    source: Layout,
    /// Layout of the result's rows.
    layout: Layout,
    conversion: &'a Lightness,
    paint: &'a Paint<'a>,
    band_rows: usize,
    width: u32,
    height: u32,
    /// First row of the next band.
    y: u32,
    shrink: Option<Shrink>,
    lightness: Vec<f32>,
    alpha: Samples,
    rgb: Samples,
    pixels: Samples,
}

/// Makes rows of another size.
struct Shrink {
    lightness: Resampler,
    alpha: Resampler,
    row: Vec<f32>,
    /// Rows that are done and not painted.
    ready: Vec<f32>,
    ready_alpha: Vec<f32>,
}

impl<'a> ColorRows<'a> {
    pub(crate) fn new(
        rows: Rows<'a>,
        source: Layout,
        layout: Layout,
        ((from_width, from_height), (width, height)): ((u32, u32), (u32, u32)),
        conversion: &'a Lightness,
        paint: &'a Paint<'a>,
        band_rows: usize,
    ) -> Self {
        let shrink = ((from_width, from_height) != (width, height)).then(|| {
            let from = (from_width as usize, from_height as usize);
            let to = (width as usize, height as usize);
            Shrink {
                lightness: Resampler::new(from, to),
                alpha: Resampler::new(from, to),
                row: Vec::new(),
                ready: Vec::new(),
                ready_alpha: Vec::new(),
            }
        });
        let depth = layout.depth;
        Self {
            rows,
            source,
            layout,
            conversion,
            paint,
            band_rows: band_rows.max(1),
            width,
            height,
            y: 0,
            shrink,
            lightness: Vec::new(),
            alpha: Samples::new(depth),
            rgb: Samples::new(depth),
            pixels: Samples::new(depth),
        }
    }

    /// Lightness and alpha of the source's next band.
    fn copy_band(&mut self) -> Result<()> {
        let Some(samples) = self.rows.next(self.band_rows)? else { return Ok(()) };
        self.conversion.convert(self.source, samples, &mut self.lightness);
        if self.layout.alpha {
            let channels = self.source.channels();
            self.alpha.set_channel(samples, channels - 1, channels);
        }
        Ok(())
    }

    /// Lightness and alpha of a band at the result's size.
    fn shrink_band(&mut self) -> Result<()> {
        let Some(shrink) = &mut self.shrink else { return Ok(()) };
        let (from, width) = (self.source.channels(), self.rows.width());
        shrink.ready.clear();
        shrink.ready_alpha.clear();
        while shrink.ready.is_empty() {
            let Some(samples) = self.rows.next(self.band_rows)? else { break };
            self.conversion.convert(self.source, samples, &mut shrink.row);
            for row in shrink.row.chunks_exact(width) {
                let ready = &mut shrink.ready;
                shrink.lightness.push_row(row, &mut |row| ready.extend_from_slice(row));
            }
            if self.layout.alpha {
                self.alpha.set_channel(samples, from - 1, from);
                let values = self.alpha.to_f32();
                for row in values.chunks_exact(width) {
                    let ready = &mut shrink.ready_alpha;
                    shrink.alpha.push_row(row, &mut |row| ready.extend_from_slice(row));
                }
            }
        }
        self.lightness.clear();
        self.lightness.extend_from_slice(&shrink.ready);
        if self.layout.alpha {
            self.alpha.set_rounded(&shrink.ready_alpha);
        }
        Ok(())
    }
}

impl polychromify_image::Rows for ColorRows<'_> {
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn next(&mut self) -> Result<Option<SamplesRef<'_>>> {
        if self.y == self.height {
            return Ok(None);
        }
        if self.shrink.is_some() {
            self.shrink_band()?;
        } else {
            self.copy_band()?;
        }
        let width = self.width as usize;
        let rows = self.lightness.len() / width;
        if rows == 0 {
            return Err(Error::Damaged("rows are missing".into()));
        }
        self.rgb.resize(3 * self.lightness.len());
        let rgb = match &mut self.rgb {
            Samples::Eight(v) => SamplesMut::Eight(v),
            Samples::Sixteen(v) => SamplesMut::Sixteen(v),
            Samples::Float(v) => SamplesMut::Float(v),
        };
        (self.paint)(self.y, &self.lightness, rgb);
        self.y += rows as u32;
        if !self.layout.alpha {
            return Ok(Some(self.rgb.all()));
        }
        join(&self.rgb, &self.alpha, &mut self.pixels);
        Ok(Some(self.pixels.all()))
    }
}

/// Interleaves color and alpha.
fn join(rgb: &Samples, alpha: &Samples, into: &mut Samples) {
    fn join<T: Copy>(rgb: &[T], alpha: &[T], into: &mut Vec<T>) {
        into.extend(rgb.chunks_exact(3).zip(alpha).flat_map(|(c, &a)| [c[0], c[1], c[2], a]));
    }
    into.clear();
    match (rgb, alpha, into) {
        (Samples::Eight(rgb), Samples::Eight(alpha), Samples::Eight(into)) => {
            join(rgb, alpha, into);
        }
        (Samples::Sixteen(rgb), Samples::Sixteen(alpha), Samples::Sixteen(into)) => {
            join(rgb, alpha, into);
        }
        (Samples::Float(rgb), Samples::Float(alpha), Samples::Float(into)) => {
            join(rgb, alpha, into);
        }
        _ => unreachable!("a result has one depth"),
    }
}
