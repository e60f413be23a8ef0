//! The tables themselves: state, act, next, who. One table for each status.

use super::Who::{self, City, Editor, Either, Finder, Registrant, Reviewer};

/// A step of a table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) from: &'static str,
    pub(super) act: &'static str,
    pub(super) to: &'static str,
    pub(super) who: Who,
}

const fn row(from: &'static str, act: &'static str, to: &'static str, who: Who) -> Row {
    Row { from, act, to, who }
}

/// All of them, each under the name of its enumeration.
pub(super) const ALL: &[(&str, &[Row])] = &[
    ("census_status", CENSUS),
    ("party_org_status", PARTY_ORGANISATION),
    ("case_status", CASE),
    ("event_status", EVENT),
    ("carrier_status", CARRIER),
    ("platform_status", PLATFORM),
    ("service_status", SERVICE),
    ("problem_status", PROBLEM),
    ("extension_status", EXTENSION),
    ("task_status", TASK),
    ("nomination_status", NOMINATION),
    ("point_status", POINT),
    ("return_status", RETURN),
    ("transfer_status", TRANSFER),
    ("change_request_status", CHANGE_REQUEST),
];

/// What is submitted once and approved in several steps with others between them: enumeration, state.
/// Whoever brought that state takes none of the approvals after it (domain 7, rule 5).
pub(super) const SUBMITTED: &[(&str, &str)] = &[("nomination_status", "submitted")];

/// Which status beats others that were written without knowledge of it, though no line of steps says
/// which is further: enumeration, status, those that it beats. Whoever reopens a problem has seen a
/// closing; a closing beside it answers what stood before that (R09). What the city has received a
/// district withdraws no more (7.8), and a move that the city has answered nobody takes back (7.12).
pub(super) const BEATS: &[(&str, &str, &[&str])] = &[
    ("problem_status", "reopened", &["close_applied", "closed"]),
    ("nomination_status", "received", &["withdrawn"]),
    ("nomination_status", "spot_checked", &["withdrawn"]),
    ("nomination_status", "accepted", &["withdrawn"]),
    ("nomination_status", "not_accepted", &["withdrawn"]),
    ("transfer_status", "accepted", &["cancelled"]),
    ("transfer_status", "refused", &["cancelled"]),
    ("transfer_status", "ruled", &["cancelled"]),
];

/// The census life of an organisation (domain 7.1). It is in transfer from the request of its own scope
/// until that ends: the scope takes it back, or the city accepts or refuses. Nobody takes these three
/// steps alone ([`crate::validate::around_transfer`]).
#[rustfmt::skip]
const CENSUS: &[Row] = &[
    row("candidate",      "verify",          "counted",        Editor),
    row("candidate",      "exclude",         "excluded",       Editor),
    row("counted",        "exclude",         "excluded",       Editor),
    row("excluded",       "recheck",         "candidate",      Editor),
    row("candidate",      "transfer",        "transferring",   Editor),
    row("counted",        "transfer",        "transferring",   Editor),
    row("transferring",   "receive",         "counted",        Either),
    row("transferring",   "give_back",       "candidate",      Either),
    row("counted",        "close",           "closed",         Editor),
    row("closed",         "reopen",          "candidate",      Editor),
    row("candidate",      "merge",           "merged",         City),
    row("counted",        "merge",           "merged",         City),
    row("excluded",       "merge",           "merged",         City),
    row("transferring",   "merge",           "merged",         City),
    row("closed",         "merge",           "merged",         City),
];

/// The life of a Party organisation (7.2). The superior may decide without an application; another
/// person than the one who prepared or applied enters what was decided.
#[rustfmt::skip]
const PARTY_ORGANISATION: &[Row] = &[
    row("preparing",      "apply",           "applied",        Editor),
    row("preparing",      "approve",         "approved",       Reviewer),
    row("applied",        "approve",         "approved",       Reviewer),
    row("approved",       "establish",       "active",         Editor),
    row("active",         "restructure",     "restructuring",  Editor),
    row("restructuring",  "resume",          "active",         Editor),
    row("active",         "dissolve",        "dissolved",      Editor),
    row("restructuring",  "dissolve",        "dissolved",      Editor),
];

/// A blank point worked through (7.3). Who was not ready is judged again.
#[rustfmt::skip]
const CASE: &[Row] = &[
    row("identified",     "assess",          "assessed",       Editor),
    row("assessed",       "plan",            "planned",        Editor),
    row("planned",        "apply",           "applied",        Editor),
    row("applied",        "approve",         "approved",       Reviewer),
    row("approved",       "establish",       "established",    Editor),
    row("assessed",       "send_instructor", "instructor_sent",Editor),
    row("instructor_sent","cultivate",       "cultivating",    Editor),
    row("cultivating",    "assess",          "assessed",       Editor),
    row("identified",     "cancel",          "cancelled",      Editor),
    row("assessed",       "cancel",          "cancelled",      Editor),
    row("planned",        "cancel",          "cancelled",      Editor),
    row("applied",        "cancel",          "cancelled",      Editor),
    row("instructor_sent","cancel",          "cancelled",      Editor),
    row("cultivating",    "cancel",          "cancelled",      Editor),
];

/// A drive, a training session, a seminar (7.3, 7.4).
#[rustfmt::skip]
const EVENT: &[Row] = &[
    row("planned",        "start",           "running",        Editor),
    row("running",        "hold",            "held",           Editor),
    row("planned",        "cancel",          "cancelled",      Editor),
    row("running",        "cancel",          "cancelled",      Editor),
];

