//! Rewriting the files of a store, after something was erased, or when it gets a key.
//!
//! The engine keeps what was overwritten in its log until it needs the room. So the next opening copies
//! the store into a fresh one, proves that, gives it the name, and removes the other. It can be cut
//! anywhere: until the fresh one has the name the old one counts, and is put back; afterwards what is
//! left of the old one is removed at the next opening.

use std::{
    fs::{self, File},
    path::Path,
    sync::Arc,
};

use replica::Clock as _;
use store::{Disk, DiskConfig, Ledger, Lock, REWRITE_DUE, Rules, Store as _, StoreError};

use crate::{
    app::{App, host_config},
    clock::SystemClock,
    config::Config,
    dir::Dir,
    failure::Failure,
    store_key::{self, KeptKey},
};

/// Why the files of a store are to be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// They still hold what was erased.
    Erased,
    /// They hold what was stored before there was a key.
    Plain,
}

/// What stands for [`Due::Plain`] in the store; anything else stands for the other.
const PLAIN: &[u8] = &[2];

/// Opens the store of a directory, rewritten where that is due.
///
/// # Errors
/// The store is in use, damaged, or cannot be read, or its key is not there.
pub(crate) fn open(dir: &Dir, config: &Config, rules: &Rules) -> Result<(Disk, KeptKey), Failure> {
    let held = dir.hold()?;
    let (disk, kept) = store_key::disk(dir, config)?;
    let disk = &disk;
    let store = open_under(&held, dir, disk)?;
    if store.plain_values() > 0 && !store::rewrite_due(&store)? {
        store::keep_local(&store, REWRITE_DUE, PLAIN.to_vec())?;
        store.sync()?;
    }
    if !store::rewrite_due(&store)? {
        return Ok((store, kept));
    }
    let fresh = dir.path().join("store.rewriting");
    let made = remove(&fresh).and_then(|()| make(&store, &fresh, disk, rules));
    drop(store);
    match made.and_then(|()| swap(dir, &fresh)) {
        Ok(()) => tracing::info!("the files of the store were rewritten"),
        Err(failure) => {
            // It is tried again at each opening, and `status` says that it is due.
            tracing::warn!(code = %failure.code, "the files of the store could not be rewritten");
            remove(&fresh)?;
            dir.undo_half_swap()?;
        }
    }
    Ok((open_under(&held, dir, disk)?, kept))
}

fn open_under(held: &Arc<Lock>, dir: &Dir, disk: &DiskConfig) -> Result<Disk, Failure> {
    Ok(Disk::open_under(Arc::clone(held), &dir.store(), disk)?)
}

/// Why the files of an opened store are to be rewritten; none when they are not.
#[must_use]
pub fn due(app: &App) -> Option<Due> {
    let due = app.reader().local(REWRITE_DUE).ok().flatten()?;
    Some(if due == PLAIN {
        Due::Plain
    } else {
        Due::Erased
    })
}

/// Rewrites the store of a directory that no program has open.
///
/// # Errors
/// The store is in use, damaged, or cannot be read.
pub(crate) fn finish(dir: &Dir) -> Result<(), Failure> {
    let identity = dir.identity()?;
    let clock = Arc::new(SystemClock::default());
    let rules = host_config(&identity, clock, dir.seal()?).rules;
    open(dir, &Config::load(&dir.config())?, &rules).map(drop)
}

fn remove(folder: &Path) -> Result<(), Failure> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// Copies a store, and proves that the copy opens and holds what was written.
fn make(from: &Disk, fresh: &Path, disk: &DiskConfig, rules: &Rules) -> Result<(), Failure> {
    let to = Arc::new(Disk::open(fresh, disk)?);
    store::rewrite(from, &*to, rules)?;
    to.scrub()?;
    let target: Arc<dyn store::Store> = Arc::<Disk>::clone(&to);
    let findings = Ledger::open(target)?.reader().scrub()?;
    match findings.into_iter().next() {
        Some(what) => Err(StoreError::Damaged { what }.into()),
        None => Ok(()),
    }
}

