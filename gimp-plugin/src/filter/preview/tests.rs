//! Previews of images in memory.

use std::thread;
use std::time::Duration;

use super::super::fake::FakeImage;
use super::super::tests::{SIZE, photograph, settings};
use super::super::{PredictionCache, colorize};
use super::Preview;
use crate::dialog::{Area, Model, Picture, Update, View};
use crate::host::{ColorModel, Host, Layer};
use crate::procedure::Settings;

/// Room that is larger than the photograph by 5 and 10 pixels.
const ROOM: (u32, u32) = (SIZE.0 + 5, SIZE.1 + 10);

fn view() -> View {
    View { room: ROOM, ..View::default() }
}

/// Updates until nothing new comes while no thread is at work, and gives all that came.
fn updates(preview: &mut Preview<'_, FakeImage>, settings: &Settings, view: &View) -> Vec<Update> {
    let mut found = Vec::new();
    for _ in 0..4000 {
        let update = preview.update(settings, view);
        if update != Update::default() {
            found.push(update);
        } else if preview.work.is_none() {
            return found;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("it goes on and on");
}

/// The photograph of the last picture that came.
fn shown(updates: &[Update]) -> Vec<u8> {
    let (picture, area) = updates.iter().rev().find_map(|u| u.picture.as_ref()).unwrap();
    assert_eq!((picture.width, picture.height), ROOM, "it fills its room");
    cut(picture, *area)
}

fn cut(picture: &Picture, area: Area) -> Vec<u8> {
    let rows = picture.rgb.chunks_exact(3 * picture.width as usize);
    let rows = rows.skip(area.y as usize).take(area.height as usize);
    rows.flat_map(|row| row[3 * area.x as usize..][..3 * area.width as usize].to_vec()).collect()
}

fn text(updates: &[Update]) -> &str {
    updates.iter().rev().find_map(|update| update.text.as_deref()).unwrap_or_default()
}

/// A preview of a photograph, and of the image that it is in.
fn with_preview(test: impl FnOnce(&FakeImage, Layer, &mut Preview<'_, FakeImage>)) {
    let image = FakeImage::new();
    let source = image.add("scan", SIZE, (0, 0), photograph);
    let (ids, mut cache) = ([source.0], PredictionCache::default());
    test(&image, source, &mut Preview::new(&image, &mut cache, &ids));
}

#[test]
fn it_shows_the_result_and_predicts_once_for_all_saturations() {
    let image = FakeImage::new();
    let source = image.add("scan", SIZE, (0, 0), photograph);
    let (ids, mut cache) = ([source.0], PredictionCache::default());
    let mut preview = Preview::new(&image, &mut cache, &ids);
    let colors = shown(&updates(&mut preview, &settings(), &view()));
    let strong = Settings { saturation: 0.3, ..settings() };
    assert_ne!(colors, shown(&updates(&mut preview, &strong, &view())));
    assert_eq!(*image.log.borrow(), ["read scan"], "read and predicted once");

    let result = colorize(&image, &ids, &settings(), &mut cache).unwrap();
    let raster = image.raster(result[0]);
    let painted = raster.iter().flat_map(|p| [p[0], p[1], p[2]]);
    let differences = painted.zip(&colors).map(|(v, c)| (v * 255.0 - f32::from(*c)).abs());
    assert!(differences.fold(0.0, f32::max) < 0.51);
}

#[test]
fn another_network_and_a_negative_read_the_layer_no_second_time() {
    with_preview(|image, source, preview| {
        shown(&updates(preview, &settings(), &view()));
        let other = Settings { weights: "polychromify".to_owned(), negative: true, ..settings() };
        let found = shown(&updates(preview, &other, &view()));
        assert_eq!(*image.log.borrow(), ["read scan"]);

        let (ids, mut cache) = ([source.0], PredictionCache::default());
        let anew = shown(&updates(&mut Preview::new(image, &mut cache, &ids), &other, &view()));
        assert_eq!(found, anew, "the same colors as from the layer itself");
    });
}

#[test]
fn before_is_the_photograph_and_the_split_divides_both() {
    with_preview(|image, source, preview| {
        let after = shown(&updates(preview, &settings(), &view()));
        let before = View { before: true, ..view() };
        let before = shown(&updates(preview, &settings(), &before));
        let photo = image.raster(source);
        let photo =
            photo.iter().flat_map(|p| [p[0], p[1], p[2]].map(|v| (255.0 * v).round() as u8));
        assert!(before.iter().zip(photo).all(|(shown, is)| shown.abs_diff(is) <= 1));
        let half = shown(&updates(preview, &settings(), &View { split: 0.5, ..view() }));
        let row = 3 * SIZE.0 as usize;
        assert_eq!(half[..row / 2], before[..row / 2]);
        assert_eq!(half[row / 2 + 3..row], after[row / 2 + 3..row], "beside the line");
    });
}

#[test]
fn it_is_told_while_before_is_shown() {
    with_preview(|_, _, preview| {
        let said = |found: &[Update]| text(found).contains("before");
        assert!(!said(&updates(preview, &settings(), &view())));
        assert!(said(&updates(preview, &settings(), &View { before: true, ..view() })));
        assert!(!said(&updates(preview, &settings(), &view())));
    });
}

#[test]
fn a_point_is_shown_pixel_by_pixel_without_another_prediction() {
    with_preview(|_, _, preview| {
        let whole = shown(&updates(preview, &settings(), &view()));
        let close = View { room: (20, 10), zoom: Some([1.0, 0.0]), ..View::default() };
        let found = updates(preview, &settings(), &close);
        let (picture, area) = found[0].picture.clone().unwrap();
        assert_eq!((area.width, area.height), (20, 10));
        let row = 3 * SIZE.0 as usize;
        let corner: Vec<u8> =
            whole.chunks(row).take(10).flat_map(|r| r[row - 60..].to_vec()).collect();
        assert_eq!(cut(&picture, area), corner, "the upper right corner");
        assert!(found.iter().all(|update| update.text.is_none()), "nothing is predicted");
    });
}

#[test]
fn strokes_are_followed_while_they_are_painted() {
    with_preview(|image, _, preview| {
        let plain = shown(&updates(preview, &settings(), &view()));
        let hints = Layer(preview.make_hints().unwrap());
        thread::sleep(Duration::from_millis(600));
        image.fill(hints, [0.8, 0.1, 0.1, 1.0]);
        let hinted = shown(&updates(preview, &settings(), &view()));
        assert_ne!(plain, hinted);
        image.fill(hints, [0.0; 4]);
        thread::sleep(Duration::from_millis(600));
        assert_eq!(shown(&updates(preview, &settings(), &view())), plain, "rubbed out");
    });
}

#[test]
fn the_layer_for_hints_is_made_once_and_in_rgb() {
    with_preview(|image, _, preview| {
        image.model.set(ColorModel::Gray);
        let layer = preview.make_hints().unwrap();
        assert_eq!(preview.make_hints().unwrap(), layer);
        assert_eq!(image.names(), ["hints", "scan"]);
        assert_eq!(
            image.changes(),
            ["[", "convert", "canvas", "]", "show hints", "activate hints"]
        );
        assert_eq!(image.describe(Layer(layer)).width, SIZE.0);
    });
}

#[test]
fn the_photograph_is_not_offered_for_hints() {
    with_preview(|image, source, preview| {
        let strokes = image.add("strokes", SIZE, (0, 0), |_, _| [0.0; 4]);
        let offered: Vec<i32> = preview.layers().into_iter().map(|(layer, _)| layer).collect();
        assert_eq!(offered, [strokes.0], "not {}", source.0);
    });
}

#[test]
fn a_chosen_coloring_that_is_missing_is_told() {
    with_preview(|_, _, preview| {
        let only_one = Settings { weights: "polychromify".to_owned(), variant: 2, ..settings() };
        let found = updates(preview, &only_one, &view());
        assert!(text(&found).contains("no such coloring"), "{}", text(&found));
        let found = updates(preview, &Settings { variant: 1, ..only_one }, &view());
        assert!(!text(&found).contains("no such coloring"), "{}", text(&found));
    });
}

#[test]
fn each_variant_has_a_small_picture_or_none() {
    with_preview(|_, _, preview| {
        let found = updates(preview, &settings(), &view());
        let mut numbers: Vec<u8> =
            found.iter().filter_map(|update| Some(update.variant.as_ref()?.0)).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3]);
    });
}

#[test]
fn it_says_in_words_why_there_is_none_and_recovers() {
    with_preview(|_, _, preview| {
        let wrong = Settings { weights: "nobody".into(), ..settings() };
        let said = preview.update(&wrong, &view());
        assert!(said.text.is_some_and(|text| text.contains("nobody")));
        assert_eq!(preview.update(&wrong, &view()), Update::default(), "said once");
        shown(&updates(preview, &settings(), &view()));
    });
}

#[test]
fn a_photograph_in_colors_is_told() {
    let image = FakeImage::new();
    let source = image.add("scan", SIZE, (0, 0), |x, y| {
        let hue = ((x / 10 + y / 10) % 3) as usize;
        let mut color = [0.3, 0.3, 0.3, 1.0];
        color[hue] = 0.3 + 0.6 * (x as f32 / SIZE.0 as f32);
        color
    });
    let (ids, mut cache) = ([source.0], PredictionCache::default());
    let mut preview = Preview::new(&image, &mut cache, &ids);
    let found = updates(&mut preview, &settings(), &view());
    assert!(text(&found).contains("has colors"), "{}", text(&found));
}
