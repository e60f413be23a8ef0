//! What holds between two scopes: who goes with whom, what is lent, what a late write becomes.

use domain::{Catalogue, Late, lends, parent, propose, scope_id, value};
use proto::ledger::Proposal;
use replica::{Ancestor, Record, RecordKey, RegisterId, Sibling};
use serde_json::{Value as Json, json};

use crate::desk::{Desk, id, kind_of};

fn key(kind: &str, number: u8) -> RecordKey {
    RecordKey {
        kind: kind_of(kind).kind,
        id: id(number),
    }
}

fn made(kind: &str, values: &Json) -> Record {
    Desk::new(1).make(kind, id(1), scope_id("410305"), values)
}

fn parent_of(kind: &str, values: &Json) -> Option<RecordKey> {
    parent(Catalogue::builtin(), &made(kind, values))
}

#[test]
fn a_child_goes_with_the_record_that_its_key_names() {
    let link = json!({ "organisation": id(1).to_string(), "party_organisation": id(2).to_string(),
        "from_on": "2020-01-01", "form": "joint" });
    assert_eq!(
        parent_of("coverage_link", &link),
        Some(key("organisation", 1))
    );
    let role = |subject: &str| {
        json!({ "person": id(3).to_string(), "role": "secretary", "subject": subject,
            "from_on": "2020-01-01" })
    };
    let party = format!("party_organisation/{}", id(2));
    assert_eq!(
        parent_of("role_assignment", &role(&party)),
        Some(key("party_organisation", 2))
    );
    let sent = json!({ "person": id(3).to_string(), "organisation": id(1).to_string(),
        "from_on": "2020-01-01" });
    assert_eq!(
        parent_of("instructor_assignment", &sent),
        Some(key("organisation", 1))
    );
    let carrier = json!({ "party_organisation": id(2).to_string(), "name": "甲" });
    assert_eq!(
        parent_of("carrier", &carrier),
        Some(key("party_organisation", 2))
    );
    let activity = json!({ "carrier": id(4).to_string(), "on": "2020-05-01", "title": "甲" });
    assert_eq!(
        parent_of("carrier_activity", &activity),
        Some(key("carrier", 4))
    );
}

#[test]
fn roots_and_what_belongs_to_no_scope_have_no_parent() {
    assert_eq!(parent_of("organisation", &json!({ "name": "甲" })), None);
    // A Party organisation may change its host by an edit, so it is a root.
    let party = json!({ "name": "甲", "host_organisation": id(1).to_string() });
    assert_eq!(parent_of("party_organisation", &party), None);
    let of_city = json!({ "person": id(3).to_string(), "role": "head",
        "subject": format!("scope/{}", id(9)), "from_on": "2020-01-01" });
    assert_eq!(parent_of("role_assignment", &of_city), None);
}

#[test]
fn of_several_candidates_of_a_parent_the_lowest_dot_stands_on_every_replica() {
    let base = made(
        "carrier",
        &json!({ "party_organisation": id(2).to_string(), "name": "甲" }),
    );
    let other = json!({ "party_organisation": id(3).to_string() });
    let set = crate::desk::registers(Catalogue::builtin(), &base, other.as_object().unwrap());
    let beside = Desk::new(9).write_having_seen(&base, &set, &|_| Vec::new());
    assert_eq!(
        parent(Catalogue::builtin(), &beside),
        Some(key("party_organisation", 2))
    );
}

#[test]
fn a_case_is_lent_to_both_scopes_and_with_it_the_record_that_stands() {
    let catalogue = Catalogue::builtin();
    let (here, there, city) = (scope_id("410305"), scope_id("410302"), scope_id("4103L0"));
    let case = Desk::new(9).make(
        "duplicate_case",
        id(0),
        city,
        &json!({ "records": [id(1).to_string(), id(2).to_string()],
            "scopes": ["410302", "410305"], "evidence": "代码相同" }),
    );
    let mut lent = lends(catalogue, &case, &|_| Some(city));
    lent.sort_unstable();
    let mut both = vec![(case.key, here), (case.key, there)];
    both.sort_unstable();
    assert_eq!(lent, both);
    // Once it is merged, whoever had either reads the one that stands; where that lies is the engine's
    // to leave out.
    let ruled = Desk::new(9).put(
        &case,
        &json!({ "ruling": "merge_records", "survivor": id(2).to_string() }),
    );
    let mut lent = lends(catalogue, &ruled, &|_| Some(city));
    lent.sort_unstable();
    both.extend([here, there].map(|scope| (key("organisation", 2), scope)));
    both.sort_unstable();
    assert_eq!(lent, both);
}

