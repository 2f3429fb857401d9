//! SIGHUP.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use rustix::fs::OFlags;
use rustix::process::Signal;

use crate::daemon::{Daemon, until};
use crate::folder::Folder;
use crate::{pictures, weights};

fn configuration(more: &str) -> String {
    let weights = weights::tiny();
    format!(
        "input = \"in\"\noutput = \"out\"\nweights = \"{weights}\"\nstability-delay = 0.05\n{more}"
    )
}

fn start(folder: &Folder) -> Daemon {
    std::fs::create_dir_all(folder.path("in")).unwrap();
    let mut command = folder.command(["watch", "--config", "p.toml"]);
    command.env_remove("JOURNAL_STREAM");
    let mut daemon = Daemon::spawn(command);
    daemon.wait_for("watching");
    daemon
}

#[test]
fn sighup_takes_over_what_changed() {
    let folder = Folder::new().file("p.toml", configuration(""));
    let mut daemon = start(&folder);
    folder.write("p.toml", configuration("format = \"png\"\n"));
    daemon.signal(Signal::HUP);
    daemon.wait_for("format is \"png\", was \"same\"");
    daemon.wait_for("watching");
    folder.write("in/a.jpg", pictures::jpeg(30, 20, 1));
    until("the result is a PNG", || folder.exists("out/a.jpg.png"));
    daemon.stop();
}

/// The weights come through a pipe, so that opening them takes as long as the test wants.
#[test]
fn the_work_goes_on_while_the_next_configuration_is_prepared() {
    let folder = Folder::new().file("p.toml", configuration(""));
    let mut daemon = start(&folder);
    let pipe = folder.path("slow.safetensors");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    folder.write("p.toml", configuration("").replace(weights::tiny(), "slow.safetensors"));
    daemon.signal(Signal::HUP);
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let mut held = None;
    until("the weights are being opened", || {
        held = OpenOptions::new().write(true).custom_flags(nonblocking).open(&pipe).ok();
        held.is_some()
    });
    folder.write("in/a.png", pictures::png(30, 20, 1));
    until("the result is there", || folder.exists("out/a.png"));
    std::fs::write(&pipe, std::fs::read(weights::tiny()).unwrap()).unwrap();
    drop(held); // the end of the file
    daemon.wait_for("weights is \"slow.safetensors\"");
    daemon.wait_for("watching");
    daemon.stop();
}

#[test]
fn sighup_moves_to_another_output_folder() {
    let folder = Folder::new().file("p.toml", configuration(""));
    let mut daemon = start(&folder);
    folder.write("p.toml", configuration("").replace("\"out\"", "\"other\""));
    daemon.signal(Signal::HUP);
    daemon.wait_for("watching");
    folder.write("in/a.png", pictures::png(30, 20, 1));
    until("the result is in the other folder", || folder.exists("other/a.png"));
    // The first one is free again.
    folder.batch(["in", "-o", "out"]).code(0);
    daemon.stop();
}

#[test]
fn a_configuration_that_does_not_fit_is_refused_and_the_old_one_stays() {
    let folder = Folder::new().file("p.toml", configuration(""));
    let mut daemon = start(&folder);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("metrics = \"{}\"\n", taken.local_addr().unwrap());
    for (more, words) in [
        (taken.as_str(), "cannot listen"),
        ("weights = \"none\"\n", "p.toml:5: "),
        ("qualty = 5\n", "p.toml:5: unknown key `qualty`"),
        ("metrics = \"0.0.0.0:1\"\n", "--metrics-anywhere"),
        ("quality = 0\n", "p.toml:5: `quality`"),
    ] {
        folder.write("p.toml", configuration(more));
        daemon.signal(Signal::HUP);
        let line = daemon.wait_for("the configuration stays as it was: ");
        assert!(line.contains(words), "{line}");
    }
    folder.write("in/a.png", pictures::png(30, 20, 1));
    until("the result is there", || folder.exists("out/a.png"));
    daemon.stop();
}
