//! The page in a real browser: looked at, judged and mended as an archivist does it.

use serde_json::json;

use crate::client::hold;
use crate::page::{Page, drawn};
use crate::webdriver::key;

/// The script of whether a point of the photograph is drawn in color.
fn colored(x: f64, y: f64) -> String {
    let rgb = format!("{}.slice(0, 3)", drawn(x, y));
    format!("Math.max(...{rgb}) - Math.min(...{rgb}) > 4")
}

#[test]
fn the_sheet_shows_every_result_and_why_one_failed() {
    let Some((page, _folder)) = Page::of(5) else { return };
    page.browser.until("document.querySelectorAll('.tile img').length === 5");
    let reason = page.browser.script("return document.querySelector('.tile .reason').textContent");
    assert!(!reason.as_str().unwrap().is_empty());
}

#[test]
fn a_filter_leaves_only_what_fits() {
    let Some((page, _folder)) = Page::of(3) else { return };
    page.filter("Status", "failed");
    page.browser.until("document.querySelectorAll('.tile').length === 1");
    page.browser.until("document.querySelector('.tile .name').textContent === 'half.png'");
}

#[test]
fn twenty_pictures_are_judged_by_keys_alone() {
    let Some((page, _folder)) = Page::of(21) else { return };
    page.filter("Status", "done");
    page.browser.until("document.querySelectorAll('.tile').length === 21");
    page.browser.press(&[key::ESCAPE]);
    page.browser.press(&[key::HOME]);
    page.open_picture();
    for number in 0..20 {
        let before = page.name();
        page.browser.press(&[if number % 4 == 3 { "r" } else { "a" }]);
        page.browser
            .until(&format!("document.querySelector('#picture h1').textContent !== '{before}'"));
    }
    page.until_verdicts(15, 5);
}

#[test]
fn arrows_move_and_judge_nothing() {
    let Some((page, _folder)) = Page::of(3) else { return };
    page.open_picture();
    let first = page.name();
    page.browser.press(&[key::RIGHT]);
    page.browser.until(&format!("document.querySelector('#picture h1').textContent !== '{first}'"));
    assert_eq!(page.verdicts()["unjudged"], 3);
}

#[test]
fn undo_takes_the_last_verdict_back_and_shows_its_picture() {
    let Some((page, _folder)) = Page::of(3) else { return };
    page.open_picture();
    let first = page.name();
    page.browser.press(&["a"]);
    page.until_verdicts(1, 0);
    page.browser.press(&["u"]);
    page.until_picture(&first);
    page.until_verdicts(0, 0);
}

#[test]
fn what_could_not_be_taken_back_is_what_the_next_undo_takes_back() {
    let Some((page, _folder)) = Page::of(3) else { return };
    page.open_picture();
    page.browser.press(&["a"]);
    page.until_verdicts(1, 0);
    page.browser.press(&["r"]);
    page.until_verdicts(1, 1);
    page.browser.script(
        "const ask = window.fetch;
         window.fetch = (path, options) => {
           if (path !== '/api/undo') return ask(path, options);
           window.fetch = ask;
           return Promise.reject(new TypeError('nobody there'));
         };",
    );
    page.browser.press(&["u"]);
    page.browser.until("document.getElementById('said').textContent.includes('does not answer')");
    page.browser.press(&["u"]);
    page.until_verdicts(1, 0);
}

#[test]
fn several_are_judged_at_once_after_a_question_that_says_what_it_acts_on() {
    let Some((page, _folder)) = Page::of(4) else { return };
    page.browser.press(&[key::CTRL, "a"]);
    page.browser.press(&["a"]);
    page.browser.until("document.querySelector('dialog[open]')");
    let question = page.browser.script("return document.querySelector('dialog').innerText");
    let question = question.as_str().unwrap();
    assert!(
        question.contains("4 pictures") && question.contains("1 picture without a result"),
        "{question}"
    );
    page.browser.press(&[key::ENTER]);
    page.until_verdicts(4, 0);
}

