//! Pictures, tiles, and looks at other settings.

use std::process::Command;

use image::RgbImage;
use serde_json::{Value, json};

use crate::client::{Answer, Client, colored};
use crate::folder::Folder;
use crate::pictures;

/// All that is told of a result.
fn told(page: &Client, name: &str) -> Value {
    page.json(&format!("/api/results/{}", page.item(name)["id"]))
}

/// A picture put together of its tiles at full size.
fn of_tiles(page: &Client, of: &Value) -> RgbImage {
    let side = |key: &str| of[key].as_u64().unwrap() as u32;
    let (width, height, tile) = (side("width"), side("height"), side("tile"));
    let mut whole = RgbImage::new(width, height);
    for y in 0..height.div_ceil(tile) {
        for x in 0..width.div_ceil(tile) {
            let url = of["url"].as_str().unwrap();
            let level = (of["levels"].as_u64().unwrap() - 1).to_string();
            let url = url.replace("{level}", &level);
            let url = url.replace("{x}", &x.to_string()).replace("{y}", &y.to_string());
            let part = page.get(&url).picture();
            image::imageops::replace(&mut whole, &part, (x * tile).into(), (y * tile).into());
        }
    }
    whole
}

/// Mean difference of samples.
pub(crate) fn difference(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let sum: u64 =
        one.iter().zip(other.iter()).map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
    sum as f64 / one.len() as f64
}

#[test]
fn tiles_show_the_result_as_it_lies_there() {
    let folder = colored();
    let page = Client::open(&folder);
    let tiles = of_tiles(&page, &told(&page, "a.png")["tiles"]["after"]);
    let result = image::load_from_memory(&folder.read("out/a.png")).unwrap().to_rgb8();
    let difference = difference(&tiles, &result);
    assert!(difference < 4.0, "{difference}");
}

#[test]
fn tiles_show_the_scan_as_it_lies_there() {
    let folder = colored();
    let page = Client::open(&folder);
    let tiles = of_tiles(&page, &told(&page, "a.png")["tiles"]["before"]);
    let scan = image::load_from_memory(&folder.read("in/a.png")).unwrap().to_rgb8();
    let difference = difference(&tiles, &scan);
    assert!(difference < 4.0, "{difference}");
}

#[test]
fn a_scan_that_is_stored_on_its_side_is_shown_upright() {
    let stored = pictures::jpeg(60, 40, 1);
    let exif =
        b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let turned = [&stored[..2], exif, &stored[2..]].concat();
    let folder = Folder::new().file("in/a.jpg", turned);
    folder.batch(["in", "-o", "out"]).code(0);
    let page = Client::open(&folder);
    let of = told(&page, "a.jpg")["tiles"].clone();
    for of in [&of["before"], &of["after"]] {
        assert_eq!((&of["width"], &of["height"]), (&json!(40), &json!(60)));
        assert_eq!(of_tiles(&page, of).dimensions(), (40, 60));
    }
}

#[test]
fn the_smallest_level_is_one_pixel_and_there_is_none_beyond_the_largest() {
    let folder = colored();
    let page = Client::open(&folder);
    let id = page.item("a.png")["id"].clone();
    let tile =
        |level: u64, place: &str| page.get(&format!("/api/tiles/{id}/after/{level}/{place}"));
    assert_eq!(tile(0, "0_0").picture().dimensions(), (1, 1));
    assert_eq!(tile(10, "1_0").picture().dimensions(), (88, 400));
    assert_eq!(tile(10, "2_0").status, 404);
    assert_eq!(tile(11, "0_0").status, 404);
}

/// The answer for the smallest tile of a picture, by its address.
fn smallest_tile(page: &Client, url: &str) -> Answer {
    page.get(&url.replace("{level}", "0").replace("{x}_{y}", "0_0"))
}

/// Whether the browser keeps what was answered for good, or not at all.
#[track_caller]
fn is_kept(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200, "{answer:?}");
    let (kept, not) = (answer.head.contains("immutable"), answer.head.contains("no-store"));
    assert!(kept != not, "{}", answer.head);
    kept
}

/// Where the tiles of a look begin.
fn tiles_of_look(page: &Client, item: &Value, settings: &Value) -> String {
    let look = page.post(&format!("/api/look/{}", item["id"]), settings);
    let token = look.head.lines().find_map(|line| line.strip_prefix("x-polychromify-look: "));
    format!("/api/tiles/{}/{}", item["id"], token.unwrap())
}

