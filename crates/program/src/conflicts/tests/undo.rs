//! What taking a decision back promises.

use serde_json::{Value, json};

use super::{Clash, clash, elsewhere, list, remarks, show, value};
use crate::{
    conflicts::{Choice, Docket, count, decide, undo},
    failure::Exit,
    records::{
        Seen, find,
        testing::{made, node, save},
    },
};

/// Values and authors of a docket's candidates.
fn sides(clash: &Clash) -> Vec<(Value, Value)> {
    let shown = show(&clash.world.app, &clash.docket);
    let all = shown["candidates"].as_array().unwrap().iter();
    all.map(|one| (one["value"].clone(), one["author"].clone()))
        .collect()
}

fn alice_and_bob() -> Vec<(Value, Value)> {
    let side = |value, account| (json!(value), json!(format!("{account}@410305-01234567")));
    vec![side("one", "alice"), side("two", "bob")]
}

#[test]
fn an_undo_brings_each_candidate_back_under_a_name_of_its_own() {
    let clash = remarks();
    let (dora, eve) = (clash.world.by("dora"), clash.world.by("eve"));
    let before = find(&dora, clash.stored.record.key).unwrap().record;
    let decided = decide(&dora, &clash.docket, &Choice::Take(2), None, "asked them").unwrap();
    let undone = undo(&eve, &clash.id, "they had mixed it up").unwrap();
    assert!(undone.is_open);
    assert_eq!(count(&eve).unwrap(), 1);
    assert_eq!(sides(&clash), alice_and_bob(), "as they were written first");
    let now = find(&eve, clash.stored.record.key).unwrap().record;
    let copies = now.register(clash.docket.register);
    let old: Vec<_> = before
        .register(clash.docket.register)
        .iter()
        .map(replica::Sibling::dot)
        .collect();
    let new: Vec<_> = copies.iter().map(replica::Sibling::dot).collect();
    assert_eq!(new.len(), 2);
    assert!(new[0] != new[1] && new.iter().all(|dot| !old.contains(dot)));
    assert_eq!(
        copies[0].replaces, copies[1].replaces,
        "each replaces the decision alone"
    );
    assert_eq!(copies[0].replaces.len(), 1);
    // Both know the same line before them, so the decision is what they have in common.
    let dots = |at: usize| {
        copies[at]
            .ancestry
            .iter()
            .map(|a| a.dot)
            .collect::<Vec<_>>()
    };
    assert_eq!(dots(0), dots(1));
    let shown = show(&eve, &clash.docket);
    let records = shown["decisions"].as_array().unwrap();
    assert_eq!(
        (&records[0]["choice"], &records[1]["choice"]),
        (&json!("take"), &json!("undo"))
    );
    assert_eq!(records[1]["undoes"], decided.decision.to_string());
    assert_eq!(records[1]["author"], "eve@410305-01234567");
    assert_eq!(records[1]["reason"], "they had mixed it up");
    assert_eq!(shown["candidates"][0]["restored_by"], "eve@410305-01234567");
}

#[test]
fn an_undo_of_an_undo_is_the_same_act() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    decide(&dora, &clash.docket, &Choice::Take(2), None, "asked them").unwrap();
    for round in 0..2 {
        let opened = undo(&dora, &clash.id, "not sure").unwrap();
        assert!(opened.is_open, "round {round}");
        assert_eq!(sides(&clash), alice_and_bob(), "round {round}");
        let again = undo(&dora, &opened.decision.to_string(), "sure after all").unwrap();
        assert!(!again.is_open, "round {round}");
        assert_eq!(value(&dora, clash.stored.record.key, "remark"), "two");
    }
}

#[test]
fn an_undo_is_refused_with_the_list_when_later_writes_replaced_the_decision() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    decide(&dora, &clash.docket, &Choice::Take(1), None, "asked them").unwrap();
    let frank = clash.world.by("frank");
    save(
        &frank,
        "organisation",
        Some(&clash.stored),
        &json!({"remark": "three"}),
        None,
    )
    .unwrap();
    let refused = undo(&dora, &clash.id, "no").unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.exit),
        ("CONFLICT-007", Exit::Refused)
    );
    let (_, later) = refused
        .facts
        .iter()
        .find(|(name, _)| *name == "later")
        .unwrap();
    assert!(
        later.contains("frank@410305-01234567") && later.contains("as the office said"),
        "{later}"
    );
    assert_eq!(
        value(&dora, clash.stored.record.key, "remark"),
        "three",
        "nothing was written"
    );
}

