//! The page of thousands of results.

use std::fs;

use polychromify_test_support::folder::Folder;
use polychromify_test_support::{daemon, pictures};
use serde_json::Value;

use crate::page::Page;
use crate::webdriver::Browser;

/// Results that are made; the others are the same once more.
const MADE: u32 = 40;

/// The promise of what was there at most while all screens were scrolled through, one after the other
/// as soon as its thumbnails are there.
const PAGED: &str = "new Promise(done => {
    const grid = document.querySelector('.grid');
    const count = selector => document.querySelectorAll(selector).length;
    const begin = performance.now();
    const most = {screens: 0, tiles: 0, images: 0, elements: 0};
    const seen = tile => {
        const [{top, bottom}, box] = [tile.getBoundingClientRect(), grid.getBoundingClientRect()];
        return top < box.bottom && bottom > box.top;
    };
    const step = () => {
        const now = {tiles: count('.tile'), images: count('img'), elements: count('*')};
        for (const [name, amount] of Object.entries(now)) most[name] = Math.max(most[name], amount);
        const tiles = [...document.querySelectorAll('.tile')].filter(seen);
        if (!tiles.every(tile => tile.querySelector('img')?.complete)) return setTimeout(step, 5);
        const before = grid.scrollTop;
        grid.scrollTop += BY * grid.clientHeight;
        most.screens++;
        if (grid.scrollTop !== before) setTimeout(step, 20);
        else done({...most, milliseconds: Math.round(performance.now() - begin)});
    };
    step();
})";

/// Scrolls to the end, or by -1 to the beginning.
pub(crate) fn page_through(page: &Page, by: i32) -> Value {
    page.browser.wait(&PAGED.replace("BY", &by.to_string()))
}

/// So many results of small photographs: some are made, and entered into the ledger again and again
/// under other names, with their files.
pub(crate) fn results(count: u32, (width, height): (u32, u32)) -> Folder {
    let folder = Folder::new();
    for number in 0..MADE {
        let picture = pictures::png(width, height, number);
        folder.write(&format!("in/{:02}/{number:05}.png", number % 20), picture);
    }
    folder.batch(["in", "-o", "out"]).code(0);
    let ledger = daemon::ledger(&folder).unwrap();
    let columns = |table: &str| {
        let sql = "SELECT group_concat(name) FROM pragma_table_info(?1)
                   WHERE name NOT IN ('id', 'output', 'input')";
        ledger.query_row(sql, [table], |row| row.get::<_, String>(0)).unwrap()
    };
    let tables = ["jobs", "results"].map(|table| (table, columns(table)));
    ledger.execute_batch("BEGIN").unwrap();
    for number in MADE..count {
        let [from, to] =
            [number % MADE, number].map(|number| format!("{:02}/{number:05}.png", number % 20));
        fs::hard_link(folder.path(&format!("out/{from}")), folder.path(&format!("out/{to}")))
            .unwrap();
        for (table, columns) in &tables {
            let sql = format!(
                "INSERT INTO {table} (output, input, {columns})
                 SELECT ?2, input || ?2, {columns} FROM {table} WHERE output = ?1"
            );
            ledger.execute(&sql, [&from, &to]).unwrap();
        }
    }
    ledger.execute_batch("COMMIT").unwrap();
    folder
}

#[test]
fn while_thousands_are_scrolled_through_only_what_is_near_is_an_element() {
    let Some(browser) = Browser::open() else { return };
    let folder = results(2000, (60, 40));
    let page = Page::serve(browser, &folder);
    page.browser.until("document.querySelectorAll('.tile img').length > 10");
    let before = page.browser.script("return document.querySelectorAll('*').length");
    let most = page_through(&page, 1);
    let at_most = |name: &str, amount: u64| {
        let found = most[name].as_u64().unwrap();
        assert!(found <= amount, "{name}: {most:#}");
    };
    assert!(most["screens"].as_u64() > Some(80), "{most:#}");
    at_most("tiles", 80);
    at_most("images", 80);
    at_most("elements", before.as_u64().unwrap() + 500);
    page_through(&page, -1);
    let after = page.browser.script("return document.querySelectorAll('*').length");
    let [before, after] = [before, after].map(|elements| elements.as_u64().unwrap());
    assert!(after <= before + 50, "{before}, then {after}");
}
