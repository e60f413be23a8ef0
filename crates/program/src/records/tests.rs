//! What saving, reading and listing records promise.

mod across;
mod aliases;
mod effects;
mod kept;
mod moving;
mod numbers;
mod present;
mod steps;

use std::io::Write as _;

use domain::label::Language;
use replica::RecordKey;
use serde_json::{Value, json};

use super::{
    Filter, Seen, State, find, list, load, meaning, named, scope_of,
    testing::{Alone, hub, kind, made, node, now, organisation, printed, save},
    why_not_synced,
};
use crate::{
    app::App,
    commands::record::{self, RecordCommand},
    failure::{Exit, Failure},
    output::Out,
};

fn run(app: &App, command: RecordCommand, out: &mut Out) -> Result<(), Failure> {
    record::run(app, &Alone, command, out)
}

fn listed(app: &App, wheres: &[&str], limit: Option<usize>) -> (Vec<String>, Option<String>) {
    let wheres: Vec<String> = wheres.iter().map(|text| (*text).to_owned()).collect();
    let kind = kind(app, "organisation");
    let filter = Filter {
        kind,
        scope: None,
        wheres: &wheres,
        limit,
        after: None,
    };
    let mut names = Vec::new();
    let next = list(app, &filter, &mut |document| {
        names.push(document["values"]["name"].as_str().unwrap().to_owned());
        Ok(())
    });
    (names, next.unwrap().map(|id| id.to_string()))
}

#[test]
fn what_was_put_is_got_back_with_the_shape_of_the_contract() {
    let world = node();
    let stored = made(&world.app, "洛阳甲厂(总部)");
    let document = Value::Object(super::document(&world.app, &stored).unwrap());
    assert_eq!(document["kind"], "organisation");
    assert_eq!(document["id"], stored.record.key.id.to_string());
    assert_eq!(document["scope"], "410305");
    assert_eq!(
        document["values"]["name"], "洛阳甲厂（总部）",
        "stored normalised"
    );
    assert_eq!(document["values"]["remark"], Value::Null);
    assert_eq!(document["values"]["mass_orgs"], json!([]));
    assert_eq!(
        (&document["conflicts"], &document["sync"]),
        (&json!([]), &json!("pending"))
    );
    assert!(Seen::parse_for(document["seen"].as_str().unwrap(), stored.record.key).is_ok());
}

#[test]
fn members_of_a_group_that_are_not_set_stay_as_they_were_shown() {
    let world = node();
    let stored = made(&world.app, "甲");
    let saved = save(
        &world.app,
        "organisation",
        Some(&stored),
        &json!({"members": 6}),
        None,
    );
    let saved = saved.unwrap();
    assert!(!saved.beside && saved.is_changed && !saved.is_new);
    let values = &saved.document["values"];
    assert_eq!(
        (&values["members"], &values["employees"]),
        (&json!(6), &json!(120))
    );
    assert_eq!(values["as_of"], "2020-09-30");
}

#[test]
fn saving_what_stands_there_writes_nothing() {
    let world = node();
    let stored = made(&world.app, "甲");
    let same = json!({"name": " 甲 ", "members": 5});
    let saved = save(&world.app, "organisation", Some(&stored), &same, None).unwrap();
    assert!(!saved.is_changed && !saved.beside);
    assert_eq!(now(&world.app, stored.record.key).leaf, stored.leaf);
}

#[test]
fn a_form_that_is_out_of_date_saves_beside_and_exits_5() {
    let world = node();
    let stored = made(&world.app, "甲");
    let token = Seen::of(&stored.record).token();
    let first = json!({"remark": "first"});
    save(
        &world.by("alice"),
        "organisation",
        Some(&stored),
        &first,
        None,
    )
    .unwrap();
    let id = stored.record.key.id.to_string();
    let put = RecordCommand::Put {
        kind: "organisation".to_owned(),
        id: Some(id),
        sets: vec!["remark=second".to_owned(), "name=乙".to_owned()],
        seen: Some(token),
        reason: "call".to_owned(),
    };
    let (text, exit) = printed(true, |out| run(&world.by("bob"), put, out));
    assert_eq!(exit.unwrap(), Exit::Beside);
    let document: Value = serde_json::from_str(&text).unwrap();
    let conflicts = document["conflicts"].as_array().unwrap();
    assert_eq!(conflicts.len(), 1, "the name was nobody else's");
    assert_eq!(conflicts[0]["field"], "remark");
    let candidates = conflicts[0]["candidates"].as_array().unwrap();
    let said: Vec<_> = candidates
        .iter()
        .map(|c| (&c["candidate"], &c["value"]))
        .collect();
    assert_eq!(
        said,
        [(&json!(1), &json!("first")), (&json!(2), &json!("second"))]
    );
    assert_eq!(candidates[1]["author"], "bob@410305-01234567");
    assert_eq!(candidates[1]["source"], "command");
    assert_eq!(document["values"]["name"], "乙");
}

