//! Bands of a layer's rows: reads their lightness, and paints them.

use polychromify_core::{Painter, SamplesMut};
use polychromify_image::color::lab::lightness_from_linear;

use crate::host::{LayerInfo, Pixels};

/// Called with the share that is done, 0..=1.
pub(super) type Progress<'a> = dyn Fn(f64) + 'a;

/// Most pixels of a band: at 44 bytes each, a band takes up to 18 MB.
const BAND_PIXELS: usize = 400_000;

/// Rows of the tiles in which GIMP keeps pixels: bands of whole tiles fetch each tile once.
const TILE_ROWS: usize = 64;

/// First row and number of rows of each band.
pub(super) fn bands(width: u32, height: u32) -> impl Iterator<Item = (u32, u32)> {
    let fitting = (BAND_PIXELS / width.max(1) as usize).max(1);
    let rows = if fitting > TILE_ROWS { fitting - fitting % TILE_ROWS } else { fitting };
    let rows = rows.min(height.max(1) as usize) as u32;
    (0..height).step_by(rows as usize).map(move |y| (y, rows.min(height - y)))
}

/// Calls `visit` with the first row, the linear sRGB and the lightness (CIE L*, 0..=100) of each band.
pub(super) fn read<P: Pixels>(
    pixels: &mut P,
    layer: &LayerInfo,
    progress: &Progress<'_>,
    mut visit: impl FnMut(u32, &[f32], &[f32]),
) {
    let (mut linear, mut lightness) = (Vec::new(), Vec::new());
    for (y, rows) in bands(layer.width, layer.height) {
        let count = rows as usize * layer.width as usize;
        linear.resize(3 * count, 0.0);
        lightness.resize(count, 0.0);
        pixels.read_linear(y, false, &mut linear);
        lightness_from_linear(&linear, 3, &mut lightness);
        visit(y, &linear, &lightness);
        progress(f64::from(y + rows) / f64::from(layer.height));
    }
}

/// Calls `visit` with the first row and the lightness of each band of a layer that was read before.
pub(super) fn visit(lightness: &[f32], layer: &LayerInfo, mut visit: impl FnMut(u32, &[f32])) {
    let width = layer.width as usize;
    for (y, rows) in bands(layer.width, layer.height) {
        visit(y, &lightness[y as usize * width..][..rows as usize * width]);
    }
}

/// Inverts lightness, as film does.
pub(super) fn invert(lightness: &mut [f32]) {
    for l in lightness {
        *l = 100.0 - *l;
    }
}

/// How a layer is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Painting {
    pub(super) alpha: Alpha,
    /// Whether its lightness is inverted.
    pub(super) negative: bool,
}

/// What a painted pixel gets where its source is half transparent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alpha {
    /// The alpha of the source.
    Kept,
    /// Full opacity; only what is wholly transparent stays so.
    Filled,
}

/// Paints `to` with the lightness of `from`.
pub(super) fn paint<P: Pixels>(
    from: &mut P,
    to: &mut P,
    layer: &LayerInfo,
    how: Painting,
    painter: &Painter,
    progress: &Progress<'_>,
) {
    let channels = if layer.alpha { 4 } else { 3 };
    let (mut linear, mut lightness, mut rgb) = (Vec::new(), Vec::new(), Vec::new());
    for (y, rows) in bands(layer.width, layer.height) {
        let count = rows as usize * layer.width as usize;
        linear.resize(channels * count, 0.0);
        lightness.resize(count, 0.0);
        rgb.resize(3 * count, 0.0);
        from.read_linear(y, layer.alpha, &mut linear);
        lightness_from_linear(&linear, channels, &mut lightness);
        if how.negative {
            invert(&mut lightness);
        }
        painter.paint_rows(y, &lightness, SamplesMut::Float(&mut rgb));
        if layer.alpha {
            for (pixel, color) in linear.chunks_exact_mut(4).zip(rgb.chunks_exact(3)) {
                pixel[..3].copy_from_slice(color);
                if how.alpha == Alpha::Filled && pixel[3] > 0.0 {
                    pixel[3] = 1.0;
                }
            }
            to.write_encoded(y, true, &linear);
        } else {
            to.write_encoded(y, false, &rgb);
        }
        progress(f64::from(y + rows) / f64::from(layer.height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_every_row_once_and_stay_small() {
        for (width, height) in [(6000, 4000), (1, 1), (7, 200_000), (300_000, 3), (40_000, 65)] {
            let mut next = 0;
            for (y, rows) in bands(width, height) {
                assert_eq!(y, next);
                assert!(rows > 0 && (rows as usize * width as usize <= BAND_PIXELS || rows == 1));
                next = y + rows;
            }
            assert_eq!(next, height, "{width} x {height}");
        }
        assert_eq!(bands(6000, 4000).next(), Some((0, 64)));
    }
}
