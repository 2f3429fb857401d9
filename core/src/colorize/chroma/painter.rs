//! Paints full-size rows: chroma from the grid, lightness from the scan.

use std::ops::Range;
use std::sync::Arc;

use polychromify_image::color::lab::{self, RgbSpace};
use rayon::prelude::*;

use super::grid::{Grid, NODES, Slab};
use super::map::ChromaMap;
use crate::SamplesMut;

/// Paints rows of one size of picture, in any order, on any thread.
///
/// A painted pixel depends on its own lightness, its position and the chroma map alone, so results
/// do not depend on how rows are grouped in bands.
#[derive(Debug)]
pub struct Painter {
    grid: Arc<Grid>,
    /// Work column to the left of each pixel's center, and the fraction of the way to the next.
    columns: Vec<(usize, f32)>,
    /// Rows of the grid per row of the picture.
    vertical_scale: f32,
    saturation: f32,
    space: RgbSpace,
}

impl ChromaMap {
    /// Prepares painting in sRGB of pictures stored as `width` x `height` pixels, with chroma times
    /// `saturation` (0: gray, 1: as predicted).
    pub fn painter(&self, width: u32, height: u32, saturation: f32) -> Painter {
        Painter::new(self, (width as usize, height as usize), saturation)
    }
}

impl Painter {
    pub(super) fn new(map: &ChromaMap, (width, height): (usize, usize), saturation: f32) -> Self {
        Self::of_grid(Arc::new(Grid::new(map)), (width, height), saturation)
    }

    fn of_grid(grid: Arc<Grid>, (width, height): (usize, usize), saturation: f32) -> Self {
        let scale = grid.width as f32 / width as f32;
        let columns = (0..width)
            .map(|x| {
                let position = ((x as f32 + 0.5) * scale - 0.5).clamp(0.0, (grid.width - 1) as f32);
                // With a single work column there is no next one: the fraction is zero.
                let column = (position as usize).min(grid.width.saturating_sub(2));
                (column, position - column as f32)
            })
            .collect();
        let vertical_scale = grid.height as f32 / height as f32;
        Self { grid, columns, vertical_scale, saturation, space: RgbSpace::Srgb }
    }

    /// The same colors for a picture of another size, in sRGB.
    #[must_use]
    pub fn for_size(&self, width: u32, height: u32) -> Self {
        let size = (width as usize, height as usize);
        Self::of_grid(Arc::clone(&self.grid), size, self.saturation)
    }

    /// The same with another factor on chroma.
    #[must_use]
    pub fn saturated(self, saturation: f32) -> Self {
        Self { saturation, ..self }
    }

    /// The same for these columns of the picture alone, which rows then hold.
    #[must_use]
    pub fn columns(self, columns: Range<usize>) -> Self {
        Self { columns: self.columns[columns].to_vec(), ..self }
    }

    /// The same in another color space than sRGB.
    #[must_use]
    pub fn in_space(self, space: RgbSpace) -> Self {
        Self { space, ..self }
    }

    /// Paints whole rows from row `y` on. `lightness` is CIE L* (0..=100, clamped to it); `rgb`
    /// gets colors of that lightness in the painter's color space, chroma reduced at constant hue where the gamut asks for it.
    ///
    /// # Panics
    ///
    /// When the lengths are no whole rows or do not fit each other.
    pub fn paint_rows(&self, y: u32, lightness: &[f32], rgb: SamplesMut<'_>) {
        let width = self.columns.len();
        assert_eq!(lightness.len() % width, 0);
        match rgb {
            SamplesMut::Eight(rgb) => self.paint(y, lightness, rgb, |s| SamplesMut::Eight(s)),
            SamplesMut::Sixteen(rgb) => self.paint(y, lightness, rgb, |s| SamplesMut::Sixteen(s)),
            SamplesMut::Float(rgb) => self.paint(y, lightness, rgb, |s| SamplesMut::Float(s)),
        }
    }

    fn paint<S: Send>(
        &self,
        y: u32,
        lightness: &[f32],
        rgb: &mut [S],
        samples: impl Fn(&mut [S]) -> SamplesMut<'_> + Sync,
    ) {
        let width = self.columns.len();
        assert_eq!(rgb.len(), 3 * lightness.len());
        let rows = lightness.par_chunks_exact(width).zip(rgb.par_chunks_exact_mut(3 * width));
        rows.enumerate().for_each_init(Buffers::default, |buffers, (i, (lightness, rgb))| {
            self.paint_row(y as usize + i, lightness, samples(rgb), buffers);
        });
    }

