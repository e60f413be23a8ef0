//! Accounts that stand for a part of a scope: how they are made, and what an industry may enter.

use domain::{
    date,
    permission::{Care, Part, Right, Role},
};
use replica::RecordKey;
use serde_json::{Value, json};

use super::{account, by, gives, grant, listed, refused};
use crate::{
    accounts::{self, Deed},
    app::App,
    commands::user::{self, AddArgs, UserCommand},
    failure::Exit,
    records::{
        self,
        testing::{self, organisation, save},
    },
};

fn made(app: &App, kind: &str, values: &Value) -> RecordKey {
    let saved = save(app, kind, None, values, None).unwrap();
    saved.stored.record.key
}

/// `user add` with one option: the part that the account was given, or the code of what is wrong.
fn adds(app: &App, role: &str, option: &str, given: &str) -> Result<Option<Part>, String> {
    let of = |name: &str| (option == name).then(|| given.to_owned());
    let name = format!("a{}", accounts::all(app).unwrap().len());
    let args = AddArgs {
        name: name.clone(),
        role: role.to_owned(),
        town: of("--town"),
        industry: of("--industry"),
        agency: of("--agency"),
        park: of("--park"),
        care: Vec::new(),
        care_for: None,
        until: None,
        display: None,
        new_password_file: None,
        reason: String::new(),
    };
    let command = UserCommand::Add(Box::new(args));
    let (_, result) = testing::printed(true, |out| user::run(app, &command, out));
    result.map_err(|failure| failure.code)?;
    let grant = accounts::named(app, &name).unwrap().grant().unwrap();
    let is_role = (grant.role.id() == role).then_some(grant.part);
    is_role.ok_or_else(|| grant.role.id().to_owned())
}

#[test]
fn an_account_is_made_for_a_town_an_industry_an_authority_or_a_park() {
    let world = testing::node();
    let app = &world.app;
    let agency = json!({ "name": "律师协会", "scope": "410305" });
    let agency = made(app, "agency", &agency).id;
    let park = json!({ "name": "甲园区", "kind": "industrial_park" });
    let park = made(app, "cluster", &park).id;
    account(app, "chen", Role::DistrictAdmin, None).unwrap();
    for letter in ('A'..='T').map(String::from) {
        let part = adds(app, "industry_editor", "--industry", &letter);
        assert_eq!(part, Ok(Some(Part::Industry(letter))));
    }
    for wrong in ["U", "f", "FF", "", "1", "制造业"] {
        let failed = adds(app, "industry_editor", "--industry", wrong);
        assert_eq!(failed, Err("AUTH-119".to_owned()), "{wrong}");
    }
    for named in ["律师协会", &agency.to_string()] {
        let part = adds(app, "industry_editor", "--agency", named);
        assert_eq!(part, Ok(Some(Part::Agency(agency))), "{named}");
    }
    for named in ["甲园区", &park.to_string()] {
        let part = adds(app, "park_editor", "--park", named);
        assert_eq!(part, Ok(Some(Part::Park(park))), "{named}");
    }
    let town = "410305001";
    let part = adds(app, "town_editor", "--town", town);
    assert_eq!(part, Ok(Some(Part::Town(town.to_owned()))));
    let code = |role, option, given| adds(app, role, option, given).unwrap_err();
    assert_eq!(code("town_editor", "--town", "410305"), "AUTH-119");
    assert_eq!(
        code("industry_editor", "--agency", "无此单位"),
        "RECORD-002"
    );
    // Each role has its own options, and cannot do without.
    assert_eq!(code("town_editor", "--industry", "F"), "AUTH-114");
    assert_eq!(code("park_editor", "--agency", "律师协会"), "AUTH-114");
    assert_eq!(code("industry_editor", "", ""), "AUTH-114");
    assert_eq!(code("district_editor", "--park", "甲园区"), "AUTH-114");
}

