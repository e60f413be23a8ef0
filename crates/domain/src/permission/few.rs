//! Small numbers of members (domain 10): in a firm of three, "one member" names somebody to whoever knows
//! the firm. Outside of the scope that keeps a record such a number is not shown.

use proto::ledger::ChangeRequest;
use serde_json::{Map, Value as Json};

use crate::{
    catalogue::{Catalogue, FieldSpec, KindSpec},
    decode, former, request,
};

/// Fields that count members of one organisation, or of what hangs on it.
const COUNTS: &[(&str, &str)] = &[
    ("organisation", "members"),
    ("organisation", "full_members"),
    ("organisation", "members_elsewhere"),
    ("organisation", "floating_members"),
    ("party_organisation", "member_count"),
    ("service_centre", "floating_registered"),
    ("acceptance_visit", "observed_members"),
];

/// Fields of a request that repeat in words what the field says that it is about.
const REPEATS: &[&str] = &["present", "proposed"];

/// Whether a field counts members of one organisation.
#[must_use]
pub fn counts_members(kind: &KindSpec, field: &FieldSpec) -> bool {
    COUNTS.contains(&(kind.id.as_str(), field.id.as_str()))
}

/// Whether so many members are too few to be shown outside of the scope that keeps the record. None is
/// no person.
#[must_use]
pub fn is_few(members: u64, below: u32) -> bool {
    (1..u64::from(below)).contains(&members)
}

/// What stands for a number that is not shown.
#[must_use]
pub fn few(below: u64) -> String {
    format!("<{below}")
}

/// Whether a cell says that a number was not shown: it is no number, and says nothing of the one that
/// stands.
#[must_use]
pub fn reads_few(text: &str) -> bool {
    let folded = crate::text::loose(text);
    let below = folded.strip_prefix('<');
    below.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()))
}

/// Puts what stands for them in the place of small numbers among the values of a record, as scripts read
/// them; returns how many.
pub fn suppress(
    catalogue: &Catalogue,
    (kind, bytes): (&KindSpec, &[u8]),
    below: u32,
    values: &mut Map<String, Json>,
) -> usize {
    let mut hidden = 0;
    // What was so before may be few as well.
    if let Some(field) = former::field(kind).filter(|_| former::is_kept(kind)) {
        values.remove(&field.id);
    }
    let is_hidden = |value: &Json| match value {
        Json::Number(number) => number.as_u64().is_some_and(|it| is_few(it, below)),
        Json::String(text) => text.trim().parse().is_ok_and(|it| is_few(it, below)),
        _ => false,
    };
    let repeats = kind.id == "change_request" && {
        let said: ChangeRequest = decode(bytes).unwrap_or_default();
        let target = request::target(catalogue, &said);
        target.is_some_and(|(key, field)| {
            catalogue
                .kind(key.kind)
                .is_some_and(|kind| counts_members(kind, field))
        })
    };
    for (name, value) in values {
        let counts = kind
            .field(name)
            .is_some_and(|field| counts_members(kind, field));
        let tells = counts || (repeats && REPEATS.contains(&name.as_str()));
        if tells && is_hidden(value) {
            *value = few(below.into()).into();
            hidden += 1;
        }
    }
    hidden
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(kind: &str, values: Json, bytes: &[u8]) -> Json {
        let catalogue = Catalogue::builtin();
        let mut values = values.as_object().unwrap().clone();
        let kind = catalogue.kind_by_id(kind).unwrap();
        suppress(catalogue, (kind, bytes), 3, &mut values);
        values.into()
    }

    #[test]
    fn small_numbers_of_members_are_not_shown_and_nothing_else_is_hidden() {
        let said = json!({ "members": 2, "full_members": 0, "floating_members": 3, "employees": 2,
            "members_elsewhere": 1, "name": "1" });
        let seen = json!({ "members": "<3", "full_members": 0, "floating_members": 3, "employees": 2,
            "members_elsewhere": "<3", "name": "1" });
        assert_eq!(shown("organisation", said.clone(), &[]), seen);
        // The same names in another kind count something else.
        assert_eq!(shown("work_committee", said.clone(), &[]), said);
        for (kind, field) in COUNTS {
            let kind = Catalogue::builtin().kind_by_id(kind).unwrap();
            assert!(
                kind.field(field)
                    .is_some_and(|field| counts_members(kind, field))
            );
        }
    }

    #[test]
    fn a_request_about_such_a_number_does_not_say_it_either() {
        let of = |field: &str| {
            let request = ChangeRequest {
                record: Some(format!("organisation/{}", uuid::Uuid::nil())),
                field: Some(field.to_owned()),
                ..ChangeRequest::default()
            };
            let bytes = prost::Message::encode_to_vec(&request);
            let said = json!({ "present": "2", "proposed": "12", "basis": "2" });
            shown("change_request", said, &bytes)
        };
        let hidden = json!({ "present": "<3", "proposed": "12", "basis": "2" });
        assert_eq!(of("members"), hidden);
        assert_eq!(of("employees")["present"], "2");
    }

    #[test]
    fn what_stands_for_a_number_is_none() {
        for text in ["<3", " <3 ", "＜3", "< 3"] {
            assert!(reads_few(text), "{text}");
        }
        for text in ["3", "<", "", "<a", "-3"] {
            assert!(!reads_few(text), "{text}");
        }
    }
}
