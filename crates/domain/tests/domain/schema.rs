//! A later kind needs its proto and its rules only; an older program keeps what it does not know.

use domain::{Arrival, Catalogue, KindSpec, NoResolve, Refusal, effective, judge, scope_id, value};
use prost::Message as _;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use replica::{Record, RecordKey, RegisterId, merge};
use serde_json::{Map, Value as Json, json};

use crate::desk::{Desk, id};

/// A kind that only this test knows.
const LATER: &str = r#"
syntax = "proto3";
package liangxin.ledger.v1;
import "schema/v1/options.proto";
enum ClubMood {
  CLUB_MOOD_UNSPECIFIED = 0;
  CLUB_MOOD_CALM = 1 [(liangxin.schema.v1.value) = { zh: "平静" en: "Calm" spellings: "安静" }];
  CLUB_MOOD_MERRY = 2 [(liangxin.schema.v1.value) = { zh: "热闹" en: "Merry" }];
}
message ReadingClub {
  option (liangxin.schema.v1.kind) = {
    number: 900 zh: "读书会" en: "Reading club" authority: AUTHORITY_SCOPE travel: TRAVEL_SCOPE derived_id: true
  };
  optional bytes organisation = 1 [(liangxin.schema.v1.field) = {
    zh: "单位" en: "Organisation" merge: MERGE_KEY type: TYPE_REFERENCE need: NEED_REQUIRED reference: "organisation" }];
  repeated ClubMood moods = 2 [(liangxin.schema.v1.field) = { zh: "气氛" en: "Moods" merge: MERGE_UNION type: TYPE_ENUM }];
  optional uint32 readers = 3 [(liangxin.schema.v1.field) = { zh: "人数" en: "Readers" merge: MERGE_LATER_AS_OF type: TYPE_COUNT register: 3 }];
  optional string counted_on = 4 [(liangxin.schema.v1.field) = { zh: "日期" en: "Counted on" merge: MERGE_LATER_AS_OF type: TYPE_DATE register: 3 }];
  optional string award = 5 [(liangxin.schema.v1.field) = { zh: "奖项" en: "Award" merge: MERGE_OWNER type: TYPE_TEXT }];
  optional string room = 6 [(liangxin.schema.v1.field) = { zh: "房间" en: "Room" merge: MERGE_ASK type: TYPE_NAME }];
}
"#;

/// The same kind as an older program knows it.
const EARLIER: &str = r#"
syntax = "proto3";
package liangxin.ledger.v1;
import "schema/v1/options.proto";
message ReadingClub {
  option (liangxin.schema.v1.kind) = {
    number: 900 zh: "读书会" en: "Reading club" authority: AUTHORITY_SCOPE travel: TRAVEL_SCOPE derived_id: true
  };
  optional bytes organisation = 1 [(liangxin.schema.v1.field) = {
    zh: "单位" en: "Organisation" merge: MERGE_KEY type: TYPE_REFERENCE need: NEED_REQUIRED reference: "organisation" }];
  optional string counted_on = 4 [(liangxin.schema.v1.field) = { zh: "日期" en: "Counted on" merge: MERGE_LATER_AS_OF type: TYPE_DATE register: 3 }];
}
"#;

#[derive(Debug)]
struct InMemory(&'static str);

impl FileResolver for InMemory {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let source = match name {
            "club.proto" => self.0,
            "schema/v1/options.proto" => include_str!("../../../../proto/schema/v1/options.proto"),
            _ => return Err(protox::Error::file_not_found(name)),
        };
        File::from_source(name, source)
    }
}

fn catalogue(source: &'static str) -> Catalogue {
    let mut files = ChainFileResolver::new();
    files.add(InMemory(source));
    files.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(files);
    compiler
        .include_imports(true)
        .open_file("club.proto")
        .unwrap();
    // Beside the kinds that the program was built with, as a later schema would be.
    let mut set = prost_reflect_set(proto::DESCRIPTORS);
    let extra = prost_reflect_set(&compiler.encode_file_descriptor_set());
    let known: Vec<_> = set.0.iter().map(|(name, _)| name.clone()).collect();
    set.0.extend(
        extra
            .0
            .into_iter()
            .filter(|(name, _)| !known.contains(name)),
    );
    Catalogue::load(&set.encode()).unwrap()
}