#[test]
fn what_the_other_scope_must_see_is_lent_to_it() {
    let catalogue = Catalogue::builtin();
    let (here, there, city) = (scope_id("410305"), scope_id("410302"), scope_id("4103L0"));
    let request = made(
        "transfer_request",
        &json!({ "record": format!("organisation/{}", id(1)), "from_scope": "410305",
            "to_scope": "410302", "reason": "搬迁", "status": "requested" }),
    );
    assert_eq!(
        lends(catalogue, &request, &|_| Some(here)),
        [(request.key, there)]
    );
    let notice = Desk::new(9).make(
        "notice",
        id(4),
        city,
        &json!({ "kind": "criticise", "audience": ["410302", "4103L0"], "body": "通报" }),
    );
    assert_eq!(
        lends(catalogue, &notice, &|_| Some(city)),
        [(notice.key, there)]
    );
    let link = made(
        "coverage_link",
        &json!({ "organisation": id(1).to_string(), "party_organisation": id(2).to_string(),
            "from_on": "2020-01-01", "form": "area" }),
    );
    // Wherever the organisation of the link has gone, the Party organisation is lent there.
    for home in [here, there] {
        assert_eq!(
            lends(catalogue, &link, &|_| Some(home)),
            [(key("party_organisation", 2), home)]
        );
    }
    // Who has another spelling of an agency reads the one that stands.
    let spelling = made(
        "agency",
        &json!({ "name": "组织部", "alias_of": id(2).to_string() }),
    );
    assert_eq!(
        lends(catalogue, &spelling, &|_| Some(here)),
        [(key("agency", 2), here)]
    );
    let attended = made(
        "training_attendance",
        &json!({ "session": id(5).to_string(), "person": id(3).to_string(), "attended": true }),
    );
    let (session, person) = (key("training_session", 5), key("person", 3));
    assert_eq!(
        lends(catalogue, &attended, &|_| Some(here)),
        [(session, here)]
    );
    // At a city course: whose person it was sees that they came, and where.
    let home_of = |key| Some(if key == person { there } else { city });
    assert_eq!(
        lends(catalogue, &attended, &home_of),
        [(session, city), (session, there), (attended.key, there)]
    );
    // Of a person who is not known here nobody knows whose it is.
    let home_of = |key| (key != person).then_some(city);
    assert_eq!(lends(catalogue, &attended, &home_of), [(session, city)]);
    assert!(
        lends(
            catalogue,
            &made("organisation", &json!({ "name": "甲" })),
            &|_| Some(here)
        )
        .is_empty()
    );
}

/// A late write of two registers to an organisation that has moved.
fn late_write() -> (RecordKey, Vec<Sibling>) {
    let base = made("organisation", &json!({ "name": "甲", "industry": "A" }));
    let edited = Desk::new(2).put(&base, &json!({ "name": "乙", "industry": "C" }));
    let dot = edited.register(RegisterId(2))[0].dot();
    let siblings = edited.siblings.iter().filter(|s| s.dot() == dot);
    (edited.key, siblings.cloned().collect())
}

#[test]
fn a_late_write_becomes_one_proposal_however_often_it_comes() {
    let catalogue = Catalogue::builtin();
    let (key, siblings) = late_write();
    let late = Late {
        key,
        home: scope_id("410302"),
        sender: scope_id("410305"),
        siblings: &siblings,
        code: "SYNC-131",
    };
    let edit = propose(catalogue, &late).unwrap();
    assert_eq!(
        edit.scope,
        scope_id("410302"),
        "it lies where the record is"
    );
    assert_eq!(propose(catalogue, &late).as_ref(), Some(&edit));
    assert_eq!((edit.key.id.0[6] >> 4, edit.key.id.0[8] >> 6), (8, 2));
    let values: Vec<u8> = edit.set.iter().flat_map(|set| set.value.to_vec()).collect();
    let row: Proposal = domain::decode(&values).unwrap();
    assert_eq!(row.record(), format!("organisation/{}", key.id));
    assert_eq!(
        (row.author(), row.reason()),
        (siblings[0].write.author.as_str(), "test")
    );
    assert_eq!(row.code(), "SYNC-131");
    let said: Vec<u32> = row.values.iter().map(|value| value.register).collect();
    assert_eq!(said, [2, 6], "all that the write set");
    // It goes with the record that it is about, and its sender sees it.
    let kind = catalogue.kind(edit.key.kind).unwrap();
    let json = value::to_json(kind, &values);
    assert_eq!(json["answer"], Json::Null);
    let record = Desk::new(99).write(
        &Record::new(edit.key, edit.scope),
        &edit
            .set
            .iter()
            .map(|s| (s.register, s.value.clone()))
            .collect::<Vec<_>>(),
    );
    assert_eq!(parent(catalogue, &record), Some(key));
    let lent = lends(catalogue, &record, &|_| Some(scope_id("410302")));
    assert_eq!(lent, [(edit.key, scope_id("410305"))]);
    assert!(lends(catalogue, &record, &|_| Some(scope_id("410305"))).is_empty());
}

