//! What the hub takes from a node, and what may be saved where.

use bytes::Bytes;
use domain::{
    Arrival, Catalogue, Purpose, Refusal, Writer,
    authority::{NewState, approve, approve_submitted, judge_sealed},
    effective::deletion,
    judge, may_edit, scope_id,
};
use replica::{Dot, Record, RegisterId};
use serde_json::{Value as Json, json};

use crate::desk::{Desk, blank, id, kind_of, registers};

fn hub_takes(existing: Option<&Record>, incoming: &Record) -> Result<(), (Vec<Dot>, Refusal)> {
    judge(Catalogue::builtin(), &arrival(existing, incoming))
}

/// A record as a node of Jianxi sends it.
fn arrival<'a>(existing: Option<&'a Record>, incoming: &'a Record) -> Arrival<'a> {
    Arrival {
        peer_scope: scope_id("410305"),
        published_scope: scope_id("410300"),
        home: incoming.scope,
        existing,
        incoming,
    }
}

fn organisation(scope: &str, values: &Json) -> Record {
    Desk::new(1).make("organisation", id(1), scope_id(scope), values)
}

#[test]
fn a_node_writes_its_own_scope_only() {
    let own = organisation("410305", &json!({ "name": "甲" }));
    assert_eq!(hub_takes(None, &own), Ok(()));
    let foreign = organisation("410302", &json!({ "name": "甲" }));
    let (dots, why) = hub_takes(None, &foreign).unwrap_err();
    assert_eq!(
        (dots, why),
        (vec![foreign.siblings[0].dot()], Refusal::Scope)
    );
}

#[test]
fn what_is_published_comes_from_the_hub_only() {
    let scope = Desk::new(1).make(
        "scope",
        id(0),
        scope_id("410305"),
        &json!({ "code": "410305" }),
    );
    assert_eq!(hub_takes(None, &scope).unwrap_err().1, Refusal::Authority);
    let year = Desk::new(1).make(
        "programme_year",
        id(0),
        scope_id("410305"),
        &json!({ "year": 2020 }),
    );
    assert_eq!(hub_takes(None, &year).unwrap_err().1, Refusal::Authority);
}

#[test]
fn a_register_of_the_hub_refuses_the_whole_write_and_no_other() {
    let base = organisation("410305", &json!({ "name": "甲" }));
    let mut desk = Desk::new(2);
    let forbidden = desk.put(
        &base,
        &json!({ "merged_into": id(9).to_string(), "industry": "C" }),
    );
    let both = desk.put(&forbidden, &json!({ "name": "乙" }));
    let (dots, why) = hub_takes(Some(&base), &both).unwrap_err();
    assert_eq!(why, Refusal::Authority);
    assert_eq!(
        dots,
        [both.register(RegisterId(32))[0].dot()],
        "the honest write is not named"
    );
    let owner = desk.write(&base, &[(RegisterId::OWNER, Bytes::from_static(b"x"))]);
    assert_eq!(
        hub_takes(Some(&base), &owner).unwrap_err().1,
        Refusal::Authority
    );
}

#[test]
fn writes_that_the_hub_has_seen_are_not_judged_again() {
    let base = organisation("410305", &json!({ "name": "甲" }));
    // The hub's own ruling comes home in the node's copy.
    let edited = Desk::new(2).put(&base, &json!({ "industry": "C" }));
    let ruled = Desk::new(99).put(&edited, &json!({ "merged_into": id(9).to_string() }));
    assert_eq!(hub_takes(Some(&ruled), &ruled), Ok(()));
    let lost = |sealed: bool| {
        judge_sealed(Catalogue::builtin(), &arrival(Some(&base), &ruled), &|s| {
            sealed && s.register == RegisterId(32)
        })
    };
    assert_eq!(lost(false).unwrap_err().1, Refusal::Authority);
    assert_eq!(lost(true), Ok(()), "a restored hub knows its seal");
}

