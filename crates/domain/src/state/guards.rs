//! The tables of the states as a person reads them: beside state, act, next and who, what the step needs.
//!
//! The rules themselves stand in [`mod@crate::validate`]; here stands which of them a record that is sound
//! as it is can still break by taking a step, under the codes that they answer with. A test takes every
//! step of every table, breaks every guard that is named, and finds none that is not.

use super::{Machine, Who};
use crate::catalogue::{Authority, Catalogue, FieldSpec, KindSpec, ValueSpec};

/// What keeps a record from a step.
#[derive(Debug, PartialEq, Eq)]
pub struct Guard {
    /// The kind.
    pub kind: &'static str,
    /// The step.
    pub act: &'static str,
    /// The states that it is asked of; none: of all that the step leaves.
    pub from: &'static [&'static str],
    /// The rule, as findings name it.
    pub rule: &'static str,
    /// The code of the finding or of the failure.
    pub code: &'static str,
    /// What is to be filled in or looked at.
    pub fields: &'static [&'static str],
}

const fn guard(
    (kind, act): (&'static str, &'static str),
    (rule, code): (&'static str, &'static str),
    fields: &'static [&'static str],
) -> Guard {
    Guard {
        kind,
        act,
        from: &[],
        rule,
        code,
        fields,
    }
}

impl Guard {
    const fn of(mut self, from: &'static [&'static str]) -> Self {
        self.from = from;
        self
    }
}

