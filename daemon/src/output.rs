//! The output folder: one process at a time has it, or each shard of it, and what a run left that was
//! killed is settled.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::folder::Folder;
use crate::files::lock::Lock;
use crate::files::originals::OriginalPath;
use crate::files::{departure, fingerprint, names, own, publish};
use crate::job::sidecar;
use crate::ledger::{self, Address, Ledger, Original, Unsettled};
use crate::shard::Shard;

/// After so many runs that were killed at it, an input is not tried again by itself: it may be what
/// kills them, by the memory it takes for example.
const MOST_INTERRUPTIONS: u32 = 10;
const OUTSIDE: &str = "the ledger names a result that is not below this folder";
const INTERRUPTED: &str = "the program ended again and again while it worked on this file";

/// Name of the lock in the folder of a ledger.
pub(crate) const LOCK: &str = "lock";

/// What holds an output folder.
pub(crate) type Held = Vec<Lock>;

/// Creates and locks the output folder, all of it, and settles what an earlier run left.
pub(crate) fn open(folder: &Path) -> Result<(Held, Ledger)> {
    let hidden = folder.join(ledger::FOLDER);
    own::create_output(folder, &hidden)?;
    let lock = Lock::take(&hidden.join(LOCK), folder).map_err(|error| name_shard(error, folder))?;
    ledger::refuse_shared(folder)?;
    Ok((vec![lock], open_whole(folder, &hidden)?))
}

/// Opens the ledger of an output folder that the caller holds, that of all shards together.
fn open_whole(folder: &Path, hidden: &Path) -> Result<Ledger> {
    let ledger = Ledger::open_at(hidden)?;
    for (_, home) in ledger::shards(folder)? {
        ledger.take_over(&home, &|_| true)?;
        own::remove_folder(&home)?;
    }
    settle_all(&ledger, folder)?;
    Ok(ledger)
}

/// Creates the output folder, whose ledger lies in PostgreSQL, and locks it together with all others who
/// work by that ledger. One that it had in the folder is moved there first.
pub(crate) fn open_shared(folder: &Path, address: &Address) -> Result<(Held, Ledger)> {
    let hidden = folder.join(ledger::FOLDER);
    own::create_output(folder, &hidden)?;
    if ledger::has_own(folder)? {
        let _alone =
            Lock::take(&hidden.join(LOCK), folder).map_err(|error| name_shard(error, folder))?;
        if ledger::has_own(folder)? {
            Ledger::move_in(folder, address, open_whole(folder, &hidden)?)?;
        }
    }
    let lock = Lock::share(&hidden.join(LOCK), folder)?;
    Ok((vec![lock], Ledger::open_shared(folder, address)?))
}

/// Settles the jobs of workers that let their leases run out.
pub(crate) fn settle_expired(ledger: &Ledger, folder: &Path) -> Result<()> {
    while let Some(job) = ledger.take_expired()? {
        settle(ledger, folder, &job)?;
    }
    Ok(())
}

/// Creates the output folder, locks one shard of it, and settles what an earlier run left of that.
pub(crate) fn open_shard(folder: &Path, shard: Shard) -> Result<(Held, Ledger)> {
    let hidden = folder.join(ledger::FOLDER);
    own::create_output(folder, &hidden)?;
    ledger::refuse_shared(folder)?;
    let mut held = vec![Lock::share(&hidden.join(LOCK), folder)?];
    let home = hidden.join(shard.folder_name());
    own::create_output(&hidden, &home)?;
    held.push(Lock::take(&home.join(LOCK), &home)?);
    let ledger = Ledger::open_at(&home)?;
    let ours = |output: &Path| shard.holds(output);
    ledger.take_over(&hidden, &ours)?;
    for (other, home) in ledger::shards(folder)? {
        if !shard.is_beside(other) {
            let at_work = |_| Error::ShardAtWork { folder: folder.into(), shard: other };
            let _at_rest = Lock::share(&home.join(LOCK), folder).map_err(at_work)?;
            ledger.take_over(&home, &ours)?;
        }
    }
    settle_all(&ledger, folder)?;
    Ok((held, ledger))
}

/// Names the shard that keeps out who wants all of an output folder.
fn name_shard(error: Error, folder: &Path) -> Error {
    let shards = ledger::shards(folder).unwrap_or_default();
    let at_work = shards
        .into_iter()
        .find(|(_, home)| matches!(Lock::share(&home.join(LOCK), folder), Err(Error::Busy { .. })));
    match (error, at_work) {
        (Error::Busy { .. }, Some((shard, _))) => {
            Error::ShardAtWork { folder: folder.into(), shard }
        }
        (error, _) => error,
    }
}

