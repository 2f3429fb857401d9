//! Before and after beside each other, doubts over them, gray around them.

use polychromify_core::Doubts;

use super::display::Display;
use crate::dialog::{Area, Picture, View};

/// Around the photograph: neutral, of middle lightness.
const AROUND: u8 = 118;

/// Between before and after.
const SPLIT: [u8; 3] = [255; 3];

/// What doubt is painted in, and how strongly at most, 0..=1.
const DOUBT: [f32; 3] = [255.0, 0.0, 144.0];
const STRONGEST: f32 = 0.8;

/// Doubts that are painted not at all, and at most: nearly every place has a little.
const RANGE: [f32; 2] = [0.25, 0.75];

/// The picture that fills the room of a view, and where the photograph lies in it. Without `after` it
/// is shown as it was before.
pub(super) fn compose(
    display: &Display,
    after: Option<&[u8]>,
    doubts: Option<&Doubts>,
    view: &View,
) -> (Picture, Area) {
    let (part, (room_width, room_height)) = (display.part, view.room);
    let area = Area {
        x: room_width.saturating_sub(part.width) / 2,
        y: room_height.saturating_sub(part.height) / 2,
        ..part
    };
    let (width, height) = (part.width as usize, part.height as usize);
    let split = match after {
        Some(_) if !view.before => (view.split * f64::from(part.width)).round() as usize,
        _ => width,
    };
    let mut rgb = vec![AROUND; 3 * (room_width * room_height) as usize];
    for y in 0..height {
        let from = 3 * y * width;
        let row = &mut rgb[3 * ((area.y as usize + y) * room_width as usize + area.x as usize)..];
        let row = &mut row[..3 * width];
        row[..3 * split].copy_from_slice(&display.before[from..][..3 * split]);
        if let Some(after) = after {
            row[3 * split..].copy_from_slice(&after[from..][3 * split..3 * width]);
        }
        if let Some(doubts) = doubts {
            for x in split..width {
                blend(&mut row[3 * x..][..3], doubt_at(doubts, display.place(x, y)));
            }
        }
        if (1..width).contains(&split) {
            row[3 * split..][..3].copy_from_slice(&SPLIT);
        }
    }
    (Picture { width: room_width, height: room_height, rgb }, area)
}

fn blend(pixel: &mut [u8], doubt: f32) {
    let [least, most] = RANGE;
    let share = STRONGEST * ((doubt - least) / (most - least)).clamp(0.0, 1.0);
    for (value, color) in pixel.iter_mut().zip(DOUBT) {
        *value = (f32::from(*value) + share * (color - f32::from(*value))).round() as u8;
    }
}

/// The doubt at shares of width and height, between the four pixels around it.
fn doubt_at(doubts: &Doubts, place: [f32; 2]) -> f32 {
    let (width, height) = doubts.size();
    let along = |share: f32, length: usize| {
        let at = (share * length as f32 - 0.5).clamp(0.0, (length - 1) as f32);
        let low = at as usize;
        (low, (low + 1).min(length - 1), at - low as f32)
    };
    let ((left, right, across), (above, below, down)) =
        (along(place[0], width), along(place[1], height));
    let row = |y: usize| {
        let (one, two) = (doubts.values()[y * width + left], doubts.values()[y * width + right]);
        one + across * (two - one)
    };
    row(above) + down * (row(below) - row(above))
}
