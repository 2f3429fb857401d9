//! The bins on their grid, and what a loss that weighs them needs.

use crate::train::recipe::Recipe;

/// Distance of the bins, in units of `a` and `b`, and greatest index of one on either side of 0.
pub(super) const GRID: f32 = 10.0;
pub(super) const REACH: i32 = 13;
/// Deviation of the soft encoding, and of the smoothing of the prior, in units of `a` and `b`.
pub(super) const DEVIATION: f32 = 5.0;

/// Cells of the grid from one end to the other.
pub(super) const SIDE: usize = 2 * REACH as usize + 1;

/// Center of a cell along an axis, in units of `a` and `b`.
pub(super) fn position(index: usize) -> f32 {
    (index as f32 - REACH as f32) * GRID
}

/// Weights of colors by how rare they are, and the recipe.
#[derive(Debug)]
pub(super) struct Rebalanced {
    pub(super) recipe: Recipe,
    /// Colors of the bins, in units of `a` and `b`.
    pub(super) centers: Vec<[f32; 2]>,
    /// Grid indices of the bins, by `a` and `b`.
    pub(super) cells: Vec<[usize; 2]>,
    /// The same in rows.
    pub(super) rows: Vec<Row>,
    /// Weight of each bin.
    pub(super) weights: Vec<f32>,
    /// Weight of each cell of the grid, the nearest bin's.
    pub(super) grid: Vec<f32>,
}

/// Bins that follow each other along `b` at one `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) first: usize,
    pub(super) count: usize,
    /// Grid indices of the first.
    pub(super) a: usize,
    pub(super) b: usize,
}

/// Rows of bins from the grid indices of each, by `a` and `b`; in any order, though long rows are fast.
pub(super) fn rows(cells: &[[usize; 2]]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (i, [a, b]) in cells.iter().copied().enumerate() {
        match rows.last_mut() {
            Some(row) if row.a == a && row.b + row.count == b => row.count += 1,
            _ => rows.push(Row { first: i, count: 1, a, b }),
        }
    }
    rows
}

/// A picture of a batch: what is true, what was predicted, and where the gradients go.
pub(super) struct Picture<'a> {
    pub(super) lightness: &'a [f32],
    pub(super) truth: &'a [f32],
    pub(super) chroma: &'a [f32],
    pub(super) bins: Option<&'a [f32]>,
    /// Values from row to row of the bins.
    pub(super) step: usize,
    pub(super) width: usize,
}
