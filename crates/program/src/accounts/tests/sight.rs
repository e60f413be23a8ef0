//! Who sees what in full: the own scope, what a request repeats, nominations under review, contacts.

use bytes::Bytes;
use domain::{
    permission::{Part, Role},
    scope_id,
};
use prost::Message as _;
use proto::ledger::{Nomination, NominationStatus};
use replica::{Edit, RecordKey, ScopeId, Set, Source};
use serde_json::{Value, json};

use super::{by, gives, listed};
use crate::{
    app::App,
    commands::{
        Reveal,
        person::{ContactCommand, PersonCommand},
    },
    persons,
    records::{
        self, Change, Filter, document, find, key_named, list, put, set_of_json, testing,
        testing::save,
    },
    requests::{self, Ask},
    tables, transfers,
};

/// The scope of a district, seen from the city.
pub(super) fn elsewhere() -> ScopeId {
    scope_id("410305")
}

/// Makes a record of a scope.
fn make(app: &App, scope: ScopeId, kind: &str, values: &Value) -> RecordKey {
    let change = Change {
        kind: testing::kind(app, kind),
        id: None,
        set: set_of_json(values.as_object().unwrap()),
        seen: None,
        scope: Some(scope),
        reason: "登记",
        source: Source::Command,
    };
    put(app, &change).unwrap().stored.record.key
}

pub(super) fn person(app: &App, scope: ScopeId, name: &str) -> RecordKey {
    let values = json!({ "display_name": name, "employer": "某公司" });
    make(app, scope, "person", &values)
}

fn field(app: &App, key: RecordKey, field: &str) -> Value {
    document(app, &find(app, key).unwrap()).unwrap()["values"][field].clone()
}

fn ask<'a>(record: RecordKey, field: &'a str, value: &'a str) -> Ask<'a> {
    Ask {
        record,
        field,
        value,
        basis: "核对花名册",
    }
}

/// All that a program says of change requests.
fn said(app: &App, key: RecordKey) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut text = json!([
        requests::list(app, true).unwrap(),
        document(app, &find(app, key).unwrap()).unwrap(),
        records::history(app, key).unwrap(),
        records::explain(app, key, None, &[]).unwrap(),
    ])
    .to_string();
    for format in [crate::export::Format::Csv, crate::export::Format::Json] {
        let request = crate::export::Request {
            kind: testing::kind(app, "change_request"),
            format,
            path: folder.path().join("requests"),
            scope: None,
            language: domain::label::Language::Zh,
        };
        crate::export::export(app, &request, &mut |_, _| {}).unwrap();
        text += &std::fs::read_to_string(&request.path).unwrap();
    }
    text
}

#[test]
fn a_request_says_no_more_than_the_record_that_it_is_about() {
    let world = testing::hub();
    let person = person(&world.app, elsewhere(), "王小明");
    let inspector = by(&world, "jian", Role::CityInspector, None);
    let saved = requests::propose(&inspector, ask(person, "display_name", "李大伟")).unwrap();
    let document = json!(saved.document);
    assert_eq!(document["values"]["present"], "王某", "{document}");
    assert_eq!(document["values"]["proposed"], "李某");
    let key = saved.stored.record.key;
    for role in [
        Role::CityEditor,
        Role::CityInspector,
        Role::CityViewer,
        Role::Auditor,
        Role::TownEditor,
    ] {
        let part = (role == Role::TownEditor).then(|| Part::Town("410305001".to_owned()));
        let app = by(&world, "x", role, part);
        let text = said(&app, key);
        assert!(
            !text.contains("小明") && !text.contains("大伟") && text.contains("王某"),
            "{}: {text}",
            role.id()
        );
        let wheres = ["present=王小明".to_owned()];
        let filter = Filter {
            kind: testing::kind(&app, "change_request"),
            scope: None,
            wheres: &wheres,
            limit: None,
            after: None,
        };
        let found = list(&app, &filter, &mut |_| Ok(())).unwrap_err();
        assert_eq!(found.code, "AUTH-109");
    }
    // In full to the district, and to whoever says why.
    let reveals = App {
        reveals: true,
        ..inspector
    };
    let district = by(&world, "x", Role::DistrictEditor, None);
    for app in [&reveals, &district, &world.app] {
        let text = said(app, key);
        assert!(text.contains("王小明") && text.contains("李大伟"), "{text}");
    }
}