/// A descriptor set as its files, each as it was encoded: the options that no generated type
/// knows stay in it.
struct Files(Vec<(String, Vec<u8>)>);

#[derive(Clone, PartialEq, prost::Message)]
struct RawSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RawFile {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
}

impl Files {
    fn encode(&self) -> Vec<u8> {
        RawSet {
            files: self.0.iter().map(|(_, file)| file.clone()).collect(),
        }
        .encode_to_vec()
    }
}

fn prost_reflect_set(bytes: &[u8]) -> Files {
    let set = RawSet::decode(bytes).unwrap();
    let named = |file: Vec<u8>| {
        (
            RawFile::decode(file.as_slice()).unwrap().name.unwrap(),
            file,
        )
    };
    Files(set.files.into_iter().map(named).collect())
}

fn write(desk: &mut Desk, catalogue: &Catalogue, record: &Record, values: &Json) -> Record {
    let set = crate::desk::registers(catalogue, record, values.as_object().unwrap());
    desk.write(record, &set)
}

fn club(catalogue: &Catalogue) -> (&KindSpec, Record) {
    let kind = catalogue.kind_by_id("reading_club").unwrap();
    let key = RecordKey {
        kind: kind.kind,
        id: id(1),
    };
    (kind, Record::new(key, scope_id("410305")))
}

/// A record as a node of its scope sends it.
fn arrival<'a>(existing: Option<&'a Record>, incoming: &'a Record) -> Arrival<'a> {
    Arrival {
        peer_scope: incoming.scope,
        published_scope: scope_id("410300"),
        home: incoming.scope,
        existing,
        incoming,
    }
}

#[test]
fn a_kind_that_no_code_knows_is_read_merged_judged_and_shown() {
    let catalogue = catalogue(LATER);
    assert_eq!(
        catalogue.kinds().len(),
        Catalogue::builtin().kinds().len() + 1
    );
    let (kind, blank) = club(&catalogue);
    let values = json!({ "organisation": id(5).to_string(), "moods": ["安静"], "readers": "１２人",
        "counted_on": "2020年9月30日", "room": "  图书室(二楼) " });
    let base = write(&mut Desk::new(1), &catalogue, &blank, &values);
    let read = effective(&catalogue, &base);
    assert_eq!(
        Json::Object(value::to_json(kind, &read.values)),
        json!({
        "organisation": id(5).to_string(), "moods": ["calm"], "readers": 12,
        "counted_on": "2020-09-30", "award": null, "room": "图书室（二楼）" })
    );
    assert!(domain::derive_id(kind, &read.values).is_some());
    let left = write(
        &mut Desk::new(2),
        &catalogue,
        &base,
        &json!({ "moods": ["calm", "merry"], "readers": 20, "counted_on": "2020-12-31" }),
    );
    let right = write(
        &mut Desk::new(3),
        &catalogue,
        &base,
        &json!({ "readers": 5, "counted_on": "2020-10-31", "room": "丙" }),
    );
    let merged = merge(&left, &right).unwrap();
    let read = effective(&catalogue, &merged);
    assert!(read.conflicts.is_empty());
    let shown = value::to_json(kind, &read.values);
    assert_eq!(
        (&shown["readers"], &shown["moods"]),
        (&json!(20), &json!(["calm", "merry"]))
    );
    assert_eq!(judge(&catalogue, &arrival(Some(&base), &merged)), Ok(()));
    let award = write(
        &mut Desk::new(2),
        &catalogue,
        &base,
        &json!({ "award": "一等" }),
    );
    let refused = judge(&catalogue, &arrival(Some(&base), &award)).unwrap_err();
    assert_eq!(refused.1, Refusal::Authority);
}

