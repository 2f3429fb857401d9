//! The GIMPs of this machine, with the plug-in installed, and scripts run in them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{LazyLock, OnceLock};

/// What `scripts/debian-chroot --gimp` makes for root on a Debian that has GIMP 2 alone;
/// `POLYCHROMIFY_GIMP3` names another one.
const CHROOT: &str = "/var/cache/polychromify/gimp3-trixie";

/// A small seeded network of strong colors.
pub(crate) const TINY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/assets/tiny.safetensors");

/// Seconds that a script may take on a busy machine.
const LIMIT: &str = "300";

/// A GIMP that can be run without a window.
pub(crate) struct Gimp {
    /// `2.10`, `3.0`, `3.2`: the name of its profile.
    pub(crate) version: String,
    program: PathBuf,
    /// The folder that is `/` for it.
    root: PathBuf,
    installed: OnceLock<Installed>,
}

/// The folder of one GIMP's tests, as seen from outside of a chroot.
struct Installed {
    folder: PathBuf,
    _lock: File, // a second run of these tests waits for this one's end
}

static GIMPS: LazyLock<Vec<Gimp>> = LazyLock::new(|| {
    let programs = Path::new("/usr/bin");
    let mut gimps = Vec::from_iter(Gimp::find(Path::new("/"), programs, &["2.10"]));
    let three = ["3.2", "3.0"];
    let chroot = PathBuf::from(std::env::var_os("POLYCHROMIFY_GIMP3").unwrap_or(CHROOT.into()));
    let native = Gimp::find(Path::new("/"), programs, &three);
    gimps.extend(native.or_else(|| {
        let root = rustix::process::getuid().is_root(); // nobody else may chroot
        Gimp::find(&chroot, &chroot.join("usr/bin"), &three).filter(|_| root)
    }));
    gimps
});

/// Runs a test in each GIMP that this machine has, and says which it lacks.
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
pub(crate) fn in_each(mut test: impl FnMut(&Gimp)) {
    for (major, hint) in
        [("2", "apt-get install gimp"), ("3", "scripts/debian-chroot --gimp, as root")]
    {
        match GIMPS.iter().find(|gimp| gimp.version.starts_with(major)) {
            Some(gimp) => test(gimp),
            None => println!("skipped: no GIMP {major} here ({hint})"),
        }
    }
}

impl Gimp {
    fn find(root: &Path, programs: &Path, versions: &[&str]) -> Option<Self> {
        let program = |version: &&str| programs.join(format!("gimp-console-{version}"));
        let version = versions.iter().find(|version| program(version).exists())?;
        Some(Self {
            version: (*version).to_owned(),
            program: Path::new("/").join(program(version).strip_prefix(root).ok()?),
            root: root.to_path_buf(),
            installed: OnceLock::new(),
        })
    }

    /// Whether this is GIMP 3, of any minor version.
    pub(crate) fn is_3(&self) -> bool {
        self.version.starts_with('3')
    }

    /// The folder of this GIMP's tests, with `home/.config/GIMP/VERSION` as the profile, where the
    /// plug-in was installed by its own command and which GIMP has seen once.
    fn folder(&self) -> &Path {
        &self.installed.get_or_init(|| self.install()).folder
    }

    fn install(&self) -> Installed {
        let tests = if self.root == Path::new("/") {
            PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        } else {
            self.root.join("tmp")
        };
        let mut tree = DefaultHasher::new();
        env!("CARGO_MANIFEST_DIR").hash(&mut tree);
        let name = format!("polychromify-{:016x}-gimp-{}", tree.finish(), self.version);
        let folder = tests.join(&name);
        let lock = File::create(tests.join(format!("{name}.lock"))).unwrap();
        lock.lock().unwrap();
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        let home = folder.join("home");
        fs::create_dir_all(home.join(".config/GIMP").join(&self.version)).unwrap();
        let mut install = Command::new(env!("CARGO_BIN_EXE_polychromify-gimp"));
        let run = install.arg("install").env_clear().env("HOME", &home).output().unwrap();
        assert!(run.status.success(), "polychromify-gimp install: {run:#?}");
        fs::copy(TINY, folder.join("tiny.safetensors")).unwrap();
        let installed = Installed { folder, _lock: lock };
        let first = self.run(&installed.folder, &installed.folder, "");
        assert!(first.contains("batch command executed successfully"), "{first}");
        installed
    }

    fn profile(&self) -> PathBuf {
        self.folder().join("home/.config/GIMP").join(&self.version)
    }

