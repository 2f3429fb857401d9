//! Shots of films: looked at, judged, hinted.

use std::process::Command;

use image::RgbImage;
use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::Daemon;
use crate::folder::Folder;
use crate::page::Page;
use crate::webdriver::{Browser, key};
use crate::{daemon, weights};

/// A colored film of three shots, each of a second.
pub(crate) fn film() -> Option<Folder> {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("in")).unwrap();
    let shot = |(name, source): (usize, &str)| {
        format!("{source}=s=320x240:r=8,trim=duration=1,format=gray,setpts=PTS-STARTPTS[s{name}];")
    };
    let shots: String =
        ["testsrc2", "mandelbrot", "smptebars"].into_iter().enumerate().map(shot).collect();
    let graph = format!("{shots}[s0][s1][s2]concat=n=3[v]");
    colored(folder, "a.mkv", &["-filter_complex", &graph, "-map", "[v]", "-c:v", "ffv1"])
}

/// A colored film of 10 frames, 25 a second: 4 of a picture, one of another, 5 of a third.
fn film_with_a_shot_of_one_frame(name: &str, coded: &[&str]) -> Option<Folder> {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("in")).unwrap();
    let shot = |(at, (source, frames)): (usize, (&str, u32))| {
        let size = "s=320x240:r=25";
        format!("{source}={size},trim=end_frame={frames},format=gray,setpts=PTS-STARTPTS[s{at}];")
    };
    let shots = [("testsrc2", 4), ("mandelbrot", 1), ("smptebars", 5)];
    let shots: String = shots.into_iter().enumerate().map(shot).collect();
    let graph = format!("{shots}[s0][s1][s2]concat=n=3,format=yuv420p[v]");
    let tone = ["-f", "lavfi", "-i", "sine=d=0.4"];
    let pictures = ["-filter_complex", &graph, "-map", "[v]"];
    colored(folder, name, &[tone.as_slice(), &pictures, coded].concat())
}

/// Makes a film by these arguments of ffmpeg, and colors it.
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn colored(folder: Folder, name: &str, arguments: &[&str]) -> Option<Folder> {
    let input = format!("in/{name}");
    let made = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(arguments)
        .arg(folder.path(&input))
        .status();
    if made.is_err() {
        println!("skipped: there is no ffmpeg");
        return None;
    }
    folder.polychromify(["film", &input, "-o", "out", "--weights", weights::tiny()]).code(0);
    Some(folder)
}

fn shots(page: &Client) -> Vec<Value> {
    let film = page.json("/api/results")["items"][0]["id"].clone();
    let ids = page.json(&format!("/api/ids?film={film}"))["ids"].clone();
    let ids: Vec<&str> = ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let items = page.json(&format!("/api/results?ids={}", ids.join(",")))["items"].clone();
    items.as_array().unwrap().clone()
}

/// Says something of shots by their numbers.
fn judge(page: &Client, numbers: &[usize], verdict: &Value) -> Value {
    let shots = shots(page);
    let items: Vec<Value> = numbers.iter().map(|number| shots[number - 1].clone()).collect();
    let items: Vec<Value> =
        items.iter().map(|of| json!({"id": of["id"], "sha256": of["sha256"]})).collect();
    page.post("/api/verdicts", &json!({"items": items, "verdict": verdict})).json()
}

fn detail(page: &Client, number: usize) -> Value {
    page.json(&format!("/api/results/{}", shots(page)[number - 1]["id"].as_str().unwrap()))
}

/// The one tile of a frame as small as these.
fn tile(page: &Client, of: &Value) -> RgbImage {
    let level = of["levels"].as_u64().unwrap() - 1;
    let url = of["url"].as_str().unwrap().replace("{level}", &level.to_string());
    page.get(&url.replace("{x}", "0").replace("{y}", "0")).picture()
}

/// How far apart pictures of one size are in luma, on average.
fn away(one: &RgbImage, other: &RgbImage) -> f64 {
    let luma =
        |[r, g, b]: [u8; 3]| 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
    let pairs = one.pixels().zip(other.pixels());
    let sum: f64 = pairs.map(|(one, other)| (luma(one.0) - luma(other.0)).abs()).sum();
    sum / f64::from(one.width() * one.height())
}

/// How much redder than green it is on average.
fn redness(picture: &RgbImage) -> f64 {
    let sum: i64 = picture.pixels().map(|pixel| i64::from(pixel[0]) - i64::from(pixel[1])).sum();
    sum as f64 / f64::from(picture.width() * picture.height())
}