/// Puts the fresh store in the place of the other, which is removed.
fn swap(dir: &Dir, fresh: &Path) -> Result<(), Failure> {
    let old = dir.erased_store(SystemClock::default().wall_ms());
    let sync = || -> Result<(), Failure> { Ok(File::open(dir.path())?.sync_all()?) };
    fs::rename(dir.store(), &old)?;
    sync()?;
    fs::rename(fresh, dir.store())?;
    sync()?;
    fs::remove_dir_all(&old)?;
    sync()
}

#[cfg(test)]
mod tests {
    use store::{Batch, Verdict, keep_local, local};

    use super::*;

    fn rules() -> Rules {
        Rules::new(Arc::new(|_| Verdict::Accept))
    }

    /// What is looked for below is found in plain files only.
    fn plain() -> Config {
        Config::parse("[store]\nkey_file = \"none\"").unwrap()
    }

    /// A directory whose store holds a name and is to be rewritten.
    fn due() -> (tempfile::TempDir, Dir) {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        fill(&dir.store());
        (folder, dir)
    }

    fn fill(path: &Path) {
        let disk = Disk::open(path, &DiskConfig::default()).unwrap();
        keep_local(&disk, "kept", b"stays".to_vec()).unwrap();
        keep_local(&disk, "name", b"zhang-san-once".to_vec()).unwrap();
        let mut batch = Batch::default();
        batch.remove(b"Lname".to_vec());
        batch.put([b"L", REWRITE_DUE.as_bytes()].concat(), vec![1]);
        disk.commit(batch).unwrap();
        disk.sync().unwrap();
    }

    fn holds(folder: &Path) -> bool {
        let text = b"zhang-san-once";
        fs::read_dir(folder).unwrap().any(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                return holds(&path);
            }
            let bytes = fs::read(&path).unwrap();
            bytes.windows(text.len()).any(|part| part == text)
        })
    }

    /// Opens it, and looks that all is as it should be after a rewriting.
    fn opens_rewritten(dir: &Dir) {
        let (disk, _) = open(dir, &plain(), &rules()).unwrap();
        assert_eq!(local(&disk, "kept").unwrap().unwrap(), "stays");
        assert!(!store::rewrite_due(&disk).unwrap());
        drop(disk);
        assert!(!holds(dir.path()));
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["store", "store.lock"]);
    }

    #[test]
    fn the_files_hold_nothing_of_it_after_the_next_opening() {
        let (_folder, dir) = due();
        assert!(holds(dir.path()), "the engine's log keeps what was removed");
        opens_rewritten(&dir);
        opens_rewritten(&dir);
    }

    #[test]
    fn a_rewriting_that_was_cut_while_it_copied_begins_again() {
        let (_folder, dir) = due();
        let fresh = dir.path().join("store.rewriting");
        fill(&fresh);
        fs::write(fresh.join("db"), b"half of it").unwrap();
        opens_rewritten(&dir);
    }

    #[test]
    fn a_rewriting_that_was_cut_between_its_renames_begins_again() {
        let (_folder, dir) = due();
        fs::rename(dir.store(), dir.erased_store(5)).unwrap();
        fill(&dir.path().join("store.rewriting"));
        opens_rewritten(&dir);
    }

    #[test]
    fn a_rewriting_that_was_cut_before_it_removed_the_old_store_removes_it() {
        let (_folder, dir) = due();
        drop(open(&dir, &plain(), &rules()).unwrap());
        fill(&dir.erased_store(5));
        fs::remove_file(dir.erased_store(5).join("format")).unwrap();
        opens_rewritten(&dir);
    }

    #[test]
    fn a_store_from_before_there_was_a_key_holds_nothing_plain_after_the_next_opening() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        let disk = Disk::open(&dir.store(), &DiskConfig::default()).unwrap();
        keep_local(&disk, "name", b"zhang-san-once".to_vec()).unwrap();
        drop(disk);
        assert!(holds(dir.path()));
        for is_new in [true, false] {
            let (disk, kept) = open(&dir, &Config::default(), &rules()).unwrap();
            assert_eq!(kept.is_new, is_new);
            assert_eq!(local(&disk, "name").unwrap().unwrap(), "zhang-san-once");
            assert_eq!(disk.plain_values(), 0);
            assert!(!store::rewrite_due(&disk).unwrap());
            drop(disk);
            assert!(!holds(dir.path()));
        }
    }
}
