//! Records that move with all that belongs to them, late edits, a fenced node that returns, what is
//! lent.

use proto::sync::{Frame, frame::Frame as Body};
use serde_json::{Value, json};
use tests::programs::{Program, Serving};

use crate::e2e::{
    across::{CODE, Two, made, make, other_code, sample, scope_of},
    certificate::session_by_hand,
    city::{
        City, District, assert_refused, check, in_chinese, organisation, put, refused, settle,
        until,
    },
};

/// An organisation of Jianxi with children, and the ids of all of them.
pub(super) fn with_children(node: &Program) -> Vec<(&'static str, String)> {
    let head = made(node, "person", &json!({ "display_name": "李某" }));
    let mut values = sample(CODE, "洛阳甲厂");
    values["head"] = json!(head);
    let organisation = make(node, &values);
    let party = made(
        node,
        "party_organisation",
        &json!({ "name": "甲厂党支部", "type": "branch", "status": "active", "form": "standalone",
            "established_on": "2020-06-18", "host_organisation": organisation }),
    );
    let link = made(
        node,
        "coverage_link",
        &json!({ "organisation": organisation, "party_organisation": party, "form": "standalone",
            "from_on": "2020-06-18" }),
    );
    let carrier = made(
        node,
        "carrier",
        &json!({ "party_organisation": party, "name": "党员先锋岗", "status": "running" }),
    );
    let activity = made(
        node,
        "carrier_activity",
        &json!({ "carrier": carrier, "on": "2020-07-01", "title": "主题党日" }),
    );
    let role = made(
        node,
        "role_assignment",
        &json!({ "person": head, "role": "head", "subject": format!("organisation/{organisation}"),
            "from_on": "2020-01-01" }),
    );
    vec![
        ("organisation", organisation),
        ("person", head),
        ("party_organisation", party),
        ("coverage_link", link),
        ("carrier", carrier),
        ("carrier_activity", activity),
        ("role_assignment", role),
    ]
}

/// Asks for a move to Laocheng.
fn ask(record: &str) -> [String; 7] {
    let args = ["transfer", "request", record, "--to", "410302"];
    let reason = ["--reason", "搬迁"];
    let mut all = args.into_iter().chain(reason).map(str::to_owned);
    std::array::from_fn(|_| all.next().unwrap())
}

/// Asks for the move of a record and lets the other scope consent. Returns the request's id.
pub(super) fn agreed(two: &Two, record: &str) -> String {
    let asked = two.jianxi.node.json(ask(record));
    let request = asked["id"].as_str().unwrap().to_owned();
    two.settle();
    two.laocheng
        .node
        .run(["transfer", "consent", &request])
        .ok();
    two.settle();
    request
}

pub(super) fn accept(request: &str) -> [&str; 5] {
    ["transfer", "accept", request, "--reason", "同意"]
}

