//! Results that are made again with settings of their own.

use std::fs;

use serde_json::{Value, json};

use crate::client::{Client, colored, hold, pause};
use crate::daemon::{Daemon, How};
use crate::folder::Folder;
use crate::looking::{difference, look, reddish};
use crate::{daemon, pictures, weights};

fn hinted() -> Value {
    json!({
        "saturation": 1.5,
        "hints": [{"x": 0.5, "y": 0.25, "radius": 0.1, "color": "#c01020"}],
    })
}

#[test]
fn a_result_is_made_with_its_own_settings_and_is_unjudged() {
    let folder = colored();
    let page = Client::open(&folder);
    page.judge(&["a.png"], &json!("rejected"));
    let before = page.item("a.png");
    let item = page.make("a.png", &hinted());
    assert_eq!(item["status"], "done");
    assert_eq!(item["verdict"], Value::Null);
    assert_ne!(item["sha256"], before["sha256"]);
    assert_eq!(item["sha256"], folder.files("out")["a.png"]);
    assert_eq!(item["settings"]["saturation"], 1.5);
    assert_eq!(item["settings"]["hints"][0]["color"], "#c01020");
    assert_eq!(item["id"], before["id"]);
    assert_eq!(daemon::temporary(&folder), Vec::<String>::new());
}

#[test]
fn hints_of_a_page_are_looked_at_and_made_on_that_page_alone() {
    let pages = pictures::tiff_pages(&[(90, 60), (90, 60)]);
    let folder = Folder::new().file("in/a.tif", pages);
    folder.batch(["in", "-o", "out"]).code(0);
    let page = Client::open(&folder);
    let job = page.item("a.tif")["id"].as_i64().unwrap();
    let of = |number: u32| page.json(&format!("/api/results/{job}.{number}"));
    assert_eq!(of(2)["tiles"]["before"]["pages"], 2);
    let tile = |number: u32| {
        let url = of(number)["tiles"]["after"]["url"].as_str().unwrap().to_owned();
        page.get(&url.replace("{level}", "7").replace("{x}_{y}", "0_0")).picture()
    };
    let before = [tile(1), tile(2)];
    let look = page.post(&format!("/api/look/{job}.2"), &hinted()).picture();
    assert!(difference(&look, &before[1]) > 2.0);
    let settings = json!({"hints": hinted()["hints"]});
    let asked = json!({"items": [{"id": format!("{job}.2")}], "settings": settings});
    assert_eq!(page.post("/api/make", &asked).json()["queued"], 1);
    daemon::until("the result", || page.item("a.tif")["status"] == "done");
    assert_eq!(tile(1), before[0]);
    assert_ne!(tile(2), before[1]);
    assert_eq!(of(2)["settings"]["hints"].as_array().unwrap().len(), 1);
    assert_eq!(of(1)["settings"]["hints"], json!([]));
}

#[test]
fn what_is_made_is_what_was_looked_at() {
    let folder = colored();
    let page = Client::open(&folder);
    let look = look(&page, "a.png", &hinted());
    page.make("a.png", &hinted());
    let made = image::load_from_memory(&folder.read("out/a.png")).unwrap().to_rgb8();
    let difference = difference(&look, &made);
    assert!(difference < 4.0, "{difference}");
}

#[test]
fn own_settings_survive_redo_older() {
    let folder = colored();
    Client::open(&folder).make("a.png", &hinted());
    let before = folder.files("out");
    let run = folder.batch(["in", "-o", "out", "--redo-older"]).code(0);
    assert_eq!(folder.files("out"), before, "{}", run.stdout);
    folder.batch(["in", "-o", "out", "--redo-older", "--quality", "90"]).code(0);
    let item = Client::open(&folder).item("a.png");
    assert_eq!(item["own_settings"], true);
    let ledger = daemon::ledger(&folder).unwrap();
    let settings: String = ledger
        .query_row("SELECT settings FROM results WHERE output = 'a.png'", [], |row| row.get(0))
        .unwrap();
    assert!(settings.contains("\"saturation\":1.5,\"quality\":90"), "{settings}");
}

#[test]
fn without_settings_a_result_is_again_as_its_run_made_it() {
    let folder = colored();
    let before = folder.files("out");
    let page = Client::open(&folder);
    page.make("a.png", &hinted());
    assert_ne!(folder.files("out"), before);
    let item = page.make("a.png", &Value::Null);
    assert_eq!(item["own_settings"], false);
    assert_eq!(folder.files("out"), before);
}

