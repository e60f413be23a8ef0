//! What is erased of a person, as the schema says it, and who may.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{
    Arrival, Catalogue, Purpose, Refusal, Writer, authority::NewState, erasure, judge, may_edit,
    scope_id,
};
use replica::{Record, RegisterId};
use serde_json::json;

use crate::desk::{Desk, id, kind_of};

fn person() -> Record {
    let values = json!({ "display_name": "王某（演示）", "employer": "甲厂", "status": "active" });
    Desk::new(1).make("person", id(1), scope_id("410305"), &values)
}

fn mark() -> (RegisterId, Bytes) {
    erasure::mark_value(kind_of("person")).unwrap()
}

#[test]
fn a_person_is_erased_with_what_quotes_it_and_nothing_else() {
    let catalogue = Catalogue::builtin();
    let all = erasure::personal(catalogue).into_iter();
    let all: BTreeMap<String, (bool, Vec<u32>)> = all
        .map(|personal| {
            let registers = personal.registers.iter().map(|register| register.0);
            let name = catalogue.kind_name(personal.kind);
            (name, (personal.mark.is_some(), registers.collect()))
        })
        .collect();
    let expected = [
        ("change_request", (false, vec![3, 4, 5, 7])),
        ("decision", (false, vec![3, 6, 7])),
        ("docket_note", (false, vec![4])),
        ("person", (true, vec![1, 2, 3])),
        ("proposal", (false, vec![2, 5])),
    ];
    let expected = expected.map(|(name, of)| (name.to_owned(), of));
    assert_eq!(all, BTreeMap::from(expected));
    // What stands where a value was erased is no field of any kind.
    let number = erasure::erased_field();
    assert!(number > 0);
    let mut kinds = catalogue.kinds().iter();
    assert!(kinds.all(|kind| kind.field_by_number(number).is_none()));
}

#[test]
fn the_mark_is_set_by_its_own_purpose_and_stays() {
    let catalogue = Catalogue::builtin();
    let node = Writer::Node {
        scope: scope_id("410305"),
    };
    let record = person();
    let asks = |purpose, record: &Record, set: &[(RegisterId, Bytes)]| {
        let new = NewState {
            key: record.key,
            scope: record.scope,
            set,
        };
        may_edit(catalogue, node, purpose, Some(record), &new).map_err(|(_, why)| why)
    };
    let by_hand = asks(Purpose::Edit, &record, &[mark()]);
    assert_eq!(by_hand, Err(Refusal::Erased));
    assert_eq!(asks(Purpose::Erasure, &record, &[mark()]), Ok(()));
    let erased = Desk::new(2).write(&record, &[mark()]);
    assert!(erasure::is_erased(kind_of("person"), &erased));
    let name = [(RegisterId(1), Bytes::from_static(b"\x0a\x01x"))];
    let again = asks(Purpose::Edit, &erased, &name);
    assert_eq!(again, Err(Refusal::Erased));
    let status = [(RegisterId(5), Bytes::from_static(b"\x28\x02"))];
    assert_eq!(asks(Purpose::Edit, &erased, &status), Ok(()));
}

#[test]
fn the_hub_takes_a_mark_and_never_its_end() {
    let record = person();
    let takes = |existing: &Record, incoming: &Record| {
        let arrival = Arrival {
            peer_scope: scope_id("410305"),
            published_scope: scope_id("410300"),
            home: incoming.scope,
            existing: Some(existing),
            incoming,
        };
        judge(Catalogue::builtin(), &arrival).map_err(|(_, why)| why)
    };
    let erased = Desk::new(2).write(&record, &[mark()]);
    assert_eq!(takes(&record, &erased), Ok(()));
    for value in [&b""[..], b"\x30\x00"] {
        let value = Bytes::copy_from_slice(value);
        let undone = Desk::new(3).write(&erased, &[(mark().0, value)]);
        assert_eq!(takes(&erased, &undone), Err(Refusal::SetOnce));
    }
}
