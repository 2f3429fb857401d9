//! A film as a whole, of made-up frames.

mod borders;

use super::*;
use crate::{ColorPicture, Device, DeviceChoice, Hint, Orientation, Weights};
use polychromify_image::color::lab::Lab;

const SIZE: (usize, usize) = (96, 64);
const FORMAT: FrameFormat = FrameFormat {
    width: SIZE.0 as u32,
    height: SIZE.1 as u32,
    depth: 8,
    full_range: true,
    matrix: Matrix::Bt709,
    chroma: ChromaShape::S444,
};

/// A small network with pseudo-random weights, whose chroma depends on all that it sees.
fn colorizer() -> Colorizer {
    let device = Device::open(DeviceChoice::Cpu).unwrap();
    let asset = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/assets/tiny.safetensors");
    Colorizer::open(&Weights::read(asset).unwrap(), &device).unwrap()
}

fn noise(i: usize) -> f32 {
    ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32 - 0.5
}

/// Luma of a frame of one of the films, moved so far to the right, faint under a flash of light, with a
/// grain of its number.
fn frame(film: usize, moved: f32, flash: bool, grain: f32, number: usize) -> Vec<u8> {
    let (width, height) = SIZE;
    let pixel = |i: usize| {
        let (x, y) = ((i % width) as f32 - moved, (i / width) as f32);
        let shape = if film == 0 {
            (x / 5.0).sin() * (y / 7.0 + 0.4 * (x / 11.0).sin()).cos()
        } else {
            ((x + 1.3 * y) / 4.0).cos() * (y / 13.0).sin() + 0.6 * (x / 9.0).cos()
        };
        let (brightness, contrast) = if flash { (210.0, 20.0) } else { (120.0, 60.0) };
        let luma = brightness + contrast * shape + grain * noise(i + number * width * height);
        luma.clamp(0.0, 255.0) as u8
    };
    (0..width * height).map(pixel).collect()
}

/// Chroma of each frame, and where shots begin.
fn color(frames: &[Vec<u8>], steadiness: f32) -> (Vec<Vec<[f32; 2]>>, Vec<u64>) {
    guided(frames, steadiness, None)
}

/// The same, of which the user gave a frame colors.
fn guided(
    frames: &[Vec<u8>],
    steadiness: f32,
    given: Option<(usize, Given)>,
) -> (Vec<Vec<[f32; 2]>>, Vec<u64>) {
    let colorizer = colorizer();
    let viewer = Viewer::new(FORMAT, colorizer.work_area());
    let anchor = given.map(|(at, given)| {
        let mut ahead = LookAhead::new(&colorizer, 0);
        for luma in &frames[..=at] {
            ahead.push(viewer.view(luma));
        }
        ahead.anchor(at as u64, &given).unwrap().expect("it shows the frame")
    });
    let settings = FilmSettings { steadiness, ..FilmSettings::default() };
    let mut film = Film::new(&colorizer, FORMAT.luma_bytes(), settings, 0);
    if let Some(anchor) = anchor {
        film.add(anchor);
    }
    let mut ready = Vec::new();
    for luma in frames {
        ready.extend(film.push(viewer.view(luma)).unwrap());
    }
    ready.extend(film.finish().unwrap());
    let numbers: Vec<u64> = ready.iter().map(|frame| frame.index).collect();
    assert_eq!(numbers, (0..frames.len() as u64).collect::<Vec<_>>(), "each once, in order");
    let shots = ready.iter().filter(|frame| frame.begins_shot).map(|frame| frame.index);
    let shots = shots.collect();
    (ready.iter().map(|frame| frame.chroma.chroma().to_vec()).collect(), shots)
}

/// Mean distance of the chroma of two frames.
fn distance(one: &[[f32; 2]], other: &[[f32; 2]]) -> f32 {
    let pairs = one.iter().zip(other);
    pairs.map(|(p, q)| (p[0] - q[0]).hypot(p[1] - q[1])).sum::<f32>() / one.len() as f32
}

#[test]
fn grain_flickers_less_in_the_colors() {
    let frames: Vec<_> = (0..30).map(|i| frame(0, 0.0, false, 16.0, i)).collect();
    let changes = |steadiness| -> f32 {
        let (chroma, _) = color(&frames, steadiness);
        chroma.windows(2).map(|pair| distance(&pair[0], &pair[1])).sum()
    };
    let (held, alone) = (changes(1.0), changes(0.0));
    // These pseudo-random colors change from pixel to pixel, so that what moves by a tenth shows.
    assert!(held < 0.6 * alone, "{held} of {alone}");
}

