//! Scan borders: film rebates, mounts, white frames, captions, scanner margins.
//!
//! What lies around a photograph is not photograph: a network that sees it is misled, and colors
//! on it are wrong. So it is found on the thumbnail, hidden from the network and kept neutral. A
//! border that is missed costs a tint, one that is wrongly found leaves a gray stripe; therefore
//! the evidence has to be strong: pixels of one tone from the outside on, that end nearly all
//! along in one straight edge, on several sides of the scan or, on a single one, in a strip that
//! is thin and nearly black or white. The thresholds were chosen on 99 historical scans and, for what
//! must not be found, on 5,402 color photographs; of 860 others one was cut wrongly, a window seen
//! from a dark room.

mod choice;
mod edge;
mod side;

use std::fmt;

use choice::choose;
use edge::{DARK, Edge, edges, rise};
pub(crate) use side::Rectangle;
use side::{SIDES, Side, length, view};

/// Borders that may lie within each other: a mount, a white frame, a black line.
const NESTED: usize = 3;

/// Least share of the scan's width and of its height that stays picture.
const LEAST_PICTURE: f32 = 0.4;

/// How much of a picture's extent borders may take.
#[derive(Clone, Copy, Debug)]
struct Depths {
    /// On one side.
    one: f32,
    /// By bars on two opposite sides that are all there is of borders.
    bars: f32,
}

/// Of scans.
const SCAN: Depths = Depths { one: 0.22, bars: 0.35 };

/// Of films: bars of the widest pictures in 4:3, and of 4:3 in the widest.
const FILM: Depths = Depths { one: 0.26, bars: 0.5 };

/// Where in a work image the photograph lies: within four lines, one a side.
#[derive(Clone, Debug, PartialEq)]
pub struct Borders {
    size: (usize, usize),
    lines: [Line; 4],
}

/// The edge of the picture on one side, seen from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Line {
    /// Rows outside of the edge at its middle.
    depth: usize,
    slope: f32,
    /// First column and number of columns that the edge was looked for in.
    along: (usize, usize),
}

impl Line {
    /// Rows of border at a column.
    fn depth_at(&self, x: usize) -> usize {
        let rise = rise(self.slope, x as f32 - self.along.0 as f32, self.along.1);
        (self.depth as f32 + rise).max(0.0) as usize
    }
}

impl Borders {
    /// Looks for borders in a picture of L* (0..=100), row by row, `width` pixels each.
    ///
    /// # Panics
    ///
    /// When `lightness` is no whole rows.
    pub fn find(lightness: &[f32], width: usize) -> Option<Self> {
        Self::find_within(lightness, width, SCAN)
    }

    /// The same in the brightest that a film's frames show.
    pub(crate) fn find_in_film(lightness: &[f32], width: usize) -> Option<Self> {
        Self::find_within(lightness, width, FILM)
    }

    fn find_within(lightness: &[f32], width: usize, depths: Depths) -> Option<Self> {
        assert_eq!(lightness.len() % width, 0, "whole rows");
        let size = (width, lightness.len() / width);
        let mut found = Self { size, lines: [Line::default(); 4] };
        let mut frame = None;
        for _ in 0..NESTED {
            // Rows that are mixed of two borders belong to neither.
            let area = found.inside(1);
            let views = SIDES.map(|side| {
                edges(&view(lightness, width, area, side), length(side, area), depths.one)
            });
            let round = choose(&views, (area.width(), area.height()), depths.bars, frame);
            if round.edges.iter().all(Option::is_none) {
                break;
            }
            let mut next = found.clone();
            for (side, edge) in SIDES.into_iter().zip(round.edges) {
                let Some(Edge { depth, slope, .. }) = edge else { continue };
                let (before, along) = match side {
                    Side::Top => (area.top, (area.left, area.width())),
                    Side::Bottom => (size.1 - area.bottom, (area.left, area.width())),
                    Side::Left => (area.left, (area.top, area.height())),
                    Side::Right => (size.0 - area.right, (area.top, area.height())),
                };
                next.lines[side as usize] = Line { depth: before + depth, slope, along };
            }
            let left = next.inside(1);
            if (left.width() as f32) < LEAST_PICTURE * size.0 as f32
                || (left.height() as f32) < LEAST_PICTURE * size.1 as f32
            {
                break;
            }
            frame = round.frame.or(frame);
            found = next;
        }
        (found.lines != [Line::default(); 4]).then_some(found)
    }

    /// Whether a work pixel belongs to the picture.
    pub fn hold_picture_at(&self, x: usize, y: usize) -> bool {
        let [top, bottom, left, right] = &self.lines;
        y >= top.depth_at(x)
            && self.size.1 - 1 - y >= bottom.depth_at(x)
            && x >= left.depth_at(y)
            && self.size.0 - 1 - x >= right.depth_at(y)
    }

