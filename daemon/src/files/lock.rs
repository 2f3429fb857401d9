//! One process at a time works on an output folder, or on each shard of it.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::error::{Error, Result};
use crate::files::own;
use crate::files::system::lock as system;

/// Holds the output folder until it is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held, never read")] File);

impl Lock {
    /// Takes the lock file `path` of the output folder `folder`.
    pub(crate) fn take(path: &Path, folder: &Path) -> Result<Self> {
        let file = own::lock_file(path)?; // it may hold the process id of somebody who works
        locked(file.try_lock(), path, folder)?;
        system::sign(&file, path).map_err(Error::io(path, "write"))?;
        Ok(Self(file))
    }

    /// Takes it together with others who take it so: nobody has it alone meanwhile.
    pub(crate) fn share(path: &Path, folder: &Path) -> Result<Self> {
        let file = own::lock_file(path)?;
        locked(file.try_lock_shared(), path, folder)?;
        Ok(Self(file))
    }

    /// Number of the process that the lock file names, if there is such a process. It may be another
    /// one by now, or of another machine: this is for people.
    pub(crate) fn holder(path: &Path) -> Option<u32> {
        let process = system::signature(path)?.parse().ok()?;
        system::is_held(path, process).then_some(process)
    }
}

fn locked(tried: std::result::Result<(), TryLockError>, path: &Path, folder: &Path) -> Result<()> {
    match tried {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let signature = system::signature(path).filter(|signature| !signature.is_empty());
            let process = signature.unwrap_or_else(|| "unknown".to_owned());
            let folder = folder.to_path_buf();
            Err(Error::Busy { folder, process })
        }
        Err(TryLockError::Error(source)) => Err(Error::io(path, "lock")(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)] // the link is made as POSIX does
    fn a_link_to_somebodys_file_is_no_lock_and_the_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("lock"), folder.path().join("victim"));
        std::fs::write(&victim, "theirs").unwrap();
        std::os::unix::fs::symlink("victim", &path).unwrap();
        assert!(matches!(Lock::take(&path, folder.path()), Err(Error::NotOwnFile { .. })));
        std::fs::remove_file(&path).unwrap();
        std::fs::hard_link(&victim, &path).unwrap();
        assert!(matches!(Lock::take(&path, folder.path()), Err(Error::NotOwnFile { .. })));
        assert_eq!(std::fs::read(&victim).unwrap(), b"theirs");
    }

    #[test]
    fn a_second_holder_is_refused_with_the_first_ones_process_id() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::take(&path, folder.path()).unwrap();
        let refused = Lock::take(&path, folder.path()).unwrap_err().to_string();
        assert!(refused.ends_with(&format!("process {}", std::process::id())), "{refused}");
        drop(held);
        Lock::take(&path, folder.path()).unwrap();
    }

    #[test]
    fn those_who_share_it_keep_out_who_wants_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let shared = [(); 2].map(|()| Lock::share(&path, folder.path()).unwrap());
        assert!(matches!(Lock::take(&path, folder.path()), Err(Error::Busy { .. })));
        drop(shared);
        let _alone = Lock::take(&path, folder.path()).unwrap();
        assert!(matches!(Lock::share(&path, folder.path()), Err(Error::Busy { .. })));
    }
}