#[test]
fn a_move_is_accepted_when_both_scopes_agree_and_their_nodes_were_met() {
    let mut two = Two::open();
    let all = with_children(&two.jianxi.node);
    let name = format!("organisation/{}", all[0].1);
    two.settle();
    // A child does not move by itself; the district asks for its root.
    let link = format!("coverage_link/{}", all[3].1);
    refused(&two.jianxi.node, ask(&link), 6, "TRANSFER-007");
    let asked = two.jianxi.node.json(ask(&name));
    let request = asked["id"].as_str().unwrap();
    refused(&two.jianxi.node, ask(&name), 6, "TRANSFER-006");
    two.settle();
    // Until both agree the city does not accept.
    refused(two.hub(), accept(request), 4, "TRANSFER-009");
    let seen = two.laocheng.node.json(["transfer", "list"]);
    assert_eq!(
        (&seen[0]["id"], &seen[0]["title"]),
        (&json!(request), &json!("洛阳甲厂"))
    );
    let own = ["transfer", "consent", request];
    refused(&two.jianxi.node, own, 4, "TRANSFER-005");
    // What was said was "asked for", under the id of another request, and the list had two rows.
    let consent = ["transfer", "consent", request, "--lang", "zh"];
    let said = two.laocheng.node.run(consent).ok().stdout;
    let agreed = format!("已同意申请 {request}：{name} 由 410305 迁往 410302");
    assert!(said.contains(&agreed), "{said}");
    two.settle();
    for program in [two.hub(), &two.jianxi.node, &two.laocheng.node] {
        let list = program.json(["transfer", "list"]);
        assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
        let one = (&list[0]["id"], &list[0]["agreed"]);
        assert_eq!(one, (&json!(request), &json!(true)), "{list}");
    }
    // Consent is taken back under the id of what was agreed to.
    let back = ["transfer", "cancel", request, "--reason", "再议"];
    two.laocheng.node.run(back).ok();
    assert_eq!(
        two.laocheng.node.json(["transfer", "list"])[0]["agreed"],
        false
    );
    two.laocheng.node.run(consent).ok();
    two.settle();
    // A node that the hub has not met since its start holds the move up, by name.
    two.city.down();
    two.city.up();
    settle(&two.laocheng.node);
    let waits = refused(two.hub(), accept(request), 4, "TRANSFER-012");
    assert!(waits.stderr.contains("涧西区"), "{waits:?}");
    settle(&two.jianxi.node);
    let list = in_chinese(&two.jianxi.node, &["transfer", "list"]);
    assert!(list.contains("是"), "{list}");
    let done = two.hub().json(accept(request));
    // The organisation, its branch and its head; the rest follows as children.
    assert_eq!(
        (&done["status"], &done["moved"]),
        (&json!("accepted"), &json!(3))
    );
    two.settle();
    for program in [two.hub(), &two.jianxi.node, &two.laocheng.node] {
        assert_one_row(program, request);
    }
    for (kind, id) in &all {
        assert_eq!(scope_of(two.hub(), kind, id), "410302", "{kind}");
        assert_eq!(scope_of(&two.laocheng.node, kind, id), "410302", "{kind}");
    }
    // The figures moved with the record, and node and hub count alike.
    let report = two.hub().json(["report", "indicators"]);
    let rate = report["scopes"]["410302"]["org_coverage_rate"].clone();
    assert_eq!((&rate["num"], &rate["den"]), (&json!(1), &json!(1)));
    let own = two.laocheng.node.json(["report", "indicators"]);
    assert_eq!(own["scopes"]["410302"], report["scopes"]["410302"]);
    for program in [two.hub(), &two.laocheng.node, &two.jianxi.node] {
        assert_eq!(program.json(["verify"])["findings"], json!([]));
    }
}

/// Settled it is one move as well, beside the consent that was taken back; there were two rows.
#[track_caller]
fn assert_one_row(program: &Program, request: &str) {
    let list = program.json(["transfer", "list", "--all"]);
    let rows = list.as_array().unwrap().iter();
    let (ended, others): (Vec<&Value>, Vec<&Value>) =
        rows.partition(|row| row["status"] == "accepted");
    assert_eq!((ended.len(), others.len()), (1, 1), "{list}");
    assert_eq!(
        (&ended[0]["id"], &others[0]["status"]),
        (&json!(request), &json!("cancelled"))
    );
}

/// A program of the first version knows nothing of moves, and would hold on to what has moved: it is
/// named, and everything goes on as soon as it was upgraded.
#[test]
fn a_move_waits_for_a_node_that_does_not_know_moves() {
    let two = Two::open();
    let organisation = make(&two.jianxi.node, &sample(CODE, "洛阳甲厂"));
    two.settle();
    let request = agreed(&two, &format!("organisation/{organisation}"));
    let says_first_version = |frame: &mut Frame| {
        if let Some(Body::Hello(hello)) = &mut frame.frame {
            hello.schema = 1;
        }
        true
    };
    session_by_hand(&two.laocheng.node, says_first_version, |frame| {
        matches!(frame.frame, Some(Body::Welcome(_)))
    });
    let waits = refused(two.hub(), accept(&request), 4, "TRANSFER-015");
    assert!(waits.stderr.contains("老城区"), "{waits:?}");
    assert!(!waits.stderr.contains("涧西区"), "{waits:?}");
    assert_eq!(scope_of(two.hub(), "organisation", &organisation), "410305");
    settle(&two.laocheng.node);
    two.hub().run(accept(&request)).ok();
    assert_eq!(scope_of(two.hub(), "organisation", &organisation), "410302");
}

