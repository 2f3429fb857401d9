use super::*;

/// An output folder with a ledger of an earlier version.
fn earlier(version: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FOLDER).join(FILE);
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/assets/ledgers");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::copy(assets.join(format!("version-{version}.sqlite")), &path).unwrap();
    folder
}

/// All that a ledger tells of its results, jobs and hooks.
fn told(ledger: &Ledger) -> Vec<String> {
    let mut told = Vec::new();
    let each = &mut |output: PathBuf, result: Published, later: Option<String>| {
        told.push(format!("{} {result:?} {later:?}", output.display()));
        Ok(())
    };
    ledger.each_result(each).unwrap();
    told.sort(); // names that are no text have another place in the order of texts
    let each = &mut |missing| {
        told.push(format!("{missing:?}"));
        Ok(())
    };
    ledger.each_undelivered(each).unwrap();
    told.push(format!("{:?} {:?}", ledger.counts().unwrap(), ledger.hook_failures().unwrap()));
    told.push(format!("{:?} {:?}", ledger.failures().unwrap(), ledger.unsettled().unwrap()));
    told.push(format!("{:?} {:?}", ledger.verdicts().unwrap(), ledger.documents().unwrap()));
    told
}

fn own(folder: &Path) -> Ledger {
    Ledger::open_at(&folder.join(FOLDER)).unwrap()
}

#[test]
fn ledgers_of_all_versions_lose_nothing() {
    for version in [1, 4, 7] {
        let Some((_server, address)) = database() else { return };
        let folder = earlier(version);
        let before = told(&own(folder.path()));
        Ledger::move_in(folder.path(), &address, own(folder.path())).unwrap();
        assert!(!has_own(folder.path()).unwrap());
        let moved = Ledger::open_shared(folder.path(), &address).unwrap();
        assert_eq!(told(&moved), before, "version {version}");
    }
}

#[test]
fn what_comes_after_is_numbered_on() {
    let Some((_server, address)) = database() else { return };
    let (folder, before) = ledger();
    let id = enqueue(&before, &job("a.jpg"));
    before.start(id, "c", Path::new("t"), 1).unwrap();
    before.intend(id, &result_of(&job("a.jpg"))).unwrap();
    before.publish(id).unwrap();
    let judge = |ledger: &Ledger| {
        let of = Judgeable { job: id, frame: None, sha256: "r".into() };
        let accepted = Change::Becomes(Some(Verdict::Accepted));
        let by_ada = Judgement { verdict: accepted, note: Change::Stays, by: "Ada".into() };
        ledger.judge(&[of], &by_ada).unwrap().0
    };
    before.keep_reference("picture", b"\x89PNG\0").unwrap();
    assert_eq!(judge(&before), 1);
    Ledger::move_in(folder.path(), &address, before).unwrap();
    let moved = Ledger::open_shared(folder.path(), &address).unwrap();
    assert_eq!(judge(&moved), 2);
    assert_eq!(moved.verdict_counts().unwrap().accepted, 1);
    assert_eq!(moved.reference("picture").unwrap().unwrap(), b"\x89PNG\0");
    moved.join(&recipe()).unwrap();
    assert_eq!(enqueue(&moved, &job("b.jpg")), id + 1);
}

#[test]
fn where_a_row_does_not_fit_nothing_is_moved_and_the_next_try_moves_all() {
    let Some((_server, address)) = database() else { return };
    let folder = earlier(7);
    sqlite(&own(folder.path())).execute("UPDATE hooks SET called_at = 'never'", []).unwrap();
    Ledger::move_in(folder.path(), &address, own(folder.path())).unwrap_err();
    assert!(Ledger::open(folder.path()).is_ok(), "it is the ledger as before");
    let moved = Ledger::connect(&address).unwrap();
    assert_eq!(moved.counts().unwrap(), Counts::default());
    sqlite(&own(folder.path())).execute("UPDATE hooks SET called_at = 1", []).unwrap();
    let before = told(&own(folder.path()));
    Ledger::move_in(folder.path(), &address, own(folder.path())).unwrap();
    assert_eq!(told(&moved), before);
}

#[test]
fn what_was_begun_before_a_crash_goes_on() {
    let Some((_server, address)) = database() else { return };
    let folder = earlier(7);
    // Nothing but the mark was written.
    shared::set_mark(folder.path()).unwrap();
    assert!(Ledger::open(folder.path()).is_err(), "it goes on in PostgreSQL, or not at all");
    let before = told(&own(folder.path()));
    Ledger::move_in(folder.path(), &address, own(folder.path())).unwrap();
    assert_eq!(told(&Ledger::open_shared(folder.path(), &address).unwrap()), before);
}

#[test]
fn what_was_moved_before_a_crash_is_not_moved_again() {
    let Some((_server, address)) = database() else { return };
    let folder = earlier(7);
    let file = folder.path().join(FOLDER).join(FILE);
    let before = std::fs::read(&file).unwrap();
    Ledger::move_in(folder.path(), &address, own(folder.path())).unwrap();
    let moved = Ledger::open_shared(folder.path(), &address).unwrap();
    let first = told(&moved);
    // The file was not yet put aside.
    std::fs::remove_file(file.with_file_name("ledger-before-postgres.sqlite")).unwrap();
    std::fs::write(&file, before).unwrap();
    Ledger::move_in(folder.path(), &address, own(folder.path())).unwrap();
    assert_eq!(told(&moved), first);
    assert!(!has_own(folder.path()).unwrap());
}