fn firm(app: &App, name: &str, industry: &str) -> RecordKey {
    let mut values = organisation(name);
    values.insert("industry".to_owned(), industry.into());
    values.remove("uscc");
    values.insert("remark".to_owned(), "尚未领证".into());
    made(app, "organisation", &Value::Object(values))
}

/// A person with a role in an organisation, till a day.
fn works(app: &App, organisation: RecordKey, to: Option<&str>) -> RecordKey {
    let person = made(app, "person", &json!({ "display_name": "王小明" }));
    let values = json!({ "person": person.id.to_string(), "role": "head",
        "subject": format!("organisation/{}", organisation.id), "from_on": "2020-01-01",
        "to_on": to });
    made(app, "role_assignment", &values);
    person
}

#[test]
fn an_industry_enters_who_of_its_own_has_attended() {
    let world = testing::node();
    let app = &world.app;
    let session = json!({ "year": "2020", "scope": "410305", "title": "书记培训班",
        "kind": "centralised", "status": "held", "start_on": "2020-10-01", "hours": 8 });
    let session = made(app, "training_session", &session);
    let lawyers = firm(app, "甲律师事务所", "L");
    let factory = firm(app, "乙公司", "C");
    let own = works(app, lawyers, None);
    let left = works(app, lawyers, Some("2020-06-01"));
    let other = works(app, factory, None);
    let nobody = made(app, "person", &json!({ "display_name": "丁一" }));
    let letter = Part::Industry("L".to_owned());
    let editor = by(&world, "bar", Role::IndustryEditor, Some(letter));
    let attends = |app: &App, person: RecordKey| {
        let values = json!({ "session": session.id.to_string(), "person": person.id.to_string(),
            "role": "head", "attended": true });
        save(app, "training_attendance", None, &values, None)
    };
    let record = attends(&editor, own).unwrap().stored;
    for person in [left, other, nobody] {
        let refused = refused(attends(&editor, person));
        assert_eq!(refused, (Exit::Refused, "AUTH-108".to_owned()));
    }
    // Nor does it change what the district has entered of another's; of its own it does.
    let theirs = attends(app, other).unwrap().stored;
    let not = json!({ "attended": false });
    let change = |stored| save(&editor, "training_attendance", Some(stored), &not, None);
    assert_eq!(refused(change(&theirs)).1, "AUTH-108");
    change(&record).unwrap();
    // An instructor belongs where they are dispatched to, beside where they hold a role.
    let values = json!({ "person": other.id.to_string(), "organisation": lawyers.id.to_string(),
        "from_on": "2020-09-01" });
    made(app, "instructor_assignment", &values);
    change(&theirs).unwrap();
}

/// Two organisations, of which the first is in care of Laocheng, and whoever cares for it.
fn caring(world: &testing::World, until: &str) -> (App, [RecordKey; 2]) {
    let app = &world.app;
    let units = ["甲厂", "乙厂"].map(|name| testing::made(app, name).record.key);
    let care = Care {
        organisations: vec![units[0].id],
        scope: "410302".to_owned(),
        until: date::stored(until).unwrap(),
    };
    let carer = by(world, "tuo", Role::DistrictEditor, Some(Part::Care(care)));
    (carer, units)
}

fn ids(app: &App, kind: &str) -> Vec<String> {
    let filter = records::Filter {
        kind: records::kind_of(app, kind).unwrap(),
        scope: None,
        wheres: &[],
        limit: None,
        after: None,
    };
    let mut ids = Vec::new();
    records::list(app, &filter, &mut |document| {
        ids.push(document["id"].as_str().unwrap().to_owned());
        Ok(())
    })
    .unwrap();
    ids
}