#[test]
fn a_record_is_judged_where_it_belongs_and_not_where_it_was_made() {
    let made_elsewhere = organisation("410302", &json!({ "name": "甲" }));
    let edited = Desk::new(2).put(&made_elsewhere, &json!({ "industry": "C" }));
    let moved_here = Arrival {
        home: scope_id("410305"),
        ..arrival(Some(&made_elsewhere), &edited)
    };
    assert_eq!(judge(Catalogue::builtin(), &moved_here), Ok(()));
    let made_here = organisation("410305", &json!({ "name": "甲" }));
    let edited = Desk::new(2).put(&made_here, &json!({ "industry": "C" }));
    let moved_away = Arrival {
        home: scope_id("410302"),
        ..arrival(Some(&made_here), &edited)
    };
    let refused = judge(Catalogue::builtin(), &moved_away).unwrap_err();
    assert_eq!(refused.1, Refusal::Scope);
}

#[test]
fn nobody_writes_to_a_record_that_was_merged_into_another() {
    let base = organisation("410305", &json!({ "name": "甲" }));
    let ruled = Desk::new(99).put(&base, &json!({ "merged_into": id(9).to_string() }));
    let mut late = Desk::new(2).put(&base, &json!({ "industry": "C" }));
    late = replica::merge(&ruled, &late).unwrap();
    let (dots, why) = hub_takes(Some(&ruled), &late).unwrap_err();
    assert_eq!(why, Refusal::Merged);
    assert_eq!(dots.len(), 1, "the late write and nothing else");
    let undone = Desk::new(99).put(&ruled, &json!({ "merged_into": null }));
    let late = Desk::new(2).put(&undone, &json!({ "industry": "C" }));
    assert_eq!(hub_takes(Some(&undone), &late), Ok(()));
}

#[test]
fn a_second_value_of_a_key_cannot_move_a_record_under_another_parent() {
    let scope = scope_id("410305");
    let carrier = json!({ "party_organisation": id(2).to_string(), "name": "甲" });
    let base = Desk::new(1).make("carrier", id(1), scope, &carrier);
    let mut forged = Desk::new(2);
    let other = json!({ "party_organisation": id(3).to_string() });
    let set = registers(Catalogue::builtin(), &base, other.as_object().unwrap());
    let beside = forged.write_having_seen(&base, &set, &|_| Vec::new());
    let refused = hub_takes(Some(&base), &beside).unwrap_err();
    assert_eq!(refused.1, Refusal::SetOnce);
}

#[test]
fn a_node_cannot_make_a_ruling_disappear() {
    let base = organisation("410305", &json!({ "name": "甲" }));
    let ruled = Desk::new(99).put(&base, &json!({ "merged_into": id(9).to_string() }));
    let mut forged = ruled.clone();
    forged
        .siblings
        .retain(|sibling| sibling.register != RegisterId(32));
    assert_eq!(
        hub_takes(Some(&ruled), &forged),
        Err((vec![], Refusal::Authority))
    );
}

#[test]
fn key_fields_are_set_once_unless_nobody_knew_of_the_other() {
    let link = |party: u8| {
        json!({ "organisation": id(1).to_string(),
        "party_organisation": id(party).to_string(), "from_on": "2020-01-01", "form": "joint" })
    };
    let scope = scope_id("410305");
    let base = Desk::new(1).make("coverage_link", id(0), scope, &link(2));
    let same = Desk::new(2).make("coverage_link", id(0), scope, &link(2));
    assert_eq!(
        base.key, same.key,
        "two desks that state one fact make one record"
    );
    assert_eq!(hub_takes(Some(&base), &same), Ok(()));
    let changed = Desk::new(2).put(&base, &json!({ "from_on": "2020-02-01" }));
    assert_eq!(
        hub_takes(Some(&base), &changed).unwrap_err().1,
        Refusal::SetOnce
    );
    let ended = Desk::new(2).put(&base, &json!({ "to_on": "2020-12-31" }));
    assert_eq!(hub_takes(Some(&base), &ended), Ok(()));
    let activity = json!({ "carrier": id(2).to_string(), "on": "2020-05-01", "title": "甲" });
    let base = Desk::new(1).make("carrier_activity", id(1), scope, &activity);
    let changed = Desk::new(2).put(&base, &json!({ "title": "乙" }));
    assert_eq!(
        hub_takes(Some(&base), &changed).unwrap_err().1,
        Refusal::SetOnce
    );
}

