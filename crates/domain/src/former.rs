//! What fields said on a past day.
//!
//! A record says the newest value. Of some fields the former ones stand beside it, each until the day from
//! which the next one holds; whoever reads the record for a day folds back those that still held then
//! ([`on`]). So figures of a day are of what was known to hold on it: the number of members that was
//! stated for it, the due day before more time was given, the parameter before it was changed (domain 6
//! and 8.3). A value that is corrected for its own day has no former one: it never held.

use std::{borrow::Cow, collections::BTreeMap};

use proto::schema::FormerValue;

use crate::{
    catalogue::{FieldSpec, KindSpec, Shape, Type},
    date::{self, Date},
    validate::{Subject, text_of},
    wire::{self, Item},
};

/// Fields of which the program keeps former values with every save: kind, fields, and the field that says
/// from when on the new ones hold; without one that is the day of the save.
const KEPT: &[(&str, &[&str], Option<&str>)] = &[
    (
        "organisation",
        &[
            "employees",
            "members",
            "full_members",
            "members_elsewhere",
            "floating_members",
        ],
        Some("as_of"),
    ),
    ("organisation", &["eligibility"], None),
    ("problem_item", &["due_on"], None),
];

/// Former values of one record that are kept; of more the oldest go. The history has them all.
const KEPT_MAX: usize = 200;

/// The parameters of a year, which change from the day that the city names.
pub const PARAMETERS: &[&str] = &[
    "quota_drive",
    "quota_training",
    "quota_seminar",
    "quota_platform",
    "quota_carrier_per_party_org",
    "should_build_members",
    "regular_per_quarter",
    "joint_units_warn",
    "branch_members_warn",
    "recommend_cap",
    "work_coverage_mode",
    "stale_days",
    "return_due_days",
    "instructor_load_warn",
    "suppress_below",
];

/// The field of a kind with the former values of its others.
#[must_use]
pub fn field(kind: &KindSpec) -> Option<&FieldSpec> {
    let mut fields = kind.fields.iter();
    fields.find(|field| field.value_type == Type::Former)
}

/// Whether former values of a kind are written with every save, and by nobody else.
#[must_use]
pub fn is_kept(kind: &KindSpec) -> bool {
    KEPT.iter().any(|(of, ..)| *of == kind.id)
}

/// The former values that a record keeps.
#[must_use]
pub fn kept(kind: &KindSpec, values: &[u8]) -> Vec<FormerValue> {
    let messages = |field| wire::messages(field, values);
    field(kind).map(messages).unwrap_or_default()
}

/// What a field says, as [`FormerValue`] keeps it: nothing where it says nothing.
#[must_use]
pub fn text(field: &FieldSpec, values: &[u8]) -> String {
    let items = wire::items(field, &wire::chunks(values).unwrap_or_default());
    match (items.last(), field.enumeration()) {
        (Some(Item::Number(number)), Some(of)) => {
            let number = i32::try_from(*number).ok();
            let value = number.and_then(|number| of.value(number));
            value.map(|value| value.id.clone()).unwrap_or_default()
        }
        (Some(Item::Number(number)), None) => number.to_string(),
        (Some(Item::Text(text)), _) => text.clone(),
        (Some(Item::Bytes(_)) | None, _) => String::new(),
    }
}

/// The item of a field that a text means; none of an empty one.
fn item(field: &FieldSpec, text: &str) -> Result<Option<Item>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = |number: Option<u64>| number.map(|number| Some(Item::Number(number))).ok_or(());
    match &field.shape {
        Shape::Number => number(text.parse().ok()),
        Shape::Enumeration(of) => number(of.number(text).and_then(|it| u64::try_from(it).ok())),
        Shape::Text => Ok(Some(Item::Text(text.to_owned()))),
        Shape::Flag | Shape::Bytes | Shape::Message(_) | Shape::Opaque => Err(()),
    }
}

/// Whether a former value is one: of a field of the kind, that can be read, until a day.
#[must_use]
pub fn is_sound(kind: &KindSpec, former: &FormerValue) -> bool {
    let of = kind.field(&former.field).filter(|field| !field.repeated);
    let is_read = of.is_some_and(|field| item(field, &former.value).is_ok());
    is_read && date::stored(&former.until).is_some()
}

/// The values of a record as they held on a day.
#[must_use]
pub fn on<'v>(kind: &KindSpec, values: Cow<'v, [u8]>, day: Date) -> Cow<'v, [u8]> {
    let mut held: BTreeMap<&str, (Date, &FormerValue)> = BTreeMap::new();
    let kept = kept(kind, &values);
    for former in &kept {
        let until = date::stored(&former.until).filter(|until| *until > day);
        let Some(until) = until.filter(|_| is_sound(kind, former)) else {
            continue;
        };
        // The one that ended first after the day held on it.
        let rank = |(until, former): &(Date, &FormerValue)| (*until, former.value.clone());
        let one = (until, former);
        let known = held.entry(&former.field).or_insert(one);
        if rank(&one) < rank(known) {
            *known = one;
        }
    }
    if held.is_empty() {
        return values;
    }
    let Ok(chunks) = wire::chunks(&values) else {
        return values;
    };
    let spec = |id: &str| kind.field(id);
    let replaced: Vec<u32> = held
        .keys()
        .filter_map(|id| Some(spec(id)?.number))
        .collect();
    let mut then = Vec::with_capacity(values.len());
    for chunk in chunks.iter().filter(|it| !replaced.contains(&it.number)) {
        then.extend_from_slice(chunk.whole);
    }
    for (id, (_, former)) in held {
        let item = spec(id).map(|field| (field, item(field, &former.value)));
        if let Some((field, Ok(Some(item)))) = item {
            wire::put(field, &[item], &mut then);
        }
    }
    then.into()
}

