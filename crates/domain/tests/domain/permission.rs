//! The table of roles: as a text that a person can read, and asked cell by cell.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    Catalogue, KindSpec, Purpose,
    catalogue::{Merge, Sensitivity, Shape},
    permission::{
        Care, Denied, GROUPS, Grant, Lies, Mask, Part, Place, RIGHTS, Right, Role, Writing,
        group_of, has, is_bound, is_masked, masked, may, may_write, place, table_text,
    },
    scope_id,
};
use replica::{Record, RegisterId};
use serde_json::{Value as Json, json};

use crate::desk::{Desk, blank, id, kind_of, registers};

fn grant(role: Role) -> Grant {
    let part = match role {
        Role::TownEditor => Some(Part::Town("410305005".to_owned())),
        Role::IndustryEditor => Some(Part::Agency(id(7))),
        Role::ParkEditor => Some(Part::Park(id(8))),
        _ => None,
    };
    assert!(role.fits(part.as_ref()), "{}", role.id());
    Grant { role, part }
}

fn here() -> Place {
    Place {
        town: Some("410305005".to_owned()),
        authority: Some(id(7)),
        cluster: Some(id(8)),
        ..Place::default()
    }
}

/// In the part before and after.
fn inside() -> Lies {
    Lies {
        before: Some(here()),
        after: Some(here()),
        is_own: true,
    }
}

/// A write of a register that is no status, in a record that is there.
fn plain(kind: &KindSpec) -> Option<(RegisterId, Bytes)> {
    let registers = kind.registers.iter();
    let mut plain = registers.filter(|register| register.merge != Merge::State);
    Some((plain.next()?.id, Bytes::from_static(b"x")))
}

fn asked(
    grant: &Grant,
    kind: &KindSpec,
    set: &[(RegisterId, Bytes)],
    lies: &Lies,
) -> Result<(), Denied> {
    let existing = Record::new(
        replica::RecordKey {
            kind: kind.kind,
            id: id(1),
        },
        scope_id("410305"),
    );
    let writing = Writing {
        kind,
        existing: Some(&existing),
        set,
        author: "clerk@node",
    };
    may_write(grant, Purpose::Edit, &writing, lies)
}

#[test]
fn the_table_reads_as_it_was_agreed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/domain/permissions.txt");
    let now = table_text();
    if std::env::var_os("LIANGXIN_REGENERATE").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let agreed = std::fs::read_to_string(path).unwrap();
    assert_eq!(now, agreed, "the table has changed: see permissions.txt");
}

#[test]
fn who_cares_writes_the_organisations_in_care_and_nothing_else() {
    let care = Care {
        organisations: vec![id(5), id(6)],
        scope: "410302".to_owned(),
        until: domain::date::stored("2020-12-31").unwrap(),
    };
    let grant = Grant {
        role: Role::DistrictEditor,
        part: Some(Part::Care(care)),
    };
    assert!(grant.role.fits(grant.part.as_ref()) && grant.role.fits(None));
    assert!(!Role::DistrictReviewer.fits(grant.part.as_ref()));
    let lies = |number: u8| Lies {
        before: Some(Place {
            organisation: Some(id(number)),
            ..here()
        }),
        after: Some(Place {
            organisation: Some(id(number)),
            ..here()
        }),
        is_own: false,
    };
    for kind in Catalogue::builtin().kinds() {
        let Some(set) = plain(kind) else { continue };
        let group = group_of(&kind.id);
        let of = |number: u8| asked(&grant, kind, std::slice::from_ref(&set), &lies(number));
        match (group.id, kind.id.as_str()) {
            (_, "person") => assert_eq!(of(6), Err(Denied::Part(group)), "not entered by them"),
            ("ledger" | "party" | "people", _) => {
                assert_eq!(
                    (of(6), of(7)),
                    (Ok(()), Err(Denied::Part(group))),
                    "{}",
                    kind.id
                );
            }
            _ => assert_eq!(of(6), Err(Denied::Kind(group)), "{}", kind.id),
        }
    }
    for (right, _) in RIGHTS {
        let has_it = may(&grant, *right).is_ok();
        assert_eq!(
            has_it,
            matches!(right, Right::Read | Right::Enter),
            "{}",
            right.id()
        );
    }
}