#[test]
fn steps_of_the_hub_are_refused_from_a_node() {
    let base = organisation(
        "410305",
        &json!({ "name": "甲", "census_status": "counted" }),
    );
    let merged = Desk::new(2).put(&base, &json!({ "census_status": "merged" }));
    assert_eq!(
        hub_takes(Some(&base), &merged).unwrap_err().1,
        Refusal::Step
    );
    let moving = Desk::new(2).put(&base, &json!({ "census_status": "transferring" }));
    assert_eq!(hub_takes(Some(&base), &moving), Ok(()));
    // The request of its own scope takes it there, and back when that scope withdraws it.
    let back = Desk::new(3).put(&moving, &json!({ "census_status": "counted" }));
    assert_eq!(hub_takes(Some(&moving), &back), Ok(()));
    let merged = Desk::new(3).put(&moving, &json!({ "census_status": "merged" }));
    for before in [&moving, &base] {
        assert_eq!(
            hub_takes(Some(before), &merged).unwrap_err().1,
            Refusal::Step,
            "in one batch too"
        );
    }
}

#[test]
fn a_node_deletes_in_its_own_scope() {
    let base = organisation("410305", &json!({ "name": "甲" }));
    let mark = deletion("重复", "a@n", &base.context);
    let deleted = Desk::new(1).write(&base, &[(RegisterId::DELETED, mark.clone())]);
    assert_eq!(hub_takes(Some(&base), &deleted), Ok(()));
    let scope = Desk::new(1).make(
        "scope",
        id(0),
        scope_id("410305"),
        &json!({ "code": "410305" }),
    );
    let deleted = Desk::new(1).write(&scope, &[(RegisterId::DELETED, mark)]);
    assert_eq!(
        hub_takes(Some(&scope), &deleted).unwrap_err().1,
        Refusal::Authority
    );
}

/// Whether these fields of a record of a scope may be saved.
fn save(
    writer: Writer,
    purpose: Purpose,
    kind: &str,
    scope: &str,
    before: Option<&Json>,
    values: &Json,
) -> Result<(), Refusal> {
    let catalogue = Catalogue::builtin();
    let empty = blank(kind_of(kind), id(1), scope_id(scope));
    let existing = before.map(|before| Desk::new(1).make(kind, id(1), scope_id(scope), before));
    let record = existing.as_ref().unwrap_or(&empty);
    let set = registers(catalogue, record, values.as_object().unwrap());
    let new = NewState {
        key: record.key,
        scope: record.scope,
        set: &set,
    };
    may_edit(catalogue, writer, purpose, existing.as_ref(), &new).map_err(|(_, why)| why)
}

#[test]
fn steps_that_are_the_hubs_are_written_down_by_nobody_else() {
    let step =
        |place: u32, state: &str, on: &str| json!({ "place": place, "state": state, "on": on });
    let row = |steps: &[Json]| json!({ "status": "draft", "steps": steps });
    let (draft, sent) = (
        step(1, "draft", "2020-10-01"),
        step(2, "submitted", "2020-10-02"),
    );
    let base = Desk::new(1).make(
        "nomination",
        id(1),
        scope_id("410305"),
        &row(std::slice::from_ref(&draft)),
    );
    let takes = |base: &Record, steps: &[Json]| {
        let written = Desk::new(2).put(base, &json!({ "steps": steps }));
        hub_takes(Some(base), &written).map_err(|(_, why)| why)
    };
    assert_eq!(takes(&base, &[draft.clone(), sent.clone()]), Ok(()));
    let forged = [
        draft.clone(),
        step(2, "accepted", "2020-10-01"),
        sent.clone(),
    ];
    assert_eq!(takes(&base, &forged), Err(Refusal::Step));
    // What the hub has written is told again, and not left out.
    let back = [
        draft.clone(),
        sent.clone(),
        step(3, "returned", "2020-10-03"),
    ];
    let returned = Desk::new(99).put(&base, &json!({ "status": "returned", "steps": back }));
    let mut on = back.to_vec();
    on.push(step(4, "draft", "2020-10-04"));
    assert_eq!(takes(&returned, &on), Ok(()));
    assert_eq!(takes(&returned, &[draft, sent]), Err(Refusal::Step));
    // One that the hub gave back before steps were written down.
    let old = Desk::new(1).make(
        "nomination",
        id(1),
        scope_id("410305"),
        &json!({ "status": "draft" }),
    );
    let old = Desk::new(99).put(&old, &json!({ "status": "returned" }));
    let first = [step(1, "returned", ""), step(2, "draft", "2020-10-04")];
    assert_eq!(takes(&old, &first), Ok(()));
    // What the city found only the city ends.
    let found = json!({ "found_by": "city", "status": "registered" });
    let found = Desk::new(99).make("problem_item", id(1), scope_id("410305"), &found);
    assert_eq!(
        takes(&found, &[step(1, "withdrawn", "2020-10-01")]),
        Err(Refusal::Step)
    );
}

