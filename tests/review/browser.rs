//! The page in a real browser: looked at, judged and mended as an archivist does it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Instant;

use polychromify_test_support::folder::Folder;
use polychromify_test_support::pictures;
use serde_json::{Value, json};

use crate::webdriver::{Browser, key};

/// Width and height of the photographs.
const SIZE: (u32, u32) = (480, 320);

/// Where a point of the photograph, which fits its pane, lies in the window.
const PLACE: &str = "(x, y) => {
    const pane = document.querySelector('.pane').getBoundingClientRect();
    const width = Math.min(pane.width, pane.height * 1.5), height = width / 1.5;
    return [pane.left + (pane.width - width) / 2 + x * width, pane.top + (pane.height - height) / 2 + y * height];
}";

/// A collection of black-and-white photographs, colored, and the page on it in a browser.
struct Page {
    browser: Browser,
    server: Child,
    #[expect(dead_code, reason = "its files are there as long as it is")]
    folder: Folder,
}

impl Page {
    /// `None` where there is no browser and tests may skip.
    fn open(photographs: u32) -> Option<Self> {
        let browser = Browser::open()?;
        let folder = Folder::new();
        for number in 0..photographs {
            folder.write(&format!("in/{number:03}.png"), pictures::png(SIZE.0, SIZE.1, number));
        }
        folder.write("in/torn/half.png", &pictures::png(SIZE.0, SIZE.1, 200)[..900]);
        folder.batch(["in", "-o", "out"]).code(1);
        let mut server = folder
            .command(["review", "--output", "out", "--no-browser", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut address).unwrap();
        browser.go(address.trim());
        let page = Self { browser, server, folder };
        page.browser.until("document.querySelectorAll('.tile .frame > *').length > 1");
        Some(page)
    }

    /// Opens the picture under the cursor and waits until it is drawn.
    fn open_picture(&self) {
        self.browser.press(&[key::ENTER]);
        self.until_drawn();
    }

    fn until_drawn(&self) {
        self.browser.until("document.querySelector('#picture .zoom')?.textContent");
        self.browser.until(&format!("{}[3] > 0", drawn(0.9, 0.5)));
    }

    /// Red, green and blue as they are drawn at these shares of the photograph's width and height.
    fn pixel(&self, x: f64, y: f64) -> [i64; 3] {
        let value = self.browser.script(&format!("return {}", drawn(x, y)));
        [0, 1, 2].map(|channel| value[channel].as_i64().unwrap())
    }

    /// Waits until the picture of this name is shown.
    fn until_picture(&self, name: &str) {
        self.browser.until(&format!("document.querySelector('#picture h1').textContent === '{name}'"));
    }

    fn name(&self) -> String {
        let name = self.browser.script("return document.querySelector('#picture h1').textContent");
        name.as_str().unwrap().to_owned()
    }

    /// How many pictures have each verdict, as the program tells.
    fn verdicts(&self) -> Value {
        self.browser.wait("fetch('/api/summary').then(a => a.json())")["verdicts"].clone()
    }

    fn until_verdicts(&self, accepted: usize, rejected: usize) {
        let start = Instant::now();
        while self.verdicts()["accepted"] != accepted || self.verdicts()["rejected"] != rejected {
            assert!(start.elapsed().as_secs() < 60, "{:#}", self.verdicts());
        }
    }

    /// Sets a filter as a mouse does.
    fn filter(&self, label: &str, value: &str) {
        self.browser.script(&format!(
            "const label = [...document.querySelectorAll('.filter')].find(l => l.firstChild.textContent === '{label}');
             label.lastChild.value = '{value}';
             label.lastChild.dispatchEvent(new Event('change'));"
        ));
    }

    /// Where a point of the photograph lies in the window, in CSS pixels.
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let place = self.browser.script(&format!("return ({PLACE})({x}, {y})"));
        (place[0].as_f64().unwrap(), place[1].as_f64().unwrap())
    }
}

/// The script of what is drawn at a point of the photograph: red, green, blue, opacity.
fn drawn(x: f64, y: f64) -> String {
    format!(
        "(() => {{
            const [left, top] = ({PLACE})({x}, {y});
            const canvas = document.querySelector('.pane canvas');
            const frame = canvas.getBoundingClientRect();
            const at = [(left - frame.left) * canvas.width / frame.width, (top - frame.top) * canvas.height / frame.height];
            return [...canvas.getContext('2d').getImageData(...at, 1, 1).data];
        }})()"
    )
}

