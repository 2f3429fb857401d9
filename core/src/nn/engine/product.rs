//! Products of pixels and weights: the inner loop of every convolution and of its input gradient.
//!
//! A tile is some pixels times a panel of up to four blocks of outputs: its sums stay in registers
//! while all inputs under the kernel go by. Inputs are read where they lie; only a kernel larger
//! than 1x1 needs a copy with a border of zeros, in which each of its steps is an offset.

use super::lanes::{Dot, Element, LANES, Lanes};
use crate::nn::ops::Activation;

/// Panels that so many blocks of outputs are cut into: first block, and blocks.
pub(super) fn panels(blocks: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let left = blocks - first;
        let width = match left {
            0 => return None,
            // Rather 3 and 3 than 4 and 2, rather 3 and 2 than 4 and 1: each weight that is read is
            // used for more pixels at once where a panel is narrow, but each pixel for fewer.
            5 | 6 | 9 => 3,
            _ => left.min(4),
        };
        first += width;
        Some((first - width, width))
    })
}

/// What becomes of the sums.
pub(super) struct Finish<'a, E, O> {
    /// Of each channel of the panel.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) activation: Activation,
    /// Values that are added at the end, where the results lie.
    pub(super) plus: [Option<*const E>; 2],
    /// Values that results are let through by, where the results lie: 0 where the gate is not
    /// within 0 and this.
    pub(super) gate: Option<(*const E, f32)>,
    /// The panel's results.
    pub(super) out: *mut O,
    /// Steps of it from block to block.
    pub(super) block_step: usize,
}

impl<E: Element, O: Element> Finish<'_, E, O> {
    /// Writes what becomes of 16 sums.
    ///
    /// # Safety
    ///
    /// All that is told lies in bounds, the processor has the instructions of `L`, and no other task
    /// writes the results.
    #[inline(always)]
    pub(super) unsafe fn finish<L: Lanes>(&self, sum: L, block: usize, to: usize) {
        let at = to + block * self.block_step;
        let mut y = sum;
        if let Some(bias) = self.bias {
            // SAFETY: a panel has a bias for each channel.
            y = y.add(unsafe { L::load(bias.as_ptr().add(block * LANES)) });
        }
        match self.activation {
            Activation::Relu => y = y.max(L::zero()),
            Activation::Relu6 => y = y.max(L::zero()).min(L::splat(6.0)),
            Activation::None | Activation::Tanh => {}
        }
        if let Some((gate, high)) = self.gate {
            // SAFETY: the gate lies where the results do.
            let gate = unsafe { E::load::<L>(gate.add(at)) };
            y = y.where_between(gate, L::zero(), L::splat(high));
        }
        for i in 0..self.plus.len() {
            if let Some(plus) = self.plus[i] {
                // SAFETY: it lies where the results do.
                y = y.add(unsafe { E::load::<L>(plus.add(at)) });
            }
        }
        // SAFETY: in bounds, as the caller of `product` promises.
        unsafe { O::store(y, self.out.add(at)) };
    }
}

/// Pixels, and a panel of weights.
pub(super) struct Product<'a, V> {
    /// Packed inputs.
    pub(super) x: *const V,
    /// Of each pixel, where its first input lies.
    pub(super) from: &'a [usize],
    /// Of each pixel, where its results go in the first block.
    pub(super) to: &'a [usize],
    /// Of each block of inputs and each step of the kernel, where it lies beside the first.
    pub(super) offsets: &'a [usize],
    /// Channels of a block that count, a multiple of [`Dot::DEPTH`].
    pub(super) depth: usize,
    /// `(offsets, depth / DEPTH, width, 16, DEPTH)`.
    pub(super) weights: *const V,
    /// Blocks of outputs in the panel.
    pub(super) width: usize,
}