    /// Pixels outside of the picture.
    pub(crate) fn pixels(&self) -> usize {
        self.outside().count()
    }

    /// How many of them are dark.
    pub(crate) fn dark_pixels(&self, lightness: &[f32]) -> usize {
        self.outside().filter(|at| lightness[*at] <= DARK).count()
    }

    fn outside(&self) -> impl Iterator<Item = usize> + '_ {
        let (width, height) = self.size;
        (0..width * height).filter(move |at| !self.hold_picture_at(at % width, at / width))
    }

    /// The largest rectangle within all lines and `margin` pixels more from each line; without
    /// pixels where the lines leave none.
    pub(crate) fn inside(&self, margin: usize) -> Rectangle {
        let (width, height) = self.size;
        let deepest = |side: Side| {
            let line = &self.lines[side as usize];
            let (first, count) = line.along;
            if line.depth == 0 {
                return 0;
            }
            margin + line.depth_at(first).max(line.depth_at(first + count - 1))
        };
        let [top, bottom, left, right] = SIDES.map(deepest);
        Rectangle {
            left: left.min(width),
            top: top.min(height),
            right: width.saturating_sub(right).max(left.min(width)),
            bottom: height.saturating_sub(bottom).max(top.min(height)),
        }
    }
}

impl fmt::Display for Borders {
    /// Pixels of border at the middle of the four sides.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [top, bottom, left, right] = self.lines.map(|line| line.depth);
        write!(f, "top {top}, bottom {bottom}, left {left}, right {right}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (260, 200);

    /// Pseudo-random values in 0..1 that need no generator.
    fn noise(x: usize, y: usize) -> f32 {
        let mixed = (x as u32).wrapping_mul(2_654_435_761) ^ (y as u32).wrapping_mul(2_246_822_519);
        ((mixed ^ (mixed >> 15)).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32
    }

    /// Something like a photograph: soft shapes of L* 25 to 85 with grain.
    fn photograph(x: usize, y: usize) -> f32 {
        let (u, v) = (x as f32 / 23.0, y as f32 / 17.0);
        55.0 + 18.0 * (u + (0.7 * v).sin()).sin()
            + 10.0 * (1.3 * v - 0.4 * u).cos()
            + 3.0 * noise(x, y)
    }

    fn find(lightness: impl Fn(usize, usize) -> f32) -> Option<Borders> {
        let (width, height) = SIZE;
        let rows: Vec<f32> = (0..width * height)
            .map(|i| lightness(i % width, i / width).clamp(0.0, 100.0))
            .collect();
        Borders::find(&rows, width)
    }

    /// Rows and columns to the outside of `(x, y)`: from the top, bottom, left and right.
    fn outside(x: usize, y: usize) -> [usize; 4] {
        [y, SIZE.1 - 1 - y, x, SIZE.0 - 1 - x]
    }

    fn is_within(x: usize, y: usize, depths: [usize; 4]) -> bool {
        outside(x, y).iter().zip(depths).all(|(at, depth)| *at >= depth)
    }

    fn assert_found(found: Option<&Borders>, depths: [usize; 4]) {
        let found = found.expect("borders");
        for (x, y) in (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y))) {
            let (held, expected) = (found.hold_picture_at(x, y), is_within(x, y, depths));
            assert_eq!(held, expected, "{found} at {x}, {y}");
        }
    }

    #[test]
    fn a_white_frame_is_found_to_the_pixel() {
        let depths = [9, 12, 7, 8];
        let paper = |x, y| 95.0 + 2.0 * noise(y, x);
        let found =
            find(|x, y| if is_within(x, y, depths) { photograph(x, y) } else { paper(x, y) });
        assert_found(found.as_ref(), depths);
    }

    #[test]
    fn a_caption_below_the_print_belongs_to_its_frame() {
        let depths = [6, 30, 6, 6];
        let found = find(|x, y| {
            let text = (60..200).contains(&x) && (180..188).contains(&y) && noise(x / 2, y) < 0.4;
            match is_within(x, y, depths) {
                true => photograph(x, y),
                false if text => 30.0,
                false => 96.0,
            }
        });
        assert_found(found.as_ref(), depths);
    }

    #[test]
    fn notches_and_numbers_of_a_film_rebate_do_not_hide_it() {
        let depths = [14, 10, 9, 11];
        let found = find(|x, y| {
            let number = (30..70).contains(&x) && (3..9).contains(&y) && noise(x, y / 2) < 0.5;
            let notch = (248..256).contains(&x) && (y / 9) % 4 == 1;
            match is_within(x, y, depths) {
                true => photograph(x, y),
                false if number || notch => 90.0,
                false => 4.0 + 3.0 * noise(x, y),
            }
        });
        assert_found(found.as_ref(), depths);
    }

