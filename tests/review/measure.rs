//! Not tests: how fast the page of many results is, and what its views look like.

use std::env;
use std::fs;
use std::path::PathBuf;

use polychromify_test_support::folder::Folder;
use serde_json::json;

use crate::many;
use crate::page::Page;
use crate::webdriver::{self, Browser, key};

/// The promise of the milliseconds since the page was asked for, once all thumbnails in sight are
/// there.
const SHOWN: &str = "new Promise(done => {
    const look = () => {
        const bottom = document.querySelector('.grid')?.getBoundingClientRect().bottom;
        const seen = [...document.querySelectorAll('.tile')].filter(t => t.getBoundingClientRect().top < bottom);
        const ready = tile => tile.querySelector('img')?.complete;
        if (seen.length && seen.every(ready)) done(Math.round(performance.now())); else setTimeout(look, 10);
    };
    look();
})";

/// The promise of how many frames came in five seconds of scrolling, and the longest of them.
const SCROLLED: &str = "new Promise(done => {
    const grid = document.querySelector('.grid');
    const begin = performance.now();
    let last = begin, frames = 0, longest = 0;
    const step = now => {
        if (frames++) longest = Math.max(longest, now - last);
        last = now;
        grid.scrollTop += 40;
        if (now - begin < 5000) requestAnimationFrame(step);
        else done(`${frames} frames, the longest ${Math.round(longest)} ms`);
    };
    requestAnimationFrame(step);
})";

/// The promise of a moment in which tiles arrive and messages go.
const SETTLED: &str = "new Promise(done => setTimeout(done, 5000))";

/// `scripts/review-sheet` runs it.
#[test]
#[ignore = "measures"]
#[expect(clippy::print_stdout, reason = "what it measures")]
fn the_sheet_of_many_results() {
    let count: u32 = env::var("REVIEW_RESULTS").map_or(10_000, |count| count.parse().unwrap());
    let Some(browser) = Browser::open() else { return };
    let folder = many::results(count, (240, 160));
    let page = Page::serve(browser, &folder);
    let shown = page.browser.wait(SHOWN);
    println!("{count} results: thumbnails in sight after {shown} ms, load {}", load());
    let tell = |what: &str| println!("{what}: {}", memory(&page));
    tell("at the start");
    println!("scrolling for 5 s: {}", page.browser.wait(SCROLLED));
    for to in ["end", "beginning", "end again", "beginning again"] {
        let by = if to.starts_with("end") { 1 } else { -1 };
        println!("a screen after the other to the {to}: {}", many::page_through(&page, by));
        tell("then");
    }
    page.browser.press(&[key::CTRL, "a"]);
    page.browser.press(&["a"]);
    page.browser.until("document.querySelector('dialog[open]')");
    page.browser.press(&[key::ENTER]);
    page.until_verdicts(count as usize, 0);
    tell("all accepted");
}

/// What the page takes in the browser, after its garbage was collected, and what the program takes.
fn memory(page: &Page) -> String {
    page.browser.devtools("HeapProfiler.collectGarbage", &json!({}));
    let heap = page.browser.script("return performance.memory.usedJSHeapSize");
    let heap = heap.as_f64().unwrap() / 1e6;
    let (renderers, program) = (page.browser.renderers(), webdriver::resident(page.process()));
    format!("scripts {heap:.1} MB, renderers {renderers} MB, program {program} MB")
}

/// How many processes wait for the processor.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// `scripts/review-screenshots` runs it.
#[test]
#[ignore = "makes pictures"]
fn pictures_of_each_view() {
    let [photographs, target] = ["REVIEW_PHOTOGRAPHS", "REVIEW_SCREENSHOTS"]
        .map(|name| PathBuf::from(env::var_os(name).unwrap()));
    let folder = Folder::new();
    folder.polychromify(["batch", photographs.to_str().unwrap(), "-o", "out", "--quiet"]).code(0);
    for scheme in ["light", "dark"] {
        let page = Page::serve(Browser::open().unwrap(), &folder);
        page.browser.size(1280, 800);
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        page.browser.devtools("Emulation.setEmulatedMedia", &media);
        page.browser.wait(SHOWN);
        let keep = |view: &str| {
            let path = target.join(format!("review-{view}-{scheme}.webp"));
            fs::write(path, page.browser.picture()).unwrap();
        };
        keep("sheet");
        page.filter("Name", &env::var("REVIEW_PICTURE").unwrap_or_default());
        page.browser.wait(SHOWN);
        page.browser.press(&[key::ESCAPE]);
        page.open_picture();
        page.browser.wait(SETTLED);
        keep("picture");
        page.browser.press(&["d"]);
        page.browser.wait(SETTLED);
        keep("doubt");
        page.browser.press(&["d"]);
        page.browser.press(&["m"]);
        page.browser.script("document.querySelector('.swatches input[value=\"#9c4f3b\"]').click()");
        page.browser.click(page.at(0.6, 0.5));
        page.browser.until("document.querySelector('.mend').dataset.look");
        page.browser.wait(SETTLED);
        keep("mend");
    }
}

/// `scripts/review-screenshots` runs it, where it is given a film.
#[test]
#[ignore = "makes pictures"]
fn pictures_of_shots() {
    let Some(film) = env::var_os("REVIEW_FILM").map(PathBuf::from) else { return };
    let target = PathBuf::from(env::var_os("REVIEW_SCREENSHOTS").unwrap());
    let folder = Folder::new();
    folder.polychromify(["film", film.to_str().unwrap(), "-o", "out", "--quiet"]).code(0);
    for scheme in ["light", "dark"] {
        let page = Page::serve(Browser::open().unwrap(), &folder);
        page.browser.size(1280, 800);
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        page.browser.devtools("Emulation.setEmulatedMedia", &media);
        page.browser.wait(SHOWN);
        page.browser.press(&[key::ENTER]);
        page.browser.until("document.querySelectorAll('.tile').length > 1");
        page.browser.wait(SHOWN);
        page.browser.press(&[key::RIGHT]);
        let path = target.join(format!("review-shots-{scheme}.webp"));
        fs::write(path, page.browser.picture()).unwrap();
    }
}