#[test]
fn a_person_at_a_node_saves_what_the_hub_will_take() {
    let node = Writer::Node {
        scope: scope_id("410305"),
    };
    let edit = |kind: &str, scope: &str, before: Option<&Json>, values: &Json| {
        save(node, Purpose::Edit, kind, scope, before, values)
    };
    let known = json!({ "name": "甲", "census_status": "counted" });
    assert_eq!(edit("organisation", "410305", None, &known), Ok(()));
    assert_eq!(
        edit("organisation", "410302", None, &known),
        Err(Refusal::Scope)
    );
    assert_eq!(
        edit(
            "organisation",
            "410305",
            Some(&known),
            &json!({ "merged_into": id(2).to_string() })
        ),
        Err(Refusal::Authority)
    );
    assert_eq!(
        edit(
            "organisation",
            "410305",
            Some(&known),
            &json!({ "census_status": "merged" })
        ),
        Err(Refusal::Step)
    );
    assert_eq!(
        edit(
            "organisation",
            "410305",
            Some(&known),
            &json!({ "census_status": "closed" })
        ),
        Ok(())
    );
    assert_eq!(
        edit("scope", "410305", None, &json!({ "code": "4103L1" })),
        Err(Refusal::Authority)
    );
    let carrier = json!({ "party_organisation": id(2).to_string(), "name": "甲" });
    assert_eq!(
        edit(
            "carrier",
            "410305",
            Some(&carrier),
            &json!({ "party_organisation": id(3).to_string() })
        ),
        Err(Refusal::SetOnce)
    );
}

#[test]
fn the_city_writes_its_own_and_asks_for_the_figures_of_others() {
    let hub = Writer::Hub {
        published: scope_id("410300"),
        city_direct: scope_id("4103L0"),
    };
    let edit = |kind: &str, scope: &str, before: Option<&Json>, values: &Json| {
        save(hub, Purpose::Edit, kind, scope, before, values)
    };
    let known = json!({ "name": "甲", "employees": 1, "as_of": "2020-01-01" });
    let figures = json!({ "employees": 2 });
    assert_eq!(
        edit("scope", "410300", None, &json!({ "code": "4103L1" })),
        Ok(())
    );
    assert_eq!(
        edit("scope", "410305", None, &json!({ "code": "4103L1" })),
        Err(Refusal::Scope)
    );
    assert_eq!(
        edit("organisation", "4103L0", Some(&known), &figures),
        Ok(())
    );
    assert_eq!(
        edit("organisation", "410305", Some(&known), &figures),
        Err(Refusal::Change)
    );
    assert_eq!(
        edit(
            "organisation",
            "410305",
            Some(&known),
            &json!({ "name": "乙" })
        ),
        Ok(())
    );
    assert_eq!(
        edit("seminar", "410305", None, &json!({ "title": "甲" })),
        Err(Refusal::Change)
    );
    assert_eq!(
        edit("seminar", "410300", None, &json!({ "title": "甲" })),
        Ok(())
    );
    let decided = save(
        hub,
        Purpose::Decision,
        "organisation",
        "410305",
        Some(&known),
        &figures,
    );
    assert_eq!(decided, Ok(()), "a decision is the city's everywhere");
}

