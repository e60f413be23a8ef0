//! The tables of the states: as a text that a person can read, and every guard that they name broken.

use std::collections::BTreeSet;

use domain::{
    Catalogue, FieldOf, Lookup, Parameters, Subject, Values, date, scope_id,
    state::{
        Who,
        guards::{COUNTED, DATED, GUARDS, Line, lines, table_text},
    },
    validate::{around_transfer, by_hand, validate, why_kept},
    year_record_id,
};
use replica::{RecordId, RecordKey, ScopeId};
use serde_json::{Value as Json, json};

use crate::{
    desk::{Rows, id, kind_of},
    saves::{changed, problem},
    validation::{organisation, values},
};

#[test]
fn the_tables_read_as_they_were_agreed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/domain/states.txt");
    let now = table_text();
    if std::env::var_os("LIANGXIN_REGENERATE").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let agreed = std::fs::read_to_string(path).unwrap();
    assert_eq!(now, agreed, "a table has changed: see states.txt");
}

#[test]
fn a_step_without_a_status_is_said_by_a_field_of_who_takes_it() {
    for dated in DATED {
        let (kind, _) = dated.field().unwrap_or_else(|| panic!("{dated:?}"));
        let of_city = kind.id != "notice_receipt";
        assert_eq!(dated.who() == Who::City, of_city, "{dated:?}");
    }
    // What was decided does not go back.
    let paid = json!({ "year": "2020", "scope": "410305", "amount_fen": 1, "paid_on": "2020-10-15",
        "decided_on": "2020-10-10", "basis": "x" });
    let issued = json!({ "year": "2020", "kind": "criticise", "issued_on": "2020-10-10",
        "body": "x" });
    for (kind, row, code) in [
        ("reward", paid, "decided_frozen"),
        ("notice", issued, "notice_frozen"),
    ] {
        let today = date::day(2020, 10, 15).unwrap();
        let kept = why_kept(kind_of(kind), &values(kind, &row), today).unwrap();
        let mut rows = DATED.iter().filter(|dated| dated.kind == kind);
        let back = rows.find(|dated| dated.act == "change").unwrap();
        assert_eq!((kept.code, back.guards), (code, &[(kept.rule, code)][..]));
    }
}

/// Records of Jianxi.
#[derive(Default)]
struct Here(Rows);

impl Here {
    fn with(mut self, kind: &str, number: u8, row: &Json) -> Self {
        self.0.put(kind, id(number), values(kind, row));
        self
    }

    fn year(mut self, row: &Json) -> Self {
        let of = values("programme_year", row);
        self.0.put("programme_year", year_record_id(2020), of);
        self
    }
}

impl Lookup for Here {
    fn values(&self, key: RecordKey) -> Option<Values> {
        self.0.values(key)
    }

    fn referring(&self, from: &FieldOf<'_>, to: RecordKey) -> Vec<(RecordId, Values)> {
        self.0.referring(from, to)
    }

    fn home(&self, key: RecordKey) -> Option<ScopeId> {
        self.0.0.get(&key).map(|_| scope_id("410305"))
    }
}

/// A record that came to a state as it should, and has nothing yet of what comes after it.
fn sound(line: &Line) -> Json {
    let (kind, from) = (line.kind.id.as_str(), line.from.id.as_str());
    let mut row = match kind {
        "organisation" if from == "counted" => organisation(),
        "organisation" => json!({ "name": "甲", "remark": "无代码" }),
        "party_organisation" | "platform" => json!({ "name": "甲" }),
        "establishment_case" => json!({ "organisation": id(2).to_string() }),
        "service_claim" => json!({ "title": "需求" }),
        "problem_item" if line.field.id == "extension" => problem("in_progress", from),
        "problem_item" => problem(from, "none"),
        "nomination" => json!({ "year": "2020", "scope": "410305",
            "party_organisation": id(7).to_string(), "summary": "事迹" }),
        "quarterly_return" => json!({ "scope": "410305", "period": "2020-Q3" }),
        "transfer_request" => json!({ "record": format!("organisation/{}", id(2)),
            "from_scope": "410305", "to_scope": "410302", "reason": "搬迁" }),
        "change_request" => json!({ "record": format!("party_organisation/{}", id(7)),
            "field": "member_count", "proposed": "9", "present": "12", "basis": "抽查" }),
        _ => json!({}),
    };
    let along = match (kind, from) {
        ("organisation", "excluded") => json!({ "exclusion_reason": "shell" }),
        ("organisation", "candidate") => json!({ "steps": [
            { "place": 1, "state": "candidate", "on": "2020-05-06" }] }),
        ("organisation", "transferring") => json!({ "steps": [
            { "place": 1, "state": "candidate", "on": "2020-05-06" },
            { "place": 2, "state": "transferring", "on": "2020-06-06" }] }),
        ("establishment_case", "planned" | "applied" | "approved") => json!({ "form": "joint" }),
        ("platform", "preparing") => json!({ "mode": "joint" }),
        ("platform", "built" | "operating" | "suspended") => built(4),
        ("service_claim", "claimed" | "in_progress") => {
            json!({ "claimed_by": format!("organisation/{}", id(2)) })
        }
        ("nomination", "recommended" | "received" | "spot_checked") => {
            json!({ "district_rank": 2 })
        }
        _ => json!({}),
    };
    row = changed(&row, &along);
    row[line.field.id.as_str()] = json!(from);
    row
}

