//! A bilateral grid of chroma: what color a pixel has here, if it is this light.
//!
//! Chen, Paris, Durand, "Real-time Edge-Aware Image Processing with the Bilateral Grid", 2007,
//! <https://doi.org/10.1145/1276377.1276506>. Differs from the paper: the grid has the full work
//! resolution in space, because the work image is small and its details are wanted; the spatial
//! mean of all lightnesses fills cells that no work pixel comes near; and where there is no edge
//! all cells of a position have the map's own chroma, so that nothing is blurred without need.
//!
//! Scan borders have no part in it: their cells are neutral, the picture's cells know nothing of
//! them, and along the edge between them a pixel is of that side whose lightness it has.
#![expect(
    clippy::needless_range_loop,
    reason = "iterators are closures inside, and may be left without the instructions"
)]

use std::ops::RangeInclusive;

use rayon::prelude::*;

use super::map::ChromaMap;
use crate::nn::engine::{Dot, Kernel, Task};

/// Lightness nodes, at L* 0, 6.67, .. 100: fine enough to tell sky from branches, coarse enough
/// that film grain (standard deviation 1 to 3 L*) stays within a node's reach.
pub(super) const NODES: usize = 16;

/// Standard deviation in work pixels of the window from which a cell at an edge takes its color: it
/// reaches across the two to three pixels over which a network's chroma bleeds.
const SIGMA_SPACE: f32 = 1.5;

/// Standard deviation in nodes (6.67 L*) of the blur along lightness.
const SIGMA_LIGHTNESS: f32 = 0.5;

/// Weight of the spatial mean beside a cell's own pixels, of which a full window has 1. Small
/// enough to be without effect wherever 1 % of the window has the cell's lightness.
const MEAN_WEIGHT: f32 = 2e-3;

/// Standard deviation of L* in a window at which half of the grid's value and half of the chroma map
/// itself is taken. Windows flatter than that have no edge to stop at, and the map is sharper than
/// any mean. Of six photographs' own chroma, blurred by 1.5 work pixels, the painter at 12 is
/// closer than bilinear interpolation to three, equally close to one and at most 0.7 % farther from
/// two (`core/train/examples/upsampling.rs`); at 5 it is farther from four.
const EDGE: f32 = 12.0;

/// Standard deviation in nodes (6.67 L*) of the lightness that counts as that of a border.
const SIGMA_SHARE: f32 = 0.35;

/// Weight of a neighbor of any lightness in [`picture_shares`], of which one of the same has 1.
const ANY_LIGHTNESS: f32 = 1e-4;

/// Chroma at `[(y * width + x) * NODES + node]`.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) cells: Vec<[f32; 2]>,
}

/// Sums of a position's cells: of a*, of b*, and of the weights that they were added with.
type Sums = [[f32; NODES]; 3];

impl Grid {
    pub(super) fn new(map: &ChromaMap) -> Self {
        let (width, height) = (map.width, map.height);
        let kernels = [gaussian(SIGMA_SPACE), gaussian(SIGMA_LIGHTNESS)];
        let has_borders = map.picture.contains(&false);
        let mut cells = vec![[0.0; 2]; width * height * NODES];
        let kernel = Kernel::best::<f32>();
        // Row by row, because the sums of all rows fit no cache.
        let rows = cells.par_chunks_exact_mut(width * NODES).enumerate();
        let buffer = || vec![[[0.0; NODES]; 3]; width];
        rows.for_each_init(buffer, |sums, (y, cells)| {
            kernel.run(Row { map, y, has_borders, kernels: &kernels, sums, cells });
        });
        Self { width, height, cells }
    }

    /// The grid's rows interpolated at the vertical position `y` (in work pixels, centers at integers).
    pub(super) fn row_at(&self, y: f32, slab: &mut Slab) {
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let upper = (y as usize).min(self.height - 1);
        let lower = (upper + 1).min(self.height - 1);
        let fraction = y - upper as f32;
        let stride = self.width * NODES;
        let rows = [upper, lower].map(|row| &self.cells[row * stride..(row + 1) * stride]);
        slab.own.resize(stride, [0.0; 2]);
        slab.cells.resize(stride, [0.0; 4]);
        Kernel::best::<f32>().run(BetweenRows { rows, fraction, slab });
    }
}

/// A row of cells between two of them.
struct BetweenRows<'a> {
    rows: [&'a [[f32; 2]]; 2],
    /// Of the way to the second.
    fraction: f32,
    slab: &'a mut Slab,
}

