//! File systems that other machines or programs change too: they send no events of that, and two names
//! may lead to one file without showing it.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{fstatfs, statfs};

/// Types of network and user-space file systems: statfs(2) and `linux/magic.h`.
const WITHOUT_EVENTS: &[(u32, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x7375_7245, "Coda"),
    (0x564c, "NCP"),
    (0x786f_4256, "VirtualBox shared folder"),
    (0xbacb_acbc, "VMware shared folder"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x2003_0528, "OrangeFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
];

/// Name of the file system of `folder` if it is known to send no events.
pub(crate) fn without_events(folder: &Path) -> Option<&'static str> {
    let found = statfs(folder).ok()?;
    name(found.f_type as u32)
}

/// The same of an open folder or file.
pub(super) fn of_handle(handle: impl AsFd) -> io::Result<Option<&'static str>> {
    Ok(name(fstatfs(handle)?.f_type as u32))
}

fn name(kind: u32) -> Option<&'static str> {
    WITHOUT_EVENTS.iter().find(|(known, _)| *known == kind).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_known_to_send_no_events_and_local_file_systems_to_send_them() {
        assert_eq!(name(0x6969), Some("NFS"));
        assert_eq!(name(0xff53_4d42), Some("SMB"));
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x4d44] {
            assert_eq!(name(local), None, "{local:x}");
        }
        assert_eq!(without_events(Path::new("/proc")), None);
    }
}