/// A platform with so many of the four steps done; built with the last one.
fn built(steps: usize) -> Json {
    let days = [
        "step_institution_on",
        "step_mechanism_on",
        "step_strength_on",
        "step_service_on",
    ];
    let mut row = json!({ "mode": "joint" });
    for day in days.into_iter().take(steps) {
        row[day] = json!("2020-05-06");
    }
    if steps == days.len() {
        row["built_on"] = json!("2020-05-06");
    }
    row
}

/// What stands around it so that it is sound.
fn around(line: &Line) -> Here {
    match (line.kind.id.as_str(), line.from.id.as_str()) {
        ("establishment_case", "instructor_sent") => Here::default().with(
            "instructor_assignment",
            9,
            &json!({ "person": id(3).to_string(), "organisation": id(2).to_string(),
                "from_on": "2020-02-01" }),
        ),
        _ => Here::default(),
    }
}

/// What blocks an edit by hand on 2020-10-15, as `code field`.
fn blocks(kind: &str, before: &Json, after: &Json, around: &Here) -> BTreeSet<(String, String)> {
    let (before, after) = (values(kind, before), values(kind, after));
    let subject = Subject {
        kind: kind_of(kind),
        id: id(1),
        scope: scope_id("410305"),
        before: Some(&before),
        after: &after,
    };
    let today = date::stored("2020-10-15").unwrap();
    let mut found = validate(&subject, today, &Parameters::defaults(2020), around);
    found.extend(by_hand(&subject, today));
    found.extend(around_transfer(&subject, around));
    // What names a record is asked of every save, not of a step.
    found.retain(|it| it.blocks() && it.code != "required");
    let rule = |finding: &domain::Finding| [finding.rule, finding.code].join(" ");
    found
        .iter()
        .map(|it| (rule(it), it.field.clone()))
        .collect()
}

/// A step that is taken where more than what the record lacks keeps it back.
struct Break {
    kind: &'static str,
    act: &'static str,
    /// What the record says before.
    before: Json,
    /// What is set with the step.
    with: Json,
    around: Here,
}

fn case(kind: &'static str, act: &'static str, with: Json) -> Break {
    Break {
        kind,
        act,
        before: json!({}),
        with,
        around: Here::default(),
    }
}

impl Break {
    fn before(mut self, before: Json) -> Self {
        self.before = before;
        self
    }

    fn among(mut self, around: Here) -> Self {
        self.around = around;
        self
    }
}

fn organisations() -> Vec<Break> {
    let waiting = || {
        let row = json!({ "record": format!("organisation/{}", id(1)), "from_scope": "410305",
            "to_scope": "410302", "reason": "搬迁", "status": "requested" });
        let this = json!({ "name": "甲", "census_status": "transferring" });
        let here = Here::default().with("organisation", 1, &this);
        here.with("transfer_request", 7, &row)
    };
    let mut all = vec![
        case(
            "organisation",
            "close",
            json!({ "closed_on": "2020-12-01" }),
        ),
        case("organisation", "reopen", json!({})).before(json!({ "closed_on": "2019-05-01" })),
    ];
    for act in ["receive", "give_back", "merge"] {
        all.push(case("organisation", act, json!({})).among(waiting()));
    }
    all
}