#[test]
fn a_request_about_what_is_not_personal_is_seen_by_everybody() {
    let world = testing::hub();
    let values = Value::Object(testing::organisation("甲公司"));
    let organisation = make(&world.app, elsewhere(), "organisation", &values);
    let inspector = by(&world, "jian", Role::CityInspector, None);
    let key = requests::propose(&inspector, ask(organisation, "employees", "99"))
        .unwrap()
        .stored
        .record
        .key;
    let viewer = by(&world, "x", Role::CityViewer, None);
    let rows = requests::list(&viewer, false).unwrap();
    let row = rows.first().unwrap();
    assert_eq!(
        (&row["now"], &row["present"], &row["proposed"]),
        (&json!("120"), &json!("120"), &json!("99"))
    );
    let document = document(&viewer, &find(&viewer, key).unwrap()).unwrap();
    assert!(!document.contains_key("masked"));
}

#[test]
fn the_city_sees_its_own_people_in_full_and_those_of_districts_not() {
    let world = testing::hub();
    let own = person(&world.app, world.app.scope(), "王小明");
    let other = person(&world.app, elsewhere(), "张大伟");
    let officer = by(&world, "office", Role::CityEditor, None);
    let name = |app: &App, key| field(app, key, "display_name");
    for role in [Role::CityAdmin, Role::CityEditor] {
        let app = by(&world, "x", role, None);
        assert_eq!(name(&app, own), "王小明");
        assert_eq!(name(&app, other), "张某");
        let history = json!(records::history(&app, own).unwrap()).to_string();
        assert!(history.contains("王小明"), "{history}");
    }
    for role in [
        Role::CityInspector,
        Role::CityViewer,
        Role::Auditor,
        Role::Resolver,
    ] {
        let app = by(&world, "x", role, None);
        assert_eq!(name(&app, own), "王某");
        let named = key_named(&app, "person/王小明").unwrap_err();
        assert_eq!(named.code, "AUTH-109");
    }
    // By name its own people are found, and whether a district has somebody is not told.
    assert_eq!(key_named(&officer, "person/王小明").unwrap(), own);
    for foreign in ["person/张大伟", "person/无此人"] {
        let named = key_named(&officer, foreign).unwrap_err();
        assert_eq!(named.code, "AUTH-109");
    }
    let found = |scope: Option<ScopeId>, name: &str| {
        let wheres = [format!("display_name={name}")];
        let filter = Filter {
            kind: testing::kind(&officer, "person"),
            scope,
            wheres: &wheres,
            limit: None,
            after: None,
        };
        let mut count = 0;
        let found = list(&officer, &filter, &mut |_| {
            count += 1;
            Ok(())
        });
        found.map(|_| count).map_err(|failure| failure.code)
    };
    assert_eq!(found(Some(officer.scope()), "王小明"), Ok(1));
    assert_eq!(found(Some(officer.scope()), "张大伟"), Ok(0));
    for scope in [None, Some(elsewhere())] {
        assert_eq!(found(scope, "张大伟"), Err("AUTH-109".to_owned()));
    }
}

/// A nomination of a district with a secretary, and with one who was it before.
fn nominated(world: &testing::World) -> (RecordKey, RecordKey, RecordKey) {
    let app = &world.app;
    let party = json!({ "name": "甲支部", "type": "branch", "status": "active",
        "form": "standalone", "established_on": "2020-01-01" });
    let party = make(app, elsewhere(), "party_organisation", &party);
    let secretary = person(app, elsewhere(), "王小明");
    let former = person(app, elsewhere(), "张大伟");
    for (person, to) in [(secretary, None), (former, Some("2020-06-01"))] {
        let values = json!({ "person": person.id.to_string(), "role": "secretary",
            "subject": format!("party_organisation/{}", party.id), "from_on": "2020-01-01",
            "to_on": to });
        make(app, elsewhere(), "role_assignment", &values);
    }
    let values =
        json!({ "year": "2020", "party_organisation": party.id.to_string(), "status": "draft" });
    let nomination = make(app, elsewhere(), "nomination", &values);
    (nomination, secretary, former)
}

