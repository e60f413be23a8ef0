//! The certificate that nothing was lost, and the hub's receipts, as people use them.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use link::{
    Dialer, NodeMaterial, PrivateKey, Progress, SessionSeat, certificate_from, run_session,
    session_number, stop_signal,
};
use program::{App, dir::Dir};
use proto::sync::{Frame, frame::Frame as Body, sync_client::SyncClient};
use replica::{ReplicaId, session::Role};
use serde_json::{Value, json};
use store::Login;
use tests::programs::{Program, Ran};
use tokio::sync::{mpsc, watch};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

use super::city::{City, check, load_samples, node_exe, put, refused, sample, settle, until};

/// A node with five organisations that the city has. Returns a backup of it.
fn backed_up(city: &City, node: &Program) -> String {
    load_samples(node, 1..=5);
    settle(node);
    let backup = city.text_path("node.backup");
    node.run(["backup", &backup]).ok();
    backup
}

pub(super) fn verify(program: &Program, file: &str) -> Ran {
    program.run(["certificate", "verify", file, "--json"])
}

pub(super) fn side(document: &Value, side: &str) -> Value {
    let statements = document["statements"].as_array().unwrap();
    let found = statements.iter().find(|entry| entry["side"] == side);
    found.unwrap().clone()
}

/// A copy of a certificate with one bit turned over, as far from its end as said.
fn altered(from: &Path, to: &Path, from_end: usize) {
    let mut bytes = std::fs::read(from).unwrap();
    let at = bytes.len() - from_end;
    bytes[at] ^= 1;
    std::fs::write(to, bytes).unwrap();
}

#[test]
fn a_district_and_its_city_sign_that_nothing_was_lost_and_anybody_can_check_it() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    load_samples(node, 1..=20);
    put(node, &sample(1).0, "remark=第一次").ok();
    put(node, &sample(1).0, "remark=第二次").ok();
    let file = city.text_path("nothing-lost.cert");

    // It exchanges first by itself: nothing has travelled so far.
    let made = node.json(["certificate", "make", &file]);
    assert_eq!(made["true"], true, "{made}");
    assert_eq!(made["scope"], "410305");
    assert_eq!(made["records"], 20);
    put(&city.hub.by("市级"), &sample(2).0, "remark=市级").ok();
    put(node, &sample(3).0, "remark=又一次").ok();
    let made = node.json(["certificate", "make", &file]);
    let of_node = side(&made, "node");
    assert_eq!(
        (&of_node["missing"], &of_node["refused"]),
        (&json!(0), &json!(0))
    );
    let (visible, replaced) = (&of_node["visible"], &of_node["replaced"]);
    let sum = visible.as_u64().unwrap() + replaced.as_u64().unwrap();
    assert_eq!(of_node["writes"], sum, "{made}");
    assert!(replaced.as_u64().unwrap() >= 1, "{made}");
    let of_hub = side(&made, "hub");
    assert!(of_hub["visible"].as_u64().unwrap() >= 1, "{made}");
    assert!(
        of_hub["elsewhere"].as_u64().unwrap() >= 1,
        "the city's own records: {made}"
    );

    // The other program checks it, and so does the same one, serving or not, without a line.
    jianxi.line.cut();
    for program in [&city.hub, node] {
        let checked = verify(program, &file).ok().json();
        assert_eq!(checked, made);
        let said = program.run(["certificate", "verify", &file]).ok();
        assert!(said.stdout.contains("证书成立"), "{said:?}");
        let kept = program.json(["certificate", "list"]);
        assert_eq!(kept.as_array().unwrap().len(), 2, "{kept}");
        assert!(kept.as_array().unwrap().iter().all(|c| c["true"] == true));
        let copy = city.text_path("copy.cert");
        let newest = kept[1]["id"].as_str().unwrap();
        program.run(["certificate", "save", newest, &copy]).ok();
        assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(&file).unwrap());
    }
    // With the authority's certificate no directory is needed.
    let nobody = Program::node(node_exe(), &city.path("nobody"));
    let authority = city.hub.data.join("ca.crt");
    let args = ["certificate", "verify", &file, "--authority"];
    let ran = nobody.run(args.into_iter().chain([authority.to_str().unwrap()]));
    assert_eq!(ran.code, 0, "{ran:?}");
    refused(&nobody, ["certificate", "verify", &file], 2, "DIR-001");
    refused(&city.hub, ["certificate", "make", &file], 2, "PROOF-007");
    refused(node, ["certificate", "save", "none", &file], 2, "PROOF-021");
}

