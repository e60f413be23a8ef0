//! An organisation that two districts claim, ruled each of the three ways.

use serde_json::{Value, json};

use crate::e2e::{
    across::{CODE, Two, made, make, other_code, sample},
    city::{City, assert_refused, in_chinese, organisation, put, refused},
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
    assert_eq!(claimed.open_cases(), 0);
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
    // Both lie in one scope. The same way cannot be ruled again, but they can be merged there.
    refused(two.hub(), rule, 6, "CLAIM-001");
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
