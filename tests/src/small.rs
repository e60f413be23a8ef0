//! A disk so small that it is soon full: a file system in memory, mounted where only its keeper
//! sees it.
//!
//! The keeper is a process in a name space of its own; everybody else reaches the disk through the
//! keeper's root. Where the system gives no name space there is no such disk, and whoever asks
//! limits the size of files instead.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// What one write of the filler takes.
const FILL_BYTES: usize = 16 << 10;

/// A small disk. Dropping it ends the keeper, and with it the disk.
#[derive(Debug)]
pub struct SmallDisk {
    keeper: Child,
    root: PathBuf,
}

impl SmallDisk {
    /// Mounts a disk of so many MiB over an empty directory; none where the system refuses.
    #[must_use]
    pub fn mount(at: &Path, mib: u64) -> Option<Self> {
        let script =
            format!("mount -t tmpfs -o size={mib}m,mode=700 none \"$1\" && echo ready && exec cat");
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &script, "sh"]).arg(at);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut keeper = command.spawn().ok()?;
        let mut line = String::new();
        if let Some(out) = keeper.stdout.take() {
            // Nothing is read of one that has failed.
            BufReader::new(out).read_line(&mut line).unwrap_or_default();
        }
        let inside = at.strip_prefix("/").unwrap_or(at);
        let root = PathBuf::from(format!("/proc/{}/root", keeper.id())).join(inside);
        let disk = Self { keeper, root };
        (line.trim() == "ready" && disk.root.is_dir()).then_some(disk)
    }

    /// Where everybody finds it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    fn filler(&self) -> PathBuf {
        self.root.join("filler")
    }

    /// Takes all room but so many bytes.
    ///
    /// # Panics
    /// When the disk does anything but run full.
    pub fn fill_but(&self, bytes: u64) {
        let mut options = OpenOptions::new();
        let mut file: File = options
            .create(true)
            .append(true)
            .open(self.filler())
            .expect("a file is made");
        loop {
            match file.write(&[0x5A; FILL_BYTES]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("the disk does not run full: {error}"),
            }
        }
        let len = file.metadata().expect("an open file has a size").len();
        file.set_len(len.saturating_sub(bytes))
            .expect("a file is made shorter");
    }

    /// Gives all room back.
    ///
    /// # Panics
    /// When the filler cannot be removed.
    pub fn clear(&self) {
        match std::fs::remove_file(self.filler()) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("not removed: {error}"),
            Ok(()) | Err(_) => {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.keeper.kill().unwrap_or_default();
        self.keeper.wait().map(drop).unwrap_or_default();
    }
}