fn red(radius: f64) -> Value {
    json!({"hints": [{"x": 0.5, "y": 0.5, "radius": radius, "color": "#ff0000"}]})
}

/// Hands hints on a shot over, and waits for the film if it is made.
fn make(page: &Client, number: usize, settings: &Value, later: bool) {
    let id = shots(page)[number - 1]["id"].clone();
    let body = json!({"items": [{"id": id}], "settings": settings, "later": later});
    let asked = page.post("/api/make", &body).json();
    assert_eq!(asked["queued"], 1, "{asked}");
    daemon::until("the film", || {
        let status = page.json("/api/results")["items"][0]["status"].clone();
        status != "queued" && status != "running"
    });
}

#[test]
fn a_film_has_a_picture_for_each_of_its_shots() {
    let Some(folder) = film() else { return };
    let page = Client::open(&folder);
    let shots = shots(&page);
    let seconds: Vec<&Value> = shots.iter().map(|shot| &shot["seconds"]).collect();
    assert_eq!(seconds, [&json!(0.0), &json!(1.0), &json!(2.0)]);
    let pictures: Vec<RgbImage> =
        shots.iter().map(|shot| page.get(shot["thumb"].as_str().unwrap()).picture()).collect();
    assert!(pictures.iter().all(|picture| picture.dimensions() == (320, 240)));
    assert!(pictures[0] != pictures[1] && pictures[1] != pictures[2]);
}

#[test]
fn a_shot_is_shown_before_and_after_by_the_same_frame() {
    let Some(folder) = film() else { return };
    let page = Client::open(&folder);
    let tiles = detail(&page, 2)["tiles"].clone();
    let [before, after] = ["before", "after"].map(|of| tile(&page, &tiles[of]));
    let away = away(&before, &after);
    assert!(away < 4.0, "{away}");
    assert!(before.pixels().all(|pixel| pixel[0] == pixel[1]), "the scan has no colors");
}

/// Numbers of the frames of a film that the pictures of its second shot show: before, after, small.
fn frames_of_second_shot(folder: &Folder, page: &Client, name: &str) -> [usize; 3] {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(folder.path(&format!("in/{name}")))
        .arg(folder.path("%d.png"))
        .status();
    assert!(made.unwrap().success());
    let frame = |number: usize| {
        image::load_from_memory(&folder.read(&format!("{number}.png"))).unwrap().to_rgb8()
    };
    let frames: Vec<RgbImage> = (1..=10).map(frame).collect();
    let tiles = detail(page, 2)["tiles"].clone();
    let small = page.get(shots(page)[1]["thumb"].as_str().unwrap()).picture();
    [tile(page, &tiles["before"]), tile(page, &tiles["after"]), small].map(|picture| {
        let away = |&frame: &usize| away(&frames[frame], &picture);
        (0..10).min_by(|one, other| away(one).total_cmp(&away(other))).unwrap()
    })
}

#[test]
fn a_shot_of_one_frame_is_shown_by_that_frame() {
    let Some(folder) = film_with_a_shot_of_one_frame("a.mkv", &["-c:v", "ffv1"]) else { return };
    let page = Client::open(&folder);
    let seconds: Vec<Value> = shots(&page).iter().map(|shot| shot["seconds"].clone()).collect();
    assert_eq!(seconds, [0.0, 0.16, 0.2]);
    assert_eq!(frames_of_second_shot(&folder, &page, "a.mkv"), [4; 3]);
}

#[test]
fn a_film_that_comes_later_than_its_source_is_shown_by_the_same_frames() {
    // AAC of 8000 samples a second begins 128 ms before the pictures, which is more than 3 frames.
    let coded = ["-c:v", "libx264", "-qp", "1", "-map", "0:a", "-ar", "8000", "-c:a", "aac"];
    let Some(folder) = film_with_a_shot_of_one_frame("a.mp4", &coded) else { return };
    let page = Client::open(&folder);
    assert_eq!(frames_of_second_shot(&folder, &page, "a.mp4"), [4; 3]);
}

