//! What the card of a conflict shows.

use bytes::Bytes;
use domain::{Conflict, ConflictKind, label::Language};
use prost::Message as _;
use proto::stored::PeerHeard;
use replica::{Edit, RegisterId, Set, Sibling, Source};
use serde_json::{Value, json};

use super::{clash, list, remarks, show};
use crate::{
    app::{App, Enrolled},
    commands::conflict::{ConflictCommand, run},
    conflicts::{Choice, Docket, decide, sentence, undo},
    failure::Exit,
    records::{
        Change, Seen, kind_of, put, set_of_json,
        testing::{PEER, World, hub, made, node, now, organisation, printed, save},
    },
    report::{self, Request},
};

/// Two people write one field of a stored record without having seen each other; the second in
/// another way.
pub(super) fn contest(app: &App, second: &App, values: [&Value; 2], source: Source) -> Docket {
    let stored = made(app, "甲");
    let seen = || Some(Seen::of(&stored.record));
    save(app, "organisation", Some(&stored), values[0], seen()).unwrap();
    let change = Change {
        kind: kind_of(app, "organisation").unwrap(),
        id: Some(stored.record.key.id),
        set: set_of_json(values[1].as_object().unwrap()),
        seen: seen(),
        scope: None,
        reason: "import census.xlsx:17",
        source,
    };
    put(second, &change).unwrap();
    let id = list(app)[0]["id"].as_str().unwrap().to_owned();
    Docket::parse(app, &id).unwrap()
}