/// All of them, in the order of the tables.
#[rustfmt::skip]
pub const GUARDS: &[Guard] = &[
    guard(("organisation", "verify"),              ("V08", "status_needs"),           &["org_kind", "industry", "employees", "members", "as_of"]),
    guard(("organisation", "exclude"),             ("V08", "status_needs"),           &["exclusion_reason"]),
    guard(("organisation", "transfer"),            ("MOVE", "move_unasked"),          &["census_status"]),
    guard(("organisation", "receive"),             ("MOVE", "move_waits"),            &["census_status"]),
    guard(("organisation", "receive"),             ("V08", "status_needs"),           &["org_kind", "industry", "employees", "members", "as_of"]),
    guard(("organisation", "give_back"),           ("MOVE", "move_waits"),            &["census_status"]),
    guard(("organisation", "close"),               ("V08", "status_needs"),           &["closed_on"]),
    guard(("organisation", "close"),               ("STEP", "closed_ahead"),          &["closed_on"]),
    guard(("organisation", "reopen"),              ("STEP", "reopened_late"),         &["census_status"]),
    guard(("organisation", "merge"),               ("MOVE", "move_waits"),            &["census_status"]).of(&["transferring"]),
    guard(("party_organisation", "approve"),       ("REQ", "along_missing"),          &["approved_on"]),
    guard(("party_organisation", "establish"),     ("STEP", "established_missing"),   &["established_on"]),
    guard(("party_organisation", "establish"),     ("STEP", "covers_nobody"),         &["status"]),
    guard(("party_organisation", "resume"),        ("STEP", "established_missing"),   &["established_on"]),
    guard(("party_organisation", "resume"),        ("STEP", "covers_nobody"),         &["status"]),
    guard(("party_organisation", "dissolve"),      ("REQ", "along_missing"),          &["dissolved_on", "dissolve_reason"]),
    guard(("establishment_drive", "hold"),         ("V20", "held_in_future"),         &["start_on"]),
    guard(("establishment_case", "plan"),          ("STEP", "form_missing"),          &["form"]),
    guard(("establishment_case", "plan"),          ("STEP", "case_not_eligible"),     &["eligibility"]),
    guard(("establishment_case", "plan"),          ("V09", "planned_members"),        &["form"]),
    guard(("establishment_case", "plan"),          ("V12", "host_missing"),           &["host_party_organisation"]),
    guard(("establishment_case", "establish"),     ("STEP", "result_missing"),        &["result_party_organisation"]),
    guard(("establishment_case", "send_instructor"), ("STEP", "case_eligible"),       &["eligibility"]),
    guard(("establishment_case", "send_instructor"), ("STEP", "no_instructor"),       &["status"]),
    guard(("training_session", "hold"),            ("V20", "held_in_future"),         &["start_on"]),
    guard(("carrier", "start"),                    ("STEP", "start_missing"),         &["started_on"]),
    guard(("seminar", "hold"),                     ("V20", "held_in_future"),         &["on"]),
    guard(("platform", "prepare"),                 ("STEP", "mode_missing"),          &["mode"]),
    guard(("platform", "build"),                   ("V21", "step_open"),              &["step_institution_on", "step_mechanism_on", "step_strength_on", "step_service_on"]),
    guard(("platform", "build"),                   ("V21", "built_early"),            &["built_on"]),
    guard(("platform", "operate"),                 ("STEP", "no_meeting"),            &["status"]),
    guard(("service_claim", "claim"),              ("STEP", "claimer_missing"),       &["claimed_by"]),
    guard(("service_claim", "finish"),             ("STEP", "day_missing"),           &["done_on"]),
    guard(("problem_item", "apply_close"),         ("V23", "no_evidence"),            &["measure"]),
    guard(("problem_item", "prolong"),             ("STEP", "review_day"),            &["due_on"]),
    guard(("problem_item", "extend"),              ("STEP", "extension_late"),        &["extension"]),
    guard(("problem_item", "grant"),               ("STEP", "extension_late"),        &["extension"]),
    guard(("problem_item", "grant"),               ("STEP", "due_not_moved"),         &["due_on"]),
    guard(("nomination", "submit"),                ("V24", "outside_window"),         &["status"]),
    guard(("nomination", "assess"),                ("V24", "not_scored"),             &["status"]),
    guard(("nomination", "recommend"),             ("V24", "outside_window"),         &["status"]),
    guard(("nomination", "recommend"),             ("V24", "not_scored"),             &["status"]),
    guard(("nomination", "recommend"),             ("V24", "no_rank"),                &["district_rank"]),
    guard(("nomination", "recommend"),             ("V24", "rank_taken"),             &["district_rank"]),
    guard(("nomination", "receive"),               ("V24", "not_scored"),             &["status"]),
    guard(("nomination", "receive"),               ("V24", "party_not_active"),       &["party_organisation"]),
    guard(("nomination", "receive"),               ("V24", "nominated_twice"),        &["party_organisation"]),
    guard(("nomination", "receive"),               ("V24", "rank_taken"),             &["district_rank"]),
    guard(("nomination", "receive"),               ("V24", "beyond_cap"),             &["district_rank"]),
    guard(("nomination", "accept"),                ("STEP", "no_verdict"),            &["status"]),
    guard(("nomination", "refuse"),                ("STEP", "no_verdict"),            &["status"]),
    guard(("demonstration_point", "revoke"),       ("STEP", "end_day_missing"),       &["revoked_on"]),
    guard(("quarterly_return", "submit"),          ("YEAR", "year_settled"),          &["period"]),
    guard(("quarterly_return", "submit"),          (COUNTED, "RETURN-002"),           &["figures_hash"]),
    guard(("quarterly_return", "submit"),          (COUNTED, "RETURN-005"),           &["period"]),
    guard(("quarterly_return", "accept"),          ("YEAR", "year_settled"),          &["period"]),
    guard(("quarterly_return", "accept"),          (COUNTED, "RETURN-003"),           &["figures_hash"]),
    guard(("quarterly_return", "accept"),          (COUNTED, "RETURN-005"),           &["period"]),
    guard(("quarterly_return", "return"),          ("YEAR", "year_settled"),          &["period"]),
    guard(("quarterly_return", "reopen"),          ("YEAR", "year_settled"),          &["period"]),
    guard(("change_request", "accept"),            ("STEP", "request_outdated"),      &["status"]),
    guard(("change_request", "decline"),           ("STEP", "answer_missing"),        &["answer"]),
];

/// The rule of guards that are judged where the figures of a quarter are counted, and not here.
pub const COUNTED: &str = "COUNT";