#[test]
fn a_late_edit_of_a_record_that_moved_is_answered_by_its_new_home() {
    let two = Two::open();
    let id = with_children(&two.jianxi.node)[0].1.clone();
    let name = format!("organisation/{id}");
    two.settle();
    // Jianxi goes off line and edits; meanwhile the city rules that the record moves.
    two.jianxi.line.cut();
    put(&two.jianxi.node, &id, "remark=离线修改").ok();
    let rule = [
        "transfer", "rule", &name, "--to", "410302", "--reason", "搬迁",
    ];
    two.hub().json(rule);
    settle(&two.laocheng.node);
    // The late edit comes: it is no part of the record, and nobody has lost it.
    two.jianxi.line.mend();
    two.settle();
    let remark = |program: &Program| organisation(program, &id)["values"]["remark"].clone();
    assert_eq!(remark(two.hub()), Value::Null);
    for program in [two.hub(), &two.laocheng.node, &two.jianxi.node] {
        let late = program.json(["proposal", "list"]);
        let at = program.data.display();
        assert_eq!(late.as_array().unwrap().len(), 1, "{at} {late}");
        assert_eq!(late[0]["record"], name.as_str());
        assert_eq!(
            (&late[0]["from"], &late[0]["home"]),
            (&json!("410305"), &json!("410302"))
        );
        assert_eq!(late[0]["values"]["remark"], "离线修改");
        assert_eq!(late[0]["code"], "SYNC-131");
    }
    // Its author has a draft of it until somebody answers, and then no alarm any more.
    assert_eq!(two.jianxi.node.json(["status"])["refused"], 1);
    let late = two.laocheng.node.json(["proposal", "list"]);
    let proposal = late[0]["id"].as_str().unwrap();
    let said = in_chinese(&two.laocheng.node, &["proposal", "show", proposal]);
    for part in ["填写辖区：410305", "原因：SYNC-131", "备注", "离线修改"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let list = in_chinese(&two.jianxi.node, &["refusal", "list"]);
    assert!(list.contains("备注"), "{list}");
    let accept = ["proposal", "accept", proposal, "--reason", "属实"];
    // Its sender cannot answer it.
    let own = two.jianxi.node.run(accept);
    assert_eq!(own.code, 4, "{own:?}");
    let accepted = two.laocheng.node.json(accept);
    assert_eq!(accepted["values"]["remark"], "离线修改");
    refused(&two.laocheng.node, accept, 6, "PROPOSAL-001");
    two.settle();
    assert_eq!(remark(two.hub()), "离线修改");
    let answered = two.jianxi.node.json(["proposal", "list", "--all"]);
    assert_eq!(answered[0]["answer"], "accepted");
    assert_seen_to(&two, &id);
    let written = put(&two.jianxi.node, &id, "remark=y");
    assert_refused(&written, 4, "TRANSFER-013");
}

/// The author of a late edit that was answered has no alarm of it, and people can read what was done.
#[track_caller]
fn assert_seen_to(two: &Two, id: &str) {
    let author = &two.jianxi.node;
    assert_eq!(author.json(["status"])["refused"], 0);
    assert_eq!(author.json(["refusal", "list"]), json!([]));
    let all = author.json(["refusal", "list", "--all"]);
    assert_eq!(
        (&all[0]["done"], &all[0]["open"]),
        (&json!("accepted"), &json!(false))
    );
    let list = in_chinese(author, &["refusal", "list", "--all"]);
    assert!(list.contains("归属辖区已采纳"), "{list}");
    let draft = all[0]["id"].as_str().unwrap();
    let said = in_chinese(author, &["refusal", "show", draft]);
    assert!(said.contains("处理：归属辖区已采纳"), "{said}");
    let node = node_of(two.hub(), "410305");
    let said = in_chinese(two.hub(), &["node", "show", &node]);
    assert!(
        said.contains("连接：未连接") && said.contains("状态：有效"),
        "{said}"
    );
    for command in ["explain", "history"] {
        let said = in_chinese(two.hub(), &["record", command, "organisation", id]);
        assert!(said.contains("归属") && said.contains("410302"), "{said}");
    }
}

/// What the record says of where it stands, as a program sees it.
#[track_caller]
fn state_of(program: &Program, id: &str) -> Value {
    organisation(program, id)["values"]["census_status"].clone()
}

#[test]
fn an_organisation_is_in_transfer_from_the_request_to_the_end_of_it() {
    let two = Two::open();
    let id = make(&two.jianxi.node, &sample(CODE, "洛阳甲厂"));
    let name = format!("organisation/{id}");
    two.settle();
    let node = &two.jianxi.node;
    // Nobody sets it going without a request, and the answer says what to do.
    let acts = node.json(["record", "acts", "organisation", &id]);
    let acts: Vec<&Value> = acts.as_array().unwrap().iter().map(|a| &a["act"]).collect();
    assert_eq!(acts, ["exclude", "close", "merge"]);
    let step = ["record", "act", "organisation", &id, "transfer"];
    let step = step.into_iter().chain(["--reason", "搬迁"]);
    let unasked = refused(node, step, 6, "move_unasked");
    assert!(unasked.stderr.contains("transfer request"), "{unasked:?}");
    let ask = ask(&name);
    let said = node
        .run(ask.iter().map(String::as_str).chain(["--lang", "zh"]))
        .ok()
        .stdout;
    assert!(
        said.contains("只能查看") && said.contains("transfer cancel"),
        "{said}"
    );
    two.settle();
    // Both sides read it, and nobody writes it.
    for program in [node, two.hub()] {
        assert_eq!(state_of(program, &id), "transferring");
        assert_refused(&put(program, &id, "remark=x"), 6, "move_locked");
        assert_refused(&put(program, &id, "census_status=counted"), 6, "move_waits");
        assert_eq!(
            program.json(["record", "acts", "organisation", &id]),
            json!([])
        );
        let report = program.json(["report", "indicators"]);
        assert_eq!(report["scopes"]["410305"]["counted"], 1, "{report}");
    }
    let request = node.json(["transfer", "list"])[0]["id"].clone();
    let cancel = [
        "transfer",
        "cancel",
        request.as_str().unwrap(),
        "--reason",
        "不搬了",
    ];
    node.run(cancel).ok();
    assert_eq!(state_of(node, &id), "counted");
    put(node, &id, "remark=照常填写").ok();
    two.settle();
    assert_eq!(state_of(two.hub(), &id), "counted");
    // With the consent of the other side and the word of the city it is counted there.
    let request = agreed(&two, &name);
    assert_eq!(state_of(two.hub(), &id), "transferring");
    two.hub().json(accept(&request));
    two.settle();
    for program in [two.hub(), &two.laocheng.node] {
        assert_eq!(scope_of(program, "organisation", &id), "410302");
        assert_eq!(state_of(program, &id), "counted");
        let report = program.json(["report", "indicators"]);
        assert_eq!(report["scopes"]["410302"]["counted"], 1, "{report}");
    }
    put(&two.laocheng.node, &id, "remark=迁入").ok();
    let gone = put(node, &id, "remark=y");
    assert_refused(&gone, 4, "TRANSFER-013");
}

#[test]
fn what_another_desk_wrote_before_it_heard_of_a_transfer_is_not_lost() {
    let mut two = Two::open();
    let values = json!({ "uscc": CODE, "name": "洛阳甲厂", "census_status": "candidate" });
    let id = make(&two.jianxi.node, &values);
    two.settle();
    let office = two.city.district("410305", "涧西区", "office");
    settle(&office.node);
    office.line.cut();
    put(&office.node, &id, "remark=离线走访").ok();
    let asked = two.jianxi.node.json(ask(&format!("organisation/{id}")));
    two.settle();
    office.line.mend();
    settle(&office.node);
    two.settle();
    for program in [two.hub(), &two.jianxi.node, &office.node] {
        let values = organisation(program, &id)["values"].clone();
        let said = (&values["remark"], &values["census_status"]);
        assert_eq!(said, (&json!("离线走访"), &json!("transferring")));
        assert_refused(&put(program, &id, "remark=x"), 6, "move_locked");
        assert_eq!(program.json(["conflict", "list"]), json!([]));
    }
    // The city refuses: it is a candidate again, as it was.
    let refuse = [
        "transfer",
        "refuse",
        asked["id"].as_str().unwrap(),
        "--reason",
        "x",
    ];
    two.hub().run(refuse).ok();
    two.settle();
    settle(&office.node);
    for program in [two.hub(), &two.jianxi.node, &office.node] {
        assert_eq!(state_of(program, &id), "candidate");
    }
    put(&office.node, &id, "remark=照常填写").ok();
}

#[test]
fn a_request_is_taken_back_by_its_scope_and_refused_by_the_city() {
    let two = Two::open();
    let id = make(&two.jianxi.node, &sample(CODE, "洛阳甲厂"));
    let name = format!("organisation/{id}");
    let ask = [
        "transfer", "request", &name, "--to", "410302", "--reason", "搬迁",
    ];
    let first = two.jianxi.node.json(ask);
    let first = first["id"].as_str().unwrap();
    two.settle();
    two.jianxi
        .node
        .run(["transfer", "cancel", first, "--reason", "不搬了"])
        .ok();
    two.settle();
    assert_eq!(two.hub().json(["transfer", "list"]), json!([]));
    refused(
        two.hub(),
        ["transfer", "rule", first, "--reason", "x"],
        6,
        "TRANSFER-004",
    );
    let second = two.jianxi.node.json(ask);
    let second = second["id"].as_str().unwrap();
    two.settle();
    let ruled = two
        .hub()
        .json(["transfer", "refuse", second, "--reason", "手续不全"]);
    assert_eq!(ruled["status"], "refused");
    two.settle();
    let list = two.jianxi.node.json(["transfer", "list", "--all"]);
    let statuses: Vec<&Value> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["status"])
        .collect();
    assert_eq!(statuses, ["cancelled", "refused"]);
    assert_eq!(organisation(&two.jianxi.node, &id)["scope"], "410305");
    put(&two.jianxi.node, &id, "remark=照常填写").ok();
}

