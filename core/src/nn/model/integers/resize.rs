//! Planes in other sizes, all by operations of IEEE 754 in a fixed order.

use rayon::prelude::*;

use super::quantized::PLANES;

/// Height and width.
pub(super) type Extent = [usize; 2];

/// A plane at twice its size, bilinear between pixel centers, the border repeated: what [`resized`]
/// gives, without looking up each place.
pub(super) fn doubled(plane: &[f32], [height, width]: Extent) -> Vec<f32> {
    let mut doubled = vec![0.; 4 * plane.len()];
    let rows = doubled.par_chunks_exact_mut(2 * width).enumerate().with_min_len(16);
    // With the border repeated.
    rows.for_each_init(
        || vec![0.; width + 2],
        |mixed, (y, doubled)| {
            let row = |y: usize| plane[y.min(height - 1) * width..][..width].iter();
            let (above, below, down) = if y % 2 == 0 {
                ((y / 2).saturating_sub(1), y / 2, 0.75)
            } else {
                (y / 2, y / 2 + 1, 0.25)
            };
            for ((mixed, above), below) in mixed[1..].iter_mut().zip(row(above)).zip(row(below)) {
                *mixed = above + down * (below - above);
            }
            (mixed[0], mixed[width + 1]) = (mixed[1], mixed[width]);
            let pixels = doubled.as_chunks_mut::<2>().0;
            for (x, pair) in pixels.iter_mut().enumerate() {
                let [left, own, right] = [mixed[x], mixed[x + 1], mixed[x + 2]];
                *pair = [left + 0.75 * (own - left), own + 0.25 * (right - own)];
            }
        },
    );
    doubled
}

/// A plane in another size, bilinear between pixel centers, the border repeated.
pub(super) fn resized(plane: &[f32], [height, width]: Extent, [rows, columns]: Extent) -> Vec<f32> {
    let places = |from: usize, to: usize| -> Vec<(usize, usize, f32)> {
        let scale = from as f32 / to as f32;
        let place = |i: usize| {
            let at = ((i as f32 + 0.5) * scale - 0.5).clamp(0., (from - 1) as f32);
            (at as usize, (at as usize + 1).min(from - 1), at - at.floor())
        };
        (0..to).map(place).collect()
    };
    let across = places(width, columns);
    let mut resized = Vec::with_capacity(rows * columns);
    let mut mixed = vec![0.; width];
    for (above, below, down) in places(height, rows) {
        let pair = plane[above * width..][..width].iter().zip(&plane[below * width..][..width]);
        for (mixed, (above, below)) in mixed.iter_mut().zip(pair) {
            *mixed = above + down * (below - above);
        }
        resized.extend(
            across
                .iter()
                .map(|&(left, right, over)| mixed[left] + over * (mixed[right] - mixed[left])),
        );
    }
    resized
}

/// Planes in another size, each pixel the nearest one's.
pub(super) fn nearest(
    planes: &[f32],
    [height, width]: Extent,
    [rows, columns]: Extent,
) -> Vec<f32> {
    let count = PLANES * rows * columns;
    let at = |i: usize| {
        let (plane, y, x) = (i / (rows * columns), i / columns % rows, i % columns);
        planes[(plane * height + y * height / rows) * width + x * width / columns]
    };
    (0..count).map(at).collect()
}

/// Left to right, each row of planes of one width.
pub(super) fn mirrored(planes: &[f32], width: usize) -> Vec<f32> {
    planes.chunks_exact(width).flat_map(|row| row.iter().rev().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_keeps_a_ramp_and_repeats_the_border() {
        let doubled = resized(&[0., 1., 2., 3.], [1, 4], [1, 8]);
        assert_eq!(doubled, [0., 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.]);
    }

    #[test]
    fn doubling_is_resizing_to_twice_the_size() {
        let [height, width] = [7, 11];
        let plane: Vec<f32> = (0..77).map(|i| (i * i % 31) as f32 / 7.).collect();
        let expected = resized(&plane, [height, width], [2 * height, 2 * width]);
        assert_eq!(doubled(&plane, [height, width]), expected);
    }
}