/// Has a result asked for with these settings while the folder is busy, so that they wait; gives all that
/// is told of it then.
fn ask(page: &Client, name: &str, settings: &Value) -> Value {
    let id = page.item(name)["id"].clone();
    let body = json!({"items": [{"id": id}], "settings": settings});
    assert_eq!(page.post("/api/make", &body).json()["queued"], 1);
    let item = page.json(&format!("/api/results/{id}"));
    assert_eq!(item["status"], "queued");
    item
}

#[test]
fn mending_begins_with_the_settings_that_wait_to_be_made() {
    let folder = colored();
    let page = Client::open(&folder);
    let begin = page.json(&format!("/api/results/{}", page.item("a.png")["id"]))["mending"].clone();
    assert_eq!((&begin["saturation"], &begin["borders"]), (&json!(1.0), &json!("auto")));
    assert_eq!(begin["hints"], json!([]));
    let _busy = hold(&folder);
    let mut waits = hinted();
    waits["borders"] = "keep".into();
    let item = ask(&page, "a.png", &waits);
    let begin = &item["mending"];
    assert_eq!((&begin["saturation"], &begin["borders"]), (&json!(1.5), &json!("keep")));
    assert_eq!(begin["hints"][0]["color"], "#c01020");
    let made = &item["settings"];
    assert_eq!((&made["saturation"], &made["borders"]), (&json!(1.0), &json!("auto")));
    assert_eq!(made["hints"], Value::Null, "its result has none yet");
}

#[test]
fn a_reference_that_was_taken_away_does_not_come_back_while_that_waits() {
    let folder = colored();
    let page = Client::open(&folder);
    let handed = page.ask("POST", "/api/reference", &page.headers(), &reddish()).json();
    let item = page.make("a.png", &json!({"reference": handed["reference"]}));
    assert_eq!(item["mending"]["reference"], handed["reference"]);
    let _busy = hold(&folder);
    let item = ask(&page, "a.png", &json!({"saturation": 0.5}));
    assert_eq!(item["mending"]["reference"], Value::Null);
    assert_eq!(item["settings"]["reference"], handed["reference"], "its result has it");
}

#[test]
fn mending_begins_with_the_settings_of_the_run_once_own_ones_are_taken_away() {
    let folder = colored();
    let page = Client::open(&folder);
    page.make("a.png", &hinted());
    let _busy = hold(&folder);
    let item = ask(&page, "a.png", &Value::Null);
    assert_eq!(item["mending"]["saturation"], 1.0);
    assert_eq!(item["mending"]["hints"], json!([]));
    assert_eq!(item["settings"]["saturation"], 1.5, "its result has them");
}

#[test]
fn another_photograph_of_the_same_name_has_no_settings_of_its_own() {
    let folder = colored();
    Client::open(&folder).make("b.png", &hinted());
    fs::remove_file(folder.path("in/b.png")).unwrap();
    folder.write("in/b.png", crate::pictures::png(60, 40, 77));
    folder.batch(["in", "-o", "out"]).code(0);
    let page = Client::open(&folder);
    let item = page.json(&format!("/api/results/{}", page.item("b.png")["id"]));
    assert_eq!(item["settings"]["saturation"], 1.0);
}

#[test]
fn a_running_watch_makes_what_is_asked_for() {
    let folder = colored();
    fs::create_dir_all(folder.path("other")).unwrap();
    let arguments = ["watch", "other", "-o", "out", "-v", "--weights", weights::tiny()];
    let mut watch = Daemon::spawn(folder.command(arguments));
    watch.wait_for("watching");
    let page = Client::open(&folder);
    assert_eq!(page.json("/api/summary")["writes"], "elsewhere");
    let item = page.make("a.png", &hinted());
    assert_eq!(item["settings"]["saturation"], 1.5);
    let log = watch.stop().join("\n");
    assert!(log.contains("a.png"), "{log}");
}