impl Task for BetweenRows<'_> {
    const SHORT: bool = false;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { rows: [upper, lower], fraction, slab: Slab { own, cells } } = self;
        let (upper, lower) = (upper.as_flattened(), lower.as_flattened());
        for ((own, upper), lower) in own.as_flattened_mut().iter_mut().zip(upper).zip(lower) {
            *own = upper + fraction * (lower - upper);
        }
        let last = own.len() - NODES;
        for ((cell, own), next) in cells.iter_mut().zip(&own[..last]).zip(&own[NODES..]) {
            *cell = [own[0], own[1], next[0] - own[0], next[1] - own[1]];
        }
        for (cell, own) in cells[last..].iter_mut().zip(&own[last..]) {
            *cell = [own[0], own[1], 0.0, 0.0];
        }
    }
}

/// A row of cells to be made. The sets of instructions give equal bits: no operation is joined with
/// another.
struct Row<'a> {
    map: &'a ChromaMap,
    y: usize,
    has_borders: bool,
    /// Along the sides of the picture, and along lightness.
    kernels: &'a [Vec<f32>; 2],
    sums: &'a mut [Sums],
    cells: &'a mut [[f32; 2]],
}

impl Task for Row<'_> {
    const SHORT: bool = false;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { map, y, has_borders, kernels: [space, lightness], sums, cells } = self;
        gather(map, y, space, sums);
        for x in 0..map.width {
            let i = y * map.width + x;
            let shares = if has_borders { picture_shares(map, i) } else { [1.0; NODES] };
            if shares == [0.0; NODES] {
                continue;
            }
            let [a, b, weight] = blur_along(&blur_across(sums, x, space), lightness);
            let total = sum(&weight);
            let mean = [sum(&a) / total, sum(&b) / total];
            let chroma = if map.picture[i] { map.chroma[i] } else { mean };
            let edge = edge_share(&weight, total);
            let (mut of_a, mut of_b) = ([0.0; NODES], [0.0; NODES]);
            for node in 0..NODES {
                let whole = weight[node] + MEAN_WEIGHT;
                let near_a = (a[node] + MEAN_WEIGHT * mean[0]) / whole;
                let near_b = (b[node] + MEAN_WEIGHT * mean[1]) / whole;
                of_a[node] = shares[node] * (chroma[0] + edge * (near_a - chroma[0]));
                of_b[node] = shares[node] * (chroma[1] + edge * (near_b - chroma[1]));
            }
            let cells = &mut cells[x * NODES..][..NODES];
            for node in 0..NODES {
                cells[node] = [of_a[node], of_b[node]];
            }
        }
    }
}

/// A row of the grid.
#[derive(Debug, Default)]
pub(super) struct Slab {
    /// a* and b* at `[x * NODES + node]`.
    own: Vec<[f32; 2]>,
    /// The same, and how much more they are in the next column; there is none after the last.
    pub(super) cells: Vec<[f32; 4]>,
}

/// The node below a lightness (0..=100) and the fraction of the way to the next; the node is at
/// most `NODES - 2`.
#[inline(always)]
fn node_of(lightness: f32) -> (usize, f32) {
    let position = (lightness * ((NODES - 1) as f32 / 100.0)).clamp(0.0, (NODES - 1) as f32);
    let node = (position as usize).min(NODES - 2);
    (node, position - node as f32)
}

/// How much of an edge a window holds, from the spread of its lightness: 0 where it is flat, near 1
/// across an edge much larger than [`EDGE`].
#[inline(always)]
fn edge_share(weights: &[f32; NODES], total: f32) -> f32 {
    let (mut first, mut second) = (0.0, 0.0);
    for node in 0..NODES {
        let lightness = node as f32 * (100.0 / (NODES - 1) as f32);
        first += weights[node] * lightness;
        second += weights[node] * (lightness * lightness);
    }
    let mean = first / total;
    let variance = (second / total - mean * mean).max(0.0);
    variance / (variance + EDGE * EDGE)
}