#[test]
fn a_late_write_that_only_leaves_a_transfer_makes_no_proposal() {
    let catalogue = Catalogue::builtin();
    let kind = catalogue.kind_by_id("organisation").unwrap();
    let steps = |state: &str| json!([{ "place": 1, "state": state, "on": "2020-10-05" }]);
    let said = |base: &Record, values: &Json, acked: bool| {
        let edited = Desk::new(2).put(base, values);
        let register = kind.field("census_status").unwrap().register;
        let dot = edited.register(register)[0].dot();
        let siblings = edited.siblings.iter().filter(|one| one.dot() == dot);
        let siblings = siblings.map(|one| {
            let mut one = one.clone();
            let before = &base.register(one.register)[0];
            one.ancestry = vec![Ancestor {
                dot: before.dot(),
                value: acked.then(|| before.value.clone()),
            }];
            one
        });
        siblings.collect::<Vec<_>>()
    };
    let proposed = |siblings: &[Sibling]| {
        let late = Late {
            key: key("organisation", 1),
            home: scope_id("410302"),
            sender: scope_id("410305"),
            siblings,
            code: "SYNC-131",
        };
        propose(catalogue, &late).is_some()
    };
    let made = |state: &str| {
        let values = json!({ "name": "甲", "census_status": state, "steps": steps(state) });
        made("organisation", &values)
    };
    let back = json!({ "census_status": "counted", "steps": steps("counted") });
    assert!(!proposed(&said(&made("transferring"), &back, true)));
    assert!(proposed(&said(&made("excluded"), &back, true)));
    // What was done to it after its transfer is offered, and so is what was written with it.
    assert!(proposed(&said(&made("transferring"), &back, false)));
    let more = json!({ "name": "乙", "census_status": "counted", "steps": steps("counted") });
    assert!(proposed(&said(&made("transferring"), &more, true)));
}

#[test]
fn another_write_makes_another_proposal_and_one_of_nothing_makes_none() {
    let catalogue = Catalogue::builtin();
    let (key, siblings) = late_write();
    let late = |siblings| Late {
        key,
        home: scope_id("410302"),
        sender: scope_id("410305"),
        siblings,
        code: "SYNC-132",
    };
    let one = propose(catalogue, &late(&siblings[..1])).unwrap();
    let all = propose(catalogue, &late(&siblings)).unwrap();
    assert_ne!(one.key, all.key);
    assert_eq!(propose(catalogue, &late(&[])), None);
    let decision = catalogue.kind_by_id("decision").unwrap().kind;
    let of_docket = Late {
        key: RecordKey {
            kind: decision,
            ..key
        },
        ..late(&siblings)
    };
    assert_eq!(
        propose(catalogue, &of_docket),
        None,
        "a decision is made again where the record is"
    );
    let mut forged = siblings[0].clone();
    forged.register = RegisterId::OWNER;
    assert_eq!(propose(catalogue, &late(&[forged])), None);
}

#[test]
fn only_the_home_scope_answers_a_proposal_and_nobody_changes_what_it_says() {
    use domain::{Arrival, Refusal, judge};
    let catalogue = Catalogue::builtin();
    let (key, siblings) = late_write();
    let late = Late {
        key,
        home: scope_id("410302"),
        sender: scope_id("410305"),
        siblings: &siblings,
        code: "SYNC-131",
    };
    let edit = propose(catalogue, &late).unwrap();
    let set: Vec<_> = edit
        .set
        .iter()
        .map(|s| (s.register, s.value.clone()))
        .collect();
    let proposal = Desk::new(99).write(&Record::new(edit.key, edit.scope), &set);
    let judged = |incoming: &Record, peer: &str| {
        let arrival = Arrival {
            peer_scope: scope_id(peer),
            published_scope: scope_id("410300"),
            home: scope_id("410302"),
            existing: Some(&proposal),
            incoming,
        };
        judge(catalogue, &arrival).map_err(|(_, why)| why)
    };
    let answered = Desk::new(2).put(
        &proposal,
        &json!({ "answer": "accepted", "answer_reason": "属实", "answered_by": "a@n" }),
    );
    assert_eq!(judged(&answered, "410302"), Ok(()));
    assert_eq!(judged(&answered, "410305"), Err(Refusal::Scope));
    let altered = Desk::new(2).put(&proposal, &json!({ "author": "b@n" }));
    assert_eq!(judged(&altered, "410302"), Err(Refusal::Authority));
}