#[test]
fn an_altered_or_foreign_certificate_is_false() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    load_samples(node, 1..=3);
    let (file, bad) = (city.path("true.cert"), city.path("bad.cert"));
    let (text, bad_text) = (file.to_str().unwrap(), bad.to_str().unwrap());
    node.run(["certificate", "make", text]).ok();
    let bytes = std::fs::read(&file).unwrap().len();
    // Every part of it is under a signature: numbers, cut, certificates, the signatures themselves.
    let ends = 4 + "410305".len();
    let tail = (ends + 1..bytes - 9).step_by(97);
    let mut codes = std::collections::BTreeSet::new();
    for from_end in tail {
        altered(&file, &bad, from_end);
        let ran = verify(&city.hub, bad_text);
        assert_ne!(ran.code, 0, "a bit {from_end} before the end: {ran:?}");
        if ran.code == 1 {
            let faults = ran.json()["faults"].as_array().unwrap().clone();
            codes.extend(faults.iter().map(|fault| fault["code"].to_string()));
        }
    }
    assert!(codes.contains("\"PROOF-011\""), "{codes:?}");
    std::fs::write(&bad, b"no certificate").unwrap();
    let verify_bad = ["certificate", "verify", bad_text];
    let ran = refused(&city.hub, verify_bad, 6, "PROOF-010");
    assert!(ran.stderr.contains("bad.cert"), "{ran:?}");

    let other = City::open();
    let ran = verify(&other.hub, text);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["faults"][0]["code"], "PROOF-012");
}

#[test]
fn a_restore_that_the_city_heals_keeps_the_certificate_true() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    let backup = backed_up(&city, node);
    put(node, &sample(1).0, "remark=备份之后").ok();
    put(node, &sample(1).0, "remark=再改一次").ok();
    load_samples(node, 6..=8);
    settle(node);
    node.run(["restore", &backup]).ok();
    put(node, &sample(2).0, "remark=恢复之后").ok();
    let file = city.text_path("healed.cert");
    let made = node.json(["certificate", "make", &file]);
    assert_eq!(
        (&made["true"], &made["records"]),
        (&json!(true), &json!(8)),
        "{made}"
    );
    verify(&city.hub, &file).ok();
}

/// Runs a session until the hub has acked the first batch; the second one never leaves.
fn one_batch_only(node: &Program) {
    let batches = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&batches);
    let pass = move |frame: &mut Frame| {
        let is_batch = matches!(frame.frame, Some(Body::Batch(_)));
        seen.fetch_add(usize::from(is_batch), Ordering::Relaxed) + usize::from(is_batch) < 2
    };
    session_by_hand(node, pass, |frame| {
        matches!(frame.frame, Some(Body::Ack(_)))
    });
    let batches = batches.load(Ordering::Relaxed);
    assert!(batches >= 2, "one batch was enough for all");
}

/// Opens a node's store in this process and runs a session that ends with a frame of the hub's.
/// What the node says may be changed, or kept from leaving.
pub(super) fn session_by_hand(
    node: &Program,
    mut pass: impl FnMut(&mut Frame) -> bool + Send + 'static,
    is_last: impl Fn(&Frame) -> bool + Send + 'static,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (app, writer) = App::open(&Dir::new(&node.data), runtime.handle().clone()).unwrap();
    let hub = app.identity.hub.clone().unwrap();
    let hub_id = ReplicaId(program::dir::hex16(&hub.replica).unwrap());
    let read = |name: &str| std::fs::read(node.data.join(name)).unwrap();
    let material = NodeMaterial {
        hub: hub_id,
        certificate: certificate_from(&read("node.crt")).unwrap(),
        key: PrivateKey::read(&read("node.key")).unwrap(),
        authorities: vec![certificate_from(&read("hub.crt")).unwrap()],
    };
    let seat = SessionSeat {
        role: Role::Node,
        login: Login {
            session: session_number(),
            peer: hub_id,
            scope: app.scope(),
        },
        writer: app.writer.clone(),
        clock: Arc::clone(&app.clock),
    };
    let address = hub.address.parse().unwrap();
    runtime.block_on(async {
        let dialer = Dialer::tcp(Arc::clone(&app.clock));
        let channel = dialer.dial(&address, &material).await.unwrap();
        let (to_hub, stream) = mpsc::channel(64);
        let mut client = SyncClient::new(channel)
            .max_encoding_message_size(4 << 20)
            .max_decoding_message_size(4 << 20);
        // The hub answers when it has heard something.
        let (outbound, mut frames) = mpsc::channel::<Frame>(64);
        let (stopper, stop) = stop_signal();
        let relay = tokio::spawn(async move {
            while let Some(mut frame) = frames.recv().await {
                if pass(&mut frame) {
                    to_hub.send(frame).await.unwrap_or_default();
                }
            }
        });
        let inbound = client.exchange(ReceiverStream::new(stream)).await.unwrap();
        let mut stopper = Some(stopper);
        let inbound = inbound.into_inner().map(move |frame| {
            let ends = frame.as_ref().is_ok_and(&is_last);
            if let Some(stopper) = stopper.take_if(|_| ends) {
                stopper.stop();
            }
            frame
        });
        let progress = watch::channel(Progress::default()).0;
        run_session(seat, inbound, outbound, stop, &progress).await;
        relay.await.unwrap();
    });
    writer.stop().unwrap();
}

