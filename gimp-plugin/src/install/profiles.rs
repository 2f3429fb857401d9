//! Finds the profiles of the user's GIMPs.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder in which one version of GIMP keeps the user's settings and plug-ins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// For messages, such as `GIMP 3.0 (Flatpak)`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// Below the home folder, where the environment names no other one.
const SETTINGS: &str = if cfg!(windows) { "AppData/Roaming" } else { ".config" };

/// Folders of the user, as the environment tells them.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserFolders {
    pub(crate) home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, or `APPDATA` on Windows.
    pub(crate) settings: Option<PathBuf>,
    /// `GIMP2_DIRECTORY` and `GIMP3_DIRECTORY`: whole profiles.
    pub(crate) directories: [Option<PathBuf>; 2],
}

impl UserFolders {
    /// Asks for variables by their names.
    pub(crate) fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            home: path(if cfg!(windows) { "USERPROFILE" } else { "HOME" }),
            settings: path(if cfg!(windows) { "APPDATA" } else { "XDG_CONFIG_HOME" }),
            directories: ["GIMP2_DIRECTORY", "GIMP3_DIRECTORY"].map(path),
        }
    }
}

/// The profiles that exist, each once, and the folders that were searched.
pub(crate) fn find(folders: &UserFolders) -> (Vec<Profile>, Vec<PathBuf>) {
    let mut profiles: Vec<Profile> = Vec::new();
    let mut searched = Vec::new();
    let mut add = |profile: Profile| {
        let same =
            |known: &Profile| known.path.canonicalize().ok() == profile.path.canonicalize().ok();
        if profile.path.is_dir() && !profiles.iter().any(same) {
            profiles.push(profile);
        }
    };
    for (version, directory) in ["2", "3"].iter().zip(&folders.directories) {
        if let Some(directory) = directory {
            // GIMP takes a relative one to be below the home folder.
            let path = folders.home.as_deref().unwrap_or(Path::new("")).join(directory);
            searched.push(path.clone());
            add(Profile { name: format!("GIMP {version} (GIMP{version}_DIRECTORY)"), path });
        }
    }
    let home = |below: &str| folders.home.as_ref().map(|home| home.join(below));
    let native = folders.settings.clone().or_else(|| home(SETTINGS));
    let flatpak = home(".var/app/org.gimp.GIMP/config");
    for (settings, kind) in [(native, ""), (flatpak, " (Flatpak)")] {
        let Some(folder) = settings.map(|settings| settings.join("GIMP")) else { continue };
        for version in versions(&folder) {
            let path = folder.join(&version);
            add(Profile { name: format!("GIMP {version}{kind}"), path });
        }
        searched.push(folder);
    }
    (profiles, searched)
}

/// The versions that have a profile in a folder and run this plug-in.
fn versions(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut versions: Vec<String> =
        names.filter(|name| name == "2.10" || name.starts_with("3.")).collect();
    versions.sort();
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_and_flatpak_profiles_are_found_and_older_versions_left_alone() {
        let at = tempfile::tempdir().unwrap();
        let flatpak = ".var/app/org.gimp.GIMP/config/GIMP/3.2";
        for version in ["2.8", "2.10", "3.0"] {
            fs::create_dir_all(at.path().join(SETTINGS).join("GIMP").join(version)).unwrap();
        }
        fs::create_dir_all(at.path().join(flatpak)).unwrap();
        let folders = UserFolders { home: Some(at.path().to_path_buf()), ..UserFolders::default() };
        let (profiles, _) = find(&folders);
        let names: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(names, ["GIMP 2.10", "GIMP 3.0", "GIMP 3.2 (Flatpak)"]);
    }

    #[test]
    fn a_profile_named_by_the_environment_is_found_once() {
        let at = tempfile::tempdir().unwrap();
        let profile = at.path().join("settings/GIMP/3.0");
        fs::create_dir_all(&profile).unwrap();
        let folders = UserFolders::from_environment(|name| match name {
            "HOME" | "USERPROFILE" => Some(at.path().join("home").into()),
            "XDG_CONFIG_HOME" | "APPDATA" => Some(at.path().join("settings").into()),
            "GIMP3_DIRECTORY" => Some(profile.clone().into()),
            _ => None,
        });
        let (profiles, _) = find(&folders);
        assert_eq!(profiles, [Profile { name: "GIMP 3 (GIMP3_DIRECTORY)".into(), path: profile }]);
    }

    #[test]
    fn without_a_profile_the_searched_folders_are_told() {
        let at = tempfile::tempdir().unwrap();
        let folders = UserFolders { home: Some(at.path().to_path_buf()), ..UserFolders::default() };
        let (profiles, searched) = find(&folders);
        assert!(profiles.is_empty());
        assert_eq!(searched[0], at.path().join(SETTINGS).join("GIMP"));
    }
}
