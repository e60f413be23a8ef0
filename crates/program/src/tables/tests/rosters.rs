//! Who sees which names; what changed; what the rules find.

use replica::RecordKey;
use serde_json::{Value, json};

use super::{
    data::{Data, city, district, id, named},
    document, made, row, rows, table,
};
use crate::{
    records::testing::kind,
    tables::{Name, REPORTS, Request, findings},
    transfers,
};

#[test]
fn names_are_whole_at_home_and_surnames_elsewhere() {
    let own = document(&district().app, Name::TrainingRoster);
    let workers = table(&own, "workers");
    let ouyang = row(workers, "name", "欧阳四");
    assert_eq!(
        (&ouyang["trained"], &ouyang["roles"]),
        (&json!(1), &json!("secretary,head"))
    );
    assert_eq!(row(workers, "name", "李五")["trained"], 0);
    assert_eq!(workers["total"]["trained"], 1);
    assert_eq!(workers["rows"].as_array().unwrap().len(), 3);
    let session = row(table(&own, "sessions"), "session", "书记班");
    assert_eq!(
        (&session["name"], &session["subjects"]),
        (&json!("欧阳四"), &json!("theory,management"))
    );
    let city = city();
    let seen = document(&city.app, Name::TrainingRoster);
    let text = seen.to_string();
    for name in ["欧阳四", "张三", "李五"] {
        assert!(!text.contains(name), "{name}");
    }
    assert_eq!(
        row(table(&seen, "sessions"), "session", "书记班")["name"],
        "欧阳某"
    );
    let duties = document(&city.app, Name::Lists);
    assert_eq!(
        row(table(&duties, "duties"), "scope", "410305")["person"],
        "李某"
    );
}

#[test]
fn changes_say_where_their_day_comes_from() {
    let world = district();
    let document = document(&world.app, Name::Changes);
    assert_eq!(
        (&document["from"], &document["as_of"]),
        (&json!("2019-12-31"), &json!("2020-10-15"))
    );
    let summary = row(table(&document, "summary"), "scope", "410305");
    assert_eq!(
        (&summary["added"], &summary["excluded"]),
        (&json!(8), &json!(1))
    );
    assert_eq!(
        (
            &summary["established"],
            &summary["dissolved"],
            &summary["all"]
        ),
        (&json!(1), &json!(1), &json!(11))
    );
    let changes = table(&document, "changes");
    let added = row(changes, "name", "演例机械");
    assert_eq!(
        (&added["on"], &added["source"]),
        (&json!("2020-03-01"), &json!("field"))
    );
    let excluded = row(changes, "what", "excluded");
    assert_eq!(
        (&excluded["on"], &excluded["source"]),
        (&json!("2020-10-15"), &json!("history"))
    );
    assert_eq!(excluded["detail"], "停业未经营");
    assert_eq!(row(changes, "what", "dissolved")["detail"], "停业");
    let later = Request {
        from: Some("2020-03-01".to_owned()),
        as_of: Some("2020-10-14".to_owned()),
        ..Request::default()
    };
    let later = made(&world.app, Name::Changes, &later).unwrap();
    let later = later.json(domain::label::Language::En);
    // The first day itself is not within, and what was written later is not yet.
    assert_eq!(
        table(&later, "changes")["rows"].as_array().unwrap().len(),
        2
    );
}

#[test]
fn a_move_counts_in_both_scopes_and_once() {
    let world = city();
    let mut data = Data::new(&world.app);
    for scope in ["410305", "410302"] {
        data.add(
            "transfer_request",
            &format!("tr{scope}"),
            scope,
            json!({ "record": format!("organisation/{}", named("e7")),
                "from_scope": "410305", "to_scope": "410302", "status": "accepted",
                "title": "演例制造" }),
        );
    }
    data.write();
    let document = document(&world.app, Name::Changes);
    let changes = table(&document, "changes");
    assert_eq!(row(changes, "what", "moved_out")["scope"], "410305");
    assert_eq!(row(changes, "what", "moved_in")["scope"], "410302");
    assert_eq!(row(changes, "what", "moved_in")["detail"], "410305 涧西区");
}

