//! Zhang's AuC: how near predicted chroma comes to the true one.
//!
//! Zhang, Isola, Efros, "Colorful image colorization", 2016, section 3.1: the share of pixels
//! whose predicted `(a, b)` lies within a distance of the true one, averaged over the distances
//! 0, 1, .. 150.

/// The largest distance.
const LAST: u32 = 150;

/// Side of the grid that true chroma is rounded to, in `ab`.
const GRID: f32 = 10.0;

/// Cells on each axis of the grid: -130 to 130 in steps of 10, wider than 8-bit sRGB reaches.
const CELLS: usize = 27;

/// A cell of the grid: what pixels of one true chroma came to.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// Pixels, times the distances 0, 1, .. 150 that are far enough for each.
    within: u64,
    pixels: u64,
}

/// Distances of pixels, by their true chroma.
#[derive(Clone, Debug)]
pub struct Distances {
    cells: Vec<Cell>,
}

impl Default for Distances {
    fn default() -> Self {
        Self { cells: vec![Cell::default(); CELLS * CELLS] }
    }
}

impl Distances {
    /// Adds a pixel of true chroma `(a, b)` and a predicted one.
    pub fn push(&mut self, expected: [f32; 2], found: [f32; 2]) {
        // A number that is none, or below the grid, becomes 0.
        let index = |v: f32| (((v / GRID).round() + (CELLS / 2) as f32) as usize).min(CELLS - 1);
        let cell = &mut self.cells[index(expected[0]) * CELLS + index(expected[1])];
        let distance = (expected[0] - found[0]).hypot(expected[1] - found[1]);
        // A distance that is no number is beyond every threshold.
        let first = if distance.is_nan() { u32::MAX } else { distance.ceil() as u32 };
        cell.within += u64::from((LAST + 1).saturating_sub(first));
        cell.pixels += 1;
    }

    /// Adds the pixels of another set.
    pub fn merge(&mut self, other: &Self) {
        for (cell, other) in self.cells.iter_mut().zip(&other.cells) {
            cell.within += other.within;
            cell.pixels += other.pixels;
        }
    }

    /// AuC, 0..=1: every pixel weighs the same.
    pub fn auc(&self) -> f64 {
        let within: u64 = self.cells.iter().map(|cell| cell.within).sum();
        let pixels: u64 = self.cells.iter().map(|cell| cell.pixels).sum();
        share(within, pixels)
    }

    /// Class-rebalanced AuC, 0..=1: a pixel weighs the inverse of the frequency of its true
    /// chroma, rounded to the grid, so that every chroma that occurs weighs the same.
    pub fn auc_rebalanced(&self) -> f64 {
        let shares: Vec<f64> = self
            .cells
            .iter()
            .filter(|cell| cell.pixels > 0)
            .map(|cell| share(cell.within, cell.pixels))
            .collect();
        shares.iter().sum::<f64>() / shares.len() as f64
    }
}

fn share(within: u64, pixels: u64) -> f64 {
    within as f64 / (pixels as f64 * f64::from(LAST + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_counts_at_every_distance_and_a_miss_at_none() {
        let mut hit = Distances::default();
        hit.push([12.0, -3.0], [12.0, -3.0]);
        assert_eq!((hit.auc(), hit.auc_rebalanced()), (1.0, 1.0));
        let mut miss = Distances::default();
        miss.push([100.0, 0.0], [-50.5, 0.0]);
        miss.push([0.0, 0.0], [f32::NAN, 0.0]);
        assert_eq!((miss.auc(), miss.auc_rebalanced()), (0.0, 0.0));
    }

    #[test]
    fn a_distance_of_five_fails_the_thresholds_below_five() {
        let mut distances = Distances::default();
        distances.push([3.0, 4.0], [0.0, 0.0]);
        assert_eq!(distances.auc(), 146.0 / 151.0);
    }

    #[test]
    fn rebalanced_every_true_chroma_weighs_the_same() {
        let mut distances = Distances::default();
        for _ in 0..3 {
            distances.push([0.4, 0.0], [0.4, 0.0]);
        }
        let mut rare = Distances::default();
        rare.push([60.0, 0.0], [0.0, 0.0]); // 91 of 151 thresholds
        distances.merge(&rare);
        assert!((distances.auc() - (3.0 + 91.0 / 151.0) / 4.0).abs() < 1e-12);
        assert!((distances.auc_rebalanced() - f64::midpoint(1.0, 91.0 / 151.0)).abs() < 1e-12);
    }
}
