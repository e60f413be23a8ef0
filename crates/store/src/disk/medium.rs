//! What kind of file system a store lies on.
//!
//! sled flushes with a call that some file systems treat as a hint. Our own sync after it holds on
//! all that honour `fsync`; those named here are known to be weak in it, or not to be local.

use std::{io, path::Path};

use crate::StoreError;

/// File systems on which a saved record may not be safe, or on which a lock may not hold.
const DOUBTFUL: [&str; 12] = [
    "btrfs",
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "9p",
    "fuse",
    "fuse.sshfs",
    "overlay",
    "ceph",
    "tmpfs",
    "ramfs",
];

/// Warns of a doubtful file system, or refuses it.
pub(super) fn check(path: &Path, strict: bool) -> Result<(), StoreError> {
    let Some(kind) = doubtful(path) else {
        return Ok(());
    };
    if strict {
        let text = format!("a store does not belong on {kind}");
        return Err(StoreError::Io(io::Error::new(
            io::ErrorKind::Unsupported,
            text,
        )));
    }
    tracing::warn!(file_system = %kind, "what is saved here may not survive a loss of power");
    Ok(())
}

/// The name of the file system under a directory if it is doubtful; nothing where the system does
/// not tell.
fn doubtful(path: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let path = path.canonicalize().ok()?;
    let kind = kind_in(&mounts, &path)?;
    DOUBTFUL.contains(&kind).then(|| kind.to_owned())
}

/// A line is: number, parent, device, root, mount point, options, optional fields, `-`, kind, ...
fn kind_in<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let mount = |line: &'a str| -> Option<(&'a str, &'a str)> {
        let (left, right) = line.split_once(" - ")?;
        Some((left.split(' ').nth(4)?, right.split(' ').next()?))
    };
    let under = mounts
        .lines()
        .filter_map(mount)
        .filter(|(point, _)| path.starts_with(point));
    // Of two mounts on one point the later one is seen.
    under
        .max_by_key(|(point, _)| point.len())
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_mount_point_decides() {
        let mounts = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
                      23 22 0:20 / /data rw - btrfs /dev/vdb rw\n\
                      24 23 0:21 / /data/city rw - xfs /dev/vdc rw\n";
        assert_eq!(kind_in(mounts, Path::new("/home/x")), Some("ext4"));
        assert_eq!(kind_in(mounts, Path::new("/data/x")), Some("btrfs"));
        assert_eq!(kind_in(mounts, Path::new("/data/city/x")), Some("xfs"));
        assert_eq!(kind_in(mounts, Path::new("/database")), Some("ext4"));
        assert_eq!(kind_in("nonsense", Path::new("/")), None);
    }
}
