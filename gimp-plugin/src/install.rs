//! Copies this program into the plug-in folders of the user's GIMPs, and removes it from there.

mod profiles;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(crate) use profiles::{Profile, UserFolders, find};

/// GIMP takes a file as a plug-in if it lies in a folder of its own name.
const NAME: &str = "polychromify-gimp";

/// The name of the file in that folder.
fn file_name() -> String {
    format!("{NAME}{}", std::env::consts::EXE_SUFFIX)
}

/// A file that cannot be installed or removed.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {doing}: {source}", path.display())]
pub(crate) struct Error {
    path: PathBuf,
    /// What was being done, to follow "cannot".
    doing: &'static str,
    source: io::Error,
}

impl Error {
    fn new(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self { path, doing, source }
    }
}

/// Copies `program` into a profile, atomically. Gives the path of the copy.
pub(crate) fn install(program: &Path, profile: &Profile) -> Result<PathBuf, Error> {
    let folder = folder(profile);
    let path = folder.join(file_name());
    let is_itself = |there: io::Result<PathBuf>| {
        program.canonicalize().ok().is_some_and(|program| there.is_ok_and(|p| p == program))
    };
    if is_itself(path.canonicalize()) {
        return Ok(path);
    }
    let is_new = !folder.exists();
    fs::create_dir_all(&folder).map_err(Error::new(&folder, "create the folder"))?;
    copy(program, &folder, &path).inspect_err(|_| {
        if is_new {
            // The reason for the failure matters more than an empty folder that stays.
            let _ = fs::remove_dir(&folder);
        }
    })?;
    Ok(path)
}

/// Removes the program from a profile. Gives whether it was installed.
pub(crate) fn uninstall(profile: &Profile) -> Result<bool, Error> {
    let folder = folder(profile);
    let path = folder.join(file_name());
    match fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::new(&path, "remove the file")(error)),
    }
    // A folder with something else in it stays.
    let _ = fs::remove_dir(&folder);
    Ok(true)
}

fn folder(profile: &Profile) -> PathBuf {
    profile.path.join("plug-ins").join(NAME)
}

/// Copies to a temporary name, and renames over what is there.
fn copy(program: &Path, folder: &Path, path: &Path) -> Result<(), Error> {
    let content = fs::read(program).map_err(Error::new(program, "read"))?;
    let temporary = folder.join(format!(".{NAME}.{}.part", std::process::id()));
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(&content)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        file.sync_all()?;
        drop(file); // Windows renames none that is open to be written
        fs::rename(&temporary, path)?;
        // Windows has no way to wait for the names in a folder.
        if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&temporary); // there is none after the rename
        Error::new(path, "write")(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(at: &Path) -> Profile {
        Profile { name: "GIMP 3.0".to_owned(), path: at.join("GIMP/3.0") }
    }

    #[test]
    fn the_program_lies_in_a_folder_of_its_name_and_can_be_started() {
        let at = tempfile::tempdir().unwrap();
        let program = at.path().join("program");
        fs::write(&program, "first").unwrap();
        let path = install(&program, &profile(at.path())).unwrap();
        let folder = at.path().join("GIMP/3.0/plug-ins/polychromify-gimp");
        assert_eq!(path, folder.join(file_name()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        }

        fs::write(&program, "second").unwrap();
        install(&program, &profile(at.path())).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        let names = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(names, 1, "no temporary file is left");
    }

    #[test]
    fn a_program_that_installs_itself_over_itself_stays() {
        let at = tempfile::tempdir().unwrap();
        let program = at.path().join("program");
        fs::write(&program, "content").unwrap();
        let path = install(&program, &profile(at.path())).unwrap();
        install(&path, &profile(at.path())).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "content");
    }

    #[test]
    fn a_failed_copy_leaves_nothing_behind_and_names_the_file() {
        let at = tempfile::tempdir().unwrap();
        let missing = at.path().join("missing");
        let message = install(&missing, &profile(at.path())).unwrap_err().to_string();
        assert!(message.contains("missing: cannot read"), "{message}");
        assert!(!at.path().join("GIMP/3.0/plug-ins/polychromify-gimp").exists());
    }

    #[test]
    fn uninstalling_removes_what_was_installed_and_nothing_else() {
        let at = tempfile::tempdir().unwrap();
        let program = at.path().join("program");
        fs::write(&program, "content").unwrap();
        let path = install(&program, &profile(at.path())).unwrap();
        assert!(uninstall(&profile(at.path())).unwrap());
        assert!(!path.parent().unwrap().exists() && at.path().join("GIMP/3.0/plug-ins").exists());
        assert!(!uninstall(&profile(at.path())).unwrap(), "there is nothing left");
    }
}