#[test]
fn a_save_that_saw_all_values_ends_the_conflict_and_says_so() {
    let world = node();
    let stored = made(&world.app, "甲");
    let seen = || Some(Seen::of(&stored.record));
    let remark = |text: &str| json!({ "remark": text });
    save(
        &world.by("alice"),
        "organisation",
        Some(&stored),
        &remark("one"),
        seen(),
    )
    .unwrap();
    save(
        &world.by("bob"),
        "organisation",
        Some(&stored),
        &remark("two"),
        seen(),
    )
    .unwrap();
    // The value that is shown meanwhile is meant, too.
    let saved = save(
        &world.by("carol"),
        "organisation",
        Some(&stored),
        &remark("one"),
        None,
    );
    let saved = saved.unwrap();
    assert!(saved.is_changed && !saved.beside);
    assert_eq!(saved.document["conflicts"], json!([]));
    let codes: Vec<_> = saved.warnings.iter().map(|warning| warning.code).collect();
    assert!(codes.contains(&"superseded"), "{codes:?}");
}

#[test]
fn several_fields_may_follow_one_set() {
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        command: RecordCommand,
    }
    let words = [
        "x",
        "put",
        "organisation",
        "--set",
        "a=1",
        "b=2",
        "--set",
        "c=",
        "--reason",
        "r",
    ];
    let RecordCommand::Put { sets, id, .. } = Line::parse_from(words).command else {
        panic!("another command");
    };
    assert_eq!(
        (sets, id),
        (
            vec!["a=1".to_owned(), "b=2".to_owned(), "c=".to_owned()],
            None
        )
    );
}

#[test]
fn figures_of_a_later_date_win_and_the_earlier_stay_beside() {
    let world = node();
    let stored = made(&world.app, "甲");
    let seen = Seen::of(&stored.record);
    let later = json!({"members": 7, "as_of": "2020-10-10"});
    save(&world.app, "organisation", Some(&stored), &later, None).unwrap();
    let earlier = json!({"members": 6, "as_of": "2020-10-05"});
    let saved = save(
        &world.app,
        "organisation",
        Some(&stored),
        &earlier,
        Some(seen),
    )
    .unwrap();
    assert!(saved.beside, "what was saved is not what is read");
    assert_eq!(saved.document["values"]["members"], 7);
    assert_eq!(saved.document["conflicts"], json!([]));
    assert_eq!(
        saved.document["beside"][0]["field"], "employees",
        "the register of the figures"
    );
}

#[test]
fn a_value_that_breaks_a_rule_is_refused_with_field_code_and_exit_6() {
    let world = node();
    let stored = made(&world.app, "甲");
    let save =
        |values: Value| save(&world.app, "organisation", Some(&stored), &values, None).unwrap_err();
    let failure = save(json!({"members": 500}));
    assert_eq!(
        (failure.exit, failure.code.as_str()),
        (Exit::Invalid, "members_over_employees")
    );
    let named: Vec<_> = failure.findings.iter().map(|found| &found.field).collect();
    assert_eq!(named, ["members"]);
    let (zh, en) = failure.sentence.unwrap();
    assert!(zh.contains("没有保存") && en.contains("Nothing was saved"));
    assert_eq!(save(json!({"uscc": "91410305DEM1FYRA55"})).code, "uscc_bad");
    assert_eq!(save(json!({"census_status": "nonsense"})).code, "enum");
    assert_eq!(save(json!({"no_such": 1})).code, "unknown_field");
    assert_eq!(save(json!({"as_of": "2021-01-01"})).code, "as_of_future");
    assert_eq!(
        now(&world.app, stored.record.key).leaf,
        stored.leaf,
        "nothing was written"
    );
}

