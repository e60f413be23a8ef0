//! Which way a case goes, when a problem gets more time, and what links the three lists.

use domain::{FieldOf, Level, Lookup, NoLookup, Values, scope_id};
use replica::{RecordId, RecordKey, ScopeId};
use serde_json::{Value as Json, json};

use crate::{
    desk::{Rows, id},
    saves::{changed, found, problem, status},
    validation::{organisation, values},
};

const NONE: [&str; 0] = [];

#[test]
fn what_is_over_gets_no_more_time() {
    let ask = json!({ "extension": "requested" });
    let grant = json!({ "extension": "granted", "due_on": "2020-12-31" });
    let refuse = json!({ "extension": "refused" });
    let of = |status: &str, extension: &str, change: &Json| {
        let mut sound = problem(status, extension);
        sound["measure"] = json!("已整改");
        found(
            "problem_item",
            Some(&sound),
            change,
            Level::Block,
            &NoLookup,
        )
    };
    for over in ["closed", "withdrawn"] {
        assert_eq!(of(over, "none", &ask), ["extension_late"], "{over}");
        assert_eq!(of(over, "granted", &ask), ["extension_late"], "{over}");
        assert_eq!(of(over, "requested", &grant), ["extension_late"], "{over}");
        assert_eq!(of(over, "requested", &refuse), NONE, "{over}");
        assert_eq!(of(over, "granted", &json!({})), NONE, "{over} as it stands");
    }
    assert_eq!(of("close_applied", "requested", &grant), NONE);
    let again = json!({ "status": "reopened", "extension": "requested" });
    assert_eq!(of("closed", "none", &again), NONE);
}

#[test]
fn a_case_goes_the_way_that_it_was_judged() {
    let kind = "establishment_case";
    let mut rows = Rows::default();
    let sent = json!({ "person": id(3).to_string(), "organisation": id(2).to_string(),
        "from_on": "2020-02-01" });
    let sent = values("instructor_assignment", &sent);
    rows.put("instructor_assignment", id(9), sent);
    let case = |judged: Json| {
        changed(
            &json!({ "organisation": id(2).to_string(), "status": "assessed" }),
            &json!({ "eligibility": judged }),
        )
    };
    let plan = json!({ "status": "planned", "form": "joint" });
    let send = status("instructor_sent");
    let of = |judged: Json, step: &Json, rows: &Rows| {
        found(kind, Some(&case(judged)), step, Level::Block, rows)
    };
    assert_eq!(of(json!("eligible"), &plan, &rows), NONE);
    assert_eq!(of(json!("eligible"), &send, &rows), ["case_eligible"]);
    for judged in ["not_eligible", "undetermined"] {
        let found = of(json!(judged), &plan, &rows);
        assert_eq!(found, ["case_not_eligible"], "{judged}");
        assert_eq!(of(json!(judged), &send, &rows), NONE, "{judged}");
    }
    // A case that says nothing goes by its organisation.
    let nothing = || Json::Null;
    assert_eq!(of(nothing(), &plan, &rows), ["case_not_eligible"]);
    assert_eq!(of(nothing(), &send, &rows), NONE);
    rows.put(
        "organisation",
        id(2),
        values("organisation", &organisation()),
    );
    assert_eq!(of(nothing(), &plan, &rows), NONE);
    assert_eq!(of(nothing(), &send, &rows), ["case_eligible"]);
    // What was planned or sent before goes on.
    let planned = changed(&case(json!("not_eligible")), &plan);
    let goes_on = |before: &Json, step: &Json| found(kind, Some(before), step, Level::Block, &rows);
    assert_eq!(goes_on(&planned, &status("applied")), NONE);
    let tended = changed(&case(json!("eligible")), &send);
    assert_eq!(goes_on(&tended, &status("cultivating")), NONE);
}

#[test]
fn standalone_is_planned_with_members_alone() {
    let kind = "establishment_case";
    let mut rows = Rows::default();
    let few = changed(&organisation(), &json!({ "members": 2, "full_members": 2 }));
    rows.put("organisation", id(2), values("organisation", &few));
    let case = |status: &str| json!({ "organisation": id(2).to_string(), "status": status, "eligibility": "eligible" });
    let plan = |form: &str| json!({ "status": "planned", "form": form });
    let of = |before: &Json, change: &Json, rows: &Rows| {
        found(kind, Some(before), change, Level::Block, rows)
    };
    let assessed = case("assessed");
    assert_eq!(
        of(&assessed, &plan("standalone"), &rows),
        ["planned_members"]
    );
    assert_eq!(of(&assessed, &plan("joint"), &rows), NONE);
    // Nor by way of another form.
    let joint = changed(&assessed, &plan("joint"));
    let alone = json!({ "form": "standalone" });
    assert_eq!(of(&joint, &alone, &rows), ["planned_members"]);
    let stands = changed(&joint, &alone);
    assert_eq!(of(&stands, &status("applied"), &rows), NONE);
    let remark = found(kind, Some(&stands), &status("applied"), Level::Warn, &rows);
    assert_eq!(remark, ["planned_members"]);
    rows.put(
        "organisation",
        id(2),
        values("organisation", &organisation()),
    );
    assert_eq!(of(&assessed, &plan("standalone"), &rows), NONE);
}

