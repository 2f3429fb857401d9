//! A sheet of photographs to look at: gray, colored and original side by side.

use image::{Rgb, RgbImage, imageops};

use super::photo::Photo;

/// Pixels between the pictures.
const GAP: u32 = 4;

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

/// Lays out groups of pictures on white, each group in one row, several groups beside each other.
/// All groups have equally many pictures; each picture is in the middle of a cell that is as large
/// as the largest one.
pub fn sheet(groups: &[Vec<RgbImage>]) -> RgbImage {
    let count = groups.first().map_or(1, Vec::len).max(1);
    let largest = |side: fn(&RgbImage) -> u32| groups.iter().flatten().map(side).max().unwrap_or(0);
    let (width, height) = (largest(RgbImage::width), largest(RgbImage::height));
    let columns = groups.len().min((ACROSS / count).max(1));
    let rows = groups.len().div_ceil(columns.max(1)) as u32;
    // A group's pictures are a gap apart, followed by two gaps.
    let (across, down) = (count as u32 * (width + GAP) + GAP, height + GAP);
    let white = Rgb([255; 3]);
    let mut sheet = RgbImage::from_pixel(columns as u32 * across, GAP + rows * down, white);
    for (i, group) in groups.iter().enumerate() {
        let x = (i % columns) as u32 * across + GAP;
        let y = (i / columns) as u32 * down + GAP;
        for (k, picture) in (0..).zip(group) {
            let x = x + k * (width + GAP) + (width - picture.width()) / 2;
            let y = y + (height - picture.height()) / 2;
            imageops::replace(&mut sheet, picture, i64::from(x), i64::from(y));
        }
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_gray_predicted_and_original() {
        let photo = Photo::new([200, 60, 40].repeat(16 * 16), 16);
        let (a, b) = (vec![-30.0; 256], vec![30.0; 256]);
        let predicted = photo.colored(&a, &b);
        let sheet = sheet(&[group(&photo, std::iter::once((&a[..], &b[..])))]);
        assert_eq!(sheet.dimensions(), (3 * 20 + 4, 24));
        let [gray, middle, original] = [4, 24, 44].map(|x| sheet.get_pixel(x, 4).0);
        assert!(gray[0] == gray[1] && gray[1] == gray[2], "{gray:?}");
        assert_eq!(middle[..], predicted[..3]);
        assert_eq!(original, [200, 60, 40]);
        assert_eq!(sheet.get_pixel(22, 4).0, [255; 3]);
    }

    #[test]
    fn groups_beside_each_other_are_at_most_ten_pictures() {
        let picture = || RgbImage::new(8, 6);
        for (pictures, groups, columns) in [(3, 7, 3), (4, 3, 2), (11, 2, 1), (2, 2, 2)] {
            let groups: Vec<Vec<_>> =
                (0..groups).map(|_| (0..pictures).map(|_| picture()).collect()).collect();
            let expected = columns * (pictures * 12 + 4);
            assert_eq!(sheet(&groups).width(), expected, "{pictures} pictures");
        }
    }
}
