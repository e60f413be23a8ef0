//! What comparing a hundred thousand records costs.

use replica::session::Role;

use super::pair::{Line, Passed, SCOPE, Side, key, settle};

/// Records of the scope.
const RECORDS: u64 = 100_000;
/// Bytes that finding ten differences may take.
const BYTES_MAX: usize = 64 << 10;

/// A node with many records, and a hub that holds the same.
fn filled() -> (Side, Side) {
    let (mut node, mut hub) = (Side::new(Role::Node), Side::new(Role::Hub));
    let numbers: Vec<u64> = (0..RECORDS).collect();
    for numbers in numbers.chunks(1_000) {
        let edit = |n: &u64| node.edit(key(*n), SCOPE, &[(4, &n.to_be_bytes())]);
        let edits = numbers.iter().map(edit).collect();
        node.write(edits);
    }
    settle(&mut node, &mut hub);
    (node, hub)
}

/// How often the direction turned from the node to the hub: each is a round trip.
fn round_trips(passed: &[&Passed]) -> usize {
    let asks = passed.chunk_by(|a, b| a.from == b.from);
    asks.filter(|run| run[0].from == Role::Node).count()
}

fn told(title: &str, passed: &[&Passed]) -> (usize, usize) {
    let (trips, bytes) = (round_trips(passed), passed.iter().map(|p| p.bytes).sum());
    println!(
        "{title}: {} frames, {trips} round trips, {bytes} bytes",
        passed.len()
    );
    for p in passed {
        println!("  {:?} {} {}", p.from, p.what, p.bytes);
    }
    (trips, bytes)
}

#[test]
fn a_hundred_thousand_records_are_compared_in_one_trip_and_ten_differences_found_in_four() {
    let (mut node, mut hub) = filled();
    let image = hub.image();

    let line = settle(&mut node, &mut hub);
    let of_scope = |p: &&Passed| p.scope == Some(SCOPE);
    let equal: Vec<&Passed> = line.passed.iter().filter(of_scope).collect();
    let moved = line.passed.iter().filter(|p| p.what == "batch").count();
    assert_eq!(moved, 0);
    let (trips, bytes) = told("equal", &equal);
    assert_eq!(trips, 1);
    assert!(bytes < 4_096, "{bytes}");
    assert_eq!(equal.len(), 2, "a question and an answer");

    // Ten changes, of which a restored hub has forgotten all.
    for number in 0..5 {
        node.put(key(number * 19_997), SCOPE, &[(4, b"changed at the node")]);
        hub.put(
            key(number * 19_993 + 7),
            SCOPE,
            &[(4, b"changed at the hub")],
        );
    }
    settle(&mut node, &mut hub);
    let mut hub = Side::over(Role::Hub, image);
    let mut line = Line::new();
    line.run(&mut node, &mut hub);
    assert!(line.is_settled());
    let exchange: Vec<&Passed> = line
        .passed
        .iter()
        .filter(of_scope)
        .filter(|p| p.exchange)
        .collect();
    // Up to the end of the first exchange; what follows is the next question of a quiet moment.
    let last = exchange.iter().rposition(|p| p.what == "healed").unwrap();
    let exchange = &exchange[..=last];
    let found: Vec<&Passed> = exchange
        .iter()
        .copied()
        .filter(|p| matches!(p.what, "prints" | "leaves"))
        .collect();
    let (trips, bytes) = told("ten differences, found", &found);
    assert!(
        trips <= 4 && bytes < BYTES_MAX,
        "{trips} trips, {bytes} bytes"
    );
    let (trips, bytes) = told("ten differences, found and healed", exchange);
    assert!(
        trips <= 4 && bytes < BYTES_MAX,
        "{trips} trips, {bytes} bytes"
    );
}