#[test]
fn without_authority_nothing_is_written_and_the_exit_is_4() {
    let node = node();
    let failure = save(
        &node.app,
        "programme_year",
        None,
        &json!({"year": 2021}),
        None,
    )
    .unwrap_err();
    assert_eq!(
        (failure.exit, failure.code.as_str()),
        (Exit::Refused, "AUTH-HUB-ONLY")
    );
    let stored = made(&node.app, "甲");
    let other = json!({"merged_into": stored.record.key.id.to_string()});
    let failure = save(&node.app, "organisation", Some(&stored), &other, None).unwrap_err();
    assert_eq!(
        (failure.exit, failure.code.as_str()),
        (Exit::Refused, "AUTH-HUB-ONLY")
    );
    assert!(failure.facts.contains(&("field", "merged_into".to_owned())));
}

#[test]
fn key_fields_give_the_id_and_do_not_change() {
    let world = hub();
    let year = json!({"year": 2021, "title": "2021", "quota_training": 2});
    let first = save(&world.app, "programme_year", None, &year, None).unwrap();
    assert!(first.is_new);
    assert_eq!(first.document["scope"], "410300", "published");
    assert_eq!(first.stored.record.key.id, domain::year_record_id(2021));
    let again = json!({"year": 2021, "quota_training": 3});
    let again = save(&world.app, "programme_year", None, &again, None).unwrap();
    assert!(
        !again.is_new && again.is_changed,
        "the same keys are the same record"
    );
    let other = json!({"year": 2022});
    let failure = save(
        &world.app,
        "programme_year",
        Some(&first.stored),
        &other,
        None,
    )
    .unwrap_err();
    assert_eq!(
        (failure.exit, failure.code.as_str()),
        (Exit::Refused, "AUTH-SET-ONCE")
    );
    let none = json!({"title": "no year"});
    let failure = save(&world.app, "programme_year", None, &none, None).unwrap_err();
    assert_eq!(
        (failure.exit, failure.code.as_str()),
        (Exit::Invalid, "required")
    );
    let put = RecordCommand::Put {
        kind: "programme_year".to_owned(),
        id: Some("2023".to_owned()),
        sets: vec!["title=2023".to_owned()],
        seen: None,
        reason: "new year".to_owned(),
    };
    let (text, exit) = printed(true, |out| run(&world.app, put, out));
    assert_eq!(exit.unwrap(), Exit::Done);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        document["values"]["year"], 2023,
        "the code states the key field"
    );
}

#[test]
fn deleted_records_leave_the_list_and_an_edit_of_one_stands_against_the_deletion() {
    let world = node();
    let stored = made(&world.app, "甲");
    made(&world.app, "乙");
    let key = stored.record.key;
    let empty = super::delete(&world.app, key, None, "  ").unwrap_err();
    assert_eq!(empty.code, "RECORD-007", "a deletion needs a reason");
    let seen = Seen::of(&stored.record);
    let deleted = super::delete(&world.app, key, None, "entered by mistake").unwrap();
    assert!(!deleted.beside);
    assert_eq!(deleted.document["deleted"], true);
    assert_eq!(listed(&world.app, &[], None).0, ["乙"]);
    let edit = json!({"remark": "still there"});
    let saved = save(
        &world.by("bob"),
        "organisation",
        Some(&stored),
        &edit,
        Some(seen),
    )
    .unwrap();
    assert!(saved.beside);
    let meaning = meaning(&world.app, &saved.stored.record).unwrap();
    assert_eq!(meaning.conflicts[0].kind, domain::ConflictKind::DeleteEdit);
    assert_eq!(
        listed(&world.app, &[], None).0.len(),
        2,
        "nothing is hidden while it is open"
    );
}

