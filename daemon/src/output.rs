//! The output folder: one process at a time has it, and what a run left that was killed is settled.

use std::path::Path;

use crate::error::{Error, Result};
use crate::files::fingerprint;
use crate::files::lock::Lock;
use crate::files::publish;
use crate::job::sidecar;
use crate::ledger::{self, Ledger, Unsettled};

/// After so many runs that were killed at it, an input is not tried again by itself: it may be what
/// kills them, by the memory it takes for example.
const MOST_INTERRUPTIONS: u32 = 10;
const INTERRUPTED: &str = "the program ended again and again while it worked on this file";

/// Creates and locks the output folder, and settles what an earlier run left.
pub(crate) fn open(folder: &Path) -> Result<(Lock, Ledger)> {
    let hidden = folder.join(ledger::FOLDER);
    std::fs::create_dir_all(&hidden).map_err(Error::io(&hidden, "create"))?;
    let lock = Lock::take(&hidden.join("lock"), folder)?;
    let ledger = Ledger::open(folder)?;
    let unsettled = recover(&ledger, folder)?;
    if unsettled > 0 {
        log::info!("{}: an earlier run was interrupted; going on", folder.display());
    }
    Ok((lock, ledger))
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

fn settle(ledger: &Ledger, folder: &Path, job: &Unsettled) -> Result<()> {
    let path = folder.join(&job.output);
    let renamed = match &job.intended {
        Some(intended) if is_file(&path) => fingerprint::sha256(&path)? == *intended,
        _ => false,
    };
    if let Some(temporary) = &job.temporary {
        let temporary = folder.join(temporary);
        publish::remove(&sidecar::path(&temporary))?;
        publish::remove(&temporary)?;
    }
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
        if ledger.tries(job.id)? + 1 >= MOST_INTERRUPTIONS {
            return ledger.fail(job.id, INTERRUPTED);
        }
        ledger.requeue(job.id, 1)
    }
}

fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::ledger::{Making, Original, Published};
    use crate::plan::Job;
    use crate::settings::Recipe;

    const RESULT: &[u8; 6] = b"result";

    /// A job whose result is written to `.tmp` and intended for `a.jpg`.
    fn intended(at: &Path) -> (Ledger, PathBuf, PathBuf) {
        fs::create_dir(at.join(ledger::FOLDER)).unwrap();
        let ledger = Ledger::open(at).unwrap();
        let job = Job {
            shown: "a.jpg".into(),
            input: "/in/a.jpg".into(),
            below: "a.jpg".into(),
            output: "a.jpg".into(),
        };
        let recipe = Recipe { weights: "w".into(), settings: "{}".into() };
        let id = ledger.enqueue([(&job, None)], &recipe).unwrap()[0];
        ledger.start(id, "content", Path::new(".tmp"), 1).unwrap();
        let (temporary, path) = (at.join(".tmp"), at.join("a.jpg"));
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
        fs::write(at.path().join(".tmp.json"), "half of i").unwrap();
        fs::rename(temporary, &path).unwrap();
        recover(&ledger, at.path()).unwrap();
        let told: serde_json::Value =
            serde_json::from_slice(&fs::read(at.path().join("a.jpg.json")).unwrap()).unwrap();
        assert_eq!(told["sha256"], fingerprint::sha256_of(RESULT));
        let known = ledger.result(Path::new("a.jpg")).unwrap().unwrap();
        let sidecar = fingerprint::sha256(&at.path().join("a.jpg.json")).unwrap();
        assert_eq!(known.sidecar, Some(sidecar));
        assert!(!at.path().join(".tmp.json").exists());
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
    fn a_file_of_somebody_else_under_the_final_name_stays_and_is_not_ours() {
        let at = tempfile::tempdir().unwrap();
        let (ledger, _, path) = intended(at.path());
        fs::write(&path, "theirs").unwrap();
        recover(&ledger, at.path()).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"theirs");
        assert_eq!(ledger.result(Path::new("a.jpg")).unwrap(), None);
    }
}