    /// The file in which GIMP keeps what its plug-ins registered.
    pub(crate) fn registered(&self) -> String {
        let content = fs::read(self.profile().join("pluginrc")).unwrap();
        String::from_utf8_lossy(&content).into_owned()
    }

    /// A folder for one test.
    pub(crate) fn case(&self) -> Case<'_> {
        Case { folder: tempfile::tempdir_in(self.folder()).unwrap(), gimp: self }
    }

    /// A path as this GIMP sees it.
    fn inside(&self, path: &Path) -> PathBuf {
        Path::new("/").join(path.strip_prefix(&self.root).unwrap())
    }

    /// A command in a folder, with a time limit and an empty environment; a program follows.
    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", LIMIT]);
        if self.root != Path::new("/") {
            command.arg("chroot").arg(&self.root);
        }
        command.arg("env").arg("-C").arg(self.inside(folder));
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    /// Runs a script in a folder, and gives what GIMP printed.
    fn run(&self, tests: &Path, folder: &Path, script: &str) -> String {
        fs::write(folder.join("script.scm"), script).unwrap();
        let mut command = self.command(folder);
        let home = self.inside(&tests.join("home"));
        command.arg(&self.program);
        command.args("-i -d -f -c --stack-trace-mode=never".split(' '));
        if self.is_3() {
            command.args(["--quit", "--batch-interpreter=plug-in-script-fu-eval"]);
        }
        command.args(["-b", r#"(load "script.scm")"#]);
        if !self.is_3() {
            command.args(["-b", "(gimp-quit 0)"]);
        }
        let major = if self.is_3() { "3" } else { "2" };
        let profile = home.join(".config/GIMP").join(&self.version);
        command.env(format!("GIMP{major}_DIRECTORY"), profile).env("HOME", home);
        let run = command.output().unwrap();
        [run.stdout, run.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
    }
}

/// A folder in which a script is run.
pub(crate) struct Case<'a> {
    folder: tempfile::TempDir,
    gimp: &'a Gimp,
}

impl Case<'_> {
    /// Adds a file.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file's path as GIMP sees it.
    pub(crate) fn inside(&self, name: &str) -> String {
        self.gimp.inside(&self.path(name)).display().to_string()
    }

    /// Starts the plug-in as GIMP does, where this folder's libraries come before the system's.
    pub(crate) fn plug_in_with_libraries_here(&self) -> Output {
        let three = ["-gimp", "277", "5", "6", "-query", "0"]; // with the protocol's number
        let two = ["-gimp", "5", "6", "-query", "0"];
        let arguments = if self.gimp.is_3() { three.as_slice() } else { &two };
        let program = self.gimp.profile().join("plug-ins/polychromify-gimp/polychromify-gimp");
        let mut command = self.gimp.command(self.folder.path());
        command.arg(self.gimp.inside(&program)).args(arguments);
        command.env("LD_LIBRARY_PATH", self.inside("")).output().unwrap()
    }

    /// Runs a script after the definitions of `common.scm`; it has to reach its end.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Report {
        let console = self.try_run(script);
        let report = Report { console, ..self.report() };
        assert!(report.lines.contains_key("end"), "GIMP {}: {report:#?}", self.gimp.version);
        report
    }

    /// Runs a script that may not reach its end, and gives what GIMP printed.
    pub(crate) fn try_run(&self, script: &str) -> String {
        let version =
            if self.gimp.is_3() { include_str!("three.scm") } else { include_str!("two.scm") };
        let common = include_str!("common.scm");
        let tiny = self.gimp.inside(&self.gimp.folder().join("tiny.safetensors"));
        let script = format!(
            "{version}{common}(define tiny \"{}\")\n{script}\n(say \"end\")\n\
             (close-output-port report)\n",
            tiny.display()
        );
        self.gimp.run(self.gimp.folder(), self.folder.path(), &script)
    }

    /// What the last script said.
    pub(crate) fn report(&self) -> Report {
        let lines = fs::read_to_string(self.path("report")).unwrap_or_default();
        let lines = lines
            .lines()
            .map(|line| line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Report { lines, console: String::new() }
    }
}

/// What a script said, and what GIMP printed.
#[derive(Debug)]
pub(crate) struct Report {
    lines: BTreeMap<String, String>,
    #[expect(dead_code, reason = "read in the message of a test that fails")]
    console: String,
}

impl Report {
    /// What the script said under a name.
    #[track_caller]
    pub(crate) fn said(&self, name: &str) -> &str {
        self.lines.get(name).unwrap_or_else(|| panic!("no {name} in {self:#?}"))
    }
}
