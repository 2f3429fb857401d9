//! A PostgreSQL server of a test's own, and a way to it that breaks.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::daemon;

/// Users that a server may run as where the test is root, which it may not.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A server on a socket in a folder of its own, ended when dropped.
pub struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    child: Option<Child>,
}

impl Server {
    /// Starts one; `None`, and says so, where PostgreSQL is not installed.
    #[expect(clippy::print_stdout, reason = "a test that skips says so")]
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("POLYCHROMIFY_READERS").is_none(), "PostgreSQL is missing");
            println!("skipped: PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let mut server = Self { folder, programs, child: None };
        let data = server.path("data");
        let made = server
            .program("initdb")
            .args(["-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        server.go_on();
        Some(server)
    }

    /// Starts it again after [`kill`](Self::kill).
    pub fn go_on(&mut self) {
        // What tests show does not depend on the disk.
        let mut program = self.program("postgres");
        program.arg("-D").arg(self.path("data")).arg("-k").arg(self.folder.path());
        program.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=100"]);
        let log = fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        let child = program.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.child = Some(child);
        daemon::until("the server", || self.try_ask("SELECT 1").is_some());
    }

    /// Ends it as a failure of the machine does.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        // At once, without asking anybody.
        kill_process(Pid::from_child(&child), Signal::QUIT).unwrap();
        child.wait().unwrap();
    }

    /// The address of its database, over its own socket or another one.
    pub fn url(&self) -> String {
        self.url_at(self.folder.path())
    }

    pub fn url_at(&self, socket: &Path) -> String {
        let host = socket.display().to_string().replace('/', "%2F");
        format!("postgres://tester@{host}/postgres")
    }

    /// What a statement gives, a line a row.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> String {
        self.try_ask(sql).unwrap_or_else(|| panic!("{sql}"))
    }

    fn try_ask(&self, sql: &str) -> Option<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-U", "tester", "-d", "postgres", "-c", sql, "-h"]);
        let asked = psql.arg(self.folder.path()).output().unwrap();
        let told = String::from_utf8(asked.stdout).unwrap();
        asked.status.success().then(|| told.trim().to_owned())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        if !getuid().is_root() {
            return Command::new(program);
        }
        let is_there = |user: &&&str| {
            Command::new("id").arg(user).output().is_ok_and(|id| id.status.success())
        };
        let user = USERS.iter().find(is_there).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--clear-groups", "--"]).arg(program);
        command.current_dir(self.folder.path());
        command
    }

    /// A way to the server that breaks when [`Cut`] says so.
    pub fn by_a_way_that_breaks(&self, cut: Cut) -> Way {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let (server, cuts) = (self.path(SOCKET), Arc::new(AtomicUsize::new(0)));
        let (counts, asked) = (Arc::clone(&cuts), Arc::new(AtomicUsize::new(0)));
        thread::spawn(move || {
            for near in listener.incoming() {
                let (Ok(near), Ok(far)) = (near, UnixStream::connect(&server)) else { continue };
                let (asked, counts) = (Arc::clone(&asked), Arc::clone(&counts));
                thread::spawn(move || carry(&near, &far, cut, &asked, &counts));
            }
        });
        Way { folder, cuts }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// Name of a server's socket of the usual port.
const SOCKET: &str = ".s.PGSQL.5432";

/// When a way to a server breaks: at each so many of these.
#[derive(Clone, Copy)]
pub enum Cut {
    /// What is asked is not carried on.
    Before(usize),
    /// A transaction ends, and nobody learns of it.
    AfterCommit(usize),
}

/// A socket that leads to a server.
pub struct Way {
    folder: tempfile::TempDir,
    cuts: Arc<AtomicUsize>,
}

impl Way {
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How often it broke.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

fn carry(
    mut near: &UnixStream,
    mut far: &UnixStream,
    cut: Cut,
    asked: &AtomicUsize,
    cuts: &AtomicUsize,
) {
    let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
    thread::spawn(move || {
        let (mut far, mut near) = back;
        let _ = std::io::copy(&mut far, &mut near);
        let _ = near.shutdown(std::net::Shutdown::Both);
    });
    let mut bytes = vec![0; 1 << 16];
    while let Ok(read @ 1..) = near.read(&mut bytes) {
        let is_commit = bytes[..read].windows(6).any(|part| part == b"COMMIT");
        let is_due = |every: usize| asked.fetch_add(1, Ordering::Relaxed) % every == every - 1;
        let breaks = match cut {
            Cut::Before(every) => is_due(every),
            Cut::AfterCommit(every) => is_commit && is_due(every),
        };
        if breaks {
            cuts.fetch_add(1, Ordering::Relaxed);
            if matches!(cut, Cut::AfterCommit(_)) {
                // The answer goes nowhere.
                let _ = near.shutdown(std::net::Shutdown::Both);
                let _ = far.write_all(&bytes[..read]);
                thread::sleep(Duration::from_millis(100));
            }
            break;
        }
        if far.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = near.shutdown(std::net::Shutdown::Both);
    let _ = far.shutdown(std::net::Shutdown::Both);
}

/// Where PostgreSQL's programs lie: Debian keeps those of servers out of the way.
fn programs() -> Option<PathBuf> {
    let of_debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let of_debian = of_debian.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = of_debian.chain(std::env::split_paths(&path));
    folders
        .find(|folder| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).exists()))
}