#[test]
fn an_older_program_keeps_and_forwards_what_it_does_not_know() {
    let (new, old) = (catalogue(LATER), catalogue(EARLIER));
    let (_, blank) = club(&new);
    let values = json!({ "organisation": id(5).to_string(), "moods": ["merry"], "readers": 12,
        "counted_on": "2020-09-30", "room": "甲" });
    let record = write(&mut Desk::new(1), &new, &blank, &values);
    let forwarded = Record::decode(&record.encode()).unwrap();
    assert_eq!(forwarded.encode(), record.encode(), "byte for byte");
    // The old program edits the one field of the group that it knows.
    let (kind, _) = club(&old);
    let edited = write(
        &mut Desk::new(2),
        &old,
        &forwarded,
        &json!({ "counted_on": "2020-10-31" }),
    );
    let shown = value::to_json(kind, &effective(&old, &edited).values);
    assert_eq!(shown["counted_on"], json!("2020-10-31"));
    assert_eq!(shown["3"], json!("180c"), "a field of a known group, raw");
    assert_eq!(shown["2"], json!("120102"), "a set, raw");
    assert_eq!(shown["6"], json!("3203e794b2"), "a text, raw");
    // The new program still reads all of it.
    let (kind, _) = club(&new);
    let shown = value::to_json(kind, &effective(&new, &edited).values);
    assert_eq!(
        (&shown["readers"], &shown["counted_on"]),
        (&json!(12), &json!("2020-10-31"))
    );
    assert_eq!(
        (&shown["moods"], &shown["room"]),
        (&json!(["merry"]), &json!("甲"))
    );
}

#[test]
fn an_unknown_kind_is_shown_raw_and_asked_about() {
    let (new, none) = (catalogue(LATER), Catalogue::builtin());
    let (_, blank) = club(&new);
    let values = json!({ "organisation": id(5).to_string(), "room": "甲" });
    let base = write(&mut Desk::new(1), &new, &blank, &values);
    let read = effective(none, &base);
    let raw: Map<String, Json> = value::raw_json(&read.values);
    assert_eq!(raw["6"], json!("3203e794b2"));
    let left = write(&mut Desk::new(2), &new, &base, &json!({ "room": "乙" }));
    let right = write(&mut Desk::new(3), &new, &base, &json!({ "room": "丙" }));
    let merged = merge(&left, &right).unwrap();
    assert_eq!(
        effective(none, &merged).conflicts[0].register,
        RegisterId(6)
    );
    assert_eq!(judge(none, &arrival(None, &merged)), Ok(()));
}

#[test]
fn an_enumeration_value_of_a_newer_peer_stays_and_cannot_be_typed() {
    let kind = Catalogue::builtin().kind_by_id("organisation").unwrap();
    let newer = proto::ledger::Organisation {
        mass_orgs: vec![1, 9],
        ..Default::default()
    };
    let held = value::split(kind, &newer.encode_to_vec()).unwrap();
    let base = |register| {
        held.iter()
            .find(|(id, _)| *id == register)
            .map(|(_, v)| v.clone())
            .unwrap_or_default()
    };
    let shown = value::to_json(kind, &newer.encode_to_vec());
    assert_eq!(shown["mass_orgs"], json!(["union", 9]));
    let edit = |values: Json| {
        let values = values.as_object().unwrap().clone();
        value::edits_from_json(Catalogue::builtin(), kind, &base, &values, &NoResolve)
    };
    let kept = edit(json!({ "mass_orgs": ["women", 9] })).unwrap();
    assert_eq!(
        value::to_json(kind, &kept[0].value)["mass_orgs"],
        json!(["women", 9])
    );
    assert!(!edit(json!({ "mass_orgs": ["union", 9] })).unwrap()[0].changed);
    assert_eq!(
        edit(json!({ "mass_orgs": [8] })).unwrap_err()[0].code,
        "form"
    );
}