#[test]
fn every_refusal_has_a_code_and_two_sentences() {
    use Refusal::{Authority, Change, Local, Scope, SetOnce, Step};
    let all = [Scope, Local, Authority, SetOnce, Step, Change];
    let codes: std::collections::BTreeSet<_> = all.iter().map(|why| why.code()).collect();
    assert_eq!(codes.len(), all.len());
    assert!(
        all.iter()
            .all(|why| !why.zh().is_empty() && why.en().is_ascii())
    );
}

/// Whether somebody may set a field of a record of Jianxi to a value.
fn may(writer: Writer, record: &Record, values: &Json) -> Result<(), Refusal> {
    let set = registers(Catalogue::builtin(), record, values.as_object().unwrap());
    let new = NewState {
        key: record.key,
        scope: scope_id("410305"),
        set: &set,
    };
    may_edit(
        Catalogue::builtin(),
        writer,
        Purpose::Edit,
        Some(record),
        &new,
    )
    .map_err(|(_, why)| why)
}

fn district() -> Writer {
    Writer::Node {
        scope: scope_id("410305"),
    }
}

fn city() -> Writer {
    Writer::Hub {
        published: scope_id("410300"),
        city_direct: scope_id("4103L0"),
    }
}

#[test]
fn who_found_a_problem_closes_it() {
    let problem = |found_by: &str| {
        Desk::new(1).make(
            "problem_item",
            id(1),
            scope_id("410305"),
            &json!({ "no": "410305-2020-A0001", "found_by": found_by, "status": "close_applied" }),
        )
    };
    let closed = json!({ "status": "closed" });
    let (own, citys) = (problem("self"), problem("city"));
    assert_eq!(may(district(), &own, &closed), Ok(()));
    assert_eq!(may(district(), &citys, &closed), Err(Refusal::Step));
    assert_eq!(may(city(), &citys, &closed), Ok(()));
    assert_eq!(may(city(), &own, &closed), Err(Refusal::Change));
    let mut desk = Desk::new(2);
    assert_eq!(hub_takes(Some(&own), &desk.put(&own, &closed)), Ok(()));
    let refused = hub_takes(Some(&citys), &desk.put(&citys, &closed));
    assert_eq!(refused.unwrap_err().1, Refusal::Step);
    // Nor by saying first that it was their own.
    let disguised = desk.put(&citys, &json!({ "found_by": "self", "status": "closed" }));
    let (dots, why) = hub_takes(Some(&citys), &disguised).unwrap_err();
    assert_eq!(
        (dots.len(), why),
        (1, Refusal::Authority),
        "the whole write"
    );
    let claimed = desk.put(&citys, &json!({ "found_by": "self" }));
    let refused = hub_takes(Some(&citys), &claimed).map_err(|(_, why)| why);
    assert_eq!(
        refused,
        Err(Refusal::Authority),
        "what the city found stays the city's"
    );
    // The city may open any again, and takes no step that is the district's.
    let again = json!({ "status": "reopened" });
    assert_eq!(may(city(), &desk.put(&own, &closed), &again), Ok(()));
    assert_eq!(may(district(), &desk.put(&own, &closed), &again), Ok(()));
    let step = json!({ "status": "in_progress" });
    assert_eq!(may(city(), &citys, &step), Err(Refusal::Change));
}

#[test]
fn the_district_recommends_and_the_city_receives() {
    let nomination = |status: &str| {
        Desk::new(1).make(
            "nomination",
            id(1),
            scope_id("410305"),
            &json!({ "summary": "事迹", "status": status }),
        )
    };
    let received = json!({ "status": "received" });
    let assessed = nomination("assessed");
    let recommend = json!({ "status": "recommended" });
    assert_eq!(may(district(), &assessed, &recommend), Ok(()));
    assert_eq!(may(city(), &assessed, &recommend), Err(Refusal::Change));
    let recommended = nomination("recommended");
    assert_eq!(may(district(), &recommended, &received), Err(Refusal::Step));
    assert_eq!(may(city(), &recommended, &received), Ok(()));
    let forged = Desk::new(2).put(&recommended, &received);
    let refused = hub_takes(Some(&recommended), &forged).unwrap_err();
    assert_eq!(refused.1, Refusal::Step);
    let back = json!({ "status": "withdrawn" });
    assert_eq!(may(district(), &recommended, &back), Ok(()));
    let late = nomination("received");
    assert_eq!(
        may(district(), &late, &json!({ "status": "accepted" })),
        Err(Refusal::Step)
    );
}