#[test]
fn a_hint_on_a_shot_of_one_frame_is_of_that_frame() {
    let Some(folder) = film_with_a_shot_of_one_frame("a.mkv", &["-c:v", "ffv1"]) else { return };
    let page = Client::open(&folder);
    make(&page, 2, &red(0.2), true);
    let hints: Vec<usize> = (1..=3)
        .map(|shot| detail(&page, shot)["settings"]["hints"].as_array().unwrap().len())
        .collect();
    assert_eq!(hints, [0, 1, 0]);
    let ledger = daemon::ledger(&folder).unwrap();
    let own: String =
        ledger.query_row("SELECT settings FROM own_settings", [], |row| row.get(0)).unwrap();
    assert!(own.contains("\"time\":0.16,"), "{own}");
}

#[test]
fn a_rejected_shot_is_in_the_table_and_the_manifest_and_the_film_stays_unjudged() {
    let Some(folder) = film() else { return };
    let page = Client::open(&folder);
    judge(&page, &[2], &json!("rejected"));
    let verdicts: Vec<Value> = shots(&page).iter().map(|shot| shot["verdict"].clone()).collect();
    assert_eq!(verdicts, [Value::Null, json!("rejected"), Value::Null]);
    assert_eq!(page.json("/api/summary")["verdicts"]["unjudged"], 1);
    let table = String::from_utf8(page.get("/api/verdicts.csv").body).unwrap();
    let row = table.lines().nth(1).unwrap();
    assert!(row.starts_with("a.mkv.mkv,") || row.starts_with("a.mkv,"), "{table}");
    assert!(row.contains(",rejected,,Ada,") && row.ends_with(",8,1.000"), "{table}");
    folder.polychromify(["manifest", "--output", "out"]).code(0);
    let manifest = String::from_utf8(folder.read("out/manifest.csv")).unwrap();
    assert!(manifest.lines().nth(1).unwrap().ends_with(",[8]"), "{manifest}");
}

#[test]
fn the_verdict_of_a_shot_is_taken_back_and_stays_in_its_history() {
    let Some(folder) = film() else { return };
    let page = Client::open(&folder);
    judge(&page, &[1, 2], &json!("accepted"));
    let undo = judge(&page, &[2], &json!("rejected"))["undo"].clone();
    assert_eq!(page.post("/api/undo", &json!({"undo": undo})).json()["changed"], 1);
    assert_eq!(page.post("/api/undo", &json!({"undo": undo})).json()["changed"], 0);
    let shot = detail(&page, 2);
    let said: Vec<&Value> =
        shot["history"].as_array().unwrap().iter().map(|said| &said["verdict"]).collect();
    assert_eq!(said, [&json!("accepted"), &json!("rejected"), &json!("accepted")]);
    assert_eq!(shot["verdict"], "accepted");
}

#[test]
fn a_hint_on_a_shot_is_looked_at_and_nothing_is_written() {
    let Some(folder) = film() else { return };
    let page = Client::open(&folder);
    let before = folder.files("out");
    let path = format!("/api/look/{}", detail(&page, 3)["id"].as_str().unwrap());
    let plain = page.post(&path, &json!({"hints": []})).picture();
    let hinted = page.post(&path, &red(0.2)).picture();
    assert!(redness(&hinted) > redness(&plain) + 5.0, "{} {}", redness(&plain), redness(&hinted));
    assert_eq!(folder.files("out"), before);
}

#[test]
fn a_film_is_made_anew_with_the_hints_of_its_shots_and_the_others_stay() {
    let Some(folder) = film() else { return };
    let page = Client::open(&folder);
    judge(&page, &[1], &json!("rejected"));
    let looks =
        |page: &Client| [1, 2, 3].map(|shot| tile(page, &detail(page, shot)["tiles"]["after"]));
    let before = looks(&page);
    make(&page, 2, &red(0.2), true);
    assert_eq!(looks(&page), before, "kept for later");
    make(&page, 3, &red(0.2), false);
    let after = looks(&page);
    let redder: Vec<bool> =
        (0..3).map(|shot| redness(&after[shot]) > redness(&before[shot]) + 5.0).collect();
    assert_eq!(redder, [false, true, true]);
    assert_eq!(detail(&page, 2)["settings"]["hints"].as_array().unwrap().len(), 1);
    assert_eq!(detail(&page, 1)["verdict"], Value::Null, "it is another film");
    make(&page, 2, &json!({"hints": []}), true);
    make(&page, 3, &json!({"hints": []}), false);
    assert_eq!(looks(&page), before, "without hints it is as it was");
}