fn works() -> Vec<Break> {
    let plan = |with: Json| case("establishment_case", "plan", with);
    let eligible = |form: &str| json!({ "eligibility": "eligible", "form": form });
    let mut all = vec![
        plan(eligible("affiliated")),
        plan(eligible("standalone")).among(Here::default().with(
            "organisation",
            2,
            &json!({ "name": "甲", "full_members": 2 }),
        )),
        case("establishment_case", "send_instructor", eligible("joint")),
        case("problem_item", "prolong", json!({ "due_on": "2020-10-01" })),
        case("problem_item", "extend", json!({})).before(json!({ "status": "closed" })),
        case("problem_item", "grant", json!({})).before(json!({ "status": "closed" })),
        case("change_request", "accept", json!({})).among(Here::default().with(
            "party_organisation",
            7,
            &json!({ "name": "支部", "member_count": 11 }),
        )),
        case(
            "platform",
            "build",
            changed(&built(4), &json!({ "built_on": "2020-05-05" })),
        ),
    ];
    all.extend((1..4).map(|steps| case("platform", "build", built(steps))));
    let settled = json!({ "year": 2020, "phase_override": "settled" });
    for act in ["submit", "accept", "return", "reopen", "lock"] {
        let step = case("quarterly_return", act, json!({}));
        all.push(step.among(Here::default().year(&settled)));
    }
    all
}

fn nominations() -> Vec<Break> {
    let step = |act: &'static str| case("nomination", act, json!({ "district_rank": 2 }));
    let later = || Here::default().year(&json!({ "year": 2020, "nominate_from": "2020-11-01" }));
    let item = || {
        let row =
            json!({ "code": "A1", "year": "2020", "criterion": "structure", "title": "标准" });
        Here::default().with("standard_item", 30, &row)
    };
    let beside = |party: u8, rank: u32| {
        let row = json!({ "year": "2020", "scope": "410305", "summary": "事迹",
            "party_organisation": id(party).to_string(), "status": "recommended",
            "district_rank": rank });
        let year = json!({ "year": 2020, "recommend_cap": 1 });
        Here::default().year(&year).with("nomination", 90, &row)
    };
    let gone = Here::default().with(
        "party_organisation",
        7,
        &json!({ "name": "支部", "status": "dissolved" }),
    );
    vec![
        step("submit").among(later()),
        step("recommend").among(later()),
        step("assess").among(item()),
        step("recommend").among(item()),
        step("receive").among(item()),
        step("recommend").among(beside(17, 2)),
        step("receive").among(beside(17, 2)),
        step("receive").among(beside(17, 1)),
        step("receive").among(beside(7, 3)),
        step("receive").among(gone),
    ]
}

/// Every guard that is named keeps a record from every step it is named of, and nothing else does.
#[test]
fn every_guard_is_broken_and_every_refusal_is_named() {
    let breaks: Vec<_> = [organisations(), works(), nominations()]
        .into_iter()
        .flatten()
        .collect();
    let mut wrong = Vec::new();
    for line in Catalogue::builtin().kinds().iter().flat_map(lines) {
        let kind = line.kind.id.as_str();
        let step = json!({ line.field.id.as_str(): line.to.id });
        let before = sound(&line);
        let name = format!("{kind} {} from {}", line.act, line.from.id);
        let stands = blocks(kind, &before, &before, &around(&line));
        wrong.extend(
            stands
                .into_iter()
                .map(|it| format!("{name}: not sound, {it:?}")),
        );
        let mut found = blocks(kind, &before, &changed(&before, &step), &around(&line));
        for case in breaks
            .iter()
            .filter(|it| (it.kind, it.act) == (kind, line.act))
        {
            let before = changed(&before, &case.before);
            let after = changed(&changed(&before, &case.with), &step);
            found.extend(blocks(kind, &before, &after, &case.around));
        }
        let guards = line.guards().filter(|guard| guard.rule != COUNTED);
        let named = guards.flat_map(|guard| {
            let rule = [guard.rule, guard.code].join(" ");
            let fields = guard.fields.iter();
            fields.map(move |field| (rule.clone(), (*field).to_owned()))
        });
        let named: BTreeSet<_> = named.collect();
        let of = |it, what| format!("{name}: {it:?} {what}");
        wrong.extend(found.difference(&named).map(|it| of(it, "is not named")));
        wrong.extend(named.difference(&found).map(|it| of(it, "was not broken")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_guard_is_of_a_step_and_names_fields_of_its_kind() {
    for guard in GUARDS {
        let kind = kind_of(guard.kind);
        let of: Vec<_> = lines(kind)
            .into_iter()
            .filter(|line| line.act == guard.act)
            .collect();
        let is_of = |line: &&Line| line.guards().any(|it| it == guard);
        assert!(of.iter().any(|line| is_of(&line)), "{guard:?}");
        for from in guard.from {
            assert!(of.iter().any(|line| line.from.id == *from), "{guard:?}");
        }
        for field in guard.fields {
            assert!(kind.field(field).is_some(), "{guard:?}");
        }
    }
}
