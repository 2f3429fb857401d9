//! Files as a disk may hold them after the power fails.
//!
//! What was not synced may be there or not, each operation by itself and in any order, as POSIX allows
//! and as ALICE (Pillai and others, 2014) found file systems to do: a name without its content, a
//! later write without an earlier one, half of a write. A rename is there or not, never half.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Number of a file or a folder; 0 is the root.
pub(super) type Ino = usize;

/// What is done to the disk.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Create {
        folder: Ino,
        name: OsString,
        node: Ino,
        is_folder: bool,
    },
    Unlink {
        folder: Ino,
        name: OsString,
        node: Ino,
    },
    /// Puts `node` into the place `to`, and `exchanged`, which lay there, into the place `from`.
    Rename {
        from: (Ino, OsString),
        to: (Ino, OsString),
        node: Ino,
        exchanged: Option<Ino>,
    },
    Write {
        file: Ino,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        file: Ino,
        length: u64,
    },
    /// All writes to a file, or all changes of a folder's names, are there from here on.
    Sync {
        node: Ino,
    },
}

impl Op {
    /// The files and folders that must be synced before this is surely there.
    fn waits_for(&self) -> BTreeSet<Ino> {
        match self {
            Self::Create { folder, .. } | Self::Unlink { folder, .. } => [*folder].into(),
            Self::Rename { from, to, .. } => [from.0, to.0].into(),
            Self::Write { file, .. } | Self::Truncate { file, .. } => [*file].into(),
            Self::Sync { .. } => BTreeSet::new(),
        }
    }

    fn is_data(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::Truncate { .. })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    File(Vec<u8>),
    Folder(BTreeMap<OsString, Ino>),
}

/// Files and folders; those that no name leads to are lost.
#[derive(Clone, Debug)]
pub(super) struct Disk(BTreeMap<Ino, Node>);

/// Content of files by path; `None` for folders.
pub(super) type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

impl Disk {
    /// What lies in a folder now.
    pub(super) fn read(folder: &Path) -> Self {
        let mut disk = Self([(0, Node::Folder(BTreeMap::new()))].into());
        disk.read_into(0, folder);
        disk
    }

    fn read_into(&mut self, into: Ino, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
            let (node, is_folder) = (self.next(), path.is_dir());
            self.apply(&Op::Create { folder: into, name, node, is_folder });
            if is_folder {
                self.read_into(node, &path);
            } else {
                self.apply(&Op::Write { file: node, at: 0, bytes: fs::read(&path).unwrap() });
            }
        }
    }

    /// A number that is free.
    pub(super) fn next(&self) -> Ino {
        self.0.keys().max().unwrap() + 1
    }

    fn folder(&mut self, node: Ino) -> &mut BTreeMap<OsString, Ino> {
        match self.0.entry(node).or_insert_with(|| Node::Folder(BTreeMap::new())) {
            Node::Folder(names) => names,
            Node::File(_) => panic!("a file in place of a folder"),
        }
    }

    fn file(&mut self, node: Ino) -> &mut Vec<u8> {
        match self.0.entry(node).or_insert_with(|| Node::File(Vec::new())) {
            Node::File(bytes) => bytes,
            Node::Folder(_) => panic!("a folder in place of a file"),
        }
    }

    pub(super) fn entry(&self, folder: Ino, name: &OsStr) -> Option<Ino> {
        match &self.0[&folder] {
            Node::Folder(names) => names.get(name).copied(),
            Node::File(_) => None,
        }
    }

    pub(super) fn find(&self, below: &Path) -> Option<Ino> {
        below.iter().try_fold(0, |folder, name| self.entry(folder, name))
    }

    pub(super) fn length(&self, file: Ino) -> u64 {
        match &self.0[&file] {
            Node::File(bytes) => bytes.len() as u64,
            Node::Folder(_) => 0,
        }
    }

    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Create { folder, name, node, is_folder } => {
                if *is_folder {
                    self.folder(*node);
                } else {
                    self.file(*node);
                }
                self.folder(*folder).insert(name.clone(), *node);
            }
            Op::Unlink { folder, name, node } => self.take(*folder, name, *node),
            Op::Rename { from, to, node, exchanged } => {
                self.take(from.0, &from.1, *node);
                self.folder(to.0).insert(to.1.clone(), *node);
                if let Some(other) = exchanged {
                    self.folder(from.0).insert(from.1.clone(), *other);
                }
            }
            Op::Write { file, at, bytes } => {
                let (start, content) = (*at as usize, self.file(*file));
                let end = start + bytes.len();
                content.resize(content.len().max(end), 0);
                content[start..end].copy_from_slice(bytes);
            }
            Op::Truncate { file, length } => self.file(*file).resize(*length as usize, 0),
            Op::Sync { .. } => {}
        }
    }

    /// Takes a name away unless something else has it by now.
    fn take(&mut self, folder: Ino, name: &OsStr, node: Ino) {
        let names = self.folder(folder);
        if names.get(name) == Some(&node) {
            names.remove(name);
        }
    }

    /// What names lead to.
    pub(super) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        self.walk(0, Path::new(""), &mut tree);
        tree
    }

    fn walk(&self, node: Ino, path: &Path, tree: &mut Tree) {
        match self.0.get(&node) {
            Some(Node::File(bytes)) => drop(tree.insert(path.to_path_buf(), Some(bytes.clone()))),
            Some(Node::Folder(names)) => {
                tree.insert(path.to_path_buf(), None);
                for (name, &node) in names {
                    self.walk(node, &path.join(name), tree);
                }
            }
            // Its name was written, and nothing else.
            None => drop(tree.insert(path.to_path_buf(), Some(Vec::new()))),
        }
    }
}

