//! The filter on images in memory.

use polychromify_core::{
    Colorizer, Device, DeviceChoice, Hints, Orientation, SamplesMut, Thumbnail, Weights,
};
use polychromify_image::color::lab::{Lab, fit_chroma, lightness_from_linear, srgb_to_linear};

use super::fake::FakeImage;
use super::{PredictionCache, colorize, is_colored};
use crate::host::{ColorModel, Host, Layer, LayerMode};
use crate::procedure::{HintsChoice, ReferenceChoice, Settings};

/// A small seeded network of strong colors.
const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/assets/tiny.safetensors");

pub(super) const SIZE: (u32, u32) = (70, 45);

fn gray(x: u32, y: u32) -> f32 {
    let slope = (x + y) as f32 / (SIZE.0 + SIZE.1) as f32;
    let edge = if x > 40 { 0.3 } else { 0.0 };
    0.05 + 0.6 * slope + edge
}

pub(super) fn photograph(x: u32, y: u32) -> [f32; 4] {
    let v = gray(x, y);
    [v, v, v, 1.0]
}

pub(super) fn settings() -> Settings {
    Settings { weights: TINY.to_owned(), saturation: 0.2, ..Settings::default() }
}

fn run(image: &FakeImage, layers: &[Layer], settings: &Settings) -> Result<Vec<Layer>, String> {
    let ids: Vec<i32> = layers.iter().map(|layer| layer.0).collect();
    colorize(image, &ids, settings, &mut PredictionCache::default())
        .map_err(|error| error.to_string())
}

fn lab([r, g, b, _]: [f32; 4]) -> Lab {
    Lab::from_srgb([r, g, b])
}

fn mean_chroma(pixels: &[[f32; 4]]) -> f32 {
    pixels.iter().map(|pixel| lab(*pixel).chroma()).sum::<f32>() / pixels.len() as f32
}

#[test]
fn a_layer_gets_colors_above_it_at_its_place_with_its_lightness() {
    let image = FakeImage::new();
    image.add("paper", (100, 100), (0, 0), |_, _| [1.0; 4]);
    let source = image.add("scan", SIZE, (12, -3), photograph);
    image.add("frame", (5, 5), (0, 0), |_, _| [0.0, 0.0, 0.0, 0.5]);
    let result = run(&image, &[source], &settings()).unwrap();
    assert_eq!(image.names(), ["frame", "Color (tiny)", "scan", "paper"]);
    assert_eq!(image.describe(result[0]).offsets, (12, -3));
    let (before, after) = (image.raster(source), image.raster(result[0]));
    for (before, after) in before.iter().zip(&after) {
        assert!((lab(*before).l - lab(*after).l).abs() < 0.01);
        assert_eq!(after[3], 1.0);
    }
    assert!(mean_chroma(&after) > 10.0);
    assert_eq!(image.raster(source), before, "the photograph's layer is as it was");
}

#[test]
fn the_colors_are_those_that_core_gives_the_whole_picture() {
    let image = FakeImage::new();
    let source = image.add("scan", SIZE, (0, 0), photograph);
    let result = run(&image, &[source], &settings()).unwrap();

    let device = Device::open(DeviceChoice::Cpu).unwrap();
    let colorizer = Colorizer::open(&Weights::find(TINY, None).unwrap(), &device).unwrap();
    let pixels: Vec<f32> =
        image.raster(source).iter().flat_map(|p| [p[0], p[1], p[2]].map(srgb_to_linear)).collect();
    let mut lightness = vec![0.0; pixels.len() / 3];
    lightness_from_linear(&pixels, 3, &mut lightness);
    let (width, height) = SIZE;
    let mut thumbnail = Thumbnail::new(width, height, Orientation::Upright, colorizer.work_area());
    thumbnail.push_rows(0, &lightness);
    let chroma = colorizer.predict(&thumbnail.finish(), &Hints::default()).unwrap();
    let mut rgb = vec![0.0; pixels.len()];
    let painter = chroma.painter(width, height, 0.2);
    painter.paint_rows(0, &lightness, SamplesMut::Float(&mut rgb));
    let found: Vec<f32> = image.raster(result[0]).iter().flat_map(|p| [p[0], p[1], p[2]]).collect();
    assert!(found == rgb, "the same to the bit");
}

#[test]
fn all_is_painted_before_the_image_changes_and_changes_are_one_step() {
    let image = FakeImage::new();
    let one = image.add("one", SIZE, (0, 0), photograph);
    let two = image.add("two", SIZE, (0, 0), photograph);
    let result = run(&image, &[one, two], &settings()).unwrap();
    assert_eq!(result.len(), 2);
    let log = image.log.borrow();
    let start = log.iter().position(|entry| entry == "[").unwrap();
    assert!(log[..start].iter().all(|e| e.starts_with("read") || e.starts_with("paint")));
    assert_eq!(log[start..], ["[", "label", "insert Color (tiny)", "insert Color (tiny)", "]"]);
    assert_eq!(image.names(), ["Color (tiny)", "two", "Color (tiny)", "one"]);
}

