//! Layers in which every result depends on all channels: convolutions of 1x1, 3x3 and others.
#![expect(unsafe_code, reason = "threads write parts of one picture")]

use std::ops::Range;

use rayon::prelude::*;

use super::kernel::{self, Finish, Grid, Terms};
use super::planes::{Aligned, BLOCK, Planes, Shared, Size};
use super::{Instructions, Rescale};

/// Rows down and columns right from a result's pixel in an input.
pub(crate) type Tap = [isize; 2];

/// Weights of a dense layer, in the order in which the inner loops read them.
#[derive(Clone, Debug)]
pub(crate) struct Dense {
    /// For each input its channels and the pixels looked at.
    inputs: Vec<(usize, Vec<Tap>)>,
    groups: Vec<Group>,
    weights: Aligned,
    rescale: Rescale,
}

/// Up to three blocks of results that are summed together.
#[derive(Clone, Copy, Debug)]
struct Group {
    first: usize,
    blocks: usize,
    /// Where its weights begin.
    weights: usize,
}

/// What a layer reads: each result's pixel is `origin` and `stride` times its own place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    pub(crate) planes: &'a Planes,
    pub(crate) stride: [usize; 2],
    pub(crate) origin: [usize; 2],
}

impl<'a> Input<'a> {
    /// Each pixel for the result at its place.
    pub(crate) fn whole(planes: &'a Planes) -> Self {
        Self { planes, stride: [1; 2], origin: [0; 2] }
    }

    pub(super) fn grid(&self) -> Grid {
        grid(self.planes, self.planes.numbers.as_ptr().cast_mut(), self.stride, self.origin)
    }
}

/// One layer's sums for the results at `origin` and every `stride`th pixel from there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums<'a> {
    pub(crate) layer: &'a Dense,
    pub(crate) inputs: &'a [Input<'a>],
    pub(crate) origin: [usize; 2],
}

impl Sums<'_> {
    fn terms<'a>(&self, offsets: &'a [Offsets]) -> Vec<Terms<'a>> {
        let terms = offsets.iter().map(|part| {
            let pairs = part.channels.len().min(BLOCK).div_ceil(2);
            Terms { grid: self.inputs[part.input].grid(), offsets: &part.terms, pairs }
        });
        terms.collect()
    }

    /// Checks that all that is looked at for so many rows and columns lies within the planes and their
    /// border.
    fn check(&self, output: Size, counts: [usize; 2]) {
        assert_eq!(output.blocks, self.layer.rescale.outputs.div_ceil(BLOCK));
        for input in self.inputs {
            let last = |i: usize| input.origin[i] + (counts[i] - 1) * input.stride[i];
            assert!(last(0) < input.planes.size.height && last(1) < input.planes.size.width);
        }
    }
}

pub(super) fn grid(
    planes: &Planes,
    numbers: *mut i16,
    stride: [usize; 2],
    origin: [usize; 2],
) -> Grid {
    let size = planes.size;
    let start = size.origin() + origin[0] * size.row() + origin[1] * BLOCK;
    assert!(start < size.blocks * size.plane());
    Grid {
        origin: numbers.wrapping_add(start),
        rows: stride[0] * size.row(),
        columns: stride[1] * BLOCK,
        plane: size.plane(),
    }
}

impl Dense {
    /// `weight(output, input, tap, channel)` for all outputs of `rescale`, for each input of
    /// `(channels, taps)`.
    pub(crate) fn new(
        inputs: &[(usize, Vec<Tap>)],
        rescale: Rescale,
        weight: impl Fn(usize, usize, usize, usize) -> i16,
    ) -> Self {
        let outputs = rescale.outputs;
        let blocks = outputs.div_ceil(BLOCK);
        let each = |(channels, taps): &(usize, _)| channels.next_multiple_of(2) * Vec::len(taps);
        let all: usize = inputs.iter().map(each).sum();
        let mut weights = Aligned::zeros(all * blocks * BLOCK);
        let numbers = weights.numbers_mut();
        let (mut groups, mut at, mut first) = (Vec::new(), 0, 0);
        while first < blocks {
            let count = match blocks - first {
                1 => 1,
                2 | 4 => 2,
                _ => 3,
            };
            groups.push(Group { first, blocks: count, weights: at });
            let outputs = first * BLOCK..((first + count) * BLOCK).min(outputs);
            for (input, (channels, taps)) in inputs.iter().enumerate() {
                for channels in parts(*channels) {
                    for tap in 0..taps.len() {
                        for output in outputs.clone() {
                            let at = at + 2 * (output - outputs.start);
                            for (i, channel) in channels.clone().enumerate() {
                                let pair = i / 2 * count * 2 * BLOCK;
                                numbers[at + pair + i % 2] = weight(output, input, tap, channel);
                            }
                        }
                        at += channels.len().next_multiple_of(2) * count * BLOCK;
                    }
                }
            }
            first += count;
        }
        Self { inputs: inputs.to_vec(), groups, weights, rescale }
    }