    #[test]
    fn a_frame_within_a_mount_is_found() {
        let (mount, frame) = ([12, 14, 10, 11], [20, 24, 18, 20]);
        let found = find(|x, y| match (is_within(x, y, mount), is_within(x, y, frame)) {
            (_, true) => photograph(x, y),
            (true, _) => 93.0,
            _ => 62.0 + 2.0 * noise(x, y),
        });
        assert_found(found.as_ref(), frame);
    }

    #[test]
    fn a_frame_that_lies_askew_is_cut_along_its_edges() {
        let askew = |at: usize, middle: f32| 12.0 + 0.012 * (at as f32 - middle);
        let inside = |x: usize, y: usize| {
            let [top, bottom, left, right] = outside(x, y).map(|v| v as f32);
            top >= askew(x, 130.0)
                && bottom >= 24.0 - askew(x, 130.0)
                && left >= 24.0 - askew(y, 100.0)
                && right >= askew(y, 100.0)
        };
        let found = find(|x, y| if inside(x, y) { photograph(x, y) } else { 3.0 }).unwrap();
        let wrong = (0..SIZE.0 * SIZE.1)
            .map(|i| (i % SIZE.0, i / SIZE.0))
            .filter(|&(x, y)| found.hold_picture_at(x, y) != inside(x, y));
        let length = 2 * (SIZE.0 + SIZE.1);
        assert!(wrong.count() < length / 2, "{found}");
        let seen = found.inside(1);
        let border = |y: usize| (seen.left..seen.right).filter(|&x| !inside(x, y)).count();
        let shown: usize = (seen.top..seen.bottom).map(border).sum();
        assert!(shown < 10, "{shown} pixels of the border in {seen:?}");
    }

    #[test]
    fn bars_above_and_below_are_found() {
        let depths = [25, 25, 0, 0];
        let found = find(|x, y| if is_within(x, y, depths) { photograph(x, y) } else { 0.5 });
        assert_found(found.as_ref(), depths);
    }

    #[test]
    fn a_black_margin_of_the_scanner_is_found_on_one_side() {
        let depths = [0, 0, 0, 4];
        let found = find(|x, y| if is_within(x, y, depths) { photograph(x, y) } else { 2.0 });
        assert_found(found.as_ref(), depths);
    }

    #[test]
    fn a_photograph_to_the_edge_has_no_border() {
        assert_eq!(find(photograph), None);
    }

    #[test]
    fn a_blank_sky_over_a_straight_horizon_is_no_border() {
        for horizon in [6, 20, 35, 100] {
            let found = find(|x, y| if y < horizon { 99.0 } else { photograph(x, y) });
            assert_eq!(found, None, "horizon at {horizon}");
        }
    }

    #[test]
    fn snow_and_a_bright_sky_are_no_borders() {
        let found = find(|x, y| match y {
            0..60 => 94.0 + 2.0 * noise(x, y),
            60..120 => photograph(x, y) - 20.0,
            _ => 97.0 - 0.05 * (y as f32 - 120.0) + noise(x, y),
        });
        assert_eq!(found, None);
    }

    #[test]
    fn a_dark_night_is_no_border() {
        let found = find(|x, y| {
            let away = (x as f32 - 130.0).hypot(y as f32 - 100.0);
            (90.0 - away).max(2.0 + 2.0 * noise(x, y))
        });
        assert_eq!(found, None);
    }

    #[test]
    fn a_doorway_is_no_border() {
        let found = find(|x, y| match x {
            0..25 => 8.0 + 3.0 * noise(x, y),
            232.. => 15.0 + 3.0 * noise(x, y),
            _ => photograph(x, y),
        });
        assert_eq!(found, None);
    }

    #[test]
    fn tiny_and_blank_pictures_have_no_border() {
        for (width, height) in [(1, 1), (2, 3), (7, 1), (1, 50), (30, 5)] {
            assert_eq!(Borders::find(&vec![95.0; width * height], width), None);
        }
        // What a network is shown is never empty, however small the picture.
        for (width, height) in (1..40).flat_map(|w| (1..40).map(move |h| (w, 10 * h))) {
            let at = |i: usize| (i % width, i / width);
            let framed = |(x, y)| x > 0 && y > 0 && x + 1 < width && y + 1 < height;
            let rows: Vec<f32> =
                (0..width * height).map(|i| if framed(at(i)) { 50.0 } else { 0.0 }).collect();
            if let Some(found) = Borders::find(&rows, width) {
                let seen = found.inside(1);
                assert!(seen.width() > 0 && seen.height() > 0, "{width} x {height}: {found}");
            }
        }
        assert_eq!(find(|_, _| 0.0), None);
    }
}
