//! Lists, verdicts, tables.

use polychromify_test_support::postgres::Server;
use serde_json::{Value, json};

use crate::client::{Client, colored};
use crate::daemon;
use crate::folder::Folder;
use crate::{pictures, weights};

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn a_list_is_narrowed_by_verdict_folder_and_name() {
    let folder = colored();
    let page = Client::open(&folder);
    page.judge(&["b.png"], &json!("rejected"));
    for (query, expected) in [
        ("", &["a.png", "b.png", "sub/c.png"][..]),
        ("?verdict=unjudged", &["a.png", "sub/c.png"]),
        ("?verdict=rejected", &["b.png"]),
        ("?folder=sub", &["sub/c.png"]),
        ("?search=B.P", &["b.png"]),
        ("?status=failed", &[]),
        ("?toning=gray&verdict=accepted", &[]),
        ("?limit=1&offset=1", &["b.png"]),
    ] {
        assert_eq!(names(&page.json(&format!("/api/results{query}"))), expected, "{query}");
    }
}

#[test]
fn shards_are_listed_and_judged_as_one_and_keep_what_was_said() {
    let folder = Folder::new()
        .file("in/a.png", pictures::png(60, 40, 1))
        .file("in/b.png", pictures::png(60, 40, 2))
        .file("in/sub/c.png", pictures::png(60, 40, 3));
    let shards = || {
        for shard in ["1/3", "2/3", "3/3"] {
            folder.batch(["in", "-o", "out", "--shard", shard]).code(0);
        }
    };
    shards();
    let page = Client::open(&folder);
    assert_eq!(names(&page.json("/api/results")), ["a.png", "b.png", "sub/c.png"]);
    page.judge(&["a.png", "sub/c.png"], &json!("rejected"));
    drop(page);
    shards();
    let page = Client::open(&folder);
    assert_eq!(names(&page.json("/api/results?verdict=rejected")), ["a.png", "sub/c.png"]);
}

#[test]
fn a_ledger_in_postgresql_is_listed_judged_and_mended_as_any() {
    let Some(server) = Server::start() else { return };
    let folder = Folder::new()
        .file("in/a.png", pictures::png(60, 40, 1))
        .file("in/b.png", pictures::png(60, 40, 2))
        .file("in/sub/c.png", pictures::png(60, 40, 3))
        .file("in/sub/bad.png", "no picture");
    let url = server.url();
    folder.batch(["in", "-o", "out", "--ledger", &url]).code(1);
    let page = Client::of(folder.command([
        "review",
        "-o",
        "out",
        "--ledger",
        &url,
        "--weights",
        weights::tiny(),
    ]));
    page.judge(&["b.png"], &json!("rejected"));
    for (query, expected) in [
        ("", &["a.png", "b.png", "sub/bad.png", "sub/c.png"][..]),
        ("?verdict=rejected", &["b.png"]),
        ("?verdict=unjudged", &["a.png", "sub/c.png"]),
        ("?status=failed", &["sub/bad.png"]),
        ("?folder=sub&status=done", &["sub/c.png"]),
        ("?search=B.P", &["b.png"]),
        ("?notice=any", &[]),
        ("?notice=text-broken", &[]),
        ("?doubt_over=0&order=doubt&limit=0", &[]),
        ("?toning=gray&order=newest&limit=0", &[]),
        ("?limit=1&offset=1", &["b.png"]),
    ] {
        assert_eq!(names(&page.json(&format!("/api/results{query}"))), expected, "{query}");
    }
    let before = page.item("a.png")["sha256"].clone();
    let made = page.make("a.png", &json!({"saturation": 3.0}));
    assert_eq!(made["status"], "done", "{made}");
    assert_ne!(made["sha256"], before);
    assert_eq!(page.json("/api/summary")["counts"]["done"], 3);
    let undone = page.judge(&["a.png"], &json!("accepted"))["undo"].clone();
    assert_eq!(page.post("/api/undo", &json!({"undo": undone})).json()["changed"], 1);
}

#[test]
fn a_list_tells_of_inputs_that_failed_and_why() {
    let folder = Folder::new().file("in/a.png", pictures::png(60, 40, 1)).file("in/bad.png", "no");
    folder.batch(["in", "-o", "out"]).code(1);
    let page = Client::open(&folder);
    let list = page.json("/api/results?status=failed");
    assert_eq!(names(&list), ["bad.png"]);
    assert!(list["items"][0]["reason"].as_str().unwrap().contains("not an image"), "{list}");
}

