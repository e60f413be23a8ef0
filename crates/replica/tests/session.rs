//! The session as a machine: what it does when inputs come in an order that a quiet line seldom
//! brings.

use proto::sync::{
    Batch, Diagnosis, Frame, Healed, Hello, Part, Prints, Welcome, frame::Frame as Body,
};
use replica::{
    Head, Mono, ScopeId, Seq, Session, Step,
    session::{FeedPoint, Input, Op, PROTOCOL, Role, Standing, Sums},
};

const SCOPE: ScopeId = ScopeId([1; 16]);
const NOW: Mono = Mono(1_000);

fn point(seq: u64) -> FeedPoint {
    FeedPoint {
        seq: Seq(seq),
        head: Head([seq.to_le_bytes()[0]; 32]),
    }
}

fn frame(body: Body) -> Input {
    Input::Frame(Box::new(Frame { frame: Some(body) }))
}

fn welcomed(diagnosis: Diagnosis) -> (Session, Step) {
    let mut session = Session::new(Role::Node);
    session.handle(NOW, Input::Connected);
    session.handle(NOW, Input::Greeted(Box::default()));
    let welcome = Welcome {
        protocol: PROTOCOL,
        diagnosis: diagnosis.into(),
        ..Welcome::default()
    };
    let step = session.handle(NOW, frame(Body::Welcome(welcome)));
    (session, step)
}

fn standing() -> Vec<Standing> {
    vec![Standing {
        scope: SCOPE,
        sends: true,
        takes: true,
        resume: Some(point(3)),
        end: point(3),
        taken: point(5),
        offer: Vec::new(),
    }]
}

/// A session whose own `Healed` was the last word of an exchange set no timer and never compared
/// again.
#[test]
fn a_side_that_ends_an_exchange_itself_wakes_to_compare() {
    let (mut session, _) = welcomed(Diagnosis::NoOverlap);
    session.handle(NOW, Input::Accepted(Ok(standing())));
    session.handle(
        NOW,
        Input::Summed(
            SCOPE,
            Sums {
                cut: point(3),
                ..Sums::default()
            },
        ),
    );
    let healed = Healed {
        scope: SCOPE.0.to_vec(),
        cut: point(9).to_wire(),
    };
    session.handle(NOW, frame(Body::Healed(healed)));
    session.handle(NOW, Input::Healed(SCOPE, point(9)));
    let equal = Prints {
        scope: SCOPE.0.to_vec(),
        equal: true,
        ..Prints::default()
    };
    let step = session.handle(NOW, frame(Body::Prints(equal)));
    let healed = |frame: &Frame| matches!(frame.frame, Some(Body::Healed(_)));
    assert!(step.sends.iter().any(healed));
    assert!(step.wake_at.is_some());
}

/// Where only the node's feed begins anew, the hub's went on behind the cut: what had come to lie
/// before it meanwhile and is in no sum, a loan, never came.
#[test]
fn a_feed_whose_checkpoint_is_sound_goes_on_after_an_exchange_where_it_stood() {
    let mut session = Session::new(Role::Hub);
    session.handle(NOW, Input::Connected);
    let hello = Hello {
        protocol_min: PROTOCOL,
        protocol_max: PROTOCOL,
        ..Hello::default()
    };
    session.handle(NOW, frame(Body::Hello(hello)));
    let welcome = Welcome {
        protocol: PROTOCOL,
        diagnosis: Diagnosis::YouLag.into(),
        ..Welcome::default()
    };
    session.handle(NOW, Input::Welcomed(Ok((Box::new(welcome), standing()))));
    let asked = Prints {
        scope: SCOPE.0.to_vec(),
        node: point(7).to_wire(),
        parts: vec![Part::default()],
        ..Prints::default()
    };
    let step = session.handle(NOW, frame(Body::Prints(asked)));
    assert!(matches!(step.ops.first(), Some(Op::Compare(..))));
    let sums = Sums {
        cut: point(6),
        ..Sums::default()
    };
    let step = session.handle(NOW, Input::Compared(SCOPE, sums));
    let healed = step.sends.iter().find_map(|frame| match &frame.frame {
        Some(Body::Healed(healed)) => Some(healed.cut.clone()),
        _ => None,
    });
    assert_eq!(healed.unwrap(), point(3).to_wire(), "not the cut");
}

/// The hub sends at once after its Welcome; a node whose disk was slow ended the session.
#[test]
fn a_batch_that_comes_before_the_welcome_is_durable_waits() {
    let (mut session, step) = welcomed(Diagnosis::YouLag);
    assert!(matches!(step.ops.first(), Some(Op::Accept(_))));
    let batch = Batch {
        scope: SCOPE.0.to_vec().into(),
        after: point(5).to_wire(),
        upto: point(6).to_wire(),
        ..Batch::default()
    };
    let early = session.handle(NOW, frame(Body::Batch(batch)));
    assert!(early.done.is_none() && early.ops.is_empty());
    let step = session.handle(NOW, Input::Accepted(Ok(standing())));
    assert!(step.done.is_none());
    let applied = step.ops.iter().find_map(|op| match op {
        Op::Apply(delivery) => delivery.upto,
        _ => None,
    });
    assert_eq!(applied.unwrap(), point(6));
}

#[test]
fn more_than_the_windows_hold_before_the_welcome_ends_the_session() {
    let (mut session, _) = welcomed(Diagnosis::YouLag);
    let ended = (0..64).find_map(|_| {
        let batch = frame(Body::Batch(Batch::default()));
        session.handle(NOW, batch).done
    });
    assert_eq!(ended.unwrap().code, "SYNC-105");
}
