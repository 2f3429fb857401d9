//! A sheet of photographs to look at: gray, colored and original side by side.

use font8x8::legacy::BASIC_LEGACY;
use image::{Rgb, RgbImage, imageops};

use super::photo::Photo;

/// Pixels between the pictures.
const GAP: u32 = 4;

/// Height of a heading in pixels, and width of each of its characters.
const LETTER: u32 = 8;

/// Pictures beside each other at most, unless a group has more: a sheet of many is no ribbon.
const ACROSS: usize = 10;

/// The pictures of a photograph: gray, with each chroma of `ways` (planes of a* and b*), original.
///
/// # Panics
///
/// When a photograph's samples do not fill its square.
pub fn group<'a>(
    photo: &Photo,
    ways: impl Iterator<Item = (&'a [f32], &'a [f32])>,
) -> Vec<RgbImage> {
    let none = vec![0.0; photo.l.len()];
    let colored = ways.map(|(a, b)| photo.colored(a, b));
    let pictures =
        std::iter::once(photo.colored(&none, &none)).chain(colored).chain([photo.rgb.clone()]);
    let side = photo.side as u32;
    let picture = |rgb| RgbImage::from_raw(side, side, rgb).expect("a photograph is square");
    pictures.map(picture).collect()
}

/// Lays out groups of pictures on white below `headings`, one for each picture of a group: each
/// group in one row, several groups beside each other. All groups have equally many pictures; each
/// picture is in the middle of a cell that is as large as the largest one.
pub fn sheet(groups: &[Vec<RgbImage>], headings: &[&str]) -> RgbImage {
    let count = groups.first().map_or(1, Vec::len).max(1);
    let largest = |side: fn(&RgbImage) -> u32| groups.iter().flatten().map(side).max().unwrap_or(0);
    let (width, height) = (largest(RgbImage::width), largest(RgbImage::height));
    let columns = groups.len().min((ACROSS / count).max(1));
    let rows = groups.len().div_ceil(columns.max(1)) as u32;
    // A group's pictures are a gap apart, followed by two gaps.
    let (across, down) = (count as u32 * (width + GAP) + GAP, height + GAP);
    let top = GAP + LETTER + GAP;
    let white = Rgb([255; 3]);
    let mut sheet = RgbImage::from_pixel(columns as u32 * across, top + rows * down, white);
    for column in 0..columns as u32 {
        for (k, heading) in (0..).zip(headings) {
            let x = column * across + GAP + k * (width + GAP);
            write(&mut sheet, heading, (x, GAP), width);
        }
    }
    for (i, group) in groups.iter().enumerate() {
        let x = (i % columns) as u32 * across + GAP;
        let y = (i / columns) as u32 * down + top;
        for (k, picture) in (0..).zip(group) {
            let x = x + k * (width + GAP) + (width - picture.width()) / 2;
            let y = y + (height - picture.height()) / 2;
            imageops::replace(&mut sheet, picture, i64::from(x), i64::from(y));
        }
    }
    sheet
}

/// Writes as much of a text in black as fits `width` pixels, from its upper left corner `(x, y)`.
fn write(sheet: &mut RgbImage, text: &str, (x, y): (u32, u32), width: u32) {
    for (i, letter) in (0..width / LETTER).zip(text.chars()) {
        let glyph = BASIC_LEGACY.get(letter as usize).unwrap_or(&BASIC_LEGACY['?' as usize]);
        for (row, bits) in (0..).zip(glyph) {
            for column in (0..LETTER).filter(|column| bits >> column & 1 == 1) {
                sheet.put_pixel(x + i * LETTER + column, y + row, Rgb([0; 3]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_gray_predicted_and_original() {
        let photo = Photo::new([200, 60, 40].repeat(16 * 16), 16);
        let (a, b) = (vec![-30.0; 256], vec![30.0; 256]);
        let predicted = photo.colored(&a, &b);
        let group = group(&photo, std::iter::once((&a[..], &b[..])));
        let sheet = sheet(&[group], &["gray", "one", "original"]);
        assert_eq!(sheet.dimensions(), (3 * 20 + 4, 4 + 8 + 24));
        let [gray, middle, original] = [4, 24, 44].map(|x| sheet.get_pixel(x, 16).0);
        assert!(gray[0] == gray[1] && gray[1] == gray[2], "{gray:?}");
        assert_eq!(middle[..], predicted[..3]);
        assert_eq!(original, [200, 60, 40]);
        assert_eq!(sheet.get_pixel(22, 16).0, [255; 3]);
    }

    #[test]
    fn groups_beside_each_other_are_at_most_ten_pictures() {
        let picture = || RgbImage::new(8, 6);
        for (pictures, groups, columns) in [(3, 7, 3), (4, 3, 2), (11, 2, 1), (2, 2, 2)] {
            let groups: Vec<Vec<_>> =
                (0..groups).map(|_| (0..pictures).map(|_| picture()).collect()).collect();
            let expected = columns * (pictures * 12 + 4);
            assert_eq!(sheet(&groups, &[]).width(), expected, "{pictures} pictures");
        }
    }

    #[test]
    fn a_heading_stays_within_its_column() {
        let mut sheet = RgbImage::from_pixel(40, 8, Rgb([255; 3]));
        write(&mut sheet, "WWWWW\u{1f3a8}", (2, 0), 20);
        let black: Vec<u32> = (0..40).filter(|&x| sheet.get_pixel(x, 3).0 == [0; 3]).collect();
        assert!(!black.is_empty() && black.iter().all(|x| (2..18).contains(x)), "{black:?}");
    }
}
