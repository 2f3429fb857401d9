use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

struct At(tempfile::TempDir);

impl At {
    fn new(input: &str) -> Self {
        let at = Self(tempfile::tempdir().unwrap());
        fs::create_dir(at.path("in")).unwrap();
        fs::write(at.path("in/a.jpg"), input).unwrap();
        at
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn original(&self, below: &str) -> OriginalPath {
        OriginalPath::in_folder(Path::new("in").join(below), &self.path("in"), below.into())
    }

    fn let_go(&self, below: &str, content: &str, destination: Destination<'_>) -> Result<()> {
        let content = &fingerprint::sha256_of(content.as_bytes());
        let known = Known { content, stamp: None, way: &Way::default() };
        super::let_go(&self.original(below), known, destination, &|| Ok(()), &Stop::default())
    }

    fn move_away(&self, content: &str) -> Result<()> {
        let (folder, below) = (&self.path("moved"), Path::new("x/a.jpg"));
        self.let_go("a.jpg", content, Destination::Folder { folder, below })
    }

    fn delete(&self, content: &str) -> Result<()> {
        self.let_go("a.jpg", content, Destination::Nowhere)
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }
}

#[test]
fn an_original_moves_to_the_same_path_and_replaces_nothing() {
    let at = At::new("photo");
    at.move_away("photo").unwrap();
    assert_eq!(fs::read(at.path("moved/x/a.jpg")).unwrap(), b"photo");
    assert!(at.names("in").is_empty());
    fs::write(at.path("in/a.jpg"), "other").unwrap();
    assert!(matches!(at.move_away("other"), Err(Error::Occupied { .. })));
    assert_eq!(fs::read(at.path("moved/x/a.jpg")).unwrap(), b"photo");
    assert_eq!(fs::read(at.path("in/a.jpg")).unwrap(), b"other");
    assert_eq!(at.names("in"), ["a.jpg"]);
}

#[test]
fn one_that_went_before_a_crash_has_gone_where_that_is_sure_and_nothing_is_begun() {
    let at = At::new("photo");
    at.move_away("photo").unwrap();
    assert!(matches!(at.move_away("photo"), Err(Error::OriginalsAway { .. })));
    fs::write(at.path("in/b.jpg"), "another photograph").unwrap();
    at.move_away("photo").unwrap();
    assert!(matches!(at.move_away("photo"), Ok(())));
    fs::remove_dir_all(at.path("in")).unwrap();
    assert!(matches!(at.move_away("photo"), Err(Error::OriginalsAway { .. })));
    assert_eq!(at.names("moved/x"), ["a.jpg"]);
}

#[test]
fn a_link_under_the_name_that_an_original_is_taken_aside_to_keeps_it_where_it_is() {
    let at = At::new("photo");
    fs::write(at.path("victim"), "photo").unwrap();
    symlink("../victim", at.path("in/.a.jpg.polychromify.leaving")).unwrap();
    assert!(matches!(at.delete("photo"), Err(Error::NotOwnFile { .. })));
    assert!(at.path("in/a.jpg").exists() && at.path("victim").exists());
}

#[test]
fn an_original_is_in_place_unless_it_lies_aside_or_is_not_found() {
    let at = At::new("photo");
    let original = at.original("a.jpg");
    assert!(is_in_place(&original));
    fs::copy(at.path("in/a.jpg"), at.path("in/.a.jpg.polychromify.leaving")).unwrap();
    assert!(!is_in_place(&original), "another one has its name");
    fs::remove_file(at.path("in/a.jpg")).unwrap();
    assert!(!is_in_place(&original));
    fs::remove_dir_all(at.path("in")).unwrap();
    assert!(!is_in_place(&original));
}

#[test]
fn what_took_an_originals_place_stays() {
    let at = At::new("another photograph");
    assert!(matches!(at.move_away("photo"), Err(Error::SourceChanged { .. })));
    assert!(matches!(at.delete("photo"), Err(Error::SourceChanged { .. })));
    assert_eq!(fs::read(at.path("in/a.jpg")).unwrap(), b"another photograph");
    assert_eq!(at.names("in"), ["a.jpg"]);
}

#[test]
fn a_deletion_that_was_interrupted_is_finished_or_undone() {
    let at = At::new("photo");
    fs::rename(at.path("in/a.jpg"), at.path("in/.a.jpg.polychromify.leaving")).unwrap();
    at.delete("photo").unwrap();
    assert!(at.names("in").is_empty());
    fs::write(at.path("in/.a.jpg.polychromify.leaving"), "another photograph").unwrap();
    at.delete("photo").unwrap_err();
    assert_eq!(at.names("in"), ["a.jpg"]);
}

#[test]
fn an_original_that_was_taken_aside_is_put_back_and_takes_nobodys_name() {
    let at = At::new("photo");
    assert!(!put_back(&at.original("a.jpg")).unwrap());
    fs::rename(at.path("in/a.jpg"), at.path("in/.a.jpg.polychromify.leaving")).unwrap();
    assert!(put_back(&at.original("a.jpg")).unwrap());
    assert_eq!(at.names("in"), ["a.jpg"]);
    fs::write(at.path("in/.a.jpg.polychromify.leaving"), "another photograph").unwrap();
    assert!(matches!(put_back(&at.original("a.jpg")), Err(Error::TakenAside { .. })));
    assert_eq!(fs::read(at.path("in/a.jpg")).unwrap(), b"photo");
}

#[test]
fn an_original_with_the_longest_name_leaves() {
    let at = At::new("photo");
    for length in [244, 255] {
        let long = "x".repeat(length - 4) + ".jpg";
        fs::write(at.path("in").join(&long), "photo").unwrap();
        at.let_go(&long, "photo", Destination::Nowhere).unwrap();
        assert_eq!(at.names("in"), ["a.jpg"]);
    }
}

#[test]
fn what_lies_at_the_destination_and_may_be_the_original_itself_lets_it_stay() {
    type Plant = fn(&Path, &Path);
    let plants: [Plant; 3] = [
        |from, to| symlink(from, to).unwrap(),
        |from, to| fs::hard_link(from, to).unwrap(),
        |from, to| {
            fs::create_dir(to).unwrap();
            symlink(from, to.join("x")).unwrap();
        },
    ];
    for plant in plants {
        let at = At::new("photo");
        fs::create_dir_all(at.path("moved/x")).unwrap();
        plant(&at.path("in/a.jpg"), &at.path("moved/x/a.jpg"));
        assert!(matches!(at.move_away("photo"), Err(Error::Occupied { .. })));
        assert_eq!(fs::read(at.path("in/a.jpg")).unwrap(), b"photo");
    }
}

#[test]
fn a_whole_copy_of_an_interruption_lets_the_original_go() {
    let at = At::new("photo");
    fs::create_dir_all(at.path("moved/x")).unwrap();
    fs::write(at.path("moved/x/a.jpg"), "photo").unwrap();
    at.move_away("photo").unwrap();
    assert!(at.names("in").is_empty());
}

#[test]
fn a_folder_cannot_move_into_itself_by_another_name() {
    let at = At::new("photo");
    symlink(at.path("in"), at.path("moved")).unwrap();
    let (folder, below) = (&at.path("moved"), Path::new("a.jpg"));
    let refused = at.let_go("a.jpg", "photo", Destination::Folder { folder, below });
    assert!(matches!(refused, Err(Error::SameFolder { .. })));
    assert_eq!(at.names("in"), ["a.jpg"]);
}

#[test]
fn nothing_goes_through_a_folder_that_became_a_link() {
    let at = At::new("photo");
    fs::create_dir(at.path("elsewhere")).unwrap();
    fs::write(at.path("elsewhere/x.jpg"), "photo").unwrap();
    symlink("../elsewhere", at.path("in/sub")).unwrap();
    at.let_go("sub/x.jpg", "photo", Destination::Nowhere).unwrap_err();
    assert_eq!(at.names("elsewhere"), ["x.jpg"]);
    // Nor where the input folder itself became one.
    fs::rename(at.path("in"), at.path("renamed")).unwrap();
    symlink("renamed", at.path("in")).unwrap();
    at.delete("photo").unwrap_err();
    assert!(at.path("renamed/a.jpg").exists());
}

#[test]
fn a_link_stays() {
    let at = At::new("photo");
    fs::create_dir(at.path("in/.store")).unwrap();
    fs::rename(at.path("in/a.jpg"), at.path("in/.store/a.jpg")).unwrap();
    symlink(".store/a.jpg", at.path("in/a.jpg")).unwrap();
    assert!(matches!(at.move_away("photo"), Err(Error::LinkStays { .. })));
    assert!(matches!(at.delete("photo"), Err(Error::LinkStays { .. })));
    assert_eq!(fs::read(at.path("in/a.jpg")).unwrap(), b"photo");
}

#[test]
fn an_original_that_somebody_writes_to_stays() {
    let at = At::new("photo");
    let writer = File::options().append(true).open(at.path("in/a.jpg")).unwrap();
    assert!(matches!(at.delete("photo"), Err(Error::InUse { .. })));
    assert_eq!(at.names("in"), ["a.jpg"]);
    drop(writer);
    at.delete("photo").unwrap();
}

#[test]
fn what_cannot_be_moved_gets_its_name_back() {
    let at = At::new("photo");
    // The destination is taken in the last moment: by a folder, which no check sees as a file.
    fs::create_dir_all(at.path("moved/x")).unwrap();
    let original = at.original("a.jpg");
    let content = fingerprint::sha256_of(b"photo");
    let stop = Stop::default();
    let leaving = Leaving::find(&original, &content, &stop).unwrap().unwrap();
    let target = Target::open(&at.path("moved"), Path::new("x/a.jpg")).unwrap();
    fs::create_dir(at.path("moved/x/a.jpg")).unwrap();
    leaving.folder.rename_to_own(&leaving.name, &leaving.folder, &leaving.aside).unwrap();
    assert!(leaving.go(Some(&target)).is_err());
    assert_eq!(at.names("in"), ["a.jpg"]);
}

#[test]
fn a_copy_to_another_file_system_is_whole_and_keeps_its_time_and_rights() {
    let at = At::new("photo");
    fs::set_permissions(at.path("in/a.jpg"), fs::Permissions::from_mode(0o640)).unwrap();
    let original = at.original("a.jpg");
    let (content, stop) = (fingerprint::sha256_of(b"photo"), Stop::default());
    let leaving = Leaving::find(&original, &content, &stop).unwrap().unwrap();
    let target = Target::open(&at.path("moved"), Path::new("x/a.jpg")).unwrap();
    fs::write(at.path("moved/x/.a.jpg.polychromify.moving"), "of an interruption").unwrap();
    let file = leaving.open(&leaving.name).unwrap();
    leaving.copy_to(&target, &file).unwrap();
    let metadata = |name| fs::metadata(at.path(name)).unwrap();
    let (from, to) = (metadata("in/a.jpg"), metadata("moved/x/a.jpg"));
    assert_eq!((from.modified().unwrap(), from.mode()), (to.modified().unwrap(), to.mode()));
    assert_eq!(at.names("moved/x"), ["a.jpg"]);
}

#[test]
fn on_a_share_nothing_counts_as_another_file_and_two_mounts_as_one_folder() {
    let id = |device, inode| FileId { device, inode };
    assert!(are_two_files(id(1, 5), id(1, 6), false));
    assert!(!are_two_files(id(1, 5), id(1, 5), false), "hard links");
    assert!(!are_two_files(id(1, 5), id(2, 7), true), "a share");
    assert!(may_be_one_folder(id(1, 5), id(1, 5), false), "a bind mount");
    assert!(may_be_one_folder(id(1, 5), id(2, 5), true), "a share that is mounted twice");
    assert!(!may_be_one_folder(id(1, 5), id(2, 5), false), "two disks");
}
