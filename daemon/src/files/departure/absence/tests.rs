use std::fs;

use super::*;

const ASIDE: &str = ".a.png.polychromify.leaving";

/// A folder with one original below the input folder `in`.
struct At(tempfile::TempDir, &'static str);

impl At {
    fn new(below: &'static str) -> Self {
        let at = Self(tempfile::tempdir().unwrap(), below);
        let path = at.path("in").join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "photo").unwrap();
        at
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn original(&self) -> OriginalPath {
        OriginalPath::in_folder(Path::new("in").join(self.1), &self.path("in"), self.1.into())
    }

    fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    /// Whether it is gone; `Err`: the folder that it may be away with, as the user wrote it.
    fn is_gone(&self, way: &Way) -> Result<bool, PathBuf> {
        gone(&self.original(), way)
    }
}

fn gone(original: &OriginalPath, way: &Way) -> Result<bool, PathBuf> {
    is_gone(original, OsStr::new(ASIDE), way).map_err(|error| match error {
        Error::OriginalsAway { folder } => folder,
        other => panic!("{other}"),
    })
}

fn away(folder: &str) -> Result<bool, PathBuf> {
    Err(folder.into())
}

#[test]
fn an_original_under_its_name_or_taken_aside_is_there() {
    let at = At::new("a.png");
    assert_eq!(at.is_gone(&Way::default()), Ok(false));
    fs::rename(at.path("in/a.png"), at.path("in").join(ASIDE)).unwrap();
    assert_eq!(at.is_gone(&Way::default()), Ok(false));
}

#[test]
fn an_original_that_a_person_took_out_of_its_folder_is_gone_though_nothing_else_lies_there() {
    let at = At::new("a.png");
    let way = Way::to(&at.original());
    at.remove("in/a.png");
    assert_eq!(at.is_gone(&way), Ok(true));
}

#[test]
fn an_original_that_is_not_found_is_gone_where_something_else_lies_in_its_folder() {
    let at = At::new("a.png");
    at.remove("in/a.png");
    fs::write(at.path("in/b.png"), "another").unwrap();
    assert_eq!(at.is_gone(&Way::default()), Ok(true));
}

#[test]
fn an_empty_folder_in_which_an_original_was_never_seen_may_be_a_share_that_is_not_mounted() {
    let at = At::new("a.png");
    at.remove("in/a.png");
    assert_eq!(Way::to(&at.original()), Way::default(), "it was not there to be seen");
    assert_eq!(at.is_gone(&Way::default()), away("in"));
}

#[test]
fn an_empty_folder_in_the_place_of_the_one_that_an_original_was_seen_in_may_be_its_mount_point() {
    let at = At::new("a.png");
    let way = Way::to(&at.original());
    fs::rename(at.path("in"), at.path("share")).unwrap();
    fs::create_dir(at.path("in")).unwrap();
    assert_eq!(at.is_gone(&way), away("in"));
    at.remove("in");
    fs::rename(at.path("share"), at.path("in")).unwrap();
    assert_eq!(at.is_gone(&way), Ok(false));
}

#[test]
fn originals_of_an_input_folder_that_was_removed_on_purpose_are_in_doubt_until_it_is_used_again() {
    let at = At::new("box/a.png");
    let way = Way::to(&at.original());
    at.remove("in");
    for way in [&way, &Way::default()] {
        assert_eq!(at.is_gone(way), away("in"));
    }
    fs::create_dir(at.path("in")).unwrap();
    assert_eq!(at.is_gone(&Way::default()), away("in"));
    fs::write(at.path("in/b.png"), "another").unwrap();
    assert_eq!(at.is_gone(&Way::default()), Ok(true));
}

#[test]
fn an_original_that_a_person_removed_with_its_folder_is_gone() {
    let at = At::new("box/a.png");
    let way = Way::to(&at.original());
    at.remove("in/box");
    assert_eq!(at.is_gone(&way), Ok(true), "the folder above is the one that it was seen below");
    assert_eq!(at.is_gone(&Way::default()), away("in"));
    fs::write(at.path("in/b.png"), "another").unwrap();
    assert_eq!(at.is_gone(&Way::default()), Ok(true));
}

#[test]
fn an_empty_folder_within_the_input_folder_may_be_a_share_of_its_own() {
    let at = At::new("box/a.png");
    fs::write(at.path("in/b.png"), "another").unwrap();
    let way = Way::to(&at.original());
    fs::rename(at.path("in/box"), at.path("share")).unwrap();
    fs::create_dir(at.path("in/box")).unwrap();
    for way in [&way, &Way::default()] {
        assert_eq!(at.is_gone(way), away("in/box"));
    }
}

#[test]
fn a_share_within_the_input_folder_that_went_with_its_mount_point_is_away() {
    let at = At::new("stick/a.png");
    fs::write(at.path("in/b.png"), "another").unwrap();
    let mut way = Way::to(&at.original());
    at.remove("in/stick");
    assert_eq!(at.is_gone(&way), Ok(true));
    way.0[1].device += 1;
    assert_eq!(at.is_gone(&way), away("in"));
}

#[test]
fn a_folder_that_was_watched_by_itself_is_judged_by_the_one_around_it_that_is_watched_now() {
    let at = At::new("box/a.png");
    fs::write(at.path("in/b.png"), "another").unwrap();
    at.remove("in/box");
    let by_itself =
        OriginalPath::in_folder("in/box/a.png".into(), &at.path("in/box"), "a.png".into());
    assert_eq!(gone(&by_itself, &Way::default()), away("in/box"));
    assert_eq!(at.is_gone(&Way::default()), Ok(true));
}

#[test]
fn an_original_that_was_named_by_itself_is_judged_by_its_own_folder() {
    let at = At::new("a.png");
    let named = OriginalPath::named("a.png".into(), at.path("in/a.png"));
    assert_eq!(gone(&named, &Way::default()), Ok(false));
    at.remove("in/a.png");
    assert_eq!(gone(&named, &Way::default()), Err(at.path("in")));
    fs::write(at.path("in/b.png"), "another").unwrap();
    assert_eq!(gone(&named, &Way::default()), Ok(true));
    at.remove("in");
    assert_eq!(gone(&named, &Way::default()), Err(at.path("in")));
}