fn settle_all(ledger: &Ledger, folder: &Path) -> Result<()> {
    let unsettled = recover(ledger, folder)?;
    put_back(ledger)?;
    if unsettled > 0 {
        log::info!("{}: an earlier run was interrupted; going on", folder.display());
    }
    Ok(())
}

/// Settles what a run left that was killed: a result that has its final name is done, all else is queued
/// again, and no temporary file stays. The caller holds the lock of `folder`.
fn recover(ledger: &Ledger, folder: &Path) -> Result<usize> {
    let unsettled = ledger.unsettled()?;
    for job in &unsettled {
        settle(ledger, folder, job)?;
    }
    Ok(unsettled.len())
}

/// Gives originals their names again that a run took aside which was killed, whatever its results
/// would be called now. They may leave again, if that is asked for.
fn put_back(ledger: &Ledger) -> Result<()> {
    for (output, input) in ledger.taken_aside()? {
        if !names::is_absolute_and_plain(&input) {
            continue;
        }
        match departure::put_back(&OriginalPath::named(input.clone(), input)) {
            Ok(false) => {}
            Ok(true) => ledger.set_original(&output, Original::Due)?,
            Err(error) => log::warn!("{error}"),
        }
    }
    Ok(())
}

fn settle(ledger: &Ledger, folder: &Path, job: &Unsettled) -> Result<()> {
    if !names::stays_below(&job.output) {
        return ledger.fail(job.id, OUTSIDE);
    }
    let path = folder.join(&job.output);
    let has_intended = || -> Result<bool> {
        match &job.intended {
            Some(intended) if own::is_file(&path)? => Ok(fingerprint::sha256(&path)? == *intended),
            _ => Ok(false),
        }
    };
    if let Some(temporary) = &job.temporary
        && let Some(temporary) = checked(folder, temporary)
    {
        clear(ledger, job, &temporary, &path, has_intended()?)?;
    }
    let renamed = has_intended()?;
    if renamed {
        log::info!("{}: was finished by an earlier run", path.display());
        if let Some(result) = ledger.intended(&job.output)?
            && result.sidecar.is_some()
        {
            let sidecar = sidecar::recover(folder, &job.output, &result)?;
            ledger.set_sidecar(&job.output, sidecar.as_deref())?;
        }
        publish::sync_folder(path.parent().unwrap_or(folder))?;
        ledger.publish(job.id)
    } else {
        log::info!("{}: was interrupted in an earlier run", path.display());
        if let Some(result) = ledger.intended(&job.output)? {
            sidecar::discard(&path, &result, ledger.result(&job.output)?.as_ref())?;
        }
        if ledger.tries(job.id)? + 1 >= MOST_INTERRUPTIONS {
            return ledger.fail(job.id, INTERRUPTED);
        }
        ledger.requeue(job.id, 1)
    }
}

/// The path of a temporary file that the ledger names, if it is one of ours: a ledger may have come
/// with a folder that somebody handed over.
fn checked(folder: &Path, temporary: &Path) -> Option<PathBuf> {
    let is_ours = names::stays_below(temporary)
        && temporary.file_name().is_some_and(names::is_temporary)
        && temporary.parent().is_some_and(|parent| {
            Folder::open(folder).and_then(|root| root.folder_through_links(parent)).is_ok()
        });
    if !is_ours {
        let path = temporary.display();
        log::warn!("{path}: stays; the ledger calls it a temporary file, and it is none of ours");
    }
    is_ours.then(|| folder.join(temporary))
}

/// Removes the temporary files of a job whose result belongs at `path`, and puts back what it was
/// about to replace.
fn clear(
    ledger: &Ledger,
    job: &Unsettled,
    temporary: &Path,
    path: &Path,
    renamed: bool,
) -> Result<()> {
    let known = ledger.result(&job.output)?;
    let sidecar = known.as_ref().and_then(|known| known.sidecar.clone());
    let known = known.map(|known| known.sha256);
    let sidecars_temporary = sidecar::path(temporary);
    restore(&publish::replaced_name(temporary), path, known.as_deref())?;
    let sidecars_path = sidecar::path(path);
    restore(&publish::replaced_name(&sidecars_temporary), &sidecars_path, sidecar.as_deref())?;
    if renamed && own::is_file(temporary)? {
        // What lay at the place before, if both were swapped, or a second name of the result.
        let found = Some(fingerprint::sha256(temporary)?);
        if found != known && found != job.intended {
            own::exchange(temporary, path).map_err(Error::io(path, "restore"))?;
        }
    }
    publish::remove(&sidecars_temporary)?;
    publish::remove(temporary)
}

