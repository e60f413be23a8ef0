//! A test per row: what is known of a record, and the one sentence that it makes.

use domain::label::Language;
use proto::sync::Outcome;
use store::Unsettled;

use super::{ROWS, Standing, why};
use crate::{app::PeerView, records::State, texts};

/// A record that waits at a node which is not serving.
fn waiting() -> Standing {
    Standing {
        is_local: false,
        state: State::Pending,
        held: None,
        moved: None,
        refused: None,
        answered: None,
        waiting: vec!["hub https://10.1.2.3:7443".to_owned()],
        equal: None,
        peer: Some(PeerView {
            name: "hub https://10.1.2.3:7443".to_owned(),
            state: "stopped".to_owned(),
            ..PeerView::default()
        }),
        bundle: None,
        is_taken: true,
    }
}

fn answered(outcome: Outcome) -> Option<Unsettled> {
    Some(Unsettled {
        outcome: u32::try_from(i32::from(outcome)).unwrap(),
        code: "SYNC-120".to_owned(),
        at_ms: 0,
    })
}

type Case = (&'static str, &'static str, fn(&mut Standing));

/// The code, what its sentence must name, and what brings it about.
const CASES: &[Case] = &[
    ("WHY-001", "nothing to do", |at| at.is_local = true),
    ("WHY-002", "quarantine show", |at| {
        at.held = Some("SYNC-121".to_owned());
    }),
    ("WHY-003", "410302", |at| {
        at.moved = Some("410302".to_owned());
    }),
    ("WHY-004", "refusal show 00ab:1", |at| {
        at.state = State::Refused;
        at.refused = Some(("SYNC-123".to_owned(), "00ab:1".to_owned()));
    }),
    ("WHY-005", "SYNC-120", |at| {
        at.answered = answered(Outcome::Quarantined);
    }),
    ("WHY-006", "stay on line", |at| {
        at.answered = answered(Outcome::Later);
    }),
    ("WHY-007", "nothing to do", |at| {
        (at.state, at.equal) = (State::Acked, Some(true));
    }),
    ("WHY-008", "compared", |at| at.state = State::Acked),
    ("WHY-009", "bundle 7", |at| at.bundle = Some(7)),
    ("WHY-014", "stop the other", |at| {
        let peer = at.peer.as_mut().unwrap();
        peer.failure = Some("SYNC-140".to_owned());
    }),
    ("WHY-010", "2020-10-15 08:00:00", |at| {
        let peer = at.peer.as_mut().unwrap();
        peer.failure = Some("no route to host".to_owned());
        peer.seen_ms = Some(1_602_720_000_000);
    }),
    ("WHY-011", "on its way", |at| {
        let peer = at.peer.as_mut().unwrap();
        (peer.state, peer.pending) = ("connected".to_owned(), 3);
    }),
    ("WHY-013", "sync --once", |at| at.is_taken = false),
    ("WHY-012", "sync --once", |_| {}),
];

#[test]
fn each_state_has_its_one_sentence() {
    let tried: Vec<_> = CASES.iter().map(|(code, ..)| *code).collect();
    let rows: Vec<_> = ROWS.iter().map(|row| row.code).collect();
    assert_eq!(tried, rows, "a row without a case, or out of order");
    for (code, names, change) in CASES {
        let mut at = waiting();
        change(&mut at);
        let said = why(&at).said;
        assert_eq!(said.code, *code);
        let text = said.text(Language::En);
        assert!(text.contains(names), "{code}: {text}");
    }
}

#[test]
fn a_sentence_is_one_and_has_no_gap() {
    for (code, _, change) in CASES {
        let mut at = waiting();
        change(&mut at);
        let (zh, en) = (
            why(&at).said.text(Language::Zh),
            why(&at).said.text(Language::En),
        );
        assert!(
            texts::has(code) && !zh.contains('{') && !en.contains('{'),
            "{zh} {en}"
        );
        assert_eq!(zh.matches('。').count(), 1, "{code}: {zh}");
        assert!(en.ends_with('.') && !en.contains(". "), "{code}: {en}");
    }
}

#[test]
fn what_stands_in_the_way_comes_before_the_line() {
    let mut at = waiting();
    at.peer.as_mut().unwrap().failure = Some("no route".to_owned());
    at.refused = Some(("SYNC-123".to_owned(), "00ab:1".to_owned()));
    assert_eq!(why(&at).said.code, "WHY-004");
    at.held = Some("SYNC-121".to_owned());
    assert_eq!(why(&at).said.code, "WHY-002");
}