    fn paint_row(&self, y: usize, lightness: &[f32], rgb: SamplesMut<'_>, buffers: &mut Buffers) {
        let Buffers { row, l, a, b } = buffers;
        l.clear();
        l.extend_from_slice(lightness);
        a.resize(l.len(), 0.0);
        b.resize(l.len(), 0.0);
        self.chroma_row(y, l, [a, b], row);
        lab::chroma_rows_to_linear(self.space, l, a, b);
        lab::encode_rows(self.space, l, a, b, rgb);
    }

    /// Planes of a* and b* of row `y`, for its pixels' lightness, which is held to 0..=100.
    pub(crate) fn chroma_row(
        &self,
        y: usize,
        lightness: &mut [f32],
        [a, b]: [&mut [f32]; 2],
        buffers: &mut RowBuffers,
    ) {
        let RowBuffers { slab, chroma, nodes, fractions } = buffers;
        self.grid.row_at((y as f32 + 0.5) * self.vertical_scale - 0.5, slab);
        fractions.resize(lightness.len(), 0.0);
        nodes.resize(lightness.len(), 0);
        chroma.resize(lightness.len(), [0.0; 2]);
        lab::nodes_of(lightness, NODES, nodes, fractions);
        self.look_up(slab, nodes, fractions, chroma);
        lab::split_chroma(chroma, self.saturation, a, b);
    }

    /// Chroma of a row's pixels from the grid's row, between nodes and columns. A function of its own:
    /// among other code it is compiled to twice as many instructions.
    #[inline(never)]
    fn look_up(&self, slab: &Slab, nodes: &[u32], fractions: &[f32], chroma: &mut [[f32; 2]]) {
        let lookups = self.columns.iter().zip(nodes).zip(fractions).zip(chroma);
        for (((&(column, across), &node), &up), chroma) in lookups {
            let at = column * NODES + node as usize;
            let [low, high] =
                slab.cells[at..].first_chunk::<2>().expect("the node is not the last");
            // Along lightness first: operations on four numbers. A closure may be called for each.
            let mut mixed = [0.0; 4];
            for i in 0..4 {
                mixed[i] = low[i] + up * (high[i] - low[i]);
            }
            *chroma = [mixed[0] + across * mixed[2], mixed[1] + across * mixed[3]];
        }
    }
}

/// Working memory of one row that is painted.
#[derive(Default)]
struct Buffers {
    row: RowBuffers,
    l: Vec<f32>,
    a: Vec<f32>,
    b: Vec<f32>,
}

/// Working memory of one row whose chroma is looked up.
#[derive(Default)]
pub(crate) struct RowBuffers {
    slab: Slab,
    chroma: Vec<[f32; 2]>,
    nodes: Vec<u32>,
    fractions: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use polychromify_image::color::lab::Lab;

    use super::*;
    use crate::{Orientation, Thumbnail};

    fn mix(from: [f32; 2], to: [f32; 2], fraction: f32) -> [f32; 2] {
        [0, 1].map(|c| from[c] + fraction * (to[c] - from[c]))
    }

    /// Smooth pseudo-random values in 0..1 that need no generator.
    fn noise(i: usize) -> f32 {
        ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32
    }

    /// A map of 32x24 whose chroma is given per work pixel by its position and lightness.
    fn map_of(
        lightness: &dyn Fn(usize, usize) -> f32,
        chroma: &dyn Fn(usize, usize) -> [f32; 2],
    ) -> ChromaMap {
        let (width, height) = (32, 24);
        let mut thumbnail = Thumbnail::new(width, height, Orientation::Upright, 32 * 24);
        let (mut l, mut ab) = (Vec::new(), Vec::new());
        for y in 0..height as usize {
            for x in 0..width as usize {
                l.push(lightness(x, y));
                ab.push(chroma(x, y));
            }
        }
        thumbnail.push_rows(0, &l);
        ChromaMap::new(&thumbnail.finish(), &ab)
    }

    fn colorful_map() -> ChromaMap {
        map_of(&|x, y| 100.0 * noise(x + 32 * y), &|x, y| {
            [120.0 * noise(x * 7 + y) - 60.0, 120.0 * noise(y * 5 + x + 99) - 60.0]
        })
    }

    fn lab_rows(rgb: &[u16]) -> Vec<Lab> {
        rgb.chunks_exact(3)
            .map(|p| Lab::from_srgb(std::array::from_fn(|c| f32::from(p[c]) / 65535.0)))
            .collect()
    }