#[test]
fn every_row_has_a_cell_for_every_role_and_every_kind_a_row() {
    let marks = ["-", "w", "a", "wa", "p", "f"];
    for group in GROUPS {
        for role in Role::ALL {
            assert!(
                marks.contains(&group.cell(role)),
                "{}: {}",
                group.id,
                role.id()
            );
        }
        let twice = |kind: &&&str| GROUPS.iter().filter(|of| of.kinds.contains(*kind)).count() != 1;
        assert_eq!(group.kinds.iter().find(twice), None, "stands in two rows");
    }
    for (right, cells) in RIGHTS {
        let cells: Vec<&str> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), Role::ALL.len(), "{}", right.id());
        assert!(
            cells.iter().all(|cell| ["x", "-"].contains(cell)),
            "{}",
            right.id()
        );
    }
    for kind in Catalogue::builtin().kinds() {
        let group = group_of(&kind.id);
        assert!(
            group.kinds.contains(&kind.id.as_str()),
            "{} has no row",
            kind.id
        );
    }
}

#[test]
fn every_cell_is_what_the_function_answers() {
    for kind in Catalogue::builtin().kinds() {
        let group = group_of(&kind.id);
        let set = plain(kind).map_or_else(Vec::new, |set| vec![set]);
        for role in Role::ALL {
            let (grant, name) = (grant(role), format!("{} {}", role.id(), kind.id));
            let asked = |lies: &Lies| asked(&grant, kind, &set, lies);
            assert_eq!(
                is_bound(&grant, kind),
                matches!(group.cell(role), "p" | "f"),
                "{name}"
            );
            match group.cell(role) {
                "-" => assert_eq!(asked(&inside()), Err(Denied::Kind(group)), "{name}"),
                "a" => assert_eq!(asked(&inside()), Err(Denied::OnlyApproves(group)), "{name}"),
                "p" if kind.id == "person" => {
                    assert_eq!(asked(&inside()), Ok(()), "{name}");
                    assert_eq!(asked(&Lies::default()), Err(Denied::Part(group)), "{name}");
                }
                "p" => {
                    let lies = match kind.id.as_str() {
                        "task_item" => {
                            let led = Place {
                                lead: Some(id(7)),
                                ..Place::default()
                            };
                            Lies {
                                before: Some(led.clone()),
                                after: Some(led),
                                is_own: false,
                            }
                        }
                        _ => inside(),
                    };
                    assert_eq!(asked(&lies), Ok(()), "{name}");
                    let moved_out = Lies {
                        after: Some(Place::default()),
                        ..lies.clone()
                    };
                    assert_eq!(asked(&moved_out), Err(Denied::Part(group)), "{name}");
                    let taken_in = Lies {
                        before: Some(Place::default()),
                        ..lies
                    };
                    assert_eq!(asked(&taken_in), Err(Denied::Part(group)), "{name}");
                    assert_eq!(asked(&Lies::default()), Err(Denied::Part(group)), "{name}");
                }
                "f" => assert_eq!(asked(&inside()), Err(Denied::Field(group)), "{name}"),
                _ => assert_eq!(asked(&Lies::default()), Ok(()), "{name}"),
            }
        }
    }
}

/// Whether a role may take a record of a kind from a status, or from nothing, to another.
fn step(
    role: Role,
    kind: &str,
    from: Option<&str>,
    to: &str,
    more: &Json,
) -> Result<(), &'static str> {
    let blank = blank(kind_of(kind), id(1), scope_id("410305"));
    let stands = |from| Desk::new(1).make(kind, id(1), blank.scope, &json!({ "status": from }));
    let record = from.map(stands);
    let before = record.as_ref().unwrap_or(&blank);
    let mut values = more.as_object().unwrap().clone();
    values.insert("status".to_owned(), to.into());
    let set = registers(Catalogue::builtin(), before, &values);
    let writing = Writing {
        kind: kind_of(kind),
        existing: record.as_ref(),
        set: &set,
        author: "clerk@node",
    };
    may_write(&grant(role), Purpose::Edit, &writing, &Lies::default()).map_err(Denied::code)
}

