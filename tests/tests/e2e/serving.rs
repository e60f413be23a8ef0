//! Programs at work: the socket, the lock, stopping, ports and figures.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use serde_json::json;
use tests::programs::Program;

use super::city::{
    City, assert_equal, load_samples, organisation, organisations, peer, put, refused, sample,
    settle, until,
};

#[test]
fn the_socket_is_its_owners_alone_and_one_left_by_a_kill_is_replaced() {
    let mut city = City::open();
    let node = city.jianxi().node;
    let serving = node.serve::<&str>([]);
    for program in [&node, &city.hub] {
        let socket = std::fs::metadata(program.data.join("admin.sock")).unwrap();
        assert_eq!(socket.permissions().mode() & 0o777, 0o600);
        let folder = std::fs::metadata(&program.data).unwrap();
        assert_eq!(
            folder.permissions().mode() & 0o777,
            0o700,
            "nor can others look in"
        );
    }
    for key in ["hub/ca.key", "jianxi/node.key"] {
        let mode = std::fs::metadata(city.path(key))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    load_samples(&node, 1..=1);
    serving.kill();
    assert!(
        node.data.join("admin.sock").exists(),
        "a kill leaves the socket"
    );
    assert_eq!(
        organisations(&node).len(),
        1,
        "a command opens the store itself"
    );
    let serving = node.serve::<&str>([]);
    put(&node, &sample(1).0, "remark=又在运行").ok();
    assert_eq!(serving.terminate().0, 0);
    assert!(!node.data.join("admin.sock").exists(), "a stop leaves none");
}

#[test]
fn a_second_program_on_one_directory_is_refused_at_once() {
    let mut city = City::open();
    let node = city.jianxi().node;
    let _serving = node.serve::<&str>([]);
    let second = |program: &Program, args: &[&str]| {
        // The fastest of three, since other tests load the machine too.
        let took = |_| {
            let start = Instant::now();
            refused(program, args, 7, "STORE-001");
            start.elapsed()
        };
        (0..3).map(took).min().unwrap()
    };
    assert!(second(&node, &["serve"]) < Duration::from_secs(1));
    assert!(second(&city.hub, &["serve", "--listen", "127.0.0.1:0"]) < Duration::from_secs(1));
    let status = node.json(["status"]);
    assert_eq!(status["scope"], "410305", "the first is not disturbed");
}

#[test]
fn a_stop_signal_ends_both_programs_in_time_with_all_that_was_saved() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    let serving = node.serve::<&str>([]);
    until("a session is open", || peer(node)["state"] == "connected");
    load_samples(node, 1..=50);
    let id = sample(9).0;
    put(node, &id, "remark=停机前的最后一笔").ok();
    let (hub_code, hub_took) = city.serving().terminate();
    let (code, took) = serving.terminate();
    assert_eq!((hub_code, code), (0, 0));
    assert!(
        took < Duration::from_secs(5) && hub_took < Duration::from_secs(5),
        "{took:?} {hub_took:?}"
    );
    assert_eq!(organisations(node).len(), 50);
    assert_eq!(
        organisation(node, &id)["values"]["remark"],
        "停机前的最后一笔"
    );
    city.up();
    let serving = node.serve::<&str>([]);
    settle(node);
    assert_equal(node, &city.hub);
    // The other order: the node goes first.
    let (code, took) = serving.terminate();
    assert!(
        code == 0 && took < Duration::from_secs(5),
        "{code} {took:?}"
    );
    until("the hub sees it go", || {
        peer(&city.hub)["state"] == "offline"
    });
    city.down();
}

#[test]
fn a_port_that_is_taken_is_named() {
    let mut city = City::founded();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ran = refused(
        &city.hub,
        ["serve", "--listen", &address.to_string()],
        1,
        "SERVE-001",
    );
    assert!(ran.stderr.contains(&address.port().to_string()), "{ran:?}");
    let settings = format!("[serve]\nmetrics_port = {}\n", address.port());
    std::fs::write(city.hub.data.join("config.toml"), settings).unwrap();
    let ran = refused(
        &city.hub,
        ["serve", "--listen", "127.0.0.1:0"],
        1,
        "SERVE-001",
    );
    assert!(ran.stderr.contains(&address.port().to_string()), "{ran:?}");
    drop(taken);
    city.up();
    assert_eq!(
        city.serving().metrics(),
        address.to_string(),
        "free again, and as set"
    );
}

fn ask(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn figures_for_monitoring_answer_on_loopback() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=7);
    let serving = node.serve::<&str>([]);
    settle(&node);
    assert!(serving.metrics().starts_with("127.0.0.1:"));
    let figures = ask(&serving.metrics(), "/metrics");
    assert!(figures.starts_with("HTTP/1.1 200 OK\r\n"), "{figures}");
    let records = node.json(["status"])["records"].clone();
    for line in [
        format!("liangxin_records {records}"),
        "liangxin_connected{peer=".to_owned(),
    ] {
        assert!(
            figures.lines().any(|found| found.starts_with(&line)),
            "{line}: {figures}"
        );
    }
    assert!(figures.ends_with("# EOF\n"), "{figures}");
    assert!(ask(&serving.metrics(), "/").starts_with("HTTP/1.1 404 "));
    let said = serving.said.clone();
    assert_eq!(
        json!([said["listen"], said["console"]]),
        json!([null, null]),
        "a node listens nowhere"
    );
    let hub = ask(&city.serving().metrics(), "/metrics");
    assert!(
        hub.contains(&format!("liangxin_records {records}")),
        "{hub}"
    );
}