#[test]
fn the_browser_keeps_tiles_that_have_their_version_in_their_address() {
    let folder = colored();
    let page = Client::open(&folder);
    let item = told(&page, "a.png");
    for of in ["before", "after"] {
        let url = item["tiles"][of]["url"].as_str().unwrap();
        assert!(is_kept(&smallest_tile(&page, url)), "{of}");
        assert!(!is_kept(&smallest_tile(&page, &format!("{url}0"))), "another version of {of}");
    }
    let look = tiles_of_look(&page, &item, &json!({"saturation": 0}));
    let tile = smallest_tile(&page, &format!("{look}/{{level}}/{{x}}_{{y}}"));
    assert!(!is_kept(&tile), "a look");
}

#[test]
fn the_browser_keeps_no_small_picture_of_what_has_no_result() {
    let folder = Folder::new()
        .file("in/a.png", pictures::png(60, 40, 1))
        .file("in/b.png", pictures::color_png(60, 40));
    folder.batch(["in", "-o", "out"]).code(0);
    let page = Client::open(&folder);
    let thumb = |name: &str| page.get(page.item(name)["thumb"].as_str().unwrap());
    assert_eq!(page.item("b.png")["status"], "skipped");
    assert!(is_kept(&thumb("a.png")) && !is_kept(&thumb("b.png")));
}

#[test]
fn tiles_of_looks_have_other_addresses_after_a_restart() {
    let folder = colored();
    let first = || {
        let page = Client::open(&folder);
        tiles_of_look(&page, &page.item("a.png"), &json!({"saturation": 0}))
    };
    assert_ne!(first(), first());
}

#[test]
fn doubts_have_another_address_when_what_they_depend_on_changes() {
    let folder = colored();
    let page = Client::of(folder.command(["review", "-o", "out", "--weights", "vivid"]));
    let address = || told(&page, "b.png")["doubt_overlay"].as_str().unwrap().to_owned();
    let before = address();
    assert!(is_kept(&page.get(&before)));
    let hints = json!({"hints": [{"x": 0.5, "y": 0.5, "radius": 0.1, "color": "#c01020"}]});
    let items = json!([{"id": page.item("b.png")["id"]}]);
    page.post("/api/make", &json!({"items": items, "settings": hints, "later": true}));
    assert_ne!(address(), before);
    assert!(!is_kept(&page.get(&before)), "it shows others by now");
}

/// A look put together of its tiles, whose chroma is of full size.
pub(crate) fn look(page: &Client, name: &str, settings: &Value) -> RgbImage {
    let item = told(page, name);
    let mut of = item["tiles"]["before"].clone();
    of["url"] = format!("{}/{{level}}/{{x}}_{{y}}", tiles_of_look(page, &item, settings)).into();
    of_tiles(page, &of)
}

#[test]
fn a_look_without_settings_is_the_result() {
    let folder = colored();
    let page = Client::open(&folder);
    let look = look(&page, "a.png", &json!({}));
    let result = image::load_from_memory(&folder.read("out/a.png")).unwrap().to_rgb8();
    let difference = difference(&look, &result);
    assert!(difference < 4.0, "{difference}");
}

#[test]
fn a_hint_changes_the_pixels_around_it_and_writes_nothing() {
    let folder = colored();
    let page = Client::open(&folder);
    let before = folder.files("out");
    let path = format!("/api/look/{}", page.item("a.png")["id"]);
    let plain = page.post(&path, &json!({})).picture();
    let hints = json!([{"x": 0.5, "y": 0.5, "radius": 0.05, "color": "#ff0000"}]);
    let hinted = page.post(&path, &json!({"hints": hints})).picture();
    let red = |picture: &RgbImage| {
        let pixels = (290..310).flat_map(|x| (190..210).map(move |y| picture.get_pixel(x, y)));
        pixels.map(|pixel| i32::from(pixel[0]) - i32::from(pixel[1])).sum::<i32>()
    };
    assert!(red(&hinted) > red(&plain) + 1000, "{} and {}", red(&hinted), red(&plain));
    assert_eq!(folder.files("out"), before);
}

#[test]
fn tiles_of_a_look_are_what_the_look_shows() {
    let folder = colored();
    let page = Client::open(&folder);
    let path = format!("/api/look/{}", page.item("a.png")["id"]);
    let gray = page.post(&path, &json!({"saturation": 0})).picture();
    let difference = difference(&look(&page, "a.png", &json!({"saturation": 0})), &gray);
    assert!(difference < 6.0, "{difference}");
}

#[test]
fn a_look_at_no_settings_of_this_program_is_refused() {
    let folder = colored();
    let page = Client::open(&folder);
    let path = format!("/api/look/{}", page.item("a.png")["id"]);
    for settings in [
        json!({"saturation": 5}),
        json!({"saturation": "1"}),
        json!({"variant": 0}),
        json!({"borders": "trim"}),
        json!({"hints": [{"x": 2, "y": 0, "radius": 0, "color": "#000000"}]}),
        json!({"hints": [{"x": 0, "y": 0, "radius": 0, "color": "red"}]}),
        json!({"quality": 3}),
        json!([]),
    ] {
        assert_eq!(page.post(&path, &settings).status, 400, "{settings}");
    }
}