#[test]
fn lists_are_filtered_and_paged() {
    let world = node();
    for name in ["甲", "乙", "丙"] {
        made(&world.app, name);
    }
    let one = json!({"mass_orgs": ["union", "women"], "census_status": "closed", "closed_on": "2020-10-01"});
    let id = named(
        &super::Known::new(&world.app),
        kind(&world.app, "organisation"),
        "丙",
    )
    .unwrap();
    let key = RecordKey {
        kind: kind(&world.app, "organisation").kind,
        id: id.id,
    };
    save(
        &world.app,
        "organisation",
        Some(&now(&world.app, key)),
        &one,
        None,
    )
    .unwrap();
    assert_eq!(listed(&world.app, &["name= 乙 "], None).0, ["乙"]);
    assert_eq!(listed(&world.app, &["mass_orgs=women"], None).0, ["丙"]);
    assert_eq!(
        listed(&world.app, &["census_status=counted", "members=5"], None)
            .0
            .len(),
        2
    );
    let (first, next) = listed(&world.app, &[], Some(2));
    assert_eq!(first.len(), 2);
    let after = Some(next.unwrap());
    let command = RecordCommand::List {
        kind: "organisation".to_owned(),
        scope: Some("410305".to_owned()),
        wheres: Vec::new(),
        limit: Some(2),
        after,
    };
    let (text, exit) = printed(true, |out| run(&world.app, command, out));
    assert_eq!(exit.unwrap(), Exit::Done);
    let page: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (page["records"].as_array().unwrap().len(), &page["next"]),
        (1, &Value::Null)
    );
}

#[test]
fn references_are_met_by_code_and_name() {
    let world = node();
    let organisation = made(&world.app, "洛阳（甲）厂");
    let party = json!({"name": "甲支部", "type": "branch", "status": "active", "established_on": "2019-01-01"});
    save(&world.app, "party_organisation", None, &party, None).unwrap();
    let link = json!({
        "organisation": "91410305dem1fyra54", "party_organisation": " 甲支部 ",
        "form": "standalone", "from_on": "2020-06-18",
    });
    let saved = save(&world.app, "coverage_link", None, &link, None).unwrap();
    let id = organisation.record.key.id.to_string();
    assert_eq!(saved.document["values"]["organisation"], id);
    let missing = json!({
        "organisation": "没有这家", "party_organisation": "甲支部", "form": "standalone",
        "from_on": "2020-06-18",
    });
    let failure = save(&world.app, "coverage_link", None, &missing, None).unwrap_err();
    assert_eq!(
        (failure.exit, failure.code.as_str()),
        (Exit::Invalid, "reference_not_found")
    );
}

#[test]
fn a_rule_across_records_warns_and_saves() {
    let world = node();
    made(&world.app, "甲");
    let twin = Value::Object(organisation("乙"));
    let saved = save(&world.app, "organisation", None, &twin, None).unwrap();
    assert!(saved.warnings.iter().any(|warning| warning.rule == "V04"));
    let remark = json!({"remark": "x"});
    let saved = save(
        &world.app,
        "organisation",
        Some(&saved.stored),
        &remark,
        None,
    )
    .unwrap();
    assert!(
        !saved.warnings.iter().any(|warning| warning.rule == "V04"),
        "nothing new about it"
    );
}

#[test]
fn history_and_explanation_name_writers_reasons_and_what_became_what() {
    let world = node();
    let stored = made(&world.app, "甲");
    let key = stored.record.key;
    let edit = json!({"members": 6, "remark": "moved in"});
    save(&world.by("bob"), "organisation", Some(&stored), &edit, None).unwrap();
    let history = super::history(&world.app, key).unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0]["author"], "bob@410305-01234567");
    let fields = history[0]["fields"].as_array().unwrap();
    let changed = json!([
        {"field": "members", "from": 5, "to": 6},
        {"field": "remark", "from": null, "to": "moved in"},
    ]);
    assert_eq!(Value::from(fields.clone()), changed);
    assert_eq!(
        (&history[1]["author"], &history[1]["standing"]),
        (&json!("alice@410305-01234567"), &json!(true))
    );
    let explained = super::explain(&world.app, key, Some("members"), &[]).unwrap();
    assert_eq!(explained[0]["value"]["members"], 6);
    assert_eq!(explained[0]["rule"], "only");
    assert_eq!(explained[0]["replaced"][0]["value"]["members"], 5);
    assert_eq!(
        super::explain(&world.app, key, Some("nothing"), &[])
            .unwrap_err()
            .code,
        "RECORD-015"
    );
    assert_eq!(
        explained[0]["written_here"], explained[0]["at"],
        "a write of this replica was applied here when it was made"
    );
    let why = why_not_synced(&world.app, key, &[]).unwrap();
    assert_eq!(why.state, State::Pending);
    let en = why.said.text(Language::En);
    assert!(en.contains("sync --once"), "one next step: {en}");
}

