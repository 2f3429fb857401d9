//! A sheet of photographs to look at: gray, predicted and original side by side.

use image::{Rgb, RgbImage, imageops};

use super::photo::Photo;

/// Pixels between the pictures.
const GAP: u32 = 4;

/// Triples beside each other, so that a sheet of many is not a ribbon.
const COLUMNS: usize = 3;

/// Lays out `(photograph, predicted a, predicted b)` as triples gray, predicted, original, in rows
/// of three triples on white. All photographs are of one size.
///
/// # Panics
///
/// When a photograph's samples do not fill its square.
pub fn sheet(photos: &[(Photo, Vec<f32>, Vec<f32>)]) -> RgbImage {
    let side = photos.first().map_or(0, |(photo, ..)| photo.side) as u32;
    let columns = photos.len().min(COLUMNS) as u32;
    let rows = photos.len().div_ceil(COLUMNS) as u32;
    // A triple is three pictures a gap apart, followed by two gaps.
    let (across, down) = (3 * (side + GAP) + GAP, side + GAP);
    let white = Rgb([255; 3]);
    let mut sheet = RgbImage::from_pixel(columns * across, GAP + rows * down, white);
    for (i, (photo, a, b)) in photos.iter().enumerate() {
        let x = (i % COLUMNS) as u32 * across + GAP;
        let y = (i / COLUMNS) as u32 * down + GAP;
        let none = vec![0.0; photo.l.len()];
        let pictures = [photo.colored(&none, &none), photo.colored(a, b), photo.rgb.clone()];
        for (k, rgb) in (0..).zip(pictures) {
            let picture = RgbImage::from_raw(side, side, rgb).expect("a photograph is square");
            imageops::replace(&mut sheet, &picture, i64::from(x + k * (side + GAP)), i64::from(y));
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
        let sheet = sheet(&[(photo, a, b)]);
        assert_eq!(sheet.dimensions(), (3 * 20 + 4, 24));
        let [gray, middle, original] = [4, 24, 44].map(|x| sheet.get_pixel(x, 4).0);
        assert!(gray[0] == gray[1] && gray[1] == gray[2], "{gray:?}");
        assert_eq!(middle[..], predicted[..3]);
        assert_eq!(original, [200, 60, 40]);
        assert_eq!(sheet.get_pixel(22, 4).0, [255; 3]);
    }
}