#[test]
fn an_editor_submits_and_a_reviewer_approves() {
    let nothing = json!({});
    let by = |role, from, to| step(role, "nomination", Some(from), to, &nothing);
    let (editor, reviewer) = (Role::DistrictEditor, Role::DistrictReviewer);
    assert_eq!(by(editor, "draft", "submitted"), Ok(()));
    assert_eq!(by(editor, "submitted", "screened"), Err("AUTH-106"));
    assert_eq!(by(reviewer, "submitted", "screened"), Ok(()));
    assert_eq!(by(reviewer, "draft", "submitted"), Err("AUTH-107"));
    assert_eq!(by(Role::CityEditor, "recommended", "received"), Ok(()));
    assert_eq!(
        by(Role::CityAdmin, "recommended", "received"),
        Err("AUTH-104")
    );
    assert_eq!(
        by(Role::CityViewer, "recommended", "received"),
        Err("AUTH-104")
    );
    // Neither a jump nor a making goes around the one who approves.
    assert_eq!(by(editor, "submitted", "recommended"), Err("AUTH-106"));
    assert_eq!(
        step(editor, "nomination", None, "recommended", &nothing),
        Err("AUTH-106")
    );
    assert_eq!(step(editor, "nomination", None, "draft", &nothing), Ok(()));
    // What goes along with a step goes along.
    let review = json!({ "cause": "搬迁" });
    let prolong = |role| {
        step(
            role,
            "problem_item",
            Some("in_progress"),
            "long_term",
            &review,
        )
    };
    assert_eq!(prolong(reviewer), Ok(()));
    assert_eq!(prolong(editor), Err("AUTH-106"));
}

#[test]
fn what_a_superior_decided_is_entered_by_a_reviewer_and_taken_over_by_an_editor() {
    let nothing = json!({});
    let (editor, reviewer) = (Role::DistrictEditor, Role::DistrictReviewer);
    let party = |role, from, to| step(role, "party_organisation", from, to, &nothing);
    assert_eq!(party(editor, Some("preparing"), "applied"), Ok(()));
    for from in ["preparing", "applied"] {
        assert_eq!(party(editor, Some(from), "approved"), Err("AUTH-106"));
        assert_eq!(party(reviewer, Some(from), "approved"), Ok(()));
    }
    assert_eq!(party(editor, Some("approved"), "active"), Ok(()));
    assert_eq!(party(editor, None, "active"), Ok(()));
    let case = |role, from, to| step(role, "establishment_case", from, to, &nothing);
    assert_eq!(case(editor, Some("applied"), "approved"), Err("AUTH-106"));
    assert_eq!(case(reviewer, Some("applied"), "approved"), Ok(()));
    assert_eq!(case(editor, None, "established"), Ok(()));
}

#[test]
fn who_registered_a_problem_takes_it_back_and_else_a_reviewer() {
    let (editor, reviewer) = (Role::DistrictEditor, Role::DistrictReviewer);
    let day = json!({ "registered_on": "2020-10-01" });
    let problem = |author: &str| {
        let mut stands = Desk::new(1).make("problem_item", id(1), scope_id("410305"), &day);
        stands = Desk::new(2).put(&stands, &json!({ "status": "registered" }));
        for sibling in &mut stands.siblings {
            Arc::make_mut(&mut sibling.write).author = author.to_owned();
        }
        stands
    };
    let withdraw = |role, author: &str| {
        let record = problem(author);
        let values = json!({ "status": "withdrawn" });
        let values = values.as_object().unwrap();
        let writing = Writing {
            kind: kind_of("problem_item"),
            existing: Some(&record),
            set: &registers(Catalogue::builtin(), &record, values),
            author: "clerk@node",
        };
        may_write(&grant(role), Purpose::Edit, &writing, &Lies::default()).map_err(Denied::code)
    };
    assert_eq!(withdraw(editor, "clerk@node"), Ok(()));
    assert_eq!(withdraw(editor, "other@node"), Err("AUTH-106"));
    assert_eq!(withdraw(reviewer, "other@node"), Ok(()));
}

