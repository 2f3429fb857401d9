//! Kill and stop: nothing is lost, nothing half done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::Duration;

use crate::daemon::{Daemon, How, both_ways, ledger, status, temporary};
use crate::folder::{Folder, sha256};
use crate::pictures;

/// Files of others, which links are planted to.
const VICTIMS: &str = "victims";

/// Rounds of the test below; `scripts/kill-rounds` runs more.
fn rounds() -> u32 {
    std::env::var("KILL_ROUNDS").map_or(6, |rounds| rounds.parse().unwrap())
}

/// A small generator: where kills fall differs from run to run of the machine anyway.
struct Random(u32);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % end
    }
}

/// What one round drops: 20 files, of which some are damaged, some equal, some written slowly.
fn drop_files(folder: &Folder, round: u32, random: &mut Random) -> BTreeMap<String, Vec<u8>> {
    let mut dropped = BTreeMap::new();
    let same = pictures::png(40, 30, round);
    for i in 0..20 {
        let seed = round * 20 + i;
        let size = (30 + random.below(150), 20 + random.below(100));
        let (extension, content) = match i % 4 {
            0 => ("jpg", pictures::jpeg(size.0, size.1, seed)),
            1 => ("PNG", pictures::png(size.0, size.1, seed)),
            2 => ("tif", pictures::tiff(size.0, size.1, seed)),
            _ => ("png", same.clone()),
        };
        let damaged = i % 7 == 2;
        let keep = if damaged { content.len() * 2 / 3 } else { content.len() };
        let name = format!("{round}/{i}.{extension}");
        dropped.insert(name, content[..keep].to_vec());
    }
    for (i, (name, content)) in dropped.iter().enumerate() {
        if i % 5 == 3 {
            let half = content.len() / 2;
            folder.write(&format!("in/{name}"), &content[..half]);
            thread::sleep(Duration::from_millis(u64::from(random.below(40))));
            let mut file = OpenOptions::new().append(true).open(folder.path(&format!("in/{name}")));
            file.as_mut().unwrap().write_all(&content[half..]).unwrap();
        } else {
            folder.write(&format!("in/{name}"), content);
        }
    }
    dropped
}

/// Plants links of others among what a round dropped, some of them where originals are to go or be
/// taken aside. Gives the names of the originals that must stay because of that.
fn plant(
    folder: &Folder,
    round: u32,
    flags: &[&str],
    names: impl Iterator<Item = String>,
    random: &mut Random,
) -> BTreeSet<String> {
    let link = |target: &str, name: String| {
        let path = folder.path(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).is_ok()
    };
    let victim = |random: &mut Random| format!("../../{VICTIMS}/{}.png", random.below(3));
    link(&victim(random), format!("in/{round}/planted.png"));
    link(&format!("../../{VICTIMS}"), format!("in/{round}/planted"));
    let (moves, mut stay) = (flags.contains(&"move"), BTreeSet::new());
    for name in names {
        let planted = match random.below(8) {
            0 if moves => link(&format!("../../in/{name}"), format!("moved/{name}")),
            1 if moves => link(&victim(random), format!("moved/{name}")),
            2 => {
                let (_, name) = name.split_once('/').unwrap();
                link(&victim(random), format!("in/{round}/.{name}.polychromify.leaving"))
            }
            _ => false,
        };
        if planted {
            stay.insert(name);
        }
    }
    stay
}

