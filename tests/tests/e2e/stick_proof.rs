//! The certificate that nothing was lost, for a district with no line: asked, stated, made and
//! handed in by sticks.

use serde_json::{Value, json};
use tests::programs::Program;

use super::{
    bundle::{carry, cut_off, export, import, round},
    certificate::{side, verify},
    city::{City, assert_equal, check, load_samples, organisations, put, refused, sample},
};

/// The certificates that a program keeps: true or false, oldest first.
fn kept(program: &Program) -> Vec<bool> {
    let kept = program.json(["certificate", "list"]);
    let kept = kept.as_array().unwrap().iter();
    kept.map(|one| one["true"].as_bool().unwrap()).collect()
}

/// A city and a district without a line that have exchanged sticks once: each knows of the other
/// that its program can prove.
fn acquainted(samples: std::ops::RangeInclusive<u64>) -> (City, Program) {
    let (city, node) = cut_off();
    load_samples(&node, samples);
    let stick = city.text_path("first");
    let first = export(&node, &stick);
    assert_eq!(
        first["proof"]["asks"], false,
        "the city's program may be an old one: {first}"
    );
    import(&city.hub, &stick);
    let back = carry(&city, &city.hub, &node);
    assert_eq!(back["certificate"], Value::Null, "{back}");
    (city, node)
}

/// The newest certificate of a program, in a file.
fn saved(city: &City, program: &Program, name: &str) -> String {
    let kept = program.json(["certificate", "list"]);
    let newest = kept.as_array().unwrap().last().unwrap();
    let file = city.text_path(name);
    let id = newest["id"].as_str().unwrap();
    program.run(["certificate", "save", id, &file]).ok();
    file
}

#[test]
fn a_district_on_sticks_and_its_city_sign_that_nothing_was_lost() {
    let (city, node) = acquainted(1..=8);
    let stick = city.text_path("stick");
    put(&node, &sample(1).0, "remark=提问之前").ok();
    put(&node, &sample(1).0, "remark=提问之前又改").ok();
    put(&city.hub.by("市级"), &sample(2).0, "remark=市级").ok();
    // The city has written as well: the sums of this stick differ, and nothing is stated.
    let there = carry(&city, &node, &city.hub);
    assert_eq!(there["stated"], false, "{there}");
    carry(&city, &city.hub, &node);

    put(&node, &sample(3).0, "remark=又一次").ok();
    // What the city wrote is replaced so often that its records no longer say by what.
    for n in 1..=6 {
        put(&node, &sample(2).0, &format!("remark=区级第{n}次")).ok();
    }
    let asked = export(&node, &stick);
    assert_eq!(asked["proof"]["asks"], true, "{asked}");
    // The clerks go on while the stick is on its way, on both sides.
    put(&node, &sample(1).0, "remark=路上改").ok();
    put(&node, &sample(1).0, "remark=路上又改").ok();
    load_samples(&node, 9..=9);
    let there = import(&city.hub, &stick);
    assert_eq!(
        (&there["stated"], &there["certificate"]),
        (&json!(true), &Value::Null),
        "{there}"
    );
    for n in 1..=6 {
        let text = format!("remark=市级第{n}次");
        put(&city.hub.by("市级"), &sample(3).0, &text).ok();
    }
    let answer = export(&city.hub, &stick);
    assert_eq!(answer["proof"]["states"], true, "{answer}");
    let back = import(&node, &stick);
    let made = &back["certificate"];
    assert_eq!(
        (&made["true"], &made["faults"]),
        (&json!(true), &json!([])),
        "{back}"
    );
    assert_eq!(
        (&made["records"], &made["scope"]),
        (&json!(8), &json!("410305"))
    );
    for name in ["node", "hub"] {
        assert_eq!(side(made, name)["missing"], 0, "{made}");
    }
    assert!(
        side(made, "hub")["replaced"].as_u64().unwrap() >= 1,
        "{made}"
    );

    // The city gets its copy with the next stick, and then no more of it.
    assert_eq!((kept(&node), kept(&city.hub)), (vec![true], vec![]));
    let handed = export(&node, &stick);
    assert_eq!(handed["proof"]["hands_in"], true, "{handed}");
    let there = import(&city.hub, &stick);
    assert_eq!(&there["certificate"], made);
    assert_eq!(kept(&city.hub), [true]);
    let (of_node, of_hub) = (saved(&city, &node, "n"), saved(&city, &city.hub, "h"));
    assert_eq!(
        std::fs::read(&of_node).unwrap(),
        std::fs::read(of_hub).unwrap()
    );
    for program in [&node, &city.hub] {
        let said = program.run(["certificate", "verify", &of_node]).ok();
        assert!(said.stdout.contains("证书成立"), "{said:?}");
        assert_eq!(verify(program, &of_node).ok().json(), *made);
    }
    // The question of that stick makes another; when all is quiet nothing more is handed in.
    for _ in 0..2 {
        round(&city, &node);
    }
    assert_eq!(export(&node, &stick)["proof"]["hands_in"], false);
    assert!(kept(&city.hub).iter().all(|is_true| *is_true));
}

