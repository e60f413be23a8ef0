//! The tables themselves: which kinds go together, who writes them, and who does what beside.
//!
//! One column for each role, in the order of [`Role::ALL`]. Whoever has the right to read reads all
//! kinds; a cell says what is added to that:
//!
//! | cell | |
//! | --- | --- |
//! | `w` | writes, takes the steps of an editor, deletes |
//! | `a` | takes the steps that approve, with the fields that go along |
//! | `p` | as `w`, in the part of the scope that the account stands for |
//! | `f` | as `p`, of the fields in [`FIELDS`] only |
//! | `-` | reads |

use super::Right::{
    self, Audit, Decide, Enter, Export, Full, Import, Nodes, Operate, Own, Read, Reveal, Rule,
    Users,
};

/// Kinds that one row of the table is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name for scripts.
    pub id: &'static str,
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
    /// The kinds, by their names. One that a newer program has may stand here already.
    pub kinds: &'static [&'static str],
    /// One cell for each role.
    pub(super) cells: &'static str,
}

const fn group(
    (id, zh, en): (&'static str, &'static str, &'static str),
    cells: &'static str,
    kinds: &'static [&'static str],
) -> Group {
    Group {
        id,
        zh,
        en,
        kinds,
        cells,
    }
}

/// Who writes what. A kind that stands nowhere is written like the ledger.
#[rustfmt::skip]
pub const GROUPS: &[Group] = &[
    //                                             city_            district_    editors      other
    //                                             ad ed in vi      ad ed re     to in pa     re au no hu
    group(("basis", "基础设置", "basis"),           "w  w  -  -       -  -  -      -  -  -      -  -  -  -",
        &["scope", "programme_year", "standard_item"]),
    group(("bodies", "责任单位", "bodies"),         "w  w  -  -       w  w  -      -  -  -      -  -  -  -",
        &["agency", "work_committee"]),
    group(("ledger", "台账", "ledger"),             "w  w  -  -       w  w  -      p  f  p      -  -  -  -",
        &["organisation"]),
    group(("party", "党组织与覆盖", "party"),       "w  wa -  -       w  w  a      p  -  p      -  -  -  -",
        &["party_organisation", "coverage_link", "establishment_drive", "establishment_case",
          "carrier", "carrier_activity", "position", "standard_check", "incentive"]),
    group(("people", "人员", "people"),             "w  w  -  -       w  w  -      p  -  p      -  -  -  -",
        &["person", "person_contact", "role_assignment", "instructor_assignment", "instructor_visit"]),
    group(("platform", "片区与平台", "platform"),   "w  w  -  -       w  w  -      -  -  p      -  -  -  -",
        &["cluster", "platform", "platform_member", "service_centre", "platform_meeting", "service_claim"]),
    group(("events", "培训与研讨", "events"),       "w  w  -  -       w  w  -      -  -  -      -  -  -  -",
        &["training_session", "seminar"]),
    group(("attendance", "参训", "attendance"),     "w  w  -  -       w  w  -      -  p  -      -  -  -  -",
        &["training_attendance"]),
    group(("funding", "经费", "funding"),           "w  w  -  -       w  w  -      -  -  -      -  -  -  -",
        &["funding_entry"]),
    group(("lists", "问题与责任", "lists"),         "w  wa w  -       w  w  a      p  -  p      -  -  -  -",
        &["problem_item", "responsibility_item"]),
    group(("tasks", "任务", "tasks"),               "w  wa -  -       w  w  -      -  p  -      -  -  -  -",
        &["task_item"]),
    group(("nomination", "申报", "nomination"),     "-  wa -  -       w  w  a      -  -  -      -  -  -  -",
        &["nomination"]),
    group(("score", "评分", "score"),               "-  w  w  -       -  w  w      -  -  -      -  -  -  -",
        &["criterion_score"]),
    group(("visit", "抽查", "visit"),               "-  w  w  -       -  -  -      -  -  -      -  -  -  -",
        &["acceptance_visit"]),
    group(("award", "验收奖补通报", "award"),       "-  wa -  -       -  -  -      -  -  -      -  -  -  -",
        &["acceptance_verdict", "demonstration_point", "reward", "notice"]),
    group(("returns", "季报", "returns"),           "-  wa -  -       w  w  -      -  -  -      -  -  -  -",
        &["quarterly_return", "indicator_snapshot"]),
    group(("replies", "签收与亮点", "replies"),     "w  w  -  -       w  w  -      -  -  -      -  -  -  -",
        &["notice_receipt", "highlight"]),
    group(("correction", "更正建议", "correction"), "w  wa w  -       w  w  -      -  p  -      -  -  -  -",
        &["change_request"]),
    group(("across", "迁移与迟到", "across"),       "w  wa -  -       w  w  -      -  -  -      -  -  -  -",
        &["transfer_request", "proposal", "duplicate_case"]),
    // Made by deciding, never filled in.
    group(("docket", "裁决", "docket"),             "-  -  -  -       -  -  -      -  -  -      -  -  -  -",
        &["decision", "docket_note"]),
];

/// The rows that are left to a [`super::Care`], each with `p`: the organisations in care and what hangs
/// on them.
pub(super) const CARED: &[&str] = &["ledger", "party", "people"];

/// What whoever has such a care does beside: only what shows nothing of others.
pub(super) const CARE_RIGHTS: &[Right] = &[Read, Enter];

/// The fields that a cell `f` opens.
pub(super) const FIELDS: &[(&str, &[&str])] = &[("organisation", &["industry_authority"])];

/// Who does what beside writing: one `x` for each role that does.
#[rustfmt::skip]
pub const RIGHTS: &[(Right, &str)] = &[
    //        city_            district_    editors      other
    //        ad ed in vi      ad ed re     to in pa     re au no hu
    (Read,    "x  x  x  x       x  x  x      x  x  x      x  x  -  -"),
    (Enter,   "x  x  x  -       x  x  x      x  x  x      -  -  -  -"),
    (Import,  "x  x  -  -       x  x  -      x  -  x      -  -  -  -"),
    (Export,  "x  x  x  x       x  x  x      x  x  x      x  x  -  -"),
    (Full,    "-  -  -  -       x  x  x      -  -  -      -  -  -  -"),
    (Own,     "x  x  -  -       -  -  -      -  -  -      -  -  -  -"),
    (Reveal,  "x  x  x  -       x  x  x      x  -  x      x  -  -  -"),
    (Decide,  "-  x  -  -       -  -  x      -  -  -      x  -  -  -"),
    (Rule,    "-  x  -  -       -  -  -      -  -  -      -  -  -  -"),
    (Operate, "x  -  -  -       x  -  -      -  -  -      -  -  x  x"),
    (Nodes,   "x  -  -  -       -  -  -      -  -  -      -  -  -  -"),
    (Users,   "x  -  -  -       x  -  -      -  -  -      -  -  -  -"),
    (Audit,   "x  -  -  -       x  -  -      -  -  -      -  x  -  -"),
];
