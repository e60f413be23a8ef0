//! Accounts at work: who is let in, what the table lets them do, what is masked, what is noted.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use domain::permission::{Grant, Part, Right, Role};
use replica::{Clock, Mono, RecordId};
use serde_json::{Value, json};
use zeroize::Zeroizing;

mod parts;
mod sight;

use super::{Deed, New, WAIT_MS, add, all, gate, set_disabled, set_password};
use crate::{
    app::App,
    audit::{
        self,
        list::{Filter, Listed, Row},
    },
    commands::{Reveal, user},
    failure::{Exit, Failure},
    records::{
        self, document, find, key_named, list, testing,
        testing::{World, made, organisation, save},
    },
};

/// A clock that is put where a test wants it.
#[derive(Debug)]
struct Put(AtomicU64);

impl Clock for Put {
    fn mono(&self) -> Mono {
        Mono(0)
    }

    fn wall_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn grant(role: Role, part: Option<Part>) -> Grant {
    assert!(role.fits(part.as_ref()));
    Grant { role, part }
}

fn account(app: &App, name: &str, role: Role, password: Option<&str>) -> Result<(), Failure> {
    let password = password.map(|text| Zeroizing::new(text.to_owned()));
    let new = New {
        name,
        display: None,
        grant: grant(role, None),
        password,
    };
    add(app, new).map(|_account| ())
}

/// Somebody at the program, with what their account was given.
fn by(world: &World, name: &str, role: Role, part: Option<Part>) -> App {
    App {
        grant: Some(Arc::new(grant(role, part))),
        reviewed: Arc::default(),
        ..world.by(name)
    }
}

/// A file with a password.
fn secret(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{text}\n")).unwrap();
    file
}

/// A command that somebody gives: whether it is carried out, and with which code it is not.
fn gives(app: &App, password: Option<&str>, deed: &Deed) -> Result<(), String> {
    let file = password.map(secret);
    let path = file.as_ref().map(tempfile::NamedTempFile::path);
    let mut was_run = false;
    let result = gate::carry_out(app.clone(), path, deed, |_| {
        was_run = true;
        Ok(())
    });
    let told = result.map_err(|failure| failure.code);
    match told {
        Ok(()) if !was_run => Err("not run".to_owned()),
        told => told,
    }
}

fn looking() -> Deed {
    Deed::of("record list", Right::Read)
}

fn refused(result: Result<records::Saved, Failure>) -> (Exit, String) {
    let failure = result.expect_err("it is refused");
    (failure.exit, failure.code)
}

fn listed(app: &App) -> Listed {
    let filter = Filter {
        limit: 1_000,
        ..Filter::default()
    };
    audit::list::list(app, &filter).unwrap()
}

#[test]
fn until_the_first_account_everybody_is_administrator() {
    let world = testing::node();
    let app = world.by("anybody");
    for right in [Right::Users, Right::Operate, Right::Decide, Right::Audit] {
        assert_eq!(gives(&app, None, &Deed::of("x", right)), Ok(()));
    }
    assert!(app.sees_personal());
    let no_admin = account(&app, "clerk", Role::DistrictEditor, None);
    assert_eq!(no_admin.unwrap_err().code, "AUTH-111");
    let of_the_city = account(&app, "li", Role::CityAdmin, None);
    assert_eq!(of_the_city.unwrap_err().code, "AUTH-114");
    account(&app, "chen", Role::DistrictAdmin, None).unwrap();
    assert_eq!(gives(&app, None, &looking()), Err("AUTH-101".to_owned()));
    assert_eq!(gives(&world.by("chen"), None, &looking()), Ok(()));
    // A restart does not open the door again.
    let world = world.restarted();
    assert_eq!(
        gives(&world.by("anybody"), None, &looking()),
        Err("AUTH-101".to_owned())
    );
    assert_eq!(gives(&world.by("chen"), None, &looking()), Ok(()));
}

#[test]
fn a_disabled_account_does_nothing_and_the_last_administrator_stays() {
    let world = testing::node();
    let app = world.by("chen");
    account(&app, "chen", Role::DistrictAdmin, None).unwrap();
    account(&app, "clerk", Role::DistrictEditor, None).unwrap();
    assert_eq!(
        account(&app, "clerk", Role::Auditor, None)
            .unwrap_err()
            .code,
        "AUTH-112"
    );
    set_disabled(&app, "clerk", true).unwrap();
    assert_eq!(
        gives(&world.by("clerk"), None, &looking()),
        Err("AUTH-102".to_owned())
    );
    set_disabled(&app, "clerk", false).unwrap();
    assert_eq!(gives(&world.by("clerk"), None, &looking()), Ok(()));
    assert_eq!(
        set_disabled(&app, "chen", true).unwrap_err().code,
        "AUTH-110"
    );
    account(&app, "zhou", Role::DistrictAdmin, None).unwrap();
    set_disabled(&app, "chen", true).unwrap();
    assert_eq!(
        set_disabled(&app, "zhou", true).unwrap_err().code,
        "AUTH-110"
    );
    assert_eq!(
        set_disabled(&app, "nobody", true).unwrap_err().code,
        "AUTH-113"
    );
}

#[test]
fn wrong_passwords_make_an_account_wait_and_answer_like_an_unknown_one() {
    let world = testing::node();
    let clock = Arc::new(Put(AtomicU64::new(1_602_720_000_000)));
    let at = |name: &str| App {
        clock: Arc::clone(&clock) as _,
        ..world.by(name)
    };
    let right = "Peony-garden-1";
    account(&at("chen"), "chen", Role::DistrictAdmin, Some(right)).unwrap();
    let chen = at("chen");
    let tries = |app: &App, text: Option<&str>| gives(app, text, &looking());
    let no = Err("AUTH-101".to_owned());
    assert_eq!(tries(&chen, Some(right)), Ok(()));
    // Who says nothing has guessed nothing.
    for _ in 0..10 {
        assert_eq!(tries(&chen, None), no);
    }
    for _ in 0..4 {
        assert_eq!(tries(&chen, Some("Peony-garden-2")), no);
    }
    assert_eq!(
        tries(&chen, Some(right)),
        Ok(()),
        "a right one forgets the wrong ones"
    );
    assert_eq!(all(&chen).unwrap()[0].wrong, 0);
    for _ in 0..5 {
        assert_eq!(tries(&chen, Some("Peony-garden-2")), no);
    }
    assert_eq!(tries(&chen, Some(right)), no, "it waits");
    assert_eq!(super::standing(&chen).unwrap().waiting, ["chen"]);
    assert_eq!(tries(&at("nobody"), Some(right)), no, "the same answer");
    clock.0.fetch_add(WAIT_MS - 1, Ordering::Relaxed);
    assert_eq!(tries(&chen, Some(right)), no);
    assert_eq!(
        all(&chen).unwrap()[0].wrong,
        5,
        "what was not looked at is not counted"
    );
    clock.0.fetch_add(1, Ordering::Relaxed);
    assert_eq!(
        tries(&chen, Some("Peony-garden-2")),
        no,
        "and waits again at the next wrong one"
    );
    assert_eq!(tries(&chen, Some(right)), no);
    clock.0.fetch_add(WAIT_MS, Ordering::Relaxed);
    assert_eq!(tries(&chen, Some(right)), Ok(()));
    set_password(&chen, "chen", None).unwrap();
    assert_eq!(
        tries(&chen, None),
        Ok(()),
        "without a password the directory is the only door"
    );
}

#[test]
fn everybody_changes_their_own_password_and_an_administrator_any() {
    let world = testing::node();
    account(&world.by("chen"), "chen", Role::DistrictAdmin, None).unwrap();
    account(&world.by("chen"), "clerk", Role::DistrictEditor, None).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "Peony-garden-1\n").unwrap();
    let passwd = |app: &App, name: &str| {
        let args = user::PasswdArgs {
            name: name.to_owned(),
            new_password_file: Some(file.path().to_owned()),
            clear: false,
            reason: String::new(),
        };
        let command = user::UserCommand::Passwd(args);
        let run = |out: &mut crate::Out| user::run(app, &command, out);
        testing::printed(true, run)
            .1
            .map_err(|failure| failure.code)
    };
    let clerk = by(&world, "clerk", Role::DistrictEditor, None);
    let admin = by(&world, "chen", Role::DistrictAdmin, None);
    assert_eq!(passwd(&clerk, "chen"), Err("AUTH-103".to_owned()));
    assert_eq!(passwd(&clerk, "clerk"), Ok(Exit::Done));
    assert_eq!(
        gives(&world.by("clerk"), None, &looking()),
        Err("AUTH-101".to_owned())
    );
    assert_eq!(
        gives(&world.by("clerk"), Some("Peony-garden-1"), &looking()),
        Ok(())
    );
    assert_eq!(passwd(&admin, "clerk"), Ok(Exit::Done));
}

