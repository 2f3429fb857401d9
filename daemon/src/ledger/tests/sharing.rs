use std::sync::Barrier;
use std::sync::mpsc;

use super::*;

/// Another process at the ledger of a folder.
fn other(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join(FOLDER).join(FILE)).unwrap();
    connection.busy_timeout(PATIENCE).unwrap();
    connection
}

#[test]
fn a_write_that_begins_by_reading_waits_for_another_writer() {
    let (folder, ledger) = ledger();
    let job = job("a.jpg");
    let id = enqueue(&ledger, &job);
    ledger.intend(id, &result_of(&job)).unwrap();
    let (held, holds) = mpsc::channel();
    let path = folder.path().to_path_buf();
    thread::scope(|scope| {
        scope.spawn(move || {
            let other = other(&path);
            other.execute_batch("BEGIN IMMEDIATE; UPDATE jobs SET reason = 'other'").unwrap();
            held.send(()).unwrap();
            thread::sleep(Duration::from_millis(200));
            other.execute_batch("COMMIT").unwrap();
        });
        holds.recv().unwrap();
        ledger.publish(id).unwrap();
    });
    assert_eq!(ledger.counts().unwrap().done, 1);
}

#[test]
fn two_processes_bring_one_ledger_to_the_newest_version() {
    let asset = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/assets/ledgers");
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FOLDER).join(FILE);
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::fs::copy(asset.join("version-1.sqlite"), &path).unwrap();
        let together = Barrier::new(3);
        thread::scope(|scope| {
            let open = || {
                together.wait();
                Ledger::open(folder.path()).map(|ledger| ledger.counts().unwrap().queued)
            };
            let opened = [0; 3].map(|_| scope.spawn(open));
            for queued in opened.map(|thread| thread.join().unwrap()) {
                assert_eq!(queued.unwrap(), 1);
            }
        });
    }
}

#[test]
fn a_thread_that_others_wait_for_does_not_wait_long_for_the_ledger() {
    let (folder, ledger) = ledger();
    let other = other(folder.path());
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let is_busy = |asked: Result<Counts>| matches!(asked, Err(Error::Ledger { .. }));
    thread::scope(|scope| {
        // A patient thread has it in hand meanwhile.
        let patient = scope.spawn(|| ledger.counts());
        let hasty = scope.spawn(|| {
            let _hasty = wait_at_most(Duration::from_millis(20));
            [ledger.counts(), ledger.counts()].map(is_busy)
        });
        assert_eq!(hasty.join().unwrap(), [true; 2]);
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(patient.join().unwrap().unwrap(), Counts::default());
    });
}

#[test]
fn a_link_in_the_place_of_the_ledger_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(FOLDER)).unwrap();
    let victim = folder.path().join("victim");
    std::fs::write(&victim, "").unwrap();
    std::os::unix::fs::symlink(&victim, folder.path().join(FOLDER).join(FILE)).unwrap();
    assert!(Ledger::open(folder.path()).is_err());
    assert_eq!(std::fs::read(&victim).unwrap(), b"");
}

#[test]
fn paths_that_lead_out_of_the_folder_are_told_to_nobody() {
    let (folder, ledger) = ledger();
    let job = job("a.jpg");
    let id = enqueue(&ledger, &job);
    ledger.expect_hooks(true).unwrap();
    let result = Published { original: Original::Leaving, ..result_of(&job) };
    ledger.intend(id, &result).unwrap();
    ledger.publish(id).unwrap();
    let told = || {
        let mut told = 0;
        let count = &mut |_, _, _| {
            told += 1;
            Ok(())
        };
        ledger.each_result(count).unwrap();
        (told, ledger.leaving().unwrap().len(), ledger.hooks_due().unwrap().len())
    };
    assert_eq!(told(), (1, 1, 1));
    for path in ["/any/file.tif", "../file.tif", "a/../../file.tif"] {
        let other = other(folder.path());
        other.execute("UPDATE results SET output = ?1", [path]).unwrap();
        assert_eq!(told(), (0, 0, 0), "{path}");
    }
}

#[test]
fn hooks_are_due_after_the_clock_was_set_back() {
    let (folder, ledger) = ledger();
    ledger.expect_hooks(true).unwrap();
    // Hooks were configured an hour ahead of what the clock says now.
    let ahead = now() + 3_600_000;
    other(folder.path()).execute("UPDATE hooks_since SET at = ?1", [ahead]).unwrap();
    ledger.expect_hooks(true).unwrap();
    let job = job("a.jpg");
    let id = enqueue(&ledger, &job);
    ledger.intend(id, &result_of(&job)).unwrap();
    ledger.publish(id).unwrap();
    assert_eq!(ledger.hooks_due().unwrap().len(), 1);
}
