//! Why a record is not at the other side: one sentence with one next step for every state.
//!
//! [`Standing`] is what is known of a record's way, [`ROWS`] the sentences in the order in which
//! they are tried; the first that fits is said.

#[cfg(test)]
mod tests;

use domain::catalogue::Travel;
use proto::sync::Outcome;
use replica::{RecordKey, ReplicaId};
use serde_json::{Value, json};
use store::{Guest, Stored, Unsettled};

use super::{Scopes, Settled, State, find};
use crate::{
    app::{App, PeerView},
    clock::moment,
    commands::bundle::pending,
    dir::hex16,
    doctor::is_copy_code,
    failure::{Exit, Failure},
    output::Out,
    refusals,
};

/// What is known of a record's way to the other side.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// No feed carries its kind.
    pub(crate) is_local: bool,
    /// Where it stands.
    pub(crate) state: State,
    /// The code with which it is held back here.
    pub(crate) held: Option<String>,
    /// The scope that it belongs to now, when that is no longer the one it is looked at from.
    pub(crate) moved: Option<String>,
    /// The code of the newest refused write that nobody has seen to, and its id.
    pub(crate) refused: Option<(String, String)>,
    /// How the peer answered it.
    pub(crate) answered: Option<Unsettled>,
    /// Peers that have not acked it, by name.
    pub(crate) waiting: Vec<String>,
    /// Whether both sides were found equal where they stand.
    pub(crate) equal: Option<bool>,
    /// The peer that it waits for.
    pub(crate) peer: Option<PeerView>,
    /// The number of the bundle that carries it and has no receipt yet.
    pub(crate) bundle: Option<u64>,
    /// Whether any peer has ever taken the feed.
    pub(crate) is_taken: bool,
}

impl Standing {
    fn answered_with(&self, outcome: Outcome) -> Option<Facts> {
        let number = u32::try_from(i32::from(outcome)).ok()?;
        let answered = self.answered.as_ref()?;
        (answered.outcome == number).then(|| vec![("code", answered.code.clone())])
    }
}

