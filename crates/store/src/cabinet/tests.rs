//! Damage, cuts, bounds: what the cabinet does when something is wrong.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const NOW_MS: u64 = 1_795_500_000_000;
const PEER: ReplicaId = ReplicaId([7; 16]);

fn cabinet() -> (tempfile::TempDir, Cabinet) {
    let folder = tempfile::tempdir().unwrap();
    let cabinet = Cabinet::new(&folder.path().join("files"));
    (folder, cabinet)
}

fn of(bytes: &[u8]) -> Part {
    Part {
        hash: FileHash::of(bytes),
        peer: PEER,
    }
}

#[test]
fn a_content_is_kept_once_under_its_hash_and_for_its_owner_alone() {
    let (_folder, cabinet) = cabinet();
    let hash = cabinet.put(b"scan", NOW_MS).unwrap();
    assert_eq!(hash, cabinet.put(b"scan", NOW_MS + 5_000).unwrap());
    assert_eq!(cabinet.read(hash).unwrap(), b"scan");
    assert!(cabinet.has(hash, 4) && !cabinet.has(hash, 5));
    let kept = cabinet.list().unwrap();
    let again = Kept {
        hash,
        size: 4,
        since_ms: NOW_MS + 5_000,
    };
    assert_eq!(kept, [again], "once, and put in anew");
    assert_eq!(hash.to_string().parse(), Ok(hash));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let place = cabinet.place(hash);
    assert_eq!(
        (mode(&place), mode(place.parent().unwrap())),
        (0o600, 0o700)
    );
}

#[test]
fn damage_is_found_and_never_read_and_the_same_content_mends_it() {
    let (_folder, cabinet) = cabinet();
    let hash = cabinet.put(b"a scan of an approval", NOW_MS).unwrap();
    for damaged in [&b"a scan of an approvaL"[..], b"a scan", b""] {
        fs::write(cabinet.place(hash), damaged).unwrap();
        assert_eq!(cabinet.read(hash).unwrap_err().code(), "ATTACH-005");
        assert_eq!(cabinet.prove().unwrap(), [hash]);
    }
    cabinet.put(b"a scan of an approval", NOW_MS).unwrap();
    assert!(cabinet.prove().unwrap().is_empty());
    cabinet.remove(hash).unwrap();
    assert_eq!(cabinet.read(hash).unwrap_err().code(), "ATTACH-004");
}

#[test]
fn a_cut_while_writing_leaves_nothing_under_the_name() {
    let (_folder, cabinet) = cabinet();
    cabinet.put(b"first", NOW_MS).unwrap();
    // What a program leaves that was killed in the middle of a write.
    let beside = cabinet.path.join(INCOMING).join("new");
    fs::write(&beside, b"half of a lo").unwrap();
    assert_eq!(cabinet.list().unwrap().len(), 1);
    let hash = cabinet.put(b"x", NOW_MS).unwrap();
    assert_eq!(cabinet.read(hash).unwrap(), b"x");
    assert!(!beside.exists());
}

#[test]
fn a_file_has_its_limit() {
    let (_folder, cabinet) = cabinet();
    let most = usize::try_from(FILE_BYTES_MAX).unwrap();
    let mut bytes = vec![0; most];
    assert!(cabinet.put(&bytes, NOW_MS).is_ok());
    bytes.push(0);
    assert_eq!(
        cabinet.put(&bytes, NOW_MS).unwrap_err().code(),
        "ATTACH-001"
    );
    let part = of(&bytes);
    let piece = (0, &b"x"[..]);
    let large = cabinet.append(part, piece, FILE_BYTES_MAX + 1, NOW_MS);
    assert_eq!(large.unwrap_err().code(), "ATTACH-001", "by what is said");
    let long = cabinet.append(part, (0, &b"xyz"[..]), 2, NOW_MS);
    assert_eq!(long.unwrap_err().code(), "ATTACH-001", "by what comes");
    assert_eq!(cabinet.part_len(part), 0);
}

#[test]
fn pieces_come_in_order_and_go_on_after_a_restart() {
    let (_folder, cabinet) = cabinet();
    let whole = b"one two three";
    let part = of(whole);
    let size = whole.len() as u64;
    assert_eq!(
        cabinet
            .append(part, (0, &whole[..4]), size, NOW_MS)
            .unwrap(),
        4
    );
    // The same again, and one from further on: neither is added.
    assert_eq!(
        cabinet
            .append(part, (0, &whole[..4]), size, NOW_MS)
            .unwrap(),
        4
    );
    assert_eq!(
        cabinet
            .append(part, (8, &whole[8..]), size, NOW_MS)
            .unwrap(),
        4
    );
    let again = Cabinet::new(&cabinet.path);
    assert_eq!(again.part_len(part), 4);
    let early = again.finish(part, NOW_MS).unwrap_err();
    assert_eq!((early.code(), again.part_len(part)), ("ATTACH-005", 0));
    again.append(part, (0, whole), size, NOW_MS).unwrap();
    again.finish(part, NOW_MS).unwrap();
    assert_eq!(again.read(part.hash).unwrap(), whole);
    assert_eq!(again.part_len(part), 0);
}

#[test]
fn what_is_on_its_way_is_bounded_and_the_longest_idle_makes_room() {
    let (_folder, cabinet) = cabinet();
    let begin = |number: usize, now_ms: u64| {
        let part = of(&number.to_be_bytes());
        cabinet
            .append(part, (0, &b"x"[..]), 9, now_ms)
            .map(|_end| part)
    };
    let first = begin(0, NOW_MS).unwrap();
    for number in 1..PARTS_MAX {
        begin(number, NOW_MS + 1_000).unwrap();
    }
    let busy = begin(PARTS_MAX, NOW_MS + PART_IDLE_MS).unwrap_err();
    assert_eq!(busy.code(), "ATTACH-015");
    begin(PARTS_MAX, NOW_MS + PART_IDLE_MS + 1).unwrap();
    assert_eq!(cabinet.part_len(first), 0, "it begins anew when it goes on");
    let kept = of(&1_usize.to_be_bytes());
    assert_eq!(cabinet.part_len(kept), 1);
    cabinet.drop_parts(kept.hash).unwrap();
    assert_eq!(cabinet.part_len(kept), 0);
}

#[test]
fn names_that_are_no_hashes_are_no_contents() {
    let (_folder, cabinet) = cabinet();
    let hash = cabinet.put(b"scan", NOW_MS).unwrap();
    let beside = cabinet.place(hash).parent().unwrap().join("readme.txt");
    fs::write(beside, "?").unwrap();
    fs::write(cabinet.path.join("ab"), "?").unwrap();
    assert_eq!(cabinet.list().unwrap().len(), 1);
    for text in [
        "",
        "../../etc/passwd",
        &"g".repeat(64),
        &"a".repeat(63),
        &"\u{6587}".repeat(64),
    ] {
        assert_eq!(text.parse::<FileHash>(), Err(NoHash), "{text}");
    }
}