#[test]
fn colors_move_with_what_they_are_of() {
    let still = color(&[frame(0, 0.0, false, 0.0, 0)], 1.0).0.remove(0);
    let frames: Vec<_> = (0..10).map(|i| frame(0, 1.5 * i as f32, false, 16.0, i)).collect();
    let (chroma, shots) = color(&frames, 1.0);
    assert_eq!(shots, [0]);
    // In the middle, where nothing comes in: 6 pixels in 4 frames.
    let apart = |moved: usize| {
        let (width, height) = SIZE;
        let pixels = (10..height - 10).flat_map(|y| (20..width - 20).map(move |x| (x, y)));
        let distances = pixels.map(|(x, y)| {
            let (p, q) = (chroma[4][y * width + x], still[y * width + x - moved]);
            (p[0] - q[0]).hypot(p[1] - q[1])
        });
        distances.sum::<f32>()
    };
    assert!(apart(6) < 0.5 * apart(0), "{} of {}", apart(6), apart(0));
}

#[test]
fn no_color_crosses_a_cut_and_a_film_goes_on_at_any_shot_with_the_same_colors() {
    let before: Vec<_> = (0..60).map(|i| frame(0, 0.7 * i as f32, false, 8.0, i)).collect();
    let after: Vec<_> = (0..5).map(|i| frame(1, 0.7 * i as f32, false, 8.0, i)).collect();
    let (all, shots) = color(&[before, after.clone()].concat(), 1.0);
    assert_eq!(shots, [0, 60]);
    let (alone, shots) = color(&after, 1.0);
    assert_eq!(shots, [0]);
    assert!(all[60..] == alone, "the shot's colors depend on what lies before it");
}

#[test]
fn a_flash_is_no_cut_and_has_the_colors_around_it() {
    let frames: Vec<_> = (0..12).map(|i| frame(0, 0.0, i == 6, 4.0, i)).collect();
    let (held, shots) = color(&frames, 1.0);
    assert_eq!(shots, [0]);
    let (alone, _) = color(&frames, 0.0);
    let (held, alone) = (distance(&held[6], &held[5]), distance(&alone[6], &alone[5]));
    assert!(held < 0.3 * alone, "{held} of {alone}");
}

#[test]
fn a_single_frame_of_another_picture_has_its_own_colors_and_the_shot_goes_on() {
    let film = |i| usize::from(i == 6);
    let frames: Vec<_> = (0..12).map(|i| frame(film(i), 0.0, false, 16.0, i)).collect();
    let (held, shots) = color(&frames, 1.0);
    assert_eq!(shots, [0]);
    let (alone, _) = color(&frames, 0.0);
    assert!(held[6] == alone[6]);
    assert!(distance(&held[7], &held[5]) < 0.5 * distance(&alone[7], &alone[5]));
}

#[test]
fn cuts_at_each_frame_and_at_the_last_are_found() {
    let films = [0, 0, 1, 1, 0, 0, 1].into_iter().enumerate();
    let frames: Vec<_> = films.map(|(i, film)| frame(film, 0.0, false, 8.0, i)).collect();
    assert_eq!(color(&frames, 1.0).1, [0, 2, 4, 6]);
    assert_eq!(color(&frames[..1], 1.0).1, [0]);
}

#[test]
fn without_steadiness_a_frame_is_colored_as_a_photograph() {
    let frames: Vec<_> = (0..4).map(|i| frame(0, i as f32, false, 8.0, i)).collect();
    let (chroma, _) = color(&frames, 0.0);
    let colorizer = colorizer();
    let viewer = Viewer::new(FORMAT, colorizer.work_area());
    for (luma, chroma) in frames.iter().zip(&chroma) {
        let alone = colorizer.predict(&viewer.view(luma), &Hints::default()).unwrap();
        assert!(distance(chroma, alone.chroma()) < 1e-4);
    }
}

/// A frame as a picture of one chroma.
fn in_colors(luma: &[u8], a: f32, b: f32) -> ColorPicture {
    let lightness = Viewer::new(FORMAT, SIZE.0 * SIZE.1).view(luma);
    let pixels = lightness.lightness().iter();
    let linear: Vec<f32> = pixels.flat_map(|l| Lab { l: *l, a, b }.to_linear()).collect();
    ColorPicture::new(SIZE, Orientation::Upright, &linear)
}

