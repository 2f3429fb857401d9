//! Links and files of others in the output folder, and the rights of what is written there.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::daemon::ledger;
use crate::folder::{Folder, batch_arguments};
use crate::pictures;

fn one() -> Folder {
    Folder::new().file("in/a.png", pictures::png(30, 20, 1)).file("victim", "theirs")
}

fn rights(folder: &Folder, name: &str) -> u32 {
    fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_link_in_the_place_of_our_own_files_harms_nobody() {
    for name in ["lock", "manifest.lock", "manifest.csv.tmp", "manifest-sha256.txt.tmp"] {
        let folder = one();
        fs::create_dir_all(folder.path("out/.polychromify")).unwrap();
        let link = folder.path(&format!("out/.polychromify/{name}"));
        symlink("../../victim", &link).unwrap();
        let run = folder.batch(["in", "-o", "out", "--manifest"]);
        assert_eq!(folder.read("victim"), b"theirs", "{name}: {run:#?}");
        if name.ends_with("lock") {
            assert!(run.stderr.contains(&format!("{name}: ")), "{run:#?}");
            fs::remove_file(&link).unwrap();
            folder.batch(["in", "-o", "out", "--manifest"]).code(0);
        } else {
            run.code(0);
        }
        assert!(folder.exists("out/manifest.csv"), "{name}");
    }
}

#[test]
fn a_folder_of_results_that_leads_elsewhere_gets_nothing() {
    let folder = Folder::new().file("in/away/new/a.png", pictures::png(30, 20, 1));
    fs::create_dir_all(folder.path("out")).unwrap();
    fs::create_dir(folder.path("elsewhere")).unwrap();
    symlink("../elsewhere", folder.path("out/away")).unwrap();
    let run = folder.batch(["in", "-o", "out"]).code(1);
    assert_eq!(run.status("in/away/new/a.png"), "failed");
    assert_eq!(fs::read_dir(folder.path("elsewhere")).unwrap().count(), 0);
}

#[test]
fn what_a_ledger_calls_temporary_is_removed_only_if_it_is_ours() {
    let folder = one();
    folder.batch(["in", "-o", "out"]).code(0);
    let victim = folder.path("victim");
    for path in [victim.to_str().unwrap(), "../victim"] {
        let ledger = ledger(&folder).unwrap();
        ledger.execute("UPDATE jobs SET state = 'running', temporary = ?1", [path]).unwrap();
        drop(ledger);
        folder.batch(["in", "-o", "out"]).code(0);
        assert_eq!(folder.read("victim"), b"theirs");
    }
    let ledger = ledger(&folder).unwrap();
    ledger.execute("UPDATE results SET output = ?1", [victim.to_str().unwrap()]).unwrap();
    drop(ledger);
    folder.polychromify(["manifest", "-o", "out"]);
    for name in ["out/manifest.csv", "out/manifest-sha256.txt"] {
        let text = String::from_utf8(folder.read(name)).unwrap();
        assert!(!text.contains(victim.to_str().unwrap()), "{text}");
    }
}

#[test]
fn an_original_that_a_crash_left_aside_has_its_name_again_after_any_run() {
    let folder = one();
    let original = folder.read("in/a.png");
    folder.batch(["in", "-o", "out"]).code(0);
    let aside = folder.path("in/.a.png.polychromify.leaving");
    fs::rename(folder.path("in/a.png"), &aside).unwrap();
    ledger(&folder).unwrap().execute("UPDATE results SET original = 'leaving'", []).unwrap();
    folder.write("in/b.png", pictures::png(30, 20, 2));
    folder.batch(["in/b.png", "-o", "out", "--format", "jpeg"]).code(0);
    assert_eq!(folder.read("in/a.png"), original);
    assert!(!aside.exists());
}

#[test]
fn results_have_the_rights_of_their_sources_and_the_ledger_is_not_for_others() {
    let folder = Folder::new();
    for (name, mode) in [("a", 0o600), ("b", 0o640), ("c", 0o444), ("d", 0o777)] {
        let path = format!("in/{name}.png");
        folder.write(&path, pictures::png(30, 20, mode));
        fs::set_permissions(folder.path(&path), Permissions::from_mode(mode)).unwrap();
    }
    let mut command = std::process::Command::new("sh");
    let run = folder.command(batch_arguments(["in", "-o", "out", "--sidecar"]));
    command.args(["-c", "umask 0022; exec \"$0\" \"$@\""]).arg(run.get_program());
    command.args(run.get_args()).current_dir(folder.path("."));
    assert!(command.output().unwrap().status.success());
    for (name, mode) in [("a", 0o600), ("b", 0o640), ("c", 0o644), ("d", 0o644)] {
        assert_eq!(rights(&folder, &format!("out/{name}.png")), mode, "{name}");
        assert_eq!(rights(&folder, &format!("out/{name}.png.json")), mode, "{name}");
    }
    assert_eq!(rights(&folder, "out/.polychromify"), 0o750);
}
