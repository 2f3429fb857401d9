//! Hints as a painted picture.

use super::region::{HintRegion, chroma_of};

/// Distance of `(a, b)` within which colors are one: two shades of a stroke.
const SAME: f32 = 6.0;

/// A picture of what the user painted over the whole of a scan, upright. It may be of any size; a
/// network sees it at the size of its thumbnail.
#[derive(Clone, Debug, PartialEq)]
pub struct HintMask {
    width: usize,
    cells: Vec<Option<[u8; 3]>>,
}

impl HintMask {
    /// Rows of `width` cells from the top, each with its sRGB color, 0..=255, where it is painted.
    /// The chroma of a color is wanted, its lightness is the scan's.
    ///
    /// # Panics
    ///
    /// When there are no cells, or no whole rows of them.
    pub fn new(width: usize, cells: Vec<Option<[u8; 3]>>) -> Self {
        assert!(!cells.is_empty() && cells.len().is_multiple_of(width), "no whole rows of cells");
        Self { width, cells }
    }

    /// The painted pixels of a picture of this width and height, by their colors.
    pub(super) fn regions(&self, size: (usize, usize)) -> Vec<HintRegion> {
        let mut regions: Vec<HintRegion> = Vec::new();
        for (pixel, rgb) in self.sample(size).into_iter().enumerate() {
            let Some([a, b]) = rgb.map(chroma_of) else { continue };
            let near = |region: &&mut HintRegion| {
                libm::hypotf(region.chroma[0] - a, region.chroma[1] - b) <= SAME
            };
            match regions.iter_mut().find(near) {
                Some(region) => region.pixels.push(pixel),
                None => regions.push(HintRegion { chroma: [a, b], pixels: vec![pixel] }),
            }
        }
        regions
    }

    /// The colors at another size: of the cell at a pixel's center, else of one whose center lies
    /// in the pixel, so that the thinnest stroke is seen.
    fn sample(&self, (width, height): (usize, usize)) -> Vec<Option<[u8; 3]>> {
        let rows = self.cells.len() / self.width;
        // Where the center of the square at `at` of `of` lies among `others` of the same length.
        let center = |at: usize, of: usize, others: usize| (2 * at + 1) * others / (2 * of);
        let cell = |x: usize, y: usize| {
            self.cells[center(y, height, rows) * self.width + center(x, width, self.width)]
        };
        let mut colors: Vec<_> = (0..width * height).map(|i| cell(i % width, i / width)).collect();
        for (i, color) in self.cells.iter().enumerate().filter(|(_, color)| color.is_some()) {
            let (x, y) = (i % self.width, i / self.width);
            let pixel = center(y, rows, height) * width + center(x, self.width, width);
            colors[pixel] = colors[pixel].or(*color);
        }
        colors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: [u8; 3] = [200, 30, 30];
    const BLUE: [u8; 3] = [30, 50, 220];

    /// A mask of this size with colors by their position.
    fn mask((w, h): (usize, usize), color: impl Fn(usize, usize) -> Option<[u8; 3]>) -> HintMask {
        HintMask::new(w, (0..w * h).map(|i| color(i % w, i / w)).collect())
    }

    #[test]
    fn a_mask_of_the_same_size_is_seen_as_it_is() {
        let mask = mask((7, 5), |x, y| (x == 2 && y > 3 || x == 6).then_some(RED));
        assert_eq!(mask.sample((7, 5)), mask.cells);
    }

    #[test]
    fn strokes_keep_their_place_at_every_size_and_thin_ones_are_not_lost() {
        let mask = mask((100, 80), |x, y| (x == 33 || y == 41).then_some(RED));
        for (w, h) in [(100, 80), (37, 30), (9, 5), (250, 170)] {
            let colors = mask.sample((w, h));
            for (i, color) in colors.iter().enumerate() {
                let (x, y) = ((i % w) * 100 / w, (i / w) * 80 / h); // the first cell of the pixel
                let away =
                    |at: usize, stroke: usize, cells: usize| at > stroke + 1 || at + cells < stroke;
                let far = away(x, 33, 100_usize.div_ceil(w)) && away(y, 41, 80_usize.div_ceil(h));
                assert!(!far || color.is_none(), "{w} x {h}, {i}");
            }
            let (x, y) = ((33.5 * w as f32 / 100.0) as usize, (41.5 * h as f32 / 80.0) as usize);
            assert!((0..h).all(|y| colors[y * w + x].is_some()), "{w} x {h}");
            assert!((0..w).all(|x| colors[y * w + x].is_some()), "{w} x {h}");
        }
    }

    #[test]
    fn each_color_is_a_region_wherever_it_is_painted() {
        let mask = mask((8, 1), |x, _| [Some(RED), None, Some(BLUE), Some([202, 30, 30])][x % 4]);
        let regions = mask.regions((8, 1));
        assert_eq!(regions.len(), 2);
        assert_eq!((&*regions[0].pixels, &*regions[1].pixels), (&[0, 3, 4, 7][..], &[2, 6][..]));
        assert_eq!(regions[0].chroma, chroma_of(RED));
    }

    #[test]
    fn nothing_painted_is_no_region() {
        assert!(mask((8, 3), |_, _| None).regions((4, 2)).is_empty());
    }
}