/// A carrier (7.5).
#[rustfmt::skip]
const CARRIER: &[Row] = &[
    row("planned",        "start",           "running",        Editor),
    row("running",        "pause",           "paused",         Editor),
    row("paused",         "start",           "running",        Editor),
    row("running",        "end",             "ended",          Editor),
    row("paused",         "end",             "ended",          Editor),
];

/// The building of a platform (7.6).
#[rustfmt::skip]
const PLATFORM: &[Row] = &[
    row("identified",     "prepare",         "preparing",      Editor),
    row("preparing",      "build",           "built",          Editor),
    row("built",          "operate",         "operating",      Editor),
    row("operating",      "suspend",         "suspended",      Editor),
    row("suspended",      "operate",         "operating",      Editor),
    row("operating",      "close",           "closed",         Editor),
    row("suspended",      "close",           "closed",         Editor),
];

/// A need of a member of a platform (3, D2).
#[rustfmt::skip]
const SERVICE: &[Row] = &[
    row("open",           "claim",           "claimed",        Editor),
    row("claimed",        "start",           "in_progress",    Editor),
    row("in_progress",    "finish",          "done",           Editor),
    row("open",           "cancel",          "cancelled",      Editor),
    row("claimed",        "cancel",          "cancelled",      Editor),
    row("in_progress",    "cancel",          "cancelled",      Editor),
];

/// A problem (7.7). Who found it closes it, who registered it withdraws it; the city may reopen any.
#[rustfmt::skip]
const PROBLEM: &[Row] = &[
    row("registered",     "assign",          "assigned",       Either),
    row("assigned",       "acknowledge",     "acknowledged",   Editor),
    row("acknowledged",   "start",           "in_progress",    Editor),
    row("in_progress",    "apply_close",     "close_applied",  Editor),
    row("close_applied",  "close",           "closed",         Finder),
    row("close_applied",  "return",          "returned",       Finder),
    row("returned",       "resume",          "in_progress",    Editor),
    row("in_progress",    "prolong",         "long_term",      Reviewer),
    row("long_term",      "resume",          "in_progress",    Editor),
    row("closed",         "reopen",          "reopened",       Either),
    row("reopened",       "resume",          "in_progress",    Editor),
    row("registered",     "withdraw",        "withdrawn",      Registrant),
    row("assigned",       "withdraw",        "withdrawn",      Registrant),
];

/// More time for a problem (7.7), beside its state.
#[rustfmt::skip]
const EXTENSION: &[Row] = &[
    row("none",           "extend",          "requested",      Editor),
    row("requested",      "grant",           "granted",        Finder),
    row("requested",      "refuse",          "refused",        Finder),
    row("granted",        "extend",          "requested",      Editor),
    row("refused",        "extend",          "requested",      Editor),
];

/// A task (7.7).
#[rustfmt::skip]
const TASK: &[Row] = &[
    row("open",           "start",           "in_progress",    Editor),
    row("in_progress",    "finish",          "done",           Editor),
    row("open",           "cancel",          "cancelled",      Editor),
    row("in_progress",    "cancel",          "cancelled",      Editor),
];

/// From nomination to verdict (7.8).
#[rustfmt::skip]
const NOMINATION: &[Row] = &[
    row("draft",          "submit",          "submitted",      Editor),
    row("submitted",      "screen",          "screened",       Reviewer),
    row("screened",       "assess",          "assessed",       Editor),
    row("assessed",       "recommend",       "recommended",    Reviewer),
    row("recommended",    "receive",         "received",       City),
    row("received",       "record_visit",    "spot_checked",   City),
    row("received",       "accept",          "accepted",       City),
    row("spot_checked",   "accept",          "accepted",       City),
    row("received",       "refuse",          "not_accepted",   City),
    row("spot_checked",   "refuse",          "not_accepted",   City),
    row("recommended",    "return",          "returned",       City),
    row("received",       "return",          "returned",       City),
    row("returned",       "revise",          "draft",          Editor),
    row("draft",          "withdraw",        "withdrawn",      Editor),
    row("submitted",      "withdraw",        "withdrawn",      Editor),
    row("screened",       "withdraw",        "withdrawn",      Editor),
    row("assessed",       "withdraw",        "withdrawn",      Editor),
    row("recommended",    "withdraw",        "withdrawn",      Editor),
];

/// A demonstration point (7.9).
#[rustfmt::skip]
const POINT: &[Row] = &[
    row("valid",          "review",          "under_review",   City),
    row("under_review",   "confirm",         "valid",          City),
    row("under_review",   "revoke",          "revoked",        City),
];

/// The figures of a quarter (7.11). Locking freezes the snapshot, not the ledger.
#[rustfmt::skip]
const RETURN: &[Row] = &[
    row("open",           "submit",          "submitted",      Editor),
    row("submitted",      "accept",          "accepted",       City),
    row("submitted",      "return",          "returned",       City),
    row("returned",       "reopen",          "open",           Editor),
    row("accepted",       "lock",            "locked",         City),
];

/// The wish to move a record (7.12).
#[rustfmt::skip]
const TRANSFER: &[Row] = &[
    row("requested",      "cancel",          "cancelled",      Editor),
    row("requested",      "accept",          "accepted",       City),
    row("requested",      "refuse",          "refused",        City),
    row("requested",      "rule",            "ruled",          City),
];

/// What the city asks a district to correct (7.12).
#[rustfmt::skip]
const CHANGE_REQUEST: &[Row] = &[
    row("proposed",       "accept",          "accepted",       Editor),
    row("proposed",       "decline",         "declined",       Editor),
    row("proposed",       "expire",          "expired",        City),
];
