//! Strokes that the user painted on a layer, as core's hints.
//!
//! The layer is looked at in square cells of the source, some hundred along its longest side: about
//! as fine as a network's thumbnail, finer than which no hint acts. Cells of one color that touch
//! are a stroke, and each stroke is covered with discs, the largest first.

use polychromify_core::Hints;
use polychromify_core::hints::Hint;

use super::bands::bands;
use super::error::Error;
use crate::host::{Host, Layer, LayerInfo, Pixels};

/// Least alpha, 0..=1, of a pixel that counts as painted: brushes have soft edges.
const PAINTED: f32 = 0.5;
/// Cells along the longest side of the source at most.
const FINEST: u32 = 256;
/// Hints at most: each costs a search over the thumbnail. Cells grow until so many are enough.
const MOST: usize = 300;
/// Largest difference of a channel, 0..=1, within a stroke.
const SAME_COLOR: f32 = 0.08;
/// How far a disc makes another one needless, in its radius and in cells beyond: out to the corners
/// of the square that it was fitted into, and a little, because hints spread by themselves.
const REACH: (f32, f32) = (1.5, 1.0);

/// Reads a layer's strokes, in pixels of the source, which may lie elsewhere in the image.
pub(super) fn read<H: Host>(host: &H, layer: Layer, source: Layer) -> Result<Hints, Error> {
    let (strokes, source) = (host.describe(layer), host.describe(source));
    let mut cells = Cells::new(source.width, source.height);
    let mut pixels = host.pixels(layer)?;
    let mut band = Vec::new();
    for (y, rows) in bands(strokes.width, strokes.height) {
        band.resize(4 * rows as usize * strokes.width as usize, 0.0);
        pixels.read_encoded(y, &mut band);
        cells.add(y, &band, &strokes, &source);
    }
    loop {
        let hints = cells.cover();
        if hints.len() <= MOST {
            return Ok(Hints(hints));
        }
        cells = cells.halved();
    }
}

/// What is painted in each cell of the source.
struct Cells {
    /// Side of a cell in pixels.
    side: u32,
    width: usize,
    height: usize,
    /// Sums of red, green and blue over the painted pixels, and their number.
    sums: Vec<[f32; 4]>,
}

impl Cells {
    fn new(width: u32, height: u32) -> Self {
        let side = width.max(height).div_ceil(FINEST).max(1);
        let (width, height) = (width.div_ceil(side) as usize, height.div_ceil(side) as usize);
        Self { side, width, height, sums: vec![[0.0; 4]; width * height] }
    }

    /// Adds rows of the layer with the strokes from row `y` on.
    fn add(&mut self, y: u32, pixels: &[f32], strokes: &LayerInfo, source: &LayerInfo) {
        let shift = (
            i64::from(strokes.offsets.0) - i64::from(source.offsets.0),
            i64::from(strokes.offsets.1) - i64::from(source.offsets.1),
        );
        let (from, side) = (strokes.width as usize, i64::from(self.side));
        for (v, line) in (i64::from(y) + shift.1..).zip(pixels.chunks_exact(4 * from)) {
            if v < 0 || v >= i64::from(source.height) {
                continue;
            }
            for (u, pixel) in (shift.0..).zip(line.chunks_exact(4)) {
                if pixel[3] >= PAINTED && u >= 0 && u < i64::from(source.width) {
                    let cell =
                        &mut self.sums[(v / side) as usize * self.width + (u / side) as usize];
                    for (sum, value) in cell.iter_mut().zip(pixel[..3].iter().chain(&[1.0])) {
                        *sum += value.clamp(0.0, 1.0);
                    }
                }
            }
        }
    }