/// A step of a kind.
#[derive(Clone, Debug)]
pub struct Line {
    /// The kind.
    pub kind: &'static KindSpec,
    /// The field of the state.
    pub field: &'static FieldSpec,
    /// The state it leaves.
    pub from: &'static ValueSpec,
    /// What it is called.
    pub act: &'static str,
    /// The state it leads to.
    pub to: &'static ValueSpec,
    /// Who takes it.
    pub who: Who,
}

impl Line {
    /// What keeps a record from it.
    pub fn guards(&self) -> impl Iterator<Item = &'static Guard> + use<> {
        let (kind, act, from) = (&self.kind.id, self.act, &self.from.id);
        GUARDS.iter().filter(move |guard| {
            let leaves = guard.from.is_empty() || guard.from.contains(&from.as_str());
            guard.kind == kind.as_str() && guard.act == act && leaves
        })
    }

    /// A guard as it is read: rule, code, and the fields with their labels; the state itself goes
    /// without saying.
    #[must_use]
    pub fn text_of(&self, guard: &Guard) -> String {
        let fields = guard.fields.iter().filter(|field| **field != self.field.id);
        let named = fields.filter_map(|field| self.kind.field(field));
        let named: Vec<_> = named
            .map(|field| format!("{} {}", field.id, field.zh))
            .collect();
        let lead = [guard.rule, guard.code].join(" ");
        if named.is_empty() {
            lead
        } else {
            format!("{lead} ({})", named.join(", "))
        }
    }
}

impl Who {
    /// In Chinese and English.
    #[must_use]
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::Editor => ("填报人", "editor"),
            Self::Reviewer => ("另一人", "reviewer"),
            Self::City => ("市级", "city"),
            Self::Finder => ("发现方", "finder"),
            Self::Registrant => ("登记人", "registrant"),
            Self::Either => ("辖区或市级", "either"),
        }
    }

    /// Whether the step waits for the hub, in Chinese and English.
    #[must_use]
    pub fn waits(self) -> (&'static str, &'static str) {
        match (self.is_hubs(false), self.is_hubs(true)) {
            (true, _) => ("待市级确认", "hub"),
            (false, true) => ("市级发现的待市级确认", "hub where the city found it"),
            (false, false) => ("", ""),
        }
    }
}

/// The steps of the states of a kind, in the order of the tables.
#[must_use]
pub fn lines(kind: &'static KindSpec) -> Vec<Line> {
    let mut lines = Vec::new();
    for register in &kind.registers {
        let field = kind.fields_of(register).next();
        let machine: Option<&Machine> = register.machine.as_deref();
        let Some((field, machine)) = field.zip(machine) else {
            continue;
        };
        let value = |number: u64| field.enumeration()?.value(i32::try_from(number).ok()?);
        lines.extend(machine.steps.iter().filter_map(|(from, to, row)| {
            Some(Line {
                kind,
                field,
                from: value(*from)?,
                act: row.act,
                to: value(*to)?,
                who: row.who,
            })
        }));
    }
    lines
}

/// A step of a kind that has no status: it is taken with the field that says it. States without a name of
/// their own in the schema, in the words of domain 7.8 and 7.10.
#[derive(Clone, Copy, Debug)]
pub struct Dated {
    /// The kind.
    pub kind: &'static str,
    /// The state it leaves.
    pub from: &'static str,
    /// What it is called.
    pub act: &'static str,
    /// The state it leads to.
    pub to: &'static str,
    /// The kind that has the field, and the field.
    pub by: (&'static str, &'static str),
    /// What keeps a record from it: rule and code.
    pub guards: &'static [(&'static str, &'static str)],
}

