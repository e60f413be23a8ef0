//! Two spellings of one agency: the city makes one the alias of the other.

use serde_json::{Value, json};
use store::Stored;

use crate::{
    app::App,
    records::{
        Filter, list,
        testing::{hub, kind, node, save, taken_over},
    },
    tables,
};

fn agency(app: &App, name: &str) -> Stored {
    let values =
        json!({ "name": name, "kind": "industry_authority", "scope": "4103L9", "active": true });
    save(app, "agency", None, &values, None).unwrap().stored
}

fn alias(app: &App, of: &Stored, stands: &Value) -> String {
    let saved = save(
        app,
        "agency",
        Some(of),
        &json!({ "alias_of": stands }),
        None,
    );
    saved.err().map_or_else(String::new, |failure| failure.code)
}

/// The titles of the tasks that a condition finds.
fn led_by(app: &App, lead: &str) -> Vec<String> {
    let filter = Filter {
        kind: kind(app, "task_item"),
        scope: None,
        wheres: &[format!("lead={lead}")],
        limit: None,
        after: None,
    };
    let mut titles = Vec::new();
    list(app, &filter, &mut |row| {
        titles.push(row["values"]["title"].as_str().unwrap().to_owned());
        Ok(())
    })
    .unwrap();
    titles.sort();
    titles
}

#[test]
fn what_names_an_alias_is_found_by_the_one_that_stands() {
    let world = hub();
    let app = &world.app;
    let [stands, other, third] =
        ["市委组织部", "洛阳市委组织部", "市工商联"].map(|it| agency(app, it));
    let task = |title: &str, lead: &str| {
        let values = json!({ "year": "2020", "scope": "4103L9", "title": title, "lead": lead,
            "status": "in_progress" });
        taken_over(app, "task_item", &values)
    };
    task("甲", "市委组织部");
    task("乙", "洛阳市委组织部");
    task("丙", "市工商联");
    let duty = json!({ "year": "2020", "scope": "4103L9", "agency": "洛阳市委组织部",
        "duty": "牵头", "leader_post": "副部长", "standing": true });
    save(app, "responsibility_item", None, &duty, None).unwrap();
    let unanswered = || {
        let listed = tables::findings(app, Some("LIST"), None, 10).unwrap();
        let found = listed.found.iter();
        found
            .filter(|it| it.finding.code == "lead_unanswered")
            .count()
    };
    assert_eq!(
        (led_by(app, "市委组织部"), unanswered()),
        (vec!["甲".to_owned()], 2)
    );
    let id = |of: &Stored| json!(of.record.key.id.to_string());
    assert_eq!(alias(app, &other, &id(&stands)), "");
    // Both spellings are understood, by name and by id, as the one that stands.
    for lead in ["市委组织部", "洛阳市委组织部", id(&other).as_str().unwrap()] {
        assert_eq!(led_by(app, lead), ["乙", "甲"], "{lead}");
    }
    assert_eq!(
        unanswered(),
        1,
        "what the alias answers for is answered for"
    );
    // Neither a circle nor a chain.
    let refused = "alias_chain";
    assert_eq!(alias(app, &third, &id(&third)), refused);
    assert_eq!(alias(app, &third, &id(&other)), refused);
    assert_eq!(alias(app, &stands, &id(&third)), refused);
    assert_eq!(alias(app, &stands, &id(&other)), refused);
    // Nobody writes to a name; the city takes it back.
    let renamed = save(
        app,
        "agency",
        Some(&other),
        &json!({ "name": "组织部" }),
        None,
    );
    assert_eq!(renamed.unwrap_err().code, "MERGED-001");
    assert_eq!(alias(app, &other, &Value::Null), "");
    assert_eq!(led_by(app, "洛阳市委组织部"), ["乙"]);
}

#[test]
fn a_district_makes_no_alias() {
    let world = node();
    let app = &world.app;
    let values = |name: &str| json!({ "name": name, "kind": "industry_authority", "scope": "410305", "active": true });
    let [stands, other] = ["组织部", "区委组织部"].map(|name| {
        save(app, "agency", None, &values(name), None)
            .unwrap()
            .stored
    });
    let stands = json!(stands.record.key.id.to_string());
    assert_eq!(alias(app, &other, &stands), "AUTH-HUB-ONLY");
}