/// Of results that are asked for, made anew or found to be there as they are to be.
#[test]
fn a_running_watch_lets_no_original_go_that_lies_outside_of_its_folders() {
    let folder = colored();
    let before = folder.files("in");
    fs::create_dir_all(folder.path("incoming")).unwrap();
    let mut arguments = vec!["watch", "incoming", "-o", "out", "--on-success", "delete"];
    arguments.extend(["--stability-delay", "0.1", "--weights", weights::tiny()]);
    let mut watch = Daemon::spawn(folder.command(arguments));
    watch.wait_for("watching");
    let page = Client::open(&folder);
    page.make("a.png", &hinted());
    page.make("b.png", &Value::Null);
    let ledger = daemon::ledger(&folder).unwrap();
    let sql = "SELECT count(*) FROM results WHERE original IS NOT NULL";
    let to_go: u32 = ledger.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(to_go, 0, "{}", watch.stderr());
    folder.write("incoming/dropped.png", pictures::png(60, 40, 4));
    let is_done = || folder.exists("out/dropped.png") && !folder.exists("incoming/dropped.png");
    watch.until("the end of what was dropped", is_done);
    assert_eq!(folder.files("in"), before);
}

#[test]
fn a_folder_that_is_watched_again_does_not_undo_what_was_asked_for() {
    let folder = colored();
    Client::open(&folder).make("a.png", &hinted());
    let before = folder.files("out");
    let watch = Daemon::start(&folder, How::Polling, &["--redo-older"]).ready(&folder);
    watch.until_idle(&folder);
    pause();
    watch.stop();
    let mut after = folder.files("out");
    after.remove("probe.png");
    assert_eq!(after, before);
}

#[test]
fn what_has_no_original_any_more_is_refused_with_a_reason() {
    let folder = colored();
    fs::remove_file(folder.path("in/b.png")).unwrap();
    let page = Client::open(&folder);
    let id = page.item("b.png")["id"].clone();
    let asked = page.post("/api/make", &json!({"items": [{"id": id}, {"id": 99}], "settings": {}}));
    let asked = asked.json();
    assert_eq!(asked["queued"], 0);
    assert!(asked["refused"][0]["reason"].as_str().unwrap().contains("b.png"), "{asked}");
    let item = page.json(&format!("/api/results/{id}"));
    assert_eq!((&item["can_mend"], &item["tiles"]["before"]), (&json!(false), &Value::Null));
    assert!(item["tiles"]["after"].is_object(), "the result is still shown");
}

#[test]
fn originals_stay_as_they_are() {
    let folder = colored();
    let before = folder.files("in");
    let page = Client::open(&folder);
    page.post(&format!("/api/look/{}", page.item("a.png")["id"]), &hinted());
    page.make("a.png", &hinted());
    assert_eq!(folder.files("in"), before);
}

#[test]
fn a_result_that_had_a_sidecar_gets_one_again() {
    let folder = colored();
    folder.batch(["in", "-o", "out", "--sidecar"]).code(0);
    let page = Client::open(&folder);
    let item = page.make("a.png", &hinted());
    let sidecar: Value = serde_json::from_slice(&folder.read("out/a.png.json")).unwrap();
    assert_eq!(sidecar["sha256"], item["sha256"]);
}

#[test]
fn a_reference_is_kept_with_the_settings_of_its_input() {
    let folder = colored();
    let page = Client::open(&folder);
    let handed = page.ask("POST", "/api/reference", &page.headers(), &reddish()).json();
    let item = page.make("a.png", &json!({"reference": handed["reference"]}));
    assert_eq!(item["settings"]["reference"], handed["reference"]);
    drop(page);
    let before = folder.files("out");
    folder.batch(["in", "-o", "out", "--redo-older"]).code(0);
    assert_eq!(folder.files("out"), before);
    folder.batch(["in", "-o", "out", "--force"]).code(0);
    assert_eq!(folder.files("out"), before, "the ledger has the reference");
}

#[test]
fn what_is_asked_for_while_a_batch_runs_is_made() {
    let folder = colored();
    for number in 0..30 {
        folder.write(&format!("more/{number}.png"), crate::pictures::png(300, 200, number));
    }
    let arguments = ["more", "-o", "out", "-j", "1"];
    let mut batch = folder.command(crate::folder::batch_arguments(arguments)).spawn().unwrap();
    let page = Client::open(&folder);
    let item = page.make("a.png", &hinted());
    assert_eq!(item["settings"]["saturation"], 1.5);
    assert!(batch.wait().unwrap().success());
    assert_eq!(page.json("/api/summary")["counts"]["done"], 33);
}
