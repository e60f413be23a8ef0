//! The key of the store: where it lies, and the one way in which whoever opens a store gets it.
//!
//! A directory gets a key when it is set up, and one from before there were keys when it is opened.
//! Where the key is known to be somewhere and is not there, none is made: a store that it has
//! encrypted would open with no other.

use std::path::{Path, PathBuf};

use store::{Disk, DiskConfig, StoreError, StoreKey};
use zeroize::Zeroizing;

use crate::{
    config::{Config, KEY_FILE, NO_KEY},
    dir::{Dir, write_whole},
    failure::{Exit, Failure},
    output::Out,
};

/// The key of a directory's store.
#[derive(Clone, Debug, Default)]
pub struct KeptKey {
    /// The key; none where the settings have values stored as they are.
    pub key: Option<StoreKey>,
    /// Where it lies.
    pub file: PathBuf,
    /// It was made just now.
    pub is_new: bool,
}

impl KeptKey {
    /// Whether it lies in the directory whose store it opens: whoever takes the disk has both.
    #[must_use]
    pub fn lies_in(&self, dir: &Dir) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.key.is_some() && real(&self.file).starts_with(real(dir.path()))
    }

    /// Says once that there is a key, and what it is to its owner.
    pub fn say_if_new(&self, out: &mut Out) {
        if !self.is_new {
            return;
        }
        let text = out.say(
            "数据库从现在起加密，密钥在 {file}。没有密钥，数据库和它的备份谁也打不开：请现在就另存一份副本（可以打印），不要与备份放在一起。",
            "From now on the store is encrypted, and its key is {file}. Without the key nobody opens the store or its backups: keep a copy of it now, printed if you like, and not where the backups are.",
        );
        out.note(text.replace("{file}", &self.file.display().to_string()));
    }
}

/// Where the settings have the key; none where they have values stored as they are.
fn place(dir: &Dir, config: &Config) -> Option<PathBuf> {
    let file = &config.store.key_file;
    (file != NO_KEY).then(|| dir.path().join(file))
}

/// Reads a file that holds a key.
///
/// # Errors
/// It is not there or cannot be read, or what it says is no key.
pub fn read(file: &Path) -> Result<StoreKey, Failure> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing(file)),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Err(unreadable(file, 1));
        }
        Err(error) => return Err(error.into()),
    };
    StoreKey::read(&text).map_err(|store::NoKey(line)| unreadable(file, line))
}

fn missing(file: &Path) -> Failure {
    Failure::new("STORE-008", Exit::Store).with("file", file.display())
}

fn unreadable(file: &Path, line: usize) -> Failure {
    Failure::new("STORE-010", Exit::Store)
        .with("file", file.display())
        .with("line", line)
}

/// The key of a directory; none where there is none, or not yet.
///
/// # Errors
/// The file cannot be read, or what it says is no key.
pub(crate) fn find(dir: &Dir, config: &Config) -> Result<Option<StoreKey>, Failure> {
    match place(dir, config) {
        Some(file) if file.try_exists()? => read(&file).map(Some),
        Some(_) | None => Ok(None),
    }
}

/// The key of a directory. Where there is none yet, it is one of the `given` or a new one, and kept.
///
/// # Errors
/// The key is not where it is known to be, is no key, or cannot be written.
pub fn keep(dir: &Dir, config: &Config, given: &[StoreKey]) -> Result<KeptKey, Failure> {
    let Some(file) = place(dir, config) else {
        return Ok(KeptKey::default());
    };
    if let Some(key) = find(dir, config)? {
        return Ok(KeptKey {
            key: Some(key),
            file,
            is_new: false,
        });
    }
    let known = match Disk::key_of(&dir.store())? {
        Some(needs) => given.iter().find(|key| key.id() == needs),
        None => given.first(),
    };
    let key = match known {
        Some(key) => key.clone(),
        // A medium that is not there now is no reason for another key.
        None if config.store.key_file != KEY_FILE || is_encrypted(dir)? => {
            return Err(missing(&file));
        }
        None => StoreKey::random()?,
    };
    write(&file, &key)?;
    Ok(KeptKey {
        key: Some(key),
        file,
        is_new: true,
    })
}

fn write(file: &Path, key: &StoreKey) -> Result<(), Failure> {
    let text = format!(
        "# 良信数据库密钥 Liangxin store key {}\n# 有它就能读数据库和备份。另存一份，不要与备份放在一起。\n# Whoever has it reads the store and its backups. Keep a copy, not where the backups are.\n",
        key.id()
    );
    let text = Zeroizing::new([text.as_str(), &key.text()].concat());
    write_whole(file, text.as_bytes())
}

/// Makes a file with a new key, for a medium of its own or in the place of another key.
///
/// # Errors
/// There is such a file, or it cannot be written.
pub(crate) fn make(file: &Path) -> Result<StoreKey, Failure> {
    if file.try_exists()? {
        return Err(Failure::new("STORE-012", Exit::Usage).with("file", file.display()));
    }
    let key = StoreKey::random()?;
    write(file, &key)?;
    Ok(key)
}

fn is_encrypted(dir: &Dir) -> Result<bool, StoreError> {
    Ok(Disk::key_of(&dir.store())?.is_some())
}

