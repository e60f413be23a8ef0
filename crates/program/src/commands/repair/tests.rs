//! What a dry run says of the writes that a backup lacks.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use domain::label::Language;
use replica::{Dot, Incarnation, Kind, RecordId, RecordKey};
use store::{BackupFacts, BackupReport, Holding};

use super::*;
use crate::output::Part;

fn lacking(counter: u64, is_acked: bool) -> WriteFact {
    WriteFact {
        dot: Dot {
            incarnation: Incarnation(7),
            counter,
        },
        key: RecordKey {
            kind: Kind(1),
            id: RecordId([1; 16]),
        },
        author: None,
        at_ms: None,
        registers: Vec::new(),
        is_own: true,
        is_acked,
        seen_by: BTreeSet::new(),
    }
}

fn said(comparison: &Comparison, language: Language) -> String {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    let mut out = Out::new(false, language, 0, move |part| {
        if let Part::Stdout(part) = part {
            sink.lock().unwrap().push_str(&part);
        }
    });
    show_counts(comparison, &mut out);
    drop(out);
    let text = text.lock().unwrap();
    text.clone()
}

#[test]
fn what_the_hub_holds_in_quarantine_is_not_said_to_exist_nowhere_else() {
    let told = [
        (Holding::Quarantined, true),
        (Holding::Quarantined, false),
        (Holding::None, false),
        (Holding::Held, true),
    ];
    let fate = |(counter, (holding, is_acked))| {
        let fact = lacking(counter, is_acked);
        (fact, Fate::told(holding, is_acked))
    };
    let comparison = Comparison {
        backup: BackupReport {
            facts: BackupFacts::default(),
            entries: 0,
            bytes: 0,
            digest: [0; 32],
            key: None,
        },
        records: 1,
        present: "whole",
        records_lacking: 0,
        lacking: (1..).zip(told).map(fate).collect(),
        peer: None,
        asked: Asked::Answered { after_backup: 4 },
        callers: Vec::new(),
    };
    let document = comparison.json();
    assert_eq!(document["peer_quarantined"], 2, "{document}");
    assert_eq!(document["nowhere_else"].as_array().unwrap().len(), 1);
    let en = said(&comparison, Language::En);
    assert!(en.contains("1 exist nowhere else"), "{en}");
    assert!(
        en.contains("2 more lie only in the hub's quarantine"),
        "{en}"
    );
    let zh = said(&comparison, Language::Zh);
    assert!(zh.contains("1 次别处没有"), "{zh}");
    assert!(zh.contains("另有 2 次只在市级的隔离区里"), "{zh}");
}