#[test]
fn the_slider_shows_the_scan_at_its_left_and_the_result_at_its_right() {
    let Some((page, _folder)) = Page::of(1) else { return };
    page.open_picture();
    page.browser.until(&colored(0.9, 0.5));
    page.browser.until(&format!("!({})", colored(0.4, 0.5)));
    page.browser.drag(&[page.at(0.5, 0.5), page.at(0.2, 0.5)]);
    page.browser.until(&colored(0.4, 0.5));
}

#[test]
fn zooming_to_the_pixel_shows_pixels_of_the_scan_at_their_own_size() {
    let Some((page, _folder)) = Page::of(1) else { return };
    page.open_picture();
    page.browser.press(&["z"]);
    page.browser.until("document.querySelector('#picture .zoom').textContent === '100%'");
}

#[test]
fn a_hint_changes_the_color_around_it() {
    let Some((page, _folder)) = Page::of(1) else { return };
    page.open_picture();
    page.browser.press(&["m"]);
    let before = page.pixel(0.72, 0.5);
    page.browser.script("document.querySelector('.swatches input[value=\"#9e2b2b\"]').click()");
    // On a busy machine a click may take so long that the page takes it for a drag.
    crate::daemon::until("the hint", || {
        page.browser.click(page.at(0.7, 0.5));
        page.browser.script("return document.querySelectorAll('.hint').length") != 0
    });
    page.browser.until("document.querySelector('.mend').dataset.look");
    // The look is there a frame before it is drawn.
    let (pixel, redder) = (drawn(0.72, 0.5), before[0] - before[1] + 20);
    page.browser.until(&format!("(([r, g]) => r - g > {redder})({pixel})"));
}

#[test]
fn what_was_mended_is_made_and_not_judged() {
    let Some((page, _folder)) = Page::of(1) else { return };
    page.browser.press(&["a"]);
    page.until_verdicts(1, 0);
    page.browser.press(&[key::HOME]);
    page.open_picture();
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
fn what_is_mended_while_settings_wait_stands_on_top_of_them() {
    let Some((page, folder)) = Page::of(1) else { return };
    let busy = hold(&folder);
    page.open_picture();
    page.browser.press(&["m"]);
    page.browser.script(
        "const strength = document.getElementById('strength');
         strength.value = 0.4; strength.dispatchEvent(new Event('input'));
         document.querySelector('input[name=borders][value=keep]').click();",
    );
    let make = |page: &Page| {
        page.browser.script("document.getElementById('said').textContent = ''");
        page.browser.press(&[key::CTRL, key::ENTER]);
        page.browser.until("document.getElementById('said').textContent.includes('is made anew')");
    };
    make(&page);
    page.browser.script("window.isOfBefore = true; location.reload()");
    page.browser.until("!window.isOfBefore && document.querySelector('.panel')");
    page.until_drawn();
    page.browser.press(&["m"]);
    page.browser.press(&["h"]);
    make(&page);
    drop(busy);
    page.browser.until("document.getElementById('said').textContent.includes('was made anew')");
    let made = page.browser.wait("fetch('/api/results/1').then(answer => answer.json())");
    let made = &made["settings"];
    assert_eq!((&made["saturation"], &made["borders"]), (&json!(0.4), &json!("keep")));
    assert_eq!(made["hints"].as_array().unwrap().len(), 1);
}

#[test]
fn verdicts_are_exported_as_a_table() {
    let Some((page, _folder)) = Page::of(2) else { return };
    page.browser.press(&["a"]);
    page.until_verdicts(1, 0);
    let table = page
        .browser
        .wait("fetch(document.querySelector('a[download]').href).then(answer => answer.text())");
    let table = table.as_str().unwrap();
    assert!(table.lines().any(|line| line.contains("accepted")), "{table}");
}

#[test]
fn nothing_is_asked_of_anybody_else_and_no_policy_is_broken() {
    let Some((page, _folder)) = Page::of(2) else { return };
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
    let Some((page, _folder)) = Page::of(1) else { return };
    let address = page.browser.script("return location.href");
    assert!(!address.as_str().unwrap().contains('#'), "{address}");
}
