//! Which tags of a file may be carried, and which were left out.

use std::collections::BTreeSet;

use crate::Notice;

/// How many bytes of tags may still be carried, and what was left out so far.
///
/// Entries may point to the same bytes, so that a small file would ask for many: all values together
/// have no more bytes than what they are read from. The first ones in the file's order are carried.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: usize,
    over: BTreeSet<u16>,
    unreadable: BTreeSet<u16>,
    /// Entries beyond the end of what they are read from, whose tags are not known.
    cut_off: usize,
}

impl Allowance {
    pub(crate) fn new(bytes: usize) -> Self {
        let (over, unreadable) = (BTreeSet::new(), BTreeSet::new());
        Self { left: bytes, over, unreadable, cut_off: 0 }
    }

    /// Whether a tag of so many bytes may be carried; if not, that is noted.
    pub(crate) fn take(&mut self, tag: u16, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        match left {
            Some(left) => self.left = left,
            None => _ = self.over.insert(tag),
        }
        left.is_some()
    }

    /// Notes a tag of no known type, or whose value lies nowhere.
    pub(crate) fn unreadable(&mut self, tag: u16) {
        self.unreadable.insert(tag);
    }

    /// Notes an entry that lies nowhere.
    pub(crate) fn cut_off(&mut self) {
        self.cut_off += 1;
    }

    /// What is told of it.
    pub(crate) fn into_notices(self) -> impl Iterator<Item = Notice> {
        let count = self.unreadable.len() + self.cut_off;
        let tags = self.unreadable.into_iter().collect();
        let unreadable = (count > 0).then_some(Notice::TagsUnreadable { count, tags });
        let tags: Vec<u16> = self.over.into_iter().collect();
        let over = (!tags.is_empty()).then_some(Notice::TagsOverLimit { tags });
        unreadable.into_iter().chain(over)
    }
}
