//! Rows of a result's thumbnail, each made of the few rows of pixels that it needs.

use std::ops::Range;

use polychromify_image::color::profile::Lightness;
use polychromify_image::resample::{Tap, taps};
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

/// A row of the thumbnail: a sum of rows of pixels.
struct Row {
    tap: Tap,
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
        let taps = taps(height, down);
        let row = |y: usize| Row { tap: taps[y].clone(), sums: vec![0.0; width] };
        let rows = rows.map(row).collect();
        Self { conversion, layout, width, rows, lightness: Vec::new() }
    }

    /// Whether the pixels of any of these rows count.
    pub(super) fn need(&self, rows: Range<usize>) -> bool {
        let needs = |row: &Row| {
            let inputs = row.tap.inputs();
            inputs.start < rows.end && rows.start < inputs.end
        };
        self.rows.iter().any(needs)
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
            if let Some(weight) = row.tap.weight(y) {
                for (sum, lightness) in row.sums.iter_mut().zip(&self.lightness) {
                    *sum += weight * lightness;
                }
            }
        }
    }

    /// The rows of the thumbnail, of `across` pixels.
    pub(super) fn finish(self, across: usize) -> Vec<Vec<f32>> {
        let columns = taps(self.width, across);
        let resampled = |row: Row| columns.iter().map(|tap| tap.apply(&row.sums)).collect();
        self.rows.into_iter().map(resampled).collect()
    }
}