#[test]
fn deciding_and_ruling_are_rights_and_no_writes() {
    let organisation = kind_of("organisation");
    for role in Role::ALL {
        let writing = Writing {
            kind: organisation,
            existing: None,
            set: &[],
            author: "clerk@node",
        };
        let may = may_write(&grant(role), Purpose::Decision, &writing, &Lies::default());
        let rights = [Right::Decide, Right::Rule, Right::Nodes];
        let decides = rights.iter().any(|right| has(role, *right));
        assert_eq!(may.is_ok(), decides, "{}", role.id());
    }
}

#[test]
fn an_industry_writes_its_own_field_of_its_own_organisations() {
    let organisation = kind_of("organisation");
    let register = |field: &str| organisation.field(field).unwrap().register;
    let set = |field: &str| vec![(register(field), Bytes::from_static(b"x"))];
    let at = |authority: Option<u8>| {
        Some(Place {
            authority: authority.map(id),
            industry: Some("L".to_owned()),
            ..Place::default()
        })
    };
    let by = |part: &Part, field: &str, before, after| {
        let grant = Grant {
            role: Role::IndustryEditor,
            part: Some(part.clone()),
        };
        let lies = Lies {
            before: at(before),
            after: at(after),
            is_own: false,
        };
        asked(&grant, organisation, &set(field), &lies).map_err(Denied::code)
    };
    let agency = Part::Agency(id(7));
    assert_eq!(by(&agency, "industry_authority", None, Some(7)), Ok(()));
    assert_eq!(by(&agency, "industry_authority", Some(7), Some(7)), Ok(()));
    assert_eq!(
        by(&agency, "industry_authority", Some(7), Some(6)),
        Err("AUTH-108")
    );
    assert_eq!(
        by(&agency, "industry_authority", Some(6), Some(7)),
        Err("AUTH-108")
    );
    assert_eq!(by(&agency, "name", Some(7), Some(7)), Err("AUTH-105"));
    let letter = |letter: &str| Part::Industry(letter.to_owned());
    assert_eq!(
        by(&letter("L"), "industry_authority", Some(6), Some(7)),
        Ok(())
    );
    assert_eq!(
        by(&letter("C"), "industry_authority", None, Some(7)),
        Err("AUTH-108")
    );
}

#[test]
fn a_record_lies_where_its_organisation_lies() {
    let catalogue = Catalogue::builtin();
    let mut desk = Desk::new(1);
    let mut rows = std::collections::BTreeMap::new();
    let mut make = |kind: &str, number: u8, values: &Json| {
        let record = desk.make(kind, id(number), scope_id("410305"), values);
        let values = domain::effective(catalogue, &record).values;
        rows.insert(record.key, values.clone());
        (record.key, values)
    };
    let ref_to = |number: u8| id(number).to_string();
    let organisation = make(
        "organisation",
        1,
        &json!({ "name": "甲", "town": "410305005",
        "industry": "L", "industry_authority": ref_to(7), "cluster": ref_to(8) }),
    );
    let party = make(
        "party_organisation",
        2,
        &json!({ "name": "甲支部", "host_organisation": ref_to(1) }),
    );
    let carrier = make("carrier", 3, &json!({ "party_organisation": ref_to(2) }));
    let activity = make("carrier_activity", 4, &json!({ "carrier": ref_to(3) }));
    let cluster = make("cluster", 8, &json!({ "name": "园区" }));
    let platform = make("platform", 9, &json!({ "cluster": ref_to(8) }));
    let meeting = make("platform_meeting", 10, &json!({ "platform": ref_to(9) }));
    let problem = make(
        "problem_item",
        11,
        &json!({ "subject": format!("organisation/{}", ref_to(1)) }),
    );
    let person = make("person", 12, &json!({ "display_name": "王小明" }));
    let task = make("task_item", 13, &json!({ "lead": ref_to(7) }));
    let lost = make("carrier", 14, &json!({ "party_organisation": ref_to(99) }));
    let at = |(key, values): &(replica::RecordKey, Vec<u8>)| {
        let look = |key| Ok::<_, ()>(rows.get(&key).cloned());
        place(catalogue, (*key, values.as_slice()), &look).unwrap()
    };
    let whole = Place {
        industry: Some("L".to_owned()),
        organisation: Some(id(1)),
        ..here()
    };
    for record in [&organisation, &party, &carrier, &activity, &problem] {
        assert_eq!(at(record), Some(whole.clone()), "{:?}", record.0);
    }
    let park = Place {
        cluster: Some(id(8)),
        ..Place::default()
    };
    for record in [&cluster, &platform, &meeting] {
        assert_eq!(at(record), Some(park.clone()), "{:?}", record.0);
    }
    assert_eq!(at(&task).unwrap().lead, Some(id(7)));
    assert_eq!((at(&person), at(&lost)), (None, None));
}

