//! Files that are written slowly, in pieces, under other names: taken when they are whole.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::daemon::{Daemon, How, both_ways, command, status, temporary, tries};
use crate::faults;
use crate::folder::Folder;
use crate::pictures;

fn folder() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    folder
}

fn pause(seconds: f64) {
    thread::sleep(Duration::from_secs_f64(seconds));
}

/// The result that `batch` makes of a file.
fn expected(folder: &Folder, name: &str) -> String {
    folder.batch(["in", "-o", "expected"]);
    folder.files("expected").remove(name).unwrap()
}

both_ways! {
    fn a_slow_copy_is_colored_once_it_is_whole(how: How) {
        let folder = folder();
        let daemon = Daemon::start(&folder, how, &["--stability-delay", "1"]).ready(&folder);
        for (name, content) in pictures::each_format(200, 150) {
            let mut file = File::create(folder.path(&format!("in/{name}"))).unwrap();
            for piece in content.chunks(content.len() / 5 + 1) {
                assert!(!folder.exists(&format!("out/{name}")), "{name} is not whole");
                file.write_all(piece).unwrap();
                pause(0.2);
            }
        }
        daemon.until_done(&folder, &["a.jpg", "b.png", "c.tif"]);
        for name in ["a.jpg", "b.png", "c.tif"] {
            assert_eq!(folder.files("out")[name], expected(&folder, name));
        }
    }

    /// A copy over the network that stalls for longer than the wait.
    fn a_copy_that_stalls_is_never_colored_by_halves(how: How) {
        let folder = folder();
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        for (name, content) in pictures::each_format(200, 150) {
            let mut file = File::create(folder.path(&format!("in/{name}"))).unwrap();
            file.write_all(&content[..content.len() / 2]).unwrap();
            daemon.until("the first try", || tries(&folder, name) > 0);
            pause(0.5);
            assert!(!folder.exists(&format!("out/{name}")), "{name} is not whole");
            file.write_all(&content[content.len() / 2..]).unwrap();
        }
        daemon.until_done(&folder, &["a.jpg", "b.png", "c.tif"]);
        for name in ["a.jpg", "b.png", "c.tif"] {
            assert_eq!(folder.files("out")[name], expected(&folder, name));
        }
        assert_eq!(status(&folder)["failed"], 0);
    }

    /// As a network share writes it: the size is there at once, the content comes later.
    fn a_file_of_full_size_whose_content_comes_later_is_colored_as_it_is_in_the_end(how: How) {
        let folder = folder();
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        for (name, content) in pictures::each_format(60, 40) {
            let path = folder.path(&format!("in/{name}"));
            fs::write(&path, vec![0; content.len()]).unwrap();
            pause(0.6);
            OpenOptions::new().write(true).open(path).unwrap().write_all(&content).unwrap();
        }
        daemon.until_done(&folder, &["a.jpg", "b.png", "c.tif"]);
        for name in ["a.jpg", "b.png", "c.tif"] {
            let wanted = expected(&folder, name);
            daemon.until(name, || folder.files("out")[name] == wanted);
        }
    }

    /// As a share writes it that sets size and times first: rows come in later, and times stand still.
    fn an_uncompressed_tiff_whose_last_rows_are_empty_waits_for_them(how: How) {
        let folder = folder();
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        let whole = uncompressed_tiff(120, 90);
        let mut begun = whole.clone();
        begun[8000..].fill(0);
        folder.write("in/a.tif", &begun);
        pause(1.0);
        folder.write("in/b.png", pictures::png(30, 20, 1));
        daemon.until_done(&folder, &["b.png"]);
        pause(0.5);
        assert!(!folder.exists("out/a.tif"), "its end is missing");
        daemon.until_counted(&folder, &[("failed", 0), ("done", 2)]);
        OpenOptions::new().write(true).open(folder.path("in/a.tif")).unwrap().write_all(&whole).unwrap();
        daemon.until_done(&folder, &["a.tif"]);
        assert_eq!(folder.files("out")["a.tif"], expected(&folder, "a.tif"));
        assert!(daemon.stderr().contains("a.tif: ends in empty rows; waits for them"));
    }

    fn an_uncompressed_tiff_that_stays_black_at_its_end_is_taken_as_it_is(how: How) {
        let folder = folder();
        let daemon = Daemon::start(&folder, how, &["--empty-patience", "0.6"]).ready(&folder);
        let mut black = uncompressed_tiff(120, 90);
        black[8000..].fill(0);
        folder.write("in/a.tif", &black);
        daemon.until_done(&folder, &["a.tif"]);
        assert_eq!(folder.files("out")["a.tif"], expected(&folder, "a.tif"));
    }

    /// A scanner that writes a TIFF page by page, with the machine's warm-up between.
    fn a_scan_written_page_by_page_is_not_taken_between_pages(how: How) {
        let folder = folder();
        let daemon = Daemon::start(&folder, how, &["--stability-delay", "1.5"]).ready(&folder);
        let page = pictures::tiff(60, 40, 1);
        folder.write("in/pages.tif", &page);
        for _ in 0..4 {
            pause(0.5);
            let mut file = OpenOptions::new().append(true).open(folder.path("in/pages.tif"));
            file.as_mut().unwrap().write_all(&[0; 100]).unwrap();
            assert!(!folder.exists("out/pages.tif"), "the scan is not finished");
        }
        daemon.until_done(&folder, &["pages.tif"]);
        assert_eq!(folder.files("out")["pages.tif"], expected(&folder, "pages.tif"));
    }

    fn a_download_is_taken_under_its_final_name_only(how: How) {
        let folder = folder();
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        for (ending, i) in [(".part", 1), (".filepart", 2), (".crdownload", 3)] {
            let temporary = format!("in/{i}.png{ending}");
            folder.write(&temporary, pictures::png(30, 20, i));
            pause(0.5);
            fs::rename(folder.path(&temporary), folder.path(&format!("in/{i}.png"))).unwrap();
        }
        daemon.until_done(&folder, &["1.png", "2.png", "3.png"]);
        assert_eq!(folder.names("out").len(), 4);
    }

    fn an_empty_file_waits_for_its_content(how: How) {
        let folder = folder();
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        folder.write("in/a.png", "");
        folder.write("in/b.png", pictures::png(30, 20, 1));
        daemon.until_done(&folder, &["b.png"]);
        pause(0.5);
        daemon.until_counted(&folder, &[("failed", 0), ("done", 2)]);
        folder.write("in/a.png", pictures::png(30, 20, 2));
        daemon.until_done(&folder, &["a.png"]);
    }

    fn a_file_that_stays_empty_fails_with_the_reason(how: How) {
        let folder = folder();
        let daemon = Daemon::start(&folder, how, &["--empty-patience", "0.6"]).ready(&folder);
        folder.write("in/a.png", "");
        let failure = daemon.until_failed(&folder, "in/a.png");
        assert!(failure["reason"].as_str().unwrap().contains("empty"), "{failure}");
    }

    fn a_locked_file_is_tried_again_and_colored_when_it_is_free(how: How) {
        let folder = folder().file("busy", "");
        let flag = folder.path("busy").display().to_string();
        let command = faults::with(command(&folder, how, &[]), &[("FAULT_BUSY", &flag)]);
        let daemon = Daemon::spawn(command).ready(&folder);
        folder.write("in/locked.png", pictures::png(30, 20, 1));
        folder.write("in/other.png", pictures::png(30, 20, 2));
        daemon.until("two tries", || tries(&folder, "in/locked.png") >= 2);
        daemon.until("the other", || folder.exists("out/other.png"));
        assert!(!folder.exists("out/locked.png"));
        daemon.until_counted(&folder, &[("queued", 1)]);
        fs::remove_file(folder.path("busy")).unwrap();
        daemon.until_done(&folder, &["locked.png"]);
    }

    fn a_file_that_stays_locked_fails_with_the_reason_after_the_tries_that_are_set(how: How) {
        let folder = folder().file("busy", "");
        let flag = folder.path("busy").display().to_string();
        let command = command(&folder, how, &["--tries", "3"]);
        let daemon = Daemon::spawn(faults::with(command, &[("FAULT_BUSY", &flag)])).ready(&folder);
        folder.write("in/locked.png", pictures::png(30, 20, 1));
        let failure = daemon.until_failed(&folder, "in/locked.png");
        assert!(failure["reason"].as_str().unwrap().contains("busy"), "{failure}");
        // By polling a file this young is looked at once more, which may have been seen.
        let is_again = how == How::Polling && failure["tries"] == 4;
        assert!(failure["tries"] == 3 || is_again, "{failure}");
    }

    fn a_damaged_file_is_not_tried_endlessly(how: How) {
        let folder = folder();
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        let whole = pictures::jpeg(120, 90, 1);
        folder.write("in/cut.jpg", &whole[..whole.len() / 2]);
        folder.write("in/gif.tif", GIF);
        daemon.until("two failures", || status(&folder)["failed"] == 2);
        // One more for each: a file this young is looked at once more, for its time proves little.
        let few = || {
            let tries = (tries(&folder, "in/cut.jpg"), tries(&folder, "in/gif.tif"));
            assert!((3..=4).contains(&tries.0) && (1..=2).contains(&tries.1), "{tries:?}");
        };
        few();
        folder.write("in/later.png", pictures::png(30, 20, 1));
        daemon.until_done(&folder, &["later.png"]);
        daemon.stop(); // a kill in the midst of a try would count as one
        let daemon = Daemon::start(&folder, how, &[]);
        folder.write("in/latest.png", pictures::png(30, 20, 1));
        daemon.until_done(&folder, &["latest.png"]);
        few();
        folder.write("in/cut.jpg", &whole);
        daemon.until_done(&folder, &["cut.jpg"]);
        assert!(temporary(&folder).is_empty());
    }
}

/// A gray TIFF whose directory stands before its samples, as scanners write it.
fn uncompressed_tiff(width: u16, height: u16) -> Vec<u8> {
    let bytes = u32::from(width) * u32::from(height);
    let (width, height) = (u32::from(width), u32::from(height));
    let tags: [(u16, u32); 8] = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 200),
        (278, height),
        (279, bytes),
    ];
    let mut file = [&b"II*\0"[..], &8_u32.to_le_bytes(), &8_u16.to_le_bytes()].concat();
    for (tag, value) in tags {
        file.extend([tag.to_le_bytes(), 4_u16.to_le_bytes()].concat()); // of 32 bits
        file.extend([1_u32.to_le_bytes(), value.to_le_bytes()].concat());
    }
    file.resize(200, 0);
    let samples = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    file.extend(samples.map(|(x, y)| (pictures::gray(x, y, 1) * 254.0) as u8 + 1));
    file
}

/// A kind of file that is refused by name.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff;";
