//! An organisation that two districts claim, ruled each of the three ways.

use serde_json::{Value, json};
use tests::programs::Program;

use crate::e2e::{
    across::{CODE, Two, made, make, other_code, sample},
    city::{City, assert_refused, check, in_chinese, organisation, put, refused, settle},
};

/// One organisation that both districts have entered, as the city sees it.
struct Claimed {
    two: Two,
    /// At Jianxi.
    a: String,
    /// At Laocheng.
    b: String,
    case: Value,
}

fn claimed() -> Claimed {
    let two = Two::open();
    let a = make(&two.jianxi.node, &sample(CODE, "洛阳甲厂"));
    let b = make(&two.laocheng.node, &sample(CODE, "洛阳甲厂老城分部"));
    two.settle();
    let cases = two.hub().json(["claim", "list"]);
    assert_eq!(cases.as_array().unwrap().len(), 1, "{cases}");
    assert_eq!(cases[0]["state"], "open");
    two.settle();
    Claimed {
        a,
        b,
        case: cases[0].clone(),
        two,
    }
}

impl Claimed {
    fn id(&self) -> &str {
        self.case["id"].as_str().unwrap()
    }

    fn counted(&self) -> [u64; 3] {
        let report = self.two.hub().json(["report", "indicators"]);
        let count = |of: &Value| of["counted"].as_u64().unwrap_or_default();
        [
            count(&report["scopes"]["410305"]),
            count(&report["scopes"]["410302"]),
            count(&report["city"]),
        ]
    }

    fn open_cases(&self) -> usize {
        let cases = self.two.hub().json(["claim", "list"]);
        cases.as_array().unwrap().len()
    }

    /// Jianxi's record stands, under the name that Laocheng gave.
    fn merge(&self) {
        let survivor = format!("organisation/{}", self.a);
        let choose = format!("name={}", self.number_of(&self.b));
        let rule = ["claim", "rule", self.id(), "--merge-into", &survivor];
        let more = ["--choose", &choose, "--reason", "同一法人，在涧西经营"];
        let ruled = self.two.hub().json(rule.into_iter().chain(more));
        assert_eq!(ruled["ruling"], "merge_records");
        assert_eq!(ruled["survivor"], self.a.as_str());
        self.two.laocheng.line.mend();
        self.two.settle();
        for program in [self.two.hub(), &self.two.jianxi.node] {
            let told = program.json(["record", "explain", "organisation", &self.a, "name"]);
            let decided = &told["fields"][0]["decided"];
            assert_eq!(
                (&decided["choice"], &decided["reason"]),
                (&json!("merge_records"), &json!("同一法人，在涧西经营")),
                "{told}"
            );
            assert_eq!(decided["by"], told["fields"][0]["author"], "{told}");
        }
    }

    /// What lies twice in one scope is a claim as well: the same case, for those who have it now.
    #[track_caller]
    fn assert_still_open_in(&self, scope: &str) {
        let at_hub = self.two.hub().json(["claim", "list"]);
        self.two.settle();
        for list in [at_hub, self.two.laocheng.node.json(["claims"])] {
            assert_eq!(
                (&list[0]["id"], &list[0]["state"]),
                (&self.case["id"], &json!("open")),
                "{list}"
            );
            let evidence = format!("统一社会信用代码 {CODE} 在 {scope} 登记了两次");
            assert_eq!(list[0]["evidence"], evidence, "where they lie now");
            for record in list[0]["records"].as_array().unwrap() {
                assert_eq!(record["scope"], scope, "{list}");
            }
        }
    }

    fn number_of(&self, id: &str) -> u64 {
        let records = self.case["records"].as_array().unwrap();
        let name = format!("organisation/{id}");
        let record = records.iter().find(|record| record["record"] == name);
        record.unwrap()["number"].as_u64().unwrap()
    }
}

