//! A store on disk, over sled 0.34.7; the only place that knows sled.
//!
//! - A value is what was put, or an error: every one has a [checksum that binds it to its
//!   key](sealed), checked at each read, and the number and the sum of all values are kept with
//!   each commit and compared at each opening ([root](root)), and so is how far the store was
//!   synced ([progress](progress)).
//! - Values may be encrypted: `sealed` is the one place.
//! - A commit is one batch of sled's, which survives a crash whole or not at all; readers see it
//!   whole or not at all too, also in the middle of a [scan](view).
//! - [`sync`](Store::sync) returns after `fsync` on the file, which sled's own flush does not do.
//! - After any failed write nothing more is written. A panic of the engine is
//!   [`StoreError::Damaged`].
//! - One process holds a store ([directory](directory)).

mod carve;
mod change;
mod directory;
mod engine;
mod found;
mod health;
mod medium;
mod progress;
mod root;
mod salvage;
mod sealed;
mod view;

use std::{
    fmt,
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak},
};

use bytes::Bytes;

pub(crate) use self::{
    carve::{Candidate, carve},
    directory::{private as private_file, sync_directory},
    sealed::KEY_BYTES_MAX as STORE_KEY_BYTES_MAX,
};
use self::{
    change::Change,
    directory::{Directory, io_error},
    engine::caught,
    found::Found,
    health::Health,
    progress::{Noted, Progress},
    root::Root,
    sealed::{Header, KEY_BYTES_MAX, ROOT, damaged},
    view::{Former, View},
};
pub use self::{
    directory::{Lock, free_bytes},
    salvage::{Salvaged, salvage},
};
use crate::{
    Batch, Store, StoreError,
    key::{Cipher, KeyId, StoreKey},
    store::Visitor,
};

/// Between two looks at the free space, so many bytes are written.
const ROOM_CHECK_BYTES: u64 = 1024 * 1024;

/// How a store on disk is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// What sled may keep in memory, in bytes of its own count; the process takes several times
    /// that.
    pub cache_bytes: u64,
    /// With less room than this on the medium the store is not opened, and takes no more writes.
    /// Recovery after a crash needs room; a store that filled its disk would not open again.
    pub min_free_bytes: u64,
    /// The key that values are encrypted with; without one they are stored as they are. A store that
    /// has encrypted values opens with its key only; one that has none takes to the key, and what is
    /// written from then on is encrypted.
    pub key: Option<StoreKey>,
    /// Refuse a file system that is known to lose what was synced, or to be remote. Without it
    /// there is a warning.
    pub strict: bool,
}

impl Default for DiskConfig {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            cache_bytes: 64 * MIB,
            min_free_bytes: 64 * MIB,
            key: None,
            strict: false,
        }
    }
}

/// A store on disk. See the module.
pub struct Disk {
    /// Something until dropping.
    db: Option<sled::Db>,
    /// Our own handle of sled's file. sled never renames or replaces it.
    file: File,
    progress: Progress,
    /// Held by readers that need several values of one moment, and by the writer while it writes.
    gate: RwLock<Gate>,
    health: Health,
    /// What encrypts and opens values.
    cipher: Option<Cipher>,
    /// See [`Disk::plain_values`].
    plain_values: u64,
    min_free_bytes: u64,
    /// Last but one, so that the lock is let go of after sled has ended.
    directory: Directory,
    /// See [`Disk::open_under`].
    _above: Option<Arc<Lock>>,
}

#[derive(Debug)]
struct Gate {
    root: Root,
    views: Vec<Weak<Former>>,
    /// Bytes written since the free space was looked at.
    unlooked_bytes: u64,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("path", &self.directory.path())
            .finish_non_exhaustive()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The last handles end sled, which writes, and may panic over damaged pages.
        let db = self.db.take();
        if catch_unwind(AssertUnwindSafe(move || drop(db))).is_err() {
            tracing::error!("the engine stopped while it was closed");
        }
        // The engine also cuts free space off the end of its file, and not before our note.
        let noted = self.progress.noted();
        let shorter = self.directory.engine_bytes().map(|len| Noted {
            len: len.min(noted.len),
            ..noted
        });
        if let Err(error) = shorter.and_then(|now| self.progress.note(now)) {
            tracing::warn!(error = %error, "the next opening may copy the store");
        }
    }
}