#[test]
fn nobody_approves_what_they_submitted() {
    let asked = Desk::new(1).make(
        "problem_item",
        id(1),
        scope_id("410305"),
        &json!({ "no": "410305-2020-A0001", "found_by": "self", "status": "close_applied" }),
    );
    let kind = kind_of("problem_item");
    let author = asked.siblings[0].write.author.clone();
    let step = |values: &Json, author: &str| {
        let set = registers(Catalogue::builtin(), &asked, values.as_object().unwrap());
        approve(kind, Some(&asked), &set, author).map_err(|(_, why)| why)
    };
    for outcome in ["closed", "returned"] {
        let outcome = json!({ "status": outcome });
        assert_eq!(step(&outcome, &author), Err(Refusal::Own));
        assert_eq!(step(&outcome, "reviewer@2"), Ok(()));
    }
    assert_eq!(step(&json!({ "cause": "人手不足" }), &author), Ok(()));
    // Nor by several steps at once that pass the one who approves.
    let drafted = Desk::new(1).make(
        "nomination",
        id(3),
        scope_id("410305"),
        &json!({ "status": "submitted" }),
    );
    let set = json!({ "status": "assessed" });
    let set = registers(Catalogue::builtin(), &drafted, set.as_object().unwrap());
    let own = approve(kind_of("nomination"), Some(&drafted), &set, &author);
    assert_eq!(own.map_err(|(_, why)| why), Err(Refusal::Own));
    submitted_some_steps_before();
    // What approves nothing, the same person may go on with.
    let begun = Desk::new(1).make(
        "carrier",
        id(2),
        scope_id("410305"),
        &json!({ "name": "先锋岗", "status": "planned" }),
    );
    let set = json!({ "status": "running" });
    let set = registers(Catalogue::builtin(), &begun, set.as_object().unwrap());
    let author = &begun.siblings[0].write.author;
    assert_eq!(
        approve(kind_of("carrier"), Some(&begun), &set, author),
        Ok(())
    );
}

/// Submitted, screened and assessed by three people: who submitted it does not recommend it.
#[track_caller]
fn submitted_some_steps_before() {
    let kind = kind_of("nomination");
    let state = |state: &str| json!({ "status": state });
    let submitted = Desk::new(1).make("nomination", id(4), scope_id("410305"), &state("submitted"));
    let screened = Desk::new(2).put(&submitted, &state("screened"));
    let assessed = Desk::new(3).put(&screened, &state("assessed"));
    let past = [submitted.siblings.clone(), screened.siblings.clone()].concat();
    let recommend = registers(
        Catalogue::builtin(),
        &assessed,
        state("recommended").as_object().unwrap(),
    );
    let by = |author: &str| {
        approve_submitted(kind, &assessed, &past, &recommend, author).map_err(|(_, why)| why)
    };
    assert_eq!(by(&submitted.siblings[0].write.author), Err(Refusal::Own));
    assert_eq!(by(&screened.siblings[0].write.author), Ok(()));
}

/// A record of a kind as the city knows it, and the same with a deletion by Jianxi.
fn deleted(kind: &str, values: &Json) -> (Record, Record) {
    let record = Desk::new(1).make(kind, id(1), scope_id("410305"), values);
    let mark = deletion("mistake", "clerk@410305-a", &record.context);
    let set = [(RegisterId::DELETED, mark)];
    let gone = Desk::new(2).write(&record, &set);
    (record, gone)
}