/// Writes files into an empty folder.
pub(super) fn write(tree: &Tree, folder: &Path) {
    for (path, content) in tree {
        let path = folder.join(path);
        match content {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => fs::create_dir_all(path).unwrap(),
        }
    }
}

/// A small generator, the same numbers every time.
struct Random(u32);

impl Random {
    fn bit(&mut self) -> bool {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 31 == 1
    }
}

/// What the disk may hold when the power fails while `ops` are done, each once. Where very many orders
/// are possible, all beginnings, all but one, one alone, names alone, contents alone, and some at random.
pub(super) fn states(start: &Disk, ops: &[Op], is_ledger: &dyn Fn(Ino) -> bool) -> Vec<Tree> {
    let mut states = States { found: Vec::new(), seen: BTreeSet::new() };
    let mut durable = start.clone();
    let mut pending: Vec<(&Op, BTreeSet<Ino>)> = Vec::new();
    let mut random = Random(1);
    for op in ops {
        let Op::Sync { node } = op else {
            pending.push((op, op.waits_for()));
            continue;
        };
        states.collect(&durable, &pending, is_ledger, &mut random);
        for (_, waits) in &mut pending {
            waits.remove(node);
        }
        for (op, _) in pending.extract_if(.., |(_, waits)| waits.is_empty()) {
            durable.apply(op);
        }
    }
    states.collect(&durable, &pending, is_ledger, &mut random);
    states.found
}

struct States {
    found: Vec<Tree>,
    seen: BTreeSet<u64>,
}

impl States {
    fn collect(
        &mut self,
        durable: &Disk,
        pending: &[(&Op, BTreeSet<Ino>)],
        is_ledger: &dyn Fn(Ino) -> bool,
        random: &mut Random,
    ) {
        let count = pending.len();
        let ops: Vec<&Op> = pending.iter().map(|(op, _)| *op).collect();
        let of_ledger = |op: &&Op| op.is_data() && op.waits_for().into_iter().all(is_ledger);
        let mut choices: Vec<Vec<bool>> = Vec::new();
        let mut choose = |chosen: &mut dyn FnMut(usize) -> bool| {
            choices.push((0..count).map(chosen).collect());
        };
        if ops.iter().all(of_ledger) {
            // SQLite's own care; a few are enough.
            choose(&mut |_| false);
            choose(&mut |_| true);
            choose(&mut |place| place < count / 2);
            choose(&mut |place| place >= count / 2);
        } else if count <= 6 {
            (0..1_usize << count).for_each(|mask| choose(&mut |place| mask >> place & 1 == 1));
        } else {
            (0..=count).for_each(|end| choose(&mut |place| place < end));
            (0..count).for_each(|one| choose(&mut |place| place != one));
            (0..count).for_each(|one| choose(&mut |place| place == one));
            choose(&mut |place| ops[place].is_data());
            choose(&mut |place| !ops[place].is_data());
            (0..20).for_each(|_| choose(&mut |_| random.bit()));
        }
        for chosen in choices {
            let chosen = ops.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(op, _)| *op);
            let (mut before, mut last) = (durable.clone(), None);
            for op in chosen {
                last.replace(op).inspect(|op| before.apply(op));
            }
            // The last write, torn and whole.
            if let Some(Op::Write { file, at, bytes }) = last
                && bytes.len() > 512
            {
                let mut torn = before.clone();
                let bytes = bytes[..bytes.len() / 2].to_vec();
                torn.apply(&Op::Write { file: *file, at: *at, bytes });
                self.add(torn.tree());
            }
            last.inspect(|op| before.apply(op));
            self.add(before.tree());
        }
    }

    fn add(&mut self, tree: Tree) {
        let mut hasher = DefaultHasher::new();
        tree.hash(&mut hasher);
        if self.seen.insert(hasher.finish()) {
            self.found.push(tree);
        }
    }
}