    fn steps(&self) -> usize {
        self.inputs.iter().map(|(channels, taps)| channels.div_ceil(BLOCK) * taps.len()).sum()
    }
}

/// An input's channels in whole blocks, and those in the last one that is not whole.
fn parts(channels: usize) -> impl Iterator<Item = Range<usize>> {
    let whole = channels / BLOCK * BLOCK;
    [0..whole, whole..channels].into_iter().filter(|channels| !channels.is_empty())
}

/// Positions of a part: as many as take some hundred thousand products of a register, so that threads
/// share the work and seldom ask for it.
fn part_length(layer: &Dense, positions: usize) -> usize {
    let each = layer.steps() * BLOCK / 2 * 3;
    (100_000 / each.max(1)).next_multiple_of(8).clamp(8, positions.next_multiple_of(8))
}

/// A part of the work.
struct Part<'a> {
    sums: usize,
    group: Group,
    first: usize,
    end: usize,
    terms: &'a [Terms<'a>],
}

/// Calculates the results of layers in one go: each for every `stride`th pixel of `output`, from its
/// origin on. With `residual` what is there is added.
pub(crate) fn dense(
    instructions: Instructions,
    all: &[Sums<'_>],
    residual: Option<&Planes>,
    output: &mut Planes,
    stride: usize,
) {
    let size = output.size;
    let (height, width) = (size.height / stride, size.width / stride);
    let numbers = &Shared::new(output);
    for sums in all {
        sums.check(size, [height, width]);
    }
    let offsets: Vec<Vec<Offsets>> = all.iter().map(offsets).collect();
    let terms = all.iter().zip(&offsets).map(|(sums, offsets)| sums.terms(offsets));
    let terms: Vec<Vec<Terms<'_>>> = terms.collect();
    let mut parts = Vec::new();
    for (i, sums) in all.iter().enumerate() {
        let length = part_length(sums.layer, height * width);
        for &group in &sums.layer.groups {
            for first in (0..height * width).step_by(length) {
                let end = (first + length).min(height * width);
                parts.push(Part { sums: i, group, first, end, terms: &terms[i] });
            }
        }
    }
    parts.into_par_iter().for_each(|Part { sums, group, first, end, terms }| {
        let Sums { layer, origin, .. } = all[sums];
        let (bias, shifts) = layer.rescale.block(group.first);
        let of_group = |grid: Grid| grid.skip(group.first);
        let residual = residual.map_or(Grid::ABSENT, |planes| {
            assert_eq!(planes.size.blocks, size.blocks);
            of_group(grid(planes, planes.numbers.as_ptr().cast_mut(), [1; 2], [0; 2]))
        });
        let output = of_group(grid(
            &Planes { size, numbers: Aligned::default() },
            numbers.get(),
            [stride; 2],
            origin,
        ));
        let finish = Finish {
            bias,
            shifts,
            range: layer.rescale.range,
            residual,
            output,
            width,
            first,
            end,
        };
        let weights = layer.weights.as_ptr().wrapping_add(group.weights);
        let part = kernel::Dense { terms, weights, blocks: group.blocks, finish };
        // SAFETY: the parts' positions lie within the output, and what is looked at within the inputs
        // and their borders, as was checked.
        unsafe { instructions.dense(&part) };
    });
}

/// Where terms of some channels of an input lie from a pixel.
struct Offsets {
    input: usize,
    channels: Range<usize>,
    /// For each tap the blocks of these channels.
    terms: Vec<isize>,
}

fn offsets(sums: &Sums<'_>) -> Vec<Offsets> {
    assert_eq!(sums.layer.inputs.len(), sums.inputs.len());
    let mut found = Vec::new();
    for (input, (channels, taps)) in sums.layer.inputs.iter().enumerate() {
        let Input { planes: Planes { size, .. }, stride, origin } = sums.inputs[input];
        assert!(*channels <= size.blocks * BLOCK);
        let [row, plane, reach] = [size.row(), size.plane(), size.border].map(usize::cast_signed);
        let [[top, left], [rows, columns]] =
            [origin, stride].map(|all| all.map(usize::cast_signed));
        for channels in parts(*channels) {
            let mut terms = Vec::new();
            for &[down, right] in taps {
                assert!(top + down >= -reach && left + right >= -reach);
                assert!(down < rows + reach && right < columns + reach);
                let pixel = down * row + right * BLOCK.cast_signed();
                let blocks = channels.start / BLOCK..channels.end.div_ceil(BLOCK);
                terms.extend(blocks.map(|block| block.cast_signed() * plane + pixel));
            }
            found.push(Offsets { input, channels, terms });
        }
    }
    found
}