/// Rows whose records belong to one scope.
struct Of(Rows, &'static str);

impl Lookup for Of {
    fn values(&self, key: RecordKey) -> Option<Values> {
        self.0.values(key)
    }

    fn referring(&self, from: &FieldOf<'_>, to: RecordKey) -> Vec<(RecordId, Values)> {
        self.0.referring(from, to)
    }

    fn home(&self, key: RecordKey) -> Option<ScopeId> {
        self.values(key).map(|_| scope_id(self.1))
    }
}

#[test]
fn a_problem_without_a_task_is_listed() {
    let mut rows = Rows::default();
    let kind = "problem_item";
    let listed = |status: &str, rows: &Rows| {
        let row = problem(status, "none");
        found(kind, Some(&row), &json!({}), Level::Warn, rows)
    };
    for open in [
        "registered",
        "assigned",
        "in_progress",
        "close_applied",
        "reopened",
    ] {
        assert_eq!(listed(open, &rows), ["problem_untasked"], "{open}");
    }
    for over in ["closed", "withdrawn"] {
        assert_eq!(listed(over, &rows), NONE, "{over}");
    }
    // Nobody hears of it in the middle of the usual order, but with the step into work.
    let step = |from: &str, to: &str, rows: &Rows| {
        let row = problem(from, "none");
        found(kind, Some(&row), &status(to), Level::Warn, rows)
    };
    assert_eq!(step("registered", "assigned", &rows), NONE);
    let made = problem("registered", "none");
    assert_eq!(found(kind, None, &made, Level::Warn, &rows), NONE);
    let begins = |rows: &Rows| step("acknowledged", "in_progress", rows);
    assert_eq!(begins(&rows), ["problem_untasked"]);
    let mut task = json!({ "no": "T-1", "year": "2020", "scope": "410305", "title": "建台账",
        "problem": id(1).to_string(), "status": "cancelled" });
    rows.put("task_item", id(5), values("task_item", &task));
    assert_eq!(begins(&rows), ["problem_untasked"]);
    task["status"] = json!("open");
    rows.put("task_item", id(5), values("task_item", &task));
    assert_eq!(begins(&rows), NONE);
    assert_eq!(listed("in_progress", &rows), NONE);
}

#[test]
fn a_task_whose_lead_answers_for_nothing_is_listed() {
    let task = |status: &str| {
        json!({ "no": "T-1", "year": "2020", "scope": "410305", "title": "建台账",
            "lead": id(8).to_string(), "status": status })
    };
    let mut of = Of(Rows::default(), "410305");
    let listed = |status: &str, of: &Of| {
        found(
            "task_item",
            Some(&task(status)),
            &json!({}),
            Level::Warn,
            of,
        )
    };
    assert_eq!(listed("open", &of), NONE, "the agency is not known here");
    let agency = values("agency", &json!({ "name": "组织部" }));
    of.0.put("agency", id(8), agency);
    let none = ["lead_unanswered"];
    assert_eq!(listed("open", &of), none);
    assert_eq!(listed("done", &of), none);
    assert_eq!(listed("cancelled", &of), NONE);
    assert_eq!(
        found("task_item", None, &task("open"), Level::Warn, &of),
        NONE
    );
    let begun = status("in_progress");
    let begins = found("task_item", Some(&task("open")), &begun, Level::Warn, &of);
    assert_eq!(begins, none);
    let elsewhere = Of(std::mem::take(&mut of.0), "410300");
    assert_eq!(listed("open", &elsewhere), NONE, "its list lies elsewhere");
    of.0 = elsewhere.0;
    let mut duty = json!({ "year": "2019", "scope": "410305", "agency": id(8).to_string(),
        "duty": "牵头", "leader_post": "副部长" });
    let put = |of: &mut Of, duty: &Json| {
        let duty = values("responsibility_item", duty);
        of.0.put("responsibility_item", id(9), duty);
    };
    put(&mut of, &duty);
    assert_eq!(listed("open", &of), none, "of another year");
    duty["year"] = json!("2020");
    duty["leader_post"] = json!(" ");
    put(&mut of, &duty);
    assert_eq!(listed("open", &of), none, "names no post");
    duty["leader_post"] = json!("副部长");
    put(&mut of, &duty);
    assert_eq!(listed("open", &of), NONE);
}

#[test]
fn the_day_that_was_due_first_is_the_programs() {
    let kind = "problem_item";
    let of =
        |before: Option<&Json>, change: &Json| found(kind, before, change, Level::Block, &NoLookup);
    let stands = problem("in_progress", "none");
    let first = |day: &str| json!({ "first_due_on": day });
    let typed = ["day_typed"];
    assert_eq!(of(Some(&stands), &first("2020-06-30")), typed);
    let asked = problem("in_progress", "requested");
    let grant = |first: &str| json!({ "extension": "granted", "due_on": "2020-12-31", "first_due_on": first });
    assert_eq!(
        of(Some(&asked), &grant("2020-11-30")),
        NONE,
        "it was due then"
    );
    assert_eq!(of(Some(&asked), &grant("2020-11-01")), typed);
    let extended = changed(&asked, &grant("2020-11-30"));
    assert_eq!(of(Some(&extended), &json!({ "measure": "已建" })), NONE);
    assert_eq!(of(Some(&extended), &first("2020-10-30")), typed);
    assert_eq!(of(Some(&extended), &json!({ "first_due_on": null })), typed);
    // What a file takes over was due first before the day in force.
    assert_eq!(of(None, &changed(&stands, &first("2020-10-30"))), NONE);
    assert_eq!(of(None, &changed(&stands, &first("2020-11-30"))), typed);
}

#[test]
fn a_party_organisation_is_established_before_it_ends() {
    let kind = "party_organisation";
    let ended = json!({ "name": "一支部", "type": "branch", "status": "dissolved",
        "established_on": "2018-05-01", "dissolved_on": "2020-05-01" });
    let of = |day: &str| {
        let change = json!({ "established_on": day });
        found(kind, Some(&ended), &change, Level::Block, &NoLookup)
    };
    assert_eq!(of("2019-05-01"), NONE);
    assert_eq!(of("2020-05-02"), ["life_reversed"]);
}
