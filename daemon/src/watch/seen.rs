//! Files of which the ledger said that nothing is to be done, so that looking again costs no query.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use crate::files::fingerprint::Stamp;

/// Hashes of paths and of their stamps: 16 bytes a file. An entry misleads only if both of two
/// files' 64-bit hashes agree.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<u64, u64>);

impl Seen {
    pub(super) fn insert(&mut self, path: &Path, stamp: &Stamp) {
        self.0.insert(hash(path), hash(stamp));
    }

    pub(super) fn contains(&self, path: &Path, stamp: &Stamp) -> bool {
        self.0.get(&hash(path)) == Some(&hash(stamp))
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.0.remove(&hash(path));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