#[test]
fn a_claim_stays_open_and_counts_once_until_the_city_merges_the_records() {
    let claimed = claimed();
    let (two, id) = (&claimed.two, claimed.id());
    assert_eq!(
        claimed.counted(),
        [1, 1, 1],
        "both live, the city counts one"
    );
    // Both districts see the case.
    for district in [&two.jianxi, &two.laocheng] {
        let seen = district.node.json(["claims"]);
        assert_eq!(
            (&seen[0]["id"], &seen[0]["state"]),
            (&claimed.case["id"], &json!("open"))
        );
    }
    let shown = two.hub().json(["claim", "show", id]);
    let fields = shown["fields"].as_array().unwrap();
    assert!(
        fields.iter().any(|field| field["field"] == "name"),
        "{shown}"
    );
    let said = in_chinese(two.hub(), &["claim", "show", id]);
    for part in ["状态：待裁定", "依据：", "单位名称 name："] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(in_chinese(&two.jianxi.node, &["claims"]).contains("待裁定"));
    claimed.merge();
    assert_eq!(claimed.open_cases(), 0);
    let said = in_chinese(two.hub(), &["claim", "show", id]);
    assert!(
        said.contains("状态：已裁定") && said.contains("裁定：合并为一条"),
        "{said}"
    );
    assert_eq!(claimed.counted(), [1, 0, 1]);
    let stands = organisation(&two.jianxi.node, &claimed.a);
    assert_eq!(
        stands["values"]["name"], "洛阳甲厂老城分部",
        "as was chosen"
    );
    // The other is a name of it for ever, wherever it is asked for.
    for program in [two.hub(), &two.jianxi.node] {
        let read = organisation(program, &claimed.b);
        assert_eq!(
            (&read["id"], &read["asked"]),
            (&json!(claimed.a), &json!(claimed.b))
        );
    }
    let written = put(&two.jianxi.node, &claimed.b, "remark=x");
    assert_refused(&written, 4, "MERGED-001");
    assert!(
        written.stderr.contains(&claimed.a),
        "the answer names the one that stands"
    );
    // The district that had it sees what was ruled.
    let seen = two.laocheng.node.json(["claims"]);
    assert_eq!(seen[0]["ruling"], "merge_records");
    let gone = put(&two.laocheng.node, &claimed.b, "remark=x");
    assert_eq!(gone.code, 4, "{gone:?}");
}

/// Its own id led to a record that was not there.
#[test]
fn the_district_that_lost_reads_the_record_that_stands() {
    let claimed = claimed();
    let (two, old) = (&claimed.two, &claimed.two.laocheng.node);
    claimed.merge();
    let read = organisation(old, &claimed.b);
    assert_eq!(
        (&read["id"], &read["asked"]),
        (&json!(claimed.a), &json!(claimed.b))
    );
    assert_eq!(
        (&read["guest"], &read["scope"]),
        (&json!("lent"), &json!("410305")),
        "{read}"
    );
    let said = in_chinese(old, &["record", "get", "organisation", &claimed.b]);
    assert!(
        said.contains("410305") && said.contains("洛阳甲厂"),
        "{said}"
    );
    // It is no part of what this district has, counts or writes.
    let report = old.json(["report", "indicators"]);
    let own = &report["scopes"]["410302"];
    assert_eq!(
        own,
        &two.hub().json(["report", "indicators"])["scopes"]["410302"]
    );
    assert!(
        [&json!(0), &Value::Null].contains(&&own["counted"]),
        "{own}"
    );
    for id in [&claimed.a, &claimed.b] {
        let written = put(old, id, "remark=x");
        assert_eq!(written.code, 4, "{written:?}");
    }
    // What its new home writes comes here.
    put(&two.jianxi.node, &claimed.a, "remark=涧西核实").ok();
    two.settle();
    let read = organisation(old, &claimed.b);
    assert_eq!(read["values"]["remark"], "涧西核实");
    for program in [two.hub(), old, &two.jianxi.node] {
        assert_eq!(program.json(["verify"])["findings"], json!([]));
    }
}

#[test]
fn whoever_lost_reads_on_when_the_one_that_stood_is_merged_too() {
    let mut claimed = claimed();
    claimed.merge();
    let xigong = claimed.two.city.district("410303", "西工区", "xigong");
    let c = make(&xigong.node, &sample(CODE, "洛阳甲厂西工总部"));
    settle(&xigong.node);
    claimed.two.settle();
    let cases = claimed.two.hub().json(["claim", "list"]);
    let case = cases[0]["id"].as_str().unwrap();
    let survivor = format!("organisation/{c}");
    let rule = ["claim", "rule", case, "--merge-into", &survivor];
    let rule = rule.into_iter().chain(["--reason", "总部在西工"]);
    claimed.two.hub().json(rule);
    claimed.two.settle();
    for (program, id) in [
        (&claimed.two.laocheng.node, &claimed.b),
        (&claimed.two.jianxi.node, &claimed.a),
        (claimed.two.hub(), &claimed.b),
    ] {
        let read = organisation(program, id);
        let said = (&read["id"], &read["scope"]);
        assert_eq!(said, (&json!(c), &json!("410303")), "{read}");
    }
}