#[test]
fn a_gray_image_is_converted_within_the_step() {
    let image = FakeImage::new();
    image.model.set(ColorModel::Gray);
    let source = image.add("scan", SIZE, (0, 0), photograph);
    run(&image, &[source], &settings()).unwrap();
    assert_eq!(image.changes(), ["[", "label", "convert", "insert Color (tiny)", "]"]);
    assert_eq!(image.model.get(), ColorModel::Rgb);
}

#[test]
fn a_selection_becomes_the_mask_of_a_new_layer() {
    let mut image = FakeImage::new();
    image.selected = true;
    let source = image.add("scan", SIZE, (0, 0), photograph);
    run(&image, &[source], &settings()).unwrap();
    assert_eq!(image.changes().last_chunk(), Some(&["mask Color (tiny)".into(), "]".to_owned()]));
}

#[test]
fn a_negative_becomes_a_normal_layer_of_inverted_lightness() {
    let image = FakeImage::new();
    let source = image.add("scan", SIZE, (0, 0), photograph);
    let result = run(&image, &[source], &Settings { negative: true, ..settings() }).unwrap();
    assert_eq!(*image.modes.borrow(), [LayerMode::Normal]);
    let pairs = image.raster(source).into_iter().zip(image.raster(result[0]));
    for (before, after) in pairs {
        assert!((lab(before).l + lab(after).l - 100.0).abs() < 0.01);
    }
    assert!(image.label.borrow().1.contains("negative"));
}

#[test]
fn a_reference_gives_its_palette() {
    let image = FakeImage::new();
    let source = image.add("scan", SIZE, (0, 0), photograph);
    let reference = image.add("colors", SIZE, (0, 0), |x, y| {
        let v = gray(x, y);
        [v, 0.6 * v, 0.4 * v, 1.0]
    });
    let plain = run(&image, &[source], &settings()).unwrap();
    let choice = Some(ReferenceChoice::Layer(reference.0));
    let like = run(&image, &[source], &Settings { reference: choice, ..settings() }).unwrap();
    let hue = |layer: Layer| {
        let pixels = image.raster(layer);
        let (a, b) =
            pixels.iter().map(|p| lab(*p)).fold((0.0, 0.0), |(a, b), c| (a + c.a, b + c.b));
        b.atan2(a).to_degrees()
    };
    let [plain, like] = [plain[0], like[0]].map(|layer| (hue(layer) - hue(reference)).abs());
    assert!(like < plain / 2.0, "{like} degrees from it in place of {plain}");
    assert!(image.label.borrow().1.contains("palette of a reference"));
}

#[test]
fn the_layer_with_the_hints_is_hidden_within_the_step() {
    let image = FakeImage::new();
    let source = image.add("scan", SIZE, (0, 0), photograph);
    image.add("hints", SIZE, (0, 0), |_, _| [0.0; 4]);
    run(&image, &[source], &settings()).unwrap();
    assert_eq!(image.changes().last_chunk(), Some(&["hide hints".into(), "]".to_owned()]));
}

#[test]
fn replacing_changes_the_layer_itself_and_keeps_its_alpha() {
    let image = FakeImage::new();
    let soft = |x, y| [gray(x, y), gray(x, y), gray(x, y), x as f32 / SIZE.0 as f32];
    let source = image.add("scan", SIZE, (0, 0), soft);
    let before = image.raster(source);
    let result = run(&image, &[source], &Settings { replace: true, ..settings() }).unwrap();
    assert_eq!((result, image.names()), (vec![source], vec!["scan".to_owned()]));
    let after = image.raster(source);
    assert!(mean_chroma(&after) > 10.0);
    for (before, after) in before.iter().zip(&after) {
        assert!((lab(*before).l - lab(*after).l).abs() < 0.01 && before[3] == after[3]);
    }
}

#[test]
fn soft_edges_of_a_lone_layer_keep_the_strength_of_their_colors() {
    let soft = |x: u32, y| [gray(x, y), gray(x, y), gray(x, y), [0.0, 0.5, 1.0][x as usize % 3]];
    for (background, alphas) in [(false, [0.0, 1.0, 1.0]), (true, [0.0, 0.5, 1.0])] {
        let image = FakeImage::new();
        if background {
            image.add("paper", SIZE, (0, 0), |_, _| [1.0; 4]);
        }
        let source = image.add("scan", SIZE, (0, 0), soft);
        let result = run(&image, &[source], &settings()).unwrap();
        let found = image.raster(result[0]);
        assert_eq!([found[0][3], found[1][3], found[2][3]], alphas, "background: {background}");
    }
}