/// How far each node of work pixel `i` is of the picture and not of a border, 0..=1. Along the
/// edge between them that is the share of the picture's pixels among those of the node's lightness
/// close by, without the outermost ones of the picture, which may be mixed with the border.
fn picture_shares(map: &ChromaMap, i: usize) -> [f32; NODES] {
    let square = |i: usize, reach: usize| {
        let (x, y) = (i % map.width, i / map.width);
        let columns = x.saturating_sub(reach)..(x + reach + 1).min(map.width);
        let rows = y.saturating_sub(reach)..(y + reach + 1).min(map.height);
        rows.flat_map(move |y| columns.clone().map(move |x| y * map.width + x))
    };
    // Two pixels of the picture, because the first may be mostly border and its own grid cells are
    // interpolated with the next.
    if square(i, 2).all(|j| map.picture[j]) {
        return [1.0; NODES];
    }
    if !square(i, 1).any(|j| map.picture[j]) {
        return [0.0; NODES];
    }
    let borders: Vec<usize> = square(i, 3).filter(|&j| !map.picture[j]).collect();
    let pictures: Vec<usize> =
        square(i, 3).filter(|&j| square(j, 1).all(|j| map.picture[j])).collect();
    std::array::from_fn(|node| {
        let weight = |&j: &usize| {
            let away = map.lightness[j] * ((NODES - 1) as f32 / 100.0) - node as f32;
            ANY_LIGHTNESS + libm::expf(-0.5 * (away / SIGMA_SHARE).powi(2))
        };
        let [picture, border] =
            [&pictures, &borders].map(|pixels| pixels.iter().map(weight).sum::<f32>());
        picture / (picture + border)
    })
}

#[inline(always)]
fn sum(values: &[f32; NODES]) -> f32 {
    let mut sum = 0.0;
    for value in values {
        sum += value;
    }
    sum
}

/// Half of a Gaussian kernel, from its center out to three standard deviations, summing to 1 with
/// its mirror image.
fn gaussian(sigma: f32) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil() as usize;
    let raw: Vec<f32> =
        (0..=radius).map(|i| libm::expf(-0.5 * (i as f32 / sigma).powi(2))).collect();
    let sum = raw[0] + 2.0 * raw[1..].iter().sum::<f32>();
    raw.iter().map(|v| v / sum).collect()
}

/// Sums of the pixels of row `y` and of those above and below, by their distance from it. Beyond
/// the ends there is nothing, which the weights account for, here and in the other two directions.
#[inline(always)]
fn gather(map: &ChromaMap, y: usize, kernel: &[f32], sums: &mut [Sums]) {
    sums.fill([[0.0; NODES]; 3]);
    for near in around(y, map.height, kernel) {
        let weight = kernel[y.abs_diff(near)];
        for x in 0..map.width {
            let i = near * map.width + x;
            if map.picture[i] {
                let (node, fraction) = node_of(map.lightness[i]);
                let [a, b] = map.chroma[i];
                let sums = &mut sums[x];
                for (node, share) in [(node, 1.0 - fraction), (node + 1, fraction)] {
                    let weight = weight * share;
                    sums[0][node] += weight * a;
                    sums[1][node] += weight * b;
                    sums[2][node] += weight;
                }
            }
        }
    }
}

#[inline(always)]
fn blur_across(row: &[Sums], x: usize, kernel: &[f32]) -> Sums {
    let mut sums = [[0.0; NODES]; 3];
    for near in around(x, row.len(), kernel) {
        let weight = kernel[x.abs_diff(near)];
        for plane in 0..3 {
            for node in 0..NODES {
                sums[plane][node] += weight * row[near][plane][node];
            }
        }
    }
    sums
}

#[inline(always)]
fn blur_along(sums: &Sums, kernel: &[f32]) -> Sums {
    /// Nodes on each side that a kernel may reach.
    const REACH: usize = 4;
    let reach = kernel.len() - 1;
    debug_assert!(reach <= REACH);
    let mut blurred = [[0.0; NODES]; 3];
    for plane in 0..3 {
        let mut padded = [0.0; NODES + 2 * REACH];
        padded[REACH..REACH + NODES].copy_from_slice(&sums[plane]);
        for step in 0..=2 * reach {
            let weight = kernel[step.abs_diff(reach)];
            let near = &padded[REACH - reach + step..][..NODES];
            for node in 0..NODES {
                blurred[plane][node] += weight * near[node];
            }
        }
    }
    blurred
}

/// What a kernel reaches from `i` among `count`.
#[inline(always)]
fn around(i: usize, count: usize, kernel: &[f32]) -> RangeInclusive<usize> {
    let reach = kernel.len() - 1;
    i.saturating_sub(reach)..=(i + reach).min(count - 1)
}