#[test]
fn what_is_below_a_merged_record_follows_it_and_a_late_edit_is_offered_to_the_survivor() {
    let claimed = claimed();
    let two = &claimed.two;
    let party = made(
        &two.laocheng.node,
        "party_organisation",
        &json!({ "name": "甲厂党支部", "type": "branch", "status": "active", "form": "standalone",
            "established_on": "2020-06-18", "host_organisation": claimed.b }),
    );
    let link = made(
        &two.laocheng.node,
        "coverage_link",
        &json!({ "organisation": claimed.b, "party_organisation": party, "form": "standalone",
            "from_on": "2020-06-18" }),
    );
    two.settle();
    // An edit that is still under way when the city rules.
    two.laocheng.line.cut();
    put(&two.laocheng.node, &claimed.b, "remark=断线期间的修改").ok();
    claimed.merge();
    // Its Party organisation and the link went along: the survivor is covered.
    for (kind, id) in [("party_organisation", &party), ("coverage_link", &link)] {
        let document = two.jianxi.node.json(["record", "get", kind, id]);
        assert_eq!(document["scope"], "410305", "{kind}");
    }
    let report = two.jianxi.node.json(["report", "indicators"]);
    let coverage = &report["scopes"]["410305"]["org_coverage_rate"];
    assert_eq!((&coverage["num"], &coverage["den"]), (&json!(1), &json!(1)));
    // The late edit is offered to whoever has the survivor, and taken over there.
    let late = two.jianxi.node.json(["proposal", "list"]);
    let proposal = late[0]["id"].as_str().unwrap();
    let accept = ["proposal", "accept", proposal, "--reason", "属实"];
    let accepted = two.jianxi.node.json(accept);
    assert_eq!(accepted["id"], claimed.a.as_str());
    assert_eq!(accepted["values"]["remark"], "断线期间的修改");
}

#[test]
fn a_claim_is_ruled_by_giving_both_records_to_one_scope() {
    let claimed = claimed();
    let (two, id) = (&claimed.two, claimed.id());
    let rule = [
        "claim",
        "rule",
        id,
        "--transfer-to",
        "410302",
        "--reason",
        "在老城经营",
    ];
    let ruled = two.hub().json(rule);
    let expected = if claimed.number_of(&claimed.b) == 1 {
        "take_a"
    } else {
        "take_b"
    };
    assert_eq!(ruled["ruling"], expected);
    two.settle();
    claimed.assert_still_open_in("410302");
    for id in [&claimed.a, &claimed.b] {
        assert_eq!(organisation(&two.laocheng.node, id)["scope"], "410302");
    }
    let moved = put(&two.jianxi.node, &claimed.a, "remark=x");
    assert_refused(&moved, 4, "TRANSFER-013");
    let list = two.jianxi.node.json(["record", "list", "organisation"]);
    assert_eq!(
        list["records"].as_array().unwrap().len(),
        0,
        "out of all lists"
    );
    // The same way cannot be ruled again, but they can be merged there.
    refused(two.hub(), rule, 6, "CLAIM-006");
    let survivor = format!("organisation/{}", claimed.b);
    let merge = [
        "claim",
        "rule",
        id,
        "--merge-into",
        &survivor,
        "--reason",
        "重复登记",
    ];
    assert_eq!(two.hub().json(merge)["ruling"], "merge_records");
    two.settle();
    assert_eq!(claimed.counted(), [0, 1, 1]);
    assert_eq!(
        organisation(&two.laocheng.node, &claimed.a)["id"],
        claimed.b.as_str()
    );
    // Last year's sheet of the district that had it does not enter it a second time.
    let sheet = two.city.text_path("last_year.csv");
    let row = "统一社会信用代码,单位名称,组织大类,组织类型,行业门类,经营状态,排查状态,从业人员数,党员数,正式党员数,数据日期,组建条件,数据来源";
    let values = format!(
        "{CODE},洛阳甲厂,新经济组织,私营企业,C,正常经营,在册,30,4,4,2026-09-30,具备条件,人工填报"
    );
    std::fs::write(&sheet, format!("{row}\n{values}\n")).unwrap();
    let read = two
        .jianxi
        .node
        .run(["import", "organisation", &sheet, "--json"])
        .json();
    assert_eq!(
        (&read["created"], &read["changed"]),
        (&json!(0), &json!(0)),
        "{read}"
    );
    two.settle();
    assert_eq!(claimed.open_cases(), 0);
}