/// The district takes its request back while the city, which does not know, commits the move.
#[test]
fn a_move_that_the_city_has_committed_is_taken_back_no_more() {
    let two = Two::open();
    let (hub, node) = (two.hub(), &two.jianxi.node);
    let id = make(node, &sample(CODE, "洛阳甲厂"));
    let name = format!("organisation/{id}");
    two.settle();
    let request = agreed(&two, &name);
    let told = in_chinese(&two.laocheng.node, &["transfer", "list"]);
    assert!(told.contains(&request), "{told}");
    two.jianxi.line.cut();
    let cancel = ["transfer", "cancel", &request, "--reason", "不搬了"];
    node.run(cancel).ok();
    assert_eq!(state_of(node, &id), "counted");
    hub.json(accept(&request));
    settle(&two.laocheng.node);
    two.jianxi.line.mend();
    two.settle();
    for program in [hub, &two.laocheng.node, node] {
        let at = program.data.display();
        assert_eq!(program.json(["transfer", "list"]), json!([]), "{at}");
        assert_eq!(program.json(["proposal", "list"]), json!([]), "{at}");
        assert_eq!(program.json(["status"])["refused"], 0, "{at}");
    }
    assert_eq!(check(hub, "DOCTOR-043")["ok"], true);
    let stands = |request: &str, status: &str| {
        let got = node.json(["record", "get", "transfer_request", request]);
        assert_eq!(got["values"]["status"], status, "{got}");
        let refuse = ["transfer", "refuse", request, "--reason", "x"];
        refused(hub, refuse, 6, "TRANSFER-004");
    };
    stands(&request, "accepted");
    assert_eq!(scope_of(hub, "organisation", &id), "410302");
    assert_eq!(state_of(hub, &id), "counted");
    // What the city rules by itself ends the wish that waits for the record.
    let back = [
        "transfer", "request", &name, "--to", "410305", "--reason", "迁回",
    ];
    let back = two.laocheng.node.json(back)["id"].clone();
    two.settle();
    let rule = [
        "transfer", "rule", &name, "--to", "410305", "--reason", "裁定",
    ];
    hub.json(rule);
    two.settle();
    stands(back.as_str().unwrap(), "ruled");
    assert_eq!(hub.json(["transfer", "list"]), json!([]));
    assert_eq!(state_of(node, &id), "counted");
}

