//! The page for those who use it by keyboard, by a screen reader, on a tablet, with colors of their own.

use std::env;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::page::Page;
use crate::shots;
use crate::webdriver::{Browser, key};

/// The promise of what axe-core finds in the page as it is shown, a line each.
const FINDINGS: &str =
    "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map(rule =>
    `${rule.id}: ${rule.help}: ${rule.nodes.map(node => node.target.join(' ')).join(', ')}`))";

/// A tablet that is held upright.
const TABLET: (u32, u32) = (820, 1180);

fn emulate(page: &Page, feature: &str, value: &str) {
    let media = json!({"features": [{"name": feature, "value": value}]});
    page.browser.devtools("Emulation.setEmulatedMedia", &media);
}

/// Goes through all views, and calls `each` with the name of each.
fn each_view(page: &Page, each: &mut dyn FnMut(&str)) {
    page.browser.until("document.querySelector('.tile img')?.complete");
    each("sheet");
    page.browser.press(&[key::CTRL, "a"]);
    each("selection");
    page.browser.press(&["a"]);
    page.browser.until("document.querySelector('dialog[open]')");
    each("question");
    page.browser.press(&[key::ESCAPE]);
    page.browser.until("!document.querySelector('dialog[open]')");
    page.browser.press(&[key::ESCAPE]);
    page.browser.press(&["?"]);
    page.browser.until("document.querySelector('dialog[open]')");
    each("keys");
    page.browser.press(&[key::ESCAPE]);
    page.browser.until("!document.querySelector('dialog[open]')");
    page.open_picture();
    each("picture");
    page.browser.press(&["2"]);
    page.browser.press(&["d"]);
    each("doubt");
    page.browser.press(&["d"]);
    page.browser.press(&["1"]);
    page.browser.press(&["m"]);
    page.browser.press(&["h"]);
    page.browser.until("document.querySelector('.mend').dataset.look");
    each("mend");
    page.browser.press(&["n"]);
    page.browser.until("document.querySelector('dialog[open]')");
    each("note");
    page.browser.press(&[key::ESCAPE]);
}

/// Goes through the views of a film.
fn each_view_of_film(page: &Page, each: &mut dyn FnMut(&str)) {
    page.browser.until("document.querySelector('.tile img')?.complete");
    page.browser.press(&[key::ENTER]);
    let drawn =
        "[...document.querySelectorAll('.tile img')].filter(i => i.naturalWidth).length === 3";
    page.browser.until(drawn);
    page.browser.press(&["r"]);
    page.browser.until("document.querySelectorAll('.tile[data-verdict=rejected]').length === 1");
    each("shots");
    page.open_picture();
    page.browser.press(&["m"]);
    page.browser.press(&["h"]);
    page.browser.until("document.querySelector('.mend').dataset.look");
    each("shot");
}

/// `scripts/review-accessibility` runs it.
#[test]
#[ignore = "asks a program of others, and makes pictures"]
#[expect(clippy::print_stdout, reason = "what is found")]
fn axe_finds_nothing_in_any_view() {
    let [axe, target] =
        ["REVIEW_AXE", "REVIEW_SCREENSHOTS"].map(|name| PathBuf::from(env::var_os(name).unwrap()));
    let axe = fs::read_to_string(axe).unwrap();
    let mut findings = 0;
    let kinds = [
        ("light", "prefers-color-scheme", "light", (1280, 800)),
        ("dark", "prefers-color-scheme", "dark", (1280, 800)),
        ("tablet", "prefers-color-scheme", "light", TABLET),
        ("tablet-dark", "prefers-color-scheme", "dark", TABLET),
        ("forced", "forced-colors", "active", (1280, 800)),
    ];
    let (pages, film) = (Page::of(5).unwrap(), shots::film().unwrap());
    drop(pages.0);
    for (name, feature, value, (width, height)) in kinds {
        for (folder, is_film) in [(&pages.1, false), (&film, true)] {
            let page = Page::serve(Browser::open().unwrap(), folder);
            page.browser.size(width, height);
            let touch = json!({"enabled": (width, height) == TABLET});
            page.browser.devtools("Emulation.setTouchEmulationEnabled", &touch);
            emulate(&page, feature, value);
            page.browser.script(&axe);
            page.browser.script("document.body.append(document.createElement('img'))");
            assert_ne!(page.browser.wait(FINDINGS), json!([]), "it finds what is wrong");
            page.browser.script("document.body.lastChild.remove()");
            let mut look = |view: &str| {
                let path = target.join(format!("{view}-{name}.webp"));
                fs::write(path, page.browser.picture()).unwrap();
                let found = page.browser.wait(FINDINGS);
                for line in found.as_array().unwrap_or(&vec![found.clone()]) {
                    println!("{view} {name}: {line}");
                    findings += 1;
                }
            };
            if is_film { each_view_of_film(&page, &mut look) } else { each_view(&page, &mut look) }
        }
    }
    assert_eq!(findings, 0);
}

