//! 7.1 and 7.12: an organisation is in transfer while its own scope asks for its move, and only read.

use std::collections::BTreeSet;

use domain::{
    FieldOf, Lookup, Parameters, Values, scope_id,
    state::effects::follow,
    validate::{around_transfer, locked},
};
use replica::{RecordId, RecordKey, ScopeId};
use serde_json::{Value as Json, json};

use crate::{
    desk::{Rows, id},
    validation::{of_edit, values},
};

/// Records of Jianxi, but for those of Laocheng.
struct Known {
    rows: Rows,
    elsewhere: BTreeSet<RecordId>,
}

impl Known {
    /// Record 1 is an organisation with this status, entered by hand.
    fn with(status: &str) -> Self {
        let mut rows = Rows::default();
        rows.put(
            "organisation",
            id(1),
            values("organisation", &organisation(status)),
        );
        Self {
            rows,
            elsewhere: BTreeSet::new(),
        }
    }

    fn request(mut self, number: u8, row: &Json) -> Self {
        self.rows.put(
            "transfer_request",
            id(number),
            values("transfer_request", row),
        );
        self
    }

    fn elsewhere(mut self, number: u8) -> Self {
        self.elsewhere.insert(id(number));
        self
    }
}

impl Lookup for Known {
    fn values(&self, key: RecordKey) -> Option<Values> {
        self.rows.values(key)
    }

    fn referring(&self, from: &FieldOf<'_>, to: RecordKey) -> Vec<(RecordId, Values)> {
        self.rows.referring(from, to)
    }

    fn home(&self, key: RecordKey) -> Option<ScopeId> {
        let code = if self.elsewhere.contains(&key.id) {
            "410302"
        } else {
            "410305"
        };
        self.rows.0.get(&key).map(|_| scope_id(code))
    }
}

/// One that was counted before its transfer, or as the test says.
fn moving(before: &str) -> Json {
    let step =
        |place: u32, state: &str| json!({ "place": place, "state": state, "on": "2020-05-06" });
    json!({ "name": "甲", "census_status": "transferring",
        "steps": [step(1, before), step(2, "transferring")] })
}

fn organisation(status: &str) -> Json {
    match status {
        "transferring" => moving("counted"),
        _ => json!({ "name": "甲", "census_status": status }),
    }
}

fn request(status: &str, to: &str) -> Json {
    json!({ "record": format!("organisation/{}", id(1)), "from_scope": "410305",
        "to_scope": to, "reason": "搬迁", "status": status })
}

