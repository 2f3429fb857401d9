//! What a program did to the files below a folder, read from the record of `strace`.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::disk::{Disk, Ino, Op};

/// System calls that change files, or say where the next write goes.
pub(super) const CALLS: &str = "trace=openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,lseek,fcntl,\
    ftruncate,fallocate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,symlink,\
    symlinkat,fsync,fdatasync,sync,syncfs,copy_file_range,sendfile,mmap,ioctl,truncate,dup,dup2,dup3";

/// A file that is open: descriptors that were duplicated share their place in it.
type Place = Rc<Cell<u64>>;

/// Reads the record of a program that worked below `root`, which held `start`; gives what it did.
pub(super) fn read(text: &str, root: &Path, start: &Disk) -> Vec<Op> {
    let mut reader = Reader {
        root: root.to_path_buf(),
        live: start.clone(),
        open: HashMap::new(),
        ops: Vec::new(),
    };
    let mut unfinished: HashMap<&str, &str> = HashMap::new();
    for line in text.lines() {
        let (process, line) = line.trim_start().split_once(' ').expect("a process and its call");
        let line = line.trim_start();
        if let Some(begun) = line.strip_suffix("<unfinished ...>") {
            unfinished.insert(process, begun);
        } else if let Some((_, rest)) =
            line.strip_prefix("<... ").and_then(|line| line.split_once(" resumed>"))
        {
            let begun = unfinished.remove(process).expect("a call that began");
            reader.call(&format!("{begun}{rest}"));
        } else {
            reader.call(line);
        }
    }
    reader.ops
}

struct Reader {
    root: PathBuf,
    /// The files as the program saw them.
    live: Disk,
    open: HashMap<u64, Place>,
    ops: Vec<Op>,
}

impl Reader {
    fn call(&mut self, line: &str) {
        let Some((call, result)) = line.rsplit_once(" = ") else { return }; // how it ended
        let Some((name, arguments)) = call.split_once('(') else { return };
        if result.starts_with(['-', '?']) {
            return;
        }
        let arguments = Arguments(arguments);
        match name {
            "openat" | "openat2" | "creat" => self.opened(&arguments, result),
            "lseek" => {
                let place = self.open.get(&arguments.descriptor());
                place.inspect(|place| place.set(number(result)));
            }
            "fcntl" if arguments.0.contains("F_DUPFD") => {
                if let Some(place) = self.open.get(&arguments.descriptor()).cloned() {
                    self.open.insert(number(result), place);
                }
            }
            "fcntl" => {}
            "write" | "writev" => self.written(&arguments, number(result), None),
            "pwrite64" | "pwritev" | "pwritev2" => {
                let at = arguments.0.trim_end_matches(')').rsplit(", ").next().expect("an offset");
                self.written(&arguments, number(result), Some(number(at)));
            }
            "ftruncate" | "fallocate" => {
                let length = number(arguments.0.trim_end_matches(')').rsplit(", ").next().unwrap());
                if let Some(file) = self.file(&arguments) {
                    let length = if name == "fallocate" {
                        length.max(self.live.length(file))
                    } else {
                        length
                    };
                    self.push(Op::Truncate { file, length });
                }
            }
            "fsync" | "fdatasync" => {
                if let Some(node) = self.file(&arguments) {
                    self.push(Op::Sync { node });
                }
            }
            "mkdir" | "mkdirat" => {
                let path = arguments.paths(1);
                self.entry(&path[0], true);
            }
            "unlink" | "unlinkat" | "rmdir" => {
                if let Some((folder, name)) = self.place(&arguments.paths(1)[0]) {
                    let node = self.live.entry(folder, &name).expect("what was removed");
                    self.push(Op::Unlink { folder, name, node });
                }
            }
            "rename" | "renameat" | "renameat2" => {
                let paths = arguments.paths(2);
                let (from, to) = (self.place(&paths[0]), self.place(&paths[1]));
                if let (Some(from), Some(to)) = (&from, &to) {
                    let node = self.live.entry(from.0, &from.1).expect("what was renamed");
                    let exchanged = arguments.0.contains("RENAME_EXCHANGE");
                    let exchanged = exchanged.then(|| self.live.entry(to.0, &to.1).unwrap());
                    let (from, to) = (from.clone(), to.clone());
                    self.push(Op::Rename { from, to, node, exchanged });
                } else {
                    assert!(from.is_none() && to.is_none(), "a rename across the folder: {line}");
                }
            }
            "ioctl" => assert!(!line.contains("FICLONE"), "not modelled: {line}"),
            "mmap" => {
                let writes = line.contains("MAP_SHARED") && line.contains("PROT_WRITE");
                assert!(!writes || self.file(&arguments).is_none(), "not modelled: {line}");
            }
            _ => {
                let paths = arguments.paths(2);
                let ours = paths.iter().any(|path| path.starts_with(&self.root));
                assert!(!ours && self.file(&arguments).is_none(), "not modelled: {line}");
            }
        }
    }