impl Disk {
    /// Opens the store in a directory, or makes one, and reads all of it once.
    ///
    /// # Errors
    /// The directory is in use, cannot be written, has too little room or a later format, its values
    /// are encrypted with another key, or what is in it is not what was written.
    pub fn open(path: &Path, config: &DiskConfig) -> Result<Self, StoreError> {
        let directory = Directory::take(path, config.key.as_ref())?;
        directory.tidy()?;
        directory.check_room(config.min_free_bytes)?;
        medium::check(path, config.strict)?;
        let progress = Progress::open(path).map_err(io_error)?;
        let found = Found::keep(path, progress.noted())?;
        match Self::start(directory, progress, config) {
            Ok(disk) => found.opened().map(|()| disk),
            Err(error) => {
                found.failed()?;
                Err(error)
            }
        }
    }

    /// The same under a lock that lies outside the directory, until the store is closed: whoever puts
    /// another directory in the place of this one holds it, too.
    ///
    /// # Errors
    /// Those of [`Disk::open`].
    pub fn open_under(
        lock: Arc<Lock>,
        path: &Path,
        config: &DiskConfig,
    ) -> Result<Self, StoreError> {
        let mut disk = Self::open(path, config)?;
        disk._above = Some(lock);
        Ok(disk)
    }

    /// Starts the engine and reads all of the store once.
    fn start(
        directory: Directory,
        progress: Progress,
        config: &DiskConfig,
    ) -> Result<Self, StoreError> {
        let db = engine::start(directory.path(), config.cache_bytes)?;
        directory.sync()?;
        let end = engine::end(&db);
        let len = directory.engine_bytes().map_err(io_error)?;
        let file = directory::private()
            .open(directory.engine_file())
            .map_err(io_error)?;
        let gate = Gate {
            root: Root::default(),
            views: Vec::new(),
            unlooked_bytes: 0,
        };
        let mut disk = Self {
            db: Some(db),
            file,
            progress,
            gate: RwLock::new(gate),
            health: Health::default(),
            cipher: config.key.as_ref().map(StoreKey::values),
            plain_values: 0,
            min_free_bytes: config.min_free_bytes,
            directory,
            _above: None,
        };
        let (root, plain_values) = disk.check_all()?;
        let (commit, noted) = (root.commit(), disk.progress.noted().commit);
        if commit < noted {
            let what = format!("commits are missing: there were {noted}, there are {commit}");
            return Err(StoreError::Damaged { what });
        }
        if let Some(key) = &config.key {
            // Only of a store that opens, and before anything in it is encrypted.
            disk.directory.take_to(key)?;
            disk.plain_values = plain_values;
        }
        let now = Noted { commit, end, len };
        disk.progress.note(now).map_err(io_error)?;
        disk.lock().root = root;
        Ok(disk)
    }

    /// The process that holds the store in a directory, or held it last.
    #[must_use]
    pub fn holder(path: &Path) -> Option<u32> {
        directory::holder(path)
    }

    /// The key without which the store in a directory does not open; none where values are stored as
    /// they are, or where there is no store.
    ///
    /// # Errors
    /// The directory cannot be read, or does not say which key it is.
    pub fn key_of(path: &Path) -> Result<Option<KeyId>, StoreError> {
        directory::key_of(path)
    }

    /// How many values were found stored as they are, when the store was opened with a key: a copy of
    /// the store has none of them.
    #[must_use]
    pub fn plain_values(&self) -> u64 {
        self.plain_values
    }

