//! Attachments at one program: what is taken, what is refused and leaves nothing behind, and what
//! is said of content that is not here.

use std::{io::Cursor, path::PathBuf};

use link::{Asker, Referrer as _};

use serde_json::{Value, json};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::records::testing::{World, hub, node, save as save_record};

const PDF: &[u8] = b"%PDF-1.7\nscan\n%%EOF\n";

/// An archive with these parts.
fn archive(parts: &[&str]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for part in parts {
        archive
            .start_file(*part, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(b"<x/>").unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn a_file_is_what_its_content_says() {
    let types = "[Content_Types].xml";
    let known: [(&[u8], &str); 9] = [
        (PDF, "pdf"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpg"),
        (b"\x89PNG\r\n\x1a\n....", "png"),
        (b"II*\0....", "tif"),
        (b"MM\0*....", "tif"),
        (&archive(&[types, "word/document.xml"]), "docx"),
        (&archive(&[types, "xl/workbook.xml"]), "xlsx"),
        (&archive(&["OFD.xml", "Doc_0/Document.xml"]), "ofd"),
        (&archive(&[types, "WORD/DOCUMENT.XML"]), "docx"),
    ];
    for (content, extension) in known {
        let found = recognise(content).map(|media| media.extension);
        assert_eq!(found, Some(extension));
    }
    let strange: [&[u8]; 11] = [
        b"",
        b"scan.pdf",
        b"MZ\x90\0",
        b"#!/bin/sh\n",
        b"<html><script>",
        b" %PDF-1.7",
        b"PK\x03\x04 but no archive",
        &archive(&["word/document.xml"]),
        &archive(&["readme.txt"]),
        &archive(&[types, "word/document.xml", "word/vbaProject.bin"]),
        &archive(&[types, "word/document.xml", "xl/workbook.xml"]),
    ];
    for content in strange {
        assert_eq!(recognise(content), None, "{content:?}");
    }
}

fn made(app: &App, no: &str, found_by: &str) -> RecordKey {
    let values = json!({ "no": no, "year": "2020", "scope": "410305", "category": "coverage",
        "description": "应建未建", "found_by": found_by, "severity": "high",
        "registered_on": "2020-03-01", "due_on": "2020-06-30", "extension": "none",
        "status": "registered" });
    let saved = save_record(app, "problem_item", None, &values, None).unwrap();
    saved.stored.record.key
}

/// A problem of a district.
fn problem(world: &World) -> RecordKey {
    made(&world.app, "410305-2020-A0001", "self")
}

fn file(world: &World, name: &str, content: &[u8]) -> PathBuf {
    let path = world.folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn attach(app: &App, key: RecordKey, path: &Path) -> Result<FileHash, Failure> {
    let folder = Folder::open(app, key)?;
    add(app, &folder, ("evidence", path), "整改佐证").map(|(_, hash)| hash)
}

fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    result.unwrap_err().code
}

#[test]
fn a_file_goes_into_the_cabinet_and_its_facts_into_the_record() {
    let world = node();
    let app = &world.app;
    let key = problem(&world);
    let hash = attach(app, key, &file(&world, "请示（扫描）.pdf", PDF)).unwrap();
    let photo = file(&world, "a\u{202e}gpj.exe", b"\xff\xd8\xff\xe0....");
    let second = attach(app, key, &photo).unwrap();
    // The same once more is the same.
    assert_eq!(attach(app, key, &file(&world, "b.pdf", PDF)).unwrap(), hash);
    let folder = Folder::open(app, key).unwrap();
    let mut said: Vec<Value> = folder
        .files
        .iter()
        .map(|held| Value::Object(file_json(app, &folder, &desk(app), held).unwrap()))
        .collect();
    said.sort_by_key(|file| file["size"].as_u64());
    let facts =
        |file: &Value| [&file["name"], &file["media_type"], &file["state"]].map(Value::clone);
    assert_eq!(said.len(), 2);
    assert_eq!(
        facts(&said[0]),
        ["agpj.exe", "image/jpeg", "here"].map(Value::from)
    );
    assert_eq!(
        facts(&said[1]),
        ["请示（扫描）.pdf", "application/pdf", "here"].map(Value::from)
    );
    // By its first digits, into a file that is not there yet.
    let held = folder.file(&hash.to_string()[..8]).unwrap();
    let output = world.folder.path().join("out.pdf");
    assert_eq!(save(app, &folder, held, &output).unwrap(), PDF.len() as u64);
    assert_eq!(fs::read(&output).unwrap(), PDF);
    assert_eq!(code(save(app, &folder, held, &output)), "ATTACH-018");
    assert_eq!(
        code(folder.file(&hash.to_string()[..7]).map(|_| ())),
        "ATTACH-006"
    );
    assert_eq!(code(folder.file("00000000").map(|_| ())), "ATTACH-006");
    let saved = remove(app, &folder, ("evidence", &second.to_string()), "附错了").unwrap();
    assert!(saved.is_changed);
    assert_eq!(Folder::open(app, key).unwrap().files.len(), 1);
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let world = node();
    let app = &world.app;
    let key = problem(&world);
    let pdf = file(&world, "a.pdf", PDF);
    let folder = Folder::open(app, key).unwrap();
    let add =
        |field: &str, path: &Path, reason: &str| code(add(app, &folder, (field, path), reason));
    assert_eq!(
        add("evidence", &file(&world, "a.html", b"<html>"), "r"),
        "ATTACH-002"
    );
    assert_eq!(
        add("evidence", &file(&world, "empty.pdf", b""), "r"),
        "ATTACH-003"
    );
    assert_eq!(add("evidence", world.folder.path(), "r"), "ATTACH-003");
    assert_eq!(add("evidence", Path::new("nowhere.pdf"), "r"), "FILE-001");
    assert_eq!(add("measure", &pdf, "r"), "ATTACH-007");
    assert_eq!(add("evidence", &pdf, " "), "RECORD-007");
    // Refused by its size before it is read: a file of holes takes no room.
    let large = world.folder.path().join("large.pdf");
    let made = fs::File::create(&large).unwrap();
    made.set_len(BYTES_MAX + 1).unwrap();
    assert_eq!(add("evidence", &large, "r"), "ATTACH-001");
    let named = file(&world, "\u{202e}\u{200f}", PDF);
    assert_eq!(add("evidence", &named, "r"), "ATTACH-019");
    assert_eq!(app.files.cabinet().list().unwrap(), []);
}

/// A problem that the city found in a district.
fn problem_of_jianxi(world: &World) -> RecordKey {
    let scope = json!({ "code": "410305", "name": "涧西区", "kind": "district",
        "code_source": "gbt2260", "valid_from": "2019-01-01", "expected_to_report": true });
    save_record(&world.app, "scope", None, &scope, None).unwrap();
    made(&world.app, "410305-2020-H0001", "city")
}

#[test]
fn damage_is_said_and_never_given_out() {
    let world = node();
    let app = &world.app;
    let key = problem(&world);
    let hash = attach(app, key, &file(&world, "a.pdf", PDF)).unwrap();
    let text = hash.to_string();
    let place = world
        .folder
        .path()
        .join("files")
        .join(&text[..2])
        .join(&text);
    fs::write(&place, b"%PDF-1.7\nscam\n%%EOF\n").unwrap();
    let folder = Folder::open(app, key).unwrap();
    let held = folder.file(&text).unwrap();
    let output = world.folder.path().join("out.pdf");
    assert_eq!(code(save(app, &folder, held, &output)), "ATTACH-005");
    assert!(!output.exists());
    let state = |folder: &Folder| {
        let held = folder.file(&text).unwrap();
        file_json(app, folder, &desk(app), held).unwrap()["state"].clone()
    };
    assert_eq!(state(&folder), "damaged");
    assert_eq!(app.files.cabinet().prove().unwrap(), [hash]);
    // The file itself mends it, and the record is as it was.
    attach(app, key, &file(&world, "a.pdf", PDF)).unwrap();
    assert_eq!(state(&Folder::open(app, key).unwrap()), "here");
    fs::remove_file(&place).unwrap();
    let document = records::document(app, &find(app, key).unwrap()).unwrap();
    let told = &document["attachments"][0];
    assert_eq!(
        (&told["here"], &told["at"]),
        (&json!(false), &json!("410300"))
    );
    assert_eq!(code(save(app, &folder, held, &output)), "ATTACH-004");
}

#[test]
fn the_city_asks_those_who_may_have_it_and_once() {
    let world = hub();
    let app = &world.app;
    let key = problem_of_jianxi(&world);
    let hash = attach(app, key, &file(&world, "a.pdf", PDF)).unwrap();
    app.files.cabinet().remove(hash).unwrap();
    let folder = Folder::open(app, key).unwrap();
    let held = folder.file(&hash.to_string()).unwrap();
    assert_eq!(code(fetch(app, &folder, held, "")), "RECORD-007");
    let asked = fetch(app, &folder, held, "核查").unwrap();
    assert_eq!(asked.scopes, [domain::scope_id("410305").0.to_vec()]);
    assert!(asked.account.starts_with("alice@"));
    let again = fetch(app, &folder, held, "再核查").unwrap();
    assert_eq!(code(save(app, &folder, held, Path::new("x"))), "ATTACH-004");
    assert_eq!(
        (again.id, again.reason.as_str()),
        (asked.id, "核查"),
        "it is under way"
    );
    let said = file_json(app, &folder, &desk(app), held).unwrap();
    assert_eq!(
        (&said["state"], &said["at"]),
        (&json!("waiting"), &json!("410305"))
    );
    assert_eq!(desk(app).asked().unwrap().len(), 1);
    // The request is there after a restart.
    let world = world.restarted();
    assert_eq!(desk(&world.app).asked().unwrap().len(), 1);
}

#[test]
fn a_node_sees_the_files_of_its_own_scope_and_a_deleted_record_names_none() {
    let world = hub();
    let app = &world.app;
    let key = problem_of_jianxi(&world);
    let hash = attach(app, key, &file(&world, "a.pdf", PDF)).unwrap();
    let records = Records(app.clone());
    let size = |hash, asker| records.size(key, hash, asker).unwrap();
    let scope = |code: &str| Asker::Node(domain::scope_id(code));
    let known = Some(PDF.len() as u64);
    for asker in [Asker::Own, Asker::Hub, scope("410305")] {
        assert_eq!(size(hash, asker), known, "{asker:?}");
        assert_eq!(size(FileHash::of(b"another"), asker), None, "{asker:?}");
    }
    for other in ["410302", "410300"] {
        assert_eq!(size(hash, scope(other)), None, "{other}");
    }
    assert!(records.fits(key, hash, PDF).unwrap());
    assert!(!records.fits(key, hash, b"\x89PNG\r\n\x1a\n").unwrap());
    records::delete(app, key, None, "误登").unwrap();
    assert_eq!(size(hash, scope("410305")), None);
}

#[test]
fn what_no_record_names_is_cleared_away_after_a_time() {
    let world = node();
    let app = &world.app;
    let key = problem(&world);
    let hash = attach(app, key, &file(&world, "a.pdf", PDF)).unwrap();
    let other = attach(app, key, &file(&world, "b.pdf", b"%PDF-1.4 b")).unwrap();
    assert_eq!(orphans(app, 0).unwrap(), [], "records name both");
    let folder = Folder::open(app, key).unwrap();
    remove(app, &folder, ("evidence", &hash.to_string()), "附错了").unwrap();
    assert_eq!(orphans(app, PRUNE_DAYS).unwrap(), [], "not yet");
    let found: Vec<FileHash> = orphans(app, 0)
        .unwrap()
        .iter()
        .map(|kept| kept.hash)
        .collect();
    assert_eq!(found, [hash]);
    assert_eq!(prune(app, 0).unwrap().len(), 1);
    let left = app.files.cabinet().list().unwrap();
    assert_eq!(
        left.iter().map(|kept| kept.hash).collect::<Vec<_>>(),
        [other]
    );
    // A record that was deleted can come back: its files stay.
    records::delete(app, key, None, "误登").unwrap();
    assert_eq!(prune(app, 0).unwrap(), []);
    assert!(app.clock.wall_ms() > 0);
}

#[test]
fn an_archive_of_contents_is_whole_or_not_used() {
    let world = node();
    let cabinet = world.app.files.cabinet();
    let path = world.folder.path().join("backup.files");
    assert_eq!(pack::pack(cabinet, &path).unwrap(), pack::Packed::default());
    assert!(!path.exists(), "nothing to pack, no archive");
    let now_ms = world.app.clock.wall_ms();
    let contents = [PDF.to_vec(), vec![7; 300_000]];
    for content in &contents {
        cabinet.put(content, now_ms).unwrap();
    }
    let damaged = cabinet.put(b"damaged", now_ms).unwrap().to_string();
    let place = world.folder.path().join("files").join(&damaged[..2]);
    fs::write(place.join(&damaged), b"something").unwrap();
    let packed = pack::pack(cabinet, &path).unwrap();
    assert_eq!((packed.files, packed.damaged), (2, 1));
    let mut read = Vec::new();
    let mut keep = |content: &[u8]| {
        read.push(content.to_vec());
        Ok(())
    };
    pack::read(&path, &mut keep).unwrap();
    read.sort_by_key(Vec::len);
    assert_eq!(read, contents);
    // A bit anywhere in a content, and a cut.
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for bad in [&flipped[..], &whole[..whole.len() - 9], b"no archive"] {
        fs::write(&path, bad).unwrap();
        assert_eq!(code(pack::read(&path, &mut |_| Ok(()))), "ATTACH-020");
    }
}