/// Share of the pixels of a frame's middle whose chroma is near to one.
fn share_near(chroma: &[[f32; 2]], a: f32, b: f32) -> f32 {
    let pixels = (10..SIZE.1 - 10).flat_map(|y| (20..SIZE.0 - 20).map(move |x| (x, y)));
    let near: Vec<bool> = pixels
        .map(|(x, y)| chroma[y * SIZE.0 + x])
        .map(|[p, q]| (p - a).hypot(q - b) < 4.0)
        .collect();
    near.iter().filter(|near| **near).count() as f32 / near.len() as f32
}

#[test]
fn a_frame_in_colors_gives_them_to_its_shot_before_and_after_it_and_to_no_other() {
    let shot: Vec<_> = (0..24).map(|i| frame(0, 0.7 * i as f32, false, 8.0, i)).collect();
    let other: Vec<_> = (0..4).map(|i| frame(1, 0.0, false, 8.0, i)).collect();
    let frames = [other.clone(), shot, other].concat();
    let picture = in_colors(&frames[16], 20.0, -12.0);
    let (plain, _) = color(&frames, 1.0);
    let (guided, shots) = guided(&frames, 1.0, Some((16, Given::Picture(picture))));
    assert_eq!(shots, [0, 4, 28]);
    for (number, chroma) in guided.iter().enumerate() {
        if (4..28).contains(&number) {
            let share = share_near(chroma, 20.0, -12.0);
            assert!(share > 0.9, "frame {number}: {share}");
        } else {
            assert!(*chroma == plain[number], "frame {number} is of another shot");
        }
    }
}

#[test]
fn a_single_frame_of_another_picture_takes_no_colors_that_were_given_to_the_shot() {
    let film = |i| usize::from(i == 6);
    let frames: Vec<_> = (0..12).map(|i| frame(film(i), 0.0, false, 8.0, i)).collect();
    let given = |at: usize| Some((at, Given::Picture(in_colors(&frames[at], 20.0, -12.0))));
    let (plain, _) = color(&frames, 1.0);
    for at in [2, 10] {
        let (guided, shots) = guided(&frames, 1.0, given(at));
        assert_eq!(shots, [0]);
        assert!(guided[6] == plain[6], "given to frame {at}");
        for other in [5, 7] {
            let share = share_near(&guided[other], 20.0, -12.0);
            assert!(share > 0.9, "frame {other}, given to {at}: {share}");
        }
    }
}

#[test]
fn colors_fade_in_where_the_shot_began_before_the_look_ahead() {
    let colorizer = colorizer();
    let viewer = Viewer::new(FORMAT, colorizer.work_area());
    let frames: Vec<_> = (0..140).map(|i| frame(0, 0.0, false, 4.0, i)).collect();
    let mut ahead = LookAhead::new(&colorizer, 10);
    for luma in &frames[10..] {
        ahead.push(viewer.view(luma));
    }
    let given = Given::Picture(in_colors(&frames[139], 20.0, -12.0));
    let anchor = ahead.anchor(139, &given).unwrap().unwrap();
    let mut film = Film::new(&colorizer, FORMAT.luma_bytes(), FilmSettings::default(), 0);
    film.add(anchor);
    let mut ready = Vec::new();
    for luma in &frames {
        ready.extend(film.push(viewer.view(luma)).unwrap());
    }
    ready.extend(film.finish().unwrap());
    let chroma: Vec<_> = ready.iter().map(|frame| frame.chroma.chroma()).collect();
    let steps = chroma.windows(2).map(|pair| distance(pair[0], pair[1]));
    let (all, largest) = (distance(chroma[0], chroma[139]), steps.fold(0.0, f32::max));
    let near = distance(chroma[125], chroma[139]);
    assert!(near < 0.2 * all, "{near} of {all}, 14 frames before the anchor");
    assert!(largest < 0.1 * all, "a step of {largest} on a way of {all}");
}

#[test]
fn a_picture_of_something_else_is_not_taken() {
    let colorizer = colorizer();
    let viewer = Viewer::new(FORMAT, colorizer.work_area());
    let mut ahead = LookAhead::new(&colorizer, 0);
    ahead.push(viewer.view(&frame(0, 0.0, false, 8.0, 0)));
    let other = Given::Picture(in_colors(&frame(1, 0.0, false, 8.0, 0), 9.0, 9.0));
    assert!(ahead.anchor(0, &other).unwrap().is_none());
}

