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

use rayon::prelude::*;

use super::ChromaMap;

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
/// two (`core/examples/upsampling.rs`); at 5 it is farther from four.
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

impl Grid {
    pub(super) fn new(map: &ChromaMap) -> Self {
        let (width, height) = (map.width, map.height);
        let mut sums = vec![[0.0; 3]; width * height * NODES];
        let columns = map.lightness.iter().zip(&map.chroma).zip(sums.chunks_exact_mut(NODES));
        for ((&lightness, &[a, b]), column) in
            columns.zip(&map.picture).filter_map(|(column, &picture)| picture.then_some(column))
        {
            let (node, fraction) = node_of(lightness);
            for (node, weight) in [(node, 1.0 - fraction), (node + 1, fraction)] {
                column[node] = [weight * a, weight * b, weight];
            }
        }
        let space = gaussian(SIGMA_SPACE);
        let sums = blur(&sums, width * NODES, NODES, &space);
        let sums = blur(&sums, width * height * NODES, width * NODES, &space);
        let sums = blur(&sums, NODES, 1, &gaussian(SIGMA_LIGHTNESS));

        let mut cells = vec![[0.0; 2]; sums.len()];
        let columns = cells.par_chunks_exact_mut(NODES).zip(sums.par_chunks_exact(NODES));
        columns.enumerate().for_each(|(i, (cells, column))| {
            let shares = picture_shares(map, i);
            if shares == [0.0; NODES] {
                return;
            }
            let total = column.iter().fold([0.0; 3], add);
            let mean = [total[0] / total[2], total[1] / total[2]];
            let chroma = if map.picture[i] { map.chroma[i] } else { mean };
            let edge = edge_share(column, total[2]);
            for ((cell, &[a, b, weight]), share) in cells.iter_mut().zip(column).zip(shares) {
                let whole = weight + MEAN_WEIGHT;
                let near =
                    [(a + MEAN_WEIGHT * mean[0]) / whole, (b + MEAN_WEIGHT * mean[1]) / whole];
                *cell = [0, 1].map(|c| share * (chroma[c] + edge * (near[c] - chroma[c])));
            }
        });
        Self { width, height, cells }
    }

    /// The grid's rows interpolated at the vertical position `y` (in work pixels, centers at
    /// integers), into `slab[x * NODES + node]`.
    pub(super) fn row_at(&self, y: f32, slab: &mut Vec<[f32; 2]>) {
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let upper = (y as usize).min(self.height - 1);
        let lower = (upper + 1).min(self.height - 1);
        let fraction = y - upper as f32;
        let stride = self.width * NODES;
        let rows = [upper, lower].map(|row| &self.cells[row * stride..(row + 1) * stride]);
        slab.clear();
        slab.extend(
            rows[0]
                .iter()
                .zip(rows[1])
                .map(|(u, l)| [u[0] + fraction * (l[0] - u[0]), u[1] + fraction * (l[1] - u[1])]),
        );
    }
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
fn edge_share(column: &[Sums], weight: f32) -> f32 {
    let moment = |power: i32| {
        let lightness = |node| (node as f32 * (100.0 / (NODES - 1) as f32)).powi(power);
        let sums = column.iter().enumerate().map(|(node, sums)| sums[2] * lightness(node));
        sums.sum::<f32>() / weight
    };
    let variance = (moment(2) - moment(1).powi(2)).max(0.0);
    variance / (variance + EDGE * EDGE)
}

/// How far each node of work pixel `i` is of the picture and not of a border, 0..=1. Along the
/// edge between them that is the share of the picture's pixels among those of the node's lightness
/// close by, without the outermost ones of the picture, which may be mixed with the border.
fn picture_shares(map: &ChromaMap, i: usize) -> [f32; NODES] {
    let around = |i: usize, reach: usize| {
        let (x, y) = (i % map.width, i / map.width);
        let columns = x.saturating_sub(reach)..(x + reach + 1).min(map.width);
        let rows = y.saturating_sub(reach)..(y + reach + 1).min(map.height);
        rows.flat_map(move |y| columns.clone().map(move |x| y * map.width + x))
    };
    // Two pixels of the picture, because the first may be mostly border and its own grid cells are
    // interpolated with the next.
    if around(i, 2).all(|j| map.picture[j]) {
        return [1.0; NODES];
    }
    if !around(i, 1).any(|j| map.picture[j]) {
        return [0.0; NODES];
    }
    let borders: Vec<usize> = around(i, 3).filter(|&j| !map.picture[j]).collect();
    let pictures: Vec<usize> =
        around(i, 3).filter(|&j| around(j, 1).all(|j| map.picture[j])).collect();
    std::array::from_fn(|node| {
        let weight = |&j: &usize| {
            let away = map.lightness[j] * ((NODES - 1) as f32 / 100.0) - node as f32;
            ANY_LIGHTNESS + (-0.5 * (away / SIGMA_SHARE).powi(2)).exp()
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
    let raw: Vec<f32> = (0..=radius).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let sum = raw[0] + 2.0 * raw[1..].iter().sum::<f32>();
    raw.iter().map(|v| v / sum).collect()
}

/// Blurs lines of cells: each `line` consecutive cells hold lines whose neighbors lie `step` apart.
/// Beyond the ends there is nothing, which the weights account for.
fn blur(cells: &[Sums], line: usize, step: usize, kernel: &[f32]) -> Vec<Sums> {
    let count = line / step;
    let mut out = vec![[0.0; 3]; cells.len()];
    // Parts of whole steps within a line, large enough that a task is worth its while.
    out.par_chunks_exact_mut(step).with_min_len(4096 / step + 1).enumerate().for_each(
        |(i, out)| {
            let (block, i) = (&cells[i / count * line..][..line], i % count);
            let first = i.saturating_sub(kernel.len() - 1);
            let last = (i + kernel.len() - 1).min(count - 1);
            for j in first..=last {
                let weight = kernel[i.abs_diff(j)];
                for (sum, v) in out.iter_mut().zip(&block[j * step..(j + 1) * step]) {
                    for (sum, v) in sum.iter_mut().zip(v) {
                        *sum += weight * v;
                    }
                }
            }
        },
    );
    out
}