    /// Cells of twice the side.
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut sums = vec![[0.0; 4]; width * height];
        for (i, cell) in self.sums.iter().enumerate() {
            let (x, y) = (i % self.width, i / self.width);
            for (sum, value) in sums[y / 2 * width + x / 2].iter_mut().zip(cell) {
                *sum += value;
            }
        }
        Self { side: 2 * self.side, width, height, sums }
    }

    /// The strokes as discs.
    fn cover(&self) -> Vec<Hint> {
        let mut hints = Vec::new();
        let mut stroke_of = vec![0_usize; self.sums.len()];
        let mut strokes = 0;
        for start in 0..self.sums.len() {
            if stroke_of[start] == 0 && self.color(start).is_some() {
                strokes += 1;
                let stroke = self.grow(start, strokes, &mut stroke_of);
                self.cover_stroke(&stroke, strokes, &stroke_of, &mut hints);
            }
        }
        hints
    }

    /// Mean color of a cell's painted pixels.
    fn color(&self, cell: usize) -> Option<[f32; 3]> {
        let [red, green, blue, count] = self.sums[cell];
        (count > 0.0).then(|| [red / count, green / count, blue / count])
    }

    /// The cells that touch `start` and each other, and have its color.
    fn grow(&self, start: usize, stroke: usize, stroke_of: &mut [usize]) -> Vec<usize> {
        let wanted = self.color(start).unwrap_or_default();
        let same = |color: [f32; 3]| (0..3).all(|c| (color[c] - wanted[c]).abs() <= SAME_COLOR);
        let mut cells = vec![start];
        stroke_of[start] = stroke;
        let mut next = 0;
        while let Some(&cell) = cells.get(next) {
            next += 1;
            for neighbor in self.neighbors(cell) {
                if stroke_of[neighbor] == 0 && self.color(neighbor).is_some_and(same) {
                    stroke_of[neighbor] = stroke;
                    cells.push(neighbor);
                }
            }
        }
        cells
    }

    /// Adds discs within a stroke until each of its cells is in or near one.
    fn cover_stroke(
        &self,
        stroke: &[usize],
        number: usize,
        stroke_of: &[usize],
        hints: &mut Vec<Hint>,
    ) {
        let mut sum = [0.0; 4];
        for &cell in stroke {
            for (sum, value) in sum.iter_mut().zip(self.sums[cell]) {
                *sum += value;
            }
        }
        let rgb = [0, 1, 2].map(|c| (255.0 * sum[c] / sum[3]).round() as u8);
        let depths = self.depths(stroke, number, stroke_of);
        let mut order: Vec<usize> = (0..stroke.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(depths[i]));
        let mut covered = vec![false; stroke.len()];
        let place = |i: usize| {
            let cell = stroke[i];
            ((cell % self.width) as f32 + 0.5, (cell / self.width) as f32 + 0.5)
        };
        for center in order {
            if covered[center] {
                continue;
            }
            let ((x, y), radius) = (place(center), depths[center] as f32 - 0.5);
            for (i, covered) in covered.iter_mut().enumerate() {
                let (u, v) = place(i);
                *covered |= (u - x).hypot(v - y) <= REACH.0 * radius + REACH.1;
            }
            let side = self.side as f32;
            hints.push(Hint { x: x * side, y: y * side, radius: radius * side, rgb, page: 1 });
            if hints.len() > MOST {
                return; // too many already: the cells will be larger
            }
        }
    }

    /// Steps from each cell of a stroke to the nearest one outside of it, diagonals included.
    fn depths(&self, stroke: &[usize], number: usize, stroke_of: &[usize]) -> Vec<u32> {
        let mut depth_of = vec![0_u32; self.sums.len()];
        let inside = |cell: usize| stroke_of[cell] == number;
        let mut edge: Vec<usize> = stroke
            .iter()
            .copied()
            .filter(|&cell| {
                self.neighbors(cell).filter(|n| inside(*n)).count() < 8 // the picture's edge, too
            })
            .collect();
        let mut depth = 1;
        while !edge.is_empty() {
            for &cell in &edge {
                depth_of[cell] = depth;
            }
            let mut inner: Vec<usize> = edge
                .iter()
                .flat_map(|&cell| self.neighbors(cell))
                .filter(|&cell| inside(cell) && depth_of[cell] == 0)
                .collect();
            inner.sort_unstable();
            inner.dedup();
            edge = inner;
            depth += 1;
        }
        stroke.iter().map(|&cell| depth_of[cell]).collect()
    }

    /// The cells around one.
    fn neighbors(&self, cell: usize) -> impl Iterator<Item = usize> + use<> {
        let (width, height) = (self.width, self.height);
        let (x, y) = (cell % width, cell / width);
        let rows = y.saturating_sub(1)..=(y + 1).min(height - 1);
        rows.flat_map(move |v| {
            let columns = x.saturating_sub(1)..=(x + 1).min(width - 1);
            columns.map(move |u| v * width + u)
        })
        .filter(move |neighbor| *neighbor != cell)
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
    ) -> Vec<Hint> {
        let image = FakeImage::new();
        let source = image.add("scan", size, (0, 0), |_, _| [0.5, 0.5, 0.5, 1.0]);
        let strokes = image.add("hints", size, offsets, |x, y| {
            stroke(x, y).map_or([0.0; 4], |[r, g, b]| [r, g, b, 1.0])
        });
        read(&image, strokes, source).unwrap().0
    }

    /// Whether a pixel's center is in a disc or at most `slack` pixels from it.
    fn covered(hints: &[Hint], (x, y): (u32, u32), slack: f32) -> bool {
        let away = |h: &Hint| (x as f32 + 0.5 - h.x).hypot(y as f32 + 0.5 - h.y) - h.radius;
        hints.iter().any(|hint| away(hint) <= slack)
    }

    #[test]
    fn nothing_painted_is_no_hint() {
        assert_eq!(hints((60, 40), (0, 0), |_, _| None), []);
    }

    #[test]
    fn a_dab_is_one_hint_of_its_color_at_its_place() {
        let found = hints((200, 150), (0, 0), |x, y| {
            ((x as f32 - 90.0).hypot(y as f32 - 60.0) < 9.0).then_some(RED)
        });
        let [hint, rest @ ..] = &found[..] else { panic!("no hint") };
        assert!((hint.x - 90.5).abs() < 1.5 && (hint.y - 60.5).abs() < 1.5, "{hint:?}");
        assert!((5.0..9.0).contains(&hint.radius), "{hint:?}");
        assert_eq!(hint.rgb, [204, 26, 26]);
        assert_eq!(rest, []);
    }

    #[test]
    fn a_long_stroke_is_covered_by_few_discs_within_it() {
        let on = |x: u32, y: u32| (20..1900).contains(&x) && (400..430).contains(&y);
        let found = hints((2000, 1000), (0, 0), |x, y| on(x, y).then_some(RED));
        assert!(found.len() < 120, "{} hints", found.len());
        for x in (20..1900).step_by(7) {
            assert!(covered(&found, (x, 415), 16.0), "{x}");
        }
        for hint in &found {
            assert!((392.0..438.0).contains(&hint.y) && hint.radius < 20.0, "{hint:?}");
        }
    }

    #[test]
    fn strokes_of_two_colors_that_touch_stay_two() {
        let found = hints((100, 80), (0, 0), |x, y| {
            ((20..60).contains(&y)).then_some(if x < 50 { RED } else { BLUE })
        });
        for hint in &found {
            let left = hint.x < 50.0;
            assert_eq!(hint.rgb, if left { [204, 26, 26] } else { [26, 51, 230] });
            assert!(if left { hint.x + hint.radius < 51.0 } else { hint.x - hint.radius > 49.0 });
        }
    }

    #[test]
    fn offsets_count_and_what_lies_outside_of_the_source_does_not() {
        let found = hints((100, 80), (30, -20), |x, y| {
            ((x as f32 - 20.0).hypot(y as f32 - 40.0) < 5.0).then_some(RED)
        });
        assert!((found[0].x - 50.5).abs() < 1.5 && (found[0].y - 20.5).abs() < 1.5, "{found:?}");
        assert_eq!(hints((100, 80), (500, 0), |_, _| Some(RED)), []);
    }

    #[test]
    fn faint_paint_is_no_stroke() {
        let image = FakeImage::new();
        let source = image.add("scan", (50, 50), (0, 0), |_, _| [0.5, 0.5, 0.5, 1.0]);
        let strokes = image.add("hints", (50, 50), (0, 0), |_, _| [0.8, 0.1, 0.1, 0.3]);
        assert_eq!(read(&image, strokes, source).unwrap().0, []);
    }

    #[test]
    fn however_much_is_painted_the_hints_stay_few() {
        let speckled = |x: u32, y: u32| (x.is_multiple_of(3) && y.is_multiple_of(3)).then_some(RED);
        let found = hints((900, 600), (0, 0), speckled);
        assert!(!found.is_empty() && found.len() <= MOST, "{} hints", found.len());
    }
}