#[test]
fn where_nothing_has_changed_since_the_last_certificate_none_is_asked_for() {
    let (city, node) = acquainted(1..=3);
    let (there, back) = round(&city, &node);
    assert_eq!(there["stated"], true, "{there}");
    assert_eq!(back["certificate"]["true"], true, "{back}");
    let stick = city.text_path("stick");
    let quiet = export(&node, &stick);
    assert_eq!(
        quiet["proof"],
        json!({"asks": false, "states": false, "hands_in": true})
    );
    import(&city.hub, &stick);
    let answer = export(&city.hub, &stick);
    assert_eq!(answer["proof"]["states"], false, "{answer}");
    import(&node, &stick);
    put(&node, &sample(1).0, "remark=新的").ok();
    assert_eq!(export(&node, &stick)["proof"]["asks"], true);
}

#[test]
fn people_are_told_what_a_stick_carries_and_what_it_proves() {
    let (mut city, node) = acquainted(1..=3);
    let stick = city.text_path("stick");
    let said = node.run(["bundle", "export", &stick]).ok();
    assert!(said.stderr.contains("附带核算请求"), "{said:?}");
    let said = city.hub.run(["bundle", "import", &stick]).ok();
    assert!(said.stdout.contains("已按对方的请求核算并签名"), "{said:?}");
    let said = city.hub.run(["bundle", "export", &stick]).ok();
    assert!(said.stderr.contains("已签名的核算声明"), "{said:?}");
    let said = node.run(["bundle", "import", &stick]).ok();
    assert!(said.stdout.contains("证书成立"), "{said:?}");
    let said = node.run(["bundle", "export", &stick]).ok();
    assert!(said.stderr.contains("供市级留存"), "{said:?}");
    let said = city.hub.run(["bundle", "import", &stick]).ok();
    assert!(said.stdout.contains("证书成立"), "{said:?}");
    // Whoever looks for the command of a line is told that there is another way.
    city.down();
    let ran = node.run(["certificate", "make", &city.text_path("none")]);
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("摆渡文件"), "{ran:?}");
}

#[test]
fn a_lost_stick_costs_a_round_and_no_certificate() {
    let (city, node) = acquainted(1..=3);
    let stick = |name: &str| city.text_path(name);
    // The question is lost, then the answer, then the certificate on its way to the city.
    export(&node, &stick("lost question"));
    put(&node, &sample(1).0, "remark=第二份").ok();
    let there = carry(&city, &node, &city.hub);
    assert_eq!(there["stated"], true, "{there}");
    export(&city.hub, &stick("lost answer"));
    put(&city.hub, &sample(2).0, "remark=市级").ok();
    let back = carry(&city, &city.hub, &node);
    assert_eq!(back["certificate"]["true"], true, "{back}");
    export(&node, &stick("lost certificate"));
    put(&node, &sample(3).0, "remark=第四份").ok();
    let there = carry(&city, &node, &city.hub);
    assert_eq!(there["certificate"]["true"], true, "{there}");
    assert_eq!((kept(&node), kept(&city.hub)), (vec![true], vec![true]));
    refused(
        &node,
        ["bundle", "import", &stick("lost answer")],
        6,
        "BUNDLE-007",
    );
}

#[test]
fn sticks_that_cross_on_the_way_prove_all_the_same() {
    let (city, node) = acquainted(1..=3);
    let stick = |name: &str| city.text_path(name);
    let mut proofs = Vec::new();
    for n in 1..=4 {
        put(&node, &sample(1).0, &format!("remark=第{n}周")).ok();
        export(&node, &stick("there"));
        export(&city.hub, &stick("back"));
        import(&city.hub, &stick("there"));
        let back = import(&node, &stick("back"));
        proofs.push(back["certificate"]["true"].clone());
    }
    assert_eq!(
        proofs,
        [Value::Null, json!(true), json!(true), json!(true)],
        "each answer is to the question of the week before"
    );
    assert!(kept(&city.hub).iter().all(|is_true| *is_true));
    assert!(kept(&city.hub).len() >= 2);
}

