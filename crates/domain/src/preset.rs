//! Presets: what the rules of the programme suggest for an open conflict, and why.
//!
//! A preset is a suggestion beside the candidates. Nothing applies it by itself: a person takes it
//! or not, one by one or for one field at a time. Where a rule names no side it says so, so that a
//! person knows that the rule was looked at.

use replica::{RegisterId, Sibling, Source};

use crate::{
    authority::status,
    catalogue::{FieldSpec, KindSpec, RegisterSpec},
    effective::{Conflict, ConflictKind},
    label::Language,
    state::Step,
};

/// Fields of an organisation for which the registry is asked first (R03).
const OF_REGISTRY: &[&str] = &[
    "uscc",
    "name",
    "registered_address",
    "registered_on",
    "operating_status",
];
/// Fields of an organisation for which the district is asked first (R03); the figures are one
/// register.
const OF_DISTRICT: &[&str] = &["operating_address", "cluster", "employees"];
/// Statuses that end a life (R09).
const CLOSING: &[&str] = &["closed", "dissolved", "ended", "cancelled"];

/// What a preset suggests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suggestion {
    /// No side: a person has to find out.
    Nothing,
    /// A candidate, counted from 1.
    Take(usize),
    /// The items of all candidates.
    KeepBoth,
}

/// What a rule suggests, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The rule, as `R03`.
    pub rule: &'static str,
    /// What it suggests.
    pub suggestion: Suggestion,
    /// Why, in Chinese.
    pub zh: &'static str,
    /// Why, in English.
    pub en: &'static str,
}

impl Preset {
    /// The reason of a decision that a person makes by it: the rule and what it says.
    #[must_use]
    pub fn reason(&self, language: Language) -> String {
        match language {
            Language::Zh => format!("{}：{}", self.rule, self.zh),
            Language::En => format!("{}: {}", self.rule, self.en),
        }
    }
}

/// Every rule that may suggest something.
pub const RULES: &[&str] = &[
    "R01", "R02", "R03", "R04", "R05", "R09", "R10", "R12", "R22", CLAIMED,
];

/// The rule of two providers that claim one need (domain 8.3, `service_claim`).
const CLAIMED: &str = "CLAIM";

/// Returns what the rules suggest for a conflict of a record whose scope has this code.
#[must_use]
pub fn preset(kind: &KindSpec, open: &Conflict, home: &str) -> Preset {
    match open.kind {
        ConflictKind::DeleteEdit => restore(open),
        ConflictKind::Owners => R04,
        ConflictKind::Transition => transition(kind, open, home),
        ConflictKind::AsOfTie => registry(kind, open).unwrap_or(R02),
        ConflictKind::Field => field(kind, open, home),
    }
}

/// Whether two providers claim one need: then the order at the hub suggests a side.
#[must_use]
pub fn is_claim(kind: &KindSpec, open: &Conflict) -> bool {
    let field = first_field(kind, open.register);
    kind.id == "service_claim" && field == Some("claimed_by") && open.kind == ConflictKind::Field
}

/// What is suggested of a need that was claimed twice: `first` is the candidate that reached the hub
/// first, where that is known.
#[must_use]
pub fn claimed(first: Option<usize>) -> Preset {
    let (suggestion, zh, en) = match first {
        Some(number) => (
            Suggestion::Take(number),
            "两家认领了同一需求：先到市级的认领有效，请告知另一家",
            "Two providers claimed one need: the claim that was first at the city keeps it; tell the other",
        ),
        None => (
            Suggestion::Nothing,
            "两家认领了同一需求：先到市级的认领有效，这里看不出先后，请到市级查看或与双方核实",
            "Two providers claimed one need: the first at the city keeps it. Which one was is not known here; see it at the city, or ask both",
        ),
    };
    Preset {
        rule: CLAIMED,
        suggestion,
        zh,
        en,
    }
}

const R01: Preset = Preset {
    rule: "R01",
    suggestion: Suggestion::Nothing,
    zh: "两处同时填写了同一项，规则不偏向任何一方，请向填写人核实",
    en: "Two desks filled in the same field; no side goes first, ask both",
};

const R02: Preset = Preset {
    rule: "R02",
    suggestion: Suggestion::Nothing,
    zh: "两组数字的数据日期相同，规则不偏向任何一方；日期不同的，以较晚的为准",
    en: "Both figures are of one date, so no side goes first; of two dates the later one counts",
};

const R04: Preset = Preset {
    rule: "R04",
    suggestion: Suggestion::Nothing,
    zh: "同一记录被两个辖区认领，由市级裁定归属，一般以实际经营地为准",
    en: "Two scopes claim the record; the city rules, usually for the place where it works",
};

fn field(kind: &KindSpec, open: &Conflict, home: &str) -> Preset {
    if is_set(kind, open.register) {
        return Preset {
            rule: "R22",
            suggestion: Suggestion::KeepBoth,
            zh: "可填多项的字段，各方填写的项目都保留；要去掉的再单独去掉",
            en: "A field of several items keeps what each side added; remove what is wrong afterwards",
        };
    }
    if let Some(preset) = registry(kind, open) {
        return preset;
    }
    if kind.derived_id {
        return Preset {
            rule: "R12",
            suggestion: Suggestion::Nothing,
            zh: "两处登记的是同一件事，已合为一条记录；此项说法不一，请核对原始材料",
            en: "Two desks entered one fact, which is one record; they differ here, check the papers",
        };
    }
    let of_home = |sibling: &Sibling| unit(&sibling.write.author) == Some(home);
    match only(open, &of_home) {
        Some(number) => Preset {
            rule: "R05",
            suggestion: Suggestion::Take(number),
            zh: "此项由县区负责填写；其他方面的意见应作为更正建议提出",
            en: "The district answers for this field; what others know is a request for a change",
        },
        None => R01,
    }
}