#[test]
fn a_role_without_the_right_is_refused_with_its_rule_and_it_is_noted() {
    let world = testing::node();
    account(&world.app, "chen", Role::DistrictAdmin, None).unwrap();
    account(&world.app, "clerk", Role::DistrictEditor, None).unwrap();
    account(&world.app, "cron", Role::NodeService, None).unwrap();
    let backup = Deed::of("backup", Right::Operate).noted();
    assert_eq!(
        gives(&world.by("clerk"), None, &backup),
        Err("AUTH-103".to_owned())
    );
    assert_eq!(gives(&world.by("cron"), None, &backup), Ok(()));
    assert_eq!(
        gives(&world.by("cron"), None, &looking()),
        Err("AUTH-103".to_owned())
    );
    let said: Vec<_> = listed(&world.app).rows;
    let said: Vec<_> = said
        .iter()
        .map(|row| (row.deed.as_str(), row.result.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("record list", "AUTH-103"),
            ("backup", "done"),
            ("backup", "AUTH-103")
        ]
    );
    let clerk = by(&world, "clerk", Role::DistrictEditor, None);
    let failure = gate::ask(&clerk, Right::Users).unwrap_err();
    let zh = failure.text(domain::label::Language::Zh);
    assert!(zh.contains("县区业务员") && zh.contains("账号"), "{zh}");
}