/// What had not left before a restore exists nowhere: both sides are equal, and the certificate
/// says what is gone, by stick as over a line.
#[test]
fn a_restore_that_loses_an_edit_makes_a_false_certificate_by_stick() {
    let (city, node) = acquainted(1..=5);
    let backup = city.text_path("node.backup");
    node.run(["backup", &backup]).ok();
    put(&node, &sample(2).0, "remark=没有传出").ok();
    node.run(["restore", &backup]).ok();
    put(&node, &sample(3).0, "remark=恢复之后").ok();
    let mut made = Value::Null;
    for _ in 0..3 {
        if made.is_null() {
            made = round(&city, &node).1["certificate"].clone();
        }
    }
    assert_eq!(made["true"], false, "{made}");
    assert_eq!(made["faults"][0]["code"], "PROOF-015", "{made}");
    assert_eq!(side(&made, "node")["missing"], 1, "{made}");
    assert_eq!(made["listed"][0]["fate"], "missing", "{made}");
    carry(&city, &node, &city.hub);
    assert_eq!((kept(&node), kept(&city.hub)), (vec![false], vec![false]));
    let file = saved(&city, &city.hub, "false");
    assert_eq!(verify(&city.hub, &file).code, 1);
    assert_eq!(check(&node, "DOCTOR-024")["ok"], false);
    assert_equal(&node, &city.hub);

    // People read the same by the next stick, with what is missing.
    put(&node, &sample(4).0, "remark=再往返").ok();
    let stick = city.text_path("stick");
    carry(&city, &node, &city.hub);
    export(&city.hub, &stick);
    let said = node.run(["bundle", "import", &stick]).ok();
    assert!(said.stdout.contains("证书不成立"), "{said:?}");
    assert!(said.stdout.contains("下落不明"), "{said:?}");
}

/// The node asked, was put back, and the answer came: what it lacked then is at the city and comes
/// home. That is no loss, so nothing is stated before it has.
#[test]
fn a_restore_between_question_and_answer_begins_anew_and_ends_true() {
    let (city, node) = acquainted(1..=5);
    let stick = city.text_path("stick");
    assert_eq!(carry(&city, &node, &city.hub)["stated"], true);
    let backup = city.text_path("node.backup");
    node.run(["backup", &backup]).ok();
    put(&node, &sample(1).0, "remark=备份之后").ok();
    // The city writes as well, so it states no more for this one, and its former statement stays.
    put(&city.hub, &sample(2).0, "remark=市级").ok();
    let there = carry(&city, &node, &city.hub);
    assert_eq!(there["stated"], false, "{there}");
    node.run(["restore", &backup]).ok();
    let answer = export(&city.hub, &stick);
    assert_eq!(answer["proof"]["states"], true, "{answer}");
    let back = import(&node, &stick);
    assert_eq!(back["certificate"], Value::Null, "{back}");
    let mut made = Vec::new();
    for n in 1..=4 {
        put(&node, &sample(4).0, &format!("remark=第{n}次")).ok();
        let stick = city.text_path("round");
        export(&node, &stick);
        let ran = city.hub.run(["bundle", "import", &stick]);
        assert!(
            ran.code == 0 || ran.stderr.contains("BUNDLE-008"),
            "{ran:?}"
        );
        let back = carry(&city, &city.hub, &node);
        made.push(back["certificate"]["true"].clone());
    }
    made.retain(|one| !one.is_null());
    assert!(
        !made.is_empty() && made.iter().all(|one| *one == json!(true)),
        "{made:?}"
    );
    assert_eq!(organisations(&node).len(), 5);
    assert!(kept(&node).iter().all(|is_true| *is_true));
}

/// What an acceptance test saw: after the city was restored both sides were equal, and no certificate
/// was made any more, for nothing had changed at the district.
#[test]
fn a_city_that_was_restored_is_proved_anew() {
    let (mut city, node) = acquainted(1..=5);
    round(&city, &node);
    city.down();
    let backup = city.text_path("hub.backup");
    city.hub.run(["backup", &backup]).ok();
    put(&node, &sample(1).0, "remark=备份之后").ok();
    round(&city, &node);
    round(&city, &node);
    let before = kept(&node).len();
    city.hub.run(["restore", &backup]).ok();
    for _ in 0..4 {
        round(&city, &node);
    }
    assert_equal(&node, &city.hub);
    let after = kept(&node);
    assert!(after.len() > before, "{before} {after:?}");
    assert_eq!(after.last(), Some(&true), "{after:?}");
}
