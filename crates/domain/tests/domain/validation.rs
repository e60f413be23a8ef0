//! The validation rules, each with a case that keeps it and one that breaks it.

use domain::{
    Date, Finding, Level, Lookup, NoLookup, Parameters, Subject, date, effective, scope_id,
    validate,
};
use serde_json::{Value as Json, json};

use crate::desk::{Desk, Rows, id, kind_of};

pub(crate) fn values(kind: &str, json: &Json) -> Vec<u8> {
    let record = Desk::new(1).make(kind, id(1), scope_id("410305"), json);
    effective(domain::Catalogue::builtin(), &record).values
}

/// Asks of an edit of record 1 on 2020-10-15; without `before` it is made.
pub(crate) fn of_edit<T>(
    kind: &str,
    (before, after): (Option<&Json>, &Json),
    ask: impl FnOnce(&Subject<'_>, Date) -> T,
) -> T {
    let (before, after) = (before.map(|json| values(kind, json)), values(kind, after));
    let subject = Subject {
        kind: kind_of(kind),
        id: id(1),
        scope: scope_id("410305"),
        before: before.as_deref(),
        after: &after,
    };
    ask(&subject, date::stored("2020-10-15").unwrap())
}

pub(crate) fn judged(
    kind: &str,
    before: Option<&Json>,
    after: &Json,
    lookup: &dyn Lookup,
) -> Vec<Finding> {
    of_edit(kind, (before, after), |subject, today| {
        validate(subject, today, &Parameters::defaults(2020), lookup)
    })
}

/// The rules that a change of a sound record breaks, in `rule code field` form.
pub(crate) fn broken(
    kind: &str,
    sound: &Json,
    change: &Json,
    level: Level,
    lookup: &dyn Lookup,
) -> Vec<String> {
    let mut after = sound.clone();
    for (name, value) in change.as_object().unwrap() {
        after[name] = value.clone();
    }
    after
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    let findings = judged(kind, None, &after, lookup);
    let of_level = findings
        .into_iter()
        .filter(|finding| finding.level == level);
    of_level
        .map(|f| format!("{} {} {}", f.rule, f.code, f.field))
        .collect()
}

pub(crate) fn organisation() -> Json {
    json!({
        "uscc": "91410305DEM1FYRA54", "name": "甲", "org_class": "new_economic",
        "org_kind": "private_enterprise", "industry": "C", "operating_status": "operating",
        "census_status": "counted", "employees": 12, "members": 3, "full_members": 3,
        "as_of": "2020-09-30", "eligibility": "eligible", "source": "manual",
    })
}

#[test]
fn a_sound_organisation_has_no_findings() {
    assert_eq!(judged("organisation", None, &organisation(), &NoLookup), []);
}

#[test]
fn an_organisation_is_refused_for_what_the_rules_block() {
    let blocked = |change: Json| {
        broken(
            "organisation",
            &organisation(),
            &change,
            Level::Block,
            &NoLookup,
        )
    };
    for (change, expected) in [
        (json!({ "uscc": "91410305DEM1FYRA55" }), "V01 uscc_bad uscc"),
        (json!({ "uscc": "9141" }), "V01 uscc_bad uscc"),
        (json!({ "uscc": null }), "V01 uscc_missing uscc"),
        (
            json!({ "full_members": 4 }),
            "V06 full_members_over_members members",
        ),
        (
            json!({ "members": 13 }),
            "V06 members_over_employees members",
        ),
        (
            json!({ "employees": null, "census_status": "candidate" }),
            "V06 members_over_employees members",
        ),
        (json!({ "as_of": "2020-10-17" }), "V07 as_of_future as_of"),
        (json!({ "industry": null }), "V08 status_needs industry"),
        (json!({ "as_of": null }), "V08 status_needs as_of"),
        (
            json!({ "census_status": "excluded" }),
            "V08 status_needs exclusion_reason",
        ),
        (
            json!({ "name": null, "census_status": "candidate" }),
            "REQ required name",
        ),
    ] {
        assert_eq!(blocked(change.clone()), [expected], "{change}");
    }
    for change in [
        json!({ "uscc": null, "remark": "尚未办理" }),
        json!({ "members": 13, "members_elsewhere": 1 }),
        json!({ "as_of": "2020-10-16" }),
        json!({ "census_status": "excluded", "exclusion_reason": "shell" }),
    ] {
        assert_eq!(blocked(change.clone()), [] as [&str; 0], "{change}");
    }
}

#[test]
fn an_organisation_is_warned_about_what_the_rules_warn_of() {
    let warned = |change: Json| {
        broken(
            "organisation",
            &organisation(),
            &change,
            Level::Warn,
            &NoLookup,
        )
    };
    for (change, expected) in [
        (json!({ "org_kind": "foundation" }), "V02 uscc_kind uscc"),
        (json!({ "uscc": "91410399MA44444444" }), ""),
        (json!({ "as_of": "2018-12-31" }), "V07 as_of_old as_of"),
        (
            json!({ "industry": "制造业" }),
            "INDUSTRY industry_letter industry",
        ),
        (json!({ "source": null }), "REQ required source"),
    ] {
        let found = warned(change.clone());
        assert_eq!(
            found.first().map_or("", String::as_str),
            expected,
            "{change}"
        );
    }
    let body = "914103995DEM1FYRA".replace("5DEM", "DEM");
    let body: String = body.chars().chain("0".chars()).take(16).collect::<String>();
    let body = format!(
        "{body}{}",
        domain::uscc::subject_check_character(&body[8..16]).unwrap()
    );
    let code = format!("{body}{}", domain::uscc::check_character(&body).unwrap());
    assert_eq!(warned(json!({ "uscc": code })), ["V03 uscc_region uscc"]);
    let inner = "91410305DEM1FYRA6";
    let code = format!("{inner}{}", domain::uscc::check_character(inner).unwrap());
    assert_eq!(warned(json!({ "uscc": code })), ["V01 uscc_subject uscc"]);
}

fn ledger() -> Rows {
    let mut ledger = Rows::default();
    let mut put =
        |kind: &str, number, json: &Json| ledger.put(kind, id(number), values(kind, json));
    put("organisation", 5, &organisation());
    let small = json!({ "name": "乙", "full_members": 2, "members": 2 });
    put("organisation", 6, &small);
    let party = json!({ "name": "支部", "type": "joint_branch", "established_on": "2020-01-10", "dissolved_on": "2020-12-01" });
    put("party_organisation", 7, &party);
    for at in 0..5 {
        let link = json!({ "organisation": id(100 + at).to_string(), "party_organisation": id(7).to_string(),
            "from_on": "2020-02-01", "form": "joint" });
        put("coverage_link", 200 + at, &link);
    }
    ledger
}

#[test]
fn another_record_of_the_same_organisation_is_pointed_out() {
    let ledger = ledger();
    let warned = |change: Json| {
        broken(
            "organisation",
            &organisation(),
            &change,
            Level::Warn,
            &ledger,
        )
    };
    assert_eq!(warned(json!({})), ["V04 uscc_dup uscc"]);
    assert_eq!(
        warned(json!({ "uscc": null, "remark": "无", "name": "乙" })),
        ["V05 name_dup name"]
    );
    assert_eq!(
        warned(json!({ "uscc": null, "remark": "无" })),
        [] as [&str; 0]
    );
}

#[test]
fn a_link_keeps_to_the_life_of_its_party_organisation() {
    let ledger = ledger();
    let sound = json!({ "organisation": id(6).to_string(), "party_organisation": id(7).to_string(),
        "from_on": "2020-03-01", "to_on": "2020-10-01", "form": "area",
        "end_reason": "外迁" });
    let found = |change: Json, level| broken("coverage_link", &sound, &change, level, &ledger);
    let blocked = |change: Json| found(change, Level::Block);
    assert_eq!(blocked(json!({})), [] as [&str; 0]);
    assert_eq!(
        blocked(json!({ "from_on": "2020-01-01" })),
        ["V13 link_before_party from_on"]
    );
    assert_eq!(
        blocked(json!({ "to_on": null })),
        ["V13 link_after_party to_on"]
    );
    assert_eq!(
        blocked(json!({ "to_on": "2020-12-01" })),
        [] as [&str; 0],
        "the end itself"
    );
    assert_eq!(
        blocked(json!({ "to_on": "2020-02-01" })),
        ["V13 link_dates to_on"]
    );
    assert_eq!(
        blocked(json!({ "form": "standalone" })),
        ["V09 standalone_members form"]
    );
    assert_eq!(
        blocked(json!({ "form": "standalone", "organisation": id(5).to_string() })),
        [] as [&str; 0]
    );
    assert_eq!(
        blocked(json!({ "organisation": id(100).to_string() })),
        ["V13 link_overlap from_on"]
    );
    let before_it = json!({ "organisation": id(100).to_string(), "from_on": "2020-01-10", "to_on": "2020-02-01" });
    assert_eq!(
        blocked(before_it),
        [] as [&str; 0],
        "one ends on the day the other begins"
    );
    let warned = |change: Json| found(change, Level::Warn);
    assert_eq!(warned(json!({})), [] as [&str; 0], "ended before today");
    assert_eq!(
        warned(json!({ "to_on": "2020-11-01" })),
        ["V10 joint_many party_organisation"]
    );
    assert_eq!(
        warned(json!({ "form": "joint", "organisation": id(5).to_string() })),
        ["V11 joint_with_3plus form"]
    );
}

#[test]
fn a_large_organisation_that_is_only_jointly_covered_is_listed() {
    let mut ledger = ledger();
    let organisations = kind_of("organisation").kind;
    ledger.0.retain(|key, _| key.kind != organisations);
    let link = json!({ "organisation": id(1).to_string(), "party_organisation": id(7).to_string(), "from_on": "2020-02-01", "form": "joint" });
    ledger.put("coverage_link", id(210), values("coverage_link", &link));
    let warned = broken(
        "organisation",
        &organisation(),
        &json!({}),
        Level::Warn,
        &ledger,
    );
    assert_eq!(warned, ["V11 joint_with_3plus full_members"]);
}

#[test]
fn a_party_organisation_is_judged_by_its_form_its_size_and_its_dates() {
    let sound = json!({ "name": "支部", "type": "branch", "status": "active", "form": "standalone",
        "established_on": "2019-01-01" });
    let found =
        |change: Json, level| broken("party_organisation", &sound, &change, level, &NoLookup);
    assert_eq!(found(json!({}), Level::Block), [] as [&str; 0]);
    assert_eq!(
        found(json!({ "form": "affiliated" }), Level::Block),
        ["V12 host_missing host_organisation"]
    );
    assert_eq!(
        found(
            json!({ "form": "affiliated", "superior": id(2).to_string() }),
            Level::Block
        ),
        [] as [&str; 0]
    );
    assert_eq!(
        found(
            json!({ "member_count": 51, "as_of": "2020-09-30" }),
            Level::Warn
        ),
        ["V10 branch_large member_count"]
    );
    assert_eq!(
        found(
            json!({ "member_count": 51, "as_of": "2020-09-30", "type": "committee" }),
            Level::Warn
        ),
        [] as [&str; 0]
    );
    assert_eq!(
        found(
            json!({ "member_count": 5, "as_of": "2021-09-30" }),
            Level::Block
        ),
        ["V07 as_of_future as_of"]
    );
    assert_eq!(
        found(
            json!({ "applied_on": "2020-01-01", "approved_on": "2020-02-02" }),
            Level::Warn
        ),
        ["V14 approval_slow approved_on"]
    );
    assert_eq!(
        found(json!({ "established_on": "2016-02-29" }), Level::Warn),
        ["V15 election_due last_election_on"]
    );
    assert_eq!(
        found(
            json!({ "established_on": "2016-02-29", "last_election_on": "2019-05-01" }),
            Level::Warn
        ),
        [] as [&str; 0]
    );
}

#[test]
fn what_was_held_has_a_day_that_has_come() {
    let session = json!({ "year": "2020", "scope": "410305", "title": "班", "kind": "centralised", "subjects": ["theory"],
        "target_roles": ["head"], "start_on": "2020-10-15", "status": "held" });
    let blocked = |kind: &str, sound: &Json, change: Json| {
        broken(kind, sound, &change, Level::Block, &NoLookup)
    };
    assert_eq!(
        blocked("training_session", &session, json!({})),
        [] as [&str; 0]
    );
    assert_eq!(
        blocked(
            "training_session",
            &session,
            json!({ "end_on": "2020-10-16" })
        ),
        ["V20 held_in_future start_on"]
    );
    assert_eq!(
        blocked(
            "training_session",
            &session,
            json!({ "start_on": "2020-11-01", "status": "planned" })
        ),
        [] as [&str; 0]
    );
    assert_eq!(
        blocked("training_session", &session, json!({ "title": null })),
        ["REQ required title"]
    );
    let seminar = json!({ "year": "2020", "scope": "410305", "title": "研讨", "on": "2020-10-15", "status": "held" });
    assert_eq!(
        blocked("seminar", &seminar, json!({ "on": "2020-10-16" })),
        ["V20 held_in_future on"]
    );
}

#[test]
fn a_status_moves_along_its_table() {
    let party = |status: &str| json!({ "name": "支部", "status": status });
    let step = |from: &str, to: &str| {
        let findings = judged(
            "party_organisation",
            Some(&party(from)),
            &party(to),
            &NoLookup,
        );
        findings
            .into_iter()
            .find(|finding| finding.rule == "STEP")
            .map(|f| (f.level, f.code))
    };
    assert_eq!(step("preparing", "applied"), None);
    assert_eq!(
        step("preparing", "active"),
        Some((Level::Warn, "step_skips"))
    );
    assert_eq!(
        step("dissolved", "active"),
        Some((Level::Block, "step_against"))
    );
}

#[test]
fn every_finding_speaks_both_languages() {
    let wrong = json!({ "uscc": "1", "name": "甲", "census_status": "counted", "members": 9, "as_of": "2030-01-01" });
    let findings = judged("organisation", None, &wrong, &NoLookup);
    assert!(findings.len() > 8);
    for finding in findings {
        assert!(
            !finding.zh.is_empty() && !finding.zh.is_ascii(),
            "{finding:?}"
        );
        assert!(
            !finding.en.is_empty() && finding.en.is_ascii(),
            "{finding:?}"
        );
    }
}

#[test]
fn what_names_its_scope_is_made_there() {
    let drive = |scope: &str| json!({ "year": "2020", "scope": scope, "title": "集中组建", "start_on": "2020-03-01", "status": "planned" });
    let of = |scope: &str| {
        broken(
            "establishment_drive",
            &drive(scope),
            &json!({}),
            Level::Block,
            &NoLookup,
        )
    };
    assert_eq!(of("410305"), [""; 0]);
    assert_eq!(of("410302"), ["REQ scope_other scope"]);
}