/// An organisation of a town.
fn in_town(
    app: &App,
    name: &str,
    uscc: Option<&str>,
    town: &str,
) -> Result<records::Saved, Failure> {
    let mut values = organisation(name);
    values.insert("town".to_owned(), town.into());
    match uscc {
        Some(code) => drop(values.insert("uscc".to_owned(), code.into())),
        None => {
            values.remove("uscc");
            values.insert("remark".to_owned(), "尚未领证".into());
        }
    }
    save(app, "organisation", None, &Value::Object(values), None)
}

#[test]
fn a_town_editor_writes_what_lies_in_the_town_and_nothing_else() {
    let world = testing::node();
    let (own, other) = ("410305001", "410305002");
    let editor = by(
        &world,
        "town",
        Role::TownEditor,
        Some(Part::Town(own.to_owned())),
    );
    let office = by(&world, "office", Role::DistrictEditor, None);
    let outside = |result| assert_eq!(refused(result), (Exit::Refused, "AUTH-108".to_owned()));
    let here = in_town(&editor, "甲公司", None, own).unwrap().stored;
    outside(in_town(&editor, "乙公司", None, other));
    let there = in_town(&office, "乙公司", None, other).unwrap().stored;
    let remark = json!({ "operating_address": "解放路 1 号" });
    save(&editor, "organisation", Some(&here), &remark, None).unwrap();
    outside(save(&editor, "organisation", Some(&there), &remark, None));
    outside(save(
        &editor,
        "organisation",
        Some(&here),
        &json!({ "town": other }),
        None,
    ));
    let seen = records::delete(&editor, there.record.key, None, "误录");
    outside(seen);
    // What hangs on an organisation lies where it lies.
    let branch = |app: &App, host: &store::Stored| {
        let values = json!({ "name": "支部", "type": "branch", "status": "active",
            "form": "standalone", "established_on": "2020-01-01",
            "host_organisation": host.record.key.id.to_string() });
        save(app, "party_organisation", None, &values, None)
    };
    branch(&editor, &here).unwrap();
    outside(branch(&editor, &there));
    let nowhere = json!({ "name": "联合支部", "type": "joint_branch", "status": "active",
        "form": "joint", "established_on": "2020-01-01" });
    outside(save(&editor, "party_organisation", None, &nowhere, None));
    // People belong to no town: who has entered one may change it.
    let person = |app: &App| {
        save(
            app,
            "person",
            None,
            &json!({ "display_name": "王小明" }),
            None,
        )
    };
    let mine = person(&editor).unwrap().stored;
    let theirs = person(&office).unwrap().stored;
    let post = json!({ "post": "书记" });
    save(&editor, "person", Some(&mine), &post, None).unwrap();
    outside(save(&editor, "person", Some(&theirs), &post, None));
    let drive = save(&editor, "agency", None, &json!({ "name": "工信局" }), None);
    assert_eq!(refused(drive), (Exit::Refused, "AUTH-104".to_owned()));
}

