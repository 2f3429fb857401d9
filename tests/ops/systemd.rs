//! What systemd is told.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::Signal;

use crate::daemon::{PATIENCE, ledger, watch_by};
use crate::folder::Folder;
use crate::pictures;

/// The socket that systemd listens to.
struct Listener(UnixDatagram);

impl Listener {
    fn new(folder: &Folder) -> Self {
        let socket = UnixDatagram::bind(folder.path("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn next(&self) -> io::Result<String> {
        let mut buffer = [0; 4096];
        let length = self.0.recv(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    /// Waits for a message; gives those before it.
    #[track_caller]
    fn wait_for(&self, words: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            match self.next() {
                Ok(message) if message.contains(words) => return before,
                Ok(message) => before.push(message),
                Err(error) => panic!("no `{words}`: {error}: {before:#?}"),
            }
        }
    }
}

#[test]
fn systemd_hears_of_readiness_life_reload_and_end() {
    let folder = Folder::new();
    let listener = Listener::new(&folder);
    let daemon = watch_by(&folder, &[], |command| {
        command.env("NOTIFY_SOCKET", folder.path("notify")).env("WATCHDOG_USEC", "30000000");
    });
    // On a busy machine a sign of life may come before it.
    let before = listener.wait_for("READY=1");
    assert!(before.iter().all(|message| message == "WATCHDOG=1"), "{before:#?}");
    listener.wait_for("WATCHDOG=1");
    listener.wait_for("STATUS=0 in work, 0 queued, 0 settling");
    daemon.signal(Signal::HUP);
    listener.wait_for("RELOADING=1");
    listener.wait_for("READY=1");
    daemon.stop();
    listener.wait_for("STOPPING=1");
}

#[test]
fn without_a_watchdog_none_is_fed() {
    let folder = Folder::new();
    let listener = Listener::new(&folder);
    let daemon = watch_by(&folder, &[], |command| {
        command.env("NOTIFY_SOCKET", folder.path("notify")).env_remove("WATCHDOG_USEC");
    });
    listener.wait_for("STATUS=");
    daemon.stop();
    let rest = listener.wait_for("STOPPING=1");
    assert!(rest.iter().all(|message| !message.contains("WATCHDOG")), "{rest:?}");
}

#[test]
fn signs_of_life_go_on_while_another_process_holds_the_ledger() {
    let folder = Folder::new();
    let listener = Listener::new(&folder);
    let daemon = watch_by(&folder, &[], |command| {
        command.env("NOTIFY_SOCKET", folder.path("notify")).env("WATCHDOG_USEC", "30000000");
    });
    listener.wait_for("READY=1");
    // Shorter than the program's patience with a ledger where nobody waits for it.
    listener.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let held = ledger(&folder).unwrap();
    held.execute_batch("BEGIN EXCLUSIVE").unwrap();
    folder.write("in/a.png", pictures::png(30, 20, 1));
    for _ in 0..5 {
        listener.wait_for("WATCHDOG=1");
    }
    assert!(!folder.exists("out/a.png"));
    held.execute_batch("COMMIT").unwrap();
    daemon.until("the result", || folder.exists("out/a.png"));
    daemon.stop();
}