    fn push(&mut self, op: Op) {
        self.live.apply(&op);
        self.ops.push(op);
    }

    fn opened(&mut self, arguments: &Arguments<'_>, result: &str) {
        let Some(path) = annotated(result) else { return };
        let Some((folder, name)) = self.place(&path) else { return };
        let flags = arguments.0;
        let node = match self.live.entry(folder, &name) {
            Some(node) => node,
            None if flags.contains("O_CREAT") => {
                assert!(!flags.contains("O_TMPFILE"), "not modelled");
                self.entry(&path, false)
            }
            None => return, // the folder itself
        };
        if flags.contains("O_TRUNC") && self.live.length(node) > 0 {
            self.push(Op::Truncate { file: node, length: 0 });
        }
        let end = if flags.contains("O_APPEND") { self.live.length(node) } else { 0 };
        self.open.insert(number(result), Rc::new(Cell::new(end)));
    }

    /// Makes a file or a folder.
    fn entry(&mut self, path: &Path, is_folder: bool) -> Ino {
        let Some((folder, name)) = self.place(path) else { return 0 };
        let node = self.live.next();
        self.push(Op::Create { folder, name, node, is_folder });
        node
    }

    fn written(&mut self, arguments: &Arguments<'_>, length: u64, at: Option<u64>) {
        let Some(file) = self.file(arguments) else { return };
        let mut bytes: Vec<u8> = arguments.strings().concat();
        bytes.truncate(length as usize);
        assert_eq!(bytes.len() as u64, length, "strace cut a string");
        let at = at.unwrap_or_else(|| {
            let place = self.open.get(&arguments.descriptor()).expect("a file that was opened");
            place.replace(place.get() + length)
        });
        self.push(Op::Write { file, at, bytes });
    }

    /// The file or folder of the first argument's descriptor, where it is one of the folder's.
    fn file(&self, arguments: &Arguments<'_>) -> Option<Ino> {
        let path = annotated(arguments.0)?;
        let below = path.strip_prefix(&self.root).ok()?;
        self.live.find(below)
    }

    /// The folder that a path lies in, and its name there; `None` outside of the root.
    fn place(&self, path: &Path) -> Option<(Ino, OsString)> {
        let path = self.root.join(path); // relative ones start there
        let below = path.strip_prefix(&self.root).ok()?;
        let folder = self.live.find(below.parent()?).expect("a folder");
        Some((folder, below.file_name()?.to_owned()))
    }
}

/// A call's arguments as strace writes them, strings in hexadecimal.
struct Arguments<'a>(&'a str);

impl Arguments<'_> {
    fn descriptor(&self) -> u64 {
        number(self.0)
    }

    /// All strings.
    fn strings(&self) -> Vec<Vec<u8>> {
        assert!(!self.0.contains("\"..."), "strace cut a string");
        self.0.split('"').skip(1).step_by(2).map(bytes).collect()
    }

    /// The first `count` strings as paths, each below the folder whose descriptor goes before it.
    fn paths(&self, count: usize) -> Vec<PathBuf> {
        let parts: Vec<&str> = self.0.split('"').collect();
        let pairs = parts.chunks(2).filter(|pair| pair.len() == 2).take(count);
        let join = |pair: &[&str]| {
            let name = PathBuf::from(OsString::from_vec(bytes(pair[1])));
            annotated(pair[0]).map_or_else(|| name.clone(), |folder| folder.join(&name))
        };
        pairs.map(join).collect()
    }
}

/// The path in `5<path>`.
fn annotated(text: &str) -> Option<PathBuf> {
    let (path, rest) = text.split_once('<')?.1.split_once('>')?;
    let is_gone = rest.starts_with("(deleted)");
    (!is_gone).then(|| PathBuf::from(OsString::from_vec(bytes(path))))
}

/// Bytes written as `\x41\x42`.
fn bytes(hexadecimal: &str) -> Vec<u8> {
    let byte = |code| u8::from_str_radix(code, 16).expect("two digits");
    hexadecimal.split("\\x").skip(1).map(byte).collect()
}

/// The number at the beginning.
fn number(text: &str) -> u64 {
    let end = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().unwrap_or_else(|_| panic!("no number: {text}"))
}