#[test]
fn an_industry_names_its_authority_and_a_park_its_platform() {
    let world = testing::node();
    let office = by(&world, "office", Role::DistrictEditor, None);
    let agency = |name: &str| {
        let values = json!({ "name": name, "scope": "410305" });
        save(&office, "agency", None, &values, None)
            .unwrap()
            .stored
            .record
            .key
            .id
    };
    let (own, other) = (agency("律师协会"), agency("工信局"));
    let firm = made(&office, "甲律师事务所");
    let editor = by(&world, "bar", Role::IndustryEditor, Some(Part::Agency(own)));
    let naming = |id: RecordId| json!({ "industry_authority": id.to_string() });
    let write = |values: &Value| save(&editor, "organisation", Some(&firm), values, None);
    assert_eq!(refused(write(&json!({ "name": "乙" }))).1, "AUTH-105");
    assert_eq!(refused(write(&naming(other))).1, "AUTH-108");
    write(&naming(own)).unwrap();
    let cluster = |name: &str| {
        let values = json!({ "name": name, "kind": "industrial_park" });
        save(&office, "cluster", None, &values, None)
            .unwrap()
            .stored
            .record
            .key
            .id
    };
    let (park, elsewhere) = (cluster("甲园区"), cluster("乙园区"));
    let editor = by(&world, "park", Role::ParkEditor, Some(Part::Park(park)));
    let platform = |id: RecordId| {
        let values = json!({ "cluster": id.to_string(), "name": "平台", "status": "identified" });
        save(&editor, "platform", None, &values, None)
    };
    platform(park).unwrap();
    assert_eq!(refused(platform(elsewhere)).1, "AUTH-108");
}

#[test]
fn an_editor_approves_nothing_and_a_reviewer_not_what_is_their_own() {
    let world = testing::node();
    let editor = by(&world, "clerk", Role::DistrictEditor, None);
    let reviewer = by(&world, "chief", Role::DistrictReviewer, None);
    let party = json!({ "name": "支部", "type": "branch", "status": "active", "form": "standalone",
        "established_on": "2020-01-01" });
    let party = save(&editor, "party_organisation", None, &party, None).unwrap();
    let nomination = json!({ "year": "2020", "party_organisation": party.stored.record.key.id.to_string(),
        "status": "draft" });
    let key = save(&editor, "nomination", None, &nomination, None)
        .unwrap()
        .stored
        .record
        .key;
    let act = |app: &App, act: &str| records::act(app, key, act, Vec::new(), (None, "办理"));
    assert_eq!(refused(act(&reviewer, "submit")).1, "AUTH-107");
    act(&editor, "submit").unwrap();
    assert_eq!(refused(act(&editor, "screen")).1, "AUTH-106");
    let open = records::acts(&editor, key).unwrap();
    let screen = open.iter().find(|open| open.act.name == "screen").unwrap();
    assert_eq!(
        screen.refused.as_deref(),
        Some("AUTH-106"),
        "and the list of steps says so"
    );
    let own = App {
        account: "clerk".to_owned(),
        ..reviewer.clone()
    };
    assert_eq!(refused(act(&own, "screen")).1, "AUTH-OWN");
    act(&reviewer, "screen").unwrap();
}

/// Whoever sees a name masked does not find it.
fn finds_nobody(app: &App) {
    let named = key_named(app, "person/王小明").unwrap_err();
    assert_eq!(
        (named.exit, named.code.as_str()),
        (Exit::Refused, "AUTH-109")
    );
    let wheres = ["display_name=王小明".to_owned()];
    let filter = records::Filter {
        kind: testing::kind(app, "person"),
        scope: None,
        wheres: &wheres,
        limit: None,
        after: None,
    };
    let found = list(app, &filter, &mut |_| Ok(())).unwrap_err();
    assert_eq!(found.code, "AUTH-109");
}