    #[test]
    fn lightness_is_kept_to_0_02_in_16_bit_and_half_a_step_in_8_bit() {
        let (width, height) = (201, 97);
        let painter = colorful_map().painter(width, height, 1.5);
        let lightness: Vec<f32> =
            (0..(width * height) as usize).map(|i| 100.0 * noise(3 * i)).collect();
        let mut wide = vec![0_u16; 3 * lightness.len()];
        painter.paint_rows(0, &lightness, SamplesMut::Sixteen(&mut wide));
        for (lab, l) in lab_rows(&wide).iter().zip(&lightness) {
            assert!((lab.l - l).abs() < 0.02, "{l} became {lab:?}");
        }
        let mut narrow = vec![0_u8; 3 * lightness.len()];
        painter.paint_rows(0, &lightness, SamplesMut::Eight(&mut narrow));
        for (pixel, l) in narrow.chunks_exact(3).zip(&lightness) {
            let lab = Lab::from_srgb(std::array::from_fn(|c| f32::from(pixel[c]) / 255.0));
            assert!((lab.l - l).abs() < 0.5, "{l} became {lab:?}");
        }
    }

    #[test]
    fn bands_of_1_7_64_and_all_rows_give_identical_samples() {
        let (width, height) = (50_usize, 130_usize);
        let painter = colorful_map().painter(width as u32, height as u32, 1.0);
        let lightness: Vec<f32> = (0..width * height).map(|i| 100.0 * noise(i)).collect();
        let paint = |band: usize| {
            let mut rgb = vec![0_u16; 3 * width * height];
            let bands = lightness.chunks(band * width).zip(rgb.chunks_mut(3 * band * width));
            for (i, (lightness, rgb)) in bands.enumerate() {
                painter.paint_rows((i * band) as u32, lightness, SamplesMut::Sixteen(rgb));
            }
            rgb
        };
        let whole = paint(height);
        for band in [1, 7, 64] {
            assert!(paint(band) == whole, "bands of {band} rows differ");
        }
    }

    #[test]
    fn a_part_of_a_picture_is_painted_as_in_the_whole() {
        let map = colorful_map();
        let lightness: Vec<f32> = (0..200 * 90).map(|i| 100.0 * noise(i)).collect();
        let mut whole = vec![0_u16; 3 * 200 * 90];
        map.painter(200, 90, 1.2).paint_rows(0, &lightness, SamplesMut::Sixteen(&mut whole));
        let cut = |values: &mut dyn Iterator<Item = usize>| values.collect::<Vec<_>>();
        let pixels = cut(&mut (20..60).flat_map(|y| (30..130).map(move |x| 200 * y + x)));
        let part: Vec<f32> = pixels.iter().map(|&i| lightness[i]).collect();
        let mut painted = vec![0_u16; 3 * part.len()];
        let painter = map.painter(50, 20, 1.2).for_size(200, 90).columns(30..130);
        painter.paint_rows(20, &part, SamplesMut::Sixteen(&mut painted));
        let expected: Vec<u16> =
            pixels.iter().flat_map(|&i| whole[3 * i..][..3].to_vec()).collect();
        assert!(painted == expected);
    }

    /// A dark and a light half, painted 8 times larger; the network's chroma bleeds over three
    /// work pixels, as real ones do. Returns the largest error of b* at 1 or more work pixels from the
    /// edge, by the painter and by bilinear interpolation of the same map.
    fn bleeding_at_an_edge() -> (f32, f32) {
        let soft = |x: usize| ((x as f32 - 15.5) / 3.0 + 0.5).clamp(0.0, 1.0);
        let chroma_at = |x: usize| [0.0, -30.0 + 60.0 * soft(x)];
        let map = map_of(&|x, _| if x < 16 { 30.0 } else { 75.0 }, &|x, _| chroma_at(x));
        let (width, height) = (256_usize, 192_usize);
        let painter = map.painter(width as u32, height as u32, 1.0);
        let lightness: Vec<f32> =
            (0..width * height).map(|i| if i % width < 128 { 30.0 } else { 75.0 }).collect();
        let mut rgb = vec![0_u16; 3 * lightness.len()];
        painter.paint_rows(0, &lightness, SamplesMut::Sixteen(&mut rgb));
        let (mut painted, mut bilinear) = (0.0_f32, 0.0_f32);
        for (i, lab) in lab_rows(&rgb).iter().enumerate() {
            let x = i % width;
            if x.abs_diff(128) < 8 || x.abs_diff(128) > 24 {
                continue;
            }
            let expected = if x < 128 { -30.0 } else { 30.0 };
            painted = painted.max((lab.b - expected).abs());
            let position = (x as f32 + 0.5) / 8.0 - 0.5;
            let column = position as usize;
            let b = mix(chroma_at(column), chroma_at(column + 1), position.fract())[1];
            bilinear = bilinear.max((b - expected).abs());
        }
        (painted, bilinear)
    }