#[test]
fn a_file_loads_once_and_bad_lines_are_explained() {
    let world = node();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let line = |values: Value| json!({"kind": "organisation", "values": values}).to_string();
    let id = "018f0000-0000-7000-8000-000000000001";
    let mut bad = organisation("丁");
    bad.insert("members".to_owned(), json!(500));
    let with_id =
        json!({"kind": "organisation", "id": id, "values": organisation("甲")}).to_string();
    let twice = json!({"kind": "organisation", "id": id, "values": {"remark": "x"}}).to_string();
    let lines = [with_id, twice, String::new(), "{".to_owned(), line(Value::Object(bad)),
        json!({"kind": "nothing", "values": {}}).to_string(),
        json!({"kind": "party_organisation", "values": {"name": "支部", "type": "branch", "status": "preparing"}}).to_string(),
        json!({"kind": "coverage_link", "values": {"organisation": "甲", "party_organisation": "支部", "form": "standalone", "from_on": "2020-01-01"}}).to_string(),
        json!({"kind": "coverage_link", "values": {"organisation": "甲", "party_organisation": "支部", "form": "standalone", "from_on": "2020-01-01"}}).to_string()];
    file.write_all(lines.join("\n").as_bytes()).unwrap();
    let run = || {
        let mut loaded = None;
        let (_, exit) = printed(true, |out| {
            loaded = Some(load(&world.app, file.path(), "list", out)?);
            Ok(())
        });
        exit.unwrap();
        loaded.unwrap()
    };
    let loaded = run();
    let counts = (
        loaded.lines,
        loaded.created,
        loaded.changed,
        loaded.unchanged,
        loaded.rejected,
    );
    assert_eq!(counts, (8, 3, 1, 1, 3));
    let codes: Vec<_> = loaded
        .results
        .iter()
        .filter_map(|line| {
            line.failure
                .as_ref()
                .map(|failure| (line.line, failure.code.as_str()))
        })
        .collect();
    assert_eq!(
        codes,
        [
            (4, "RECORD-011"),
            (5, "members_over_employees"),
            (6, "RECORD-001")
        ]
    );
    let key = RecordKey {
        kind: kind(&world.app, "organisation").kind,
        id: named(
            &super::Known::new(&world.app),
            kind(&world.app, "organisation"),
            id,
        )
        .unwrap()
        .id,
    };
    assert!(
        !super::read::is_contested(&find(&world.app, key).unwrap().record),
        "the second line saw the first"
    );
}

#[test]
fn many_submissions_become_durable_and_are_answered_each_once() {
    let world = node();
    let desk = super::Desk::new(&world.app).unwrap();
    let mut batcher = super::Batcher::new(world.handle().clone());
    let mut tags = Vec::new();
    for number in 0..600_u32 {
        let values =
            json!({"name": format!("单位{number}"), "kind": "member_agency", "active": true});
        let change = super::Change {
            kind: kind(&world.app, "agency"),
            id: None,
            set: super::set_of_json(values.as_object().unwrap()),
            seen: None,
            scope: None,
            reason: "list",
            source: replica::Source::Import,
        };
        let prepared = desk.prepare(&change);
        batcher.submit(vec![prepared.unwrap().edit.unwrap()], Vec::new(), number);
        tags.extend(
            batcher
                .take_done()
                .into_iter()
                .map(|done| (done.tag, done.result.is_ok())),
        );
    }
    tags.extend(
        batcher
            .finish()
            .into_iter()
            .map(|done| (done.tag, done.result.is_ok())),
    );
    tags.sort_unstable();
    assert_eq!(
        tags,
        (0..600).map(|number| (number, true)).collect::<Vec<_>>()
    );
    assert_eq!(world.app.reader().count(), 600);
}

