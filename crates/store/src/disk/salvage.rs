//! What can still be read of a damaged store, value by value.
//!
//! The files are copied and the engine is started on the copy: its own recovery writes, and what
//! is damaged stays as it is found. Nothing is believed of the store as a whole, neither its root
//! nor how far it was synced; each value is believed by its own checksum, which binds it to its
//! key. Where a stretch cannot be read, the walk goes on behind it.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use bytes::Bytes;
use sled::{IVec, Tree};

use super::{
    directory::{self, io_error},
    engine::{self, caught},
    sealed::{self, KEY_BYTES_MAX},
};
use crate::{
    StoreError,
    key::{Cipher, StoreKey},
};

/// What came of a salvage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Values whose checksum holds.
    pub values: u64,
    /// Values that were found and do not hold.
    pub bad: u64,
    /// Stretches that could not be read.
    pub gaps: u64,
}

/// Bytes of a key that the walk counts in: as many as the longest key of fixed form has.
const WALK_BYTES: usize = 21;

/// Memory for the engine on the copy.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Reads what still can be read of the store in `path`, on a copy in `scratch`, and shows each
/// sound value. The store itself is not touched; while this runs nobody else opens it.
///
/// # Errors
/// The store is in use, its key is another one, the copy cannot be made, or the engine can read nothing
/// of it at all.
pub fn salvage(
    path: &Path,
    scratch: &Path,
    key: Option<&StoreKey>,
    visit: &mut dyn FnMut(&[u8], Bytes),
) -> Result<Salvaged, StoreError> {
    let _held = directory::lock(&path.join(directory::LOCK))?;
    match directory::check_key(path, key) {
        // Which key it is may be lost, too. Then the values say it.
        Ok(()) | Err(StoreError::Damaged { .. }) => {}
        Err(error) => return Err(error),
    }
    let cipher = key.map(StoreKey::values);
    let mut last = None;
    // A snapshot only says where recovery may begin, and the settings are the defaults: without
    // them the engine reads its whole file.
    for without in [&[][..], &["snap."], &["snap.", "conf"]] {
        copy(path, scratch, without).map_err(io_error)?;
        match engine::start(scratch, CACHE_BYTES) {
            Ok(db) => {
                let found = walk_all(&db, cipher.as_ref(), visit);
                // The last handle writes, and may panic over what is damaged.
                let ended = catch_unwind(AssertUnwindSafe(move || drop(db)));
                if ended.is_err() {
                    tracing::warn!("the engine stopped on the copy while it was closed");
                }
                if found.values > 0 {
                    return Ok(found);
                }
                last = Some(sealed::damaged("no value of it can be read"));
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or(StoreError::Failed))
}

/// Copies the engine's files into an empty directory, but for those whose names begin so.
fn copy(from: &Path, to: &Path, without: &[&str]) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let is_engines = matches!(&*text, "db" | "conf") || text.starts_with("snap.");
        let is_left_out = without.iter().any(|part| text.starts_with(part));
        if is_engines && !is_left_out && !text.ends_with(".generating") {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

fn walk_all(tree: &Tree, cipher: Option<&Cipher>, visit: &mut dyn FnMut(&[u8], Bytes)) -> Salvaged {
    let mut take = |found: &mut Salvaged, placed: &IVec, stored: &IVec| {
        let key = sealed::name(placed);
        match sealed::open(key, stored, cipher, |piece| caught(|| tree.get(piece))) {
            Ok(value) => {
                found.values += 1;
                visit(key, value);
            }
            Err(_damaged) => found.bad += 1,
        }
    };
    let mut found = Salvaged::default();
    let end = [0xFF; KEY_BYTES_MAX + 1];
    for (from, to) in [(&[][..], &sealed::ROOT[..]), (sealed::PIECES.1, &end[..])] {
        walk(tree, from, to, &mut found, &mut take);
    }
    found
}

fn walk(
    tree: &Tree,
    from: &[u8],
    to: &[u8],
    found: &mut Salvaged,
    take: &mut dyn FnMut(&mut Salvaged, &IVec, &IVec),
) {
    let mut next = Some(from.to_vec());
    while let Some(start) = next.take() {
        let mut stretch = tree.range::<&[u8], _>(&start[..]..to);
        let mut reached = start;
        loop {
            match caught(|| stretch.next().transpose()) {
                Ok(Some((placed, stored))) => {
                    take(found, &placed, &stored);
                    reached = placed.to_vec();
                    reached.push(0);
                }
                Ok(None) => break,
                Err(_damaged) => {
                    found.gaps += 1;
                    next = beyond(&reached, |key| is_readable(tree, key, to));
                    break;
                }
            }
        }
    }
}

/// Whether something is found from here on, as far as `to`. Nothing at all is no answer.
fn is_readable(tree: &Tree, key: &[u8], to: &[u8]) -> bool {
    key < to
        && matches!(
            caught(|| tree.range(key..to).next().transpose()),
            Ok(Some(_))
        )
}

/// The lowest place behind an unreadable one from which the walk can go on: keys are taken as
/// numbers, steps double until one leads out, then they halve.
fn beyond(key: &[u8], readable: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let start = padded(key);
    let bits = u32::try_from(WALK_BYTES * 8).unwrap_or(u32::MAX);
    let mut out = None;
    for bit in 0..bits {
        let Some(further) = plus(&start, bit) else {
            break;
        };
        if readable(&further) {
            out = Some((bit, further));
            break;
        }
    }
    let (bit, mut nearest) = out?;
    if let Some(lower) = bit.checked_sub(1) {
        let mut behind = plus(&start, lower)?;
        for middle_bit in (0..lower).rev() {
            match plus(&behind, middle_bit) {
                Some(middle) if readable(&middle) => nearest = middle,
                Some(middle) => behind = middle,
                None => {}
            }
        }
    }
    Some(shortest(&nearest, readable))
}

/// The shortest key that means the same place: a key that lies exactly there has no zeros behind
/// it, and would be passed by.
fn shortest(place: &[u8; WALK_BYTES], readable: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let zeros = place.iter().rev().take_while(|byte| **byte == 0).count();
    let shorter = (WALK_BYTES - zeros..WALK_BYTES).filter_map(|len| place.get(..len));
    let mut fitting = shorter.filter(|key| readable(key));
    fitting.next().unwrap_or(place).to_vec()
}

fn padded(key: &[u8]) -> [u8; WALK_BYTES] {
    let mut number = [0; WALK_BYTES];
    number
        .iter_mut()
        .zip(key)
        .for_each(|(to, from)| *to = *from);
    number
}

/// A key and two to the power of `bit`; none above the highest.
fn plus(key: &[u8; WALK_BYTES], bit: u32) -> Option<[u8; WALK_BYTES]> {
    let mut sum = *key;
    let at = usize::try_from(bit / 8).ok()?;
    let mut carry = 1_u16 << (bit % 8);
    for byte in sum.iter_mut().rev().skip(at) {
        carry += u16::from(*byte);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    (carry == 0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_finds_the_first_place_behind_a_gap() {
        let key = |number: u64| [b"R".as_slice(), &number.to_be_bytes()].concat();
        for (from, end) in [(0, 1), (7, 8), (5, 1_024), (255, 70_001), (3, u64::MAX / 2)] {
            let first = key(end);
            let found = beyond(&key(from), |key| key >= &first[..]).unwrap();
            assert_eq!(
                found, first,
                "{from} to {end}: itself, and nothing before it"
            );
        }
        assert_eq!(beyond(&key(5), |_| false), None, "nothing behind it");
    }

    #[test]
    fn sums_carry_and_end_at_the_highest() {
        let mut key = [0; WALK_BYTES];
        key[WALK_BYTES - 1] = 0xFF;
        let sum = plus(&key, 0).unwrap();
        assert_eq!((sum[WALK_BYTES - 2], sum[WALK_BYTES - 1]), (1, 0));
        assert_eq!(plus(&[0xFF; WALK_BYTES], 0), None);
        assert_eq!(plus(&[0; WALK_BYTES], 167).unwrap()[0], 0x80);
    }
}