#[test]
fn a_painted_layer_gives_its_color_wherever_it_lies_and_is_not_colorized_itself() {
    let red = Lab::from_srgb([0.8, 0.1, 0.1]);
    let paint = |image: &FakeImage, name| {
        image.add(name, (20, 20), (15, 12), |x, y| {
            let inside = (x as f32 - 5.0).hypot(y as f32 - 8.0) < 4.0;
            [0.8, 0.1, 0.1, f32::from(inside)]
        })
    };
    let hue = |result: Lab| {
        let turn = (result.b.atan2(result.a) - red.b.atan2(red.a)).to_degrees();
        ((turn + 540.0).rem_euclid(360.0) - 180.0).abs()
    };
    // The stroke is at (5, 8) of the layer at (15, 12); the source lies at (10, 10).
    let at = (18 * SIZE.0 + 10) as usize - (8 * SIZE.0) as usize;
    for (name, chosen, active) in
        [("hints", false, "scan"), ("strokes", true, "scan"), ("hints", false, "hints")]
    {
        let image = FakeImage::new();
        let source = image.add("scan", SIZE, (10, 10), photograph);
        let hints = paint(&image, name);
        let layers = if active == "hints" { vec![hints] } else { vec![source, hints] };
        let chosen = if chosen { HintsChoice::Layer(hints.0) } else { HintsChoice::Named };
        let result = run(&image, &layers, &Settings { hints: chosen, ..settings() }).unwrap();
        assert_eq!(image.names(), [name, "Color (tiny)", "scan"]);
        let there = lab(image.raster(result[0])[at]);
        assert!(hue(there) < 15.0, "{name}, {active} active: {there:?}");
        assert!(image.label.borrow().1.contains("color hints by the user"));
    }
}

#[test]
fn below_a_layer_with_strokes_the_photograph_is_meant_with_and_without_hints() {
    let image = FakeImage::new();
    image.add("paper", SIZE, (0, 0), |_, _| [1.0; 4]);
    let source = image.add("scan", SIZE, (0, 0), photograph);
    let unseen = image.add("unseen", SIZE, (0, 0), |_, _| [0.5; 4]);
    image.set_visible(unseen, false);
    let hints = image.add("hints", SIZE, (0, 0), |_, _| [0.8, 0.1, 0.1, 1.0]);
    for choice in [HintsChoice::Nothing, HintsChoice::Named, HintsChoice::Layer(hints.0)] {
        let settings = Settings { hints: choice, ..settings() };
        let [plain, active] =
            [source, hints].map(|layer| run(&image, &[layer], &settings).unwrap()[0]);
        assert!(image.raster(plain) == image.raster(active), "{choice:?}");
    }
}

#[test]
fn a_coloring_that_is_missing_is_told_and_not_in_the_label() {
    let image = FakeImage::new();
    let source = image.add("scan", SIZE, (0, 0), photograph);
    let only_one = Settings { weights: "polychromify".to_owned(), variant: 2, ..settings() };
    run(&image, &[source], &only_one).unwrap();
    assert!(image.told.borrow()[0].contains("no such coloring"), "{:?}", image.told);
    assert!(!image.label.borrow().1.contains("variant"));
}

#[test]
fn an_image_has_its_colors_while_they_are_seen_on_top_but_for_strokes() {
    let image = FakeImage::new();
    let source = image.add("scan", SIZE, (0, 0), photograph);
    assert!(!is_colored(&image));
    let result = run(&image, &[source], &settings()).unwrap();
    image.add("hints", SIZE, (0, 0), |_, _| [0.0; 4]);
    assert!(is_colored(&image));
    image.set_visible(result[0], false);
    assert!(!is_colored(&image));
    run(&image, &[source], &Settings { negative: true, ..settings() }).unwrap();
    assert!(is_colored(&image), "a negative's colors cover it");
}

#[test]
fn what_cannot_be_colorized_is_refused_in_words_and_stays() {
    let refused = |prepare: &dyn Fn(&mut FakeImage), settings: Settings, word: &str| {
        let mut image = FakeImage::new();
        let source = image.add("scan", SIZE, (0, 0), photograph);
        prepare(&mut image);
        let reason = run(&image, &[source], &settings).unwrap_err();
        assert!(reason.contains(word), "{reason}");
        let undone = |entry: &String| entry.starts_with("discard");
        assert!(image.changes().iter().all(undone), "{:?}", image.changes());
        assert_eq!(image.names(), ["scan"]);
    };
    let plain = settings();
    refused(&|image| image.model.set(ColorModel::Indexed), plain.clone(), "indexed");
    refused(&|image| image.failing = Some("new layer"), plain.clone(), "`new layer` failed");
    refused(&|image| image.failing = Some("paint"), plain.clone(), "`paint` failed");
    refused(&|_| {}, Settings { weights: "nobody".into(), ..plain.clone() }, "nobody");
    refused(&|_| {}, Settings { saturation: f64::NAN, ..plain.clone() }, "saturation");
    refused(&|_| {}, Settings { variant: 4, ..plain.clone() }, "variant");
    refused(&|image| image.failing = Some("selection"), plain.clone(), "selection");
    let group = |image: &mut FakeImage| image.make_group(Layer(0));
    refused(&group, Settings { replace: true, ..plain.clone() }, "group");
    refused(&|_| {}, Settings { hints: HintsChoice::Layer(0), ..plain }, "none below");
}