type Facts = Vec<(&'static str, String)>;

/// One sentence: its code, and whether it fits, with the facts that it names.
pub(crate) struct Row {
    pub(crate) code: &'static str,
    pub(crate) fits: fn(&Standing) -> Option<Facts>,
}

/// Every sentence, in the order in which they are tried.
pub(crate) const ROWS: &[Row] = &[
    Row {
        code: "WHY-001",
        fits: |at| at.is_local.then(Vec::new),
    },
    Row {
        code: "WHY-002",
        fits: |at| Some(vec![("code", at.held.clone()?)]),
    },
    Row {
        code: "WHY-003",
        fits: |at| Some(vec![("scope", at.moved.clone()?)]),
    },
    Row {
        code: "WHY-004",
        fits: |at| {
            let (code, id) = at.refused.clone()?;
            Some(vec![("code", code), ("id", id)])
        },
    },
    Row {
        code: "WHY-005",
        fits: |at| at.answered_with(Outcome::Quarantined),
    },
    Row {
        code: "WHY-006",
        fits: |at| at.answered_with(Outcome::Later),
    },
    Row {
        code: "WHY-007",
        fits: |at| (at.state == State::Acked && at.equal == Some(true)).then(Vec::new),
    },
    Row {
        code: "WHY-008",
        fits: |at| (at.state == State::Acked).then(Vec::new),
    },
    Row {
        code: "WHY-009",
        fits: |at| Some(vec![("n", at.bundle?.to_string())]),
    },
    Row {
        code: "WHY-014",
        fits: |at| {
            let peer = at.peer.as_ref()?;
            let code = peer.failure.clone().filter(|code| is_copy_code(code))?;
            Some(vec![("peer", peer.name.clone()), ("code", code)])
        },
    },
    Row {
        code: "WHY-010",
        fits: |at| {
            let peer = at.peer.as_ref()?;
            let detail = peer.failure.clone()?;
            let since = peer.seen_ms.and_then(|ms| u64::try_from(ms).ok());
            let since = since.map_or_else(|| "—".to_owned(), moment);
            Some(vec![
                ("peer", peer.name.clone()),
                ("since", since),
                ("detail", detail),
            ])
        },
    },
    Row {
        code: "WHY-011",
        fits: |at| {
            let peer = at.peer.as_ref().filter(|peer| peer.state == "connected")?;
            Some(vec![
                ("peer", peer.name.clone()),
                ("n", peer.pending.to_string()),
            ])
        },
    },
    Row {
        code: "WHY-013",
        fits: |at| (!at.is_taken).then(Vec::new),
    },
    Row {
        code: "WHY-012",
        fits: |at| Some(vec![("peers", at.waiting.join(", "))]),
    },
];

/// The answer: where the record stands, the code of the sentence and its facts.
#[derive(Clone, Debug)]
pub struct Why {
    /// Where it stands.
    pub state: State,
    /// The sentence.
    pub said: Failure,
}

impl Why {
    /// The answer for scripts.
    pub(crate) fn json(&self, out: &Out) -> Value {
        json!({
            "sync": self.state.id(),
            "code": self.said.code,
            "message": self.said.text(out.language),
        })
    }
}

/// The first sentence that fits.
pub(crate) fn why(at: &Standing) -> Why {
    let fitting = ROWS
        .iter()
        .find_map(|row| Some((row.code, (row.fits)(at)?)));
    // The last row fits always.
    let (code, facts) = fitting.unwrap_or(("WHY-012", Vec::new()));
    let mut said = Failure::new(code, Exit::Done);
    said.facts = facts;
    Why {
        state: at.state,
        said,
    }
}

/// Says in one sentence with one next step whether a record is at the other side.
///
/// # Errors
/// There is no such record, or the writer has ended.
pub fn why_not_synced(app: &App, key: RecordKey, peers: &[PeerView]) -> Result<Why, Failure> {
    Ok(why(&standing(app, &find(app, key)?, peers)?))
}

fn standing(app: &App, stored: &Stored, peers: &[PeerView]) -> Result<Standing, Failure> {
    let key = stored.record.key;
    let mut settled = Settled::now(app)?;
    let state = settled.of(app, stored);
    let kind = app.catalogue.kind(key.kind);
    let waits = settled.waiting(app, stored);
    let view = |replica: &ReplicaId| peers.iter().find(|p| p.replica == replica.to_string());
    let name = |replica| view(replica).map_or_else(|| replica.to_string(), |p| p.name.clone());
    let refused = refusals::open(app)?;
    let refused = refused
        .into_iter()
        .find(|refused| refused.draft.key == key && state == State::Refused);
    let first = waits.first().and_then(view);
    // Before the first session nobody has a checkpoint, and a node still has its hub.
    let peer = first.or_else(|| peers.first().filter(|_| !app.is_hub()));
    let hub = app
        .identity
        .hub
        .as_ref()
        .and_then(|hub| hex16(&hub.replica));
    let mut bundle = None;
    for replica in waits.iter().copied().chain(hub.map(ReplicaId)) {
        let at = (stored.home, stored.place.seq);
        bundle = bundle.or(pending(app, replica, at)?);
    }
    Ok(Standing {
        bundle,
        is_local: kind.is_some_and(|kind| kind.travel == Travel::Local),
        state,
        held: settled.quarantine(key).map(str::to_owned),
        moved: moved(app, stored)?,
        refused: refused.map(|one| (one.draft.code, one.draft.id)),
        answered: app.reader().unsettled()?.remove(&key),
        waiting: waits.iter().map(name).collect(),
        equal: settled.equal(app, stored),
        peer: peer.cloned(),
        is_taken: settled.has_peer(stored.home),
    })
}

/// The scope that the record belongs to, when what is held here is a copy to be read.
fn moved(app: &App, stored: &Stored) -> Result<Option<String>, Failure> {
    match stored.guest {
        Guest::No => Ok(None),
        Guest::Lent | Guest::Left => Scopes::new(app).code(stored.home).map(Some),
    }
}