/// The machines of kinds without a status. What was decided stays ([`crate::validate::why_kept`]), which is
/// the guard of every step back.
#[rustfmt::skip]
pub const DATED: &[Dated] = &[
    dated("reward", ("decided", "pay", "paid"), ("reward", "paid_on"), &[]),
    dated("reward", ("paid", "change", "decided"), ("reward", "paid_on"), &[("STEP", "decided_frozen")]),
    dated("notice", ("draft", "issue", "issued"), ("notice", "issued_on"), &[("V25", "no_reason"), ("V25", "no_audience")]),
    dated("notice", ("issued", "change", "draft"), ("notice", "issued_on"), &[("V25", "notice_frozen")]),
    dated("notice", ("issued", "sign", "signed"), ("notice_receipt", "read_on"), &[]),
    dated("notice", ("signed", "reply", "closed"), ("notice_receipt", "reply"), &[]),
    dated("highlight", ("proposed", "adopt", "adopted"), ("highlight", "adopted"), &[]),
    dated("highlight", ("adopted", "publish", "published"), ("highlight", "channels"), &[]),
    dated("programme_year", ("planning", "begin", "overall_improvement"), ("programme_year", "improve_from"), &[]),
    dated("programme_year", ("overall_improvement", "open", "nomination"), ("programme_year", "nominate_from"), &[]),
    dated("programme_year", ("nomination", "open", "acceptance"), ("programme_year", "accept_from"), &[]),
    dated("programme_year", ("acceptance", "settle", "settled"), ("programme_year", "phase_override"), &[(COUNTED, "YEAR-005")]),
    dated("programme_year", ("settled", "archive", "archived"), ("programme_year", "phase_override"), &[(COUNTED, "YEAR-003")]),
];

const fn dated(
    kind: &'static str,
    (from, act, to): (&'static str, &'static str, &'static str),
    by: (&'static str, &'static str),
    guards: &'static [(&'static str, &'static str)],
) -> Dated {
    Dated {
        kind,
        from,
        act,
        to,
        by,
        guards,
    }
}

impl Dated {
    /// The field that says the step.
    #[must_use]
    pub fn field(&self) -> Option<(&'static KindSpec, &'static FieldSpec)> {
        let kind = Catalogue::builtin().kind_by_id(self.by.0)?;
        Some((kind, kind.field(self.by.1)?))
    }

    /// Who takes it, as the schema says of the field.
    #[must_use]
    pub fn who(&self) -> Who {
        let authority = self.field().map(|(kind, field)| {
            let register = kind.register(field.register);
            register.map_or(kind.authority, |register| register.authority)
        });
        match authority {
            Some(Authority::Hub) => Who::City,
            _ => Who::Editor,
        }
    }

    fn text(&self) -> String {
        let guards = self.guards.iter();
        let guards: Vec<_> = guards
            .map(|(rule, code)| format!("{rule} {code}"))
            .collect();
        let label = self
            .field()
            .map(|(_, field)| format!("{} {}", field.id, field.zh));
        let by = label.unwrap_or_default();
        row(
            (self.from, self.act, self.to),
            self.who(),
            &[guards, vec![format!("by {by}")]].concat().join("; "),
        )
    }
}

/// A row as it is read.
fn row((from, act, to): (&str, &str, &str), who: Who, last: &str) -> String {
    let (who, waits) = (who.label().1, who.waits().1);
    let cells = format!("{from:16}{act:16}{to:20}{who:11}{waits:28}{last}");
    cells.trim_end().to_owned() + "\n"
}

/// All tables as a text, for people and for a test that shows each change of one.
#[must_use]
pub fn table_text() -> String {
    let mut text = String::new();
    for kind in Catalogue::builtin().kinds() {
        let mut of = None;
        for line in lines(kind) {
            if of != Some(&line.field.id) {
                let (kind, field) = (line.kind, line.field);
                let title = format!("\n{}.{} {} {}\n", kind.id, field.id, kind.zh, field.zh);
                text.push_str(&title);
                of = Some(&line.field.id);
            }
            let guards: Vec<_> = line.guards().map(|guard| line.text_of(guard)).collect();
            let step = (&*line.from.id, line.act, &*line.to.id);
            text.push_str(&row(step, line.who, &guards.join("; ")));
        }
        let dated = DATED.iter().filter(|dated| dated.kind == kind.id);
        for (at, dated) in dated.enumerate() {
            if at == 0 {
                let title = format!("\n{} {}\n", kind.id, kind.zh);
                text.push_str(&title);
            }
            text.push_str(&dated.text());
        }
    }
    let head = format!(
        "{:16}{:16}{:20}{:11}{:28}{}\n",
        "state", "act", "next", "who", "waits for", "guard"
    );
    head + &text
}