#[test]
fn a_channel_is_no_layer() {
    let image = FakeImage::new();
    image.add("scan", SIZE, (0, 0), photograph);
    assert!(run(&image, &[Layer(77)], &settings()).unwrap_err().contains("select a layer"));
}

#[test]
fn the_label_names_the_network_and_the_settings() {
    let image = FakeImage::new();
    let source = image.add("scan", SIZE, (0, 0), photograph);
    run(&image, &[source], &settings()).unwrap();
    let (packet, json) = image.label.borrow().clone();
    for text in [packet, json] {
        let hash = Weights::find(TINY, None).unwrap().sha256().to_owned();
        for words in ["Polychromify", "tiny", "saturation 0.2", &hash] {
            assert!(text.contains(words), "{words} in {text}");
        }
        assert!(!text.contains("urn:polychromify"), "GIMP 2.10 does not know it");
    }
}

/// A gray photograph of a meadow, trees, a mountain and the sky.
const PHOTOGRAPH: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/assets/photos/aitzgorri.jpg");

/// Mean difference of `(a, b)` between strokes and what the default network makes of them, over the
/// painted pixels. Where the screen has no such color at the photograph's lightness, the strongest
/// of the same hue is wanted.
fn difference_in_strokes(stroke: impl Fn(f32, f32) -> Option<[f32; 3]>) -> f64 {
    let photo = image::open(PHOTOGRAPH).unwrap().into_luma8();
    let size = photo.dimensions();
    let image = FakeImage::new();
    let source = image.add("scan", size, (0, 0), |x, y| {
        let v = f32::from(photo.get_pixel(x, y)[0]) / 255.0;
        [v, v, v, 1.0]
    });
    let painted = |x, y| stroke(x as f32, y as f32);
    let hints = image.add("hints", size, (0, 0), |x, y| {
        painted(x, y).map_or([0.0; 4], |[r, g, b]| [r, g, b, 1.0])
    });
    let result = run(&image, &[source, hints], &Settings::default()).unwrap();
    let (mut sum, mut count) = (0.0, 0.0);
    for (at, pixel) in image.raster(result[0]).into_iter().enumerate() {
        let (x, y) = (at as u32 % size.0, at as u32 / size.0);
        if let Some(rgb) = painted(x, y) {
            let found = lab(pixel);
            let wanted = Lab { l: found.l, ..Lab::from_srgb(rgb) };
            let wanted = Lab::from_linear(fit_chroma(wanted).1);
            sum += f64::from((wanted.a - found.a).hypot(wanted.b - found.b));
            count += 1.0;
        }
    }
    sum / count
}

#[test]
fn strokes_of_any_shape_get_their_colors() {
    let colors = [[115, 140, 77], [140, 115, 89], [115, 140, 179], [128, 107, 148]];
    let [green, brown, blue, violet] = colors.map(|rgb: [u8; 3]| rgb.map(|v| f32::from(v) / 255.0));
    let wide = |x: f32, y: f32| {
        ((200.0..1000.0).contains(&x) && (650.0..680.0).contains(&y)).then_some(brown)
    };
    let thin = |x: f32, y: f32| {
        ((100.0..1000.0).contains(&x) && (y - 400.0 - 0.2 * x).abs() < 3.0).then_some(violet)
    };
    let touching = |x: f32, y: f32| {
        let color = if x < 600.0 { brown } else { blue };
        ((200.0..1000.0).contains(&x) && (650.0..700.0).contains(&y)).then_some(color)
    };
    let curves = |x: f32, y: f32| {
        let wave = 25.0 * (x / 40.0).sin();
        let rows = [(60.0, blue), (260.0, violet), (400.0, brown), (620.0, green), (700.0, brown)];
        let on = |row: f32| (y - row - wave).abs() < 6.0 && (150.0..1050.0).contains(&x);
        rows.into_iter().find(|(row, _)| on(*row)).map(|(_, color)| color)
    };
    for (name, found) in [
        ("a wide one", difference_in_strokes(wide)),
        ("a thin one", difference_in_strokes(thin)),
        ("two that touch", difference_in_strokes(touching)),
        ("five curves", difference_in_strokes(curves)),
    ] {
        assert!(found < 0.5, "{name}: {found}");
    }
}