fn exports_family_names(app: &App) {
    for format in [crate::export::Format::Csv, crate::export::Format::Ndjson] {
        let folder = tempfile::tempdir().unwrap();
        let request = crate::export::Request {
            kind: testing::kind(app, "person"),
            format,
            path: folder.path().join("people"),
            scope: None,
            language: domain::label::Language::Zh,
        };
        crate::export::export(app, &request, &mut |_, _| {}).unwrap();
        let text = std::fs::read_to_string(&request.path).unwrap();
        assert!(!text.contains("小明") && text.contains("王某"), "{text}");
    }
}

#[test]
fn a_viewer_sees_family_names_and_finds_nobody_by_name() {
    let world = testing::hub();
    let officer = by(&world, "office", Role::CityEditor, None);
    let key = sight::person(&world.app, sight::elsewhere(), "王小明");
    let full = App {
        reveals: true,
        ..officer.clone()
    };
    let name = |app: &App| {
        let document = document(app, &find(app, key).unwrap()).unwrap();
        let name = document["values"]["display_name"]
            .as_str()
            .unwrap()
            .to_owned();
        (name, document.contains_key("masked"))
    };
    assert_eq!(
        name(&world.app),
        ("王小明".to_owned(), false),
        "without accounts as before"
    );
    let viewer = by(&world, "viewer", Role::CityViewer, None);
    for app in [&officer, &viewer] {
        assert_eq!(name(app), ("王某".to_owned(), true));
        let history = json!(records::history(app, key).unwrap()).to_string();
        assert!(
            !history.contains("小明") && history.contains("王某"),
            "{history}"
        );
        let explained = json!(records::explain(app, key, None, &[]).unwrap()).to_string();
        assert!(!explained.contains("小明"), "{explained}");
        finds_nobody(app);
        exports_family_names(app);
    }
    assert_eq!(name(&full).0, "王小明");
    assert_eq!(
        name(&by(&world, "x", Role::DistrictEditor, None)).0,
        "王小明",
        "the own scope in full"
    );
    // A masked form that is saved again changes nothing of what it does not name.
    save(
        &officer,
        "person",
        Some(&find(&officer, key).unwrap()),
        &json!({ "post": "书记" }),
        None,
    )
    .unwrap();
    assert_eq!(name(&full).0, "王小明");
}

#[test]
fn what_is_shown_in_full_stands_on_record_before_it_is_shown() {
    let world = testing::hub();
    account(&world.app, "li", Role::CityAdmin, None).unwrap();
    account(&world.app, "viewer", Role::CityViewer, None).unwrap();
    account(&world.app, "zhang", Role::CityEditor, None).unwrap();
    let reveal = Reveal {
        reveal: true,
        reason: Some("核实培训名单".to_owned()),
    };
    let id = "00000000-0000-7000-8000-000000000001";
    let deed = reveal.of(looking().about(&["person", id]));
    assert_eq!(
        gives(&world.by("viewer"), None, &deed),
        Err("AUTH-103".to_owned())
    );
    let mut seen = None;
    gate::carry_out(world.by("zhang"), None, &deed, |app| {
        seen = Some((app.sees_personal(), listed(app).rows[0].clone()));
        Ok(())
    })
    .unwrap();
    let (sees, row) = seen.unwrap();
    assert!(sees);
    let expected = Row {
        who: "zhang@4103L9-01234567".to_owned(),
        what: format!("person/{id}"),
        why: "核实培训名单".to_owned(),
        result: "shown".to_owned(),
        ..row.clone()
    };
    assert_eq!(row, expected);
    // Somebody's name that was typed for an id is in no list.
    let typed = reveal.of(looking().about(&["person", "王小明"]));
    assert_eq!(typed.what, "person");
}

#[test]
fn an_account_that_cannot_be_read_opens_no_door() {
    let world = testing::node();
    let broken = vec![("account/chen".to_owned(), Some(b"?".to_vec()))];
    world.app.writer.edit(Vec::new(), broken).unwrap();
    assert_eq!(
        gives(&world.app, None, &looking()),
        Err("AUTH-118".to_owned())
    );
}
