//! The colors to choose between: a grid over `(a, b)`, as far as sRGB reaches.
//!
//! Zhang, Isola and Efros, "Colorful Image Colorization", 2016,
//! <https://arxiv.org/abs/1603.08511>, section 2.1.

use std::collections::BTreeSet;

use polychromify_image::color::lab::{Lab, srgb_to_linear};

/// Distance between neighbors, in units of `a` and `b`.
const GRID: f32 = 10.;

/// Centers `[a, b]` of the cells that hold a color of sRGB at any lightness, sorted.
///
/// The colors at the border of the sRGB cube reach every `(a, b)` that those within do.
pub fn centers() -> Vec<[f32; 2]> {
    // Taken for each color, the powers were a twelfth of the start of a program.
    let steps: [f32; 52] = std::array::from_fn(|step| srgb_to_linear(step as f32 / 51.));
    let mut cells = BTreeSet::new();
    for u in steps {
        for v in steps {
            for side in [0., 1.] {
                for linear in [[side, u, v], [u, side, v], [u, v, side]] {
                    let Lab { a, b, .. } = Lab::from_linear(linear);
                    cells.insert(((a / GRID).round() as i32, (b / GRID).round() as i32));
                }
            }
        }
    }
    cells.into_iter().map(|(a, b)| [a as f32 * GRID, b as f32 * GRID]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bins_are_those_of_srgb() {
        let centers = centers();
        assert_eq!(centers.len(), 260);
        assert!(centers.contains(&[0., 0.]) && centers.contains(&[80., 70.]));
        assert!(!centers.contains(&[-100., -100.]));
    }
}