/// Removes all links that were planted.
fn weed(folder: &Folder) {
    for name in ["in", "moved"] {
        for entry in walkdir::WalkDir::new(folder.path(name)).into_iter().filter_map(Result::ok) {
            if entry.path_is_symlink() {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
}

/// Inputs that the ledger knows as done or failed.
fn ended(folder: &Folder) -> usize {
    let sql = "SELECT count(*) FROM jobs WHERE state IN ('done', 'failed')";
    let count = ledger(folder).and_then(|ledger| ledger.query_row(sql, [], |row| row.get(0)).ok());
    count.map_or(0, |count: u32| count as usize)
}

/// How many files ended with the content that they have now. On a busy machine the first half of one
/// that is written slowly may have failed, and the whole file is still to be noticed.
fn ended_as_they_are(folder: &Folder, dropped: &BTreeMap<String, Vec<u8>>) -> usize {
    let ledger = ledger(folder).unwrap();
    let sql = "SELECT count(*) FROM jobs
               WHERE state IN ('done', 'failed') AND input = ?1 AND content = ?2";
    let mut query = ledger.prepare(sql).unwrap();
    let mut has_ended = |(name, content): &(&String, &Vec<u8>)| {
        let input = folder.path(&format!("in/{name}"));
        let values = (input.to_str().unwrap(), sha256(content));
        query.query_row(values, |row| row.get(0)).is_ok_and(|count: u32| count == 1)
    };
    dropped.iter().filter(&mut has_ended).count()
}

/// Originals are as they were, results whole, nothing is done twice.
fn kills_lose_nothing(how: How, flags: &[&str]) {
    let mut folder = Folder::new().file("in/none.txt", "").file("expected-in/none.txt", "");
    for i in 0..3 {
        folder = folder.file(&format!("{VICTIMS}/{i}.png"), pictures::png(40, 30, 9000 + i));
    }
    let victims = folder.files(VICTIMS);
    let mut random = Random(rounds());
    let (mut dropped, mut stay) = (BTreeMap::new(), BTreeSet::new());
    let flags = [flags, &["--stability-delay", "0.1", "--retry-delay", "0.1"]].concat();
    for round in 0..rounds() {
        let daemon = Daemon::start(&folder, how, &flags);
        thread::sleep(Duration::from_millis(u64::from(random.below(100))));
        let files = drop_files(&folder, round, &mut random);
        stay.extend(plant(&folder, round, &flags, files.keys().cloned(), &mut random));
        // In the middle of the work, however fast the machine is: after some more ends.
        let more = random.below(26) as usize;
        let target = (ended(&folder) + more).min(dropped.len() + files.len());
        daemon.until("some more ends", || ended(&folder) >= target);
        thread::sleep(Duration::from_millis(u64::from(random.below(60))));
        daemon.kill();
        for (name, content) in &files {
            folder.write(&format!("expected-in/{name}"), content);
        }
        dropped.extend(files);
    }
    let mut daemon = Daemon::start(&folder, how, &flags);
    let last = pictures::png(40, 30, 9100);
    folder.write("in/last.png", &last);
    folder.write("expected-in/last.png", &last);
    dropped.insert("last.png".into(), last);
    let mut before = ended_as_they_are(&folder, &dropped);
    while before < dropped.len() {
        daemon.until("one more end", || ended_as_they_are(&folder, &dropped) != before);
        before = ended_as_they_are(&folder, &dropped);
    }
    for stops in 1.. {
        let are_gone = || are_gone(&folder, &dropped, &stay, &flags);
        daemon.until_idle(&folder);
        daemon.until("all originals that may leave to be gone", are_gone);
        daemon.stop();
        if status(&folder)["queued"] == 0 && are_gone() {
            break;
        }
        assert!(stops < 10, "each stop leaves something to do");
        // The stop came while one that had just been written was looked at once more, or while the
        // last original was aside and not yet deleted.
        daemon = Daemon::start(&folder, how, &flags);
    }
    weed(&folder);
    assert_eq!(folder.files(VICTIMS), victims, "files of others are unchanged");
    assert_nothing_is_lost(&folder, &dropped, &stay, &flags);
}

/// Whether all originals went that are to.
fn are_gone(
    folder: &Folder,
    dropped: &BTreeMap<String, Vec<u8>>,
    stay: &BTreeSet<String>,
    flags: &[&str],
) -> bool {
    let leave = flags.contains(&"--on-success");
    let results = folder.files("out");
    let gone = |name: &&String| leave && results.contains_key(*name) && !stay.contains(*name);
    dropped.keys().filter(gone).all(|name| !folder.exists(&format!("in/{name}")))
}

fn assert_nothing_is_lost(
    folder: &Folder,
    dropped: &BTreeMap<String, Vec<u8>>,
    stay: &BTreeSet<String>,
    flags: &[&str],
) {
    folder.batch(["expected-in", "-o", "expected"]);
    let (expected, found) = (folder.files("expected"), folder.files("out"));
    for name in dropped.keys() {
        assert_eq!(
            found.get(name),
            expected.get(name),
            "{name}: exactly its whole result, or none"
        );
    }
    assert_eq!(found.len(), expected.len(), "no temporary file, nothing else");
    assert!(temporary(folder).is_empty());
    let failed = status(folder)["failed"].as_u64().unwrap() as usize;
    assert_eq!(failed + found.len(), dropped.len(), "one result or one recorded failure each");
    let sql = "SELECT count(*) FROM jobs WHERE state = 'failed' AND reason IS NULL";
    let silent: u32 = ledger(folder).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(silent, 0, "every failure has its reason");
    let mut masters = folder.files("moved");
    masters.append(&mut folder.files("in"));
    masters.remove("none.txt");
    let are_deleted = flags.contains(&"delete");
    let kept = |name: &&String| !are_deleted || !found.contains_key(*name) || stay.contains(*name);
    let originals = dropped.keys().filter(kept);
    let originals = originals.map(|name| (name.clone(), sha256(&dropped[name])));
    assert_eq!(masters, originals.collect(), "masters are unchanged");
    tell(dropped.len(), found.len(), failed);
}

#[expect(clippy::print_stdout, reason = "the output of scripts/kill-rounds is evidence")]
fn tell(inputs: usize, results: usize, failures: usize) {
    let rounds = rounds();
    println!(
        "{rounds} rounds of kill -9: {inputs} inputs, {results} whole results, {failures} recorded \
         failures, no temporary file, masters unchanged"
    );
}

both_ways! {
    fn kills_at_any_moment_lose_nothing_and_leave_nothing_half_done(how: How) {
        kills_lose_nothing(how, &[]);
    }
}

#[test]
fn kills_while_originals_move_lose_no_original() {
    kills_lose_nothing(How::Events, &["--on-success", "move", "--move-to", "moved"]);
}

#[test]
fn kills_while_originals_are_deleted_lose_none_without_its_result() {
    kills_lose_nothing(How::Events, &["--on-success", "delete"]);
}

#[test]
fn a_stop_abandons_the_scan_in_hand_and_the_next_start_does_it() {
    let folder = Folder::new().file("in/big.png", pictures::png(5000, 4000, 1));
    let daemon = Daemon::start(&folder, How::Events, &["--jobs", "1"]);
    daemon.until("the start of the work", || {
        status(&folder)["running"].as_array().is_some_and(|running| !running.is_empty())
    });
    daemon.stop();
    assert!(folder.names("out").is_empty(), "{:?}", folder.names("out"));
    assert_eq!(status(&folder)["queued"], 1);
    let daemon = Daemon::start(&folder, How::Events, &[]);
    daemon.until_done(&folder, &["big.png"]);
}