#[test]
fn names_are_masked_to_the_family_name_and_accounts_are_not() {
    let person = kind_of("person");
    let field = |kind: &'static KindSpec, name: &str| kind.field(name).unwrap();
    let name = field(person, "display_name");
    for (name_given, shown) in [
        ("王小明", "王某"),
        ("欧阳娜", "欧阳某"),
        ("欧阳", "欧某"),
        ("Li Lei", "L某"),
        ("", ""),
    ] {
        assert_eq!(masked(name, name_given), shown);
    }
    let team = field(kind_of("acceptance_visit"), "team");
    assert_eq!(masked(team, "王小明、司马光 李雷"), "王某、司马某、李某");
    let mut values = json!({ "display_name": "王小明", "employer": "某某公司", "note": null });
    let mask = Mask::of(Catalogue::builtin(), Some(person), None);
    assert!(mask.hides());
    mask.values(values.as_object_mut().unwrap());
    assert_eq!(values["display_name"], "王某");
    assert_eq!(values["employer"], "某某公司");
    // Whatever is personal and not said to be shown is masked, also what comes later.
    for kind in Catalogue::builtin().kinds() {
        for field in &kind.fields {
            let personal = field.sensitivity == Sensitivity::Personal;
            let copies = ["candidates", "value", "values", "present", "proposed"];
            let raw = copies.contains(&field.id.as_str());
            if is_masked(kind, field) && !raw {
                assert!(personal && matches!(field.shape, Shape::Text));
                assert_ne!(
                    masked(field, "王小明"),
                    "王小明",
                    "{} {}",
                    kind.id,
                    field.id
                );
            }
        }
    }
    // A decision holds what stood against each other as bytes.
    let mut values = json!({ "value": "0a09e78e8b", "candidates": [{ "value": "0a09" }], "taken": 1,
        "decided_by": "chen@410305-a" });
    Mask::of(Catalogue::builtin(), Some(kind_of("decision")), None)
        .values(values.as_object_mut().unwrap());
    assert_eq!(
        values,
        json!({ "value": "＊＊＊", "candidates": ["＊＊＊"], "taken": 1, "decided_by": "chen@410305-a" })
    );
    assert!(!is_masked(
        kind_of("decision"),
        field(kind_of("decision"), "decided_by")
    ));
}

#[test]
fn roles_are_given_where_they_work() {
    let at = |hub: bool| {
        let given = Role::ALL.into_iter().filter(move |role| role.is_given(hub));
        given.map(Role::id).collect::<Vec<_>>()
    };
    assert_eq!(
        at(true),
        [
            "city_admin",
            "city_editor",
            "city_inspector",
            "city_viewer",
            "industry_editor",
            "resolver",
            "auditor",
            "hub_service"
        ]
    );
    assert_eq!(
        at(false),
        [
            "district_admin",
            "district_editor",
            "district_reviewer",
            "town_editor",
            "industry_editor",
            "park_editor",
            "resolver",
            "auditor",
            "node_service"
        ]
    );
    for role in Role::ALL {
        assert_eq!(Role::named(role.id()), Some(role));
        let denied = may(&grant(role), Right::Users).map_err(Denied::code);
        assert_eq!(denied.is_ok(), role.manages(), "{}", role.id());
        assert!(denied.is_ok() || denied == Err("AUTH-103"));
    }
    assert!(!Role::TownEditor.fits(None) && !Role::CityAdmin.fits(Some(&Part::Park(id(1)))));
}
