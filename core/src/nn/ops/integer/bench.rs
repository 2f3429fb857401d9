//! Layers to measure, for `core/benches/integer.rs`.

use super::{
    BLOCK, Dense, Depthwise, Input, Instructions, Planes, Rescale, Size, Sums, dense, depthwise,
};

/// A layer on one set of instructions.
pub struct Loop {
    /// What the layer is.
    pub name: &'static str,
    /// What it runs on.
    pub instructions: String,
    /// Products of two numbers that it takes.
    pub products: u64,
    /// Runs it once.
    pub run: Box<dyn FnMut()>,
}

/// Sizes of a dense layer: inputs, outputs, kernel, height and width.
const DENSE: [(&str, usize, usize, usize, usize); 3] = [
    ("192 to 1152, 1x1, 8x8", 192, 1152, 1, 8),
    ("96 to 48, 1x1, 64x64", 96, 48, 1, 64),
    ("64 to 48, 3x3, 64x64", 64, 48, 3, 64),
];

/// Channels, kernel, height and width of a depthwise layer.
const DEPTHWISE: [(&str, usize, usize, usize); 2] =
    [("144 by themselves, 3x3, 64x64", 144, 3, 64), ("672 by themselves, 5x5, 16x16", 672, 5, 16)];

/// Layers of the default network's kinds, on all sets of instructions.
pub fn integer_loops() -> Vec<Loop> {
    Instructions::available().into_iter().flat_map(loops).collect()
}

fn loops(instructions: Instructions) -> Vec<Loop> {
    let size = |channels: usize, side: usize| Size {
        blocks: channels.div_ceil(BLOCK),
        height: side,
        width: side,
        border: 2,
    };
    let rescale = |outputs| Rescale::new(&vec![0; outputs], &vec![8; outputs], [0, 8191]);
    let named = |name, products: usize, run: Box<dyn FnMut()>| {
        let instructions = format!("{instructions:?}").to_lowercase();
        Loop { name, instructions, products: products as u64, run }
    };
    let dense_loop = |(name, inputs, outputs, kernel, side): (_, usize, usize, usize, usize)| {
        let reach = kernel.cast_signed() / 2;
        let taps = (-reach..=reach).flat_map(|y| (-reach..=reach).map(move |x| [y, x])).collect();
        let layer = Dense::new(&[(inputs, taps)], rescale(outputs), |_, _, _, _| 1);
        let x = Planes::new(size(inputs, side));
        let mut y = Planes::new(size(outputs, side));
        let run = move || {
            let sums = Sums { layer: &layer, inputs: &[Input::whole(&x)], origin: [0; 2] };
            dense(instructions, &[sums], None, &mut y, 1);
        };
        named(name, inputs * outputs * kernel * kernel * side * side, Box::new(run))
    };
    let depthwise_loop = |(name, channels, kernel, side): (_, usize, usize, usize)| {
        let layer = Depthwise::new(kernel, 1, rescale(channels), |_, _, _| 1);
        let x = Planes::new(size(channels, side));
        let mut y = Planes::new(size(channels, side));
        let run = move || depthwise(instructions, &layer, &x, &mut y);
        named(name, channels * kernel * kernel * side * side, Box::new(run))
    };
    DENSE.map(dense_loop).into_iter().chain(DEPTHWISE.map(depthwise_loop)).collect()
}
