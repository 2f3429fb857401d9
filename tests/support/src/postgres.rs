//! A PostgreSQL server of a test's own, and a way to it that breaks.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
    port: u16,
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
        let mut server = Self { folder, programs, child: None, port: 5432 };
        let data = server.path("data");
        let made = server
            .program("initdb")
            .args(["-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        fs::write(server.path("data/postgresql.auto.conf"), "listen_addresses = ''\n").unwrap();
        server.go_on();
        Some(server)
    }

    /// Starts it again after [`kill`](Self::kill).
    pub fn go_on(&mut self) {
        // What tests show does not depend on the disk.
        let mut program = self.program("postgres");
        program.arg("-D").arg(self.path("data")).arg("-k").arg(self.folder.path());
        program.args(["-c", "fsync=off", "-c", "max_connections=100"]);
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

    /// Starts it again with a port, to which it lets in none but who encrypts: its certificate, which it
    /// signed itself, is for `localhost`. Gives the port, and the certificate if there is `openssl`.
    pub fn encrypt(&mut self) -> Option<(u16, PathBuf)> {
        let (certificate, key) = (self.path("certificate"), self.path("key"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]);
        openssl.args(["-addext", "subjectAltName=DNS:localhost", "-days", "2"]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-out"]).arg(&certificate);
        let made = openssl.arg("-keyout").arg(&key).output().ok()?;
        assert!(made.status.success(), "{made:?}");
        let owner = fs::metadata(self.path("data")).unwrap();
        std::os::unix::fs::chown(&key, Some(owner.uid()), None).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let told = format!(
            "listen_addresses = 'localhost'\nport = {port}\nssl = on\nssl_cert_file = '{}'\n\
             ssl_key_file = '{}'\n",
            certificate.display(),
            key.display()
        );
        self.kill();
        fs::write(self.path("data/postgresql.auto.conf"), told).unwrap();
        let who = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n\
                   hostssl all all ::1/128 trust\n";
        fs::write(self.path("data/pg_hba.conf"), who).unwrap();
        self.port = port;
        self.go_on();
        Some((port, certificate))
    }

    /// The address of a database of its own, which is made.
    pub fn url_of(&self, database: &str) -> String {
        self.ask(&format!("CREATE DATABASE {database}"));
        self.url().replace("/postgres", &format!("/{database}"))
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
        psql.arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        let asked = psql.output().unwrap();
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
        let (server, told) = (self.path(SOCKET), Arc::new(Told::default()));
        let tells = Arc::clone(&told);
        thread::spawn(move || {
            for near in listener.incoming() {
                let (Ok(near), Ok(far)) = (near, UnixStream::connect(&server)) else { continue };
                let told = Arc::clone(&tells);
                thread::spawn(move || carry(&near, &far, cut, &told));
            }
        });
        Way { folder, told }
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

/// When a way to a server breaks.
#[derive(Clone, Copy)]
pub enum Cut {
    Never,
    /// At each so many: what is asked is not carried on.
    Before(usize),
    /// At each so many: a transaction ends, and nobody learns of it.
    AfterCommit(usize),
    /// It does not break, but holds the first statement with these words until it is let go.
    HoldStatement(&'static str),
    /// The same with the answer to the end of that statement's transaction.
    HoldCommit(&'static str),
}

/// A socket that leads to a server.
pub struct Way {
    folder: tempfile::TempDir,
    told: Arc<Told>,
}

/// What happened on a way.
#[derive(Default)]
struct Told {
    asked: AtomicUsize,
    commits: AtomicUsize,
    cuts: AtomicUsize,
    /// Something is held.
    is_reached: AtomicBool,
    is_let_go: AtomicBool,
}

impl Way {
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How often it broke.
    pub fn cuts(&self) -> usize {
        self.told.cuts.load(Ordering::Relaxed)
    }

    /// How often the server was asked, at least: a message to it, or several together.
    pub fn asked(&self) -> usize {
        self.told.asked.load(Ordering::Relaxed)
    }

    /// Whether what is to be held is.
    pub fn is_held(&self) -> bool {
        self.told.is_reached.load(Ordering::Relaxed)
    }

    /// Waits until what is to be held is.
    #[track_caller]
    pub fn until_held(&self) {
        daemon::until("what is held", || self.is_held());
    }

    /// Carries on what it holds.
    pub fn let_go(&self) {
        self.told.is_let_go.store(true, Ordering::Relaxed);
    }
}

impl Told {
    /// Holds what comes by until it is let go, once.
    fn hold(&self) {
        if !self.is_reached.swap(true, Ordering::Relaxed) {
            daemon::until("the end of a hold", || self.is_let_go.load(Ordering::Relaxed));
        }
    }
}

fn carry(mut near: &UnixStream, mut far: &UnixStream, cut: Cut, told: &Arc<Told>) {
    let ends = Arc::new(AtomicBool::new(false)); // the transaction whose end is held
    let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
    let (back_ends, back_told) = (Arc::clone(&ends), Arc::clone(told));
    thread::spawn(move || answer(back.0, back.1, &back_ends, &back_told));
    let mut bytes = vec![0; 1 << 16];
    let mut holds = false;
    while let Ok(read @ 1..) = near.read(&mut bytes) {
        told.asked.fetch_add(1, Ordering::Relaxed);
        let says = |words: &str| bytes[..read].windows(words.len()).any(|w| w == words.as_bytes());
        let is_due = |every: usize| told.asked.load(Ordering::Relaxed).is_multiple_of(every);
        let breaks = match cut {
            Cut::Never => false,
            Cut::Before(every) => is_due(every),
            Cut::AfterCommit(every) => {
                says("COMMIT") && told.commits.fetch_add(1, Ordering::Relaxed) % every == every - 1
            }
            Cut::HoldStatement(words) => {
                if says(words) {
                    told.hold();
                }
                false
            }
            Cut::HoldCommit(words) => {
                holds |= says(words);
                ends.fetch_or(holds && says("COMMIT"), Ordering::Relaxed);
                false
            }
        };
        if breaks {
            told.cuts.fetch_add(1, Ordering::Relaxed);
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

/// Carries what the server answers, but for what is held.
fn answer(mut far: UnixStream, mut near: UnixStream, ends: &AtomicBool, told: &Told) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(read @ 1..) = far.read(&mut bytes) {
        if ends.load(Ordering::Relaxed) {
            told.hold();
        }
        if near.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = near.shutdown(std::net::Shutdown::Both);
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
