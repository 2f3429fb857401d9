//! A visible mark in a corner of a result: the word "colorized".
//!
//! Within it, and only there, a result has not its source's lightness.

use std::ops::Range;

use crate::{Orientation, SamplesMut};

/// The word, a dot of the mark for each character.
const WORD: [&[u8; WIDTH]; 7] = [
    b"...........#............#.................#",
    b"...........#..............................#",
    b".###..###..#..###..#.##.#.#####..###...####",
    b"#....#...#.#.#...#.##...#....#..#...#.#...#",
    b"#....#...#.#.#...#.#....#...#...#####.#...#",
    b"#....#...#.#.#...#.#....#..#....#.....#...#",
    b".###..###..#..###..#....#.#####..###...####",
];
const WIDTH: usize = 43;

/// Dots of ground on each side of the word.
const MARGIN: usize = 3;

/// Pixels of the picture's shorter side for each pixel of a dot's side.
const DOTS: u32 = 400;

/// Samples of the ground and of the word, of 1.
const GROUND: f32 = 0.15;
const INK: f32 = 0.9;

/// The mark on pictures of one size: in the lower right corner when they are upright.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Stored size of the picture.
    size: (usize, usize),
    orientation: Orientation,
    /// Pixels a dot's side.
    dot: usize,
}

impl Mark {
    /// For pictures stored as `width` x `height` pixels, at least 1. Of a picture that is smaller
    /// than the mark, 49 x 13 pixels, a part of it covers all.
    pub fn new(width: u32, height: u32, orientation: Orientation) -> Self {
        let dot = (width.min(height) / DOTS).max(1) as usize;
        Self { size: (width as usize, height as usize), orientation, dot }
    }

    /// Draws over whole rows from row `y` on.
    pub fn draw(&self, y: u32, rgb: SamplesMut<'_>) {
        match rgb {
            SamplesMut::Eight(rgb) => self.cover(y, rgb, |v| (v * 255.0).round() as u8),
            SamplesMut::Sixteen(rgb) => self.cover(y, rgb, |v| (v * 65535.0).round() as u16),
            SamplesMut::Float(rgb) => self.cover(y, rgb, |v| v),
        }
    }

    fn cover<S: Copy>(&self, y: u32, rgb: &mut [S], sample: impl Fn(f32) -> S) {
        let (ground, ink) = (sample(GROUND), sample(INK));
        let (width, height) = self.size;
        let (columns, rows) = self.stored_area();
        for (y, row) in (y as usize..).zip(rgb.chunks_exact_mut(3 * width)) {
            if !rows.contains(&y) {
                continue;
            }
            for x in columns.clone() {
                let is_ink = self.is_ink(self.orientation.to_upright((x, y), (width, height)));
                row[3 * x..3 * x + 3].fill(if is_ink { ink } else { ground });
            }
        }
    }

    /// Whether it covers any of these columns in these rows of stored pixels.
    pub(super) fn touches(&self, (columns, rows): (Range<usize>, Range<usize>)) -> bool {
        let (across, down) = self.stored_area();
        let meet = |a: Range<usize>, b: Range<usize>| a.start < b.end && b.start < a.end;
        meet(across, columns) && meet(down, rows)
    }

    /// Whether an upright pixel of the mark belongs to the word.
    fn is_ink(&self, (x, y): (usize, usize)) -> bool {
        let (width, height) = self.orientation.upright_size(self.size);
        // Dots from the lower right corner.
        let (across, up) = ((width - 1 - x) / self.dot, (height - 1 - y) / self.dot);
        let column = (WIDTH + MARGIN).checked_sub(across + 1);
        let row = (WORD.len() + MARGIN).checked_sub(up + 1);
        let (Some(column), Some(row)) = (column, row) else { return false };
        WORD.get(row).and_then(|word| word.get(column)) == Some(&b'#')
    }

    /// Columns and rows of stored pixels that the mark covers.
    fn stored_area(&self) -> (Range<usize>, Range<usize>) {
        let (width, height) = self.size;
        let sides = [WIDTH, WORD.len()].map(|dots| (dots + 2 * MARGIN) * self.dot);
        let [across, down] =
            if self.orientation.swaps_axes() { [sides[1], sides[0]] } else { sides };
        let (upright_width, upright_height) = self.orientation.upright_size(self.size);
        let corner = (upright_width - 1, upright_height - 1);
        let is_corner =
            |x: usize, y: usize| self.orientation.to_upright((x, y), (width, height)) == corner;
        let right = is_corner(width - 1, 0) || is_corner(width - 1, height - 1);
        let bottom = is_corner(0, height - 1) || is_corner(width - 1, height - 1);
        let part = |length: usize, side: usize, far: bool| {
            let length = length.min(side);
            if far { side - length..side } else { 0..length }
        };
        (part(across, width, right), part(down, height, bottom))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(width: u32, height: u32, orientation: Orientation, band: u32) -> Vec<u8> {
        let mark = Mark::new(width, height, orientation);
        let mut rgb = vec![100_u8; (3 * width * height) as usize];
        for (i, rows) in (0..).zip(rgb.chunks_mut((3 * width * band) as usize)) {
            mark.draw(i * band, SamplesMut::Eight(rows));
        }
        rgb
    }

    #[test]
    fn bands_give_the_mark_of_all_rows_and_the_rest_stays() {
        let whole = marked(90, 40, Orientation::Upright, 40);
        for band in [1, 7] {
            assert_eq!(marked(90, 40, Orientation::Upright, band), whole);
        }
        let changed = |x: usize, y: usize| whole[3 * (90 * y + x)] != 100;
        let covered = (WIDTH + 2 * MARGIN, WORD.len() + 2 * MARGIN);
        for (x, y) in (0..40).flat_map(|y| (0..90).map(move |x| (x, y))) {
            assert_eq!(changed(x, y), x >= 90 - covered.0 && y >= 40 - covered.1, "{x}, {y}");
        }
    }

    #[test]
    fn it_reads_the_same_whatever_way_a_scan_is_stored() {
        let upright = marked(90, 60, Orientation::Upright, 60);
        for value in 2..=8 {
            let orientation = Orientation::from_exif(value);
            let (width, height) = orientation.upright_size((90, 60));
            let stored = marked(width as u32, height as u32, orientation, 11);
            for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
                let (u, v) = orientation.to_upright((x, y), (width, height));
                let [found, expected] = [&stored[3 * (width * y + x)], &upright[3 * (90 * v + u)]];
                assert_eq!(found, expected, "orientation {value} at {x}, {y}");
            }
        }
    }

    #[test]
    fn pictures_smaller_than_the_mark_are_covered() {
        for (width, height) in [(1, 1), (3, 200), (200, 2)] {
            let rgb = marked(width, height, Orientation::Rotate90, 1);
            assert!(rgb.contains(&38), "{width} x {height}");
        }
    }
}