    #[test]
    fn color_stops_at_edges_where_bilinear_bleeds() {
        let (painted, bilinear) = bleeding_at_an_edge();
        assert!(bilinear > 9.0, "the map does not bleed: {bilinear}");
        assert!(painted < 0.75 * bilinear, "painted {painted}, bilinear {bilinear}");
    }

    #[test]
    fn film_grain_does_not_turn_into_colored_noise() {
        // A soft change of color in a flat area, with grain of standard deviation 3.5 L*.
        let map = map_of(&|x, y| 50.0 + 3.0 * (noise(x + 32 * y) - 0.5), &|x, _| [x as f32, 10.0]);
        let (width, height) = (256_usize, 192_usize);
        let painter = map.painter(width as u32, height as u32, 1.0);
        let lightness: Vec<f32> =
            (0..width * height).map(|i| 50.0 + 12.0 * (noise(i) - 0.5)).collect();
        let mut rgb = vec![0_u16; 3 * lightness.len()];
        painter.paint_rows(0, &lightness, SamplesMut::Sixteen(&mut rgb));
        let labs = lab_rows(&rgb);
        for (i, pair) in labs.windows(2).enumerate() {
            if (i + 1) % width != 0 {
                let step = (pair[0].a - pair[1].a).hypot(pair[0].b - pair[1].b);
                assert!(step < 1.5, "chroma jumps by {step} at {i}");
            }
        }
    }

    #[test]
    fn a_scan_border_stays_neutral_beside_a_colored_picture() {
        for (border, picture) in [(3.0, 60.0), (97.0, 60.0), (97.0, 20.0)] {
            let (width, height) = (64_u32, 48_u32);
            let outside = |x: u32, y: u32| x < 6 || y < 5 || x >= 56 || y >= 43;
            // Eight pixels of the scan for each of the map; its edges lie within work pixels too.
            let lightness: Vec<f32> = (0..64 * height * width)
                .map(|i| (i % (8 * width), i / (8 * width)))
                .map(|(x, y)| if outside((x + 3) / 8, (y + 5) / 8) { border } else { picture })
                .collect();
            let mut thumbnail =
                Thumbnail::new(8 * width, 8 * height, Orientation::Upright, 64 * 48);
            thumbnail.push_rows(0, &lightness);
            let image = thumbnail.finish();
            assert!(image.borders().is_some(), "border {border}");
            let map = ChromaMap::new(&image, &vec![[40.0, -30.0]; 64 * 48]);
            let mut rgb = vec![0_u16; 3 * lightness.len()];
            let painter = map.painter(8 * width, 8 * height, 1.0);
            painter.paint_rows(0, &lightness, SamplesMut::Sixteen(&mut rgb));
            for (i, lab) in lab_rows(&rgb).iter().enumerate() {
                let chroma = lab.a.hypot(lab.b);
                if lightness[i] == border {
                    assert!(chroma < 1.0, "border {border}: {lab:?} at {i}");
                }
            }
            let middle = lab_rows(&rgb)[(4 * height * 8 * width + 4 * width) as usize];
            assert!(middle.a > 10.0, "{middle:?}");
        }
    }

    #[test]
    fn zero_saturation_is_gray_and_neutral() {
        let painter = colorful_map().painter(64, 48, 0.0);
        let lightness: Vec<f32> = (0..64 * 48).map(|i| 100.0 * noise(i)).collect();
        let mut rgb = vec![0_u8; 3 * lightness.len()];
        painter.paint_rows(0, &lightness, SamplesMut::Eight(&mut rgb));
        assert!(rgb.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    }

    #[test]
    fn one_pixel_maps_and_pictures_are_painted() {
        let mut thumbnail = Thumbnail::new(1, 1, Orientation::Upright, 100);
        thumbnail.push_rows(0, &[50.0]);
        let map = ChromaMap::new(&thumbnail.finish(), &[[0.0, 20.0]]);
        let mut rgb = vec![0_u8; 12];
        map.painter(2, 2, 1.0).paint_rows(0, &[50.0; 4], SamplesMut::Eight(&mut rgb));
        assert!(rgb.chunks_exact(3).all(|p| p[0] > p[2]), "{rgb:?}");
    }
}
