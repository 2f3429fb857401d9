//! Strokes that the user painted on a layer, as core's hints.

use polychromify_core::{HintMask, Hints};

use super::bands::bands;
use super::error::Error;
use crate::host::{Host, Layer, LayerInfo, Pixels};

/// Least alpha, 0..=1, of a pixel that counts as painted: brushes have soft edges.
const PAINTED: f32 = 0.5;
/// Most columns and rows of the mask: the longest side of a network's thumbnail, of 192 x 192
/// pixels in all and four times as long as high.
const FINEST: u32 = 384;

/// Reads a layer's strokes as they lie on the source, which may have another place and size.
pub(super) fn read<H: Host>(host: &H, layer: Layer, source: Layer) -> Result<Hints, Error> {
    let (strokes, source) = (host.describe(layer), host.describe(source));
    let columns = source.width.min(FINEST) as usize;
    let mut cells = vec![None; columns * source.height.min(FINEST) as usize];
    let mut pixels = host.pixels(layer)?;
    let mut band = Vec::new();
    for (y, rows) in bands(strokes.width, strokes.height) {
        band.resize(4 * rows as usize * strokes.width as usize, 0.0);
        pixels.read_encoded(y, &mut band);
        add_rows(&mut cells, columns, y, &band, &strokes, &source);
    }
    let is_painted = cells.iter().any(Option::is_some);
    Ok(if is_painted { Hints::Mask(HintMask::new(columns, cells)) } else { Hints::default() })
}

/// Colors the cells under the painted pixels of rows of the layer with the strokes, from row `y` on.
/// The first pixel of a cell gives its color.
fn add_rows(
    cells: &mut [Option<[u8; 3]>],
    columns: usize,
    y: u32,
    pixels: &[f32],
    strokes: &LayerInfo,
    source: &LayerInfo,
) {
    let rows = cells.len() / columns;
    let left = i64::from(strokes.offsets.0) - i64::from(source.offsets.0);
    let top = i64::from(strokes.offsets.1) - i64::from(source.offsets.1) + i64::from(y);
    let (width, height) = (source.width as usize, source.height as usize);
    let within = |at: i64, length: usize| usize::try_from(at).ok().filter(|at| *at < length);
    for (v, line) in (top..).zip(pixels.chunks_exact(4 * strokes.width as usize)) {
        let Some(v) = within(v, height) else { continue };
        for (u, pixel) in (left..).zip(line.chunks_exact(4)) {
            if pixel[3] >= PAINTED
                && let Some(u) = within(u, width)
            {
                let rgb = [0, 1, 2].map(|c| (255.0 * pixel[c]).round() as u8);
                cells[v * rows / height * columns + u * columns / width].get_or_insert(rgb);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::FakeImage;
    use super::*;

    const RED: [f32; 3] = [0.8, 0.1, 0.1];
    const BLUE: [f32; 3] = [0.1, 0.2, 0.9];

    /// The hints of a layer at `offsets`, painted where `stroke` gives a color, for a source of
    /// `size` at (0, 0).
    fn hints(
        size: (u32, u32),
        offsets: (i32, i32),
        stroke: impl Fn(u32, u32) -> Option<[f32; 3]>,
    ) -> Hints {
        let image = FakeImage::new();
        let source = image.add("scan", size, (0, 0), |_, _| [0.5, 0.5, 0.5, 1.0]);
        let strokes = image.add("hints", size, offsets, |x, y| {
            stroke(x, y).map_or([0.0; 4], |[r, g, b]| [r, g, b, 1.0])
        });
        read(&image, strokes, source).unwrap()
    }

    /// A mask of `size` cells with colors by their position.
    fn mask((w, h): (usize, usize), color: impl Fn(usize, usize) -> Option<[f32; 3]>) -> Hints {
        let cells = (0..w * h).map(|i| color(i % w, i / w));
        let bytes = |rgb: [f32; 3]| rgb.map(|v| (255.0 * v).round() as u8);
        Hints::Mask(HintMask::new(w, cells.map(|color| color.map(bytes)).collect()))
    }

    #[test]
    fn nothing_painted_is_no_hint() {
        assert_eq!(hints((60, 40), (0, 0), |_, _| None), Hints::default());
    }

    #[test]
    fn strokes_on_a_small_source_are_the_mask_itself() {
        let stroke = |x: usize, y: usize| match (x, y) {
            (20..50, 30) => Some(RED),
            (50..60, 30..35) => Some(BLUE),
            _ => None,
        };
        let found = hints((100, 80), (0, 0), |x, y| stroke(x as usize, y as usize));
        assert_eq!(found, mask((100, 80), stroke));
    }

    #[test]
    fn a_large_source_has_cells_of_several_pixels_and_the_thinnest_stroke_is_in_one() {
        let found = hints((2000, 1000), (0, 0), |x, y| {
            (x == 1999 && y == 999 || x == 1000 && y == 500).then_some(RED)
        });
        let stroke = |x, y| matches!((x, y), (383, 383) | (192, 192)).then_some(RED);
        assert_eq!(found, mask((384, 384), stroke));
    }

    #[test]
    fn offsets_count_and_what_lies_outside_of_the_source_does_not() {
        let found = hints((100, 80), (30, -20), |x, y| ((x, y) == (20, 40)).then_some(RED));
        assert_eq!(found, mask((100, 80), |x, y| ((x, y) == (50, 20)).then_some(RED)));
        assert_eq!(hints((100, 80), (500, 0), |_, _| Some(RED)), Hints::default());
    }

    #[test]
    fn faint_paint_is_no_stroke() {
        let image = FakeImage::new();
        let source = image.add("scan", (50, 50), (0, 0), |_, _| [0.5, 0.5, 0.5, 1.0]);
        let strokes = image.add("hints", (50, 50), (0, 0), |_, _| [0.8, 0.1, 0.1, 0.3]);
        assert_eq!(read(&image, strokes, source).unwrap(), Hints::default());
    }
}