/// How far a color is from gray.
fn chroma(rgb: [i64; 3]) -> i64 {
    rgb.iter().max().unwrap() - rgb.iter().min().unwrap()
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn the_sheet_shows_every_result_and_why_one_failed() {
    let Some(page) = Page::open(5) else { return };
    page.browser.until("document.querySelectorAll('.tile img').length === 5");
    let reason = page.browser.script("return document.querySelector('.tile .reason').textContent");
    assert!(!reason.as_str().unwrap().is_empty());
}

#[test]
fn a_filter_leaves_only_what_fits() {
    let Some(page) = Page::open(3) else { return };
    page.filter("Status", "failed");
    page.browser.until("document.querySelectorAll('.tile').length === 1");
    page.browser.until("document.querySelector('.tile .name').textContent === 'half.png'");
}

#[test]
fn twenty_pictures_are_judged_by_keys_alone() {
    let Some(page) = Page::open(21) else { return };
    page.filter("Status", "done");
    page.browser.until("document.querySelectorAll('.tile').length === 21");
    page.browser.press(&[key::ESCAPE]);
    page.open_picture();
    for number in 0..20 {
        let before = page.name();
        page.browser.press(&[if number % 4 == 3 { "r" } else { "a" }]);
        page.browser.until(&format!("document.querySelector('#picture h1').textContent !== '{before}'"));
    }
    page.until_verdicts(15, 5);
}

#[test]
fn arrows_move_and_judge_nothing() {
    let Some(page) = Page::open(3) else { return };
    page.open_picture();
    let first = page.name();
    page.browser.press(&[key::RIGHT]);
    page.browser.until(&format!("document.querySelector('#picture h1').textContent !== '{first}'"));
    assert_eq!(page.verdicts()["unjudged"], 3);
}

#[test]
fn undo_takes_the_last_verdict_back_and_shows_its_picture() {
    let Some(page) = Page::open(3) else { return };
    page.open_picture();
    let first = page.name();
    page.browser.press(&["a"]);
    page.until_verdicts(1, 0);
    page.browser.press(&["u"]);
    page.until_picture(&first);
    page.until_verdicts(0, 0);
}

#[test]
fn several_are_judged_at_once_after_a_question_that_says_what_it_acts_on() {
    let Some(page) = Page::open(4) else { return };
    page.browser.press(&[key::CTRL, "a"]);
    page.browser.press(&["a"]);
    page.browser.until("document.querySelector('dialog[open]')");
    let question = page.browser.script("return document.querySelector('dialog').innerText");
    let question = question.as_str().unwrap();
    assert!(question.contains("4 pictures") && question.contains("1 picture without a result"), "{question}");
    page.browser.press(&[key::ENTER]);
    page.until_verdicts(4, 0);
}

#[test]
fn the_slider_shows_the_scan_at_its_left_and_the_result_at_its_right() {
    let Some(page) = Page::open(1) else { return };
    page.open_picture();
    let (middle, end) = (page.at(0.5, 0.5), page.at(0.2, 0.5));
    page.browser.until(&format!("Math.max(...{0}.slice(0, 3)) - Math.min(...{0}.slice(0, 3)) > 4", drawn(0.9, 0.5)));
    assert!(chroma(page.pixel(0.4, 0.5)) <= 4);
    page.browser.drag(&[middle, end]);
    page.browser.until(&format!("Math.max(...{0}.slice(0, 3)) - Math.min(...{0}.slice(0, 3)) > 4", drawn(0.4, 0.5)));
}

#[test]
fn zooming_to_the_pixel_shows_pixels_of_the_scan_at_their_own_size() {
    let Some(page) = Page::open(1) else { return };
    page.open_picture();
    page.browser.press(&["z"]);
    page.browser.until("document.querySelector('#picture .zoom').textContent === '100%'");
}

#[test]
fn a_hint_changes_the_color_around_it() {
    let Some(page) = Page::open(1) else { return };
    page.open_picture();
    page.browser.press(&["m"]);
    let before = page.pixel(0.72, 0.5);
    page.browser.script("document.querySelector('.swatches input[value=\"#9e2b2b\"]').click()");
    page.browser.click(page.at(0.7, 0.5));
    page.browser.until("document.querySelector('.mend').dataset.look");
    let after = page.pixel(0.72, 0.5);
    assert!(after[0] - after[1] > before[0] - before[1] + 20, "{before:?} {after:?}");
}

#[test]
fn what_was_mended_is_made_and_not_judged() {
    let Some(page) = Page::open(1) else { return };
    page.open_picture();
    page.browser.press(&["a"]);
    page.until_verdicts(1, 0);
    page.browser.press(&["m"]);
    page.browser.script(
        "const strength = document.getElementById('strength');
         strength.value = 2; strength.dispatchEvent(new Event('input'));",
    );
    page.browser.press(&[key::CTRL, key::ENTER]);
    page.browser.until("document.getElementById('said').textContent.includes('was made anew')");
    assert_eq!(page.verdicts(), json!({"accepted": 0, "rejected": 0, "unjudged": 1}));
}

#[test]
fn verdicts_are_exported_as_a_table() {
    let Some(page) = Page::open(2) else { return };
    page.browser.press(&["a"]);
    page.until_verdicts(1, 0);
    let table = page.browser.wait(
        "fetch(document.querySelector('a[download]').href).then(answer => answer.text())",
    );
    let table = table.as_str().unwrap();
    assert!(table.lines().any(|line| line.contains("accepted")), "{table}");
}

#[test]
fn nothing_is_asked_of_anybody_else_and_no_policy_is_broken() {
    let Some(page) = Page::open(2) else { return };
    page.open_picture();
    page.browser.press(&["2"]);
    page.browser.press(&["m"]);
    page.browser.press(&["?"]);
    page.browser.until("document.querySelector('dialog[open]')");
    let strangers = page.browser.script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)
             .filter(name => !name.startsWith(location.origin) && !name.startsWith('blob:'))",
    );
    assert_eq!(strangers, json!([]));
    let console = page.browser.console();
    assert!(!console.iter().any(|line| line.contains("Content Security Policy")), "{console:#?}");
}

#[test]
fn the_token_leaves_the_address_bar() {
    let Some(page) = Page::open(1) else { return };
    let address = page.browser.script("return location.href");
    assert!(!address.as_str().unwrap().contains('#'), "{address}");
}

/// Not a test: how long the sheet of many results takes, and how fast it scrolls.
/// `scripts/review-sheet` runs it.
#[test]
#[ignore = "measures"]
fn the_sheet_of_many_results() {
    let count = std::env::var("REVIEW_RESULTS").map_or(10_000, |count| count.parse().unwrap());
    let Some(page) = Page::open(count) else { return };
    println!("not yet");
    drop(page);
}