/// The former values of a record after an edit; none when they stay. What held until the new value does
/// is kept, but for one that is replaced on the first day on which it would have held.
#[must_use]
pub fn after(subject: &Subject<'_>, today: Date) -> Option<Vec<FormerValue>> {
    let (kind, before) = (subject.kind, subject.before?);
    let stood = kept(kind, before);
    let mut row = stood.clone();
    for (_, fields, since) in KEPT.iter().filter(|(of, ..)| *of == kind.id) {
        let day = |values| text_of(kind.field((*since)?)?, values);
        let until = match (since, day(before).zip(day(subject.after))) {
            (None, _) => Some(date::text(today)),
            (Some(_), Some((was, is))) if was < is => Some(is),
            // A day that was wrong was so as well where it ended what had been said before.
            (Some(_), Some((was, is))) => {
                let ended = row.iter_mut().filter(|it| fields.contains(&&*it.field));
                for former in ended.filter(|it| it.until == was) {
                    former.until.clone_from(&is);
                }
                None
            }
            // Nothing is known of before.
            (Some(_), None) => None,
        };
        let Some(until) = until else { continue };
        for field in fields.iter().filter_map(|id| kind.field(id)) {
            let said = text(field, before);
            let is_new = row
                .iter()
                .all(|it| it.field != field.id || it.until != until);
            // Of a statement all is kept: what is the same now may be corrected for its own day.
            let is_other = since.is_some() || said != text(field, subject.after);
            if is_new && is_other {
                row.push(FormerValue {
                    field: field.id.clone(),
                    value: said,
                    until: until.clone(),
                });
            }
        }
    }
    let is_other = row != stood;
    row.sort_by(|a, b| a.until.cmp(&b.until));
    row.drain(..row.len().saturating_sub(KEPT_MAX));
    is_other.then_some(row)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use proto::ledger::{Eligibility, Organisation, ProblemItem, ProgrammeYear, WorkCoverageMode};
    use replica::{RecordId, ScopeId};

    use super::*;
    use crate::{catalogue::Catalogue, effective::decode};

    fn kind(id: &str) -> &'static KindSpec {
        Catalogue::builtin().kind_by_id(id).unwrap()
    }

    fn day(text: &str) -> Date {
        date::stored(text).unwrap()
    }

    fn former(field: &str, value: &str, until: &str) -> FormerValue {
        FormerValue {
            field: field.to_owned(),
            value: value.to_owned(),
            until: until.to_owned(),
        }
    }

    #[test]
    fn a_day_reads_what_held_on_it() {
        let year = kind("programme_year");
        let row = ProgrammeYear {
            should_build_members: Some(5),
            recommend_cap: Some(4),
            work_coverage_mode: Some(WorkCoverageMode::Broad.into()),
            former_values: vec![
                former("should_build_members", "4", "2020-10-01"),
                former("should_build_members", "3", "2020-07-01"),
                former("recommend_cap", "", "2020-07-01"),
                former("work_coverage_mode", "strict", "2020-07-01"),
                former("quota_drive", "many", "2099-01-01"),
                former("nothing", "1", "2099-01-01"),
            ],
            ..ProgrammeYear::default()
        };
        let of = |text: &str| {
            let values = row.encode_to_vec();
            let row: ProgrammeYear = decode(&on(year, values.into(), day(text))).unwrap();
            assert_eq!(row.quota_drive, None);
            (
                row.should_build_members,
                row.recommend_cap,
                row.work_coverage_mode(),
            )
        };
        let strict = WorkCoverageMode::Strict;
        assert_eq!(of("2020-06-30"), (Some(3), None, strict));
        assert_eq!(
            of("2020-07-01"),
            (Some(4), Some(4), WorkCoverageMode::Broad)
        );
        assert_eq!(of("2020-09-30").0, Some(4));
        assert_eq!(of("2020-10-01").0, Some(5));
    }

    #[test]
    fn every_parameter_is_read_as_it_is_kept() {
        let year = kind("programme_year");
        let full = crate::parameters::programme_year(2020).encode_to_vec();
        for id in PARAMETERS {
            let said = text(year.field(id).unwrap(), &full);
            assert!(is_sound(year, &former(id, &said, "2020-01-01")), "{id}");
        }
        for wrong in [
            former("nothing", "x", "2020-01-01"),
            former("quota_drive", "-1", "2020-01-01"),
            former("work_coverage_mode", "odd", "2020-01-01"),
            former("quota_drive", "1", "soon"),
        ] {
            assert!(!is_sound(year, &wrong), "{wrong:?}");
        }
    }

    /// Edits of one record, one after the other.
    struct Edits {
        kind: &'static KindSpec,
        values: Vec<u8>,
    }

    impl Edits {
        fn save(&mut self, today: &str, mut after: impl FnMut(&[u8]) -> Vec<u8>) {
            let mut after = after(&self.values);
            let subject = Subject {
                kind: self.kind,
                id: RecordId([1; 16]),
                scope: ScopeId([1; 16]),
                before: Some(&self.values),
                after: &after,
            };
            if let Some(row) = super::after(&subject, day(today)) {
                let field = field(self.kind).unwrap();
                let items = row.iter().map(|it| Item::Bytes(it.encode_to_vec().into()));
                let items: Vec<Item> = items.collect();
                let chunks = wire::chunks(&after).unwrap();
                let others = chunks.iter().filter(|it| it.number != field.number);
                let mut others: Vec<u8> = others.flat_map(|it| it.whole).copied().collect();
                wire::put(field, &items, &mut others);
                after = others;
            }
            self.values = after;
        }

        fn on<M: prost::Message + Default>(&self, text: &str) -> M {
            decode(&on(self.kind, (&*self.values).into(), day(text))).unwrap()
        }
    }

    #[test]
    fn figures_are_those_that_were_stated_for_the_day() {
        let first = Organisation {
            members: Some(2),
            employees: Some(10),
            as_of: Some("2020-06-30".to_owned()),
            ..Organisation::default()
        };
        let mut edits = Edits {
            kind: kind("organisation"),
            values: first.encode_to_vec(),
        };
        let mut state = |today: &str, members: u32, as_of: &str| {
            edits.save(today, |before| {
                let before: Organisation = decode(before).unwrap();
                let after = Organisation {
                    members: Some(members),
                    as_of: Some(as_of.to_owned()),
                    ..before
                };
                after.encode_to_vec()
            });
        };
        state("2020-10-02", 3, "2020-09-30");
        // A correction of the same day never held otherwise.
        state("2020-10-05", 4, "2020-09-30");
        // Nor does one reach into the days before, where the number had been the same.
        state("2021-01-04", 4, "2020-12-31");
        state("2021-01-05", 7, "2020-12-31");
        // A day that was typed wrong is mended alone, and with it how long the figures before held.
        state("2021-01-06", 8, "2022-03-31");
        state("2021-01-07", 8, "2021-03-31");
        let members = |on: &str| edits.on::<Organisation>(on).members;
        assert_eq!(members("2021-03-30"), Some(7));
        assert_eq!(members("2021-03-31"), Some(8));
        assert_eq!(members("2020-03-31"), Some(2), "nothing earlier is known");
        assert_eq!(members("2020-09-29"), Some(2));
        assert_eq!(members("2020-09-30"), Some(4));
        assert_eq!(members("2020-12-31"), Some(7));
        assert_eq!(edits.on::<Organisation>("2020-06-30").employees, Some(10));
    }

    #[test]
    fn more_time_and_a_judgement_hold_from_their_day() {
        let problem = ProblemItem {
            due_on: Some("2020-09-15".to_owned()),
            ..ProblemItem::default()
        };
        let mut edits = Edits {
            kind: kind("problem_item"),
            values: problem.encode_to_vec(),
        };
        edits.save("2020-10-08", |before| {
            let after = ProblemItem {
                due_on: Some("2020-11-30".to_owned()),
                ..decode(before).unwrap()
            };
            after.encode_to_vec()
        });
        let due = |on: &str| edits.on::<ProblemItem>(on).due_on.unwrap();
        assert_eq!(due("2020-10-07"), "2020-09-15");
        assert_eq!(due("2020-10-08"), "2020-11-30");

        let unit = Organisation {
            eligibility: Some(Eligibility::NotEligible.into()),
            ..Organisation::default()
        };
        let mut edits = Edits {
            kind: kind("organisation"),
            values: unit.encode_to_vec(),
        };
        edits.save("2020-10-08", |before| {
            let after = Organisation {
                eligibility: Some(Eligibility::Eligible.into()),
                ..decode(before).unwrap()
            };
            after.encode_to_vec()
        });
        let judged = |on: &str| edits.on::<Organisation>(on).eligibility();
        assert_eq!(judged("2020-09-30"), Eligibility::NotEligible);
        assert_eq!(judged("2020-10-08"), Eligibility::Eligible);

        // One that was not judged before was not yet judged then.
        let unit = Organisation::default();
        let mut edits = Edits {
            kind: kind("organisation"),
            values: unit.encode_to_vec(),
        };
        edits.save("2020-10-08", |_| {
            let after = Organisation {
                eligibility: Some(Eligibility::Eligible.into()),
                ..Organisation::default()
            };
            after.encode_to_vec()
        });
        let judged = |on: &str| edits.on::<Organisation>(on).eligibility;
        assert_eq!(judged("2020-09-30"), None);
        assert_eq!(judged("2020-10-08"), Some(Eligibility::Eligible.into()));
    }
}