/// Does it.
///
/// # Safety
///
/// All that is told lies in bounds, the processor has the instructions of `D`, and no other task
/// writes the results.
#[inline(always)]
pub(super) unsafe fn product<D: Dot, E: Element, O: Element>(
    p: &Product<'_, D::Value>,
    finish: &Finish<'_, E, O>,
) {
    // SAFETY: as the caller promises.
    unsafe {
        if D::WIDE {
            match p.width {
                4 => tiles::<D, E, O, 4, 6>(p, finish, 0),
                3 => tiles::<D, E, O, 3, 8>(p, finish, 0),
                2 => tiles::<D, E, O, 2, 10>(p, finish, 0),
                _ => tiles::<D, E, O, 1, 12>(p, finish, 0),
            }
        } else {
            for block in 0..p.width {
                tiles::<D, E, O, 1, 6>(p, finish, block);
            }
        }
    }
}

/// `B` blocks from `first` on, for all pixels.
#[inline(always)]
unsafe fn tiles<D: Dot, E: Element, O: Element, const B: usize, const P: usize>(
    p: &Product<'_, D::Value>,
    finish: &Finish<'_, E, O>,
    first: usize,
) {
    let count = p.from.len();
    let mut pixel = 0;
    while pixel < count {
        let mut pixels = [p.x; P];
        for (i, at) in pixels.iter_mut().enumerate() {
            // The last tile repeats the last pixel, and what it gives is dropped.
            let from = p.from[(pixel + i).min(count - 1)];
            // SAFETY: in bounds, as the caller promises.
            *at = unsafe { at.add(from) };
        }
        // SAFETY: as the caller promises.
        let sums = unsafe { tile::<D, B, P>(p, pixels, first) };
        for i in 0..P.min(count - pixel) {
            for b in 0..B {
                // SAFETY: as the caller promises.
                unsafe { finish.finish(sums[i][b], first + b, p.to[pixel + i]) };
            }
        }
        pixel += P;
    }
}

#[inline(always)]
unsafe fn tile<D: Dot, const B: usize, const P: usize>(
    p: &Product<'_, D::Value>,
    pixels: [*const D::Value; P],
    first: usize,
) -> [[D::Lanes; B]; P] {
    let group = LANES * D::DEPTH;
    let steps = p.depth / D::DEPTH;
    let mut sums = [[D::Lanes::zero(); B]; P];
    // SAFETY: in bounds, as the caller promises.
    let mut weights = unsafe { p.weights.add(first * group) };
    for &offset in p.offsets {
        if steps == LANES / D::DEPTH {
            // A number that the compiler knows: it unrolls the loop.
            for i in 0..LANES / D::DEPTH {
                let at = weights.wrapping_add(i * p.width * group);
                // SAFETY: as above.
                unsafe { step::<D, B, P>(&mut sums, &pixels, offset + i * D::DEPTH, at) };
            }
        } else {
            for i in 0..steps {
                let at = weights.wrapping_add(i * p.width * group);
                // SAFETY: as above.
                unsafe { step::<D, B, P>(&mut sums, &pixels, offset + i * D::DEPTH, at) };
            }
        }
        weights = weights.wrapping_add(steps * p.width * group);
    }
    sums
}

/// One step of all pixels. No closures here and in what else is inlined: the compiler may leave them
/// as functions of their own, without the instructions of the set.
#[inline(always)]
unsafe fn step<D: Dot, const B: usize, const P: usize>(
    sums: &mut [[D::Lanes; B]; P],
    pixels: &[*const D::Value; P],
    offset: usize,
    weights: *const D::Value,
) {
    // SAFETY: in bounds, as the caller promises.
    let groups: [D::Group; B] = unsafe { groups::<D, B>(weights, LANES * D::DEPTH) };
    for p in 0..P {
        // SAFETY: as above.
        let spread = unsafe { D::spread(pixels[p].add(offset)) };
        for b in 0..B {
            sums[p][b] = D::step(sums[p][b], spread, groups[b]);
        }
    }
}

