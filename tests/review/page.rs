//! The page of a collection, opened in a real browser.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Instant;

use polychromify_test_support::folder::Folder;
use polychromify_test_support::pictures;
use serde_json::Value;

use crate::webdriver::{Browser, key};

/// Width and height of the photographs.
const SIZE: (u32, u32) = (480, 320);

/// Where a point of the photograph, which fits its pane, lies in the window.
const PLACE: &str = "(x, y) => {
    const pane = document.querySelector('.pane').getBoundingClientRect();
    const size = document.querySelector('.panel').textContent.match(/([0-9,]+) × ([0-9,]+) pixels/);
    const [across, down] = [size[1], size[2]].map(side => Number(side.replace(',', '')));
    const scale = Math.min(pane.width / across, pane.height / down);
    const left = pane.left + (pane.width - across * scale) / 2;
    const top = pane.top + (pane.height - down * scale) / 2;
    return [left + x * across * scale, top + y * down * scale];
}";

/// A page in a browser, and the program that serves it.
pub(crate) struct Page {
    pub(crate) browser: Browser,
    server: Child,
}

impl Page {
    /// The page of so many photographs in black and white, and of a file that cannot be read;
    /// `None` where there is no browser and tests may skip.
    pub(crate) fn of(photographs: u32) -> Option<(Self, Folder)> {
        let browser = Browser::open()?;
        let folder = Folder::new();
        for number in 0..photographs {
            let picture = pictures::png(SIZE.0, SIZE.1, number);
            folder.write(&format!("in/{number:03}.png"), picture);
        }
        folder.write("in/torn/half.png", &pictures::png(SIZE.0, SIZE.1, 200)[..900]);
        folder.batch(["in", "-o", "out"]).code(1);
        let page = Self::serve(browser, &folder);
        page.browser.until("document.querySelectorAll('.tile .frame > *').length > 1");
        Some((page, folder))
    }

    /// Serves the results in a folder's `out`, and opens the page.
    pub(crate) fn serve(browser: Browser, folder: &Folder) -> Self {
        let mut server = folder
            .command(["review", "--output", "out", "--no-browser", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut address).unwrap();
        browser.go(address.trim());
        Self { browser, server }
    }

    /// Opens the picture under the cursor and waits until it is drawn.
    pub(crate) fn open_picture(&self) {
        self.browser.press(&[key::ENTER]);
        self.until_drawn();
    }

    pub(crate) fn until_drawn(&self) {
        self.browser.until("document.querySelector('.panel')?.textContent.includes(' pixels')");
        self.browser.until(&format!("{}[3] > 0", drawn(0.9, 0.5)));
    }

    /// Red, green and blue as they are drawn at these shares of the photograph's width and height.
    pub(crate) fn pixel(&self, x: f64, y: f64) -> [i64; 3] {
        let value = self.browser.script(&format!("return {}", drawn(x, y)));
        [0, 1, 2].map(|channel| value[channel].as_i64().unwrap())
    }

    /// Waits until the picture of this name is shown.
    pub(crate) fn until_picture(&self, name: &str) {
        self.browser
            .until(&format!("document.querySelector('#picture h1').textContent === '{name}'"));
    }

    pub(crate) fn name(&self) -> String {
        let name = self.browser.script("return document.querySelector('#picture h1').textContent");
        name.as_str().unwrap().to_owned()
    }

    /// The identifier of the program that serves.
    pub(crate) fn process(&self) -> u32 {
        self.server.id()
    }

    /// How many pictures have each verdict, as the program tells.
    pub(crate) fn verdicts(&self) -> Value {
        self.browser.wait("fetch('/api/summary').then(a => a.json())")["verdicts"].clone()
    }

    pub(crate) fn until_verdicts(&self, accepted: usize, rejected: usize) {
        let start = Instant::now();
        while self.verdicts()["accepted"] != accepted || self.verdicts()["rejected"] != rejected {
            assert!(start.elapsed().as_secs() < 60, "{:#}", self.verdicts());
        }
    }

    /// Sets a filter as a mouse does.
    pub(crate) fn filter(&self, label: &str, value: &str) {
        self.browser.script(&format!(
            "const label = [...document.querySelectorAll('.filter')].find(l => l.firstChild.textContent === '{label}');
             label.lastChild.value = '{value}';
             label.lastChild.dispatchEvent(new Event('change'));"
        ));
    }

    /// Where a point of the photograph lies in the window, in CSS pixels.
    pub(crate) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let place = self.browser.script(&format!("return ({PLACE})({x}, {y})"));
        (place[0].as_f64().unwrap(), place[1].as_f64().unwrap())
    }
}

/// The script of what is drawn at a point of the photograph: red, green, blue, opacity.
pub(crate) fn drawn(x: f64, y: f64) -> String {
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

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