#[test]
fn numbers_are_told_in_the_order_of_the_list_and_ask_for_items() {
    let folder = colored();
    let page = Client::open(&folder);
    let ids = page.json("/api/ids?order=newest")["ids"].clone();
    let list = page.json("/api/results?order=newest");
    let listed: Value =
        list["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, listed);
    let asked = page.json(&format!("/api/results?ids={},{},777", ids[2], ids[0]));
    assert_eq!(asked["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_verdict_is_kept_with_its_note_its_judge_and_its_time() {
    let folder = colored();
    let page = Client::open(&folder);
    let item = page.item("a.png");
    let of = json!([{"id": item["id"], "sha256": item["sha256"]}]);
    page.post(
        "/api/verdicts",
        &json!({"items": of, "verdict": "accepted", "note": "the hat is red"}),
    );
    drop(page);
    let item = Client::open(&folder).item("a.png");
    assert_eq!(item["verdict"], "accepted");
    assert_eq!(item["note"], "the hat is red");
    assert_eq!(item["judged_by"], "Ada");
    assert!(item["judged_at"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_verdict_on_a_result_that_is_another_by_now_is_stale() {
    let folder = colored();
    let page = Client::open(&folder);
    let before = page.item("a.png");
    page.make("a.png", &json!({"saturation": 1.5}));
    let of = json!([{"id": before["id"], "sha256": before["sha256"]}]);
    let answer = page.post("/api/verdicts", &json!({"items": of, "verdict": "accepted"})).json();
    assert_eq!(answer["stale"], json!([before["id"]]));
    assert_eq!(page.item("a.png")["verdict"], Value::Null);
}

#[test]
fn undo_says_again_what_was_said_before_and_keeps_all_of_it() {
    let folder = colored();
    let page = Client::open(&folder);
    page.judge(&["a.png"], &json!("accepted"));
    let second = page.judge(&["a.png", "b.png"], &json!("rejected"));
    let undone = page.post("/api/undo", &json!({"undo": second["undo"]})).json();
    assert_eq!(undone["changed"], 2);
    assert_eq!(page.item("a.png")["verdict"], "accepted");
    assert_eq!(page.item("b.png")["verdict"], Value::Null);
    let history =
        page.json(&format!("/api/results/{}", page.item("a.png")["id"]))["history"].clone();
    let said: Vec<&Value> = history.as_array().unwrap().iter().map(|of| &of["verdict"]).collect();
    assert_eq!(said, ["accepted", "rejected", "accepted"]);
}

#[test]
fn undo_leaves_what_was_judged_since() {
    let folder = colored();
    let page = Client::open(&folder);
    let first = page.judge(&["a.png", "b.png"], &json!("accepted"));
    page.judge(&["a.png"], &json!("rejected"));
    page.post("/api/undo", &json!({"undo": first["undo"]}));
    assert_eq!(page.item("a.png")["verdict"], "rejected");
    assert_eq!(page.item("b.png")["verdict"], Value::Null);
}

#[test]
fn verdicts_are_a_table_that_no_spreadsheet_takes_for_formulas() {
    let folder = colored();
    let page = Client::open(&folder);
    let item = page.item("a.png");
    let of = json!([{"id": item["id"], "sha256": item["sha256"]}]);
    page.post("/api/verdicts", &json!({"items": of, "verdict": "rejected", "note": "=1+1, \"x\""}));
    let table = String::from_utf8(page.get("/api/verdicts.csv").body).unwrap();
    let mut lines = table.lines();
    assert_eq!(
        lines.next(),
        Some("path,sha256,verdict,note,judged_by,judged_at,shot_frame,shot_seconds")
    );
    let row = lines.next().unwrap();
    let start =
        format!("a.png,{},rejected,\"'=1+1, \"\"x\"\"\",Ada,", item["sha256"].as_str().unwrap());
    assert!(row.starts_with(&start), "{row}");
    let run = folder.polychromify(["review", "-o", "out", "--csv", "-"]).code(0);
    assert_eq!(run.stdout, table);
}

#[test]
fn status_counts_verdicts() {
    let folder = colored();
    let page = Client::open(&folder);
    page.judge(&["a.png", "b.png"], &json!("accepted"));
    let counts = json!({"accepted": 2, "rejected": 0, "unjudged": 1});
    assert_eq!(daemon::status(&folder)["verdicts"], counts);
    assert_eq!(page.json("/api/summary")["verdicts"], counts);
}

#[test]
fn a_bag_of_accepted_results_holds_no_other() {
    let folder = colored();
    Client::open(&folder).judge(&["sub/c.png"], &json!("accepted"));
    let manifest = ["manifest", "-o", "out", "--accepted", "--bag", "bag"];
    folder.polychromify(manifest).code(0);
    let names = folder.names("bag/data");
    assert_eq!(names, ["manifest.csv", "sub/c.png"]);
    folder.polychromify(["verify", "bag", "--strict"]).code(0);
}

#[test]
fn only_what_was_rejected_is_made_again() {
    let folder = colored();
    Client::open(&folder).judge(&["b.png"], &json!("rejected"));
    let before = folder.files("out");
    folder.batch(["in", "-o", "out", "--only-rejected", "--saturation", "2"]).code(0);
    let after = folder.files("out");
    let changed: Vec<&String> =
        after.iter().filter(|(name, hash)| before[*name] != **hash).map(|(name, _)| name).collect();
    assert_eq!(changed, ["b.png"]);
}

#[test]
fn ten_thousand_results_are_listed() {
    let folder = colored();
    let ledger = daemon::ledger(&folder).unwrap();
    ledger
        .execute_batch(
            "CREATE TEMP TABLE numbers AS
                 WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9996)
                 SELECT i, 'box/' || i || '.png' AS output FROM n;
             CREATE TEMP TABLE of AS SELECT * FROM results WHERE output = 'a.png';
             INSERT INTO jobs (output, input, weights, settings, state, queued_at)
                 SELECT numbers.output, '/' || numbers.output, 'w', settings, 'done', 0
                 FROM numbers, of;
             INSERT INTO results (output, input, content, weights, settings, sha256, size, modified,
                     width, height, milliseconds, published_at, doubt)
                 SELECT numbers.output, '/' || numbers.output, 'c', 'w', settings,
                     'hash of ' || i, 1, 1, 1, 1, 1, i, i % 1000 FROM numbers, of;",
        )
        .unwrap();
    let page = Client::open(&folder);
    let list = page.json("/api/results?order=doubt&limit=3");
    assert_eq!(list["total"], 10_000);
    assert_eq!(list["items"][0]["doubt"], 0.999);
    assert_eq!(page.json("/api/ids")["ids"].as_array().unwrap().len(), 10_000);
    let last = page.json("/api/results?order=doubt&offset=9999");
    assert_eq!(last["items"][0]["doubt"], Value::Null, "what is unknown comes last");
}
