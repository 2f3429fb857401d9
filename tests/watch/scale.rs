//! Ten thousand files at once.

use std::fs;
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, How, status};
use crate::folder::Folder;
use crate::pictures;

/// Resident memory in bytes: proc(5), `VmRSS` of `status`, in kB.
fn resident(daemon: &Daemon) -> u64 {
    let path = format!("/proc/{}/status", daemon.id().as_raw_nonzero());
    let status = fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

fn done(folder: &Folder) -> u64 {
    status(folder)["done"].as_u64().unwrap_or(0)
}

/// `scripts/burst` runs it, with other numbers on request.
#[test]
#[ignore = "takes minutes: scripts/burst"]
#[expect(clippy::print_stdout, reason = "the output of scripts/burst is evidence")]
fn a_burst_of_many_small_files_is_done_completely_with_memory_flat() {
    let files: u64 = std::env::var("BURST_FILES").map_or(10_000, |files| files.parse().unwrap());
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    let daemon = Daemon::start(&folder, How::Events, &["--stability-delay", "1"]);
    daemon.until("the lock", || folder.exists("out/.polychromify/lock"));
    let start = Instant::now();
    for i in 0..files {
        let content = pictures::png(24, 16, i as u32);
        folder.write(&format!("in/{}/{i}.png", i % 100), content);
    }
    let written = start.elapsed().as_secs_f64();
    let wait = |count: u64| {
        while done(&folder) < count {
            assert!(start.elapsed() < Duration::from_secs(7200), "{}", daemon.stderr());
            std::thread::sleep(Duration::from_millis(500));
        }
    };
    wait(100);
    let early = resident(&daemon);
    wait(files);
    let (late, seconds) = (resident(&daemon), start.elapsed().as_secs_f64());
    daemon.until_idle(&folder);
    assert_eq!(folder.names("out").len() as u64, files);
    assert_eq!(status(&folder)["failed"], 0);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "{files} files written in {written:.1} s, all done after {seconds:.1} s ({:.1} ms each); \
         resident {:.1} MiB after the first 100, {:.1} MiB at the end",
        seconds * 1000.0 / files as f64,
        mib(early),
        mib(late)
    );
    assert!(late < early + (50 << 20));
}
