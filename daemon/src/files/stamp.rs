//! Telling whether a file changed without reading it.

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::files::system::told;

/// Size and times of a file. Equal stamps mean equal content, where [`Stamp::is_settled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    /// Bytes.
    pub(crate) size: i64,
    /// Last change of the content, nanoseconds since 1970.
    pub(crate) modified: i64,
    /// Last change of content or attributes, nanoseconds since 1970. No program can set it.
    pub(crate) changed: i64,
}

/// Coarsest time of a file system in use: FAT keeps 2 seconds.
const COARSEST: Duration = Duration::from_secs(2);

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        told::stamp(metadata)
    }

    /// Whether a file could change now and keep its stamp. One whose times are ahead of the clock,
    /// as after that was set back, is not young for as long as that takes.
    pub(crate) fn is_young(&self, now: SystemTime) -> bool {
        !self.is_settled(now) && self.latest() <= now
    }

    fn latest(&self) -> SystemTime {
        let latest = self.modified.max(self.changed).max(0);
        UNIX_EPOCH + Duration::from_nanos(latest.cast_unsigned())
    }

    /// Whether a change after `read_at` would show in the times. A file written in the same tick
    /// of its file system's clock could change again and keep its stamp.
    pub(crate) fn is_settled(&self, read_at: SystemTime) -> bool {
        self.latest() + COARSEST < read_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_younger_than_the_coarsest_clock_is_not_trusted() {
        let stamp = Stamp { size: 1, modified: 5_000_000_000, changed: 4_000_000_000 };
        assert!(!stamp.is_settled(UNIX_EPOCH + Duration::from_secs(6)));
        assert!(stamp.is_settled(UNIX_EPOCH + Duration::from_secs(8)));
        let is_young = |second| stamp.is_young(UNIX_EPOCH + Duration::from_secs(second));
        assert!(is_young(6) && !is_young(8));
        assert!(!is_young(4), "it is ahead of the clock");
    }
}
