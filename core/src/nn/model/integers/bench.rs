//! The head of the default network to measure, for `core/benches/integer.rs`.

use polychromify_image::isa;

use super::bins::annealed;
use crate::nn::model::vivid::bin_centers;
use crate::nn::ops::Loop;
use crate::nn::ops::integer::{BLOCK, Planes, Size};

/// Height and width of the head's planes: a quarter of a thumbnail's.
const SIDE: usize = 64;

/// The mean color of each pixel's bins, on each set of instructions.
pub fn head_loops() -> Vec<Loop> {
    let measured = |most| {
        let centers = bin_centers();
        let blocks = centers.len().div_ceil(BLOCK);
        let planes = Planes::new(Size { blocks, height: SIDE, width: SIDE, border: 0 });
        Loop {
            name: "mean color of the bins, 64x64",
            instructions: format!("{most:?}").to_lowercase(),
            products: (centers.len() * SIDE * SIDE) as u64,
            run: Box::new(move || {
                isa::limit(most);
                std::hint::black_box(annealed(&planes, 0.01, &centers, 1.0));
                isa::limit(isa::Isa::Avx512);
            }),
        }
    };
    isa::ALL.map(measured).into()
}