/// Settles a file that was taken out of its place: it goes if it is `known`, else it is put back.
fn restore(aside: &Path, path: &Path, known: Option<&str>) -> Result<()> {
    if !own::is_file(aside)? {
        return Ok(());
    }
    if path.symlink_metadata().is_err() {
        return publish::rename_to_free(aside, path).map_err(Error::io(aside, "put back"));
    }
    if Some(fingerprint::sha256(aside)?.as_str()) == known {
        return publish::remove(aside);
    }
    let (aside, path) = (aside.display(), path.display());
    log::warn!("{aside}: stays; it was changed by somebody when it lay at {path}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ledger::{Making, Published, Seen};
    use crate::plan::Job;
    use crate::settings::Recipe;

    const RESULT: &[u8; 6] = b"result";

    const TEMPORARY: &str = ".a.jpg.polychromify-1-0.tmp";

    /// A job whose result is written to [`TEMPORARY`] and intended for `a.jpg`.
    fn intended(at: &Path) -> (Ledger, PathBuf, PathBuf) {
        fs::create_dir(at.join(ledger::FOLDER)).unwrap();
        let ledger = Ledger::open(at).unwrap();
        let job = Job {
            shown: "a.jpg".into(),
            input: "/in/a.jpg".into(),
            below: "a.jpg".into(),
            output: "a.jpg".into(),
            named: false,
        };
        let recipe = Recipe { weights: "w".into(), settings: "{}".into() };
        let id = ledger.enqueue([(&job, None)], &recipe).unwrap()[0];
        ledger.start(id, "content", Path::new(TEMPORARY), 1).unwrap();
        let (temporary, path) = (at.join(TEMPORARY), at.join("a.jpg"));
        fs::write(&temporary, RESULT).unwrap();
        let result = Published {
            input: job.input,
            content: "content".into(),
            recipe,
            source: None,
            sha256: fingerprint::sha256(&temporary).unwrap(),
            size: 6,
            modified: 0,
            width: 1,
            height: 1,
            milliseconds: 1,
            original: Original::Kept,
            making: Making::default(),
            sidecar: None,
            notices: None,
            film: None,
            seen: Seen::default(),
        };
        ledger.intend(id, &result).unwrap();
        (ledger, temporary, path)
    }

    #[test]
    fn before_the_rename_it_is_queued_again_and_the_temporary_file_goes() {
        let at = tempfile::tempdir().unwrap();
        let (ledger, temporary, _) = intended(at.path());
        assert_eq!(recover(&ledger, at.path()).unwrap(), 1);
        assert!(!temporary.exists());
        assert_eq!(ledger.counts().unwrap().queued, 1);
        assert_eq!(ledger.result(Path::new("a.jpg")).unwrap(), None);
    }

    #[test]
    fn after_the_rename_it_is_done() {
        let at = tempfile::tempdir().unwrap();
        let (ledger, temporary, path) = intended(at.path());
        fs::rename(temporary, &path).unwrap();
        recover(&ledger, at.path()).unwrap();
        assert_eq!(ledger.counts().unwrap().done, 1);
        assert_eq!(fs::read(path).unwrap(), RESULT);
        assert_eq!(recover(&ledger, at.path()).unwrap(), 0);
    }

    #[test]
    fn between_link_and_unlink_it_is_done_and_the_temporary_name_goes() {
        let at = tempfile::tempdir().unwrap();
        let (ledger, temporary, path) = intended(at.path());
        fs::hard_link(&temporary, &path).unwrap();
        recover(&ledger, at.path()).unwrap();
        assert!(!temporary.exists());
        assert_eq!(fs::read(path).unwrap(), RESULT);
        assert_eq!(ledger.counts().unwrap().done, 1);
    }

    #[test]
    fn a_sidecar_that_was_intended_is_written_after_its_result() {
        let at = tempfile::tempdir().unwrap();
        let (ledger, temporary, path) = intended(at.path());
        ledger.set_sidecar(Path::new("a.jpg"), Some("as it was intended")).unwrap();
        fs::write(at.path().join(format!("{TEMPORARY}.json")), "half of i").unwrap();
        fs::rename(temporary, &path).unwrap();
        recover(&ledger, at.path()).unwrap();
        let told: serde_json::Value =
            serde_json::from_slice(&fs::read(at.path().join("a.jpg.json")).unwrap()).unwrap();
        assert_eq!(told["sha256"], fingerprint::sha256_of(RESULT));
        let known = ledger.result(Path::new("a.jpg")).unwrap().unwrap();
        let sidecar = fingerprint::sha256(&at.path().join("a.jpg.json")).unwrap();
        assert_eq!(known.sidecar, Some(sidecar));
        assert!(!at.path().join(format!("{TEMPORARY}.json")).exists());
    }

    #[test]
    fn a_sidecar_of_somebody_else_stays_and_its_result_is_done() {
        let at = tempfile::tempdir().unwrap();
        let (ledger, temporary, path) = intended(at.path());
        ledger.set_sidecar(Path::new("a.jpg"), Some("as it was intended")).unwrap();
        fs::write(at.path().join("a.jpg.json"), "theirs").unwrap();
        fs::rename(temporary, &path).unwrap();
        recover(&ledger, at.path()).unwrap();
        assert_eq!(fs::read(at.path().join("a.jpg.json")).unwrap(), b"theirs");
        assert_eq!(ledger.counts().unwrap().done, 1);
        assert_eq!(ledger.result(Path::new("a.jpg")).unwrap().unwrap().sidecar, None);
    }

    #[test]
    #[cfg(unix)] // links are made as POSIX does
    fn what_a_ledger_calls_temporary_stays_unless_it_is_ours() {
        for victim in ["/", "../", "sub/../../", "link/", ""] {
            let folders = tempfile::tempdir().unwrap();
            let at = folders.path().canonicalize().unwrap();
            fs::create_dir_all(at.join("out/sub")).unwrap();
            std::os::unix::fs::symlink("..", at.join("out/link")).unwrap();
            let (ledger, ..) = intended(&at.join("out"));
            let name = if victim.is_empty() { "master.tif" } else { TEMPORARY };
            let path = if victim == "/" { at.join(name) } else { format!("{victim}{name}").into() };
            let real = at.join("out").join(&path);
            fs::write(&real, "a master").unwrap();
            ledger.start(1, "content", &path, 1).unwrap();
            recover(&ledger, &at.join("out")).unwrap();
            assert_eq!(fs::read(&real).unwrap(), b"a master", "{victim}");
            assert_eq!(ledger.counts().unwrap().queued, 1);
        }
    }

    #[test]
    fn a_result_that_a_ledger_names_outside_of_its_folder_fails() {
        let at = tempfile::tempdir().unwrap();
        fs::create_dir(at.path().join("out")).unwrap();
        let (ledger, ..) = intended(&at.path().join("out"));
        let job = Job {
            shown: "b.jpg".into(),
            input: "/in/b.jpg".into(),
            below: "b.jpg".into(),
            output: at.path().join("b.jpg"),
            named: false,
        };
        let recipe = Recipe { weights: "w".into(), settings: "{}".into() };
        let id = ledger.enqueue([(&job, None)], &recipe).unwrap()[0];
        ledger.start(id, "content", Path::new(TEMPORARY), 1).unwrap();
        recover(&ledger, &at.path().join("out")).unwrap();
        assert_eq!(ledger.counts().unwrap().failed, 1);
    }

    #[test]
    #[cfg(unix)] // names are swapped
    fn an_edit_of_the_last_moment_before_a_crash_comes_back() {
        let at = tempfile::tempdir().unwrap();
        let (ledger, temporary, path) = intended(at.path());
        // The two were swapped, and what came out was not looked at any more.
        fs::rename(&temporary, &path).unwrap();
        fs::write(&temporary, "an edit").unwrap();
        recover(&ledger, at.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"an edit");
        assert!(!temporary.exists());
        assert_eq!(ledger.counts().unwrap().queued, 1);
    }

    #[test]
    fn a_file_that_was_taken_out_before_a_crash_comes_back() {
        let at = tempfile::tempdir().unwrap();
        let (ledger, temporary, path) = intended(at.path());
        fs::write(publish::replaced_name(&temporary), "an edit").unwrap();
        recover(&ledger, at.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"an edit");
        assert!(!publish::replaced_name(&temporary).exists());
    }

    #[test]
    fn a_file_of_somebody_else_under_the_final_name_stays_and_is_not_ours() {
        let at = tempfile::tempdir().unwrap();
        let (ledger, _, path) = intended(at.path());
        fs::write(&path, "theirs").unwrap();
        recover(&ledger, at.path()).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"theirs");
        assert_eq!(ledger.result(Path::new("a.jpg")).unwrap(), None);
    }
}