/// Puts a nomination into a status, whatever the steps to it.
fn stands(app: &App, key: RecordKey, status: NominationStatus) {
    let mut row = Nomination::default();
    row.set_status(status);
    let kind = testing::kind(app, "nomination");
    let register = kind.field("status").unwrap().register;
    let record = find(app, key).unwrap().record;
    let standing = record.register(register).iter();
    let edit = Edit {
        key,
        scope: record.scope,
        set: vec![Set {
            register,
            value: Bytes::from(row.encode_to_vec()),
            shown: standing.map(replica::Sibling::shown).collect(),
        }],
        author: app.author(),
        reason: "办理".to_owned(),
        source: Source::Command,
        decision: Bytes::new(),
    };
    app.writer.edit(vec![edit], Vec::new()).unwrap();
}

#[test]
fn whom_a_nomination_under_review_is_about_its_reviewers_see() {
    let world = testing::hub();
    let (nomination, secretary, former) = nominated(&world);
    let name = |role, key| field(&by(&world, "x", role, None), key, "display_name");
    for (status, seen) in [
        (NominationStatus::Recommended, "王某"),
        (NominationStatus::Received, "王小明"),
        (NominationStatus::SpotChecked, "王小明"),
        (NominationStatus::Accepted, "王某"),
    ] {
        stands(&world.app, nomination, status);
        for role in [Role::CityEditor, Role::CityInspector] {
            assert_eq!(name(role, secretary), seen, "{status:?}");
            assert_eq!(name(role, former), "张某", "of a role that has ended");
        }
        for role in [Role::CityAdmin, Role::CityViewer, Role::Auditor] {
            assert_eq!(name(role, secretary), "王某", "{status:?}");
        }
    }
}

#[test]
fn the_team_of_a_visit_is_the_citys_to_see() {
    let world = testing::hub();
    let (nomination, ..) = nominated(&world);
    stands(&world.app, nomination, NominationStatus::Received);
    let inspector = by(&world, "jian", Role::CityInspector, None);
    let values = json!({ "nomination": nomination.id.to_string(), "on": "2020-10-14",
        "methods": ["on_site"], "team": "检查一组、王小明" });
    let saved = save(&inspector, "acceptance_visit", None, &values, None).unwrap();
    let key = saved.stored.record.key;
    assert_eq!(saved.document["values"]["team"], "检查一组、王小明");
    let team = |role| field(&by(&world, "x", role, None), key, "team");
    for role in [Role::CityAdmin, Role::CityEditor, Role::CityInspector] {
        assert_eq!(team(role), "检查一组、王小明", "{}", role.id());
    }
    for role in [Role::CityViewer, Role::Auditor, Role::Resolver] {
        assert_eq!(team(role), "检某、王某", "{}", role.id());
    }
}