#[test]
fn both_records_given_to_a_third_scope_are_a_claim_there() {
    let mut claimed = claimed();
    let third = claimed.two.city.district("410303", "西工区", "xigong");
    settle(&third.node);
    let rule = ["claim", "rule", claimed.id(), "--transfer-to", "410303"];
    let rule = rule.into_iter().chain(["--reason", "在西工经营"]);
    assert_eq!(claimed.two.hub().json(rule)["ruling"], "enter");
    let at_hub = claimed.two.hub().json(["claim", "list"]);
    settle(&third.node);
    for list in [at_hub, third.node.json(["claims"])] {
        assert_eq!(
            (&list[0]["id"], &list[0]["state"]),
            (&claimed.case["id"], &json!("open")),
            "{list}"
        );
        assert_eq!(list[0]["records"][1]["scope"], "410303", "{list}");
    }
}

/// The ruling said that its case went on, while another did: what it advised was refused.
#[test]
fn where_a_third_record_lies_in_the_target_the_case_that_waits_is_named() {
    let mut two = Two::open();
    let third = two.city.district("410303", "西工区", "xigong");
    let earlier = make(&third.node, &sample(CODE, "洛阳甲厂西工分部"));
    let a = make(&two.jianxi.node, &sample(CODE, "洛阳甲厂"));
    let b = make(&two.laocheng.node, &sample(CODE, "洛阳甲厂老城分部"));
    settle(&third.node);
    two.settle();
    let cases = two.hub().json(["claim", "list"]);
    let all = cases.as_array().unwrap();
    let of_third = |case: &&Value| case.to_string().contains(&earlier);
    let case = all.iter().find(|case| !of_third(case)).unwrap();
    assert_eq!(all.len(), 3, "each with each: {cases}");
    settle(&third.node);
    two.settle();
    let rule = ["claim", "rule", case["id"].as_str().unwrap()];
    let rule = rule.into_iter().chain(["--transfer-to", "410303"]);
    let ruled = two.hub().run(rule.chain(["--reason", "在西工经营"])).ok();
    let cases = two.hub().json(["claim", "list"]);
    assert_eq!(cases.as_array().unwrap().len(), 1, "one at a time: {cases}");
    let waits = cases[0]["id"].as_str().unwrap();
    assert_ne!(cases[0]["id"], case["id"], "{a} {b}");
    assert!(ruled.stderr.contains(waits), "{waits}: {ruled:?}");
    let survivor = format!("organisation/{earlier}");
    let merge = ["claim", "rule", waits, "--merge-into", &survivor];
    let merge = merge.into_iter().chain(["--reason", "重复登记"]);
    two.hub().run(merge).ok();
}

#[test]
fn a_claim_of_two_organisations_ends_with_the_corrected_code() {
    let claimed = claimed();
    let (two, id) = (&claimed.two, claimed.id());
    let wrong = format!("organisation/{}={CODE}", claimed.b);
    let right = format!("organisation/{}={}", claimed.b, other_code());
    let rule = |correct: &str| {
        let args = [
            "claim",
            "rule",
            id,
            "--separate",
            "--correct",
            correct,
            "--reason",
            "执照核实",
        ];
        args.map(str::to_owned)
    };
    refused(two.hub(), rule(&wrong), 6, "CLAIM-004");
    refused(
        two.hub(),
        ["claim", "rule", id, "--separate", "--reason", "x"],
        2,
        "",
    );
    let ruled = two.hub().json(rule(&right));
    assert_eq!(ruled["ruling"], "keep_both");
    two.settle();
    assert_eq!(claimed.open_cases(), 0);
    assert_eq!(claimed.counted(), [1, 1, 2]);
    let corrected = organisation(&two.laocheng.node, &claimed.b);
    assert_eq!(corrected["values"]["uscc"], other_code());
    assert!(corrected["conflicts"].as_array().unwrap().is_empty());
    // The same code again opens the same case again.
    put(&two.laocheng.node, &claimed.b, &format!("uscc={CODE}")).ok();
    two.settle();
    let cases = two.hub().json(["claim", "list"]);
    assert_eq!(
        (&cases[0]["id"], &cases[0]["state"]),
        (&claimed.case["id"], &json!("open"))
    );
}