#[test]
fn hints_for_a_frame_color_their_place_throughout_the_shot() {
    let frames: Vec<_> = (0..12).map(|i| frame(0, 0.0, false, 4.0, i)).collect();
    let hint = Hint { x: 48.0, y: 32.0, radius: 6.0, rgb: [200, 30, 30], page: 1 };
    let (guided, _) = guided(&frames, 1.0, Some((6, Given::Hints(Hints::Discs(vec![hint])))));
    let red = Lab::from_srgb([200.0, 30.0, 30.0].map(|v| v / 255.0));
    for number in [0, 6, 11] {
        let [a, b] = guided[number][32 * SIZE.0 + 48];
        let away = (a - red.a).hypot(b - red.b);
        assert!(away < 12.0, "frame {number}: {away} of {:?}", (red.a, red.b));
    }
}

/// The planes of a frame of one luma whose map has one chroma everywhere.
fn painted(format: FrameFormat, code: u16, chroma: [f32; 2]) -> [Vec<u8>; 2] {
    let viewer = Viewer::new(format, 64);
    let pixels = (format.width * format.height) as usize;
    let luma: Vec<u8> = if format.depth == 8 {
        vec![code as u8; pixels]
    } else {
        code.to_le_bytes().repeat(pixels)
    };
    let image = viewer.view(&luma);
    let map = ChromaMap::new(&image, &vec![chroma; image.lightness().len()]);
    FramePainter::new(format, 1.0).paint(&map, &luma)
}

#[test]
fn planes_have_the_size_and_the_depth_of_the_result_and_gray_is_neutral() {
    for (chroma, columns, rows) in
        [(ChromaShape::S420, 9, 6), (ChromaShape::S422, 9, 11), (ChromaShape::S444, 17, 11)]
    {
        for depth in [8, 10, 16] {
            for full_range in [false, true] {
                let format =
                    FrameFormat { width: 17, height: 11, depth, full_range, chroma, ..FORMAT };
                let neutral = 1_u16 << (depth - 1);
                for plane in painted(format, neutral, [0.0; 2]) {
                    let expected = if depth == 8 {
                        vec![neutral as u8; columns * rows]
                    } else {
                        neutral.to_le_bytes().repeat(columns * rows)
                    };
                    assert!(plane == expected, "{format:?}");
                }
            }
        }
    }
}

#[test]
fn a_color_is_the_same_in_every_matrix_range_and_depth() {
    for matrix in [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020] {
        for (depth, full_range) in [(8, false), (8, true), (10, false), (16, true)] {
            let format = FrameFormat { width: 4, height: 4, depth, full_range, matrix, ..FORMAT };
            let (black, range) = format.luma_range();
            let code = (black + 0.5 * range).round() as u16;
            let planes = painted(format, code, [30.0, 40.0]);
            let (neutral, span) = format.chroma_range();
            let [cb, cr] = planes.map(|plane| {
                let two = depth > 8;
                let sample = format::samples(&plane, two).next().unwrap() as f32;
                (sample - neutral) / span
            });
            // ITU-R BT.601 and its successors: red, green and blue of luma and differences.
            let [of_red, of_blue] = matrix.weights();
            let luma = 0.5;
            let red = luma + 2.0 * (1.0 - of_red) * cr;
            let blue = luma + 2.0 * (1.0 - of_blue) * cb;
            let green = (luma - of_red * red - of_blue * blue) / (1.0 - of_red - of_blue);
            let lab = polychromify_image::color::lab::Lab::from_srgb([red, green, blue]);
            // Luma is the frame's, and so lightness and chroma are only about those asked for.
            assert!(
                (lab.a - 30.0).abs() < 6.0 && (lab.b - 40.0).abs() < 6.0,
                "{format:?}: {lab:?}"
            );
            let gray = polychromify_image::color::lab::Lab::from_srgb([0.5; 3]);
            assert!((lab.l - gray.l).abs() < 6.0, "{lab:?} for {}", gray.l);
        }
    }
}

#[test]
fn chroma_leaves_no_display_range_beside_the_luma() {
    for code in [0, 3, 40, 128, 230, 255] {
        for chroma in [[90.0, -100.0], [-90.0, 80.0], [10.0, -110.0]] {
            let [cb, cr] =
                painted(FORMAT, code, chroma).map(|plane| (f32::from(plane[0]) - 128.0) / 255.0);
            let luma = f32::from(code) / 255.0;
            let [of_red, of_blue] = FORMAT.matrix.weights();
            let (red, blue) = (luma + 2.0 * (1.0 - of_red) * cr, luma + 2.0 * (1.0 - of_blue) * cb);
            let green = (luma - of_red * red - of_blue * blue) / (1.0 - of_red - of_blue);
            for value in [red, green, blue] {
                // Half of a step of each difference.
                assert!((-0.006..=1.006).contains(&value), "{code} {chroma:?}: {value}");
            }
        }
    }
}