#[test]
fn a_picture_is_found_hinted_judged_and_taken_back_by_keys_alone() {
    let Some((page, _folder)) = Page::of(3) else { return };
    page.browser.press(&["/"]);
    for letter in "001".chars() {
        page.browser.press(&[&letter.to_string()]);
    }
    page.browser.press(&[key::ENTER]);
    page.browser.until("document.querySelectorAll('.tile').length === 1");
    page.browser.until("document.activeElement.matches('.grid')");
    page.open_picture();
    page.until_picture("001.png");
    page.browser.press(&["m"]);
    page.browser.press(&["h"]);
    page.browser.until("document.activeElement.matches('.hint')");
    let place = "document.querySelector('.hint').getAttribute('aria-label')";
    let before = page.browser.script(&format!("return {place}"));
    page.browser.press(&[key::RIGHT]);
    let after = page.browser.script(&format!("return {place}"));
    assert_ne!(before, after, "an arrow moves it");
    page.browser.press(&[key::DELETE]);
    page.browser.until("!document.querySelector('.hint')");
    page.browser.press(&["r"]);
    page.until_verdicts(0, 1);
    page.browser.press(&["u"]);
    page.until_verdicts(0, 0);
    page.browser.press(&[key::ESCAPE]);
    page.browser.until("!document.getElementById('sheet').hidden");
    assert_eq!(page.browser.script("return document.activeElement.className"), json!("grid"));
}

#[test]
fn the_tab_key_reaches_all_controls_and_shows_where_it_is() {
    let Some((page, _folder)) = Page::of(2) else { return };
    page.open_picture();
    page.browser.press(&["m"]);
    let all = "[...document.querySelectorAll('#picture button, #picture input, #picture [tabindex=\"0\"]')]
        .filter(e => e.checkVisibility() && !e.disabled && !(e.type === 'radio' && !e.checked))";
    let controls = page.browser.script(&format!("return {all}.length")).as_u64().unwrap();
    let mut reached = Vec::<Value>::new();
    for _ in 0..2 * controls {
        page.browser.press(&[key::TAB]);
        let focused = page.browser.script(
            "const e = document.activeElement;
             const seen = e.matches('.choice input') ? e.nextElementSibling : e;
             const style = getComputedStyle(seen, e.matches('.handle') ? '::after' : null);
             return [e.tagName, e.getAttribute('aria-label') ?? e.textContent.trim() ?? '', e.value ?? '', style.outlineStyle];",
        );
        if !reached.contains(&focused) {
            reached.push(focused);
        }
    }
    let without: Vec<&Value> =
        reached.iter().filter(|of| of[0] != "BODY" && of[3] == "none").collect();
    assert!(without.is_empty(), "no outline: {without:?}");
    let radios = 4; // a group of radios with none checked is one stop
    assert!(
        reached.len() as u64 + radios >= controls,
        "{} of {controls}: {reached:#?}",
        reached.len()
    );
}