/// How the settings have the store of a directory opened, and its key.
///
/// # Errors
/// The key is not where it is known to be, or the settings say that there is none.
pub(crate) fn disk(dir: &Dir, config: &Config) -> Result<(DiskConfig, KeptKey), Failure> {
    let kept = keep(dir, config, &[])?;
    if kept.key.is_none() && is_encrypted(dir)? {
        return Err(Failure::new("STORE-011", Exit::Store));
    }
    let disk = DiskConfig {
        cache_bytes: config.store.cache_mib << 20,
        min_free_bytes: config.store.min_free_mib << 20,
        key: kept.key.clone(),
        ..DiskConfig::default()
    };
    Ok((disk, kept))
}

/// The keys that may open what belongs to a directory: the one in a file that was named, the
/// directory's, and another.
///
/// # Errors
/// A file cannot be read, or what it says is no key; or there is none, and the store needs one.
pub(crate) fn at_hand(
    dir: Option<&Dir>,
    named: Option<&Path>,
    other: Option<StoreKey>,
) -> Result<Vec<StoreKey>, Failure> {
    let mut keys: Vec<StoreKey> = named.map(read).transpose()?.into_iter().collect();
    let Some(dir) = dir else {
        keys.extend(other);
        return Ok(keys);
    };
    let config = Config::load(&dir.config())?;
    keys.extend(find(dir, &config)?);
    keys.extend(other);
    match (keys.is_empty(), place(dir, &config)) {
        // What else is wrong with a store is said by whoever opens it.
        (true, file) if matches!(Disk::key_of(&dir.store()), Ok(Some(_))) => Err(match file {
            Some(file) => missing(&file),
            None => Failure::new("STORE-011", Exit::Store),
        }),
        _ => Ok(keys),
    }
}

/// How a store is opened that shall stay as it is: with its key, if that is at hand.
pub(crate) fn as_it_is(store: &Path, keys: &[StoreKey]) -> DiskConfig {
    let key = match Disk::key_of(store) {
        Ok(None) => None,
        Ok(Some(needs)) => keys
            .iter()
            .find(|key| key.id() == needs)
            .or_else(|| keys.first()),
        // It does not say any more which key it is.
        Err(_damaged) => keys.first(),
    };
    DiskConfig {
        key: key.cloned(),
        ..DiskConfig::default()
    }
}

/// What may open the values of a damaged store, whatever it still says of itself.
pub(crate) fn to_salvage(store: &Path, keys: &[StoreKey]) -> Option<StoreKey> {
    as_it_is(store, keys).key.or_else(|| keys.first().cloned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn config(key_file: &str) -> Config {
        Config::parse(&format!("[store]\nkey_file = {key_file:?}")).unwrap()
    }

    fn opened(dir: &Dir, config: &Config) -> Result<KeptKey, Failure> {
        let (disk, kept) = disk(dir, config)?;
        drop(Disk::open(&dir.store(), &disk)?);
        Ok(kept)
    }

    fn code(result: Result<KeptKey, Failure>) -> String {
        result.map_or_else(|failure| failure.code, |kept| format!("{kept:?}"))
    }

    #[test]
    fn a_directory_gets_one_key_that_only_its_owner_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        let first = opened(&dir, &Config::default()).unwrap();
        assert!(first.is_new && first.lies_in(&dir));
        let mode = fs::metadata(&first.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = opened(&dir, &Config::default()).unwrap();
        assert_eq!((again.is_new, again.key), (false, first.key));
    }

    #[test]
    fn a_key_that_is_not_where_it_was_is_missed_and_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        let kept = opened(&dir, &Config::default()).unwrap();
        let away = folder.path().with_extension("medium");
        fs::rename(&kept.file, &away).unwrap();
        assert_eq!(code(opened(&dir, &Config::default())), "STORE-008");
        assert!(!kept.file.exists());
        // The settings may say where it is now.
        let elsewhere = config(away.to_str().unwrap());
        let found = opened(&dir, &elsewhere).unwrap();
        assert!(!found.lies_in(&dir));
        assert_eq!(code(opened(&dir, &config(NO_KEY))), "STORE-011");

        let wrong = StoreKey::random().unwrap();
        fs::write(&kept.file, wrong.text().as_bytes()).unwrap();
        assert_eq!(code(opened(&dir, &Config::default())), "STORE-009");
        fs::write(&kept.file, wrong.text().replacen(' ', " 0", 1)).unwrap();
        assert_eq!(code(opened(&dir, &Config::default())), "STORE-010");
        fs::remove_file(&away).unwrap();
        assert_eq!(code(opened(&dir, &elsewhere)), "STORE-008");
    }

    #[test]
    fn a_named_place_without_a_key_gets_none() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        let medium = folder.path().join("medium/store.key");
        let config = config(medium.to_str().unwrap());
        assert_eq!(code(opened(&dir, &config)), "STORE-008");
        assert!(!dir.store().exists(), "nothing was begun");
        // Unless somebody brings the key.
        fs::create_dir(medium.parent().unwrap()).unwrap();
        let key = StoreKey::random().unwrap();
        let kept = keep(&dir, &config, std::slice::from_ref(&key)).unwrap();
        assert_eq!(kept.key.as_ref(), Some(&key));
        assert_eq!(read(&medium).unwrap(), key);
    }

    #[test]
    fn a_store_without_a_key_is_opened_so_where_the_settings_say_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        let kept = opened(&dir, &config(NO_KEY)).unwrap();
        assert!(kept.key.is_none() && !kept.is_new && !kept.lies_in(&dir));
        assert_eq!(Disk::key_of(&dir.store()).unwrap(), None);
    }
}
