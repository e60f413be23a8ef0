//! Joining, and what keeps out whoever may not.

use tests::programs::Program;

use super::city::{
    City, load_samples, node_exe, organisations, peer, put, refused, sample, settle, until,
};

fn newcomer(city: &City, name: &str) -> Program {
    Program::node(node_exe(), &city.path(name))
}

/// A join that must fail and leave nothing behind that could serve.
#[track_caller]
fn kept_out(node: &Program, address: &str, token: &str, exit: i32, code: &str) {
    let before = node.data.join("identity.json").exists();
    refused(
        node,
        ["join", "--hub", address, "--token", token, "--json"],
        exit,
        code,
    );
    assert_eq!(
        node.data.join("identity.json").exists(),
        before,
        "nothing was joined"
    );
    if !before {
        refused(node, ["status"], 2, "DIR-001");
    }
}

#[test]
fn a_scope_outside_the_city_is_invited_under_a_local_code_only() {
    let city = City::founded();
    let invite = |code| ["node", "invite", "--scope", code, "--name", "某区"];
    for outside in ["999999", "410105", "411302"] {
        refused(&city.hub, invite(outside), 2, "HUB-006");
    }
    let scopes = || city.hub.json(["record", "list", "scope"]).to_string();
    assert!(!scopes().contains("某区"), "{}", scopes());
    city.hub.run(invite("4103L1")).ok();
    assert!(scopes().contains("4103L1"), "{}", scopes());
}

#[test]
fn a_token_that_may_not_be_used_joins_nothing() {
    let mut city = City::open();
    let (_line, address) = city.line();
    let stranger = newcomer(&city, "stranger");

    let token = city.invite("410302", "老城区");
    let first = newcomer(&city, "first");
    first
        .run(["join", "--hub", &address, "--token", &token])
        .ok();
    kept_out(&stranger, &address, &token, 4, "LINK-020");

    let args = [
        "node",
        "invite",
        "--scope",
        "410303",
        "--name",
        "西工区",
        "--ttl",
        "1s",
    ];
    let short = city.hub.run(args).ok().stdout;
    until("its time is over", || {
        let list = city.hub.run(["node", "list"]).ok();
        !list.stderr.contains("410303")
    });
    kept_out(&stranger, &address, short.trim(), 4, "LINK-021");

    let elsewhere = City::founded();
    let foreign = elsewhere.invite("410305", "涧西区");
    let ran = stranger.run(["join", "--hub", &address, "--token", &foreign]);
    let code = ran
        .stderr
        .lines()
        .find_map(|line| line.split("  ").next())
        .unwrap_or_default();
    kept_out(&stranger, &address, &foreign, 4, code);

    let whole = city.invite("410305", "涧西区");
    let at = whole.len() / 2;
    let other = if whole.as_bytes()[at] == b'7' {
        "8"
    } else {
        "7"
    };
    let mut slip = whole.clone();
    slip.replace_range(at..=at, other);
    kept_out(&stranger, &address, &slip, 6, "NODE-002");
    kept_out(
        &stranger,
        &address,
        &whole[..whole.len() - 2],
        6,
        "NODE-002",
    );
    kept_out(&stranger, "no address", &whole, 2, "NODE-003");

    let nodes = city.hub.json(["node", "list"]);
    assert_eq!(
        nodes.as_array().unwrap().len(),
        1,
        "only the first is there: {nodes}"
    );
    // Nothing of this has spent the token.
    stranger
        .run(["join", "--hub", &address, "--token", &whole.to_lowercase()])
        .ok();
}

#[test]
fn demonstration_data_and_real_data_stay_apart() {
    let mut city = City::open();
    let (_line, address) = city.line();
    let token = city.invite("410305", "涧西区");
    let node = newcomer(&city, "jianxi");
    let join = ["join", "--demo", "--hub", &address, "--token", &token];
    refused(&node, join, 4, "LINK-024");
    refused(
        &city.hub,
        ["status", "--today", "2020-10-15"],
        2,
        "USAGE-003",
    );
    node.run(["join", "--hub", &address, "--token", &token])
        .ok();
}

#[test]
fn a_hub_that_is_down_is_named_and_the_token_works_when_it_is_up() {
    let mut city = City::open();
    let (_line, address) = city.line();
    let token = city.invite("410305", "涧西区");
    city.down();
    let node = newcomer(&city, "jianxi");
    let ran = node.run(["join", "--hub", &address, "--token", &token]);
    let code = ran.stderr.split("  ").next().unwrap_or_default();
    kept_out(&node, &address, &token, 3, code);
    // Where nothing listens at all.
    kept_out(&node, "https://127.0.0.1:1", &token, 3, code);
    city.up();
    node.run(["join", "--hub", &address, "--token", &token])
        .ok();
    settle(&node);
}

#[test]
fn a_revoked_node_is_cut_off_at_once_and_told_so() {
    let mut city = City::open();
    let (jianxi, laocheng) = (city.jianxi(), city.district("410302", "老城区", "laocheng"));
    let node = &jianxi.node;
    let _serving = (node.serve::<&str>([]), laocheng.node.serve::<&str>([]));
    load_samples(node, 1..=3);
    settle(node);
    settle(&laocheng.node);
    let id = node.json(["status"])["replica"]
        .as_str()
        .unwrap()
        .to_owned();
    let revoked = city.hub.json(["node", "revoke", &id]);
    assert_eq!(revoked["connections_cut"], 1, "{revoked}");
    until("the node is told", || {
        let state = peer(node)["state"].as_str().unwrap().to_owned();
        state
            .strip_prefix("refused: ")
            .is_some_and(program::texts::has)
    });
    let shown = city.hub.json(["node", "show", &id[..8]]);
    assert_eq!(shown["state"], "revoked", "{shown}");
    let states = city.hub.json(["status"])["peers"].clone();
    let state_of = |name: &str| {
        let all = states.as_array().unwrap().iter();
        let mut of = all.filter(|peer| peer["name"].as_str().unwrap().starts_with(name));
        of.next().unwrap()["state"].clone()
    };
    assert_eq!(state_of("410305"), "revoked");
    assert_eq!(state_of("410302"), "connected", "nobody else is cut");

    put(node, &sample(1).0, "remark=本地照常填报").ok();
    let once = node.run(["sync", "--once"]);
    assert_eq!(once.code, 4, "{once:?}");
    assert_eq!(
        organisations(&city.hub)[0]["values"]["remark"],
        sample(1).1["remark"]
    );
    refused(&city.hub, ["node", "show", "nosuchnode"], 2, "HUB-001");

    // Taken back by a new token, it keeps its data and its replica.
    let token = city.invite("410305", "涧西区");
    let address = format!("https://{}", jianxi.line.address());
    node.run(["join", "--hub", &address, "--token", &token])
        .ok();
    settle(node);
    assert_eq!(node.json(["status"])["replica"], id.as_str());
    assert_eq!(
        organisations(&city.hub)[0]["values"]["remark"],
        "本地照常填报"
    );
}
