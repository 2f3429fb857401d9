//! What the ledger remembers.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::opening::FILE;
use super::overview::Counts;
use super::*;

/// What people ask for.
mod asked;
/// Rows that move between the ledgers of a divided folder.
mod division;
/// Other processes at the same ledger.
mod sharing;

fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(FOLDER)).unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    (folder, ledger)
}

fn job(name: &str) -> Job {
    Job {
        shown: name.into(),
        input: format!("/in/{name}").into(),
        below: name.into(),
        output: name.into(),
        named: false,
    }
}

fn recipe() -> Recipe {
    Recipe { weights: "w".into(), settings: "{}".into() }
}

fn result_of(job: &Job) -> Published {
    Published {
        input: job.input.clone(),
        content: "c".into(),
        recipe: recipe(),
        source: Some(Stamp { size: 1, modified: 2, changed: 3 }),
        sha256: "r".into(),
        size: 4,
        modified: 5,
        width: 6,
        height: 7,
        milliseconds: 8,
        original: Original::Kept,
        making: Making { software: Some("p 1".into()), weights: Some("n".into()), at: Some(9) },
        sidecar: Some("s".into()),
        notices: Some(vec![json!({"kind": "text-broken"})]),
        film: Some(json!({"frames": 2})),
        seen: Seen { doubt: Some(250), toning: Some(Tone::Toned) },
    }
}

fn enqueue(ledger: &Ledger, job: &Job) -> i64 {
    ledger.enqueue([(job, None)], &recipe()).unwrap()[0]
}

#[test]
fn a_published_result_is_known_by_its_final_name() {
    let (folder, ledger) = ledger();
    let job = job("a.jpg");
    let id = enqueue(&ledger, &job);
    ledger.start(id, "c", Path::new(".a.tmp"), 1).unwrap();
    ledger.intend(id, &result_of(&job)).unwrap();
    assert_eq!(ledger.result(&job.output).unwrap(), None, "not before the rename");
    ledger.publish(id).unwrap();
    assert_eq!(ledger.result(&job.output).unwrap(), Some(result_of(&job)));
    assert_eq!(ledger.counts().unwrap(), Counts { done: 1, ..Counts::default() });
    assert!(ledger.unsettled().unwrap().is_empty());
    drop(ledger);
    let read = Ledger::read(folder.path()).unwrap().unwrap();
    assert_eq!(read.result(&job.output).unwrap(), Some(result_of(&job)));
}

#[test]
fn what_is_under_way_is_unsettled() {
    let (_folder, ledger) = ledger();
    let (first, second) = (job("a.jpg"), job("b.jpg"));
    let ids = ledger.enqueue([(&first, None), (&second, None)], &recipe()).unwrap();
    ledger.start(ids[0], "c", Path::new(".a.tmp"), 1).unwrap();
    ledger.start(ids[1], "c", Path::new(".b.tmp"), 1).unwrap();
    ledger.intend(ids[1], &result_of(&second)).unwrap();
    let unsettled = ledger.unsettled().unwrap();
    assert_eq!(unsettled.len(), 2);
    assert_eq!(unsettled[0].temporary.as_deref(), Some(Path::new(".a.tmp")));
    assert_eq!(unsettled[0].intended, None);
    assert_eq!(unsettled[1].intended.as_deref(), Some("r"));
    assert_eq!(ledger.counts().unwrap(), Counts { running: 2, ..Counts::default() });
}

#[test]
fn tries_count_until_the_input_or_the_settings_change() {
    let (_folder, ledger) = ledger();
    let job = job("a.jpg");
    let tries = || ledger.failures().unwrap()[0].tries;
    for expected in 1..=3 {
        let id = enqueue(&ledger, &job);
        ledger.start(id, "c", Path::new(".a.tmp"), 1).unwrap();
        ledger.fail(id, "damaged").unwrap();
        assert_eq!(tries(), expected);
    }
    let id = enqueue(&ledger, &job);
    ledger.start(id, "changed", Path::new(".a.tmp"), 1).unwrap();
    ledger.fail(id, "damaged").unwrap();
    assert_eq!(tries(), 1);
    let other = Recipe { settings: "{1}".into(), ..recipe() };
    let id = ledger.enqueue([(&job, None)], &other).unwrap()[0];
    ledger.fail(id, "gone").unwrap();
    assert_eq!(tries(), 1);
}

#[test]
fn a_result_that_is_begun_again_tells_the_time_of_its_first_beginning() {
    let (_folder, ledger) = ledger();
    let job = job("a.jpg");
    let begin = |content: &str, recipe: &Recipe, time: i64| {
        let id = ledger.enqueue([(&job, None)], recipe).unwrap()[0];
        ledger.start(id, content, Path::new(".a.tmp"), time).unwrap()
    };
    assert_eq!(begin("c", &recipe(), 1), 1);
    assert_eq!(begin("c", &recipe(), 2), 1);
    assert_eq!(begin("changed", &recipe(), 3), 3);
    let other = Recipe { settings: "{1}".into(), ..recipe() };
    assert_eq!(begin("changed", &other, 4), 4);
    assert_eq!(begin("changed", &other, 5), 4);
}

#[test]
fn retry_puts_failed_inputs_back() {
    let (_folder, ledger) = ledger();
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        let id = enqueue(&ledger, &job(name));
        ledger.fail(id, "damaged").unwrap();
    }
    let named = [PathBuf::from("/in/b.jpg"), PathBuf::from("/in/unknown.jpg")];
    assert_eq!(ledger.retry(Some(&named)).unwrap(), [PathBuf::from("/in/b.jpg")]);
    assert_eq!(ledger.retry(None).unwrap().len(), 2);
    assert_eq!(ledger.counts().unwrap(), Counts { queued: 3, ..Counts::default() });
}