    /// Bytes that may still be written to the medium.
    ///
    /// # Errors
    /// The system does not say.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        self.directory.free_bytes()
    }

    /// Reads every value and compares number and sum with what the last commit wrote. Commits wait
    /// for nothing.
    ///
    /// # Errors
    /// A value is not what was put, or one is missing or old.
    pub fn scrub(&self) -> Result<(), StoreError> {
        self.check_all()
            .map(|_| ())
            .inspect_err(|error| self.note(error))
    }

    /// Returns the root, and how many values are stored as they are.
    fn check_all(&self) -> Result<(Root, u64), StoreError> {
        let view = self.view()?;
        let (mut found, mut plain) = (Root::default(), 0);
        for (from, to) in [
            (&[][..], &ROOT[..]),
            (sealed::PIECES.1, &[0xFF; KEY_BYTES_MAX + 1]),
        ] {
            let mut walk = view.walk(from, to);
            while let Some((placed, stored)) = walk.step()? {
                let key = sealed::name(&placed);
                let (header, _) = sealed::check(key, &stored, |piece| view.get(piece))?;
                found.add(key, header);
                plain += u64::from(header.is_plain());
            }
        }
        let mut pieces = 0;
        let mut walk = view.walk(sealed::PIECES.0, sealed::PIECES.1);
        while walk.step()?.is_some() {
            pieces += 1;
        }
        let root = match view.get(&ROOT)? {
            Some(stored) => Root::read(&stored, self.cipher.as_ref())?,
            None => Root::default(),
        };
        if !root.matches(&found) || pieces != found.pieces() {
            return Err(damaged("values are missing or old"));
        }
        Ok((root, plain))
    }

    fn tree(&self) -> Result<&sled::Tree, StoreError> {
        self.db.as_deref().ok_or(StoreError::Failed)
    }

    /// The store as it is now, while commits go on.
    fn view(&self) -> Result<View<'_>, StoreError> {
        self.health.readable()?;
        let tree = self.tree()?;
        let former = Arc::new(Former::default());
        let mut gate = self.lock();
        gate.views.retain(|view| view.strong_count() > 0);
        gate.views.push(Arc::downgrade(&former));
        Ok(View::new(tree, former))
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Gate> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps commits out. Never held while a caller's code runs.
    fn still(&self) -> RwLockReadGuard<'_, Gate> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.health.readable()?;
        let tree = self.tree()?;
        let placed = sealed::place(key);
        let Some(stored) = caught(|| tree.get(&placed))? else {
            return Ok(None);
        };
        if Header::read(&stored)?.0.pieces() == 0 {
            return self.open_value(key, &stored, |_| Ok(None)).map(Some);
        }
        // Again, so that all pieces are of one commit.
        let _still = self.still();
        let Some(stored) = caught(|| tree.get(&placed))? else {
            return Ok(None);
        };
        self.open_value(key, &stored, |piece| caught(|| tree.get(piece)))
            .map(Some)
    }

    fn open_value(
        &self,
        key: &[u8],
        stored: &[u8],
        piece: impl FnMut(&[u8]) -> Result<Option<sled::IVec>, StoreError>,
    ) -> Result<Bytes, StoreError> {
        sealed::open(key, stored, self.cipher.as_ref(), piece)
    }

    fn read_last(&self, from: &[u8], to: &[u8]) -> Result<Option<(Bytes, Bytes)>, StoreError> {
        self.health.readable()?;
        let tree = self.tree()?;
        let _still = self.still();
        let [below, above] = sealed::stretches(from, to);
        for (from, to) in [above, below] {
            if from >= to {
                continue;
            }
            let last = || tree.range(from..to).next_back().transpose();
            let Some((placed, stored)) = caught(last)? else {
                continue;
            };
            let key = sealed::name(&placed);
            let value = self.open_value(key, &stored, |piece| caught(|| tree.get(piece)))?;
            return Ok(Some((Bytes::copy_from_slice(key), value)));
        }
        Ok(None)
    }

    fn walk(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        let view = self.view()?;
        let mut left = limit;
        for (from, to) in sealed::stretches(from, to) {
            let mut walk = view.walk(&from, &to);
            while left > 0 {
                let Some((placed, stored)) = walk.step()? else {
                    break;
                };
                let key = sealed::name(&placed);
                let value = self.open_value(key, &stored, |piece| view.get(piece))?;
                visit(key, value)?;
                left -= 1;
            }
        }
        Ok(())
    }

    /// Where damage was found nothing may be added.
    fn note(&self, error: &StoreError) {
        if matches!(error, StoreError::Damaged { .. }) {
            self.health.fail(error);
        }
    }

    fn write(&self, gate: &mut Gate, batch: Batch) -> Result<(), StoreError> {
        gate.unlooked_bytes = gate.unlooked_bytes.saturating_add(batch.bytes() as u64);
        if gate.unlooked_bytes >= ROOM_CHECK_BYTES {
            gate.unlooked_bytes = 0;
            if self.directory.free_bytes()? < self.min_free_bytes {
                return Err(StoreError::Full);
            }
        }
        let tree = self.tree()?;
        let change = Change::new(tree, gate.root, batch, self.cipher.as_ref())?;
        if change.is_empty() {
            return Ok(());
        }
        gate.views.retain(|view| view.strong_count() > 0);
        for view in gate.views.iter().filter_map(Weak::upgrade) {
            change.keep(&view)?;
        }
        let root = change.root();
        // If this fails, sled may show a part of it: nothing is read any more.
        caught(|| tree.apply_batch(change.into_batch())).inspect_err(|_| self.health.close())?;
        gate.root = root;
        Ok(())
    }

    fn write_through(&self) -> Result<(), StoreError> {
        let db = self.db.as_ref().ok_or(StoreError::Failed)?;
        let commit = self.still().root.commit();
        caught(|| db.flush())?;
        let end = engine::end(db);
        let len = self.check_file()?;
        self.file.sync_data().map_err(io_error)?;
        let now = Noted { commit, end, len };
        self.progress.note(now).map_err(io_error)
    }

    /// What we sync must be what sled writes, and what will be opened next time. Returns its bytes.
    #[cfg(unix)]
    fn check_file(&self) -> Result<u64, StoreError> {
        use std::os::unix::fs::MetadataExt;
        let ours = self.file.metadata().map_err(io_error)?;
        let named = std::fs::metadata(self.directory.engine_file()).map_err(io_error)?;
        if (ours.dev(), ours.ino()) != (named.dev(), named.ino()) {
            return Err(damaged("the file was replaced while it was open"));
        }
        Ok(ours.len())
    }

    /// Elsewhere an open file cannot be replaced.
    #[cfg(not(unix))]
    fn check_file(&self) -> Result<u64, StoreError> {
        Ok(self.file.metadata().map_err(io_error)?.len())
    }
}

impl Store for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.read(key).inspect_err(|error| self.note(error))
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let mut pairs = Vec::new();
        let mut take = |key: &[u8], value: Bytes| {
            pairs.push((Bytes::copy_from_slice(key), value));
            Ok(())
        };
        self.walk(from, to, limit, &mut take)
            .inspect_err(|error| self.note(error))?;
        Ok(pairs)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<(Bytes, Bytes)>, StoreError> {
        self.read_last(from, to)
            .inspect_err(|error| self.note(error))
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.walk(from, to, usize::MAX, visit)
            .inspect_err(|error| self.note(error))
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut gate = self.lock();
        self.health.writable()?;
        self.write(&mut gate, batch)
            .inspect_err(|error| self.health.fail(error))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.health.writable()?;
        // Never tried again: after a failed fsync the system may have dropped the pages.
        self.write_through()
            .inspect_err(|error| self.health.fail(error))
    }

    fn size_bytes(&self) -> u64 {
        let engine = self
            .db
            .as_ref()
            .and_then(|db| caught(|| db.size_on_disk()).ok());
        engine.unwrap_or_default()
    }
}