#[test]
fn an_undo_that_was_partly_replaced_is_refused_too() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    decide(&dora, &clash.docket, &Choice::Take(1), None, "asked them").unwrap();
    let opened = undo(&dora, &clash.id, "not sure").unwrap();
    // Alice corrects her own value, having seen only that.
    let now = find(&dora, clash.stored.record.key).unwrap().record;
    let mut seen = Seen::of(&now);
    seen.set(
        clash.docket.register,
        vec![now.register(clash.docket.register)[0].shown()],
    );
    let corrected = json!({"remark": "one, corrected"});
    save(
        &clash.world.by("alice"),
        "organisation",
        Some(&clash.stored),
        &corrected,
        Some(seen),
    )
    .unwrap();
    let refused = undo(&dora, &opened.decision.to_string(), "back").unwrap_err();
    assert_eq!(refused.code, "CONFLICT-007");
    let (_, later) = refused
        .facts
        .iter()
        .find(|(name, _)| *name == "later")
        .unwrap();
    assert!(later.contains("alice@"), "{later}");
}

#[test]
fn what_arrived_since_stays_beside_what_an_undo_brings_back() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    decide(&dora, &clash.docket, &Choice::Take(1), None, "asked them").unwrap();
    let old = Some(Seen::of(&clash.stored.record));
    save(
        &clash.world.by("eve"),
        "organisation",
        Some(&clash.stored),
        &json!({"remark": "late"}),
        old,
    )
    .unwrap();
    assert!(undo(&dora, &clash.id, "again").unwrap().is_open);
    let values: Vec<_> = sides(&clash).into_iter().map(|(value, _)| value).collect();
    let mut texts: Vec<_> = values.iter().map(|value| value.as_str().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["late", "one", "two"]);
}

#[test]
fn nobody_undoes_or_decides_over_their_own_words_also_after_an_undo() {
    let clash = remarks();
    let (alice, dora) = (clash.world.by("alice"), clash.world.by("dora"));
    decide(&dora, &clash.docket, &Choice::Take(2), None, "asked them").unwrap();
    assert_eq!(
        undo(&alice, &clash.id, "mine").unwrap_err().code,
        "CONFLICT-003"
    );
    undo(&dora, &clash.id, "not sure").unwrap();
    // Her words stand again, now in a write of Dora's.
    let own = decide(&alice, &clash.docket, &Choice::Take(1), None, "mine").unwrap_err();
    assert_eq!(
        (own.code.as_str(), own.exit),
        ("CONFLICT-003", Exit::Refused)
    );
    let open = decide(&dora, &clash.docket, &Choice::Take(1), None, "theirs").unwrap();
    assert!(!open.is_open, "who put them back has not written them");
}

/// Whoever sat down at the other node of their scope could decide over what they had written.
#[test]
fn nobody_decides_over_their_own_words_at_another_node_of_their_scope() {
    let clash = remarks();
    let alice = clash.world.by("alice");
    let there = elsewhere(&alice, "410305");
    assert_eq!(there.author(), "alice@410305-fedcba98");
    let own = decide(&there, &clash.docket, &Choice::Take(1), None, "mine").unwrap_err();
    assert_eq!(
        (own.code.as_str(), own.exit),
        ("CONFLICT-003", Exit::Refused)
    );
    decide(
        &elsewhere(&alice, "410302"),
        &clash.docket,
        &Choice::Take(2),
        None,
        "an account of another scope is another person",
    )
    .unwrap();
    assert_eq!(
        undo(&there, &clash.id, "mine").unwrap_err().code,
        "CONFLICT-003"
    );
}