#[test]
fn the_card_says_who_where_when_why_and_how_it_came_in() {
    let world = node();
    let values = [&json!({"name": "乙"}), &json!({"name": "丙"})];
    let docket = contest(&world.by("alice"), &world.by("bob"), values, Source::Import);
    let card = show(&world.app, &docket);
    let by_import = &card["candidates"][1];
    assert_eq!(by_import["author"], "bob@410305-01234567");
    assert_eq!(
        by_import["unit"],
        json!({"scope": "410305", "name": "涧西区", "node": "410305-01234567"})
    );
    assert_eq!(
        (&by_import["source"], &by_import["import_line"]),
        (&json!("import"), &json!(17))
    );
    assert_eq!(by_import["reason"], "import census.xlsx:17");
    assert_eq!(by_import["clock_error_s"], Value::Null);
    assert_eq!(card["candidates"][0]["import_line"], Value::Null);
    assert_eq!(card["base"]["value"], "甲");
    assert_eq!(card["provisional"]["value"], "甲");
    assert_eq!(card["provisional"]["is_base"], true);
    assert_eq!(
        card["provisional"]["dot"], card["base"]["dot"],
        "which write that is"
    );
    assert_eq!(card["others"], json!([]));
    // What an undo puts back is shown as it came in first.
    let by = world.by("dora");
    decide(&by, &docket, &Choice::Take(1), None, "asked").unwrap();
    undo(
        &by,
        &docket.id(by.catalogue.kind(docket.key.kind)),
        "mistaken",
    )
    .unwrap();
    let card = show(&world.app, &docket);
    let lines: Vec<&Value> = card["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["source"] == "import")
        .map(|one| &one["import_line"])
        .collect();
    assert_eq!(lines, [&json!(17)]);
}

/// A name that alice has written here, and against it one that was written at the hub of tests.
fn written_at_the_hub(world: &World) -> String {
    let stored = made(&world.app, "甲");
    let seen = Some(Seen::of(&stored.record));
    let by = world.by("alice");
    save(
        &by,
        "organisation",
        Some(&stored),
        &json!({"name": "乙"}),
        seen,
    )
    .unwrap();
    let kind = kind_of(&world.app, "organisation").unwrap();
    let field = kind.field("name").unwrap();
    let mut value = Vec::new();
    prost::encoding::string::encode(field.number, &"丙".to_owned(), &mut value);
    let standing = stored.record.register(field.register).iter();
    let set = Set {
        register: field.register,
        value: value.into(),
        shown: standing.map(Sibling::shown).collect(),
    };
    let edit = Edit {
        key: stored.record.key,
        scope: stored.home,
        set: vec![set],
        author: "市级@410300-09090909".to_owned(),
        reason: "核对".to_owned(),
        source: Source::Form,
        decision: Bytes::new(),
    };
    world.app.writer.edit(vec![edit], Vec::new()).unwrap();
    list(&world.app)[0]["id"].as_str().unwrap().to_owned()
}

/// How far the clocks of the writers are off, as the card says.
fn clock_errors(world: &World, id: &str) -> Vec<Value> {
    let docket = Docket::parse(&world.app, id).unwrap();
    let card = show(&world.app, &docket);
    let candidates = card["candidates"].as_array().unwrap().iter();
    candidates.map(|one| one["clock_error_s"].clone()).collect()
}

#[test]
fn the_card_says_how_far_the_clock_of_another_writer_is_off() {
    let world = node();
    // The hub of tests says that it is 90 seconds later there.
    world.refused_by_hub(Vec::new());
    let id = written_at_the_hub(&world);
    let errors = clock_errors(&world, &id);
    assert_eq!(errors[0], Value::Null, "the own clock is the measure");
    let error = errors[1].as_i64().unwrap();
    assert!((89..=90).contains(&error), "{error}");
    let show = ConflictCommand::Show {
        id,
        reveal: crate::commands::Reveal::default(),
    };
    let (text, _) = printed(false, |out| {
        run(&world.app, &Enrolled::default(), show, out)
    });
    assert!(text.contains("s ahead of this one"), "{text}");
}

/// A clock that was right when something was written and was set wrong since made the card doubt
/// the moment of what was written, and the other way round.
#[test]
fn the_error_of_a_clock_is_that_of_the_writing() {
    let world = node();
    world.welcomed(0, Vec::new());
    let id = written_at_the_hub(&world);
    world.welcomed(90_000, Vec::new());
    assert_eq!(clock_errors(&world, &id), [Value::Null, json!(0)]);
    let world = world.restarted();
    assert_eq!(clock_errors(&world, &id), [Value::Null, json!(0)]);
}

/// An older program has kept only the last error.
#[test]
fn an_error_that_an_older_program_has_kept_still_counts() {
    let world = node();
    world.welcomed(0, Vec::new());
    let id = written_at_the_hub(&world);
    let heard = PeerHeard {
        at_ms: 1_602_720_000_000,
        ahead_ms: 90_000,
        schema: 1,
        ..PeerHeard::default()
    };
    let name = format!("heard/{PEER}");
    let local = vec![(name, Some(heard.encode_to_vec()))];
    world.handle().edit(Vec::new(), local).unwrap();
    assert_eq!(clock_errors(&world, &id), [Value::Null, json!(90)]);
}

#[test]
fn other_open_conflicts_of_the_record_are_named() {
    let clash = clash(
        &json!({"remark": "one", "operating_address": "东路1号"}),
        &json!({"remark": "two", "operating_address": "西路2号"}),
        "remark",
    );
    let card = show(&clash.world.app, &clash.docket);
    let other = format!(
        "organisation/{}/operating_address",
        clash.stored.record.key.id
    );
    assert_eq!(card["others"], json!([other]));
}

#[test]
fn the_effect_on_the_figures_is_what_the_report_says_afterwards() {
    let world = hub();
    let (app, bob) = (world.by("alice"), world.by("bob"));
    made_more(&app, 3);
    let values = [
        &json!({"census_status": "closed", "closed_on": "2020-10-01"}),
        &json!({"census_status": "excluded", "exclusion_reason": "not_operating"}),
    ];
    let docket = contest(&app, &bob, values, Source::Command);
    let card = show(&app, &docket);
    let effects = card["candidates"][0]["effects"].as_array().unwrap();
    let counted = |scope: &str| {
        let of = |effect: &&Value| effect["indicator"] == "counted" && effect["scope"] == scope;
        effects.iter().find(of).unwrap().clone()
    };
    let report = report::indicators(&app, &Request::default())
        .unwrap()
        .json();
    assert_eq!(counted("city")["from"], report["city"]["counted"]);
    let text = counted("city")["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "City: Organisations on the ledger 4 → 3");
    let zh = crate::conflicts::show(&app, &docket, Language::Zh, &Enrolled::default()).unwrap();
    let texts = zh["candidates"][0]["effects"].to_string();
    assert!(texts.contains("全市在册单位数 4 → 3"), "{texts}");
    let changed: Vec<&Value> = effects
        .iter()
        .filter(|effect| effect["from"] == effect["to"])
        .collect();
    assert!(
        changed.is_empty(),
        "only what changes is shown: {changed:?}"
    );
    let low = &report["city"]["ranges"]["counted"];
    assert_eq!(low, &json!({"low": 3, "high": 4}), "{report}");
    let share = &report["city"]["org_coverage_rate"];
    let range = ["low", "high", "den_low", "den_high"].map(|name| share[name].clone());
    assert_eq!(range, [0, 0, 3, 4].map(Value::from), "{share}");
    let dora = world.by("dora");
    let choice = Choice::Take(1);
    decide(&dora, &docket, &choice, None, "looked").unwrap();
    let after = report::indicators(&app, &Request::default())
        .unwrap()
        .json();
    for effect in effects {
        let column = match effect["scope"].as_str().unwrap() {
            "city" => &after["city"],
            code => &after["scopes"][code],
        };
        let name = effect["indicator"].as_str().unwrap();
        let mut now = column[name].clone();
        if let Some(now) = now.as_object_mut() {
            now.remove("low");
            now.remove("high");
            now.remove("den_low");
            now.remove("den_high");
        }
        assert_eq!(effect["to"], now, "{effect}");
    }
    assert_eq!(after["city"]["ranges"], Value::Null, "nothing is open");
}

#[test]
fn two_conflicts_of_one_record_leave_it_open_once() {
    // What the user saw: one organisation, closed or deleted, and a range that counted it twice.
    let world = hub();
    let app = world.by("alice");
    made_more(&app, 2);
    let stored = made(&app, "甲");
    let seen = || Some(Seen::of(&stored.record));
    let write = |account: &str, values: Value| {
        let app = world.by(account);
        save(&app, "organisation", Some(&stored), &values, seen()).unwrap()
    };
    write(
        "bob",
        json!({"census_status": "closed", "closed_on": "2020-10-01"}),
    );
    write(
        "eve",
        json!({"census_status": "excluded", "exclusion_reason": "shell"}),
    );
    let key = stored.record.key;
    crate::records::delete(&world.by("frank"), key, seen().as_ref(), "twice").unwrap();
    assert_eq!(list(&app).len(), 2);
    let report = report::indicators(&app, &Request::default())
        .unwrap()
        .json();
    assert_eq!(report["city"]["counted"], 3);
    assert_eq!(
        report["city"]["ranges"]["counted"],
        json!({"low": 2, "high": 3})
    );
    let met = &report["city"]["census_completion_rate"];
    assert_eq!((&met["low"], &met["high"]), (&json!(2), &json!(3)), "{met}");
}

#[test]
fn a_deletion_is_shown_with_its_reason_and_what_was_written_against_it() {
    let world = node();
    let stored = made(&world.by("carol"), "甲");
    let seen = Some(Seen::of(&stored.record));
    crate::records::delete(&world.by("alice"), stored.record.key, None, "twice").unwrap();
    save(
        &world.by("bob"),
        "organisation",
        Some(&stored),
        &json!({"members": 6}),
        seen,
    )
    .unwrap();
    let id = list(&world.app)[0]["id"].as_str().unwrap().to_owned();
    let show = ConflictCommand::Show {
        id,
        reveal: crate::commands::Reveal::default(),
    };
    let (text, _) = printed(false, |out| {
        run(&world.app, &Enrolled::default(), show, out)
    });
    assert!(
        text.contains("deletion") && text.contains("deleted: twice"),
        "{text}"
    );
    assert!(text.contains(" Employees 120"), "the label once: {text}");
}

/// A deletion against an edit had no base: what stood there when it was deleted could not be seen.
#[test]
fn a_deletion_against_edits_shows_what_whoever_deleted_had_seen() {
    let world = node();
    let stored = made(&world.by("carol"), "甲");
    let key = stored.record.key;
    crate::records::delete(&world.by("alice"), key, None, "twice").unwrap();
    let seen = Some(Seen::of(&stored.record));
    let first = json!({"name": "乙", "remark": "新"});
    let bob = world.by("bob");
    save(&bob, "organisation", Some(&stored), &first, seen).unwrap();
    // The newest edit is of another write than the one that was deleted.
    let again = json!({"name": "丙"});
    save(&bob, "organisation", Some(&now(&bob, key)), &again, None).unwrap();
    let id = list(&world.app)[0]["id"].as_str().unwrap().to_owned();
    let card = show(&world.app, &Docket::parse(&world.app, &id).unwrap());
    assert_eq!(card["base"]["known"], true, "{card:?}");
    assert_eq!(card["base"]["value"], json!({"name": "甲", "remark": null}));
    let show = ConflictCommand::Show {
        id,
        reveal: crate::commands::Reveal::default(),
    };
    let (text, _) = printed(false, |out| {
        run(&world.app, &Enrolled::default(), show, out)
    });
    assert!(
        text.contains("the value before: Name 甲, Remark (empty)"),
        "{text}"
    );
}

fn made_more(app: &App, count: usize) {
    for n in 0..count {
        let mut values = organisation(&format!("其他{n}"));
        values.remove("uscc");
        values.insert("remark".to_owned(), "code to come".into());
        save(app, "organisation", None, &Value::Object(values), None).unwrap();
    }
}

#[test]
fn a_candidate_that_changes_no_figure_says_so() {
    let clash = remarks();
    let card = show(&clash.world.app, &clash.docket);
    assert_eq!(card["candidates"][0]["effects"], json!([]));
    let show = ConflictCommand::Show {
        id: clash.id.clone(),
        reveal: crate::commands::Reveal::default(),
    };
    let (text, _) = printed(false, |out| {
        run(&clash.world.app, &Enrolled::default(), show, out)
    });
    assert!(text.contains("changes no figure"), "{text}");
}

#[test]
fn the_rules_suggest_and_apply_nothing() {
    let case = |field: Value, other: Value, source| {
        let world = node();
        let docket = contest(
            &world.by("alice"),
            &world.by("bob"),
            [&field, &other],
            source,
        );
        let preset = show(&world.app, &docket)["preset"].clone();
        assert_eq!(list(&world.app).len(), 1, "a preset applies nothing");
        (preset["rule"].clone(), preset["candidate"].clone())
    };
    let registry = case(json!({"name": "乙"}), json!({"name": "丙"}), Source::Import);
    assert_eq!(
        registry,
        (json!("R03"), json!(2)),
        "the registry goes first for names"
    );
    let district = case(
        json!({"operating_address": "a"}),
        json!({"operating_address": "b"}),
        Source::Import,
    );
    assert_eq!(
        district,
        (json!("R03"), json!(1)),
        "the district for where it works"
    );
    let figures = case(json!({"members": 6}), json!({"members": 7}), Source::Import);
    assert_eq!(figures, (json!("R03"), json!(1)), "and for how many");
    let tie = case(
        json!({"members": 6}),
        json!({"members": 7}),
        Source::Command,
    );
    assert_eq!(
        tie,
        (json!("R02"), Value::Null),
        "of one date no side goes first"
    );
    let desks = case(
        json!({"remark": "a"}),
        json!({"remark": "b"}),
        Source::Command,
    );
    assert_eq!(desks, (json!("R01"), Value::Null));
}

#[test]
fn each_kind_of_conflict_is_said_in_words() {
    let world = node();
    let said = |first: Value, second: Value| {
        let world = node();
        let docket = contest(
            &world.by("alice"),
            &world.by("bob"),
            [&first, &second],
            Source::Command,
        );
        let card = crate::conflicts::show(&world.app, &docket, Language::Zh, &Enrolled::default())
            .unwrap();
        card["what"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        said(json!({"remark": "a"}), json!({"remark": "b"})),
        "“备注”有 2 个并存的值，需人工确认"
    );
    assert_eq!(
        said(json!({"members": 6}), json!({"members": 7})),
        "数据日期同为 2020-09-30，填报的数字却不同，需确认哪一组属实"
    );
    let circle = said(
        json!({"census_status": "closed", "closed_on": "2020-10-01"}),
        json!({"census_status": "excluded", "exclusion_reason": "not_operating"}),
    );
    assert!(
        circle.starts_with("状态被分别改动（") && circle.contains(" → "),
        "{circle}"
    );
    let stored = made(&world.by("carol"), "甲");
    let seen = Some(Seen::of(&stored.record));
    crate::records::delete(&world.by("alice"), stored.record.key, None, "重复录入").unwrap();
    save(
        &world.by("bob"),
        "organisation",
        Some(&stored),
        &json!({"remark": "是真的"}),
        seen,
    )
    .unwrap();
    let id = list(&world.app)[0]["id"].as_str().unwrap().to_owned();
    let docket = Docket::parse(&world.app, &id).unwrap();
    let card =
        crate::conflicts::show(&world.app, &docket, Language::Zh, &Enrolled::default()).unwrap();
    assert_eq!(
        card["what"],
        "一方以“重复录入”为由删除了这条记录，另一方不知情，又填写了“备注”：请确认是恢复还是删除"
    );
    assert_eq!(
        (&card["preset"]["rule"], &card["preset"]["candidate"]),
        (&json!("R10"), &json!(2))
    );
}

#[test]
fn a_group_is_decided_together_and_says_so() {
    let open = Conflict {
        register: RegisterId(20),
        kind: ConflictKind::Field,
        candidates: Vec::new(),
        base: None,
    };
    let kind = domain::Catalogue::builtin()
        .kind_by_id("organisation")
        .unwrap();
    let group = kind
        .registers
        .iter()
        .find(|register| register.fields.len() > 1)
        .unwrap();
    let open = Conflict {
        register: group.id,
        ..open
    };
    let text = sentence(Some(kind), &open, Language::Zh);
    assert!(text.contains("是一组，要一起确认"), "{text}");
}

#[test]
fn two_owners_are_a_conflict_that_only_the_city_settles() {
    let world = hub();
    let stored = made(&world.by("alice"), "甲");
    for code in ["410302", "410305"] {
        let owner = replica::Owner::next(None, stored.home, domain::scope_id(code), "2020-07-01");
        let edit = Edit {
            key: stored.record.key,
            scope: stored.record.scope,
            set: vec![Set {
                register: RegisterId::OWNER,
                value: owner.to_value(),
                shown: Vec::new(),
            }],
            author: "alice@4103L9-01234567".to_owned(),
            reason: "ruled".to_owned(),
            source: Source::Command,
            decision: Bytes::new(),
        };
        world.app.writer.edit(vec![edit], Vec::new()).unwrap();
    }
    let open = list(&world.app);
    assert_eq!(
        (open.len(), &open[0]["conflict"]),
        (1, &json!("scope_claim"))
    );
    assert_eq!(open[0]["candidates"][1]["value"]["epoch"], 1);
    let docket = Docket::parse(&world.app, open[0]["id"].as_str().unwrap()).unwrap();
    let card =
        crate::conflicts::show(&world.app, &docket, Language::Zh, &Enrolled::default()).unwrap();
    assert_eq!(
        (&card["conflict_label"], &card["preset"]["rule"]),
        (&json!("归属争议"), &json!("R04"))
    );
    assert!(card["what"].as_str().unwrap().contains("须由市级裁定"));
    let decided = decide(
        &world.by("dora"),
        &docket,
        &Choice::Take(1),
        None,
        "it works there",
    );
    assert!(!decided.unwrap().is_open);
    let record = crate::records::find(&world.app, stored.record.key)
        .unwrap()
        .record;
    let owners: Vec<&Sibling> = record.register(RegisterId::OWNER).iter().collect();
    assert_eq!(owners.len(), 1);
}

#[test]
fn the_card_for_people_shows_the_words_the_rule_and_the_provisional_value() {
    let clash = remarks();
    let show = ConflictCommand::Show {
        id: clash.id.clone(),
        reveal: crate::commands::Reveal::default(),
    };
    let (text, exit) = printed(false, |out| {
        run(&clash.world.app, &Enrolled::default(), show, out)
    });
    assert_eq!(exit.unwrap(), Exit::Done);
    for part in [
        "Field conflict",
        "rule R01",
        "410305",
        "as the office said",
        "taking 1",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(['：', '（']), "English has its own: {text}");
}