#[test]
fn a_running_watch_of_photographs_makes_a_film_that_is_asked_for() {
    let Some(folder) = film() else { return };
    std::fs::create_dir_all(folder.path("other")).unwrap();
    let arguments = ["watch", "other", "-o", "out", "-v", "--weights", weights::tiny()];
    let mut watch = Daemon::spawn(folder.command(arguments));
    watch.wait_for("watching");
    let page = Client::open(&folder);
    let before = folder.files("out");
    make(&page, 3, &red(0.2), false);
    assert_ne!(folder.files("out"), before);
    assert_eq!(detail(&page, 3)["settings"]["hints"].as_array().unwrap().len(), 1);
    assert!(watch.stop().join("\n").contains("a.mkv"));
}

#[test]
fn own_hints_survive_redo_older_and_those_of_the_command_go_before_them() {
    let Some(folder) = film() else { return };
    make(&Client::open(&folder), 3, &red(0.2), false);
    let before = folder.files("out");
    let again = ["film", "in/a.mkv", "-o", "out", "--redo-older", "--weights", weights::tiny()];
    folder.polychromify(again).code(0);
    assert_eq!(folder.files("out"), before);
    folder.write("hints.json", r#"[{"time": 0, "x": 9, "y": 9, "radius": 4, "rgb": [9, 9, 99]}]"#);
    folder.polychromify(again.into_iter().chain(["--hints", "hints.json"])).code(0);
    assert_ne!(folder.files("out"), before);
}

#[test]
fn a_film_that_files_guided_is_made_by_its_command_alone() {
    let Some(folder) = film() else { return };
    folder.write("hints.json", r#"[{"time": 0, "x": 9, "y": 9, "radius": 4, "rgb": [9, 9, 99]}]"#);
    let guided = ["film", "in/a.mkv", "-o", "out", "--hints", "hints.json", "--redo-older"];
    folder.polychromify(guided.into_iter().chain(["--weights", weights::tiny()])).code(0);
    let shot = detail(&Client::open(&folder), 1);
    assert_eq!(shot["can_mend"], false);
    assert_eq!(shot["why_not"], "only the command that made it makes it again");
}

#[test]
fn the_shots_of_a_film_are_judged_by_keys_and_left_again() {
    let Some(folder) = film() else { return };
    let Some(browser) = Browser::open() else { return };
    let page = Page::serve(browser, &folder);
    page.browser.until("document.querySelector('.tile img')?.complete");
    page.browser.press(&[key::ENTER]);
    page.browser.until("document.querySelectorAll('.tile img').length === 3");
    page.browser.press(&[key::RIGHT]);
    page.browser.press(&["r"]);
    page.browser.until("document.querySelectorAll('.tile[data-verdict=rejected]').length === 1");
    page.browser.press(&["u"]);
    page.browser.until("document.querySelectorAll('.tile[data-verdict=rejected]').length === 0");
    page.browser.press(&[key::ESCAPE]);
    page.browser.until("document.querySelectorAll('.tile').length === 1");
}

#[test]
fn hints_on_a_shot_are_kept_until_the_film_is_made() {
    let Some(folder) = film() else { return };
    let Some(browser) = Browser::open() else { return };
    let page = Page::serve(browser, &folder);
    page.browser.until("document.querySelector('.tile img')?.complete");
    page.browser.press(&[key::ENTER]);
    page.browser.until("document.querySelectorAll('.tile img').length === 3");
    page.open_picture();
    page.browser.press(&["m"]);
    page.browser.press(&["h"]);
    page.browser.until("document.querySelector('.mend').dataset.look");
    let press = |words: &str| {
        page.browser.script(&format!(
            "[...document.querySelectorAll('.mend button')].find(b => b.textContent === '{words}').click()"
        ));
    };
    press("Keep for later");
    page.browser.until("document.getElementById('said').textContent.includes('are kept')");
    press("Make the film");
    page.browser.until("document.getElementById('said').textContent.includes('was made anew')");
}

#[test]
fn there_is_nothing_beyond_the_last_shot_and_before_the_first() {
    let Some(folder) = film() else { return };
    let page = Client::open(&folder);
    let film = page.json("/api/results")["items"][0]["id"].clone();
    for place in ["0", "4", "-1", "1.1", "x", "99999999999999999999"] {
        for path in ["results", "thumb"] {
            let answer = page.get(&format!("/api/{path}/{film}.{place}"));
            assert_eq!(answer.status, 404, "{path} {place}");
        }
    }
}