/// Groups that lie so many values apart.
#[inline(always)]
unsafe fn groups<D: Dot, const B: usize>(at: *const D::Value, distance: usize) -> [D::Group; B] {
    // SAFETY: in bounds, as the caller promises.
    let mut groups = [unsafe { D::group(at) }; B];
    for b in 1..B {
        // SAFETY: as above.
        groups[b] = unsafe { D::group(at.add(b * distance)) };
    }
    groups
}

/// Pixels' values times their gradients, summed over the pixels: the gradient of weights.
pub(super) struct Outer<'a, V> {
    /// Values, in groups of [`Dot::DEPTH`] pixels: `(.., pixels / DEPTH, 16, DEPTH)`.
    pub(super) x: *const V,
    /// Of each block of inputs and each step of the kernel, where its first group lies.
    pub(super) offsets: &'a [usize],
    /// Channels of a block that count.
    pub(super) depth: usize,
    /// Rows, and groups in each.
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// From row to row of `x`, in values.
    pub(super) x_row_step: usize,
    /// Gradients of the panel, `(width, rows, columns, 16, DEPTH)` with a step from block to block.
    pub(super) gradients: *const V,
    pub(super) block_step: usize,
    /// Blocks of outputs in the panel.
    pub(super) width: usize,
    /// What is added to: `(offsets, depth, width, 16)`.
    pub(super) sums: *mut f32,
}

/// Does it.
///
/// # Safety
///
/// As for [`product`].
#[inline(always)]
pub(super) unsafe fn outer<D: Dot>(p: &Outer<'_, D::Value>) {
    // SAFETY: as the caller promises.
    unsafe {
        if D::WIDE {
            match p.width {
                4 => channels::<D, 4, 4>(p, 0),
                3 if p.depth <= 2 => channels::<D, 3, 2>(p, 0),
                3 => channels::<D, 3, 8>(p, 0),
                2 => channels::<D, 2, 8>(p, 0),
                _ => channels::<D, 1, 16>(p, 0),
            }
        } else {
            for block in 0..p.width {
                channels::<D, 1, 4>(p, block);
            }
        }
    }
}

/// `B` blocks of outputs from `first` on, for all inputs, `I` at a time.
#[inline(always)]
unsafe fn channels<D: Dot, const B: usize, const I: usize>(p: &Outer<'_, D::Value>, first: usize) {
    let group = LANES * D::DEPTH;
    for (index, &offset) in p.offsets.iter().enumerate() {
        let mut channel = 0;
        while channel < p.depth {
            let mut sums = [[D::Lanes::zero(); B]; I];
            for row in 0..p.rows {
                // SAFETY: in bounds, as the caller promises; a block has 16 channels, of which all
                // may be read.
                let mut x = unsafe { p.x.add(offset + row * p.x_row_step + channel * D::DEPTH) };
                // SAFETY: as above.
                let mut gradients =
                    unsafe { p.gradients.add(first * p.block_step + row * p.columns * group) };
                for _ in 0..p.columns {
                    // SAFETY: as above.
                    let groups: [D::Group; B] = unsafe { groups::<D, B>(gradients, p.block_step) };
                    for i in 0..I {
                        // SAFETY: as above.
                        let spread = unsafe { D::spread(x.add(i * D::DEPTH)) };
                        for b in 0..B {
                            sums[i][b] = D::step(sums[i][b], spread, groups[b]);
                        }
                    }
                    x = x.wrapping_add(group);
                    gradients = gradients.wrapping_add(group);
                }
            }
            for i in 0..I.min(p.depth - channel) {
                for b in 0..B {
                    let line = (index * p.depth + channel + i) * p.width + first + b;
                    // SAFETY: as above.
                    let at = unsafe { p.sums.add(line * LANES) };
                    // SAFETY: as above.
                    let old = unsafe { D::Lanes::load(at) };
                    // SAFETY: as above.
                    unsafe { old.add(sums[i][b]).store(at) };
                }
            }
            channel += I;
        }
    }
}