#[test]
fn who_sees_names_masked_sees_a_phone_with_a_reason_only() {
    let world = testing::node();
    let person = person(&world.app, world.app.scope(), "王小明");
    for (name, role) in [
        ("chen", Role::DistrictAdmin),
        ("clerk", Role::DistrictEditor),
        ("audit", Role::Auditor),
        ("judge", Role::Resolver),
    ] {
        super::account(&world.app, name, role, None).unwrap();
    }
    let id = person.id.to_string();
    let (_, kept) = persons::set_contact(&world.app, &id, "0379-01234567", "联系").unwrap();
    let shown = |role, reveals| {
        let app = App {
            reveals,
            ..by(&world, "x", role, None)
        };
        let shown = persons::contact(&app, &id).map(|(_, contact)| contact);
        shown.map_err(|failure| failure.code)
    };
    let refused = Err("PERSON-007".to_owned());
    assert_eq!(shown(Role::DistrictReviewer, false), Ok(Some(kept.clone())));
    for role in [Role::Resolver, Role::Auditor] {
        assert_eq!(shown(role, false), refused, "{}", role.id());
    }
    assert_eq!(shown(Role::Resolver, true), Ok(Some(kept)));
    let deed = |reveal: bool| {
        let reason = reveal.then(|| "电话核实".to_owned());
        let show = ContactCommand::Show {
            id: id.clone(),
            reveal: Reveal { reveal, reason },
        };
        PersonCommand::Contact(show).deed()
    };
    let gives = |name: &str, reveal| gives(&world.by(name), None, &deed(reveal));
    assert_eq!(gives("clerk", false), Ok(()));
    assert_eq!(gives("audit", true), Err("AUTH-103".to_owned()));
    assert_eq!(gives("judge", true), Ok(()));
    let rows = listed(&world.by("chen")).rows;
    let said = |name: &str, result: &str, why: &str| {
        let who = format!("{name}@410305-01234567");
        rows.iter()
            .filter(|row| (&row.who, row.result.as_str(), row.why.as_str()) == (&who, result, why))
            .count()
    };
    assert_eq!(said("judge", "shown", "电话核实"), 1, "{rows:?}");
    assert_eq!(
        said("judge", "done", "电话核实"),
        0,
        "one line for one look"
    );
    assert_eq!(said("clerk", "done", ""), 1, "{rows:?}");
    assert_eq!(said("audit", "AUTH-103", "电话核实"), 1, "{rows:?}");
}

#[test]
fn a_request_to_move_a_person_keeps_no_name() {
    let world = testing::node();
    let key = person(&world.app, world.app.scope(), "王小明");
    let saved = transfers::request(&world.app, key, scope_id("410302"), "调动").unwrap();
    let kept = saved.stored.record.siblings;
    let name = "王小明".as_bytes();
    let holds = |bytes: &Bytes| bytes.windows(name.len()).any(|part| part == name);
    assert!(!kept.iter().any(|sibling| holds(&sibling.value)));
    // It is shown as the record is seen.
    let title = |app: &App| {
        let all = transfers::all(app).unwrap();
        let first = all.first().unwrap();
        first.json(app, &all, &records::Scopes::new(app)).unwrap()["title"].clone()
    };
    assert_eq!(title(&world.app), "王小明");
    assert_eq!(title(&by(&world, "x", Role::Auditor, None)), "王某");
}

#[test]
fn who_attended_a_course_of_the_city_is_read_by_those_who_keep_it() {
    let world = testing::hub();
    let (_, secretary, _) = nominated(&world);
    let own = world.app.scope();
    let session = json!({ "year": "2020", "scope": "4103L9", "title": "示范班",
        "kind": "city_course", "status": "held", "start_on": "2020-06-10", "hours": 8 });
    let session = make(&world.app, own, "training_session", &session);
    let values = json!({ "session": session.id.to_string(), "person": secretary.id.to_string(),
        "role": "secretary", "attended": true });
    make(&world.app, own, "training_attendance", &values);
    let names = |role| {
        let (app, request) = (by(&world, "x", role, None), tables::Request::default());
        let roster = tables::report(
            &app,
            &testing::Alone,
            tables::Name::TrainingRoster,
            &request,
        );
        let roster = roster.unwrap().json(domain::label::Language::En);
        let of = |id: &str| {
            let mut all = roster["tables"].as_array().unwrap().iter();
            let table = all.find(|table| table["id"] == id).unwrap();
            let rows = table["rows"].as_array().unwrap().iter();
            let names: Vec<_> = rows.map(|row| row["name"].clone()).collect();
            json!(names)
        };
        (of("sessions"), of("workers"))
    };
    for role in [Role::CityAdmin, Role::CityEditor] {
        let (sessions, workers) = names(role);
        assert_eq!(sessions, json!(["王小明"]), "{}", role.id());
        assert_eq!(workers, json!(["王某"]), "of the district elsewhere");
    }
    for role in [Role::CityInspector, Role::CityViewer, Role::Auditor] {
        let (sessions, workers) = names(role);
        let masked = json!(["王某"]);
        assert_eq!((&sessions, &workers), (&masked, &masked), "{}", role.id());
    }
}