/// What follows from an edit of request 1 itself, as `status needed`.
fn follows(before: Option<&Json>, after: &Json, known: &Known) -> Vec<String> {
    let outcome = of_edit("transfer_request", (before, after), |subject, today| {
        follow(subject, today, &Parameters::defaults(2020), known)
    });
    let one = |effect: &domain::state::effects::Effect| {
        assert_eq!((effect.kind, effect.id), ("organisation", Some(id(1))));
        let [(field, status)] = effect.set.as_slice() else {
            panic!("{effect:?}")
        };
        assert_eq!(*field, "census_status");
        format!("{status} {}", effect.is_needed)
    };
    outcome.effects.iter().map(one).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn the_request_of_its_own_scope_takes_an_organisation_into_transfer() {
    let asked = request("requested", "410302");
    for status in ["candidate", "counted"] {
        let known = Known::with(status);
        assert_eq!(follows(None, &asked, &known), ["transferring true"]);
    }
    for status in ["transferring", "excluded", "closed", "merged"] {
        let known = Known::with(status);
        assert_eq!(follows(None, &asked, &known), NOTHING, "{status}");
    }
    // What the other scope asks for may not write the record, and waits for consent.
    let mut theirs = asked.clone();
    theirs["from_scope"] = json!("410302");
    let known = Known::with("counted").elsewhere(1);
    assert_eq!(follows(None, &theirs, &known), NOTHING);
    let mut person = asked;
    person["record"] = json!(format!("person/{}", id(1)));
    assert_eq!(follows(None, &person, &Known::with("counted")), NOTHING);
}

#[test]
fn it_is_what_it_was_when_the_last_request_of_its_scope_ends() {
    let asked = request("requested", "410302");
    for end in ["cancelled", "refused", "accepted", "ruled"] {
        let ended = request(end, "410302");
        let known = Known::with("transferring").request(1, &asked);
        assert_eq!(
            follows(Some(&asked), &ended, &known),
            ["counted false"],
            "{end}"
        );
        // Another wish of its own scope goes on; one of the other scope holds nothing.
        let other = request("requested", "410303");
        let held = Known::with("transferring").request(7, &other);
        assert_eq!(follows(Some(&asked), &ended, &held), NOTHING, "{end}");
        let theirs = Known::with("transferring").request(7, &other).elsewhere(7);
        assert_eq!(
            follows(Some(&asked), &ended, &theirs),
            ["counted false"],
            "{end}"
        );
        let moved = Known::with("transferring").elsewhere(1);
        assert_eq!(follows(Some(&asked), &ended, &moved), NOTHING, "{end}");
    }
    let mut known = Known::with("transferring");
    let row = values("organisation", &moving("candidate"));
    known.rows.put("organisation", id(1), row);
    let ended = request("cancelled", "410302");
    assert_eq!(follows(Some(&asked), &ended, &known), ["candidate false"]);
}

/// Why an edit of the organisation is refused.
fn refused(before: Option<&str>, after: &Json, known: &Known) -> Option<&'static str> {
    let before = before.map(organisation);
    of_edit("organisation", (before.as_ref(), after), |subject, _| {
        around_transfer(subject, known).map(|found| found.code)
    })
}

fn renamed(status: &str) -> Json {
    let mut row = organisation(status);
    row["name"] = json!("乙");
    row
}

#[test]
fn nobody_goes_around_the_request() {
    let asked = request("requested", "410302");
    let waits = || Known::with("transferring").request(7, &asked);
    let none = || Known::with("transferring");
    let theirs = || waits().elsewhere(7);
    let over = || none().request(7, &request("cancelled", "410302"));
    let moving = organisation("transferring");
    for known in [none(), theirs(), over()] {
        let unasked = Some("move_unasked");
        assert_eq!(refused(Some("counted"), &moving, &known), unasked);
        assert_eq!(refused(None, &moving, &known), unasked);
        // One that a program before this one left there is written, and gets out.
        assert_eq!(
            refused(Some("transferring"), &renamed("transferring"), &known),
            None
        );
        assert_eq!(
            refused(Some("transferring"), &organisation("counted"), &known),
            None
        );
    }
    assert_eq!(refused(Some("counted"), &moving, &waits()), None);
    let locked = Some("move_locked");
    assert_eq!(
        refused(Some("transferring"), &renamed("transferring"), &waits()),
        locked
    );
    assert_eq!(
        refused(Some("transferring"), &moving, &waits()),
        None,
        "nothing is written"
    );
    for to in ["counted", "candidate", "merged"] {
        let left = refused(Some("transferring"), &organisation(to), &waits());
        assert_eq!(left, Some("move_waits"), "{to}");
    }
    assert_eq!(
        refused(Some("counted"), &renamed("counted"), &waits()),
        None
    );
}

#[test]
fn what_is_in_transfer_is_not_deleted_either() {
    let asked = request("requested", "410302");
    let stands = |status: &str, known: &Known| {
        let row = organisation(status);
        of_edit("organisation", (Some(&row), &row), |subject, _| {
            locked(subject, known).map(|found| found.code)
        })
    };
    let waits = Known::with("transferring").request(7, &asked);
    assert_eq!(stands("transferring", &waits), Some("move_locked"));
    assert_eq!(stands("counted", &waits), None);
    assert_eq!(stands("transferring", &Known::with("transferring")), None);
    // A kind without that state has no lock.
    let person = json!({ "display_name": "王芳" });
    let found = of_edit("person", (Some(&person), &person), |subject, _| {
        locked(subject, &waits)
    });
    assert_eq!(found, None);
}