fn restore(open: &Conflict) -> Preset {
    let kept = |sibling: &Sibling| !is_deletion(sibling);
    let first = open.candidates.iter().position(kept);
    Preset {
        rule: "R10",
        suggestion: first.map_or(Suggestion::Nothing, |at| Suggestion::Take(at + 1)),
        zh: "一方删除时另一方还在填写：先恢复记录，确属误录的再删除",
        en: "One side deleted what the other was still filling in: restore it, delete it again if it is a mistake",
    }
}

fn is_deletion(sibling: &Sibling) -> bool {
    sibling.register == RegisterId::DELETED && !sibling.value.is_empty()
}

/// R03, where the one side came from a spreadsheet and the other did not.
fn registry(kind: &KindSpec, open: &Conflict) -> Option<Preset> {
    let name = first_field(kind, open.register).filter(|_| kind.id == "organisation")?;
    let imported = |sibling: &Sibling| sibling.write.source == Source::Import;
    if OF_REGISTRY.contains(&name) {
        return Some(Preset {
            rule: "R03",
            suggestion: Suggestion::Take(only(open, &imported)?),
            zh: "登记事项以登记机关的数据为准；请先确认导入的是登记机关的表",
            en: "What is registered goes by the registry; make sure that the sheet is the registry's",
        });
    }
    if OF_DISTRICT.contains(&name) {
        return Some(Preset {
            rule: "R03",
            suggestion: Suggestion::Take(only(open, &|sibling| !imported(sibling))?),
            zh: "实际经营情况和人数以县区填写的为准，不以导入的表为准",
            en: "Where it works and how many people it has goes by the district, not by the sheet",
        });
    }
    None
}

/// R09: the order of the hub decides; reopening beats closing.
fn transition(kind: &KindSpec, open: &Conflict, home: &str) -> Preset {
    let preset = |suggestion, zh, en| Preset {
        rule: "R09",
        suggestion,
        zh,
        en,
    };
    let reopens = |sibling: &Sibling| reopens(kind, open, sibling);
    if let Some(number) = only(open, &reopens) {
        return preset(
            Suggestion::Take(number),
            "一方结束、一方重新启用：以重新启用为准，确已结束的再改",
            "One side closed it, the other reopened it: reopening goes first",
        );
    }
    let of_hub = |sibling: &Sibling| unit(&sibling.write.author).is_some_and(|code| code != home);
    match only(open, &of_hub) {
        Some(number) => preset(
            Suggestion::Take(number),
            "状态变更以市级的为准",
            "The city's change of status goes first",
        ),
        None => preset(
            Suggestion::Nothing,
            "两种状态不在同一条路线上，请核实现在的实际状态",
            "Neither status leads to the other alone; find out what holds now",
        ),
    }
}

/// Whether the status of a candidate is a step on from a closing one among the others.
fn reopens(kind: &KindSpec, open: &Conflict, sibling: &Sibling) -> bool {
    let Some(register) = kind.register(open.register) else {
        return false;
    };
    let closing = closing(kind, register);
    let (Some(machine), Some(to)) = (&register.machine, status(kind, register, &sibling.value))
    else {
        return false;
    };
    let mut others = open
        .candidates
        .iter()
        .filter_map(|other| status(kind, register, &other.value));
    !closing.contains(&to)
        && others.any(|from| {
            closing.contains(&from) && matches!(machine.step(from, to), Step::Direct(_))
        })
}

fn closing(kind: &KindSpec, register: &RegisterSpec) -> Vec<u64> {
    let values = kind
        .fields_of(register)
        .next()
        .and_then(FieldSpec::enumeration);
    let number = |id: &&str| values.and_then(|values| values.number(id));
    CLOSING
        .iter()
        .filter_map(number)
        .filter_map(|number| u64::try_from(number).ok())
        .collect()
}

fn is_set(kind: &KindSpec, register: RegisterId) -> bool {
    let fields = kind.register(register).map(|spec| kind.fields_of(spec));
    let mut fields = fields.into_iter().flatten();
    matches!((fields.next(), fields.next()), (Some(field), None) if field.is_set())
}

fn first_field(kind: &KindSpec, register: RegisterId) -> Option<&str> {
    let mut fields = kind.fields_of(kind.register(register)?);
    fields.next().map(|field| field.id.as_str())
}

/// The number of the only candidate of which it holds, when there are others.
fn only(open: &Conflict, holds: &dyn Fn(&Sibling) -> bool) -> Option<usize> {
    let mut found = open.candidates.iter().enumerate().filter(|(_, s)| holds(s));
    let (at, _) = found.next()?;
    (found.next().is_none() && open.candidates.len() > 1).then_some(at + 1)
}

/// The code of the scope at whose replica an author writes: ACCOUNT@CODE-replica.
#[must_use]
pub fn unit(author: &str) -> Option<&str> {
    let (_, replica) = author.rsplit_once('@')?;
    replica.split('-').next().filter(|code| !code.is_empty())
}
