//! Rows of a result's thumbnail, each made of the few rows of pixels that it needs.

use std::ops::Range;

use polychromify_image::color::profile::Lightness;
use polychromify_image::resample::Resampler;
use polychromify_image::{Layout, SamplesRef};

/// Rows of a thumbnail that are under way.
pub(super) struct ThumbnailRows<'a> {
    conversion: &'a Lightness,
    layout: Layout,
    /// Pixels a row of the result.
    width: usize,
    rows: Vec<Row>,
    lightness: Vec<f32>,
}

/// A row of the thumbnail: a sum of rows of pixels, as [`Resampler`] weights them.
struct Row {
    start: usize,
    weights: Vec<f32>,
    sums: Vec<f32>,
}

impl<'a> ThumbnailRows<'a> {
    /// The given rows of the thumbnail, of `down` rows, of a result of `width` x `height` pixels.
    pub(super) fn new(
        conversion: &'a Lightness,
        layout: Layout,
        (width, height): (usize, usize),
        down: usize,
        rows: impl Iterator<Item = usize>,
    ) -> Self {
        let scale = height as f64 / down as f64;
        let row = |y: usize| {
            let (center, reach) = ((y as f64 + 0.5) * scale, scale.max(1.0));
            let start = (center - reach).floor().max(0.0) as usize;
            let end = ((center + reach).ceil() as usize).min(height);
            let weight = |y: usize| (1.0 - ((y as f64 + 0.5 - center) / reach).abs()).max(0.0);
            let sum: f64 = (start..end).map(weight).sum();
            let weights = (start..end).map(|y| (weight(y) / sum) as f32).collect();
            Row { start, weights, sums: vec![0.0; width] }
        };
        let rows = rows.map(row).collect();
        Self { conversion, layout, width, rows, lightness: Vec::new() }
    }

    /// Whether the pixels of any of these rows count.
    pub(super) fn need(&self, rows: Range<usize>) -> bool {
        self.rows
            .iter()
            .any(|row| row.start < rows.end && rows.start < row.start + row.weights.len())
    }

    /// Adds what counts of the next rows of pixels, of which the first is `y`.
    pub(super) fn add(&mut self, mut y: usize, mut samples: SamplesRef<'_>) {
        while !samples.is_empty() {
            let (row, rest) = samples.split_at(self.width * self.layout.channels());
            if self.need(y..y + 1) {
                self.conversion.convert(self.layout, row, &mut self.lightness);
                self.add_row(y);
            }
            (samples, y) = (rest, y + 1);
        }
    }

    fn add_row(&mut self, y: usize) {
        for row in &mut self.rows {
            let weight = y.checked_sub(row.start).and_then(|i| row.weights.get(i));
            if let Some(&weight) = weight {
                for (sum, lightness) in row.sums.iter_mut().zip(&self.lightness) {
                    *sum += weight * lightness;
                }
            }
        }
    }

    /// The rows of the thumbnail, of `across` pixels.
    pub(super) fn finish(self, across: usize) -> Vec<Vec<f32>> {
        let resampled = |row: Row| {
            let mut resampled = Vec::new();
            let mut resampler = Resampler::new((self.width, 1), (across, 1));
            resampler.push_row(&row.sums, &mut |row| resampled = row.to_vec());
            resampled
        };
        self.rows.into_iter().map(resampled).collect()
    }
}
