//! Films whose picture does not fill the frame.

use super::*;

/// Columns of a bar on either side, and rows above and below.
type Bars = (usize, usize);

const PILLARS: Bars = (14, 0);

/// A frame within bars of this luma, its picture so bright.
fn barred((across, along): Bars, luma: u8, bright: f32, frame: &[u8]) -> Vec<u8> {
    let pixel = |(i, value): (usize, &u8)| {
        let (x, y) = (i % SIZE.0, i / SIZE.0);
        if is_inside((across, along), x, y) { (bright * f32::from(*value)) as u8 } else { luma }
    };
    frame.iter().enumerate().map(pixel).collect()
}

fn is_inside((across, along): Bars, x: usize, y: usize) -> bool {
    (across..SIZE.0 - across).contains(&x) && (along..SIZE.1 - along).contains(&y)
}

/// Whether all pixels of the bars are neutral and most of the picture has a color.
fn has_bars(chroma: &[[f32; 2]], bars: Bars) -> bool {
    let colored = |(i, chroma): (usize, &[f32; 2])| {
        (is_inside(bars, i % SIZE.0, i / SIZE.0), *chroma != [0.0; 2])
    };
    let all: Vec<_> = chroma.iter().enumerate().map(colored).collect();
    let inside = all.iter().filter(|(inside, _)| *inside).count();
    all.iter().all(|(inside, colored)| *inside || !colored)
        && all.iter().filter(|(inside, colored)| *inside && *colored).count() > inside / 2
}

#[test]
fn bars_are_neutral_and_neither_network_nor_motion_sees_them() {
    for bars in [PILLARS, (0, 10), (8, 6)] {
        let moving = |luma: u8| -> Vec<_> {
            let frame = |i: usize| frame(0, 1.2 * i as f32, false, 16.0, i);
            (0..30).map(|i| barred(bars, luma, 1.0, &frame(i))).collect()
        };
        let (black, shots) = color(&moving(0), 1.0);
        assert_eq!(shots, [0]);
        assert!(black.iter().all(|chroma| has_bars(chroma, bars)), "{bars:?}");
        let (gray, _) = color(&moving(18), 1.0);
        assert!(black == gray, "the tone of {bars:?} shows in the colors");
    }
}

#[test]
fn cuts_are_found_between_wide_bars() {
    let bars = (18, 8);
    let films = [0, 1, 0, 1].into_iter().flat_map(|film| [film; 5]).enumerate();
    let frames = films.map(|(i, film)| barred(bars, 0, 1.0, &frame(film, 0.0, false, 8.0, i)));
    assert_eq!(color(&frames.collect::<Vec<_>>(), 1.0).1, [0, 5, 10, 15]);
}

#[test]
fn bars_are_those_of_the_shot_and_it_goes_on_with_the_same_colors() {
    let shot = |film, bars| -> Vec<_> {
        (0..6).map(|i| barred(bars, 0, 1.0, &frame(film, 0.0, false, 8.0, i))).collect()
    };
    let (one, other, whole) = (shot(0, PILLARS), shot(1, (0, 10)), shot(0, (0, 0)));
    let (chroma, shots) = color(&[one, other.clone(), whole].concat(), 1.0);
    assert_eq!(shots, [0, 6, 12]);
    assert!(chroma[..6].iter().all(|chroma| has_bars(chroma, PILLARS)));
    assert!(chroma[6..12].iter().all(|chroma| has_bars(chroma, (0, 10))));
    assert!(chroma[12..].iter().all(|chroma| chroma[5] != [0.0; 2]));
    assert!(chroma[6..12] == color(&other, 1.0).0);
}

#[test]
fn bars_around_a_picture_that_fades_in_are_neutral_from_the_first_frame_on() {
    let fading = (0..40).map(|i| {
        let bright = (i as f32 / 20.0).min(1.0);
        barred(PILLARS, 0, bright, &frame(0, 0.0, false, 8.0, i))
    });
    let (chroma, shots) = color(&fading.collect::<Vec<_>>(), 1.0);
    let begins = *shots.last().expect("a shot") as usize;
    assert!(begins < 10, "{shots:?}");
    assert!(chroma[begins..].iter().all(|chroma| has_bars(chroma, PILLARS)));
}

#[test]
fn dark_sides_of_a_room_are_no_bars_once_something_in_them_is_lit() {
    let room = (0..20).map(|i| {
        let mut frame = barred(PILLARS, 2, 1.0, &frame(0, 0.0, false, 4.0, i));
        if i >= 10 {
            for y in 20..40 {
                frame[y * SIZE.0 + 3..][..6].fill(90);
            }
        }
        frame
    });
    let (chroma, shots) = color(&room.collect::<Vec<_>>(), 1.0);
    assert_eq!(shots, [0]);
    for (number, chroma) in chroma.iter().enumerate() {
        assert!(chroma[30 * SIZE.0 + 5] != [0.0; 2], "frame {number}");
    }
}

#[test]
fn white_sides_are_picture() {
    let frames: Vec<_> =
        (0..4).map(|i| barred(PILLARS, 250, 1.0, &frame(0, 0.0, false, 8.0, i))).collect();
    assert!(color(&frames, 1.0).0.iter().all(|chroma| chroma[5] != [0.0; 2]));
}