/// The number of claims that wait as `doctor` says it.
fn told(hub: &Program) -> usize {
    let told = check(hub, "DOCTOR-042");
    let said = told["message"].as_str().unwrap();
    let digits: String = said.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}

/// Office and park, both off line, entered one organisation; nobody saw it twice or could decide.
#[test]
fn what_two_nodes_of_one_scope_have_entered_is_a_claim_and_is_merged() {
    let mut city = City::open();
    let office = city.jianxi();
    let park = city.district("410305", "涧西区", "park");
    city.district("410302", "老城区", "laocheng");
    let settled = || {
        for _ in 0..2 {
            settle(&office.node);
            settle(&park.node);
        }
    };
    settled();
    let a = make(&office.node, &sample(CODE, "洛阳甲厂"));
    let b = make(&park.node, &sample(CODE, "洛阳甲厂园区"));
    settled();
    let cases = city.hub.json(["claim", "list"]);
    assert_eq!(cases.as_array().unwrap().len(), 1, "{cases}");
    assert_eq!((&cases[0]["state"], told(&city.hub)), (&json!("open"), 1));
    let case = cases[0]["id"].as_str().unwrap();
    settled();
    for node in [&office.node, &park.node] {
        let seen = node.json(["claims"]);
        assert_eq!(
            (&seen[0]["id"], &seen[0]["state"]),
            (&cases[0]["id"], &json!("open"))
        );
        let scopes = [
            &seen[0]["records"][0]["scope"],
            &seen[0]["records"][1]["scope"],
        ];
        assert_eq!(scopes, ["410305", "410305"]);
    }
    // The city counts the code once; a district counts its records, which are one when it is ruled.
    let counted = || {
        let report = city.hub.json(["report", "indicators"]);
        [&report["scopes"]["410305"], &report["city"]].map(|of| of["counted"].clone())
    };
    assert_eq!(counted(), [2, 1]);
    let reason = ["--reason", "同一法人"];
    let stay = ["claim", "rule", case, "--transfer-to", "410305"];
    refused(&city.hub, stay.into_iter().chain(reason), 6, "CLAIM-006");
    // Both would move, and the claim with them.
    let away = ["claim", "rule", case, "--transfer-to", "410302"];
    refused(&city.hub, away.into_iter().chain(reason), 6, "CLAIM-006");
    let survivor = format!("organisation/{a}");
    let merge = ["claim", "rule", case, "--merge-into", &survivor];
    city.hub.run(merge.into_iter().chain(reason)).ok();
    settled();
    assert_eq!(city.hub.json(["claim", "list"]), json!([]));
    assert_eq!(told(&city.hub), 0);
    assert_eq!(counted(), [1, 1]);
    for node in [&office.node, &park.node] {
        assert_eq!(organisation(node, &b)["id"], a.as_str(), "b is a name of a");
        assert_eq!(node.json(["claims"])[0]["ruling"], "merge_records");
    }
}

#[test]
fn one_code_twice_in_one_scope_is_corrected_and_a_third_comes_up_after_it() {
    let city = City::founded();
    for name in ["市直甲厂", "市直乙厂", "市直丙厂"] {
        make(&city.hub, &sample(CODE, name));
    }
    let cases = || city.hub.json(["claim", "list"]);
    let correct = |code: &str| {
        let case = cases()[0].clone();
        let wrong = case["records"][0]["record"].as_str().unwrap();
        let correct = format!("{wrong}={code}");
        let rule = ["claim", "rule", case["id"].as_str().unwrap(), "--separate"];
        let rule = rule.into_iter().chain(["--correct", &correct]);
        city.hub.run(rule.chain(["--reason", "执照核实"])).ok();
        case["id"].clone()
    };
    assert_eq!((cases().as_array().unwrap().len(), told(&city.hub)), (1, 1));
    let first = correct(&other_code());
    assert_eq!((cases().as_array().unwrap().len(), told(&city.hub)), (1, 1));
    assert_ne!(cases()[0]["id"], first, "the other two");
    let all = city.hub.json(["claim", "list", "--all"]);
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
}