#[test]
fn a_color_is_that_of_the_pixel() {
    let folder = colored();
    let page = Client::open(&folder);
    let path = format!("/api/color/{}?x=0.25&y=0.5&of=after", page.item("a.png")["id"]);
    let result = image::load_from_memory(&folder.read("out/a.png")).unwrap().to_rgb8();
    let [r, g, b] = result.get_pixel(150, 200).0;
    assert_eq!(page.json(&path)["color"], format!("#{r:02x}{g:02x}{b:02x}"));
}

#[test]
fn a_result_that_somebody_changed_is_not_shown_as_ours() {
    let folder = colored();
    let page = Client::open(&folder);
    folder.write("out/a.png", pictures::png(600, 400, 9));
    let item = told(&page, "a.png");
    assert_eq!(item["tiles"]["after"], Value::Null);
    let thumb = page.get(item["thumb"].as_str().unwrap());
    assert_ne!(thumb.status, 200);
    assert!(String::from_utf8_lossy(&thumb.body).contains("changed by somebody"), "{thumb:?}");
}

#[test]
fn small_pictures_are_small() {
    let folder = colored();
    let page = Client::open(&folder);
    let thumb = page.get(page.item("a.png")["thumb"].as_str().unwrap());
    assert_eq!(thumb.picture().dimensions(), (300, 200));
    assert!(thumb.head.contains("immutable"), "{}", thumb.head);
}

/// A picture in shades of red.
pub(crate) fn reddish() -> Vec<u8> {
    let picture = RgbImage::from_fn(90, 60, |x, y| image::Rgb([(2 * x + y) as u8, y as u8, 20]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn redness(picture: &RgbImage) -> f64 {
    let sum: i64 = picture.pixels().map(|pixel| i64::from(pixel[0]) - i64::from(pixel[1])).sum();
    sum as f64 / f64::from(picture.width() * picture.height())
}

#[test]
fn a_reference_gives_its_palette() {
    let folder = colored();
    let page = Client::open(&folder);
    let handed = page.ask("POST", "/api/reference", &page.headers(), &reddish()).json();
    let path = format!("/api/look/{}", page.item("a.png")["id"]);
    let plain = page.post(&path, &json!({})).picture();
    let red = page.post(&path, &json!({"reference": handed["reference"]})).picture();
    assert!(redness(&red) > redness(&plain) + 3.0, "{} and {}", redness(&red), redness(&plain));
}

#[test]
fn a_result_is_a_reference_by_its_number() {
    let folder = colored();
    let page = Client::open(&folder);
    let other = page.item("b.png")["id"].clone();
    let path = format!("/api/look/{}", page.item("a.png")["id"]);
    assert_eq!(page.post(&path, &json!({"reference": other})).status, 200);
}

#[test]
fn what_is_no_picture_in_colors_is_no_reference() {
    let folder = colored();
    let page = Client::open(&folder);
    for (bytes, reason) in [
        (pictures::png(60, 40, 1), "has no colors"),
        (b"no picture".to_vec(), "not an image"),
        (Vec::new(), "not an image"),
    ] {
        let answer = page.ask("POST", "/api/reference", &page.headers(), &bytes);
        assert_eq!(answer.status, 400);
        assert!(answer.json()["error"].as_str().unwrap().contains(reason), "{answer:?}");
    }
    let path = format!("/api/look/{}", page.item("a.png")["id"]);
    assert_eq!(page.post(&path, &json!({"reference": "0".repeat(64)})).status, 409);
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn a_film_is_shown_by_one_of_its_frames() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("in")).unwrap();
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=5:duration=1"])
        .args(["-vf", "format=gray", "-c:v", "ffv1"])
        .arg(folder.path("in/a.mkv"))
        .status();
    if made.is_err() {
        println!("skipped: there is no ffmpeg");
        return;
    }
    let film = ["film", "in/a.mkv", "-o", "out", "--weights", crate::weights::tiny()];
    folder.polychromify(film).code(0);
    let page = Client::open(&folder);
    let list = page.json("/api/results");
    let item = &list["items"][0];
    assert_eq!((&item["kind"], &item["status"]), (&json!("film"), &json!("done")));
    let thumb = page.get(item["thumb"].as_str().unwrap());
    assert_eq!(thumb.picture().dimensions(), (320, 180));
    let told = page.json(&format!("/api/results/{}", item["id"]));
    assert_eq!(told["can_mend"], false);
}