#[test]
fn who_cares_sees_and_writes_what_hangs_on_the_organisation_and_nothing_else() {
    let world = testing::node();
    let (carer, [own, other]) = caring(&world, "2020-12-31");
    assert_eq!(ids(&carer, "organisation"), [own.id.to_string()]);
    assert_eq!(ids(&world.app, "organisation").len(), 2);
    let remark = json!({ "remark": "托管" });
    let write = |key: RecordKey| {
        let stored = testing::now(&world.app, key);
        save(&carer, "organisation", Some(&stored), &remark, None)
    };
    write(own).unwrap();
    let denied = |result| assert_eq!(refused(result), (Exit::Refused, "AUTH-108".to_owned()));
    denied(write(other));
    let third = Value::Object(organisation("丙厂"));
    denied(save(&carer, "organisation", None, &third, None));
    let person = made(
        &carer,
        "person",
        &json!({ "display_name": "王小明", "status": "active" }),
    );
    let theirs = made(
        &world.app,
        "person",
        &json!({ "display_name": "李小红", "status": "active" }),
    );
    assert_eq!(ids(&carer, "person"), [person.id.to_string()]);
    let send = |organisation: RecordKey, person: RecordKey| {
        let row = json!({ "organisation": organisation.id.to_string(), "person": person.id.to_string(),
            "from_on": "2020-02-01" });
        save(&carer, "instructor_assignment", None, &row, None)
    };
    send(own, person).unwrap();
    denied(send(other, person));
    // Whoever is sent to it they see, and nobody by asking for a name.
    let sent = json!({ "organisation": own.id.to_string(), "person": theirs.id.to_string(),
        "from_on": "2020-03-01" });
    save(&world.app, "instructor_assignment", None, &sent, None).unwrap();
    assert_eq!(ids(&carer, "person").len(), 2);
    assert_eq!(ids(&carer, "instructor_assignment").len(), 2);
    let event = json!({ "title": "培训", "year": "2020", "scope": "410305" });
    let event = save(&carer, "training_session", None, &event, None);
    assert_eq!(refused(event).1, "AUTH-104");
}

#[test]
fn care_ends_with_its_day_opens_few_commands_and_stands_on_record() {
    let world = testing::node();
    let (_, [own, _]) = caring(&world, "2020-10-15");
    let app = world.by("chen");
    account(&app, "chen", Role::DistrictAdmin, None).unwrap();
    let care = Care {
        organisations: vec![own.id],
        scope: "410302".to_owned(),
        until: date::stored("2020-10-15").unwrap(),
    };
    let new = accounts::New {
        name: "tuo",
        display: None,
        grant: grant(Role::DistrictEditor, Some(Part::Care(care.clone()))),
        password: None,
    };
    let kept = accounts::add(&app, new).unwrap();
    assert_eq!(kept.grant().unwrap().part, Some(Part::Care(care)));
    let (said, _) = testing::printed(false, |out| user::run(&app, &UserCommand::List, out));
    assert!(
        said.contains("410302") && said.contains("2020-10-15"),
        "{said}"
    );
    let own = own.id.to_string();
    let tuo = world.by("tuo");
    let read = Deed::of("record get", Right::Read).about(&["organisation", &own]);
    assert_eq!(gives(&tuo, None, &read), Ok(()), "its last day");
    for (name, right) in [
        ("report", Right::Read),
        ("export", Right::Export),
        ("status", Right::Enter),
    ] {
        let beyond = Deed::of(name, right);
        assert_eq!(
            gives(&tuo, None, &beyond),
            Err("AUTH-121".to_owned()),
            "{name}"
        );
    }
    let rows = listed(&app).rows;
    let mut of = rows.iter().filter(|row| row.who.starts_with("tuo@"));
    assert!(of.clone().all(|row| row.on_behalf == "410302"), "{rows:?}");
    assert!(
        of.any(|row| row.deed == "record get" && row.result == "done"),
        "{rows:?}"
    );
    let later = App {
        today: date::stored("2020-10-16"),
        ..tuo
    };
    assert_eq!(gives(&later, None, &read), Err("AUTH-120".to_owned()));
}