#[test]
fn a_circle_of_mergers_is_listed_for_the_city_and_hides_nothing() {
    let city = City::founded();
    let first = make(&city.hub, &sample(CODE, "市直甲厂"));
    let second = make(&city.hub, &sample(&other_code(), "市直乙厂"));
    for (from, into) in [(&first, &second), (&second, &first)] {
        put(&city.hub, from, &format!("merged_into={into}")).ok();
    }
    let cases = city.hub.json(["claim", "list"]);
    assert_eq!(cases[0]["state"], "circle", "{cases}");
    assert_eq!(cases[0]["records"].as_array().unwrap().len(), 2);
    let list = city.hub.json(["record", "list", "organisation"]);
    assert_eq!(list["records"].as_array().unwrap().len(), 2);
    assert_refused(&put(&city.hub, &first, "remark=x"), 4, "MERGED-002");
    put(&city.hub, &second, "merged_into=").ok();
    assert_eq!(city.hub.json(["claim", "list"]), json!([]));
    assert_eq!(organisation(&city.hub, &first)["id"], second.as_str());
}

/// Two organisations that were taken for one, and are two again.
#[test]
fn a_merger_that_was_wrong_is_undone_and_its_record_goes_home() {
    let claimed = claimed();
    let (two, old) = (&claimed.two, &claimed.two.laocheng.node);
    claimed.merge();
    assert_eq!(organisation(old, &claimed.b)["id"], claimed.a.as_str());
    put(two.hub(), &claimed.b, "merged_into=").ok();
    let back = organisation(two.hub(), &claimed.b);
    assert_eq!(back["id"], claimed.b.as_str());
    assert_eq!(back["values"]["census_status"], "counted");
    // The case waits again, and names where both lie now; then the record goes home.
    claimed.assert_still_open_in("410305");
    let name = format!("organisation/{}", claimed.b);
    let home = ["transfer", "rule", &name, "--to", "410302"];
    two.hub()
        .run(home.into_iter().chain(["--reason", "合并有误"]))
        .ok();
    two.settle();
    assert_eq!(claimed.counted(), [1, 1, 1], "one code counts once");
    put(old, &claimed.b, "remark=照常填写").ok();
    two.settle();
    assert_eq!(
        organisation(two.hub(), &claimed.b)["values"]["remark"],
        "照常填写"
    );
    for program in [two.hub(), &two.jianxi.node, old] {
        assert_eq!(program.json(["verify"])["findings"], json!([]));
    }
}

/// What is only read for a district is the city's to rule.
#[test]
fn an_organisation_in_transfer_is_merged_as_any_other_and_its_request_ends_with_that() {
    let claimed = claimed();
    let (two, old) = (&claimed.two, &claimed.two.laocheng.node);
    let moving = format!("organisation/{}", claimed.b);
    let ask = ["transfer", "request", &moving, "--to", "410305"];
    let asked = old.json(ask.into_iter().chain(["--reason", "搬迁"]));
    two.settle();
    let state = |program: &Program, id: &str| organisation(program, id)["values"].clone();
    assert_eq!(
        state(two.hub(), &claimed.b)["census_status"],
        "transferring"
    );
    claimed.merge();
    let refuse = ["transfer", "refuse", asked["id"].as_str().unwrap()];
    let refuse = refuse.into_iter().chain(["--reason", "已合并"]);
    refused(two.hub(), refuse, 6, "TRANSFER-004");
    two.settle();
    assert_eq!(claimed.counted(), [1, 0, 1]);
    for program in [two.hub(), &two.jianxi.node, old] {
        assert_eq!(organisation(program, &claimed.b)["id"], claimed.a.as_str());
        assert_eq!(state(program, &claimed.b)["census_status"], "counted");
        assert_eq!(program.json(["verify"])["findings"], json!([]));
    }
    assert_eq!(two.hub().json(["transfer", "list"]), json!([]));
}
