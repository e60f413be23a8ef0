//! The contents of attachments beside a backup: an archive `FILE.files`, each content under its
//! hash. It is read back before it is believed, and nothing of one that is damaged is put in.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufReader, BufWriter, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use store::{Cabinet, FILE_BYTES_MAX, FileHash};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::failure::{Exit, Failure};

/// What an archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Contents.
    pub(crate) files: usize,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Contents that are damaged here and are therefore not in it.
    pub(crate) damaged: usize,
}

/// The name of the archive beside a backup.
pub(crate) fn beside(backup: &Path) -> PathBuf {
    let mut name = backup.as_os_str().to_owned();
    name.push(".files");
    PathBuf::from(name)
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::new("ATTACH-020", Exit::Invalid).with("detail", error)
}

/// Packs every content of a cabinet and reads the archive back. Makes none where there is nothing.
///
/// # Errors
/// The archive cannot be written or is not what was written.
pub(crate) fn pack(cabinet: &Cabinet, path: &Path) -> Result<Packed, Failure> {
    let kept = cabinet.list()?;
    if kept.is_empty() {
        return Ok(Packed::default());
    }
    let packed = write(cabinet, &kept, path).and_then(|damaged| {
        let packed = read(path, &mut |_content| Ok(()))?;
        Ok(Packed { damaged, ..packed })
    });
    if packed.is_err() {
        // Half an archive must not be taken for one.
        fs::remove_file(path)?;
    }
    packed
}

fn write(cabinet: &Cabinet, kept: &[store::Kept], path: &Path) -> Result<usize, Failure> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut archive = ZipWriter::new(BufWriter::new(file));
    // Scans and photos are dense already.
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut damaged = 0;
    for one in kept {
        let Ok(content) = cabinet.read(one.hash) else {
            tracing::error!(hash = %one.hash, "a damaged file is not in the backup");
            damaged += 1;
            continue;
        };
        let started = archive.start_file(one.hash.to_string(), stored);
        started.map_err(|error| broken(&error))?;
        archive.write_all(&content)?;
    }
    let file = archive.finish().map_err(|error| broken(&error))?;
    let file = file.into_inner().map_err(|error| broken(&error))?;
    file.sync_all()?;
    Ok(damaged)
}

/// Reads an archive and shows each content, checked.
///
/// # Errors
/// It is damaged, or the visitor's.
pub(crate) fn read(
    path: &Path,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<Packed, Failure> {
    let file = BufReader::new(File::open(path)?);
    let mut archive = ZipArchive::new(file).map_err(|error| broken(&error))?;
    let mut packed = Packed::default();
    for place in 0..archive.len() {
        let part = archive.by_index(place).map_err(|error| broken(&error))?;
        let name = part.name().map_err(|error| broken(&error))?;
        let hash: FileHash = name.parse().map_err(|error| broken(&error))?;
        let mut content = Vec::new();
        part.take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut content)
            .map_err(|error| broken(&error))?;
        if FileHash::of(&content) != hash {
            return Err(broken(&hash));
        }
        visit(&content)?;
        packed.files += 1;
        packed.bytes += content.len() as u64;
    }
    Ok(packed)
}