/// A serving node that is stopped when it is dropped.
fn serving(district: &District) -> Serving {
    district.node.serve::<&str>([])
}

/// The id of the node of a scope.
fn node_of(hub: &Program, scope: &str) -> String {
    let nodes = hub.json(["node", "list"]);
    let mut nodes = nodes.as_array().unwrap().iter();
    let node = nodes.find(|one| one["scope"] == scope).unwrap();
    node["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_fenced_node_returns_and_what_it_had_not_sent_is_answered_at_home() {
    let two = Two::open();
    let kept = make(&two.jianxi.node, &sample(CODE, "洛阳甲厂"));
    let moving = make(&two.jianxi.node, &sample(&other_code(), "洛阳乙厂"));
    two.settle();
    two.jianxi.line.cut();
    put(&two.jianxi.node, &kept, "remark=断线期间的修改").ok();
    let mut values = sample("", "断线期间登记的单位");
    values["remark"] = json!("尚未办证");
    let new = make(&two.jianxi.node, &values);
    let node = &node_of(two.hub(), "410305");
    // After a start nothing moves before the node was met, unless a person waits no longer.
    let mut two = two;
    two.city.down();
    two.city.up();
    settle(&two.laocheng.node);
    let moving_name = format!("organisation/{moving}");
    let rule = [
        "transfer",
        "rule",
        &moving_name,
        "--to",
        "410302",
        "--reason",
        "搬迁",
    ];
    refused(two.hub(), rule, 4, "TRANSFER-012");
    two.hub()
        .run(["node", "fence", node, "--reason", "设备送修"])
        .ok();
    let shown = two.hub().json(["node", "show", node]);
    assert_eq!(shown["fenced"], true);
    assert_eq!(shown["fence"]["reason"], "设备送修");
    two.hub().json(rule);
    // It returns: its late write is a proposal in its own scope, its store is whole again.
    two.jianxi.line.mend();
    let run = serving(&two.jianxi);
    until("the node was taken back", || {
        let shown = two.hub().json(["node", "show", node]);
        shown["fenced"] == false
    });
    drop(run);
    two.settle();
    assert_eq!(
        organisation(two.hub(), &kept)["values"]["remark"],
        Value::Null
    );
    let late = two.jianxi.node.json(["proposal", "list"]);
    assert_eq!(late.as_array().unwrap().len(), 2, "{late}");
    for late in late.as_array().unwrap() {
        assert_eq!(late["code"], "SYNC-132");
        let proposal = late["id"].as_str().unwrap();
        let accept = ["proposal", "accept", proposal, "--reason", "确认"];
        two.jianxi.node.run(accept).ok();
    }
    two.settle();
    // What was made meanwhile is made again, under the same id.
    let made_again = organisation(two.hub(), &new);
    assert_eq!(made_again["values"]["name"], "断线期间登记的单位");
    assert_eq!(
        organisation(two.hub(), &kept)["values"]["remark"],
        "断线期间的修改"
    );
    assert_eq!(scope_of(two.hub(), "organisation", &moving), "410302");
    assert_refused(
        &put(&two.jianxi.node, &moving, "remark=x"),
        4,
        "TRANSFER-013",
    );
}

#[test]
fn a_joint_branch_of_one_district_covers_an_organisation_of_another() {
    let two = Two::open();
    let covered = make(&two.laocheng.node, &sample(CODE, "洛阳乙厂"));
    let moving = make(&two.jianxi.node, &sample(&other_code(), "洛阳丙厂"));
    let party = made(
        &two.jianxi.node,
        "party_organisation",
        &json!({ "name": "园区联合党支部", "type": "joint_branch", "status": "active",
            "form": "area", "established_on": "2020-06-18" }),
    );
    let link = |organisation: &str| {
        json!({ "organisation": organisation, "party_organisation": party, "form": "area",
            "from_on": "2020-06-18" })
    };
    made(&two.laocheng.node, "coverage_link", &link(&covered));
    let links = two.laocheng.node.json(["record", "links", "--dangling"]);
    assert_eq!(
        links["links"][0]["state"], "missing",
        "its Party organisation is not here yet"
    );
    made(&two.jianxi.node, "coverage_link", &link(&moving));
    two.settle();
    // The hub lends it, and both sides count alike.
    let links = two.laocheng.node.json(["record", "links", "--dangling"]);
    assert_eq!(links["links"], json!([]));
    let lent = two
        .laocheng
        .node
        .json(["record", "get", "party_organisation", &party]);
    assert_eq!(
        (&lent["guest"], &lent["scope"]),
        (&json!("lent"), &json!("410305"))
    );
    let figures =
        |program: &Program| program.json(["report", "indicators"])["scopes"]["410302"].clone();
    assert_eq!(figures(&two.laocheng.node), figures(two.hub()));
    assert_eq!(figures(two.hub())["org_coverage_rate"]["num"], 1);
    let edit = |program: &Program, set: &str| {
        let put = ["record", "put", "party_organisation", &party, "--set"];
        let sets = set.split_whitespace().chain(["--reason", "合并"]);
        program.run(put.into_iter().chain(sets))
    };
    let refused = edit(&two.laocheng.node, "name=x");
    assert_eq!(refused.code, 4, "what is lent is only read: {refused:?}");
    // One that it covers moves: the branch stays with the others and is lent after it.
    let name = format!("organisation/{moving}");
    let rule = [
        "transfer", "rule", &name, "--to", "410302", "--reason", "搬迁",
    ];
    assert_eq!(two.hub().json(rule)["moved"], 1);
    two.settle();
    assert_eq!(scope_of(two.hub(), "party_organisation", &party), "410305");
    assert_eq!(figures(two.hub())["org_coverage_rate"]["num"], 2);
    assert_eq!(figures(&two.laocheng.node), figures(two.hub()));
    // What the branch's district changes of it is seen there too.
    let dissolved = "status=dissolved dissolved_on=2020-09-01 dissolve_reason=合并";
    edit(&two.jianxi.node, dissolved).ok();
    two.settle();
    assert_eq!(figures(two.hub())["org_coverage_rate"]["num"], 0);
    assert_eq!(figures(&two.laocheng.node), figures(two.hub()));
    assert_told_and_ended(&two.laocheng.node, &party);
}

/// Who has the organisations is told that nothing covers them any more, until the links end.
#[track_caller]
fn assert_told_and_ended(node: &Program, party: &str) {
    let left = || node.json(["record", "links", "--dangling"])["links"].clone();
    let told = || check(node, "DOCTOR-045");
    let links = left();
    assert_eq!(links.as_array().unwrap().len(), 2, "{links}");
    assert_eq!(links[0]["state"], "ended");
    assert_eq!(links[0]["target"], format!("party_organisation/{party}"));
    assert!(told()["message"].as_str().unwrap().contains('2'));
    for link in links.as_array().unwrap() {
        let id = link["record"].as_str().unwrap().split_once('/').unwrap().1;
        let put = ["record", "put", "coverage_link", id];
        let end = ["--set", "to_on=2020-09-01", "end_reason=党组织撤销"];
        let end = end.into_iter().chain(["--reason", "党组织撤销"]);
        node.run(put.into_iter().chain(end)).ok();
    }
    assert_eq!((left(), &told()["ok"]), (json!([]), &json!(true)));
}

#[test]
fn the_hub_renews_its_certificate_and_refills_when_a_person_says_so() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    settle(&jianxi.node);
    let renewed = city.hub.json(["node", "renew"]);
    assert!(renewed["hub_certificate_ends"].is_string(), "{renewed}");
    assert_eq!(renewed["nodes"].as_array().unwrap().len(), 1);
    settle(&jianxi.node);
    refused(&city.hub, ["refill"], 2, "REFILL-001");
    assert_eq!(
        city.hub.json(["refill", "--confirm"]),
        json!({"refilling": true, "connections_cut": 0})
    );
    let id = make(&jianxi.node, &sample(CODE, "洛阳甲厂"));
    settle(&jianxi.node);
    // While it refills nothing moves; once its nodes were found equal it does.
    let name = format!("organisation/{id}");
    city.invite("410302", "老城区");
    let rule = [
        "transfer", "rule", &name, "--to", "410302", "--reason", "搬迁",
    ];
    until("the refill is over", || city.hub.run(rule).code == 0);
    assert_eq!(scope_of(&city.hub, "organisation", &id), "410302");
    let nowhere = ["transfer", "rule", &name, "--to", "410399", "--reason", "x"];
    refused(&city.hub, nowhere, 6, "TRANSFER-014");
}