#[test]
fn a_course_of_several_days_is_held_with_its_last() {
    let world = district();
    let mut data = Data::new(&world.app);
    // Today is its second day: nobody is trained yet, in the list and in the figures alike.
    let course = json!({ "year": "2020", "scope": "410305", "title": "三天班", "kind": "centralised",
        "status": "held", "start_on": "2020-10-14", "end_on": "2020-10-16", "hours": 8 });
    data.add("training_session", "t9", "410305", course);
    let came = json!({ "session": id("t9"), "person": id("h2"), "role": "head", "attended": true });
    data.add("training_attendance", "", "410305", came);
    data.write();
    let roster = document(&world.app, Name::TrainingRoster);
    assert!(!roster.to_string().contains("三天班"));
    assert_eq!(table(&roster, "workers")["total"]["trained"], 1);
}

#[test]
fn who_comes_back_on_the_ledger_is_added_when_it_comes_back() {
    let world = district();
    let mut data = Data::new(&world.app);
    let step = |place, state: &str, on: &str| json!({ "place": place, "state": state, "on": on });
    let back = json!({ "name": "回来厂", "census_status": "counted", "verified_on": "2019-03-01",
        "steps": [step(1, "counted", "2019-03-01"), step(2, "excluded", "2020-02-01"),
            step(3, "candidate", "2020-07-01"), step(4, "counted", "2020-08-01")] });
    data.add("organisation", "back", "410305", back);
    data.write();
    let document = document(&world.app, Name::Changes);
    let added = row(table(&document, "changes"), "name", "回来厂");
    assert_eq!(
        (&added["what"], &added["on"]),
        (&json!("added"), &json!("2020-08-01"))
    );
}

/// It counts where it is until it has moved (7.1).
#[test]
fn an_organisation_in_transfer_stays_in_every_report() {
    let world = district();
    let rows = |name| {
        let mut tables = document(&world.app, name)["tables"].clone();
        let all = tables.as_array_mut().unwrap().iter_mut();
        let rows = all.flat_map(|table| table["rows"].as_array_mut().unwrap());
        // The example of a rule is that of the record which was written first.
        rows.for_each(|row| drop(row.as_object_mut().unwrap().remove("sentence")));
        tables
    };
    let reports = || {
        let all = REPORTS.iter();
        all.map(|(name, id, ..)| (*id, rows(*name)))
            .collect::<Vec<_>>()
    };
    let of_v11 = || findings(&world.app, Some("V11"), None, 9).unwrap().total;
    let (before, joint) = (reports(), of_v11());
    let key = RecordKey {
        kind: kind(&world.app, "organisation").kind,
        id: named("e3"),
    };
    transfers::request(&world.app, key, domain::scope_id("410302"), "搬迁").unwrap();
    assert!(transfers::is_locked(&world.app, key).unwrap());
    for ((id, before), (_, after)) in before.into_iter().zip(reports()) {
        assert_eq!(before, after, "{id}");
    }
    assert_eq!(of_v11(), joint);
}

#[test]
fn the_rules_are_asked_of_every_record_as_it_stands() {
    let world = city();
    let all = findings(&world.app, None, None, usize::MAX).unwrap();
    assert_eq!(all.total, all.found.len());
    // Four full members, and only jointly covered.
    let mut joint = findings(&world.app, Some("v11"), None, usize::MAX).unwrap();
    joint.found.retain(|found| found.kind.id == "organisation");
    let ids: Vec<_> = joint
        .found
        .iter()
        .map(|found| json!(found.id.to_string()))
        .collect();
    assert_eq!(ids, [id("e3"), id("s1")]);
    let one = findings(&world.app, Some("V11"), None, 1).unwrap();
    assert_eq!(
        (one.found.len(), one.total),
        (1, 4),
        "of the organisation and of its link"
    );
    let elsewhere = domain::scope_id("410302");
    assert_eq!(
        findings(&world.app, Some("V11"), Some(elsewhere), 9)
            .unwrap()
            .total,
        0
    );
    let document = document(&world.app, Name::Quality);
    let rules = table(&document, "rules");
    let v11 = rows(rules, "rule", "V11");
    assert_eq!(
        (v11.len(), &v11[0]["warnings"], &v11[0]["scope"]),
        (1, &json!(4), &json!("410305"))
    );
    let scopes = table(&document, "scopes");
    assert_eq!(scopes["total"]["findings"], json!(all.total));
    assert_eq!(row(scopes, "scope", "410305")["equal"], Value::Null);
}
