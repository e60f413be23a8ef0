//! A count that nobody explains becomes a problem, once, at the city alone.

use domain::{date, value::Input};
use replica::RecordKey;
use serde_json::json;

use super::{Ask, propose, unexplained};
use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{self, act, find, testing},
};

fn asked(app: &App, field: &str, value: &str) -> RecordKey {
    let party = json!({ "name": "甲厂党支部", "status": "active", "established_on": "2020-01-10",
        "member_count": 12, "as_of": "2020-09-30" });
    let party = testing::save(app, "party_organisation", None, &party, None).unwrap();
    let ask = Ask {
        record: party.stored.record.key,
        field,
        value,
        basis: "现场清点",
    };
    propose(app, ask).unwrap().stored.record.key
}

fn decline(app: &App, key: RecordKey) {
    let answer = vec![("answer", Input::Text("不认可"))];
    act(app, key, "decline", answer, (None, "答复")).unwrap();
}

fn refusal(result: Result<records::Saved, Failure>) -> (Exit, String) {
    result.map_or_else(
        |failure| (failure.exit, failure.code),
        |_| panic!("it was made"),
    )
}

#[test]
fn a_count_that_was_not_explained_becomes_a_problem_of_the_city_once() {
    let world = testing::hub();
    let app = &world.app;
    let day = |text: &str| date::stored(text).unwrap();
    let register = |key: RecordKey, due: &str| unexplained(app, key.id, day(due), "未作说明");
    let request = asked(app, "member_count", "9");
    let invalid = |code: &str| (Exit::Invalid, code.to_owned());
    let waits = refusal(register(request, "2020-11-30"));
    assert_eq!(waits, invalid("CHANGE-002"), "it still waits");
    decline(app, request);
    assert_eq!(
        refusal(register(request, "2020-10-14")),
        invalid("CHANGE-003")
    );
    let made = register(request, "2020-11-30").unwrap();
    let values = &made.document["values"];
    let text = |name: &str| values[name].as_str().unwrap().to_owned();
    assert_eq!(text("found_by"), "city");
    assert_eq!(text("due_on"), "2020-11-30");
    assert_eq!(text("status"), "registered");
    let named = records::meaning(app, &find(app, request).unwrap().record).unwrap();
    let named: proto::ledger::ChangeRequest = domain::decode(&named.values).unwrap();
    assert_eq!(text("subject"), named.record());
    let said = text("description");
    assert!(
        said.contains("抽查为 9，台账为 12") && said.contains("现场清点"),
        "{said}"
    );
    assert_eq!(
        refusal(register(request, "2020-12-31")),
        invalid("CHANGE-004")
    );

    // What is no figure is none, and what was accepted is explained.
    let words = asked(app, "name", "乙厂党支部");
    decline(app, words);
    assert_eq!(
        refusal(register(words, "2020-11-30")),
        invalid("CHANGE-002")
    );
    let taken = asked(app, "member_count", "9");
    act(app, taken, "accept", Vec::new(), (None, "核实")).unwrap();
    assert_eq!(
        refusal(register(taken, "2020-11-30")),
        invalid("CHANGE-002")
    );
    let node = testing::node();
    let elsewhere = unexplained(&node.app, request.id, day("2020-11-30"), "x");
    assert_eq!(refusal(elsewhere), (Exit::Refused, "CHANGE-001".to_owned()));
}
