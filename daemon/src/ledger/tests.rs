//! What the ledger remembers.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use std::path::Path;
use std::sync::{Arc, Weak};

use polychromify_test_support::postgres::Server;
use serde_json::json;

use super::opening::FILE;
use super::overview::Counts;
use super::published::Tone;
use super::*;
use crate::files::fingerprint::Stamp;
use crate::plan::Job;
use crate::settings::Recipe;

/// Opens a new ledger, in SQLite or in PostgreSQL; `None`: there is no server.
type Open = fn() -> Option<(Kept, Ledger)>;

/// Declares tests of a ledger in both databases.
macro_rules! in_both {
    ($(fn $name:ident($open:ident: Open) $body:block)*) => {
        $(fn $name($open: Open) $body)*
        mod in_sqlite {
            $(#[test] fn $name() { super::$name(super::in_sqlite_alone) })*
        }
        mod in_postgresql {
            $(#[test] fn $name() { super::$name(super::in_postgresql_alone) })*
        }
    };
}

/// What people ask for.
mod asked;
/// Rows that move between the ledgers of a divided folder.
mod division;
/// A ledger that moves into PostgreSQL.
mod moving;
/// Other processes at the same ledger.
mod sharing;
/// Jobs that are taken out of a queue that others share.
mod taking;

/// The folder of a ledger, and the server if it has one, which lives as long as a test needs it.
struct Kept {
    folder: tempfile::TempDir,
    server: Option<(Arc<Server>, Address)>,
}

impl Kept {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The ledger, opened to be read.
    fn read(&self) -> Ledger {
        let address = self.server.as_ref().map(|(_, address)| address);
        Ledger::find(self.path(), address).unwrap().unwrap()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "where there is a server is asked of the other one")]
fn in_sqlite_alone() -> Option<(Kept, Ledger)> {
    let (folder, ledger) = ledger();
    Some((Kept { folder, server: None }, ledger))
}

fn in_postgresql_alone() -> Option<(Kept, Ledger)> {
    let (server, address) = database()?;
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_shared(folder.path(), &address).unwrap();
    ledger.join(&recipe()).unwrap();
    Some((Kept { folder, server: Some((server, address)) }, ledger))
}

/// A database of a test's own, of a server that the tests of one moment share.
fn database() -> Option<(Arc<Server>, Address)> {
    static SERVER: Mutex<(Weak<Server>, u32)> = Mutex::new((Weak::new(), 0));
    let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let server = match shared.0.upgrade() {
        Some(server) => server,
        None => Arc::new(Server::start()?),
    };
    *shared = (Arc::downgrade(&server), shared.1 + 1);
    let address = server.url_of(&format!("test_{}", shared.1)).parse().unwrap();
    Some((server, address))
}

fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(FOLDER)).unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    (folder, ledger)
}

fn sqlite(ledger: &Ledger) -> MutexGuard<'_, Connection> {
    let Store::Sqlite(connection) = &ledger.store else { unreachable!("opened as such") };
    connection.lock().unwrap()
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
    enqueue_with(ledger, job, &recipe())
}

/// Puts a job into the queue, and takes it where that has to be.
fn enqueue_with(ledger: &Ledger, job: &Job, recipe: &Recipe) -> i64 {
    let ids = ledger.enqueue([(job, None)], recipe).unwrap();
    if let Some(id) = ids.first() { *id } else { take(ledger, recipe) }
}

/// Takes the one job in the queue of a ledger that several processes share.
fn take(ledger: &Ledger, recipe: &Recipe) -> i64 {
    let taken = ledger.take(9, std::slice::from_ref(recipe)).unwrap();
    assert_eq!(taken.len(), 1);
    taken[0].0
}

in_both! {
fn a_published_result_is_known_by_its_final_name(open: Open) {
    let Some((kept, ledger)) = open() else { return };
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
    let read = kept.read();
    assert_eq!(read.result(&job.output).unwrap(), Some(result_of(&job)));
}

fn what_is_under_way_is_unsettled(open: Open) {
    let Some((_kept, ledger)) = open() else { return };
    let (first, second) = (job("a.jpg"), job("b.jpg"));
    let ids = [&first, &second].map(|job| enqueue(&ledger, job));
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

fn tries_count_until_the_input_or_the_settings_change(open: Open) {
    let Some((_kept, ledger)) = open() else { return };
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
    let id = enqueue_with(&ledger, &job, &other);
    ledger.fail(id, "gone").unwrap();
    assert_eq!(tries(), 1);
}

fn a_result_that_is_begun_again_tells_the_time_of_its_first_beginning(open: Open) {
    let Some((_kept, ledger)) = open() else { return };
    let job = job("a.jpg");
    let begin = |content: &str, recipe: &Recipe, time: i64| {
        let id = enqueue_with(&ledger, &job, recipe);
        let time = ledger.start(id, content, Path::new(".a.tmp"), time).unwrap();
        ledger.requeue(id, 0).unwrap();
        time
    };
    assert_eq!(begin("c", &recipe(), 1), 1);
    assert_eq!(begin("c", &recipe(), 2), 1);
    assert_eq!(begin("changed", &recipe(), 3), 3);
    let other = Recipe { settings: "{1}".into(), ..recipe() };
    assert_eq!(begin("changed", &other, 4), 4);
    assert_eq!(begin("changed", &other, 5), 4);
}

fn retry_puts_failed_inputs_back(open: Open) {
    let Some((_kept, ledger)) = open() else { return };
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        let id = enqueue(&ledger, &job(name));
        ledger.fail(id, "damaged").unwrap();
    }
    let named = [PathBuf::from("/in/b.jpg"), PathBuf::from("/in/unknown.jpg")];
    assert_eq!(ledger.retry(Some(&named)).unwrap(), [PathBuf::from("/in/b.jpg")]);
    assert_eq!(ledger.retry(None).unwrap().len(), 2);
    assert_eq!(ledger.counts().unwrap(), Counts { queued: 3, ..Counts::default() });
}

fn names_that_are_not_utf_8_survive(open: Open) {
    let Some((_kept, ledger)) = open() else { return };
    let name = PathBuf::from(OsStr::from_bytes(b"\xff\xfe.jpg"));
    let job = Job {
        shown: name.clone(),
        input: Path::new("/in").join(&name),
        below: name.clone(),
        output: name,
        named: false,
    };
    let id = enqueue(&ledger, &job);
    ledger.requeue(id, 0).unwrap();
    assert_eq!(enqueue(&ledger, &job), id);
    ledger.intend(id, &result_of(&job)).unwrap();
    ledger.publish(id).unwrap();
    assert_eq!(ledger.result(&job.output).unwrap().unwrap().input, job.input);
}

fn a_hook_is_due_until_one_was_called_since(open: Open) {
    let Some((_kept, ledger)) = open() else { return };
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
}

#[test]
fn a_ledger_of_a_newer_version_is_refused() {
    let (folder, ledger) = ledger();
    sqlite(&ledger).pragma_update(None, "user_version", 99).unwrap();
    drop(ledger);
    let refused = Ledger::open(folder.path()).err().unwrap();
    assert!(matches!(refused, Error::LedgerVersion { found: 99, .. }), "{refused}");
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
        assert_eq!(rows(&sqlite(&ledger), &columns), before);
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
