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

use std::ops::RangeInclusive;

use rayon::prelude::*;

use super::map::ChromaMap;

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

/// Sums of a cell: a*, b* and the weight they were added with.
type Sums = [f32; 3];

/// The sums of a position's cells.
type Column = [Sums; NODES];

impl Grid {
    pub(super) fn new(map: &ChromaMap) -> Self {
        let (width, height) = (map.width, map.height);
        let (space, lightness) = (gaussian(SIGMA_SPACE), gaussian(SIGMA_LIGHTNESS));
        let has_borders = map.picture.contains(&false);
        let mut cells = vec![[0.0; 2]; width * height * NODES];
        // Row by row, because the sums of all rows fit no cache.
        let rows = cells.par_chunks_exact_mut(width * NODES).enumerate();
        let buffers = || [(); 2].map(|()| vec![[[0.0; 3]; NODES]; width]);
        rows.for_each_init(buffers, |[own, blurred], (y, row)| {
            gather(map, y, &space, own);
            blur_across(own, &space, blurred);
            for (x, (cells, sums)) in row.chunks_exact_mut(NODES).zip(&*blurred).enumerate() {
                let i = y * width + x;
                let shares = if has_borders { picture_shares(map, i) } else { [1.0; NODES] };
                if shares == [0.0; NODES] {
                    continue;
                }
                let column = blur_along(sums, &lightness);
                let total = column.iter().fold([0.0; 3], add);
                let mean = [total[0] / total[2], total[1] / total[2]];
                let chroma = if map.picture[i] { map.chroma[i] } else { mean };
                let edge = edge_share(&column, total[2]);
                for ((cell, &[a, b, weight]), share) in cells.iter_mut().zip(&column).zip(shares) {
                    let whole = weight + MEAN_WEIGHT;
                    let near =
                        [(a + MEAN_WEIGHT * mean[0]) / whole, (b + MEAN_WEIGHT * mean[1]) / whole];
                    *cell = [0, 1].map(|c| share * (chroma[c] + edge * (near[c] - chroma[c])));
                }
            }
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
        let Slab { own, cells } = slab;
        own.clear();
        own.extend(
            rows[0]
                .iter()
                .zip(rows[1])
                .map(|(u, l)| [u[0] + fraction * (l[0] - u[0]), u[1] + fraction * (l[1] - u[1])]),
        );
        cells.clear();
        let next = own[NODES..].iter().chain(&own[stride - NODES..]);
        cells.extend(own.iter().zip(next).map(|(o, n)| [o[0], o[1], n[0] - o[0], n[1] - o[1]]));
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
fn edge_share(column: &Column, weight: f32) -> f32 {
    let (mut first, mut second) = (0.0, 0.0);
    for (node, sums) in column.iter().enumerate() {
        let lightness = node as f32 * (100.0 / (NODES - 1) as f32);
        first += sums[2] * lightness;
        second += sums[2] * (lightness * lightness);
    }
    let mean = first / weight;
    let variance = (second / weight - mean * mean).max(0.0);
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

fn add(sum: Sums, v: &Sums) -> Sums {
    [sum[0] + v[0], sum[1] + v[1], sum[2] + v[2]]
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
fn gather(map: &ChromaMap, y: usize, kernel: &[f32], sums: &mut [Column]) {
    sums.fill([[0.0; 3]; NODES]);
    for near in around(y, map.height, kernel) {
        let weight = kernel[y.abs_diff(near)];
        let row = near * map.width..(near + 1) * map.width;
        let pixels = map.lightness[row.clone()].iter().zip(&map.chroma[row.clone()]);
        for (((&lightness, &[a, b]), &picture), sums) in
            pixels.zip(&map.picture[row]).zip(&mut *sums)
        {
            if picture {
                let (node, fraction) = node_of(lightness);
                for (node, share) in [(node, 1.0 - fraction), (node + 1, fraction)] {
                    let weight = weight * share;
                    sums[node] = add(sums[node], &[weight * a, weight * b, weight]);
                }
            }
        }
    }
}

fn blur_across(row: &[Column], kernel: &[f32], blurred: &mut [Column]) {
    for (x, blurred) in blurred.iter_mut().enumerate() {
        let mut sums = [[0.0; 3]; NODES];
        for near in around(x, row.len(), kernel) {
            let weight = kernel[x.abs_diff(near)];
            let values = row[near].as_flattened();
            for (sum, value) in sums.as_flattened_mut().iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
        *blurred = sums;
    }
}

fn blur_along(column: &Column, kernel: &[f32]) -> Column {
    std::array::from_fn(|node| {
        around(node, NODES, kernel).fold([0.0; 3], |sum, near| {
            let weight = kernel[node.abs_diff(near)];
            add(sum, &column[near].map(|value| weight * value))
        })
    })
}

/// What a kernel reaches from `i` among `count`.
fn around(i: usize, count: usize, kernel: &[f32]) -> RangeInclusive<usize> {
    let reach = kernel.len() - 1;
    i.saturating_sub(reach)..=(i + reach).min(count - 1)
}
