//! Streaming antialiased resampling of rows, for thumbnails and access copies.

use std::ops::Range;

/// How one output sample is made of input samples: `weights` from `start` on, summing to 1.
#[derive(Clone, Debug)]
pub struct Tap {
    start: usize,
    weights: Vec<f32>,
}

impl Tap {
    /// The input samples that count.
    pub fn inputs(&self) -> Range<usize> {
        self.start..self.start + self.weights.len()
    }

    /// What an input sample counts, if it does.
    pub fn weight(&self, input: usize) -> Option<f32> {
        self.weights.get(input.checked_sub(self.start)?).copied()
    }

    /// The output sample of all input samples.
    pub fn apply(&self, inputs: &[f32]) -> f32 {
        inputs[self.inputs()].iter().zip(&self.weights).map(|(v, w)| v * w).sum()
    }
}

/// Resamples rows of f32 with a triangle filter that is widened by the reduction, so that every
/// input sample counts (Pillow's `BILINEAR`, `image`'s `Triangle`). Rows go in in order and come
/// out in order; only the rows under way are held.
#[derive(Clone, Debug)]
pub struct Resampler {
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    from_width: usize,
    next_input: usize,
    next_output: usize,
    /// Sums for the output rows from `next_output` on that have begun, at input width.
    open: std::collections::VecDeque<Vec<f32>>,
}

impl Resampler {
    /// From `(width, height)` to another `(width, height)`, all at least 1.
    pub fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        Self {
            columns: taps(from.0, to.0),
            rows: taps(from.1, to.1),
            from_width: from.0,
            next_input: 0,
            next_output: 0,
            open: std::collections::VecDeque::new(),
        }
    }

    /// Rows added so far.
    pub fn rows_in(&self) -> usize {
        self.next_input
    }

    /// Adds the next row; calls `sink` with each row of the result that this completes.
    ///
    /// # Panics
    ///
    /// When the row has not the width announced, or there are more rows than announced.
    pub fn push_row(&mut self, row: &[f32], sink: &mut dyn FnMut(&[f32])) {
        assert_eq!(row.len(), self.from_width);
        let y = self.next_input;
        assert!(y < self.rows.last().map_or(0, |tap| tap.inputs().end));
        self.next_input += 1;
        for (i, tap) in self.rows[self.next_output..].iter().enumerate() {
            if tap.start > y {
                break;
            }
            if i == self.open.len() {
                self.open.push_back(vec![0.0; self.from_width]);
            }
            if let Some(weight) = tap.weight(y) {
                for (sum, &v) in self.open[i].iter_mut().zip(row) {
                    *sum += weight * v;
                }
            }
        }
        while self.next_output < self.rows.len() {
            let tap = &self.rows[self.next_output];
            if tap.inputs().end > self.next_input {
                break;
            }
            let Some(sums) = self.open.pop_front() else { break };
            let finished: Vec<f32> = self.columns.iter().map(|tap| tap.apply(&sums)).collect();
            self.next_output += 1;
            sink(&finished);
        }
    }
}

/// How each of `to` samples is made of `from` samples.
///
/// Pixel centers lie at half integers; the filter's support is one output or one input pixel,
/// whichever is larger, on each side.
pub fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let support = scale.max(1.0);
    (0..to)
        .map(|i| {
            let center = (i as f64 + 0.5) * scale;
            let start = (center - support).floor().max(0.0) as usize;
            let end = ((center + support).ceil() as usize).min(from);
            let raw: Vec<f64> = (start..end)
                .map(|x| (1.0 - ((x as f64 + 0.5 - center) / support).abs()).max(0.0))
                .collect();
            let sum: f64 = raw.iter().sum();
            Tap { start, weights: raw.iter().map(|w| (w / sum) as f32).collect() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resampled(rows: &[Vec<f32>], to: (usize, usize)) -> Vec<Vec<f32>> {
        let mut resampler = Resampler::new((rows[0].len(), rows.len()), to);
        let mut out = Vec::new();
        for row in rows {
            resampler.push_row(row, &mut |row| out.push(row.to_vec()));
        }
        out
    }

    #[test]
    fn every_size_comes_out_whole() {
        for from in [1, 2, 3, 7, 100] {
            for to in [1, 2, 5, 99, 100, 130] {
                let out = resampled(&vec![vec![50.0; from]; from], (to, to));
                assert_eq!(out.len(), to, "{from} to {to}");
                for v in out.iter().flatten() {
                    assert!((v - 50.0).abs() < 1e-4, "{from} to {to}: {v}");
                }
            }
        }
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let rows: Vec<Vec<f32>> =
            (0..5).map(|y| (0..4).map(|x| (x * 7 + y) as f32).collect()).collect();
        assert_eq!(resampled(&rows, (4, 5)), rows);
    }

    #[test]
    fn agrees_with_the_triangle_filter_of_the_image_crate() {
        let picture = image::ImageBuffer::from_fn(37, 23, |x, y| {
            image::Luma([((x * 31 + y * 17) % 101) as f32 / 101.0])
        });
        let expected =
            image::imageops::resize(&picture, 9, 8, image::imageops::FilterType::Triangle);
        let rows: Vec<Vec<f32>> = picture.rows().map(|row| row.map(|p| p.0[0]).collect()).collect();
        for (row, expected) in resampled(&rows, (9, 8)).iter().zip(expected.rows()) {
            for (v, expected) in row.iter().zip(expected) {
                assert!((v - expected.0[0]).abs() < 1e-5, "{v}, expected {}", expected.0[0]);
            }
        }
    }
}