/// The first batch told how far the district had come, the line was cut, and an old backup took
/// its place: the rest exists nowhere, both sides are equal, and the certificate says what is gone.
#[test]
fn a_restore_that_loses_edits_makes_a_false_certificate_that_names_them() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    let backup = backed_up(&city, node);
    load_samples(node, 6..=1_305);
    one_batch_only(node);
    node.run(["restore", &backup]).ok();
    put(node, &sample(2).0, "remark=恢复之后").ok();
    let file = city.text_path("lost.cert");
    let ran = node.run(["certificate", "make", &file, "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let made = ran.json();
    assert_eq!(made["true"], false, "{made}");
    assert_eq!(made["faults"][0]["code"], "PROOF-015", "{made}");
    assert_eq!(made["faults"].as_array().unwrap().len(), 1, "{made}");
    let missing = side(&made, "node")["missing"].as_u64().unwrap();
    let there = made["records"].as_u64().unwrap();
    assert_eq!(there + missing, 1_305, "{made}");
    let lost = &made["listed"][0];
    assert_eq!(
        json!([lost["side"], lost["fate"], lost["last"]]),
        json!(["node", "missing", 1_300]),
        "{made}"
    );
    // What the node's own list of lost writes knows is named: record, fields, author and time.
    let names = lost["writes"].as_array().unwrap();
    assert!(!names.is_empty(), "{lost}");
    for name in names {
        assert_eq!(name["kind"], "organisation", "{name}");
        assert!(
            name["record"].is_string() && name["author"].is_string(),
            "{name}"
        );
    }
    // Both are equal all the same, and the city sees the same verdict.
    settle(node);
    assert_eq!(verify(&city.hub, &file).code, 1);
    let said = city.hub.run(["certificate", "verify", &file]);
    assert!(said.stdout.contains("下落不明"), "{said:?}");
    let kept = city.hub.json(["certificate", "list"]);
    assert_eq!(kept[0]["true"], false, "{kept}");
}

/// Makes a certificate. Returns whether it is true, and how many writes each side misses.
fn certified(node: &Program, file: &str) -> (bool, [u64; 2]) {
    let made = node.run(["certificate", "make", file, "--json"]).json();
    let missing = ["node", "hub"].map(|name| side(&made, name)["missing"].as_u64().unwrap());
    (made["true"].as_bool().unwrap(), missing)
}

/// What nobody else has is missed although no peer ever knew of it: the store that was replaced did.
/// It can be brought back from there, and then nothing is missing.
#[test]
fn what_had_not_left_before_a_restore_is_missing_until_it_is_brought_back() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    let backup = backed_up(&city, node);
    put(node, &sample(1).0, "remark=收到过").ok();
    settle(node);
    put(node, &sample(2).0, "remark=没有传出").ok();
    put(node, &sample(3).0, "remark=也没有").ok();
    node.run(["restore", &backup]).ok();
    let file = city.text_path("lost.cert");
    assert_eq!(certified(node, &file), (false, [2, 0]));
    let lost = node.json(["repair", "--list"]);
    assert_eq!(lost.as_array().unwrap().len(), 2, "{lost}");
    let told = check(node, "DOCTOR-024");
    assert_eq!(told["ok"], false, "{told}");
    // A second restore knows what the first one took.
    put(node, &sample(4).0, "remark=恢复之后").ok();
    node.run(["restore", &backup]).ok();
    assert_eq!(certified(node, &file), (false, [3, 0]));
    let lost = node.json(["repair", "--list"]);
    assert_eq!(lost.as_array().unwrap().len(), 3, "{lost}");

    // The oldest of the stores that were put aside, opened as a copy, gives back two of them.
    let kept = std::fs::read_dir(&node.data).unwrap();
    let kept = kept.map(|entry| entry.unwrap().path());
    let kept = kept.filter(|path| path.to_string_lossy().contains("store.before-"));
    let first = kept.min().unwrap();
    let aside = Program::node(node_exe(), &city.path("aside"));
    std::fs::create_dir_all(&aside.data).unwrap();
    for entry in std::fs::read_dir(&node.data).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, aside.data.join(path.file_name().unwrap())).unwrap();
        }
    }
    std::fs::rename(first, aside.data.join("store")).unwrap();
    let newer = city.text_path("newer.backup");
    aside.run(["backup", &newer]).ok();
    node.run(["restore", &newer]).ok();
    assert_eq!(certified(node, &file), (false, [1, 0]));
    let lost = node.json(["repair", "--list"]);
    assert_eq!(lost.as_array().unwrap().len(), 1, "{lost}");
    assert_eq!(verify(&city.hub, &file).code, 1);
}