#[test]
fn words_that_a_decision_took_are_still_their_authors() {
    let clash = remarks();
    decide(
        &clash.world.by("dora"),
        &clash.docket,
        &Choice::Take(1),
        None,
        "asked",
    )
    .unwrap();
    let old = Some(Seen::of(&clash.stored.record));
    save(
        &clash.world.by("eve"),
        "organisation",
        Some(&clash.stored),
        &json!({"remark": "late"}),
        old,
    )
    .unwrap();
    let own = decide(
        &clash.world.by("alice"),
        &clash.docket,
        &Choice::Take(1),
        None,
        "mine",
    )
    .unwrap_err();
    assert_eq!(
        own.code, "CONFLICT-003",
        "Dora's decision holds Alice's words"
    );
    let other = decide(
        &clash.world.by("frank"),
        &clash.docket,
        &Choice::Take(1),
        None,
        "looked",
    );
    assert!(!other.unwrap().is_open);
}

#[test]
fn an_undo_of_a_deletions_decision_opens_the_conflict_again_either_way() {
    for candidate in [1, 2] {
        let world = node();
        let stored = made(&world.by("carol"), "甲");
        let key = stored.record.key;
        let seen = Some(Seen::of(&stored.record));
        crate::records::delete(&world.by("alice"), key, None, "by mistake").unwrap();
        save(
            &world.by("bob"),
            "organisation",
            Some(&stored),
            &json!({"remark": "real"}),
            seen,
        )
        .unwrap();
        let id = list(&world.app)[0]["id"].as_str().unwrap().to_owned();
        let docket = Docket::parse(&world.app, &id).unwrap();
        let before = show(&world.app, &docket)["candidates"].clone();
        let dora = world.by("dora");
        decide(&dora, &docket, &Choice::Take(candidate), None, "looked").unwrap();
        let undone = undo(&dora, &id, "not sure").unwrap();
        assert!(undone.is_open, "candidate {candidate}");
        let now = show(&world.app, &docket)["candidates"].clone();
        for (was, is) in before
            .as_array()
            .unwrap()
            .iter()
            .zip(now.as_array().unwrap())
        {
            assert_eq!(
                (&was["value"], &was["author"]),
                (&is["value"], &is["author"])
            );
        }
    }
}

#[test]
fn a_group_is_brought_back_whole() {
    let clash = clash(
        &json!({"members": 6}),
        &json!({"members": 7, "employees": 130}),
        "members",
    );
    let dora = clash.world.by("dora");
    let before = show(&dora, &clash.docket)["candidates"].clone();
    decide(
        &dora,
        &clash.docket,
        &Choice::Edit(vec!["members=8".to_owned()]),
        None,
        "counted",
    )
    .unwrap();
    undo(&dora, &clash.id, "not sure").unwrap();
    let now = show(&dora, &clash.docket)["candidates"].clone();
    for at in 0..2 {
        assert_eq!(now[at]["value"], before[at]["value"]);
        assert_eq!(now[at]["at"], before[at]["at"]);
    }
}

#[test]
fn without_a_decision_there_is_nothing_to_undo() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    assert_eq!(
        undo(&dora, &clash.id, "x").unwrap_err().code,
        "CONFLICT-008"
    );
    let unknown = uuid::Uuid::from_bytes([7; 16]).to_string();
    assert_eq!(undo(&dora, &unknown, "x").unwrap_err().code, "CONFLICT-001");
    decide(&dora, &clash.docket, &Choice::Take(1), None, "asked").unwrap();
    assert_eq!(undo(&dora, &clash.id, " ").unwrap_err().code, "RECORD-007");
}

#[test]
fn decisions_are_neither_filled_in_nor_deleted_by_hand() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    let id = decide(&dora, &clash.docket, &Choice::Take(1), None, "asked")
        .unwrap()
        .decision;
    let kind = dora.catalogue.kind_by_id("decision").unwrap().kind;
    let key = replica::RecordKey { kind, id };
    let stored = find(&dora, key).unwrap();
    let forged = save(
        &dora,
        "decision",
        Some(&stored),
        &json!({"restored": 5}),
        None,
    );
    assert_eq!(forged.unwrap_err().code, "AUTH-DOCKET");
    let made = save(&dora, "docket_note", None, &json!({"text": "x"}), None);
    assert_eq!(made.unwrap_err().code, "AUTH-DOCKET");
    let deleted = crate::records::delete(&dora, key, None, "gone").unwrap_err();
    assert_eq!(
        (deleted.code.as_str(), deleted.exit),
        ("AUTH-DOCKET", Exit::Refused)
    );
}
