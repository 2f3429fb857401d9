//! Flags, environment, file and defaults.

use toml::Table;

use crate::folder::{Folder, Run};

/// Runs `watch --print-config` with a file of this text at the user's place.
fn print(folder: &Folder, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let all = ["watch", "--print-config"].into_iter().chain(arguments.iter().copied());
    Run::of(folder.command(all).envs(environment.iter().copied()).output().unwrap())
}

fn at_the_users_place(text: &str) -> Folder {
    Folder::new().file(".config/polychromify/config.toml", text)
}

/// The line of an option, its spaces made single.
#[track_caller]
fn line(run: &Run, key: &str) -> String {
    let found = run.stdout.lines().find(|line| line.trim_start_matches("# ").starts_with(key));
    let found = found.unwrap_or_else(|| panic!("no `{key}` in {run:#?}"));
    found.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_flag_counts_before_the_environment_before_the_file_before_the_default() {
    let folder = at_the_users_place(
        "input = \"/scans\"\noutput = \"/colored\"\nquality = 70\nrescan = 60\ntries = 3\n",
    );
    let environment = [("POLYCHROMIFY_QUALITY", "80"), ("POLYCHROMIFY_TRIES", "4")];
    let run = print(&folder, &["--quality", "90"], &environment).code(0);
    assert_eq!(line(&run, "quality "), "quality = 90 # flag --quality");
    assert_eq!(line(&run, "tries "), "tries = 4 # environment POLYCHROMIFY_TRIES");
    assert_eq!(line(&run, "rescan "), "rescan = \"60\" # file, line 4");
    assert_eq!(line(&run, "format "), "format = \"same\" # default");
    assert_eq!(line(&run, "max-side "), "# max-side = # not set");
    assert_eq!(line(&run, "input "), "input = [\"/scans\"] # file, line 1");
    assert!(run.stdout.contains("config.toml"), "{run:#?}");
}

#[test]
fn what_is_printed_is_a_configuration_file_that_means_the_same() {
    let folder = at_the_users_place("output = 'out \"x\"'\nignore = ['*.bak', 'a\\b']\n");
    let flags = ["scans", "--poll", "--nice", "5", "--hook", "echo $POLYCHROMIFY_HOOK_INPUT"];
    let first = print(&folder, &flags, &[]).code(0);
    first.stdout.parse::<Table>().unwrap();
    // Relative paths of flags start at the current folder, those of the file at the file's.
    folder.write("printed.toml", &first.stdout);
    let again = print(&folder, &["--config", "printed.toml"], &[]).code(0);
    let values = |run: &Run| run.stdout.parse::<Table>().unwrap();
    let (mut expected, mut found) = (values(&first), values(&again));
    assert!(found.remove("input").unwrap()[0].as_str().unwrap().ends_with("/scans"));
    expected.remove("input");
    assert_eq!(found, expected);
    assert_eq!(found["nice"].as_integer(), Some(5));
}

#[test]
fn a_key_that_is_no_option_is_refused_with_line_and_suggestion() {
    let folder = at_the_users_place("input = \"in\"\noutput = \"out\"\nsaturatoin = 1.2\n");
    let run = folder.polychromify(["watch"]).code(2);
    let run = run.one_error(&["config.toml:3", "`saturatoin`", "did you mean `saturation`?"]);
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    assert!(!folder.exists("out") && !folder.exists(".config/polychromify/out"));
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_its_key() {
    for (text, words) in [
        ("quality = \"best\"", &["config.toml:1", "`quality`", "best"][..]),
        ("memory = \"1K\"", &["`memory`", "at least 16M"]),
        ("on-success = \"burn\"", &["`on-success`", "keep, move, delete"]),
        ("input = 3", &["`input`", "text in quotes"]),
        ("quality = = 3", &["config.toml:1"]),
    ] {
        at_the_users_place(text).polychromify(["watch"]).code(2).one_error(words);
    }
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let folder = Folder::new();
    folder.polychromify(["watch", "--config", "none.toml"]).code(2).one_error(&["none.toml"]);
    folder.polychromify(["status", "--config", "none.toml"]).code(2).one_error(&["none.toml"]);
}

#[test]
fn what_cannot_be_done_without_is_asked_for_with_all_the_ways_to_say_it() {
    let folder = Folder::new();
    let ways = ["`input`", "command line", "POLYCHROMIFY_INPUT", "configuration file"];
    folder.polychromify(["watch"]).code(2).one_error(&ways);
    folder.polychromify(["watch", "in"]).code(2).one_error(&["POLYCHROMIFY_OUTPUT"]);
    std::fs::create_dir(folder.path("in")).unwrap();
    folder.polychromify(["watch", "in", "-o", "in/out"]).code(2).one_error(&["in/out", "--output"]);
    assert!(folder.names(".").is_empty());
}

#[test]
fn move_needs_to_know_where_to() {
    let folder = at_the_users_place("input = \"in\"\noutput = \"out\"\non-success = \"move\"\n");
    let run = folder.polychromify(["watch"]).code(2);
    assert!(run.stderr.contains("no `move-to`"), "{run:#?}");
}