/// An edit was acked, and then both sides went back behind it.
#[test]
fn what_both_sides_have_forgotten_is_missing() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    let (of_node, of_hub) = (backed_up(&city, node), city.text_path("hub.backup"));
    city.hub.run(["backup", &of_hub]).ok();
    put(node, &sample(1).0, "remark=区级的").ok();
    put(&city.hub.by("市级"), &sample(2).0, "remark=市级的").ok();
    settle(node);
    let file = city.text_path("lost.cert");
    assert_eq!(certified(node, &file), (true, [0, 0]));
    city.down();
    city.hub.run(["restore", &of_hub]).ok();
    node.run(["restore", &of_node]).ok();
    city.up();
    let (is_true, [by_node, by_hub]) = certified(node, &file);
    assert!(
        !is_true && by_node == 1 && by_hub >= 1,
        "{by_node} {by_hub}"
    );
}

/// The scope's other node had brought an edit, the city went back behind it, and that node never
/// called again: what it took with it is missing in the certificate of its colleague.
#[test]
fn what_a_lost_neighbour_had_brought_is_missing_after_a_restore_of_the_city() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let park = city.district("410305", "涧西区", "park");
    load_samples(&jianxi.node, 1..=3);
    settle(&jianxi.node);
    settle(&park.node);
    let backup = city.text_path("hub.backup");
    city.hub.run(["backup", &backup]).ok();
    load_samples(&park.node, 4..=5);
    settle(&park.node);
    city.down();
    city.hub.run(["restore", &backup]).ok();
    city.up();
    let file = city.text_path("neighbour.cert");
    assert_eq!(certified(&jianxi.node, &file), (false, [0, 2]));
    // It was not lost after all: it calls, and brings it again.
    settle(&park.node);
    assert_eq!(certified(&jianxi.node, &file), (true, [0, 0]));
}

#[test]
fn a_delivery_has_a_receipt_that_can_be_kept_and_checked() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    refused(node, ["receipt", "show"], 1, "PROOF-030");
    load_samples(node, 1..=3);
    settle(node);
    let first = node.json(["receipt", "show"]);
    assert_eq!(
        (&first["true"], &first["not_taken"]),
        (&json!(true), &json!(0)),
        "{first}"
    );
    // A second delivery in the same session, whose receipt leaves the certificate out.
    let serving = node.serve::<&str>([]);
    load_samples(node, 4..=5);
    settle(node);
    load_samples(node, 6..=7);
    settle(node);
    let second = node.json(["receipt", "show"]);
    assert_eq!(serving.terminate().0, 0);
    assert!(
        second["seq"].as_u64() > first["seq"].as_u64(),
        "{first} {second}"
    );
    let file = city.text_path("delivery.receipt");
    node.run(["receipt", "save", &file]).ok();
    for program in [node, &city.hub] {
        let checked = program.json(["receipt", "verify", &file]);
        assert_eq!(checked, second);
    }
    altered(Path::new(&file), Path::new(&file), 3);
    let ran = city.hub.run(["receipt", "verify", &file]);
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn verify_compares_with_the_city_at_a_named_cut_while_the_line_is_up() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    load_samples(node, 1..=3);
    let alone = node.json(["verify"]);
    assert_eq!(alone["compared"], json!([]), "no line, no comparison");
    let serving = node.serve::<&str>([]);
    settle(node);
    // On a busy machine the line may be down for a moment; then nothing is compared.
    let mut verified = Value::Null;
    until("a line that is up", || {
        verified = node.json(["verify"]);
        verified["compared"] != json!([])
    });
    let compared = verified["compared"].as_array().unwrap();
    let scopes: Vec<_> = compared
        .iter()
        .map(|c| c["scope"].as_str().unwrap())
        .collect();
    assert_eq!(scopes, ["410305", "410300"], "{verified}");
    for entry in compared {
        assert_eq!(entry["equal"], true, "{verified}");
    }
    let at_hub = city.hub.json(["verify"]);
    let of_hub = &at_hub["compared"][0];
    assert_eq!(of_hub["root"], compared[0]["root"]);
    let swapped = json!([compared[0]["theirs"], compared[0]["ours"]]);
    assert_eq!(json!([of_hub["ours"], of_hub["theirs"]]), swapped);
    let said = node.run(["verify"]).ok();
    assert!(said.stdout.contains("一致：截点"), "{said:?}");
    assert_eq!(serving.terminate().0, 0);
}
