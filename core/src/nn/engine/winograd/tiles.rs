//! Tiles of a picture, and their inputs transformed.

use std::marker::PhantomData;

use rayon::prelude::*;

use super::transform::{Gradients, Inputs, OUTPUTS, POINTS, POSITIONS, both_ways};
use crate::nn::engine::features::{Target, View};
use crate::nn::engine::kernel::{Kernel, Task};
use crate::nn::engine::lanes::{Dot, Element, LANES, Lanes};

/// Squares of 4x4 outputs. A convolution whose kernel's pixels lie `dilation` apart is that many by that
/// many plain ones that lie in each other; a tile belongs to one of them, so its pixels lie so far apart
/// too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) image: usize,
    /// Of its first output.
    pub(super) row: usize,
    pub(super) column: usize,
}

/// Those of all images, image by image; they reach over the lower and the right edge where a size is no
/// multiple.
pub(super) fn tiles(images: usize, [height, width]: [usize; 2], dilation: usize) -> Vec<Tile> {
    let firsts = |side: usize| -> Vec<usize> {
        let of_one = |first| (first..side).step_by(OUTPUTS * dilation);
        (0..dilation.min(side)).flat_map(of_one).collect()
    };
    let (rows, columns) = (firsts(height), firsts(width));
    let mut tiles = Vec::with_capacity(images * rows.len() * columns.len());
    for image in 0..images {
        for &row in &rows {
            tiles.extend(columns.iter().map(|&column| Tile { image, row, column }));
        }
    }
    tiles
}

/// Values between one position's and the next one's, so that they lie no power of two apart: a
/// cache has few places for addresses that do.
const GAP: usize = LANES;

/// How some tiles lie when they are transformed: `(36, blocks, tiles, 16)`, with a gap after each of the
/// 36.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) blocks: usize,
    pub(super) tiles: usize,
}

impl Layout {
    /// Values from position to position.
    pub(super) fn position_step(&self) -> usize {
        self.blocks * self.block_step() + GAP
    }

    pub(super) fn block_step(&self) -> usize {
        self.tiles * LANES
    }

    pub(super) fn len(&self) -> usize {
        POSITIONS * self.position_step()
    }
}

/// What is transformed: the inputs of tiles, or the gradients of their outputs.
pub(super) trait Side: Sync + Send {
    /// Rows and columns of a tile.
    const SIZE: usize;
    /// How many pixels before its first output a tile begins.
    const BEFORE: usize;

    /// The transform of columns.
    fn transform<L: Lanes>(columns: [[L; POINTS]; POINTS]) -> [[L; POINTS]; POINTS];
}

impl Side for Inputs {
    const SIZE: usize = POINTS;
    const BEFORE: usize = 1;

    #[inline(always)]
    fn transform<L: Lanes>(columns: [[L; POINTS]; POINTS]) -> [[L; POINTS]; POINTS] {
        both_ways::<Self, L, POINTS, POINTS>(columns)
    }
}

impl Side for Gradients {
    const SIZE: usize = OUTPUTS;
    const BEFORE: usize = 0;

    #[inline(always)]
    fn transform<L: Lanes>(columns: [[L; POINTS]; POINTS]) -> [[L; POINTS]; POINTS] {
        let mut inner = [[L::zero(); OUTPUTS]; OUTPUTS];
        for column in 0..OUTPUTS {
            for row in 0..OUTPUTS {
                inner[column][row] = columns[column][row];
            }
        }
        both_ways::<Self, L, OUTPUTS, POINTS>(inner)
    }
}

/// Transforms tiles of all sources' channels, on all threads: the groups one after another, each as a
/// [`Layout`] says, in `group_len` values.
pub(super) fn transform<S: Side, E: Element>(
    kernel: Kernel,
    sources: &[View<'_, E>],
    groups: &[&[Tile]],
    dilation: usize,
    group_len: usize,
    to: Target<f32>,
) {
    let mut blocks = Vec::new();
    for view in sources {
        blocks.extend((0..view.blocks).map(|block| (view, block)));
    }
    (0..groups.len() * blocks.len()).into_par_iter().for_each(|task| {
        let (group, block) = (task / blocks.len(), task % blocks.len());
        let tiles = groups[group];
        let layout = Layout { blocks: blocks.len(), tiles: tiles.len() };
        let to = to.some(group * group_len, layout.len());
        let to = Target { start: to.start.wrapping_add(block * layout.block_step()), ..to };
        let step = layout.position_step();
        let (view, block) = blocks[block];
        kernel.run(OneBlock::<S, E> { view, block, tiles, dilation, step, to, side: PhantomData });
    });
}

/// The tiles of one block of channels.
struct OneBlock<'a, S, E> {
    view: &'a View<'a, E>,
    block: usize,
    tiles: &'a [Tile],
    dilation: usize,
    /// From position to position.
    step: usize,
    /// With room for a tile after another at each position.
    to: Target<f32>,
    side: PhantomData<S>,
}

impl<S: Side, E: Element> Task for OneBlock<'_, S, E> {
    const SHORT: bool = false;

    #[inline(always)]
    fn run<D: Dot>(self) {
        for (i, tile) in self.tiles.iter().enumerate() {
            // SAFETY: the tile is the view's.
            let columns =
                unsafe { read::<S, D::Lanes, E>(self.view, self.block, tile, self.dilation) };
            let rows = S::transform(columns);
            let at = self.to.start.wrapping_add(i * LANES);
            for row in 0..POINTS {
                for column in 0..POINTS {
                    let at = at.wrapping_add((row * POINTS + column) * self.step);
                    // SAFETY: there is room; the block's part is this task's own.
                    unsafe { rows[row][column].store(at) };
                }
            }
        }
    }
}

/// A tile's pixels, column by column: zeros beyond the edges.
#[inline(always)]
unsafe fn read<S: Side, L: Lanes, E: Element>(
    view: &View<'_, E>,
    block: usize,
    tile: &Tile,
    dilation: usize,
) -> [[L; POINTS]; POINTS] {
    let mut columns = [[L::zero(); POINTS]; POINTS];
    let (before, reach) = (S::BEFORE * dilation, (S::SIZE - 1 - S::BEFORE) * dilation);
    let inside = tile.row >= before
        && tile.column >= before
        && tile.row + reach < view.height
        && tile.column + reach < view.width;
    let plane = view.values.as_ptr().wrapping_add(view.at(tile.image, block, 0, 0));
    if inside {
        let (row, column) = (tile.row - before, tile.column - before);
        let first = plane.wrapping_add(row * view.row_step + column * view.pixel_step);
        for column in 0..S::SIZE {
            let line = first.wrapping_add(column * dilation * view.pixel_step);
            for row in 0..S::SIZE {
                // SAFETY: a pixel of the view, as all of the tile.
                columns[column][row] = unsafe { E::load(line.add(row * dilation * view.row_step)) };
            }
        }
        return columns;
    }
    for column in 0..S::SIZE {
        let x = tile.column + column * dilation;
        if x < before || x - before >= view.width {
            continue;
        }
        let line = plane.wrapping_add((x - before) * view.pixel_step);
        for row in 0..S::SIZE {
            let y = tile.row + row * dilation;
            if y >= before && y - before < view.height {
                // SAFETY: a pixel of the view, just checked.
                columns[column][row] = unsafe { E::load(line.add((y - before) * view.row_step)) };
            }
        }
    }
    columns
}