#[test]
fn a_district_does_not_delete_what_is_the_citys_by_now() {
    let node = Writer::Node {
        scope: scope_id("410305"),
    };
    let may = |record: &Record, gone: &Record| {
        let set: Vec<_> = gone
            .register(RegisterId::DELETED)
            .iter()
            .map(|mark| (RegisterId::DELETED, mark.value.clone()))
            .collect();
        let new = NewState {
            key: record.key,
            scope: scope_id("410305"),
            set: &set,
        };
        may_edit(
            Catalogue::builtin(),
            node,
            Purpose::Edit,
            Some(record),
            &new,
        )
        .map_err(|(_, refusal)| refusal)
    };
    let problem = |found_by: &str| json!({ "status": "registered", "found_by": found_by });
    let nomination = |status: &str| json!({ "status": status });
    let rows = [
        ("problem_item", problem("self"), true),
        ("problem_item", problem("city"), false),
        ("nomination", nomination("draft"), true),
        ("nomination", nomination("recommended"), true),
        ("nomination", nomination("received"), false),
        ("nomination", nomination("accepted"), false),
        ("nomination", nomination("withdrawn"), true),
        ("transfer_request", json!({ "status": "requested" }), true),
        ("transfer_request", json!({ "status": "ruled" }), false),
        (
            "organisation",
            json!({ "name": "甲", "census_status": "counted" }),
            true,
        ),
    ];
    for (kind, values, may_go) in rows {
        let (record, gone) = deleted(kind, &values);
        let expected = if may_go { Ok(()) } else { Err(Refusal::Kept) };
        assert_eq!(may(&record, &gone), expected, "here: {kind} {values}");
        let judged = hub_takes(Some(&record), &gone);
        let judged = judged.map_err(|(dots, refusal)| {
            let marks = gone.register(RegisterId::DELETED);
            assert_eq!(dots, [marks[0].dot()], "the deletion and nothing else");
            refusal
        });
        assert_eq!(judged, expected, "at the hub: {kind} {values}");
        // What the hub has seen stands.
        assert_eq!(hub_takes(Some(&gone), &gone), Ok(()));
    }
}

#[test]
fn a_deletion_that_had_not_heard_of_the_citys_step_is_refused_and_its_restoring_is_not() {
    let node = Desk::new(1).make(
        "nomination",
        id(1),
        scope_id("410305"),
        &json!({ "status": "recommended" }),
    );
    let mark = deletion("mistake", "clerk@410305-a", &node.context);
    let gone = Desk::new(2).write(&node, &[(RegisterId::DELETED, mark)]);
    let received = Desk::new(9).put(&node, &json!({ "status": "received" }));
    let (dots, why) = hub_takes(Some(&received), &gone).unwrap_err();
    assert_eq!(why, Refusal::Kept);
    assert_eq!(dots, [gone.register(RegisterId::DELETED)[0].dot()]);
    // A mark that stands, from before this rule, may be taken away.
    let marked = Desk::new(2).write(
        &received,
        &[(
            RegisterId::DELETED,
            deletion("mistake", "clerk@410305-a", &received.context),
        )],
    );
    let restored = Desk::new(3).write(&marked, &[(RegisterId::DELETED, Bytes::new())]);
    assert_eq!(hub_takes(Some(&marked), &restored), Ok(()));
}

#[test]
fn the_city_alone_says_that_a_practice_is_spread_and_by_which_channels() {
    let practice = json!({ "scope": "410305", "title": "红色车间", "body": "做法" });
    let practice = Desk::new(1).make("highlight", id(1), scope_id("410305"), &practice);
    let text = json!({ "body": "做法与成效" });
    assert_eq!(may(district(), &practice, &text), Ok(()));
    let channels = json!({ "channels": ["heluo_plan", "media", "meeting", "bulletin"] });
    for citys in [&channels, &json!({ "adopted": true })] {
        assert_eq!(may(district(), &practice, citys), Err(Refusal::Authority));
        assert_eq!(may(city(), &practice, citys), Ok(()));
    }
    let spread = Desk::new(9).put(&practice, &channels);
    let said = domain::effective(Catalogue::builtin(), &spread).values;
    let said = domain::value::to_json(kind_of("highlight"), &said);
    assert_eq!(said["channels"], channels["channels"]);
    assert!(hub_takes(Some(&practice), &spread).is_err(), "from a node");
}
