//! What may have been entered twice is told of, each with the other, and saved.

use domain::{KindSpec, Level, Lookup, scope_id};
use replica::{RecordId, ScopeId};
use serde_json::{Value as Json, json};

use crate::{
    desk::{Rows, id},
    saves::{changed, found, problem},
    validation::{judged, values},
};

const NONE: [&str; 0] = [];

/// Whether a record is listed as it stands, and told of when it is made, with the sentence.
fn told(kind: &str, row: &Json, rows: &dyn Lookup) -> [Vec<&'static str>; 2] {
    let listed = found(kind, Some(row), &json!({}), Level::Warn, rows);
    [found(kind, None, row, Level::Warn, rows), listed]
}

fn said(kind: &str, row: &Json, rows: &Rows, code: &str) -> String {
    let found = judged(kind, None, row, rows);
    let found = found.iter().find(|finding| finding.code == code);
    found.unwrap().en.clone()
}

#[test]
fn the_second_drive_of_a_year_may_be_the_first() {
    let kind = "establishment_drive";
    let drive = json!({ "year": "2020", "scope": "410305", "title": "集中组建", "status": "planned",
        "start_on": "2020-06-01" });
    let mut rows = Rows::default();
    rows.put(kind, id(1), values(kind, &drive));
    assert_eq!(told(kind, &drive, &rows), [NONE, NONE], "only itself");
    rows.put(kind, id(2), values(kind, &drive));
    let both = ["drive_twice"];
    assert_eq!(told(kind, &drive, &rows), [both, both]);
    assert!(said(kind, &drive, &rows, "drive_twice").contains(&id(2).to_string()));
    let cancelled = changed(&drive, &json!({ "status": "cancelled" }));
    assert_eq!(told(kind, &cancelled, &rows), [NONE, NONE]);
    for other in [
        json!({ "status": "cancelled" }),
        json!({ "scope": "410302" }),
        json!({ "year": "2019" }),
    ] {
        rows.put(kind, id(2), values(kind, &changed(&drive, &other)));
        assert_eq!(told(kind, &drive, &rows), [NONE, NONE], "{other}");
    }
}

#[test]
fn a_meeting_of_one_day_and_kind_may_be_the_same() {
    let kind = "platform_meeting";
    let meeting = json!({ "platform": id(9).to_string(), "kind": "quarterly_meeting",
        "on": "2020-06-01", "topics": "例会" });
    let mut rows = Rows::default();
    let twin = changed(&meeting, &json!({ "topics": "第二季度例会" }));
    rows.put(kind, id(2), values(kind, &twin));
    let both = ["meeting_twice"];
    assert_eq!(told(kind, &meeting, &rows), [both, both]);
    assert!(said(kind, &meeting, &rows, "meeting_twice").contains(&id(2).to_string()));
    for other in [
        json!({ "kind": "joint_conference" }),
        json!({ "on": "2020-06-02" }),
        json!({ "platform": id(8).to_string() }),
    ] {
        rows.put(kind, id(2), values(kind, &changed(&meeting, &other)));
        assert_eq!(told(kind, &meeting, &rows), [NONE, NONE], "{other}");
    }
}

#[test]
fn an_activity_of_one_day_and_title_is_listed_with_its_carrier() {
    let kind = "carrier_activity";
    let carrier =
        json!({ "party_organisation": id(7).to_string(), "name": "先锋号", "status": "planned" });
    let activity =
        json!({ "carrier": id(1).to_string(), "on": "2020-06-01", "title": "送服务进车间" });
    let mut rows = Rows::default();
    rows.put(kind, id(2), values(kind, &activity));
    let listed = |rows: &Rows| told("carrier", &carrier, rows);
    assert_eq!(listed(&rows), [NONE, NONE]);
    let both = ["activity_twice"];
    // It stands with its carrier and not once more.
    assert_eq!(told(kind, &activity, &rows), [both.as_slice(), &[]]);
    assert!(said(kind, &activity, &rows, "activity_twice").contains(&id(2).to_string()));
    let spelt = changed(&activity, &json!({ "title": "送服务 进车间" }));
    rows.put(kind, id(3), values(kind, &spelt));
    assert_eq!(listed(&rows), [&[], both.as_slice()]);
    for other in [
        json!({ "title": "走访" }),
        json!({ "on": "2020-06-02" }),
        json!({ "carrier": id(8).to_string() }),
        json!({ "title": null }),
    ] {
        rows.put(kind, id(3), values(kind, &changed(&activity, &other)));
        assert_eq!(listed(&rows), [NONE, NONE], "{other}");
    }
}

/// Rows that bear numbers, as many as are named.
struct Numbered(Vec<RecordId>);

impl Lookup for Numbered {
    fn numbered(&self, kind: &KindSpec, scope: ScopeId, no: &str) -> Vec<RecordId> {
        let is_asked = kind.id == "problem_item" && scope == scope_id("410305");
        let found = is_asked && no == "410305-2020-A0001";
        if found { self.0.clone() } else { Vec::new() }
    }
}

#[test]
fn two_of_one_number_are_told_of() {
    let row = changed(&problem("withdrawn", "none"), &json!({ "extension": null }));
    let of = |rows: &Numbered| told("problem_item", &row, rows);
    assert_eq!(of(&Numbered(vec![id(1)])), [NONE, NONE], "only itself");
    let both = ["number_twice"];
    assert_eq!(of(&Numbered(vec![id(1), id(2)])), [both, both]);
}