#[test]
fn scopes_are_named_by_code_or_name_and_unknown_ones_by_their_id() {
    let world = hub();
    let scope = json!({
        "code": "410305", "name": "涧西区", "kind": "district", "code_source": "gbt2260",
        "valid_from": "2019-01-01", "expected_to_report": true,
    });
    save(&world.app, "scope", None, &scope, None).unwrap();
    let id = domain::scope_id("410305");
    assert_eq!(scope_of(&world.app, "410305").unwrap(), id);
    assert_eq!(scope_of(&world.app, " 涧西区 ").unwrap(), id);
    assert_eq!(scope_of(&world.app, &id.to_string()).unwrap(), id);
    assert_eq!(
        scope_of(&world.app, "nowhere").unwrap_err().code,
        "RECORD-004"
    );
    let scopes = super::Scopes::new(&world.app);
    assert_eq!(scopes.code(id).unwrap(), "410305");
    let unknown = replica::ScopeId([9; 16]);
    assert_eq!(scopes.code(unknown).unwrap(), unknown.to_string());
}

/// `record list --scope 999999` and `report indicators --scope 999999` gave an empty table.
#[test]
fn a_scope_that_nobody_has_is_an_error_wherever_one_is_asked_for() {
    let world = hub();
    for named in ["999999", "410305", "00000000000000000000000000000009"] {
        let wrong = scope_of(&world.app, named).unwrap_err();
        assert_eq!(
            (wrong.code.as_str(), wrong.exit),
            ("RECORD-004", Exit::Invalid)
        );
        let request = crate::report::Request {
            scope: Some(named.to_owned()),
            ..crate::report::Request::default()
        };
        let wrong = crate::report::indicators(&world.app, &request).unwrap_err();
        assert_eq!(wrong.code, "RECORD-004", "{named}");
    }
    let own = world.app.identity.scope.code.clone();
    assert_eq!(scope_of(&world.app, &own).unwrap(), world.app.scope());
    assert_eq!(
        scope_of(&world.app, "410300").unwrap(),
        world.app.published()
    );
}

#[test]
fn the_table_for_people_has_labels_in_both_languages() {
    let world = node();
    let stored = made(&world.app, "甲");
    let id = stored.record.key.id.to_string();
    let get = RecordCommand::Get {
        kind: "organisation".to_owned(),
        id,
        reveal: crate::commands::Reveal::default(),
    };
    let (text, exit) = printed(false, |out| run(&world.app, get, out));
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(
        text.contains("Census status") && text.contains("On the ledger"),
        "{text}"
    );
    let missing = RecordCommand::Get {
        kind: "organisation".to_owned(),
        id: "018f0000-0000-7000-8000-00000000000f".to_owned(),
        reveal: crate::commands::Reveal::default(),
    };
    let (_, exit) = printed(false, |out| run(&world.app, missing, out));
    assert_eq!(exit.unwrap_err().code, "RECORD-003");
}

#[test]
fn a_refusal_says_every_rule_that_refuses() {
    let world = node();
    let mut values = organisation("甲");
    values.insert("uscc".to_owned(), json!("91410305DEM1FYRA55"));
    values.insert("members".to_owned(), json!(500));
    let refused = save(&world.app, "organisation", None, &json!(values), None);
    let failure = refused.expect_err("two rules refuse");
    let rules: Vec<_> = failure.findings.iter().map(|found| found.rule).collect();
    assert_eq!(rules, ["V01", "V06"]);
    for language in [Language::Zh, Language::En] {
        let text = failure.text(language);
        assert!(rules.iter().all(|rule| text.contains(rule)), "{text}");
    }
    let (text, _) = printed(true, |out| {
        crate::cli::report(&failure, out);
        Ok(())
    });
    let told: Value = serde_json::from_str(&text).unwrap();
    let fields = ["rule", "field", "code"].map(|name| told["error"]["findings"][1][name].clone());
    assert_eq!(fields, ["V06", "members", "members_over_employees"]);
}