#[test]
fn names_that_are_not_utf_8_survive() {
    let (_folder, ledger) = ledger();
    let name = PathBuf::from(OsStr::from_bytes(b"\xff\xfe.jpg"));
    let job = Job {
        shown: name.clone(),
        input: Path::new("/in").join(&name),
        below: name.clone(),
        output: name,
        named: false,
    };
    let id = enqueue(&ledger, &job);
    assert_eq!(enqueue(&ledger, &job), id);
    ledger.intend(id, &result_of(&job)).unwrap();
    ledger.publish(id).unwrap();
    assert_eq!(ledger.result(&job.output).unwrap().unwrap().input, job.input);
}

#[test]
fn a_ledger_of_a_newer_version_is_refused() {
    let (folder, ledger) = ledger();
    ledger.lock().unwrap().pragma_update(None, "user_version", 99).unwrap();
    drop(ledger);
    let refused = Ledger::open(folder.path()).err().unwrap();
    assert!(matches!(refused, Error::LedgerVersion { found: 99, .. }), "{refused}");
}

#[test]
fn a_hook_is_due_until_one_was_called_since() {
    let (_folder, ledger) = ledger();
    let before = job("before.jpg");
    let publish = |job: &Job| {
        let id = enqueue(&ledger, job);
        ledger.start(id, "c", Path::new(".tmp"), 1).unwrap();
        ledger.intend(id, &result_of(job)).unwrap();
        ledger.publish(id).unwrap();
    };
    let due = || -> Vec<PathBuf> {
        ledger.hooks_due().unwrap().into_iter().map(|due| due.output).collect()
    };
    publish(&before);
    std::thread::sleep(Duration::from_millis(2)); // times are in milliseconds
    ledger.expect_hooks(true).unwrap();
    assert!(due().is_empty(), "not what ended before hooks were configured");
    let (done, failed) = (job("done.jpg"), job("failed.jpg"));
    publish(&done);
    let id = enqueue(&ledger, &failed);
    ledger.start(id, "c", Path::new(".tmp"), 1).unwrap();
    ledger.fail(id, "bad").unwrap();
    assert_eq!(due(), [done.output.clone(), failed.output.clone()]);
    ledger.record_hook(&done.output, &done.input, now(), None).unwrap();
    ledger.record_hook(&failed.output, &failed.input, now(), Some("exit 1")).unwrap();
    assert!(due().is_empty());
    assert_eq!(ledger.hook_failures().unwrap().len(), 1);
    std::thread::sleep(Duration::from_millis(2));
    publish(&done);
    assert_eq!(due(), std::slice::from_ref(&done.output), "it was made again");
    ledger.expect_hooks(false).unwrap();
    assert!(due().is_empty());
}

/// Every row of every table, by the columns that the table has in `columns`.
fn rows(ledger: &Connection, columns: &[(String, String)]) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, columns) in columns {
        let mut statement = ledger.prepare(&format!("SELECT {columns} FROM {table}")).unwrap();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            rows.push(format!("{table}: {row:?}"));
        }
    }
    rows
}

#[test]
fn ledgers_of_earlier_versions_lose_nothing() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/assets/ledgers");
    for version in [1, 4, 7] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FOLDER).join(FILE);
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::fs::copy(assets.join(format!("version-{version}.sqlite")), &path).unwrap();
        let old = Connection::open(&path).unwrap();
        let columns: Vec<(String, String)> = old
            .prepare(
                "SELECT tables.name, group_concat(columns.name, ', ')
                 FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
                 WHERE tables.type = 'table' GROUP BY tables.name",
            )
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let before = rows(&old, &columns);
        assert!(before.len() >= 10, "{before:?}");
        drop(old);

        // It is read as it is before anything is written.
        let bytes = std::fs::read(&path).unwrap();
        let one_each = Counts { queued: 1, running: 2, done: 2, skipped: 1, failed: 1 };
        let read = Ledger::read(folder.path()).unwrap().unwrap();
        assert_eq!(read.counts().unwrap(), one_each);
        assert_eq!(read.made_alike().unwrap()[0].results, 2);
        assert_eq!(read.notices().unwrap(), (0, Vec::new()));
        assert_eq!(read.hook_failures().unwrap().len(), usize::from(version >= 3));
        assert!(read.result(Path::new("done.jpg")).unwrap().is_some());
        drop(read);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);

        let ledger = Ledger::open(folder.path()).unwrap();
        assert_eq!(rows(&ledger.lock().unwrap(), &columns), before);
        assert_eq!(ledger.counts().unwrap(), one_each);
        let result = ledger.result(Path::new("done.jpg")).unwrap().unwrap();
        assert_eq!(result.input, Path::new("/scans/done.jpg"));
        assert_eq!(result.making.software.is_some(), version >= 4);
        let bytes = Path::new(OsStr::from_bytes(b"\xff\xfe.jpg"));
        assert!(ledger.result(bytes).unwrap().is_some());
        assert_eq!(ledger.unsettled().unwrap()[1].intended, Some("d".repeat(64)));
        for job in ledger.unsettled().unwrap() {
            ledger.publish(job.id).unwrap();
        }
        let published = ledger.result(Path::new("publishing.png")).unwrap().unwrap();
        assert_eq!(published.content, "3".repeat(64));
    }
}
